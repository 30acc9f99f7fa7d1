// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths to doors: what is served, for which stream, and with which status all else is refused.
#include "route.h"

#include <glib.h>

using namespace gws;

namespace {

struct RouteRow {
  const char *name;
  std::string path;
  Door door;
  std::string stream;
  std::string session = {};
};

const std::string kLongest(kMaxStreamNameBytes, 'n');

const RouteRow kRoutes[] = {
    {"root_isIndex", "/", Door::Index, ""},
    {"streams.json_isStreamList", "/streams.json", Door::StreamList, ""},
    {"asset_isAsset", "/assets/publish-1_a.js", Door::Asset, "publish-1_a.js"},
    {"asset_escaped_isDecoded", "/assets/%61.css", Door::Asset, "a.css"},
    {"page_oneSegment_isPage", "/cam1/publish", Door::PublishPage, "cam1"},
    {"page_twoSegments_isPage", "/room/cam1/publish", Door::PublishPage, "room/cam1"},
    {"socket_oneSegment_isSocket", "/cam1/webrtc/publish", Door::PublishSocket, "cam1"},
    {"socket_threeSegments_isSocket", "/a/b/c/webrtc/publish", Door::PublishSocket, "a/b/c"},
    {"page_ofStreamWebrtc_isPage", "/webrtc/publish", Door::PublishPage, "webrtc"},
    {"socket_ofStreamWebrtc_isSocket", "/webrtc/webrtc/publish", Door::PublishSocket, "webrtc"},
    {"page_ofStreamPublish_isPage", "/publish/publish", Door::PublishPage, "publish"},
    {"page_ofStreamStreamsJson_isPage", "/streams.json/publish", Door::PublishPage, "streams.json"},
    {"page_ofStreamAssets_isPage", "/assets/publish", Door::PublishPage, "assets"},
    {"page_ofStreamBelowAssets_isPage", "/assets/x/publish", Door::PublishPage, "assets/x"},
    {"socket_ofStreamBelowAssets_isSocket", "/assets/x/webrtc/publish", Door::PublishSocket,
     "assets/x"},
    {"name_escaped_isDecodedOnce", "/a%2541b/publish", Door::PublishPage, "a%41b"},
    {"name_lowerCaseHex_isDecoded", "/%c3%a9/publish", Door::PublishPage, "é"},
    {"name_rawUtf8_isTaken", "/é/publish", Door::PublishPage, "é"},
    {"name_space_isTaken", "/my%20cam/publish", Door::PublishPage, "my cam"},
    {"name_plus_staysPlus", "/a+b/publish", Door::PublishPage, "a+b"},
    {"name_dotsWithin_areTaken", "/..a.b../...%2e/publish", Door::PublishPage, "..a.b../...."},
    {"name_questionMark_isTaken", "/a%3Fb/publish", Door::PublishPage, "a?b"},
    {"ending_escaped_isDecoded", "/cam1/%70ublish", Door::PublishPage, "cam1"},
    {"whip_oneSegment_isEndpoint", "/cam1/whip", Door::Whip, "cam1"},
    {"whip_twoSegments_isEndpoint", "/room/cam1/whip", Door::Whip, "room/cam1"},
    {"whip_ofStreamWhip_isEndpoint", "/whip/whip", Door::Whip, "whip"},
    {"whip_ofStreamBelowWhip_isEndpoint", "/whip/cam1/whip", Door::Whip, "whip/cam1"},
    {"whip_page_isOfStreamBelowWhip", "/a/whip/publish", Door::PublishPage, "a/whip"},
    {"whipSession_oneSegment_isSession", "/cam1/whip/0af3", Door::WhipSession, "cam1", "0af3"},
    {"whipSession_twoSegments_isSession", "/a/b/whip/0af3", Door::WhipSession, "a/b", "0af3"},
    {"whipSession_escaped_isDecoded", "/a/whip/%30", Door::WhipSession, "a", "0"},
    {"statistics_oneSegment_isStatistics", "/cam1/sessions/0af3", Door::Statistics, "cam1", "0af3"},
    {"statistics_ofStreamWhip_isSession", "/sessions/whip/x", Door::WhipSession, "sessions", "x"},
    {"name_128Bytes_isTaken", "/" + kLongest + "/publish", Door::PublishPage, kLongest},
};

void testRoute(const void *data) {
  const auto *row = static_cast<const RouteRow *>(data);
  const Result<Route> route = parseRoute(row->path);
  g_assert_cmpstr(route ? "" : route.error().detail.c_str(), ==, "");
  g_assert_cmpint(static_cast<int>(route->door), ==, static_cast<int>(row->door));
  g_assert_cmpstr(route->name.c_str(), ==, row->stream.c_str());
  g_assert_cmpstr(route->session.c_str(), ==, row->session.c_str());
}

struct RefusalRow {
  const char *name;
  std::string path;
  int status;
  const char *detail;  // what the sentence has to contain
};

const RefusalRow kRefusals[] = {
    {"path_empty_is400", "", 400, "does not begin with /"},
    {"path_star_is400", "*", 400, "\"*\" does not begin with /"},
    {"path_withoutSlash_is400", "cam1/publish", 400, "does not begin with /"},
    {"path_favicon_is404", "/favicon.ico", 404, "nothing at this address"},
    {"path_publishAlone_is404", "/publish", 404, "/STREAM/webrtc/publish"},
    {"path_streamAlone_is404", "/cam1", 404, "/STREAM/publish"},
    {"path_play_is404", "/cam1/webrtc", 404, "/STREAM/webrtc/publish"},
    {"path_whipAlone_is404", "/whip", 404, "/STREAM/whip"},
    {"path_whipWithTrailingSlash_is404", "/cam1/whip/0af3/", 404, "/STREAM/whip"},
    {"path_sessionsAlone_is404", "/cam1/sessions", 404, "/STREAM/whip"},
    {"path_upperCase_is404", "/cam1/Publish", 404, "/STREAM/publish"},
    {"path_pageWithTrailingSlash_is404", "/cam1/publish/", 404, "/STREAM/publish"},
    {"path_socketWithTrailingSlash_is404", "/cam1/webrtc/publish/", 404, "/STREAM/webrtc/publish"},
    {"path_twoSlashes_is404", "//", 404, "/streams.json"},
    {"path_streamListWithSlash_is404", "/streams.json/", 404, "/streams.json"},
    {"asset_withoutName_is404", "/assets/", 404, "/assets/NAME"},
    {"asset_directory_is404", "/assets", 404, "/assets/NAME"},
    {"asset_dot_is404", "/assets/.", 404, "/assets/NAME"},
    {"asset_dotDot_is404", "/assets/..", 404, "/assets/NAME"},
    {"asset_escapedDotDot_is404", "/assets/%2e%2e", 404, "/assets/NAME"},
    {"asset_twoSegments_is404", "/assets/a/b.js", 404, "/assets/NAME"},
    {"asset_otherCharacter_is404", "/assets/a%20b", 404, "/assets/NAME"},
    {"asset_nul_is404", "/assets/a%00", 404, "/assets/NAME"},
    {"path_controlCharacters_areNotEchoed", "/a%0d%0a\x1b\xff", 404, "nothing at this address"},
    {"escape_notHex_is400", "/%zz/publish", 400, "\"%zz\""},
    {"escape_halfHex_is400", "/%4/publish", 400, "\"%4\""},
    {"escape_short_is400", "/a/%4", 400, "\"%4\""},
    {"escape_atEnd_is400", "/a/%", 400, "\"%\""},
    {"escape_slash_is400", "/a%2Fb/publish", 400, "%2F"},
    {"escape_lowerCaseSlash_is400", "/a%2fb/publish", 400, "%2F"},
    {"name_empty_is400", "//publish", 400, "empty segment"},
    {"name_emptySocket_is400", "//webrtc/publish", 400, "empty segment"},
    {"name_emptyMiddle_is400", "/a//b/publish", 400, "empty segment"},
    {"name_emptyFirst_is400", "//a/publish", 400, "empty segment"},
    {"name_emptyLast_is400", "/a//publish", 400, "empty segment"},
    {"name_emptyWhip_is400", "//whip", 400, "empty segment"},
    {"name_emptyWhipSession_is400", "//whip/x", 400, "empty segment"},
    {"name_dotWhip_is400", "/../whip", 400, "segment . or .."},
    {"name_dot_is400", "/./publish", 400, "segment . or .."},
    {"name_dotDot_is400", "/a/../publish", 400, "segment . or .."},
    {"name_escapedDotDot_is400", "/a/%2E%2e/b/webrtc/publish", 400, "segment . or .."},
    {"name_nul_is400", "/a%00b/publish", 400, "NUL"},
    {"name_newline_is400", "/a%0Ab/publish", 400, "control character"},
    {"name_delete_is400", "/a%7F/publish", 400, "control character"},
    {"name_c1_is400", "/a%C2%85/publish", 400, "control character"},
    {"name_lineSeparator_is400", "/%E2%80%A8/publish", 400, "control character"},
    {"name_paragraphSeparator_is400", "/%E2%80%A9/publish", 400, "control character"},
    {"name_arabicLetterMark_is400", "/%D8%9C/publish", 400, "control character"},
    {"name_leftToRightMark_is400", "/%E2%80%8E/publish", 400, "control character"},
    {"name_rightToLeftMark_is400", "/%E2%80%8F/publish", 400, "control character"},
    {"name_firstEmbedding_is400", "/%E2%80%AA/publish", 400, "control character"},
    {"name_rightToLeftOverride_is400", "/%E2%80%AE/publish", 400, "control character"},
    {"name_firstIsolate_is400", "/%E2%81%A6/publish", 400, "control character"},
    {"name_popIsolate_is400", "/%E2%81%A9/publish", 400, "control character"},
    {"name_backslash_is400", "/a%5Cb/publish", 400, "backslash"},
    {"name_invalidUtf8_is400", "/%FF/publish", 400, "UTF-8"},
    {"name_overlongUtf8_is400", "/%C0%AF/publish", 400, "UTF-8"},
    {"name_utf8Surrogate_is400", "/%ED%A0%80/publish", 400, "UTF-8"},
    {"name_129Bytes_is400", "/" + kLongest + "n/publish", 400, "128 bytes"},
    {"name_129DecodedBytes_is400", "/" + kLongest + "%6E/webrtc/publish", 400, "128 bytes"},
};

void testRefusal(const void *data) {
  const auto *row = static_cast<const RefusalRow *>(data);
  const Result<Route> route = parseRoute(row->path);
  g_assert_false(route.ok());
  g_test_message("%s", route.error().detail.c_str());
  g_assert_cmpint(route.error().code, ==, row->status);
  g_assert_nonnull(g_strstr_len(route.error().detail.c_str(), -1, row->detail));
  g_assert_true(g_utf8_validate(route.error().detail.c_str(), -1, nullptr));
}

/// A name as the application sets it: not encoded.
void streamName_percentSign_isNotDecoded() {
  g_assert_true(checkStreamName("a%2Fb").ok());
  g_assert_true(checkStreamName("a%zz").ok());
}

void streamName_empty_isRefused() {
  const Result<void> checked = checkStreamName("");
  g_assert_false(checked.ok());
  g_assert_cmpint(checked.error().code, ==, 400);
}

void streamName_slashAtEitherEnd_isRefused() {
  g_assert_false(checkStreamName("/a").ok());
  g_assert_false(checkStreamName("a/").ok());
}

template <typename Rows>
void addRows(const Rows &rows, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func((std::string("/route/") + row.name).c_str(), &row, function);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addRows(kRoutes, testRoute);
  addRows(kRefusals, testRefusal);
  g_test_add_func("/route/streamName_percentSign_isNotDecoded",
                  streamName_percentSign_isNotDecoded);
  g_test_add_func("/route/streamName_empty_isRefused", streamName_empty_isRefused);
  g_test_add_func("/route/streamName_slashAtEitherEnd_isRefused",
                  streamName_slashAtEitherEnd_isRefused);
  return g_test_run();
}
