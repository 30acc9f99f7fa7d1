// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests of several processes: children that talk in lines, and this process's memory.
#include "process.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

namespace gws::test {

bool waitUntil(const std::function<bool()> &done, gint64 microseconds) {
  const gint64 deadline = g_get_monotonic_time() + microseconds;
  const guint tick = g_timeout_add(
      20, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!done() && g_get_monotonic_time() < deadline)
    g_main_context_iteration(nullptr, TRUE);
  g_source_remove(tick);
  return done();
}

Child::Child(const std::vector<std::string> &arguments, OnLine onLine)
    : onLine_(std::move(onLine)) {
  static const std::string self = takeString(g_file_read_link("/proc/self/exe", nullptr));
  std::vector<const char *> argv{self.c_str()};
  for (const auto &argument : arguments)
    argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  OwnedError error;
  const auto pipes =
      static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDIN_PIPE);
  process_ = Ref<GSubprocess>::take(g_subprocess_newv(argv.data(), pipes, Out(error)));
  if (!process_) g_error("cannot start '%s': %s", self.c_str(), error->message);
  lines_ = Ref<GDataInputStream>::take(
      g_data_input_stream_new(g_subprocess_get_stdout_pipe(process_.get())));
  readLine();
}

Child::~Child() {
  g_subprocess_force_exit(process_.get());
  // Its pipe ends with it, and with that the last callback.
  while (!over_)
    g_main_context_iteration(nullptr, TRUE);
  g_subprocess_wait(process_.get(), nullptr, nullptr);
}

void Child::say(const std::string &line) {
  const std::string text = line + "\n";
  g_output_stream_write_all(g_subprocess_get_stdin_pipe(process_.get()), text.data(), text.size(),
                            nullptr, nullptr, nullptr);
}

bool Child::wait(gint64 silenceMicroseconds) {
  while (!over_) {
    const unsigned seen = count_;
    if (!waitUntil([&] { return over_ || count_ != seen; }, silenceMicroseconds)) return false;
  }
  g_subprocess_wait(process_.get(), nullptr, nullptr);
  return g_subprocess_get_successful(process_.get());
}

std::string Child::howItEnded() {
  g_subprocess_wait(process_.get(), nullptr, nullptr);
  if (g_subprocess_get_if_signaled(process_.get()))
    return "killed by signal " + std::to_string(g_subprocess_get_term_sig(process_.get()));
  return "exit status " + std::to_string(g_subprocess_get_exit_status(process_.get()));
}

void Child::readLine() {
  g_data_input_stream_read_line_async(
      lines_.get(), G_PRIORITY_DEFAULT, nullptr,
      [](GObject *, GAsyncResult *result, gpointer self) {
        static_cast<Child *>(self)->onRead(result);
      },
      this);
}

void Child::onRead(GAsyncResult *result) {
  OwnedString line(g_data_input_stream_read_line_finish(lines_.get(), result, nullptr, nullptr));
  if (!line) {
    over_ = true;
    return;
  }
  ++count_;
  onLine_(line.get());
  readLine();
}

double residentMiB() {
  long pages = 0;
  if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double heapMiB() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / (1 << 20);
}

void restartWithPlainMalloc(char **argv) {
  mallopt(M_ARENA_MAX, 1);
  if (g_getenv("G_SLICE")) return;
  g_setenv("G_SLICE", "always-malloc", TRUE);
  execv("/proc/self/exe", argv);
}

}  // namespace gws::test
