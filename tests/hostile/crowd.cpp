// SPDX-License-Identifier: LGPL-2.1-or-later
// Who attacks a UDP port that is not his alone, and what he may get back.
#include "crowd.h"

namespace gws::hostile {

namespace {

constexpr unsigned kMostSockets = 12;  ///< of one session at a time
constexpr gint64 kKnockUs = 2'000'000;

/// Now and then its name is so long that a check of the server's would be, too.
std::string offerOf(Session &session) {
  const std::string offer = session.offer();
  if (!session.chance(20)) return offer;
  const std::string name = "a=ice-ufrag:" + attributeOf(offer, "ice-ufrag");
  return test::replaceAll(offer, name, name + std::string(200, 'x'));
}

Outcome attackBySocket(Session &session, PortAttack attack) {
  return onSocket(session, [&](HandSocket &socket) {
    const std::string offer = offerOf(session);
    const Prey prey{.reply = makeOffer(socket, offer, true), .own = credentialsOf(offer)};
    if (!prey.reply.answered() || prey.reply.ports.empty()) return prey.reply.outcome;
    const Outcome outcome = attack(session, prey);
    const Outcome later = leaveOutcome(session, socket);
    leaveSomehow(session, socket);
    return later == kLeft ? outcome : outcome + ", " + later;
  });
}

Outcome attackByWhip(Session &session, PortAttack attack) {
  const Ingest ingest = post(session, offerOf(session));
  if (!ingest.made()) return ingest.answer.outcome;
  const Outcome outcome = attack(session, preyOf(ingest));
  leaveIngest(session, ingest);
  return outcome;
}

std::string amounts(const Crowd &crowd) {
  return std::to_string(crowd.bytesReceived()) + " bytes for " + std::to_string(crowd.bytesSent());
}

}  // namespace

UdpPeer &Crowd::add() {
  const auto &paths = session_.target().goodPaths;
  std::string address = session_.chance(40) ? session_.source() : strangeAddress(session_);
  if (!paths.empty() && session_.chance(20)) {
    const std::string &good = session_.pick(paths).address;
    if (good.find(':') == std::string::npos) address = good;
  }
  return peers_.emplace_back(address);
}

UdpPeer &Crowd::next() {
  if (peers_.empty() || (peers_.size() < kMostSockets && session_.chance(20))) return add();
  return peers_[session_.upTo(static_cast<unsigned>(peers_.size()) - 1)];
}

void Crowd::drain() {
  for (UdpPeer &peer : peers_)
    peer.drain();
}

std::size_t Crowd::bytesSent() const {
  std::size_t sum = 0;
  for (const UdpPeer &peer : peers_)
    sum += peer.bytesSent();
  return sum;
}

std::size_t Crowd::bytesReceived() const {
  std::size_t sum = 0;
  for (const UdpPeer &peer : peers_)
    sum += peer.bytesReceived();
  return sum;
}

bool knock(Session &session, const Prey &prey) {
  UdpPeer peer(session);
  const gint64 deadline = g_get_monotonic_time() + kKnockUs;
  while (g_get_monotonic_time() < deadline) {
    peer.send(prey.check(session), prey.port());
    if (const auto packet = peer.receive(Timeout(100)))
      if (stunTypeOf(*packet) == kBindingSuccess) return true;
  }
  return false;
}

Outcome unlessAnswered(Session &session, Crowd &crowd, const Outcome &outcome, Timeout wait) {
  if (!session.target().ownAgent) return outcome;
  crowd.next().receive(wait);
  crowd.drain();
  if (crowd.bytesReceived() == 0) return outcome;
  return kWrong + "who has no keys is answered, " + amounts(crowd);
}

Outcome unlessAmplified(Session &session, Crowd &crowd, const Outcome &outcome) {
  crowd.drain();
  if (!session.target().ownAgent || crowd.bytesReceived() <= 2 * crowd.bytesSent()) return outcome;
  return kWrong + "more comes back than was sent, " + amounts(crowd);
}

Outcome attackPort(Session &session, PortAttack attack) {
  return session.chance(50) ? attackBySocket(session, attack) : attackByWhip(session, attack);
}

}  // namespace gws::hostile
