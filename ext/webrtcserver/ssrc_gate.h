// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packets may go on to SRTP, by their SSRCs. PURE: time is an input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "rate_limit.h"

namespace gws {

enum class SsrcPassage : std::uint8_t {
  Refused,
  Other,    ///< no RTP: DTLS, RTCP
  First,    ///< RTP, the first of its SSRC
  Further,  ///< RTP
};

/// SRTP keeps something for each SSRC before it knows whether a packet is genuine, and for good. So
/// besides those of the offer few new ones are let through: 16, and one more each minute.
class SsrcGate {
 public:
  static constexpr std::size_t kMostSsrcs = 128;
  static constexpr unsigned kNewAtOnce = 16;

  /// `offered`: those that the offer names.
  SsrcGate(std::span<const std::uint32_t> offered, RateTime now);
  SsrcPassage pass(std::span<const std::uint8_t> packet, RateTime now);

 private:
  bool admits(std::uint32_t ssrc, RateTime now);

  std::unordered_map<std::uint32_t, bool> ssrcs_;  ///< and whether RTP of it has passed
  RateLimit new_;
};

}  // namespace gws
