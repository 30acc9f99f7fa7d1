// SPDX-License-Identifier: LGPL-2.1-or-later
// The control thread: one GMainContext that owns the servers, the sessions and the publishers.
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <thread>

#include "gst/common/glib_owned.h"
#include "gst/common/threads.h"

namespace gws {

/// Runs closures one after another on a thread of its own, whose GMainContext is the thread
/// default, so that libsoup calls back there. One for the process, so that elements can share a
/// port; it lives from the first element's start to the last one's stop.
class ControlThread {
 public:
  /// Shared, because every started element holds it and none of them is the owner.
  static std::shared_ptr<ControlThread> shared();

  ControlThread();
  /// Waits for the thread; never from the control thread itself.
  ~ControlThread();
  ControlThread(const ControlThread &) = delete;

  /// From any thread; returns at once. What is posted after the end is dropped.
  void post(std::function<void()> closure);
  /// Runs the closure and waits for its end; not from the control thread.
  void call(const std::function<void()> &closure);

 private:
  Owned<GMainContext, g_main_context_unref> context_;
  Owned<GMainLoop, g_main_loop_unref> loop_;
  std::thread thread_;
};

/// A timer on the control thread's context; stops when destroyed.
class ControlTimer {
 public:
  ControlTimer() = default;
  ~ControlTimer() { stop(); }
  ControlTimer(const ControlTimer &) = delete;

  /// Calls the closure every `intervalMs` ms; from the control thread.
  void start(unsigned intervalMs, std::function<void()> closure) REQUIRES(control);
  void stop();

 private:
  Owned<GSource, g_source_unref> source_;
};

}  // namespace gws
