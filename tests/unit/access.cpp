// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens, origins, and what an authorisation service is asked and answers.
#include "access.h"

#include <glib.h>
#include <json-glib/json-glib.h>

#include <cstring>

#include "gst/common/glib_owned.h"

using namespace gws;
using namespace std::string_literals;

namespace {

struct EqualRow {
  const char *name;
  std::string given, expected;
  bool equal;
};

const EqualRow kEquals[] = {
    {"same_areEqual", "secret", "secret", true},
    {"empty_areEqual", "", "", true},
    {"nulInside_areEqual", "a\0b"s, "a\0b"s, true},
    {"lastByte_isSeen", "secret", "secres", false},
    {"firstByte_isSeen", "secret", "Secret", false},
    {"highBit_isSeen", "\xe1", "a", false},
    {"afterNul_isSeen", "a\0b"s, "a\0c"s, false},
    {"givenEmpty_differs", "", "secret", false},
    {"expectedEmpty_differs", "secret", "", false},
    {"expectedEmpty_isNoNul", "\0"s, "", false},
    {"givenShorter_differs", "secre", "secret", false},
    {"givenLonger_differs", "secrets", "secret", false},
    {"givenLongerByNul_differs", "secret\0"s, "secret", false},
    {"givenTwice_differs", "secretsecret", "secret", false},
    // A length that is compared in one byte, and a text that is repeated to fit.
    {"givenLongerBy256_differs", std::string(257, 'a'), "a", false},
    {"givenLongerBy65536_differs", std::string(65537, 'a'), "a", false},
    {"givenShorterBy256_differs", "a", std::string(257, 'a'), false},
    // Two differences that a sum or an exclusive or of all bytes would lose.
    {"bytesSwapped_differ", "ab", "ba", false},
    {"sameDifferenceTwice_isSeen", "aa", "bb", false},
};

void testEqual(const void *data) {
  const auto *row = static_cast<const EqualRow *>(data);
  g_assert_true(equalInConstantTime(row->given, row->expected) == row->equal);
}

struct TokenRow {
  const char *name;
  std::string query, authorization;
  const char *token;
};

const TokenRow kTokens[] = {
    {"nothing_isNone", "", "", ""},
    {"token_isFound", "token=abc", "", "abc"},
    {"token_amongOthers_isFound", "a=1&token=abc&b=2", "", "abc"},
    {"token_afterNameWithoutValue_isFound", "debug&token=abc", "", "abc"},
    {"token_afterBadEscape_isFound", "x=%zz&token=abc", "", "abc"},
    {"token_afterInvalidUtf8_isFound", "x=%ff&%ff=1&token=abc", "", "abc"},
    {"token_afterEmptyParts_isFound", "&&=&token=abc&", "", "abc"},
    {"token_first_wins", "token=abc&token=def", "", "abc"},
    {"token_winsOverPassword", "password=def&token=abc", "", "abc"},
    {"token_winsOverHeader", "token=abc", "Bearer def", "abc"},
    {"token_empty_leavesItToTheNext", "token=&token=abc", "", "abc"},
    {"token_empty_leavesItToPassword", "token=&password=abc", "", "abc"},
    {"token_empty_leavesItToHeader", "token=&password=", "Bearer abc", "abc"},
    {"token_isDecoded", "token=a%2Fb%3d%26", "", "a/b=&"},
    {"token_isDecodedOnce", "token=%2541", "", "%41"},
    {"token_plus_staysPlus", "token=a+b%2Bc", "", "a+b+c"},
    {"token_space_isDecoded", "token=a%20b", "", "a b"},
    {"token_equalsSign_isPartOfIt", "token=abc==", "", "abc=="},
    {"token_utf8_isDecoded", "token=%C3%A9", "", "é"},
    {"token_notUtf8_isDecoded", "token=%FF", "", "\xff"},
    {"token_badEscape_isPassedOver", "token=a%zz&password=def", "", "def"},
    {"token_halfEscape_isPassedOver", "token=a%4", "Bearer def", "def"},
    {"token_encodedNul_isPassedOver", "token=abc%00x&token=def", "", "def"},
    {"token_nul_isPassedOver", "token=abc\0x&token=def"s, "", "def"},
    {"token_semicolon_isPartOfIt", "token=a;password=b", "", "a;password=b"},
    {"token_semicolonBefore_isNotFound", "a=1;token=abc", "", ""},
    {"name_encoded_isFound", "%74oken=abc", "", "abc"},
    {"name_upperCase_isNotFound", "Token=abc&PASSWORD=abc", "", ""},
    {"name_longer_isNotFound", "xtoken=abc&tokens=abc&token%00=abc", "", ""},
    {"name_ofRepeatedQuestionMark_isNotFound", "?token=abc", "", ""},
    {"name_inValue_isNotFound", "a=token=abc", "", ""},
    {"name_withoutValue_isNotFound", "token", "", ""},
    {"password_isFound", "password=abc", "", "abc"},
    {"password_first_wins", "password=abc&password=def", "", "abc"},
    {"password_winsOverHeader", "password=abc", "Bearer def", "abc"},
    {"header_isFound", "", "Bearer abc", "abc"},
    {"header_lowerCase_isFound", "", "bearer abc", "abc"},
    {"header_mixedCase_isFound", "", "bEaReR abc", "abc"},
    {"header_spaces_areStripped", "", "Bearer   abc  ", "abc"},
    {"header_isNotDecoded", "", "Bearer a%41+/=", "a%41+/="},
    {"header_caseOfToken_stays", "", "BEARER aBc", "aBc"},
    {"header_schemeAlone_isNone", "", "Bearer", ""},
    {"header_schemeAndSpace_isNone", "", "Bearer   ", ""},
    {"header_withoutSpace_isNone", "", "Bearerabc", ""},
    {"header_colon_isNone", "", "Bearer:abc", ""},
    {"header_leadingSpace_isNone", "", " Bearer abc", ""},
    {"header_basic_isNone", "", "Basic dG9rZW46YWJj", ""},
    {"header_tokenAlone_isNone", "", "abcdefghijkl", ""},
};

void testToken(const void *data) {
  const auto *row = static_cast<const TokenRow *>(data);
  const std::string result = tokenOf(row->query, row->authorization);
  g_assert_cmpstr(result.c_str(), ==, row->token);
}

struct OriginRow {
  const char *name;
  std::string text;
  const char *scheme, *host;
  unsigned port;
  const char *serialised;
};

const OriginRow kOrigins[] = {
    {"https_hasPort443", "https://a.example", "https", "a.example", 443, "https://a.example"},
    {"http_hasPort80", "http://a.example", "http", "a.example", 80, "http://a.example"},
    {"defaultPort_isLeftOut", "https://a:443", "https", "a", 443, "https://a"},
    {"otherPort_isKept", "http://a:443", "http", "a", 443, "http://a:443"},
    {"upperCase_isLowered", "HTTPS://A.Example:8443", "https", "a.example", 8443,
     "https://a.example:8443"},
    {"ipv4_isTaken", "http://127.0.0.1:8080", "http", "127.0.0.1", 8080, "http://127.0.0.1:8080"},
    {"ipv6_isTaken", "http://[::1]:8080", "http", "::1", 8080, "http://[::1]:8080"},
    {"ipv6_defaultPort_isLeftOut", "http://[0:0::1]:80", "http", "::1", 80, "http://[::1]"},
};

void testOrigin(const void *data) {
  const auto *row = static_cast<const OriginRow *>(data);
  const Result<Origin> origin = parseOrigin(row->text);
  g_assert_cmpstr(origin ? "" : origin.error().detail.c_str(), ==, "");
  g_assert_cmpstr(origin->scheme.c_str(), ==, row->scheme);
  g_assert_cmpstr(origin->host.c_str(), ==, row->host);
  g_assert_cmpuint(origin->port, ==, row->port);
  const std::string result = serialise(*origin);
  g_assert_cmpstr(result.c_str(), ==, row->serialised);
}

struct BadOriginRow {
  const char *name;
  std::string text;
};

const BadOriginRow kBadOrigins[] = {
    {"empty_isNone", ""},
    {"null_isNone", "null"},
    {"schemeAlone_isNone", "https://"},
    {"hostAlone_isNone", "a.example"},
    {"oneSlash_isNone", "https:/a.example"},
    {"noSlash_isNone", "https:a.example"},
    {"otherScheme_isNone", "ftp://a.example"},
    {"webSocketScheme_isNone", "wss://a.example"},
    {"extension_isNone", "chrome-extension://abcdefghijklmnop"},
    {"file_isNone", "file://"},
    {"schemeWithMore_isNone", "xhttps://a.example"},
    {"path_isNone", "https://a.example/"},
    {"longPath_isNone", "https://a.example/publish"},
    {"query_isNone", "https://a.example?x"},
    {"fragment_isNone", "https://a.example#x"},
    {"userinfo_isNone", "https://user@a.example"},
    {"userinfoEmpty_isNone", "https://@a.example"},
    {"userinfoLikeHost_isNone", "https://a.example:443@evil.example"},
    {"trailingDot_isNone", "https://a.example."},
    {"trailingDotAndPort_isNone", "https://a.example.:443"},
    {"portEmpty_isNone", "https://a.example:"},
    {"portTooLarge_isNone", "https://a.example:65979"},
    {"portAlone_isNone", "https://:443"},
    {"ipv6WithoutBrackets_isNone", "http://::1"},
    {"ipv6BracketOpen_isNone", "http://[::1"},
    {"backslash_isNone", "https://a.example\\b"},
    {"escape_isNone", "https://a%2eexample"},
    {"spaceBefore_isNone", " https://a.example"},
    {"spaceAfter_isNone", "https://a.example "},
    {"two_areNone", "https://a.example https://b.example"},
    {"wildcard_isNone", "https://*.a.example"},
    {"nul_isNone", "https://a.example\0.evil"s},
};

void testBadOrigin(const void *data) {
  const auto *row = static_cast<const BadOriginRow *>(data);
  const Result<Origin> origin = parseOrigin(row->text);
  g_assert_false(origin.ok());
  g_assert_cmpint(origin.error().code, ==, 400);
  g_assert_false(isOriginAllowed(row->text, row->text, {}) && !row->text.empty());
}

struct ListRow {
  const char *name;
  const char *text;
  std::vector<std::string> origins;
};

const ListRow kLists[] = {
    {"empty_isEmpty", "", {}},
    {"commas_areEmpty", " , ,", {}},
    {"star_isKept", "*", {"*"}},
    {"spelling_isMadeOne", "HTTPS://A:443", {"https://a"}},
    {"several_areSeparated", " http://a:81 ,https://b,\t*", {"http://a:81", "https://b", "*"}},
};

void testList(const void *data) {
  const auto *row = static_cast<const ListRow *>(data);
  const Result<std::vector<std::string>> origins = parseOriginList(row->text);
  g_assert_cmpstr(origins ? "" : origins.error().detail.c_str(), ==, "");
  g_assert_true(*origins == row->origins);
}

struct BadListRow {
  const char *name;
  const char *text, *named;
};

const BadListRow kBadLists[] = {
    {"host_isNamed", "https://a,b.example", "\"b.example\""},
    {"path_isNamed", "https://a/", "\"https://a/\""},
    {"null_isNamed", "null", "\"null\""},
    {"blankSeparated_isNamed", "https://a https://b", "\"https://a https://b\""},
    {"wildcard_isNamed", "https://*.a.example", "\"https://*.a.example\""},
};

void testBadList(const void *data) {
  const auto *row = static_cast<const BadListRow *>(data);
  const Result<std::vector<std::string>> origins = parseOriginList(row->text);
  g_assert_false(origins.ok());
  g_test_message("%s", origins.error().detail.c_str());
  g_assert_nonnull(strstr(origins.error().detail.c_str(), row->named));
}

struct AllowedRow {
  const char *name;
  const char *origin, *host;
  std::vector<std::string> allowed;
  bool isAllowed;
};

const AllowedRow kAllowed[] = {
    {"none_mayAlways", "", "a.example", {}, true},
    {"none_mayWithAList", "", "a.example", {"https://b.example"}, true},
    {"none_mayWithoutHost", "", "", {}, true},
    {"own_may", "https://a.example", "a.example", {}, true},
    {"own_withPort_may", "http://a.example:8080", "a.example:8080", {}, true},
    {"own_localhost_may", "http://localhost:8080", "localhost:8080", {}, true},
    {"own_hostsDefaultPort_may", "https://a.example", "a.example:443", {}, true},
    {"own_hostsDefaultPortOfHttp_may", "http://a.example", "a.example:80", {}, true},
    {"own_originsDefaultPort_may", "http://a:80", "a", {}, true},
    {"own_originsDefaultPortOfHttps_may", "https://a:443", "a", {}, true},
    {"own_upperCase_may", "HTTP://A.Example", "a.eXAMPLE", {}, true},
    {"own_ipv4_may", "http://127.0.0.1:8080", "127.0.0.1:8080", {}, true},
    {"own_ipv6_may", "http://[::1]:8080", "[::1]:8080", {}, true},
    {"own_ipv6DefaultPort_may", "https://[2001:db8::1]", "[2001:DB8:0::1]:443", {}, true},
    {"own_proxyEndsTls_may", "https://a.example:8443", "a.example:8443", {}, true},
    {"foreign_host_mayNot", "https://b.example", "a.example", {}, false},
    {"foreign_port_mayNot", "http://a:8081", "a:8080", {}, false},
    {"foreign_portMissing_mayNot", "http://a", "a:8080", {}, false},
    {"foreign_portOfOtherScheme_mayNot", "https://a", "a:80", {}, false},
    {"foreign_portOfOtherSchemeInOrigin_mayNot", "http://a:443", "a", {}, false},
    {"foreign_subdomain_mayNot", "https://x.a.example", "a.example", {}, false},
    {"foreign_parentDomain_mayNot", "https://example", "a.example", {}, false},
    {"foreign_longerHost_mayNot", "https://a.example.evil", "a.example", {}, false},
    {"foreign_hostAsPrefix_mayNot", "https://evil-a.example", "a.example", {}, false},
    {"foreign_hostAsPath_mayNot", "https://evil/a.example", "a.example", {}, false},
    {"foreign_hostAsUserinfo_mayNot", "https://a.example@evil", "a.example", {}, false},
    {"foreign_ipv6_mayNot", "http://[::1]:8080", "[::2]:8080", {}, false},
    {"foreign_localhostIsNotItsAddress_mayNot", "http://localhost", "127.0.0.1", {}, false},
    {"null_mayNot", "null", "a.example", {}, false},
    {"null_asHost_mayNot", "null", "null", {}, false},
    {"null_listed_mayNot", "null", "a.example", {"null"}, false},
    {"unparsable_mayNot", "garbage", "a.example", {}, false},
    {"unparsable_asHost_mayNot", "https://a/", "a/", {}, false},
    {"unparsable_listed_mayNot", "https://a/", "a", {"https://a/"}, false},
    {"trailingDot_mayNot", "https://a.example.", "a.example.", {}, false},
    {"host_empty_mayNot", "https://a.example", "", {}, false},
    {"host_unparsable_mayNot", "https://a.example", "a.example/", {}, false},
    {"host_withScheme_mayNot", "https://a.example", "https://a.example", {}, false},
    {"host_userinfo_mayNot", "https://a.example", "x@a.example", {}, false},
    {"list_member_may", "https://b", "a", {"https://c", "https://b"}, true},
    {"list_membersPort_mayBeWritten", "https://b:443", "a", {"https://b"}, true},
    {"list_defaultPort_mayBeWritten", "https://b", "a", {"HTTPS://B:443"}, true},
    {"list_upperCase_may", "https://B", "a", {"https://b"}, true},
    {"list_otherScheme_mayNot", "http://b", "a", {"https://b"}, false},
    {"list_otherSchemeSamePort_mayNot", "http://b:443", "a", {"https://b"}, false},
    {"list_otherPort_mayNot", "https://b:8443", "a", {"https://b"}, false},
    {"list_subdomain_mayNot", "https://x.b", "a", {"https://b"}, false},
    {"list_ownPageUnlisted_mayNot", "https://a", "a", {"https://b"}, false},
    {"list_brokenEntry_matchesNothing", "garbage", "a", {"garbage"}, false},
    {"star_anyone_may", "https://b", "a", {"*"}, true},
    {"star_notFirst_may", "https://b", "a", {"https://c", "*"}, true},
    {"star_null_may", "null", "a", {"*"}, true},
    {"star_unparsable_may", "garbage", "a", {"*"}, true},
    {"star_asOrigin_mayNot", "*", "*", {}, false},
};

void testAllowed(const void *data) {
  const auto *row = static_cast<const AllowedRow *>(data);
  g_assert_true(isOriginAllowed(row->origin, row->host, row->allowed) == row->isAllowed);
}

struct TermRow {
  const char *name;
  const char *text;
  gint64 durationS, maxSessions;  // -1: ignored
};

const TermRow kTerms[] = {
    {"missing_isIgnored", nullptr, -1, -1},
    {"empty_isIgnored", "", -1, -1},
    {"number_isTaken", "30", 30, 30},
    {"zero_isAtLeastASecond", "0", 1, 0},
    {"leadingZeros_areTaken", "007", 7, 7},
    {"manyDays_areShortened", "4294968", kMaxDurationS, 4294968},
    {"largestUnsigned_isTaken", "4294967295", kMaxDurationS, 4294967295},
    {"beyondUnsigned_isTheLargest", "4294967296", kMaxDurationS, 4294967295},
    {"beyond64Bits_isTheLargest", "18446744073709551617", kMaxDurationS, 4294967295},
    {"negative_isIgnored", "-1", -1, -1},
    {"plus_isIgnored", "+5", -1, -1},
    {"fraction_isIgnored", "1.5", -1, -1},
    {"exponent_isIgnored", "1e3", -1, -1},
    {"hexadecimal_isIgnored", "0x10", -1, -1},
    {"unit_isIgnored", "30s", -1, -1},
    {"list_isIgnored", "30, 40", -1, -1},
    {"text_isIgnored", "never", -1, -1},
};

gint64 orMinusOne(const std::optional<unsigned> &number) { return number ? gint64(*number) : -1; }

void testTerms(const void *data) {
  const auto *row = static_cast<const TermRow *>(data);
  const ServiceTerms both = parseServiceTerms(row->text, row->text);
  g_assert_cmpint(orMinusOne(both.durationS), ==, row->durationS);
  g_assert_cmpint(orMinusOne(both.maxSessions), ==, row->maxSessions);
}

void terms_differ_areNotMixedUp() {
  const ServiceTerms terms = parseServiceTerms("60", "2");
  g_assert_cmpint(orMinusOne(terms.durationS), ==, 60);
  g_assert_cmpint(orMinusOne(terms.maxSessions), ==, 2);
}

const AccessRequest kRequest = {
    "room/cam1",   "webrtc",          "2001:db8::1",  "sid-1",        "to\"ken\\\n",
    "token=a%20b", "Mozilla/5.0 (é)", "https://r/?x", "a.example:80", "https://o",
};

Owned<JsonNode, json_node_unref> parseJson(const std::string &text) {
  OwnedError error;
  Owned<JsonNode, json_node_unref> root(json_from_string(text.c_str(), Out(error)));
  g_assert_no_error(error.get());
  g_assert_true(root && JSON_NODE_HOLDS_OBJECT(root.get()));
  return root;
}

void assertMember(JsonNode *root, const char *name, const char *value) {
  g_assert_cmpstr(json_object_get_string_member(json_node_get_object(root), name), ==, value);
}

void service_request_hasTenMembers() {
  const auto root = parseJson(serviceRequest(kRequest, "update_session"));
  g_assert_cmpuint(json_object_get_size(json_node_get_object(root.get())), ==, 10);
  assertMember(root.get(), "name", "room/cam1");
  assertMember(root.get(), "proto", "webrtc");
  assertMember(root.get(), "ip", "2001:db8::1");
  assertMember(root.get(), "request_type", "update_session");
  assertMember(root.get(), "session_id", "sid-1");
  assertMember(root.get(), "token", "to\"ken\\\n");
  assertMember(root.get(), "qs", "token=a%20b");
  assertMember(root.get(), "user_agent", "Mozilla/5.0 (é)");
  assertMember(root.get(), "referer", "https://r/?x");
  assertMember(root.get(), "host", "a.example:80");
}

void service_requestOfNothing_hasEmptyStrings() {
  const auto root = parseJson(serviceRequest({}, "new_session"));
  JsonObject *object = json_node_get_object(root.get());
  g_assert_cmpuint(json_object_get_size(object), ==, 10);
  for (const char *name :
       {"name", "proto", "ip", "session_id", "token", "qs", "user_agent", "referer", "host"})
    assertMember(root.get(), name, "");
  assertMember(root.get(), "request_type", "new_session");
}

void service_requestWithBadUtf8_isStillJson() {
  AccessRequest request = kRequest;
  request.stream = "a\xff"s;
  request.token = "\xc3"s;
  request.userAgent = "x\0y"s;
  request.referer = "\xed\xa0\x80"s;
  const std::string text = serviceRequest(request, "new_session");
  g_assert_true(g_utf8_validate(text.c_str(), static_cast<gssize>(text.size()), nullptr));
  const auto root = parseJson(text);
  assertMember(root.get(), "name", "a\xEF\xBF\xBD");
  assertMember(root.get(), "token", "\xEF\xBF\xBD");
  assertMember(root.get(), "user_agent", "x\xEF\xBF\xBDy");
  assertMember(root.get(), "referer", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  assertMember(root.get(), "host", "a.example:80");
}

template <typename Rows>
void addRows(const char *group, const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func(("/access/"s + group + "/" + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows("equal", kEquals, testEqual);
  addRows("token", kTokens, testToken);
  addRows("origin", kOrigins, testOrigin);
  addRows("bad-origin", kBadOrigins, testBadOrigin);
  addRows("origin-list", kLists, testList);
  addRows("bad-origin-list", kBadLists, testBadList);
  addRows("allowed", kAllowed, testAllowed);
  addRows("terms", kTerms, testTerms);
  g_test_add_func("/access/terms_differ_areNotMixedUp", terms_differ_areNotMixedUp);
  g_test_add_func("/access/service_request_hasTenMembers", service_request_hasTenMembers);
  g_test_add_func("/access/service_requestOfNothing_hasEmptyStrings",
                  service_requestOfNothing_hasEmptyStrings);
  g_test_add_func("/access/service_requestWithBadUtf8_isStillJson",
                  service_requestWithBadUtf8_isStillJson);
  return g_test_run();
}
