// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages: the vectors of RFC 5769, and any other, right or wrong.
#pragma once

#include <arpa/inet.h>
#include <glib.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gst/common/glib_owned.h"
#include "stun.h"

namespace gws::test {

using Packet = std::vector<std::uint8_t>;

inline std::string_view textOf(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

inline Packet bytesOf(std::string_view text) { return {text.begin(), text.end()}; }

/// `text` has two hexadecimal digits for each byte, and spaces anywhere.
inline Packet bytesOfHex(std::string_view text) {
  Packet packet;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = g_ascii_xdigit_value(c);
    g_assert_cmpint(digit, >=, 0);
    if (high >= 0) packet.push_back(static_cast<std::uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  g_assert_cmpint(high, ==, -1);
  return packet;
}

/// A message of RFC 8489, attribute after attribute, by arithmetic of its own. What is wrong in it
/// is wrong on purpose.
class RawStun {
 public:
  explicit RawStun(unsigned type, std::string_view transaction = "0123456789ab") {
    push(type, 2);
    push(0, 2);
    push(0x2112a442, 4);
    packet_.insert(packet_.end(), transaction.begin(), transaction.end());
  }

  /// Padding is of zeros. Returns this message, as all others do.
  RawStun &add(unsigned type, std::string_view value) {
    push(type, 2);
    push(static_cast<unsigned>(value.size()), 2);
    packet_.insert(packet_.end(), value.begin(), value.end());
    packet_.resize((packet_.size() + 3) / 4 * 4);
    return setLength(packet_.size() - 20);
  }

  RawStun &addHex(unsigned type, std::string_view value) {
    return add(type, textOf(bytesOfHex(value)));
  }

  RawStun &addIntegrity(std::string_view key) {
    setLength(packet_.size() - 20 + 24);
    const OwnedString digest(g_compute_hmac_for_data(G_CHECKSUM_SHA1,
                                                     reinterpret_cast<const guchar *>(key.data()),
                                                     key.size(), packet_.data(), packet_.size()));
    return addHex(0x0008, digest.get());
  }

  /// `bytesBehind`: how much of the message follows, which the header counts too.
  RawStun &addFingerprint(std::size_t bytesBehind = 0) {
    setLength(packet_.size() - 20 + 8 + bytesBehind);
    std::uint32_t crc = 0xffffffff;
    for (const std::uint8_t byte : packet_) {
      crc ^= byte;
      for (int bit = 0; bit < 8; ++bit)
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    push(0x80280004, 4);
    push(~crc ^ 0x5354554e, 4);
    return *this;
  }

  /// Bytes as they are, not counted in the header.
  RawStun &append(std::string_view bytes) {
    packet_.insert(packet_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  RawStun &setLength(std::size_t length) {
    packet_[2] = static_cast<std::uint8_t>(length >> 8);
    packet_[3] = static_cast<std::uint8_t>(length);
    return *this;
  }

  RawStun &setByte(std::size_t at, unsigned value) {
    packet_.at(at) = static_cast<std::uint8_t>(value);
    return *this;
  }

  const Packet &packet() const { return packet_; }

 private:
  void push(std::uint32_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      packet_.push_back(static_cast<std::uint8_t>(value >> shift));
  }

  Packet packet_;
};

inline constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
inline constexpr const char *kTransaction = "b7e7a701bc34d686fa87dfae";

/// RFC 5769, section 2.1: a request with SOFTWARE; USERNAME is padded with spaces.
inline constexpr const char *kRequest =
    "00010058 2112a442 b7e7a701 bc34d686 fa87dfae"
    "80220010 5354554e 20746573 7420636c 69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b1 51263b36"
    "00060009 6576746a 3a683676 59202020"
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
    "80280004 e57a3bcf";

/// RFC 5769, section 2.2: a response with an IPv4 address; SOFTWARE is padded with a space.
inline constexpr const char *kResponse =
    "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200008 0001a147 e112a643"
    "00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
    "80280004 c07d4c96";

/// RFC 5769, section 2.3: the same with an IPv6 address.
inline constexpr const char *kResponseIpv6 =
    "01010048 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
    "00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41"
    "80280004 c8fb0b4c";

/// RFC 5769, section 2.4: a request with a long-term credential and without a FINGERPRINT.
inline constexpr const char *kLongTermRequest =
    "00010060 2112a442 78ad3433 c6ad72c0 29da412e"
    "00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000"
    "0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341"
    "0014000b 6578616d 706c652e 6f726700"
    "00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

/// The message that has to be there. Its username points into `packet`.
inline StunMessage parsed(const Packet &packet) {
  const std::optional<StunMessage> message = parseStun(packet);
  g_assert_true(message.has_value());
  return *message;
}

inline StunTransaction transactionOf(const char *hex) {
  const Packet bytes = bytesOfHex(hex);
  StunTransaction transaction{};
  g_assert_cmpuint(bytes.size(), ==, transaction.size());
  std::copy(bytes.begin(), bytes.end(), transaction.begin());
  return transaction;
}

inline StunAddress addressOf(const char *text, std::uint16_t port) {
  StunAddress address;
  address.port = port;
  if (inet_pton(AF_INET, text, address.bytes.data()) == 1) return address;
  address.family = StunAddress::Family::IPv6;
  g_assert_cmpint(inet_pton(AF_INET6, text, address.bytes.data()), ==, 1);
  return address;
}

}  // namespace gws::test
