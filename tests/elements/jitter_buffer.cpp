// SPDX-License-Identifier: LGPL-2.1-or-later
// The jitter buffer by itself: what goes in comes out, in order, with nobody to push it.
#include <gst/check/gstharness.h>
#include <gst/rtp/rtp.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "gst/common/glib_owned.h"
#include "gstjitterbuffer.h"
#include "tests/common/check.h"

using namespace gws;

namespace {

constexpr unsigned kTicks = 960;  // 20 ms of Opus
constexpr GstClockTime kPacketTime = 20 * GST_MSECOND;
constexpr std::chrono::milliseconds kPace(20);

class Bench {
 public:
  explicit Bench(unsigned latencyMs, const char *media = "audio", unsigned clockRate = 48000) {
    element_ = makeJitterBuffer();
    g_object_set(element_.get(), "latency", latencyMs, "do-lost", TRUE, nullptr);
    harness_.reset(gst_harness_new_with_element(element_.get(), "sink", "src"));
    const std::string caps = std::string("application/x-rtp, media=(string)") + media +
                             ", payload=(int)96, clock-rate=(int)" + std::to_string(clockRate);
    gst_harness_set_src_caps_str(harness_.get(), caps.c_str());
  }

  /// The packet with that number, at its time.
  void push(unsigned number, bool marker = false) {
    GstBuffer *buffer = gst_rtp_buffer_new_allocate(4, 0, 0);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    fail_unless(gst_rtp_buffer_map(buffer, GST_MAP_WRITE, &rtp));
    gst_rtp_buffer_set_seq(&rtp, static_cast<guint16>(kFirst + number));
    gst_rtp_buffer_set_timestamp(&rtp, number * kTicks);
    gst_rtp_buffer_set_payload_type(&rtp, 96);
    gst_rtp_buffer_set_ssrc(&rtp, 7);
    gst_rtp_buffer_set_marker(&rtp, marker);
    gst_rtp_buffer_unmap(&rtp);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_SECOND + number * kPacketTime;
    fail_unless_equals_int(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
  }

  /// The next packet's number; nothing if none comes for a minute. Packets that do not follow on
  /// the one before are marked so, and no others.
  std::optional<unsigned> pull() {
    const auto buffer = Ref<GstBuffer>::take(gst_harness_pull(harness_.get()));
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    if (!buffer || !gst_rtp_buffer_map(buffer.get(), GST_MAP_READ, &rtp)) return std::nullopt;
    const unsigned number = (gst_rtp_buffer_get_seq(&rtp) - kFirst) & 0xffffu;
    gst_rtp_buffer_unmap(&rtp);
    fail_unless_equals_uint64(GST_BUFFER_PTS(buffer.get()), GST_SECOND + number * kPacketTime);
    fail_unless_equals_int(GST_BUFFER_IS_DISCONT(buffer.get()), next_ != number);
    next_ = number + 1;
    return number;
  }

  void mustPull(unsigned first, unsigned last) {
    for (unsigned number = first; number <= last; number++)
      fail_unless(pull() == number, "packet %u did not come", number);
  }

  /// How many packets came.
  unsigned out() { return gst_harness_buffers_received(harness_.get()); }

  /// Packets that were given up, as downstream is told.
  unsigned lost() {
    unsigned result = 0;
    while (auto event = Ref<GstEvent>::take(gst_harness_try_pull_event(harness_.get())))
      result += gst_event_has_name(event.get(), "GstRTPPacketLost") != FALSE;
    return result;
  }

 private:
  static constexpr unsigned kFirst = 0xfff0;  // so that the numbers wrap
  std::optional<unsigned> next_;              ///< the number behind the last one that came
  Ref<GstElement> element_;
  Owned<GstHarness, gst_harness_teardown> harness_;
};

}  // namespace

/// Whichever is the last comes as well.
GST_START_TEST(sound_thatFlowsAndStops_comesWhole) {
  for (const unsigned latency : {0u, 40u, 200u, 1000u}) {
    Bench bench(latency);
    unsigned next = 0;
    for (const unsigned packets : {1u, 15u, 16u}) {
      for (unsigned i = 0; i < packets; i++) {
        bench.push(next + i);
        std::this_thread::sleep_for(kPace);
      }
      bench.mustPull(next, next + packets - 1);
      next += packets;
    }
    fail_unless_equals_int(bench.lost(), 0);
  }
}
GST_END_TEST

/// A busy machine has sound that does not flow, for a while.
GST_START_TEST(sound_thatFlows_comesInPairs) {
  constexpr unsigned kPackets = 1000, kPairs = 20;
  Bench bench(200);
  unsigned pairs = 0;
  for (unsigned number = 0; number < kPackets && pairs < kPairs; number++) {
    const unsigned before = bench.out();
    bench.push(number);
    std::this_thread::sleep_for(kPace);
    pairs += before == number - 1 && bench.out() == number + 1;
  }
  fail_unless_equals_int(pairs, kPairs);
}
GST_END_TEST

/// The first of a pair whose second does not come: sooner than the thread would look for anything
/// else. A busy machine takes some rounds to show it.
GST_START_TEST(sound_thatStops_isNotKeptForLong) {
  constexpr unsigned kRounds = 10;
  Bench bench(1000);
  unsigned next = 0;
  auto longest = std::chrono::steady_clock::duration::max();
  for (unsigned round = 0; round < kRounds && longest > std::chrono::milliseconds(100); round++) {
    longest = {};
    for (const unsigned packets : {10u, 11u}) {
      for (unsigned i = 0; i < packets; i++) {
        std::this_thread::sleep_for(kPace);
        bench.push(next + i);
      }
      const auto stopped = std::chrono::steady_clock::now();
      bench.mustPull(next, next + packets - 1);
      longest = std::max(longest, std::chrono::steady_clock::now() - stopped);
      next += packets;
    }
  }
  fail_unless(longest <= std::chrono::milliseconds(100));
}
GST_END_TEST

/// Without the marker that senders put on the last packet, too.
GST_START_TEST(video_comesPictureByPicture) {
  for (const bool marks : {true, false}) {
    Bench bench(200, "video");
    for (unsigned number = 0; number < 30; number++)
      bench.push(number, marks && number % 3 == 2);
    bench.mustPull(0, 29);
  }
}
GST_END_TEST

GST_START_TEST(packets_inAnyOrder_comeInTheirs) {
  for (const char *media : {"audio", "video"}) {
    Bench bench(1000, media);
    for (const unsigned number : {0u, 2u, 1u, 1u, 5u, 4u, 3u, 6u, 2u, 8u, 7u})
      bench.push(number);
    bench.mustPull(0, 8);
    fail_unless_equals_int(bench.lost(), 0);
  }
}
GST_END_TEST

GST_START_TEST(packets_thatDoNotCome_areGivenUp) {
  Bench bench(100);
  for (const unsigned number : {0u, 1u, 4u, 5u})
    bench.push(number);
  bench.mustPull(0, 1);
  bench.mustPull(4, 5);
  fail_unless_equals_int(bench.lost(), 2);
  bench.push(2);  // too late
  bench.push(6);
  bench.mustPull(6, 6);
}
GST_END_TEST

/// RFC 3550, appendix A.1: the first packet with a number far away is not believed.
GST_START_TEST(packets_thatBeginAnew_areMarked) {
  for (const char *media : {"audio", "video"}) {
    Bench bench(1000, media);
    for (const unsigned number : {0u, 1u, 20'000u, 20'001u, 20'002u})
      bench.push(number);
    bench.mustPull(0, 1);
    bench.mustPull(20'001, 20'002);
    fail_unless_equals_int(bench.lost(), 0);
  }
}
GST_END_TEST

namespace {

Suite *jitter_buffer_suite() {
  Suite *suite = suite_create("jitter_buffer");
  TCase *all = tcase_create("jitter_buffer");
  suite_add_tcase(suite, all);
  tcase_add_test(all, sound_thatFlowsAndStops_comesWhole);
  tcase_add_test(all, sound_thatFlows_comesInPairs);
  tcase_add_test(all, sound_thatStops_isNotKeptForLong);
  tcase_add_test(all, video_comesPictureByPicture);
  tcase_add_test(all, packets_inAnyOrder_comeInTheirs);
  tcase_add_test(all, packets_thatDoNotCome_areGivenUp);
  tcase_add_test(all, packets_thatBeginAnew_areMarked);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(jitter_buffer)
