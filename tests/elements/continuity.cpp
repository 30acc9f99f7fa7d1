// SPDX-License-Identifier: LGPL-2.1-or-later
// What request pads give while their publishers say goodbye, are lost, fall silent and return.
#include "tests/elements/continuity.h"

using namespace gws::test;
using Kind = PadLog::Kind;

namespace {

struct Loss {
  const char *stream;
  void (*lose)(PublishClient &);
};

constexpr Loss kLosses[] = {
    {"left", [](PublishClient &client) { client.closeGoingAway(); }},
    {"dtls", [](PublishClient &client) { client.closeDtls(); }},
    {"silent", [](PublishClient &client) { client.stopMedia(); }},
    {"broken",
     [](PublishClient &client) {
       client.dropSocket();
       client.stopMedia();
     }},
    {"killed", [](PublishClient &client) { client.kill(); }},
};

std::string streamsOf(const std::vector<std::string> &streams, const std::string &properties) {
  std::string line = "webrtcpublishsrc name=pub " + properties;
  for (const std::string &stream : streams)
    line += " pub.video_" + stream + kSink + " pub.audio_" + stream + kSink;
  return line;
}

std::vector<std::string> lossStreams() {
  std::vector<std::string> streams;
  for (const Loss &loss : kLosses)
    streams.push_back(loss.stream);
  return streams;
}

/// One publisher for each kind of loss, in one pipeline.
struct Crowd {
  explicit Crowd(const std::string &properties) : pipeline(streamsOf(lossStreams(), properties)) {
    for (const Loss &loss : kLosses)
      logs.emplace_back(pipeline, loss.stream);
    fail_unless(pipeline.play());
  }

  /// All publish, and their media arrive.
  void publish() {
    const auto before = marks();
    clients.clear();
    for (const Loss &loss : kLosses) {
      clients.push_back(std::make_unique<PublishClient>(lightOptions(pipeline, loss.stream)));
      clients.back()->start();
    }
    for (std::size_t i = 0; i < logs.size(); ++i) {
      const bool connected = clients[i]->waitConnected();
      const SocketEnd end = clients[i]->waitClosed(Timeout(0));
      fail_unless(connected, "%s: not connected: %d '%s'", kLosses[i].stream, end.closeCode,
                  end.reason.c_str());
    }
    for (std::size_t i = 0; i < logs.size(); ++i) {
      fail_unless(logs[i].video.wait(Kind::Buffer, 10, before[i].first), "%s: no video",
                  kLosses[i].stream);
      fail_unless(logs[i].audio.wait(Kind::Buffer, 10, before[i].second), "%s: no audio",
                  kLosses[i].stream);
    }
  }
  void lose() {
    for (std::size_t i = 0; i < logs.size(); ++i)
      kLosses[i].lose(*clients[i]);
  }
  std::vector<std::pair<std::size_t, std::size_t>> marks() const {
    std::vector<std::pair<std::size_t, std::size_t>> result;
    for (const StreamLog &log : logs)
      result.emplace_back(log.video.mark(), log.audio.mark());
    return result;
  }

  PublishPipeline pipeline;
  std::vector<StreamLog> logs;
  std::vector<std::unique_ptr<PublishClient>> clients;
};

/// Between a loss and the time at which the server may act on it at the latest: the goodbye's grace
/// or the inactivity timeout, a tick, and a slow machine.
constexpr gint64 kNoticeUs = 3'000'000;

void mustEndAfter(const PadLog &log, std::size_t mark, gint64 lostAt, gint64 waitUs) {
  const auto items = log.since(mark);
  const auto eos = std::find_if(items.begin(), items.end(),
                                [](const auto &item) { return item.kind == Kind::Eos; });
  fail_unless(eos != items.end());
  const gint64 after = eos->at - lostAt;
  fail_unless(after >= waitUs && after < waitUs + kNoticeUs, "%s: EOS %d ms after the loss",
              log.name.c_str(), static_cast<int>(after / 1000));
  fail_unless(log.count(Kind::Gap, mark) >= 3, "%s: %u GAP events", log.name.c_str(),
              static_cast<unsigned>(log.count(Kind::Gap, mark)));
  mustKeepTime(log, items);
}

}  // namespace

GST_START_TEST(loss_ofEveryKind_isFollowedByASeamlessReturn) {
  Crowd crowd("reconnect-timeout=30000 inactivity-timeout=1000");
  crowd.publish();
  const auto marks = crowd.marks();
  crowd.lose();
  for (std::size_t i = 0; i < crowd.logs.size(); ++i)
    fail_unless(crowd.logs[i].waitBoth(Kind::Gap, 4, marks[i].first, marks[i].second),
                "%s: no GAP events", kLosses[i].stream);
  crowd.publish();
  for (std::size_t i = 0; i < crowd.logs.size(); ++i) {
    mustBeAReturn(crowd.logs[i].video, crowd.logs[i].video.since(marks[i].first), false);
    mustBeAReturn(crowd.logs[i].audio, crowd.logs[i].audio.since(marks[i].second), false);
  }
  mustBeHealthy(crowd.pipeline);
}
GST_END_TEST

GST_START_TEST(loss_ofEveryKind_endsThePadsAfterTheReconnectTimeout) {
  Crowd crowd("reconnect-timeout=1000 inactivity-timeout=1000");
  crowd.publish();
  const auto marks = crowd.marks();
  const gint64 lostAt = g_get_monotonic_time();
  crowd.lose();
  for (std::size_t i = 0; i < crowd.logs.size(); ++i)
    fail_unless(crowd.logs[i].waitBoth(Kind::Eos, 1, marks[i].first, marks[i].second), "%s: no EOS",
                kLosses[i].stream);
  for (std::size_t i = 0; i < crowd.logs.size(); ++i) {
    mustEndAfter(crowd.logs[i].video, marks[i].first, lostAt, 1'000'000);
    mustEndAfter(crowd.logs[i].audio, marks[i].second, lostAt, 1'000'000);
  }
  fail_unless(waitRemoved(crowd.pipeline, 5), "%u publishers were removed",
              removedMessages(crowd.pipeline));
  mustBeHealthy(crowd.pipeline);
}
GST_END_TEST

GST_START_TEST(goodbye_endsBothPadsAtOnce) {
  const unsigned short codes[] = {1000, 1005};
  PublishPipeline pipeline(streamsOf({"cam"}, "reconnect-timeout=60000"));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient client(lightOptions(pipeline, "cam"));
  mustPublish(client);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  client.closeSocket(codes[__i__]);
  // Long before reconnect-timeout.
  fail_unless(log.waitBoth(Kind::Eos, 1), "no EOS after close code %u", codes[__i__]);
  mustKeepTime(log.video, log.video.since(0));
  mustKeepTime(log.audio, log.audio.since(0));
  mustBeHealthy(pipeline);
}
GST_END_TEST

// A page that stops closes its RTCPeerConnection first.
GST_START_TEST(goodbye_afterClosedDtls_endsBothPadsAtOnce) {
  PublishPipeline pipeline(streamsOf({"cam"}, "reconnect-timeout=60000"));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient client(lightOptions(pipeline, "cam"));
  mustPublish(client);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  client.closeDtls();
  client.closeSocket(1000);
  fail_unless(log.waitBoth(Kind::Eos, 1, 0, 0, Timeout(2000)), "the goodbye was a loss");
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(goodbye_withoutAnEndOfWaiting_isFollowedBySeamlessReturns) {
  PublishPipeline pipeline(streamsOf({"cam"}, "reconnect-timeout=-1"));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  std::size_t video = 0, audio = 0;
  for (unsigned round = 0; round < 4; ++round) {
    PublishOptions options = lightOptions(pipeline, "cam");
    if (round == 3) options.width = 240;
    PublishClient client(options);
    const std::size_t mark = log.video.mark(), audioMark = log.audio.mark();
    mustPublish(client);
    fail_unless(log.waitBoth(Kind::Buffer, 10, mark, audioMark), "round %u: no media", round);
    if (round) {
      mustBeAReturn(log.video, log.video.since(video), round == 3);
      mustBeAReturn(log.audio, log.audio.since(audio), false);
    }
    video = log.video.mark();
    audio = log.audio.mark();
    client.closeGoodbye();
    fail_unless(log.waitBoth(Kind::Gap, 3, video, audio), "round %u: no GAP events", round);
  }
  fail_unless(waitRemoved(pipeline, 4));
  fail_unless_equals_int(log.video.count(Kind::Eos) + log.audio.count(Kind::Eos), 0);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(track_thatIsMuted_isCoveredAndGoesOn) {
  const TrackKind kinds[] = {TrackKind::Video, TrackKind::Audio};
  PublishPipeline pipeline(streamsOf({"cam"}, "inactivity-timeout=1000"));
  StreamLog log(pipeline, "cam");
  PadLog &muted = __i__ == 0 ? log.video : log.audio, &other = __i__ == 0 ? log.audio : log.video;
  fail_unless(pipeline.play());
  PublishClient client(lightOptions(pipeline, "cam"));
  mustPublish(client);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  const gint64 mutedAt = g_get_monotonic_time();
  client.muteTrack(kinds[__i__], true);
  const std::size_t mark = muted.mark(), otherMark = other.mark();
  // A second passes before the first one: twice the inactivity timeout in all.
  fail_unless(muted.wait(Kind::Gap, 12, mark), "%s: %u GAP events", muted.name.c_str(),
              static_cast<unsigned>(muted.count(Kind::Gap, mark)));
  client.muteTrack(kinds[__i__], false);
  const gint64 mutedFor = g_get_monotonic_time() - mutedAt;
  const std::size_t before = muted.mark();
  fail_unless(muted.wait(Kind::Buffer, 10, before), "%s: nothing after the pause",
              muted.name.c_str());
  for (PadLog *one : {&muted, &other}) {
    const auto items = one->since(one == &muted ? mark : otherMark);
    mustKeepTime(*one, items);
    for (const auto &item : items)
      fail_unless(item.kind == Kind::Buffer || item.kind == Kind::Gap, "%s: another start or EOS",
                  one->name.c_str());
  }
  const gint64 silence = longestSilenceUs(other.since(otherMark));
  fail_unless(silence < mutedFor - 500'000, "the other track paused for %d of %d ms",
              static_cast<int>(silence / 1000), static_cast<int>(mutedFor / 1000));
  fail_unless(!client.waitClosed(Timeout(0)).closed && removedMessages(pipeline) == 0,
              "the publisher was thrown out");
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(loss_isNoticedInTime) {
  PublishPipeline pipeline(streamsOf({"dtls", "killed"}, "inactivity-timeout=1000"));
  StreamLog dtls(pipeline, "dtls"), killed(pipeline, "killed");
  fail_unless(pipeline.play());
  PublishClient closing(lightOptions(pipeline, "dtls")), dying(lightOptions(pipeline, "killed"));
  mustPublish(closing);
  mustPublish(dying);
  fail_unless(dtls.waitBoth(Kind::Buffer, 10) && killed.waitBoth(Kind::Buffer, 10));
  const gint64 killedAt = g_get_monotonic_time();
  dying.kill();
  closing.closeDtls();
  const SocketEnd end = closing.waitClosed();
  fail_unless(end.closed && end.reason.find("DTLS") != std::string::npos,
              "the closed DTLS was not noticed: '%s'", end.reason.c_str());
  fail_unless(waitRemoved(pipeline, 2));
  const gint64 took = g_get_monotonic_time() - killedAt;
  fail_unless(took >= 1'000'000, "the kill was noticed after %d ms", static_cast<int>(took / 1000));
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *continuity_suite() {
  Suite *suite = suite_create("continuity");
  TCase *all = tcase_create("continuity");
  suite_add_tcase(suite, all);
  tcase_add_test(all, loss_ofEveryKind_isFollowedByASeamlessReturn);
  tcase_add_test(all, loss_ofEveryKind_endsThePadsAfterTheReconnectTimeout);
  tcase_add_loop_test(all, goodbye_endsBothPadsAtOnce, 0, 2);
  tcase_add_test(all, goodbye_afterClosedDtls_endsBothPadsAtOnce);
  tcase_add_test(all, goodbye_withoutAnEndOfWaiting_isFollowedBySeamlessReturns);
  tcase_add_loop_test(all, track_thatIsMuted_isCoveredAndGoesOn, 0, 2);
  tcase_add_test(all, loss_isNoticedInTime);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(continuity)
