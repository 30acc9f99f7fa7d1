// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and writes the URIs of ICE servers. GUri is not used: it has no `stun:host:port`, and its
// errors quote what may be a password.
#include "ice_servers.h"

#include <glib.h>

#include <algorithm>
#include <optional>

#include "address.h"
#include "gst/common/glib_owned.h"
#include "sdp.h"

namespace gws {

namespace {

constexpr const char *kStunForm = ", expected stun://host:port";
constexpr const char *kTurnForm = ", expected turn://user:password@host:port?transport=udp";

bool isPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isprint(c); });
}

/// Takes `stun://` or `stun:` off the front, with or without an s behind the name.
bool takeScheme(std::string_view &text, std::string_view name, IceServer &server) {
  server.scheme = lowerCase(takeUntil(text, ':'));
  if (text.starts_with("//")) text.remove_prefix(2);
  return server.scheme == name || server.scheme == std::string(name) + 's';
}

bool readHostPort(std::string_view text, IceServer &server) {
  const std::optional<HostPort> parts = parseHostPort(text);
  if (!parts) return false;
  server.host = parts->host;
  server.port = parts->port.value_or(server.scheme.ends_with('s') ? 5349 : 3478);
  return true;
}

/// A user name or a password; nothing, if it is not one of RFC 3986's userinfo without its colon,
/// or holds more than printable ASCII behind its percent signs.
std::optional<std::string> decoded(std::string_view text) {
  static constexpr std::string_view kRaw = "-._~%" G_URI_RESERVED_CHARS_SUBCOMPONENT_DELIMITERS;
  const auto mayStand = [](char c) { return g_ascii_isalnum(c) || kRaw.find(c) != kRaw.npos; };
  if (!std::all_of(text.begin(), text.end(), mayStand)) return std::nullopt;
  const OwnedString result(g_uri_unescape_segment(text.data(), text.data() + text.size(), nullptr));
  if (!result || !isPrintable(result.get())) return std::nullopt;
  return result.get();
}

std::string encoded(const std::string &text) {
  return OwnedString(g_uri_escape_string(text.c_str(), nullptr, FALSE)).get();
}

/// RFC 9110, section 5.6.4.
std::string quotedString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string addressOf(const IceServer &server) {
  const bool isIpv6 = server.host.find(':') != std::string::npos;
  return (isIpv6 ? '[' + server.host + ']' : server.host) + ':' + std::to_string(server.port) +
         (server.transport.empty() ? "" : "?transport=" + server.transport);
}

Result<void> readLogin(std::string_view text, IceServer &server) {
  const std::string_view name = takeUntil(text, ':');
  if (name.empty() || text.empty())
    return Error{0, std::string("has no user name or no password") + kTurnForm};
  const std::optional<std::string> username = decoded(name);
  const std::optional<std::string> password = decoded(text);
  if (!username || !password)
    return Error{0,
                 "has a character in its user name or password that cannot stand there, expected "
                 "printable ASCII with such as : @ / ? # % and the comma percent-encoded"};
  server.username = *username;
  server.password = *password;
  return {};
}

/// The error's sentence lacks its subject.
Result<IceServer> readTurnServer(std::string_view text) {
  const auto fault = [](const char *what) { return Error{0, std::string(what) + kTurnForm}; };
  IceServer server;
  if (!takeScheme(text, "turn", server)) return fault("does not begin with turn: or turns:");
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return fault("has no @ behind a user name and a password");
  if (text.find('@', at + 1) != std::string_view::npos)
    return fault("has more than one @ (in a user name or password it is %40)");
  if (auto read = readLogin(text.substr(0, at), server); !read) return read.error();
  text.remove_prefix(at + 1);
  if (!readHostPort(takeUntil(text, '?'), server)) return fault("has a wrong host or port");
  if (text.empty()) return server;
  const std::string query = lowerCase(text);
  if (query != "transport=udp" && query != "transport=tcp")
    return fault("has more than transport=udp or transport=tcp behind its ?");
  server.transport = query.substr(query.find('=') + 1);
  return server;
}

}  // namespace

Result<IceServer> parseStunServer(std::string_view text) {
  const auto fault = [](const char *what) { return Error{0, std::string(what) + kStunForm}; };
  IceServer server;
  if (!takeScheme(text, "stun", server))
    return fault("the STUN server does not begin with stun: or stuns:");
  if (!readHostPort(text, server)) return fault("the STUN server has a wrong host or port");
  return server;
}

Result<std::vector<IceServer>> parseTurnServers(std::string_view text) {
  std::vector<IceServer> servers;
  if (!isPrintable(text))
    return Error{0, std::string("the TURN servers hold a character that is not printable ASCII") +
                        kTurnForm};
  while (!text.empty()) {
    std::string_view item = takeUntil(text, ',');
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    item = item.substr(0, item.find_last_not_of(' ') + 1);
    if (item.empty()) continue;
    Result<IceServer> server = readTurnServer(item);
    if (!server)
      return Error{
          0, "TURN server " + std::to_string(servers.size() + 1) + " " + server.error().detail};
    servers.push_back(std::move(*server));
  }
  return servers;
}

std::string linkOf(const IceServer &server) {
  std::string link = "<" + server.scheme + ":" + addressOf(server) + ">; rel=\"ice-server\"";
  if (server.username.empty()) return link;
  return link + "; username=" + quotedString(server.username) +
         "; credential=" + quotedString(server.password) + "; credential-type=\"password\"";
}

std::string webrtcbinUri(const IceServer &server) {
  const std::string login = server.username.empty()
                                ? ""
                                : encoded(server.username) + ':' + encoded(server.password) + '@';
  return server.scheme + "://" + login + addressOf(server);
}

}  // namespace gws
