// SPDX-License-Identifier: LGPL-2.1-or-later
// What a request's line and headers, an operator's lists and a service's answer may hold: one line
// of the input for each.
#include <arpa/inet.h>
#include <glib.h>
#include <json-glib/json-glib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "access.h"
#include "gst/common/glib_owned.h"
#include "route.h"

using namespace gws;

namespace {

/// Gives the lines of a text one by one, empty ones at its end.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::string next() {
    const std::size_t length = std::min(rest_.find('\n'), rest_.size());
    const std::string line(rest_.substr(0, length));
    rest_.remove_prefix(std::min(length + 1, rest_.size()));
    return line;
  }

 private:
  std::string_view rest_;
};

bool isUtf8(const std::string &text) {
  return g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr);
}

void checkError(const Error &error) {
  g_assert_true(isUtf8(error.detail));
  g_assert_cmpuint(error.detail.size(), <, 512);
}

std::string checkRoute(const std::string &path) {
  const Result<Route> route = parseRoute(path);
  if (!route) checkError(route.error());
  return route ? route->name : "";
}

std::string checkToken(const std::string &query, const std::string &authorization) {
  const std::string token = tokenOf(query, authorization);
  g_assert_cmpuint(token.size(), <=, std::max(query.size(), authorization.size()));
  g_assert_true(tokenOf("token=&password=", authorization) == tokenOf("", authorization));
  g_assert_true(equalInConstantTime(token, token));
  g_assert_true(equalInConstantTime(query, authorization) == (query == authorization));
  g_assert_true(equalInConstantTime(token, query) == (token == query));
  return token;
}

void checkOrigins(const std::string &origin, const std::string &host, const std::string &list) {
  const Result<Origin> parsed = parseOrigin(origin);
  if (parsed) {
    const Result<Origin> again = parseOrigin(serialise(*parsed));
    g_assert_true(again && *again == *parsed);
    g_assert_true(parsed->port > 0 && parsed->port <= 65535 && !parsed->host.empty());
    g_assert_true(isOriginAllowed(origin, host, {serialise(*parsed)}));
    g_assert_false(isOriginAllowed(origin, host, {"https://not-it.example"}) &&
                   parsed->host != "not-it.example");
  } else {
    checkError(parsed.error());
  }
  g_assert_true(isOriginAllowed(origin, host, {"*"}));
  const bool isOwn = isOriginAllowed(origin, host, {});
  const std::optional<HostPort> parts = parseHostPort(host);
  g_assert_true(origin.empty() ? isOwn
                               : !isOwn || (parsed && parts && parts->host == parsed->host));

  const Result<std::vector<std::string>> allowed = parseOriginList(list);
  if (!allowed) return checkError(allowed.error());
  for (const std::string &entry : *allowed) {
    g_assert_true(entry == "*" || isOriginAllowed(entry, host, *allowed));
    const Result<std::vector<std::string>> again = parseOriginList(entry);
    g_assert_true(again && again->size() == 1 && again->front() == entry);
  }
  if (!allowed->empty() && !origin.empty() && !parsed)
    g_assert_true(isOriginAllowed(origin, host, *allowed) ==
                  (std::find(allowed->begin(), allowed->end(), "*") != allowed->end()));
}

bool isAddress(const std::string &text) {
  unsigned char bytes[16];
  return text.find('\0') == std::string::npos && (inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
                                                  inet_pton(AF_INET6, text.c_str(), bytes) == 1);
}

std::string checkClient(const std::string &peer, const std::string &forwardedFor,
                        const std::string &proxies) {
  const Result<Networks> trusted = Networks::parse(proxies);
  if (!trusted) checkError(trusted.error());
  const Networks networks = trusted ? *trusted : *Networks::parse("127.0.0.0/8,::1,10.0.0.0/9");
  const std::string itself = clientAddress(peer, "", networks);
  g_assert_true(isAddress(itself) ? networks.contains(peer) == networks.contains(itself)
                                  : itself == peer);
  const std::string client = clientAddress(peer, forwardedFor, networks);
  g_assert_true(client == itself || isAddress(client));
  if (!networks.contains(peer)) g_assert_true(client == itself);
  g_assert_true(clientAddress(peer, forwardedFor, Networks()) == itself);
  g_assert_true(clientAddress(client, "", networks) == client);
  // A last word that a proxy cannot have written hides all that is before it.
  g_assert_true(clientAddress(peer, forwardedFor + ", unknown", networks) == itself);
  const std::string key = limitKey(client);
  g_assert_true(limitKey(peer) == limitKey(itself));
  g_assert_true(key == client || key == limitKey(key.substr(0, key.size() - 3)));
  return client;
}

void checkTerms(const std::string &duration, const std::string &sessions) {
  const ServiceTerms terms = parseServiceTerms(duration.c_str(), sessions.c_str());
  if (terms.durationS) g_assert_true(*terms.durationS >= 1 && *terms.durationS <= kMaxDurationS);
  const ServiceTerms crossed = parseServiceTerms(sessions.c_str(), duration.c_str());
  g_assert_true(crossed.maxSessions.has_value() == terms.durationS.has_value());
  g_assert_true(crossed.durationS.has_value() == terms.maxSessions.has_value());
}

void checkServiceRequest(const AccessRequest &request, const std::string &type) {
  const std::string text = serviceRequest(request, type);
  g_assert_true(isUtf8(text));
  const Owned<JsonNode, json_node_unref> root(json_from_string(text.c_str(), nullptr));
  g_assert_true(root && JSON_NODE_HOLDS_OBJECT(root.get()));
  JsonObject *object = json_node_get_object(root.get());
  g_assert_cmpuint(json_object_get_size(object), ==, 10);
  const std::pair<const char *, const std::string &> members[] = {
      {"name", request.stream}, {"proto", request.protocol},       {"ip", request.address},
      {"request_type", type},   {"session_id", request.sessionId}, {"token", request.token},
      {"qs", request.query},    {"user_agent", request.userAgent}, {"referer", request.referer},
      {"host", request.host},
  };
  for (const auto &[name, value] : members) {
    JsonNode *member = json_object_get_member(object, name);
    g_assert_true(member && json_node_get_value_type(member) == G_TYPE_STRING);
    const std::string text = json_node_get_string(member);
    g_assert_true(isUtf8(value) ? text == value : isUtf8(text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  Lines lines(std::string_view(reinterpret_cast<const char *>(data), size));
  const std::string path = lines.next();
  AccessRequest request;
  request.query = lines.next();
  request.host = lines.next();
  request.origin = lines.next();
  const std::string forwardedFor = lines.next();
  const std::string authorization = lines.next();
  const std::string allowedOrigins = lines.next();
  const std::string trustedProxies = lines.next();
  const std::string duration = lines.next();
  const std::string sessions = lines.next();

  request.stream = checkRoute(path);
  request.protocol = path;
  request.token = checkToken(request.query, authorization);
  checkOrigins(request.origin, request.host, allowedOrigins);
  for (const std::string &peer : {std::string("127.0.0.1"), std::string("::ffff:10.1.2.3"),
                                  std::string("2001:db8::1"), authorization})
    request.address = checkClient(peer, forwardedFor, trustedProxies);
  checkTerms(duration, sessions);
  request.sessionId = forwardedFor;
  request.userAgent = request.referer = authorization;
  checkServiceRequest(request, duration);
  return 0;
}
