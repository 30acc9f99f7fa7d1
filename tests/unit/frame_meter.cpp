// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames, key frames, sizes and freezes.
#include "frame_meter.h"

#include <glib.h>

#include <vector>

using namespace gws;

namespace {

void frames_inParts_areCountedByTheirTime() {
  FrameMeter meter;
  unsigned frames = 0;
  for (std::uint64_t time : {0, 0, 40, 40, 40, 80, 120})
    if (meter.begins(time)) ++frames;
  g_assert_cmpuint(frames, ==, 4);
}

void frames_whole_areCountedEach() {
  FrameMeter meter;
  meter.setWholeFrames(true);
  unsigned frames = 0;
  for (std::uint64_t time : {0, 0, 40, 40})
    if (meter.begins(time)) ++frames;
  g_assert_cmpuint(frames, ==, 4);
}

void reading_hasWhatWasLast() {
  FrameMeter meter;
  g_assert_cmpuint(meter.read().width, ==, 0);
  meter.setSize(640, 360);
  meter.setSize(1280, 65535);
  meter.onFrame(true, 1000);
  meter.onFrame(false, 41'000);
  meter.onFrame(true, 81'000);
  meter.onFrame(false, 121'000);
  const FrameMeter::Reading read = meter.read();
  g_assert_cmpuint(read.width, ==, 1280);
  g_assert_cmpuint(read.height, ==, 65535);
  g_assert_cmpuint(read.frames, ==, 4);
  g_assert_cmpuint(read.keyframes, ==, 2);
  g_assert_cmpint(read.lastKeyframe, ==, 81'000);
}

struct Row {
  const char *name;
  std::vector<std::int64_t> intervals;  ///< ms
  std::uint64_t freezes, frozenMs;
};

const Row kRows[] = {
    {"none", {}, 0, 0},
    {"even", {40, 40, 40, 40, 40, 40, 40, 40}, 0, 0},
    {"tooFewToTell", {40, 40, 40, 40, 5000}, 0, 0},
    {"three times the average, but not 150 ms more", {40, 40, 40, 40, 40, 130}, 0, 0},
    {"150 ms more, but not three times", {100, 100, 100, 100, 100, 260}, 0, 0},
    {"both, exactly", {40, 40, 40, 40, 40, 190}, 1, 190},
    {"slow pictures", {200, 200, 200, 200, 200, 599, 200, 200}, 0, 0},
    {"slow pictures that stop", {200, 200, 200, 200, 200, 600, 200}, 1, 600},
    {"twice", {40, 40, 40, 40, 40, 1000, 40, 40, 40, 40, 2000}, 2, 3000},
};

void freezes_areAsInWebrtcStats() {
  for (const Row &row : kRows) {
    FrameMeter meter;
    std::int64_t now = 1'000'000;
    meter.onFrame(true, now);
    for (std::int64_t interval : row.intervals)
      meter.onFrame(false, now += interval * 1000);
    const FrameMeter::Reading read = meter.read();
    if (read.freezes != row.freezes || read.frozen != row.frozenMs * 1000)
      g_error("%s: %u freezes, %u ms", row.name, unsigned(read.freezes),
              unsigned(read.frozen / 1000));
  }
}

/// The average is that of the last 30: after a change of rate the new one is what counts.
void freezes_averageForgets() {
  FrameMeter meter;
  std::int64_t now = 1;
  meter.onFrame(true, now);
  for (int i = 0; i < 100; ++i)
    meter.onFrame(false, now += 1'000'000);
  for (int i = 0; i < 30; ++i)
    meter.onFrame(false, now += 20'000);
  g_assert_cmpuint(meter.read().freezes, ==, 0);
  meter.onFrame(false, now += 200'000);
  g_assert_cmpuint(meter.read().freezes, ==, 1);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/frame_meter/frames_inParts_areCountedByTheirTime",
                  frames_inParts_areCountedByTheirTime);
  g_test_add_func("/frame_meter/frames_whole_areCountedEach", frames_whole_areCountedEach);
  g_test_add_func("/frame_meter/reading_hasWhatWasLast", reading_hasWhatWasLast);
  g_test_add_func("/frame_meter/freezes_areAsInWebrtcStats", freezes_areAsInWebrtcStats);
  g_test_add_func("/frame_meter/freezes_averageForgets", freezes_averageForgets);
  return g_test_run();
}
