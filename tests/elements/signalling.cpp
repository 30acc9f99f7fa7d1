// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishing protocol as webrtcpublishsrc speaks it: refusals, candidates, ports.
#include <gio/gio.h>

#include "tests/common/check.h"

using namespace gws::test;

namespace {

constexpr const char *kAnyStream = "webrtcpublishsrc name=pub";

/// A healthy offer, taken from a client that never sends it.
std::string someOffer(const char *video = "vp8") {
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video = {video};
  PublishClient client(options);
  mustPublish(client);
  return client.offerSdp();
}

/// Sends one message on a fresh socket and returns how the server closed it.
SocketEnd answerTo(const PublishPipeline &pipeline, const std::string &message,
                   bool binary = false) {
  RawSocket socket;
  fail_unless(socket.connect(pipeline.url("cam")), "no upgrade: %d", socket.end().httpStatus);
  binary ? socket.sendBinary(message) : socket.sendText(message);
  return socket.waitClosed();
}

struct BadMessage {
  const char *text;
  const char *reason;  ///< has to be in the close reason; nullptr: any reason
};

constexpr BadMessage kBadMessages[] = {
    {"", nullptr},
    {"{", nullptr},
    {"not json", nullptr},
    {"[]", "object"},
    {"\"offer\"", "object"},
    {"{}", "type"},
    {R"({"type":5})", "type"},
    {R"({"type":null})", "type"},
    {R"({"type":"offer"})", "sdp"},
    {R"({"type":"offer","sdp":5})", "sdp"},
    {R"({"type":"offer","sdp":{}})", "sdp"},
    {R"({"type":"offer","sdp":""})", nullptr},
    {R"({"type":"offer","sdp":"garbage"})", nullptr},
    {R"({"type":"offer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"})", nullptr},
    {R"({"type":"candidate","candidate":5})", "candidate"},
    {R"({"type":"candidate","candidate":{"candidate":5}})", "candidate"},
};

struct BadPath {
  const char *target;
  int status;
};

constexpr BadPath kBadPaths[] = {
    {"//webrtc/publish", 400},           {"/a//b/webrtc/publish", 400},
    {"/a%2F..%2Fb/webrtc/publish", 400}, {"/a%00b/webrtc/publish", 400},
    {"/a%0Ab/webrtc/publish", 400},      {"/a%5Cb/webrtc/publish", 400},
    {"/%ff/webrtc/publish", 400},        {"/cam/webrtc/nothing", 404},
};

}  // namespace

GST_START_TEST(message_thatCannotBeUnderstood_closesWith4400) {
  const BadMessage &row = kBadMessages[__i__];
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  const SocketEnd end = answerTo(pipeline, row.text);
  fail_unless(end.closed && end.closeCode == 4400, "'%s': closed %d, code %d '%s'", row.text,
              end.closed, end.closeCode, end.reason.c_str());
  fail_unless(!end.reason.empty(), "'%s': no reason", row.text);
  fail_unless(!row.reason || end.reason.find(row.reason) != std::string::npos,
              "'%s': the reason '%s' does not name %s", row.text, end.reason.c_str(), row.reason);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(message_binary_closesWith4400) {
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  const SocketEnd end = answerTo(pipeline, std::string("\0\1\2", 3), true);
  fail_unless_equals_int(end.closeCode, 4400);
  fail_unless(!end.reason.empty());
}
GST_END_TEST

GST_START_TEST(message_tooLarge_closesWith4413) {
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  const SocketEnd end = answerTo(pipeline, offerJson(std::string(200 * 1024, 'a')));
  fail_unless_equals_int(end.closeCode, 4413);
}
GST_END_TEST

GST_START_TEST(message_ofUnknownType_isIgnored) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  PublishClient *self = nullptr;
  options.mungeOffer = [&self](std::string offer) {
    self->sendText(R"({"type":"hello","sdp":5})");
    return offer;
  };
  PublishClient client(options);
  self = &client;
  mustPublish(client);
  client.sendText(R"({"type":"bye for now"})");
  fail_unless(seen.waitBuffers(20));
  fail_unless(!client.waitClosed(Timeout(0)).closed);
}
GST_END_TEST

GST_START_TEST(offer_beforeTheLastOnesAnswer_isRefusedWithAReason) {
  const std::string offer = someOffer();
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  RawSocket socket;
  fail_unless(socket.connect(pipeline.url("cam")), "no upgrade: %d", socket.end().httpStatus);
  socket.sendText(offerJson(offer));
  socket.sendText(offerJson(offer));
  const SocketEnd end = socket.waitClosed();
  fail_unless(end.closeCode == 4400, "code %d '%s'", end.closeCode, end.reason.c_str());
  fail_unless(end.reason.find("offer") != std::string::npos, "reason '%s'", end.reason.c_str());
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(offer_withoutACommonCodec_closesWith4406) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam ! h264parse" + kSink);
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  client.start();
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closeCode == 4406, "code %d '%s'", end.closeCode, end.reason.c_str());
  fail_unless(end.reason.find("VP8") != std::string::npos, "reason '%s'", end.reason.c_str());
  bool named = false;
  for (const auto &message : pipeline.messages())
    named |= message.text.find("VP8") != std::string::npos &&
             (message.text.find("H264") != std::string::npos ||
              message.text.find("h264") != std::string::npos);
  fail_unless(named, "no element message names what was offered and what is wanted");
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(offer_thatOnlyReceives_isRefused) {
  const std::string offer = replaceAll(someOffer(), "a=sendonly", "a=recvonly");
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  fail_unless_equals_int(answerTo(pipeline, offerJson(offer)).closeCode, 4400);
}
GST_END_TEST

GST_START_TEST(path_thatIsNotAcceptable_getsAStatusAndASentence) {
  const BadPath &row = kBadPaths[__i__];
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  const HttpReply reply = upgradeReply(pipeline.port(), row.target);
  fail_unless(reply.status == row.status, "%s: %d %s", row.target, reply.status,
              reply.error.c_str());
  fail_unless(reply.body.size() > 10, "%s: no sentence: '%s'", row.target, reply.body.c_str());
}
GST_END_TEST

// The HTTP library resolves dot segments (RFC 3986, section 5.2.4) before anybody reads the path.
GST_START_TEST(path_withDotSegments_namesNothingOutside) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  fail_unless(pipeline.play());
  const HttpReply reply = upgradeReply(pipeline.port(), "/a/%2E%2E/../etc/webrtc/publish");
  fail_unless(reply.status == 404 || reply.status == 400, "%d", reply.status);
  fail_unless(reply.body.find("..") == std::string::npos, "body '%s'", reply.body.c_str());
}
GST_END_TEST

GST_START_TEST(path_withTheLongestName_isTheLimit) {
  PublishPipeline pipeline(kAnyStream);
  fail_unless(pipeline.play());
  const std::string longest(128, 'n');
  const std::string end = "/webrtc/publish";
  fail_unless_equals_int(upgradeReply(pipeline.port(), "/" + longest + end).status, 101);
  fail_unless_equals_int(upgradeReply(pipeline.port(), "/" + longest + "n" + end).status, 400);
}
GST_END_TEST

GST_START_TEST(path_ofAnUnknownStream_isNotFoundOnlyWhenSomeAreReserved) {
  PublishPipeline reserved(std::string(kAnyStream) + " pub.video_cam" + kSink);
  PublishPipeline open(kAnyStream);
  fail_unless(reserved.play() && open.play());
  const HttpReply refused = upgradeReply(reserved.port(), "/other/webrtc/publish");
  fail_unless_equals_int(refused.status, 404);
  fail_unless(refused.body.find("other") != std::string::npos, "body '%s'", refused.body.c_str());
  fail_unless_equals_int(upgradeReply(reserved.port(), "/cam/webrtc/publish").status, 101);
  fail_unless_equals_int(upgradeReply(open.port(), "/other/webrtc/publish").status, 101);
}
GST_END_TEST

GST_START_TEST(upgrade_withAQuery_isAccepted) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  fail_unless(pipeline.play());
  fail_unless_equals_int(
      upgradeReply(pipeline.port(), "/cam/webrtc/publish?token=a%20b&password=c").status, 101);
  fail_unless_equals_int(upgradeReply(pipeline.port(), "/c%61m/webrtc/publish").status, 101);
}
GST_END_TEST

GST_START_TEST(stream_thatIsTaken_refusesTheSecondPublisher) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient first(optionsFor(pipeline));
  mustPublish(first);
  PublishClient second(optionsFor(pipeline));
  second.start();
  const SocketEnd end = second.waitClosed();
  fail_unless(end.httpStatus == 409 || end.closeCode == 4409, "http %d, code %d '%s'",
              end.httpStatus, end.closeCode, end.reason.c_str());
  fail_unless(seen.waitMore(10), "the first publisher was disturbed");
  fail_unless_equals_int(seen.get().streamIds.size(), 1);
}
GST_END_TEST

GST_START_TEST(candidates_inEveryManner_connect) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.trickle = __i__ != 0;
  options.candidatesBeforeOffer = __i__ == 1;
  options.bareCandidates = __i__ == 2;
  options.sendrecv = __i__ == 3;
  PublishClient client(options);
  mustPublish(client);
  fail_unless(seen.waitBuffers(5));
  fail_unless(!client.remoteCandidates().empty(), "no candidate message followed the answer");
  fail_unless(client.complaints().empty(), "%s", client.complaints()[0].c_str());
}
GST_END_TEST

GST_START_TEST(candidates_ofNoUse_areIgnored) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  PadRecorder &seen = pipeline.record("video_cam");
  fail_unless(pipeline.play());
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  // The client's own encoders have their threads by now.
  fail_unless(seen.waitBuffers(20));
  const unsigned threads = processUse().threads;
  const char *const odd[] = {
      "",
      "candidate:1 2 UDP 2122260223 127.0.0.1 50000 typ host",
      "candidate:2 1 TCP 2105524479 127.0.0.1 9 typ host tcptype active",
      "candidate:3 1 UDP 2122260223 0b1f37a5-6a3a-4a63-8b6e-3d9f9e3c7b11.local 50001 typ host",
      "candidate:4 1 UDP 2122260223 example.invalid 50001 typ host",
      "candidate:nonsense",
      "nonsense",
  };
  for (const char *candidate : odd)
    client.sendText(candidateJson(0, candidate));
  client.sendText(candidateJson(77, odd[1]));
  fail_unless(seen.waitMore(30));
  fail_unless(!client.waitClosed(Timeout(0)).closed, "'%s'", client.waitClosed().reason.c_str());
  fail_unless(processUse().threads <= threads + 1, "threads: %u, then %u", threads,
              processUse().threads);
}
GST_END_TEST

GST_START_TEST(port_zero_isPickedAndTold) {
  PublishPipeline pipeline(kAnyStream);
  Watched<unsigned> told;
  using Handler = void (*)(GObject *, GParamSpec *, Watched<unsigned> *);
  const Handler handler = [](GObject *object, GParamSpec *, Watched<unsigned> *seen) {
    seen->set(gws::getProperty<guint>(object, "current-port"));
  };
  g_signal_connect(pipeline.pub(), "notify::current-port", G_CALLBACK(handler), &told);
  fail_unless_equals_int(pipeline.port(), 0);
  fail_unless(pipeline.play());
  fail_unless(told.waitFor([&](unsigned port) { return port == pipeline.port(); }));
  fail_unless(pipeline.port() != 0);
  pipeline.stop();
  g_signal_handlers_disconnect_by_data(pipeline.pub(), &told);
}
GST_END_TEST

GST_START_TEST(port_thatIsTaken_isAnErrorOfTheElement) {
  const auto other = gws::Ref<GSocketListener>::take(g_socket_listener_new());
  const auto loopback =
      gws::Ref<GInetAddress>::take(g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4));
  const auto address = gws::Ref<GSocketAddress>::take(g_inet_socket_address_new(loopback.get(), 0));
  GSocketAddress *effective = nullptr;
  fail_unless(g_socket_listener_add_address(other.get(), address.get(), G_SOCKET_TYPE_STREAM,
                                            G_SOCKET_PROTOCOL_TCP, nullptr, &effective, nullptr));
  const auto used = gws::Ref<GSocketAddress>::take(effective);
  const unsigned port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(used.get()));

  PublishPipeline pipeline(std::string(kAnyStream) + " port=" + std::to_string(port));
  fail_unless_equals_int(pipeline.setState(GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  fail_unless(pipeline.waitError());
  fail_unless(pipeline.errors()[0].find(std::to_string(port)) != std::string::npos,
              "the error does not name the port: %s", pipeline.errors()[0].c_str());
}
GST_END_TEST

GST_START_TEST(elements_onOnePort_shareIt) {
  PublishPipeline first(std::string(kAnyStream) + " pub.video_one" + kSink);
  fail_unless(first.play());
  PublishPipeline second(std::string(kAnyStream) + " port=" + std::to_string(first.port()) +
                         " pub.video_two" + kSink);
  fail_unless(second.play(), "the second element cannot share the port");
  fail_unless(first.port() == second.port());
  PublishClient one(optionsFor(first, "one")), two(optionsFor(second, "two"));
  mustPublish(one);
  mustPublish(two);
  fail_unless(first.record("video_one").waitBuffers(5));
  fail_unless(second.record("video_two").waitBuffers(5));
  first.stop();
  fail_unless(second.record("video_two").waitMore(10), "the first element took the server along");
}
GST_END_TEST

GST_START_TEST(elements_onTheirOwnPorts_areApart) {
  PublishPipeline first(kAnyStream), second(kAnyStream);
  fail_unless(first.play() && second.play());
  fail_unless(first.port() != second.port());
}
GST_END_TEST

GST_START_TEST(pages_areServed) {
  PublishPipeline pipeline(std::string(kAnyStream) + " pub.video_cam" + kSink);
  fail_unless(pipeline.play());
  const HttpReply index = httpGet(pipeline.port(), "/");
  fail_unless_equals_int(index.status, 200);
  fail_unless(index.headers.at("content-type").rfind("text/html", 0) == 0);
  fail_unless_equals_int(httpGet(pipeline.port(), "/cam/publish").status, 200);
  const HttpReply list = httpGet(pipeline.port(), "/streams.json");
  fail_unless_equals_int(list.status, 200);
  fail_unless(list.body.find("cam") != std::string::npos);
  fail_unless_equals_int(httpGet(pipeline.port(), "/assets/nothing.js").status, 404);
  fail_unless_equals_int(
      httpRequest({.port = pipeline.port(), .target = "/", .method = "POST"}).status, 405);
}
GST_END_TEST

namespace {

Suite *signalling_suite() {
  Suite *suite = suite_create("signalling");
  TCase *messages = tcase_create("messages");
  suite_add_tcase(suite, messages);
  tcase_add_loop_test(messages, message_thatCannotBeUnderstood_closesWith4400, 0,
                      static_cast<int>(G_N_ELEMENTS(kBadMessages)));
  tcase_add_test(messages, message_binary_closesWith4400);
  tcase_add_test(messages, message_tooLarge_closesWith4413);
  tcase_add_test(messages, message_ofUnknownType_isIgnored);
  tcase_add_test(messages, offer_beforeTheLastOnesAnswer_isRefusedWithAReason);
  tcase_add_test(messages, offer_withoutACommonCodec_closesWith4406);
  tcase_add_test(messages, offer_thatOnlyReceives_isRefused);
  tcase_add_test(messages, stream_thatIsTaken_refusesTheSecondPublisher);
  tcase_add_loop_test(messages, candidates_inEveryManner_connect, 0, 4);
  tcase_add_test(messages, candidates_ofNoUse_areIgnored);
  TCase *server = tcase_create("server");
  suite_add_tcase(suite, server);
  tcase_add_loop_test(server, path_thatIsNotAcceptable_getsAStatusAndASentence, 0,
                      static_cast<int>(G_N_ELEMENTS(kBadPaths)));
  tcase_add_test(server, path_withDotSegments_namesNothingOutside);
  tcase_add_test(server, path_withTheLongestName_isTheLimit);
  tcase_add_test(server, path_ofAnUnknownStream_isNotFoundOnlyWhenSomeAreReserved);
  tcase_add_test(server, upgrade_withAQuery_isAccepted);
  tcase_add_test(server, port_zero_isPickedAndTold);
  tcase_add_test(server, port_thatIsTaken_isAnErrorOfTheElement);
  tcase_add_test(server, elements_onOnePort_shareIt);
  tcase_add_test(server, elements_onTheirOwnPorts_areApart);
  tcase_add_test(server, pages_areServed);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(signalling)
