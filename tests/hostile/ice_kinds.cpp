// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers whose media never come: bad STUN, garbage on the ports, DTLS that is none.
#include <algorithm>

#include "packets.h"
#include "stun.h"
#include "whip.h"

namespace gws::hostile {

namespace {

constexpr unsigned kFullPacket = 1'300;

using Act = void (*)(Session &, const Reply &, const IceCredentials &);

/// Makes a good offer and attacks the ports of its answer.
template <Act act>
Outcome attackPorts(Session &session) {
  return onSocket(session, [&session](HandSocket &socket) {
    const std::string offer = session.offer();
    const Reply reply = makeOffer(socket, offer, true);
    if (!reply.answered() || reply.ports.empty()) return reply.outcome;
    act(session, reply, credentialsOf(offer));
    const Outcome later = leaveOutcome(session, socket);
    leaveSomehow(session, socket);
    return later == kLeft ? reply.outcome : "answered, " + later;
  });
}

/// The same, by POST.
template <Act act>
Outcome attackWhipPorts(Session &session) {
  const std::string offer = session.offer();
  const Ingest ingest = post(session, offer);
  if (ingest.made()) act(session, ingest.reply, credentialsOf(offer));
  leaveIngest(session, ingest);
  return ingest.answer.outcome;
}

std::string malformedStun(Session &session, const Reply &reply, const IceCredentials &own) {
  const std::string username = reply.credentials.ufrag + ":" + own.ufrag;
  std::string bytes = iceCheck(session, username, reply.credentials.pwd);
  switch (session.upTo(5)) {
    case 0:
      bytes.resize(session.upTo(static_cast<unsigned>(bytes.size()) - 1));
      break;
    case 1:
      bytes += session.bytes(session.between(1, 200));
      break;
    case 2:
      bytes[2] = static_cast<char>(session.random()()), bytes[3] = static_cast<char>(0xfc);
      break;
    case 3:
      bytes[0] = static_cast<char>(session.upTo(63)),
      bytes[1] = static_cast<char>(session.upTo(255));
      break;
    case 4:
      return StunMessage(kBindingRequest, session.bytes(12))
          .add(kUsername, std::string(session.between(500, 60'000), 'u'))
          .sign(reply.credentials.pwd)
          .bytes();
    default:
      for (int i = 0; i < 4; ++i)
        bytes[session.between(20, static_cast<unsigned>(bytes.size()) - 1)] =
            static_cast<char>(session.random()());
  }
  return bytes;
}

void wrongPassword(Session &session, const Reply &reply, const IceCredentials &own) {
  UdpPeer udp(session);
  const std::string username = reply.credentials.ufrag + ":" + own.ufrag;
  for (unsigned i = session.between(5, 300); i > 0; --i)
    udp.send(iceCheck(session, username, "wrong" + std::to_string(i)), reply.ports[0]);
}

void wrongUser(Session &session, const Reply &reply, const IceCredentials &own) {
  UdpPeer udp(session);
  const std::vector<std::string> names = {"",
                                          ":",
                                          "x:y",
                                          own.ufrag + ":" + reply.credentials.ufrag,
                                          reply.credentials.ufrag,
                                          reply.credentials.ufrag + ":",
                                          std::string(600, 'u') + ":" + own.ufrag,
                                          reply.credentials.ufrag + ":" + own.ufrag + ":z"};
  for (unsigned i = session.between(5, 300); i > 0; --i)
    udp.send(iceCheck(session, session.pick(names), reply.credentials.pwd), reply.ports[0]);
}

/// Good checks, by the thousand and from many ports: each is a new candidate.
void checkFlood(Session &session, const Reply &reply, const IceCredentials &own) {
  const std::string username = reply.credentials.ufrag + ":" + own.ufrag;
  for (unsigned port = session.between(1, 40); port > 0; --port) {
    UdpPeer udp(session);
    for (unsigned i = session.between(1, 100); i > 0; --i)
      udp.send(iceCheck(session, username, reply.credentials.pwd), reply.ports[0]);
  }
}

void brokenStun(Session &session, const Reply &reply, const IceCredentials &own) {
  UdpPeer udp(session);
  for (unsigned i = session.between(10, 200); i > 0; --i)
    udp.send(malformedStun(session, reply, own), session.pick(reply.ports));
}

void udpGarbage(Session &session, const Reply &reply, const IceCredentials &) {
  UdpPeer udp(session);
  for (unsigned i = session.between(10, 500); i > 0; --i)
    udp.send(garbage(session), session.pick(reply.ports));
}

void silentIce(Session &session, const Reply &reply, const IceCredentials &own) {
  IcePeer ice(session, reply, own);
  ice.connect(Timeout(1'000));
}

void dtlsGarbage(Session &session, const Reply &reply, const IceCredentials &own) {
  IcePeer ice(session, reply, own);
  if (!ice.connect(Timeout(2'000))) return;
  for (unsigned i = session.between(1, 60); i > 0; --i) {
    if (session.chance(50)) ice.receive(Timeout(20));  // a ClientHello, or its repetition
    ice.send(oddDtls(session));
  }
}

/// What came is sent back: a ClientHello from the one who should answer it.
void dtlsMirror(Session &session, const Reply &reply, const IceCredentials &own) {
  IcePeer ice(session, reply, own);
  if (!ice.connect(Timeout(2'000))) return;
  for (unsigned i = session.between(1, 5); i > 0; --i) {
    auto packet = ice.receive(Timeout(300));
    if (!packet || packet->empty()) continue;
    if (session.chance(50)) (*packet)[session.upTo(static_cast<unsigned>(packet->size()) - 1)] ^= 1;
    ice.send(*packet);
  }
}

/// RTP and RTCP that nobody has sealed.
void plainMedia(Session &session, const Reply &reply, const IceCredentials &own) {
  IcePeer ice(session, reply, own);
  if (!ice.connect(Timeout(2'000))) return;
  for (unsigned i = session.between(10, 500); i > 0; --i) {
    ice.send(oddMedia(session));
  }
}

/// Strangers at the port to which the good publisher sends. Paced: who fills the socket's buffer
/// takes away what was meant for it, whatever the program does.
Outcome goodPort(Session &session) {
  if (session.target().goodPorts.empty()) return kLeft;
  UdpPeer udp(session);
  const Reply nobody{.credentials = {"abcd", "abcdefghijklmnopqrstuv"}};
  for (unsigned i = session.between(10, 300); i > 0; --i) {
    std::string packet =
        session.chance(50) ? garbage(session) : malformedStun(session, nobody, {"x", "y"});
    packet.resize(std::min<std::size_t>(packet.size(), kFullPacket));
    udp.send(packet, session.pick(session.target().goodPorts));
    if (i % 8 == 0) g_usleep(5'000);
  }
  return kLeft;
}

constexpr Kind kKinds[] = {
    {"ice-silent", 15, attackPorts<silentIce>, true},
    {"ice-wrong-password", 15, attackPorts<wrongPassword>, true},
    {"ice-wrong-user", 15, attackPorts<wrongUser>, true},
    {"ice-check-flood", 10, attackPorts<checkFlood>, true},
    {"ice-broken-stun", 15, attackPorts<brokenStun>, true},
    {"udp-garbage", 15, attackPorts<udpGarbage>, true},
    {"udp-at-the-good-port", 20, goodPort},
    {"dtls-garbage", 20, attackPorts<dtlsGarbage>, true},
    {"dtls-mirror", 10, attackPorts<dtlsMirror>, true},
    {"rtp-plain", 10, attackPorts<plainMedia>, true},
    {"whip-ice-silent", 10, attackWhipPorts<silentIce>, true},
    {"whip-ice-wrong-password", 10, attackWhipPorts<wrongPassword>, true},
    {"whip-ice-wrong-user", 10, attackWhipPorts<wrongUser>, true},
    {"whip-ice-broken-stun", 10, attackWhipPorts<brokenStun>, true},
    {"whip-dtls-garbage", 10, attackWhipPorts<dtlsGarbage>, true},
    {"whip-rtp-plain", 5, attackWhipPorts<plainMedia>, true},
};

}  // namespace

std::span<const Kind> iceKinds() { return kKinds; }

}  // namespace gws::hostile
