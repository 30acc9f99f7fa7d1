// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packets may go on to SRTP, by their SSRCs.
#include "ssrc_gate.h"

#include <utility>

#include "packet_kind.h"
#include "rtp_extension.h"

namespace gws {

constexpr double kNewPerSecond = 1.0 / 60;

SsrcGate::SsrcGate(std::span<const std::uint32_t> offered, RateTime now)
    : new_(kNewPerSecond, kNewAtOnce, now) {
  for (const std::uint32_t ssrc : offered)
    ssrcs_[ssrc] = false;
}

bool SsrcGate::admits(std::uint32_t ssrc, RateTime now) {
  if (ssrcs_.contains(ssrc)) return true;
  if (ssrcs_.size() >= kMostSsrcs || !new_.take(now)) return false;
  ssrcs_[ssrc] = false;
  return true;
}

SsrcPassage SsrcGate::pass(std::span<const std::uint8_t> packet, RateTime now) {
  switch (packetKind(packet)) {
    case PacketKind::Rtcp: {
      const auto sender = rtcpSender(packet);
      return sender && admits(*sender, now) ? SsrcPassage::Other : SsrcPassage::Refused;
    }
    case PacketKind::Rtp: {
      const auto header = readRtpHeader(packet);
      if (!header || !admits(header->ssrc, now)) return SsrcPassage::Refused;
      return std::exchange(ssrcs_[header->ssrc], true) ? SsrcPassage::Further : SsrcPassage::First;
    }
    default:
      return SsrcPassage::Other;
  }
}

}  // namespace gws
