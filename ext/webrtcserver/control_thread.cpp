// SPDX-License-Identifier: LGPL-2.1-or-later
// The control thread's loop, closures and timers.
#include "control_thread.h"

#include <future>

namespace gws {

using Closure = std::function<void()>;

static gboolean runClosure(gpointer data) {
  (*static_cast<Closure *>(data))();
  return G_SOURCE_CONTINUE;
}

static void deleteClosure(gpointer data) { delete static_cast<Closure *>(data); }

std::shared_ptr<ControlThread> ControlThread::shared() {
  static Mutex mutex;
  static std::weak_ptr<ControlThread> current;
  Lock lock(mutex);
  auto thread = current.lock();
  if (!thread) {
    thread = std::make_shared<ControlThread>();
    current = thread;
  }
  return thread;
}

ControlThread::ControlThread()
    : context_(g_main_context_new()), loop_(g_main_loop_new(context_.get(), FALSE)) {
  thread_ = std::thread([this] {
    g_main_context_push_thread_default(context_.get());
    g_main_loop_run(loop_.get());
    while (g_main_context_iteration(context_.get(), FALSE)) {
    }
    g_main_context_pop_thread_default(context_.get());
  });
}

ControlThread::~ControlThread() {
  post([this] { g_main_loop_quit(loop_.get()); });
  thread_.join();
}

void ControlThread::post(Closure closure) {
  Owned<GSource, g_source_unref> source(g_idle_source_new());
  g_source_set_priority(source.get(), G_PRIORITY_DEFAULT);
  auto once = [closure = std::move(closure)] {
    closure();
    g_source_destroy(g_main_current_source());
  };
  g_source_set_callback(source.get(), runClosure, new Closure(std::move(once)), deleteClosure);
  g_source_attach(source.get(), context_.get());
}

void ControlThread::call(const Closure &closure) {
  std::promise<void> done;
  post([&] {
    closure();
    done.set_value();
  });
  done.get_future().wait();
}

void ControlTimer::start(unsigned intervalMs, Closure closure) {
  stop();
  source_.reset(g_timeout_source_new(intervalMs));
  g_source_set_callback(source_.get(), runClosure, new Closure(std::move(closure)), deleteClosure);
  g_source_attach(source_.get(), g_main_context_get_thread_default());
}

void ControlTimer::stop() {
  if (source_) g_source_destroy(source_.get());
  source_.reset();
}

}  // namespace gws
