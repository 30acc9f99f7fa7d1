// SPDX-License-Identifier: LGPL-2.1-or-later
// Connections that say nothing, hardly anything, or go without a word.
#include "session.h"

namespace gws::hostile {

namespace {

const std::string kHead = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

/// Waits for the server's patience to end, or for one's own.
Outcome linger(Session &session, HandSocket &socket) {
  if (!socket.connected()) return "no connection";
  socket.setPatience(session.stay());
  const Outcome outcome = httpOutcome(socket);
  if (session.chance(30)) socket.reset();
  return outcome == kSilence ? kLeft : outcome;
}

Outcome silent(Session &session) {
  HandSocket socket(session.options());
  return linger(session, socket);
}

Outcome halfHeader(Session &session) {
  HandSocket socket(session.options());
  socket.send(kHead.substr(0, session.between(1, static_cast<unsigned>(kHead.size()))));
  if (session.chance(20)) socket.finish();
  return linger(session, socket);
}

/// Byte by byte, for as long as somebody stays.
Outcome dribble(Session &session) {
  HandSocket socket(session.options(Timeout(20)));
  const gint64 end = g_get_monotonic_time() + session.stay().count() * 1000;
  std::string text = kHead;
  for (std::size_t at = 0; g_get_monotonic_time() < end; ++at) {
    if (!socket.send(std::string(1, at < text.size() ? text[at] : 'x')) || socket.wasCut())
      return kCut;
    // A read that ends with the patience is the pause between two bytes.
    if (const int status = socket.readStatus()) return "http " + std::to_string(status);
  }
  return socket.connected() ? kLeft : "no connection";
}

Outcome unfinishedBody(Session &session) {
  HandSocket socket(session.options());
  socket.send("POST " + session.socketPath() + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(session.between(2, 100'000)) + "\r\n\r\nb");
  return linger(session, socket);
}

/// Answered once, then idle.
Outcome keptAlive(Session &session) {
  HandSocket socket(session.options());
  socket.send("GET /streams.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Outcome first = httpOutcome(socket);
  if (first == kCut || first == kSilence) return first;
  socket.read(1);  // what is left of the body comes first
  return linger(session, socket);
}

/// The answer is not read.
Outcome unreadAnswer(Session &session) {
  auto options = session.options();
  options.small = true;
  HandSocket socket(options);
  for (unsigned i = session.between(1, 40); i > 0; --i)
    if (!socket.send("GET /assets/publish.js HTTP/1.1\r\nHost: localhost\r\n\r\n")) return kCut;
  socket.setPatience(session.stay());
  g_usleep(static_cast<gulong>(session.stay().count()) * 1000);
  if (session.chance(50)) socket.reset();
  return kLeft;
}

Outcome resetAtOnce(Session &session) {
  HandSocket socket(session.options());
  if (session.chance(50)) socket.send("GET /streams.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  if (session.chance(50)) socket.upgrade(session.socketPath());
  socket.reset();
  return kLeft;
}

constexpr Kind kKinds[] = {
    {"tcp-silent", 30, silent},
    {"tcp-half-header", 30, halfHeader},
    {"tcp-dribble", 20, dribble},
    {"tcp-unfinished-body", 20, unfinishedBody},
    {"tcp-kept-alive", 20, keptAlive, true},
    {"tcp-unread-answer", 15, unreadAnswer},
    {"tcp-reset", 20, resetAtOnce},
};

}  // namespace

std::span<const Kind> slowKinds() { return kKinds; }

}  // namespace gws::hostile
