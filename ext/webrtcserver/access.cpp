// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens, origins, and the talk with an authorisation service. Nothing here is logged.
#include "access.h"

#include <glib.h>
#include <json-glib/json-glib.h>

#include <algorithm>

#include "gst/common/glib_owned.h"
#include "text.h"

namespace gws {

namespace {

/// A name or a value of a query; empty when it cannot be decoded or holds a NUL.
std::string decodePercent(std::string_view text) {
  const OwnedString decoded(
      g_uri_unescape_segment(text.data(), text.data() + text.size(), nullptr));
  return decoded ? decoded.get() : "";
}

/// The first value of that name that says something.
std::string queryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t length = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, length);
    query.remove_prefix(std::min(length + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || decodePercent(pair.substr(0, equals)) != name) continue;
    if (std::string value = decodePercent(pair.substr(equals + 1)); !value.empty()) return value;
  }
  return {};
}

std::string bearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size() ||
      g_ascii_strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) != 0)
    return {};
  authorization.remove_prefix(kScheme.size());
  const std::size_t begin = authorization.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return std::string(authorization.substr(begin, authorization.find_last_not_of(' ') + 1 - begin));
}

unsigned defaultPort(std::string_view scheme) { return scheme == "http" ? 80 : 443; }

std::optional<unsigned> nearestNumber(const char *text, unsigned min, unsigned max) {
  guint64 number = 0;
  OwnedError error;
  if (!text) return std::nullopt;
  if (g_ascii_string_to_unsigned(text, 10, min, max, &number, Out(error)))
    return static_cast<unsigned>(number);
  if (error->code != G_NUMBER_PARSER_ERROR_OUT_OF_BOUNDS) return std::nullopt;
  return g_ascii_strtoull(text, nullptr, 10) < min ? min : max;
}

void addString(JsonBuilder *builder, const char *name, std::string_view value) {
  const OwnedString valid(
      g_utf8_make_valid(std::string(value).c_str(), static_cast<gssize>(value.size())));
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, valid.get());
}

}  // namespace

bool equalInConstantTime(std::string_view given, std::string_view expected) {
  const char *bytes = expected.empty() ? "" : expected.data();
  // volatile: the compiler may not leave the loop at the first difference.
  volatile std::size_t difference = given.size() ^ expected.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::size_t inside = -static_cast<std::size_t>(i < expected.size());  // all bits, or none
    difference = difference | static_cast<unsigned char>(given[i] ^ bytes[i & inside]);
  }
  return difference == 0;
}

std::string tokenOf(std::string_view query, std::string_view authorization) {
  for (const char *name : {"token", "password"})
    if (std::string value = queryParameter(query, name); !value.empty()) return value;
  return bearerToken(authorization);
}

Result<Origin> parseOrigin(std::string_view text) {
  for (const char *scheme : {"http", "https"}) {
    const std::string start = std::string(scheme) + "://";
    if (text.size() < start.size() ||
        g_ascii_strncasecmp(text.data(), start.data(), start.size()) != 0)
      continue;
    if (const std::optional<HostPort> parts = parseHostPort(text.substr(start.size())))
      return Origin{scheme, parts->host, parts->port.value_or(defaultPort(scheme))};
  }
  return Error{400, inQuotes(text) + " is not an origin, expected one such as https://example.com"};
}

std::string serialise(const Origin &origin) {
  const bool isIpv6 = origin.host.find(':') != std::string::npos;
  std::string text = origin.scheme + "://" + (isIpv6 ? '[' + origin.host + ']' : origin.host);
  if (origin.port != defaultPort(origin.scheme)) text += ':' + std::to_string(origin.port);
  return text;
}

Result<std::vector<std::string>> parseOriginList(std::string_view text) {
  std::vector<std::string> result;
  const Owned<char *, g_strfreev> items(g_strsplit(std::string(text).c_str(), ",", -1));
  for (char **item = items.get(); *item; ++item) {
    const std::string_view name = g_strstrip(*item);
    if (name.empty()) continue;
    const Result<Origin> origin = parseOrigin(name);
    if (!origin && name != "*")
      return Error{0, inQuotes(name) +
                          " is not an origin, expected * or origins such as "
                          "https://example.com"};
    result.push_back(origin ? serialise(*origin) : "*");
  }
  return result;
}

bool isOriginAllowed(std::string_view origin, std::string_view host,
                     const std::vector<std::string> &allowed) {
  if (origin.empty()) return true;
  const Result<Origin> page = parseOrigin(origin);
  const auto isOfPage = [&](const std::string &text) {
    const Result<Origin> other = parseOrigin(text);
    return page && other && *page == *other;
  };
  if (allowed.empty()) return page && isOfPage(page->scheme + "://" + std::string(host));
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string &text) { return text == "*" || isOfPage(text); });
}

ServiceTerms parseServiceTerms(const char *authDuration, const char *maxSessions) {
  return {nearestNumber(authDuration, 1, kMaxDurationS), nearestNumber(maxSessions, 0, G_MAXUINT)};
}

std::string serviceRequest(const AccessRequest &request, std::string_view type) {
  const Owned<JsonBuilder, g_object_unref> builder(json_builder_new());
  json_builder_begin_object(builder.get());
  addString(builder.get(), "name", request.stream);
  addString(builder.get(), "proto", request.protocol);
  addString(builder.get(), "ip", request.address);
  addString(builder.get(), "request_type", type);
  addString(builder.get(), "session_id", request.sessionId);
  addString(builder.get(), "token", request.token);
  addString(builder.get(), "qs", request.query);
  addString(builder.get(), "user_agent", request.userAgent);
  addString(builder.get(), "referer", request.referer);
  addString(builder.get(), "host", request.host);
  json_builder_end_object(builder.get());
  const Owned<JsonNode, json_node_unref> root(json_builder_get_root(builder.get()));
  return OwnedString(json_to_string(root.get(), FALSE)).get();
}

}  // namespace gws
