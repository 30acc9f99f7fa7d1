// SPDX-License-Identifier: LGPL-2.1-or-later
// Which datagram of a shared port belongs to whom.
#include "ice_table.h"

#include <algorithm>
#include <utility>

#include "packet_kind.h"

namespace gws {

namespace {

/// Of a peer-reflexive candidate (RFC 8445, section 5.1.2.1), should a check find one.
constexpr std::uint32_t kCheckPriority = (110u << 24) + (65535u << 8) + 255u;

}  // namespace

void IceTable::add(unsigned session, const IceKeys &local) {
  byUfrag_[local.ufrag] = session;
  sessions_[session].local = local;
}

void IceTable::setRemote(unsigned session, const IceKeys &remote) {
  if (auto found = sessions_.find(session); found != sessions_.end()) found->second.remote = remote;
}

void IceTable::restart(unsigned id, const IceKeys &local, const IceKeys &remote) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session &session = found->second;
  if (session.former) byUfrag_.erase(session.former->ufrag);
  session.former = std::move(session.local);
  session.local = local;
  session.remote = remote;
  byUfrag_[local.ufrag] = id;
  for (Path &path : session.paths)
    path.nominated = false;
}

void IceTable::remove(unsigned id) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session &session = found->second;
  byUfrag_.erase(session.local.ufrag);
  if (session.former) byUfrag_.erase(session.former->ufrag);
  while (!session.paths.empty())
    forget(id, session.paths.back().ends.remote);
  sessions_.erase(found);
}

std::optional<IcePath> IceTable::pathOf(unsigned session) const {
  auto found = sessions_.find(session);
  return found == sessions_.end() ? std::nullopt : found->second.selected;
}

IceOutcome IceTable::onPacket(const IcePath &path, std::span<const std::uint8_t> packet,
                              IceReplies &replies) {
  replies.count = 0;
  switch (packetKind(packet)) {
    case PacketKind::Stun:
      return onStun(path, packet, replies);
    case PacketKind::Dtls:
    case PacketKind::Rtp:
    case PacketKind::Rtcp:
      return onMedia(path);
    default:
      return {};
  }
}

/// Who can make the session's checks may move: to another network, or behind a NAT that has
/// forgotten it.
IceOutcome IceTable::onMedia(const IcePath &ends) {
  auto known = byAddress_.find(ends.remote);
  if (known == byAddress_.end()) return {};
  Session &session = sessions_[known->second];
  Path *path = find(session, ends.remote);
  if (!path) return {};
  path->heard = ++clock_;
  if (session.connected && path->proved) session.selected = path->ends;
  return {known->second, true, false};
}

IceOutcome IceTable::onStun(const IcePath &path, std::span<const std::uint8_t> packet,
                            IceReplies &replies) {
  const std::optional<StunMessage> message = parseStun(packet);
  if (!message || message->method != kStunBinding || !message->hasFingerprint) return {};
  if (message->messageClass == StunClass::Request)
    return onRequest(path, packet, *message, replies);
  if (message->messageClass == StunClass::Success) return onResponse(path, packet, *message);
  return {};
}

IceOutcome IceTable::onRequest(const IcePath &ends, std::span<const std::uint8_t> packet,
                               const StunMessage &message, IceReplies &replies) {
  if (!message.username) return {};
  const std::string ufrag(message.username->substr(0, message.username->find(':')));
  auto known = byUfrag_.find(ufrag);
  if (known == byUfrag_.end()) return {};
  const unsigned id = known->second;
  Session &session = sessions_[id];
  const bool isFormer = session.former && session.former->ufrag == ufrag;
  const std::string key = isFormer ? session.former->pwd : session.local.pwd;
  if (!checkIntegrity(packet, message, key)) return {};

  auto answer = [&](const StunBuffer &buffer) {
    if (buffer.size <= packet.size()) replies.buffers[replies.count++] = buffer;
  };
  if (!message.unknown().empty()) {
    answer(buildBindingError(message.transaction, StunError::UnknownAttribute, message.unknown(),
                             key));
    return {id};
  }
  if (message.iceControlled) {  // both sides would wait for the other one's nomination
    answer(buildBindingError(message.transaction, StunError::RoleConflict, {}, key));
    return {id};
  }
  answer(buildBindingSuccess(message.transaction, ends.remote, key));
  Path &path = learn(id, session, ends);
  if (isFormer) return {id};
  path.nominated = path.nominated || message.useCandidate;
  if (!path.proved) check(id, session, path, replies);
  return {id, false, path.nominated && path.proved && select(session, path)};
}

IceOutcome IceTable::onResponse(const IcePath &ends, std::span<const std::uint8_t> packet,
                                const StunMessage &message) {
  auto asked = byCheck_.find(message.transaction);
  if (asked == byCheck_.end()) return {};
  const unsigned id = asked->second;
  Session &session = sessions_[id];
  Path *path = find(session, ends.remote);
  if (!path || path->check != message.transaction || !checkIntegrity(packet, message, path->key))
    return {};
  prove(id, *path);
  return {id, false, path->nominated && select(session, *path)};
}

/// A triggered check (RFC 8445, section 7.3.1.4), again with each check of the peer's until it is
/// answered.
void IceTable::check(unsigned id, Session &session, Path &path, IceReplies &replies) {
  if (session.remote.pwd.empty()) return;
  byCheck_.erase(path.check);
  path.check = transactions_();
  path.key = session.remote.pwd;
  byCheck_[path.check] = id;
  const std::string username = session.remote.ufrag + ':' + session.local.ufrag;
  // The lowest tie-breaker: it is the peer that controls.
  auto request = buildBindingRequest({path.check, username, kCheckPriority, 0}, path.key);
  if (request) replies.buffers[replies.count++] = *request;
}

/// Who answers from there receives there, so it is nobody else's any more.
void IceTable::prove(unsigned id, Path &path) {
  byCheck_.erase(path.check);
  path.proved = true;
  auto [known, added] = byAddress_.try_emplace(path.ends.remote, id);
  if (added || known->second == id) return;
  forget(known->second, path.ends.remote);
  byAddress_[path.ends.remote] = id;
}

/// Whether it is the session's first.
bool IceTable::select(Session &session, const Path &path) {
  session.selected = path.ends;
  if (session.former) {
    byUfrag_.erase(session.former->ufrag);
    session.former.reset();
  }
  return !std::exchange(session.connected, true);
}

IceTable::Path *IceTable::find(Session &session, const StunAddress &remote) {
  auto found = std::find_if(session.paths.begin(), session.paths.end(),
                            [&](const Path &path) { return path.ends.remote == remote; });
  return found == session.paths.end() ? nullptr : &*found;
}

void IceTable::forget(unsigned id, StunAddress remote) {
  Session &session = sessions_[id];
  if (const Path *path = find(session, remote)) byCheck_.erase(path->check);
  std::erase_if(session.paths, [&](const Path &path) { return path.ends.remote == remote; });
  if (session.selected && session.selected->remote == remote) session.selected.reset();
  if (auto known = byAddress_.find(remote); known != byAddress_.end() && known->second == id)
    byAddress_.erase(known);
}

IceTable::Path &IceTable::learn(unsigned id, Session &session, const IcePath &ends) {
  Path *path = find(session, ends.remote);
  if (!path) {
    if (session.paths.size() >= kMaxPaths) {
      auto silence = [&](const Path &one) {
        const bool inUse = session.selected && one.ends.remote == session.selected->remote;
        return inUse ? clock_ + 1 : one.heard;
      };
      auto oldest =
          std::min_element(session.paths.begin(), session.paths.end(),
                           [&](const Path &a, const Path &b) { return silence(a) < silence(b); });
      forget(id, oldest->ends.remote);
    }
    path = &session.paths.emplace_back();
    byAddress_.try_emplace(ends.remote, id);
  }
  path->ends = ends;
  path->heard = ++clock_;
  return *path;
}

}  // namespace gws
