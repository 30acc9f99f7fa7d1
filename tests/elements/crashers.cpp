// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers and packets that bring GStreamer's elements down, sent while somebody else publishes.
#include <algorithm>
#include <random>
#include <set>

#include "tests/common/hostile_offers.h"
#include "tests/elements/robust.h"

using namespace gws;
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
Ref<GstElement> elementOfKind(const PublishPipeline &pipeline, const char *factory) {
  Owned<GstIterator, gst_iterator_free> elements(
      gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline.pub()), factory));
  GValue value = G_VALUE_INIT;
  if (gst_iterator_next(elements.get(), &value) != GST_ITERATOR_OK) return nullptr;
  auto element = Ref<GstElement>::share(GST_ELEMENT(g_value_get_object(&value)));
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
    if (packet.size() < kLeastBytes) return;
    const auto type = static_cast<guint8>(packet[1]);
    if ((packet[0] & 0xc0) != 0x80 || (type >= 192 && type < 224)) return;
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

namespace {

/// Changes where pictures and fragments begin and end, and loses packets.
class Breaker {
 public:
  void operator()(std::string &packet) {
    Lock lock(mutex_);
    const std::size_t payload = payloadAt(packet);
    if (!payload) return;
    count_++;
    if (chance(5)) packet[1] = static_cast<char>(packet[1] ^ 0x80);  // the marker
    // The first bytes have start and end of a fragment, in every format.
    for (std::size_t at = payload; at < std::min(payload + 3, packet.size()); at++)
      if (chance(5)) packet[at] = static_cast<char>(packet[at] ^ (chance(2) ? 0x40 : 0x80));
    if (chance(10)) packet.clear();
  }
  unsigned count() const {
    Lock lock(mutex_);
    return count_;
  }

 private:
  bool chance(unsigned oneIn) REQUIRES(mutex_) { return random_() % oneIn == 0; }
  /// 0: that is no RTP, or has no payload.
  static std::size_t payloadAt(const std::string &packet) {
    const auto byte = [&packet](std::size_t at) -> std::size_t {
      return at < packet.size() ? static_cast<unsigned char>(packet[at]) : 0;
    };
    if (byte(0) >> 6 != 2 || (byte(1) >= 192 && byte(1) < 224)) return 0;
    std::size_t at = 12 + 4 * (byte(0) & 15);
    if (byte(0) & 16) at += 4 + 4 * (byte(at + 2) << 8 | byte(at + 3));
    return at < packet.size() ? at : 0;
  }

  mutable Mutex mutex_;
  std::mt19937 random_ GUARDED_BY(mutex_){7};
  unsigned count_ GUARDED_BY(mutex_) = 0;
};

constexpr const char *kBroken[] = {"h264", "h265", "vp8", "vp9"};

}  // namespace

GST_START_TEST(pictures_thatAreBroken_disturbNobody) {
  constexpr unsigned kPackets = 600;
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "good"));
  mustPublish(good);
  fail_unless(seen.waitBuffers(5));
  Breaker breaker;
  PublishOptions options = optionsFor(pipeline, "evil");
  options.video = {kBroken[__i__]};
  options.audio = {};
  options.bitrate = 2'000'000;
  options.packets.plain = [&breaker](std::string &packet) { breaker(packet); };
  PublishClient evil(options);
  mustPublish(evil);
  fail_unless(eventually([&breaker] { return breaker.count() >= kPackets; }));
  fail_unless(seen.waitMore(10), "the good publisher was disturbed");
  mustBeHealthy(pipeline);
  evil.stopMedia();
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
  tcase_add_loop_test(all, pictures_thatAreBroken_disturbNobody, 0, G_N_ELEMENTS(kBroken));
  tcase_add_test(all, media_behindADataChannel_arrive);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(crashers)
