// SPDX-License-Identifier: LGPL-2.1-or-later
// WebSockets whose frames are wrong, unfinished, too large or too many.
#include <array>

#include "session.h"

namespace gws::hostile {

namespace {

using test::frameHead;
using test::FrameHead;

/// Sends bytes, and waits for the server to close.
Outcome sendFrames(Session &session, const std::string &bytes) {
  return onSocket(session, [&bytes](HandSocket &socket) {
    socket.send(bytes);
    return closeOutcome(socket);
  });
}

/// Sends bytes that ask for nothing yet.
Outcome sendPart(Session &session, const std::string &bytes) {
  return onSocket(session, [&](HandSocket &socket) {
    socket.send(bytes);
    if (session.chance(30)) {
      session.chance(50) ? socket.finish() : socket.reset();
      return kLeft;
    }
    return leaveOutcome(session, socket);
  });
}

Outcome halfFrame(Session &session) {
  const std::string whole = rawOffer(session.offer());
  const std::string head = frameHead({}, whole.size());
  return sendPart(session,
                  head + whole.substr(0, session.upTo(static_cast<unsigned>(whole.size() - 1))));
}

Outcome halfHead(Session &session) {
  const std::string head = frameHead({}, 100'000);
  return sendPart(session, head.substr(0, session.between(1, 9)));
}

Outcome unfinishedFragments(Session &session) {
  std::string bytes = clientFrame(Opcode::Text, false, "{\"type\":");
  for (unsigned i = session.upTo(50); i > 0; --i)
    bytes += clientFrame(Opcode::Continuation, false, std::string(session.upTo(500), ' '));
  return sendPart(session, bytes);
}

Outcome unmasked(Session &session) {
  const FrameHead head{.masked = false};
  const std::string text = rawOffer(session.offer());
  return sendFrames(session, frameHead(head, text.size()) + text);
}

Outcome reservedBits(Session &session) {
  const FrameHead head{.reserved = session.between(1, 7)};
  return sendFrames(session, frameHead(head, 2) + "{}");
}

Outcome reservedOpcode(Session &session) {
  const unsigned opcode = session.pick(std::array{3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u});
  return sendFrames(session, frameHead({.opcode = opcode}, 2) + "{}");
}

Outcome longControl(Session &session) {
  const unsigned size = session.between(126, 5'000);
  const FrameHead head{.opcode = session.between(8, 10)};
  return sendFrames(session, frameHead(head, size) + std::string(size, 'c'));
}

Outcome fragmentedControl(Session &session) {
  return sendFrames(session,
                    clientFrame(session.pick(std::array{Opcode::Ping, Opcode::Close}), false, "x"));
}

Outcome announcedHuge(Session &session) {
  const guint64 size = session.pick(std::array{G_GUINT64_CONSTANT(2'000'000), guint64(1) << 32,
                                               guint64(G_MAXINT64), guint64(G_MAXUINT64)});
  return sendFrames(session, frameHead({.opcode = session.between(1, 2)}, size) +
                                 session.bytes(session.upTo(2'000)));
}

Outcome large(Session &session) {
  const unsigned size = session.pick(std::array{263'000u, 1'000'000u, 1'048'577u, 1'500'000u});
  return sendFrames(session, textFrame("{\"type\":\"" + std::string(size, 'x') + "\"}"));
}

Outcome manyFragments(Session &session) {
  std::string bytes = clientFrame(Opcode::Text, false, "[");
  for (unsigned i = session.between(100, 10'000); i > 0; --i)
    bytes += clientFrame(Opcode::Continuation, false, session.chance(50) ? " " : "");
  return sendFrames(session, bytes + clientFrame(Opcode::Continuation, true, "]"));
}

Outcome fragmentsWithoutAStart(Session &session) {
  return sendFrames(session, clientFrame(Opcode::Continuation, session.chance(50), "{}"));
}

Outcome startInFragments(Session &session) {
  return sendFrames(session,
                    clientFrame(Opcode::Text, false, "{") + clientFrame(Opcode::Text, true, "}"));
}

Outcome binary(Session &session) {
  return sendFrames(session,
                    clientFrame(Opcode::Binary, true, session.bytes(session.upTo(70'000))));
}

Outcome invalidUtf8(Session &session) {
  static const std::vector<std::string> texts = {"\xff", "{\"type\":\"\xc0\x80\"}",
                                                 "{\"type\":\"\xed\xa0\x80\"}", "\xf4\x90\x80\x80",
                                                 "{\"type\":\"offer\",\"sdp\":\"v=0\xfe\"}"};
  return sendFrames(session, textFrame(session.pick(texts)));
}

Outcome oddClose(Session &session) {
  static const std::vector<std::string> payloads = {"",
                                                    "\x03",
                                                    std::string("\x00\x00", 2),
                                                    "\x03\xec",
                                                    "\x03\xed",
                                                    "\x03\xee",
                                                    "\xff\xff",
                                                    "\x03\xe8\xff\xfe",
                                                    "\x0f\xa0" + std::string(123, 'r'),
                                                    "\x03\xe9",
                                                    "\x0b\xb8"};
  return sendFrames(session, clientFrame(Opcode::Close, true, session.pick(payloads)) +
                                 (session.chance(50) ? textFrame("{}") : ""));
}

Outcome pingFlood(Session &session) {
  return onSocket(session, [&session](HandSocket &socket) {
    const std::string ping =
        clientFrame(session.chance(80) ? Opcode::Ping : Opcode::Pong, true, session.bytes(125));
    std::string many;
    for (int i = 0; i < 100; ++i)
      many += ping;
    // Nothing is read meanwhile: the pongs pile up.
    socket.setPatience(Timeout(1'000));
    for (unsigned i = session.between(5, 200); i > 0; --i)
      if (!socket.send(many)) break;
    if (socket.wasCut()) return kCut;
    return leaveOutcome(session, socket);
  });
}

/// Takes nothing of what it asked for.
Outcome slowReader(Session &session) {
  auto options = session.options();
  options.small = true;
  HandSocket socket(options);
  if (!socket.connected()) return "no connection";
  const int status = socket.upgrade(session.socketPath());
  if (status != 101) return status ? "http " + std::to_string(status) : kCut;
  socket.send(textFrame(rawOffer(session.offer())));
  socket.setPatience(Timeout(500));
  for (unsigned i = session.between(10, 300); i > 0; --i)
    if (!socket.send(clientFrame(Opcode::Ping, true, session.bytes(125)))) break;
  g_usleep(static_cast<gulong>(session.stay().count()) * 1000);
  if (session.chance(50)) socket.reset();
  return socket.wasCut() ? kCut : kLeft;
}

constexpr Kind kKinds[] = {
    {"ws-half-frame", 25, halfFrame},
    {"ws-half-head", 15, halfHead},
    {"ws-unfinished-fragments", 15, unfinishedFragments},
    {"ws-unmasked", 10, unmasked, true},
    {"ws-reserved-bits", 10, reservedBits, true},
    {"ws-reserved-opcode", 10, reservedOpcode, true},
    {"ws-long-control", 10, longControl, true},
    {"ws-fragmented-control", 10, fragmentedControl, true},
    {"ws-announced-huge", 10, announcedHuge, true},
    {"ws-large", 10, large, true},
    {"ws-many-fragments", 10, manyFragments, true},
    {"ws-fragment-first", 10, fragmentsWithoutAStart, true},
    {"ws-start-in-fragments", 10, startInFragments, true},
    {"ws-binary", 20, binary, true},
    {"ws-invalid-utf8", 15, invalidUtf8, true},
    {"ws-odd-close", 15, oddClose, true},
    {"ws-ping-flood", 10, pingFlood},
    {"ws-slow-reader", 15, slowReader},
};

}  // namespace

std::span<const Kind> frameKinds() { return kKinds; }

}  // namespace gws::hostile
