// SPDX-License-Identifier: LGPL-2.1-or-later
// TCP connections of the ICE port: their packets, their ends, and how many there may be.
#include "ice_tcp.h"

#include <poll.h>
#include <sys/resource.h>

#include <set>

#include "tests/common/hand_socket.h"
#include "tests/elements/robust.h"

using namespace gws;
using namespace gws::test;

namespace {

std::string frame(std::string_view packet) {
  const auto head = tcpFrameHead(static_cast<std::uint16_t>(packet.size()));
  return std::string(head.begin(), head.end()).append(packet);
}

std::span<const std::uint8_t> bytesOf(const std::string &text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

/// A session whose checks are the packet `ours`; the time is what the test says.
struct Bench final : IceTcpOwner {
  std::unique_ptr<IceTcp> tcp;
  IceTime now = std::chrono::hours(1);
  std::vector<std::pair<unsigned, std::string>> packets;
  std::vector<unsigned> closed;
  std::set<unsigned> needed;  ///< connections that are a session's path
  IcePath last;

  Bench() {
    auto opened = IceTcp::open(0);
    fail_unless(opened.ok(), "%s", opened ? "" : opened.error().detail.c_str());
    tcp = std::move(*opened);
    fail_unless(tcp->port() != 0);
  }

  bool onTcpPacket(const IcePath &path, std::span<const std::uint8_t> packet) override {
    last = path;
    packets.emplace_back(path.connection, std::string(packet.begin(), packet.end()));
    if (packets.back().second == "ours") needed.insert(path.connection);
    return packets.back().second == "ours" || packets.back().second == "error";
  }
  void onTcpClosed(const IcePath &path) override {
    closed.push_back(path.connection);
    needed.erase(path.connection);
  }
  bool needsTcp(const IcePath &path) override { return needed.contains(path.connection); }

  bool hasWork() const {
    pollfd wait{tcp->descriptor(), POLLIN, 0};
    return poll(&wait, 1, 0) > 0;
  }
  /// Does what there is to do until that is so.
  bool until(const std::function<bool()> &condition) {
    return eventually([&] {
      tcp->dispatch(*this, now);
      return condition();
    });
  }
  std::unique_ptr<HandSocket> connect(const std::string &source = {}, bool small = false) {
    auto client = std::make_unique<HandSocket>(
        HandSocket::Options{.port = tcp->port(), .source = source, .small = small});
    fail_unless(client->connected());
    client->setPatience(Timeout(1));
    return client;
  }
  /// One whose first packet is a session's.
  std::unique_ptr<HandSocket> join(const std::string &source = {}, bool small = false) {
    auto client = connect(source, small);
    const std::size_t before = packets.size();
    fail_unless(client->send(frame("ours")));
    fail_unless(until([&] { return packets.size() > before; }));
    return client;
  }
  bool isCut(HandSocket &client) {
    return until([&] {
      client.read(1);
      return client.wasCut();
    });
  }
  bool isOpen(HandSocket &client) {
    const std::size_t before = packets.size();
    if (!client.send(frame("ours"))) return false;
    return until([&] {
             client.read(1);
             return client.wasCut() || packets.size() > before;
           }) &&
           !client.wasCut();
  }
};

void limitDescriptors(rlim_t limit) {
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  now.rlim_cur = limit;
  fail_unless_equals_int(setrlimit(RLIMIT_NOFILE, &now), 0);
}

}  // namespace

GST_START_TEST(packet_inPiecesOfAnySize_isWhole) {
  Bench bench;
  const std::string media(1200, 'm');
  const std::string bytes = frame("ours") + frame("") + frame(media) + frame("x");
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u, 5000u}) {
    auto client = bench.connect();
    bench.packets.clear();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      fail_unless(client->send(std::string_view(bytes).substr(at, piece)));
      bench.tcp->dispatch(bench, bench.now);
    }
    fail_unless(bench.until([&] { return bench.packets.size() == 3; }));
    fail_unless_same_text(bench.packets[0].second, "ours");
    fail_unless(bench.packets[1].second == media);
    fail_unless_same_text(bench.packets[2].second, "x");
  }
}
GST_END_TEST;

GST_START_TEST(connection_hasItsOwnNumberAndAddresses) {
  Bench bench;
  auto first = bench.join("127.0.0.5");
  const IcePath path = bench.last;
  fail_unless(path.connection != 0);
  fail_unless(iceSource(path.remote) == std::string("\x7f\0\0\x05", 4));
  fail_unless(path.remote.port != 0);
  fail_unless(iceSource(path.local) == std::string("\x7f\0\0\x01", 4));
  fail_unless_equals_int(path.local.port, 0);
  auto second = bench.join("127.0.0.5");
  fail_unless(bench.last.connection != path.connection);
}
GST_END_TEST;

GST_START_TEST(connection_thatBeginsWithAnythingElse_isClosed) {
  const std::string garbage[] = {
      frame("theirs"),
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      frame(std::string(kMaxIcePacketBytes + 1, 'x')),
      frame(std::string(kMaxIcePacketBytes + 1, 'x')).substr(0, 2),  // announced alone
      std::string(3000, '\0'),                                       // empty packets alone
  };
  Bench bench;
  auto bystander = bench.join();
  for (const std::string &bytes : garbage) {
    auto client = bench.connect();
    client->send(bytes);
    fail_unless(bench.isCut(*client), "it goes on after %.4s", bytes.c_str());
  }
  fail_unless(bench.isOpen(*bystander));
}
GST_END_TEST;

GST_START_TEST(connection_withTooLongAPacketLater_isClosed) {
  const std::string longest(kMaxIcePacketBytes, 'l');
  const std::string tooLong = frame(longest + 'l');
  Bench bench;
  for (const std::string &bytes : {tooLong, tooLong.substr(0, 2)}) {
    auto client = bench.join();
    fail_unless(client->send(frame(longest)));
    fail_unless(bench.until([&] { return bench.packets.back().second == longest; }));
    bench.closed.clear();
    fail_unless(client->send(bytes));
    fail_unless(bench.isCut(*client));
    fail_unless_equals_int(bench.closed.size(), 1);
    fail_unless_equals_int(bench.closed[0], bench.last.connection);
    fail_unless(bench.packets.back().second == longest);
  }
}
GST_END_TEST;

/// Silent, or with a packet that was announced and does not come.
GST_START_TEST(connection_withoutAFirstPacket_isClosedInTime) {
  Bench bench;
  auto silent = bench.connect();
  auto announcing = bench.connect();
  announcing->send(frame(std::string(1000, 'x')).substr(0, 500));
  auto refused = bench.connect();  // it has the keys, and does not come to be a path
  refused->send(frame("error"));
  fail_unless(bench.until([&] { return bench.packets.size() == 1; }));
  auto bystander = bench.join();
  bench.now += IceTcp::kPatience - IceTime(1);
  for (const auto &client : {&silent, &announcing, &refused}) {
    bench.tcp->dispatch(bench, bench.now);
    (*client)->read(1);
    fail_if((*client)->wasCut());
  }
  fail_unless(bench.tcp->due() <= bench.now + std::chrono::seconds(2));
  bench.now += std::chrono::seconds(2);
  for (const auto &client : {&silent, &announcing, &refused})
    fail_unless(bench.isCut(**client));
  fail_unless(bench.isOpen(*bystander));
}
GST_END_TEST;

GST_START_TEST(connection_thatNobodyNeedsAnyMore_isClosed) {
  Bench bench;
  auto client = bench.join();
  bench.needed.clear();
  bench.now += std::chrono::seconds(2);
  fail_unless(bench.isCut(*client));
}
GST_END_TEST;

GST_START_TEST(connection_thatThePeerEnds_isToldOnce) {
  Bench bench;
  for (const bool reset : {false, true}) {
    auto client = bench.join();
    bench.closed.clear();
    if (reset)
      client->reset();
    else
      client.reset();
    fail_unless(bench.until([&] { return !bench.closed.empty(); }));
    bench.tcp->dispatch(bench, bench.now);
    fail_unless_equals_int(bench.closed.size(), 1);
    fail_unless_equals_int(bench.closed[0], bench.last.connection);
    bench.tcp->send(bench.last.connection, bytesOf("nobody there"));
  }
  fail_unless(bench.tcp->due() == IceTime::max());
}
GST_END_TEST;

GST_START_TEST(reader_thatIsSlow_losesWholePackets) {
  Bench bench;
  auto client = bench.join({}, true);
  const unsigned number = bench.last.connection;
  auto packetOf = [](unsigned i) {
    const std::string name = std::to_string(i) + ' ';
    return name + std::string(1200 - name.size() + i % 50, static_cast<char>('a' + i % 26));
  };
  constexpr unsigned kSent = 4000;
  for (unsigned i = 0; i < kSent; i++)
    bench.tcp->send(number, bytesOf(packetOf(i)));

  TcpFrames frames;
  unsigned came = 0;
  int latest = -1;
  bool isEnd = false;
  fail_unless(bench.until([&] {
    bench.tcp->send(number, bytesOf("end"));
    const std::string read = client->read(10'000);
    auto bytes = bytesOf(read);
    while (const auto packet = frames.next(bytes)) {
      const std::string text(packet->begin(), packet->end());
      if (text == "end") return isEnd = true;
      const int i = std::atoi(text.c_str());
      fail_unless(i > latest && text == packetOf(static_cast<unsigned>(i)),
                  "packet %d after %d is damaged", i, latest);
      latest = i;
      came++;
    }
    return false;
  }));
  fail_unless(came > 50 && came < kSent, "%u packets of %u came", came, kSent);
  fail_unless(bench.isOpen(*client));
}
GST_END_TEST;

GST_START_TEST(strangers_ofOneSource_areLimited) {
  Bench bench;
  std::vector<std::unique_ptr<HandSocket>> known, strangers;
  for (std::size_t i = 0; i < 3; i++)  // these do not count any more
    known.push_back(bench.join("127.0.0.7"));
  for (std::size_t i = 0; i < IceTcp::kMaxStrangers; i++)
    strangers.push_back(bench.connect("127.0.0.7"));
  auto surplus = bench.connect("127.0.0.7");
  fail_unless(bench.isCut(*surplus));
  auto elsewhere = bench.join("127.0.0.8");
  fail_unless(bench.isOpen(*strangers.back()));
  fail_unless(bench.isOpen(*known.front()));
  strangers.pop_back();
  fail_unless(bench.until([&] {
    auto again = bench.connect("127.0.0.7");
    return bench.isOpen(*again);
  }));
}
GST_END_TEST;

/// A quarter of 400.
GST_START_TEST(connections_beyondTheLimit_replaceTheOldestStranger) {
  limitDescriptors(400);
  Bench bench;
  auto known = bench.join();
  std::vector<std::unique_ptr<HandSocket>> strangers;
  for (unsigned i = 1; i < 100; i++)
    strangers.push_back(bench.connect(i % 2 ? "127.0.0.7" : "127.0.0.8"));
  auto next = bench.join();
  fail_unless(bench.isCut(*strangers[0]));
  auto afterThat = bench.join();
  fail_unless(bench.isCut(*strangers[1]));
  for (const std::unique_ptr<HandSocket> &client : strangers) {
    if (client == strangers[0] || client == strangers[1]) continue;
    fail_unless(bench.isOpen(*client));
  }
  // All of them are sessions' now.
  auto surplus = bench.connect();
  fail_unless(bench.isCut(*surplus));
  fail_unless(bench.isOpen(*known));
  // A path that its session has forgotten is no reason to stay.
  bench.needed.erase(bench.last.connection);
  auto last = bench.join();
  fail_unless(bench.isOpen(*last));
  fail_unless(bench.isCut(*known));
}
GST_END_TEST;

GST_START_TEST(descriptors_thatAreUsedUp_areWaitedFor) {
  Bench bench;
  auto client = bench.connect();
  client->send(frame("ours"));
  fail_unless(eventually([&] { return bench.hasWork(); }));
  limitDescriptors(3);
  bench.tcp->dispatch(bench, bench.now);
  fail_if(bench.hasWork(), "it would be tried again and again");
  fail_unless(bench.tcp->due() < IceTime::max());
  limitDescriptors(200);
  bench.now = bench.tcp->due();
  fail_unless(bench.until([&] { return bench.packets.size() == 1; }));
}
GST_END_TEST;

GST_START_TEST(port_thatIsTaken_isNamed) {
  Bench bench;
  const auto second = IceTcp::open(bench.tcp->port());
  fail_if(second.ok());
  const std::string number = std::to_string(bench.tcp->port());
  fail_unless(second.error().detail.find("TCP port " + number) == 0, "%s",
              second.error().detail.c_str());
}
GST_END_TEST;

GST_START_TEST(close_endsAll) {
  Bench bench;
  auto client = bench.join();
  const unsigned port = bench.tcp->port();
  bench.tcp->close();
  fail_unless(eventually([&] {
    client->read(1);
    return client->wasCut();
  }));
  bench.tcp->send(bench.last.connection, bytesOf("nobody there"));
  bench.tcp->close();
  fail_unless(IceTcp::open(port).ok());
}
GST_END_TEST;

static Suite *ice_tcp_suite() {
  Suite *suite = suite_create("ice_tcp");
  TCase *all = tcase_create("connections");
  suite_add_tcase(suite, all);
  tcase_add_test(all, packet_inPiecesOfAnySize_isWhole);
  tcase_add_test(all, connection_hasItsOwnNumberAndAddresses);
  tcase_add_test(all, connection_thatBeginsWithAnythingElse_isClosed);
  tcase_add_test(all, connection_withTooLongAPacketLater_isClosed);
  tcase_add_test(all, connection_withoutAFirstPacket_isClosedInTime);
  tcase_add_test(all, connection_thatNobodyNeedsAnyMore_isClosed);
  tcase_add_test(all, connection_thatThePeerEnds_isToldOnce);
  tcase_add_test(all, reader_thatIsSlow_losesWholePackets);
  tcase_add_test(all, strangers_ofOneSource_areLimited);
  tcase_add_test(all, connections_beyondTheLimit_replaceTheOldestStranger);
  tcase_add_test(all, descriptors_thatAreUsedUp_areWaitedFor);
  tcase_add_test(all, port_thatIsTaken_isNamed);
  tcase_add_test(all, close_endsAll);
  return suite;
}

GST_CHECK_MAIN(ice_tcp)
