// SPDX-License-Identifier: LGPL-2.1-or-later
// From RTP timestamps to the receiver's time (RFC 3550, section 6.4.1, has the terms). PURE.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace gws {

/// The sender's clock as the receiver's clock sees it: what came with the least delay of late
/// counts, and changes of that are followed slowly. Times are ns.
class RtpClock {
 public:
  explicit RtpClock(unsigned rate) : rate_(rate) {}

  /// A packet that came in its turn. True when the timestamps have jumped, so that nothing from
  /// before can be compared.
  bool observe(std::uint32_t timestamp, std::int64_t arrival);
  /// When the first one that was observed would have come without any delay but the least. Not
  /// before anything was observed.
  std::int64_t timeOf(std::uint32_t timestamp) const;

  bool begun() const { return begun_; }
  unsigned rate() const { return rate_; }

  /// One point of the line: a timestamp that does not wrap, and its time.
  struct Anchor {
    std::uint64_t timestamp;
    std::int64_t time;
  };
  Anchor anchor() const { return {base_, baseTime_ + skew_}; }
  /// The one nearest to the last that was observed.
  std::uint64_t extend(std::uint32_t timestamp) const;
  std::uint64_t last() const { return last_; }

 private:
  struct Delay {
    std::int64_t at, delay;
  };

  void beginAt(std::uint32_t timestamp, std::int64_t arrival);
  std::int64_t sent(std::uint64_t timestamp) const;
  std::int64_t leastDelay(Delay sample);

  const unsigned rate_;
  bool begun_ = false;
  std::uint64_t base_ = 0, last_ = 0;  ///< timestamps that do not wrap
  std::int64_t baseTime_ = 0;
  std::int64_t skew_ = 0;
  std::int64_t shift_ = 0;  ///< what everything is later by than it was before
  std::int64_t windowSince_ = 0, lastArrival_ = 0;
  std::deque<Delay> delays_;  ///< growing; the first is the least of the window
};

}  // namespace gws
