// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP session (RFC 9725): what its client's HTTP requests are answered with.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "channel.h"

namespace gws {

/// What a request gets.
struct WhipReply {
  unsigned status = 0;       ///< of HTTP
  std::string text = {};     ///< an SDP answer, an SDP fragment, or one sentence
  std::string etag = {};     ///< empty: none
  std::string session = {};  ///< its id, with 201
};

/// The HTTP status that says the same.
unsigned httpStatusOf(CloseCode code);

/// Owned by its client, control thread. One request at a time waits for what the session says: the
/// POST for the answer, a PATCH for the restart of ICE. PATCHes that come meanwhile queue.
class WhipSession final : public Channel {
 public:
  using Answer = std::function<void(const WhipReply &)>;

  WhipSession();

  /// What is behind `/STREAM/whip/`: whoever knows it may end the session. 128 random bits.
  const std::string &id() const { return id_; }
  /// Of the ICE session (RFC 9725, section 4.3.1), with its quotation marks.
  const std::string &etag() const { return etag_; }

  bool waits() const { return answer_ != nullptr; }
  /// `answer` is called once: with what the session says next, or what reply() is given.
  void await(Answer answer) { answer_ = std::move(answer); }
  /// To who waits, if somebody does.
  void reply(const WhipReply &reply);
  /// Nobody waits any more.
  void forget() { answer_ = nullptr; }

  struct Patch {
    std::string ifMatch, fragment;
    Answer answer;
  };
  /// False: there are too many.
  [[nodiscard]] bool queue(Patch patch);
  /// The next one, once nobody waits.
  std::optional<Patch> next();

  const char *door() const override { return "whip"; }
  void sendAnswer(const std::string &sdp) override REQUIRES(control);
  /// They are in the answer.
  void sendCandidate(const std::string &, const std::string &, unsigned) override {}
  bool sendNotRestarted() override REQUIRES(control);
  void close(CloseCode code, const std::string &reason) override REQUIRES(control);

 private:
  const std::string id_;
  std::string etag_;
  bool answered_ = false;
  Answer answer_;
  std::deque<Patch> queue_;
};

}  // namespace gws
