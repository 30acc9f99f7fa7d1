// SPDX-License-Identifier: LGPL-2.1-or-later
// What a WHIP client's PATCH holds and what answers it, entity-tags, and an operator's ICE servers:
// the input is each of them in turn.
#include <glib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ice_servers.h"
#include "sdp.h"
#include "whip_fragment.h"

using namespace gws;

namespace {

constexpr std::size_t kBytes = 4096;
constexpr std::size_t kSections = 3;

bool isPrintableLine(const std::string &text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isprint(c); });
}

/// Nothing of the input is in an error: it is short, and ASCII throughout.
void checkError(const Error &error, int code) {
  g_assert_cmpint(error.code, ==, code);
  g_assert_true(!error.detail.empty() && isPrintableLine(error.detail));
  g_assert_cmpuint(error.detail.size(), <, 256);
}

bool isSame(const IceFragment &a, const IceFragment &b) {
  return a.ufrag == b.ufrag && a.pwd == b.pwd && a.candidates == b.candidates;
}

void checkFragment(const std::string &text) {
  const Result<IceFragment> fragment = parseIceFragment(text, kBytes, kSections);
  if (!fragment) return checkError(fragment.error(), 400);
  g_assert_cmpuint(text.size(), <=, kBytes);
  g_assert_true(fragment->ufrag.empty()
                    ? fragment->pwd.empty()
                    : isIceText(fragment->ufrag, 4, 256) && isIceText(fragment->pwd, 22, 256));
  std::size_t bytes = 0;
  for (const std::string &candidate : fragment->candidates) {
    g_assert_true(candidate.starts_with("candidate:"));
    g_assert_true(candidate.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
    bytes += candidate.size();
  }
  g_assert_cmpuint(bytes, <=, text.size());
  g_assert_false(parseIceFragment(text, text.size() - 1, kSections).ok());
  // Neither line ends nor unknown attributes count.
  const Result<IceFragment> longer =
      parseIceFragment(text + "\n\r\na=x-unknown\n", 2 * kBytes, kSections);
  g_assert_true(longer && isSame(*longer, *fragment));
}

void checkAnswer(const std::string &answer) {
  const std::string fragment = iceFragmentOf(answer);
  if (fragment.empty()) return;
  g_assert_true(fragment.ends_with("\r\na=end-of-candidates\r\n"));
  const Result<IceFragment> read = parseIceFragment(fragment, fragment.size(), 1);
  g_assert_true(read && !read->ufrag.empty());
  g_assert_true(iceFragmentOf("v=0\r\n" + fragment) == fragment);
}

void checkEtag(const std::string &ifMatch) {
  const bool matchesAll = matchesEtag(ifMatch, "no tag");
  const bool matches = matchesEtag(ifMatch, "\"xyzzy\"");
  g_assert_true(!matchesAll || matches);
  g_assert_true(matches || !matchesEtag("\"abc\", " + ifMatch, "\"xyzzy\""));
  if (matches && !matchesAll) {
    g_assert_true(matchesEtag("\"a,b\"," + ifMatch, "\"xyzzy\""));
    g_assert_true(matchesEtag(ifMatch + ",W/\"c\"", "\"xyzzy\""));
    g_assert_false(matchesEtag(ifMatch + "x", "\"xyzzy\""));
  }
  // A tag matches itself, with whatever is in it.
  const bool isTag = ifMatch.size() >= 2 && ifMatch.find('"') == 0 &&
                     ifMatch.find('"', 1) == ifMatch.size() - 1 && matchesEtag(ifMatch, ifMatch);
  g_assert_true(!isTag || matchesEtag(" " + ifMatch + " , \"\"", ifMatch));
}

/// The value of a Link header's parameter, from behind its first quotation mark.
std::string unquoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\') ++i;
    g_assert_cmpuint(i, <, text.size());
    value += text[i];
  }
  return value;
}

void checkServer(const IceServer &server) {
  g_assert_true(server.port >= 1 && server.port <= 65535 && !server.host.empty());
  g_assert_true(server.username.empty() == server.password.empty());
  const std::string link = linkOf(server);
  g_assert_true(isPrintableLine(link));
  g_assert_true(link.starts_with("<" + server.scheme + ":"));
  std::string_view rest = link;
  takeUntil(rest, '>');
  g_assert_true(rest.starts_with("; rel=\"ice-server\""));
  if (server.username.empty()) return;
  constexpr std::string_view kUsername = "username=\"";
  g_assert_true(unquoted(rest.substr(rest.find(kUsername) + kUsername.size())) == server.username);
  constexpr std::string_view kCredential = "; credential=\"";
  // A user name cannot hold this: its quotation mark would be escaped.
  g_assert_true(unquoted(rest.substr(rest.find(kCredential) + kCredential.size())) ==
                server.password);
}

void checkStun(const std::string &text) {
  const Result<IceServer> server = parseStunServer(text);
  if (!server) return checkError(server.error(), 0);
  checkServer(*server);
  g_assert_true(server->username.empty() && server->transport.empty());
  const Result<IceServer> again = parseStunServer(webrtcbinUri(*server));
  g_assert_true(again && *again == *server);
}

void checkTurn(const std::string &text) {
  const Result<std::vector<IceServer>> servers = parseTurnServers(text);
  if (!servers) return checkError(servers.error(), 0);
  g_assert_cmpuint(servers->size(), <=, text.size() / std::string_view("turn:a:b@c").size());
  std::string joined;
  for (const IceServer &server : *servers) {
    checkServer(server);
    g_assert_false(server.username.empty());
    (joined += webrtcbinUri(server)) += ", ";
  }
  const Result<std::vector<IceServer>> again = parseTurnServers(joined);
  g_assert_true(again && *again == *servers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string text(reinterpret_cast<const char *>(data), size);
  checkFragment(text);
  checkAnswer(text);
  checkAnswer("v=0\r\n" + text);
  checkEtag(text);
  checkStun(text);
  checkTurn(text);
  return 0;
}
