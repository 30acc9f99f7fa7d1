// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP sessions of one's own: what their client, and others, should not do to them.
#include <array>
#include <memory>

#include "mutate.h"
#include "plan.h"
#include "whip.h"

namespace gws::hostile {

namespace {

using Strings = std::vector<std::string>;
using Act = Outcome (*)(Session &, Ingest &);

/// A good offer, what follows, and the end of it.
template <Act act>
Outcome onIngest(Session &session) {
  Ingest ingest = post(session, session.offer());
  if (!ingest.made()) return ingest.answer.outcome;
  const Outcome outcome = act(session, ingest);
  leaveIngest(session, ingest);
  return outcome;
}

HttpAnswer tell(Session &session, const Request &request) {
  return ask(session.options(), request);
}

std::vector<std::unique_ptr<HandSocket>> sendAll(Session &session,
                                                 const std::vector<Request> &requests) {
  std::vector<std::unique_ptr<HandSocket>> sockets;
  for (const Request &request : requests) {
    sockets.push_back(std::make_unique<HandSocket>(session.options()));
    sockets.back()->send(textOf(request));
  }
  return sockets;
}

/// On a connection each, at the same time; the worst that came.
Outcome tellAll(Session &session, const std::vector<Request> &requests) {
  Outcome last;
  for (const auto &socket : sendAll(session, requests)) {
    last = readAnswer(*socket).outcome;
    if (last == kSilence || last.starts_with(kWrong)) break;
  }
  return last;
}

Outcome unlessGood(const HttpAnswer &answer, const std::string &what) {
  return answer.good() ? kWrong + what : answer.outcome;
}

std::string candidateFragment(Session &session, const Ingest &ingest, unsigned count) {
  std::string text = "a=ice-ufrag:" + attributeOf(ingest.offer, "ice-ufrag") +
                     "\r\na=ice-pwd:" + attributeOf(ingest.offer, "ice-pwd") +
                     "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
  if (session.chance(20)) text.clear();
  for (unsigned i = 0; i < count; ++i)
    text += "a=" + oddCandidate(session) + "\r\n";
  return text;
}

/// Twice, several times at once, and what comes too late.
Outcome deletes(Session &session, Ingest &ingest) {
  if (session.chance(30))
    return tellAll(session, std::vector<Request>(session.between(2, 6), deleteOf(ingest)));
  Request request = deleteOf(ingest);
  if (session.chance(30)) request.fields = "If-Match: \"wrong\"\r\n";
  if (session.chance(30)) request.body = session.bytes(session.between(1, 3'000));
  const HttpAnswer first = tell(session, request);
  if (first.status != 200) return first.outcome;
  const std::array<Request, 4> late{
      deleteOf(ingest), patchOf(ingest, restartFragment(session)),
      Request{.method = "GET", .target = ingest.path},
      Request{.method = "PUT", .target = ingest.statisticsPath(), .body = "{}"}};
  return unlessGood(tell(session, session.pick(late)), "a session that is over answers");
}

Outcome garbagePatch(Session &session, Ingest &ingest) {
  HttpAnswer answer;
  for (unsigned i = session.between(1, 5); i > 0; --i) {
    std::string fragment = session.pick(session.target().fragments);
    if (session.chance(70)) fragment = spoilSdp(session, fragment);
    if (session.chance(10)) fragment = session.bytes(session.upTo(5'000));
    if (session.chance(10)) fragment = spoilSdp(session, session.offer());
    answer = tell(session, patchOf(ingest, fragment));
  }
  return answer.outcome;
}

/// In one fragment, or in many.
Outcome manyCandidates(Session &session, Ingest &ingest) {
  if (session.chance(50))
    return tell(session,
                patchOf(ingest, candidateFragment(session, ingest, session.between(100, 1'200))))
        .outcome;
  HttpAnswer answer;
  for (unsigned i = session.between(5, 40); i > 0; --i) {
    answer = tell(session, patchOf(ingest, candidateFragment(session, ingest, session.upTo(30))));
    if (!answer.good()) break;
  }
  return answer.outcome;
}

Outcome hugePatch(Session &session, Ingest &ingest) {
  std::string fragment = candidateFragment(session, ingest, 1);
  const unsigned size = session.pick(std::array{131'073u, 200'000u, 1'000'000u, 2'200'000u});
  const std::string line =
      session.pick(Strings{"m=audio 9 X 0\r\n", "a=x\r\n", "\r\n", "a=candidate:"});
  while (fragment.size() < size)
    fragment += line;
  return unlessGood(tell(session, patchOf(ingest, fragment)), "too large a fragment is taken");
}

/// Again and again. Without media each is refused; what is answered is gone on with.
Outcome restarts(Session &session, Ingest &ingest) {
  HttpAnswer answer;
  for (unsigned i = session.between(1, 20); i > 0; --i) {
    const Strings matches = {ingest.etag, ingest.etag, "*", "\"*\""};
    const Request request = patchOf(ingest, restartFragment(session), session.pick(matches));
    if (session.chance(10)) {
      // Nobody waits for this one.
      HandSocket socket(session.options());
      socket.send(textOf(request));
      g_usleep(session.upTo(30) * 1000);
      if (session.chance(50)) socket.reset();
      continue;
    }
    answer = tell(session, request);
    if (answer.good() && !ingest.live) return kWrong + "ICE without media was restarted";
    if (answer.status == 200) ingest.etag = answer.field("ETag");
  }
  return answer.outcome;
}

Outcome wrongEtags(Session &session, Ingest &ingest) {
  const Strings fields = {"",
                          "If-Match:\r\n",
                          "If-Match: \"\"\r\n",
                          "If-Match: \"0123456789abcdef0123456789abcdef\"\r\n",
                          "If-Match: W/" + ingest.etag + "\r\n",
                          "If-Match: " + ingest.etag.substr(1) + "\r\n",
                          "If-Match: " + ingest.etag + " x\r\n",
                          "If-Match: **\r\n",
                          "If-Match: \xff\xfe\r\n",
                          "If-Match: " + std::string(60'000, '"') + "\r\n"};
  Request request = patchOf(ingest, restartFragment(session));
  request.fields = "Content-Type: application/trickle-ice-sdpfrag\r\n" + session.pick(fields);
  return unlessGood(tell(session, request), "a wrong entity-tag is taken");
}

Request anyRequest(Session &session, const Ingest &ingest) {
  switch (session.upTo(5)) {
    case 0:
      return patchOf(ingest, candidateFragment(session, ingest, session.upTo(20)));
    case 1:
    case 2:
      return patchOf(ingest, restartFragment(session), session.chance(50) ? "*" : ingest.etag);
    case 3:
      return {.method = "PUT", .target = ingest.statisticsPath(), .body = "{\"a\":1}"};
    case 4:
      return {.method = session.pick(Strings{"GET", "OPTIONS"}), .target = ingest.path};
    default:
      return session.chance(20) ? deleteOf(ingest)
                                : patchOf(ingest, session.pick(session.target().fragments));
  }
}

/// At the same time, on a connection each or on one.
Outcome overlapping(Session &session, Ingest &ingest) {
  std::vector<Request> requests;
  for (unsigned i = session.between(2, 12); i > 0; --i)
    requests.push_back(anyRequest(session, ingest));
  if (session.chance(70)) return tellAll(session, requests);
  std::string text;
  for (const Request &request : requests)
    text += textOf(request);
  HandSocket socket(session.options());
  socket.send(text);
  return readAnswer(socket).outcome;
}

std::string oddStatistics(Session &session) {
  const std::string deep(session.between(10, 30'000), session.chance(50) ? '[' : '{');
  const Strings texts = {"{}",
                         "",
                         "null",
                         "[]",
                         "{\"a\":1}{\"b\":2}",
                         "{\"a\":1e999999,\"a\":-0,\"\":\"\\u0000\\ud800\"}",
                         "{\"a\":" + deep,
                         deep,
                         "{\"a\":\"" + std::string(session.between(1'000, 300'000), 'x') + "\"}",
                         "{\"a\":\"\xff\xfe\"}",
                         spoilJson(session, session.pick(session.target().messages)),
                         session.bytes(session.upTo(3'000))};
  return session.pick(texts);
}

Outcome statistics(Session &session, Ingest &ingest) {
  HttpAnswer answer;
  for (unsigned i = session.between(1, 8); i > 0; --i)
    answer = tell(session, {.method = "PUT",
                            .target = ingest.statisticsPath(),
                            .fields = "Content-Type: application/json\r\n",
                            .body = oddStatistics(session)});
  return answer.outcome;
}

/// The session's id is good, the stream is another.
Outcome foreignStream(Session &session, Ingest &ingest) {
  Ingest other = ingest;
  other.stream = ingest.stream == kSecondStream ? kGoodStream : kSecondStream;
  other.path = endpointOf(other.stream) + "/" + ingest.id;
  const std::array<Request, 4> requests{
      deleteOf(other), patchOf(other, restartFragment(session), "*"),
      Request{.method = "GET", .target = other.path},
      Request{.method = "PUT", .target = other.statisticsPath(), .body = "{}"}};
  return unlessGood(tell(session, session.pick(requests)), "a session answers at another stream");
}

/// A PATCH or PUT whose body never comes, whole or at all.
Outcome halfPatch(Session &session, Ingest &ingest) {
  HandSocket socket(session.options());
  const bool patch = session.chance(70);
  const std::string text =
      textOf(patch ? patchOf(ingest, session.pick(session.target().fragments) + " ")
                   : Request{.method = "PUT", .target = ingest.statisticsPath(), .body = "{}"});
  const auto size = static_cast<unsigned>(text.size());
  socket.send(text.substr(0, session.between(1, size - 1)));
  if (session.chance(50)) tell(session, deleteOf(ingest));
  if (session.chance(30)) {
    session.chance(50) ? socket.finish() : socket.reset();
    return kLeft;
  }
  socket.setPatience(session.stay());
  const HttpAnswer answer = readAnswer(socket);
  return answer.outcome == kSilence ? kLeft : answer.outcome;
}

/// The body of a PATCH comes when its session is gone.
Outcome latePatch(Session &session, Ingest &ingest) {
  HandSocket socket(session.options());
  const std::string text = textOf(patchOf(ingest, restartFragment(session)));
  const auto body = text.find("\r\n\r\n") + 4;
  socket.send(text.substr(0, body));
  tell(session, deleteOf(ingest));
  socket.send(text.substr(body));
  return unlessGood(readAnswer(socket), "a session that is over answers");
}

constexpr Kind kKinds[] = {
    {"whip-deletes", 20, onIngest<deletes>, true},
    {"whip-garbage-patch", 30, onIngest<garbagePatch>, true},
    {"whip-many-candidates", 15, onIngest<manyCandidates>, true},
    {"whip-huge-patch", 10, onIngest<hugePatch>, true},
    {"whip-restarts", 15, onIngest<restarts>, true},
    {"whip-wrong-etags", 15, onIngest<wrongEtags>, true},
    {"whip-overlapping", 20, onIngest<overlapping>, true},
    {"whip-statistics", 15, onIngest<statistics>, true},
    {"whip-foreign-stream", 10, onIngest<foreignStream>, true},
    {"whip-half-patch", 15, onIngest<halfPatch>},
    {"whip-late-patch", 10, onIngest<latePatch>, true},
};

}  // namespace

std::span<const Kind> ingestKinds() { return kKinds; }

Outcome restartIngest(Session &session, Ingest ingest) { return restarts(session, ingest); }

Outcome attackIngest(Session &session, Ingest ingest) {
  static constexpr Act acts[] = {deletes,    garbagePatch,  manyCandidates, hugePatch,
                                 restarts,   restarts,      wrongEtags,     overlapping,
                                 statistics, foreignStream, halfPatch,      latePatch};
  return session.pick(acts)(session, ingest);
}

}  // namespace gws::hostile
