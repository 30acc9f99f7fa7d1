// SPDX-License-Identifier: LGPL-2.1-or-later
// libsoup's WebSocket connection, wrapped.
#include "websocket.h"

namespace gws {

/// More than the protocol's own bound, so that its close code goes out; beyond it libsoup closes
/// with 1009 before it has the whole message.
constexpr guint64 kMaxMessageBytes = 1024 * 1024;
ClosingSockets::~ClosingSockets() {
  for (auto &connection : connections_)
    g_signal_handlers_disconnect_by_data(connection.get(), this);
}

void ClosingSockets::keep(Ref<SoupWebsocketConnection> connection) {
  g_signal_connect(connection.get(), "closed", G_CALLBACK(onClosed), this);
  connections_.push_back(std::move(connection));
}

void ClosingSockets::onClosed(SoupWebsocketConnection *connection, gpointer self) {
  onControlThread();
  g_signal_handlers_disconnect_by_data(connection, self);
  std::erase_if(static_cast<ClosingSockets *>(self)->connections_,
                [&](const auto &one) { return one.get() == connection; });
}

WebSocket::WebSocket(SoupWebsocketConnection *connection, ClosingSockets &closing,
                     Callbacks callbacks)
    : connection_(Ref<SoupWebsocketConnection>::share(connection)),
      closing_(closing),
      callbacks_(std::move(callbacks)) {
  soup_websocket_connection_set_max_incoming_payload_size(connection, kMaxMessageBytes);
  soup_websocket_connection_set_keepalive_interval(connection, 20);
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

void WebSocket::sendAnswer(const std::string &sdp) { sendText(answerMessage(sdp)); }

void WebSocket::sendCandidate(const std::string &candidate, const std::string &mid,
                              unsigned lineIndex) {
  sendText(candidateMessage(candidate, mid, lineIndex));
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
