// SPDX-License-Identifier: LGPL-2.1-or-later
// The streams of one started element: who may publish, who does, and their ends.
#pragma once

#include <libsoup/soup.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authorizer.h"
#include "control_thread.h"
#include "element_side.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "listener.h"
#include "peer.h"
#include "publisher.h"
#include "statistics.h"
#include "websocket.h"
#include "whip_fragment.h"
#include "whip_session.h"
#include "workers.h"

namespace gws {

/// Owned by the element from start to stop; all of it runs on the control thread. Shared, so that
/// what is posted from other threads can find out that it is gone.
class StreamHost : public std::enable_shared_from_this<StreamHost> {
 public:
  StreamHost(ElementSide &element, std::shared_ptr<ControlThread> thread, Workers &workers);
  ~StreamHost();

  void start() REQUIRES(control);
  /// Every client is told that the pipeline stops; the teardowns go on in the workers.
  void stop() REQUIRES(control);
  /// The application has sent EOS: nobody new is taken.
  void closeDoors() REQUIRES(control) { doorsClosed_ = true; }
  /// Drops what stop() has left; when the workers are idle.
  void clear() REQUIRES(control);

  /// Whether a client may ask the authorizer: 403 (its origin), 401 (its token), 404 or 503 with a
  /// sentence, if not. Where descriptors lack, somebody else may have to make room.
  Result<void> admit(const AccessRequest &request, Listener &listener, unsigned connection)
      REQUIRES(control);
  /// Whether somebody with that token may see the page of that stream: 401 or 404, if not.
  Result<void> admitPage(const std::string &stream, const std::string &token) const
      REQUIRES(control);
  Result<void> admitToken(const std::string &token) const REQUIRES(control);
  /// Whether a page of that origin may use the server: 403, if not.
  Result<void> admitOrigin(const std::string &origin, const std::string &host) const
      REQUIRES(control);
  /// From start() to clear().
  Authorizer &authorizer() REQUIRES(control) { return *authorizer_; }

  /// The TCP connection of a client.
  struct Link {
    std::weak_ptr<Listener> listener;
    unsigned connection = 0;
    bool loopback = false;  ///< it comes from this machine
  };
  /// A client that was let in.
  void open(std::shared_ptr<Session> session, SoupWebsocketConnection *connection,
            ClosingSockets &closing, Link link) REQUIRES(control);

  /// A WHIP client that was let in, with its offer (RFC 9725, section 4.2). `answer` is called
  /// once, from inside this or later, unless the client is abandoned. Returns the client's number.
  unsigned post(std::shared_ptr<Session> session, std::string_view offer, bool loopback,
                WhipSession::Answer answer) REQUIRES(control);
  /// Nobody is there for the answer of post().
  void abandon(unsigned clientId) REQUIRES(control);
  /// The client that has that session, 0: there is none.
  unsigned findWhip(const std::string &stream, std::string_view sessionId) REQUIRES(control);
  /// A PATCH (RFC 9725, section 4.3); `answer` as for post().
  void patch(unsigned clientId, std::string_view ifMatch, std::string_view fragment,
             WhipSession::Answer answer) REQUIRES(control);
  /// A DELETE.
  void sayGoodbye(unsigned clientId) REQUIRES(control);
  /// What the client knows of itself; a JSON object.
  void keepStatistics(unsigned clientId, std::string statistics) REQUIRES(control);

  struct StreamState {
    std::string name;
    bool live = false;
  };
  /// Reserved and live streams, sorted by name.
  std::vector<StreamState> list() const REQUIRES(control);
  /// Whether names that list() does not have would be admitted, too.
  bool acceptsAnyName() const REQUIRES(control);

  std::vector<std::string> publisherIds() const REQUIRES(control);
  /// Of those who publish, the older first. Waits for none of them.
  std::vector<PublisherStatistics> statistics() REQUIRES(control);
  /// What is needed to read a WHIP client's request.
  const Settings &settings() const REQUIRES(control) { return settings_; }
  /// False when there is no such publisher.
  bool disconnectPublisher(const std::string &publisherId) REQUIRES(control);
  bool requestKeyframe(const std::string &stream) REQUIRES(control);
  /// Something inside the publisher's bin failed; the reason is for the log.
  void failPublisher(const std::string &publisherId, const std::string &reason) REQUIRES(control);

 private:
  struct Loss {
    std::string reason;
    gint64 until = 0;  ///< monotonic µs: so long a goodbye may still come over the socket
  };
  /// One publisher, from its offer to the end of its teardown.
  struct Run {
    unsigned id = 0;  ///< later ones have higher ones
    unsigned client = 0;
    std::string stream;
    std::shared_ptr<Publisher> publisher;
    gint64 startedAt = 0;    ///< monotonic µs: when its offer came
    gint64 connectedAt = 0;  ///< monotonic µs, 0: not yet
    gint64 keyframeAt = 0;   ///< monotonic µs: the last request of keyframe-interval
    bool answered = false;   ///< so it has opened its descriptors
    bool succeeds = false;   ///< others feed its stream until its first frames are out
    bool ending = false;     ///< the publisher's teardown has begun
    bool announced = false;  ///< the application knows of it, and of no end
    gint64 endedAt = 0;      ///< monotonic µs, once it is ending
    std::string endReason;
    std::optional<Loss> loss;
  };
  /// An offer for a stream that somebody else publishes, until he has given a sign of life.
  struct Contest {
    Offer offer;
    gint64 since = 0;  ///< monotonic µs
    std::vector<std::string> candidates;
  };
  /// Who speaks the protocol: kept as long as its socket or a publisher of its.
  struct Client {
    unsigned id = 0;
    std::string stream;
    Link link;
    std::shared_ptr<Session> session;  ///< until it neither speaks nor publishes
    std::optional<Peer> peer;
    std::unique_ptr<Channel> channel;
    WhipSession *whip = nullptr;  ///< the channel, if it is one
    bool socketOpen = true;       ///< or the WHIP session is
    std::string statistics;       ///< its own
    unsigned run = 0;             ///< what its last offer started, 0: nothing
    std::optional<Contest> contest;
  };

  unsigned descriptorsNeeded() const REQUIRES(control);
  bool makeRoom(const std::string &reason, unsigned exceptOfClient) REQUIRES(control);
  bool isRoomComing() const REQUIRES(control);
  void setPhase(const Client &client, Phase phase) REQUIRES(control);
  void dismiss(unsigned clientId, CloseCode code, EndCause cause, const std::string &reason)
      REQUIRES(control);
  void dropSession(Client &client) REQUIRES(control);
  Result<void> isKnown(const std::string &stream) const REQUIRES(control);
  /// One newcomer more: where there are too many, one that still negotiates makes room.
  Result<void> mayPublish(const Client &client) REQUIRES(control);
  bool isFull(const std::string &stream) const REQUIRES(control);
  static bool isRival(const Run &run, const std::string &stream, unsigned client);
  /// Whether another client's publisher is connected and not known to be lost.
  bool isLive(const std::string &stream, unsigned exceptOfClient) const REQUIRES(control);
  /// Whether one of these keeps the stream against a newcomer whose offer came at `since`
  /// (monotonic µs) and started `runId`.
  bool isTaken(const std::string &stream, unsigned clientId, unsigned runId, gint64 since) const
      REQUIRES(control);
  bool mustYield(const Run &live, gint64 since) const REQUIRES(control);

  Client &addClient(std::shared_ptr<Session> session, Link link) REQUIRES(control);
  void watchSession(const Client &client) REQUIRES(control);
  /// `code` as for Peer::onSocketClosed().
  void onSocketClosed(Client &client, std::optional<unsigned> code) REQUIRES(control);
  void patchQueued(Client &client) REQUIRES(control);
  WhipReply restart(Client &client, const IceFragment &fragment) REQUIRES(control);
  void apply(Client &client, PeerActions actions) REQUIRES(control);
  void onOffer(Client &client, Offer offer) REQUIRES(control);
  void settleContest(Client &client, gint64 now) REQUIRES(control);
  void startRun(Client &client, Contest contest) REQUIRES(control);
  void addCandidate(Client &client, std::string candidate) REQUIRES(control);

  void onEvent(unsigned runId, const PublisherEvent &event) REQUIRES(control);
  void onConnected(Run &run) REQUIRES(control);
  void onOpened(Run &run) REQUIRES(control);
  void onGone(Run &run) REQUIRES(control);
  void announceEnd(Run &run) REQUIRES(control);
  void lose(Run &run, const std::string &reason) REQUIRES(control);
  void endPredecessors(const Run &run) REQUIRES(control);

  void refuse(Client &client, CloseCode code, const std::string &reason) REQUIRES(control);
  /// Ends the run; tells the client, if this is what its last offer started, the reason, or `told`.
  void close(Run &run, CloseCode code, EndCause cause, const std::string &reason,
             const char *told = nullptr) REQUIRES(control);
  void endRun(Run &run, EndCause cause, const std::string &reason) REQUIRES(control);
  void endRunsOf(const Client &client, EndCause cause, const std::string &reason) REQUIRES(control);

  void tick() REQUIRES(control);
  /// `interval` in µs; 0: never.
  void reportStatistics(gint64 now, gint64 interval) REQUIRES(control);
  void tickRun(Run &run, gint64 now) REQUIRES(control);
  void sweepLater(unsigned clientId) REQUIRES(control);
  void sweep(unsigned clientId) REQUIRES(control);
  Client *findClient(unsigned id) REQUIRES(control);
  Run *findRun(unsigned id) REQUIRES(control);
  Run *findRun(const std::string &publisherId) REQUIRES(control);

  ElementSide &element_;
  const std::shared_ptr<ControlThread> thread_;
  Workers &workers_;
  const std::shared_ptr<Strand> notifier_;  ///< the application's handlers, in order
  Settings settings_ GUARDED_BY(control);
  std::unique_ptr<Authorizer> authorizer_ GUARDED_BY(control);
  std::vector<std::string> allowedOrigins_ GUARDED_BY(control);
  std::map<unsigned, std::unique_ptr<Client>> clients_ GUARDED_BY(control);
  std::map<unsigned, std::unique_ptr<Run>> runs_ GUARDED_BY(control);
  unsigned nextId_ GUARDED_BY(control) = 1;  ///< of clients and runs
  ControlTimer timer_ GUARDED_BY(control);
  gint64 reportedAt_ GUARDED_BY(control) = 0;  ///< monotonic µs: stats-interval
  /// A report is under way; shared with the job that posts it.
  const std::shared_ptr<std::atomic<bool>> reporting_ = std::make_shared<std::atomic<bool>>(false);
  bool stopped_ GUARDED_BY(control) = false;
  bool doorsClosed_ GUARDED_BY(control) = false;
};

}  // namespace gws
