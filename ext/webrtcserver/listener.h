// SPDX-License-Identifier: LGPL-2.1-or-later
// Accepts TCP connections, ends TLS, and cuts those that take too long or are too many.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "access.h"
#include "control_thread.h"
#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "rate_limit.h"
#include "settings.h"
#include "tls_identity.h"
#include "workers.h"

namespace gws {

/// What holds for a port as a whole: elements that share one must agree about it.
struct ListenerOptions {
  std::string certificateFile, privateKeyFile, trustedProxies;
  unsigned maxConnectionsPerAddress = 0;
  unsigned maxRequestsPerSecond = 0;
  unsigned requestTimeoutMs = 0;

  static ListenerOptions of(const Settings &settings);
  bool operator==(const ListenerOptions &) const = default;
};

/// What a connection is waiting for, and so how long it may take.
enum class Phase {
  Greeting,  ///< a TLS handshake, or its first request
  Reading,   ///< a request's body, or the taking of its answer
  Deciding,  ///< whether its client may publish: others have time-outs for that
  Upgraded,  ///< a WebSocket of a client that does not publish yet
  Publishing,
  Closing,  ///< a WebSocket that was told to close
};

/// Owned by its Server; all of it runs on the control thread. Shared, so that handshakes on workers
/// can find out that it is gone.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  /// Called with each connection that is ready for HTTP. `remote` carries the connection's id, see
  /// idOf().
  using Accepted =
      std::function<void(GIOStream *stream, GSocketAddress *local, GSocketAddress *remote)>;

  /// Listens; with port 0 the system picks one. The error's detail says why not.
  static Result<std::shared_ptr<Listener>> open(const std::string &address, unsigned port,
                                                const ListenerOptions &options, Accepted accepted)
      REQUIRES(control);
  ~Listener();
  Listener(const Listener &) = delete;

  unsigned port() const { return port_; }
  const ListenerOptions &options() const { return options_; }
  bool speaksTls() const { return identity_ != nullptr; }

  /// The id of the connection that an address was made for by Accepted; 0: none.
  static unsigned idOf(GSocketAddress *remote);
  void setPhase(unsigned id, Phase phase) REQUIRES(control);
  /// What is called, instead of a cut, when the connection has to make room.
  void setFarewell(unsigned id, std::function<void(const std::string &reason)> farewell)
      REQUIRES(control);
  void cut(unsigned id) REQUIRES(control);
  /// What was sent so far has been understood.
  void onWholeMessage(unsigned id) REQUIRES(control);

  /// A request on that connection: who it is from, by the trusted proxies' words.
  struct Caller {
    std::string address;
    bool loopback = false;
    bool tooOften = false;  ///< it asks more often than it may
    bool tooMany = false;   ///< it has too many connections, and publishes on all the others
  };
  Caller onRequest(unsigned id, const char *forwardedFor) REQUIRES(control);

  /// Closes as many connections as it takes until so many descriptors are free, or soon will be:
  /// the oldest that publish nothing, of the addresses that have most; never `except` (0: none).
  void spareDescriptors(unsigned needed, unsigned except) REQUIRES(control);

 private:
  struct Connection;
  Listener(const ListenerOptions &options, Accepted accepted);
  Result<void> listen(const std::string &address, unsigned port) REQUIRES(control);
  void startAccepting() REQUIRES(control);
  static gboolean onIncoming(GSocket *socket, GIOCondition, gpointer self);
  /// Gives its id. It is handed over when its first byte is there: until then it costs one
  /// descriptor.
  unsigned accept(Ref<GSocket> socket) REQUIRES(control);
  void awaitGreeting(Connection &connection) REQUIRES(control);
  void greet(unsigned id) REQUIRES(control);
  static void refuseGreeting(Connection &connection, std::string_view answer);
  void receiveHello(Connection &connection) REQUIRES(control);
  /// As many as may be at once; where more wait, the newest of the addresses that have fewest.
  void startHandshakes() REQUIRES(control);
  void shakeHands(Connection &connection) REQUIRES(control);
  void cutSlowHandshakes(gint64 now) REQUIRES(control);
  void handOver(unsigned id, GIOStream *stream) REQUIRES(control);
  void limitAddress(Connection &newest) REQUIRES(control);
  void tick() REQUIRES(control);
  void prune() REQUIRES(control);
  Connection *find(unsigned id) REQUIRES(control);
  Connection *oldestOf(const std::string *key, const Connection *except) REQUIRES(control);
  static void cut(Connection &connection);
  static void dismiss(Connection &connection, const std::string &reason) REQUIRES(control);
  unsigned timeoutMs(Phase phase) const;

  const std::weak_ptr<ControlThread> thread_ = ControlThread::shared();
  const ListenerOptions options_;
  const Accepted accepted_;
  const Networks trusted_;
  std::unique_ptr<TlsIdentity> identity_;
  unsigned port_ = 0;
  Ref<GSocket> socket_;
  Owned<GSource, g_source_unref> incoming_;
  std::map<unsigned, std::unique_ptr<Connection>> connections_ GUARDED_BY(control);
  unsigned nextId_ GUARDED_BY(control) = 1;
  RateLimits requests_ GUARDED_BY(control);
  ControlTimer timer_;
  unsigned ticks_ GUARDED_BY(control) = 0;
  Workers handshakes_;
};

}  // namespace gws
