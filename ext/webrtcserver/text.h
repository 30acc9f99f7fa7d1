// SPDX-License-Identifier: LGPL-2.1-or-later
// Text from strangers, made fit for a log line or a reply.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gws {

/// True for what would change how the text around it is shown: control characters (C0, DEL, C1),
/// line and paragraph separators, bidirectional controls.
bool isDisruptive(char32_t character);

/// `text` on one line: what is not valid UTF-8 or not printable becomes `?`; a text of more than
/// `maxBytes` is cut between two characters and ends in "…". `maxBytes` is at least 3.
std::string printable(std::string_view text, std::size_t maxBytes);

/// printable() between quotation marks, for messages that name an input. (Not "quoted": for a
/// std::string, overload resolution would prefer std::quoted.)
std::string inQuotes(std::string_view text, std::size_t maxBytes = 64);

}  // namespace gws
