// SPDX-License-Identifier: LGPL-2.1-or-later
// Complete requests that are wrong, and what is no HTTP at all.
#include <array>

#include "session.h"

namespace gws::hostile {

namespace {

using Strings = std::vector<std::string>;

const std::string kHost = "Host: localhost\r\n";

std::string get(const std::string &target) {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + "\r\n";
}

std::string pathOf(Session &session) {
  const Strings paths = {"/",
                         "/streams.json",
                         "/assets/publish.js",
                         "/" + session.stream() + "/publish",
                         session.socketPath(),
                         "/" + session.stream() + "/whip"};
  return session.pick(paths);
}

/// One request on a connection, and its answer.
template <std::string (*make)(Session &)>
Outcome request(Session &session) {
  HandSocket socket(session.options());
  socket.send(make(session));
  return httpOutcome(socket);
}

std::string oddMethod(Session &session) {
  static const Strings methods = {
      "CONNECT", "TRACE", "OPTIONS", "DELETE", "PUT",  "PATCH", "PROPFIND", "get",
      "G\x01T",  "POST",  "HEAD",    "PRI",    "\xff", "GET ",  "",         std::string(9000, 'A')};
  const bool body = session.chance(30);
  return session.pick(methods) + " " + (session.chance(20) ? "*" : pathOf(session)) +
         " HTTP/1.1\r\n" + kHost + (body ? "Content-Length: 4\r\n\r\nbody" : "\r\n");
}

std::string oddTarget(Session &session) {
  const auto repeat = [&session](const std::string &part, unsigned most) {
    std::string text;
    for (unsigned i = session.between(1, most); i > 0; --i)
      text += part;
    return text;
  };
  const Strings targets = {"*",
                           "http://example.org" + pathOf(session),
                           "http://[::1",
                           "localhost:8080",
                           "//" + session.stream() + "/publish",
                           "/" + std::string(session.between(1'000, 70'000), 'a'),
                           repeat("/..", 400) + "/etc/passwd",
                           repeat("/a", 20'000),
                           repeat("/%2e%2e", 400),
                           "/%",
                           "/%zz/publish",
                           "/%00/webrtc/publish",
                           "/\xff\xfe/webrtc/publish",
                           "/a%ff%fe/publish",
                           pathOf(session) + "?" + repeat("a=b&", 16'000),
                           pathOf(session) + "#" + repeat("x", 100),
                           "\\windows\\system32",
                           "/assets/../../../../etc/shadow",
                           "/assets/%2e%2e%2fmeson.build",
                           "no-slash",
                           "",
                           "/ /publish",
                           "/<script>alert(1)</script>/publish",
                           "/\xe2\x80\xae/publish",
                           "/" + session.bytes(session.between(1, 2'000))};
  return get(session.pick(targets));
}

std::string oddVersion(Session &session) {
  static const Strings versions = {"HTTP/0.9",   "HTTP/1.0", "HTTP/2.0",  "HTTP/9.9",
                                   "HTTP/1.",    "HTTP/",    "http/1.1",  "HTTP/-1.1",
                                   "HTTP/1.1.1", "RTSP/1.0", "HTTP/1.1x", "HTTP/99999999999.1"};
  return "GET " + pathOf(session) + " " + session.pick(versions) + "\r\n" + kHost + "\r\n";
}

std::string longHeader(Session &session) {
  const unsigned size = session.pick(std::array{8'000u, 65'000u, 66'000u, 300'000u, 2'000'000u});
  const std::string value(size, session.chance(50) ? 'v' : ' ');
  return "GET " + pathOf(session) + " HTTP/1.1\r\n" + kHost +
         (session.chance(50) ? "X-Long: " + value : value + ": x") + "\r\n\r\n";
}

std::string manyHeaders(Session &session) {
  std::string text = "GET " + pathOf(session) + " HTTP/1.1\r\n" + kHost;
  const bool same = session.chance(50);
  for (unsigned i = session.between(100, 20'000); i > 0; --i)
    text += same ? "Cookie: a=b\r\n" : "X-" + std::to_string(i) + ": y\r\n";
  return text + "\r\n";
}

std::string expectContinue(Session &session) {
  static const Strings wishes = {"100-continue", "200-ok", "100-continue, 100-continue", ""};
  return "POST " + pathOf(session) + " HTTP/1.1\r\n" + kHost + "Expect: " + session.pick(wishes) +
         "\r\nContent-Length: " + std::to_string(session.pick(std::array{0u, 4u})) + "\r\n\r\nbody";
}

std::string badHost(Session &session) {
  static const Strings hosts = {"",
                                "Host:\r\n",
                                "Host: a\r\nHost: b\r\n",
                                "Host: \xff\xfe\r\n",
                                "Host: a b c\r\n",
                                "Host: localhost:99999999\r\n",
                                "Host: localhost:-1\r\n",
                                "Host: [::1\r\n",
                                "Host: http://localhost/\r\n",
                                "Host: localhost/../x?y#z\r\n",
                                "Host: user:password@localhost\r\n",
                                "Host: " + std::string(60'000, 'h') + "\r\n"};
  return "GET " + pathOf(session) + " HTTP/1.1\r\n" + session.pick(hosts) +
         (session.chance(30) ? std::string("Origin: http://[x\r\n") + test::kUpgradeFields
                             : "\r\n");
}

std::string contentLength(Session &session) {
  static const Strings lengths = {"Content-Length: 4\r\nContent-Length: 5\r\n",
                                  "Content-Length: 4, 4\r\n",
                                  "Content-Length: -1\r\n",
                                  "Content-Length: +4\r\n",
                                  "Content-Length: 0x4\r\n",
                                  "Content-Length: 99999999999999999999999\r\n",
                                  "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                                  "Transfer-Encoding: chunked, chunked\r\n",
                                  "Transfer-Encoding: gzip\r\n",
                                  "Transfer-Encoding : chunked\r\n",
                                  "Content-Length:\r\n",
                                  "Content-Length: x\r\n"};
  static const Strings bodies = {"body", "0\r\n\r\n", "ffffffffffffffffff\r\nbody",
                                 "-1\r\nbody\r\n0\r\n\r\n", "4;x=y\r\nbody\r\n0\r\nX: y\r\n\r\n"};
  return session.pick(std::array{"GET ", "POST "}) + pathOf(session) + " HTTP/1.1\r\n" + kHost +
         session.pick(lengths) + "\r\n" + session.pick(bodies);
}

std::string wrongUpgrade(Session &session) {
  static const Strings fields = {
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: short\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b\r\n",
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
      "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13, 8, 7\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, \xff, ,\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n"};
  return session.pick(std::array{"GET ", "POST ", "HEAD "}) + session.socketPath() +
         " HTTP/1.1\r\n" + kHost + session.pick(fields) + "\r\n";
}

std::string brokenLines(Session &session) {
  const Strings texts = {
      "GET " + pathOf(session) + " HTTP/1.1\n" + "Host: localhost\n\n",
      "GET " + pathOf(session) + " HTTP/1.1\r\nHost: local\r\n host\r\n folded\r\n\r\n",
      "GET " + pathOf(session) + " HTTP/1.1\r\nno colon at all\r\n\r\n",
      "GET " + pathOf(session) + " HTTP/1.1\r\n: no name\r\n\r\n",
      "GET " + pathOf(session) + " HTTP/1.1\r\nName : space\r\n\r\n",
      "GET " + pathOf(session) + " HTTP/1.1\r\nX: a\rb\r\n\r\n",
      "GET " + pathOf(session) + std::string(" HTTP/1.1\r\nX: a\0b\r\n\r\n", 21),
      "GET  " + pathOf(session) + "  HTTP/1.1  \r\n\r\n",
      "\r\n\r\n\r\n" + get(pathOf(session)),
      " GET / HTTP/1.1\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "\n\n\n\n",
      get(pathOf(session)).substr(0, 12) + session.bytes(60) + "\r\n\r\n"};
  return session.pick(texts);
}

Outcome foreignProtocol(Session &session) {
  static const Strings openings = {
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9),
      std::string("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 11) + std::string(200, 'r'),
      "SSH-2.0-OpenSSH_9.2\r\n",
      "\x05\x01\x00",
      std::string("\x00\x00\x00\x85\xff\x53\x4d\x42", 8),
      "EHLO localhost\r\n\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get("/"),
      std::string("\x03\x00\x00\x13\x0e\xe0\x00\x00", 8)};
  HandSocket socket(session.options());
  socket.send(session.chance(30) ? session.bytes(session.between(1, 5'000))
                                 : session.pick(openings));
  // What has no end of a line may be half a request.
  socket.setPatience(session.stay());
  const Outcome outcome = httpOutcome(socket);
  return outcome == kSilence ? kLeft : outcome;
}

Outcome pipelined(Session &session) {
  HandSocket socket(session.options());
  const unsigned count = session.between(50, 500);
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += get(pathOf(session));
  socket.send(text);
  const unsigned wanted = session.chance(50) ? 0 : session.between(1, 20);
  Outcome outcome = kLeft;
  for (unsigned i = 0; i < wanted && outcome != kCut && outcome != kSilence; ++i)
    outcome = httpOutcome(socket);
  if (session.chance(50)) socket.reset();
  return outcome;
}

/// A body that never ends, with chunks or with a length that is a lie.
Outcome endlessBody(Session &session) {
  HandSocket socket(session.options());
  const bool chunked = session.chance(50);
  socket.send(
      "POST " + pathOf(session) + " HTTP/1.1\r\n" + kHost +
      (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 99999999999\r\n\r\n"));
  const std::string piece =
      chunked ? "4000\r\n" + std::string(0x4000, 'b') + "\r\n" : std::string(0x4000, 'b');
  for (unsigned i = session.between(1, 500); i > 0; --i)
    if (!socket.send(piece)) break;
  socket.setPatience(session.stay());
  const Outcome outcome = httpOutcome(socket);
  return outcome == kSilence ? kLeft : outcome;
}

constexpr Kind kKinds[] = {
    {"http-odd-method", 20, request<oddMethod>},
    {"http-odd-target", 30, request<oddTarget>, true},
    {"http-odd-version", 10, request<oddVersion>, true},
    {"http-long-header", 15, request<longHeader>, true},
    {"http-many-headers", 10, request<manyHeaders>, true},
    {"http-expect-continue", 10, request<expectContinue>, true},
    {"http-bad-host", 15, request<badHost>, true},
    {"http-content-length", 20, request<contentLength>},
    {"http-wrong-upgrade", 20, request<wrongUpgrade>, true},
    {"http-broken-lines", 15, request<brokenLines>},
    {"http-foreign-protocol", 15, foreignProtocol},
    {"http-pipelined", 15, pipelined},
    {"http-endless-body", 10, endlessBody},
};

}  // namespace

std::span<const Kind> httpKinds() { return kKinds; }

}  // namespace gws::hostile
