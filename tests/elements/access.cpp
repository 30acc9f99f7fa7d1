// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may publish, as docs/security.md says: tokens, origins, names, the application, a service.
#include "tests/elements/authorizer.h"
#include "tests/elements/port.h"

using namespace gws::test;

namespace {

constexpr const char *kDoor = "/cam/webrtc/publish";
constexpr const char *kToken = "s3cr3t ticket/+%";
constexpr const char *kQuery = "?token=s3cr3t%20ticket%2F%2B%25";
const auto kIsSet = [](bool value) { return value; };

int statusAt(const PublishPipeline &pipeline, const std::string &target,
             const Headers &headers = {}) {
  return upgradeReply(pipeline.port(), target, headers).status;
}

/// Has asked to be let in; the answer may take its time.
std::unique_ptr<HandSocket> askFor(const PublishPipeline &pipeline, const std::string &target) {
  auto client = std::make_unique<HandSocket>(HandSocket::Options{.port = pipeline.port()});
  fail_unless(client->send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + kUpgradeFields));
  return client;
}

/// It would have been there: whoever decides has been asked.
void mustHaveNoAnswerYet(HandSocket &client) {
  client.setPatience(Timeout(200));
  fail_unless(client.read(1).empty() && !client.wasCut(), "an answer came before the decision");
  client.setPatience(kDeadline);
}

struct TokenRow {
  const char *query, *authorization;
  int status;
};

constexpr TokenRow kTokens[] = {
    {"?token=s3cr3t%20ticket%2F%2B%25", "", 101},
    {"?room=1&token=s3cr3t%20ticket%2F%2B%25&x", "", 101},
    {"?%74oken=%733cr3t%20ticket%2f%2b%25", "", 101},
    {"?password=s3cr3t%20ticket%2F%2B%25", "", 101},
    {"", "Bearer s3cr3t ticket/+%", 101},
    {"", "bearer s3cr3t ticket/+%", 101},
    {"?token=&password=s3cr3t%20ticket%2F%2B%25", "", 101},
    {"?token=", "Bearer s3cr3t ticket/+%", 101},
    {"", "", 401},
    {"?token=", "", 401},
    {"?token=s3cr3t", "", 401},
    {"?token=s3cr3t+ticket%2F%2B%25", "", 401},
    {"?token=s3cr3t%20ticket%2F%2B%25x", "", 401},
    {"?TOKEN=s3cr3t%20ticket%2F%2B%25", "", 401},
    {"?token=wrong&password=s3cr3t%20ticket%2F%2B%25", "", 401},
    {"?token=wrong", "Bearer s3cr3t ticket/+%", 401},
    {"?token=%00", "", 401},
    {"", "Bearer ", 401},
    {"", "Basic czNjcjN0IHRpY2tldC8rJQ==", 401},
};

struct OriginRow {
  const char *allowed;  ///< the property; PORT is replaced
  const char *origin;   ///< of the request, so too; nullptr: none is sent
  int status;
};

constexpr OriginRow kOrigins[] = {
    {"", nullptr, 101},
    {"", "http://127.0.0.1:PORT", 101},
    {"", "https://127.0.0.1:PORT", 101},
    {"", "http://127.0.0.1", 403},
    {"", "http://localhost:PORT", 403},
    {"", "https://evil.example", 403},
    {"", "http://127.0.0.1:PORT.evil.example", 403},
    {"", "null", 403},
    {"", "", 101},
    {"https://a.example, http://b.example:81", "https://a.example", 101},
    {"https://a.example, http://b.example:81", "http://b.example:81", 101},
    {"https://a.example, http://b.example:81", "http://b.example", 403},
    {"https://a.example, http://b.example:81", "http://a.example", 403},
    {"https://a.example, http://b.example:81", "http://127.0.0.1:PORT", 403},
    {"https://a.example, http://b.example:81", "null", 403},
    {"https://a.example, http://b.example:81", nullptr, 101},
    {"*", "https://evil.example", 101},
    {"*", "null", 101},
};

struct PropertyRow {
  const char *property, *value;
  const char *named;  ///< has to be in the error
};

constexpr PropertyRow kMalformed[] = {
    {"allowed-origins", "https://a.example,example.org/path", "example.org/path"},
    {"allowed-origins", "ftp://a.example", "ftp://a.example"},
    {"trusted-proxies", "10.0.0.0/8,proxy.example", "proxy.example"},
    {"trusted-proxies", "10.0.0.0/33", "10.0.0.0/33"},
    {"auth-url", "ftp://127.0.0.1/", "auth-url"},
    {"auth-url", "nowhere", "auth-url"},
    {"private-key-file", "/key.pem", "private-key-file"},
};

/// The text of the error that its start ends with.
std::string mustNotStart(PublishPipeline &pipeline) {
  fail_unless_equals_int(pipeline.setState(GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  fail_unless(pipeline.waitError(), "no error on the bus");
  const auto errors = pipeline.errors();
  fail_unless_equals_int(errors.size(), 1);
  fail_unless_equals_int(pipeline.port(), 0);
  return errors[0];
}

}  // namespace

GST_START_TEST(token_asItIsGiven_opensTheDoorOrNot) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  g_object_set(pipeline.pub(), "token", kToken, nullptr);
  fail_unless(pipeline.play());
  std::string sentence;
  for (const TokenRow &row : kTokens) {
    const Headers headers =
        *row.authorization ? Headers{{"Authorization", row.authorization}} : Headers{};
    const HttpReply reply = upgradeReply(pipeline.port(), std::string(kDoor) + row.query, headers);
    fail_unless(reply.status == row.status, "'%s', '%s': %d", row.query, row.authorization,
                reply.status);
    if (row.status != 401) continue;
    fail_unless(!reply.body.empty());
    if (sentence.empty()) sentence = reply.body;
    fail_unless_same_text(reply.body, sentence);
    fail_unless_same_text(reply.headers.at("www-authenticate"), "Bearer");
  }
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(token_ofPages_isAskedWhereStreamsShow) {
  PublishPipeline pipeline(withBystander("", std::string(" pub.video_cam") + kSink));
  g_object_set(pipeline.pub(), "token", kToken, nullptr);
  fail_unless(pipeline.play());
  for (const char *page : {"/cam/publish", "/streams.json", "/other/publish"}) {
    const HttpReply reply = httpGet(pipeline.port(), page);
    fail_unless(reply.status == 401, "%s: %d", page, reply.status);
    fail_unless(reply.body.find("good") == std::string::npos);
  }
  for (const char *page : {"/cam/publish", "/streams.json"})
    fail_unless_equals_int(httpGet(pipeline.port(), std::string(page) + kQuery).status, 200);
  fail_unless_equals_int(httpGet(pipeline.port(), std::string("/other/publish") + kQuery).status,
                         404);
  for (const char *page : {"/", "/assets/publish.js"})
    fail_unless(httpGet(pipeline.port(), page).status == 200, "%s", page);
}
GST_END_TEST

GST_START_TEST(refusals_ofOneRequest_comeInTheirOrder) {
  Handlers handlers;
  Watched<unsigned> asked;
  PublishPipeline pipeline(withBystander("", std::string(" pub.video_cam") + kSink));
  handlers.add(pipeline, [&asked](const std::string &, const GstStructure *) {
    asked.update([](unsigned &count) { ++count; });
    return false;
  });
  g_object_set(pipeline.pub(), "token", kToken, nullptr);
  fail_unless(pipeline.play());
  const Headers foreign{{"Origin", "https://evil.example"}};
  const std::string unknown = "/unknown/webrtc/publish", known = kDoor;
  fail_unless_equals_int(statusAt(pipeline, "//webrtc/publish", foreign), 400);
  fail_unless_equals_int(statusAt(pipeline, unknown, foreign), 403);
  fail_unless_equals_int(statusAt(pipeline, known + kQuery, foreign), 403);
  fail_unless_equals_int(statusAt(pipeline, unknown), 401);
  fail_unless_equals_int(statusAt(pipeline, unknown + kQuery), 404);
  fail_unless_equals_int(asked.get(), 0);
  fail_unless_equals_int(statusAt(pipeline, known + kQuery), 403);
  fail_unless_equals_int(asked.get(), 1);
  const HttpReply post =
      httpRequest({.port = pipeline.port(), .target = known, .method = "POST", .headers = foreign});
  fail_unless_equals_int(post.status, 405);
}
GST_END_TEST

GST_START_TEST(streams_asPatterns_holdBehindTheToken) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub streams=\"cam*, room/?\"");
  g_object_set(pipeline.pub(), "token", kToken, nullptr);
  fail_unless(pipeline.play());
  const std::string door = "/webrtc/publish";
  for (const char *name : {"/cam", "/cam7", "/room/a"}) {
    const std::string target = name + door;
    fail_unless(statusAt(pipeline, target + kQuery) == 101, "%s", name);
    fail_unless(statusAt(pipeline, target) == 401, "%s", name);
  }
  for (const char *name : {"/other", "/room/ab", "/xcam"}) {
    const std::string target = name + door;
    fail_unless(statusAt(pipeline, target + kQuery) == 404, "%s", name);
    fail_unless(statusAt(pipeline, target) == 401, "%s", name);
  }
}
GST_END_TEST

GST_START_TEST(origin_ofARequest_isComparedWithTheList) {
  std::string allowed = "?";
  std::unique_ptr<PublishPipeline> pipeline;
  for (const OriginRow &row : kOrigins) {
    if (allowed != row.allowed) {
      allowed = row.allowed;
      pipeline = std::make_unique<PublishPipeline>("webrtcpublishsrc name=pub");
      g_object_set(pipeline->pub(), "allowed-origins", row.allowed, nullptr);
      fail_unless(pipeline->play());
    }
    Headers headers;
    if (row.origin)
      headers = {{"Origin", replaceAll(row.origin, "PORT", std::to_string(pipeline->port()))}};
    const HttpReply reply = upgradeReply(pipeline->port(), kDoor, headers);
    fail_unless(reply.status == row.status, "'%s' with '%s': %d", row.origin ? row.origin : "-",
                row.allowed, reply.status);
    if (reply.status == 403) mustSay(reply.body, "allowed-origins");
  }
}
GST_END_TEST

GST_START_TEST(authorize_whenEmitted_saysWhatTheClientSaid) {
  Handlers handlers;
  Watched<std::vector<std::string>> seen;
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  handlers.add(pipeline, [&seen](const std::string &stream, const GstStructure *request) {
    std::vector<std::string> all{stream};
    for (const char *name : {"name", "proto", "ip", "token", "qs", "user-agent", "referer", "host",
                             "origin", "session-id"})
      all.emplace_back(fieldOf(request, name));
    seen.set(all);
    return true;
  });
  fail_unless(pipeline.play());
  const std::string host = "127.0.0.1:" + std::to_string(pipeline.port());
  const Headers headers{{"User-Agent", "Test/1.0"},
                        {"Referer", "https://pages.example/room"},
                        {"Origin", "http://" + host}};
  fail_unless_equals_int(statusAt(pipeline, std::string(kDoor) + "?token=a%20b&x=1", headers), 101);
  std::vector<std::string> all = seen.get();
  const std::string session = all.back();
  all.pop_back();
  const std::vector<std::string> expected{"cam",      "cam",
                                          "webrtc",   "127.0.0.1",
                                          "a b",      "token=a%20b&x=1",
                                          "Test/1.0", "https://pages.example/room",
                                          host,       "http://" + host};
  fail_unless_equals_int(all.size(), expected.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    fail_unless_same_text(all[i], expected[i]);
  fail_unless_equals_int(statusAt(pipeline, kDoor), 101);
  all = seen.get();
  fail_unless(!session.empty() && !all.back().empty() && all.back() != session);
  fail_unless_same_text(all[4], "");
}
GST_END_TEST

GST_START_TEST(authorize_withTwoHandlers_needsBoth) {
  for (const unsigned yes : {0u, 1u, 2u, 3u}) {
    Handlers handlers;
    PublishPipeline pipeline("webrtcpublishsrc name=pub");
    for (const unsigned bit : {1u, 2u})
      handlers.add(pipeline, [yes, bit](const std::string &, const GstStructure *) {
        return (yes & bit) != 0;
      });
    fail_unless(pipeline.play());
    const HttpReply reply = upgradeReply(pipeline.port(), kDoor);
    fail_unless(reply.status == (yes == 3 ? 101 : 403), "%u: %d", yes, reply.status);
    mustBeHealthy(pipeline);
  }
}
GST_END_TEST

GST_START_TEST(authorize_thatBlocks_delaysNobodyElse) {
  Barrier barrier;
  Handlers handlers;
  PublishPipeline pipeline(
      withBystander("", std::string(" pub.video_cam") + kSink + " pub.video_other" + kSink));
  PadRecorder &other = pipeline.record("video_other");
  handlers.add(pipeline, [&barrier](const std::string &stream, const GstStructure *) {
    return stream != "cam" || barrier.pass();
  });
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto waiting = askFor(pipeline, kDoor);
  fail_unless(barrier.waitEntered(1), "the handler is not called");
  PublishOptions options = optionsFor(pipeline, "other");
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  fail_unless(other.waitBuffers(10) && bystander.goesOn());
  mustHaveNoAnswerYet(*waiting);
  barrier.open();
  fail_unless_equals_int(waiting->readStatus(), 101);
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(authorize_thatBlocksManyClients_letsThemInLater) {
  constexpr unsigned kClients = 40;  // more than are asked for at once
  Barrier barrier;
  Handlers handlers;
  PublishPipeline pipeline(withBystander("", std::string(" pub.video_cam") + kSink));
  handlers.add(pipeline, [&barrier](const std::string &stream, const GstStructure *) {
    return stream != "cam" || barrier.pass();
  });
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  std::vector<std::unique_ptr<HandSocket>> waiting;
  for (unsigned i = 0; i < kClients; ++i)
    waiting.push_back(askFor(pipeline, kDoor));
  fail_unless(barrier.waitEntered(32), "not enough are asked for at once");
  for (const auto &client : waiting)
    fail_unless(!client->wasCut());
  // One that goes meanwhile does no harm.
  waiting.front()->reset();
  waiting.erase(waiting.begin());
  fail_unless_equals_int(httpGet(pipeline.port(), "/").status, 200);
  barrier.open();
  for (const auto &client : waiting) {
    client->setPatience(kDeadline);
    fail_unless_equals_int(client->readStatus(), 101);
  }
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(element_toNullWhileAHandlerBlocks_refusesAndEnds) {
  Handlers handlers;
  Barrier barrier;
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  handlers.add(pipeline,
               [&barrier](const std::string &, const GstStructure *) { return barrier.pass(); });
  fail_unless(pipeline.play());
  const auto waiting = askFor(pipeline, kDoor), leaving = askFor(pipeline, kDoor);
  fail_unless(barrier.waitEntered(2), "the handler is not called");
  Watched<bool> stopped;
  std::thread stopping([&] {
    pipeline.stop();
    stopped.set(true);
  });
  waiting->setPatience(kDeadline);
  const int status = waiting->readStatus();
  leaving->reset();
  barrier.open();
  fail_unless(stopped.waitFor(kIsSet), "NULL does not return");
  stopping.join();
  fail_unless_equals_int(status, 503);
  mustBeHealthy(pipeline);
  fail_unless(pipeline.play(), "no second start");
  fail_unless_equals_int(statusAt(pipeline, kDoor), 101);
}
GST_END_TEST

GST_START_TEST(element_thatStopsOnASharedPort_refusesWhoeverWaits) {
  Handlers handlers;
  Barrier barrier;
  PublishPipeline steady(withBystander(""));
  fail_unless(steady.play());
  Bystander bystander(steady);
  PublishPipeline leaving("webrtcpublishsrc name=pub port=" + std::to_string(steady.port()) +
                          " pub.video_cam" + kSink);
  handlers.add(leaving,
               [&barrier](const std::string &, const GstStructure *) { return barrier.pass(); });
  fail_unless(leaving.play());
  const auto waiting = askFor(leaving, kDoor), gone = askFor(leaving, kDoor);
  fail_unless(barrier.waitEntered(2), "the handler is not called");
  gone->reset();
  Watched<bool> stopped;
  std::thread stopping([&] {
    leaving.stop();
    stopped.set(true);
  });
  waiting->setPatience(kDeadline);
  const int status = waiting->readStatus();
  barrier.open();
  fail_unless(stopped.waitFor(kIsSet), "NULL does not return");
  stopping.join();
  fail_unless_equals_int(status, 503);
  fail_unless_equals_int(statusAt(steady, kDoor), 404);
  bystander.mustHaveLostNothing();
  mustBeHealthy(steady);
}
GST_END_TEST

GST_START_TEST(service_withItsStatus_decides) {
  struct Row {
    unsigned answer;
    int status;
  };
  Service service;
  Handlers handlers;
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  handlers.add(pipeline,
               [](const std::string &stream, const GstStructure *) { return stream != "vetoed"; });
  g_object_set(pipeline.pub(), "auth-url", service.url("", "/decide?key=1").c_str(), nullptr);
  fail_unless(pipeline.play());
  for (const Row &row : {Row{200, 101}, Row{204, 101}, Row{401, 401}, Row{403, 403}, Row{404, 404},
                         Row{409, 409}, Row{500, 403}, Row{302, 403}}) {
    service.setScript(Service::status(row.answer));
    const HttpReply reply = upgradeReply(pipeline.port(), std::string(kDoor) + "?token=t");
    fail_unless(reply.status == row.status, "%u: %d", row.answer, reply.status);
  }
  const auto question = service.questions()[0];
  fail_unless_same_text(question.method, "POST");
  fail_unless_same_text(question.member("name"), "cam");
  fail_unless_same_text(question.member("proto"), "webrtc");
  fail_unless_same_text(question.member("ip"), "127.0.0.1");
  fail_unless_same_text(question.member("request_type"), "new_session");
  fail_unless_same_text(question.member("token"), "t");
  fail_unless_same_text(question.member("qs"), "token=t");
  const auto before = service.questions().size();
  fail_unless_equals_int(statusAt(pipeline, "/vetoed/webrtc/publish"), 403);
  fail_unless_equals_int(service.questions().size(), before);
  service.setScript(Service::hangUp);
  fail_unless_equals_int(statusAt(pipeline, kDoor), 503);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(service_withoutAnAnswer_keepsTheClientOut) {
  Service service(Service::neverAnswer);
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  g_object_set(pipeline.pub(), "auth-url", service.url().c_str(), nullptr);
  fail_unless(pipeline.play());
  const auto waiting = askFor(pipeline, kDoor);
  fail_unless(service.waitQuestions(1));
  mustHaveNoAnswerYet(*waiting);
  fail_unless_equals_int(httpGet(pipeline.port(), "/").status, 200);
  fail_unless_equals_int(waiting->readStatus(), 503);
}
GST_END_TEST

GST_START_TEST(service_thatTakesItsWordBack_endsThePublisherAtOnce) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    const bool isNew = question.member("request_type") == "new_session";
    const bool isBystander = question.member("name") == "good";
    soup_message_headers_replace(soup_server_message_get_response_headers(message),
                                 "X-AuthDuration", "1");
    soup_server_message_set_status(message, isNew || isBystander ? 200 : 403, nullptr);
  });
  PublishPipeline pipeline(
      withBystander("reconnect-timeout=600000",
                    std::string(" pub.video_cam") + kSink + " pub.audio_cam" + kSink));
  g_object_set(pipeline.pub(), "auth-url", service.url().c_str(), nullptr);
  PadRecorder &video = pipeline.record("video_cam"), &audio = pipeline.record("audio_cam");
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  PublishClient client(optionsFor(pipeline));
  mustPublish(client);
  const SocketEnd end = client.waitClosed();
  fail_unless(end.closeCode == 4403 && !end.reason.empty(), "code %d '%s'", end.closeCode,
              end.reason.c_str());
  fail_unless(video.waitEos() && audio.waitEos(), "no EOS");
  const auto removed = pipeline.waitMessage("webrtc-publisher-removed");
  fail_unless(removed.has_value());
  mustSay(removed->text, "stream=(string)cam");
  mustSay(replaceAll(removed->text, "\\ ", " "), end.reason);
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(secrets_ofTheElement_cannotBeRead) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  for (const char *name : {"token", "auth-url"}) {
    const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(pipeline.pub()), name);
    fail_unless(spec && (spec->flags & G_PARAM_WRITABLE) && !(spec->flags & G_PARAM_READABLE),
                "%s can be read", name);
  }
  g_object_set(pipeline.pub(), "token", "hidden-word", "auth-url",
               "http://hidden-word:hidden-word@127.0.0.1:1/hidden-word", nullptr);
  fail_unless(pipeline.play());
  const std::string dot = gws::takeString(
      gst_debug_bin_to_dot_data(GST_BIN(pipeline.pipeline()), GST_DEBUG_GRAPH_SHOW_VERBOSE));
  fail_unless(dot.find("max-publishers") != std::string::npos || dot.find("pub") != dot.npos);
  fail_unless(dot.find("hidden-word") == std::string::npos, "%s", dot.c_str());
}
GST_END_TEST

GST_START_TEST(property_thatIsMalformed_isNamedInTheError) {
  PublishPipeline steady(withBystander(""));
  fail_unless(steady.play());
  Bystander bystander(steady);
  for (const PropertyRow &row : kMalformed) {
    PublishPipeline pipeline("webrtcpublishsrc name=pub");
    g_object_set(pipeline.pub(), row.property, row.value, nullptr);
    const std::string error = mustNotStart(pipeline);
    mustSay(error, row.property);
    mustSay(error, row.named);
    g_object_set(pipeline.pub(), row.property, nullptr, nullptr);
    fail_unless(pipeline.setState(GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
    fail_unless(pipeline.play(), "%s: no start without it", row.property);
  }
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(certificate_thatCannotBeUsed_isNamedInTheError) {
  Folder folder;
  const Issued issued("localhost"), stranger("localhost");
  const std::string certificate = folder.file("certificate.pem", issued.certificate());
  const std::string key = folder.file("key.pem", issued.key());
  const std::string otherKey = folder.file("other-key.pem", stranger.key());
  const std::string broken = folder.file("broken.pem", "no PEM");
  struct Row {
    std::string certificate, key;
    std::string named;
  };
  PublishPipeline steady(withBystander(""));
  fail_unless(steady.play());
  Bystander bystander(steady);
  for (const Row &row : {Row{folder.nothing(), "", folder.nothing()},
                         Row{certificate, folder.nothing(), folder.nothing()},
                         Row{certificate, "", certificate}, Row{certificate, otherKey, otherKey},
                         Row{broken, key, broken}, Row{certificate, broken, broken}}) {
    PublishPipeline pipeline("webrtcpublishsrc name=pub");
    g_object_set(pipeline.pub(), "certificate-file", row.certificate.c_str(), "private-key-file",
                 row.key.c_str(), nullptr);
    mustSay(mustNotStart(pipeline), row.named);
    g_object_set(pipeline.pub(), "certificate-file", certificate.c_str(), "private-key-file",
                 key.c_str(), nullptr);
    pipeline.stop();
    fail_unless(pipeline.play(), "no start with what fits");
  }
  bystander.mustHaveLostNothing();
  mustBeHealthy(steady);
}
GST_END_TEST

GST_START_TEST(elements_onOnePort_haveToAgreeOnTheCertificate) {
  Folder folder;
  const std::string certificate = folder.certificate("one.pem");
  const std::string another = folder.certificate("two.pem");
  PublishPipeline steady("webrtcpublishsrc name=pub certificate-file=" + certificate +
                         " pub.video_one" + kSink);
  fail_unless(steady.play());
  fail_unless_equals_int(httpsStatus(steady.port()), 200);
  const std::string start =
      "webrtcpublishsrc name=pub port=" + std::to_string(steady.port()) + " pub.video_two" + kSink;
  for (const std::string &file : {std::string(), another}) {
    PublishPipeline pipeline(start);
    g_object_set(pipeline.pub(), "certificate-file", file.c_str(), nullptr);
    const std::string error = mustNotStart(pipeline);
    mustSay(error, std::to_string(steady.port()));
    mustSay(error, "certificate-file");
  }
  fail_unless_equals_int(httpsStatus(steady.port()), 200);
  {
    PublishPipeline pipeline(start);
    g_object_set(pipeline.pub(), "certificate-file", certificate.c_str(), nullptr);
    fail_unless(pipeline.play(), "the same certificate is refused");
    fail_unless_equals_int(pipeline.port(), steady.port());
    fail_unless_equals_int(httpsStatus(steady.port()), 200);
  }
  fail_unless_equals_int(httpsStatus(steady.port()), 200);
  mustBeHealthy(steady);
}
GST_END_TEST

namespace {

Suite *access_suite() {
  Suite *suite = suite_create("access");
  TCase *all = tcase_create("access");
  suite_add_tcase(suite, all);
  tcase_add_test(all, token_asItIsGiven_opensTheDoorOrNot);
  tcase_add_test(all, token_ofPages_isAskedWhereStreamsShow);
  tcase_add_test(all, refusals_ofOneRequest_comeInTheirOrder);
  tcase_add_test(all, streams_asPatterns_holdBehindTheToken);
  tcase_add_test(all, origin_ofARequest_isComparedWithTheList);
  tcase_add_test(all, authorize_whenEmitted_saysWhatTheClientSaid);
  tcase_add_test(all, authorize_withTwoHandlers_needsBoth);
  tcase_add_test(all, authorize_thatBlocks_delaysNobodyElse);
  tcase_add_test(all, authorize_thatBlocksManyClients_letsThemInLater);
  tcase_add_test(all, element_toNullWhileAHandlerBlocks_refusesAndEnds);
  tcase_add_test(all, element_thatStopsOnASharedPort_refusesWhoeverWaits);
  tcase_add_test(all, service_withItsStatus_decides);
  tcase_add_test(all, service_withoutAnAnswer_keepsTheClientOut);
  tcase_add_test(all, service_thatTakesItsWordBack_endsThePublisherAtOnce);
  tcase_add_test(all, secrets_ofTheElement_cannotBeRead);
  tcase_add_test(all, property_thatIsMalformed_isNamedInTheError);
  tcase_add_test(all, certificate_thatCannotBeUsed_isNamedInTheError);
  tcase_add_test(all, elements_onOnePort_haveToAgreeOnTheCertificate);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(access)
