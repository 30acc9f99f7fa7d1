// SPDX-License-Identifier: LGPL-2.1-or-later
// How many may come, as docs/security.md says: publishers, connections, requests, descriptors; by
// the client's address, also behind proxies.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/elements/port.h"

using namespace gws::test;

namespace {

constexpr const char *kDoor = "/cam/webrtc/publish";

using Client = std::unique_ptr<HandSocket>;

Client connectFrom(const PublishPipeline &pipeline, const std::string &source) {
  auto client = std::make_unique<HandSocket>(
      HandSocket::Options{.port = pipeline.port(), .source = source, .patience = kDeadline});
  fail_unless(client->connected(), "no connection from %s", source.c_str());
  return client;
}

/// A WebSocket on `cam` that says nothing.
Client openFrom(const PublishPipeline &pipeline, const std::string &source) {
  auto client = connectFrom(pipeline, source);
  const int status = client->upgrade(kDoor);
  fail_unless(status == 101, "%s: %d", source.c_str(), status);
  return client;
}

int getOver(HandSocket &client, const std::string &fields = "") {
  fail_unless(
      client.send("GET /assets/icon.svg HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n"));
  const int status = client.readStatus();
  constexpr std::size_t kMore = 1'000'000;
  client.setPatience(Timeout(20));
  client.read(kMore);  // the body, whatever there is of it
  client.setPatience(kDeadline);
  return status;
}

/// What a proxy sends for its client.
int upgradeFor(HandSocket &proxy, const std::string &forwarded) {
  fail_unless(proxy.send(std::string("GET ") + kDoor + " HTTP/1.1\r\nHost: localhost\r\n" +
                         (forwarded.empty() ? "" : "X-Forwarded-For: " + forwarded + "\r\n") +
                         kUpgradeFields));
  return proxy.readStatus();
}

void mustHaveMadeRoom(HandSocket &client) {
  const SocketEnd end = client.readClose();
  fail_unless(end.closeCode == 4503 && !end.reason.empty(), "code %d '%s'", end.closeCode,
              end.reason.c_str());
}

PublishOptions videoFrom(const PublishPipeline &pipeline, const std::string &stream,
                         const std::string &source) {
  PublishOptions options = optionsFor(pipeline, stream);
  options.audio = {};
  options.localAddress = source;
  return options;
}

/// Beside a bystander, and until the server has it among its publishers: a client sees itself
/// connected a moment earlier.
void mustHaveAPlace(const PublishPipeline &pipeline, PublishClient &client) {
  mustPublish(client);
  fail_unless(waitMessages(pipeline, "webrtc-publisher-added", 2), "it is not announced");
}

struct ForwardedRow {
  const char *source, *header;  ///< "": none
  const char *ip;
};

constexpr ForwardedRow kForwarded[] = {
    {"127.0.0.1", "192.0.2.1", "192.0.2.1"},
    {"127.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"},
    {"127.0.0.1", "203.0.113.9,192.0.2.1 , 127.0.1.7", "192.0.2.1"},
    {"127.0.0.1", "203.0.113.9\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1"},
    {"127.0.1.9", "2001:db8::1", "2001:db8::1"},
    {"127.0.0.1", "", "127.0.0.1"},
    {"127.0.0.1", "nonsense", "127.0.0.1"},
    {"127.0.0.1", "192.0.2.1, nonsense", "127.0.0.1"},
    {"127.0.0.2", "192.0.2.1", "127.0.0.2"},
    {"127.0.0.2", "127.0.0.1", "127.0.0.2"},
    {"127.0.2.1", "192.0.2.1", "127.0.2.1"},
};

/// A soft limit of descriptors, until it ends.
class DescriptorLimit {
 public:
  DescriptorLimit() { getrlimit(RLIMIT_NOFILE, &before_); }
  ~DescriptorLimit() {
    for (const int one : taken_)
      close(one);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  DescriptorLimit(const DescriptorLimit &) = delete;

  void set(rlim_t count) {
    const rlimit limit{.rlim_cur = std::min(count, before_.rlim_max), .rlim_max = before_.rlim_max};
    fail_unless(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  /// Takes all there are.
  void exhaust() {
    for (int one = open("/dev/null", O_RDONLY | O_CLOEXEC); one >= 0; one = dup(one))
      taken_.push_back(one);
  }
  void giveBackOne() {
    close(taken_.back());
    taken_.pop_back();
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

struct HalfOpenRow {
  bool upgraded;
  unsigned limit;
};

constexpr HalfOpenRow kHalfOpen[] = {{false, 256}, {true, 256}, {false, 0}, {true, 0}};

}  // namespace

GST_START_TEST(publishers_beyondTheLimit_makeRoomOrAreRefused) {
  PublishPipeline pipeline(withBystander("streams=* max-publishers=2"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto first = openFrom(pipeline, "127.0.0.1");
  mustBeAnswered(*first, bystander.offer());
  const auto second = openFrom(pipeline, "127.0.0.2");
  mustBeAnswered(*second, bystander.offer());
  mustHaveMadeRoom(*first);
  {
    PublishClient honest(videoFrom(pipeline, "honest", "127.0.0.3"));
    mustHaveAPlace(pipeline, honest);
    mustHaveMadeRoom(*second);
    const auto late = openFrom(pipeline, "127.0.0.4");
    fail_unless(late->send(clientFrame(Opcode::Text, true, offerJson(bystander.offer()))));
    mustHaveMadeRoom(*late);
    fail_unless(!honest.waitClosed(Timeout(0)).closed);
    honest.closeGoodbye();
  }
  fail_unless(waitRemoved(pipeline, 1));
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(connections_ofOneAddress_letTheOldestMakeRoom) {
  PublishPipeline pipeline(withBystander("streams=* max-connections-per-address=3"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const std::string source = "127.0.0.2";
  const auto silent = connectFrom(pipeline, source), half = connectFrom(pipeline, source);
  fail_unless(half->send("GET / HTTP/1.1\r\n"));
  const auto socket = openFrom(pipeline, source);
  const auto fourth = openFrom(pipeline, source);
  fail_unless(waitCut(*silent), "the oldest is there still");
  const auto fifth = openFrom(pipeline, source);
  fail_unless(waitCut(*half), "half a request is there still");
  const auto sixth = openFrom(pipeline, source);
  mustHaveMadeRoom(*socket);
  fail_unless(isAlive(*fourth) && isAlive(*fifth) && isAlive(*sixth));
  mustBeAnswered(*sixth, bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(connections_thatAllPublish_keepTheirPlaces) {
  PublishPipeline pipeline(withBystander("streams=* max-connections-per-address=1"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const std::string source = "127.0.0.2";
  PublishClient publisher(videoFrom(pipeline, "other", source));
  mustHaveAPlace(pipeline, publisher);
  // Pairs: one that says nothing yet is no reason to let the next one in.
  std::vector<Client> silent;
  for (int i = 0; i < 4; ++i) {
    silent.push_back(connectFrom(pipeline, source));
    const auto next = connectFrom(pipeline, source);
    const int status = next->upgrade(kDoor);
    fail_unless(status == 503, "connection %d: %d", i, status);
  }
  const auto stranger = openFrom(pipeline, "127.0.0.3");
  fail_unless(isAlive(*stranger));
  fail_unless(!publisher.waitClosed(Timeout(0)).closed);
  publisher.closeGoodbye();
  fail_unless(eventually([&] { return connectFrom(pipeline, source)->upgrade(kDoor) == 101; }));
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(addresses_thatDiffer_shareNoLimit) {
  PublishPipeline pipeline(
      withBystander("streams=* max-connections-per-address=1 max-requests-per-second=1"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  std::vector<Client> clients;
  for (int i = 1; i <= 30; ++i)
    clients.push_back(openFrom(pipeline, "127.1.2." + std::to_string(i)));
  for (const Client &client : clients)
    fail_unless(isAlive(*client));
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(proxy_thatIsTrusted_namesTheClient) {
  Handlers handlers;
  Watched<std::string> ip;
  PublishPipeline pipeline("webrtcpublishsrc name=pub trusted-proxies=\"127.0.0.1, 127.0.1.0/24\"");
  handlers.add(pipeline, [&ip](const std::string &, const GstStructure *request) {
    ip.set(fieldOf(request, "ip"));
    return true;
  });
  fail_unless(pipeline.play());
  for (const ForwardedRow &row : kForwarded) {
    const auto proxy = connectFrom(pipeline, row.source);
    fail_unless_equals_int(upgradeFor(*proxy, row.header), 101);
    fail_unless(ip.get() == row.ip, "%s with '%s': %s", row.source, row.header, ip.get().c_str());
  }
}
GST_END_TEST

GST_START_TEST(limits_behindAProxy_holdForItsClients) {
  PublishPipeline pipeline(
      withBystander("streams=* max-connections-per-address=1 trusted-proxies=127.0.0.1"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto connect = [&pipeline](const char *source = "127.0.0.1") {
    return connectFrom(pipeline, source);
  };
  const auto earlier = connect(), victim = connect(), again = connect();
  fail_unless_equals_int(upgradeFor(*earlier, "192.0.2.1"), 101);
  fail_unless_equals_int(upgradeFor(*victim, "192.0.2.2"), 101);
  fail_unless_equals_int(upgradeFor(*again, "192.0.2.1"), 101);
  mustHaveMadeRoom(*earlier);
  // A connection that the proxy opened before is as new as its request.
  const auto unused = connect(), older = connect();
  fail_unless_equals_int(upgradeFor(*older, "192.0.2.3"), 101);
  fail_unless_equals_int(upgradeFor(*unused, "192.0.2.3"), 101);
  mustHaveMadeRoom(*older);
  fail_unless(isAlive(*unused));
  // Nobody else can push the victim out with its address.
  const auto forger = connect("127.0.0.5"), client = connect();
  fail_unless_equals_int(upgradeFor(*forger, "192.0.2.2"), 101);
  fail_unless_equals_int(upgradeFor(*client, "192.0.2.2, 192.0.2.7"), 101);
  const auto forgerAgain = connect("127.0.0.5");
  fail_unless_equals_int(upgradeFor(*forgerAgain, "192.0.2.200"), 101);
  mustHaveMadeRoom(*forger);
  fail_unless(isAlive(*victim) && isAlive(*again) && isAlive(*client));
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(requests_thatAreTooMany_get429ForAWhile) {
  PublishPipeline pipeline(
      withBystander("streams=* max-requests-per-second=2 trusted-proxies=127.0.0.3"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  HttpReply reply;
  unsigned before = 0;
  const bool limited = eventually([&] {
    reply = httpGet(pipeline.port(), "/");
    return reply.status == 429 || ++before > 10'000;
  });
  fail_unless(limited && reply.status == 429, "%u requests, then %d", before, reply.status);
  fail_unless(before >= 20, "429 came after %u requests", before);
  fail_unless(!reply.headers.at("retry-after").empty() && !reply.body.empty());
  // A proxy's clients count each for itself, and its own address not at all.
  const auto other = connectFrom(pipeline, "127.0.0.2");
  fail_unless_equals_int(getOver(*other), 200);
  const auto proxy = connectFrom(pipeline, "127.0.0.3");
  const bool forwardedToo = eventually([&] {
    return getOver(*connectFrom(pipeline, "127.0.0.3"), "X-Forwarded-For: 192.0.2.1\r\n") == 429;
  });
  fail_unless(forwardedToo, "a proxy's client is not limited");
  fail_unless_equals_int(getOver(*proxy, "X-Forwarded-For: 192.0.2.2\r\n"), 200);
  const bool recovered = eventually([&] { return httpGet(pipeline.port(), "/").status == 200; });
  fail_unless(recovered, "429 for ever");
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(requests_withABadLength_areCountedToo) {
  PublishPipeline pipeline(withBystander("streams=* max-requests-per-second=1"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto ask = [&] {
    return getOver(*connectFrom(pipeline, "127.0.0.2"), "Content-Length: -1\r\n");
  };
  fail_unless_equals_int(ask(), 400);
  fail_unless(eventually([&] { return ask() == 429; }), "they are not limited");
  bystander.mustHaveLostNothing();
}
GST_END_TEST

GST_START_TEST(publisher_besideHalfOpenConnections_getsIn) {
  constexpr unsigned kClients = 500;
  const HalfOpenRow &row = kHalfOpen[__i__];
  DescriptorLimit descriptors;
  descriptors.set(4096);
  PublishPipeline pipeline(
      withBystander("streams=* max-connections-per-address=" + std::to_string(row.limit)));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  std::vector<Client> clients;
  for (unsigned i = 0; i < kClients; ++i)
    clients.push_back(row.upgraded ? openFrom(pipeline, "127.0.0.1")
                                   : connectFrom(pipeline, "127.0.0.1"));
  PublishClient honest(videoFrom(pipeline, "honest", "127.0.0.1"));
  honest.start();
  fail_unless(honest.waitConnected(Timeout(10'000)), "close %d '%s'",
              honest.waitClosed(Timeout(0)).closeCode,
              honest.waitClosed(Timeout(0)).reason.c_str());
  const PublishTimes times = honest.times();
  g_print("connected %d ms after its start, beside %u %s (limit %u)\n",
          static_cast<int>((times.connected - times.started) / 1000), kClients,
          row.upgraded ? "WebSockets" : "TCP connections", row.limit);
  bystander.mustHaveLostNothing();
  fail_unless(!honest.waitClosed(Timeout(0)).closed);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(descriptors_whenTheyRunOut_areMadeFree) {
  PublishPipeline pipeline(withBystander("streams=* negotiation-timeout=600000"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  DescriptorLimit descriptors;
  // What the server keeps in hand, and two for each of some forty clients of this process.
  descriptors.set(processUse().descriptors + 96 + 80);
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) {
    // Those that do not answer a close frame keep their descriptor a moment: 503 until then.
    const bool isIn = eventually([&] {
      clients.push_back(connectFrom(pipeline, "127.0.0." + std::to_string(1 + i % 3)));
      const int status = clients.back()->upgrade(kDoor);
      if (status != 101) clients.pop_back();
      fail_unless(status == 101 || status == 503, "client %d: %d", i, status);
      return status == 101;
    });
    fail_unless(isIn, "client %d is not let in", i);
  }
  mustHaveMadeRoom(*clients.front());
  fail_unless(isAlive(*clients.back()), "the newest had to go");
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(descriptors_whenNoneIsLeft_refuseAndComeBack) {
  PublishPipeline pipeline(withBystander("streams=* negotiation-timeout=600000"));
  fail_unless(pipeline.play());
  Bystander bystander(pipeline);
  const auto earlier = openFrom(pipeline, "127.0.0.1"), later = openFrom(pipeline, "127.0.0.1");
  const unsigned before = processUse().descriptors;
  const auto known = connectFrom(pipeline, "127.0.0.2");
  fail_unless(eventually([before] { return processUse().descriptors == before + 2; }),
              "it is not accepted");
  {
    DescriptorLimit descriptors;
    descriptors.set(processUse().descriptors + 200);
    descriptors.exhaust();
    fail_unless_equals_int(known->upgrade(kDoor), 503);
    mustHaveMadeRoom(*earlier);
    descriptors.exhaust();
    descriptors.giveBackOne();
    const auto newcomer = connectFrom(pipeline, "127.0.0.3");
    fail_unless_equals_int(newcomer->upgrade(kDoor), 503);
    mustHaveMadeRoom(*later);
    fail_unless(bystander.goesOn());
  }
  mustServe(pipeline, "cam", bystander.offer());
  bystander.mustHaveLostNothing();
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *limits_suite() {
  Suite *suite = suite_create("limits");
  TCase *all = tcase_create("limits");
  suite_add_tcase(suite, all);
  tcase_add_test(all, publishers_beyondTheLimit_makeRoomOrAreRefused);
  tcase_add_test(all, connections_ofOneAddress_letTheOldestMakeRoom);
  tcase_add_test(all, connections_thatAllPublish_keepTheirPlaces);
  tcase_add_test(all, addresses_thatDiffer_shareNoLimit);
  tcase_add_test(all, proxy_thatIsTrusted_namesTheClient);
  tcase_add_test(all, limits_behindAProxy_holdForItsClients);
  tcase_add_test(all, requests_thatAreTooMany_get429ForAWhile);
  tcase_add_test(all, requests_withABadLength_areCountedToo);
  tcase_add_loop_test(all, publisher_besideHalfOpenConnections_getsIn, 0, G_N_ELEMENTS(kHalfOpen));
  tcase_add_test(all, descriptors_whenTheyRunOut_areMadeFree);
  tcase_add_test(all, descriptors_whenNoneIsLeft_refuseAndComeBack);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(limits)
