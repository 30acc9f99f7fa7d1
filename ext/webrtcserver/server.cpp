// SPDX-License-Identifier: LGPL-2.1-or-later
// Listening, routes and pages.
#include "server.h"

#include <json-glib/json-glib.h>

#include <algorithm>
#include <map>

#include "http_message.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-http", "HTTP requests and WebSocket upgrades");

namespace gws {

constexpr const char *kResourcePath = "/org/gstreamer/webrtcserver/web/";
constexpr const char *kVisit = "gws-visit";

using ServerKey = std::pair<std::string, unsigned>;

static std::map<ServerKey, std::weak_ptr<Server>> &runningServers() {
  static std::map<ServerKey, std::weak_ptr<Server>> servers;
  return servers;
}

Result<std::shared_ptr<Server>> Server::acquire(const std::string &address, unsigned port,
                                                const ListenerOptions &options) {
  auto &running = runningServers();
  if (port != 0) {
    if (auto server = running[{address, port}].lock()) {
      if (server->listener_->options() == options) return server;
      return Error{0, "another element listens on port " + std::to_string(port) +
                          " with other values of certificate-file, private-key-file, "
                          "trusted-proxies, max-connections-per-address, "
                          "max-requests-per-second or request-timeout"};
    }
  }
  std::shared_ptr<Server> server(new Server());
  if (auto listening = server->listen(address, port, options); !listening) return listening.error();
  running[{address, server->port()}] = server;
  return server;
}

Server::Server()
    : soup_(Ref<SoupServer>::take(
          SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr)))) {
  // Compressed messages would let a few bytes become many; signalling does not need them.
  soup_server_remove_websocket_extension(soup_.get(), SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  soup_server_add_early_handler(soup_.get(), nullptr, onHeaders, this, nullptr);
  soup_server_add_websocket_handler(soup_.get(), nullptr, nullptr, nullptr, onWebSocket, this,
                                    nullptr);
  g_signal_connect(soup_.get(), "request-read", G_CALLBACK(onRead), this);
  g_signal_connect(soup_.get(), "request-aborted", G_CALLBACK(onAborted), this);
}

Result<void> Server::listen(const std::string &address, unsigned port,
                            const ListenerOptions &options) {
  auto accepted = [soup = soup_.get()](GIOStream *stream, GSocketAddress *local,
                                       GSocketAddress *remote) {
    OwnedError error;
    if (!soup_server_accept_iostream(soup, stream, local, remote, Out(error)))
      GST_WARNING("a connection could not be taken: %s", error->message);
  };
  auto listener = Listener::open(address, port, options, std::move(accepted));
  if (!listener) return listener.error();
  listener_ = *listener;
  return {};
}

Server::~Server() {
  g_signal_handlers_disconnect_by_data(soup_.get(), this);
  soup_server_remove_handler(soup_.get(), nullptr);
  soup_server_disconnect(soup_.get());
}

void Server::add(std::shared_ptr<StreamHost> host) { hosts_.push_back(std::move(host)); }

void Server::remove(const StreamHost *host) {
  std::erase_if(hosts_, [host](const auto &one) { return one.get() == host; });
}

static std::string tooLarge(std::size_t maxBytes) {
  return "The body is larger than " + std::to_string(maxBytes) + " bytes.";
}

static void answerResource(SoupServerMessage *message, const std::string &name) {
  std::string path = kResourcePath + name;
  Owned<GBytes, g_bytes_unref> bytes(
      g_resources_lookup_data(path.c_str(), G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr));
  if (!bytes) return refuse(message, 404, "There is no file \"" + name + "\" here.");
  gsize size = 0;
  auto *data = static_cast<const char *>(g_bytes_get_data(bytes.get(), &size));
  const char *type = "application/octet-stream";
  auto endsWith = [&](const char *ending) { return g_str_has_suffix(name.c_str(), ending); };
  if (endsWith(".html")) type = "text/html; charset=utf-8";
  if (endsWith(".js")) type = "text/javascript; charset=utf-8";
  if (endsWith(".css")) type = "text/css; charset=utf-8";
  if (endsWith(".svg")) type = "image/svg+xml";
  reply(message, 200, type, {data, size});
}

Result<std::shared_ptr<StreamHost>> Server::hostThat(
    const std::function<Result<void>(StreamHost &)> &admits) const {
  Error error{404, "Nothing is published here."};
  for (const auto &host : hosts_) {
    auto admitted = admits(*host);
    if (admitted) return host;
    if (error.code == 404) error = admitted.error();
  }
  return error;
}

/// A length that libsoup takes for a number and GLib then warns of, once a request (RFC 9112,
/// section 6.3). What libsoup has read of it cannot be changed any more: so it does not get to the
/// body.
static bool hasBadLength(SoupServerMessage *message) {
  const std::string length = headerText(message, "Content-Length");
  return length.find_first_not_of("0123456789 ") != std::string::npos;
}

/// As refuse(), without libsoup, which would go on to the body.
static void cutOff(SoupServerMessage *message, unsigned status, const std::string &sentence) {
  const std::string answer =
      "HTTP/1.1 " + std::to_string(status) + ' ' + soup_status_get_phrase(status) +
      "\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n" + sentence + '\n';
  auto stream = Ref<GIOStream>::take(soup_server_message_steal_connection(message));
  if (!stream) return;
  g_pollable_output_stream_write_nonblocking(
      G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream.get())), answer.data(),
      answer.size(), nullptr, nullptr);
  // libsoup has let go of it.
  g_io_stream_close_async(stream.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
}

/// All is decided here, but for what is in a body. Bodies that nobody asked for are read and
/// dropped.
void Server::onHeaders(SoupServer *, SoupServerMessage *message, const char *path, GHashTable *,
                       gpointer self) {
  onControlThread();
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
  static_cast<Server *>(self)->receive(message, path);
}

void Server::onRead(SoupServer *, SoupServerMessage *message, gpointer self) {
  onControlThread();
  static_cast<Server *>(self)->listener_->setPhase(connectionOf(message), Phase::Reading);
  Visit *visit = visitOf(message);
  if (!visit || !visit->onBody) return;
  Owned<GBytes, g_bytes_unref> bytes(
      soup_message_body_flatten(soup_server_message_get_request_body(message)));
  gsize size = 0;
  auto *data = static_cast<const char *>(g_bytes_get_data(bytes.get(), &size));
  if (size > visit->maxBytes) return refuse(message, 413, tooLarge(visit->maxBytes));
  // Without a status libsoup tries a WebSocket handshake, which writes a body of its own.
  soup_server_message_set_status(message, 500, nullptr);
  visit->onBody({data ? data : "", size});
}

void Server::awaitBody(SoupServerMessage *message, std::unique_ptr<Visit> visit) {
  const goffset announced =
      soup_message_headers_get_content_length(soup_server_message_get_request_headers(message));
  if (announced > static_cast<goffset>(visit->maxBytes))
    return refuse(message, 413, tooLarge(visit->maxBytes));
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), TRUE);
  setVisit(message, std::move(visit));
}

void Server::setVisit(SoupServerMessage *message, std::unique_ptr<Visit> visit) {
  g_object_set_data_full(G_OBJECT(message), kVisit, visit.release(),
                         [](gpointer data) { delete static_cast<Visit *>(data); });
}

void Server::onAborted(SoupServer *, SoupServerMessage *message, gpointer) {
  onControlThread();
  Visit *visit = visitOf(message);
  auto host = visit ? visit->host.lock() : nullptr;
  if (!host) return;
  if (visit->question) host->authorizer().cancel(visit->question);
  if (visit->client) host->abandon(visit->client);
}

static bool isWhip(Door door) {
  return door == Door::Whip || door == Door::WhipSession || door == Door::Statistics;
}

void Server::receive(SoupServerMessage *message, const char *path) {
  const char *forwarded = soup_message_headers_get_list(
      soup_server_message_get_request_headers(message), "X-Forwarded-For");
  Listener::Caller caller = listener_->onRequest(connectionOf(message), forwarded);
  const auto shared = shareWithPage(message);
  const bool badLength = hasBadLength(message);
  const auto sendAway = badLength ? cutOff : refuse;
  if (caller.tooOften)
    return sendAway(message, 429, "Too many requests came from your address. Wait a second.");
  if (caller.tooMany)
    return sendAway(message, 503, "Your address has too many connections. Close some of them.");
  if (badLength) return sendAway(message, 400, "Content-Length is not a number.");
  auto route = parseRoute(path);
  if (!route) return refuse(message, route.error().code, route.error().detail);
  if (isWhip(route->door) && !shared)
    return refuse(message, shared.error().code, shared.error().detail);
  answer(message, *route, std::move(caller));
}

std::string Server::methodsOf(Door door) {
  if (door == Door::Whip) return "GET, HEAD, OPTIONS, POST";
  if (door == Door::WhipSession) return "DELETE, GET, HEAD, OPTIONS, PATCH";
  if (door == Door::Statistics) return "OPTIONS, PUT";
  return "GET, HEAD";
}

void Server::answer(SoupServerMessage *message, const Route &route, Listener::Caller caller) {
  const std::string method = soup_server_message_get_method(message);
  const std::string allowed = methodsOf(route.door);
  const auto list = splitList(allowed);
  if (std::find(list.begin(), list.end(), method) == list.end()) {
    setHeader(message, "Allow", allowed);
    return refuse(message, 405, method + " is not known here; there are " + allowed + ".");
  }
  switch (route.door) {
    case Door::Index:
      return answerResource(message, "index.html");
    case Door::StreamList:
      return answerStreamList(message);
    case Door::Asset:
      return answerResource(message, route.name);
    case Door::PublishPage: {
      auto host = hostThat([&, token = tokenOf(message)](StreamHost &one)
                               REQUIRES(control) { return one.admitPage(route.name, token); });
      if (!host) return refuse(message, host.error().code, host.error().detail);
      answerResource(message, "publish.html");
      return addIceServers(message, (*host)->settings(), false);
    }
    case Door::PublishSocket:
      return answerSocket(message, route.name, std::move(caller));
    case Door::Whip:
    case Door::WhipSession:
    case Door::Statistics:
      return answerWhip(message, route, std::move(caller));
  }
}

static bool isUpgrade(SoupServerMessage *message) {
  return g_ascii_strcasecmp(headerText(message, "Upgrade").c_str(), "websocket") == 0;
}

/// Where the client may go on, the message is left without a status: libsoup makes the handshake
/// and calls onWebSocket().
static void concludeSocket(SoupServerMessage *message,
                           const Result<std::shared_ptr<Session>> &let) {
  if (!let) return refuse(message, let.error().code, let.error().detail);
  if (isUpgrade(message)) return;
  setHeader(message, "Upgrade", "websocket");
  refuse(message, 426, "This address speaks WebSocket: see docs/protocol.md.");
}

Server::Visit *Server::visitOf(SoupServerMessage *message) {
  return static_cast<Visit *>(g_object_get_data(G_OBJECT(message), kVisit));
}

void Server::answerSocket(SoupServerMessage *message, const std::string &stream,
                          Listener::Caller caller) {
  AccessRequest request = accessRequestOf(message, stream, "webrtc", caller.address);
  const unsigned connection = connectionOf(message);
  auto host = hostThat([&](StreamHost &one) REQUIRES(control) {
    return one.admit(request, *listener_, connection);
  });
  if (!host) return refuse(message, host.error().code, host.error().detail);

  auto owned = std::make_unique<Visit>();
  Visit *visit = owned.get();
  visit->host = *host;
  visit->loopback = caller.loopback;
  setVisit(message, std::move(owned));
  auto conclude = [this, kept = Ref<SoupServerMessage>::share(message), visit,
                   connection](Result<std::shared_ptr<Session>> let) REQUIRES(control) {
    const bool waited = visit->question;
    visit->question = 0;
    if (let) visit->session = *let;
    listener_->setPhase(connection, Phase::Reading);
    concludeSocket(kept.get(), let);
    if (waited) soup_server_message_unpause(kept.get());
  };
  visit->question = (*host)->authorizer().ask(std::move(request), std::move(conclude));
  if (!visit->question) return;
  listener_->setPhase(connection, Phase::Deciding);
  soup_server_message_pause(message);
}

void Server::answerStreamList(SoupServerMessage *message) const {
  auto builder = Ref<JsonBuilder>::take(json_builder_new());
  bool any = false;
  json_builder_begin_object(builder.get());
  json_builder_set_member_name(builder.get(), "streams");
  json_builder_begin_array(builder.get());
  const std::string token = tokenOf(message);
  if (auto host =
          hostThat([&](StreamHost &one) REQUIRES(control) { return one.admitToken(token); });
      !host && host.error().code == 401)
    return refuse(message, 401, host.error().detail);
  for (const auto &host : hosts_) {
    if (!host->admitToken(token)) continue;
    any = any || host->acceptsAnyName();
    const auto publishers = host->statistics();
    std::map<std::string_view, const PublisherStatistics *> live;  // of two the newer
    for (const auto &one : publishers)
      live[one.stream] = &one;
    for (const auto &stream : host->list()) {
      OwnedString escaped(g_uri_escape_string(stream.name.c_str(), "/", FALSE));
      json_builder_begin_object(builder.get());
      json_builder_set_member_name(builder.get(), "name");
      json_builder_add_string_value(builder.get(), stream.name.c_str());
      json_builder_set_member_name(builder.get(), "state");
      json_builder_add_string_value(builder.get(), stream.live ? "live" : "reserved");
      json_builder_set_member_name(builder.get(), "publish");
      json_builder_add_string_value(builder.get(),
                                    ("/" + std::string(escaped.get()) + "/publish").c_str());
      if (auto found = live.find(stream.name); found != live.end())
        addPublic(builder.get(), *found->second);
      json_builder_end_object(builder.get());
    }
  }
  json_builder_end_array(builder.get());
  json_builder_set_member_name(builder.get(), "any");
  json_builder_add_boolean_value(builder.get(), any);
  json_builder_end_object(builder.get());
  Owned<JsonNode, json_node_unref> root(json_builder_get_root(builder.get()));
  OwnedString text(json_to_string(root.get(), FALSE));
  reply(message, 200, "application/json; charset=utf-8", text.get());
}

void Server::onWebSocket(SoupServer *, SoupServerMessage *message, const char *,
                         SoupWebsocketConnection *connection, gpointer self) {
  onControlThread();
  auto *server = static_cast<Server *>(self);
  Visit *visit = visitOf(message);
  if (!visit || !visit->session) return;
  auto host = visit->host.lock();
  if (!host) return;
  const unsigned id = connectionOf(message);
  server->listener_->setPhase(id, Phase::Upgraded);
  host->open(std::move(visit->session), connection, server->closing_,
             {server->listener_, id, visit->loopback});
}

}  // namespace gws
