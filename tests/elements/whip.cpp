// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes in by WHIP: the same pads, rules and events as by the WebSocket.
#include <gst/webrtc/webrtc.h>

#include <regex>
#include <set>

#include "tests/common/process.h"
#include "tests/elements/continuity.h"

using namespace gws::test;
using Kind = PadLog::Kind;

namespace {

std::string reserved(const std::string &properties) {
  return "webrtcpublishsrc name=pub " + properties + " pub.video_cam" + kSink + " pub.audio_cam" +
         kSink;
}

std::string endpoint(const PublishPipeline &pipeline, const std::string &query = {}) {
  return "http://127.0.0.1:" + std::to_string(pipeline.port()) + "/cam/whip" + query;
}

PublishOptions whipOptions(const PublishPipeline &pipeline) {
  PublishOptions options = lightOptions(pipeline, "cam");
  options.url = endpoint(pipeline);
  options.trickle = false;
  options.headers = {{"User-Agent", "whip-test/1"}};
  return options;
}

HttpReply ask(const PublishPipeline &pipeline, const std::string &method, const std::string &target,
              const std::string &type, const std::string &body, const Headers &headers = {}) {
  HttpRequest request{.port = pipeline.port(), .target = target, .method = method, .body = body};
  request.headers = headers;
  request.headers.emplace_back("Content-Type", type);
  return httpRequest(request);
}

/// The pipeline's one publisher, as `stats` has it.
gws::OwnedStructure onlyPublisher(const PublishPipeline &pipeline) {
  const gws::OwnedStructure all(gws::getProperty<GstStructure *>(pipeline.pub(), "stats"));
  fail_unless_equals_int(gst_structure_n_fields(all.get()), 1);
  GstStructure *one = nullptr;
  fail_unless(gst_structure_get(all.get(), gst_structure_nth_field_name(all.get(), 0),
                                GST_TYPE_STRUCTURE, &one, nullptr));
  return gws::OwnedStructure(one);
}

void mustHave(const gws::OwnedStructure &publisher, const char *field, const char *expected) {
  fail_unless_equals_string(gst_structure_get_string(publisher.get(), field), expected);
}

/// The doors that `publisher-added` named, in its detail.
struct Doors {
  explicit Doors(const PublishPipeline &pipeline) {
    for (const char *door : {"whip", "websocket"}) {
      auto count = +[](GstElement *, const char *, const char *, gpointer counter) {
        ++*static_cast<std::atomic<unsigned> *>(counter);
      };
      g_signal_connect(pipeline.pub(), (std::string("publisher-added::") + door).c_str(),
                       G_CALLBACK(count), std::string_view(door) == "whip" ? &whip : &websocket);
    }
  }
  std::atomic<unsigned> whip = 0, websocket = 0;
};

}  // namespace

GST_START_TEST(publisher_byWhip_isLikeAnyOther) {
  PublishPipeline pipeline(reserved(""));
  Doors doors(pipeline);
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient client(whipOptions(pipeline));
  mustPublish(client);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  const auto added = pipeline.waitMessage("webrtc-publisher-added");
  fail_unless(added && added->text.find("door=(string)whip") != std::string::npos, "%s",
              added ? added->text.c_str() : "no message");
  fail_unless_equals_int(doors.whip, 1);
  fail_unless_equals_int(doors.websocket, 0);

  const auto publisher = onlyPublisher(pipeline);
  mustHave(publisher, "stream", "cam");
  mustHave(publisher, "door", "whip");
  mustHave(publisher, "address", "127.0.0.1");
  mustHave(publisher, "user-agent", "whip-test/1");
  guint64 uptime = 0;
  fail_unless(gst_structure_get_uint64(publisher.get(), "uptime", &uptime) && uptime > 0 &&
              uptime < 60 * GST_SECOND);
  fail_if(gst_structure_has_field(publisher.get(), "client-statistics"));

  client.closeGoodbye();
  fail_unless(log.waitBoth(Kind::Eos, 1), "a goodbye is an EOS, not a wait");
  const auto removed = pipeline.waitMessage("webrtc-publisher-removed");
  fail_unless(removed && removed->text.find("goodbye") != std::string::npos);
  fail_unless(client.complaints().empty(), "%s", client.complaints().front().c_str());
  mustBeHealthy(pipeline);
}
GST_END_TEST

/// The ports in an answer's candidates.
static std::set<std::string> portsOf(const std::string &answer) {
  std::set<std::string> ports;
  const std::regex candidate("a=candidate:\\S+ 1 UDP \\d+ \\S+ (\\d+) typ host");
  for (std::sregex_iterator one(answer.begin(), answer.end(), candidate), end; one != end; ++one)
    ports.insert((*one)[1]);
  return ports;
}

/// How many publishers have a thread of webrtcbin's behind ICE, in a queue.
static unsigned runningQueues(const PublishPipeline &pipeline) {
  unsigned count = 0;
  auto look = [](const GValue *item, gpointer data) {
    auto *element = GST_ELEMENT(g_value_get_object(item));
    const auto bin = gws::Ref<GstObject>::take(gst_object_get_parent(GST_OBJECT(element)));
    if (!g_str_equal(G_OBJECT_TYPE_NAME(element), "GstQueue") ||
        !g_str_equal(G_OBJECT_TYPE_NAME(bin.get()), "TransportReceiveBin"))
      return;
    *static_cast<unsigned *>(data) += GST_STATE(element) > GST_STATE_READY;
  };
  const gws::Owned<GstIterator, gst_iterator_free> all(
      gst_bin_iterate_recurse(GST_BIN(pipeline.pipeline())));
  gst_iterator_foreach(all.get(), look, &count);
  return count;
}

GST_START_TEST(publishers_withTheAgentOfOurOwn_shareOnePort) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub ice-agent=single-port");
  pipeline.takeNewPads();
  fail_unless(pipeline.play());
  std::set<std::string> ports;
  std::vector<std::unique_ptr<PublishClient>> clients;
  for (const char *stream : {"a", "b", "c"}) {
    PublishOptions options = whipOptions(pipeline);
    options.url = "http://127.0.0.1:" + std::to_string(pipeline.port()) + "/" + stream + "/whip";
    clients.push_back(std::make_unique<PublishClient>(options));
    mustPublish(*clients.back());
    ports.merge(portsOf(clients.back()->answerSdp()));
  }
  fail_unless_equals_int(ports.size(), 1);
  fail_unless(pipeline.waitNewPads(6));
  for (const std::string &pad : pipeline.newPads())
    fail_unless(pipeline.record(pad).waitBuffers(10), "%s: no media", pad.c_str());
  fail_unless_equals_int(runningQueues(pipeline), 0);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(publisher_byWebSocket_isToldByItsDoor) {
  PublishPipeline pipeline(reserved(""));
  Doors doors(pipeline);
  fail_unless(pipeline.play());
  PublishClient client(lightOptions(pipeline, "cam"));
  mustPublish(client);
  const auto added = pipeline.waitMessage("webrtc-publisher-added");
  fail_unless(added && added->text.find("door=(string)websocket") != std::string::npos);
  fail_unless_equals_int(doors.websocket, 1);
  fail_unless_equals_int(doors.whip, 0);
  mustHave(onlyPublisher(pipeline), "door", "websocket");
}
GST_END_TEST

GST_START_TEST(statistics_ofTheClient_areShown) {
  PublishPipeline pipeline(reserved(""));
  fail_unless(pipeline.play());
  PublishClient client(whipOptions(pipeline));
  mustPublish(client);
  fail_unless(pipeline.waitMessage("webrtc-publisher-added").has_value());
  const std::string session = client.posted().headers["x-sid"];
  const std::string target = "/cam/sessions/" + session;
  const std::string text = "{\"bitrate\": 1000, \"loss\": [0, 1]}";
  fail_unless_equals_int(ask(pipeline, "PUT", target, "application/json", text).status, 204);
  mustHave(onlyPublisher(pipeline), "client-statistics", text.c_str());
  for (const char *broken : {"", "[1]", "{", "{\"a\":}", "{\"a\":1} x", "\xff"})
    fail_unless_equals_int(ask(pipeline, "PUT", target, "application/json", broken).status, 400);
  const std::string large = "{\"a\": \"" + std::string(64 * 1024, 'a') + "\"}";
  fail_unless_equals_int(ask(pipeline, "PUT", target, "application/json", large).status, 413);
  fail_unless_equals_int(ask(pipeline, "PUT", "/other/sessions/" + session, "", text).status, 404);
  fail_unless_equals_int(ask(pipeline, "PUT", "/cam/sessions/0", "", text).status, 404);
  mustHave(onlyPublisher(pipeline), "client-statistics", text.c_str());
}
GST_END_TEST

GST_START_TEST(newcomer_byEitherDoor_isRefusedWhileMediaFlow) {
  PublishPipeline pipeline(reserved(""));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient first(whipOptions(pipeline));
  mustPublish(first);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  PublishClient second(whipOptions(pipeline)), third(lightOptions(pipeline, "cam"));
  second.start();
  third.start();
  const SocketEnd end = second.waitClosed();
  fail_unless_equals_int(end.httpStatus, 409);
  fail_unless(end.reason.find("somebody else") != std::string::npos, "%s", end.reason.c_str());
  fail_unless_equals_int(third.waitClosed().closeCode, 4409);
  fail_unless(log.waitBoth(Kind::Buffer, 10, log.video.mark(), log.audio.mark()));
  fail_unless_equals_int(removedMessages(pipeline), 0);
}
GST_END_TEST

GST_START_TEST(newcomer_afterADeadPredecessor_takesOver) {
  PublishPipeline pipeline(reserved("max-publishers=1"));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient first(whipOptions(pipeline));
  mustPublish(first);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  first.stopMedia();  // no DELETE, and DTLS stays
  const std::size_t video = log.video.mark(), audio = log.audio.mark();
  PublishClient second(whipOptions(pipeline));
  mustPublish(second);
  fail_unless(log.waitBoth(Kind::Start, 1, video, audio), "nobody took the pads");
  fail_unless(log.waitBoth(Kind::Buffer, 10, log.video.mark(), log.audio.mark()));
  const auto removed = pipeline.waitMessage("webrtc-publisher-removed");
  fail_unless(removed && removed->text.find("taken\\ over") != std::string::npos, "%s",
              removed ? removed->text.c_str() : "no message");
  const std::string location = first.posted().headers["location"];
  fail_unless_equals_int(ask(pipeline, "DELETE", location, "", "").status, 404);
  mustBeHealthy(pipeline);
}
GST_END_TEST

/// The only publisher's DTLS sends nothing for so many microseconds, as if its thread got no time.
static void holdUpDtls(const PublishPipeline &pipeline, gulong time) {
  const gws::Owned<GstIterator, gst_iterator_free> found(
      gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline.pipeline()), "dtlsenc"));
  GValue encoder = G_VALUE_INIT;
  fail_unless(gst_iterator_next(found.get(), &encoder) == GST_ITERATOR_OK);
  const auto pad = gws::Ref<GstPad>::take(
      gst_element_get_static_pad(GST_ELEMENT(g_value_get_object(&encoder)), "src"));
  g_value_unset(&encoder);
  auto onPacket = [](GstPad *, GstPadProbeInfo *, gpointer time) {
    g_usleep(GPOINTER_TO_SIZE(time));
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onPacket, GSIZE_TO_POINTER(time),
                    nullptr);
}

static GstWebRTCDTLSTransportState dtlsStateOf(const PublishClient &client) {
  GstWebRTCRTPTransceiver *first = nullptr;
  g_signal_emit_by_name(client.webrtcbin(), "get-transceiver", 0, &first);
  const auto transceiver = gws::Ref<GstWebRTCRTPTransceiver>::take(first);
  const auto sender =
      gws::Ref<GObject>::take(gws::getProperty<GObject *>(transceiver.get(), "sender"));
  const auto transport =
      gws::Ref<GObject>::take(gws::getProperty<GObject *>(sender.get(), "transport"));
  return gws::getProperty<GstWebRTCDTLSTransportState>(transport.get(), "state");
}

/// A client hears of the end although the server's thread for DTLS was late.
GST_START_TEST(session_thatTheServerEnds_closesDtls) {
  PublishPipeline pipeline(reserved(""));
  fail_unless(pipeline.play());
  PublishClient client(whipOptions(pipeline));
  mustPublish(client);
  fail_unless_equals_int(dtlsStateOf(client), GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED);
  holdUpDtls(pipeline, G_USEC_PER_SEC / 2);
  const std::string location = client.posted().headers["location"];
  fail_unless_equals_int(ask(pipeline, "DELETE", location, "", "").status, 200);
  fail_unless(
      waitUntil([&] { return dtlsStateOf(client) == GST_WEBRTC_DTLS_TRANSPORT_STATE_CLOSED; },
                20 * G_USEC_PER_SEC));
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(session_withoutADelete_endsWithItsMedia) {
  PublishPipeline pipeline(reserved("inactivity-timeout=700 reconnect-timeout=0"));
  StreamLog log(pipeline, "cam");
  fail_unless(pipeline.play());
  PublishClient client(whipOptions(pipeline));
  mustPublish(client);
  fail_unless(log.waitBoth(Kind::Buffer, 10));
  const std::string location = client.posted().headers["location"];
  fail_unless_equals_int(ask(pipeline, "GET", location, "", "").status, 204);
  client.kill();
  fail_unless(log.waitBoth(Kind::Eos, 1));
  fail_unless(pipeline.waitMessage("webrtc-publisher-removed").has_value());
  fail_unless_equals_int(ask(pipeline, "GET", location, "", "").status, 404);
}
GST_END_TEST

GST_START_TEST(client_whoseCodecsNobodyTakes_is422AndThePipelineHears) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub pub.video_cam ! h264parse ! fakesink");
  fail_unless(pipeline.play());
  PublishOptions options = whipOptions(pipeline);
  options.video = {"vp8"};
  options.audio = {};
  PublishClient client(options);
  client.start();
  const SocketEnd end = client.waitClosed();
  fail_unless_equals_int(end.httpStatus, 422);
  fail_unless(end.reason.find("the pipeline wants H264") != std::string::npos, "%s",
              end.reason.c_str());
  fail_unless(pipeline.waitMessage("webrtc-publisher-refused").has_value());
}
GST_END_TEST

GST_START_TEST(authorize_byWhip_isAskedAndObeyed) {
  PublishPipeline pipeline(reserved("token=right"));
  struct Seen {
    std::atomic<bool> accept = false;
    Watched<std::string> request;
  } seen;
  auto decide = +[](GstElement *, const char *, GstStructure *request, gpointer data) -> gboolean {
    auto *seen = static_cast<Seen *>(data);
    seen->request.update(
        [&](std::string &text) { text = gws::takeString(gst_structure_to_string(request)); });
    return seen->accept;
  };
  g_signal_connect(pipeline.pub(), "authorize", G_CALLBACK(decide), &seen);
  fail_unless(pipeline.play());
  auto publish = [&](const std::string &query, const Headers &headers) {
    PublishOptions options = whipOptions(pipeline);
    options.url = endpoint(pipeline, query);
    options.headers.insert(options.headers.end(), headers.begin(), headers.end());
    auto client = std::make_unique<PublishClient>(options);
    client->start();
    return client;
  };
  auto wrong = publish("?token=wrong", {});
  fail_unless_equals_int(wrong->waitClosed().httpStatus, 401);
  HttpReply refusal = wrong->posted();
  fail_unless_equals_string(refusal.headers["www-authenticate"].c_str(), "Bearer");
  fail_unless(seen.request.get().empty());
  fail_unless_equals_int(publish("?password=right", {})->waitClosed().httpStatus, 403);
  const std::string request = seen.request.get();
  for (const char *part :
       {"name=(string)cam", "proto=(string)whip", "qs=(string)\"password\\=right"})
    fail_unless(request.find(part) != std::string::npos, "%s: %s", part, request.c_str());
  seen.accept = true;
  auto right = publish("", {{"Authorization", "Bearer right"}});
  fail_unless(right->waitConnected());
}
GST_END_TEST

GST_START_TEST(stop_whileAPostWaits_answersIt) {
  PublishPipeline pipeline(reserved(""));
  struct Gate {
    Watched<bool> asked, open;
  } gate;
  auto wait = +[](GstElement *, const char *, GstStructure *, gpointer data) -> gboolean {
    auto *gate = static_cast<Gate *>(data);
    gate->asked.update([](bool &asked) { asked = true; });
    gate->open.waitFor([](bool open) { return open; }, kDeadline);
    return TRUE;
  };
  g_signal_connect(pipeline.pub(), "authorize", G_CALLBACK(wait), &gate);
  fail_unless(pipeline.play());
  PublishClient client(whipOptions(pipeline));
  client.start();
  fail_unless(gate.asked.waitFor([](bool asked) { return asked; }, kDeadline));
  LoopThread opener;
  opener.post([&gate] {
    g_usleep(200'000);
    gate.open.update([](bool &open) { open = true; });
  });
  pipeline.stop();
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closed && end.httpStatus != 201, "status %d", end.httpStatus);
}
GST_END_TEST

static Suite *whip_suite() {
  Suite *suite = suite_create("whip");
  TCase *all = tcase_create("all");
  suite_add_tcase(suite, all);
  tcase_add_test(all, publisher_byWhip_isLikeAnyOther);
  tcase_add_test(all, publishers_withTheAgentOfOurOwn_shareOnePort);
  tcase_add_test(all, publisher_byWebSocket_isToldByItsDoor);
  tcase_add_test(all, statistics_ofTheClient_areShown);
  tcase_add_test(all, newcomer_byEitherDoor_isRefusedWhileMediaFlow);
  tcase_add_test(all, newcomer_afterADeadPredecessor_takesOver);
  tcase_add_test(all, session_thatTheServerEnds_closesDtls);
  tcase_add_test(all, session_withoutADelete_endsWithItsMedia);
  tcase_add_test(all, client_whoseCodecsNobodyTakes_is422AndThePipelineHears);
  tcase_add_test(all, authorize_byWhip_isAskedAndObeyed);
  tcase_add_test(all, stop_whileAPostWaits_answersIt);
  return suite;
}

GST_CHECK_MAIN(whip)
