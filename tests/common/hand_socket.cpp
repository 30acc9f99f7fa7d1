// SPDX-License-Identifier: LGPL-2.1-or-later
// A TCP connection and WebSocket frames written by hand: what no library would send.
#include "hand_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

namespace gws::test {

namespace {

Ref<GSocketAddress> addressOf(const char *text, unsigned port) {
  return Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(text, port));
}

}  // namespace

const char *const kUpgradeFields =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

std::string frameHead(const FrameHead &head, guint64 size) {
  std::string bytes(
      1, static_cast<char>((head.final ? 0x80 : 0) | (head.reserved << 4) | head.opcode));
  const int mask = head.masked ? 0x80 : 0, length = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const guint64 first = length == 0 ? size : length == 2 ? 126 : 127;
  bytes += static_cast<char>(mask | static_cast<int>(first));
  for (int i = length - 1; i >= 0; --i)
    bytes += static_cast<char>(size >> (8 * i) & 0xff);
  return head.masked ? bytes + std::string(4, '\0') : bytes;
}

std::string clientFrame(Opcode opcode, bool final, std::string_view data) {
  const FrameHead head{.opcode = static_cast<unsigned>(opcode), .final = final};
  return frameHead(head, data.size()).append(data);
}

HandSocket::HandSocket(const Options &options) : patience_(options.patience) {
  const auto server = addressOf(options.host.c_str(), options.port);
  socket_ = Ref<GSocket>::take(g_socket_new(g_socket_address_get_family(server.get()),
                                            G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, nullptr));
  if (!socket_) return;
  g_socket_set_blocking(socket_.get(), FALSE);
  if (options.small) g_socket_set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, 1, nullptr);
  if (!options.source.empty() &&
      !g_socket_bind(socket_.get(), addressOf(options.source.c_str(), 0).get(), FALSE, nullptr))
    return;
  OwnedError error;
  connected_ = g_socket_connect(socket_.get(), server.get(), nullptr, Out(error));
  if (g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_PENDING))
    connected_ =
        waitFor(G_IO_OUT, deadline()) && g_socket_check_connect_result(socket_.get(), nullptr);
}

bool HandSocket::waitFor(GIOCondition condition, gint64 deadline) {
  const gint64 left = deadline - g_get_monotonic_time();
  return left > 0 &&
         g_socket_condition_timed_wait(socket_.get(), condition, left, nullptr, nullptr);
}

bool HandSocket::send(std::string_view bytes) {
  if (!connected_) return false;
  const gint64 until = deadline();
  while (!bytes.empty()) {
    OwnedError error;
    const gssize sent =
        g_socket_send(socket_.get(), bytes.data(), bytes.size(), nullptr, Out(error));
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      cut_ = true;
      return false;
    } else if (!waitFor(G_IO_OUT, until)) {
      return false;
    }
  }
  return true;
}

/// Takes what has come, or waits for it.
bool HandSocket::fill(gint64 deadline) {
  char buffer[16384];
  while (connected_ && !cut_) {
    OwnedError error;
    const gssize got = g_socket_receive(socket_.get(), buffer, sizeof buffer, nullptr, Out(error));
    if (got > 0) {
      received_.append(buffer, static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0 || !g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      cut_ = true;
    else if (!waitFor(G_IO_IN, deadline))
      return false;
  }
  return false;
}

std::string HandSocket::read(std::size_t size) {
  const gint64 until = deadline();
  while (received_.size() < size && fill(until)) {
  }
  const std::string bytes = received_.substr(0, size);
  received_.erase(0, bytes.size());
  return bytes;
}

int HandSocket::readStatus() {
  const gint64 until = deadline();
  std::size_t end;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos)
    if (!fill(until)) return 0;
  const std::string head = received_.substr(0, end);
  received_.erase(0, end + 4);
  if (head.rfind("HTTP/1.", 0) != 0 || head.size() < 12) return 0;
  return std::atoi(head.c_str() + 9);
}

int HandSocket::upgrade(const std::string &target) {
  if (!send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + kUpgradeFields)) return 0;
  return readStatus();
}

std::optional<HandSocket::Frame> HandSocket::readFrame() {
  const std::string head = read(2);
  if (head.size() < 2) return std::nullopt;
  const auto byteOf = [](char byte) { return static_cast<unsigned char>(byte); };
  std::size_t size = byteOf(head[1]) & 0x7f;
  if (size >= 126) {
    const std::string length = read(size == 126 ? 2 : 8);
    size = 0;
    for (const char byte : length)
      size = size << 8 | byteOf(byte);
  }
  Frame frame{.opcode = byteOf(head[0]) & 0x0fu, .data = read(size)};
  if (frame.data.size() < size) return std::nullopt;
  return frame;
}

SocketEnd HandSocket::readClose() {
  while (const auto frame = readFrame()) {
    if (frame->opcode != static_cast<unsigned>(Opcode::Close)) continue;
    const std::string &data = frame->data;
    if (data.size() < 2) return {.closed = true, .closeCode = 1005};
    const int code = static_cast<unsigned char>(data[0]) << 8 | static_cast<unsigned char>(data[1]);
    return {.closed = true, .closeCode = code, .reason = data.substr(2)};
  }
  return {.closed = false, .reason = "no close frame came"};
}

void HandSocket::finish() {
  if (connected_) g_socket_shutdown(socket_.get(), FALSE, TRUE, nullptr);
}

void HandSocket::reset() {
  if (!connected_) return;
  const linger atOnce{.l_onoff = 1, .l_linger = 0};
  setsockopt(g_socket_get_fd(socket_.get()), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
  g_socket_close(socket_.get(), nullptr);
  connected_ = false;
}

}  // namespace gws::test
