// SPDX-License-Identifier: LGPL-2.1-or-later
// Sessions: peers and publishers brought together.
#include "stream_host.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "gst/common/monotonic.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-host", "sessions and streams");

namespace gws {

using std::chrono::milliseconds;

constexpr unsigned kTickMs = 250;
constexpr gint64 kLeftBehindUs = 5'000'000;
constexpr gint64 kGoodbyeGraceUs = 500'000;
/// STUN and TURN servers that do not answer hold an answer with all candidates up for so long.
constexpr gint64 kGatheringPatienceUs = 3'000'000;
/// A teardown takes longer where downstream takes nothing.
constexpr gint64 kTeardownPatienceUs = 3'000'000;
/// RTP that stays away for so long is a sign of death to somebody who wants the stream.
constexpr gint64 kSignOfLifeUs = 1'000'000;

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
  authorizer_ = std::make_unique<Authorizer>(element_, thread_, workers_, settings_.authUrl);
  if (auto origins = parseOriginList(settings_.allowedOrigins)) allowedOrigins_ = *origins;
  timer_.start(kTickMs, [this] {
    onControlThread();
    tick();
  });
}

void StreamHost::stop() {
  stopped_ = true;
  timer_.stop();
  authorizer_->refuseAll("The pipeline stops.");
  for (auto &[id, client] : clients_) {
    refuse(*client, CloseCode::GoingAway, "the pipeline stops");
    endRunsOf(*client, EndCause::Refused, "the pipeline stops");
  }
}

void StreamHost::clear() {
  authorizer_.reset();
  clients_.clear();
  runs_.clear();
}

StreamHost::Client &StreamHost::addClient(std::shared_ptr<Session> session, Link link) {
  auto client = std::make_unique<Client>();
  client->id = nextId_++;
  client->stream = session->request().stream;
  client->link = std::move(link);
  client->session = std::move(session);
  PeerLimits limits;
  limits.negotiationTimeout = PeerTime(settings_.negotiationTimeoutMs);
  limits.messageBytes = settings_.maxMessageBytes;
  limits.offer.bytes = settings_.maxOfferBytes;
  limits.offer.mediaSections = settings_.maxMediaSections;
  limits.offer.candidates = limits.candidates = settings_.maxCandidates;
  client->peer.emplace(limits, monotonicNow());
  GST_DEBUG("client %u: came for stream %s", client->id, client->stream.c_str());
  Client &added = *client;
  clients_[added.id] = std::move(client);
  return added;
}

/// It may be called at once.
void StreamHost::watchSession(const Client &client) {
  client.session->onRevoked([weak = weak_from_this(), id = client.id](const std::string &reason) {
    onControlThread();
    if (auto self = weak.lock())
      self->dismiss(id, CloseCode::NotAllowed, EndCause::Goodbye, reason);
  });
}

void StreamHost::open(std::shared_ptr<Session> session, SoupWebsocketConnection *connection,
                      ClosingSockets &closing, Link link) {
  // The client owns the socket, so the pointer is good for as long as the callbacks are called.
  Client *client = &addClient(std::move(session), std::move(link));
  WebSocket::Callbacks callbacks;
  callbacks.text = [this, client](std::string_view text) REQUIRES(control) {
    if (auto listener = client->link.listener.lock())
      listener->onWholeMessage(client->link.connection);
    apply(*client, client->peer->onText(text, monotonicNow()));
  };
  callbacks.binary = [this, client]()
                         REQUIRES(control) { apply(*client, client->peer->onBinary()); };
  callbacks.closed = [this, client](std::optional<unsigned> code) REQUIRES(control) {
    GST_DEBUG("client %u: socket closed, code %d", client->id, code ? int(*code) : -1);
    onSocketClosed(*client, code);
  };
  client->channel = std::make_unique<WebSocket>(connection, closing, std::move(callbacks));

  // This, too, may be called at once.
  if (auto listener = client->link.listener.lock())
    listener->setFarewell(client->link.connection, [weak = weak_from_this(),
                                                    id = client->id](const std::string &reason) {
      onControlThread();
      if (auto self = weak.lock())
        self->dismiss(id, CloseCode::TryAgainLater, EndCause::Refused, reason);
    });
  watchSession(*client);
}

void StreamHost::onSocketClosed(Client &client, std::optional<unsigned> code) {
  client.socketOpen = false;
  apply(client, client.peer->onSocketClosed(code));
}

void StreamHost::dismiss(unsigned clientId, CloseCode code, EndCause cause,
                         const std::string &reason) {
  Client *client = findClient(clientId);
  if (!client) return;
  refuse(*client, code, reason);
  endRunsOf(*client, cause, reason);
}

void StreamHost::setPhase(const Client &client, Phase phase) {
  if (auto listener = client.link.listener.lock())
    listener->setPhase(client.link.connection, phase);
}

/// Its place among its user's sessions is free as soon as it neither speaks nor publishes.
void StreamHost::dropSession(Client &client) {
  if (client.socketOpen) return;
  for (auto &[id, run] : runs_)
    if (run->client == client.id && !run->ending) return;
  client.session.reset();
}

void StreamHost::apply(Client &client, PeerActions actions) {
  struct Apply {
    StreamHost &host;
    Client &client;
    void operator()(StartPublication &action) {
      onControlThread();
      host.onOffer(client, std::move(action.offer));
    }
    void operator()(AddCandidate &action) {
      onControlThread();
      host.addCandidate(client, std::move(action.candidate));
    }
    void operator()(SendAnswer &action) {
      onControlThread();
      client.channel->sendAnswer(action.sdp);
    }
    void operator()(SendCandidate &action) {
      onControlThread();
      client.channel->sendCandidate(action.candidate, action.mid, action.lineIndex);
    }
    void operator()(CloseSocket &action) {
      onControlThread();
      GST_WARNING("client %u: stream %s: closed with %u: %s", client.id, client.stream.c_str(),
                  unsigned(action.code), action.reason.c_str());
      client.socketOpen = false;
      client.contest.reset();
      client.channel->close(action.code, action.reason);
      host.setPhase(client, Phase::Closing);
    }
    void operator()(EndPublication &action) {
      onControlThread();
      client.contest.reset();
      host.endRunsOf(client, action.cause, action.reason);
    }
    void operator()(LogNote &action) { GST_INFO("client %u: %s", client.id, action.text.c_str()); }
  };
  for (PeerAction &action : actions)
    std::visit(Apply{*this, client}, action);
  dropSession(client);
  if (!client.socketOpen) sweepLater(client.id);
}

/// Later, since this may run inside a callback of the client's own socket.
void StreamHost::sweepLater(unsigned clientId) {
  thread_->post([weak = weak_from_this(), clientId] {
    onControlThread();
    if (auto self = weak.lock()) self->sweep(clientId);
  });
}

void StreamHost::sweep(unsigned clientId) {
  Client *client = findClient(clientId);
  if (!client || client->socketOpen) return;
  for (auto &[id, run] : runs_)
    if (run->client == clientId) return;
  clients_.erase(clientId);
}

StreamHost::Client *StreamHost::findClient(unsigned id) {
  auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second.get();
}

StreamHost::Run *StreamHost::findRun(unsigned id) {
  auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second.get();
}

StreamHost::Run *StreamHost::findRun(const std::string &publisherId) {
  for (auto &[id, run] : runs_)
    if (!run->ending && run->publisher->id() == publisherId) return run.get();
  return nullptr;
}

/// One that has not connected holds nobody up: the first to connect wins. Nor does one that is
/// lost hold up its own return.
bool StreamHost::isRival(const Run &run, const std::string &stream, unsigned client) {
  return run.connectedAt && !run.ending && !run.loss && run.stream == stream &&
         run.client != client;
}

bool StreamHost::isLive(const std::string &stream, unsigned exceptOfClient) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto &entry) {
    return isRival(*entry.second, stream, exceptOfClient);
  });
}

bool StreamHost::isTaken(const std::string &stream, unsigned clientId, unsigned runId,
                         gint64 since) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto &entry) REQUIRES(control) {
    const Run &run = *entry.second;
    // One whose offer is newer keeps the stream under every policy.
    return isRival(run, stream, clientId) && (run.id > runId || !mustYield(run, since));
  });
}

/// Whether a publication may be replaced by a newcomer whose offer came at `since`. A publisher
/// that vanished without a word shows by nothing but the lack of RTP.
bool StreamHost::mustYield(const Run &live, gint64 since) const {
  if (element_.settings().duplicatePolicy == DuplicatePolicy::Replace) return true;
  return live.connectedAt < since && live.publisher->lastPacket() < since;
}

void StreamHost::refuse(Client &client, CloseCode code, const std::string &reason) {
  apply(client, client.peer->onPublicationEnded(code, reason));
}

void StreamHost::onOffer(Client &client, Offer offer) {
  Run *run = findRun(client.run);
  if (run && run->connectedAt && !run->ending && run->publisher->restart(offer)) {
    run->loss.reset();  // ICE had failed
    GST_INFO("client %u: publisher %s restarts ICE", client.id, run->publisher->id().c_str());
    return;
  }
  if (run && (!run->connectedAt || run->succeeds))
    endRun(*run, EndCause::Refused, "the client has made another offer");
  Contest contest;
  contest.offer = std::move(offer);
  contest.since = g_get_monotonic_time();
  bool reject = element_.settings().duplicatePolicy == DuplicatePolicy::Reject;
  if (reject && isLive(client.stream, client.id))
    client.contest = std::move(contest);
  else
    startRun(client, std::move(contest));
}

/// Who publishes is asked for nothing: his next packet decides.
void StreamHost::settleContest(Client &client, gint64 now) {
  const gint64 since = client.contest->since;
  if (isTaken(client.stream, client.id, nextId_, since)) {
    client.contest.reset();
    return refuse(client, CloseCode::StreamTaken, takenReason(client.stream));
  }
  if (isLive(client.stream, client.id) && now - since < kSignOfLifeUs) return;
  Contest contest = std::move(*client.contest);
  client.contest.reset();
  startRun(client, std::move(contest));
}

void StreamHost::startRun(Client &client, Contest contest) {
  if (auto may = mayPublish(client); !may)
    return refuse(client, static_cast<CloseCode>(may.error().code), may.error().detail);
  static std::atomic<std::uint64_t> order = 0;
  auto publication = std::make_shared<Publication>();
  publication->stream = client.stream;
  publication->publisherId = newPublisherId();
  publication->groupId = gst_util_group_id_next();
  publication->order = ++order;
  GST_INFO("client %u: publisher %s of stream %s", client.id, publication->publisherId.c_str(),
           client.stream.c_str());

  auto run = std::make_unique<Run>();
  run->id = client.run = nextId_++;
  run->client = client.id;
  run->stream = client.stream;
  run->startedAt = contest.since;
  auto report = [thread = std::weak_ptr<ControlThread>(thread_), weak = weak_from_this(),
                 id = run->id](PublisherEvent event) {
    auto control = thread.lock();
    if (!control) return;
    control->post([weak, id, event = std::move(event)] {
      onControlThread();
      if (auto self = weak.lock()) self->onEvent(id, event);
    });
  };
  const PublisherLink link{client.link.loopback,
                           client.whip ? Candidates::InAnswer : Candidates::Trickle};
  run->publisher =
      std::make_shared<Publisher>(element_, workers_, std::move(publication),
                                  std::move(contest.offer), element_.settings(), link, report);
  run->publisher->start();
  for (std::string &candidate : contest.candidates)
    run->publisher->addCandidate(std::move(candidate));
  runs_[run->id] = std::move(run);
}

void StreamHost::addCandidate(Client &client, std::string candidate) {
  if (client.contest)
    client.contest->candidates.push_back(std::move(candidate));
  else if (Run *run = findRun(client.run))
    run->publisher->addCandidate(std::move(candidate));
}

void StreamHost::onEvent(unsigned runId, const PublisherEvent &event) {
  Run *found = findRun(runId);
  if (!found) return;
  struct Handle {
    StreamHost &host;
    Run &run;
    Client *client;  ///< nullptr: it has another run now
    void operator()(const PublisherAnswered &event) {
      onControlThread();
      run.answered = true;
      if (!client) return;
      host.apply(*client, client->peer->onAnswer(event.sdp));
      host.patchQueued(*client);
    }
    void operator()(const PublisherCandidate &event) {
      onControlThread();
      if (client)
        host.apply(*client,
                   client->peer->onLocalCandidate(event.candidate, event.mid, event.lineIndex));
    }
    void operator()(const PublisherConnected &) {
      onControlThread();
      host.onConnected(run);
    }
    void operator()(const PublisherOpened &) {
      onControlThread();
      host.onOpened(run);
    }
    void operator()(const PublisherNotRestarted &) {
      onControlThread();
      if (!client || !client->channel->sendNotRestarted())
        host.close(run, CloseCode::ServerError, EndCause::Refused, "ICE could not be restarted");
      else
        host.patchQueued(*client);
    }
    void operator()(const PublisherFailed &event) {
      onControlThread();
      host.close(run, event.code, EndCause::Refused, event.reason);
    }
    void operator()(const PublisherLost &event) {
      onControlThread();
      host.lose(run, event.reason);
    }
    void operator()(const PublisherGone &) {
      onControlThread();
      host.onGone(run);
    }
  };
  Client *client = findClient(found->client);
  if (client && client->run != runId) client = nullptr;
  std::visit(Handle{*this, *found, client}, event);
}

void StreamHost::onConnected(Run &run) {
  if (run.ending) return;
  Client *client = findClient(run.client);
  if (client && client->run != run.id) client = nullptr;
  if (doorsClosed_)
    return close(run, CloseCode::GoingAway, EndCause::Refused, "the pipeline is at its end");
  if (run.connectedAt) {  // again, after a restart of ICE
    run.loss.reset();
    if (client) apply(*client, client->peer->onConnected());
    return;
  }
  if (isTaken(run.stream, run.client, run.id, run.startedAt))
    return close(run, CloseCode::StreamTaken, EndCause::Refused, takenReason(run.stream));
  for (auto &[id, other] : runs_)
    if (other->stream == run.stream && other->connectedAt && !other->ending) run.succeeds = true;
  run.connectedAt = g_get_monotonic_time();
  if (client) setPhase(*client, Phase::Publishing);
  if (client) apply(*client, client->peer->onConnected());
  run.publisher->open(run.succeeds);
}

void StreamHost::onOpened(Run &run) {
  run.announced = true;
  Client *client = findClient(run.client);
  const char *door = client ? client->channel->door() : "";
  notifier_->post([&element = element_, stream = run.stream, id = run.publisher->id(), door] {
    element.publisherAdded(stream, id, door);
  });
}

/// Its first frames are on the pads.
void StreamHost::endPredecessors(const Run &run) {
  for (auto &[id, other] : runs_) {
    if (id >= run.id || other->stream != run.stream || !other->connectedAt || other->ending)
      continue;
    close(*other, CloseCode::StreamTaken, EndCause::Replaced,
          other->client == run.client ? "replaced by the client's new offer"
                                      : "another publisher has taken over " + run.stream);
  }
}

/// A page that stops closes its DTLS first and says goodbye over the socket afterwards.
void StreamHost::lose(Run &run, const std::string &reason) {
  if (run.ending || run.loss) return;
  GST_INFO("publisher %s: %s", run.publisher->id().c_str(), reason.c_str());
  Client *client = findClient(run.client);
  gint64 grace = client && client->socketOpen ? kGoodbyeGraceUs : 0;
  run.loss = Loss{reason, g_get_monotonic_time() + grace};
}

void StreamHost::close(Run &run, CloseCode code, EndCause cause, const std::string &reason,
                       const char *told) {
  if (run.ending) return;
  Client *client = findClient(run.client);
  if (!client || client->run != run.id) return endRun(run, cause, reason);
  refuse(*client, code, told ? told : reason);
  endRunsOf(*client, cause, reason);
}

void StreamHost::endRunsOf(const Client &client, EndCause cause, const std::string &reason) {
  for (auto &[id, run] : runs_)
    if (run->client == client.id) endRun(*run, cause, reason);
}

void StreamHost::endRun(Run &run, EndCause cause, const std::string &reason) {
  if (run.ending) return;
  GST_INFO("publisher %s of stream %s ends: %s", run.publisher->id().c_str(), run.stream.c_str(),
           reason.c_str());
  run.ending = true;
  run.endedAt = g_get_monotonic_time();
  run.endReason = reason;
  Publisher::End how;
  if (stopped_ || cause == EndCause::Replaced)
    how.wait =
        milliseconds(-1);  // no EOS: the pads are about to be deactivated, or its successor's
  else if (cause != EndCause::Goodbye || settings_.reconnectTimeoutMs < 0)
    how.wait = milliseconds(settings_.reconnectTimeoutMs);
  how.backlog = cause != EndCause::Refused && !stopped_;
  run.publisher->end(how);
  if (Client *client = findClient(run.client)) dropSession(*client);
}

/// Once.
void StreamHost::announceEnd(Run &run) {
  if (!std::exchange(run.announced, false)) return;
  notifier_->post([&element = element_, stream = run.stream, id = run.publisher->id(),
                   reason = run.endReason] { element.publisherRemoved(stream, id, reason); });
}

void StreamHost::onGone(Run &run) {
  announceEnd(run);
  unsigned client = run.client;
  runs_.erase(run.id);
  sweepLater(client);
}

void StreamHost::tick() {
  gint64 now = g_get_monotonic_time();
  const Settings settings = element_.settings();
  gint64 keyframeInterval = gint64(settings.keyframeIntervalMs) * 1000;
  for (auto &[id, client] : clients_) {
    const Run *run = findRun(client->run);
    const bool connecting = run && !run->ending && !run->connectedAt;
    apply(*client, client->peer->onTick(monotonicNow(),
                                        connecting ? run->publisher->obstacle() : std::string()));
    if (client->contest) settleContest(*client, now);
  }
  reportStatistics(now, gint64(settings.statsIntervalMs) * 1000);
  for (auto &[id, run] : runs_) {
    if (run->ending) {
      if (now - run->endedAt > kTeardownPatienceUs) announceEnd(*run);
      continue;
    }
    run->publisher->traffic().sample(now);
    run->publisher->limitBitrate(settings.maxBitrate);
    tickRun(*run, now);
    if (!keyframeInterval || !run->connectedAt || now - run->keyframeAt < keyframeInterval)
      continue;
    run->keyframeAt = now;
    run->publisher->requestKeyframe();
  }
}

void StreamHost::tickRun(Run &run, gint64 now) {
  if (run.loss && now >= run.loss->until)
    return close(run, CloseCode::TooSlow, EndCause::Lost, std::string(run.loss->reason));
  // The client's own time-out comes first; this is for one whose client is gone.
  const gint64 patience = gint64(settings_.negotiationTimeoutMs) * 1000 + kLeftBehindUs;
  if (!run.connectedAt && now - run.startedAt > patience)
    return endRun(run, EndCause::Refused, "nobody waits for it any more");
  if (!run.connectedAt) {
    if (now - run.startedAt > kGatheringPatienceUs) run.publisher->answerNow();
    return;
  }
  run.publisher->tick();
  if (run.succeeds && run.publisher->begun()) {
    run.succeeds = false;
    endPredecessors(run);
  }
  gint64 silent = now - std::max(run.connectedAt, run.publisher->lastArrival());
  if (!run.loss && silent > gint64(settings_.inactivityTimeoutMs) * 1000)
    close(run, CloseCode::TooSlow, EndCause::Lost,
          "no media for " + std::to_string(settings_.inactivityTimeoutMs / 1000) + " s");
}

std::vector<StreamHost::StreamState> StreamHost::list() const {
  std::map<std::string, bool> states;
  for (const std::string &name : element_.reservedStreams())
    states[name] = false;
  for (auto &[id, run] : runs_)
    if (run->connectedAt && !run->ending) states[run->stream] = true;
  std::vector<StreamState> result;
  for (auto &[name, live] : states)
    result.push_back({name, live});
  return result;
}

std::vector<std::string> StreamHost::publisherIds() const {
  std::vector<std::string> ids;
  for (auto &[id, run] : runs_)
    if (run->connectedAt && !run->ending) ids.push_back(run->publisher->id());
  return ids;
}

void StreamHost::failPublisher(const std::string &publisherId, const std::string &reason) {
  Run *run = findRun(publisherId);
  if (!run) return;
  close(*run, CloseCode::ServerError, EndCause::Refused, reason,
        "the server cannot go on with this publication");
}

bool StreamHost::disconnectPublisher(const std::string &publisherId) {
  Run *run = findRun(publisherId);
  if (!run) return false;
  close(*run, CloseCode::NotAllowed, EndCause::Goodbye, "disconnected by the application",
        "disconnected by the server's operator");
  return true;
}

bool StreamHost::requestKeyframe(const std::string &stream) {
  bool found = false;
  for (auto &[id, run] : runs_) {
    if (run->ending || !run->connectedAt || run->stream != stream) continue;
    run->publisher->requestKeyframe();
    found = true;
  }
  return found;
}

}  // namespace gws
