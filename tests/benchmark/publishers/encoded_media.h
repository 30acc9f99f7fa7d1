// SPDX-License-Identifier: LGPL-2.1-or-later
// Media that are encoded once and then sent by many publishers at the pace of a live source.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <vector>

#include "gst/common/gobj.h"
#include "tests/common/media_source.h"

namespace gws::benchmark {

/// Never changes after it was made; shared by every source that plays it.
struct EncodedMedia {
  Ref<GstCaps> caps;
  std::vector<Ref<GstBuffer>> frames;  ///< the first one is a key frame
  GstClockTime frameDuration = 0;

  /// Of the frames, without packet headers.
  unsigned bitsPerSecond() const;
};

/// Runs a launch line that ends in encoded frames, until EOS. Nothing, and a line on stderr, when
/// an element is missing or fails.
std::shared_ptr<const EncodedMedia> encode(const char *launchLine, GstClockTime frameDuration);

/// A live source that plays the media again and again, with time stamps that go on.
test::EncodedSource loopSource(std::shared_ptr<const EncodedMedia> media);

}  // namespace gws::benchmark
