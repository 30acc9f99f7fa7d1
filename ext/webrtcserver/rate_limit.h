// SPDX-License-Identifier: LGPL-2.1-or-later
// How often something may happen. PURE: time is an input.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <string_view>

namespace gws {

/// Monotonic time since any fixed moment.
using RateTime = std::chrono::milliseconds;

/// A token bucket: `burst` at once, `perSecond` in the long run. A time before the last one that it
/// was told counts as that one.
class RateLimit {
 public:
  RateLimit(double perSecond, double burst, RateTime now);
  /// Whether `amount` may happen now; counts it if so.
  bool take(RateTime now, double amount = 1);
  /// Nothing has been taken for so long that it is as new.
  bool isFull(RateTime now) const { return leftAt(now) >= burst_; }

 private:
  double leftAt(RateTime now) const;

  double perSecond_, burst_, left_;
  RateTime last_;
};

/// One bucket for each key (a client's address). Buckets that are full again are forgotten, a few
/// with each take(), so that none of them takes long; there are never more than `maxKeys`: beyond
/// it, strangers share one.
class RateLimits {
 public:
  RateLimits(double perSecond, double burst, std::size_t maxKeys = 65536);
  RateLimits(const RateLimits &) = delete;
  bool take(const std::string &key, RateTime now);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string key;
    RateLimit limit;
  };
  void forgetSome(RateTime now);

  double perSecond_, burst_;
  std::size_t maxKeys_;
  RateLimit strangers_;
  std::list<Bucket> buckets_;  ///< the longest unused first
  std::map<std::string_view, std::list<Bucket>::iterator> byKey_;
};

}  // namespace gws
