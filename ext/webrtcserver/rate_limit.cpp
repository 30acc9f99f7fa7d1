// SPDX-License-Identifier: LGPL-2.1-or-later
// Token buckets, the least recently used first to go.
#include "rate_limit.h"

#include <algorithm>

namespace gws {

/// More than the one that a call can add.
constexpr int kForgottenByCall = 2;

RateLimit::RateLimit(double perSecond, double burst, RateTime now)
    : perSecond_(perSecond), burst_(burst), left_(burst), last_(now) {}

double RateLimit::leftAt(RateTime now) const {
  const std::chrono::duration<double> elapsed = std::max(now, last_) - last_;
  return std::min(burst_, left_ + perSecond_ * elapsed.count());
}

bool RateLimit::take(RateTime now, double amount) {
  left_ = leftAt(now);
  last_ = std::max(now, last_);
  if (left_ < amount) return false;
  left_ -= amount;
  return true;
}

RateLimits::RateLimits(double perSecond, double burst, std::size_t maxKeys)
    : perSecond_(perSecond),
      burst_(burst),
      maxKeys_(maxKeys),
      strangers_(perSecond, burst, RateTime(0)) {}

bool RateLimits::take(const std::string &key, RateTime now) {
  forgetSome(now);
  auto found = byKey_.find(key);
  if (found != byKey_.end()) {
    buckets_.splice(buckets_.end(), buckets_, found->second);
    return found->second->limit.take(now);
  }
  if (buckets_.size() >= maxKeys_) return strangers_.take(now);
  buckets_.push_back({key, RateLimit(perSecond_, burst_, now)});
  byKey_[buckets_.back().key] = std::prev(buckets_.end());
  return buckets_.back().limit.take(now);
}

void RateLimits::forgetSome(RateTime now) {
  for (int i = 0; i < kForgottenByCall && !buckets_.empty(); ++i) {
    if (!buckets_.front().limit.isFull(now)) return;
    byKey_.erase(buckets_.front().key);
    buckets_.pop_front();
  }
}

}  // namespace gws
