// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of an RTP packet that SRTP leaves in the clear: its header and header extensions. PURE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gws {

/// RFC 3550, section 5.1. `extensions` points into the packet.
struct RtpHeader {
  bool marker = false;
  std::uint8_t payloadType = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::uint16_t profile = 0;                 ///< 0xBEDE or 0x1000 to 0x100F: RFC 8285
  std::span<const std::uint8_t> extensions;  ///< behind profile and length; empty without any
};

/// Nothing if it is not version 2, or if the header that it announces is longer than the packet.
std::optional<RtpHeader> readRtpHeader(std::span<const std::uint8_t> packet);

/// The SSRC of an RTCP packet's sender, which SRTCP leaves in the clear (RFC 3711, section 3.4).
std::optional<std::uint32_t> rtcpSender(std::span<const std::uint8_t> packet);

inline constexpr std::size_t kMaxRtpExtensionBytes = 32;

/// The value of an extension by its negotiated id, such as the MID (RFC 9143, section 15) or the
/// RID (RFC 8852), in the one-byte or the two-byte form (RFC 8285). It points into the packet.
/// Empty if there is none, or if it is longer than kMaxRtpExtensionBytes. The first with this id
/// counts; what stands behind a broken one does not.
std::string_view rtpExtension(const RtpHeader &header, unsigned id);

}  // namespace gws
