// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers in a STUN message are big-endian, and its attributes begin at multiples of four.
#include "stun.h"

#include <glib.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "access.h"
#include "gst/common/glib_owned.h"

namespace gws {

namespace {

using Bytes = std::span<const std::uint8_t>;
using Digest = std::array<std::uint8_t, 20>;

constexpr std::size_t kHeaderBytes = 20;
constexpr std::size_t kAttributeHeaderBytes = 4;
constexpr std::uint32_t kCookie = 0x2112a442;
constexpr std::uint32_t kFingerprintMask = 0x5354554e;

/// RFC 8489, section 18.3, and RFC 8445, section 20.2 (registered for RFC 5245).
enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFirstOptional = 0x8000,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

template <typename T>
T readNumber(Bytes bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8 | bytes[at + i]);
  return value;
}

template <typename T>
void writeNumber(std::uint8_t *to, T value) {
  for (std::size_t i = sizeof(T); i-- > 0; value = static_cast<T>(value >> 8))
    to[i] = static_cast<std::uint8_t>(value);
}

constexpr std::array<std::uint32_t, 256> makeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit)
      table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
  }
  return table;
}

/// The value of FINGERPRINT behind these bytes (RFC 8489, section 14.7).
std::uint32_t fingerprintOf(Bytes bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = makeCrcTable();
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes)
    crc = crc >> 8 ^ kTable[(crc ^ byte) & 0xff];
  return ~crc ^ kFingerprintMask;
}

/// The value of MESSAGE-INTEGRITY behind these bytes: the length in the header that counts is that
/// of a message which ends with this attribute (RFC 8489, section 14.5).
Digest integrityOf(Bytes bytes, std::string_view key) {
  std::array<std::uint8_t, 4> head{bytes[0], bytes[1]};
  writeNumber(&head[2], static_cast<std::uint16_t>(bytes.size() - kHeaderBytes +
                                                   kAttributeHeaderBytes + sizeof(Digest)));
  const Owned<GHmac, g_hmac_unref> hmac(
      g_hmac_new(G_CHECKSUM_SHA1, reinterpret_cast<const std::uint8_t *>(key.data()), key.size()));
  g_hmac_update(hmac.get(), head.data(), head.size());
  const Bytes rest = bytes.subspan(head.size());
  g_hmac_update(hmac.get(), rest.data(), static_cast<gssize>(rest.size()));
  Digest digest;
  gsize size = digest.size();
  g_hmac_get_digest(hmac.get(), digest.data(), &size);
  return digest;
}

std::string_view textOf(Bytes bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// What an address and its port are hidden with: the magic cookie and the transaction id, as they
/// stand in the header (RFC 8489, section 14.2).
std::array<std::uint8_t, 16> addressMask(const StunTransaction &transaction) {
  std::array<std::uint8_t, 16> mask;
  writeNumber(mask.data(), kCookie);
  std::copy(transaction.begin(), transaction.end(), mask.begin() + sizeof kCookie);
  return mask;
}

std::size_t addressBytes(StunAddress::Family family) {
  return family == StunAddress::Family::IPv4 ? 4 : 16;
}

std::optional<StunAddress> readXorAddress(Bytes value, const StunTransaction &transaction) {
  StunAddress address;
  if (value.size() < 4 || value[1] < 1 || value[1] > 2) return std::nullopt;
  address.family = static_cast<StunAddress::Family>(value[1]);
  if (value.size() != 4 + addressBytes(address.family)) return std::nullopt;
  address.port = readNumber<std::uint16_t>(value, 2) ^ (kCookie >> 16);
  const auto mask = addressMask(transaction);
  for (std::size_t i = 0; i < value.size() - 4; ++i)
    address.bytes[i] = value[4 + i] ^ mask[i];
  return address;
}

std::optional<unsigned> readErrorCode(Bytes value) {
  if (value.size() < 4) return std::nullopt;
  const unsigned hundreds = value[2] & 7, rest = value[3];
  if (hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  return hundreds * 100 + rest;
}

void noteUnknown(StunMessage &message, std::uint16_t type) {
  const auto known = message.unknown();
  if (known.size() == kMaxStunUnknown || std::find(known.begin(), known.end(), type) != known.end())
    return;
  message.unknownTypes[message.unknownCount++] = type;
}

template <typename T>
bool keepFirst(std::optional<T> &field, std::optional<T> value) {
  if (!field) field = value;
  return value.has_value();
}

template <typename T>
bool keepFirstNumber(std::optional<T> &field, Bytes value) {
  return value.size() == sizeof(T) && keepFirst(field, std::optional(readNumber<T>(value, 0)));
}

/// False: no such attribute can be.
bool readAttribute(StunMessage &message, std::uint16_t type, Bytes value) {
  switch (type) {
    case kUsername:
      return value.size() <= kMaxStunUsernameBytes &&
             keepFirst(message.username, std::optional(textOf(value)));
    case kPriority:
      return keepFirstNumber(message.priority, value);
    case kUseCandidate:
      message.useCandidate = true;
      return value.empty();
    case kIceControlled:
      return keepFirstNumber(message.iceControlled, value);
    case kIceControlling:
      return keepFirstNumber(message.iceControlling, value);
    case kXorMappedAddress:
      return keepFirst(message.xorMappedAddress, readXorAddress(value, message.transaction));
    case kErrorCode:
      return keepFirst(message.errorCode, readErrorCode(value));
    case kMappedAddress:
    case kUnknownAttributes:
    case kRealm:
    case kNonce:
      return true;  // understood, and of no use here
    default:
      if (type < kFirstOptional) noteUnknown(message, type);
      return true;
  }
}

/// RFC 8489, section 5: the class is in two bits amid the method's.
std::optional<StunMessage> readHeader(Bytes packet) {
  if (packet.size() < kHeaderBytes || packet.size() > kMaxStunBytes || packet.size() % 4 != 0)
    return std::nullopt;
  const unsigned type = readNumber<std::uint16_t>(packet, 0);
  if (type >= 0x4000 || readNumber<std::uint16_t>(packet, 2) != packet.size() - kHeaderBytes ||
      readNumber<std::uint32_t>(packet, 4) != kCookie)
    return std::nullopt;
  StunMessage message;
  message.messageClass = static_cast<StunClass>((type >> 7 & 2) | (type >> 4 & 1));
  message.method =
      static_cast<std::uint16_t>((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
  std::copy_n(packet.begin() + 8, message.transaction.size(), message.transaction.begin());
  return message;
}

/// Writes one message. There has to be room: who adds what varies in length asks before.
class Writer {
 public:
  Writer(StunBuffer &out, StunClass messageClass, const StunTransaction &transaction) : out_(out) {
    const unsigned bits = static_cast<unsigned>(messageClass);
    writeNumber(&out.bytes[0],
                static_cast<std::uint16_t>(kStunBinding | (bits & 1) << 4 | (bits & 2) << 7));
    writeNumber(&out.bytes[4], kCookie);
    std::copy(transaction.begin(), transaction.end(), out.bytes.begin() + 8);
    out.size = kHeaderBytes;
  }

  /// Where `length` bytes of its value go; padding is written, and counted in the header.
  std::uint8_t *add(std::uint16_t type, std::size_t length) {
    const std::size_t padded = (length + 3) / 4 * 4;
    g_assert(out_.size + kAttributeHeaderBytes + padded <= out_.bytes.size());
    std::uint8_t *attribute = &out_.bytes[out_.size];
    writeNumber(attribute, type);
    writeNumber(attribute + 2, static_cast<std::uint16_t>(length));
    std::uint8_t *value = attribute + kAttributeHeaderBytes;
    std::fill(value + length, value + padded, std::uint8_t{0});
    out_.size += kAttributeHeaderBytes + padded;
    writeNumber(&out_.bytes[2], static_cast<std::uint16_t>(out_.size - kHeaderBytes));
    return value;
  }

  template <typename T>
  void addNumber(std::uint16_t type, T value) {
    writeNumber(add(type, sizeof value), value);
  }

  void addIntegrity(std::string_view key) {
    const Digest digest = integrityOf(out_.packet(), key);
    std::copy(digest.begin(), digest.end(), add(kMessageIntegrity, digest.size()));
  }

  void addFingerprint() {
    const std::size_t end = out_.size;
    std::uint8_t *value = add(kFingerprint, 4);
    writeNumber(value, fingerprintOf(out_.packet().first(end)));
  }

 private:
  StunBuffer &out_;
};

}  // namespace

std::optional<StunAddress> fromSockaddr(const sockaddr_storage &address, socklen_t size) {
  StunAddress result;
  if (address.ss_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof ipv4);
    std::memcpy(result.bytes.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
    result.port = ntohs(ipv4.sin_port);
    return result;
  }
  if (address.ss_family != AF_INET6 || size < sizeof(sockaddr_in6)) return std::nullopt;
  sockaddr_in6 ipv6;
  std::memcpy(&ipv6, &address, sizeof ipv6);
  std::memcpy(result.bytes.data(), &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
  result.family = StunAddress::Family::IPv6;
  result.scope = ipv6.sin6_scope_id;
  result.port = ntohs(ipv6.sin6_port);
  return result;
}

socklen_t toSockaddr(const StunAddress &address, sockaddr_storage &out) {
  out = {};
  if (address.family == StunAddress::Family::IPv4) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port);
    std::memcpy(&ipv4.sin_addr, address.bytes.data(), sizeof ipv4.sin_addr);
    std::memcpy(&out, &ipv4, sizeof ipv4);
    return sizeof ipv4;
  }
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(address.port);
  ipv6.sin6_scope_id = address.scope;
  std::memcpy(&ipv6.sin6_addr, address.bytes.data(), sizeof ipv6.sin6_addr);
  std::memcpy(&out, &ipv6, sizeof ipv6);
  return sizeof ipv6;
}

std::optional<StunMessage> parseStun(Bytes packet) {
  std::optional<StunMessage> message = readHeader(packet);
  for (std::size_t at = kHeaderBytes; message && at < packet.size();) {
    const auto type = readNumber<std::uint16_t>(packet, at);
    const std::size_t length = readNumber<std::uint16_t>(packet, at + 2);
    const std::size_t next = at + kAttributeHeaderBytes + (length + 3) / 4 * 4;
    if (next > packet.size()) return std::nullopt;
    const Bytes value = packet.subspan(at + kAttributeHeaderBytes, length);
    if (type == kFingerprint) {
      if (next != packet.size() || length != 4 ||
          readNumber<std::uint32_t>(value, 0) != fingerprintOf(packet.first(at)))
        return std::nullopt;
      message->hasFingerprint = true;
    } else if (!message->integrityOffset && type == kMessageIntegrity) {
      if (length != sizeof(Digest)) return std::nullopt;
      message->integrityOffset = at;
    } else if (!message->integrityOffset && !readAttribute(*message, type, value)) {
      return std::nullopt;
    }
    at = next;
  }
  return message;
}

bool checkIntegrity(Bytes packet, const StunMessage &message, std::string_view key) {
  if (key.empty() || !message.integrityOffset) return false;
  const std::size_t begin = *message.integrityOffset;
  g_assert(begin >= kHeaderBytes &&
           begin + kAttributeHeaderBytes + sizeof(Digest) <= packet.size());
  const Digest expected = integrityOf(packet.first(begin), key);
  return equalInConstantTime(textOf(packet.subspan(begin + kAttributeHeaderBytes, expected.size())),
                             textOf(expected));
}

std::optional<StunBuffer> buildBindingRequest(const StunCheck &check, std::string_view key) {
  g_assert(!key.empty());
  constexpr std::size_t kOthers = kHeaderBytes + 8 + 12 + 24 + 8 + kAttributeHeaderBytes;
  if (check.username.size() > sizeof(StunBuffer::bytes) - kOthers) return std::nullopt;
  std::optional<StunBuffer> out(std::in_place);
  Writer writer(*out, StunClass::Request, check.transaction);
  writer.addNumber(kPriority, check.priority);
  writer.addNumber(kIceControlled, check.tieBreaker);
  std::copy(check.username.begin(), check.username.end(),
            writer.add(kUsername, check.username.size()));
  writer.addIntegrity(key);
  writer.addFingerprint();
  return out;
}

StunBuffer buildBindingSuccess(const StunTransaction &transaction, const StunAddress &mapped,
                               std::string_view key) {
  g_assert(!key.empty());
  StunBuffer out;
  Writer writer(out, StunClass::Success, transaction);
  const std::size_t size = addressBytes(mapped.family);
  std::uint8_t *value = writer.add(kXorMappedAddress, 4 + size);
  value[0] = 0;
  value[1] = static_cast<std::uint8_t>(mapped.family);
  writeNumber(value + 2, static_cast<std::uint16_t>(mapped.port ^ (kCookie >> 16)));
  const auto mask = addressMask(transaction);
  for (std::size_t i = 0; i < size; ++i)
    value[4 + i] = mapped.bytes[i] ^ mask[i];
  writer.addIntegrity(key);
  writer.addFingerprint();
  return out;
}

StunBuffer buildBindingError(const StunTransaction &transaction, StunError error,
                             std::span<const std::uint16_t> unknown, std::string_view key) {
  StunBuffer out;
  Writer writer(out, StunClass::Error, transaction);
  const unsigned code = static_cast<unsigned>(error);
  writer.addNumber(kErrorCode, static_cast<std::uint32_t>(code / 100 << 8 | code % 100));
  if (error == StunError::UnknownAttribute) {
    unknown = unknown.first(std::min(unknown.size(), kMaxStunUnknown));
    std::uint8_t *value = writer.add(kUnknownAttributes, 2 * unknown.size());
    for (std::size_t i = 0; i < unknown.size(); ++i)
      writeNumber(value + 2 * i, unknown[i]);
  }
  if (!key.empty()) writer.addIntegrity(key);
  writer.addFingerprint();
  return out;
}

}  // namespace gws

std::size_t std::hash<gws::StunAddress>::operator()(
    const gws::StunAddress &address) const noexcept {
  const std::uint64_t rest = std::uint64_t{address.scope} << 32 | std::uint64_t{address.port} << 8 |
                             static_cast<std::uint64_t>(address.family);
  return std::hash<std::string_view>()(gws::textOf(address.bytes)) ^
         static_cast<std::size_t>(rest * 0x9e3779b97f4a7c15);
}
