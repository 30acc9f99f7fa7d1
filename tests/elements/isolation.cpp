// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to one track or one publisher never reaches another, nor the pipeline.
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "tests/common/check.h"

using namespace gws::test;

namespace {

/// Two streams of two tracks each.
std::string twoStreams() {
  std::string line = "webrtcpublishsrc name=pub reconnect-timeout=0";
  for (const char *pad : {"video_a", "audio_a", "video_b", "audio_b"})
    line += std::string(" pub.") + pad + kSink;
  return line;
}

unsigned threadsNamed(std::string_view name) {
  unsigned count = 0;
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string line;
    std::getline(std::ifstream(task.path() / "comm"), line);
    count += line == name;
  }
  return count;
}

constexpr GstFlowReturn kAnswers[] = {GST_FLOW_EOS,        GST_FLOW_ERROR,
                                      GST_FLOW_FLUSHING,   GST_FLOW_NOT_NEGOTIATED,
                                      GST_FLOW_NOT_LINKED, GST_FLOW_CUSTOM_ERROR};

}  // namespace

GST_START_TEST(pad_whoseDownstreamAnswersBadly_leavesTheOthersAlone) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &video = pipeline.record("video_a"), &audio = pipeline.record("audio_a");
  PadRecorder &other = pipeline.record("video_b");
  fail_unless(pipeline.play());
  PublishClient a(optionsFor(pipeline, "a")), b(optionsFor(pipeline, "b"));
  mustPublish(a);
  mustPublish(b);
  fail_unless(video.waitBuffers(5) && audio.waitBuffers(5) && other.waitBuffers(5));
  video.answer(kAnswers[__i__]);
  // More than a second of sound: time enough for an error to find its way.
  fail_unless(audio.waitMore(75), "%s on video ended audio", gst_flow_get_name(kAnswers[__i__]));
  fail_unless(other.waitMore(20), "another publisher was disturbed");
  fail_unless(!audio.get().eos && !other.get().eos);
  fail_unless(!a.waitClosed(Timeout(0)).closed && !b.waitClosed(Timeout(0)).closed);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(pad_thatIsNotLinked_leavesTheOthersAlone) {
  PublishPipeline pipeline(std::string("webrtcpublishsrc name=pub pub.audio_a") + kSink);
  const auto unlinked =
      gws::Ref<GstPad>::take(gst_element_request_pad_simple(pipeline.pub(), "video_a"));
  fail_unless(unlinked);
  PadRecorder &audio = pipeline.record("audio_a");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline, "a"));
  mustPublish(client);
  fail_unless(audio.waitBuffers(100));
  fail_unless(!audio.get().eos);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publishers_two_oneLeavesOneStays) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &leaving = pipeline.record("video_a"), &staying = pipeline.record("video_b");
  PadRecorder &sound = pipeline.record("audio_a");
  fail_unless(pipeline.play());
  PublishClient a(optionsFor(pipeline, "a")), b(optionsFor(pipeline, "b"));
  mustPublish(a);
  mustPublish(b);
  fail_unless(leaving.waitBuffers(5) && staying.waitBuffers(5));
  fail_unless(leaving.get().groupId != staying.get().groupId);
  a.closeGoodbye();
  fail_unless(leaving.waitEos(Timeout(3000)), "no EOS after the goodbye");
  fail_unless(sound.waitEos(Timeout(3000)), "no EOS on audio");
  fail_unless(staying.waitMore(20), "the other publisher was disturbed");
  fail_unless(!staying.get().eos);
  fail_unless(pipeline.waitMessage("webrtc-publisher-removed").has_value());
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publishers_onSeveralNetworkThreads_areServedAllOfThem) {
  constexpr unsigned kThreads = 3, kPublishers = 6;
  std::string line =
      "webrtcpublishsrc name=pub reconnect-timeout=0 ice-agent=single-port network-threads=" +
      std::to_string(kThreads);
  for (unsigned i = 0; i < kPublishers; i++)
    line += " pub.video_cam" + std::to_string(i) + kSink;
  PublishPipeline pipeline(line);
  std::vector<PadRecorder *> seen;
  for (unsigned i = 0; i < kPublishers; i++)
    seen.push_back(&pipeline.record("video_cam" + std::to_string(i)));
  fail_unless(pipeline.play());
  fail_unless_equals_int(threadsNamed("ice-port"), kThreads);
  std::vector<std::unique_ptr<PublishClient>> clients;
  for (unsigned i = 0; i < kPublishers; i++) {
    PublishOptions options = optionsFor(pipeline, "cam" + std::to_string(i));
    options.audio.clear();
    clients.push_back(std::make_unique<PublishClient>(options));
    mustPublish(*clients.back());
  }
  for (PadRecorder *one : seen)
    fail_unless(one->waitMore(10));
  clients.front()->closeGoodbye();
  fail_unless(seen.front()->waitEos());
  for (unsigned i = 1; i < kPublishers; i++)
    fail_unless(seen[i]->waitMore(10));
  mustBeHealthy(pipeline);
  pipeline.stop();
  fail_unless_equals_int(threadsNamed("ice-port"), 0);
}
GST_END_TEST

GST_START_TEST(publisher_thatLeft_makesRoomForTheNext) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  PadRecorder &seen = pipeline.recordOpenEnd("video_a");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline, "a");
  options.audio = {};
  {
    PublishClient first(options);
    mustPublish(first);
    fail_unless(seen.waitBuffers(5));
    first.closeGoodbye();
    fail_unless(seen.waitEos());
  }
  PublishClient second(options);
  mustPublish(second);
  const bool came = seen.waitFor([](const Recording &recording) {
    return recording.streamIds.size() == 2 && recording.buffersSinceStart >= 5;
  });
  const Recording recording = seen.get();
  fail_unless(came, "%u stream-starts, %u buffers since the last, EOS %d",
              static_cast<unsigned>(recording.streamIds.size()), recording.buffersSinceStart,
              recording.eos);
  fail_unless(recording.firstIsKey);
  fail_unless_equals_int(recording.backwards, 0);
  fail_unless(recording.streamIds[0] != recording.streamIds[1]);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(stream_thatNobodyReserved_getsSometimesPads) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub reconnect-timeout=0");
  pipeline.takeNewPads();
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline, "room/any"));
  mustPublish(client);
  fail_unless(pipeline.waitNewPads(2));
  bool sound = false, picture = false;
  for (const std::string &name : pipeline.newPads()) {
    PadRecorder &seen = pipeline.record(name);
    fail_unless(seen.waitBuffers(5), "nothing on %s", name.c_str());
    const auto pad =
        gws::Ref<GstPad>::take(gst_element_get_static_pad(pipeline.pub(), name.c_str()));
    fail_unless_same_text(gws::takeString(gws::getProperty<char *>(pad.get(), "stream")),
                          "room/any");
    fail_unless(seen.get().firstIsKey);
    sound |= capsAre(seen.get().caps[0], "audio/x-opus");
    picture |= capsAre(seen.get().caps[0], "video/x-vp8");
  }
  fail_unless(sound && picture);
  const std::string first = pipeline.newPads()[0];
  PadRecorder &seen = pipeline.record(first);
  client.closeGoodbye();
  fail_unless(seen.waitEos());
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(fingerprint_ofAnother_deliversNothing) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &wrong = pipeline.record("video_a"), &right = pipeline.record("video_b");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "b"));
  mustPublish(good);
  PublishOptions options = optionsFor(pipeline, "a");
  options.mungeOffer = replaceFingerprint;
  PublishClient bad(options);
  bad.start();
  const SocketEnd end = bad.waitClosed();
  fail_unless(end.closed && !end.reason.empty(), "code %d '%s'", end.closeCode, end.reason.c_str());
  fail_unless(right.waitMore(20), "another publisher was disturbed");
  fail_unless_equals_int(wrong.get().buffers, 0);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(socket_thatBreaksWhileMediaFlow_endsNothing) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_a");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline, "a"));
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  client.dropSocket();
  client.waitClosed();
  fail_unless(seen.waitMore(60), "the media ended with the socket");
  fail_unless(!seen.get().eos);
}
GST_END_TEST

GST_START_TEST(publisher_thatIsLost_endsByTheMatchingSign) {
  PublishPipeline pipeline(twoStreams());
  g_object_set(pipeline.pub(), "inactivity-timeout", 2000u, nullptr);
  PadRecorder &seen = pipeline.record("video_a");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline, "a"));
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  switch (__i__) {
    case 0:
      client.closeGoingAway();
      break;
    case 1:
      client.closeDtls();
      break;
    case 2:
      client.kill();
      break;
    default:
      client.stopMedia();
      break;
  }
  fail_unless(seen.waitEos(Timeout(12'000)), "no EOS (case %d)", __i__);
  fail_unless(pipeline.waitMessage("webrtc-publisher-removed").has_value());
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *isolation_suite() {
  Suite *suite = suite_create("isolation");
  TCase *all = tcase_create("isolation");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, pad_whoseDownstreamAnswersBadly_leavesTheOthersAlone, 0,
                      static_cast<int>(G_N_ELEMENTS(kAnswers)));
  tcase_add_test(all, pad_thatIsNotLinked_leavesTheOthersAlone);
  tcase_add_test(all, publishers_two_oneLeavesOneStays);
  tcase_add_test(all, publishers_onSeveralNetworkThreads_areServedAllOfThem);
  tcase_add_test(all, publisher_thatLeft_makesRoomForTheNext);
  tcase_add_test(all, stream_thatNobodyReserved_getsSometimesPads);
  tcase_add_test(all, fingerprint_ofAnother_deliversNothing);
  tcase_add_test(all, socket_thatBreaksWhileMediaFlow_endsNothing);
  tcase_add_loop_test(all, publisher_thatIsLost_endsByTheMatchingSign, 0, 4);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(isolation)
