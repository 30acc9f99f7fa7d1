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
  /// A client of a publishing door, from its headers to the opened WebSocket, or to the end of its
  /// request's answer. Owned by the message.
  struct Visit {
    std::weak_ptr<StreamHost> host;
    bool loopback = false;
    unsigned question = 0;                         ///< of the authorizer, 0: not waiting for it
    std::shared_ptr<Session> session;              ///< let in; until the WebSocket is opened
    unsigned client = 0;                           ///< of StreamHost::post(), 0: none
    std::size_t maxBytes = 0;                      ///< of the body
    std::function<void(std::string_view)> onBody;  ///< called when all of it is there
  };
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
  static void setVisit(SoupServerMessage *message, std::unique_ptr<Visit> visit);
  /// What may be asked of it, as an Allow header says it.
  static std::string methodsOf(Door door);
  /// As Link headers (RFC 9725, section 4.6). `relays`: TURN servers, too, with their passwords.
  static void addIceServers(SoupServerMessage *message, const Settings &settings, bool relays);
  /// For visits that have onBody, which answers the message, at once or later.
  static void awaitBody(SoupServerMessage *message, std::unique_ptr<Visit> visit);

  void receive(SoupServerMessage *message, const char *path) REQUIRES(control);
  void answer(SoupServerMessage *message, const Route &route, Listener::Caller caller)
      REQUIRES(control);
  void answerSocket(SoupServerMessage *message, const std::string &stream, Listener::Caller caller)
      REQUIRES(control);
  void answerWhip(SoupServerMessage *message, const Route &route, Listener::Caller caller)
      REQUIRES(control);
  void answerEndpoint(SoupServerMessage *message, const std::string &stream,
                      Listener::Caller caller) REQUIRES(control);
  void answerSession(SoupServerMessage *message, std::shared_ptr<StreamHost> host, unsigned client)
      REQUIRES(control);
  void acceptOffer(SoupServerMessage *message, AccessRequest request, bool loopback)
      REQUIRES(control);
  void publish(SoupServerMessage *message, AccessRequest request, std::string_view offer)
      REQUIRES(control);
  void acceptFragment(SoupServerMessage *message, std::shared_ptr<StreamHost> host, unsigned client)
      REQUIRES(control);
  void acceptStatistics(SoupServerMessage *message, std::shared_ptr<StreamHost> host,
                        unsigned client) REQUIRES(control);
  /// Holds the message's answer back until the result is called.
  WhipSession::Answer later(SoupServerMessage *message, const std::string &stream)
      REQUIRES(control);
  Result<void> shareWithPage(SoupServerMessage *message) const REQUIRES(control);
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
