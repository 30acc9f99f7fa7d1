// SPDX-License-Identifier: LGPL-2.1-or-later
// What a datagram is, by its first bytes, on a port that ICE, DTLS and SRTP share. PURE.
#pragma once

#include <cstdint>
#include <span>

namespace gws {

enum class PacketKind : std::uint8_t { Stun, Dtls, Rtp, Rtcp, Other };

/// RFC 7983, section 7: by the first byte. Other: ZRTP, TURN channels, QUIC, nothing at all. RTCP,
/// and so SRTCP, is told from RTP by its packet type, 192 to 223 (RFC 5761, section 4).
constexpr PacketKind packetKind(std::span<const std::uint8_t> packet) {
  if (packet.empty()) return PacketKind::Other;
  const unsigned first = packet[0];
  if (first <= 3) return PacketKind::Stun;
  if (first >= 20 && first <= 63) return PacketKind::Dtls;
  if (first < 128 || first > 191) return PacketKind::Other;
  return packet.size() > 1 && packet[1] >= 192 && packet[1] <= 223 ? PacketKind::Rtcp
                                                                   : PacketKind::Rtp;
}

}  // namespace gws
