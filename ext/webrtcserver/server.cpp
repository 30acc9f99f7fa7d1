// SPDX-License-Identifier: LGPL-2.1-or-later
// Listening, routes and pages.
#include "server.h"

#include <json-glib/json-glib.h>

#include <map>

#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-http", "HTTP requests and WebSocket upgrades");

namespace gws {

constexpr const char *kResourcePath = "/org/gstreamer/webrtcserver/web/";
constexpr const char *kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

using ServerKey = std::pair<std::string, unsigned>;

static std::map<ServerKey, std::weak_ptr<Server>> &runningServers() {
  static std::map<ServerKey, std::weak_ptr<Server>> servers;
  return servers;
}

static Result<Ref<SoupServer>> listen(const std::string &address, unsigned port) {
  auto inet = Ref<GInetAddress>::take(g_inet_address_new_from_string(address.c_str()));
  if (!inet) return Error{0, "address \"" + address + "\" is not an IP address"};
  auto socketAddress = Ref<GSocketAddress>::take(g_inet_socket_address_new(inet.get(), port));
  auto soup = Ref<SoupServer>::take(
      SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr)));
  // Compressed messages would let a few bytes become many; signalling does not need them.
  soup_server_remove_websocket_extension(soup.get(), SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  OwnedError error;
  if (!soup_server_listen(soup.get(), socketAddress.get(), SoupServerListenOptions(0), Out(error)))
    return Error{0, error->message};
  return soup;
}

static unsigned listeningPort(SoupServer *soup) {
  Owned<GSList, g_slist_free> listeners(soup_server_get_listeners(soup));
  if (!listeners) return 0;
  auto address =
      Ref<GSocketAddress>::take(g_socket_get_local_address(G_SOCKET(listeners->data), nullptr));
  return address ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get())) : 0;
}

Result<std::shared_ptr<Server>> Server::acquire(const std::string &address, unsigned port) {
  auto &running = runningServers();
  if (port != 0) {
    if (auto server = running[{address, port}].lock()) return server;
  }
  auto soup = listen(address, port);
  if (!soup) return soup.error();
  std::shared_ptr<Server> server(new Server(*soup));
  running[{address, server->port()}] = server;
  return server;
}

Server::Server(Ref<SoupServer> soup) : soup_(std::move(soup)), port_(listeningPort(soup_.get())) {
  soup_server_add_early_handler(soup_.get(), nullptr, onHeaders, this, nullptr);
  soup_server_add_handler(soup_.get(), nullptr, onRequest, this, nullptr);
  soup_server_add_websocket_handler(soup_.get(), nullptr, nullptr, nullptr, onWebSocket, this,
                                    nullptr);
}

Server::~Server() {
  soup_server_remove_handler(soup_.get(), nullptr);
  soup_server_disconnect(soup_.get());
}

static void reply(SoupServerMessage *message, unsigned status, const char *type,
                  std::string_view body) {
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "Content-Security-Policy", kContentPolicy);
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace(headers, "Referrer-Policy", "no-referrer");
  soup_message_headers_replace(headers, "Cache-Control", "no-cache");
  soup_server_message_set_response(message, type, SOUP_MEMORY_COPY, body.data(), body.size());
  soup_server_message_set_status(message, status, nullptr);
}

static void refuse(SoupServerMessage *message, unsigned status, const std::string &sentence) {
  GST_INFO("%s %s: %u %s", soup_server_message_get_method(message),
           g_uri_get_path(soup_server_message_get_uri(message)), status, sentence.c_str());
  reply(message, status, "text/plain; charset=utf-8", sentence + "\n");
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

Result<StreamHost *> Server::hostOf(const std::string &stream) const {
  Error error{404, "Nothing is published here."};
  for (StreamHost *host : hosts_) {
    auto admitted = host->admit(stream);
    if (admitted) return host;
    error = admitted.error();
  }
  return error;
}

/// Bodies are never wanted here: what is sent all the same is read and dropped.
void Server::onHeaders(SoupServer *, SoupServerMessage *message, const char *, GHashTable *,
                       gpointer) {
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
}

void Server::onRequest(SoupServer *, SoupServerMessage *message, const char *path, GHashTable *,
                       gpointer self) {
  onControlThread();
  static_cast<Server *>(self)->answer(message, path);
}

void Server::answer(SoupServerMessage *message, const char *path) {
  auto route = parseRoute(path);
  if (!route) return refuse(message, route.error().code, route.error().detail);
  const char *method = soup_server_message_get_method(message);
  if (method != SOUP_METHOD_GET && method != SOUP_METHOD_HEAD) {
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow",
                                 "GET, HEAD");
    return refuse(message, 405, std::string(method) + " is not known here; GET is.");
  }
  switch (route->door) {
    case Door::Index:
      return answerResource(message, "index.html");
    case Door::StreamList:
      return answerStreamList(message);
    case Door::Asset:
      return answerResource(message, route->name);
    case Door::PublishPage:
      if (auto host = hostOf(route->name); !host)
        return refuse(message, host.error().code, host.error().detail);
      return answerResource(message, "publish.html");
    case Door::PublishSocket:
      return answerSocket(message, route->name);
  }
}

/// Without a status the request goes on to libsoup's handshake, and from there to onWebSocket().
void Server::answerSocket(SoupServerMessage *message, const std::string &stream) {
  if (auto host = hostOf(stream); !host)
    return refuse(message, host.error().code, host.error().detail);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
  const char *upgrade = soup_message_headers_get_one(headers, "Upgrade");
  if (!upgrade || g_ascii_strcasecmp(upgrade, "websocket") != 0) {
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Upgrade",
                                 "websocket");
    return refuse(message, 426, "This address speaks WebSocket: see docs/protocol.md.");
  }
}

void Server::answerStreamList(SoupServerMessage *message) const {
  auto builder = Ref<JsonBuilder>::take(json_builder_new());
  bool any = false;
  json_builder_begin_object(builder.get());
  json_builder_set_member_name(builder.get(), "streams");
  json_builder_begin_array(builder.get());
  for (const StreamHost *host : hosts_) {
    any = any || host->acceptsAnyName();
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

static bool isLoopback(SoupServerMessage *message) {
  GSocketAddress *address = soup_server_message_get_remote_address(message);
  if (!address || !G_IS_INET_SOCKET_ADDRESS(address)) return false;
  return g_inet_address_get_is_loopback(
      g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

void Server::onWebSocket(SoupServer *, SoupServerMessage *message, const char *path,
                         SoupWebsocketConnection *connection, gpointer self) {
  onControlThread();
  auto *server = static_cast<Server *>(self);
  auto route = parseRoute(path);
  if (!route || route->door != Door::PublishSocket) return;
  if (auto host = server->hostOf(route->name))
    (*host)->open(route->name, connection, server->closing_, isLoopback(message));
}

}  // namespace gws
