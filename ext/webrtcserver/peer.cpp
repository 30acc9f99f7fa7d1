// SPDX-License-Identifier: LGPL-2.1-or-later
// One signalling client's state machine: input and time in, actions out.
#include "peer.h"

#include "text.h"

namespace gws {

namespace {

constexpr std::size_t kMaxUnknownMessages = 256;
/// Candidate messages taken in all, used or not, as a multiple of PeerLimits::candidates.
constexpr std::size_t kCandidateFlood = 4;
constexpr double kOffersAtOnce = 8, kOffersPerSecond = 0.5;
constexpr std::size_t kQuotedBytes = 128;

std::string seconds(PeerTime time) {
  if (time.count() % 1000 != 0) return std::to_string(time.count()) + " ms";
  return std::to_string(time.count() / 1000) + " s";
}

/// What a candidate begins with, to its type (RFC 8839, section 5.1), in quotes. Behind that, and
/// in a text that is no candidate, there may be a password.
std::string described(std::string_view candidate) {
  constexpr int kWords = 8;
  if (!candidate.starts_with("candidate:")) return "not a candidate";
  std::size_t end = 0;
  for (int word = 0; word < kWords && end != candidate.npos; ++word)
    end = candidate.find(' ', word == 0 ? 0 : end + 1);
  return inQuotes(candidate.substr(0, end), kQuotedBytes);
}

}  // namespace

Peer::Peer(const PeerLimits &limits, PeerTime now)
    : limits_(limits),
      deadline_(now + limits.negotiationTimeout),
      offers_(kOffersPerSecond, kOffersAtOnce, now) {}

PeerActions Peer::onText(std::string_view text, PeerTime now) {
  if (!socketOpen_) return {};
  if (text.size() > limits_.messageBytes)
    return fail(CloseCode::TooLarge, "a message of " + std::to_string(text.size()) +
                                         " bytes came, expected at most " +
                                         std::to_string(limits_.messageBytes));
  Result<ClientMessage> message = parseClientMessage(text);
  if (!message) return fail(static_cast<CloseCode>(message.error().code), message.error().detail);
  if (const auto *offer = std::get_if<OfferMessage>(&*message)) return onOffer(offer->sdp, now);
  if (const auto *candidate = std::get_if<CandidateMessage>(&*message))
    return onCandidate(*candidate);
  return onUnknown(*std::get_if<UnknownMessage>(&*message));
}

PeerActions Peer::onBinary() {
  if (!socketOpen_) return {};
  return fail(CloseCode::BadMessage, "a binary frame came, expected JSON text");
}

PeerActions Peer::onSocketClosed(std::optional<unsigned> code) {
  if (!socketOpen_) return {};
  socketOpen_ = false;
  // 1006 is never sent: it is some libraries' word for no close frame (RFC 6455, section 7.4.1).
  const bool broke = !code || *code == 1006;
  if (broke && state_ == State::Connected) return {};  // the media decides
  const bool wasPublishing = publishing();
  close();
  if (!wasPublishing) return {};
  if (broke) return {EndPublication{EndCause::Lost, "the socket broke before media was connected"}};
  if (*code == 1000 || *code == 1005)
    return {EndPublication{EndCause::Goodbye, "the publisher said goodbye"}};
  if (*code == 1001) return {EndPublication{EndCause::Lost, "the page was left"}};
  return {EndPublication{EndCause::Lost,
                         "the publisher closed its socket with code " + std::to_string(*code)}};
}

PeerActions Peer::onAnswer(const std::string &sdp) {
  if (!socketOpen_ || !publishing() || answered_) return {};
  answered_ = true;
  PeerActions actions{SendAnswer{sdp}};
  for (SendCandidate &candidate : earlyLocal_)
    actions.push_back(std::move(candidate));
  earlyLocal_.clear();
  return actions;
}

PeerActions Peer::onLocalCandidate(const std::string &candidate, const std::string &mid,
                                   unsigned lineIndex) {
  if (!socketOpen_ || !publishing()) return {};
  SendCandidate action{candidate, mid, lineIndex};
  if (answered_) return {std::move(action)};
  earlyLocal_.push_back(std::move(action));
  return {};
}

PeerActions Peer::onConnected() {
  if (state_ == State::Negotiating) state_ = State::Connected;
  return {};
}

PeerActions Peer::onPublicationEnded(CloseCode code, const std::string &reason) {
  const bool tell = socketOpen_;
  close();
  if (!tell) return {};
  return {CloseSocket{code, closeReason(reason)}};
}

PeerActions Peer::onTick(PeerTime now, const std::string &obstacle) {
  if (now < deadline_) return {};
  if (state_ == State::AwaitingOffer)
    return fail(CloseCode::TooSlow, "no offer within " + seconds(limits_.negotiationTimeout));
  if (state_ == State::Negotiating)
    return fail(CloseCode::TooSlow, "no media connection within " +
                                        seconds(limits_.negotiationTimeout) + " of the offer" +
                                        (obstacle.empty() ? "" : ": " + obstacle));
  return {};
}

bool Peer::publishing() const { return state_ == State::Negotiating || state_ == State::Connected; }

bool Peer::finished() const { return state_ == State::Closed; }

void Peer::close() {
  state_ = State::Closed;
  socketOpen_ = false;
  earlyCandidates_.clear();
  earlyLocal_.clear();
}

PeerActions Peer::fail(CloseCode code, const std::string &reason) {
  const bool wasPublishing = publishing();
  close();
  PeerActions actions{CloseSocket{code, closeReason(reason)}};
  if (wasPublishing) actions.push_back(EndPublication{EndCause::Refused, reason});
  return actions;
}

PeerActions Peer::onOffer(std::string_view sdp, PeerTime now) {
  if (!socketOpen_) return {};
  if (publishing() && !answered_)
    return fail(CloseCode::BadMessage, "an offer came before the last one was answered");
  if (!offers_.take(now))
    return fail(CloseCode::TryAgainLater,
                "offers came too often, expected one in two seconds in the long run");
  Result<Offer> offer = parseOffer(sdp, limits_.offer);
  if (!offer) return fail(static_cast<CloseCode>(offer.error().code), offer.error().detail);
  if (publishing()) candidateMessages_ = candidateCount_ = 0;
  state_ = State::Negotiating;
  answered_ = false;
  deadline_ = now + limits_.negotiationTimeout;
  remoteUfrag_ = offer->iceUfrag;
  const std::vector<std::string> inside = offer->candidates;

  PeerActions actions{StartPublication{std::move(*offer)}};
  for (const CandidateMessage &early : earlyCandidates_)
    addOrDrop(early, actions);
  earlyCandidates_.clear();
  for (const std::string &text : inside) {
    const CandidateMessage candidate{text, {}, {}, {}};
    if (isWelcome(candidate, actions)) addOrDrop(candidate, actions);
  }
  return actions;
}

bool Peer::onRestart(const std::string &ufrag, PeerTime now) {
  if (!offers_.take(now)) return false;
  candidateMessages_ = candidateCount_ = 0;
  answered_ = false;
  remoteUfrag_ = ufrag;
  return true;
}

PeerActions Peer::onCandidate(const CandidateMessage &message) {
  if (!socketOpen_) return {};
  const std::size_t most = limits_.candidates * kCandidateFlood;
  if (++candidateMessages_ > most)
    return fail(CloseCode::BadMessage,
                "more than " + std::to_string(most) + " candidate messages came");
  PeerActions actions;
  if (!isWelcome(message, actions)) return actions;
  if (state_ == State::AwaitingOffer)
    earlyCandidates_.push_back(message);
  else
    addOrDrop(message, actions);
  return actions;
}

PeerActions Peer::onUnknown(const UnknownMessage &message) {
  if (++unknownMessages_ > kMaxUnknownMessages)
    return fail(CloseCode::BadMessage, "more than " + std::to_string(kMaxUnknownMessages) +
                                           " messages of unknown types came");
  return {LogNote{"ignored a message of the unknown type " + inQuotes(message.type)}};
}

bool Peer::isWelcome(const CandidateMessage &message, PeerActions &actions) {
  if (message.candidate.empty()) return false;
  if (!isUsableCandidate(message.candidate)) {
    actions.push_back(
        LogNote{"dropped a candidate that is of no use here: " + described(message.candidate)});
    return false;
  }
  if (candidateCount_ >= limits_.candidates) {
    actions.push_back(
        LogNote{"dropped a candidate beyond the first " + std::to_string(limits_.candidates)});
    return false;
  }
  ++candidateCount_;
  return true;
}

void Peer::addOrDrop(const CandidateMessage &message, PeerActions &actions) const {
  // Without a fragment it belongs to the only ICE session there is.
  if (message.ufrag && !message.ufrag->empty() && *message.ufrag != remoteUfrag_)
    actions.push_back(LogNote{"dropped a candidate of another ICE session (usernameFragment): " +
                              described(message.candidate)});
  else
    actions.push_back(AddCandidate{message.candidate});
}

}  // namespace gws
