// SPDX-License-Identifier: LGPL-2.1-or-later
// States, teardown at any moment, leaks, and what a live source owes its pipeline.
#include "tests/common/check.h"

using namespace gws::test;

namespace {

constexpr Timeout kStopLimit{5000};

std::string twoTracks() {
  return std::string("webrtcpublishsrc name=pub pub.video_cam ! identity name=video") + kSink +
         " pub.audio_cam" + kSink;
}

/// How far a publication has come when the pipeline is taken down.
enum class Moment { Idle, SocketOpen, OfferSent, Answered, Connected, Flowing, Blocked, Count };

/// Blocks the streaming thread that comes through; stays until the pad is deactivated.
void blockPad(PublishPipeline &pipeline) {
  const auto element =
      gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.pipeline()), "video"));
  const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(element.get(), "src"));
  Watched<bool> blocked;
  const auto callback = [](GstPad *, GstPadProbeInfo *, gpointer seen) {
    if (seen) static_cast<Watched<bool> *>(seen)->set(true);
    return GST_PAD_PROBE_OK;
  };
  const gulong probe = gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, callback,
                                         &blocked, nullptr);
  fail_unless(blocked.waitFor([](bool value) { return value; }), "nothing came to be blocked");
  // The probe that refers to this function's variable is replaced by one that does not.
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, callback, nullptr, nullptr);
  gst_pad_remove_probe(pad.get(), probe);
}

void reach(Moment moment, PublishPipeline &pipeline, PublishClient &client, RawSocket &socket) {
  if (moment == Moment::Idle) return;
  if (moment == Moment::SocketOpen) {
    fail_unless(socket.connect(pipeline.url("cam")));
    return;
  }
  client.start();
  if (moment == Moment::OfferSent) {
    const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
    while (client.times().offerSent == 0 && g_get_monotonic_time() < deadline)
      g_usleep(500);
    fail_unless(client.times().offerSent != 0);
    return;
  }
  fail_unless(client.waitAnswered(), "no answer");
  if (moment == Moment::Answered) return;
  fail_unless(client.waitConnected(), "not connected");
  if (moment == Moment::Connected) return;
  fail_unless(pipeline.record("video_cam").waitBuffers(5));
  if (moment == Moment::Blocked) blockPad(pipeline);
}

/// One publication from PLAYING to NULL on a pipeline that may have had others.
void publishOnce(PublishPipeline &pipeline) {
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  const unsigned before = seen.get().buffers;
  {
    PublishClient client(optionsFor(pipeline));
    mustPublish(client);
    fail_unless(seen.waitBuffers(before + 5));
    client.closeGoodbye();
  }
  fail_unless(pipeline.waitMessage("webrtc-publisher-removed").has_value());
  fail_unless(pipeline.stop() < kStopLimit);
}

GstEvent *forceKeyUnit() {
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE,
                        "all-headers", G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 1u, nullptr));
}

}  // namespace

GST_START_TEST(null_atAnyMoment_returnsWithinASecond) {
  PublishPipeline pipeline(twoTracks());
  pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  RawSocket socket;
  reach(static_cast<Moment>(__i__), pipeline, client, socket);
  const Timeout took = pipeline.stop();
  fail_unless(took < kStopLimit, "moment %d: NULL took %d ms", __i__,
              static_cast<int>(took.count()));
  if (static_cast<Moment>(__i__) == Moment::SocketOpen)
    fail_unless(socket.waitClosed().closed, "the socket stayed open");
  else if (static_cast<Moment>(__i__) != Moment::Idle)
    fail_unless(client.waitClosed().closed, "the client's socket stayed open");
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(null_whilePublishing_tellsTheClientThatThePipelineStops) {
  PublishPipeline pipeline(twoTracks());
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  pipeline.stop();
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closeCode == 1001, "code %d '%s'", end.closeCode, end.reason.c_str());
  fail_unless(!end.reason.empty());
}
GST_END_TEST

GST_START_TEST(null_whenEverElapsed_repeatedWithoutEnd) {
  PublishPipeline pipeline(twoTracks());
  // Each round a little later in the negotiation, which takes about half a second.
  for (int round = 0; round < 12; ++round) {
    fail_unless(pipeline.play());
    PublishClient client(optionsFor(pipeline));
    client.start();
    client.waitConnected(Timeout(round * 50));
    const Timeout took = pipeline.stop();
    fail_unless(took < kStopLimit, "round %d: NULL took %d ms", round,
                static_cast<int>(took.count()));
  }
  mustBeHealthy(pipeline);
}
GST_END_TEST

// Small pictures, few of them, and a patient server: tests/valgrind runs this one.
GST_START_TEST(publication_ofALightClient_beginsAndEnds) {
  PublishPipeline pipeline(
      std::string("webrtcpublishsrc name=pub negotiation-timeout=300000 inactivity-timeout=300000 "
                  "pub.video_cam") +
      kSink + " pub.audio_cam" + kSink);
  PadRecorder &video = pipeline.record("video_cam");
  PadRecorder &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {"pcmu"};
  options.fps = 5;
  PublishClient client(options);
  mustPublish(client);
  fail_unless(video.waitBuffers(5) && audio.waitBuffers(5), "no buffers came");
  client.closeGoodbye();
  fail_unless(pipeline.waitMessage("webrtc-publisher-removed").has_value());
  fail_unless(video.waitEos() && audio.waitEos(), "no EOS came");
  pipeline.stop();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(states_downAndUpAgain_publishAgain) {
  PublishPipeline pipeline(twoTracks());
  PadRecorder &seen = pipeline.record("video_cam");
  for (const GstState state : {GST_STATE_NULL, GST_STATE_READY, GST_STATE_NULL}) {
    fail_unless(pipeline.play());
    const unsigned before = seen.get().buffers;
    PublishClient client(optionsFor(pipeline));
    mustPublish(client);
    fail_unless(seen.waitBuffers(before + 5), "nothing after the way through %s",
                gst_element_state_get_name(state));
    fail_unless(pipeline.setState(state) != GST_STATE_CHANGE_FAILURE);
  }
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(pause_whilePublishing_goesOnAfterwards) {
  PublishPipeline pipeline(twoTracks());
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  fail_unless(pipeline.setState(GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  fail_unless(pipeline.setState(GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  fail_unless(seen.waitMore(30), "nothing after PAUSED");
  fail_unless_equals_int(seen.get().backwards, 0);
  fail_unless(!client.waitClosed(Timeout(0)).closed);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publications_repeated_leakNoThreadAndNoDescriptor) {
  PublishPipeline pipeline(twoTracks());
  // The first rounds start what stays for good: thread pools, the registry, GLib's own loops.
  publishOnce(pipeline);
  publishOnce(pipeline);
  const ProcessUse before = processUse();
  for (int round = 0; round < 5; ++round)
    publishOnce(pipeline);
  // Idle threads of a pool go after a while. Five leaks of the smallest kind would be five.
  const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
  ProcessUse after = processUse();
  while ((after.threads > before.threads + 2 || after.descriptors > before.descriptors + 2) &&
         g_get_monotonic_time() < deadline) {
    g_usleep(50'000);
    after = processUse();
  }
  fail_unless(after.threads <= before.threads + 2, "threads: %u, after 5 rounds %u", before.threads,
              after.threads);
  fail_unless(after.descriptors <= before.descriptors + 2, "descriptors: %u, after 5 rounds %u",
              before.descriptors, after.descriptors);
}
GST_END_TEST

GST_START_TEST(element_withoutAPublisher_isALiveSource) {
  PublishPipeline pipeline(twoTracks());
  fail_unless_equals_int(pipeline.setState(GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
  fail_unless(pipeline.play());
  const auto query = gws::Ref<GstQuery>::take(gst_query_new_latency());
  const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), "video_cam"));
  fail_unless(gst_pad_query(pad.get(), query.get()));
  gboolean live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency(query.get(), &live, &least, nullptr);
  fail_unless(live);
}
GST_END_TEST

GST_START_TEST(latency_whilePublishing_isThePropertysAtLeast) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub latency=150 pub.video_cam ! fakesink");
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  fail_unless(seen.waitBuffers(10));
  const auto query = gws::Ref<GstQuery>::take(gst_query_new_latency());
  const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), "video_cam"));
  fail_unless(gst_pad_query(pad.get(), query.get()));
  gboolean live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency(query.get(), &live, &least, nullptr);
  fail_unless(live);
  fail_unless(least >= 150 * GST_MSECOND && least < 2 * GST_SECOND, "latency %" GST_TIME_FORMAT,
              GST_TIME_ARGS(least));
}
GST_END_TEST

GST_START_TEST(forceKeyUnit_fromDownstream_becomesAPli) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam ! ") +
                           (__i__ ? "vp8dec" : "identity") + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(30));
  const unsigned before = client.stats()[0].keyframes;
  const auto own = gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), "video_cam"));
  const auto peer = gws::Ref<GstPad>::take(gst_pad_get_peer(own.get()));
  fail_unless(gst_pad_push_event(peer.get(), forceKeyUnit()));
  const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
  while (client.stats()[0].keyframes == before && g_get_monotonic_time() < deadline)
    g_usleep(5'000);
  fail_unless(client.stats()[0].keyframes > before, "no key frame was made");
  fail_unless(client.keyframeRequestsSeen() > 0);
}
GST_END_TEST

GST_START_TEST(action_requestKeyframe_becomesAPli) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam") + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  fail_unless(seen.waitBuffers(30));
  const unsigned before = client.stats()[0].keyframes;
  gboolean done = FALSE;
  g_signal_emit_by_name(pipeline.pub(), "request-keyframe", "cam", &done);
  const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
  while (client.stats()[0].keyframes == before && g_get_monotonic_time() < deadline)
    g_usleep(5'000);
  fail_unless(client.stats()[0].keyframes > before, "no key frame was made");
}
GST_END_TEST

GST_START_TEST(action_disconnectPublisher_closesItsSocket) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.video_cam") + kSink);
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  fail_unless(pipeline.record("video_cam").waitBuffers(2));
  const auto pad = gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), "video_cam"));
  const std::string id = gws::takeString(gws::getProperty<char *>(pad.get(), "publisher-id"));
  gboolean done = FALSE;
  g_signal_emit_by_name(pipeline.pub(), "disconnect-publisher", id.c_str(), &done);
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closed && end.closeCode >= 1000 && !end.reason.empty(), "code %d '%s'",
              end.closeCode, end.reason.c_str());
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *lifecycle_suite() {
  Suite *suite = suite_create("lifecycle");
  TCase *all = tcase_create("lifecycle");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, null_atAnyMoment_returnsWithinASecond, 0,
                      static_cast<int>(Moment::Count));
  tcase_add_test(all, null_whilePublishing_tellsTheClientThatThePipelineStops);
  tcase_add_test(all, null_whenEverElapsed_repeatedWithoutEnd);
  tcase_add_test(all, publication_ofALightClient_beginsAndEnds);
  tcase_add_test(all, states_downAndUpAgain_publishAgain);
  tcase_add_test(all, pause_whilePublishing_goesOnAfterwards);
  tcase_add_test(all, publications_repeated_leakNoThreadAndNoDescriptor);
  tcase_add_test(all, element_withoutAPublisher_isALiveSource);
  tcase_add_test(all, latency_whilePublishing_isThePropertysAtLeast);
  tcase_add_loop_test(all, forceKeyUnit_fromDownstream_becomesAPli, 0, 2);
  tcase_add_test(all, action_requestKeyframe_becomesAPli);
  tcase_add_test(all, action_disconnectPublisher_closesItsSocket);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(lifecycle)
