// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packet of a shared port belongs to whom: a controlled ICE agent with host candidates
// alone, for many sessions (RFC 8445, RFC 6544, RFC 7983). PURE.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rate_limit.h"
#include "stun.h"

namespace gws {

/// Monotonic time since any fixed moment.
using IceTime = std::chrono::microseconds;

/// ICE credentials of one side (RFC 8839, section 5.4).
struct IceKeys {
  std::string ufrag, pwd;
};

/// Where packets come from. The same address over UDP and over a TCP connection is two ends.
struct IceEnd {
  StunAddress address;
  unsigned connection = 0;  ///< a TCP connection's number, 0: UDP
  auto operator<=>(const IceEnd &) const = default;
};

/// Two ends of a packet's way.
struct IcePath {
  StunAddress remote;
  StunAddress local;        ///< its port does not count
  unsigned connection = 0;  ///< as in IceEnd
  auto operator<=>(const IcePath &) const = default;

  IceEnd end() const { return {remote, connection}; }
};

/// What limits for each source count by: an IPv4 address, the /64 of an IPv6 address.
std::string iceSource(const StunAddress &address);

/// What goes back the way that a packet came: a response, and a check of our own.
struct IceReplies {
  std::array<StunBuffer, 2> buffers;
  std::size_t count = 0;
};

/// What a packet was.
struct IceOutcome {
  unsigned session = 0;    ///< whose it was, 0: nobody's
  bool deliver = false;    ///< it is DTLS, SRTP or SRTCP
  bool connected = false;  ///< its session has its first nominated pair now
  bool moved = false;      ///< what is sent to its session goes that packet's way from now on
};

}  // namespace gws

template <>
struct std::hash<gws::IceEnd> {
  std::size_t operator()(const gws::IceEnd &end) const noexcept {
    return std::hash<gws::StunAddress>()(end.address) ^ end.connection * 0x9e3779b97f4a7c15u;
  }
};

namespace gws {

/// Not thread-safe. An end counts for a session once a check from there had the session's keys.
/// Nothing but the answer to it and a check of our own is sent there before that one has been
/// answered, too: then it is proved, and no other session's unless that one proves it later. A
/// session has at most kMaxPaths ends: the one that was silent longest goes. Who does not have the
/// keys gets no answer and costs one HMAC, of which there is a limited number (HmacLimits), and no
/// other memory. No answer and no check is longer than the request.
class IceTable {
 public:
  static constexpr std::size_t kMaxPaths = 16;
  /// Nothing is sent to who was silent for so long (in the way of RFC 7675, section 5.1).
  static constexpr IceTime kConsent = std::chrono::seconds(30);
  /// Gives transactions that cannot be guessed.
  using Transactions = std::function<StunTransaction()>;

  explicit IceTable(Transactions transactions) : transactions_(std::move(transactions)) {}

  /// `session` is not 0 and not in use; its local ufrag is nobody else's.
  void add(unsigned session, const IceKeys &local);
  void setRemote(unsigned session, const IceKeys &remote);
  /// The old local keys are good until a pair of the new ones is nominated.
  void restart(unsigned session, const IceKeys &local, const IceKeys &remote);
  void remove(unsigned session);

  IceOutcome onPacket(const IcePath &path, std::span<const std::uint8_t> packet, IceTime now,
                      IceReplies &replies);
  /// The TCP connection is no more. Who used it goes on with another end that it has proved.
  void onClosed(const IcePath &path);
  /// Whether the end is some session's.
  bool knows(const IcePath &path) const { return byEnd_.contains(path.end()); }
  /// The pair that was nominated last, or that media came by since.
  std::optional<IcePath> pathOf(unsigned session, IceTime now) const;
  /// When the last packet came from an end of the session's; IceTime(0): none yet.
  IceTime heardOf(unsigned session) const;

 private:
  struct Path {
    IcePath ends;
    StunTransaction check{};  ///< the last check of ours
    std::string key;          ///< that its answer is made with; empty: none was made
    bool proved = false;      ///< it was answered
    bool nominated = false;   ///< the peer said USE-CANDIDATE, and it is not selected yet
    IceTime heard{};
  };
  /// How many checks from ends that are not known yet are looked at. Those from one source run out
  /// first, so that they are not at the cost of others; those of one session next, since sources
  /// can be forged, so that they are not at the cost of other sessions.
  struct HmacLimits {
    RateLimits bySource{20, 100, 256};
    RateLimit all{500, 500, RateTime(0)};
  };
  struct Session {
    IceKeys local, remote;
    std::optional<IceKeys> former;  ///< local ones before the restart
    std::vector<Path> paths;
    std::optional<IcePath> selected;
    HmacLimits limits;
    IceTime heard{};
    bool connected = false;
  };
  /// A packet, as it is handed on.
  struct Arrival {
    const IcePath &path;
    std::span<const std::uint8_t> packet;
    IceTime now;
    IceReplies &replies;
  };

  IceOutcome onStun(const Arrival &arrival);
  IceOutcome onRequest(const Arrival &arrival, const StunMessage &message);
  IceOutcome onResponse(const Arrival &arrival, const StunMessage &message);
  IceOutcome onMedia(const Arrival &arrival);
  std::pair<unsigned, Path *> hear(const Arrival &arrival);
  bool mayCheck(Session &session, const Arrival &arrival);
  Path &learn(unsigned id, Session &session, const IcePath &ends);
  Path *find(Session &session, const IceEnd &end);
  void check(unsigned id, Session &session, Path &path, const Arrival &arrival);
  void prove(unsigned id, Path &path);
  bool follow(Session &session, const Path &path);
  void select(Session &session, Path &path, IceOutcome &outcome);
  void forget(unsigned id, Session &session, IceEnd end);

  Transactions transactions_;
  std::map<unsigned, Session> sessions_;
  std::unordered_map<std::string, unsigned> byUfrag_;
  std::unordered_map<IceEnd, unsigned> byEnd_;
  std::map<StunTransaction, unsigned> byCheck_;  ///< checks of ours that are not answered
  RateLimit hmacs_{5000, 5000, RateTime(0)};     ///< of all sessions' strangers
};

}  // namespace gws
