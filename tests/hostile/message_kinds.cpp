// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages that are no JSON, come in the wrong order, or by the thousand.
#include <array>

#include "mutate.h"

namespace gws::hostile {

namespace {

constexpr const char *kHostCandidate = "candidate:1 1 UDP 2122194687 127.0.0.1 9 typ host";

std::string candidateJson(unsigned line, const std::string &candidate) {
  const std::string number = std::to_string(line);
  return R"({"type":"candidate","stream_id":"local1","label":)" + number + R"(,"id":")" + number +
         R"(","candidate":{"sdpMLineIndex":)" + number + R"(,"candidate":)" + jsonText(candidate) +
         "}}";
}

std::string bareCandidateJson(const std::string &candidate) {
  return R"({"type":"candidate","candidate":)" + jsonText(candidate) + "}";
}

/// Messages, and then the server's word.
Outcome sendMessages(Session &session, const std::vector<std::string> &messages) {
  std::string bytes;
  for (const std::string &message : messages)
    bytes += textFrame(message);
  return onSocket(session, [&bytes](HandSocket &socket) {
    socket.send(bytes);
    return closeOutcome(socket);
  });
}

/// Messages that may all be legal; the attacker goes when he likes.
Outcome sayMessages(Session &session, const std::vector<std::string> &messages) {
  std::string bytes;
  for (const std::string &message : messages)
    bytes += textFrame(message);
  return onSocket(session, [&](HandSocket &socket) {
    socket.send(bytes);
    return leaveOutcome(session, socket);
  });
}

Outcome junk(Session &session) {
  std::vector<std::string> messages;
  for (unsigned i = session.between(1, 5); i > 0; --i)
    messages.push_back(spoilJson(session, session.pick(session.target().messages)));
  return sayMessages(session, messages);
}

Outcome oddTypes(Session &session) {
  static const std::vector<std::string> messages = {
      "",
      "null",
      "[]",
      "\"offer\"",
      "{}",
      R"({"type":1})",
      R"({"type":null})",
      R"({"type":["offer"]})",
      R"({"type":"offer"})",
      R"({"type":"offer","sdp":null})",
      R"({"type":"offer","sdp":{"a":1}})",
      R"({"type":"offer","sdp":""})",
      R"({"type":"offer","sdp":"v=0"})",
      R"({"type":"candidate","candidate":[]})",
      R"({"type":"candidate","candidate":{"candidate":5}})",
      R"({"type":"candidate","label":-1,"candidate":{"candidate":"x","sdpMLineIndex":1e99}})"};
  return sendMessages(session, {session.pick(messages)});
}

Outcome candidatesAlone(Session &session) {
  std::vector<std::string> messages;
  for (unsigned i = session.between(1, 60); i > 0; --i)
    messages.push_back(candidateJson(session.upTo(3), kHostCandidate));
  return sayMessages(session, messages);
}

Outcome candidateFlood(Session &session) {
  const bool offer = session.chance(30);
  std::vector<std::string> messages;
  if (offer) messages.push_back(rawOffer(session.offer()));
  for (unsigned i = session.between(300, 2'000); i > 0; --i)
    messages.push_back(candidateJson(0, kHostCandidate));
  return sendMessages(session, messages);
}

Outcome oddCandidates(Session &session) {
  std::vector<std::string> messages{rawOffer(session.offer())};
  for (unsigned i = session.between(1, 100); i > 0; --i)
    messages.push_back(session.chance(80) ? candidateJson(session.upTo(20), oddCandidate(session))
                                          : bareCandidateJson(oddCandidate(session)));
  if (session.chance(20)) std::swap(messages.front(), messages.back());
  return sayMessages(session, messages);
}

Outcome twoOffers(Session &session) {
  std::vector<std::string> messages;
  for (unsigned i = session.between(2, 8); i > 0; --i)
    messages.push_back(rawOffer(session.offer()));
  return sayMessages(session, messages);
}

Outcome answerFromClient(Session &session) {
  const std::string answer =
      R"({"type":"answer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"})";
  if (session.chance(50)) return sayMessages(session, {answer});
  return sayMessages(session, {answer, rawOffer(session.offer()), answer});
}

Outcome offerAfterClose(Session &session) {
  const std::string offer = textFrame(rawOffer(session.offer()));
  const std::string close = clientFrame(Opcode::Close, true, "\x03\xe8");
  return onSocket(session, [&](HandSocket &socket) {
    socket.send((session.chance(50) ? offer : "") + close + offer);
    return closeOutcome(socket);
  });
}

Outcome unknownTypes(Session &session) {
  return sendMessages(session, std::vector<std::string>(session.between(300, 3'000),
                                                        R"({"type":"statistics","x":[1,2]})"));
}

constexpr Kind kKinds[] = {
    {"msg-junk", 40, junk},
    {"msg-odd-types", 20, oddTypes, true},
    {"msg-candidates-alone", 20, candidatesAlone},
    {"msg-candidate-flood", 15, candidateFlood, true},
    {"msg-odd-candidates", 30, oddCandidates},
    {"msg-two-offers", 20, twoOffers},
    {"msg-answer-from-client", 15, answerFromClient},
    {"msg-offer-after-close", 15, offerAfterClose, true},
    {"msg-unknown-types", 10, unknownTypes, true},
};

}  // namespace

std::span<const Kind> messageKinds() { return kKinds; }

}  // namespace gws::hostile
