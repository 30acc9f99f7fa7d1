// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads that are released, linked late, paused, finished or never fed.
#include <glib/gstdio.h>

#include "tests/elements/robust.h"

using namespace gws::test;

namespace {

constexpr const char *kBothReserved = "webrtcpublishsrc name=pub";

PublishOptions videoOnly(const PublishPipeline &pipeline, const std::string &stream = "cam") {
  PublishOptions options = optionsFor(pipeline, stream);
  options.audio = {};
  return options;
}

/// How far a publication has come when its video pad is released.
enum class Released { Offered, Answered, Flowing, Lost, Count };

void release(PublishPipeline &pipeline) {
  mustReturn("releasing the pad", [&pipeline] {
    const auto pad = padOf(pipeline.pub(), "video_cam");
    gst_element_release_request_pad(pipeline.pub(), pad.get());
  });
}

/// After the answer, before the client has read it: no DTLS yet.
PublishOptions releasingAtTheAnswer(PublishPipeline &pipeline) {
  PublishOptions options = optionsFor(pipeline);
  options.mungeAnswer = [&pipeline](std::string answer) {
    const auto pad = padOf(pipeline.pub(), "video_cam");
    gst_element_release_request_pad(pipeline.pub(), pad.get());
    return answer;
  };
  return options;
}

void reach(Released moment, PublishClient &client, PadRecorder &seen) {
  if (moment == Released::Offered) {
    client.start();
    fail_unless(eventually([&client] { return client.times().offerSent != 0; }));
    return;
  }
  mustPublish(client);
  if (moment == Released::Answered) return;
  fail_unless(seen.waitBuffers(5));
  if (moment == Released::Flowing) return;
  client.closeGoingAway();
  // Gaps say that the pad waits for the next publisher.
  fail_unless(seen.waitFor([](const Recording &recording) { return recording.gaps > 0; }),
              "the pad does not wait after the loss");
}

/// Both pads of "cam" on sinks that take what comes, and its logs.
struct OpenEnds {
  explicit OpenEnds(const std::string &line) : pipeline(line) {
    video = &pipeline.recordOpenEnd("video_cam");
    audio = &pipeline.recordOpenEnd("audio_cam");
  }
  FlowLog log(const char *pad) { return FlowLog(pipeline, padOf(pipeline.pub(), pad).get()); }

  PublishPipeline pipeline;
  PadRecorder *video = nullptr, *audio = nullptr;
};

/// A file that goes with the test.
struct TemporaryFile {
  TemporaryFile() {
    char *name = nullptr;
    const int file = g_file_open_tmp("robust-XXXXXX.mkv", &name, nullptr);
    fail_unless(file >= 0);
    g_close(file, nullptr);
    path = gws::takeString(name);
  }
  ~TemporaryFile() { g_unlink(path.c_str()); }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  gint64 size() const {
    GStatBuf status{};
    return g_stat(path.c_str(), &status) == 0 ? status.st_size : -1;
  }
  std::string path;
};

/// How many buffers of video the file holds; -1: it cannot be read to its end.
int framesOf(const TemporaryFile &file) {
  const std::string line = "filesrc location=" + file.path +
                           " ! matroskademux ! video/x-vp8 ! fakesink name=out sync=false";
  gws::OwnedError error;
  const auto pipeline = gws::Ref<GstElement>::sink(gst_parse_launch(line.c_str(), gws::Out(error)));
  const auto out = gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  PadRecorder seen(padOf(out.get(), "sink").get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const bool finished = seen.waitEos(Timeout(5000));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return finished ? static_cast<int>(seen.get().buffers) : -1;
}

}  // namespace

GST_START_TEST(pad_thatIsReleasedWhilePublishing_letsThePipelineStop) {
  const auto moment = static_cast<Released>(__i__);
  PublishPipeline pipeline(std::string(kBothReserved) + " pub.audio_cam" + kSink);
  if (moment == Released::Lost) g_object_set(pipeline.pub(), "reconnect-timeout", -1, nullptr);
  PadRecorder &seen = pipeline.recordOpenEnd("video_cam");
  PadRecorder &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  PublishClient client(moment == Released::Answered ? releasingAtTheAnswer(pipeline)
                                                    : optionsFor(pipeline));
  reach(moment, client, seen);
  if (moment != Released::Answered) release(pipeline);
  if (moment != Released::Lost)
    fail_unless(audio.waitMore(5), "moment %d: audio did not survive its sister pad", __i__);
  mustBeHealthy(pipeline);
  mustStop(pipeline);
}
GST_END_TEST

// Without a release: the element alone waits for the publisher that was lost.
GST_START_TEST(publisher_thatIsAwaitedForEver_letsThePipelineStop) {
  OpenEnds ends(std::string(kBothReserved) + " reconnect-timeout=-1");
  fail_unless(ends.pipeline.play());
  PublishClient client(optionsFor(ends.pipeline));
  reach(Released::Lost, client, *ends.video);
  mustStop(ends.pipeline);
}
GST_END_TEST

GST_START_TEST(pause_ofTwoSeconds_goesOnWithAKeyFrameOnTime) {
  // A sink blocks its streaming thread while PAUSED, an open end does not.
  const bool sink = __i__ == 0;
  PublishPipeline pipeline(std::string(kBothReserved) +
                           (sink ? std::string(" pub.video_cam") + kSink : std::string()));
  PadRecorder &seen = sink ? pipeline.record("video_cam") : pipeline.recordOpenEnd("video_cam");
  FlowLog log(pipeline, padOf(pipeline.pub(), "video_cam").get());
  fail_unless(pipeline.play());
  PublishClient client(videoOnly(pipeline));
  mustPublish(client);
  fail_unless(seen.waitBuffers(10));
  fail_unless(pipeline.setState(GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  g_usleep(2'000'000);
  log.clear();
  fail_unless(pipeline.setState(GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  fail_unless(log.waitBuffers(1, Timeout(5000)), "nothing after PAUSED");
  const FlowLog::Item first = log.get().buffers[0];
  fail_unless(first.key, "the first buffer after PAUSED is no key frame");
  fail_unless(first.discont, "the first buffer after PAUSED is not DISCONT");
  mustBeOnTime(first);
  fail_unless(log.waitBuffers(20));
  mustBeOnTime(log.get().buffers[19]);
  fail_unless_equals_int(seen.get().backwards, 0);
  mustBeHealthy(pipeline);
  mustStop(pipeline);
}
GST_END_TEST

GST_START_TEST(publisher_thatConnectsWhilePaused_flowsOnTimeAfterwards) {
  const bool reserved = __i__ == 0;
  PublishPipeline pipeline(std::string(kBothReserved) +
                           (reserved
                                ? std::string(" pub.video_cam") + kSink + " pub.audio_cam" + kSink
                                : std::string()));
  pipeline.takeNewPads();
  if (reserved) {
    pipeline.record("video_cam");
    pipeline.record("audio_cam");
  }
  fail_unless(pipeline.setState(GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  // More than the tolerance below: its time must not count from its own beginning.
  fail_unless(client.waitFrames(0, 50));
  fail_unless(pipeline.play());
  if (!reserved) fail_unless(pipeline.waitNewPads(2), "no sometimes pads");
  const std::vector<std::string> names =
      reserved ? std::vector<std::string>{"video_cam", "audio_cam"} : pipeline.newPads();
  for (const std::string &name : names) {
    FlowLog log(pipeline, padOf(pipeline.pub(), name.c_str()).get());
    fail_unless(log.waitBuffers(10, Timeout(5000)), "nothing on %s", name.c_str());
    for (const FlowLog::Item &item : log.get().buffers)
      mustBeOnTime(item);
    const Recording recording = pipeline.record(name).get();
    fail_unless(recording.firstIsKey, "%s begins without a key frame", name.c_str());
    fail_unless_equals_int(recording.backwards, 0);
  }
  mustBeHealthy(pipeline);
  mustStop(pipeline);
}
GST_END_TEST

GST_START_TEST(eos_fromTheApplication_reachesEveryPadOnce) {
  const bool publishing = __i__ == 1;
  OpenEnds ends(kBothReserved);
  FlowLog video = ends.log("video_cam"), audio = ends.log("audio_cam");
  fail_unless(ends.pipeline.play());
  PublishClient client(optionsFor(ends.pipeline));
  if (publishing) {
    mustPublish(client);
    fail_unless(video.waitBuffers(5) && audio.waitBuffers(5));
  }
  fail_unless(gst_element_send_event(ends.pipeline.pub(), gst_event_new_eos()));
  fail_unless(video.waitEos(1, Timeout(5000)) && audio.waitEos(1, Timeout(5000)),
              "EOS: video %u, audio %u", video.get().eos, audio.get().eos);
  fail_unless(gst_element_send_event(ends.pipeline.pub(), gst_event_new_eos()));
  if (publishing) {
    client.closeGoodbye();
    fail_unless(waitRemoved(ends.pipeline, 1));
  }
  PublishClient late(optionsFor(ends.pipeline));
  late.start();
  const SocketEnd end = late.waitClosed();
  fail_unless(end.closeCode == 1001, "http %d, code %d '%s'", end.httpStatus, end.closeCode,
              end.reason.c_str());
  fail_unless(!end.reason.empty());
  mustStop(ends.pipeline);
  fail_unless_equals_int(video.get().eos, 1);
  fail_unless_equals_int(audio.get().eos, 1);
  mustBeHealthy(ends.pipeline);
}
GST_END_TEST

// What gst-launch-1.0 -e does at Ctrl-C when nobody has published yet.
GST_START_TEST(eos_ofAPipelineWithoutAPublisher_isPosted) {
  const char *line =
      "webrtcpublishsrc name=pub port=0 pub.video_cam ! queue ! fakesink "
      "pub.audio_cam ! queue ! fakesink";
  gws::OwnedError error;
  const auto pipeline = gws::Ref<GstElement>::sink(gst_parse_launch(line, gws::Out(error)));
  fail_unless(pipeline && !error);
  const auto bus = gws::Ref<GstBus>::take(gst_element_get_bus(pipeline.get()));
  fail_unless(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  fail_unless(gst_element_send_event(pipeline.get(), gst_event_new_eos()));
  const auto message = gws::Ref<GstMessage>::take(gst_bus_timed_pop_filtered(
      bus.get(), 5 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  fail_unless(message, "no EOS on the bus");
  fail_unless(GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "an error on the bus");
  mustReturn("NULL", [&] { gst_element_set_state(pipeline.get(), GST_STATE_NULL); });
}
GST_END_TEST

GST_START_TEST(audioPad_ofAPublisherWithoutAudio_isFinishedOnce) {
  OpenEnds ends(kBothReserved);
  FlowLog video = ends.log("video_cam"), audio = ends.log("audio_cam");
  fail_unless(ends.pipeline.play());
  PublishClient first(videoOnly(ends.pipeline));
  mustPublish(first);
  fail_unless(audio.waitEos(1, Timeout(5000)), "no EOS on the pad that nobody feeds");
  fail_unless(video.waitBuffers(10));
  first.closeGoodbye();
  fail_unless(waitRemoved(ends.pipeline, 1));
  video.clear();
  PublishClient second(videoOnly(ends.pipeline));
  mustPublish(second);
  // A second of pictures: long after the pad could have been skipped again.
  fail_unless(video.waitBuffers(30), "no video of the second publisher");
  second.closeGoodbye();
  fail_unless(waitRemoved(ends.pipeline, 2));
  mustStop(ends.pipeline);
  fail_unless_equals_int(audio.get().eos, 1);
  fail_unless_equals_int(audio.get().buffers.size(), 0);
  mustBeHealthy(ends.pipeline);
}
GST_END_TEST

GST_START_TEST(audioPad_thatWaitsForEver_isNotFinished) {
  OpenEnds ends(std::string(kBothReserved) + " reconnect-timeout=-1");
  FlowLog video = ends.log("video_cam"), audio = ends.log("audio_cam");
  fail_unless(ends.pipeline.play());
  PublishClient client(videoOnly(ends.pipeline));
  mustPublish(client);
  fail_unless(video.waitBuffers(45));
  fail_unless_equals_int(audio.get().eos, 0);
  mustStop(ends.pipeline);
}
GST_END_TEST

GST_START_TEST(muxer_withAPadThatNobodyFeeds_writesTheVideo) {
  const TemporaryFile file;
  PublishPipeline pipeline(std::string(kBothReserved) +
                           " pub.video_cam ! queue ! mux. pub.audio_cam ! queue ! mux. "
                           "matroskamux name=mux ! filesink name=file async=false location=" +
                           file.path);
  PadRecorder &written = pipeline.recordAt("file", "sink");
  fail_unless(pipeline.play());
  PublishClient client(videoOnly(pipeline));
  mustPublish(client);
  fail_unless(written.waitBuffers(20), "%u writes", written.get().buffers);
  const gint64 size = file.size();
  fail_unless(eventually([&] { return file.size() > size + 5'000; }),
              "the file stays at %" G_GINT64_FORMAT, file.size());
  fail_unless(gst_element_send_event(pipeline.pipeline(), gst_event_new_eos()));
  fail_unless(written.waitEos(Timeout(5000)), "the muxer does not end");
  mustStop(pipeline);
  const int frames = framesOf(file);
  fail_unless(frames >= 20, "%d frames in the file", frames);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publications_intoFinishedQueues_postNoError) {
  // A sink that is finished answers late, from the other side of the queue: a publisher may have
  // left before the answer comes.
  const unsigned buffers = __i__ == 0 ? 30 : 1;
  PublishPipeline pipeline(std::string(kBothReserved) +
                           " pub.video_cam ! queue ! fakesink pub.audio_cam ! queue ! fakesink");
  PadRecorder &video = pipeline.record("video_cam"), &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  for (unsigned round = 1; round <= 3; ++round) {
    PublishClient client(optionsFor(pipeline));
    mustPublish(client);
    const auto came = [round, buffers](const Recording &seen) {
      return seen.streamIds.size() == round && seen.buffersSinceStart >= buffers;
    };
    fail_unless(video.waitFor(came) && audio.waitFor(came), "round %u: nothing came", round);
    client.closeGoodbye();
    fail_unless(waitRemoved(pipeline, round), "round %u: not removed", round);
    mustBeHealthy(pipeline);
  }
  mustStop(pipeline);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(pad_thatIsLinkedLate_beginsWithAKeyFrame) {
  PublishPipeline pipeline(kBothReserved);
  const auto own =
      gws::Ref<GstPad>::take(gst_element_request_pad_simple(pipeline.pub(), "video_cam"));
  fail_unless(pipeline.play());
  PublishClient client(videoOnly(pipeline));
  mustPublish(client);
  fail_unless(client.waitFrames(0, 60));
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
  gst_bin_add(GST_BIN(pipeline.pipeline()), sink);
  const auto input = padOf(sink, "sink");
  FlowLog log(pipeline, input.get());
  gst_element_sync_state_with_parent(sink);
  fail_unless_equals_int(gst_pad_link(own.get(), input.get()), GST_PAD_LINK_OK);
  fail_unless(log.waitBuffers(10, Timeout(5000)), "%u buffers after the link",
              static_cast<unsigned>(log.get().buffers.size()));
  fail_unless(log.get().buffers[0].key, "the first buffer is no key frame");
  mustBeOnTime(log.get().buffers[0]);
  mustBeHealthy(pipeline);
  mustStop(pipeline);
}
GST_END_TEST

namespace {

Suite *robust_suite() {
  Suite *suite = suite_create("robust");
  TCase *all = tcase_create("robust");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, pad_thatIsReleasedWhilePublishing_letsThePipelineStop, 0,
                      static_cast<int>(Released::Count));
  tcase_add_test(all, publisher_thatIsAwaitedForEver_letsThePipelineStop);
  tcase_add_loop_test(all, pause_ofTwoSeconds_goesOnWithAKeyFrameOnTime, 0, 2);
  tcase_add_loop_test(all, publisher_thatConnectsWhilePaused_flowsOnTimeAfterwards, 0, 2);
  tcase_add_loop_test(all, eos_fromTheApplication_reachesEveryPadOnce, 0, 2);
  tcase_add_test(all, eos_ofAPipelineWithoutAPublisher_isPosted);
  tcase_add_test(all, audioPad_ofAPublisherWithoutAudio_isFinishedOnce);
  tcase_add_test(all, audioPad_thatWaitsForEver_isNotFinished);
  tcase_add_test(all, muxer_withAPadThatNobodyFeeds_writesTheVideo);
  tcase_add_loop_test(all, publications_intoFinishedQueues_postNoError, 0, 2);
  tcase_add_test(all, pad_thatIsLinkedLate_beginsWithAKeyFrame);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(robust)
