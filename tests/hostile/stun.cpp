// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and ICE by hand, good enough to get to DTLS, and as bad as one likes.
#include "stun.h"

namespace gws::hostile {

namespace {

constexpr std::size_t kHeader = 20;
constexpr std::string_view kCookie("\x21\x12\xa4\x42", 4);
constexpr unsigned kMessageIntegrity = 0x0008, kFingerprint = 0x8028;

/// ISO 3309, as in zlib.
std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::string hmacSha1(const std::string &key, std::string_view bytes) {
  Owned<GHmac, g_hmac_unref> hmac(
      g_hmac_new(G_CHECKSUM_SHA1, reinterpret_cast<const guchar *>(key.data()), key.size()));
  g_hmac_update(hmac.get(), reinterpret_cast<const guchar *>(bytes.data()),
                static_cast<gssize>(bytes.size()));
  std::string digest(20, '\0');
  gsize size = digest.size();
  g_hmac_get_digest(hmac.get(), reinterpret_cast<guint8 *>(digest.data()), &size);
  return digest;
}

}  // namespace

std::string bigEndian(std::uint64_t value, int bytes) {
  std::string result;
  for (int i = bytes - 1; i >= 0; --i)
    result += static_cast<char>(value >> (8 * i) & 0xff);
  return result;
}

bool isStun(const std::string &packet) {
  return packet.size() >= kHeader && packet.compare(4, 4, kCookie) == 0;
}

unsigned stunTypeOf(const std::string &packet) {
  return !isStun(packet) ? 0
                         : static_cast<unsigned>(static_cast<unsigned char>(packet[0])) << 8 |
                               static_cast<unsigned char>(packet[1]);
}

StunMessage::StunMessage(unsigned type, std::string transaction)
    : bytes_(bigEndian(type, 2) + bigEndian(0, 2) + std::string(kCookie) + std::move(transaction)) {
}

void StunMessage::setLength(std::size_t length) { bytes_.replace(2, 2, bigEndian(length, 2)); }

StunMessage &StunMessage::add(unsigned attribute, std::string_view value) {
  bytes_ += bigEndian(attribute, 2) + bigEndian(value.size(), 2) + std::string(value);
  bytes_.resize((bytes_.size() + 3) / 4 * 4, '\0');
  setLength(bytes_.size() - kHeader);
  return *this;
}

// Both are computed over a length that counts them in already.
StunMessage &StunMessage::integrity(const std::string &password) {
  setLength(bytes_.size() - kHeader + 24);
  return add(kMessageIntegrity, hmacSha1(password, bytes_));
}

StunMessage &StunMessage::fingerprint() {
  setLength(bytes_.size() - kHeader + 8);
  return add(kFingerprint, bigEndian(crc32(bytes_) ^ 0x5354554e, 4));
}

std::string iceCheck(Session &session, const std::string &username, const std::string &password) {
  return StunMessage(kBindingRequest, session.bytes(12))
      .add(kUsername, username)
      .add(kIceControlling, session.bytes(8))
      .add(kUseCandidate, "")
      .add(kPriority, bigEndian(1845501695, 4))
      .sign(password)
      .bytes();
}

std::string bindingSuccess(const std::string &request, const std::string &password) {
  // 127.0.0.1 and any port: nobody looks at them closely.
  return StunMessage(kBindingSuccess, request.substr(8, 12))
      .add(kXorMappedAddress, std::string("\x00\x01\x21\x1b\x5e\x12\xa4\x43", 8))
      .sign(password)
      .bytes();
}

UdpPeer::UdpPeer(const std::string &address)
    : socket_(Ref<GSocket>::take(g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM,
                                              G_SOCKET_PROTOCOL_UDP, nullptr))) {
  const auto own =
      Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(address.c_str(), 0));
  g_socket_set_blocking(socket_.get(), FALSE);
  g_socket_bind(socket_.get(), own.get(), FALSE, nullptr);
}

void UdpPeer::send(std::string_view bytes, unsigned port) {
  const auto to =
      Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string("127.0.0.1", port));
  const gssize size =
      g_socket_send_to(socket_.get(), to.get(), bytes.data(), bytes.size(), nullptr, nullptr);
  if (size > 0) sent_ += static_cast<std::size_t>(size);
}

void UdpPeer::drain() {
  while (receive(Timeout(0))) {
  }
}

std::optional<std::string> UdpPeer::receive(Timeout timeout) {
  if (!g_socket_condition_timed_wait(socket_.get(), G_IO_IN, timeout.count() * 1000, nullptr,
                                     nullptr))
    return std::nullopt;
  std::string bytes(65536, '\0');
  const gssize size = g_socket_receive(socket_.get(), bytes.data(), bytes.size(), nullptr, nullptr);
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  received_ += bytes.size();
  return bytes;
}

IcePeer::IcePeer(Session &session, const Reply &reply, IceCredentials own)
    : session_(session),
      udp_(session),
      remote_(reply.credentials),
      own_(std::move(own)),
      port_(reply.ports.empty() ? 9 : reply.ports[0]) {}

bool IcePeer::connect(Timeout timeout) {
  const gint64 deadline = g_get_monotonic_time() + timeout.count() * 1000;
  const std::string username = remote_.ufrag + ":" + own_.ufrag;
  while (!answered_ || !asked_) {
    if (g_get_monotonic_time() > deadline) return false;
    udp_.send(iceCheck(session_, username, remote_.pwd), port_);
    for (int i = 0; i < 4; ++i)
      if (const auto packet = udp_.receive(Timeout(50))) handle(*packet);
  }
  return true;
}

/// True: it was STUN.
bool IcePeer::handle(const std::string &packet) {
  if (!isStun(packet)) return false;
  if (stunTypeOf(packet) == kBindingSuccess) answered_ = true;
  if (stunTypeOf(packet) != kBindingRequest) return true;
  asked_ = true;
  udp_.send(bindingSuccess(packet, own_.pwd), port_);
  return true;
}

std::optional<std::string> IcePeer::receive(Timeout timeout) {
  const gint64 deadline = g_get_monotonic_time() + timeout.count() * 1000;
  while (true) {
    const auto left = Timeout((deadline - g_get_monotonic_time()) / 1000);
    if (left.count() <= 0) return std::nullopt;
    if (auto packet = udp_.receive(left); packet && !handle(*packet)) return packet;
  }
}

}  // namespace gws::hostile
