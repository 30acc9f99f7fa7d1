// SPDX-License-Identifier: LGPL-2.1-or-later
// The port that all publishers share, as peers see it: UDP and TCP beside each other.
#include "ice_port.h"

#include <gst/webrtc/ice.h>
#include <gst/webrtc/icetransport.h>

#include <atomic>
#include <set>
#include <thread>

#include "ice_agent.h"
#include "ice_link.h"
#include "random.h"
#include "tests/common/hand_socket.h"
#include "tests/elements/robust.h"
#include "tests/unit/ice_peer.h"

using namespace gws;
using namespace gws::test;

namespace {

/// A session's end of the port.
struct Receiver final : IceReceiver {
  Watched<std::vector<Packet>> packets;
  Watched<unsigned> connected;
  Watched<std::set<std::thread::id>> threads;
  /// So many packets; the next one keeps the network thread. Nothing: all.
  Watched<std::optional<std::size_t>> passes;
  std::atomic<IceTime> age{};  ///< of the last packet

  void onPacket(Ref<GstBuffer> buffer, IceTime itsAge) override {
    Packet packet(gst_buffer_get_size(buffer.get()));
    gst_buffer_extract(buffer.get(), 0, packet.data(), packet.size());
    age = itsAge;
    threads.update([](auto &all) { all.insert(std::this_thread::get_id()); });
    std::size_t count = 0;
    packets.update([&](auto &all) {
      all.push_back(std::move(packet));
      count = all.size();
    });
    passes.waitFor([count](const auto &most) { return !most || count <= *most; });
  }
  void onConnected() override {
    connected.update([](unsigned &count) { count++; });
  }
  bool waitFor(const Packet &packet) {
    return packets.waitFor([&](const auto &all) { return !all.empty() && all.back() == packet; });
  }
  bool waitConnected() {
    return connected.waitFor([](unsigned count) { return count > 0; });
  }
};

Packet mediaOf(unsigned number) {
  Packet packet(1100, static_cast<std::uint8_t>(number >> 16));
  packet[0] = 0x80;
  packet[1] = 96;
  packet[2] = static_cast<std::uint8_t>(number >> 8);
  packet[3] = static_cast<std::uint8_t>(number);
  return packet;
}

/// How a peer reaches the port.
class Way {
 public:
  virtual ~Way() = default;
  virtual void send(const Packet &packet) = 0;
  /// Nothing: none came in time, or the connection was closed.
  virtual std::optional<Packet> receive() = 0;
};

class OverTcp final : public Way {
 public:
  struct Options {
    std::size_t pieceBytes = 65'536;
    std::string host = "127.0.0.1";
    bool small = false;  ///< as in HandSocket::Options
  };
  explicit OverTcp(const IcePort &port) : OverTcp(port, Options()) {}
  OverTcp(const IcePort &port, const Options &options)
      : socket_({.port = port.tcpPort(),
                 .patience = kDeadline,
                 .host = options.host,
                 .small = options.small}),
        pieceBytes_(options.pieceBytes) {
    fail_unless(socket_.connected());
  }
  void send(const Packet &packet) override {
    const auto head = tcpFrameHead(static_cast<std::uint16_t>(packet.size()));
    const std::string bytes = std::string(head.begin(), head.end()).append(textOf(packet));
    for (std::size_t at = 0; at < bytes.size(); at += pieceBytes_)
      socket_.send(std::string_view(bytes).substr(at, pieceBytes_));
  }
  std::optional<Packet> receive() override {
    const std::string head = socket_.read(2);
    if (head.size() < 2) return std::nullopt;
    const std::size_t size = static_cast<std::size_t>(static_cast<std::uint8_t>(head[0])) << 8 |
                             static_cast<std::uint8_t>(head[1]);
    const std::string packet = socket_.read(size);
    fail_unless_equals_int(packet.size(), size);
    return Packet(packet.begin(), packet.end());
  }
  bool waitCut() { return socket_.read(1).empty() && socket_.wasCut(); }
  HandSocket &socket() { return socket_; }

 private:
  HandSocket socket_;
  std::size_t pieceBytes_;
};

class OverUdp final : public Way {
 public:
  explicit OverUdp(const IcePort &port, const char *address = "127.0.0.1") {
    auto to =
        Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(address, port.port()));
    socket_ =
        Ref<GSocket>::take(g_socket_new(g_socket_address_get_family(to.get()),
                                        G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr));
    fail_unless(socket_ && g_socket_connect(socket_.get(), to.get(), nullptr, nullptr));
    g_socket_set_timeout(socket_.get(), static_cast<guint>(kDeadline.count() / 1000));
  }
  void send(const Packet &packet) override {
    g_socket_send(socket_.get(), reinterpret_cast<const char *>(packet.data()), packet.size(),
                  nullptr, nullptr);
  }
  std::optional<Packet> receive() override {
    Packet packet(2048);
    const gssize got = g_socket_receive(socket_.get(), reinterpret_cast<char *>(packet.data()),
                                        packet.size(), nullptr, nullptr);
    if (got < 0) return std::nullopt;
    packet.resize(static_cast<std::size_t>(got));
    return packet;
  }

 private:
  Ref<GSocket> socket_;
};

bool hasIpv6() {
  auto address = Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string("::1", 0));
  auto probe = Ref<GSocket>::take(
      g_socket_new(G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr));
  return probe && g_socket_bind(probe.get(), address.get(), FALSE, nullptr);
}

StunMessage messageOf(const std::optional<Packet> &packet) {
  fail_unless(packet.has_value());
  const auto message = parseStun(*packet);
  fail_unless(message.has_value());
  return *message;
}

/// Checks, and lets itself be checked.
void prove(Way &way, bool nominate, const IcePeer &peer = {}) {
  way.send(peer.check(1, nominate));
  const auto packet = way.receive();
  const StunMessage answer = messageOf(packet);
  fail_unless(answer.messageClass == StunClass::Success);
  fail_unless(checkIntegrity(*packet, answer, peer.ours.pwd));
  const StunMessage asked = messageOf(way.receive());
  fail_unless(asked.messageClass == StunClass::Request);
  way.send(peer.answer(asked, at(1, 1)));
}

struct Bench {
  std::shared_ptr<IcePort> port;
  std::shared_ptr<Receiver> receiver = std::make_shared<Receiver>(),
                            other = std::make_shared<Receiver>();
  unsigned session = 0, otherSession = 0;

  explicit Bench(const IcePortOptions &options = {.tcpPort = 0}) {
    auto opened = IcePort::open(options);
    fail_unless(opened.ok(), "%s", opened ? "" : opened.error().detail.c_str());
    port = *opened;
    session = port->add(receiver, kOurs);
    port->setRemote(session, kTheirs);
    otherSession = port->add(other, kOthersOfOurs);
    port->setRemote(otherSession, kTheirs);
  }
  ~Bench() { port->close(); }

  void connect(Way &way) {
    prove(way, true);
    fail_unless(receiver->waitConnected());
  }
  void connectOther(Way &way) {
    prove(way, true, kOther);
    fail_unless(other->waitConnected());
  }
  /// Both ways.
  void mustCarry(Way &way, Receiver &to, unsigned from) {
    const Packet media = mediaOf(++sent_);
    way.send(media);
    fail_unless(to.waitFor(media));
    port->send(from, kRtcp);
    const auto got = way.receive();
    fail_unless(got && *got == kRtcp);
  }

  inline static const IcePeer kOther{kOthersOfOurs, kTheirs};

 private:
  unsigned sent_ = 0;
};

}  // namespace

GST_START_TEST(session_overTcp_isConnectedAndCarried) {
  for (const std::size_t pieceBytes : {65'536u, 1u}) {
    Bench bench;
    OverTcp way(*bench.port, {.pieceBytes = pieceBytes});
    fail_if(bench.port->pathOf(bench.session).has_value());
    fail_unless_equals_int(bench.port->heardOf(bench.session), 0);
    const gint64 before = g_get_monotonic_time();
    bench.connect(way);
    fail_unless(bench.port->heardOf(bench.session) >= before);
    const auto path = bench.port->pathOf(bench.session);
    fail_unless(path && path->connection != 0);
    for (unsigned i = 0; i < 20; i++)
      bench.mustCarry(way, *bench.receiver, bench.session);
    fail_unless_equals_int(bench.receiver->connected.get(), 1);
    fail_unless_equals_int(bench.receiver->packets.get().size(), 20);
  }
}
GST_END_TEST;

GST_START_TEST(sessions_overUdpAndTcp_areCarriedBesideEachOther) {
  Bench bench;
  OverUdp udp(*bench.port);
  OverTcp tcp(*bench.port);
  bench.connect(udp);
  bench.connectOther(tcp);
  fail_unless_equals_int(bench.port->pathOf(bench.session)->connection, 0);
  fail_unless(bench.port->pathOf(bench.otherSession)->connection != 0);
  for (unsigned i = 0; i < 10; i++) {
    bench.mustCarry(udp, *bench.receiver, bench.session);
    bench.mustCarry(tcp, *bench.other, bench.otherSession);
  }
}
GST_END_TEST;

GST_START_TEST(sessions_onSeveralThreads_areCarriedAllOfThem) {
  Bench bench({.tcpPort = 0, .threads = 3});
  std::vector<std::unique_ptr<OverUdp>> ways;
  for (unsigned i = 0; i < IceTable::kMaxPaths; i++) {
    ways.push_back(std::make_unique<OverUdp>(*bench.port));
    prove(*ways.back(), true);
    bench.mustCarry(*ways.back(), *bench.receiver, bench.session);
  }
  OverTcp tcp(*bench.port);
  bench.connectOther(tcp);
  bench.mustCarry(tcp, *bench.other, bench.otherSession);
  fail_unless(bench.receiver->threads.get().size() > 1);
  fail_if(IcePort::open({.udpPort = bench.port->port()}).ok());
  fail_if(IcePort::open({.udpPort = bench.port->port(), .threads = 3}).ok());
}
GST_END_TEST;

GST_START_TEST(sessions_overIpv6_areCarried) {
  if (!hasIpv6()) return;
  Bench bench;
  OverUdp udp(*bench.port, "::1");
  OverTcp tcp(*bench.port, {.host = "::1"});
  bench.connect(udp);
  bench.connectOther(tcp);
  bench.mustCarry(udp, *bench.receiver, bench.session);
  bench.mustCarry(tcp, *bench.other, bench.otherSession);
}
GST_END_TEST;

/// In the kernel, or behind another one of its batch. One that waits for too long has none: then it
/// is tried again.
GST_START_TEST(packet_thatWaited_comesWithItsAge) {
  Bench bench;
  OverUdp way(*bench.port);
  bench.connect(way);
  Receiver &receiver = *bench.receiver;
  constexpr auto kWait = std::chrono::milliseconds(50);
  unsigned number = 0;
  fail_unless(eventually([&] {
    receiver.passes.set(number);
    way.send(mediaOf(++number));
    fail_unless(receiver.waitFor(mediaOf(number)));
    way.send(mediaOf(number + 1));
    way.send(mediaOf(number + 2));
    std::this_thread::sleep_for(kWait);
    receiver.passes.set(number);
    fail_unless(receiver.waitFor(mediaOf(++number)));
    const IceTime first = receiver.age;
    std::this_thread::sleep_for(kWait);
    receiver.passes.set(std::nullopt);
    fail_unless(receiver.waitFor(mediaOf(++number)));
    return first >= kWait && receiver.age.load() >= 2 * kWait;
  }));
}
GST_END_TEST;

GST_START_TEST(connection_thatCloses_isFollowedByTheOtherWay) {
  Bench bench;
  OverUdp udp(*bench.port);
  prove(udp, false);
  {
    OverTcp tcp(*bench.port);
    bench.connect(tcp);
    bench.mustCarry(tcp, *bench.receiver, bench.session);
  }
  fail_unless(eventually([&] {
    const auto path = bench.port->pathOf(bench.session);
    return path && path->connection == 0;
  }));
  bench.mustCarry(udp, *bench.receiver, bench.session);
}
GST_END_TEST;

GST_START_TEST(obstacle_isHowFarASessionHasCome) {
  Bench bench;
  const IcePort &port = *bench.port;
  fail_unless_same_text(bench.port->obstacleOf(bench.session),
                        "no ICE check came to UDP port " + std::to_string(port.port()) +
                            " or TCP port " + std::to_string(port.tcpPort()));
  OverUdp udp(port);
  prove(udp, false);
  fail_unless_same_text(bench.port->obstacleOf(bench.session),
                        "ICE checks came, but none that decided for a path");
  udp.send(IcePeer().check(2, true));
  fail_unless(bench.receiver->waitConnected());
  fail_unless_same_text(bench.port->obstacleOf(bench.session), "ICE is connected, DTLS is not");
  Bench none({.udpPort = 0});
  fail_unless_same_text(none.port->obstacleOf(none.session),
                        "no ICE check came to UDP port " + std::to_string(none.port->port()));
}
GST_END_TEST;

GST_START_TEST(connection_ofAStranger_isClosedAtOnce) {
  Bench bench;
  OverTcp good(*bench.port);
  bench.connect(good);
  Packet damaged = IcePeer().check(1, true);
  damaged[40] ^= 1;
  const Packet first[] = {
      IcePeer().forgedCheck(1),
      IcePeer{kWrong, kTheirs}.check(1, true),
      damaged,
      kMedia,
      kDtls,
      RawStun(0x0011).addFingerprint().packet(),
      RawStun(0x0001).addFingerprint().packet(),
      {1, 2, 3},
  };
  for (const Packet &packet : first) {
    OverTcp way(*bench.port);
    way.send(packet);
    fail_unless(way.waitCut());
  }
  bench.mustCarry(good, *bench.receiver, bench.session);
}
GST_END_TEST;

GST_START_TEST(connection_ofASessionThatIsRemoved_isClosed) {
  Bench bench;
  OverTcp way(*bench.port), bystander(*bench.port);
  bench.connect(way);
  bench.connectOther(bystander);
  bench.port->remove(bench.session);
  fail_unless(way.waitCut());
  bench.mustCarry(bystander, *bench.other, bench.otherSession);
}
GST_END_TEST;

/// Neither does send() block then, nor the network thread.
GST_START_TEST(reader_thatDoesNotRead_holdsUpNobody) {
  Bench bench;
  OverTcp deaf(*bench.port, {.small = true});
  OverTcp tcp(*bench.port);
  OverUdp udp(*bench.port);
  bench.connect(deaf);
  bench.connectOther(tcp);
  const IceKeys thirdKeys{"thirdfrag", "third-password-of-22-bytes"};
  const auto third = std::make_shared<Receiver>();
  const unsigned thirdSession = bench.port->add(third, thirdKeys);
  bench.port->setRemote(thirdSession, kTheirs);
  prove(udp, true, {thirdKeys, kTheirs});
  for (unsigned round = 0; round < 50; round++) {
    for (unsigned i = 0; i < 100; i++)
      bench.port->send(bench.session, mediaOf(round * 100 + i));
    bench.mustCarry(tcp, *bench.other, bench.otherSession);
    bench.mustCarry(udp, *third, thirdSession);
  }
  // Its checks are not answered, and what it sends comes all the same.
  deaf.send(kMedia);
  fail_unless(bench.receiver->waitFor(kMedia));
}
GST_END_TEST;

/// For thread checkers: all that other threads may call, while connections come and go.
GST_START_TEST(connections_thatComeAndGo_areSafeToSendTo) {
  Bench bench;
  OverTcp bystander(*bench.port);
  bench.connectOther(bystander);
  std::atomic<bool> isOver = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; i++)
    threads.emplace_back([&] {
      const auto none = std::make_shared<Receiver>();
      while (!isOver) {
        bench.port->send(bench.session, mediaOf(1));
        bench.port->heardOf(bench.session);
        bench.port->remove(bench.port->add(none, {randomHex(8), kOurs.pwd}));
      }
    });
  for (unsigned i = 0; i < 30; i++) {
    OverTcp way(*bench.port);
    way.send(IcePeer().check(1, true));
    bool isMedia = false;
    while (!isMedia) {
      const auto packet = way.receive();
      fail_unless(packet.has_value());
      isMedia = *packet == mediaOf(1);
      if (const auto asked = parseStun(*packet); asked && asked->messageClass == StunClass::Request)
        way.send(IcePeer().answer(*asked, at(1, 1)));
    }
    if (i % 2) way.socket().reset();
  }
  isOver = true;
  for (std::thread &thread : threads)
    thread.join();
  bench.mustCarry(bystander, *bench.other, bench.otherSession);
}
GST_END_TEST;

namespace {

/// A webrtcbin with the source of an agent of its own, whose session is on the port.
struct Listening {
  Ref<GstObject> agent;
  Ref<GstElement> webrtcbin;
  Ref<GstWebRTCICETransport> transport;

  Listening(const std::shared_ptr<IcePort> &port, Workers &workers)
      : agent(makeIceAgent(port, workers, {"127.0.0.1"}, {})),
        webrtcbin(Ref<GstElement>::sink(gst_element_factory_make("webrtcbin", nullptr))) {
    auto *ice = GST_WEBRTC_ICE(agent.get());
    auto *stream = gst_webrtc_ice_add_stream(ice, 0);
    transport = Ref<GstWebRTCICETransport>::take(
        gst_webrtc_ice_find_transport(ice, stream, GST_WEBRTC_ICE_COMPONENT_RTP));
    gst_bin_add(GST_BIN(webrtcbin.get()), transport->src);
    gst_element_set_state(transport->src, GST_STATE_PAUSED);
    const IcePeer peer{{"listening", kOurs.pwd}, kTheirs};
    auto credentials = [](const std::string &text) { return const_cast<char *>(text.c_str()); };
    gst_webrtc_ice_set_local_credentials(ice, stream, credentials(peer.ours.ufrag),
                                         credentials(peer.ours.pwd));
    gst_webrtc_ice_set_remote_credentials(ice, stream, credentials(peer.theirs.ufrag),
                                          credentials(peer.theirs.pwd));
  }
  void end() {
    gst_element_set_state(transport->src, GST_STATE_NULL);
    gst_element_set_state(webrtcbin.get(), GST_STATE_NULL);
    webrtcbin.reset();
  }
};

/// Told of a state of the transport, it waits until it is let go.
struct Hearing {
  Watched<unsigned> told;
  Watched<bool> over;

  explicit Hearing(GObject *transport) {
    using OnState = void (*)(GObject *, GParamSpec *, Hearing *);
    const OnState onState = [](GObject *, GParamSpec *, Hearing *self) {
      self->told.update([](unsigned &count) { count++; });
      self->over.waitFor([](bool now) { return now; });
    };
    g_signal_connect(transport, "notify::state", G_CALLBACK(onState), this);
  }
};

}  // namespace

/// It takes apart what hears of its transport.
GST_START_TEST(webrtcbin_thatEndsWhileItIsToldOfAConnection_waitsUntilThen) {
  Bench bench;
  Workers workers;
  Listening listening(bench.port, workers);
  Hearing hearing(G_OBJECT(listening.transport.get()));
  OverUdp way(*bench.port);
  prove(way, true, {{"listening", kOurs.pwd}, kTheirs});
  fail_unless(hearing.told.waitFor([](unsigned count) { return count > 0; }));
  Watched<bool> ended;
  std::thread ending([&] {
    listening.end();
    ended.set(true);
  });
  const auto isSet = [](bool now) { return now; };
  const bool early = ended.waitFor(isSet, Timeout(300));
  hearing.over.set(true);
  ending.join();
  workers.waitIdle();
  fail_if(early);
  fail_unless_equals_int(hearing.told.get(), 3);
}
GST_END_TEST;

GST_START_TEST(ports_areWhatWasAskedFor) {
  Bench any;
  fail_unless(any.port->port() != 0 && any.port->tcpPort() != 0);
  {
    Bench none({.udpPort = 0});
    fail_unless_equals_int(none.port->tcpPort(), 0);
    OverUdp udp(*none.port);
    none.connect(udp);
    none.mustCarry(udp, *none.receiver, none.session);
  }
  const auto udpTaken = IcePort::open({.udpPort = any.port->port()});
  fail_if(udpTaken.ok());
  fail_unless(udpTaken.error().detail.find("UDP port ") == 0);
  const auto tcpTaken = IcePort::open({.tcpPort = any.port->tcpPort()});
  fail_if(tcpTaken.ok());
  fail_unless(tcpTaken.error().detail.find("TCP port ") == 0);
}
GST_END_TEST;

GST_START_TEST(close_endsConnectionsAndFreesThePort) {
  Bench bench;
  OverTcp way(*bench.port), silent(*bench.port);
  bench.connect(way);
  const unsigned number = bench.port->tcpPort();
  bench.port->close();
  fail_unless(way.waitCut());
  fail_unless(silent.waitCut());
  bench.port->send(bench.session, kRtcp);
  auto again = IcePort::open({.tcpPort = number});
  fail_unless(again.ok());
  (*again)->close();
}
GST_END_TEST;

static Suite *ice_port_suite() {
  Suite *suite = suite_create("ice_port");
  TCase *all = tcase_create("peers");
  suite_add_tcase(suite, all);
  tcase_add_test(all, session_overTcp_isConnectedAndCarried);
  tcase_add_test(all, sessions_overUdpAndTcp_areCarriedBesideEachOther);
  tcase_add_test(all, sessions_onSeveralThreads_areCarriedAllOfThem);
  tcase_add_test(all, sessions_overIpv6_areCarried);
  tcase_add_test(all, packet_thatWaited_comesWithItsAge);
  tcase_add_test(all, connection_thatCloses_isFollowedByTheOtherWay);
  tcase_add_test(all, obstacle_isHowFarASessionHasCome);
  tcase_add_test(all, connection_ofAStranger_isClosedAtOnce);
  tcase_add_test(all, connection_ofASessionThatIsRemoved_isClosed);
  tcase_add_test(all, reader_thatDoesNotRead_holdsUpNobody);
  tcase_add_test(all, connections_thatComeAndGo_areSafeToSendTo);
  tcase_add_test(all, webrtcbin_thatEndsWhileItIsToldOfAConnection_waitsUntilThen);
  tcase_add_test(all, ports_areWhatWasAskedFor);
  tcase_add_test(all, close_endsConnectionsAndFreesThePort);
  return suite;
}

GST_CHECK_MAIN(ice_port)
