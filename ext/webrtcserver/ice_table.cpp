// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packet of a shared port belongs to whom.
#include "ice_table.h"

#include <algorithm>
#include <utility>

#include "packet_kind.h"

namespace gws {

namespace {

/// Of a peer-reflexive candidate (RFC 8445, section 5.1.2.1), should a check find one.
constexpr std::uint32_t kCheckPriority = (110u << 24) + (65535u << 8) + 255u;

}  // namespace

std::string iceSource(const StunAddress &address) {
  const bool v6 = address.family == StunAddress::Family::IPv6;
  return std::string(address.bytes.begin(), address.bytes.begin() + (v6 ? 8 : 4));
}

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
    forget(id, session, session.paths.back().ends.end());
  sessions_.erase(found);
}

void IceTable::onClosed(const IcePath &path) {
  for (auto &[id, session] : sessions_)
    forget(id, session, path.end());
}

std::optional<IcePath> IceTable::pathOf(unsigned id, IceTime now) const {
  auto found = sessions_.find(id);
  if (found == sessions_.end() || !found->second.selected) return std::nullopt;
  const Session &session = found->second;
  for (const Path &path : session.paths)
    if (path.ends.end() == session.selected->end() && now - path.heard < kConsent)
      return session.selected;
  return std::nullopt;
}

IceTime IceTable::heardOf(unsigned session) const {
  auto found = sessions_.find(session);
  return found == sessions_.end() ? IceTime(0) : found->second.heard;
}

IceOutcome IceTable::onPacket(const IcePath &path, std::span<const std::uint8_t> packet,
                              IceTime now, IceReplies &replies) {
  replies.count = 0;
  const Arrival arrival{path, packet, now, replies};
  switch (packetKind(packet)) {
    case PacketKind::Stun:
      return onStun(arrival);
    case PacketKind::Dtls:
    case PacketKind::Rtp:
    case PacketKind::Rtcp:
      return onMedia(arrival);
    default:
      return {};
  }
}

/// Who can make the session's checks may move: to another network, or behind a NAT that has
/// forgotten it.
IceOutcome IceTable::onMedia(const Arrival &arrival) {
  const auto [id, path] = hear(arrival);
  if (!path) return {};
  Session &session = sessions_[id];
  const bool moved = session.connected && path->proved && follow(session, *path);
  return {id, true, false, moved};
}

/// A sign of life from an end that is known.
std::pair<unsigned, IceTable::Path *> IceTable::hear(const Arrival &arrival) {
  auto known = byEnd_.find(arrival.path.end());
  if (known == byEnd_.end()) return {};
  Session &session = sessions_[known->second];
  Path *path = find(session, known->first);
  if (!path) return {};
  path->heard = session.heard = arrival.now;
  return {known->second, path};
}

IceOutcome IceTable::onStun(const Arrival &arrival) {
  const std::optional<StunMessage> message = parseStun(arrival.packet);
  if (!message || message->method != kStunBinding) return {};
  // What keeps a NAT's binding alive has no keys (RFC 8445, section 11).
  if (message->messageClass == StunClass::Indication) return {hear(arrival).first};
  if (!message->hasFingerprint) return {};
  if (message->messageClass == StunClass::Request) return onRequest(arrival, *message);
  if (message->messageClass == StunClass::Success) return onResponse(arrival, *message);
  return {};
}

IceOutcome IceTable::onRequest(const Arrival &arrival, const StunMessage &message) {
  if (!message.username) return {};
  const std::string ufrag(message.username->substr(0, message.username->find(':')));
  auto known = byUfrag_.find(ufrag);
  if (known == byUfrag_.end()) return {};
  const unsigned id = known->second;
  Session &session = sessions_[id];
  const bool isFormer = session.former && session.former->ufrag == ufrag;
  const std::string key = isFormer ? session.former->pwd : session.local.pwd;
  if (!mayCheck(session, arrival) || !checkIntegrity(arrival.packet, message, key)) return {};

  auto answer = [&](const StunBuffer &buffer) {
    if (buffer.size <= arrival.packet.size())
      arrival.replies.buffers[arrival.replies.count++] = buffer;
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
  answer(buildBindingSuccess(message.transaction, arrival.path.remote, key));
  Path &path = learn(id, session, arrival.path);
  path.heard = session.heard = arrival.now;
  if (isFormer) return {id};
  path.nominated = path.nominated || message.useCandidate;
  if (!path.proved) check(id, session, path, arrival);
  IceOutcome outcome{id};
  if (path.nominated && path.proved) select(session, path, outcome);
  return outcome;
}

bool IceTable::mayCheck(Session &session, const Arrival &arrival) {
  if (find(session, arrival.path.end())) return true;
  const auto now = std::chrono::duration_cast<RateTime>(arrival.now);
  return session.limits.bySource.take(iceSource(arrival.path.remote), now) &&
         session.limits.all.take(now) && hmacs_.take(now);
}

IceOutcome IceTable::onResponse(const Arrival &arrival, const StunMessage &message) {
  auto asked = byCheck_.find(message.transaction);
  if (asked == byCheck_.end()) return {};
  const unsigned id = asked->second;
  Session &session = sessions_[id];
  Path *path = find(session, arrival.path.end());
  if (!path || path->check != message.transaction ||
      !checkIntegrity(arrival.packet, message, path->key))
    return {};
  path->heard = session.heard = arrival.now;
  prove(id, *path);
  IceOutcome outcome{id};
  if (path->nominated) select(session, *path, outcome);
  return outcome;
}

/// A triggered check (RFC 8445, section 7.3.1.4), again with each check of the peer's until it is
/// answered. An honest peer's check holds all that ours does, and so is as long.
void IceTable::check(unsigned id, Session &session, Path &path, const Arrival &arrival) {
  if (session.remote.pwd.empty()) return;
  byCheck_.erase(path.check);
  path.check = transactions_();
  path.key = session.remote.pwd;
  const std::string username = session.remote.ufrag + ':' + session.local.ufrag;
  // The lowest tie-breaker: it is the peer that controls.
  auto request = buildBindingRequest({path.check, username, kCheckPriority, 0}, path.key);
  if (!request || request->size > arrival.packet.size()) return;
  byCheck_[path.check] = id;
  arrival.replies.buffers[arrival.replies.count++] = *request;
}

/// Who answers from there receives there, so it is nobody else's any more.
void IceTable::prove(unsigned id, Path &path) {
  byCheck_.erase(path.check);
  path.proved = true;
  const IceEnd end = path.ends.end();
  auto [known, added] = byEnd_.try_emplace(end, id);
  if (added || known->second == id) return;
  forget(known->second, sessions_[known->second], end);
  byEnd_[end] = id;
}

/// Whether that is a change.
bool IceTable::follow(Session &session, const Path &path) {
  if (session.selected == path.ends) return false;
  session.selected = path.ends;
  return true;
}

void IceTable::select(Session &session, Path &path, IceOutcome &outcome) {
  outcome.moved = follow(session, path);
  outcome.connected = !std::exchange(session.connected, true);
  path.nominated = false;
  if (session.former) {
    byUfrag_.erase(session.former->ufrag);
    session.former.reset();
  }
}

IceTable::Path *IceTable::find(Session &session, const IceEnd &end) {
  auto found = std::find_if(session.paths.begin(), session.paths.end(),
                            [&](const Path &path) { return path.ends.end() == end; });
  return found == session.paths.end() ? nullptr : &*found;
}

/// A session that used it goes on with what it has proved, and heard last.
void IceTable::forget(unsigned id, Session &session, IceEnd end) {
  const Path *path = find(session, end);
  if (!path) return;
  byCheck_.erase(path->check);
  session.paths.erase(session.paths.begin() + (path - session.paths.data()));
  if (auto known = byEnd_.find(end); known != byEnd_.end() && known->second == id)
    byEnd_.erase(known);
  if (!session.selected || session.selected->end() != end) return;
  session.selected.reset();
  IceTime latest{};
  for (const Path &other : session.paths) {
    if (!other.proved || (session.selected && other.heard <= latest)) continue;
    session.selected = other.ends;
    latest = other.heard;
  }
}

IceTable::Path &IceTable::learn(unsigned id, Session &session, const IcePath &ends) {
  Path *path = find(session, ends.end());
  if (!path) {
    if (session.paths.size() >= kMaxPaths) {
      auto silence = [&](const Path &one) {
        const bool inUse = session.selected && one.ends.end() == session.selected->end();
        return inUse ? IceTime::max() : one.heard;
      };
      auto oldest =
          std::min_element(session.paths.begin(), session.paths.end(),
                           [&](const Path &a, const Path &b) { return silence(a) < silence(b); });
      forget(id, session, oldest->ends.end());
    }
    path = &session.paths.emplace_back();
    byEnd_.try_emplace(ends.end(), id);
  }
  path->ends = ends;
  return *path;
}

}  // namespace gws
