// SPDX-License-Identifier: LGPL-2.1-or-later
// What libraries keep, so that it does not hide what the program under test does: two leaks are put
// out of action, and a cache is filled.
#pragma once

namespace gws::soak {

/// From now on:
/// - the socket that libsoup before 3.4 accepts, and never lets go of, is let go of;
/// - GnuTLS, of which libnice asks random numbers, is not asked: it keeps a context for
///   every thread that did, until the process ends.
/// Each of those objects is small, but keeps the page on which it lies from being given back, so
/// that they hide what RSS says of everything else.
void stopLibraryLeaks();

/// NSS, which does libsrtp's ciphers in Debian 12, keeps up to 800 freed keys for later, 5 KB each:
/// as many as there were at once at any time. Afterwards it has them all. Needs gst_init(); blocks
/// for about a second.
void fillLibraryCaches();

}  // namespace gws::soak
