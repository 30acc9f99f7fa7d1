// SPDX-License-Identifier: LGPL-2.1-or-later
// Counting by TCP_INFO.
#include "flood_guard.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace gws {

constexpr guint64 kMaxBytes = 2 * 1024 * 1024;
constexpr std::chrono::milliseconds kInterval(100);

FloodGuard::~FloodGuard() {
  {
    Lock lock(mutex_);
    ended_ = true;
    changed_.notifyAll();
  }
  if (thread_.joinable()) thread_.join();
  Lock lock(mutex_);
  for (auto &[id, socket] : sockets_)
    close(socket);
}

unsigned FloodGuard::watch(int socket) {
  int duplicate = dup(socket);
  if (duplicate < 0) return 0;
  Lock lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  sockets_[nextId_] = duplicate;
  changed_.notifyAll();
  return nextId_++;
}

void FloodGuard::unwatch(unsigned id) {
  Lock lock(mutex_);
  auto found = sockets_.find(id);
  if (found == sockets_.end()) return;
  close(found->second);
  sockets_.erase(found);
}

static bool isFlooded(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_bytes_received > kMaxBytes;
}

void FloodGuard::run() {
  Lock lock(mutex_);
  while (!ended_) {
    if (sockets_.empty())
      changed_.wait(mutex_);
    else
      changed_.waitFor(mutex_, kInterval);
    for (auto &[id, socket] : sockets_)
      if (isFlooded(socket)) shutdown(socket, SHUT_RDWR);
  }
}

}  // namespace gws
