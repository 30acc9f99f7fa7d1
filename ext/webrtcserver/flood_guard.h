// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts TCP connections on which more comes than anybody has to say.
#pragma once

#include <glib.h>

#include <map>
#include <thread>

#include "gst/common/threads.h"

namespace gws {

/// libsoup 3.2 bounds each WebSocket frame, but neither the message that is made of many nor the
/// pongs that a flood of pings is owed; and it reads for as long as there is something to read, so
/// that nothing else runs on the control thread meanwhile. So this counts on a thread of its own.
/// Thread-safe.
class FloodGuard {
 public:
  FloodGuard() = default;
  /// Waits for its thread.
  ~FloodGuard();
  FloodGuard(const FloodGuard &) = delete;

  /// Watches a socket until unwatch(); keeps a duplicate of the descriptor. 0: it cannot be
  /// watched.
  unsigned watch(int socket) EXCLUDES(mutex_);
  void unwatch(unsigned id) EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);

  Mutex mutex_;
  Condition changed_;
  std::map<unsigned, int> sockets_ GUARDED_BY(mutex_);
  unsigned nextId_ GUARDED_BY(mutex_) = 1;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  ///< started with the first socket
};

}  // namespace gws
