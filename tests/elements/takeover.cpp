// SPDX-License-Identifier: LGPL-2.1-or-later
// Who gets the pads when a second publisher comes, or the same one with a second offer.
#include "tests/elements/continuity.h"

using namespace gws::test;
using Kind = PadLog::Kind;

namespace {

std::string reserved(const std::string &properties) {
  return "webrtcpublishsrc name=pub " + properties + " pub.video_cam" + kSink + " pub.audio_cam" +
         kSink;
}

std::string publisherOn(const PublishPipeline &pipeline, const char *pad) {
  return gws::takeString(
      gws::getProperty<char *>(padOf(pipeline.pub(), pad).get(), "publisher-id"));
}

/// The stream `cam` with its first publisher, whose media flow.
struct Stage {
  explicit Stage(const std::string &properties)
      : pipeline(reserved(properties)), log(pipeline, "cam") {
    fail_unless(pipeline.play());
    first = std::make_unique<PublishClient>(lightOptions(pipeline, "cam"));
    mustPublish(*first);
    fail_unless(log.waitBoth(Kind::Buffer, 10), "no media of the first publisher");
    firstId = publisherOn(pipeline, "video_cam");
    note();
  }

  void note() {
    video = log.video.mark();
    audio = log.audio.mark();
  }
  void mustFlow(const char *whose) {
    fail_unless(log.waitBoth(Kind::Buffer, 10, log.video.mark(), log.audio.mark()),
                "no media of %s", whose);
  }
  /// Since note() another publication has begun on both pads, and its media flow.
  void mustChangeHands() {
    fail_unless(log.waitBoth(Kind::Start, 1, video, audio), "nobody took the pads");
    mustFlow("the one who took the pads");
    mustBeAReturn(log.video, log.video.since(video), false);
    mustBeAReturn(log.audio, log.audio.since(audio), false);
    fail_unless(publisherOn(pipeline, "video_cam") != firstId);
    fail_unless(publisherOn(pipeline, "audio_cam") != firstId);
  }
  /// Since note() nothing but media has come, without a pause.
  void mustBeUndisturbed() {
    for (const auto &[pad, mark] : {std::pair(&log.video, video), std::pair(&log.audio, audio)}) {
      const auto items = pad->since(mark);
      for (const auto &item : items)
        fail_unless(item.kind == Kind::Buffer, "%s: more than buffers came", pad->name.c_str());
      mustHaveNoPause(*pad, items);
      mustKeepTime(*pad, items);
    }
  }
  static void mustHaveNoPause(const PadLog &pad, const PadLog::Items &items) {
    const gint64 silence = longestSilenceUs(items);
    fail_unless(silence < 3'000'000, "%s: nothing came for %d ms", pad.name.c_str(),
                static_cast<int>(silence / 1000));
  }
  void mustHaveNoPause() {
    mustHaveNoPause(log.video, log.video.since(video));
    mustHaveNoPause(log.audio, log.audio.since(audio));
  }
  /// The first publisher's end, and only that, was told to the application.
  void mustTellOfTheFirst() {
    const auto removed = pipeline.waitMessage("webrtc-publisher-removed");
    fail_unless(removed && removed->text.find(firstId) != std::string::npos, "%s",
                removed ? removed->text.c_str() : "no message");
    fail_unless_equals_int(removedMessages(pipeline), 1);
  }

  PublishPipeline pipeline;
  StreamLog log;
  std::unique_ptr<PublishClient> first;
  std::string firstId;
  std::size_t video = 0, audio = 0;  ///< places in the logs
};

void mustBeClosedAsTaken(PublishClient &client, const char *who) {
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closed && end.closeCode == 4409, "%s: closed %d, code %d '%s'", who, end.closed,
              end.closeCode, end.reason.c_str());
  fail_unless(!end.reason.empty(), "%s: no reason", who);
}

void mustBeOpen(PublishClient &client, const char *who) {
  const SocketEnd end = client.waitClosed(Timeout(0));
  fail_unless(!end.closed, "%s was closed: %d '%s'", who, end.closeCode, end.reason.c_str());
}

constexpr const char *kPolicies[] = {"duplicate-policy=reject max-publishers=1",
                                     "duplicate-policy=replace max-publishers=1"};

}  // namespace

GST_START_TEST(newcomer_underReject_isRefused) {
  Stage stage("duplicate-policy=reject");
  PublishClient second(lightOptions(stage.pipeline, "cam"));
  second.start();
  mustBeClosedAsTaken(second, "the newcomer");
  stage.mustFlow("the first publisher");
  stage.mustBeUndisturbed();
  mustBeOpen(*stage.first, "the first publisher");
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(newcomer_underReplace_takesThePadsAtItsKeyFrame) {
  Stage stage("duplicate-policy=replace");
  PublishClient second(lightOptions(stage.pipeline, "cam"));
  mustPublish(second);
  stage.mustChangeHands();
  stage.mustHaveNoPause();
  mustBeClosedAsTaken(*stage.first, "the first publisher");
  stage.mustTellOfTheFirst();
  mustBeOpen(second, "the newcomer");
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(newcomer_whilePolicyChanges_meetsTheNewOne) {
  Stage stage("duplicate-policy=reject");
  gst_util_set_object_arg(G_OBJECT(stage.pipeline.pub()), "duplicate-policy", "replace");
  PublishClient second(lightOptions(stage.pipeline, "cam"));
  mustPublish(second);
  stage.mustChangeHands();
  mustBeClosedAsTaken(*stage.first, "the first publisher");
  gst_util_set_object_arg(G_OBJECT(stage.pipeline.pub()), "duplicate-policy", "reject");
  PublishClient third(lightOptions(stage.pipeline, "cam"));
  third.start();
  mustBeClosedAsTaken(third, "the third");
  mustBeOpen(second, "the second");
}
GST_END_TEST

GST_START_TEST(newcomer_withoutMedia_takesNothingUntilTheyCome) {
  Stage stage("duplicate-policy=replace");
  PublishClient second(lightOptions(stage.pipeline, "cam"));
  second.start();
  second.stopMedia();
  fail_unless(second.waitConnected(), "the newcomer is not connected");
  // Longer than audio waits for the picture where nobody has the pads.
  fail_unless(stage.log.video.wait(Kind::Buffer, 40, stage.log.video.mark()));
  stage.mustBeUndisturbed();
  mustBeOpen(*stage.first, "the first publisher");
  stage.note();
  second.muteTrack(TrackKind::Video, false);
  second.muteTrack(TrackKind::Audio, false);
  stage.mustChangeHands();
  stage.mustHaveNoPause();
  mustBeClosedAsTaken(*stage.first, "the first publisher");
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(newcomer_thatGoesBeforeItsMedia_leavesThePadsAlone) {
  Stage stage("duplicate-policy=replace inactivity-timeout=1000");
  PublishClient silent(lightOptions(stage.pipeline, "cam")),
      leaving(lightOptions(stage.pipeline, "cam"));
  for (PublishClient *one : {&silent, &leaving}) {
    one->start();
    one->stopMedia();
    fail_unless(one->waitConnected(), "a newcomer is not connected");
  }
  leaving.closeGoodbye();
  const SocketEnd end = silent.waitClosed();
  fail_unless(end.closeCode == 4408, "code %d '%s'", end.closeCode, end.reason.c_str());
  fail_unless(waitRemoved(stage.pipeline, 2));
  stage.mustFlow("the first publisher");
  stage.mustBeUndisturbed();
  mustBeOpen(*stage.first, "the first publisher");
  fail_unless_same_text(publisherOn(stage.pipeline, "video_cam"), stage.firstId);
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(newcomer_withoutAudio_keepsTheAudioPadInTime) {
  Stage stage("duplicate-policy=replace");
  PublishOptions options = lightOptions(stage.pipeline, "cam");
  options.audio = {};
  PublishClient second(options);
  mustPublish(second);
  fail_unless(stage.log.video.wait(Kind::Start, 1, stage.video), "nobody took the pad");
  mustBeClosedAsTaken(*stage.first, "the first publisher");
  const std::size_t audio = stage.log.audio.mark();
  fail_unless(stage.log.audio.wait(Kind::Gap, 15, audio), "no GAP events on the audio pad");
  const auto items = stage.log.audio.since(stage.audio);
  mustKeepTime(stage.log.audio, items);
  fail_unless_equals_int(stage.log.audio.count(Kind::Eos), 0);
  second.closeGoodbye();
  fail_unless(stage.log.waitBoth(Kind::Eos, 1, 0, 0, Timeout(2000)), "no EOS after the goodbye");
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

// The later offer connects first.
GST_START_TEST(newcomers_thatOvertakeEachOther_areOneInTheEnd) {
  Stage stage("duplicate-policy=replace");
  Watched<bool> answered, mayGoOn;
  const auto isSet = [](bool value) { return value; };
  PublishOptions options = lightOptions(stage.pipeline, "cam");
  options.mungeAnswer = [&](std::string answer) {
    answered.set(true);
    mayGoOn.waitFor(isSet);
    return answer;
  };
  PublishClient slow(options), fast(lightOptions(stage.pipeline, "cam"));
  slow.start();
  fail_unless(answered.waitFor(isSet), "the slow one has no answer");
  mustPublish(fast);
  stage.mustChangeHands();
  stage.note();
  mayGoOn.set(true);
  slow.waitConnected();
  fail_unless(eventually([&] {
                return slow.waitClosed(Timeout(0)).closed != fast.waitClosed(Timeout(0)).closed;
              }),
              "both stay, or none");
  PublishClient &loser = slow.waitClosed(Timeout(0)).closed ? slow : fast;
  mustBeClosedAsTaken(loser, "the loser");
  stage.mustFlow("the one who stays");
  stage.mustHaveNoPause();
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(newcomer_ofAFullServer_getsInOnlyToReplace) {
  PublishPipeline pipeline(reserved("duplicate-policy=replace max-publishers=1") +
                           " pub.video_other" + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient first(lightOptions(pipeline, "cam"));
  mustPublish(first);
  fail_unless(seen.waitBuffers(5));
  PublishClient other(lightOptions(pipeline, "other"));
  other.start();
  const SocketEnd end = other.waitClosed();
  fail_unless(end.closeCode == 4503, "code %d '%s'", end.closeCode, end.reason.c_str());
  PublishClient second(lightOptions(pipeline, "cam"));
  mustPublish(second);
  mustBeClosedAsTaken(first, "the first publisher");
  fail_unless(seen.waitMore(10));
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

struct Gone {
  const char *properties;
  void (*go)(PublishClient &);
};

constexpr const char *kPatient = "inactivity-timeout=60000 ";
constexpr Gone kGone[] = {
    {"max-publishers=1", [](PublishClient &client) { client.kill(); }},
    {"duplicate-policy=replace", [](PublishClient &client) { client.kill(); }},
    {"max-publishers=1", [](PublishClient &client) { client.stopMedia(); }},
    {"max-publishers=1", [](PublishClient &client) { client.closeDtls(); }},
    {"max-publishers=1", [](PublishClient &client) { client.closeGoingAway(); }},
    {"max-publishers=1 reconnect-timeout=-1", [](PublishClient &client) { client.closeGoodbye(); }},
};

}  // namespace

GST_START_TEST(publisher_thatIsGone_doesNotBlockItsReturn) {
  const Gone &row = kGone[__i__];
  Stage stage(std::string(kPatient) + row.properties);
  row.go(*stage.first);
  PublishClient back(lightOptions(stage.pipeline, "cam"));
  mustPublish(back);  // long before inactivity-timeout
  stage.mustChangeHands();
  stage.mustTellOfTheFirst();
  mustBeOpen(back, "the return");
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(publisher_thatIsBackBeforeItsTeardown_findsItsPlace) {
  Stage stage("max-publishers=1");
  RawSocket back;
  fail_unless(back.connect(stage.pipeline.url("cam")), "no upgrade: %d", back.end().httpStatus);
  stage.first->closeSocket(1001);
  stage.first->waitClosed();
  back.sendText(offerJson(stage.first->offerSdp()));
  const auto message = back.waitMessage();
  fail_unless(message && parseServerMessage(*message).type == ServerMessage::Type::Answer,
              "code %d '%s'", back.end().closeCode, back.end().reason.c_str());
}
GST_END_TEST

GST_START_TEST(offer_second_takesThePadsOver) {
  Stage stage(kPolicies[__i__]);
  const bool silent = __i__ == 1;
  if (silent) stage.first->stopMedia();
  stage.first->renegotiate();
  fail_unless(stage.first->waitConnected(), "the second offer's media are not connected");
  stage.mustChangeHands();
  if (!silent) stage.mustHaveNoPause();
  stage.mustTellOfTheFirst();
  mustBeOpen(*stage.first, "the client");
  stage.first->closeGoodbye();
  fail_unless(stage.log.waitBoth(Kind::Eos, 1, 0, 0, Timeout(2000)), "no EOS after the goodbye");
  fail_unless(waitRemoved(stage.pipeline, 2));
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(offers_inARow_leaveOnePublication) {
  Stage stage("max-publishers=2");
  for (int round = 0; round < 4; ++round) {
    stage.first->renegotiate();
    fail_unless(stage.first->waitAnswered(), "round %d: no answer", round);
  }
  fail_unless(stage.first->waitConnected(), "the last offer's media are not connected");
  stage.mustChangeHands();
  stage.mustHaveNoPause();
  stage.mustTellOfTheFirst();
  mustBeOpen(*stage.first, "the client");
  stage.note();
  stage.mustFlow("the last offer");
  stage.mustBeUndisturbed();
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

GST_START_TEST(offer_secondThatCannotBeServed_endsTheClientAlone) {
  Stage stage("reconnect-timeout=30000");
  stage.first->sendText(offerJson(replaceAll(stage.first->offerSdp(), "a=sendonly", "a=recvonly")));
  const SocketEnd end = stage.first->waitClosed();
  fail_unless(end.closeCode == 4400 && !end.reason.empty(), "code %d '%s'", end.closeCode,
              end.reason.c_str());
  fail_unless(waitRemoved(stage.pipeline, 1));
  PublishClient back(lightOptions(stage.pipeline, "cam"));
  mustPublish(back);
  stage.mustChangeHands();
  mustBeHealthy(stage.pipeline);
}
GST_END_TEST

namespace {

Suite *takeover_suite() {
  Suite *suite = suite_create("takeover");
  TCase *all = tcase_create("takeover");
  suite_add_tcase(suite, all);
  tcase_add_test(all, newcomer_underReject_isRefused);
  tcase_add_test(all, newcomer_underReplace_takesThePadsAtItsKeyFrame);
  tcase_add_test(all, newcomer_whilePolicyChanges_meetsTheNewOne);
  tcase_add_test(all, newcomer_withoutMedia_takesNothingUntilTheyCome);
  tcase_add_test(all, newcomer_thatGoesBeforeItsMedia_leavesThePadsAlone);
  tcase_add_test(all, newcomer_withoutAudio_keepsTheAudioPadInTime);
  tcase_add_test(all, newcomers_thatOvertakeEachOther_areOneInTheEnd);
  tcase_add_test(all, newcomer_ofAFullServer_getsInOnlyToReplace);
  tcase_add_loop_test(all, publisher_thatIsGone_doesNotBlockItsReturn, 0,
                      static_cast<int>(G_N_ELEMENTS(kGone)));
  tcase_add_test(all, publisher_thatIsBackBeforeItsTeardown_findsItsPlace);
  tcase_add_loop_test(all, offer_second_takesThePadsOver, 0, 2);
  tcase_add_test(all, offers_inARow_leaveOnePublication);
  tcase_add_test(all, offer_secondThatCannotBeServed_endsTheClientAlone);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(takeover)
