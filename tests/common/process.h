// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests of several processes: children that talk in lines, and this process's memory.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"

namespace gws::test {

/// Runs the default main context until that is so; false: not in time.
bool waitUntil(const std::function<bool()> &done, gint64 microseconds);

/// This program with other arguments; its lines come to the default main context. The destructor
/// ends it. Owner and caller: the main thread.
class Child {
 public:
  using OnLine = std::function<void(const std::string &)>;

  Child(const std::vector<std::string> &arguments, OnLine onLine);
  ~Child();
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;

  /// A line for its standard input.
  void say(const std::string &line);
  /// Has closed its standard output: it has ended, or is about to.
  bool over() const { return over_; }
  /// Runs the main context until the process has said everything. False: it failed, or said
  /// nothing for too long.
  bool wait(gint64 silenceMicroseconds);
  /// What waitpid() gave, in words; once it is over.
  std::string howItEnded();

 private:
  void readLine();
  void onRead(GAsyncResult *result);

  OnLine onLine_;
  Ref<GSubprocess> process_;
  Ref<GDataInputStream> lines_;
  bool over_ = false;
  unsigned count_ = 0;
};

/// The resident set of this process.
double residentMiB();
/// What malloc() has given out in this process.
double heapMiB();
/// Starts this program again with an allocator that gives back what threads that are gone have
/// freed: one arena, and none of the slices that GLib kept before 2.76, which it decides on before
/// main(). Call it first.
void restartWithPlainMalloc(char **argv);

}  // namespace gws::test
