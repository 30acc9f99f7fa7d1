// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets counted, losses and repairs told apart, jitter (RFC 3550, RFC 4588).
#include "rtp_meter.h"

#include <glib.h>

#include <vector>

using namespace gws;

namespace {

constexpr unsigned kClockRate = 90000;

/// A step: a packet with that sequence number arrives, or a retransmission of it.
struct Step {
  std::uint16_t sequence;
  bool repair = false;
};
constexpr Step repair(std::uint16_t sequence) { return {sequence, true}; }

struct Row {
  const char *name;
  std::vector<Step> steps;
  std::uint64_t packets, lost, recovered;
};

const Row kRows[] = {
    {"nothing", {}, 0, 0, 0},
    {"repairBeforeAnything", {repair(1)}, 0, 0, 0},
    {"inOrder", {{1}, {2}, {3}}, 3, 0, 0},
    {"aGap", {{1}, {4}}, 2, 2, 0},
    {"theLastOnes_areNotKnownToBeLost", {{1}, {2}}, 2, 0, 0},
    {"reordered", {{1}, {3}, {2}}, 3, 0, 0},
    {"twice", {{1}, {2}, {2}, {3}}, 4, 0, 0},
    {"twiceDoesNotHideALoss", {{1}, {1}, {3}}, 3, 1, 0},
    {"beforeTheFirst", {{5}, {4}, {6}}, 3, 0, 0},
    {"recovered", {{1}, {3}, repair(2)}, 2, 1, 1},
    {"recoveredTwice", {{1}, {3}, repair(2), repair(2)}, 2, 1, 1},
    {"recoveredAndThenLate", {{1}, {3}, repair(2), {2}}, 3, 0, 0},
    {"repairOfWhatWasThere", {{1}, {2}, {3}, repair(2)}, 3, 0, 0},
    {"repairOfTheNewest", {{1}, repair(2), {3}}, 2, 1, 1},
    {"wraps", {{65534}, {65535}, {0}, {1}}, 4, 0, 0},
    {"lostWhereItWraps", {{65534}, {1}, repair(65535), repair(0)}, 2, 2, 2},
    {"reorderedWhereItWraps", {{65535}, {1}, {0}}, 3, 0, 0},
    {"firstIsZero_lateOneBefore", {{0}, {65535}, {1}}, 3, 0, 0},
    {"beginsAnew", {{1}, {2}, {30000}, {30001}, {30002}}, 5, 0, 0},
    {"beginsAnew_losesThen", {{1}, {30000}, {30001}, {30003}}, 4, 1, 0},
    {"oneStray", {{1}, {30000}, {2}, {3}}, 4, 0, 0},
};

void meter_packets_areCountedOnce() {
  for (const Row &row : kRows) {
    RtpMeter meter(kClockRate);
    std::int64_t now = 0;
    for (const Step &step : row.steps) {
      if (step.repair)
        meter.onRepair(step.sequence);
      else
        meter.onPacket({step.sequence, 0, 10}, now += 1000);
    }
    const RtpMeter::Reading read = meter.read();
    const bool right = read.packets == row.packets && read.bytes == row.packets * 10 &&
                       read.lost == row.lost && read.recovered == row.recovered;
    if (!right)
      g_error("%s: %u packets, %u lost, %u recovered", row.name, unsigned(read.packets),
              unsigned(read.lost), unsigned(read.recovered));
  }
}

void meter_missing_isWhatLacksOnly() {
  RtpMeter meter(kClockRate);
  g_assert_false(meter.isMissing(3));
  for (std::uint16_t sequence : {1, 2, 4, 6})
    meter.onPacket({sequence, 0, 1}, 0);
  meter.onRepair(5);
  for (std::uint16_t sequence : {0, 1, 2, 4, 5, 6, 7, 40000})
    g_assert_false(meter.isMissing(sequence));
  g_assert_true(meter.isMissing(3));
}

/// Every tenth is lost and half of these come again: far beyond the window, and round the numbers.
void meter_longRun_losesNoCount() {
  RtpMeter meter(kClockRate);
  std::uint64_t lost = 0, recovered = 0;
  for (unsigned i = 0; i < 200'000; ++i) {
    const auto sequence = static_cast<std::uint16_t>(60'000 + i);
    if (i % 10 != 5) {
      meter.onPacket({sequence, i * 3000, 1000}, std::int64_t(i) * 33'000);
      continue;
    }
    ++lost;
    if (i % 20 == 5) continue;
    meter.onRepair(sequence);
    ++recovered;
  }
  const RtpMeter::Reading read = meter.read();
  g_assert_cmpuint(read.lost, ==, lost);
  g_assert_cmpuint(read.recovered, ==, recovered);
  g_assert_cmpuint(read.packets, ==, 200'000 - lost);
}

std::uint64_t jitterOf(const std::vector<std::int64_t> &lateness) {
  RtpMeter meter(kClockRate);
  std::uint16_t sequence = 65000;
  std::uint32_t timestamp = 0xffffff00;  // wraps
  std::int64_t now = 1'000'000'000'000;
  for (std::int64_t late : lateness) {
    meter.onPacket({sequence++, timestamp, 1}, now + late);
    timestamp += kClockRate / 50;
    now += 20'000;
  }
  return meter.read().jitter;
}

/// RFC 3550, section 6.4.1: a sixteenth of each difference.
void jitter_asInRfc3550() {
  g_assert_cmpuint(jitterOf({}), ==, 0);
  g_assert_cmpuint(jitterOf({0, 0, 0, 0}), ==, 0);
  g_assert_cmpuint(jitterOf({5000, 5000, 5000}), ==, 0);
  // One packet 16 ms late: 1 ms; the next one in time: 15/16 ms + 1 ms.
  g_assert_cmpuint(jitterOf({0, 16'000}), ==, 1'000'000);
  g_assert_cmpuint(jitterOf({0, 16'000, 0}), ==, 1'937'500);
  // It settles where the differences are.
  std::vector<std::int64_t> alternating;
  for (int i = 0; i < 400; ++i)
    alternating.push_back(i % 2 ? 8000 : 0);
  const std::uint64_t settled = jitterOf(alternating);
  g_assert_cmpuint(settled, >, 7'900'000);
  g_assert_cmpuint(settled, <=, 8'000'000);
}

void jitter_clockThatIsSet_doesNotCount() {
  g_assert_cmpuint(jitterOf({0, 0, 3'600'000'000, 3'600'000'000}), ==, 0);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/rtp_meter/meter_packets_areCountedOnce", meter_packets_areCountedOnce);
  g_test_add_func("/rtp_meter/meter_missing_isWhatLacksOnly", meter_missing_isWhatLacksOnly);
  g_test_add_func("/rtp_meter/meter_longRun_losesNoCount", meter_longRun_losesNoCount);
  g_test_add_func("/rtp_meter/jitter_asInRfc3550", jitter_asInRfc3550);
  g_test_add_func("/rtp_meter/jitter_clockThatIsSet_doesNotCount",
                  jitter_clockThatIsSet_doesNotCount);
  return g_test_run();
}
