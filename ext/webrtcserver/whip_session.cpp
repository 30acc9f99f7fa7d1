// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP session (RFC 9725): what its client's HTTP requests are answered with.
#include "whip_session.h"

#include <glib.h>
#include <sys/random.h>

#include <array>
#include <utility>

#include "whip_fragment.h"

namespace gws {

/// From the kernel, since GLib's random numbers can be foretold.
static std::string randomHex() {
  std::array<unsigned char, 16> bytes;
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  std::string text;
  for (const unsigned char byte : bytes)
    for (const int digit : {byte >> 4, byte & 15})
      text += "0123456789abcdef"[digit];
  return text;
}

static std::string newEtag() { return '"' + randomHex() + '"'; }

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

WhipSession::WhipSession() : id_(randomHex()), etag_(newEtag()) {}

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
