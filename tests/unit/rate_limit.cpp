// SPDX-License-Identifier: LGPL-2.1-or-later
// Token buckets: what passes when, and what they keep.
#include "rate_limit.h"

#include <glib.h>

#include <algorithm>

using namespace gws;
using namespace std::chrono_literals;

namespace {

/// A day after the moment that times count from, as a machine's monotonic clock may well be.
constexpr RateTime kStart = 24h;

int takeAll(RateLimit &limit, RateTime now) {
  int taken = 0;
  while (taken < 1000 && limit.take(now))
    ++taken;
  return taken;
}

void limit_new_letsABurstPass() {
  RateLimit limit(2, 5, kStart);
  g_assert_cmpint(takeAll(limit, kStart), ==, 5);
}

void limit_empty_fillsAtItsRate() {
  RateLimit limit(2, 5, kStart);
  takeAll(limit, kStart);
  g_assert_false(limit.take(kStart + 499ms));
  g_assert_true(limit.take(kStart + 500ms));
  g_assert_false(limit.take(kStart + 999ms));
  g_assert_true(limit.take(kStart + 1000ms));
  g_assert_cmpint(takeAll(limit, kStart + 2500ms), ==, 3);
}

/// Asking costs nothing, and does not start the wait anew.
void limit_askedAllTheTime_fillsAtItsRate() {
  RateLimit limit(4, 4, kStart);
  takeAll(limit, kStart);
  int taken = 0;
  for (RateTime now = kStart; now <= kStart + 10s; now += 1ms)
    taken += limit.take(now) ? 1 : 0;
  // What is added each millisecond is rounded: the last one may come a millisecond later.
  g_assert_cmpint(taken, >=, 39);
  g_assert_cmpint(taken, <=, 40);
}

void limit_afterALongTime_holdsNoMoreThanABurst() {
  RateLimit limit(2, 5, kStart);
  takeAll(limit, kStart);
  g_assert_cmpint(takeAll(limit, kStart + 1000h), ==, 5);
}

void limit_slowRate_letsOneInAMinute() {
  RateLimit limit(1.0 / 64, 1, kStart);
  g_assert_true(limit.take(kStart));
  g_assert_false(limit.take(kStart + 63s));
  g_assert_true(limit.take(kStart + 64s));
}

void limit_rateOfZero_letsOnlyTheBurstPass() {
  RateLimit limit(0, 3, kStart);
  g_assert_cmpint(takeAll(limit, kStart), ==, 3);
  g_assert_false(limit.take(kStart + 1000h));
}

void limit_amount_isTakenWholeOrNotAtAll() {
  RateLimit limit(100, 1000, kStart);
  g_assert_true(limit.take(kStart, 700));
  g_assert_false(limit.take(kStart, 301));
  g_assert_true(limit.take(kStart, 300));
  g_assert_false(limit.take(kStart, 0.5));
  g_assert_false(limit.take(kStart + 1000h, 1001));
}

/// A clock that steps back gives nothing, and takes nothing away.
void limit_timeBackwards_isTheLastTime() {
  RateLimit limit(1, 2, kStart);
  g_assert_true(limit.take(kStart));
  g_assert_true(limit.take(kStart - 10s));
  g_assert_false(limit.take(kStart - 10s));
  g_assert_false(limit.take(kStart + 999ms));
  g_assert_true(limit.take(kStart + 1s));
  g_assert_false(limit.isFull(kStart - 10s));
}

void limit_full_isSoUntilSomethingIsTaken() {
  RateLimit limit(2, 2, kStart);
  g_assert_true(limit.isFull(kStart));
  g_assert_true(limit.take(kStart));
  g_assert_false(limit.isFull(kStart));
  g_assert_false(limit.isFull(kStart + 499ms));
  g_assert_true(limit.isFull(kStart + 500ms));
}

int takeAll(RateLimits &limits, const std::string &key, RateTime now) {
  int taken = 0;
  while (taken < 1000 && limits.take(key, now))
    ++taken;
  return taken;
}

void limits_keys_doNotShare() {
  RateLimits limits(1, 3);
  g_assert_cmpint(takeAll(limits, "a", kStart), ==, 3);
  g_assert_cmpint(takeAll(limits, "b", kStart), ==, 3);
  g_assert_cmpint(takeAll(limits, "", kStart), ==, 3);
  g_assert_false(limits.take("a", kStart + 999ms));
  g_assert_true(limits.take("a", kStart + 1s));
  g_assert_cmpuint(limits.size(), ==, 3);
}

void limits_emptyBucket_isNotForgottenBeforeItIsFull() {
  RateLimits limits(1, 3);
  g_assert_cmpint(takeAll(limits, "a", kStart), ==, 3);
  g_assert_cmpint(takeAll(limits, "other", kStart + 2s), ==, 3);
  g_assert_cmpuint(limits.size(), ==, 2);
  g_assert_cmpint(takeAll(limits, "a", kStart + 2s), ==, 2);
}

/// The one that is used all the time stays, however often the others are forgotten around it.
void limits_usedBucket_outlivesIdleOnes() {
  RateLimits limits(1, 2);
  g_assert_cmpint(takeAll(limits, "busy", kStart), ==, 2);
  int taken = 0;
  for (int second = 1; second <= 100; ++second) {
    const RateTime now = kStart + std::chrono::seconds(second);
    limits.take("idle" + std::to_string(second), now);
    taken += takeAll(limits, "busy", now);
    g_assert_cmpuint(limits.size(), <=, 4);
  }
  g_assert_cmpint(taken, ==, 100);
}

void limits_idleBuckets_areForgottenByLaterCalls() {
  RateLimits limits(10, 10);
  for (int i = 0; i < 1000; ++i)
    g_assert_true(limits.take("idle" + std::to_string(i), kStart));
  g_assert_cmpuint(limits.size(), ==, 1000);
  // A refused call forgets too; a few at a time, since nobody shall wait for all of them.
  limits.take("one", kStart + 1s);
  g_assert_cmpuint(limits.size(), >=, 990);
  for (int i = 0; i < 1000; ++i)
    limits.take("one", kStart + 1s);
  g_assert_cmpuint(limits.size(), ==, 1);
}

/// They go faster than strangers come.
void limits_idleBuckets_areForgottenAmongStrangers() {
  RateLimits limits(10, 10);
  for (int i = 0; i < 1000; ++i)
    limits.take("idle" + std::to_string(i), kStart);
  for (int i = 0; i < 1000; ++i)
    limits.take("stranger" + std::to_string(i), kStart + 1s + i * 20ms);
  g_assert_cmpuint(limits.size(), <=, 6);
}

/// Each of them takes once and never comes back.
void limits_endlessStrangers_keepTheSizeBounded() {
  RateLimits limits(10, 10);
  std::size_t largest = 0;
  for (int i = 0; i < 20'000; ++i) {
    g_assert_true(limits.take(std::to_string(i), kStart + std::chrono::milliseconds(i)));
    largest = std::max(largest, limits.size());
  }
  g_assert_cmpuint(largest, <=, 102);  // a bucket is full again after 100 ms
}

void limits_tooManyKeys_shareOneBucket() {
  RateLimits limits(1, 3, 2);
  g_assert_true(limits.take("a", kStart));
  g_assert_true(limits.take("b", kStart));
  g_assert_true(limits.take("c", kStart));
  g_assert_true(limits.take("d", kStart));
  g_assert_true(limits.take("e", kStart));
  g_assert_false(limits.take("f", kStart));
  g_assert_cmpuint(limits.size(), ==, 2);
  // Those who were there first are not disturbed.
  g_assert_cmpint(takeAll(limits, "a", kStart), ==, 2);
  g_assert_cmpint(takeAll(limits, "b", kStart), ==, 2);
  g_assert_true(limits.take("g", kStart + 1s));
  g_assert_false(limits.take("h", kStart + 1s));
}

void limits_roomAgain_givesStrangersTheirOwn() {
  RateLimits limits(1, 3, 2);
  takeAll(limits, "a", kStart);
  takeAll(limits, "b", kStart);
  takeAll(limits, "c", kStart);
  g_assert_cmpint(takeAll(limits, "c", kStart + 3s), ==, 3);
  g_assert_cmpint(takeAll(limits, "d", kStart + 3s), ==, 3);
  g_assert_cmpuint(limits.size(), ==, 2);
}

void limits_noKeys_shareOneBucket() {
  RateLimits limits(1, 2, 0);
  g_assert_true(limits.take("a", kStart));
  g_assert_true(limits.take("b", kStart));
  g_assert_false(limits.take("a", kStart));
  g_assert_cmpuint(limits.size(), ==, 0);
}

}  // namespace

#define ADD(function) g_test_add_func("/rate_limit/" #function, function)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  ADD(limit_new_letsABurstPass);
  ADD(limit_empty_fillsAtItsRate);
  ADD(limit_askedAllTheTime_fillsAtItsRate);
  ADD(limit_afterALongTime_holdsNoMoreThanABurst);
  ADD(limit_slowRate_letsOneInAMinute);
  ADD(limit_rateOfZero_letsOnlyTheBurstPass);
  ADD(limit_amount_isTakenWholeOrNotAtAll);
  ADD(limit_timeBackwards_isTheLastTime);
  ADD(limit_full_isSoUntilSomethingIsTaken);
  ADD(limits_keys_doNotShare);
  ADD(limits_emptyBucket_isNotForgottenBeforeItIsFull);
  ADD(limits_usedBucket_outlivesIdleOnes);
  ADD(limits_idleBuckets_areForgottenByLaterCalls);
  ADD(limits_idleBuckets_areForgottenAmongStrangers);
  ADD(limits_endlessStrangers_keepTheSizeBounded);
  ADD(limits_tooManyKeys_shareOneBucket);
  ADD(limits_roomAgain_givesStrangersTheirOwn);
  ADD(limits_noKeys_shareOneBucket);
  return g_test_run();
}
