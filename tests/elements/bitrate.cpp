// SPDX-License-Identifier: LGPL-2.1-or-later
// What a publisher is told while it publishes: max-bitrate, and what arrived.
#include <cstring>
#include <optional>

#include "tests/elements/robust.h"

using namespace gws::test;

namespace {

/// What leaves as RTCP, before it is encrypted.
struct Rtcp {
  unsigned reports = 0, feedbacks = 0;
  unsigned emptyReports = 0;     ///< since the first feedback
  std::optional<guint64> limit;  ///< of the last REMB, bit/s
};

std::optional<guint64> limitIn(const GstMapInfo &map) {
  constexpr std::size_t kBehindName = 8;
  const auto *name = static_cast<const guint8 *>(memmem(map.data, map.size, "REMB", 4));
  if (!name || name + kBehindName > map.data + map.size) return std::nullopt;
  // One SSRC, six bits of exponent, 18 of mantissa.
  const guint64 mantissa = (name[5] & 3u) << 16 | name[6] << 8 | name[7];
  return mantissa << (name[5] >> 2);
}

GstPadProbeReturn onRtcp(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstMapInfo map;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  static_cast<Watched<Rtcp> *>(data)->update([&map](Rtcp &rtcp) {
    constexpr guint8 kReceiverReport = 201, kTransportFeedback = 205;
    ++rtcp.reports;
    rtcp.emptyReports +=
        rtcp.feedbacks > 0 && map.data[0] == 0x80 && map.data[1] == kReceiverReport;
    rtcp.feedbacks += map.data[1] == kTransportFeedback;
    if (const auto limit = limitIn(map)) rtcp.limit = limit;
  });
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

}  // namespace

GST_START_TEST(maxBitrate_whenItChanges_isToldToWhoPublishes) {
  Watched<Rtcp> rtcp;
  PublishPipeline pipeline(
      "webrtcpublishsrc name=pub max-bitrate=3000000 pub.video_cam ! fakesink async=false");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  const auto pad = padOf(elementOf(pipeline, "rtpbin").get(), "send_rtcp_src_0");
  fail_unless(pad);
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onRtcp, &rtcp, nullptr);
  fail_unless(rtcp.waitFor([](const Rtcp &seen) { return seen.reports >= 40; }));
  fail_unless(!rtcp.get().limit, "a limit that the answer has was told again");

  static constexpr guint64 kLess = 700'000;  // as REMB can say it
  g_object_set(pipeline.pub(), "max-bitrate", static_cast<guint>(kLess), nullptr);
  fail_unless(rtcp.waitFor([](const Rtcp &seen) { return seen.limit == kLess; }));
  g_object_set(pipeline.pub(), "max-bitrate", 0u, nullptr);
  fail_unless(rtcp.waitFor([](const Rtcp &seen) { return seen.limit > 900'000'000; }),
              "the limit is not taken back");
  client.stopMedia();
  pipeline.stop();
}
GST_END_TEST

/// RFC 5506: ten times a second there is something to say, and nothing to report besides.
GST_START_TEST(feedback_comesWithoutEmptyReports) {
  Watched<Rtcp> rtcp;
  PublishPipeline pipeline("webrtcpublishsrc name=pub pub.video_cam ! fakesink async=false");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.audio = {};
  PublishClient client(options);
  mustPublish(client);
  const auto pad = padOf(elementOf(pipeline, "rtpbin").get(), "send_rtcp_src_0");
  fail_unless(pad);
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onRtcp, &rtcp, nullptr);
  fail_unless(rtcp.waitFor([](const Rtcp &seen) { return seen.feedbacks >= 20; }));
  fail_unless(rtcp.get().emptyReports <= 2, "%u empty reports", rtcp.get().emptyReports);
  client.stopMedia();
  pipeline.stop();
}
GST_END_TEST

namespace {

Suite *bitrate_suite() {
  Suite *suite = suite_create("bitrate");
  TCase *all = tcase_create("bitrate");
  suite_add_tcase(suite, all);
  tcase_add_test(all, maxBitrate_whenItChanges_isToldToWhoPublishes);
  tcase_add_test(all, feedback_comesWithoutEmptyReports);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(bitrate)
