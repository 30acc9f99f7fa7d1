// SPDX-License-Identifier: LGPL-2.1-or-later
// The thread that all light publishers send from.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gst/common/threads.h"
#include "light_publisher.h"

namespace gws::benchmark {

/// Wakes every 5 ms, sends what is due, and reads what has come. Owner: the main thread.
class Pacer {
 public:
  Pacer();
  ~Pacer();
  Pacer(const Pacer &) = delete;
  Pacer &operator=(const Pacer &) = delete;

  /// A publisher that is connected.
  void add(std::unique_ptr<LightPublisher> publisher) EXCLUDES(mutex_);

  /// Of all publishers, since the start.
  struct Totals {
    LightPublisher::Counts counts;
    gint64 lateMs = 0;  ///< the longest that the thread came too late since it was asked last
  };
  Totals totals() EXCLUDES(mutex_);

 private:
  void run();
  void takeNew() EXCLUDES(mutex_);
  void readAll();
  void noteTotals(gint64 late) EXCLUDES(mutex_);

  const int readable_;  ///< epoll
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::vector<std::unique_ptr<LightPublisher>> added_ GUARDED_BY(mutex_);
  Totals totals_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<LightPublisher>> publishers_;  ///< the thread's alone
  std::thread thread_;
};

}  // namespace gws::benchmark
