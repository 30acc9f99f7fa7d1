// SPDX-License-Identifier: LGPL-2.1-or-later
// add-reference-timestamp-meta: the sender's NTP time on what leaves the pads.
#include <optional>
#include <vector>

#include "tests/common/check.h"
#include "tests/common/loop_thread.h"
#include "tests/common/publish_client.h"
#include "tests/common/publish_pipeline.h"

using namespace gws;
using namespace gws::test;

namespace {

/// Seconds from 1900 to 1970: NTP's epoch and that of UNIX (RFC 5905, section 6).
constexpr guint64 kEpochs = 2'208'988'800;
constexpr GstClockTimeDiff kClose = 20 * GST_SECOND, kExact = 40 * GST_MSECOND;

struct Stamp {
  GstClockTime pts, ntp;
};

/// The reference times that pass a pad.
class Stamps {
 public:
  Stamps(PublishPipeline &pipeline, const char *pad)
      : pad_(Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), pad))) {
    auto note = [](GstPad *, GstPadProbeInfo *info, gpointer self) {
      static_cast<Stamps *>(self)->note(GST_PAD_PROBE_INFO_BUFFER(info));
      return GST_PAD_PROBE_OK;
    };
    gst_pad_add_probe(pad_.get(), GST_PAD_PROBE_TYPE_BUFFER, note, this, nullptr);
  }

  bool waitFor(std::size_t count) {
    return stamps_.waitFor([count](const auto &seen) { return seen.size() >= count; }, kDeadline);
  }
  std::vector<Stamp> get() const { return stamps_.get(); }

 private:
  void note(GstBuffer *buffer) {
    auto clock = Ref<GstCaps>::take(gst_caps_new_empty_simple("timestamp/x-ntp"));
    const auto *meta = gst_buffer_get_reference_timestamp_meta(buffer, clock.get());
    if (!meta) return;
    const Stamp stamp{GST_BUFFER_PTS(buffer), meta->timestamp};
    stamps_.update([stamp](auto &seen) { seen.push_back(stamp); });
  }

  Ref<GstPad> pad_;
  Watched<std::vector<Stamp>> stamps_;
};

struct Row {
  const char *line, *codec;
};
const Row kRows[] = {
    {"output=encoded pub.video_cam ! queue ! fakesink pub.audio_cam ! queue ! fakesink", "vp8"},
    {"output=encoded pub.video_cam ! queue ! fakesink pub.audio_cam ! queue ! fakesink", "h264"},
    {"output=raw pub.video_cam ! queue ! fakesink pub.audio_cam ! queue ! fakesink", "vp8"},
    {"output=rtp pub.video_cam ! queue ! fakesink pub.audio_cam ! queue ! fakesink", "vp8"},
};

/// Steps between two buffers are the same on both clocks, but where a sender report has moved the
/// running time.
void mustTellTheSendersTime(const Stamps &stamps) {
  const guint64 now = kEpochs * GST_SECOND + static_cast<guint64>(g_get_real_time()) * 1000;
  unsigned steps = 0, uneven = 0;
  std::optional<Stamp> before;
  for (const Stamp &stamp : stamps.get()) {
    fail_unless(std::abs(GST_CLOCK_DIFF(stamp.ntp, now)) < kClose);
    if (before) {
      const auto apart =
          GST_CLOCK_DIFF(before->pts, stamp.pts) - GST_CLOCK_DIFF(before->ntp, stamp.ntp);
      steps++;
      if (std::abs(apart) > kExact) uneven++;
    }
    before = stamp;
  }
  fail_unless(uneven <= 2, "%u of %u steps differ", uneven, steps);
}

}  // namespace

GST_START_TEST(buffers_withTheProperty_carryTheSendersTime) {
  const Row &row = kRows[__i__];
  PublishPipeline pipeline(
      std::string("webrtcpublishsrc name=pub add-reference-timestamp-meta=true ") + row.line);
  Stamps video(pipeline, "video_cam"), audio(pipeline, "audio_cam");
  fail_unless(pipeline.play());
  PublishOptions options;
  options.url = pipeline.url("cam");
  options.video = {row.codec};
  PublishClient client(options);
  client.start();
  fail_unless(client.waitConnected());
  fail_unless(video.waitFor(30) && audio.waitFor(50), "no reference times came");
  pipeline.stop();
  mustTellTheSendersTime(video);
  mustTellTheSendersTime(audio);
}
GST_END_TEST

GST_START_TEST(buffers_withoutTheProperty_carryNone) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub ") + kRows[0].line);
  Stamps video(pipeline, "video_cam");
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options;
  options.url = pipeline.url("cam");
  PublishClient client(options);
  client.start();
  fail_unless(seen.waitBuffers(60));
  pipeline.stop();
  fail_unless_equals_int(static_cast<int>(video.get().size()), 0);
}
GST_END_TEST

namespace {

Suite *reference_time_suite() {
  Suite *suite = suite_create("reference_time");
  TCase *all = tcase_create("reference_time");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, buffers_withTheProperty_carryTheSendersTime, 0, G_N_ELEMENTS(kRows));
  tcase_add_test(all, buffers_withoutTheProperty_carryNone);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(reference_time)
