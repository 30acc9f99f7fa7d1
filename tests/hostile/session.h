// SPDX-License-Identifier: LGPL-2.1-or-later
// One bad session: where it attacks, its random numbers, and the words for how it ended.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/common/hand_socket.h"

namespace gws::hostile {

using test::clientFrame;
using test::HandSocket;
using test::Opcode;
using test::Timeout;

/// The server answers everything that is complete; a session that waits for longer has found a
/// fault.
inline constexpr Timeout kPatience{25'000};

struct IpPort {
  std::string address;
  unsigned port = 0;
};

/// What all sessions have in common.
struct Target {
  unsigned port = 0;
  bool ownAgent = false;               ///< ice-agent=single-port: what it promises is judged
  std::vector<unsigned> goodPorts;     ///< UDP, to which the good publisher sends
  std::vector<unsigned> tcpPorts;      ///< for ICE
  std::vector<IpPort> goodPaths;       ///< from one of which it sends
  std::string goodUser;                ///< USERNAME of its checks
  std::vector<std::string> offers;     ///< of browsers, and odd ones
  std::vector<std::string> messages;   ///< JSON, good and bad
  std::vector<std::string> fragments;  ///< of SDP, good and bad
  bool hasty = false;                  ///< nobody stays for long; for a short run
};

/// Owner: the thread that runs it. The same seed and number give the same decisions.
class Session {
 public:
  Session(const Target &target, std::uint64_t seed, unsigned number);

  const Target &target() const { return target_; }
  std::mt19937 &random() { return random_; }
  unsigned upTo(unsigned most) { return between(0, most); }
  unsigned between(unsigned least, unsigned most) {
    return std::uniform_int_distribution<unsigned>(least, most)(random_);
  }
  bool chance(unsigned percent) { return upTo(99) < percent; }
  template <typename Choices>
  const auto &pick(const Choices &choices) {
    return choices[upTo(static_cast<unsigned>(std::size(choices)) - 1)];
  }
  std::string bytes(std::size_t count);

  /// An address of this machine; a part of all sessions share one.
  const std::string &source() const { return source_; }
  /// One of the server's streams, or one that it does not have.
  const std::string &stream() const { return stream_; }
  /// The path of the stream's WebSocket.
  std::string socketPath() const { return "/" + stream_ + "/webrtc/publish"; }
  /// Text of an offer of a browser.
  const std::string &offer() { return pick(target_.offers); }
  /// How long somebody stays who does nothing: most of them hardly at all.
  Timeout stay();

  HandSocket::Options options(Timeout patience = kPatience) const {
    return {.port = target_.port, .source = source_, .patience = patience};
  }

 private:
  const Target &target_;
  std::mt19937 random_;
  std::string source_, stream_;
};

/// One of this machine's that is nobody else's.
std::string strangeAddress(Session &session);

/// How a session ended: "http 404", "close 4400", "cut", "left" (the attacker went first),
/// "silence" (the attacker waited in vain); what begins with kWrong is a fault of the server.
using Outcome = std::string;

inline const Outcome kLeft = "left", kSilence = "silence", kCut = "cut", kWrong = "wrong: ";

struct Kind {
  const char *name;
  unsigned weight;
  Outcome (*run)(Session &);
  bool answered = false;  ///< silence is a fault of the server
  bool heavy = false;     ///< has a webrtcbin of its own: a few at a time
};

std::span<const Kind> httpKinds();
std::span<const Kind> slowKinds();
std::span<const Kind> frameKinds();
std::span<const Kind> messageKinds();
std::span<const Kind> offerKinds();
std::span<const Kind> iceKinds();
std::span<const Kind> portKinds();
std::span<const Kind> floodKinds();
std::span<const Kind> tcpKinds();
std::span<const Kind> mediaKinds();
std::span<const Kind> whipKinds();
std::span<const Kind> ingestKinds();

/// What comes after a request.
Outcome httpOutcome(HandSocket &socket);
/// What comes after something that a WebSocket must not do.
Outcome closeOutcome(HandSocket &socket);
/// Stays for a while and reads nothing but an end.
Outcome leaveOutcome(Session &session, HandSocket &socket);
/// Upgrades and goes on with `act`; or how the upgrade failed.
Outcome onSocket(Session &session, const std::function<Outcome(HandSocket &)> &act);
/// A message as a text frame.
std::string textFrame(std::string_view text);
/// A string of JSON, with every byte as it is where JSON allows it.
std::string jsonText(std::string_view text);
std::string rawOffer(std::string_view sdp);

}  // namespace gws::hostile
