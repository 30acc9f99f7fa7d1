// SPDX-License-Identifier: LGPL-2.1-or-later
// An offer made by hand, and what the server says to it.
#include "dialogue.h"

#include <cstdlib>

#include "tests/common/client_json.h"

namespace gws::hostile {

namespace {

using test::ServerMessage;

/// The port of a host candidate on 127.0.0.1.
void noteCandidate(Reply &reply, const std::string &candidate) {
  const std::string address = " 127.0.0.1 ";
  const auto at = candidate.find(address);
  if (at == std::string::npos || candidate.find("typ host") == std::string::npos) return;
  const bool tcp = candidate.find(" tcptype ") != std::string::npos;
  const auto port =
      static_cast<unsigned>(std::strtoul(candidate.c_str() + at + address.size(), nullptr, 10));
  if (port) (tcp ? reply.tcpPorts : reply.ports).push_back(port);
}

void note(Reply &reply, const ServerMessage &message) {
  if (message.type == ServerMessage::Type::Answer) {
    reply = replyOf(message.text);
  } else if (message.type == ServerMessage::Type::Candidate) {
    noteCandidate(reply, message.text);
  }
}

}  // namespace

Reply replyOf(const std::string &sdp) {
  Reply reply{.outcome = "answered", .sdp = sdp, .credentials = credentialsOf(sdp)};
  const std::string key = "\na=candidate:";
  for (auto at = sdp.find(key); at != std::string::npos; at = sdp.find(key, at + 1))
    noteCandidate(reply, sdp.substr(at, sdp.find('\n', at + 1) - at));
  return reply;
}

Reply makeOffer(HandSocket &socket, std::string_view sdp, bool candidates) {
  Reply reply{.outcome = kSilence};
  socket.send(textFrame(rawOffer(sdp)));
  while (!reply.answered() || (candidates && reply.ports.empty())) {
    const auto frame = socket.readFrame();
    if (!frame) {
      if (!reply.answered()) reply.outcome = socket.wasCut() ? kCut : kSilence;
      return reply;
    }
    if (frame->opcode == static_cast<unsigned>(Opcode::Text)) {
      note(reply, test::parseServerMessage(frame->data));
    } else if (frame->opcode == static_cast<unsigned>(Opcode::Close)) {
      const std::string &data = frame->data;
      const int code = data.size() < 2 ? 1005
                                       : static_cast<unsigned char>(data[0]) << 8 |
                                             static_cast<unsigned char>(data[1]);
      return {.outcome = "close " + std::to_string(code)};
    }
  }
  return reply;
}

IceCredentials credentialsOf(const std::string &sdp) {
  return {attributeOf(sdp, "ice-ufrag"), attributeOf(sdp, "ice-pwd")};
}

void leaveSomehow(Session &session, HandSocket &socket) {
  static const std::vector<std::string> payloads = {"\x03\xe8", "\x03\xe9", "", "\x0f\xa0"};
  switch (session.upTo(2)) {
    case 0:
      socket.send(clientFrame(Opcode::Close, true, session.pick(payloads)));
      break;
    case 1:
      socket.reset();
      break;
    default:
      break;
  }
}

}  // namespace gws::hostile
