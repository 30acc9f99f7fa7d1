// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP by hand (RFC 9725): requests as text, and the sessions that they make.
#include "whip.h"

#include <cstdlib>

namespace gws::hostile {

namespace {

constexpr std::size_t kLongestHead = 64 * 1024;

bool isFieldOf(const std::string &line, const std::string &name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         g_ascii_strncasecmp(line.c_str(), name.c_str(), name.size()) == 0;
}

std::string randomText(Session &session, unsigned size) {
  static const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
  std::string text;
  while (text.size() < size)
    text += session.pick(letters);
  return text;
}

/// Up to the empty line, which is included; shorter: no more came.
std::string readHead(HandSocket &socket) {
  std::string head;
  while (head.size() < kLongestHead && !head.ends_with("\r\n\r\n")) {
    const std::string byte = socket.read(1);
    if (byte.empty()) break;
    head += byte;
  }
  return head;
}

}  // namespace

std::string textOf(const Request &request) {
  std::string text =
      request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n" + request.fields;
  if (!request.body.empty())
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

std::string HttpAnswer::field(const std::string &name) const {
  Owned<char *, g_strfreev> lines(g_strsplit(head.c_str(), "\r\n", -1));
  for (char **line = lines.get(); *line; ++line)
    if (isFieldOf(*line, name)) return g_strstrip(*line + name.size() + 1);
  return {};
}

HttpAnswer readAnswer(HandSocket &socket, bool head) {
  HttpAnswer answer;
  do {
    answer.head = readHead(socket);
    answer.status = answer.head.starts_with("HTTP/1.") && answer.head.ends_with("\r\n\r\n")
                        ? std::atoi(answer.head.c_str() + 9)
                        : 0;
  } while (answer.status == 100);
  if (!answer.status) {
    answer.outcome = !socket.connected() ? "no connection" : socket.wasCut() ? kCut : kSilence;
    return answer;
  }
  // Nobody's request may be an internal error.
  answer.outcome = (answer.status == 500 ? kWrong : "") + "http " + std::to_string(answer.status);
  const std::string length = answer.field("Content-Length");
  if (!head) answer.body = socket.read(std::strtoul(length.c_str(), nullptr, 10));
  return answer;
}

HttpAnswer ask(const HandSocket::Options &options, const Request &request) {
  HandSocket socket(options);
  socket.send(textOf(request));
  return readAnswer(socket, request.method == "HEAD");
}

Request postOf(const std::string &stream, const std::string &offer) {
  return {.method = "POST",
          .target = endpointOf(stream),
          .fields = "Content-Type: application/sdp\r\n",
          .body = offer};
}

Ingest readIngest(const HttpAnswer &answer, const std::string &stream, const std::string &offer) {
  Ingest ingest{.answer = answer, .stream = stream, .offer = offer};
  if (answer.status != 201) return ingest;
  ingest.path = answer.field("Location");
  ingest.id = answer.field("X-Sid");
  ingest.etag = answer.field("ETag");
  ingest.reply = replyOf(answer.body);
  const bool named = ingest.path == endpointOf(stream) + "/" + ingest.id && !ingest.etag.empty();
  if (!named || ingest.reply.ports.empty())
    ingest.answer.outcome = kWrong + "a 201 that lacks " + (named ? "candidates" : "its headers");
  return ingest;
}

Ingest post(Session &session, const std::string &offer) {
  return readIngest(ask(session.options(), postOf(session.stream(), offer)), session.stream(),
                    offer);
}

Request deleteOf(const Ingest &ingest) { return {.method = "DELETE", .target = ingest.path}; }

Request patchOf(const Ingest &ingest, const std::string &fragment) {
  return patchOf(ingest, fragment, ingest.etag);
}

Request patchOf(const Ingest &ingest, const std::string &fragment, const std::string &ifMatch) {
  return {
      .method = "PATCH",
      .target = ingest.path,
      .fields = "Content-Type: application/trickle-ice-sdpfrag\r\nIf-Match: " + ifMatch + "\r\n",
      .body = fragment};
}

std::string restartFragment(Session &session) {
  return "a=ice-ufrag:" + randomText(session, 8) + "\r\na=ice-pwd:" + randomText(session, 24) +
         "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
         (session.chance(50) ? "a=candidate:1 1 UDP 2122194687 127.0.0.1 9 typ host\r\n" : "") +
         "a=end-of-candidates\r\n";
}

void leaveIngest(Session &session, const Ingest &ingest) {
  if (ingest.made() && session.chance(60)) ask(session.options(), deleteOf(ingest));
}

}  // namespace gws::hostile
