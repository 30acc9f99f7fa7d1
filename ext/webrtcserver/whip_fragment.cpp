// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a client's fragment, writes ours, compares entity-tags.
#include "whip_fragment.h"

#include <algorithm>
#include <optional>

#include "sdp.h"

namespace gws {

namespace {

constexpr int kBroken = 400;
constexpr std::size_t kMaxMedia = 64;  // of our own answer

Error broken(std::string detail) { return {kBroken, std::move(detail)}; }

bool isUfrag(std::string_view text) { return isIceText(text, 4, 256); }
bool isPwd(std::string_view text) { return isIceText(text, 22, 256); }

Result<void> readCredentials(IceFragment &fragment, const SdpSection &level) {
  const std::optional<std::string_view> ufrag = level.value("ice-ufrag");
  const std::optional<std::string_view> pwd = level.value("ice-pwd");
  if (!ufrag && !pwd) return {};
  if (!pwd) return broken("a=ice-ufrag is there without a=ice-pwd, expected both or neither");
  if (!ufrag) return broken("a=ice-pwd is there without a=ice-ufrag, expected both or neither");
  if (!isUfrag(*ufrag))
    return broken("a=ice-ufrag is wrong, expected 4 to 256 letters, digits, + or /");
  if (!isPwd(*pwd)) return broken("a=ice-pwd is wrong, expected 22 to 256 letters, digits, + or /");
  if (!fragment.ufrag.empty() && (fragment.ufrag != *ufrag || fragment.pwd != *pwd))
    return broken("the sections differ in a=ice-ufrag or a=ice-pwd, expected one pair for all");
  fragment.ufrag = *ufrag;
  fragment.pwd = *pwd;
  return {};
}

Result<void> readLevel(IceFragment &fragment, const SdpSection &level) {
  for (const SdpAttribute &attribute : level.attributes)
    if (attribute.name == "candidate")
      fragment.candidates.push_back("candidate:" + std::string(attribute.value));
  return readCredentials(fragment, level);
}

/// The value of the first BUNDLE group, "BUNDLE 0 1".
std::optional<std::string_view> bundleGroup(const SdpSection &session) {
  for (const SdpAttribute &attribute : session.attributes) {
    std::string_view semantics = attribute.value;
    if (attribute.name == "group" && takeUntil(semantics, ' ') == "BUNDLE") return attribute.value;
  }
  return std::nullopt;
}

/// The section whose transport all others use.
const SdpSection *transportSection(const SdpText &text) {
  const auto find = [&text](auto predicate) {
    const auto found = std::find_if(text.media.begin(), text.media.end(), predicate);
    return found == text.media.end() ? nullptr : &*found;
  };
  const SdpSection *section =
      find([](const SdpSection &one) { return one.find("candidate") != nullptr; });
  if (section) return section;
  const std::vector<std::string_view> words = splitWords(bundleGroup(text.session).value_or(""));
  if (words.size() < 2) return text.media.empty() ? nullptr : &text.media.front();
  return find([&words](const SdpSection &one) { return one.value("mid") == words[1]; });
}

void appendLine(std::string &text, std::string_view start, std::string_view value) {
  ((text += start) += value) += "\r\n";
}

bool isSpace(char c) { return c == ' ' || c == '\t'; }
/// RFC 9110, section 8.8.3: etagc.
bool isTagCharacter(char c) { return c != '"' && c != 0x7f && static_cast<unsigned char>(c) > ' '; }

/// Takes an entity-tag with its quotes, and its W/ if it has one, off the front; empty if there is
/// none.
std::string_view takeEntityTag(std::string_view &text) {
  const std::size_t open = text.starts_with("W/") ? 2 : 0;
  if (text.size() <= open || text[open] != '"') return {};
  std::size_t close = open + 1;
  while (close < text.size() && isTagCharacter(text[close]))
    ++close;
  if (close == text.size() || text[close] != '"') return {};
  const std::string_view tag = text.substr(0, close + 1);
  text.remove_prefix(tag.size());
  return tag;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && isSpace(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && isSpace(text.back()))
    text.remove_suffix(1);
  return text;
}

}  // namespace

Result<IceFragment> parseIceFragment(std::string_view text, std::size_t maxBytes,
                                     std::size_t maxMediaSections) {
  if (text.size() > maxBytes)
    return broken("the fragment has " + std::to_string(text.size()) + " bytes, at most " +
                  std::to_string(maxBytes) + " are taken");
  const std::size_t start = text.find_first_not_of("\r\n");
  if (start == std::string_view::npos)
    return broken("the fragment holds no line, expected some such as a=candidate");
  if (text.substr(start).starts_with("v="))
    return broken("the text is a whole SDP, expected a fragment with ICE attributes alone");
  const Result<SdpText> split = splitSdp(text, maxMediaSections, SdpForm::Fragment);
  if (!split) return broken(split.error().detail);
  IceFragment fragment;
  if (auto read = readLevel(fragment, split->session); !read) return read.error();
  for (const SdpSection &section : split->media)
    if (auto read = readLevel(fragment, section); !read) return read.error();
  return fragment;
}

std::string iceFragmentOf(std::string_view answer) {
  const Result<SdpText> text = splitSdp(answer, kMaxMedia);
  const SdpSection *section = text ? transportSection(*text) : nullptr;
  if (!section) return {};
  const auto valueOf = [&](const char *name) {
    const std::optional<std::string_view> value = section->value(name);
    return value ? value : text->session.value(name);
  };
  const std::string_view ufrag = valueOf("ice-ufrag").value_or("");
  const std::string_view pwd = valueOf("ice-pwd").value_or("");
  if (!isUfrag(ufrag) || !isPwd(pwd)) return {};
  std::string fragment;
  if (const auto options = valueOf("ice-options")) appendLine(fragment, "a=ice-options:", *options);
  if (const auto group = bundleGroup(text->session)) appendLine(fragment, "a=group:", *group);
  appendLine(fragment, "m=", section->mediaLine);
  if (const auto mid = section->value("mid")) appendLine(fragment, "a=mid:", *mid);
  appendLine(fragment, "a=ice-ufrag:", ufrag);
  appendLine(fragment, "a=ice-pwd:", pwd);
  for (const SdpAttribute &attribute : section->attributes)
    if (attribute.name == "candidate") appendLine(fragment, "a=candidate:", attribute.value);
  appendLine(fragment, "a=end-of-candidates", "");
  return fragment;
}

// What is no list of entity-tags throughout matches nothing.
bool matchesEtag(std::string_view ifMatch, std::string_view etag) {
  ifMatch = trimmed(ifMatch);
  if (ifMatch == "*" || ifMatch == "\"*\"") return true;
  bool found = false;
  while (!ifMatch.empty()) {
    if (ifMatch.front() != ',') {
      const std::string_view tag = takeEntityTag(ifMatch);
      if (tag.empty()) return false;
      found = found || (tag == etag && !tag.starts_with("W/"));
      ifMatch = trimmed(ifMatch);
      if (!ifMatch.empty() && ifMatch.front() != ',') return false;
    }
    ifMatch = trimmed(ifMatch.substr(std::min<std::size_t>(1, ifMatch.size())));
  }
  return found;
}

}  // namespace gws
