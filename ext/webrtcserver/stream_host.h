// SPDX-License-Identifier: LGPL-2.1-or-later
// The streams of one started element: who may publish, who does, and their ends.
#pragma once

#include <libsoup/soup.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control_thread.h"
#include "element_side.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "peer.h"
#include "publisher.h"
#include "websocket.h"
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
  void clear() REQUIRES(control) { sessions_.clear(); }

  /// Whether a client of that stream is let in: 404 or 503 with a sentence, if not.
  Result<void> admit(const std::string &stream) const REQUIRES(control);
  /// A client of an admitted stream. `loopback`: its connection came over loopback.
  void open(const std::string &stream, SoupWebsocketConnection *connection, ClosingSockets &closing,
            bool loopback) REQUIRES(control);

  struct StreamState {
    std::string name;
    bool live = false;
  };
  /// Reserved and live streams, sorted by name.
  std::vector<StreamState> list() const REQUIRES(control);
  /// Whether names that list() does not have would be admitted, too.
  bool acceptsAnyName() const REQUIRES(control);

  std::vector<std::string> publisherIds() const REQUIRES(control);
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
  /// A client: its socket while that is open, its publisher while that exists.
  struct Session {
    unsigned id = 0;
    std::string stream;
    bool loopback = false;
    std::optional<Peer> peer;
    std::unique_ptr<WebSocket> socket;
    bool socketOpen = true;
    std::shared_ptr<Publisher> publisher;
    bool ending = false;     ///< the publisher's teardown has begun
    gint64 connectedAt = 0;  ///< monotonic µs, 0: not yet
    bool announced = false;  ///< the application knows of it
    std::string endReason;
    std::optional<Loss> loss;
  };

  unsigned descriptorsNeeded() const REQUIRES(control);
  Result<void> isKnown(const std::string &stream) const REQUIRES(control);
  void apply(Session &session, PeerActions actions) REQUIRES(control);
  void startPublication(Session &session, Offer offer) REQUIRES(control);
  Result<void> mayPublish(const std::string &stream) const REQUIRES(control);
  const Session *livePublication(const std::string &stream) const REQUIRES(control);
  void onEvent(unsigned sessionId, const PublisherEvent &event) REQUIRES(control);
  void onConnected(Session &session) REQUIRES(control);
  void onOpened(Session &session) REQUIRES(control);
  void onGone(Session &session) REQUIRES(control);
  void lose(Session &session, const std::string &reason) REQUIRES(control);
  void endPublisher(Session &session, EndCause cause, const std::string &reason) REQUIRES(control);
  void refuse(Session &session, CloseCode code, const std::string &reason) REQUIRES(control);
  void tick() REQUIRES(control);
  void tickPublisher(Session &session, gint64 now) REQUIRES(control);
  void sweep(unsigned sessionId) REQUIRES(control);
  Session *find(unsigned id) REQUIRES(control);

  ElementSide &element_;
  const std::shared_ptr<ControlThread> thread_;
  Workers &workers_;
  const std::shared_ptr<Strand> notifier_;  ///< the application's handlers, in order
  Settings settings_ GUARDED_BY(control);
  std::map<unsigned, std::unique_ptr<Session>> sessions_ GUARDED_BY(control);
  unsigned nextSession_ GUARDED_BY(control) = 1;
  ControlTimer timer_ GUARDED_BY(control);
  bool stopped_ GUARDED_BY(control) = false;
  bool doorsClosed_ GUARDED_BY(control) = false;
};

}  // namespace gws
