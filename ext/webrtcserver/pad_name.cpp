// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading of request pads' names.
#include "pad_name.h"

#include <charconv>

namespace gws {

PadName parsePadName(std::string_view afterKind) {
  PadName whole{std::string(afterKind), 0};
  auto underscore = afterKind.rfind('_');
  if (underscore == std::string_view::npos || underscore == 0) return whole;
  std::string_view digits = afterKind.substr(underscore + 1);
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return whole;
  unsigned index = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size()) return whole;
  return {std::string(afterKind.substr(0, underscore)), index};
}

}  // namespace gws
