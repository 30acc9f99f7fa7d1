// SPDX-License-Identifier: LGPL-2.1-or-later
// `stats` and `stats-interval` against what the client really sent and the network really lost.
#include <algorithm>
#include <functional>
#include <map>

#include "tests/common/check.h"

using namespace gws::test;

namespace {

constexpr const char *kBoth = "webrtcpublishsrc name=pub ";

/// What leaves the client as RTP of one SSRC, and what of it was dropped on the way.
struct Stream {
  unsigned payload = 0;
  std::uint64_t packets = 0, bytes = 0, frames = 0, dropped = 0;
};

/// Every packet of the client goes by here before it is encrypted. Any thread.
class Wire {
 public:
  /// Nothing counts and nothing passes before.
  void open() {
    state_.update([](State &state) { state.open = true; });
  }
  /// From now on one in so many packets of that payload type is dropped; 0: none.
  void drop(unsigned payload, unsigned oneIn) {
    state_.update([&](State &state) {
      state.victim = payload;
      state.oneIn = oneIn;
    });
  }
  Stream of(unsigned payload) const {
    for (const auto &[ssrc, stream] : state_.get().streams)
      if (stream.payload == payload) return stream;
    return {};
  }
  bool waitPackets(unsigned payload, std::uint64_t more) {
    const std::uint64_t until = of(payload).packets + more;
    return state_.waitFor([&](const State &state) {
      return std::any_of(state.streams.begin(), state.streams.end(), [&](const auto &entry) {
        return entry.second.payload == payload && entry.second.packets >= until;
      });
    });
  }
  PacketHook hook() {
    return [this](std::string &packet) { onPacket(packet); };
  }

 private:
  struct State {
    bool open = false;
    unsigned victim = 0, oneIn = 0;
    std::map<std::uint32_t, Stream> streams;
  };

  static unsigned byteOf(const std::string &packet, std::size_t at) {
    return static_cast<unsigned char>(packet[at]);
  }
  static std::size_t headerBytes(const std::string &packet) {
    std::size_t size = 12 + 4 * (byteOf(packet, 0) & 0xf);
    if (byteOf(packet, 0) & 0x10)
      size += 4 + 4 * (byteOf(packet, size + 2) << 8 | byteOf(packet, size + 3));
    return size;
  }
  void onPacket(std::string &packet) {
    const unsigned second = byteOf(packet, 1);
    if (second >= 192 && second <= 223) return;  // RTCP (RFC 5761)
    std::uint32_t ssrc = 0;
    for (std::size_t at = 8; at < 12; ++at)
      ssrc = ssrc << 8 | byteOf(packet, at);
    state_.update([&](State &state) {
      if (!state.open) return packet.clear();
      Stream &stream = state.streams[ssrc];
      stream.payload = second & 0x7f;
      const bool lost = state.oneIn && stream.payload == state.victim &&
                        stream.packets % state.oneIn == state.oneIn - 1;
      ++stream.packets;
      stream.bytes += packet.size() - headerBytes(packet);
      stream.frames += second >> 7;
      stream.dropped += lost;
      if (lost) packet.clear();
    });
  }

  mutable Watched<State> state_;
};

gws::OwnedStructure statsOf(const PublishPipeline &pipeline) {
  return gws::OwnedStructure(gws::getProperty<GstStructure *>(pipeline.pub(), "stats"));
}

gws::OwnedStructure part(const gws::OwnedStructure &whole, const std::string &name) {
  GstStructure *found = nullptr;
  if (whole) gst_structure_get(whole.get(), name.c_str(), GST_TYPE_STRUCTURE, &found, nullptr);
  return gws::OwnedStructure(found);
}

gws::OwnedStructure trackIn(const gws::OwnedStructure &publisher, const char *kind) {
  for (int i = 0; i < 2; ++i) {
    auto track = part(publisher, "track-" + std::to_string(i));
    if (track && g_strcmp0(gst_structure_get_string(track.get(), "kind"), kind) == 0) return track;
  }
  return nullptr;
}

std::uint64_t number(const gws::OwnedStructure &structure, const char *field) {
  guint64 value = 0;
  fail_unless(structure && gst_structure_get_uint64(structure.get(), field, &value),
              "there is no %s", field);
  return value;
}

std::string text(const gws::OwnedStructure &structure, const char *field) {
  const char *value = structure ? gst_structure_get_string(structure.get(), field) : nullptr;
  return value ? value : "";
}

std::string allOf(const PublishPipeline &pipeline) {
  return gws::takeString(gst_structure_to_string(statsOf(pipeline).get()));
}

/// Reads the statistics until the condition holds.
bool eventually(const std::function<bool()> &holds) {
  const gint64 deadline = g_get_monotonic_time() + kDeadline.count() * 1000;
  while (!holds()) {
    if (g_get_monotonic_time() > deadline) return false;
    g_usleep(20'000);
  }
  return true;
}

/// One publication whose packets are counted on their way from the first one that the server takes.
struct Publication {
  explicit Publication(const std::string &line = std::string(kBoth) + "pub.video_cam" + kSink +
                                                 " pub.audio_cam" + kSink,
                       PublishOptions more = {})
      : pipeline(line) {
    fail_unless(pipeline.play());
    more.url = pipeline.url("cam");
    more.packets.plain = wire.hook();
    client = std::make_unique<PublishClient>(more);
    mustPublish(*client);
    fail_unless(pipeline.waitMessage("webrtc-publisher-added").has_value());
    wire.open();
  }
  gws::OwnedStructure publisher() const { return part(statsOf(pipeline), "publisher-0"); }
  gws::OwnedStructure video() const { return trackIn(publisher(), "video"); }
  gws::OwnedStructure audio() const { return trackIn(publisher(), "audio"); }
  bool waitFrames(std::uint64_t more) {
    const std::uint64_t until = number(video(), "frames-received") + more;
    return eventually([&] { return number(video(), "frames-received") >= until; });
  }

  Wire wire;
  PublishPipeline pipeline;
  std::unique_ptr<PublishClient> client;
};

unsigned payloadOf(const char *codec) { return sendCodec(codec)->payload; }

}  // namespace

GST_START_TEST(tracks_withoutLoss_haveWhatWasSent) {
  Publication publication;
  fail_unless(publication.waitFrames(30));
  publication.client->stopMedia();
  for (const char *codec : {"vp8", "opus"}) {
    const bool isVideo = std::string(codec) == "vp8";
    const auto track = [&] { return isVideo ? publication.video() : publication.audio(); };
    const unsigned payload = payloadOf(codec);
    const bool all = eventually([&] {
      const auto read = track();
      return number(read, "packets-received") + number(read, "packets-lost") ==
             publication.wire.of(payload).packets;
    });
    const Stream sent = publication.wire.of(payload);
    const auto read = track();
    fail_unless(all, "%s: %u packets were sent; %s", codec, static_cast<unsigned>(sent.packets),
                allOf(publication.pipeline).c_str());
    fail_unless_same_text(text(read, "codec"), codec);
    fail_unless_same_text(text(read, "mid"), isVideo ? "0" : "1");
    fail_unless(number(read, "packets-received") > 20);
    if (number(read, "packets-lost") == 0)
      fail_unless_equals_uint64(number(read, "bytes-received"), sent.bytes);
    fail_unless(number(read, "jitter") < GST_SECOND);
  }
  mustBeHealthy(publication.pipeline);
}
GST_END_TEST

GST_START_TEST(pictures_areCountedAndMeasured) {
  Publication publication;
  fail_unless(publication.waitFrames(40));
  const auto rate = [&] {
    gdouble value = 0;
    const auto video = publication.video();
    fail_unless(gst_structure_get_double(video.get(), "frame-rate", &value));
    return value;
  };
  fail_unless(eventually([&] { return rate() > 0 && number(publication.video(), "bitrate") > 0; }));
  fail_unless(number(publication.audio(), "bitrate") > 0);
  fail_if(gst_structure_has_field(publication.audio().get(), "frame-rate"));

  const auto isSize = [&](guint width, guint height) {
    const auto video = publication.video();
    guint readWidth = 0, readHeight = 0;
    gst_structure_get(video.get(), "width", G_TYPE_UINT, &readWidth, "height", G_TYPE_UINT,
                      &readHeight, nullptr);
    return readWidth == width && readHeight == height;
  };
  fail_unless(isSize(320, 240), "%s", allOf(publication.pipeline).c_str());
  publication.client->requestSize(640, 360);
  fail_unless(eventually([&] { return isSize(640, 360); }), "%s",
              allOf(publication.pipeline).c_str());

  publication.client->stopMedia();
  // A machine that is busy may hand packets on too late for the jitter buffer.
  const std::uint64_t sent = publication.wire.of(payloadOf("vp8")).frames;
  fail_unless(
      eventually([&] { return number(publication.video(), "frames-received") >= sent / 2; }));
  fail_unless(number(publication.video(), "frames-received") <=
              publication.wire.of(payloadOf("vp8")).frames);
}
GST_END_TEST

GST_START_TEST(keyframe_thatIsAskedFor_isCounted) {
  Publication publication;
  fail_unless(publication.waitFrames(10));
  const auto requests = [&] {
    const auto video = publication.video();
    return number(video, "pli-count") + number(video, "fir-count");
  };
  const std::uint64_t before = number(publication.video(), "key-frames-received");
  const std::uint64_t asked = requests();
  fail_unless(before > 0);
  gboolean found = FALSE;
  g_signal_emit_by_name(publication.pipeline.pub(), "request-keyframe", "cam", &found);
  fail_unless(found);
  fail_unless(
      eventually([&] { return number(publication.video(), "key-frames-received") > before; }));
  fail_unless(requests() > asked, "%s", allOf(publication.pipeline).c_str());
  fail_unless(number(publication.video(), "key-frame-age") <
              number(publication.publisher(), "uptime"));
}
GST_END_TEST

namespace {

struct LossCase {
  const char *name;
  bool retransmission;
  bool announced;  ///< a=ssrc lines, which tell what is retransmitted with which SSRC
};
constexpr LossCase kLosses[] = {
    {"announced", true, true},
    {"not announced", true, false},
    {"without retransmission", false, true},
};

std::string withoutSources(const std::string &sdp) {
  std::string result;
  gws::Owned<char *, g_strfreev> lines(g_strsplit(sdp.c_str(), "\r\n", -1));
  for (char **line = lines.get(); *line; ++line)
    if (!g_str_has_prefix(*line, "a=ssrc") && **line) result += std::string(*line) + "\r\n";
  return result;
}

}  // namespace

GST_START_TEST(packets_lostOnTheWay_areCountedAndSoIsWhatCameAgain) {
  const LossCase &row = kLosses[__i__];
  PublishOptions options;
  options.bitrate = 2'000'000;
  options.retransmission = row.retransmission;
  if (!row.announced) options.mungeOffer = withoutSources;
  Publication publication(std::string(kBoth) + "pub.video_cam" + kSink + " pub.audio_cam" + kSink,
                          options);
  const unsigned payload = payloadOf("vp8");
  fail_unless(publication.waitFrames(5));
  publication.wire.drop(payload, 5);
  fail_unless(publication.wire.waitPackets(payload, 75));
  publication.wire.drop(payload, 0);
  // Losses show by what comes after them.
  fail_unless(publication.wire.waitPackets(payload, 10));
  const bool counted = eventually([&] {
    return number(publication.video(), "packets-lost") == publication.wire.of(payload).dropped;
  });
  const Stream sent = publication.wire.of(payload);
  fail_unless(sent.dropped >= 14);
  fail_unless(counted, "%s: %u packets of %u were dropped; %s", row.name,
              static_cast<unsigned>(sent.dropped), static_cast<unsigned>(sent.packets),
              allOf(publication.pipeline).c_str());
  fail_unless_equals_uint64(number(publication.audio(), "packets-lost"), 0);
  const auto video = publication.video();
  const std::uint64_t recovered = number(video, "packets-recovered");
  if (!row.retransmission) {
    fail_unless_equals_uint64(recovered, 0);
    return;
  }
  fail_unless(recovered > 0 && recovered <= sent.dropped, "%s: %s", row.name,
              allOf(publication.pipeline).c_str());
  fail_unless(number(video, "rtx-packets-received") >= recovered);
  fail_unless(number(video, "nack-count") > 0);
}
GST_END_TEST

GST_START_TEST(picture_thatStops_isAFreezeOnceItGoesOn) {
  Publication publication;
  fail_unless(publication.waitFrames(20));
  const std::uint64_t before = number(publication.video(), "freeze-count");
  publication.client->muteTrack(TrackKind::Video, true);
  const std::uint64_t sound = publication.wire.of(payloadOf("opus")).packets;
  // A second of sound.
  fail_unless(
      eventually([&] { return publication.wire.of(payloadOf("opus")).packets > sound + 50; }));
  publication.client->muteTrack(TrackKind::Video, false);
  fail_unless(publication.waitFrames(3));
  const auto video = publication.video();
  fail_unless(number(video, "freeze-count") > before, "%s", allOf(publication.pipeline).c_str());
  fail_unless(number(video, "freeze-duration") > 500 * GST_MSECOND, "%s",
              allOf(publication.pipeline).c_str());
}
GST_END_TEST

GST_START_TEST(publisher_isNamedWithItsWay) {
  PublishOptions options;
  options.headers = {{"User-Agent", "statistics-test/1"}};
  Publication publication(std::string(kBoth) + "pub.video_cam" + kSink, options);
  fail_unless(eventually([&] { return !text(publication.publisher(), "remote-address").empty(); }));
  const auto publisher = publication.publisher();
  fail_unless_same_text(text(publisher, "stream"), "cam");
  fail_unless_same_text(text(publisher, "door"), "websocket");
  fail_unless_same_text(text(publisher, "user-agent"), "statistics-test/1");
  fail_unless_same_text(text(publisher, "address"), "127.0.0.1");
  fail_unless_same_text(text(publisher, "transport"), "udp");
  fail_unless(text(publisher, "remote-address").find(':') != std::string::npos);
  const auto pad =
      gws::Ref<GstPad>::take(gst_element_get_static_pad(publication.pipeline.pub(), "video_cam"));
  fail_unless(eventually([&] {
    return text(publisher, "id") ==
           gws::takeString(gws::getProperty<char *>(pad.get(), "publisher-id"));
  }));

  publication.client->closeGoodbye();
  fail_unless(
      eventually([&] { return gst_structure_n_fields(statsOf(publication.pipeline).get()) == 0; }));
}
GST_END_TEST

GST_START_TEST(publisher_whoseDownstreamBlocks_isReadable) {
  Publication publication;
  fail_unless(publication.waitFrames(5));
  const auto pad =
      gws::Ref<GstPad>::take(gst_element_get_static_pad(publication.pipeline.pub(), "video_cam"));
  const gulong block = gst_pad_add_probe(
      pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  const std::uint64_t before = number(publication.video(), "packets-received");
  fail_unless(
      eventually([&] { return number(publication.video(), "packets-received") > before + 100; }));
  gst_pad_remove_probe(pad.get(), block);
  fail_unless(publication.waitFrames(5));
}
GST_END_TEST

GST_START_TEST(startPage_isToldOfNobody) {
  PublishOptions options;
  options.headers = {{"User-Agent", "statistics-test/1"}};
  Publication publication(std::string(kBoth) + "pub.video_cam" + kSink, options);
  fail_unless(publication.waitFrames(5));
  const std::string list = httpGet(publication.pipeline.port(), "/streams.json").body;
  for (const char *known : {"\"door\":\"websocket\"", "\"codec\":\"vp8\"", "\"width\":320",
                            "\"uptime\":", "\"bitrate\":", "\"lost\":0"})
    fail_unless(list.find(known) != std::string::npos, "no %s in %s", known, list.c_str());
  const auto publisher = publication.publisher();
  for (const std::string &secret :
       {std::string("127.0.0.1"), std::string("statistics-test"), text(publisher, "id")})
    fail_unless(list.find(secret) == std::string::npos, "%s is in %s", secret.c_str(),
                list.c_str());
}
GST_END_TEST

namespace {

/// Counts what is posted, and leaves it on the bus.
struct Bus {
  const gws::Ref<GstBus> bus;
  std::atomic<unsigned> posted{0};
  explicit Bus(GstElement *pipeline) : bus(gws::Ref<GstBus>::take(gst_element_get_bus(pipeline))) {
    const GstBusSyncHandler handler = [](GstBus *, GstMessage *message, gpointer data) {
      auto *self = static_cast<Bus *>(data);
      if (!gst_message_has_name(message, "webrtc-stats")) return GST_BUS_PASS;
      ++self->posted;
      return GST_BUS_PASS;
    };
    gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
    gst_bus_set_sync_handler(bus.get(), handler, this, nullptr);
  }
  ~Bus() { gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr); }
};

}  // namespace

GST_START_TEST(interval_postsTheSameStructure) {
  Publication publication(std::string(kBoth) + "pub.video_cam" + kSink);
  fail_unless(publication.waitFrames(5));
  fail_if(publication.pipeline.waitMessage("webrtc-stats", Timeout(0)).has_value());
  g_object_set(publication.pipeline.pub(), "stats-interval", 250u, nullptr);
  const auto message = publication.pipeline.waitMessage("webrtc-stats");
  fail_unless(message.has_value());
  const gws::OwnedStructure posted(gst_structure_from_string(message->text.c_str(), nullptr));
  const auto publisher = part(posted, "publisher-0");
  fail_unless_same_text(text(publisher, "stream"), "cam");
  fail_unless(number(trackIn(publisher, "video"), "packets-received") > 0);
  const auto count = [&] {
    const auto all = publication.pipeline.messages();
    return std::count_if(all.begin(), all.end(),
                         [](const auto &one) { return one.name == "webrtc-stats"; });
  };
  fail_unless(eventually([&] { return count() > 12; }), "who reads them gets more than ten");
}
GST_END_TEST

GST_START_TEST(bus_thatNobodyReads_isNotFilled) {
  Publication publication(std::string(kBoth) + "keyframe-interval=250 pub.video_cam" + kSink);
  Bus bus(publication.pipeline.pipeline());
  g_object_set(publication.pipeline.pub(), "stats-interval", 250u, nullptr);
  fail_unless(eventually([&] { return bus.posted >= 10; }));
  // Key frames are asked for in the same rhythm.
  const unsigned asked = publication.client->keyframeRequestsSeen();
  fail_unless(eventually([&] { return publication.client->keyframeRequestsSeen() >= asked + 6; }));
  fail_unless_equals_int(bus.posted, 10);

  gst_bus_set_flushing(bus.bus.get(), TRUE);
  gst_bus_set_flushing(bus.bus.get(), FALSE);
  fail_unless(eventually([&] { return bus.posted > 12; }), "they go on once there is room");
}
GST_END_TEST

namespace {

Suite *statistics_suite() {
  Suite *suite = suite_create("statistics");
  TCase *figures = tcase_create("figures");
  suite_add_tcase(suite, figures);
  tcase_add_test(figures, tracks_withoutLoss_haveWhatWasSent);
  tcase_add_test(figures, pictures_areCountedAndMeasured);
  tcase_add_test(figures, keyframe_thatIsAskedFor_isCounted);
  tcase_add_loop_test(figures, packets_lostOnTheWay_areCountedAndSoIsWhatCameAgain, 0,
                      static_cast<int>(G_N_ELEMENTS(kLosses)));
  tcase_add_test(figures, picture_thatStops_isAFreezeOnceItGoesOn);
  TCase *readers = tcase_create("readers");
  suite_add_tcase(suite, readers);
  tcase_add_test(readers, publisher_isNamedWithItsWay);
  tcase_add_test(readers, publisher_whoseDownstreamBlocks_isReadable);
  tcase_add_test(readers, startPage_isToldOfNobody);
  tcase_add_test(readers, interval_postsTheSameStructure);
  tcase_add_test(readers, bus_thatNobodyReads_isNotFilled);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(statistics)
