// SPDX-License-Identifier: LGPL-2.1-or-later
// Sequence numbers and jitter, after the algorithms of RFC 3550, appendix A.
#include "rtp_meter.h"

#include <algorithm>
#include <cstdlib>

namespace gws {

/// A step this wide is no loss, but a sender that began anew (RFC 3550, appendix A.1).
constexpr std::int64_t kMaxStep = 3000;
/// Seconds; what differs by more was not under way for so long: a clock was set.
constexpr unsigned kMaxTransit = 5;

bool RtpMeter::isSet(const Marks &marks, std::int64_t number) {
  const auto index = static_cast<std::uint64_t>(number) % kWindow;
  return marks[index / 64] >> (index % 64) & 1;
}

void RtpMeter::set(Marks &marks, std::int64_t number, bool value) {
  const auto index = static_cast<std::uint64_t>(number) % kWindow;
  const std::uint64_t bit = std::uint64_t(1) << (index % 64);
  marks[index / 64] = value ? marks[index / 64] | bit : marks[index / 64] & ~bit;
}

std::int64_t RtpMeter::extend(std::uint16_t sequence) const {
  const auto step = static_cast<std::int16_t>(sequence - static_cast<std::uint16_t>(highest_));
  return highest_ + step;
}

void RtpMeter::beginAt(std::int64_t number) {
  begun_ = true;
  first_ = highest_ = number;
  suspect_ = -1;
  arrived_.fill(0);
  repaired_.fill(0);
}

void RtpMeter::advance(std::int64_t number) {
  for (std::int64_t next = highest_ + 1; next <= number; next++) {
    set(arrived_, next, false);
    set(repaired_, next, false);
  }
  expected_.add(static_cast<std::uint64_t>(number - highest_));
  highest_ = number;
}

/// Whether the number is one that is looked at; the window is moved there.
bool RtpMeter::follow(std::int64_t number) {
  if (std::abs(number - highest_) > kMaxStep) {
    if (number != suspect_) {
      suspect_ = number + 1;
      return false;
    }
    beginAt(number);
    expected_.add(1);
    return true;
  }
  if (number > highest_) advance(number);
  return number >= first_;
}

void RtpMeter::onPacket(const Packet &packet, std::int64_t now) {
  packets_.add(1);
  bytes_.add(packet.payloadBytes);
  updateJitter(packet, now);
  if (!begun_) {
    // Far from zero, so that what comes before the first one is no negative number.
    beginAt(0x10000 + std::int64_t(packet.sequence));
    expected_.add(1);
  }
  const std::int64_t number = extend(packet.sequence);
  if (!follow(number) || isSet(arrived_, number)) return;
  set(arrived_, number, true);
  seen_.add(1);
  if (!isSet(repaired_, number)) return;
  // It was late, not lost.
  set(repaired_, number, false);
  recovered_.set(recovered_.get() - 1);
}

void RtpMeter::onRepair(std::uint16_t sequence) {
  if (!begun_) return;
  const std::int64_t number = extend(sequence);
  if (!follow(number) || isSet(arrived_, number) || isSet(repaired_, number)) return;
  set(repaired_, number, true);
  recovered_.add(1);
}

bool RtpMeter::isMissing(std::uint16_t sequence) const {
  if (!begun_) return false;
  const std::int64_t number = extend(sequence);
  return number >= first_ && number <= highest_ && highest_ - number <= kMaxStep &&
         !isSet(arrived_, number) && !isSet(repaired_, number);
}

/// RFC 3550, section 6.4.1 and appendix A.8.
void RtpMeter::updateJitter(const Packet &packet, std::int64_t now) {
  const auto arrival = static_cast<std::uint32_t>(now * clockRate_ / 1'000'000);
  const std::uint32_t transit = arrival - packet.timestamp;
  const auto difference = std::abs(std::int64_t(static_cast<std::int32_t>(transit - transit_)));
  transit_ = transit;
  if (!timed_ || difference > std::int64_t(clockRate_) * kMaxTransit) {
    timed_ = true;
    return;
  }
  jitterTicks_ += (static_cast<double>(difference) - jitterTicks_) / 16;
  jitter_.set(static_cast<std::uint64_t>(jitterTicks_ * 1e9 / clockRate_));
}

RtpMeter::Reading RtpMeter::read() const {
  Reading reading;
  reading.packets = packets_.get();
  reading.bytes = bytes_.get();
  // The writer may be between two of these.
  const std::uint64_t seen = seen_.get(), expected = expected_.get();
  reading.lost = expected > seen ? expected - seen : 0;
  reading.recovered = std::min(recovered_.get(), reading.lost);
  reading.jitter = jitter_.get();
  return reading;
}

}  // namespace gws
