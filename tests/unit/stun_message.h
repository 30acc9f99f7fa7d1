// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages of any kind, right ones and wrong ones, with arithmetic of their own.
#pragma once

#include <glib.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gst/common/glib_owned.h"

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

/// A message of RFC 8489, attribute after attribute. What is wrong in it is wrong on purpose.
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

  RawStun &addFingerprint() {
    setLength(packet_.size() - 20 + 8);
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

}  // namespace gws::test
