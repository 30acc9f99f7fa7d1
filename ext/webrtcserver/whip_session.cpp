// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP session (RFC 9725): what its client's HTTP requests are answered with.
#include "whip_session.h"

#include <utility>

#include "random.h"
#include "whip_fragment.h"

namespace gws {

static std::string newEtag() { return '"' + randomHex(16) + '"'; }

unsigned httpStatusOf(CloseCode code) {
  switch (code) {
    case CloseCode::BadMessage:
      return 400;
    case CloseCode::NotAllowed:
      return 403;
    case CloseCode::Normal:
      return 404;
    case CloseCode::TooSlow:
      return 408;
    case CloseCode::StreamTaken:
      return 409;
    case CloseCode::TooLarge:
      return 413;
    case CloseCode::NoCommonCodec:
      return 422;
    case CloseCode::GoingAway:
    case CloseCode::TryAgainLater:
      return 503;
    case CloseCode::ServerError:
      break;
  }
  return 500;
}

WhipSession::WhipSession() : id_(randomHex(16)), etag_(newEtag()) {}

void WhipSession::reply(const WhipReply &reply) {
  if (Answer answer = std::exchange(answer_, nullptr)) answer(reply);
}

bool WhipSession::queue(Patch patch) {
  constexpr std::size_t kMost = 8;
  if (queue_.size() >= kMost) return false;
  queue_.push_back(std::move(patch));
  return true;
}

std::optional<WhipSession::Patch> WhipSession::next() {
  if (answer_ || queue_.empty()) return std::nullopt;
  std::optional<Patch> patch = std::move(queue_.front());
  queue_.pop_front();
  return patch;
}

void WhipSession::sendAnswer(const std::string &sdp) {
  if (!std::exchange(answered_, true)) return reply({201, sdp, etag_, id_});
  etag_ = newEtag();
  reply({200, iceFragmentOf(sdp), etag_});
}

bool WhipSession::sendNotRestarted() {
  reply({422, "ICE cannot be restarted here; the session goes on as it was."});
  return true;
}

void WhipSession::close(CloseCode code, const std::string &reason) {
  reply({httpStatusOf(code), reason});
  for (const Patch &patch : std::exchange(queue_, {}))
    patch.answer({404, "The session has ended."});
}

}  // namespace gws
