// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes to a port that ICE, DTLS and SRTP share: the input is a datagram, then the attributes
// of a STUN message whose lengths and checksums are right, then the bytes of a TCP connection.
#include "stun.h"

#include <glib.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "packet_kind.h"
#include "rtp_extension.h"
#include "tcp_frames.h"
#include "tests/unit/stun_message.h"

using namespace gws;
using test::Packet;
using test::RawStun;

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kKey = "a password of 27 characters";

bool isInside(std::string_view text, Bytes packet) {
  const auto *begin = reinterpret_cast<const char *>(packet.data());
  return text.empty() ||
         (text.data() >= begin && text.data() + text.size() <= begin + packet.size());
}

/// A copy of exactly its size, so that a memory checker sees reads past its end.
Packet copyOf(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

bool hasAttribute(Bytes packet, std::size_t at, const char *typeAndLength) {
  return packet.size() >= at + 4 && std::memcmp(&packet[at], typeAndLength, 4) == 0;
}

void checkFields(Bytes packet, const StunMessage &message) {
  g_assert_true(packet.size() >= 20 && packet.size() <= kMaxStunBytes && packet.size() % 4 == 0);
  // A method above 0xff cannot be told from DTLS: RFC 7983 leaves them unused.
  g_assert_true(message.method > 0xff || packetKind(packet) == PacketKind::Stun);
  g_assert_cmpuint(message.method, <, 0x1000);
  g_assert_cmpmem(message.transaction.data(), message.transaction.size(), &packet[8], 12);
  const std::string_view username = message.username.value_or("");
  g_assert_true(username.size() <= kMaxStunUsernameBytes && isInside(username, packet));
  const unsigned code = message.errorCode.value_or(300);
  g_assert_true(code >= 300 && code <= 699);
  if (const auto at = message.integrityOffset)
    g_assert_true(*at >= 20 && *at % 4 == 0 && *at + 24 <= packet.size() &&
                  hasAttribute(packet, *at, "\x00\x08\x00\x14"));
  if (message.hasFingerprint)
    g_assert_true(hasAttribute(packet, packet.size() - 8, "\x80\x28\x00\x04"));
  const auto unknown = message.unknown();
  g_assert_cmpuint(unknown.size(), <=, kMaxStunUnknown);
  for (const std::uint16_t type : unknown)
    g_assert_true(type < 0x8000 && std::count(unknown.begin(), unknown.end(), type) == 1);
}

/// What was built is read as what it was built from.
StunMessage readBuilt(const StunBuffer &built, const StunMessage &from) {
  const Packet packet = copyOf(built.packet());
  const std::optional<StunMessage> message = parseStun(packet);
  g_assert_true(message && message->method == kStunBinding && message->hasFingerprint);
  checkFields(packet, *message);
  g_assert_true(message->transaction == from.transaction && message->unknown().empty());
  g_assert_true(message->integrityOffset == packet.size() - 32);
  g_assert_true(checkIntegrity(packet, *message, kKey));
  StunMessage fields = *message;
  fields.username.reset();  // it points into a packet that is gone
  return fields;
}

void checkBuilders(const StunMessage &message) {
  StunCheck check{message.transaction, message.username.value_or(""), message.priority.value_or(1),
                  message.iceControlling.value_or(2)};
  const auto request = buildBindingRequest(check, kKey);
  g_assert_true(request.has_value() == (check.username.size() <= 472));
  if (request) {
    const StunMessage read = readBuilt(*request, message);
    g_assert_true(read.messageClass == StunClass::Request && read.priority == check.priority);
    g_assert_true(read.iceControlled == check.tieBreaker && !read.iceControlling);
    g_assert_true(parseStun(request->packet())->username == check.username);
  }
  const StunAddress mapped = message.xorMappedAddress.value_or(StunAddress{});
  const StunMessage success =
      readBuilt(buildBindingSuccess(message.transaction, mapped, kKey), message);
  g_assert_true(success.messageClass == StunClass::Success && success.xorMappedAddress == mapped);
  for (const StunError error : {StunError::BadRequest, StunError::Unauthenticated,
                                StunError::UnknownAttribute, StunError::RoleConflict}) {
    const StunMessage read =
        readBuilt(buildBindingError(message.transaction, error, message.unknown(), kKey), message);
    g_assert_true(read.messageClass == StunClass::Error);
    g_assert_true(read.errorCode == static_cast<unsigned>(error));
  }
}

/// A bit that was flipped on the way is found wherever it is.
void checkFlippedBit(Bytes packet, std::size_t bit) {
  Packet flipped = copyOf(packet);
  flipped[bit / 8 % flipped.size()] ^= static_cast<std::uint8_t>(1 << bit % 8);
  const auto message = parseStun(flipped);
  g_assert_true(!message || !message->hasFingerprint);
}

void checkMessage(Bytes packet) {
  const std::optional<StunMessage> message = parseStun(packet);
  if (!message) return;
  checkFields(packet, *message);
  g_assert_false(checkIntegrity(packet, *message, ""));
  if (checkIntegrity(packet, *message, kKey))
    g_assert_false(checkIntegrity(packet, *message, kKey.substr(1)));
  g_assert_false(parseStun(packet.first(packet.size() - 1)).has_value());
  checkBuilders(*message);
  if (message->hasFingerprint) checkFlippedBit(packet, packet[19] * std::size_t{61} + packet[18]);
}

bool sameFields(const StunMessage &a, const StunMessage &b) {
  return a.messageClass == b.messageClass && a.method == b.method && a.username == b.username &&
         a.priority == b.priority && a.useCandidate == b.useCandidate &&
         a.iceControlled == b.iceControlled && a.iceControlling == b.iceControlling &&
         a.xorMappedAddress == b.xorMappedAddress && a.errorCode == b.errorCode &&
         std::equal(a.unknown().begin(), a.unknown().end(), b.unknown().begin(), b.unknown().end());
}

/// The input as attributes, in a header that counts them; then the same, signed and with a
/// checksum.
void checkAttributes(Bytes input) {
  const Bytes attributes = input.first(std::min<std::size_t>(input.size() / 4 * 4, 1'400));
  const unsigned type = input.empty() ? 1 : input.back() & 0x3fu;
  RawStun raw(type);
  raw.append(test::textOf(attributes)).setLength(attributes.size());
  const Packet plain = raw.packet();
  checkMessage(plain);
  const auto message = parseStun(plain);
  const Packet whole = raw.addIntegrity(kKey).addFingerprint().packet();
  checkMessage(whole);
  if (!message || message->hasFingerprint) return;
  const auto again = parseStun(whole);
  g_assert_true(again && again->hasFingerprint && sameFields(*again, *message));
  g_assert_true(again->integrityOffset == message->integrityOffset.value_or(plain.size()));
  if (!message->integrityOffset) g_assert_true(checkIntegrity(whole, *again, kKey));
}

void checkRtp(Bytes packet) {
  const std::optional<RtpHeader> header = readRtpHeader(packet);
  if (!header) return;
  const PacketKind kind = packetKind(packet);
  g_assert_true(kind == PacketKind::Rtp || kind == PacketKind::Rtcp);
  g_assert_cmpuint(header->payloadType, <, 128);
  Packet longer = copyOf(packet);
  longer.push_back(0x10);
  const std::optional<RtpHeader> again = readRtpHeader(longer);
  g_assert_true(again && again->ssrc == header->ssrc && again->sequence == header->sequence);
  for (unsigned id = 0; id <= 256; ++id) {
    const std::string_view value = rtpExtension(*header, id);
    g_assert_true(value.size() <= kMaxRtpExtensionBytes && isInside(value, packet));
    g_assert_true(value.empty() || (id >= 1 && id <= 255));
    if (id < 16) g_assert_true(rtpExtension(*again, id) == value);
  }
}

std::vector<Packet> framesOf(Bytes stream) {
  std::vector<Packet> packets;
  while (stream.size() >= 2) {
    const std::size_t length = static_cast<std::size_t>(stream[0]) << 8 | stream[1];
    if (stream.size() < 2 + length) break;
    if (length > 0) packets.push_back(copyOf(stream.subspan(2, length)));
    stream = stream.subspan(2 + length);
  }
  return packets;
}

/// In pieces whose sizes the input gives, and in one.
void checkFrames(Bytes stream) {
  const std::vector<Packet> expected = framesOf(stream);
  for (const std::size_t step : {std::size_t{0}, std::size_t{1}, stream.size()}) {
    TcpFrames frames;
    std::vector<Packet> found;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min(step ? step : 1u + stream[at] % 32, stream.size() - at);
      const Packet piece = copyOf(stream.subspan(at, size));
      Bytes rest(piece);
      while (const auto packet = frames.next(rest))
        found.push_back(copyOf(*packet));
      g_assert_true(rest.empty());
      at += size;
    }
    g_assert_true(found == expected);
  }
}

void checkAddress(Bytes input) {
  if (input.empty()) return;
  sockaddr_storage storage{};
  std::memcpy(&storage, input.data(), std::min(input.size(), sizeof storage));
  storage.ss_family = input[0] & 1 ? AF_INET : AF_INET6;
  const auto size = static_cast<socklen_t>(std::min(input.size(), sizeof storage));
  const auto address = fromSockaddr(storage, size);
  if (!address) return;
  sockaddr_storage again;
  const auto copy = fromSockaddr(again, toSockaddr(*address, again));
  g_assert_true(copy == address);
  g_assert_true(std::hash<StunAddress>()(*copy) == std::hash<StunAddress>()(*address));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const Bytes input(data, size);
  packetKind(input);
  checkMessage(input);
  checkAttributes(input);
  if (size > 20) checkAttributes(input.subspan(20));  // a message's own attributes
  checkRtp(input);
  checkFrames(input);
  checkAddress(input);
  return 0;
}
