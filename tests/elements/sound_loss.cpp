// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoded sound where packets are lost: Opus has each piece once more, in the packet after it, and
// what is lost for good is made up. A test's sound is beeps at equal distances.
#include <algorithm>
#include <cstdlib>

#include "tests/elements/robust.h"

using namespace gws::test;

namespace {

constexpr unsigned kRate = 48'000;
constexpr unsigned kBeepEvery = kRate / 5;  ///< samples
constexpr int kLoud = 3'000;
/// A beep whose first packet is lost and not mended begins a packet late, at the earliest.
constexpr unsigned kPacket = kRate / 50, kTolerance = kPacket / 2;

/// The encoder adds the second copies only where it is told of a loss, and only to speech.
EncodedSource beeps() {
  return [] {
    const std::string text =
        "audiotestsrc is-live=true wave=ticks freq=500 sine-periods-per-tick=20 volume=0.7 "
        "tick-interval=" +
        std::to_string(gst_util_uint64_scale_int(kBeepEvery, GST_SECOND, kRate)) +
        " samplesperbuffer=" + std::to_string(kPacket) +
        " ! audio/x-raw, rate=48000, channels=1 ! " +
        "audioconvert ! audio/x-raw, channels=2 ! opusenc audio-type=voice bitrate=32000 "
        "inband-fec=true packet-loss-percentage=25";
    GstElement *bin = gst_parse_bin_from_description(text.c_str(), TRUE, nullptr);
    if (!bin) g_error("cannot build '%s'", text.c_str());
    return bin;
  };
}

/// Drops one packet in so many, never two in a row.
class Wire {
 public:
  explicit Wire(unsigned payload) : payload_(payload) {}

  void drop(unsigned oneIn) { oneIn_ = oneIn; }
  unsigned dropped() const { return dropped_; }
  PacketHook hook() {
    return [this](std::string &packet) { onPacket(packet); };
  }

 private:
  void onPacket(std::string &packet) {
    if (packet.size() < 12 || (static_cast<unsigned char>(packet[1]) & 0x7f) != payload_) return;
    const unsigned oneIn = oneIn_;
    if (!oneIn || ++packets_ % oneIn) return;
    packet.clear();
    ++dropped_;
  }

  const unsigned payload_;
  std::atomic<unsigned> oneIn_{0}, dropped_{0};
  unsigned packets_ = 0;
};

struct Heard {
  guint64 samples = 0, lastLoud = 0;
  std::vector<guint64> begins;  ///< of beeps, in samples from the start
};

/// Counts samples and not times: what is left out makes beeps come early.
GstPadProbeReturn hear(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstMapInfo map;
  GstBuffer *sound = GST_PAD_PROBE_INFO_BUFFER(info);
  if (!gst_buffer_map(sound, &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
  static_cast<Watched<Heard> *>(data)->update([&map](Heard &heard) {
    const auto *samples = reinterpret_cast<const gint16 *>(map.data);
    for (gsize i = 0; i < map.size / sizeof(gint16); ++i, ++heard.samples) {
      if (std::abs(samples[i]) < kLoud) continue;
      if (heard.begins.empty() || heard.samples > heard.lastLoud + kBeepEvery / 2)
        heard.begins.push_back(heard.samples);
      heard.lastLoud = heard.samples;
    }
  });
  gst_buffer_unmap(sound, &map);
  return GST_PAD_PROBE_OK;
}

/// Of the beeps from number `first` on, how many come too long after the one before, and too soon.
struct Misplaced {
  unsigned late = 0, early = 0;
};

Misplaced misplaced(const Heard &heard, std::size_t first) {
  Misplaced result;
  for (std::size_t i = first; i < heard.begins.size(); ++i) {
    const guint64 distance = heard.begins[i] - heard.begins[i - 1];
    result.late += distance > kBeepEvery + kTolerance;
    result.early += distance < kBeepEvery - kTolerance;
  }
  return result;
}

constexpr unsigned kBeeps = 18;

/// One packet of three is lost, so that of each third beep it is the first one.
Misplaced listen() {
  Watched<Heard> heard;
  Wire wire(sendCodec("opus")->payload);
  PublishPipeline pipeline(
      "webrtcpublishsrc name=pub pub.audio_cam ! audioconvert ! capsfilter name=heard "
      "caps=audio/x-raw,format=S16LE,rate=48000,channels=1 ! fakesink async=false sync=false");
  const auto pad = padOf(elementOf(pipeline, "heard").get(), "src");
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, hear, &heard, nullptr);
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline);
  options.video = {};
  options.audio = {TrackOffer("opus", beeps())};
  options.packets.plain = wire.hook();
  PublishClient client(options);
  mustPublish(client);
  const auto waitBeeps = [&heard](std::size_t count) {
    return heard.waitFor([count](const Heard &now) { return now.begins.size() >= count; });
  };
  fail_unless(waitBeeps(3), "no sound");
  wire.drop(3);
  const std::size_t before = heard.get().begins.size();
  fail_unless(waitBeeps(before + kBeeps));
  const Misplaced result = misplaced(heard.get(), before + 1);
  fail_unless(wire.dropped() >= kBeeps);
  client.stopMedia();
  pipeline.stop();
  mustBeHealthy(pipeline);
  return result;
}

}  // namespace

/// Without the second copies six beeps are late; without anything in the stead of what is lost all
/// are early. A machine that stops for a moment loses sound too: one of three times will do.
GST_START_TEST(sound_packetsLost_isMendedByTheNextOnes) {
  constexpr unsigned kSome = 2;
  Misplaced best{kBeeps, kBeeps};
  for (int attempt = 0; attempt < 3 && (best.late > kSome || best.early > kSome); ++attempt)
    best = listen();
  fail_unless(best.late <= kSome && best.early <= kSome, "of %u beeps %u are late and %u early",
              kBeeps, best.late, best.early);
}
GST_END_TEST

namespace {

Suite *sound_loss_suite() {
  Suite *suite = suite_create("sound_loss");
  TCase *all = tcase_create("sound_loss");
  suite_add_tcase(suite, all);
  tcase_add_test(all, sound_packetsLost_isMendedByTheNextOnes);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(sound_loss)
