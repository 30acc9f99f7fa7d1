// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP and WebSocket server of one address and port, shared by the elements that ask for it.
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "route.h"
#include "stream_host.h"
#include "websocket.h"

namespace gws {

/// Control thread. Shared by the elements that are started on the same address and port; the last
/// one to let go closes the port.
class Server {
 public:
  /// A server that listens; with port 0 always a new one. The error's detail says why not.
  static Result<std::shared_ptr<Server>> acquire(const std::string &address, unsigned port)
      REQUIRES(control);
  ~Server();
  Server(const Server &) = delete;

  /// Streams of that host are served from now on; the one that was added first wins where two
  /// accept a name.
  void add(StreamHost *host) REQUIRES(control) { hosts_.push_back(host); }
  void remove(StreamHost *host) REQUIRES(control) { std::erase(hosts_, host); }
  unsigned port() const { return port_; }

 private:
  explicit Server(Ref<SoupServer> soup);
  static void onHeaders(SoupServer *, SoupServerMessage *message, const char *path,
                        GHashTable *query, gpointer self);
  static void onRequest(SoupServer *, SoupServerMessage *message, const char *path,
                        GHashTable *query, gpointer self);
  static void onWebSocket(SoupServer *, SoupServerMessage *message, const char *path,
                          SoupWebsocketConnection *connection, gpointer self);

  void answer(SoupServerMessage *message, const char *path) REQUIRES(control);
  void answerSocket(SoupServerMessage *message, const std::string &stream) REQUIRES(control);
  void answerStreamList(SoupServerMessage *message) const REQUIRES(control);
  /// The host that admits the stream, or why none does.
  Result<StreamHost *> hostOf(const std::string &stream) const REQUIRES(control);

  Ref<SoupServer> soup_;
  unsigned port_ = 0;
  ClosingSockets closing_;
  std::vector<StreamHost *> hosts_ GUARDED_BY(control);
};

}  // namespace gws
