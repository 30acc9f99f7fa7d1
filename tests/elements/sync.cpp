// SPDX-License-Identifier: LGPL-2.1-or-later
// How far apart a flash and a beep that were made at one instant leave the pads.
// SYNC_SECONDS: how long each publication is watched (8).
#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tests/common/check.h"

using namespace gws::test;

namespace {

constexpr GstClockTimeDiff kLimit = 40 * GST_MSECOND;
constexpr GstClockTime kPeriod = GST_SECOND;
constexpr GstClockTime kFlash = 90 * GST_MSECOND, kBeep = 60 * GST_MSECOND;
constexpr GstClockTime kQuiet = 300 * GST_MSECOND;  ///< between two events of one track, at least
constexpr int kRate = 48'000;
constexpr double kTwoPi = 6.283185307179586;

/// What a publisher sends: a flash and a beep each second, at one instant of its pipeline's time.
/// Its streaming threads share it; it outlives the client.
struct Stage {
  GstClockTimeDiff beepLate = 0;  ///< of the content, against the flash
  GstClockTime picturesHeld = 0;  ///< pictures leave so much later than they were taken
  std::atomic<GstClockTime> epoch{GST_CLOCK_TIME_NONE};  ///< time of the first picture

  /// Time since the last event began; none before the first one, a period after the epoch.
  GstClockTime since(GstClockTime time, GstClockTimeDiff late) const {
    const GstClockTime begin = epoch;
    if (!GST_CLOCK_TIME_IS_VALID(begin)) return GST_CLOCK_TIME_NONE;
    const auto passed = GST_CLOCK_DIFF(begin, time) - late;
    if (passed < static_cast<GstClockTimeDiff>(kPeriod)) return GST_CLOCK_TIME_NONE;
    return static_cast<GstClockTime>(passed) % kPeriod;
  }
};

/// The buffer of a probe, made writable in its place.
GstBuffer *writable(GstPadProbeInfo *info) {
  GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  info->data = buffer;
  return buffer;
}

/// Browsers relate RTP to the time at which the media was taken, webrtcbin by default to the one
/// at which it is sent, which would hide that a track is late.
void reportCaptureTime(GstPad *pad) {
  auto top = gws::Ref<GstObject>::take(gst_object_get_parent(GST_OBJECT(pad)));
  while (auto parent = gws::Ref<GstObject>::take(gst_object_get_parent(top.get())))
    top = parent;
  const auto rtpbin = gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(top.get()), "rtpbin"));
  g_object_set(rtpbin.get(), "rtcp-sync-send-time", FALSE, nullptr);
}

GstPadProbeReturn drawFlash(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *stage = static_cast<Stage *>(data);
  const GstClockTime time = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
  if (!GST_CLOCK_TIME_IS_VALID(stage->epoch)) {
    reportCaptureTime(pad);
    stage->epoch = time;
  }
  // False for GST_CLOCK_TIME_NONE too.
  if (stage->since(time, 0) < kFlash) {
    GstBuffer *picture = writable(info);
    gst_buffer_memset(picture, 0, 235, gst_buffer_get_size(picture));
  }
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn drawBeep(GstPad *, GstPadProbeInfo *info, gpointer data) {
  const auto *stage = static_cast<Stage *>(data);
  GstBuffer *sound = writable(info);
  const GstClockTime time = GST_BUFFER_PTS(sound);
  GstMapInfo map;
  if (!gst_buffer_map(sound, &map, GST_MAP_READWRITE)) return GST_PAD_PROBE_OK;
  auto *samples = reinterpret_cast<gint16 *>(map.data);
  for (std::size_t i = 0; i < map.size / sizeof(gint16); ++i) {
    const auto at =
        stage->since(time + gst_util_uint64_scale_int(i, GST_SECOND, kRate), stage->beepLate);
    const double seconds = static_cast<double>(at) / GST_SECOND;
    samples[i] = at < kBeep ? static_cast<gint16>(16'000 * std::sin(kTwoPi * 1000 * seconds)) : 0;
  }
  gst_buffer_unmap(sound, &map);
  // It was made as silence.
  GST_BUFFER_FLAG_UNSET(sound, GST_BUFFER_FLAG_GAP);
  return GST_PAD_PROBE_OK;
}

/// A bin with a src pad; the probe sees what leaves its element `raw`.
EncodedSource drawn(const std::string &text, GstPadProbeCallback draw, Stage *stage) {
  return [=] {
    GstElement *bin = gst_parse_bin_from_description(text.c_str(), TRUE, nullptr);
    if (!bin) g_error("cannot build '%s'", text.c_str());
    const auto raw = gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(bin), "raw"));
    const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(raw.get(), "src"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, draw, stage, nullptr);
    return bin;
  };
}

PublishOptions onStage(const PublishPipeline &pipeline, Stage *stage) {
  PublishOptions options = optionsFor(pipeline);
  const std::string hold =
      stage->picturesHeld
          ? " ! queue max-size-time=0 max-size-buffers=0 ! identity sync=true ts-offset=" +
                std::to_string(stage->picturesHeld)
          : "";
  options.video = {
      TrackOffer("vp8", drawn("videotestsrc is-live=true pattern=black ! capsfilter name=raw "
                              "caps=video/x-raw,format=GRAY8,width=160,height=120,framerate=30/1 ! "
                              "videoconvert ! vp8enc deadline=1 cpu-used=16 "
                              "keyframe-max-dist=100000 target-bitrate=500000" +
                                  hold,
                              drawFlash, stage))};
  options.audio = {
      TrackOffer("opus", drawn("audiotestsrc is-live=true wave=silence samplesperbuffer=480 ! "
                               "capsfilter name=raw "
                               "caps=audio/x-raw,format=S16LE,rate=48000,channels=1 ! "
                               "audioconvert ! audio/x-raw,channels=2 ! opusenc",
                               drawBeep, stage))};
  return options;
}

using Moments = std::vector<GstClockTime>;

/// Notes when a track becomes bright or loud, in the time of its pad. A probe writes, the test
/// reads.
class Onsets {
 public:
  Onsets(PublishPipeline &pipeline, const char *element, GstPadProbeCallback look) {
    const auto found =
        gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.pipeline()), element));
    const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(found.get(), "src"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, look, this, nullptr);
  }

  /// Streaming thread: something bright or loud lies here.
  void note(GstClockTime time) {
    if (!GST_CLOCK_TIME_IS_VALID(last_) || time > last_ + kQuiet)
      moments_.update([time](Moments &all) { all.push_back(time); });
    last_ = time;
  }
  Moments since(GstClockTime begin) const {
    Moments all = moments_.get();
    all.erase(all.begin(), std::lower_bound(all.begin(), all.end(), begin));
    return all;
  }
  bool waitSince(GstClockTime begin, std::size_t count) {
    return moments_.waitFor(
        [=](const Moments &all) {
          return static_cast<std::size_t>(all.end() -
                                          std::lower_bound(all.begin(), all.end(), begin)) >= count;
        },
        kDeadline + std::chrono::seconds(count));
  }

 private:
  Watched<Moments> moments_;
  GstClockTime last_ = GST_CLOCK_TIME_NONE;
};

GstPadProbeReturn seeFlash(GstPad *, GstPadProbeInfo *info, gpointer onsets) {
  GstBuffer *picture = GST_PAD_PROBE_INFO_BUFFER(info);
  GstMapInfo map;
  if (!gst_buffer_map(picture, &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
  guint64 sum = 0;
  for (gsize i = 0; i < map.size; ++i)
    sum += map.data[i];
  if (sum > map.size * 128) static_cast<Onsets *>(onsets)->note(GST_BUFFER_PTS(picture));
  gst_buffer_unmap(picture, &map);
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn hearBeep(GstPad *, GstPadProbeInfo *info, gpointer onsets) {
  GstBuffer *sound = GST_PAD_PROBE_INFO_BUFFER(info);
  GstMapInfo map;
  if (!gst_buffer_map(sound, &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
  const auto *samples = reinterpret_cast<const gint16 *>(map.data);
  for (gsize i = 0; i < map.size / sizeof(gint16); ++i)
    if (std::abs(samples[i]) > 4'000)
      static_cast<Onsets *>(onsets)->note(GST_BUFFER_PTS(sound) +
                                          gst_util_uint64_scale_int(i, GST_SECOND, kRate));
  gst_buffer_unmap(sound, &map);
  return GST_PAD_PROBE_OK;
}

/// A pipeline with decoded pads, and what they showed.
struct Watch {
  PublishPipeline pipeline{
      "webrtcpublishsrc name=pub reconnect-timeout=60000 "
      "pub.video_cam ! videoconvert ! capsfilter name=seen caps=video/x-raw,format=GRAY8 ! "
      "fakesink async=false sync=false "
      "pub.audio_cam ! audioconvert ! audioresample ! capsfilter name=heard "
      "caps=audio/x-raw,format=S16LE,rate=48000,channels=1 ! fakesink async=false sync=false"};
  Onsets flashes{pipeline, "seen", seeFlash};
  Onsets beeps{pipeline, "heard", hearBeep};
  PadRecorder &video = pipeline.record("video_cam");
  PadRecorder &audio = pipeline.record("audio_cam");

  ~Watch() { pipeline.stop(); }
};

/// Beep minus flash, for each flash that has a beep beside it.
std::vector<GstClockTimeDiff> offsets(const Moments &flashes, const Moments &beeps) {
  std::vector<GstClockTimeDiff> all;
  for (const GstClockTime flash : flashes)
    for (const GstClockTime beep : beeps)
      if (const auto apart = GST_CLOCK_DIFF(flash, beep);
          std::abs(apart) < static_cast<GstClockTimeDiff>(kPeriod / 2))
        all.push_back(apart);
  return all;
}

std::string inMilliseconds(const std::vector<GstClockTimeDiff> &all) {
  std::string text;
  for (const auto one : all)
    text += (text.empty() ? "" : ", ") + std::to_string(one / static_cast<int>(GST_MSECOND));
  return text;
}

std::size_t eventsToWatch() {
  const char *text = g_getenv("SYNC_SECONDS");
  return text ? static_cast<std::size_t>(std::max(3, std::atoi(text))) : 8;
}

/// Publishes until `events` were seen; what they are apart, in their order.
std::vector<GstClockTimeDiff> publishAndMeasure(Watch &watch, Stage &stage, std::size_t events) {
  const GstClockTime last = watch.video.get().lastPts,
                     begin = GST_CLOCK_TIME_IS_VALID(last) ? last + 1 : 0;
  PublishClient client(onStage(watch.pipeline, &stage));
  mustPublish(client);
  fail_unless(watch.flashes.waitSince(begin, events), "%u flashes were seen",
              static_cast<unsigned>(watch.flashes.since(begin).size()));
  fail_unless(watch.beeps.waitSince(begin, events), "%u beeps were heard",
              static_cast<unsigned>(watch.beeps.since(begin).size()));
  client.closeGoingAway();
  const auto apart = offsets(watch.flashes.since(begin), watch.beeps.since(begin));
  g_print("beep minus flash, ms: %s\n", inMilliseconds(apart).c_str());
  fail_unless(apart.size() + 1 >= events, "only %u flashes have a beep beside them",
              static_cast<unsigned>(apart.size()));
  return apart;
}

void mustBeTogether(const std::vector<GstClockTimeDiff> &apart) {
  for (const auto one : apart)
    fail_unless(std::abs(one) <= kLimit, "beep minus flash, ms: %s", inMilliseconds(apart).c_str());
}

void mustNotGoBack(const Watch &watch) {
  fail_unless_equals_int(watch.video.get().backwards + watch.audio.get().backwards, 0);
  fail_unless_equals_int(watch.video.get().withoutPts + watch.audio.get().withoutPts, 0);
  mustBeHealthy(watch.pipeline);
}

}  // namespace

GST_START_TEST(events_ofBothTracks_stayTogetherAcrossAReconnect) {
  Watch watch;
  fail_unless(watch.pipeline.play());
  Stage first, second;
  mustBeTogether(publishAndMeasure(watch, first, eventsToWatch()));
  mustBeTogether(publishAndMeasure(watch, second, eventsToWatch()));
  mustNotGoBack(watch);
}
GST_END_TEST

GST_START_TEST(pictures_thatLeaveLate_areBroughtTogetherBySenderReports) {
  Watch watch;
  fail_unless(watch.pipeline.play());
  Stage stage{.picturesHeld = 150 * GST_MSECOND};
  auto apart = publishAndMeasure(watch, stage, eventsToWatch());
  mustBeTogether(apart);
  mustNotGoBack(watch);
}
GST_END_TEST

// The measurement itself.
GST_START_TEST(events_sentApart_areMeasuredApart) {
  Watch watch;
  fail_unless(watch.pipeline.play());
  const GstClockTimeDiff late = 120 * GST_MSECOND;
  Stage stage{.beepLate = late};
  for (const auto one : publishAndMeasure(watch, stage, 3))
    fail_unless(std::abs(one - late) <= kLimit, "%d ms",
                static_cast<int>(one / static_cast<int>(GST_MSECOND)));
}
GST_END_TEST

namespace {

Suite *sync_suite() {
  Suite *suite = suite_create("sync");
  TCase *all = tcase_create("sync");
  tcase_set_timeout(all, 60 + 3 * static_cast<double>(eventsToWatch()));
  suite_add_tcase(suite, all);
  tcase_add_test(all, events_ofBothTracks_stayTogetherAcrossAReconnect);
  tcase_add_test(all, pictures_thatLeaveLate_areBroughtTogetherBySenderReports);
  tcase_add_test(all, events_sentApart_areMeasuredApart);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(sync)
