// SPDX-License-Identifier: LGPL-2.1-or-later
// The time by which limits and time-outs are kept.
#pragma once

#include <glib.h>

#include <chrono>

namespace gws {

/// g_get_monotonic_time(), with the unit in its type.
inline std::chrono::milliseconds monotonicNow() {
  return std::chrono::milliseconds(g_get_monotonic_time() / 1000);
}

}  // namespace gws
