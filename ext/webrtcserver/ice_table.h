// SPDX-License-Identifier: LGPL-2.1-or-later
// Which datagram of a shared port belongs to whom: a controlled ICE agent with host candidates
// alone, for many sessions (RFC 8445, RFC 7983). PURE.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stun.h"

namespace gws {

/// ICE credentials of one side (RFC 8839, section 5.4).
struct IceKeys {
  std::string ufrag, pwd;
};

/// Two ends of a datagram's way.
struct IcePath {
  StunAddress remote;
  StunAddress local;  ///< its port does not count
  auto operator<=>(const IcePath &) const = default;
};

/// What goes back the way that a datagram came: a response, and a check of our own.
struct IceReplies {
  std::array<StunBuffer, 2> buffers;
  std::size_t count = 0;
};

/// What a datagram was.
struct IceOutcome {
  unsigned session = 0;    ///< whose it was, 0: nobody's
  bool deliver = false;    ///< it is DTLS, SRTP or SRTCP
  bool connected = false;  ///< its session has its first nominated pair now
};

/// Not thread-safe. An address counts for a session once a check from there had the session's keys.
/// Nothing but the answer to it and a check of our own is sent there before that one has been
/// answered, too: then it is proved, and no other session's unless that one proves it later. A
/// session has at most kMaxPaths addresses: the one that was silent longest goes. Who does not have
/// the keys costs one HMAC and no memory, and gets no answer.
class IceTable {
 public:
  static constexpr std::size_t kMaxPaths = 8;
  /// Gives transactions that cannot be guessed.
  using Transactions = std::function<StunTransaction()>;

  explicit IceTable(Transactions transactions) : transactions_(std::move(transactions)) {}

  /// `session` is not 0 and not in use; its local ufrag is nobody else's.
  void add(unsigned session, const IceKeys &local);
  void setRemote(unsigned session, const IceKeys &remote);
  /// The old local keys are good until a pair of the new ones is nominated.
  void restart(unsigned session, const IceKeys &local, const IceKeys &remote);
  void remove(unsigned session);

  IceOutcome onPacket(const IcePath &path, std::span<const std::uint8_t> packet,
                      IceReplies &replies);
  /// The nominated pair, or the one that media came by last.
  std::optional<IcePath> pathOf(unsigned session) const;

 private:
  struct Path {
    IcePath ends;
    StunTransaction check{};  ///< the last check of ours
    std::string key;          ///< that its answer is made with; empty: none was made
    bool proved = false;      ///< it was answered
    bool nominated = false;   ///< the peer said USE-CANDIDATE
    std::uint64_t heard = 0;  ///< the order of last signs
  };
  struct Session {
    IceKeys local, remote;
    std::optional<IceKeys> former;  ///< local ones before the restart
    std::vector<Path> paths;
    std::optional<IcePath> selected;
    bool connected = false;
  };

  IceOutcome onStun(const IcePath &path, std::span<const std::uint8_t> packet, IceReplies &replies);
  IceOutcome onRequest(const IcePath &path, std::span<const std::uint8_t> packet,
                       const StunMessage &message, IceReplies &replies);
  IceOutcome onResponse(const IcePath &path, std::span<const std::uint8_t> packet,
                        const StunMessage &message);
  IceOutcome onMedia(const IcePath &path);
  Path &learn(unsigned id, Session &session, const IcePath &ends);
  Path *find(Session &session, const StunAddress &remote);
  void check(unsigned id, Session &session, Path &path, IceReplies &replies);
  void prove(unsigned id, Path &path);
  bool select(Session &session, const Path &path);
  void forget(unsigned id, StunAddress remote);

  Transactions transactions_;
  std::map<unsigned, Session> sessions_;
  std::unordered_map<std::string, unsigned> byUfrag_;
  std::unordered_map<StunAddress, unsigned> byAddress_;
  std::map<StunTransaction, unsigned> byCheck_;  ///< checks of ours that are not answered
  std::uint64_t clock_ = 0;
};

}  // namespace gws
