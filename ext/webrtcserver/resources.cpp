// SPDX-License-Identifier: LGPL-2.1-or-later
// Counting of descriptors.
#include "resources.h"

#include <dirent.h>
#include <sys/resource.h>

#include <cerrno>

#include "gst/common/glib_owned.h"

namespace gws {

bool descriptorsLeft(unsigned needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  Owned<DIR, closedir> open(opendir("/proc/self/fd"));
  if (!open) return errno != EMFILE && errno != ENFILE;
  rlim_t used = 0;
  while (readdir(open.get()))
    used++;
  return used + needed <= limit.rlim_cur;
}

}  // namespace gws
