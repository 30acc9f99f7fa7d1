// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP beside what rtpsession does: our requests counted, the round trip (RFC 3611), and a limit
// for the sender (REMB, draft-alvestrand-rmcat-remb). PURE.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace gws {

/// What a receiver asks a sender for.
enum class RtcpRequest {
  Nack,  ///< RFC 4585, section 6.2.1
  Pli,   ///< RFC 4585, section 6.3.1
  Fir,   ///< RFC 5104, section 4.3.1
};
/// Calls `found` for each request in a compound packet, with the SSRC that it is for. What stands
/// behind a broken packet does not count.
void readRequests(std::span<const std::uint8_t> compound,
                  const std::function<void(RtcpRequest, std::uint32_t ssrc)> &found);

/// The SSRC of who sends a compound packet, if it begins with a report (RFC 3550, section 6.1).
std::optional<std::uint32_t> reporterOf(std::span<const std::uint8_t> compound);

/// The middle 32 bits of an NTP time, in units of 1/65536 s (RFC 3550, section 4); any clock will
/// do that does not step.
std::uint32_t shortNtp(std::int64_t microseconds);

/// An XR packet with a receiver reference time block (RFC 3611, sections 2 and 4.4).
inline constexpr std::size_t kReferenceTimeBytes = 20;
std::array<std::uint8_t, kReferenceTimeBytes> buildReferenceTime(std::uint32_t ssrc,
                                                                 std::int64_t microseconds);

/// Asks the sender of `ssrc` to send no more than that, bit/s: REMB
/// (draft-alvestrand-rmcat-remb-03, section 2.2). Rounded down to 18 bits.
inline constexpr std::size_t kReceiverLimitBytes = 24;
std::array<std::uint8_t, kReceiverLimitBytes> buildReceiverLimit(std::uint32_t reporter,
                                                                 std::uint32_t ssrc,
                                                                 std::uint32_t bitrate);

/// µs from our reference time to the answer to it (DLRR, RFC 3611, section 4.5), less what the
/// sender took. `ssrc`: of our reports; `now`: as for buildReferenceTime(). Nothing if there is no
/// answer for it in the compound packet, or none that can be true.
std::optional<std::int64_t> readRoundTrip(std::span<const std::uint8_t> compound,
                                          std::uint32_t ssrc, std::int64_t now);

}  // namespace gws
