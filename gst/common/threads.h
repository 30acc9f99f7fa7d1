// SPDX-License-Identifier: LGPL-2.1-or-later
// Mutex and Lock with clang's thread-safety annotations, and the capability `control`.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define GWS_THREAD(x) __attribute__((x))
#else
#define GWS_THREAD(x)
#endif

#define CAPABILITY(x) GWS_THREAD(capability(x))
#define SCOPED_CAPABILITY GWS_THREAD(scoped_lockable)
#define GUARDED_BY(x) GWS_THREAD(guarded_by(x))
#define REQUIRES(...) GWS_THREAD(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) GWS_THREAD(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) GWS_THREAD(acquire_capability(__VA_ARGS__))
#define RELEASE(...) GWS_THREAD(release_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) GWS_THREAD(assert_capability(x))
#define NO_THREAD_SAFETY_ANALYSIS GWS_THREAD(no_thread_safety_analysis)

namespace gws {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex &mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() RELEASE() { mutex_.unlock(); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

 private:
  Mutex &mutex_;
};

/// A condition variable for a Mutex; waits give it up meanwhile.
class Condition {
 public:
  void notifyAll() { condition_.notify_all(); }
  void wait(Mutex &mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// False when the time is over.
  template <typename Duration>
  bool waitFor(Mutex &mutex, Duration duration) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const auto status = condition_.wait_for(lock, duration);
    lock.release();
    return status == std::cv_status::no_timeout;
  }

 private:
  std::condition_variable condition_;
};

/// Something that one thread says once, and others wait for.
class Sign {
 public:
  void give() EXCLUDES(mutex_) {
    Lock lock(mutex_);
    given_ = true;
    changed_.notifyAll();
  }
  /// False when the time is over.
  template <typename Duration>
  bool await(Duration patience) EXCLUDES(mutex_) {
    Lock lock(mutex_);
    while (!given_ && changed_.waitFor(mutex_, patience)) {
    }
    return given_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  bool given_ GUARDED_BY(mutex_) = false;
};

/// The control thread as a capability: what it owns is GUARDED_BY(control), its functions are
/// REQUIRES(control). It is held by running on that thread, never by locking.
class CAPABILITY("control thread") ControlCapability {};
inline ControlCapability control;

/// Tells the analysis that the calling code runs on the control thread (a callback of libsoup or
/// of a GSource attached to its context).
inline void onControlThread() ASSERT_CAPABILITY(control) {}

}  // namespace gws
