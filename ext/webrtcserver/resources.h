// SPDX-License-Identifier: LGPL-2.1-or-later
// What the process has left.
#pragma once

namespace gws {

/// Whether the process may open so many descriptors more. GLib aborts where one is missing for a
/// thread's wake-up, so whoever is about to need some asks first. True where it cannot be told.
bool descriptorsLeft(unsigned needed);

}  // namespace gws
