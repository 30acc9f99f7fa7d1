// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a recorded file can be decoded from its beginning to its end.
#pragma once

#include <string>
#include <vector>

namespace gws::soak {

/// Decodes each file and prints a line for it: "file NAME RESULT", where RESULT is "ok" or the
/// reason why not. In a process of its own: decoders' memory is not the server's.
int runChecks(const std::vector<std::string> &files);

}  // namespace gws::soak
