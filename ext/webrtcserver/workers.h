// SPDX-License-Identifier: LGPL-2.1-or-later
// Work that may block: a pool of threads, and strands that run jobs in order on it.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "gst/common/glib_owned.h"
#include "gst/common/threads.h"

namespace gws {

using Job = std::function<void()>;

/// Runs jobs on as many threads as there are jobs. One for each started element; thread-safe.
class Workers {
 public:
  Workers();
  /// Waits for every job.
  ~Workers();
  Workers(const Workers &) = delete;

  void run(Job job) EXCLUDES(mutex_);
  /// Returns when no job is running or waiting. Jobs may add jobs meanwhile.
  void waitIdle() EXCLUDES(mutex_);

 private:
  void finishJob() EXCLUDES(mutex_);

  GThreadPool *pool_;
  Mutex mutex_;
  Condition idle_;
  unsigned jobs_ GUARDED_BY(mutex_) = 0;
};

/// Jobs that run one after another, in the order in which they were posted. Thread-safe. Shared,
/// because a job that is running keeps its strand.
class Strand : public std::enable_shared_from_this<Strand> {
 public:
  explicit Strand(Workers &workers) : workers_(workers) {}

  void post(Job job) EXCLUDES(mutex_);

 private:
  void runAll() EXCLUDES(mutex_);

  Workers &workers_;
  Mutex mutex_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
};

}  // namespace gws
