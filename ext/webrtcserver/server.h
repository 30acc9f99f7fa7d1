// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP and WebSocket server of one address and port, shared by the elements that ask for it.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "listener.h"
#include "route.h"
#include "stream_host.h"
#include "websocket.h"

namespace gws {

/// Control thread. Shared by the elements that are started on the same address and port; the last
/// one to let go closes the port.
class Server {
 public:
  /// A server that listens; with port 0 always a new one. The error's detail says why not.
  static Result<std::shared_ptr<Server>> acquire(const std::string &address, unsigned port,
                                                 const ListenerOptions &options) REQUIRES(control);
  ~Server();
  Server(const Server &) = delete;

  /// Streams of that host are served from now on; the one that was added first wins where two
  /// accept a name.
  void add(std::shared_ptr<StreamHost> host) REQUIRES(control);
  void remove(const StreamHost *host) REQUIRES(control);
  unsigned port() const { return listener_->port(); }

 private:
  struct Visit;
  Server();
  Result<void> listen(const std::string &address, unsigned port, const ListenerOptions &options)
      REQUIRES(control);
  static void onHeaders(SoupServer *, SoupServerMessage *message, const char *path,
                        GHashTable *query, gpointer self);
  static void onRead(SoupServer *, SoupServerMessage *message, gpointer self);
  static void onAborted(SoupServer *, SoupServerMessage *message, gpointer self);
  static void onWebSocket(SoupServer *, SoupServerMessage *message, const char *path,
                          SoupWebsocketConnection *connection, gpointer self);
  static Visit *visitOf(SoupServerMessage *message);

  void receive(SoupServerMessage *message, const char *path) REQUIRES(control);
  void answer(SoupServerMessage *message, const Route &route, Listener::Caller caller)
      REQUIRES(control);
  void answerSocket(SoupServerMessage *message, const std::string &stream, Listener::Caller caller)
      REQUIRES(control);
  void answerStreamList(SoupServerMessage *message) const REQUIRES(control);
  /// The first host that has nothing against it, or what one has.
  Result<std::shared_ptr<StreamHost>> hostThat(
      const std::function<Result<void>(StreamHost &)> &admits) const REQUIRES(control);

  Ref<SoupServer> soup_;
  std::shared_ptr<Listener> listener_;  ///< see Listener
  ClosingSockets closing_;
  /// Shared with their elements, which remove them when they stop.
  std::vector<std::shared_ptr<StreamHost>> hosts_ GUARDED_BY(control);
};

}  // namespace gws
