// SPDX-License-Identifier: LGPL-2.1-or-later
// A thread that runs a GMainContext of its own, so that a test's thread may block.
#include "loop_thread.h"

namespace gws::test {

using Task = std::function<void()>;

LoopThread::LoopThread()
    : context_(g_main_context_new()), loop_(g_main_loop_new(context_.get(), FALSE)) {
  thread_ = std::thread([this] {
    g_main_context_push_thread_default(context_.get());
    g_main_loop_run(loop_.get());
    g_main_context_pop_thread_default(context_.get());
  });
}

void LoopThread::post(Task task) {
  // Not g_main_context_invoke(): that runs the task right here while the loop has not begun.
  Owned<GSource, g_source_unref> source(g_idle_source_new());
  g_source_set_priority(source.get(), G_PRIORITY_DEFAULT);
  g_source_set_callback(
      source.get(),
      [](gpointer data) -> gboolean {
        (*static_cast<Task *>(data))();
        return G_SOURCE_REMOVE;
      },
      new Task(std::move(task)), [](gpointer data) { delete static_cast<Task *>(data); });
  g_source_attach(source.get(), context_.get());
}

void LoopThread::call(const Task &task) {
  if (std::this_thread::get_id() == thread_.get_id()) return task();
  Watched<bool> done;
  post([&] {
    task();
    done.set(true);
  });
  while (!done.waitFor([](bool value) { return value; }))
    g_warning("still waiting for the loop");
}

void LoopThread::stop() {
  if (!thread_.joinable()) return;
  post([this] { g_main_loop_quit(loop_.get()); });
  thread_.join();
}

}  // namespace gws::test
