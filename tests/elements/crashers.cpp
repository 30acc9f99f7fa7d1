// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers that bring webrtcbin down, sent while somebody else publishes.
#include <set>

#include "tests/common/hostile_offers.h"
#include "tests/elements/robust.h"

using namespace gws::test;

namespace {

/// The first thing that the server does: an answer's text, or nothing when it closed.
struct Reaction {
  bool answered = false;
  SocketEnd end;
};

Reaction react(const PublishPipeline &pipeline, const std::string &offer) {
  RawSocket socket;
  fail_unless(socket.connect(pipeline.url("evil")), "no upgrade");
  socket.sendText(offerJson(offer));
  const auto message = socket.waitMessage();
  if (message)
    return {.answered = parseServerMessage(*message).type == ServerMessage::Type::Answer};
  return {.answered = false, .end = socket.end()};
}

std::string twoStreams() {
  std::string line = "webrtcpublishsrc name=pub reconnect-timeout=0";
  for (const char *pad : {"video_good", "audio_good", "video_evil", "audio_evil"})
    line += std::string(" pub.") + pad + kSink;
  return line;
}

/// The first that is found.
gws::Ref<GstElement> elementOfKind(const PublishPipeline &pipeline, const char *factory) {
  gws::Owned<GstIterator, gst_iterator_free> elements(
      gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline.pub()), factory));
  GValue value = G_VALUE_INIT;
  if (gst_iterator_next(elements.get(), &value) != GST_ITERATOR_OK) return nullptr;
  auto element = gws::Ref<GstElement>::share(GST_ELEMENT(g_value_get_object(&value)));
  g_value_unset(&value);
  return element;
}

}  // namespace

GST_START_TEST(offer_thatIsHostile_disturbsNobody) {
  const HostileOffer &row = hostileOffers()[static_cast<std::size_t>(__i__)];
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "good"));
  mustPublish(good);
  fail_unless(seen.waitBuffers(3));

  const std::string offer = row.make(good.offerSdp());
  fail_unless(offer != good.offerSdp(), "%s: the offer is not changed", row.name);
  const Reaction reaction = react(pipeline, offer);
  fail_unless(reaction.answered || reaction.end.closed, "%s: the server says nothing", row.name);
  if (!reaction.answered)
    fail_unless(reaction.end.closeCode >= 4400 && !reaction.end.reason.empty(),
                "%s: close code %d '%s'", row.name, reaction.end.closeCode,
                reaction.end.reason.c_str());
  if (row.fate != OfferFate::Either)
    fail_unless(reaction.answered == (row.fate == OfferFate::Answered), "%s: %s '%s'", row.name,
                reaction.answered ? "answered" : "refused", reaction.end.reason.c_str());
  fail_unless(seen.waitMore(10), "%s: the good publisher was disturbed", row.name);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(offer_againWithMidsSwapped_disturbsNobody) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "good")), evil(optionsFor(pipeline, "evil"));
  mustPublish(good);
  mustPublish(evil);
  std::string offer = replaceAll(evil.offerSdp(), "a=mid:0", "a=mid:x");
  offer = replaceAll(replaceAll(offer, "a=mid:1", "a=mid:0"), "a=mid:x", "a=mid:1");
  // The answer to it is the client's second one.
  evil.sendText(offerJson(offer));
  fail_unless(
      eventually([&] { return evil.answersSeen() > 1 || evil.waitClosed(Timeout(0)).closed; }),
      "the server says nothing");
  const SocketEnd end = evil.waitClosed(Timeout(0));
  if (end.closed)
    fail_unless(end.closeCode >= 4400 && !end.reason.empty(), "code %d '%s'", end.closeCode,
                end.reason.c_str());
  fail_unless(seen.waitMore(10));
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(media_withoutSsrcLines_arriveOnTheRightPads) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &video = pipeline.record("video_good"), &audio = pipeline.record("audio_good");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline, "good");
  options.mungeOffer = [](std::string sdp) {
    return withoutLines(withoutLines(sdp, "a=ssrc:"), "a=ssrc-group:");
  };
  PublishClient client(options);
  mustPublish(client);
  fail_unless(video.waitBuffers(10) && audio.waitBuffers(10));
  fail_unless(capsAre(video.get().caps[0], "video/x-vp8"));
  fail_unless(capsAre(audio.get().caps[0], "audio/x-opus"));
  mustBeHealthy(pipeline);
}
GST_END_TEST

/// SRTP would keep something for each of them, for good.
GST_START_TEST(packets_withMadeUpSsrcs_areFewBehindIce) {
  constexpr unsigned kMadeUp = 200;
  constexpr std::size_t kMost = 40;  // 16, and those of the offer
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  Watched<unsigned> madeUp;
  PublishOptions evil = optionsFor(pipeline, "evil");
  evil.packets.sealed = [&madeUp](std::string &packet) {
    constexpr std::size_t kSsrcAt = 8, kLeastBytes = 12;
    const auto type = static_cast<guint8>(packet[1]);
    if (packet.size() < kLeastBytes || (packet[0] & 0xc0) != 0x80 || (type >= 192 && type < 224))
      return;
    madeUp.update([&packet](unsigned &count) {
      if (++count % 4 == 0) return;
      const guint32 ssrc = GUINT32_TO_BE(0x40000000u + count);
      packet.replace(kSsrcAt, sizeof ssrc, reinterpret_cast<const char *>(&ssrc), sizeof ssrc);
    });
  };
  PublishClient bad(evil);
  mustPublish(bad);
  Watched<std::set<guint32>> passed;
  const auto decoder = elementOfKind(pipeline, "srtpdec");
  fail_unless(decoder);
  auto onPacket = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    guint32 ssrc = 0;
    gst_buffer_extract(GST_PAD_PROBE_INFO_BUFFER(info), 8, &ssrc, sizeof ssrc);
    static_cast<Watched<std::set<guint32>> *>(data)->update(
        [ssrc](auto &all) { all.insert(GUINT32_FROM_BE(ssrc)); });
    return GST_PAD_PROBE_OK;
  };
  const auto pad = padOf(decoder.get(), "rtp_sink");
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onPacket, &passed, nullptr);
  const unsigned before = madeUp.get();
  fail_unless(madeUp.waitFor([before](unsigned count) { return count >= before + kMadeUp; }));
  PublishClient good(optionsFor(pipeline, "good"));
  mustPublish(good);
  fail_unless(seen.waitBuffers(10));
  const std::size_t count = passed.get().size();
  fail_unless(count > 0 && count <= kMost, "%zu SSRCs came to srtpdec", count);
  mustBeHealthy(pipeline);
  bad.stopMedia();
  pipeline.stop();
}
GST_END_TEST

GST_START_TEST(media_behindADataChannel_arrive) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &video = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline, "good");
  options.mungeOffer = dataFirst;
  // webrtcbin never offered the data channel: its section is taken out of the answer again.
  options.mungeAnswer = [](std::string sdp) {
    std::vector<std::string> sections = sdpSections(sdp);
    if (sections.size() == 4) sections.erase(sections.begin() + 1);
    return replaceAll(replaceAll(joinSections(sections), "BUNDLE data 0 1", "BUNDLE 0 1"),
                      "BUNDLE 0 1 data", "BUNDLE 0 1");
  };
  PublishClient client(options);
  mustPublish(client);
  const std::vector<std::string> sections = sdpSections(client.answerSdp());
  fail_unless_equals_int(sections.size(), 4);
  fail_unless(sections[1].rfind("m=application ", 0) == 0);
  fail_unless(video.waitBuffers(10));
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *crashers_suite() {
  Suite *suite = suite_create("crashers");
  TCase *all = tcase_create("crashers");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, offer_thatIsHostile_disturbsNobody, 0,
                      static_cast<int>(hostileOffers().size()));
  tcase_add_test(all, offer_againWithMidsSwapped_disturbsNobody);
  tcase_add_test(all, media_withoutSsrcLines_arriveOnTheRightPads);
  tcase_add_test(all, packets_withMadeUpSsrcs_areFewBehindIce);
  tcase_add_test(all, media_behindADataChannel_arrive);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(crashers)
