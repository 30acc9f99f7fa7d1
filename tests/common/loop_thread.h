// SPDX-License-Identifier: LGPL-2.1-or-later
// A thread that runs a GMainContext of its own, so that a test's thread may block.
#pragma once

#include <glib.h>

#include <chrono>
#include <functional>
#include <thread>

#include "gst/common/glib_owned.h"
#include "gst/common/threads.h"

namespace gws::test {

using Timeout = std::chrono::milliseconds;
/// Long enough for a slow machine with a sanitizer; a test that waits that long has failed.
/// CK_TIMEOUT_MULTIPLIER, a variable of Check's own, stretches it: valgrind needs that.
inline const Timeout kDeadline = [] {
  const char *text = g_getenv("CK_TIMEOUT_MULTIPLIER");
  const double factor = text ? g_ascii_strtod(text, nullptr) : 0;
  return Timeout(factor > 0 ? static_cast<int>(20'000 * factor) : 20'000);
}();

/// The context is the thread's default one: asynchronous GIO calls made there come back there.
/// stop() (or the destructor) ends it; tasks that did not run by then are dropped.
class LoopThread {
 public:
  LoopThread();
  ~LoopThread() { stop(); }
  LoopThread(const LoopThread &) = delete;
  LoopThread &operator=(const LoopThread &) = delete;

  /// Any thread; does not wait.
  void post(std::function<void()> task);
  /// Any thread; returns when the task has run.
  void call(const std::function<void()> &task);
  void stop();

 private:
  Owned<GMainContext, g_main_context_unref> context_;
  Owned<GMainLoop, g_main_loop_unref> loop_;
  std::thread thread_;
};

/// A value that one thread sets and another waits for; T can be copied.
template <typename T>
class Watched {
 public:
  void set(T value) EXCLUDES(mutex_) {
    update([&value](T &held) { held = std::move(value); });
  }
  template <typename Change>
  void update(Change change) EXCLUDES(mutex_) {
    Lock lock(mutex_);
    change(value_);
    changed_.notifyAll();
  }
  T get() const EXCLUDES(mutex_) {
    Lock lock(mutex_);
    return value_;
  }
  /// True as soon as `predicate(value)` is; false when the time is over.
  template <typename Predicate>
  bool waitFor(Predicate predicate, Timeout timeout = kDeadline) EXCLUDES(mutex_) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    Lock lock(mutex_);
    while (!predicate(value_)) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left.count() <= 0) return false;
      changed_.waitFor(mutex_, left);
    }
    return true;
  }

 private:
  mutable Mutex mutex_;
  Condition changed_;
  T value_ GUARDED_BY(mutex_){};
};

}  // namespace gws::test
