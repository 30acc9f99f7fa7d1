// SPDX-License-Identifier: LGPL-2.1-or-later
// A line through the packets that were delayed least.
#include "rtp_clock.h"

#include <algorithm>
#include <cstdlib>

namespace gws {

constexpr std::int64_t kSecond = 1'000'000'000;
/// The least delay is looked for in so much time.
constexpr std::int64_t kWindow = 2 * kSecond;
/// Who is ahead by more has begun anew. Who is late by more, too, or has paused without counting
/// on; but the network may have stalled, and then all comes at once with times that are right.
constexpr std::int64_t kMaxAhead = kSecond, kMaxLate = 3 * kSecond;
/// Nor is it a stall when everything in the window is later by more. If that passes, as a full
/// queue in the network does, there is as much way back, which is gone slowly.
constexpr std::int64_t kMaxShift = 300'000'000;
/// Room below the first timestamp, for packets that come after it and are older.
constexpr std::uint64_t kEpoch = 1ull << 32;

/// A picture or a piece of sound moves the line by this part of what it is off, and not by more
/// than that part of what lies between it and the last: times must not go back.
constexpr std::int64_t kSlowness = 32, kMaxSlope = 8;

void RtpClock::beginAt(std::uint32_t timestamp, std::int64_t arrival) {
  base_ = last_ = begun_ ? extend(timestamp) : kEpoch + timestamp;
  baseTime_ = arrival;
  skew_ = 0;
  delays_.clear();
  windowSince_ = lastArrival_ = arrival;
  begun_ = true;
}

std::uint64_t RtpClock::extend(std::uint32_t timestamp) const {
  const auto ahead = static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(last_));
  return last_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(ahead));
}

std::int64_t RtpClock::sent(std::uint64_t timestamp) const {
  const auto ticks = static_cast<std::int64_t>(timestamp - base_);
  return ticks / rate_ * kSecond + ticks % rate_ * kSecond / rate_;
}

std::int64_t RtpClock::leastDelay(Delay sample) {
  while (!delays_.empty() && delays_.back().delay >= sample.delay)
    delays_.pop_back();
  delays_.push_back(sample);
  while (delays_.front().at + kWindow < sample.at)
    delays_.pop_front();
  if (delays_.size() == 1 && lastArrival_ + kWindow < sample.at) windowSince_ = sample.at;
  lastArrival_ = sample.at;
  return delays_.front().delay;
}

bool RtpClock::observe(std::uint32_t timestamp, std::int64_t arrival) {
  if (!begun_) {
    beginAt(timestamp, arrival);
    return false;
  }
  const std::uint64_t extended = extend(timestamp);
  if (extended == last_) return false;  // of the same picture
  const std::int64_t delay = arrival - baseTime_ - sent(extended);
  const std::int64_t least = leastDelay({arrival, delay});
  const std::int64_t late = delay - skew_;
  const bool isStall = least - skew_ > kMaxShift;
  if (late > kMaxLate || -late > kMaxAhead + shift_) {
    beginAt(timestamp, arrival);
    shift_ = 0;
    return true;
  }
  if (isStall && arrival - windowSince_ > kWindow) {
    beginAt(timestamp, arrival);
    shift_ = std::min(shift_ + late, kMaxLate);
    return true;
  }
  const std::int64_t most = std::abs(sent(extended) - sent(last_)) / kMaxSlope;
  if (!isStall) skew_ += std::clamp((least - skew_) / kSlowness, -most, most);
  last_ = extended;
  return false;
}

std::int64_t RtpClock::timeOf(std::uint32_t timestamp) const {
  return baseTime_ + sent(extend(timestamp)) + skew_;
}

}  // namespace gws
