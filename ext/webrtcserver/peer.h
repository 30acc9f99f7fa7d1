// SPDX-License-Identifier: LGPL-2.1-or-later
// One signalling client's state machine: input and time in, actions out.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "offer.h"
#include "protocol.h"
#include "rate_limit.h"

namespace gws {

/// Monotonic time since any fixed moment.
using PeerTime = std::chrono::milliseconds;

struct PeerLimits {
  OfferLimits offer;
  std::size_t messageBytes = 256 * 1024;
  std::size_t candidates = 64;                     ///< remote ones accepted for one offer
  PeerTime negotiationTimeout = PeerTime(10'000);  ///< connect to offer, and offer to connected
};

/// Why a publication ended.
enum class EndCause {
  Goodbye,   ///< the publisher said so: close frame with 1000 or without a code
  Lost,      ///< it went away without a goodbye
  Refused,   ///< we closed it: the text says why
  Replaced,  ///< we closed it, since another one feeds its pads
};

struct StartPublication {
  Offer offer;
};
struct AddCandidate {
  std::string candidate;  ///< usable: isUsableCandidate() said so
};
struct SendAnswer {
  std::string sdp;
};
/// A candidate of ours.
struct SendCandidate {
  std::string candidate, mid;
  unsigned lineIndex = 0;
};
struct CloseSocket {
  CloseCode code;
  std::string reason;
};
struct EndPublication {
  EndCause cause;
  std::string reason;
};
/// A remote peer's harmless oddity, for the log.
struct LogNote {
  std::string text;
};
using PeerAction = std::variant<StartPublication, AddCandidate, SendAnswer, SendCandidate,
                                CloseSocket, EndPublication, LogNote>;
using PeerActions = std::vector<PeerAction>;

/// Owner: the client's session, control thread. PURE: never blocks, has no clock; every input
/// gives the actions that follow from it, in their order. After CloseSocket, and after the socket
/// was closed, every input gives no action. A WHIP session is a client whose socket nobody sees:
/// its POST opens it with an offer, its DELETE closes it with 1000.
///
/// Candidates that come before the offer are kept and follow StartPublication, as do those inside
/// the offer. Local candidates that come before the answer are kept and follow it. A message that
/// cannot be understood closes the socket with 4400 and ends the publication if there is one.
///
/// An offer that follows an answer starts a publication anew, for an ICE restart or another choice
/// of tracks: what is said from then on is about the new one alone. Who calls keeps the old one
/// until the new one's media are there; EndPublication ends both.
class Peer {
 public:
  Peer(const PeerLimits &limits, PeerTime now);

  // From the client.
  [[nodiscard]] PeerActions onText(std::string_view text, PeerTime now);
  [[nodiscard]] PeerActions onOffer(std::string_view sdp, PeerTime now);
  [[nodiscard]] PeerActions onCandidate(const CandidateMessage &message);
  /// A restart of ICE without an offer (RFC 9725, section 4.3.3): candidates that come from now on
  /// belong to that fragment. False when restarts came too often; nothing has changed then.
  [[nodiscard]] bool onRestart(const std::string &ufrag, PeerTime now);
  [[nodiscard]] PeerActions onBinary();
  /// `code` is absent when there was no close frame at all; 1005 when it had no code.
  /// Media may go on after a socket that broke (no close frame): that ends nothing here unless the
  /// publication never connected.
  [[nodiscard]] PeerActions onSocketClosed(std::optional<unsigned> code);

  // From the publication.
  [[nodiscard]] PeerActions onAnswer(const std::string &sdp);
  [[nodiscard]] PeerActions onLocalCandidate(const std::string &candidate, const std::string &mid,
                                             unsigned lineIndex);
  [[nodiscard]] PeerActions onConnected();
  /// The publication could not start, or broke: the client is told; no EndPublication follows.
  [[nodiscard]] PeerActions onPublicationEnded(CloseCode code, const std::string &reason);

  /// Call now and then (every second is enough): negotiation time-outs.
  /// `obstacle`: why there is no media connection yet, if that is known.
  [[nodiscard]] PeerActions onTick(PeerTime now, const std::string &obstacle = {});

  bool publishing() const;  ///< StartPublication was given and neither side ended it
  bool finished() const;    ///< closed: no action will follow
  const std::string &remoteUfrag() const { return remoteUfrag_; }

 private:
  enum class State { AwaitingOffer, Negotiating, Connected, Closed };
  PeerActions fail(CloseCode code, const std::string &reason);
  void close();
  PeerActions onUnknown(const UnknownMessage &message);
  /// Usable and within the limit, and counted; else notes why not.
  bool isWelcome(const CandidateMessage &message, PeerActions &actions);
  /// For a welcome one, once the offer is there: the action, or the note that it is not the
  /// offer's.
  void addOrDrop(const CandidateMessage &message, PeerActions &actions) const;

  PeerLimits limits_;
  State state_ = State::AwaitingOffer;
  bool socketOpen_ = true;
  bool answered_ = false;
  PeerTime deadline_;
  RateLimit offers_;  ///< each costs a publication's elements
  std::string remoteUfrag_;
  std::size_t candidateMessages_ = 0;  ///< all that came, against a flood
  std::size_t candidateCount_ = 0;     ///< welcome ones, those inside the offer included
  std::size_t unknownMessages_ = 0;
  std::vector<CandidateMessage> earlyCandidates_;
  std::vector<SendCandidate> earlyLocal_;  ///< waiting for the answer
};

}  // namespace gws
