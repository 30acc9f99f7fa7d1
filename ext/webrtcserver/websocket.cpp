// SPDX-License-Identifier: LGPL-2.1-or-later
// libsoup's WebSocket connection, wrapped.
#include "websocket.h"

namespace gws {

/// More than the protocol's own bound, so that its close code goes out; beyond it libsoup closes
/// with 1009 before it has the whole message.
constexpr guint64 kMaxMessageBytes = 1024 * 1024;
constexpr gint64 kCloseTimeoutUs = 5'000'000;

/// libsoup sits on top of TLS on top of the socket.
static Ref<GSocket> socketOf(SoupWebsocketConnection *connection) {
  auto stream = Ref<GObject>::share(G_OBJECT(soup_websocket_connection_get_io_stream(connection)));
  while (stream && !G_IS_SOCKET_CONNECTION(stream.get())) {
    const char *below = nullptr;
    for (const char *name : {"base-iostream", "base-io-stream"})
      if (g_object_class_find_property(G_OBJECT_GET_CLASS(stream.get()), name)) below = name;
    stream = below ? Ref<GObject>::take(getProperty<GObject *>(stream.get(), below)) : nullptr;
  }
  if (!stream) return nullptr;
  return Ref<GSocket>::share(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream.get())));
}

/// At once, whatever is still to be written.
static void cut(SoupWebsocketConnection *connection) {
  if (auto socket = socketOf(connection)) g_socket_close(socket.get(), nullptr);
}

void ClosingSockets::guard(SoupWebsocketConnection *connection) {
  struct Watch {
    std::shared_ptr<FloodGuard> guard;
    unsigned id;
    ~Watch() { guard->unwatch(id); }
  };
  auto socket = socketOf(connection);
  if (!socket) return;
  auto *watch = new Watch{guard_, guard_->watch(g_socket_get_fd(socket.get()))};
  g_object_set_data_full(G_OBJECT(connection), "flood-guard", watch,
                         [](gpointer data) { delete static_cast<Watch *>(data); });
}

ClosingSockets::~ClosingSockets() {
  for (auto &[connection, until] : connections_)
    g_signal_handlers_disconnect_by_data(connection.get(), this);
}

void ClosingSockets::keep(Ref<SoupWebsocketConnection> connection) {
  g_signal_connect(connection.get(), "closed", G_CALLBACK(onClosed), this);
  if (connections_.empty())
    timer_.start(1000, [this] {
      onControlThread();
      cutOverdue();
    });
  connections_.push_back({std::move(connection), g_get_monotonic_time() + kCloseTimeoutUs});
}

void ClosingSockets::onClosed(SoupWebsocketConnection *connection, gpointer self) {
  onControlThread();
  g_signal_handlers_disconnect_by_data(connection, self);
  auto *sockets = static_cast<ClosingSockets *>(self);
  std::erase_if(sockets->connections_,
                [&](const Closing &one) { return one.connection.get() == connection; });
  if (sockets->connections_.empty()) sockets->timer_.stop();
}

void ClosingSockets::cutOverdue() {
  gint64 now = g_get_monotonic_time();
  std::erase_if(connections_, [&](const Closing &one) {
    if (now < one.until) return false;
    g_signal_handlers_disconnect_by_data(one.connection.get(), this);
    cut(one.connection.get());
    return true;
  });
  if (connections_.empty()) timer_.stop();
}

WebSocket::WebSocket(SoupWebsocketConnection *connection, ClosingSockets &closing,
                     Callbacks callbacks)
    : connection_(Ref<SoupWebsocketConnection>::share(connection)),
      closing_(closing),
      callbacks_(std::move(callbacks)) {
  soup_websocket_connection_set_max_incoming_payload_size(connection, kMaxMessageBytes);
  soup_websocket_connection_set_keepalive_interval(connection, 20);
  closing.guard(connection);
  g_signal_connect(connection, "message", G_CALLBACK(onMessage), this);
  g_signal_connect(connection, "closed", G_CALLBACK(onClosed), this);
}

WebSocket::~WebSocket() { disconnect(); }

void WebSocket::disconnect() {
  if (connection_) g_signal_handlers_disconnect_by_data(connection_.get(), this);
  connection_.reset();
}

void WebSocket::onMessage(SoupWebsocketConnection *, gint type, GBytes *message, gpointer self) {
  onControlThread();
  auto *socket = static_cast<WebSocket *>(self);
  if (type != SOUP_WEBSOCKET_DATA_TEXT) return socket->callbacks_.binary();
  gsize length = 0;
  auto *data = static_cast<const char *>(g_bytes_get_data(message, &length));
  socket->callbacks_.text({data ? data : "", length});
}

void WebSocket::onClosed(SoupWebsocketConnection *connection, gpointer self) {
  onControlThread();
  auto *socket = static_cast<WebSocket *>(self);
  gushort code = soup_websocket_connection_get_close_code(connection);
  auto closed = socket->callbacks_.closed;
  socket->disconnect();
  closed(code ? std::optional<unsigned>(code) : std::nullopt);
}

void WebSocket::sendText(const std::string &text) {
  if (connection_ &&
      soup_websocket_connection_get_state(connection_.get()) == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_send_text(connection_.get(), text.c_str());
}

void WebSocket::close(CloseCode code, const std::string &reason) {
  auto connection = connection_;
  disconnect();
  if (!connection ||
      soup_websocket_connection_get_state(connection.get()) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  soup_websocket_connection_close(connection.get(), static_cast<gushort>(code),
                                  closeReason(reason).c_str());
  closing_.keep(std::move(connection));
}

}  // namespace gws
