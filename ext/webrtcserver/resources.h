// SPDX-License-Identifier: LGPL-2.1-or-later
// What the process has left.
#pragma once

namespace gws {

/// How many descriptors the process may still open; a great many where it cannot be told. GLib
/// aborts where one is missing for a thread's wake-up, so whoever is about to need some asks first.
/// Looks at each that is open.
unsigned descriptorsLeft();

}  // namespace gws
