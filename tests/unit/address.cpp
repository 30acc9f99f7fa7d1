// SPDX-License-Identifier: LGPL-2.1-or-later
// Hosts with ports, networks, and who is behind a proxy.
#include "address.h"

#include <glib.h>

#include <cstring>

using namespace gws;
using namespace std::string_literals;

namespace {

struct HostRow {
  const char *name;
  std::string text;
  const char *host;  // nullptr: it is none
  int port;          // -1: none
};

const HostRow kHosts[] = {
    {"name_alone_hasNoPort", "a.example", "a.example", -1},
    {"name_port_isRead", "a.example:8443", "a.example", 8443},
    {"name_upperCase_isLowered", "A.Example:1", "a.example", 1},
    {"name_underscoreAndHyphen_areTaken", "my_host-1", "my_host-1", -1},
    {"name_international_isTakenInAscii", "xn--bcher-kva.example", "xn--bcher-kva.example", -1},
    {"ipv4_port_isRead", "127.0.0.1:80", "127.0.0.1", 80},
    {"ipv6_brackets_areTakenOff", "[::1]", "::1", -1},
    {"ipv6_port_isRead", "[2001:db8::1]:65535", "2001:db8::1", 65535},
    {"ipv6_longSpelling_isShortened", "[2001:0DB8:0:0:0:0:0:1]", "2001:db8::1", -1},
    {"ipv6_ofIpv4_staysIpv6", "[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1},
    {"empty_isNone", "", nullptr, -1},
    {"port_alone_isNone", ":80", nullptr, -1},
    {"port_empty_isNone", "a:", nullptr, -1},
    {"port_zero_isNone", "a:0", nullptr, -1},
    {"port_65536_isNone", "a:65536", nullptr, -1},
    {"port_beyond64Bits_isNone", "a:18446744073709551696", nullptr, -1},
    {"port_sign_isNone", "a:+80", nullptr, -1},
    {"port_space_isNone", "a: 80", nullptr, -1},
    {"port_letters_isNone", "a:80x", nullptr, -1},
    {"port_two_isNone", "a:80:80", nullptr, -1},
    {"port_nul_isNone", "a:80\0x"s, nullptr, -1},
    {"name_trailingDot_isNone", "a.example.", nullptr, -1},
    {"name_trailingDotAndPort_isNone", "a.example.:80", nullptr, -1},
    {"name_leadingDot_isNone", ".example", nullptr, -1},
    {"name_wildcard_isNone", "*.example", nullptr, -1},
    {"name_space_isNone", "a b", nullptr, -1},
    {"name_userinfo_isNone", "user@a.example", nullptr, -1},
    {"name_userinfoWithPassword_isNone", "user:1@a.example", nullptr, -1},
    {"name_path_isNone", "a.example/", nullptr, -1},
    {"name_escape_isNone", "a%2eexample", nullptr, -1},
    {"name_utf8_isNone", "bücher.example", nullptr, -1},
    {"name_nul_isNone", "a\0b"s, nullptr, -1},
    {"ipv6_withoutBrackets_isNone", "::1", nullptr, -1},
    {"ipv6_bracketOpen_isNone", "[::1", nullptr, -1},
    {"ipv6_bracketOpenAlone_isNone", "[", nullptr, -1},
    {"ipv6_bracketsEmpty_isNone", "[]", nullptr, -1},
    {"ipv6_textAfterBracket_isNone", "[::1]80", nullptr, -1},
    {"ipv6_portEmpty_isNone", "[::1]:", nullptr, -1},
    {"ipv6_zone_isNone", "[fe80::1%25eth0]", nullptr, -1},
    {"ipv6_nul_isNone", "[::1\0]"s, nullptr, -1},
    {"brackets_ipv4_isNone", "[127.0.0.1]", nullptr, -1},
    {"brackets_name_isNone", "[a.example]", nullptr, -1},
};

void testHost(const void *data) {
  const auto *row = static_cast<const HostRow *>(data);
  const std::optional<HostPort> parts = parseHostPort(row->text);
  g_assert_cmpstr(parts ? parts->host.c_str() : nullptr, ==, row->host);
  g_assert_cmpint(parts && parts->port ? static_cast<int>(*parts->port) : -1, ==, row->port);
}

struct NetworkRow {
  const char *name;
  const char *networks, *address;
  bool contained;
};

const NetworkRow kNetworks[] = {
    {"none_holdNothing", "", "127.0.0.1", false},
    {"commasAlone_holdNothing", " , ,", "127.0.0.1", false},
    {"address_holdsItself", "127.0.0.1", "127.0.0.1", true},
    {"address_holdsNoNeighbour", "127.0.0.1", "127.0.0.2", false},
    {"address_isNoPrefixOfText", "10.0.0.1", "10.0.0.10", false},
    {"list_spaces_areStripped", " ::1 ,\t10.0.0.1 ", "10.0.0.1", true},
    {"list_last_isSearched", "1.1.1.1,2.2.2.0/24,3.3.3.3", "3.3.3.3", true},
    {"prefix8_holdsItsLast", "10.0.0.0/8", "10.255.255.255", true},
    {"prefix8_holdsNoNext", "10.0.0.0/8", "11.0.0.0", false},
    {"prefix12_holdsItsLast", "172.16.0.0/12", "172.31.255.255", true},
    {"prefix12_holdsNoNext", "172.16.0.0/12", "172.32.0.0", false},
    {"prefix12_holdsNoPrevious", "172.16.0.0/12", "172.15.255.255", false},
    {"prefix31_holdsTwo", "10.0.0.2/31", "10.0.0.3", true},
    {"prefix31_holdsNoThird", "10.0.0.2/31", "10.0.0.4", false},
    {"prefix32_holdsOne", "10.0.0.2/32", "10.0.0.3", false},
    {"prefix0_holdsAllOfIpv4", "0.0.0.0/0", "255.1.2.3", true},
    {"prefix0_holdsNoIpv6", "0.0.0.0/0", "::1", false},
    {"prefix0OfIpv6_holdsNoIpv4", "::/0", "1.2.3.4", false},
    {"prefix0OfIpv6_holdsAllOfIpv6", "::/0", "ffff::1", true},
    {"network_bitsOfItsHost_doNotCount", "192.168.1.77/24", "192.168.1.1", true},
    {"ipv6_spelling_doesNotCount", "2001:DB8:0::1", "2001:db8:0:0:0:0:0:1", true},
    {"ipv6_prefix33_holdsItsLast", "2001:db8:8000::/33", "2001:db8:ffff:ffff::1", true},
    {"ipv6_prefix33_holdsNoOther", "2001:db8:8000::/33", "2001:db8:7fff::1", false},
    {"ipv6_prefix128_holdsOne", "2001:db8::1/128", "2001:db8::2", false},
    {"ipv4InIpv6_isOfIpv4Network", "10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"ipv4InIpv6Hex_isOfIpv4Network", "10.0.0.0/8", "::ffff:a01:203", true},
    {"ipv4_isOfIpv4InIpv6Network", "::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"ipv4_isNotOfOtherIpv4InIpv6Network", "::ffff:10.0.0.0/104", "11.1.2.3", false},
    {"ipv4InIpv6Network_96_isAllOfIpv4", "::ffff:0.0.0.0/96", "9.9.9.9", true},
    {"ipv6_likeIpv4Bytes_isNotIpv4", "10.0.0.0/8", "a00::", false},
    {"address_withPort_isNone", "10.0.0.0/8", "10.0.0.1:80", false},
    {"address_empty_isNone", "0.0.0.0/0,::/0", "", false},
    {"address_name_isNone", "0.0.0.0/0,::/0", "localhost", false},
    {"address_leadingZero_isNone", "0.0.0.0/0", "10.0.0.01", false},
    {"address_shortForm_isNone", "0.0.0.0/0", "10.1", false},
};

void testNetwork(const void *data) {
  const auto *row = static_cast<const NetworkRow *>(data);
  const Result<Networks> networks = Networks::parse(row->networks);
  g_assert_cmpstr(networks ? "" : networks.error().detail.c_str(), ==, "");
  g_assert_true(networks->contains(row->address) == row->contained);
}

struct BadNetworkRow {
  const char *name;
  const char *networks, *named;
};

const BadNetworkRow kBadNetworks[] = {
    {"name_isRefused", "127.0.0.1,localhost", "\"localhost\""},
    {"prefixMissing_isRefused", "10.0.0.0/", "\"10.0.0.0/\""},
    {"prefixTooLong_isRefused", "10.0.0.0/33", "\"10.0.0.0/33\""},
    {"prefixTooLongOfIpv6_isRefused", "::/129", "\"::/129\""},
    {"prefixNegative_isRefused", "10.0.0.0/-1", "\"10.0.0.0/-1\""},
    {"prefixLetters_isRefused", "10.0.0.0/8x", "\"10.0.0.0/8x\""},
    {"prefixSpace_isRefused", "10.0.0.0 /8", "\"10.0.0.0 /8\""},
    {"prefixTwice_isRefused", "10.0.0.0/8/8", "\"10.0.0.0/8/8\""},
    {"prefixAsMask_isRefused", "10.0.0.0/255.0.0.0", "\"10.0.0.0/255.0.0.0\""},
    {"prefixAboveIpv4InIpv6_isRefused", "::ffff:0.0.0.0/95", "\"::ffff:0.0.0.0/95\""},
    {"shortForm_isRefused", "10/8", "\"10/8\""},
    {"brackets_areRefused", "[::1]", "\"[::1]\""},
    {"port_isRefused", "10.0.0.1:80", "\"10.0.0.1:80\""},
    {"wildcard_isRefused", "*", "\"*\""},
    {"blankSeparated_isRefused", "10.0.0.1 10.0.0.2", "\"10.0.0.1 10.0.0.2\""},
    {"newline_isNotEchoed", "10.0.0.1\nx", "\"10.0.0.1?x\""},
};

void testBadNetwork(const void *data) {
  const auto *row = static_cast<const BadNetworkRow *>(data);
  const Result<Networks> networks = Networks::parse(row->networks);
  g_assert_false(networks.ok());
  g_test_message("%s", networks.error().detail.c_str());
  g_assert_nonnull(strstr(networks.error().detail.c_str(), row->named));
}

void networks_empty_saysSo() {
  g_assert_true(Networks().empty());
  g_assert_true(Networks::parse("")->empty());
  g_assert_false(Networks::parse("::1")->empty());
}

constexpr const char *kProxies = "127.0.0.1,10.0.0.0/8,2001:db8:1::/48";

struct ClientRow {
  const char *name;
  std::string peer, forwardedFor;
  const char *client;
};

const ClientRow kClients[] = {
    {"peer_noHeader_isClient", "1.2.3.4", "", "1.2.3.4"},
    {"peer_notTrusted_isClient", "1.2.3.4", "5.6.7.8", "1.2.3.4"},
    {"peer_notTrustedButNamesProxy_isClient", "1.2.3.4", "5.6.7.8, 127.0.0.1", "1.2.3.4"},
    {"peer_noAddress_isAsItIs", "unix:", "5.6.7.8", "unix:"},
    {"peer_empty_isAsItIs", "", "5.6.7.8", ""},
    {"peer_zone_isAsItIs", "fe80::1%eth0", "5.6.7.8", "fe80::1%eth0"},
    {"peer_longSpelling_isShortened", "2001:DB8:2:0:0::1", "", "2001:db8:2::1"},
    {"peer_ipv4InIpv6_isIpv4", "::ffff:1.2.3.4", "", "1.2.3.4"},
    {"proxy_noHeader_isClient", "127.0.0.1", "", "127.0.0.1"},
    {"proxy_one_namesClient", "127.0.0.1", "5.6.7.8", "5.6.7.8"},
    {"proxy_ipv4InIpv6_isTrusted", "::ffff:127.0.0.1", "5.6.7.8", "5.6.7.8"},
    {"proxy_ipv6_isTrusted", "2001:db8:1::7", "2001:db8:2::1", "2001:db8:2::1"},
    {"proxy_clientWroteMore_isNotBelieved", "127.0.0.1", "9.9.9.9, 5.6.7.8", "5.6.7.8"},
    {"proxy_clientWroteAProxy_isNotBelieved", "127.0.0.1", "9.9.9.9, 10.0.0.1, 5.6.7.8", "5.6.7.8"},
    {"chain_isWalked", "127.0.0.1", "5.6.7.8, 10.0.0.1, 10.0.0.2", "5.6.7.8"},
    {"chain_headersJoined_areOne", "127.0.0.1", "9.9.9.9,5.6.7.8,10.0.0.1", "5.6.7.8"},
    {"chain_allTrusted_endsAtTheFirst", "127.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
    {"chain_withoutSpaces_isWalked", "127.0.0.1", "5.6.7.8,10.0.0.1", "5.6.7.8"},
    {"chain_tabs_areStripped", "127.0.0.1", "\t5.6.7.8 \t,\t10.0.0.1 ", "5.6.7.8"},
    {"port_ipv4_isCutOff", "127.0.0.1", "5.6.7.8:5678", "5.6.7.8"},
    {"port_ofTrusted_isCutOff", "127.0.0.1", "5.6.7.8, 10.0.0.1:443", "5.6.7.8"},
    {"port_ipv6_isCutOff", "127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"},
    {"brackets_areTakenOff", "127.0.0.1", "[2001:db8::1]", "2001:db8::1"},
    {"brackets_ofTrusted_areTakenOff", "127.0.0.1", "5.6.7.8, [2001:db8:1::1]:1", "5.6.7.8"},
    {"ipv6_bare_isTaken", "127.0.0.1", "2001:DB8::0:1", "2001:db8::1"},
    {"ipv6_bareThatEndsLikeAPort_isTaken", "127.0.0.1", "2001:db8::443", "2001:db8::443"},
    {"ipv4InIpv6_isIpv4", "127.0.0.1", "[::ffff:5.6.7.8]:1", "5.6.7.8"},
    {"ipv4InIpv6OfTrusted_isWalked", "127.0.0.1", "5.6.7.8, ::ffff:10.0.0.1", "5.6.7.8"},
    {"unknown_endsTheSearch", "127.0.0.1", "5.6.7.8, unknown", "127.0.0.1"},
    {"unknown_behindAProxy_givesTheProxy", "127.0.0.1", "5.6.7.8, unknown, 10.0.0.1", "10.0.0.1"},
    {"unknown_beforeTheClient_isNotReached", "127.0.0.1", "unknown, 5.6.7.8", "5.6.7.8"},
    {"element_empty_endsTheSearch", "127.0.0.1", "5.6.7.8,", "127.0.0.1"},
    {"element_blank_endsTheSearch", "127.0.0.1", "5.6.7.8, ,10.0.0.1", "10.0.0.1"},
    {"element_emptyFirst_isNotReached", "127.0.0.1", ",5.6.7.8", "5.6.7.8"},
    {"commas_alone_giveThePeer", "127.0.0.1", ",,,", "127.0.0.1"},
    {"element_badPort_endsTheSearch", "127.0.0.1", "5.6.7.8:x", "127.0.0.1"},
    {"element_name_endsTheSearch", "127.0.0.1", "localhost:80", "127.0.0.1"},
    {"element_quotes_endTheSearch", "127.0.0.1", "\"5.6.7.8\"", "127.0.0.1"},
    {"element_leadingZero_endsTheSearch", "127.0.0.1", "005.6.7.8", "127.0.0.1"},
    {"element_nul_endsTheSearch", "127.0.0.1", "5.6.7.8\0x"s, "127.0.0.1"},
    {"element_twoAddresses_endTheSearch", "127.0.0.1", "5.6.7.8 9.9.9.9", "127.0.0.1"},
};

void testClient(const void *data) {
  const auto *row = static_cast<const ClientRow *>(data);
  const Result<Networks> trusted = Networks::parse(kProxies);
  g_assert_true(trusted.ok());
  const std::string result = clientAddress(row->peer, row->forwardedFor, *trusted);
  g_assert_cmpstr(result.c_str(), ==, row->client);
}

void client_nobodyTrusted_isThePeer() {
  const std::string result = clientAddress("127.0.0.1", "5.6.7.8", Networks());
  g_assert_cmpstr(result.c_str(), ==, "127.0.0.1");
}

struct KeyRow {
  const char *name;
  const char *address, *key;
};

const KeyRow kKeys[] = {
    {"ipv4_isItself", "1.2.3.4", "1.2.3.4"},
    {"ipv4InIpv6_isIpv4", "::ffff:1.2.3.4", "1.2.3.4"},
    {"ipv6_isItsNetwork", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
    {"ipv6_sameNetwork_isTheSame", "2001:db8:1:2:ffff::", "2001:db8:1:2::/64"},
    {"ipv6_otherNetwork_isAnother", "2001:db8:1:3:3:4:5:6", "2001:db8:1:3::/64"},
    {"ipv6_loopback_isItsNetwork", "::1", "::/64"},
    {"text_isItself", "unix:", "unix:"},
    {"empty_isItself", "", ""},
};

void testKey(const void *data) {
  const auto *row = static_cast<const KeyRow *>(data);
  const std::string result = limitKey(row->address);
  g_assert_cmpstr(result.c_str(), ==, row->key);
}

template <typename Rows>
void addRows(const char *group, const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func(("/address/"s + group + "/" + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows("host", kHosts, testHost);
  addRows("networks", kNetworks, testNetwork);
  addRows("bad-networks", kBadNetworks, testBadNetwork);
  addRows("client", kClients, testClient);
  addRows("key", kKeys, testKey);
  g_test_add_func("/address/networks_empty_saysSo", networks_empty_saysSo);
  g_test_add_func("/address/client_nobodyTrusted_isThePeer", client_nobodyTrusted_isThePeer);
  return g_test_run();
}
