// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets on a TCP connection, each behind its length (RFC 4571; RFC 6544 for ICE). PURE.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gws {

inline constexpr std::size_t kMaxTcpFrameBytes = 65'535;

/// What stands before a packet of this length.
constexpr std::array<std::uint8_t, 2> tcpFrameHead(std::uint16_t length) {
  return {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
}

/// Finds the packets in one connection's bytes, in pieces of any size. A packet that came in one
/// piece is not copied. Keeps what has come of an unfinished packet, never more: who announces a
/// packet and does not send it costs nothing.
class TcpFrames {
 public:
  /// The next whole packet, without its head; `bytes` loses what was read, and is empty when there
  /// is none. It points into `bytes` or into this object, until the next call. Empty packets, which
  /// keep a connection alive, are passed over.
  std::optional<std::span<const std::uint8_t>> next(std::span<const std::uint8_t> &bytes);
  /// The length of the packet that is not whole yet; 0: it is not known, or there is none.
  std::size_t announced() const;

 private:
  void take(std::span<const std::uint8_t> &bytes, std::size_t total);

  std::vector<std::uint8_t> partial_;  ///< head and packet
  bool isWhole_ = false;               ///< partial_ was given away by the last call
};

}  // namespace gws
