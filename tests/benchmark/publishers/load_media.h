// SPDX-License-Identifier: LGPL-2.1-or-later
// What the benchmark's publishers send: H.264 and Opus, of two sizes.
#pragma once

#include <memory>

#include "encoded_media.h"

namespace gws::benchmark {

struct LoadMedia {
  std::shared_ptr<const EncodedMedia> video, audio;

  explicit operator bool() const { return video && audio; }
};

/// 1.6 Mbit/s and 720p, or small: 300 kbit/s and 480x270. A key frame every two seconds, the loop
/// of four seconds begins with one. With `packets` the frames are RTP packets instead, whose
/// payloads have at most kPayloadBytes. Nothing, and a line on stderr, when an encoder is missing.
inline constexpr unsigned kPayloadBytes = 1100;
LoadMedia encodeLoad(bool small, bool packets = false);

}  // namespace gws::benchmark
