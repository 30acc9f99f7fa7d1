// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and TURN servers: what an operator writes, and what clients and webrtcbin get of it.
#include "ice_servers.h"

#include <glib.h>

#include <string>

using namespace gws;
using namespace std::string_literals;

namespace {

void assertText(const std::string &text, const char *expected) {
  g_assert_cmpstr(text.c_str(), ==, expected);
}

struct StunRow {
  const char *name;
  const char *text;
  const char *scheme, *host;
  unsigned port;
  const char *link, *uri;
};

const StunRow kStuns[] = {
    {"slashes_areRead", "stun://stun.example.net:3479", "stun", "stun.example.net", 3479,
     R"(<stun:stun.example.net:3479>; rel="ice-server")", "stun://stun.example.net:3479"},
    {"noSlashes_areRead", "stun:stun.example.net:3479", "stun", "stun.example.net", 3479,
     R"(<stun:stun.example.net:3479>; rel="ice-server")", "stun://stun.example.net:3479"},
    {"noPort_is3478", "stun:stun.example.net", "stun", "stun.example.net", 3478,
     R"(<stun:stun.example.net:3478>; rel="ice-server")", "stun://stun.example.net:3478"},
    {"stuns_is5349", "stuns://stun.example.net", "stuns", "stun.example.net", 5349,
     R"(<stuns:stun.example.net:5349>; rel="ice-server")", "stuns://stun.example.net:5349"},
    {"upperCase_isLowered", "STUN:Stun.Example.NET", "stun", "stun.example.net", 3478,
     R"(<stun:stun.example.net:3478>; rel="ice-server")", "stun://stun.example.net:3478"},
    {"ipv4_isRead", "stun://192.0.2.1:1", "stun", "192.0.2.1", 1,
     R"(<stun:192.0.2.1:1>; rel="ice-server")", "stun://192.0.2.1:1"},
    {"ipv6_keepsItsBrackets", "stun://[2001:DB8::0:1]:65535", "stun", "2001:db8::1", 65535,
     R"(<stun:[2001:db8::1]:65535>; rel="ice-server")", "stun://[2001:db8::1]:65535"},
    {"ipv6_noPort_is3478", "stun:[::1]", "stun", "::1", 3478,
     R"(<stun:[::1]:3478>; rel="ice-server")", "stun://[::1]:3478"},
};

void testStun(const void *data) {
  const auto *row = static_cast<const StunRow *>(data);
  const Result<IceServer> server = parseStunServer(row->text);
  g_assert_true(server.ok());
  assertText(server->scheme, row->scheme);
  assertText(server->host, row->host);
  g_assert_cmpuint(server->port, ==, row->port);
  g_assert_true(server->transport.empty() && server->username.empty() && server->password.empty());
  assertText(linkOf(*server), row->link);
  assertText(webrtcbinUri(*server), row->uri);
}

struct BadRow {
  const char *name;
  std::string text;
  const char *fault;  // part of the error
};

const BadRow kBadStuns[] = {
    {"empty_isRefused", "", "does not begin with stun:"},
    {"noScheme_isRefused", "stun.example.net:3478", "does not begin with stun:"},
    {"turn_isRefused", "turn://stun.example.net", "does not begin with stun:"},
    {"longerScheme_isRefused", "stunss://stun.example.net", "does not begin with stun:"},
    {"spaceBefore_isRefused", " stun://stun.example.net", "does not begin with stun:"},
    {"schemeAlone_isRefused", "stun", "wrong host or port"},
    {"noHost_isRefused", "stun://", "wrong host or port"},
    {"portAlone_isRefused", "stun://:3478", "wrong host or port"},
    {"portMissing_isRefused", "stun://a:", "wrong host or port"},
    {"portZero_isRefused", "stun://a:0", "wrong host or port"},
    {"portTooLarge_isRefused", "stun://a:65536", "wrong host or port"},
    {"portIsText_isRefused", "stun://a:stun", "wrong host or port"},
    {"path_isRefused", "stun://a:3478/", "wrong host or port"},
    {"query_isRefused", "stun://a:3478?transport=udp", "wrong host or port"},
    {"ipv6WithoutBrackets_isRefused", "stun://2001:db8::1", "wrong host or port"},
    {"ipv6Zone_isRefused", "stun://[fe80::1%25eth0]", "wrong host or port"},
    {"bracketOpen_isRefused", "stun://[::1:3478", "wrong host or port"},
    {"twoServers_areRefused", "stun://a,stun://b", "wrong host or port"},
    {"lineBreak_isRefused", "stun://a\r\nSet-Cookie: b", "wrong host or port"},
    {"nul_isRefused", "stun://a\0b"s, "wrong host or port"},
    {"nonAscii_isRefused", "stun://\xc3\xa9.example", "wrong host or port"},
    {"login_isRefused", "stun://user:hidden@a", "wrong host or port"},
};

void assertFault(const Error &error, const BadRow &row, const char *expected) {
  if (error.detail.find(row.fault) == std::string::npos)
    g_error("\"%s\" does not say \"%s\"", error.detail.c_str(), row.fault);
  g_assert_true(error.detail.find(expected) != std::string::npos);
  g_assert_true(error.detail.find("hidden") == std::string::npos);
}

void testBadStun(const void *data) {
  const auto *row = static_cast<const BadRow *>(data);
  const Result<IceServer> server = parseStunServer(row->text);
  g_assert_false(server.ok());
  assertFault(server.error(), *row, "expected stun://host:port");
}

struct TurnRow {
  const char *name;
  const char *text;
  IceServer server;
  const char *link, *uri;
};

const TurnRow kTurns[] = {
    {"full_isRead",
     "turn://user:secret@turn.example.net:3479?transport=udp",
     {"turn", "turn.example.net", 3479, "udp", "user", "secret"},
     R"(<turn:turn.example.net:3479?transport=udp>; rel="ice-server"; username="user"; )"
     R"(credential="secret"; credential-type="password")",
     "turn://user:secret@turn.example.net:3479?transport=udp"},
    {"shortest_hasDefaults",
     "turn://u:p@a",
     {"turn", "a", 3478, "", "u", "p"},
     R"(<turn:a:3478>; rel="ice-server"; username="u"; credential="p"; credential-type="password")",
     "turn://u:p@a:3478"},
    {"turns_is5349",
     "turns://u:p@a?transport=tcp",
     {"turns", "a", 5349, "tcp", "u", "p"},
     R"(<turns:a:5349?transport=tcp>; rel="ice-server"; username="u"; credential="p"; )"
     R"(credential-type="password")",
     "turns://u:p@a:5349?transport=tcp"},
    {"ipv6_keepsItsBrackets",
     "turn://u:p@[::1]:1?transport=tcp",
     {"turn", "::1", 1, "tcp", "u", "p"},
     R"(<turn:[::1]:1?transport=tcp>; rel="ice-server"; username="u"; credential="p"; )"
     R"(credential-type="password")",
     "turn://u:p@[::1]:1?transport=tcp"},
    {"upperCase_isLoweredButNotTheLogin",
     "TURN:User:Pass@A.Example?TRANSPORT=UDP",
     {"turn", "a.example", 3478, "udp", "User", "Pass"},
     R"(<turn:a.example:3478?transport=udp>; rel="ice-server"; username="User"; )"
     R"(credential="Pass"; credential-type="password")",
     "turn://User:Pass@a.example:3478?transport=udp"},
    {"spacesAround_areIgnored",
     "  turn://u:p@a  ",
     {"turn", "a", 3478, "", "u", "p"},
     R"(<turn:a:3478>; rel="ice-server"; username="u"; credential="p"; credential-type="password")",
     "turn://u:p@a:3478"},
    {"questionMarkAlone_isNoTransport",
     "turn://u:p@a?",
     {"turn", "a", 3478, "", "u", "p"},
     R"(<turn:a:3478>; rel="ice-server"; username="u"; credential="p"; credential-type="password")",
     "turn://u:p@a:3478"},
    {"percent_isDecodedOnce",
     "turn://1700000000%3Aalice:a%2Fb%40%2525%2c%20c@a",
     {"turn", "a", 3478, "", "1700000000:alice", "a/b@%25, c"},
     R"(<turn:a:3478>; rel="ice-server"; username="1700000000:alice"; credential="a/b@%25, c"; )"
     R"(credential-type="password")",
     "turn://1700000000%3Aalice:a%2Fb%40%2525%2C%20c@a:3478"},
    {"quotes_areEscapedInTheLink",
     "turn://a%22b:%5C%22%3E%3B@a",
     {"turn", "a", 3478, "", "a\"b", "\\\">;"},
     R"(<turn:a:3478>; rel="ice-server"; username="a\"b"; credential="\\\">;"; )"
     R"(credential-type="password")",
     "turn://a%22b:%5C%22%3E%3B@a:3478"},
    {"subDelimiters_mayStand",
     "turn://!$&'()*+;=:-._~@a",
     {"turn", "a", 3478, "", "!$&'()*+;=", "-._~"},
     R"(<turn:a:3478>; rel="ice-server"; username="!$&'()*+;="; credential="-._~"; )"
     R"(credential-type="password")",
     "turn://%21%24%26%27%28%29%2A%2B%3B%3D:-._~@a:3478"},
};

void testTurn(const void *data) {
  const auto *row = static_cast<const TurnRow *>(data);
  const Result<std::vector<IceServer>> servers = parseTurnServers(row->text);
  g_assert_true(servers.ok());
  g_assert_cmpuint(servers->size(), ==, 1);
  const IceServer &server = servers->front();
  assertText(server.scheme, row->server.scheme.c_str());
  assertText(server.host, row->server.host.c_str());
  g_assert_cmpuint(server.port, ==, row->server.port);
  assertText(server.transport, row->server.transport.c_str());
  assertText(server.username, row->server.username.c_str());
  assertText(server.password, row->server.password.c_str());
  assertText(linkOf(server), row->link);
  assertText(webrtcbinUri(server), row->uri);
  const Result<std::vector<IceServer>> again = parseTurnServers(webrtcbinUri(server));
  g_assert_true(again && *again == *servers);
}

const BadRow kBadTurns[] = {
    {"noScheme_isRefused", "user:hidden@a", "server 1 does not begin with turn:"},
    {"stun_isRefused", "stun://user:hidden@a", "server 1 does not begin with turn:"},
    {"noLogin_isRefused", "turn:hidden:3478?transport=udp", "server 1 has no @"},
    {"noPassword_isRefused", "turn://hidden@a", "server 1 has no user name or no password"},
    {"emptyPassword_isRefused", "turn://hidden:@a", "no user name or no password"},
    {"emptyName_isRefused", "turn://:hidden@a", "no user name or no password"},
    {"emptyLogin_isRefused", "turn://@a", "no user name or no password"},
    {"twoAts_areRefused", "turn://user:hidden@hidden@a", "more than one @"},
    {"atInTheQuery_isRefused", "turn://user:hid?den@a?hidden@", "more than one @"},
    {"secondColon_isRefused", "turn://user:hidden:more@a", "cannot stand there"},
    {"slashInPassword_isRefused", "turn://user:hidden/more@a", "cannot stand there"},
    {"questionMarkInPassword_isRefused", "turn://user:hidden?more@a", "cannot stand there"},
    {"quoteInPassword_isRefused", "turn://user:hidden\"more@a", "cannot stand there"},
    {"spaceInPassword_isRefused", "turn://user:hidden more@a", "cannot stand there"},
    {"badEscape_isRefused", "turn://user:hidden%4@a", "cannot stand there"},
    {"badEscapeOfName_isRefused", "turn://us%zzer:hidden@a", "cannot stand there"},
    {"encodedNul_isRefused", "turn://user:hidden%00@a", "cannot stand there"},
    {"encodedLineBreak_isRefused", "turn://user:hidden%0d%0a@a", "cannot stand there"},
    {"encodedTab_isRefused", "turn://us%09er:hidden@a", "cannot stand there"},
    {"encodedDelete_isRefused", "turn://user:hidden%7f@a", "cannot stand there"},
    {"encodedNonAscii_isRefused", "turn://user:hidden%C3%A9@a", "cannot stand there"},
    {"nonAscii_isRefused", "turn://user:hidden\xc3\xa9@a", "not printable ASCII"},
    {"lineBreak_isRefused", "turn://user:hidden@a\n", "not printable ASCII"},
    {"nul_isRefused", "turn://user:hidden@a\0,b"s, "not printable ASCII"},
    {"commaInPassword_isRefused", "turn://user:hid,den@a", "server 1 has no @"},
    {"noHost_isRefused", "turn://user:hidden@", "wrong host or port"},
    {"badPort_isRefused", "turn://user:hidden@a:70000", "wrong host or port"},
    {"path_isRefused", "turn://user:hidden@a/", "wrong host or port"},
    {"ipv6WithoutBrackets_isRefused", "turn://user:hidden@::1", "wrong host or port"},
    {"unknownTransport_isRefused", "turn://user:hidden@a?transport=sctp", "behind its ?"},
    {"emptyTransport_isRefused", "turn://user:hidden@a?transport=", "behind its ?"},
    {"unknownParameter_isRefused", "turn://user:hidden@a?ttl=1", "behind its ?"},
    {"secondParameter_isRefused", "turn://user:hidden@a?transport=udp&x=1", "behind its ?"},
    {"fragment_isRefused", "turn://user:hidden@a#x", "wrong host or port"},
    {"secondServer_isNamed", "turn://user:hidden@a, ,turn://user:hidden@b:0", "server 2 has"},
};

void testBadTurn(const void *data) {
  const auto *row = static_cast<const BadRow *>(data);
  const Result<std::vector<IceServer>> servers = parseTurnServers(row->text);
  g_assert_false(servers.ok());
  assertFault(servers.error(), *row, "expected ");
}

void turns_several_keepTheirOrder() {
  const Result<std::vector<IceServer>> servers =
      parseTurnServers("turn://u:p@a?transport=udp, turns://v:q@[::2]:443?transport=tcp,,");
  g_assert_true(servers.ok());
  const std::vector<IceServer> expected = {{"turn", "a", 3478, "udp", "u", "p"},
                                           {"turns", "::2", 443, "tcp", "v", "q"}};
  g_assert_true(*servers == expected);
}

void turns_nothing_isNone() {
  for (const char *text : {"", " ", ",", " , ,"}) {
    const Result<std::vector<IceServer>> servers = parseTurnServers(text);
    g_assert_true(servers && servers->empty());
  }
}

template <typename Rows>
void addRows(const char *group, const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func(("/ice-servers/"s + group + "/" + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows("stun", kStuns, testStun);
  addRows("bad-stun", kBadStuns, testBadStun);
  addRows("turn", kTurns, testTurn);
  addRows("bad-turn", kBadTurns, testBadTurn);
  g_test_add_func("/ice-servers/turns_several_keepTheirOrder", turns_several_keepTheirOrder);
  g_test_add_func("/ice-servers/turns_nothing_isNone", turns_nothing_isNone);
  return g_test_run();
}
