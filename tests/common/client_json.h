// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON of the publishing protocol as a client writes and reads it.
#pragma once

#include <string>

namespace gws::test {

std::string offerJson(const std::string &sdp);
/// With the fields of today's clients; the mid is the m-line's index in decimal.
std::string candidateJson(unsigned line, const std::string &candidate);
/// With the bare string, as older clients send it.
std::string bareCandidateJson(unsigned line, const std::string &candidate);

struct ServerMessage {
  enum class Type { Answer, Candidate, Unknown, Broken };
  Type type = Type::Broken;
  std::string text;   ///< the SDP, or the candidate
  unsigned line = 0;  ///< the candidate's sdpMLineIndex
  std::string mid;    ///< the candidate's sdpMid
};
ServerMessage parseServerMessage(const std::string &text);

}  // namespace gws::test
