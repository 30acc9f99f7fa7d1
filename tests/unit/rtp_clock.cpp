// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP timestamps turned into times: jitter, drift, jumps.
#include "rtp_clock.h"

#include <glib.h>

#include <cstdlib>
#include <random>

using namespace gws;

namespace {

constexpr unsigned kRate = 90000;
constexpr std::uint32_t kPicture = kRate / 30;
constexpr std::int64_t kMs = 1'000'000, kSecond = 1000 * kMs;
constexpr std::int64_t pictureTime(int index) { return index * kSecond / 30; }

void clock_firstPacket_hasTheTimeOfItsArrival() {
  RtpClock clock(kRate);
  g_assert_false(clock.begun());
  g_assert_false(clock.observe(4'000'000'000u, 5 * kSecond));
  g_assert_true(clock.begun());
  g_assert_cmpint(clock.timeOf(4'000'000'000u), ==, 5 * kSecond);
  g_assert_cmpint(clock.timeOf(4'000'000'000u + kRate), ==, 6 * kSecond);
  g_assert_cmpint(clock.timeOf(4'000'000'000u - kRate), ==, 4 * kSecond);
}

void clock_timestampWraps_timeGoesOn() {
  RtpClock clock(kRate);
  std::uint32_t timestamp = 0xffffffffu - 10 * kPicture;
  for (int i = 0; i < 30; ++i, timestamp += kPicture) {
    g_assert_false(clock.observe(timestamp, kSecond + pictureTime(i)));
    g_assert_cmpint(std::abs(clock.timeOf(timestamp) - kSecond - pictureTime(i)), <=, kMs);
  }
}

/// The least delay counts, after a while; times never go back on the way there.
void clock_jitter_isTakenOut() {
  std::mt19937 random(1);
  RtpClock clock(kRate);
  std::int64_t last = -1;
  for (int i = 0; i < 300; ++i) {
    const std::int64_t delay = i ? static_cast<std::int64_t>(random() % 60) * kMs : 80 * kMs;
    const auto timestamp = static_cast<std::uint32_t>(i) * kPicture;
    clock.observe(timestamp, kSecond + pictureTime(i) + delay);
    const std::int64_t time = clock.timeOf(timestamp);
    g_assert_cmpint(time, >, last);
    last = time;
    if (i > 200) g_assert_cmpint(std::abs(time - kSecond - pictureTime(i)), <=, 5 * kMs);
  }
}

/// A sender's clock that is fast by 200 ppm.
void clock_drift_isFollowed() {
  RtpClock clock(kRate);
  for (int i = 0; i < 30 * 600; ++i) {
    const std::int64_t arrival = kSecond + pictureTime(i);
    const auto timestamp =
        static_cast<std::uint32_t>(static_cast<std::int64_t>(i) * kPicture * 10002 / 10000);
    g_assert_false(clock.observe(timestamp, arrival));
    if (i > 60) g_assert_cmpint(std::abs(clock.timeOf(timestamp) - arrival), <=, 3 * kMs);
  }
}

/// A burst of late pictures, as after a stall of the network, moves hardly anything.
void clock_stall_movesHardlyAnything() {
  for (const int pictures : {2, 20, 45, 70, 85}) {
    RtpClock clock(kRate);
    for (int i = 0; i < 300; ++i) {
      const auto timestamp = static_cast<std::uint32_t>(i) * kPicture;
      const std::int64_t sent = kSecond + pictureTime(i);
      const int end = 100 + pictures;
      const bool stalls = i >= 100 && i < end;
      g_assert_false(clock.observe(timestamp, stalls ? kSecond + pictureTime(end) : sent));
      g_assert_cmpint(std::abs(clock.timeOf(timestamp) - sent), <=, 33 * kMs);
    }
  }
}

/// A queue in the network that fills and empties, or a machine that has no time: no time comes
/// twice, so that no sound has to be left out.
void clock_delayThatComesAndGoes_timesDoNotGoBack() {
  for (const std::int64_t delay : {kSecond / 2, 6 * kSecond / 5, 2 * kSecond}) {
    RtpClock clock(kRate);
    std::int64_t last = 0, arrived = 0;
    for (int i = 0; i < 1200; ++i) {
      const std::int64_t sent = kSecond + pictureTime(i);
      const auto timestamp = static_cast<std::uint32_t>(i) * kPicture;
      arrived = std::max(arrived, sent + (i >= 100 && i < 300 ? delay : 0));
      clock.observe(timestamp, arrived);
      g_assert_cmpint(clock.timeOf(timestamp), >, last);
      last = clock.timeOf(timestamp);
      if (i < 100 || i > 1000) g_assert_cmpint(std::abs(last - sent), <=, 5 * kMs);
    }
  }
}

/// A sender that did not count on in a pause is too early for two seconds at most.
void clock_pauseThatIsNotCounted_isMadeUpFor() {
  for (const std::int64_t pause : {kSecond / 2, 3 * kSecond / 2, 5 * kSecond / 2, 10 * kSecond}) {
    RtpClock clock(kRate);
    std::int64_t last = 0;
    for (int i = 0; i < 300; ++i) {
      const std::int64_t arrival = kSecond + pictureTime(i) + (i >= 100 ? pause : 0);
      const auto timestamp = static_cast<std::uint32_t>(i) * kPicture;
      clock.observe(timestamp, arrival);
      g_assert_cmpint(clock.timeOf(timestamp), >, last);
      last = clock.timeOf(timestamp);
      if (i < 100 || i > 100 + 63) g_assert_cmpint(std::abs(last - arrival), <=, kMs);
    }
  }
}

struct Jump {
  const char *name;
  std::int64_t ticks, ns;  ///< what the sender and the receiver see between two pictures
  bool expected;
};
const Jump kJumps[] = {
    {"next picture", kPicture, 33 * kMs, false},
    {"pause that is counted", 90 * kRate, 90 * kSecond, false},
    {"pause that is not counted", kPicture, 90 * kSecond, true},
    {"sender begins anew, ahead", 1000 * kRate, 33 * kMs, true},
    {"sender begins anew, behind", -1000 * std::int64_t(kRate), 33 * kMs, true},
    {"anywhere", 0x70000000, 33 * kMs, true},
};

void clock_jump_beginsAnew() {
  for (const Jump &jump : kJumps) {
    RtpClock clock(kRate);
    const std::uint32_t first = 1'000'000;
    clock.observe(first, kSecond);
    const auto second = static_cast<std::uint32_t>(first + jump.ticks);
    const bool jumped = clock.observe(second, kSecond + jump.ns);
    const std::int64_t off = std::abs(clock.timeOf(second) - kSecond - jump.ns);
    if (jumped != jump.expected || off > kMs)
      g_error("%s: %d, off by %d ms", jump.name, jumped, static_cast<int>(off / kMs));
  }
}

void anchor_liesOnTheLine() {
  RtpClock clock(48000);
  for (std::uint32_t i = 0; i < 100; ++i)
    clock.observe(7 + i * 960, kSecond + i * 20 * kMs);
  const RtpClock::Anchor anchor = clock.anchor();
  const std::uint64_t extended = clock.extend(7 + 48000);
  g_assert_cmpuint(extended - anchor.timestamp, ==, 48000);
  g_assert_cmpint(std::abs(anchor.time + kSecond - clock.timeOf(7 + 48000)), <=, kMs);
  g_assert_cmpuint(clock.last(), ==, clock.extend(7 + 99 * 960));
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/clock/delayThatComesAndGoes_timesDoNotGoBack",
                  clock_delayThatComesAndGoes_timesDoNotGoBack);
  g_test_add_func("/clock/firstPacket_hasTheTimeOfItsArrival",
                  clock_firstPacket_hasTheTimeOfItsArrival);
  g_test_add_func("/clock/timestampWraps_timeGoesOn", clock_timestampWraps_timeGoesOn);
  g_test_add_func("/clock/jitter_isTakenOut", clock_jitter_isTakenOut);
  g_test_add_func("/clock/drift_isFollowed", clock_drift_isFollowed);
  g_test_add_func("/clock/stall_movesHardlyAnything", clock_stall_movesHardlyAnything);
  g_test_add_func("/clock/pauseThatIsNotCounted_isMadeUpFor",
                  clock_pauseThatIsNotCounted_isMadeUpFor);
  g_test_add_func("/clock/jump_beginsAnew", clock_jump_beginsAnew);
  g_test_add_func("/anchor/liesOnTheLine", anchor_liesOnTheLine);
  return g_test_run();
}
