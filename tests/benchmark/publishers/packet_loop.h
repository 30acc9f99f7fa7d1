// SPDX-License-Identifier: LGPL-2.1-or-later
// Media as RTP payloads, made once, for all publishers that send them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "encoded_media.h"

namespace gws::benchmark {

/// One picture, or one piece of sound.
struct PacketFrame {
  std::vector<std::vector<std::uint8_t>> payloads;
  bool key = false;  ///< decoding can begin here
};

/// Never changes after it was made; shared by every publisher. It begins with a key frame.
struct PacketLoop {
  std::vector<PacketFrame> frames;
  unsigned clockRate = 0;
  GstClockTime frameDuration = 0;

  std::uint32_t ticksPerFrame() const {
    return static_cast<std::uint32_t>(
        gst_util_uint64_scale_round(frameDuration, clockRate, GST_SECOND));
  }
  /// The first frame from `index` on, around the loop, that is a key frame.
  std::size_t nextKey(std::size_t index) const;
};

/// `media` are RTP packets (encodeLoad()). Those of a picture end with the marker bit. Nothing if
/// there are none.
std::optional<PacketLoop> videoLoop(const EncodedMedia &media);
/// Every packet is a frame.
std::optional<PacketLoop> audioLoop(const EncodedMedia &media);

}  // namespace gws::benchmark
