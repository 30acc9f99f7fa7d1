// SPDX-License-Identifier: LGPL-2.1-or-later
// A strict look at a JSON text before json-glib, which trusts its input, gets to see it.
#include "json_guard.h"

#include <glib.h>

#include <optional>
#include <string>

namespace gws {

namespace {

constexpr std::size_t kMaxDepth = 16;

bool isIn(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

/// Reads a text from its front; each function gives the fault it met, or nullptr.
class Guard {
 public:
  explicit Guard(std::string_view text) : rest_(text) {}

  const char *object() {
    skipSpace();
    if (rest_.empty() || rest_.front() != '{') return "not a JSON object";
    do {
      if (rest_.empty()) return "not JSON: an object or array has no end";
      if (const char *fault = token()) return fault;
    } while (depth_ > 0);
    skipSpace();
    return rest_.empty() ? nullptr : "not JSON: something follows the object";
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void skipSpace() {
    while (!rest_.empty() && isIn(" \t\r\n", rest_.front()))
      rest_.remove_prefix(1);
  }

  const char *token() {
    const char c = take();
    if (c == '"') return string();
    if (isIn("{[", c)) return ++depth_ > kMaxDepth ? "more than 16 levels of { and [" : nullptr;
    if (isIn("}]", c)) {
      --depth_;
      return nullptr;
    }
    // Separators, space, numbers, true, false and null.
    if (isIn(":, \t\r\n+-.0123456789Eaeflnrstu", c)) return nullptr;
    return "not JSON: an unexpected character outside a string";
  }

  /// The rest of a string, behind its opening quotation mark.
  const char *string() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return nullptr;
      if (static_cast<unsigned char>(c) < 0x20) return "not JSON: a control character in a string";
      if (c != '\\') continue;
      if (const char *fault = escape()) return fault;
    }
    return "not JSON: a string has no end";
  }

  /// The rest of an escape, behind its backslash.
  const char *escape() {
    constexpr const char *kBadEscape = "not JSON: an unknown escape in a string";
    if (rest_.empty()) return kBadEscape;
    const char kind = take();
    if (kind != 'u') return isIn("\"\\/bfnrt", kind) ? nullptr : kBadEscape;
    const std::optional<unsigned> unit = hexUnit();
    if (!unit) return kBadEscape;
    if (*unit == 0) return "a NUL in a string";
    if (*unit < 0xD800 || *unit > 0xDFFF) return nullptr;
    constexpr const char *kLone = "half of a surrogate pair in a string";
    if (*unit > 0xDBFF || rest_.substr(0, 2) != "\\u") return kLone;
    rest_.remove_prefix(2);
    const std::optional<unsigned> low = hexUnit();
    return low && *low >= 0xDC00 && *low <= 0xDFFF ? nullptr : kLone;
  }

  std::optional<unsigned> hexUnit() {
    if (rest_.size() < 4) return std::nullopt;
    unsigned unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = g_ascii_xdigit_value(take());
      if (digit < 0) return std::nullopt;
      unit = unit * 16 + static_cast<unsigned>(digit);
    }
    return unit;
  }

  std::string_view rest_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<void> checkJsonObject(std::string_view text) {
  if (!g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr))
    return Error{400, "not valid UTF-8, or with a NUL"};
  if (const char *fault = Guard(text).object()) return Error{400, fault};
  return {};
}

}  // namespace gws
