// SPDX-License-Identifier: LGPL-2.1-or-later
// A strict look at a JSON text before json-glib, which trusts its input, gets to see it.
#pragma once

#include <string_view>

#include "gst/common/result.h"

namespace gws {

/// Accepts what json-glib can parse without harm: valid UTF-8 without NUL, one object and nothing
/// behind it, at most 16 levels deep, strings as RFC 8259 writes them. json-glib recurses for each
/// level (a deep text overflows the stack), cuts strings at \u0000, makes invalid UTF-8 of half a
/// surrogate pair, and takes comments and several values in a row. The grammar between the tokens
/// is left to it. Errors have code 400.
Result<void> checkJsonObject(std::string_view text);

}  // namespace gws
