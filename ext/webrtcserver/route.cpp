// SPDX-License-Identifier: LGPL-2.1-or-later
// Which door of the server a request's path names, and for which stream.
#include "route.h"

#include <glib.h>

#include <optional>
#include <span>
#include <vector>

#include "text.h"

namespace gws {

namespace {

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;

/// Without the path: who escapes a `?` in it has a token there.
Error notFound() {
  return {kNotFound,
          "there is nothing at this address; there are /, /streams.json, /assets/NAME, the page "
          "/STREAM/publish, the WebSocket /STREAM/webrtc/publish and, for WHIP, /STREAM/whip"};
}

Error badName(std::string_view name, const char *fault) {
  return {kBadRequest, "the stream name " + inQuotes(name) + " " + fault};
}

/// The byte that "%XX" stands for.
std::optional<char> decodeEscape(std::string_view escape) {
  if (escape.size() < 3) return std::nullopt;
  const int high = g_ascii_xdigit_value(escape[1]);
  const int low = g_ascii_xdigit_value(escape[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

/// One segment, percent-decoded once (RFC 3986, section 2.1). An encoded slash is refused: decoded,
/// it would move the border between segments.
Result<std::string> decodeSegment(std::string_view segment) {
  std::string decoded;
  while (!segment.empty()) {
    if (segment.front() != '%') {
      decoded += segment.front();
      segment.remove_prefix(1);
      continue;
    }
    const std::optional<char> byte = decodeEscape(segment);
    if (!byte)
      return Error{kBadRequest, "the path holds " + inQuotes(segment.substr(0, 3)) +
                                    ", expected % and two hexadecimal digits"};
    if (*byte == '/')
      return Error{kBadRequest, "the path holds an encoded slash (%2F), expected a plain one"};
    decoded += *byte;
    segment.remove_prefix(3);
  }
  return decoded;
}

/// What stands between the slashes of a path that begins with one.
Result<std::vector<std::string>> decodeSegments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t length = std::min(path.find('/'), path.size());
    Result<std::string> segment = decodeSegment(path.substr(0, length));
    if (!segment) return segment.error();
    segments.push_back(std::move(*segment));
    path.remove_prefix(length);
  }
  return segments;
}

bool isAssetName(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  for (const char c : name)
    if (!g_ascii_isalnum(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

Result<Route> streamRoute(Door door, std::span<const std::string> segments) {
  std::string name;
  for (std::size_t i = 0; i < segments.size(); ++i)
    name += (i > 0 ? "/" : "") + segments[i];
  if (Result<void> checked = checkStreamName(name); !checked) return checked.error();
  return Route{door, std::move(name), {}};
}

/// The last segment is the session's.
Result<Route> sessionRoute(Door door, std::span<const std::string> segments) {
  Result<Route> route = streamRoute(door, segments.first(segments.size() - 2));
  if (route) route->session = segments.back();
  return route;
}

}  // namespace

Result<Route> parseRoute(std::string_view path) {
  if (path.empty() || path.front() != '/')
    return Error{kBadRequest, "the path " + inQuotes(path) + " does not begin with /"};
  Result<std::vector<std::string>> decoded = decodeSegments(path);
  if (!decoded) return decoded.error();

  // The longest ending first, and endings before fixed paths: a stream may be named `assets`.
  const std::span<const std::string> segments = *decoded;
  const std::size_t count = segments.size();
  if (count >= 2 && segments[count - 1] == "publish") {
    if (count >= 3 && segments[count - 2] == "webrtc")
      return streamRoute(Door::PublishSocket, segments.first(count - 2));
    return streamRoute(Door::PublishPage, segments.first(count - 1));
  }
  if (count >= 2 && segments[count - 1] == "whip")
    return streamRoute(Door::Whip, segments.first(count - 1));
  if (count >= 3 && segments[count - 2] == "whip") return sessionRoute(Door::WhipSession, segments);
  if (count >= 3 && segments[count - 2] == "sessions")
    return sessionRoute(Door::Statistics, segments);
  if (count == 1 && segments[0].empty()) return Route{Door::Index, {}, {}};
  if (count == 1 && segments[0] == "streams.json") return Route{Door::StreamList, {}, {}};
  if (count == 2 && segments[0] == "assets" && isAssetName(segments[1]))
    return Route{Door::Asset, segments[1], {}};
  return notFound();
}

Result<void> checkStreamName(std::string_view name) {
  if (name.size() > kMaxStreamNameBytes) return badName(name, "is longer than 128 bytes");
  if (!g_utf8_validate(name.data(), static_cast<gssize>(name.size()), nullptr))
    return badName(name, "is not valid UTF-8, or holds a NUL");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view segment = name.substr(begin, end - begin);
    if (segment.empty()) return badName(name, "has an empty segment");
    if (segment == "." || segment == "..") return badName(name, "has a segment . or ..");
    begin = end + 1;
  }
  while (!name.empty()) {
    const gunichar character = g_utf8_get_char(name.data());
    if (isDisruptive(character)) return badName(name, "holds a control character");
    if (character == '\\') return badName(name, "holds a backslash");
    name.remove_prefix(static_cast<std::size_t>(g_unichar_to_utf8(character, nullptr)));
  }
  return {};
}

}  // namespace gws
