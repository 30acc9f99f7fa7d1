// SPDX-License-Identifier: LGPL-2.1-or-later
// Text from strangers, made fit for a log line or a reply.
#include "text.h"

#include <glib.h>

namespace gws {

bool isDisruptive(char32_t character) {
  return g_unichar_iscntrl(character) || character == 0x2028 || character == 0x2029 ||
         character == 0x061C || character == 0x200E || character == 0x200F ||
         (character >= 0x202A && character <= 0x202E) ||
         (character >= 0x2066 && character <= 0x2069);
}

std::string printable(std::string_view text, std::size_t maxBytes) {
  constexpr std::string_view kEllipsis = "…";
  std::string result;
  std::size_t lastFit = 0;  // where the text can be cut so that the ellipsis still fits
  while (!text.empty() && result.size() <= maxBytes) {
    if (result.size() + kEllipsis.size() <= maxBytes) lastFit = result.size();
    const gunichar character =
        g_utf8_get_char_validated(text.data(), static_cast<gssize>(text.size()));
    const bool valid = character != 0 && character <= 0x10FFFF;
    const std::size_t length =
        valid ? static_cast<std::size_t>(g_unichar_to_utf8(character, nullptr)) : 1;
    if (valid && g_unichar_isprint(character) && !isDisruptive(character))
      result += text.substr(0, length);
    else
      result += '?';
    text.remove_prefix(length);
  }
  if (text.empty() && result.size() <= maxBytes) return result;
  result.resize(lastFit);
  result += kEllipsis;
  return result;
}

std::string inQuotes(std::string_view text, std::size_t maxBytes) {
  return '"' + printable(text, maxBytes) + '"';
}

}  // namespace gws
