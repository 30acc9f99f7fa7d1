// SPDX-License-Identifier: LGPL-2.1-or-later
// The line reader.
#include "sdp.h"

#include <algorithm>

#include <glib.h>

namespace gws {

const SdpAttribute *SdpSection::find(std::string_view name) const {
  for (const SdpAttribute &attribute : attributes)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

std::optional<std::string_view> SdpSection::value(std::string_view name) const {
  const SdpAttribute *found = find(name);
  if (!found) return std::nullopt;
  return found->value;
}

std::string_view takeUntil(std::string_view &text, char separator) {
  std::size_t end = text.find(separator);
  std::string_view head = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return head;
}

std::vector<std::string_view> splitWords(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    std::string_view word = takeUntil(text, ' ');
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

std::optional<std::uint32_t> readNumber(std::string_view text, std::uint32_t max) {
  if (text.empty() || text.size() > 10) return std::nullopt;
  std::uint64_t number = 0;
  for (char c : text) {
    if (!g_ascii_isdigit(c)) return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  if (number > max) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

bool equalIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && g_ascii_strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char &c : lower)
    c = g_ascii_tolower(c);
  return lower;
}

static bool isTokenChar(char c) {
  return c > 0x20 && c < 0x7f &&
         std::string_view("\"(),/:;<=>?@[\\]").find(c) == std::string_view::npos;
}

bool isToken(std::string_view text, std::size_t maxBytes) {
  return !text.empty() && text.size() <= maxBytes &&
         std::all_of(text.begin(), text.end(), isTokenChar);
}

bool isIceText(std::string_view text, std::size_t minBytes, std::size_t maxBytes) {
  auto isIceChar = [](char c) { return g_ascii_isalnum(c) || c == '+' || c == '/'; };
  return text.size() >= minBytes && text.size() <= maxBytes &&
         std::all_of(text.begin(), text.end(), isIceChar);
}

static SdpAttribute readAttribute(std::string_view text) {
  SdpAttribute attribute;
  attribute.name = takeUntil(text, ':');
  attribute.value = text;
  return attribute;
}

static bool hasControlCharacter(std::string_view line) {
  return std::any_of(line.begin(), line.end(),
                     [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

static std::string lineName(unsigned number, SdpForm form) {
  return "line " + std::to_string(number) +
         (form == SdpForm::Whole ? " of the SDP" : " of the fragment");
}

Result<SdpText> splitSdp(std::string_view sdp, std::size_t maxMedia, SdpForm form) {
  SdpText text;
  SdpSection *section = &text.session;
  unsigned number = 0;
  for (bool first = form == SdpForm::Whole; !sdp.empty();) {
    std::string_view line = takeUntil(sdp, '\n');
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    // Nothing is quoted: it may be a password.
    if (hasControlCharacter(line))
      return Error{0,
                   lineName(number, form) + " holds a control character, expected printable text"};
    if (line.size() < 2 || line[1] != '=' || !g_ascii_isalpha(line[0]))
      return Error{0, lineName(number, form) + " does not begin with a letter and ="};
    if (first && line != "v=0") return Error{0, "the SDP does not begin with v=0"};
    first = false;
    if (line[0] == 'm') {
      if (text.media.size() == maxMedia)
        return Error{0, "more than " + std::to_string(maxMedia) + " m= lines"};
      section = &text.media.emplace_back();
      section->mediaLine = line.substr(2);
    } else if (line[0] == 'o') {
      text.origin = line.substr(2);
    } else if (line[0] == 'a') {
      section->attributes.push_back(readAttribute(line.substr(2)));
    }
  }
  return text;
}

}  // namespace gws
