// SPDX-License-Identifier: LGPL-2.1-or-later
// Media, DTLS and garbage at a port that all publishers share, under every address and in every
// phase of a session.
#include <array>

#include "crowd.h"
#include "packets.h"

namespace gws::hostile {

namespace {

constexpr unsigned kLongest = 65'507;  ///< of a datagram over IPv4

/// Around what a STUN message, a packet and a datagram can be at most.
std::string ofOddSize(Session &session) {
  constexpr std::array sizes{0u,     1u,     2u,     11u,     12u,     19u,          20u,
                             21u,    28u,    1'499u, 1'500u,  1'501u,  2'047u,       2'048u,
                             2'049u, 4'096u, 9'000u, 16'384u, 32'768u, kLongest - 1, kLongest};
  std::string packet = session.bytes(session.pick(sizes));
  if (!packet.empty() && session.chance(50))
    packet[0] = static_cast<char>(session.pick(std::array{0, 22, 128}));
  return packet;
}

/// From strangers.
Outcome oddSizes(Session &session) {
  if (session.target().goodPorts.empty()) return kLeft;
  Crowd crowd(session);
  for (unsigned i = session.between(20, 100); i > 0; --i) {
    crowd.next().send(ofOddSize(session), session.pick(session.target().goodPorts));
    pace(i, 4);
  }
  return unlessAnswered(session, crowd, kLeft);
}

/// From strangers, and then from somebody with keys.
Outcome firstBytes(Session &session, const Prey &prey) {
  Crowd crowd(session);
  IcePeer ice(session, prey.reply, prey.own);
  const bool known = session.chance(50) && ice.connect(Timeout(1'000));
  for (unsigned first = 0; first < 256; ++first) {
    std::string packet = session.bytes(session.between(1, 100));
    packet[0] = static_cast<char>(first);
    known ? ice.send(packet) : crowd.next().send(packet, prey.port());
    pace(first, 16);
  }
  const bool heard = knock(session, prey);
  return unlessAnswered(session, crowd, heard ? "answered" : "answered, not heard", Timeout(0));
}

/// The good publisher's media, from its address with another port, and from its very port.
Outcome forgeMedia(Session &session) {
  const auto &paths = session.target().goodPaths;
  if (paths.empty() || session.target().goodPorts.empty()) return kLeft;
  Spoofer spoofer;
  bool may = true;
  const unsigned kind = session.upTo(3);
  for (unsigned i = session.between(20, 300); i > 0; --i) {
    IpPort from = session.pick(paths);
    if (session.chance(30)) from.port = session.between(1'024, 65'535);
    const std::string packet = kind == 0   ? oddDtls(session)
                               : kind == 1 ? likelyMedia(session)
                               : kind == 2 ? oddMedia(session)
                                           : iceCheck(session, session.target().goodUser, "wrong");
    may = spoofer.send(from, session.pick(session.target().goodPorts), packet);
    pace(i);
  }
  return may ? kLeft : "no raw socket";
}

/// While the server makes its answer, nobody can have keys.
Outcome floodBefore(Session &session) {
  return onSocket(session, [&session](HandSocket &socket) -> Outcome {
    const std::string offer = session.offer();
    socket.send(textFrame(rawOffer(offer)));
    Crowd crowd(session);
    const IceCredentials own = credentialsOf(offer);
    for (unsigned i = session.between(20, 300); i > 0 && !session.target().goodPorts.empty(); --i) {
      const unsigned kind = session.upTo(2);
      crowd.next().send(kind == 0   ? oddDtls(session)
                        : kind == 1 ? likelyMedia(session)
                                    : iceCheck(session, own.ufrag + ":" + own.ufrag, own.pwd),
                        session.pick(session.target().goodPorts));
      pace(i);
    }
    const Outcome outcome = unlessAnswered(session, crowd, "offered");
    leaveSomehow(session, socket);
    return outcome;
  });
}

/// From who has keys, before DTLS: more than any queue holds.
template <std::string (*packet)(Session &)>
Outcome floodEarly(Session &session, const Prey &prey) {
  IcePeer ice(session, prey.reply, prey.own);
  if (!ice.connect(Timeout(2'000))) return "answered, not connected";
  for (unsigned i = session.between(50, session.target().hasty ? 500 : 3'000); i > 0; --i) {
    ice.send(packet(session));
    pace(i, 32);
  }
  return knock(session, prey) ? "answered" : "answered, not heard";
}

constexpr Kind kKinds[] = {
    {"port-odd-sizes", 8, oddSizes},
    {"port-first-bytes", 8, onPort<firstBytes>, true},
    {"port-forged-media", 15, forgeMedia},
    {"port-flood-before", 8, floodBefore, true},
    {"port-early-media", 8, onPort<floodEarly<likelyMedia>>, true},
    {"port-early-dtls", 8, onPort<floodEarly<oddDtls>>, true},
};

}  // namespace

std::span<const Kind> floodKinds() { return kKinds; }

}  // namespace gws::hostile
