// SPDX-License-Identifier: LGPL-2.1-or-later
// Payload headers, read just far enough to find a key frame.
#include "rtp_keyframe.h"

#include <algorithm>

namespace gws {

using Bytes = std::span<const std::uint8_t>;

/// Of an aggregation packet without its own header: units behind two bytes of length each.
template <typename Starts>
static bool anyUnit(Bytes units, Starts starts) {
  while (units.size() > 2) {
    const std::size_t size = static_cast<std::size_t>(units[0]) << 8 | units[1];
    units = units.subspan(2);
    if (size && starts(units[0])) return true;
    units = units.subspan(std::min(size, units.size()));
  }
  return false;
}

/// RFC 6184: single NAL unit, STAP-A (24), FU-A (28) with its start bit.
static bool beginsH264(Bytes payload) {
  auto starts = [](unsigned header) { return (header & 0x1f) == 5 || (header & 0x1f) == 7; };
  unsigned type = payload[0] & 0x1f;
  if (type == 24) return anyUnit(payload.subspan(1), starts);
  if (type == 28) return payload.size() > 1 && (payload[1] & 0x80) && starts(payload[1]);
  return starts(type);
}

/// RFC 7798: single NAL unit, aggregation packet (48), fragmentation unit (49) with its start bit.
static bool beginsH265(Bytes payload) {
  auto starts = [](unsigned type) {
    return (type >= 16 && type <= 23) || (type >= 32 && type <= 33);
  };
  if (payload.size() < 3) return false;
  unsigned type = (payload[0] >> 1) & 0x3f;
  if (type == 48)
    return anyUnit(payload.subspan(2),
                   [=](unsigned header) { return starts((header >> 1) & 0x3f); });
  if (type == 49) return (payload[2] & 0x80) && starts(payload[2] & 0x3f);
  return starts(type);
}

/// RFC 7741, section 4.2: start of partition 0, then the P bit of the VP8 payload header.
static bool beginsVp8(Bytes payload) {
  bool extended = payload[0] & 0x80, start = payload[0] & 0x10;
  if (!start || (payload[0] & 0x0f) != 0) return false;
  std::size_t at = 1;
  if (extended) {
    if (payload.size() <= at) return false;
    std::uint8_t bits = payload[at++];
    if (bits & 0x80) {
      if (payload.size() <= at) return false;
      at += payload[at] & 0x80 ? 2 : 1;
    }
    if (bits & 0x40) at++;
    if (bits & 0x30) at++;
  }
  return payload.size() > at && (payload[at] & 0x01) == 0;
}

/// RFC 9628, section 4.2: no inter-picture prediction, begin of a frame, lowest spatial layer.
static bool beginsVp9(Bytes payload) {
  bool hasId = payload[0] & 0x80, predicted = payload[0] & 0x40, layered = payload[0] & 0x20;
  bool begins = payload[0] & 0x08;
  if (predicted || !begins) return false;
  if (!layered) return true;
  std::size_t at = 1;
  if (hasId) {
    if (payload.size() <= at) return false;
    at += payload[at] & 0x80 ? 2 : 1;
  }
  return payload.size() > at && ((payload[at] >> 1) & 0x07) == 0;
}

bool beginsKeyframe(CodecId codec, Bytes payload) {
  if (gws::codec(codec).kind == MediaKind::Audio) return true;
  if (payload.empty()) return false;
  switch (codec) {
    case CodecId::H264:
      return beginsH264(payload);
    case CodecId::H265:
      return beginsH265(payload);
    case CodecId::VP8:
      return beginsVp8(payload);
    case CodecId::VP9:
      return beginsVp9(payload);
    case CodecId::AV1:
      return payload[0] & 0x08;
    default:
      return true;
  }
}

}  // namespace gws
