// SPDX-License-Identifier: LGPL-2.1-or-later
// An end of the test process that does not race with threads of GStreamer's pools.
#pragma once

namespace gws::test {

/// Tells OpenSSL not to free itself at exit(). GStreamer's tasks may still be ending then, and
/// OpenSSL's thread-exit handlers would run on what was freed. Call before DTLS is used.
void keepOpensslAtExit();

}  // namespace gws::test
