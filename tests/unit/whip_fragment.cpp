// SPDX-License-Identifier: LGPL-2.1-or-later
// Fragments of a WHIP session's PATCH: every accepted shape, every refusal, what answers a restart,
// and which entity-tags match.
#include "whip_fragment.h"

#include <glib.h>

#include <string>

#include "offer.h"

using namespace gws;
using namespace std::string_literals;

namespace {

constexpr std::size_t kBytes = 4096;
constexpr std::size_t kSections = 4;

#define UFRAG "a=ice-ufrag:EsAw\r\n"
#define PWD "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
constexpr const char *kUfrag = "EsAw";
constexpr const char *kPwd = "P2uYro0UCOQ4zxjKXaWCBui1";

void assertText(const std::string &text, const char *expected) {
  g_assert_cmpstr(text.c_str(), ==, expected);
}

// --- What is read --------------------------------------------------------------------------------

struct GoodRow {
  const char *name;
  const char *text;
  bool credentials;        // kUfrag and kPwd
  const char *candidates;  // joined by |
};

const GoodRow kGood[] = {
    {"ofTheRfc_isRead",
     "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" UFRAG PWD
     "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n"
     "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n"
     "a=end-of-candidates\r\n",
     true,
     "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw|"
     "candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active"},
    {"lineFeeds_areRead",
     "a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\nm=audio 9 RTP/SAVPF 0\n"
     "a=candidate:1\n",
     true, "candidate:1"},
    {"noLineEnd_isRead", "a=candidate:1", false, "candidate:1"},
    {"emptyLines_areSkipped", "\r\n\na=candidate:1\r\n\r\n", false, "candidate:1"},
    {"endAlone_isLegal", "a=end-of-candidates\r\n", false, ""},
    {"sessionLevel_countsForAll",
     UFRAG PWD "m=audio 9 X 0\r\na=candidate:1\r\nm=video 9 X 0\r\na=candidate:2\r\n", true,
     "candidate:1|candidate:2"},
    {"sections_mayAgree",
     "m=audio 9 X 0\r\n" UFRAG PWD "a=candidate:1\r\nm=video 9 X 0\r\n" UFRAG PWD
     "a=candidate:2\r\n",
     true, "candidate:1|candidate:2"},
    {"sectionAndSession_mayAgree", UFRAG PWD "m=audio 9 X 0\r\n" PWD UFRAG, true, ""},
    {"oneSectionOfTwo_speaksForBoth",
     "m=audio 9 X 0\r\na=candidate:1\r\nm=video 9 X 0\r\n" UFRAG PWD, true, "candidate:1"},
    {"withoutSection_isRead", UFRAG PWD "a=candidate:1\r\na=candidate:2\r\n", true,
     "candidate:1|candidate:2"},
    {"candidatesAlone_haveNoCredentials", "m=audio 9 X 0\r\na=mid:0\r\na=candidate:1\r\n", false,
     "candidate:1"},
    {"uselessCandidates_areKept",
     "a=candidate:\r\na=candidate\r\na=candidate:1 2 udp 1 x.local 9 typ host\r\n", false,
     "candidate:|candidate:|candidate:1 2 udp 1 x.local 9 typ host"},
    {"sameCandidates_areKept", "a=candidate:1\r\na=candidate:1\r\n", false,
     "candidate:1|candidate:1"},
    {"unknownLines_areIgnored",
     "o=- 1 1 IN IP4 0.0.0.0\r\nZ=1\r\na=ice-lite\r\na=ice-pacing:50\r\na=\r\na=:x\r\n"
     "a=candidates:1\r\nc=IN IP4 0.0.0.0\r\na=remote-candidates:1 192.0.2.1 9\r\n",
     false, ""},
    {"nonAsciiAttribute_isIgnored", "a=x:\xc3\xa9\xff\r\na=candidate:1\r\n", false, "candidate:1"},
    {"versionLater_isUnknown", "a=candidate:1\r\nv=0\r\n", false, "candidate:1"},
    {"mediaLineOfNothing_isASection", "m=\r\na=candidate:1\r\n", false, "candidate:1"},
    {"fourSections_areRead",
     "m=audio 9 X 0\r\nm=video 9 X 0\r\nm=video 9 X 0\r\nm=video 9 X 0\r\na=candidate:1\r\n", false,
     "candidate:1"},
};

std::string joined(const std::vector<std::string> &texts) {
  std::string result;
  for (const std::string &text : texts)
    (result += result.empty() ? "" : "|") += text;
  return result;
}

void testGood(const void *data) {
  const auto *row = static_cast<const GoodRow *>(data);
  const Result<IceFragment> fragment = parseIceFragment(row->text, kBytes, kSections);
  if (!fragment) g_error("%s", fragment.error().detail.c_str());
  g_assert_cmpstr(fragment->ufrag.c_str(), ==, row->credentials ? kUfrag : "");
  g_assert_cmpstr(fragment->pwd.c_str(), ==, row->credentials ? kPwd : "");
  assertText(joined(fragment->candidates), row->candidates);
}

// --- What is refused -----------------------------------------------------------------------------

struct BadRow {
  const char *name;
  std::string text;
  const char *fault;  // part of the error
};

const BadRow kBad[] = {
    {"empty_isRefused", "", "holds no line"},
    {"emptyLines_areRefused", "\r\n\n\r\n", "holds no line"},
    {"json_isRefused", R"({"candidate":"candidate:1"})", "line 1 of the fragment does not begin"},
    {"candidateWithoutA_isRefused", "candidate:1 1 udp\r\n", "line 1 of the fragment"},
    {"lineWithoutEquals_isRefused", "a=candidate:1\r\na\r\n", "line 2 of the fragment"},
    {"lineOfSpaces_isRefused", "a=candidate:1\r\n  \r\n", "line 2 of the fragment"},
    {"wholeSdp_isRefused", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" UFRAG PWD,
     "whole SDP"},
    {"wholeSdpBehindEmptyLine_isRefused", "\r\nv=0\r\n", "whole SDP"},
    {"nul_isRefused", "a=candidate:1\0\r\n"s, "control character"},
    {"tab_isRefused", "a=candidate:1\t1\r\n", "control character"},
    {"carriageReturnAlone_isRefused", "a=candidate:1\ra=candidate:2\r\n", "control character"},
    {"deleteCharacter_isRefused", "a=x:\x7f\r\n", "control character"},
    {"ufragAlone_isRefused", UFRAG, "a=ice-ufrag is there without a=ice-pwd"},
    {"pwdAlone_isRefused", PWD, "a=ice-pwd is there without a=ice-ufrag"},
    {"ufragAloneInSection_isRefused", "m=audio 9 X 0\r\n" UFRAG "m=video 9 X 0\r\n" UFRAG PWD,
     "a=ice-ufrag is there without"},
    {"pairSplitBetweenLevels_isRefused", UFRAG "m=audio 9 X 0\r\n" PWD,
     "a=ice-ufrag is there without"},
    {"ufragTooShort_isRefused", "a=ice-ufrag:abc\r\n" PWD, "a=ice-ufrag is wrong"},
    {"ufragTooLong_isRefused", "a=ice-ufrag:" + std::string(257, 'a') + "\r\n" PWD,
     "a=ice-ufrag is wrong"},
    {"ufragEmpty_isRefused", "a=ice-ufrag:\r\n" PWD, "a=ice-ufrag is wrong"},
    {"ufragWithoutValue_isRefused", "a=ice-ufrag\r\n" PWD, "a=ice-ufrag is wrong"},
    {"ufragWithSpace_isRefused", "a=ice-ufrag: EsAw\r\n" PWD, "a=ice-ufrag is wrong"},
    {"ufragNonAscii_isRefused", "a=ice-ufrag:Es\xc3\xa9w\r\n" PWD, "a=ice-ufrag is wrong"},
    {"pwdTooShort_isRefused", UFRAG "a=ice-pwd:hiddenhiddenhiddenhid\r\n", "a=ice-pwd is wrong"},
    {"pwdTooLong_isRefused", UFRAG "a=ice-pwd:" + std::string(257, 'a') + "\r\n",
     "a=ice-pwd is wrong"},
    {"pwdBadCharacter_isRefused", UFRAG "a=ice-pwd:hiddenhiddenhiddenhidden_\r\n",
     "a=ice-pwd is wrong"},
    {"otherUfrag_isRefused",
     "m=audio 9 X 0\r\n" UFRAG PWD "m=video 9 X 0\r\na=ice-ufrag:EsAx\r\n" PWD,
     "the sections differ"},
    {"otherPwd_isRefused",
     "m=audio 9 X 0\r\n" UFRAG PWD "m=video 9 X 0\r\n" UFRAG
     "a=ice-pwd:hiddenhiddenhiddenhidden\r\n",
     "the sections differ"},
    {"otherThanTheSession_isRefused", UFRAG PWD "m=audio 9 X 0\r\na=ice-ufrag:EsAx\r\n" PWD,
     "the sections differ"},
    {"fiveSections_areRefused", "m=a\r\nm=b\r\nm=c\r\nm=d\r\nm=e\r\n", "more than 4 m= lines"},
    {"tooLong_isRefused", "a=x:" + std::string(kBytes - 3, 'a'),
     "the fragment has 4097 bytes, at most 4096"},
};

void testBad(const void *data) {
  const auto *row = static_cast<const BadRow *>(data);
  const Result<IceFragment> fragment = parseIceFragment(row->text, kBytes, kSections);
  g_assert_false(fragment.ok());
  const Error &error = fragment.error();
  g_assert_cmpint(error.code, ==, 400);
  if (error.detail.find(row->fault) == std::string::npos)
    g_error("\"%s\" does not say \"%s\"", error.detail.c_str(), row->fault);
  g_assert_true(error.detail.find("hidden") == std::string::npos);
}

void fragment_ofTheGreatestSize_isRead() {
  const std::string line = "a=candidate:1\r\n";
  g_assert_true(parseIceFragment(line, line.size(), 0).ok());
  g_assert_false(parseIceFragment(line, line.size() - 1, 0).ok());
}

void fragment_ofLimits_isRead() {
  for (const auto &[ufrag, pwd] : {std::pair(4, 22), std::pair(256, 256)}) {
    const std::string text = "a=ice-ufrag:" + std::string(static_cast<std::size_t>(ufrag), '+') +
                             "\na=ice-pwd:" + std::string(static_cast<std::size_t>(pwd), '/');
    g_assert_true(parseIceFragment(text, kBytes, kSections).ok());
  }
}

// --- What answers a restart ----------------------------------------------------------------------

struct AnswerRow {
  const char *name;
  const char *answer, *fragment;
};

#define SESSION "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
#define END "a=end-of-candidates\r\n"

const AnswerRow kAnswers[] = {
    {"candidates_chooseTheSection",
     SESSION "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" UFRAG PWD VIDEO "a=mid:1\r\n" UFRAG PWD
             "a=recvonly\r\na=candidate:1\r\na=candidate:2\r\n" END,
     "a=group:BUNDLE 0 1\r\n" VIDEO "a=mid:1\r\n" UFRAG PWD
     "a=candidate:1\r\na=candidate:2\r\n" END},
    {"noCandidates_bundleChooses",
     SESSION "a=group:BUNDLE 1 0\r\n" AUDIO "a=mid:0\r\n" UFRAG PWD VIDEO "a=mid:1\r\n" UFRAG PWD,
     "a=group:BUNDLE 1 0\r\n" VIDEO "a=mid:1\r\n" UFRAG PWD END},
    {"noBundle_theFirstSectionIsTaken", SESSION AUDIO UFRAG PWD, AUDIO UFRAG PWD END},
    {"otherGroup_isNoBundle",
     SESSION "a=group:LS 1\r\na=group:BUNDLE 1\r\n" VIDEO "a=mid:1\r\n" UFRAG PWD,
     "a=group:BUNDLE 1\r\n" VIDEO "a=mid:1\r\n" UFRAG PWD END},
    {"options_comeFirst", SESSION VIDEO "a=mid:v\r\n" UFRAG PWD "a=ice-options:trickle ice2\r\n",
     "a=ice-options:trickle ice2\r\n" VIDEO "a=mid:v\r\n" UFRAG PWD END},
    {"sessionLevel_isRead", SESSION UFRAG PWD "a=ice-options:trickle\r\n" VIDEO,
     "a=ice-options:trickle\r\n" VIDEO UFRAG PWD END},
    {"empty_givesNothing", "", ""},
    {"fragment_givesNothing", VIDEO UFRAG PWD, ""},
    {"noSection_givesNothing", SESSION UFRAG PWD, ""},
    {"noUfrag_givesNothing", SESSION VIDEO PWD, ""},
    {"noPwd_givesNothing", SESSION VIDEO UFRAG, ""},
    {"badPwd_givesNothing", SESSION VIDEO UFRAG "a=ice-pwd:short\r\n", ""},
    {"bundleOfUnknownMid_givesNothing",
     SESSION "a=group:BUNDLE 7\r\n" VIDEO "a=mid:1\r\n" UFRAG PWD, ""},
};

void testAnswer(const void *data) {
  const auto *row = static_cast<const AnswerRow *>(data);
  assertText(iceFragmentOf(row->answer), row->fragment);
}

void answer_built_givesItsTransport() {
  g_autofree char *sdp = nullptr;
  g_assert_true(
      g_file_get_contents(OFFER_DIRECTORY "/chromium-camera.sdp", &sdp, nullptr, nullptr));
  const Result<Offer> offer = parseOffer(sdp);
  g_assert_true(offer.ok());
  const LocalTransport transport{"abcd", "abcdefghijklmnopqrstuv", {"sha-256", "AB:CD"}, "passive"};
  const std::vector<std::string> candidates = {
      "candidate:1 1 UDP 2015363327 192.0.2.1 5000 typ host",
      "candidate:2 1 UDP 2015363326 2001:db8::1 5000 typ host"};
  const std::string fragment = iceFragmentOf(
      buildAnswer(*offer, {}, transport, {}, std::span<const std::string>(candidates)));
  const Result<IceFragment> read = parseIceFragment(fragment, kBytes, 1);
  g_assert_true(read.ok());
  g_assert_cmpstr(read->ufrag.c_str(), ==, transport.iceUfrag.c_str());
  g_assert_cmpstr(read->pwd.c_str(), ==, transport.icePwd.c_str());
  g_assert_true(read->candidates == candidates);
  g_assert_true(fragment.find("\r\na=mid:" + offer->bundle[0] + "\r\n") != std::string::npos);
  g_assert_true(
      fragment.starts_with("a=ice-options:trickle\r\na=group:BUNDLE " + offer->bundle[0]));
  g_assert_true(fragment.ends_with("\r\na=end-of-candidates\r\n"));
}

// --- Entity-tags ---------------------------------------------------------------------------------

struct EtagRow {
  const char *name;
  std::string ifMatch;
  bool matches;  // "xyzzy"
};

const EtagRow kEtags[] = {
    {"same_matches", "\"xyzzy\"", true},
    {"star_matches", "*", true},
    {"quotedStar_matches", "\"*\"", true},
    {"spacesAround_areIgnored", " \t\"xyzzy\" \t", true},
    {"starInSpaces_matches", " * ", true},
    {"listFirst_matches", "\"xyzzy\", \"abc\"", true},
    {"listLast_matches", "\"abc\",\"xyzzy\"", true},
    {"emptyElements_areIgnored", ", ,\"abc\" , ,\t\"xyzzy\",,", true},
    {"commaInsideAnother_isSkipped", "\"a,b\", \"xyzzy\"", true},
    {"weakAndStrong_matches", "W/\"xyzzy\", \"xyzzy\"", true},
    {"obsText_isATag", "\"\xe9\", \"xyzzy\"", true},
    {"emptyTag_isATag", "\"\", \"xyzzy\"", true},
    {"empty_doesNot", "", false},
    {"spaces_doNot", "  ", false},
    {"commas_doNot", ",,", false},
    {"other_doesNot", "\"abc\"", false},
    {"otherCase_doesNot", "\"XYZZY\"", false},
    {"longer_doesNot", "\"xyzzyx\"", false},
    {"shorter_doesNot", "\"xyzz\"", false},
    {"weak_doesNot", "W/\"xyzzy\"", false},
    {"weakStar_doesNot", "W/\"*\"", false},
    {"smallWeak_isNoTag", "w/\"xyzzy\"", false},
    {"withoutQuotes_doesNot", "xyzzy", false},
    {"singleQuotes_doNot", "'xyzzy'", false},
    {"openQuote_doesNot", "\"xyzzy", false},
    {"quoteAlone_doesNot", "\"", false},
    {"weakAlone_doesNot", "W/", false},
    {"insideAnother_doesNot", "\"a,\"xyzzy\",b\"", false},
    {"spaceInside_doesNot", "\"xy zzy\", \"xyzzy\"", false},
    {"starInList_doesNot", "\"abc\", *", false},
    {"starBeforeTag_doesNot", "*, \"xyzzy\"", false},
    {"quotedStarInList_isATag", "\"abc\", \"*\"", false},
    {"rubbishBehind_doesNot", "\"xyzzy\" x", false},
    {"noComma_doesNot", "\"abc\" \"xyzzy\"", false},
    {"rubbishInList_doesNot", "\"xyzzy\", x", false},
    {"nul_doesNot", "\"xyzzy\"\0"s, false},
    {"deleteCharacter_doesNot", "\"\x7f\", \"xyzzy\"", false},
};

void testEtag(const void *data) {
  const auto *row = static_cast<const EtagRow *>(data);
  g_assert_true(matchesEtag(row->ifMatch, "\"xyzzy\"") == row->matches);
}

void etag_weakItself_matchesStarAlone() {
  g_assert_false(matchesEtag("W/\"xyzzy\"", "W/\"xyzzy\""));
  g_assert_true(matchesEtag("*", "W/\"xyzzy\""));
}

template <typename Rows>
void addRows(const char *group, const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func(("/whip-fragment/"s + group + "/" + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows("read", kGood, testGood);
  addRows("refused", kBad, testBad);
  addRows("answer", kAnswers, testAnswer);
  addRows("etag", kEtags, testEtag);
  g_test_add_func("/whip-fragment/fragment_ofTheGreatestSize_isRead",
                  fragment_ofTheGreatestSize_isRead);
  g_test_add_func("/whip-fragment/fragment_ofLimits_isRead", fragment_ofLimits_isRead);
  g_test_add_func("/whip-fragment/answer_built_givesItsTransport", answer_built_givesItsTransport);
  g_test_add_func("/whip-fragment/etag_weakItself_matchesStarAlone",
                  etag_weakItself_matchesStarAlone);
  return g_test_run();
}
