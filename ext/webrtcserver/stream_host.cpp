// SPDX-License-Identifier: LGPL-2.1-or-later
// Sessions: peers and publishers brought together.
#include "stream_host.h"

#include <algorithm>
#include <atomic>

#include "log.h"
#include "resources.h"

GWS_LOG_CATEGORY("webrtcserver-host", "sessions and streams");

namespace gws {

using std::chrono::milliseconds;

constexpr unsigned kTickMs = 250;
constexpr gint64 kGoodbyeGraceUs = 1'000'000;
constexpr unsigned kMaxEndingOfOneStream = 4;
constexpr unsigned kDescriptorsOfPublisher = 32;
constexpr unsigned kDescriptorsSpare = 32;

static PeerTime peerNow() { return PeerTime(g_get_monotonic_time() / 1000); }

static std::string takenReason(const std::string &stream) {
  return "somebody else is publishing " + stream + " already";
}

static std::string newPublisherId() {
  OwnedString uuid(g_uuid_string_random());
  return std::string(uuid.get(), 8) + std::string(uuid.get() + 9, 4);
}

StreamHost::StreamHost(ElementSide &element, std::shared_ptr<ControlThread> thread,
                       Workers &workers)
    : element_(element),
      thread_(std::move(thread)),
      workers_(workers),
      notifier_(std::make_shared<Strand>(workers)) {}

StreamHost::~StreamHost() = default;

void StreamHost::start() {
  settings_ = element_.settings();
  timer_.start(kTickMs, [this] {
    onControlThread();
    tick();
  });
}

void StreamHost::stop() {
  stopped_ = true;
  timer_.stop();
  for (auto &[id, session] : sessions_) {
    apply(*session, session->peer->onPublicationEnded(CloseCode::GoingAway, "the pipeline stops"));
    endPublisher(*session, EndCause::Refused, "the pipeline stops");
  }
}

Result<void> StreamHost::admit(const std::string &stream) const {
  if (auto known = isKnown(stream); !known) return known;
  // One publisher more than there is room for now: who is let in shall be able to publish.
  if (!descriptorsLeft(descriptorsNeeded() + kDescriptorsOfPublisher))
    return Error{503, "The server has no descriptors left. Try again later."};
  return {};
}

/// For one more publisher, and for those who have not opened theirs yet.
unsigned StreamHost::descriptorsNeeded() const {
  unsigned negotiating = 0;
  for (auto &[id, session] : sessions_)
    if (session->publisher && !session->connectedAt) negotiating++;
  return kDescriptorsSpare + (negotiating + 1) * kDescriptorsOfPublisher;
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

void StreamHost::open(const std::string &stream, SoupWebsocketConnection *connection,
                      ClosingSockets &closing, bool loopback) {
  auto session = std::make_unique<Session>();
  Session *borrowed = session.get();
  session->id = nextSession_++;
  session->stream = stream;
  session->loopback = loopback;
  PeerLimits limits;
  limits.negotiationTimeout = PeerTime(settings_.negotiationTimeoutMs);
  session->peer.emplace(limits, peerNow());
  GST_DEBUG("session %u: a client of stream %s", session->id, stream.c_str());

  // The session owns the socket, so the pointer is good for as long as the callbacks are called.
  WebSocket::Callbacks callbacks;
  callbacks.text = [this, borrowed](std::string_view text) REQUIRES(control) {
    apply(*borrowed, borrowed->peer->onText(text, peerNow()));
  };
  callbacks.binary = [this, borrowed]()
                         REQUIRES(control) { apply(*borrowed, borrowed->peer->onBinary()); };
  callbacks.closed = [this, borrowed](std::optional<unsigned> code) REQUIRES(control) {
    GST_DEBUG("session %u: socket closed, code %d", borrowed->id, code ? int(*code) : -1);
    borrowed->socketOpen = false;
    apply(*borrowed, borrowed->peer->onSocketClosed(code));
  };
  session->socket = std::make_unique<WebSocket>(connection, closing, std::move(callbacks));
  sessions_[session->id] = std::move(session);
}

void StreamHost::apply(Session &session, PeerActions actions) {
  struct Apply {
    StreamHost &host;
    Session &session;
    void operator()(StartPublication &action) {
      onControlThread();
      host.startPublication(session, std::move(action.offer));
    }
    void operator()(AddCandidate &action) {
      if (session.publisher) session.publisher->addCandidate(std::move(action.candidate));
    }
    void operator()(SendText &action) {
      onControlThread();
      session.socket->sendText(action.text);
    }
    void operator()(CloseSocket &action) {
      onControlThread();
      GST_WARNING("session %u: stream %s: closed with %u: %s", session.id, session.stream.c_str(),
                  unsigned(action.code), action.reason.c_str());
      session.socketOpen = false;
      session.socket->close(action.code, action.reason);
    }
    void operator()(EndPublication &action) {
      onControlThread();
      host.endPublisher(session, action.cause, action.reason);
    }
    void operator()(LogNote &action) {
      GST_INFO("session %u: %s", session.id, action.text.c_str());
    }
  };
  for (PeerAction &action : actions)
    std::visit(Apply{*this, session}, action);
  if (!session.publisher && !session.socketOpen) {
    // Later, since this may run inside a callback of the session's own socket.
    thread_->post([weak = weak_from_this(), id = session.id] {
      onControlThread();
      if (auto self = weak.lock()) self->sweep(id);
    });
  }
}

void StreamHost::sweep(unsigned sessionId) {
  Session *session = find(sessionId);
  if (session && !session->publisher && !session->socketOpen) sessions_.erase(sessionId);
}

StreamHost::Session *StreamHost::find(unsigned id) {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

/// The connected publisher that the stream belongs to. One that has not got so far holds nobody up:
/// the first to connect wins.
const StreamHost::Session *StreamHost::livePublication(const std::string &stream) const {
  for (auto &[id, session] : sessions_)
    if (session->connectedAt && !session->ending && !session->loss && session->stream == stream)
      return session.get();
  return nullptr;
}

Result<void> StreamHost::mayPublish(const std::string &stream) const {
  auto refusal = [](CloseCode code, const std::string &reason) {
    return Error{static_cast<int>(code), reason};
  };
  if (doorsClosed_) return refusal(CloseCode::GoingAway, "the pipeline is at its end");
  if (livePublication(stream)) return refusal(CloseCode::StreamTaken, takenReason(stream));
  unsigned all = 0, ending = 0;
  for (auto &[id, session] : sessions_) {
    if (!session->publisher) continue;
    all++;
    if (session->ending && session->stream == stream) ending++;
  }
  if (ending >= kMaxEndingOfOneStream)
    return refusal(CloseCode::TryAgainLater,
                   "the pipeline behind " + stream + " does not take what was sent before");
  if (settings_.maxPublishers > 0 && all >= settings_.maxPublishers)
    return refusal(CloseCode::TryAgainLater, "too many publishers; try again later");
  if (!descriptorsLeft(descriptorsNeeded()))
    return refusal(CloseCode::TryAgainLater, "no descriptors left; try again later");
  return {};
}

void StreamHost::refuse(Session &session, CloseCode code, const std::string &reason) {
  apply(session, session.peer->onPublicationEnded(code, reason));
}

void StreamHost::startPublication(Session &session, Offer offer) {
  if (auto may = mayPublish(session.stream); !may)
    return refuse(session, static_cast<CloseCode>(may.error().code), may.error().detail);
  static std::atomic<std::uint64_t> order = 0;
  auto publication = std::make_shared<Publication>();
  publication->stream = session.stream;
  publication->publisherId = newPublisherId();
  publication->groupId = gst_util_group_id_next();
  publication->order = ++order;
  GST_INFO("session %u: publisher %s of stream %s", session.id, publication->publisherId.c_str(),
           session.stream.c_str());

  auto report = [thread = std::weak_ptr<ControlThread>(thread_), weak = weak_from_this(),
                 id = session.id](PublisherEvent event) {
    auto control = thread.lock();
    if (!control) return;
    control->post([weak, id, event = std::move(event)] {
      onControlThread();
      if (auto self = weak.lock()) self->onEvent(id, event);
    });
  };
  session.publisher =
      std::make_shared<Publisher>(element_, workers_, std::move(publication), std::move(offer),
                                  element_.settings(), session.loopback, std::move(report));
  session.publisher->start();
}

void StreamHost::onEvent(unsigned sessionId, const PublisherEvent &event) {
  Session *found = find(sessionId);
  if (!found) return;
  struct Handle {
    StreamHost &host;
    Session &session;
    void operator()(const PublisherAnswered &event) {
      onControlThread();
      host.apply(session, session.peer->onAnswer(event.sdp));
    }
    void operator()(const PublisherCandidate &event) {
      onControlThread();
      host.apply(session,
                 session.peer->onLocalCandidate(event.candidate, event.mid, event.lineIndex));
    }
    void operator()(const PublisherConnected &) {
      onControlThread();
      host.onConnected(session);
    }
    void operator()(const PublisherOpened &) {
      onControlThread();
      host.onOpened(session);
    }
    void operator()(const PublisherFailed &event) {
      onControlThread();
      if (session.ending) return;
      host.refuse(session, event.code, event.reason);
      host.endPublisher(session, EndCause::Refused, event.reason);
    }
    void operator()(const PublisherLost &event) {
      onControlThread();
      host.lose(session, event.reason);
    }
    void operator()(const PublisherGone &) {
      onControlThread();
      host.onGone(session);
    }
  };
  std::visit(Handle{*this, *found}, event);
}

void StreamHost::onConnected(Session &session) {
  if (session.ending || session.connectedAt) return;
  if (livePublication(session.stream)) {
    std::string reason = takenReason(session.stream);
    refuse(session, CloseCode::StreamTaken, reason);
    return endPublisher(session, EndCause::Refused, reason);
  }
  session.connectedAt = g_get_monotonic_time();
  apply(session, session.peer->onConnected());
  session.publisher->open();
}

void StreamHost::onOpened(Session &session) {
  session.announced = true;
  notifier_->post([&element = element_, stream = session.stream, id = session.publisher->id()] {
    element.publisherAdded(stream, id);
  });
}

/// A page that stops closes its DTLS first and says goodbye over the socket afterwards.
void StreamHost::lose(Session &session, const std::string &reason) {
  if (session.ending || session.loss) return;
  GST_INFO("session %u: %s", session.id, reason.c_str());
  gint64 grace = session.socketOpen ? kGoodbyeGraceUs : 0;
  session.loss = Loss{reason, g_get_monotonic_time() + grace};
}

void StreamHost::endPublisher(Session &session, EndCause cause, const std::string &reason) {
  if (!session.publisher || session.ending) return;
  GST_INFO("publisher %s of stream %s ends: %s", session.publisher->id().c_str(),
           session.stream.c_str(), reason.c_str());
  session.ending = true;
  session.endReason = reason;
  std::optional<milliseconds> wait;
  if (stopped_)
    wait = milliseconds(-1);  // no EOS: the pads are about to be deactivated
  else if (cause != EndCause::Goodbye || settings_.reconnectTimeoutMs < 0)
    wait = milliseconds(settings_.reconnectTimeoutMs);
  session.publisher->end(wait);
}

void StreamHost::onGone(Session &session) {
  if (session.announced)
    notifier_->post([&element = element_, stream = session.stream, id = session.publisher->id(),
                     reason = session.endReason] { element.publisherRemoved(stream, id, reason); });
  session.publisher.reset();
  session.connectedAt = 0;
  session.announced = session.ending = false;
  session.loss.reset();
  if (!session.socketOpen) sessions_.erase(session.id);
}

void StreamHost::tick() {
  gint64 now = g_get_monotonic_time();
  std::vector<Session *> all;
  for (auto &[id, session] : sessions_)
    all.push_back(session.get());
  for (Session *session : all) {
    apply(*session, session->peer->onTick(peerNow()));
    if (session->publisher && !session->ending) tickPublisher(*session, now);
  }
}

void StreamHost::tickPublisher(Session &session, gint64 now) {
  if (session.loss && now >= session.loss->until) {
    std::string reason = session.loss->reason;
    refuse(session, CloseCode::TooSlow, reason);
    return endPublisher(session, EndCause::Lost, reason);
  }
  if (!session.connectedAt) return;
  session.publisher->tick();
  gint64 silent = now - std::max(session.connectedAt, session.publisher->lastArrival());
  if (!session.loss && silent > gint64(settings_.inactivityTimeoutMs) * 1000) {
    std::string reason =
        "no media for " + std::to_string(settings_.inactivityTimeoutMs / 1000) + " s";
    refuse(session, CloseCode::TooSlow, reason);
    endPublisher(session, EndCause::Lost, reason);
  }
}

std::vector<StreamHost::StreamState> StreamHost::list() const {
  std::map<std::string, bool> states;
  for (const std::string &name : element_.reservedStreams())
    states[name] = false;
  for (auto &[id, session] : sessions_)
    if (session->publisher && session->connectedAt && !session->ending)
      states[session->stream] = true;
  std::vector<StreamState> result;
  for (auto &[name, live] : states)
    result.push_back({name, live});
  return result;
}

std::vector<std::string> StreamHost::publisherIds() const {
  std::vector<std::string> ids;
  for (auto &[id, session] : sessions_)
    if (session->publisher && session->connectedAt && !session->ending)
      ids.push_back(session->publisher->id());
  return ids;
}

void StreamHost::failPublisher(const std::string &publisherId, const std::string &reason) {
  for (auto &[id, session] : sessions_) {
    if (!session->publisher || session->ending || session->publisher->id() != publisherId) continue;
    refuse(*session, CloseCode::ServerError, "the server cannot go on with this publication");
    return endPublisher(*session, EndCause::Refused, reason);
  }
}

bool StreamHost::disconnectPublisher(const std::string &publisherId) {
  for (auto &[id, session] : sessions_) {
    if (!session->publisher || session->ending || session->publisher->id() != publisherId) continue;
    refuse(*session, CloseCode::NotAllowed, "disconnected by the server's operator");
    endPublisher(*session, EndCause::Goodbye, "disconnected by the application");
    return true;
  }
  return false;
}

bool StreamHost::requestKeyframe(const std::string &stream) {
  bool found = false;
  for (auto &[id, session] : sessions_) {
    if (!session->publisher || session->ending || session->stream != stream) continue;
    session->publisher->requestKeyframe();
    found = true;
  }
  return found;
}

}  // namespace gws
