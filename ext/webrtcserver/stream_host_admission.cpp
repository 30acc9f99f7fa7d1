// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in, and who makes room.
#include "stream_host.h"

#include <algorithm>

#include "resources.h"

namespace gws {

constexpr unsigned kMaxEndingOfOneStream = 4, kMaxEnding = 16;
constexpr unsigned kDescriptorsOfPublisher = 32;
constexpr unsigned kDescriptorsSpare = 32;
constexpr unsigned kDescriptorsInHand = 4 * kDescriptorsOfPublisher;

Result<void> StreamHost::admit(const AccessRequest &request, Listener &listener,
                               unsigned connection) {
  if (auto origin = admitOrigin(request.origin, request.host); !origin) return origin;
  if (auto page = admitPage(request.stream, request.token); !page) return page;
  // One publisher more than there is room for now: who is let in shall be able to publish.
  const unsigned needed = descriptorsNeeded() + kDescriptorsOfPublisher;
  if (descriptorsLeft() >= needed) return {};
  if (!isRoomComing() && !makeRoom("the server has no descriptors left; try again later", 0))
    listener.spareDescriptors(needed, connection);
  if (descriptorsLeft() >= kDescriptorsSpare + kDescriptorsOfPublisher) return {};
  return Error{503, "The server has no descriptors left. Try again later."};
}

Result<void> StreamHost::admitOrigin(const std::string &origin, const std::string &host) const {
  if (isOriginAllowed(origin, host, allowedOrigins_)) return {};
  return Error{403, "Pages of other origins may not publish here (allowed-origins)."};
}

Result<void> StreamHost::admitPage(const std::string &stream, const std::string &token) const {
  if (auto admitted = admitToken(token); !admitted) return admitted;
  return isKnown(stream);
}

Result<void> StreamHost::admitToken(const std::string &token) const {
  if (settings_.token.empty() || equalInConstantTime(token, settings_.token)) return {};
  return Error{401,
               "A valid token is needed here: ?token=… in the address, or "
               "Authorization: Bearer."};
}

/// For one more publisher, and for those who have not opened theirs yet.
unsigned StreamHost::descriptorsNeeded() const {
  unsigned starting = 0;
  for (auto &[id, run] : runs_)
    if (!run->answered && !run->ending) starting++;
  return kDescriptorsSpare + (starting + 1) * kDescriptorsOfPublisher;
}

Result<void> StreamHost::isKnown(const std::string &stream) const {
  if (acceptsAnyName()) return {};
  for (const std::string &pattern : splitList(settings_.streams))
    if (g_pattern_match_simple(pattern.c_str(), stream.c_str())) return {};
  if (settings_.streams.empty()) {
    auto reserved = element_.reservedStreams();
    if (std::find(reserved.begin(), reserved.end(), stream) != reserved.end()) return {};
  }
  return Error{404,
               "There is no stream \"" + stream + "\" here. The page / lists those there are."};
}

bool StreamHost::acceptsAnyName() const {
  return settings_.streams.empty() && element_.reservedStreams().empty();
}

/// Those that end count, too, when they are many: each holds its elements until then.
bool StreamHost::isFull(const std::string &stream) const {
  if (settings_.maxPublishers == 0) return false;
  unsigned all = 0, replaced = 0;
  for (auto &[id, run] : runs_) {
    if (run->ending) continue;
    all++;
    if (run->stream == stream && run->connectedAt) replaced = 1;
  }
  return all >= settings_.maxPublishers + replaced ||
         runs_.size() > 2 * settings_.maxPublishers + kMaxEnding;
}

/// The teardown of one that negotiated is short, and gives back what it has.
bool StreamHost::isRoomComing() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const auto &entry) {
    return entry.second->ending && !entry.second->connectedAt;
  });
}

/// An honest client is connected within two round trips, so the oldest of those that negotiate is
/// the one that will not be missed.
bool StreamHost::makeRoom(const std::string &reason, unsigned exceptOfClient) {
  for (auto &[id, run] : runs_) {
    if (run->ending || run->connectedAt || run->client == exceptOfClient) continue;
    close(*run, CloseCode::TryAgainLater, EndCause::Refused, reason);
    return true;
  }
  return false;
}

Result<void> StreamHost::mayPublish(const Client &client) {
  auto refusal = [](CloseCode code, const std::string &reason) {
    return Error{static_cast<int>(code), reason};
  };
  if (doorsClosed_) return refusal(CloseCode::GoingAway, "the pipeline is at its end");
  unsigned ending = 0;
  for (auto &[id, run] : runs_)
    if (run->stream == client.stream && run->connectedAt && run->ending) ending++;
  if (ending >= kMaxEndingOfOneStream)
    return refusal(CloseCode::TryAgainLater,
                   "the pipeline behind " + client.stream + " does not take what was sent before");
  const std::string tooMany = "too many publishers; try again later";
  if (isFull(client.stream)) makeRoom(tooMany, client.id);
  if (isFull(client.stream)) return refusal(CloseCode::TryAgainLater, tooMany);
  const std::string noDescriptors = "no descriptors left; try again later";
  // What is freed is free when the teardown is done: so room is made before it is needed.
  if (descriptorsLeft() < descriptorsNeeded() + kDescriptorsInHand && !isRoomComing())
    makeRoom(noDescriptors, client.id);
  if (descriptorsLeft() < descriptorsNeeded())
    return refusal(CloseCode::TryAgainLater, noDescriptors);
  return {};
}

}  // namespace gws
