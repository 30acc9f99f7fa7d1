// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON messages of the WebSocket protocol: text to values and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "gst/common/result.h"

namespace gws {

/// WebSocket close codes of the protocol (docs/protocol.md).
enum class CloseCode : std::uint16_t {
  Normal = 1000,
  GoingAway = 1001,
  ServerError = 1011,
  BadMessage = 4400,
  NotAllowed = 4403,
  NoCommonCodec = 4406,
  TooSlow = 4408,
  StreamTaken = 4409,
  TooLarge = 4413,
  TryAgainLater = 4503,
};

struct OfferMessage {
  std::string sdp;
};

/// A remote candidate; an empty `candidate` is the end of candidates.
struct CandidateMessage {
  std::string candidate;
  std::optional<std::string> mid;     ///< sdpMid, or `id`
  std::optional<unsigned> lineIndex;  ///< sdpMLineIndex, or `label`
  std::optional<std::string> ufrag;   ///< usernameFragment
};

/// A message of a type that we do not know; ignored.
struct UnknownMessage {
  std::string type;  ///< at most 64 bytes of it, printable
};

using ClientMessage = std::variant<OfferMessage, CandidateMessage, UnknownMessage>;

/// Reads one text frame. Errors have code 4400 (not JSON, not an object, no `type`, a field of the
/// wrong type) and name the field and what was expected.
Result<ClientMessage> parseClientMessage(std::string_view text);

std::string answerMessage(std::string_view sdp);
/// `candidate` begins with "candidate:".
std::string candidateMessage(std::string_view candidate, std::string_view mid, unsigned lineIndex);

/// A close frame's reason: valid UTF-8, at most 123 bytes (RFC 6455, section 5.5), cut with "…".
std::string closeReason(std::string_view sentence);

}  // namespace gws
