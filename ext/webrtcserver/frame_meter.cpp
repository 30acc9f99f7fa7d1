// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames counted, freezes found.
#include "frame_meter.h"

#include <algorithm>

namespace gws {

/// With fewer intervals the average means nothing.
constexpr std::size_t kMinIntervals = 5;
constexpr std::int64_t kMinIncrease = 150'000;  // µs

void FrameMeter::setSize(std::uint32_t width, std::uint32_t height) {
  size_.set(std::uint64_t(width) << 32 | height);
}

bool FrameMeter::begins(std::uint64_t time) {
  const bool another = wholeFrames_ || !begun_ || time != time_;
  begun_ = true;
  time_ = time;
  return another;
}

void FrameMeter::onFrame(bool isKeyframe, std::int64_t now) {
  frames_.add(1);
  if (isKeyframe) {
    keyframes_.add(1);
    lastKeyframe_.set(now);
  }
  if (last_) noteInterval(now - last_);
  last_ = now;
}

/// As freezeCount of webrtc-stats: an interval is a freeze when it reaches both three times the
/// average and the average plus 150 ms.
void FrameMeter::noteInterval(std::int64_t interval) {
  const std::size_t remembered = std::min(intervalCount_, kRemembered);
  if (remembered >= kMinIntervals) {
    const std::int64_t average = intervalSum_ / static_cast<std::int64_t>(remembered);
    if (interval >= std::max(3 * average, average + kMinIncrease)) {
      freezes_.add(1);
      frozen_.add(static_cast<std::uint64_t>(interval));
    }
  }
  std::int64_t &slot = intervals_[intervalCount_++ % kRemembered];
  intervalSum_ += interval - slot;
  slot = interval;
}

FrameMeter::Reading FrameMeter::read() const {
  Reading reading;
  reading.frames = frames_.get();
  reading.keyframes = keyframes_.get();
  reading.width = static_cast<std::uint32_t>(size_.get() >> 32);
  reading.height = static_cast<std::uint32_t>(size_.get());
  reading.freezes = freezes_.get();
  reading.frozen = frozen_.get();
  reading.lastKeyframe = lastKeyframe_.get();
  return reading;
}

}  // namespace gws
