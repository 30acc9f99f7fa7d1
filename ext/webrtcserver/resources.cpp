// SPDX-License-Identifier: LGPL-2.1-or-later
// Counting of descriptors.
#include "resources.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "gst/common/glib_owned.h"

namespace gws {

unsigned descriptorsLeft() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT_MAX;
  Owned<DIR, closedir> open(opendir("/proc/self/fd"));
  if (!open) return errno == EMFILE || errno == ENFILE ? 0 : UINT_MAX;
  rlim_t used = 0;
  while (readdir(open.get()))
    used++;
  const rlim_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
  return static_cast<unsigned>(std::min<rlim_t>(left, UINT_MAX));
}

}  // namespace gws
