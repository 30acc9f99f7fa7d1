// SPDX-License-Identifier: LGPL-2.1-or-later
// How long one client may take and how much it may send, as docs/security.md says. Beside each of
// them somebody publishes, and newcomers are served.
#include <array>

#include "tests/elements/port.h"

using namespace gws;
using namespace gws::test;

namespace {

constexpr const char *kDoor = "/cam/webrtc/publish";
constexpr const char *kImpatient = "streams=* request-timeout=400";

using Client = std::unique_ptr<HandSocket>;

Client connectTo(const PublishPipeline &pipeline, bool small = false) {
  auto client = std::make_unique<HandSocket>(
      HandSocket::Options{.port = pipeline.port(), .patience = kDeadline, .small = small});
  fail_unless(client->connected(), "no connection");
  return client;
}

Client openDoor(const PublishPipeline &pipeline) {
  auto client = connectTo(pipeline);
  fail_unless_equals_int(client->upgrade(kDoor), 101);
  return client;
}

std::string textFrame(const std::string &text) { return clientFrame(Opcode::Text, true, text); }

/// What comes is not read.
bool waitCutWhileSending(HandSocket &client, const std::string &bytes) {
  client.setPatience(Timeout(20));
  return eventually([&] {
    client.send(bytes);
    return client.wasCut();
  });
}

void mustClose(HandSocket &client, int code, const std::string &words = "") {
  client.setPatience(kDeadline);
  const SocketEnd end = client.readClose();
  fail_unless(
      end.closeCode == code && !end.reason.empty() && end.reason.find(words) != std::string::npos,
      "code %d '%s', expected %d '%s'", end.closeCode, end.reason.c_str(), code, words.c_str());
}

/// What a client begins with, and what it sends a little of from then on.
struct SlowRow {
  const char *name, *start, *dribble;
};

constexpr SlowRow kSlow[] = {
    {"says nothing", "", ""},
    {"stops inside the headers", "GET / HTTP/1.1\r\nHost: x\r\nX-A: b", ""},
    {"never ends its headers", "GET / HTTP/1.1\r\nHost: x\r\nX-A: b", "b"},
    {"begins with empty lines", "\r\n", "\r\n"},
    {"stops inside a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nab", ""},
    {"never ends a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nab", "b"},
    {"never ends its chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
     "1\r\na\r\n"},
    {"never ends a door's body",
     "GET /cam/webrtc/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nab", "b"},
    {"says more after its request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "b"},
};

/// A ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2) with a few suites of elliptic curves.
std::string clientHello() {
  using namespace std::string_literals;
  const std::string body = "\x03\x03"s + std::string(32, 'r') + "\x00"s +
                           "\x00\x08\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30"s + "\x01\x00"s + "\x00\x1a"s +
                           "\x00\x0a\x00\x04\x00\x02\x00\x17"s + "\x00\x0b\x00\x02\x01\x00"s +
                           "\x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01"s;
  const auto size = [](std::size_t bytes) {
    return std::string{static_cast<char>(bytes >> 8), static_cast<char>(bytes & 0xff)};
  };
  return "\x16\x03\x01"s + size(body.size() + 4) + "\x01\x00"s + size(body.size()) + body;
}

/// Up to the server's first byte, a handshake record.
void mustGetServerHello(HandSocket &client) {
  fail_unless(client.send(clientHello()));
  client.setPatience(kDeadline);
  fail_unless_same_text(client.read(1), "\x16");
}

constexpr const char *kBoundMessages =
    "streams=* max-message-size=16384 max-offer-size=8192 max-media-sections=1 max-candidates=4";

std::string candidate(unsigned number) {
  return textFrame(candidateJson(
      0, "candidate:" + std::to_string(number) + " 1 UDP 2122252543 192.0.2.1 4000 typ host"));
}

struct FloodRow {
  const char *name;
  bool upgraded;
  std::string start, rest;
};

const std::vector<FloodRow> &floods() {
  static const std::string half(60'000, ' ');
  static const std::string line = "X-A: " + std::string(1000, 'b') + "\r\n";
  static const std::vector<FloodRow> rows = {
      {"a message in fragments", true, clientFrame(Opcode::Text, false, "{"),
       clientFrame(Opcode::Continuation, false, half)},
      {"pings", true, "", clientFrame(Opcode::Ping, true, std::string(100, 'p'))},
      {"pongs that nobody asked for", true, "", clientFrame(Opcode::Pong, true, "")},
      {"a frame of 1 TiB", true, frameHead({}, guint64(1) << 40), half},
      {"whole messages", true, "", textFrame("{\"type\":\"x\",\"y\":\"" + half + "\"}")},
      {"a body", false, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", half},
      {"headers", false, "GET / HTTP/1.1\r\nHost: x\r\n", line},
      {"a line without an end", false, "GET /", std::string(60'000, 'a')},
  };
  return rows;
}

}  // namespace

GST_START_TEST(client_thatIsSlow_isCut) {
  PublishPipeline pipeline(withBystander(kImpatient));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  std::array<Client, G_N_ELEMENTS(kSlow)> clients;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i] = connectTo(pipeline);
    fail_unless(clients[i]->send(kSlow[i].start));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const SlowRow &row = kSlow[i];
    clients[i]->setPatience(Timeout(5));
    const bool cut = eventually([&] {
      if (*row.dribble) clients[i]->send(row.dribble);
      while (!clients[i]->read(1).empty()) {
      }
      return clients[i]->wasCut();
    });
    fail_unless(cut, "one that %s is there still", row.name);
  }
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(connection_withTwoRequests_getsOneAnswer) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub streams=cam");
  fail_unless(pipeline.play());
  for (const char *target : {"/", "/nothing", "/streams.json", kDoor}) {
    const std::string request = std::string("GET ") + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
    const HttpReply reply = httpGet(pipeline.port(), target);
    fail_unless_same_text(reply.headers.at("connection"), "close");
    const auto client = connectTo(pipeline);
    fail_unless(client->send(request + request));
    client->setPatience(Timeout(10'000));
    const std::string all = client->read(1'000'000);
    const auto answer = all.find("HTTP/1.1");
    fail_unless(client->wasCut(), "%s: it is open still", target);
    fail_unless(answer == 0 && all.find("HTTP/1.1", 1) == std::string::npos, "%s: %s", target,
                all.c_str());
  }
}
GST_END_TEST

GST_START_TEST(clients_thatLeaveAfterAnAnswer_leaveNothingBehind) {
  PublishPipeline pipeline(withBystander("streams=cam,good token=t"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline, "?token=t");
  const unsigned before = processUse().descriptors;
  for (int i = 0; i < 10; ++i) {
    fail_unless_equals_int(httpGet(pipeline.port(), "/").status, 200);
    fail_unless_equals_int(httpGet(pipeline.port(), "/nothing").status, 404);
    fail_unless_equals_int(upgradeReply(pipeline.port(), kDoor).status, 401);
    fail_unless_equals_int(upgradeReply(pipeline.port(), "/cam/webrtc/publish?token=t").status,
                           101);
  }
  const bool isFree =
      eventually([before] { return processUse().descriptors <= before; }, Timeout(10'000));
  fail_unless(isFree, "%u descriptors before, %u now", before, processUse().descriptors);
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(client_thatTakesNoAnswers_isCut) {
  PublishPipeline pipeline(withBystander(std::string(kImpatient) + " max-requests-per-second=0"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto client = connectTo(pipeline, true);
  const std::string request = "GET /assets/publish.js HTTP/1.1\r\nHost: x\r\n\r\n";
  fail_unless(waitCutWhileSending(*client, request), "it is there still");
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
}
GST_END_TEST

/// A port that nobody else gets.
class TakenPort {
 public:
  TakenPort() {
    for (const auto &[family, any] :
         {std::pair(G_SOCKET_FAMILY_IPV6, "::"), std::pair(G_SOCKET_FAMILY_IPV4, "0.0.0.0")}) {
      socket_ = Ref<GSocket>::take(
          g_socket_new(family, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr));
      auto address = Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(any, 0));
      if (socket_ && g_socket_bind(socket_.get(), address.get(), FALSE, nullptr)) return;
    }
  }
  std::string number() const {
    auto address = Ref<GSocketAddress>::take(g_socket_get_local_address(socket_.get(), nullptr));
    return std::to_string(g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get())));
  }

 private:
  Ref<GSocket> socket_;
};

GST_START_TEST(publisher_withoutACandidate_isToldSo) {
  PublishPipeline pipeline(withBystander("streams=*"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const TakenPort taken;
  PublishPipeline crowded(
      "webrtcpublishsrc name=pub ice-agent=libnice negotiation-timeout=4000"
      " min-rtp-port=" +
      taken.number() + " max-rtp-port=" + taken.number());
  fail_unless(crowded.play());
  const auto client = openDoor(crowded);
  mustBeAnswered(*client, bystander.offer());
  mustClose(*client, 4408, "the ports from min-rtp-port to max-rtp-port are taken");
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(webSocket_thatIsSlow_isToldSo) {
  PublishPipeline pipeline(withBystander("streams=*"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  PublishPipeline impatient("webrtcpublishsrc name=pub negotiation-timeout=3000");
  fail_unless(impatient.play());
  const auto silent = openDoor(impatient), talker = openDoor(impatient);
  const auto negotiator = openDoor(impatient);
  mustBeAnswered(*negotiator, bystander.offer());
  // Pings are answered, and keep nobody in.
  while (isAlive(*talker)) {
  }
  fail_unless(!talker->wasCut(), "cut without a word");
  mustClose(*silent, 4408, "offer");
  mustClose(*negotiator, 4408, "no ICE check came to UDP port ");
  mustServe(impatient, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(handshake_thatIsSlow_isCut) {
  Folder folder;
  PublishPipeline steady(withBystander(""));
  fail_unless(steady.play());
  Bystander bystander(steady);
  PublishPipeline pipeline("webrtcpublishsrc name=pub request-timeout=1500 certificate-file=" +
                           folder.certificate("certificate.pem"));
  fail_unless(pipeline.play());
  const auto silent = connectTo(pipeline), half = connectTo(pipeline), hello = connectTo(pipeline);
  const auto dribbler = connectTo(pipeline);
  fail_unless(half->send(clientHello().substr(0, 20)));
  fail_unless(dribbler->send(clientHello().substr(0, 20)));
  mustGetServerHello(*hello);
  fail_unless(waitCut(*silent), "one that says nothing is there still");
  fail_unless(waitCut(*half), "one with half a ClientHello is there still");
  fail_unless(waitCut(*hello), "one that stops after the ServerHello is there still");
  fail_unless(waitCutWhileSending(*dribbler, std::string(1, '\0')), "a dribbler is there still");
  fail_unless_equals_int(httpsStatus(pipeline.port()), 200);
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(handshakes_thatHangInHundreds_letOthersIn) {
  Folder folder;
  PublishPipeline steady(withBystander(""));
  fail_unless(steady.play());
  Bystander bystander(steady);
  PublishPipeline pipeline("webrtcpublishsrc name=pub request-timeout=600000 certificate-file=" +
                           folder.certificate("certificate.pem"));
  fail_unless(pipeline.play());
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(connectTo(pipeline));
    fail_unless(clients.back()->send(clientHello()));
  }
  fail_unless_equals_int(httpsStatus(pipeline.port()), 200);
  // They have to give way while others wait, long before request-timeout.
  fail_unless(waitCut(*clients.front()) && waitCut(*clients[50]), "they are there still");
  fail_unless_equals_int(httpsStatus(pipeline.port()), 200);
  bystander.mustHaveLostNothing();
  mustReturn("NULL", [&pipeline] { pipeline.stop(); });
}
GST_END_TEST

GST_START_TEST(https_spokenToInTheClear_saysSo) {
  Folder folder;
  PublishPipeline pipeline("webrtcpublishsrc name=pub certificate-file=" +
                           folder.certificate("certificate.pem"));
  fail_unless(pipeline.play());
  const HttpReply reply = httpGet(pipeline.port(), "/");
  fail_unless_equals_int(reply.status, 400);
  fail_unless(reply.body.find("https") != std::string::npos);
  // TLS 1.0: the version of the ClientHello, not that of the record.
  std::string old = clientHello();
  old[10] = 1;
  const auto client = connectTo(pipeline);
  fail_unless(client->send(old));
  fail_unless_same_text(client->read(7), std::string("\x15\x03\x01\x00\x02\x02\x46", 7));
  fail_unless(waitCut(*client));
  fail_unless_equals_int(httpsStatus(pipeline.port()), 200);
}
GST_END_TEST

GST_START_TEST(message_beyondItsBounds_closesTheSocket) {
  PublishPipeline pipeline(withBystander(kBoundMessages));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const std::string offer = bystander.offer();
  const auto sections = sdpSections(offer);
  const std::string two = replaceAll(offer, "BUNDLE 0", "BUNDLE 0 1") +
                          replaceAll(sections.at(1), "a=mid:0", "a=mid:1");
  const std::string long8k = offer + "a=x-pad:" + std::string(8192, 'x') + "\r\n";
  const std::string huge = R"({"type":"hello","pad":")" + std::string(16384, 'x') + "\"}";
  struct Row {
    std::string bytes;
    int code;
    const char *words;
  };
  for (const Row &row :
       {Row{textFrame(huge), 4413, "16384"}, Row{textFrame(offerJson(long8k)), 4413, "8192"},
        Row{textFrame(offerJson(two)), 4400, "1"}}) {
    const auto client = openDoor(pipeline);
    fail_unless(client->send(row.bytes));
    mustClose(*client, row.code, row.words);
  }
  const auto fits = openDoor(pipeline);
  const std::string padded = offer + "a=x-pad:" + std::string(8000 - offer.size(), 'x') + "\r\n";
  mustBeAnswered(*fits, padded);
  mustServe(pipeline, "cam", offer);
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(candidates_beyondTheirBounds_closeTheSocket) {
  PublishPipeline pipeline(withBystander(kBoundMessages));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto early = openDoor(pipeline), late = openDoor(pipeline);
  mustBeAnswered(*late, bystander.offer());
  for (const Client *client : {&early, &late}) {
    for (unsigned i = 0; i < 16; ++i)
      fail_unless((*client)->send(candidate(i)));
    fail_unless(isAlive(**client), "16 messages were too many");
    fail_unless((*client)->send(candidate(16)));
    mustClose(**client, 4400, "16");
  }
  const auto polite = openDoor(pipeline);
  for (unsigned i = 0; i < 10; ++i)
    fail_unless(polite->send(candidate(i)));
  mustBeAnswered(*polite, bystander.offer());
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(offers_onOneSocket_areCounted) {
  PublishPipeline pipeline(withBystander("streams=*"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto client = openDoor(pipeline);
  const std::string offer = bystander.offer();
  for (int i = 0; i < 8; ++i)
    mustBeAnswered(*client, offer);
  // More only as fast as they may come.
  SocketEnd end;
  for (int i = 0; i < 100 && !end.closed; ++i)
    end = answerOrEnd(*client, offer);
  fail_unless(end.closeCode == 4503 && end.reason.find("often") != std::string::npos,
              "code %d '%s'", end.closeCode, end.reason.c_str());
  mustServe(pipeline, "cam", offer);
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(client_thatFloods_isCut) {
  const FloodRow &row = floods()[static_cast<std::size_t>(__i__)];
  PublishPipeline pipeline(withBystander("streams=*"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto client = row.upgraded ? openDoor(pipeline) : connectTo(pipeline);
  fail_unless(client->send(row.start));
  std::string many = row.rest;
  while (many.size() < 60'000)
    many += row.rest;
  bool cut = false;
  for (std::size_t sent = 0; !cut && sent < 16 * 1024 * 1024; sent += many.size())
    cut = !client->send(many);
  fail_unless(cut && client->wasCut(), "%s: 16 MiB were taken", row.name);
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(pings_byTheThousand_areAnswered) {
  PublishPipeline pipeline(withBystander("streams=*"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto client = openDoor(pipeline);
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += clientFrame(Opcode::Ping, true, "p");
  fail_unless(client->send(many));
  for (int i = 0; i < 5000; ++i) {
    const auto pong = client->readFrame();
    fail_unless(pong && pong->opcode == static_cast<unsigned>(Opcode::Pong), "pong %d", i);
  }
  mustBeAnswered(*client, bystander.offer());
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(headers_beyondTheLimit_areRefused) {
  PublishPipeline pipeline("webrtcpublishsrc name=pub");
  fail_unless(pipeline.play());
  const HttpReply large = httpGet(pipeline.port(), "/", {{"X-A", std::string(110 * 1024, 'b')}});
  // Whoever is still sending may see the end of the connection first.
  fail_unless(large.status == 400 || large.status == 0, "%d", large.status);
  const HttpReply fits = httpGet(pipeline.port(), "/", {{"X-A", std::string(60 * 1024, 'b')}});
  fail_unless(fits.status == 200, "%d %s", fits.status, fits.error.c_str());
}
GST_END_TEST

namespace {

Suite *timeouts_suite() {
  Suite *suite = suite_create("timeouts");
  TCase *all = tcase_create("timeouts");
  suite_add_tcase(suite, all);
  tcase_add_test(all, client_thatIsSlow_isCut);
  tcase_add_test(all, connection_withTwoRequests_getsOneAnswer);
  tcase_add_test(all, clients_thatLeaveAfterAnAnswer_leaveNothingBehind);
  tcase_add_test(all, client_thatTakesNoAnswers_isCut);
  tcase_add_test(all, publisher_withoutACandidate_isToldSo);
  tcase_add_test(all, webSocket_thatIsSlow_isToldSo);
  tcase_add_test(all, handshake_thatIsSlow_isCut);
  tcase_add_test(all, handshakes_thatHangInHundreds_letOthersIn);
  tcase_add_test(all, https_spokenToInTheClear_saysSo);
  tcase_add_test(all, message_beyondItsBounds_closesTheSocket);
  tcase_add_test(all, candidates_beyondTheirBounds_closeTheSocket);
  tcase_add_test(all, offers_onOneSocket_areCounted);
  tcase_add_loop_test(all, client_thatFloods_isCut, 0, static_cast<int>(floods().size()));
  tcase_add_test(all, pings_byTheThousand_areAnswered);
  tcase_add_test(all, headers_beyondTheLimit_areRefused);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(timeouts)
