// SPDX-License-Identifier: LGPL-2.1-or-later
// Connections to the port for ICE over TCP (RFC 6544): silent ones, slow ones, too many, bad
// frames.
#include <array>
#include <memory>

#include "crowd.h"
#include "packets.h"

namespace gws::hostile {

namespace {

using Strings = std::vector<std::string>;

/// A packet behind its length (RFC 4571).
std::string frame(std::string_view packet) {
  return bigEndian(packet.size(), 2) + std::string(packet);
}

/// The next packet; empty: none came, or the connection is cut.
std::string readPacket(HandSocket &socket) {
  const std::string head = socket.read(2);
  if (head.size() < 2) return {};
  return socket.read(static_cast<std::size_t>(static_cast<unsigned char>(head[0])) << 8 |
                     static_cast<unsigned char>(head[1]));
}

HandSocket::Options at(Session &session, Timeout patience = kPatience) {
  auto options = session.options(patience);
  options.port = session.pick(session.target().tcpPorts);
  return options;
}

template <Outcome (*attack)(Session &)>
Outcome onTcp(Session &session) {
  return session.target().tcpPorts.empty() ? "no TCP" : attack(session);
}

template <PortAttack attack>
Outcome withKeys(Session &session) {
  return session.target().tcpPorts.empty() ? "no TCP" : attackPort(session, attack);
}

/// Who has no keys gets no byte, and the connection ends.
Outcome unlessHeard(HandSocket &socket) {
  if (!socket.connected()) return "no connection";
  if (!socket.read(1).empty()) return kWrong + "who has no keys is answered";
  return socket.wasCut() ? kCut : kSilence;
}

void leaveConnection(Session &session, HandSocket &socket) {
  if (session.chance(30)) socket.finish();
  if (session.chance(30)) socket.reset();
}

// --- Without keys --------------------------------------------------------------------------------

/// Says nothing, a part of a head, or a large number and no more.
Outcome silent(Session &session) {
  HandSocket socket(at(session, session.stay()));
  const Strings words = {"",
                         "",
                         std::string(1, '\0'),
                         std::string("\0\x64", 2),
                         "\xff\xff",
                         "\xff\xff" + session.bytes(session.upTo(2'000)),
                         std::string("\0\x64\0\1", 4)};
  socket.send(session.pick(words));
  const Outcome outcome = unlessHeard(socket);
  leaveConnection(session, socket);
  return outcome == kSilence ? kLeft : outcome;
}

/// Byte by byte: a check that is nobody's.
Outcome drip(Session &session) {
  HandSocket socket(at(session, Timeout(15)));
  const std::string text = frame(iceCheck(session, session.target().goodUser, "wrong"));
  const gint64 end = g_get_monotonic_time() + session.stay().count() * 1000;
  for (std::size_t i = 0; i < text.size() && g_get_monotonic_time() < end; ++i) {
    if (!socket.send(text.substr(i, 1))) return kCut;
    const Outcome outcome = unlessHeard(socket);
    if (outcome != kSilence) return outcome;
  }
  leaveConnection(session, socket);
  return kLeft;
}

/// What begins with anything but a good check is closed at once.
Outcome garbageFirst(Session &session) {
  HandSocket socket(at(session));
  const Strings firsts = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          "\x16\x03\x01\x02" + session.bytes(512),
                          frame(oddDtls(session)),
                          frame(likelyMedia(session)),
                          frame(session.bytes(session.between(1, 1'500))),
                          frame(std::string(65'535, 'x')),
                          frame("") + frame("") + frame("x"),
                          frame(iceCheck(session, session.target().goodUser, "wrong")),
                          frame(iceCheck(session, "nobody:else", "wrong")),
                          session.bytes(20'000) + "\xff\xff"};
  const std::string first = session.pick(firsts);
  socket.send(first);
  // What is a part of a frame still is waited for as long as silence.
  if (session.chance(70)) socket.send(std::string(3'000, '\0') + std::string(4'000, 'y'));
  if (session.target().hasty) socket.setPatience(Timeout(2'000));
  const Outcome outcome = unlessHeard(socket);
  return session.target().hasty && outcome == kSilence ? kLeft : outcome;
}

/// More than one source, or everybody together, may have.
Outcome crowd(Session &session) {
  std::vector<std::unique_ptr<HandSocket>> sockets;
  unsigned cut = 0;
  for (unsigned i = session.between(20, session.target().hasty ? 100 : 400); i > 0; --i) {
    auto options = at(session, Timeout(500));
    if (session.chance(80)) options.source = strangeAddress(session);
    sockets.push_back(std::make_unique<HandSocket>(options));
    if (session.chance(20)) sockets.back()->send(frame(session.bytes(40)));
    if (session.chance(10)) sockets.back()->reset();
  }
  for (const auto &socket : sockets) {
    socket->setPatience(Timeout(0));
    const Outcome outcome = unlessHeard(*socket);
    if (outcome.starts_with(kWrong)) return outcome;
    cut += outcome == kCut;
  }
  return cut > 0 ? "left, some cut" : kLeft;
}

// --- With keys -----------------------------------------------------------------------------------

/// A connection of the session's, which has been answered.
bool begin(Session &session, HandSocket &socket, const Prey &prey) {
  socket.send(frame(prey.check(session)));
  for (int i = 0; i < 2; ++i) {
    const std::string packet = readPacket(socket);
    if (stunTypeOf(packet) == kBindingRequest)
      socket.send(frame(bindingSuccess(packet, prey.own.pwd)));
    if (packet.empty()) return false;
  }
  return true;
}

std::string anyPacket(Session &session, const Prey &prey) {
  switch (session.upTo(4)) {
    case 0:
      return prey.check(session);
    case 1:
      return oddDtls(session);
    case 2:
      return likelyMedia(session);
    case 3:
      return garbage(session).substr(0, 1'500);
    default:
      return "";
  }
}

/// Frames in pieces of any size, several at once, empty ones, and half of one at the end.
Outcome oddFrames(Session &session, const Prey &prey) {
  HandSocket socket(at(session, Timeout(2'000)));
  const bool begun = begin(session, socket, prey);
  std::string text;
  for (unsigned i = session.between(5, 100); i > 0; --i)
    text += frame(anyPacket(session, prey));
  if (session.chance(30)) text += "\xff\xff" + session.bytes(session.upTo(70'000));
  text.resize(text.size() - session.upTo(30));
  const unsigned most = session.pick(std::array{3u, 100u, 20'000u});
  for (std::size_t i = 0; i < text.size();) {
    const std::string piece = text.substr(i, session.between(1, most));
    if (!socket.send(piece)) break;
    i += piece.size();
  }
  leaveConnection(session, socket);
  return begun ? "answered" : "answered, not begun";
}

/// Asks without end and reads no answer.
Outcome neverRead(Session &session, const Prey &prey) {
  auto options = at(session, Timeout(300));
  options.small = true;
  HandSocket socket(options);
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += frame(prey.check(session));
  for (unsigned i = session.between(5, session.target().hasty ? 20 : 100); i > 0; --i)
    if (!socket.send(text)) break;
  const bool heard = knock(session, prey);
  leaveConnection(session, socket);
  return heard ? "answered" : "answered, not heard";
}

/// One session by many connections and by UDP, which end one after the other.
Outcome change(Session &session, const Prey &prey) {
  std::vector<std::unique_ptr<HandSocket>> sockets;
  for (unsigned i = session.between(2, 40); i > 0; --i) {
    sockets.push_back(std::make_unique<HandSocket>(at(session, Timeout(100))));
    HandSocket &socket = *sockets[session.upTo(static_cast<unsigned>(sockets.size()) - 1)];
    session.chance(70) ? void(begin(session, socket, prey))
                       : void(socket.send(frame(likelyMedia(session))));
    if (session.chance(20)) socket.reset();
    if (session.chance(30)) knock(session, prey);
  }
  return knock(session, prey) ? "answered" : "answered, not heard";
}

/// Whose session ends has no connection any more.
Outcome vanish(Session &session) {
  const Ingest ingest = post(session, session.offer());
  if (!ingest.made()) return ingest.answer.outcome;
  const Prey prey = preyOf(ingest);
  HandSocket socket(at(session, Timeout(2'000)));
  const bool begun = begin(session, socket, prey);
  const HttpAnswer answer = ask(session.options(), deleteOf(ingest));
  if (answer.status != 200) return answer.outcome;
  const gint64 deadline = g_get_monotonic_time() + kPatience.count() * 1000;
  while (!socket.wasCut() && g_get_monotonic_time() < deadline)
    readPacket(socket);
  if (socket.wasCut()) return begun ? "http 200, cut" : "http 200, not begun, cut";
  return kWrong + "the connection of a session that is over stays";
}

constexpr Kind kKinds[] = {
    {"ice-tcp-silent", 10, onTcp<silent>},
    {"ice-tcp-drip", 6, onTcp<drip>},
    {"ice-tcp-garbage-first", 10, onTcp<garbageFirst>, true},
    {"ice-tcp-crowd", 5, onTcp<crowd>},
    {"ice-tcp-odd-frames", 10, withKeys<oddFrames>, true},
    {"ice-tcp-never-read", 6, withKeys<neverRead>, true},
    {"ice-tcp-change", 8, withKeys<change>, true},
    {"ice-tcp-vanish", 8, onTcp<vanish>, true},
};

}  // namespace

std::span<const Kind> tcpKinds() { return kKinds; }

}  // namespace gws::hostile
