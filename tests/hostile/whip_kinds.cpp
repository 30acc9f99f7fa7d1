// SPDX-License-Identifier: LGPL-2.1-or-later
// POSTs to the WHIP door that break off, dawdle, lie or come in crowds, and paths that are guessed.
#include <array>
#include <memory>

#include "plan.h"
#include "whip.h"

namespace gws::hostile {

namespace {

using Strings = std::vector<std::string>;

const std::string kTyped = "Content-Type: application/sdp\r\n";

std::string headOf(Session &session, const std::string &fields) {
  return "POST " + endpointOf(session.stream()) + " HTTP/1.1\r\nHost: localhost\r\n" + fields +
         "\r\n";
}

/// A session that a wrong request has made all the same is left as it is, now and then.
Outcome concludePost(Session &session, const HttpAnswer &answer, const std::string &offer = {}) {
  const Ingest ingest = readIngest(answer, session.stream(), offer);
  leaveIngest(session, ingest);
  return ingest.answer.outcome;
}

/// Waits for one's own patience to end, or for the server's.
Outcome linger(Session &session, HandSocket &socket) {
  socket.setPatience(session.stay());
  const HttpAnswer answer = readAnswer(socket);
  if (session.chance(30)) socket.reset();
  return answer.outcome == kSilence ? kLeft : answer.outcome;
}

/// Before the body, in its middle, behind it, and in the middle of the answer.
Outcome hangUp(Session &session) {
  HandSocket socket(session.options());
  const std::string text = textOf(postOf(session.stream(), session.offer()));
  const auto body = text.find("\r\n\r\n") + 4;
  switch (session.upTo(4)) {
    case 0:
      socket.send(text.substr(0, body));
      break;
    case 1:
      socket.send(text.substr(
          0, session.between(static_cast<unsigned>(body), static_cast<unsigned>(text.size()) - 1)));
      break;
    case 2:
      socket.send(text);
      break;
    case 3:
      socket.send(text);
      g_usleep(session.upTo(150) * 1000);
      break;
    default:
      socket.send(text);
      socket.read(session.between(1, 1'500));
  }
  if (session.chance(20)) {
    socket.finish();
    return linger(session, socket);
  }
  if (session.chance(50)) socket.reset();
  return kLeft;
}

Outcome unreadAnswer(Session &session) {
  auto options = session.options();
  options.small = true;
  HandSocket socket(options);
  const std::string text = textOf(postOf(session.stream(), session.offer()));
  for (unsigned i = session.between(1, 5); i > 0; --i)
    if (!socket.send(text)) return kCut;
  g_usleep(static_cast<gulong>(session.stay().count()) * 1000);
  if (session.chance(50)) socket.reset();
  return kLeft;
}

/// A good offer, and then nothing.
Outcome neverConnects(Session &session) {
  const Ingest ingest = post(session, session.offer());
  if (ingest.made()) g_usleep(static_cast<gulong>(session.stay().count()) * 1000);
  leaveIngest(session, ingest);
  return ingest.answer.outcome;
}

/// Many at once for one stream: none of them has it.
Outcome burst(Session &session) {
  std::vector<std::unique_ptr<HandSocket>> sockets;
  const std::string offer = session.offer();
  const std::string text = textOf(postOf(session.stream(), offer));
  for (unsigned i = session.between(2, 12); i > 0; --i) {
    sockets.push_back(std::make_unique<HandSocket>(session.options()));
    sockets.back()->send(text);
  }
  Outcome last;
  for (const auto &socket : sockets) {
    last = concludePost(session, readAnswer(*socket), offer);
    if (last == kSilence || last.starts_with(kWrong)) return last;
  }
  return last;
}

/// The stream of somebody who publishes. What is no offer is refused for that.
Outcome ownStream(Session &session) {
  const std::string target = kGoodStream;
  const HttpAnswer answer = ask(session.options(), postOf(target, session.offer()));
  return answer.good() ? kWrong + "a living publisher's stream is given away" : answer.outcome;
}

std::string chunked(Session &session, const std::string &body) {
  std::string text;
  for (std::size_t at = 0; at < body.size();) {
    const std::string piece = body.substr(at, session.between(1, 2'000));
    at += piece.size();
    text += takeString(g_strdup_printf("%zx", piece.size())) + "\r\n" + piece + "\r\n";
  }
  return text + "0\r\n\r\n";
}

Outcome chunks(Session &session) {
  HandSocket socket(session.options());
  const std::string offer = session.offer();
  std::string body = chunked(session, offer);
  if (session.chance(30)) body.insert(body.size() - 2, "X-Trailer: y\r\n");
  socket.send(headOf(session, kTyped + "Transfer-Encoding: chunked\r\n") + body);
  return concludePost(session, readAnswer(socket), offer);
}

/// Lengths that are lies; the server may wait for what is missing.
Outcome wrongLength(Session &session) {
  const std::string offer = session.offer();
  const auto size = [&](int more) {
    return "Content-Length: " + std::to_string(static_cast<int>(offer.size()) + more) + "\r\n";
  };
  const Strings lengths = {size(-static_cast<int>(session.between(1, 300))),
                           size(static_cast<int>(session.between(1, 300))),
                           size(0) + size(-1),
                           size(0) + "Transfer-Encoding: chunked\r\n",
                           "Transfer-Encoding: chunked\r\n",
                           "Transfer-Encoding: gzip, chunked\r\n",
                           "Content-Length: 0\r\n",
                           "Content-Length: -1\r\n",
                           "Content-Length: 9223372036854775807\r\n",
                           "Content-Length: 99999999999999999999\r\n",
                           ""};
  HandSocket socket(session.options());
  std::string body = session.chance(30) ? chunked(session, offer) : offer;
  if (session.chance(20)) body.replace(0, 1, "ffffffffffffffff");
  socket.send(headOf(session, kTyped + session.pick(lengths)) + body);
  return linger(session, socket);
}

Outcome hugeBody(Session &session) {
  constexpr std::array sizes{131'073u, 200'000u, 1'000'000u, 2'200'000u, 5'000'000u};
  std::string body = session.offer();
  body.resize(session.pick(sizes), session.chance(50) ? 'x' : '\n');
  HandSocket socket(session.options());
  if (session.chance(50))
    socket.send(textOf(postOf(session.stream(), body)));
  else
    socket.send(headOf(session, kTyped + "Transfer-Encoding: chunked\r\n") +
                chunked(session, body));
  const HttpAnswer answer = readAnswer(socket);
  return answer.good() ? kWrong + "too large an offer is taken" : answer.outcome;
}

/// Piece by piece, for as long as somebody stays.
Outcome slowBody(Session &session) {
  HandSocket socket(session.options(Timeout(20)));
  const std::string text = textOf(postOf(session.stream(), session.offer()));
  const gint64 end = g_get_monotonic_time() + session.stay().count() * 1000;
  const unsigned most = session.pick(std::array{1u, 50u, 1'000u});
  for (std::size_t at = 0; at < text.size() && g_get_monotonic_time() < end;) {
    const std::string piece = text.substr(at, session.between(1, most));
    if (!socket.send(piece)) return kCut;
    at += piece.size();
    // A read that ends with the patience is the pause between two pieces.
    if (const int status = socket.readStatus()) return "http " + std::to_string(status);
    if (socket.wasCut()) return kCut;
  }
  return linger(session, socket);
}

Outcome oddType(Session &session) {
  static const Strings types = {"",
                                "Content-Type:\r\n",
                                "Content-Type: text/plain\r\n",
                                "Content-Type: application/json\r\n",
                                "Content-Type: application/sdp; charset=\"\r\n",
                                "Content-Type: APPLICATION/SDP ;x=y\r\n",
                                "Content-Type: application/sdp\xff\r\n",
                                "Content-Type: application/sdp, text/plain\r\n",
                                "Content-Type: application/trickle-ice-sdpfrag\r\n",
                                "Content-Type: /\r\n",
                                "Content-Type: application/sdp\r\nContent-Type: text/plain\r\n",
                                "Content-Type: " + std::string(50'000, 't') + "/sdp\r\n",
                                "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
                                "Content-Type: multipart/form-data; boundary=\r\n"};
  Request request = postOf(session.stream(), session.offer());
  request.fields = session.pick(types);
  return concludePost(session, ask(session.options(), request), request.body);
}

Outcome oddMethod(Session &session) {
  static const Strings methods = {"GET",  "HEAD", "OPTIONS",  "PUT",  "PATCH",
                                  "POST", "COPY", "PROPFIND", "post", std::string(500, 'M')};
  const Strings targets = {endpointOf(session.stream()), endpointOf(session.stream()) + "/",
                           endpointOf(session.stream()) + "/x",
                           "/" + session.stream() + "/sessions/x",
                           endpointOf(session.stream()) + "?token=%zz&password=&&=="};
  Request request = postOf(session.stream(), session.chance(50) ? session.offer() : "");
  request.method = session.pick(methods);
  request.target = session.pick(targets);
  return concludePost(session, ask(session.options(), request), request.body);
}

/// What comes is a 100 or a refusal; the body follows, or never.
Outcome expectContinue(Session &session) {
  static const Strings wishes = {"100-continue", "100-continue", "200-ok",
                                 "100-continue, 100-continue", ""};
  const std::string offer = session.offer();
  const std::size_t length = session.chance(80) ? offer.size() : session.upTo(3'000'000);
  HandSocket socket(session.options(Timeout(500)));
  socket.send(headOf(session, kTyped + "Expect: " + session.pick(wishes) +
                                  "\r\nContent-Length: " + std::to_string(length) + "\r\n"));
  const int status = socket.readStatus();
  if (status && status != 100) return "http " + std::to_string(status);
  if (session.chance(20)) return kLeft;
  socket.send(offer);
  if (length != offer.size()) return linger(session, socket);
  socket.setPatience(kPatience);
  return concludePost(session, readAnswer(socket), offer);
}

/// Fields of all kinds, full of garbage.
std::string oddFields(Session &session) {
  static const Strings names = {"Origin",
                                "Authorization",
                                "If-Match",
                                "If-None-Match",
                                "Access-Control-Request-Method",
                                "Access-Control-Request-Headers",
                                "X-Forwarded-For",
                                "Accept",
                                "Link",
                                "Cookie",
                                "User-Agent",
                                "Referer",
                                "Range",
                                "Content-Encoding",
                                "Accept-Encoding"};
  static const Strings values = {"",
                                 "*",
                                 "null",
                                 "\"",
                                 "W/\"x",
                                 "http://[",
                                 "http://localhost",
                                 "file:///etc/passwd",
                                 "Bearer",
                                 "Bearer \xff\xfe",
                                 "Basic eDp5",
                                 "bytes=9-1",
                                 ",,,,",
                                 "<a>; rel=\"ice-server\"",
                                 "%s%n%s",
                                 std::string(60'000, 'z')};
  std::string fields;
  for (unsigned i = session.between(1, 6); i > 0; --i) {
    std::string value = session.chance(80) ? session.pick(values) : session.bytes(session.upTo(90));
    for (char &byte : value)
      if (byte == '\r' || byte == '\n' || byte == '\0') byte = '.';
    fields += session.pick(names) + ": " + value + "\r\n";
  }
  return fields;
}

Outcome oddHeaders(Session &session) {
  Request request = postOf(session.stream(), session.chance(50) ? session.offer() : "");
  request.fields += oddFields(session);
  request.method = session.pick(Strings{"POST", "POST", "OPTIONS", "GET", "PATCH", "DELETE"});
  if (session.chance(40)) request.target += "/0123456789abcdef0123456789abcdef";
  return concludePost(session, ask(session.options(), request), request.body);
}

/// The session of the good publisher, who may have one.
Outcome guessedSession(Session &session) {
  std::string hex;
  while (hex.size() < 32)
    hex += "0123456789abcdef"[session.upTo(15)];
  const Strings ids = {hex,
                       hex.substr(1),
                       std::string(32, '0'),
                       "",
                       "*",
                       "%00" + hex,
                       hex + "%2f..",
                       "%ff",
                       std::string(session.between(100, 60'000), 'a')};
  const Strings methods = {"DELETE", "DELETE", "PATCH", "PUT", "GET", "HEAD"};
  Request request{.method = session.pick(methods),
                  .target = std::string("/") + kGoodStream +
                            (session.chance(70) ? "/whip/" : "/sessions/") + session.pick(ids)};
  if (request.method == "PATCH" || request.method == "PUT") {
    request.fields = "Content-Type: application/trickle-ice-sdpfrag\r\nIf-Match: *\r\n";
    request.body = session.chance(50) ? session.pick(session.target().fragments) : "{}";
  }
  const HttpAnswer answer = ask(session.options(), request);
  return answer.good() ? kWrong + "a guess was right" : answer.outcome;
}

constexpr Kind kKinds[] = {
    {"whip-hang-up", 40, hangUp},
    {"whip-unread-answer", 15, unreadAnswer},
    {"whip-never-connects", 20, neverConnects, true},
    {"whip-burst", 10, burst, true},
    {"whip-own-stream", 20, ownStream, true},
    {"whip-chunks", 10, chunks, true},
    {"whip-wrong-length", 20, wrongLength},
    {"whip-huge-body", 10, hugeBody, true},
    {"whip-slow-body", 15, slowBody},
    {"whip-odd-type", 15, oddType, true},
    {"whip-odd-method", 15, oddMethod, true},
    {"whip-expect-continue", 15, expectContinue, true},
    {"whip-odd-headers", 20, oddHeaders, true},
    {"whip-guessed-session", 20, guessedSession, true},
};

}  // namespace

std::span<const Kind> whipKinds() { return kKinds; }

}  // namespace gws::hostile
