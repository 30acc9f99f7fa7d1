// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebSocket client without any media, and plain HTTP requests, for tests of the protocol.
#include "raw_socket.h"

#include <gio/gio.h>

#include <cstdlib>

namespace gws::test {

namespace {

Owned<GBytes, g_bytes_unref> toBytes(const std::string &text) {
  return Owned<GBytes, g_bytes_unref>(g_bytes_new(text.data(), text.size()));
}

std::string lowerCase(const std::string &text) {
  return takeString(g_ascii_strdown(text.data(), static_cast<gssize>(text.size())));
}

/// Status line and headers; the body's bytes that are there already.
HttpReply parseHead(const std::string &head) {
  HttpReply reply;
  Owned<char *, g_strfreev> lines(g_strsplit(head.c_str(), "\r\n", -1));
  if (g_str_has_prefix(lines.get()[0], "HTTP/1.") && std::string(lines.get()[0]).size() > 9)
    reply.status = std::atoi(lines.get()[0] + 9);
  for (char **line = lines.get() + 1; *line; ++line) {
    const std::string text(*line);
    const auto colon = text.find(':');
    if (colon == std::string::npos) continue;
    const auto start = text.find_first_not_of(' ', colon + 1);
    reply.headers[lowerCase(text.substr(0, colon))] =
        start == std::string::npos ? std::string() : text.substr(start);
  }
  return reply;
}

/// Reads until `done(bytes)`, or until the other side has closed or the time is over.
template <typename Done>
std::string readUntil(GInputStream *stream, std::string bytes, OwnedError &error, Done done) {
  char buffer[4096];
  while (!done(bytes)) {
    const gssize size = g_input_stream_read(stream, buffer, sizeof buffer, nullptr, Out(error));
    if (size <= 0) break;
    bytes.append(buffer, static_cast<std::size_t>(size));
  }
  return bytes;
}

std::string requestText(const HttpRequest &request) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.host +
                     ":" + std::to_string(request.port) + "\r\n";
  for (const auto &[name, value] : request.headers)
    text += name + ": " + value + "\r\n";
  if (!request.body.empty())
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

SoupSession *newSession(const std::string &localAddress) {
  if (localAddress.empty()) return soup_session_new();
  const auto address =
      Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(localAddress.c_str(), 0));
  return soup_session_new_with_options("local-address", address.get(), nullptr);
}

}  // namespace

RawSocket::~RawSocket() {
  loop_.call([this] {
    onOpen = onClosed = nullptr;
    onText = nullptr;
    if (cancellable_) g_cancellable_cancel(cancellable_.get());
    if (session_) soup_session_abort(session_.get());
  });
  drop();
  loop_.call([this] {
    if (connection_) g_signal_handlers_disconnect_by_data(connection_.get(), this);
    connection_.reset();
    request_.reset();
    session_.reset();
  });
  loop_.stop();
}

bool RawSocket::connect(const std::string &url, const Headers &headers, Timeout timeout) {
  open(url, headers);
  state_.waitFor([](const State &state) { return state.open || state.end.closed; }, timeout);
  return state_.get().open;
}

void RawSocket::open(const std::string &url, const Headers &headers) {
  loop_.post([this, url, headers] {
    session_ = Ref<SoupSession>::take(newSession(localAddress));
    cancellable_ = Ref<GCancellable>::take(g_cancellable_new());
    request_ = Ref<SoupMessage>::take(soup_message_new("GET", url.c_str()));
    const char *origin = nullptr;
    for (const auto &[name, value] : headers) {
      if (name == "Origin")
        origin = value.c_str();
      else
        soup_message_headers_append(soup_message_get_request_headers(request_.get()), name.c_str(),
                                    value.c_str());
    }
    soup_session_websocket_connect_async(
        session_.get(), request_.get(), origin, nullptr, G_PRIORITY_DEFAULT, cancellable_.get(),
        [](GObject *, GAsyncResult *result, gpointer self) {
          static_cast<RawSocket *>(self)->opened(result);
        },
        this);
  });
}

void RawSocket::opened(GAsyncResult *result) {
  if (!session_) return;  // dropped meanwhile
  OwnedError error;
  connection_ = Ref<SoupWebsocketConnection>::take(
      soup_session_websocket_connect_finish(session_.get(), result, Out(error)));
  const int status = static_cast<int>(soup_message_get_status(request_.get()));
  if (!connection_) {
    state_.update([&](State &state) {
      state.end = {.closed = true, .reason = error ? error->message : "", .httpStatus = status};
    });
    if (onClosed) onClosed();
    return;
  }
  g_signal_connect_swapped(connection_.get(), "closed",
                           G_CALLBACK(+[](RawSocket *self) { self->ended(); }), this);
  using OnMessage = void (*)(SoupWebsocketConnection *, int, GBytes *, RawSocket *);
  const OnMessage onMessage = [](SoupWebsocketConnection *, int, GBytes *bytes, RawSocket *self) {
    gsize size = 0;
    const auto *data = static_cast<const char *>(g_bytes_get_data(bytes, &size));
    self->received(data, size);
  };
  g_signal_connect(connection_.get(), "message", G_CALLBACK(onMessage), this);
  state_.update([status](State &state) {
    state.open = true;
    state.end.httpStatus = status;
  });
  if (onOpen) onOpen();
}

void RawSocket::received(const char *text, std::size_t size) {
  std::string message(text ? text : "", size);
  if (onText) return onText(message);
  state_.update([&message](State &state) { state.messages.push_back(std::move(message)); });
}

void RawSocket::ended() {
  const char *reason = soup_websocket_connection_get_close_data(connection_.get());
  const int code = soup_websocket_connection_get_close_code(connection_.get());
  state_.update([&](State &state) {
    state.open = false;
    state.end.closed = true;
    state.end.closeCode = code ? code : 1006;
    state.end.reason = reason ? reason : "";
  });
  if (onClosed) onClosed();
}

bool RawSocket::canSend() const {
  // While the other side's close frame is being answered, `closed` has not come yet.
  return connection_ &&
         soup_websocket_connection_get_state(connection_.get()) == SOUP_WEBSOCKET_STATE_OPEN;
}

void RawSocket::sendText(const std::string &text) {
  loop_.post([this, text] {
    if (!canSend()) return;
    const auto bytes = toBytes(text);
    soup_websocket_connection_send_message(connection_.get(), SOUP_WEBSOCKET_DATA_TEXT,
                                           bytes.get());
  });
}

void RawSocket::sendBinary(const std::string &text) {
  loop_.post([this, text] {
    if (!canSend()) return;
    const auto bytes = toBytes(text);
    soup_websocket_connection_send_message(connection_.get(), SOUP_WEBSOCKET_DATA_BINARY,
                                           bytes.get());
  });
}

void RawSocket::close(unsigned short code, const std::string &reason) {
  loop_.call([&] {
    if (!canSend()) return;
    soup_websocket_connection_close(connection_.get(), code,
                                    reason.empty() ? nullptr : reason.c_str());
  });
}

void RawSocket::drop() {
  loop_.call([this] {
    if (!connection_) return;
    GIOStream *stream = soup_websocket_connection_get_io_stream(connection_.get());
    // libsoup's own stream wraps the socket's.
    Ref<GIOStream> base;
    if (stream && !G_IS_SOCKET_CONNECTION(stream) &&
        g_object_class_find_property(G_OBJECT_GET_CLASS(stream), "base-iostream"))
      base = Ref<GIOStream>::take(getProperty<GIOStream *>(stream, "base-iostream"));
    else
      base = Ref<GIOStream>::share(stream);
    if (!base || !G_IS_SOCKET_CONNECTION(base.get())) return;
    GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(base.get()));
    g_socket_shutdown(socket, TRUE, TRUE, nullptr);
  });
}

std::optional<std::string> RawSocket::waitMessage(Timeout timeout) {
  state_.waitFor([](const State &state) { return !state.messages.empty() || state.end.closed; },
                 timeout);
  std::optional<std::string> message;
  state_.update([&message](State &state) {
    if (state.messages.empty()) return;
    message = std::move(state.messages.front());
    state.messages.pop_front();
  });
  return message;
}

SocketEnd RawSocket::waitClosed(Timeout timeout) {
  state_.waitFor([](const State &state) { return state.end.closed; }, timeout);
  return end();
}

HttpReply httpRequest(const HttpRequest &request) {
  HttpReply reply;
  OwnedError error;
  const auto client = Ref<GSocketClient>::take(g_socket_client_new());
  g_socket_client_set_enable_proxy(client.get(), FALSE);
  g_socket_client_set_timeout(client.get(), 10);
  const auto connection = Ref<GSocketConnection>::take(g_socket_client_connect_to_host(
      client.get(), request.host.c_str(), static_cast<guint16>(request.port), nullptr, Out(error)));
  if (!connection) {
    reply.error = error->message;
    return reply;
  }
  GIOStream *stream = G_IO_STREAM(connection.get());
  const std::string text = requestText(request);
  g_output_stream_write_all(g_io_stream_get_output_stream(stream), text.data(), text.size(),
                            nullptr, nullptr, Out(error));
  GInputStream *input = g_io_stream_get_input_stream(stream);
  const auto headEnds = [](const std::string &bytes) {
    return bytes.find("\r\n\r\n") != std::string::npos;
  };
  std::string bytes = readUntil(input, {}, error, headEnds);
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) {
    reply.error = error ? error->message : "the connection ended before an answer";
    return reply;
  }
  reply = parseHead(bytes.substr(0, end));
  if (reply.status == 101 || request.method == "HEAD") return reply;
  const auto length = reply.headers.find("content-length");
  const std::size_t expected = length == reply.headers.end()
                                   ? std::string::npos
                                   : std::strtoul(length->second.c_str(), nullptr, 10);
  reply.body = readUntil(input, bytes.substr(end + 4), error,
                         [expected](const std::string &body) { return body.size() >= expected; });
  return reply;
}

HttpReply httpGet(unsigned port, const std::string &target, const Headers &headers) {
  return httpRequest({.port = port, .target = target, .headers = headers});
}

HttpReply upgradeReply(unsigned port, const std::string &target, const Headers &headers) {
  HttpRequest request{.port = port, .target = target, .headers = headers};
  request.headers.insert(request.headers.end(),
                         {{"Connection", "Upgrade"},
                          {"Upgrade", "websocket"},
                          {"Sec-WebSocket-Version", "13"},
                          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}});
  return httpRequest(request);
}

}  // namespace gws::test
