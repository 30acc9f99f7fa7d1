// SPDX-License-Identifier: LGPL-2.1-or-later
// Two leaks of libraries, of one small object for each connection or thread, put out of action.
#pragma once

namespace gws::soak {

/// From now on:
/// - the socket that libsoup before 3.4 accepts, and never lets go of, is let go of;
/// - GnuTLS, of which libnice asks random numbers, is not asked: it keeps a context for
///   every thread that did, until the process ends.
/// Each of those objects is small, but keeps the page on which it lies from being given back, so
/// that they hide what RSS says of everything else.
void stopLibraryLeaks();

}  // namespace gws::soak
