// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON messages: every accepted shape, every refusal, and what is sent, byte for byte.
#include "protocol.h"

#include <glib.h>

#include <string>

using namespace gws;

namespace {

// --- Candidates ----------------------------------------------------------------------------------

constexpr int kNone = -1;

struct CandidateRow {
  const char *name;
  const char *text;
  const char *candidate;
  const char *mid;    // nullptr: none
  int lineIndex;      // kNone: none
  const char *ufrag;  // nullptr: none
};

const CandidateRow kCandidates[] = {
    {"candidate_allFields_areRead",
     R"({"type":"candidate","stream_id":"local1","label":7,"id":"9","candidate":{"candidate":)"
     R"("candidate:1 1 UDP 2 10.0.0.1 5000 typ host","sdpMid":"1","sdpMLineIndex":2,)"
     R"("usernameFragment":"abcd"}})",
     "candidate:1 1 UDP 2 10.0.0.1 5000 typ host", "1", 2, "abcd"},
    {"candidate_nullFields_areAbsent",
     R"({"type":"candidate","candidate":{"candidate":"candidate:1","sdpMid":null,)"
     R"("sdpMLineIndex":null,"usernameFragment":null}})",
     "candidate:1", nullptr, kNone, nullptr},
    {"candidate_nullFields_fallBackToLabelAndId",
     R"({"type":"candidate","label":3,"id":"v","candidate":{"candidate":"candidate:1",)"
     R"("sdpMid":null,"sdpMLineIndex":null}})",
     "candidate:1", "v", 3, nullptr},
    {"candidate_bareString_isRead",
     R"({"type":"candidate","label":1,"id":"audio","candidate":"candidate:1"})", "candidate:1",
     "audio", 1, nullptr},
    {"candidate_bareStringAlone_isRead", R"({"type":"candidate","candidate":"candidate:1"})",
     "candidate:1", nullptr, kNone, nullptr},
    {"candidate_sdpPrefixAndLineEnd_areTrimmed",
     R"({"type":"candidate","candidate":" a=candidate:1 1\r\n"})", "candidate:1 1", nullptr, kNone,
     nullptr},
    {"candidate_missing_isEnd", R"({"type":"candidate"})", "", nullptr, kNone, nullptr},
    {"candidate_null_isEnd", R"({"type":"candidate","candidate":null})", "", nullptr, kNone,
     nullptr},
    {"candidate_emptyString_isEnd", R"({"type":"candidate","candidate":""})", "", nullptr, kNone,
     nullptr},
    {"candidate_emptyInside_isEnd",
     R"({"type":"candidate","candidate":{"candidate":"","sdpMid":"0","sdpMLineIndex":0}})", "", "0",
     0, nullptr},
    {"candidate_nullInside_isEnd", R"({"type":"candidate","candidate":{"candidate":null}})", "",
     nullptr, kNone, nullptr},
    {"candidate_missingInside_isEnd", R"({"type":"candidate","candidate":{}})", "", nullptr, kNone,
     nullptr},
    {"candidate_largestIndex_isRead",
     R"({"type":"candidate","candidate":{"candidate":"c","sdpMLineIndex":65535}})", "c", nullptr,
     65535, nullptr},
    {"candidate_unusedFallBackOfWrongType_isNotLookedAt",
     R"({"type":"candidate","label":"x","id":1,"candidate":{"candidate":"c","sdpMid":"0",)"
     R"("sdpMLineIndex":0}})",
     "c", "0", 0, nullptr},
};

void assertOptional(const std::optional<std::string> &value, const char *expected) {
  g_assert_cmpstr(value ? value->c_str() : nullptr, ==, expected);
}

void testCandidate(const void *data) {
  const auto *row = static_cast<const CandidateRow *>(data);
  const Result<ClientMessage> message = parseClientMessage(row->text);
  g_assert_cmpstr(message ? "" : message.error().detail.c_str(), ==, "");
  const auto *candidate = std::get_if<CandidateMessage>(&*message);
  g_assert_nonnull(candidate);
  g_assert_cmpstr(candidate->candidate.c_str(), ==, row->candidate);
  assertOptional(candidate->mid, row->mid);
  g_assert_cmpint(candidate->lineIndex ? static_cast<int>(*candidate->lineIndex) : kNone, ==,
                  row->lineIndex);
  assertOptional(candidate->ufrag, row->ufrag);
}

// --- Refusals ------------------------------------------------------------------------------------

struct RefusalRow {
  const char *name;
  std::string text;
  const char *detail;  // what the error has to contain
};

std::string nested(unsigned levels) {
  std::string text = R"({"type":"x","a":)";
  for (unsigned i = 1; i < levels; ++i)
    text += '[';
  for (unsigned i = 1; i < levels; ++i)
    text += ']';
  return text + '}';
}

const RefusalRow kRefusals[] = {
    {"message_empty_isRefused", "", "not a JSON object"},
    {"message_space_isRefused", " \n", "not a JSON object"},
    {"message_word_isRefused", "hello", "not a JSON object"},
    {"message_array_isRefused", R"([{"type":"offer"}])", "not a JSON object"},
    {"message_string_isRefused", R"("offer")", "not a JSON object"},
    {"message_null_isRefused", "null", "not a JSON object"},
    {"message_unfinished_isRefused", R"({"type":"offer")", "no end"},
    {"message_unfinishedString_isRefused", R"({"type":"offer)", "a string has no end"},
    {"message_wrongGrammar_isRefused", R"({"type" "offer"})", "not JSON"},
    {"message_mismatchedBrackets_isRefused", R"({"type":["offer"}])", "not JSON"},
    {"message_twoObjects_isRefused", R"({"type":"x"}{"type":"offer"})", "follows the object"},
    {"message_comment_isRefused", R"({/* " */"type":"x"})", "unexpected character"},
    {"message_singleQuotes_isRefused", R"({'type':'x'})", "unexpected character"},
    {"message_assignment_isRefused", R"(var x = {"type":"x"};)", "not a JSON object"},
    {"message_invalidUtf8_isRefused", "{\"type\":\"\xC3\x28\"}", "UTF-8"},
    {"message_nul_isRefused", std::string("{\"type\":\"x\0\"}", 13), "NUL"},
    {"message_escapedNul_isRefused", R"({"type":"offer","sdp":"v=0\u0000"})", "NUL"},
    {"message_rawNewlineInString_isRefused", "{\"type\":\"x\n\"}", "control character"},
    {"message_unknownEscape_isRefused", R"({"type":"\q"})", "escape"},
    {"message_shortEscape_isRefused", R"({"type":"\u12"})", "escape"},
    {"message_nonHexEscape_isRefused", R"({"type":"\u12zz"})", "escape"},
    {"message_escapeAtEnd_isRefused", "{\"type\":\"\\", "escape"},
    {"message_loneHighSurrogate_isRefused", R"({"type":"\ud83d"})", "surrogate"},
    {"message_loneLowSurrogate_isRefused", R"({"type":"\ude00"})", "surrogate"},
    {"message_twoLowSurrogates_isRefused", R"({"type":"\ude00\ude00"})", "surrogate"},
    {"message_twoHighSurrogates_isRefused", R"({"type":"\ud83d\ud83d"})", "surrogate"},
    {"message_seventeenLevels_isRefused", nested(17), "16 levels"},
    {"message_manyLevels_isRefused", nested(100'000), "16 levels"},
    {"type_missing_isRefused", "{}", R"("type" is missing, expected a string)"},
    {"type_null_isRefused", R"({"type":null})", R"("type" is null, expected a string)"},
    {"type_number_isRefused", R"({"type":1})", R"("type" is a number, expected a string)"},
    {"sdp_missing_isRefused", R"({"type":"offer"})", R"("sdp" is missing, expected a string)"},
    {"sdp_null_isRefused", R"({"type":"offer","sdp":null})", R"("sdp" is null, expected a string)"},
    {"sdp_number_isRefused", R"({"type":"offer","sdp":1.5})",
     R"("sdp" is a number, expected a string)"},
    {"sdp_object_isRefused", R"({"type":"offer","sdp":{"sdp":"v=0"}})",
     R"("sdp" is an object, expected a string)"},
    {"sdp_array_isRefused", R"({"type":"offer","sdp":["v=0"]})",
     R"("sdp" is an array, expected a string)"},
    {"candidate_boolean_isRefused", R"({"type":"candidate","candidate":true})",
     R"("candidate" is a boolean, expected an object or a string)"},
    {"candidate_array_isRefused", R"({"type":"candidate","candidate":[]})",
     R"("candidate" is an array, expected an object or a string)"},
    {"candidate_numberInside_isRefused", R"({"type":"candidate","candidate":{"candidate":1}})",
     R"("candidate" is a number, expected a string)"},
    {"sdpMid_number_isRefused", R"({"type":"candidate","candidate":{"sdpMid":0}})",
     R"("sdpMid" is a number, expected a string)"},
    {"sdpMLineIndex_string_isRefused", R"({"type":"candidate","candidate":{"sdpMLineIndex":"0"}})",
     R"("sdpMLineIndex" is a string, expected a whole number)"},
    {"sdpMLineIndex_fraction_isRefused",
     R"({"type":"candidate","candidate":{"sdpMLineIndex":0.5}})",
     R"("sdpMLineIndex" is a number, expected a whole number)"},
    {"sdpMLineIndex_array_isRefused", R"({"type":"candidate","candidate":{"sdpMLineIndex":[0]}})",
     R"("sdpMLineIndex" is an array, expected a whole number)"},
    {"sdpMLineIndex_negative_isRefused", R"({"type":"candidate","candidate":{"sdpMLineIndex":-1}})",
     R"("sdpMLineIndex" is out of range, expected 0 to 65535)"},
    {"sdpMLineIndex_large_isRefused", R"({"type":"candidate","candidate":{"sdpMLineIndex":65536}})",
     R"("sdpMLineIndex" is out of range, expected 0 to 65535)"},
    {"sdpMLineIndex_beyond64Bits_isRefused",
     R"({"type":"candidate","candidate":{"sdpMLineIndex":99999999999999999999999}})",
     R"("sdpMLineIndex" is out of range, expected 0 to 65535)"},
    {"usernameFragment_object_isRefused",
     R"({"type":"candidate","candidate":{"usernameFragment":{}}})",
     R"("usernameFragment" is an object, expected a string)"},
    {"label_string_isRefused", R"({"type":"candidate","label":"0","candidate":"c"})",
     R"("label" is a string, expected a whole number)"},
    {"label_negative_isRefused", R"({"type":"candidate","label":-7,"candidate":"c"})",
     R"("label" is out of range, expected 0 to 65535)"},
    {"id_number_isRefused", R"({"type":"candidate","id":0,"candidate":"c"})",
     R"("id" is a number, expected a string)"},
};

void testRefusal(const void *data) {
  const auto *row = static_cast<const RefusalRow *>(data);
  const Result<ClientMessage> message = parseClientMessage(row->text);
  g_assert_false(message.ok());
  g_assert_cmpint(message.error().code, ==, 4400);
  g_test_message("%s", message.error().detail.c_str());
  g_assert_nonnull(g_strstr_len(message.error().detail.c_str(), -1, row->detail));
  g_assert_true(closeReason(message.error().detail) == message.error().detail);  // it fits, whole
}

// --- Offers and unknown types --------------------------------------------------------------------

void offer_escapedText_isRead() {
  const auto message = parseClientMessage(
      R"( {"type":"offer","extra":[{}],"sdp":"v=0\r\n\u00e9\ud83d\ude00{[\"/"} )");
  g_assert_true(message.ok());
  const auto *offer = std::get_if<OfferMessage>(&*message);
  g_assert_nonnull(offer);
  g_assert_cmpstr(offer->sdp.c_str(), ==, "v=0\r\né😀{[\"/");
}

void offer_empty_isLeftToTheSdpParser() {
  const auto message = parseClientMessage(R"({"type":"offer","sdp":""})");
  g_assert_true(message.ok());
  g_assert_nonnull(std::get_if<OfferMessage>(&*message));
}

void message_sixteenLevels_areTaken() { g_assert_true(parseClientMessage(nested(16)).ok()); }

struct UnknownRow {
  const char *name, *text, *type;
};

const UnknownRow kUnknown[] = {
    {"unknown_bye_isUnknown", R"({"type":"bye"})", "bye"},
    {"unknown_answer_isUnknown", R"({"type":"answer","sdp":"v=0"})", "answer"},
    {"unknown_upperCase_isUnknown", R"({"type":"OFFER","sdp":1})", "OFFER"},
    {"unknown_empty_isUnknown", R"({"type":""})", ""},
    {"unknown_controlCharacters_areReplaced", R"({"type":"a\n\u001b\u202eb"})", "a???b"},
    {"unknown_64Bytes_areKept",
     R"({"type":"0123456789012345678901234567890123456789012345678901234567890123"})",
     "0123456789012345678901234567890123456789012345678901234567890123"},
    {"unknown_65Bytes_areCut",
     R"({"type":"01234567890123456789012345678901234567890123456789012345678901234"})",
     "0123456789012345678901234567890123456789012345678901234567890…"},
};

void testUnknown(const void *data) {
  const auto *row = static_cast<const UnknownRow *>(data);
  const auto message = parseClientMessage(row->text);
  g_assert_true(message.ok());
  const auto *unknown = std::get_if<UnknownMessage>(&*message);
  g_assert_nonnull(unknown);
  g_assert_cmpstr(unknown->type.c_str(), ==, row->type);
}

// --- What is sent --------------------------------------------------------------------------------

void answer_sdp_hasExactShape() {
  const std::string text = answerMessage("v=0\r\ns=\"-\" é\\\r\n");
  g_assert_cmpstr(text.c_str(), ==, R"({"type":"answer","sdp":"v=0\r\ns=\"-\" é\\\r\n"})");
}

void answer_viewOfLongerText_isCutThere() {
  const std::string text = answerMessage(std::string_view("v=0xyz", 3));
  g_assert_cmpstr(text.c_str(), ==, R"({"type":"answer","sdp":"v=0"})");
}

void candidate_sent_hasExactShape() {
  const std::string text = candidateMessage("candidate:1 1 UDP 2 ::1 9 typ host", "0", 0);
  g_assert_cmpstr(text.c_str(), ==,
                  R"({"type":"candidate","candidate":{"candidate":)"
                  R"("candidate:1 1 UDP 2 ::1 9 typ host","sdpMid":"0","sdpMLineIndex":0}})");
}

void candidate_sent_canBeReadBack() {
  const auto message = parseClientMessage(candidateMessage("candidate:1", "v\"1", 12));
  g_assert_true(message.ok());
  const auto *candidate = std::get_if<CandidateMessage>(&*message);
  g_assert_nonnull(candidate);
  g_assert_cmpstr(candidate->candidate.c_str(), ==, "candidate:1");
  assertOptional(candidate->mid, "v\"1");
  g_assert_cmpuint(candidate->lineIndex.value_or(0), ==, 12);
}

struct ReasonRow {
  const char *name;
  std::string sentence, expected;
};

const ReasonRow kReasons[] = {
    {"reason_empty_staysEmpty", "", ""},
    {"reason_123Bytes_isKept", std::string(123, 'a'), std::string(123, 'a')},
    {"reason_124Bytes_isCut", std::string(124, 'a'), std::string(120, 'a') + "…"},
    {"reason_cutInsideCharacter_dropsIt", std::string(119, 'a') + "éxxxxx",
     std::string(119, 'a') + "…"},
    {"reason_characterThatJustFits_isKept", std::string(118, 'a') + "éxxxxx",
     std::string(118, 'a') + "é…"},
    {"reason_characterAtTheEnd_isKept", std::string(121, 'a') + "é", std::string(121, 'a') + "é"},
    {"reason_invalidUtf8_isReplaced", "a\xFF\xC3", "a??"},
    {"reason_nul_isReplaced", std::string("a\0b", 3), "a?b"},
    {"reason_lineBreak_isReplaced", "a\r\nb", "a??b"},
};

void testReason(const void *data) {
  const auto *row = static_cast<const ReasonRow *>(data);
  const std::string reason = closeReason(row->sentence);
  g_assert_cmpstr(reason.c_str(), ==, row->expected.c_str());
  g_assert_cmpuint(reason.size(), <=, 123);
  g_assert_true(g_utf8_validate(reason.data(), static_cast<gssize>(reason.size()), nullptr));
}

template <typename Rows>
void addRows(const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func((std::string("/protocol/") + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows(kCandidates, testCandidate);
  addRows(kRefusals, testRefusal);
  addRows(kUnknown, testUnknown);
  addRows(kReasons, testReason);
  g_test_add_func("/protocol/offer_escapedText_isRead", offer_escapedText_isRead);
  g_test_add_func("/protocol/offer_empty_isLeftToTheSdpParser", offer_empty_isLeftToTheSdpParser);
  g_test_add_func("/protocol/message_sixteenLevels_areTaken", message_sixteenLevels_areTaken);
  g_test_add_func("/protocol/answer_sdp_hasExactShape", answer_sdp_hasExactShape);
  g_test_add_func("/protocol/answer_viewOfLongerText_isCutThere",
                  answer_viewOfLongerText_isCutThere);
  g_test_add_func("/protocol/candidate_sent_hasExactShape", candidate_sent_hasExactShape);
  g_test_add_func("/protocol/candidate_sent_canBeReadBack", candidate_sent_canBeReadBack);
  return g_test_run();
}
