// SPDX-License-Identifier: LGPL-2.1-or-later
// Who attacks a UDP port that is not his alone: from where, and what he may get back.
#pragma once

#include <deque>

#include "spoof.h"
#include "stun.h"
#include "whip.h"

namespace gws::hostile {

/// An answer, or how it was refused, and what one needs to attack its port.
struct Prey {
  Reply reply;
  IceCredentials own;  ///< the attacker's, as his offer says

  unsigned port() const { return reply.ports.empty() ? 9 : reply.ports[0]; }
  /// USERNAME of good checks.
  std::string user() const { return reply.credentials.ufrag + ":" + own.ufrag; }
  std::string check(Session &session) const {
    return iceCheck(session, user(), reply.credentials.pwd);
  }
};

/// The session that a POST has made.
inline Prey preyOf(const Ingest &ingest) {
  return {.reply = ingest.reply, .own = credentialsOf(ingest.offer)};
}

/// Sockets of many addresses and ports: the session's, strange ones, and that of the good
/// publisher with another port.
class Crowd {
 public:
  explicit Crowd(Session &session) : session_(session) {}

  UdpPeer &add();
  /// One of them, from time to time a new one.
  UdpPeer &next();
  /// Reads what has come to all.
  void drain();
  std::size_t bytesSent() const;
  std::size_t bytesReceived() const;

 private:
  Session &session_;
  std::deque<UdpPeer> peers_;
};

/// Who fills the socket's buffer takes away what was meant for others, whatever the program does.
/// `count` goes up with each packet.
inline void pace(unsigned count, unsigned burst = 8) {
  if (count % burst == 0) g_usleep(4'000);
}

/// Checks with good keys from a new address until one is answered: what was sent before has been
/// read by then. False: in vain.
bool knock(Session &session, const Prey &prey);

/// `outcome`, unless who proved no keys got an answer. What comes is waited for a moment; or not at
/// all, after knock().
Outcome unlessAnswered(Session &session, Crowd &crowd, const Outcome &outcome,
                       Timeout wait = Timeout(20));
/// `outcome`, unless so much came back that it pays to send in the name of somebody else. For those
/// who have keys and answer nothing: each message has at most a response and a check for an answer,
/// and each of them is no longer than it.
Outcome unlessAmplified(Session &session, Crowd &crowd, const Outcome &outcome);

/// Makes a good offer by one of the doors, attacks the port of its answer, and leaves somehow.
using PortAttack = Outcome (*)(Session &, const Prey &);
Outcome attackPort(Session &session, PortAttack attack);
/// The same, as what a Kind runs.
template <PortAttack attack>
Outcome onPort(Session &session) {
  return attackPort(session, attack);
}

}  // namespace gws::hostile
