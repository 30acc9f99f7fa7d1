// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines whose reserved pads have no data: no publisher yet, or one that lacks a track.
#include <glib/gstdio.h>

#include <array>
#include <map>

#include "tests/elements/continuity.h"

using namespace gws::test;
using Kind = PadLog::Kind;

namespace {

/// A folder that goes with the test, and with what was written into it.
struct TemporaryFolder {
  TemporaryFolder() : path(gws::takeString(g_dir_make_tmp("reserved-XXXXXX", nullptr))) {
    fail_unless(!path.empty());
  }
  ~TemporaryFolder() {
    gws::Owned<GDir, g_dir_close> entries(g_dir_open(path.c_str(), 0, nullptr));
    while (const char *name = entries ? g_dir_read_name(entries.get()) : nullptr)
      g_unlink(file(name).c_str());
    g_rmdir(path.c_str());
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string file(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

constexpr const char *kDownstreams[] = {
    "pub.video_cam ! fakesink",
    "pub.video_cam ! queue ! fakesink sync=true pub.audio_cam ! queue ! fakesink sync=true",
    "pub.video_cam ! videoconvert ! videoscale ! fakesink",
    "pub.video_cam ! tee name=t t. ! queue ! fakesink t. ! queue ! appsink",
    "pub.video_cam ! bin.( queue ! h264parse ! fakesink )",
    "pub.video_cam ! queue ! h264parse ! mux. pub.audio_cam ! queue ! opusparse ! mux. "
    "matroskamux name=mux ! filesink location=FOLDER/a",
    "pub.video_cam ! queue ! h264parse ! mux. pub.audio_cam ! queue ! opusparse ! mux. "
    "mp4mux name=mux ! filesink location=FOLDER/a",
};

void mustReachPlaying(PublishPipeline &pipeline, const char *what) {
  fail_unless(pipeline.play(), "%s: no PLAYING", what);
  GstState state = GST_STATE_VOID_PENDING;
  const auto result = gst_element_get_state(pipeline.pipeline(), &state, nullptr, 3 * GST_SECOND);
  fail_unless(result == GST_STATE_CHANGE_SUCCESS && state == GST_STATE_PLAYING, "%s: %s, in %s",
              what, gst_element_state_change_return_get_name(result),
              gst_element_state_get_name(state));
}

guint64 renderedBy(const PublishPipeline &pipeline, const char *sink) {
  const gws::OwnedStructure stats(
      gws::getProperty<GstStructure *>(elementOf(pipeline, sink).get(), "stats"));
  guint64 rendered = 0;
  gst_structure_get_uint64(stats.get(), "rendered", &rendered);
  return rendered;
}

}  // namespace

GST_START_TEST(pipeline_withIdlePads_reachesPlaying) {
  const TemporaryFolder folder;
  const std::string downstream = replaceAll(kDownstreams[__i__], "FOLDER", folder.path);
  PublishPipeline pipeline("webrtcpublishsrc name=pub " + downstream);
  mustReachPlaying(pipeline, kDownstreams[__i__]);
  pipeline.stop();
  mustReachPlaying(pipeline, kDownstreams[__i__]);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(branch_withoutAPublisher_holdsUpNoOther) {
  PublishPipeline pipeline(
      "webrtcpublishsrc name=pub pub.video_cam ! fakesink name=camera sync=true "
      "pub.audio_cam ! queue ! fakesink name=sound sync=true "
      "pub.video_screen ! queue ! fakesink name=screen sync=true");
  mustReachPlaying(pipeline, "three branches");
  PublishClient camera(lightOptions(pipeline, "cam"));
  mustPublish(camera);
  for (const char *sink : {"camera", "sound"})
    fail_unless(eventually([&] { return renderedBy(pipeline, sink) > 20; }),
                "%s: %" G_GUINT64_FORMAT " rendered", sink, renderedBy(pipeline, sink));
  fail_unless_equals_int(renderedBy(pipeline, "screen"), 0);
  PublishOptions options = lightOptions(pipeline, "screen");
  options.audio = {};
  PublishClient screen(options);
  mustPublish(screen);
  fail_unless(eventually([&] { return renderedBy(pipeline, "screen") > 20; }),
              "the screen is not shown");
  mustBeHealthy(pipeline);
}
GST_END_TEST

// A splitmuxsink says itself that it is not ready before its first data.
GST_START_TEST(splitter_withoutAPublisher_holdsUpNoOther) {
  const TemporaryFolder folder;
  PublishPipeline pipeline(
      "webrtcpublishsrc name=pub pub.video_cam ! queue ! h264parse ! splitmuxsink location=" +
      folder.file("%02d.mp4") + " pub.video_screen ! fakesink name=screen sync=true");
  fail_unless(pipeline.play());
  PublishOptions options = lightOptions(pipeline, "screen");
  options.audio = {};
  PublishClient screen(options);
  mustPublish(screen);
  fail_unless(eventually([&] { return renderedBy(pipeline, "screen") > 20; }),
              "the screen is not shown");
  options = lightOptions(pipeline, "cam");
  options.video = {"h264"};
  options.audio = {};
  PublishClient camera(options);
  mustPublish(camera);
  fail_unless(pipeline.record("video_cam").waitBuffers(20));
  mustReachPlaying(pipeline, "a splitter with data");
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

constexpr std::size_t kPlaces = 4;

/// What leaves the mixers: how bright each quarter of the picture is, how loud the sound.
struct Mixed {
  std::array<int, kPlaces> brightness{};
  int peak = 0;
  GstClockTime pictureEnd = GST_CLOCK_TIME_NONE, soundEnd = GST_CLOCK_TIME_NONE;
  unsigned pictures = 0, sounds = 0, holes = 0;
  GstClockTime now = 0;  ///< running time at which the last of both came
};

int brightnessOf(const guint8 *luma, std::size_t place) {
  const std::size_t left = (place % 2) * 160 + 8, top = (place / 2) * 120 + 8;
  int sum = 0, count = 0;
  for (std::size_t y = top; y < top + 104; y += 8)
    for (std::size_t x = left; x < left + 144; x += 8, ++count)
      sum += luma[y * 320 + x];
  return sum / count;
}

bool isHole(GstClockTime expected, GstClockTime got) {
  if (!GST_CLOCK_TIME_IS_VALID(expected)) return false;
  const auto apart = GST_CLOCK_DIFF(expected, got);
  return ABS(apart) > static_cast<GstClockTimeDiff>(GST_MSECOND);
}

void notePicture(Mixed &mixed, const guint8 *luma, const GstBuffer *buffer) {
  for (std::size_t place = 0; place < kPlaces; ++place)
    mixed.brightness[place] = brightnessOf(luma, place);
  mixed.holes += isHole(mixed.pictureEnd, GST_BUFFER_PTS(buffer));
  mixed.pictureEnd = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
  ++mixed.pictures;
}

constexpr int kSilence = 500;

/// Of 16 bit samples.
int peakOf(const GstMapInfo &map) {
  const auto *samples = reinterpret_cast<const gint16 *>(map.data);
  int peak = 0;
  for (gsize i = 0; i < map.size / 2; ++i)
    peak = std::max(peak, std::abs(static_cast<int>(samples[i])));
  return peak;
}

void noteSound(Mixed &mixed, const GstMapInfo &map, const GstBuffer *buffer) {
  mixed.peak = peakOf(map);
  mixed.holes += isHole(mixed.soundEnd, GST_BUFFER_PTS(buffer));
  mixed.soundEnd = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
  ++mixed.sounds;
}

/// What else the mixers mix. Without a live source of their own they end when all pads have EOS.
/// Four reserved streams in a compositor with a white background and in an audiomixer.
struct Mix {
  explicit Mix(const std::string &properties) : pipeline(line(properties)) {
    watch("picture");
    watch("sound");
    mustReachPlaying(pipeline, "four pads in mixers");
  }
  static std::string line(const std::string &properties) {
    std::string text =
        "webrtcpublishsrc name=pub " + properties +
        " compositor name=c background=white sink_0::zorder=1 sink_1::zorder=1 sink_2::zorder=1 "
        "sink_3::zorder=1 "
        "sink_1::xpos=160 sink_2::ypos=120 sink_3::xpos=160 sink_3::ypos=120 ! "
        "video/x-raw,format=I420,width=320,height=240,framerate=15/1,colorimetry=bt601 ! "
        "fakesink name=picture sync=false "
        "audiomixer name=m ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! "
        "fakesink name=sound sync=false";
    for (std::size_t i = 0; i < kPlaces; ++i) {
      const std::string number = std::to_string(i);
      text += " pub.video_" + number + " ! queue ! videoconvert ! c.sink_" + number +
              " pub.audio_" + number + " ! queue ! audioconvert ! audioresample ! m.sink_" + number;
    }
    return text;
  }
  void watch(const char *sink) {
    const auto probe = [](GstPad *pad, GstPadProbeInfo *info, gpointer self) {
      static_cast<Mix *>(self)->note(pad, GST_PAD_PROBE_INFO_BUFFER(info));
      return GST_PAD_PROBE_OK;
    };
    gst_pad_add_probe(padOf(elementOf(pipeline, sink).get(), "sink").get(),
                      GST_PAD_PROBE_TYPE_BUFFER, probe, this, nullptr);
  }
  void note(GstPad *pad, GstBuffer *buffer) {
    const bool picture = g_str_equal(GST_OBJECT_NAME(GST_OBJECT_PARENT(pad)), "picture");
    const GstClockTime now = gst_element_get_current_running_time(pipeline.pipeline());
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
    mixed.update([&](Mixed &held) {
      picture ? notePicture(held, map.data, buffer) : noteSound(held, map, buffer);
      held.now = now;
    });
    gst_buffer_unmap(buffer, &map);
  }
  PublishClient &publish(std::size_t place) {
    clients[place] = std::make_unique<PublishClient>(lightOptions(pipeline, std::to_string(place)));
    mustPublish(*clients[place]);
    return *clients[place];
  }
  /// Pictures of those and no others are shown, and their sound is heard; the output goes on.
  void mustShow(const std::array<bool, kPlaces> &shown) {
    const bool any = std::count(shown.begin(), shown.end(), true) > 0;
    const bool right = mixed.waitFor([&](const Mixed &seen) {
      for (std::size_t i = 0; i < kPlaces; ++i)
        if ((seen.brightness[i] < 100) != shown[i]) return false;
      return seen.pictures > 0 && seen.sounds > 0 && (seen.peak > kSilence) == any;
    });
    const Mixed seen = mixed.get();
    fail_unless(right, "brightness %d %d %d %d, peak %d", seen.brightness[0], seen.brightness[1],
                seen.brightness[2], seen.brightness[3], seen.peak);
    mustGoOn();
  }
  void mustGoOn() {
    const Mixed before = mixed.get();
    const bool goesOn = mixed.waitFor([&](const Mixed &now) {
      return now.pictures >= before.pictures + 5 && now.sounds >= before.sounds + 5;
    });
    const Mixed after = mixed.get();
    fail_unless(goesOn, "at %.3f s the mixers stopped: pictures %u to %.3f s, sounds %u to %.3f s",
                inSeconds(gst_element_get_current_running_time(pipeline.pipeline())),
                after.pictures - before.pictures, inSeconds(after.pictureEnd),
                after.sounds - before.sounds, inSeconds(after.soundEnd));
    const Mixed seen = mixed.get();
    for (const GstClockTime end : {seen.pictureEnd, seen.soundEnd}) {
      const auto late = GST_CLOCK_DIFF(end, seen.now);
      fail_unless(ABS(late) < static_cast<GstClockTimeDiff>(5 * GST_SECOND),
                  "at %.3f s what was mixed ends at %.3f s", inSeconds(seen.now), inSeconds(end));
    }
  }

  /// A live mixer that is short of processor time may leave a picture out.
  void mustBeWhole() const {
    const Mixed seen = mixed.get();
    fail_unless(seen.holes <= 2 + seen.pictures / 20, "%u holes among %u pictures and %u sounds",
                seen.holes, seen.pictures, seen.sounds);
  }

  PublishPipeline pipeline;
  Watched<Mixed> mixed;
  std::array<std::unique_ptr<PublishClient>, kPlaces> clients;
};

}  // namespace

GST_START_TEST(mixers_withFourPads_runWhoeverPublishes) {
  Mix mix("inactivity-timeout=1000 reconnect-timeout=-1");
  mix.mustShow({});
  mix.publish(2);
  mix.mustShow({false, false, true, false});
  for (const std::size_t place : {0u, 1u, 3u})
    mix.publish(place);
  mix.mustShow({true, true, true, true});
  mix.clients[0]->closeGoodbye();
  mix.clients[2]->kill();
  mix.clients[3]->closeGoingAway();
  mix.mustShow({false, true, false, false});
  mix.publish(0);
  mix.mustShow({true, true, false, false});
  mix.clients[0]->closeGoodbye();
  mix.clients[1]->closeGoodbye();
  mix.mustShow({});
  mix.publish(3);
  mix.mustShow({false, false, false, true});
  mix.mustBeWhole();
  mustBeHealthy(mix.pipeline);
  mustStop(mix.pipeline);
}
GST_END_TEST

GST_START_TEST(mixers_whenATrackBeginsLate_takeItIn) {
  Mix mix("reconnect-timeout=-1");
  for (const std::size_t place : {0u, 1u}) {
    mix.clients[place] =
        std::make_unique<PublishClient>(lightOptions(mix.pipeline, std::to_string(place)));
    mix.clients[place]->start();
  }
  mix.clients[0]->muteTrack(TrackKind::Audio, true);
  mix.clients[1]->stopMedia();
  fail_unless(mix.clients[0]->waitConnected() && mix.clients[1]->waitConnected());
  fail_unless(mix.mixed.waitFor([](const Mixed &seen) { return seen.brightness[0] < 100; }));
  // Long enough for the silent tracks to be covered.
  fail_unless(mix.clients[0]->waitFrames(0, 60));
  mix.mustGoOn();
  fail_unless_equals_int(mix.mixed.get().peak, 0);
  mix.clients[0]->muteTrack(TrackKind::Audio, false);
  mix.mustShow({true, false, false, false});
  mix.clients[1]->muteTrack(TrackKind::Video, false);
  mix.clients[1]->muteTrack(TrackKind::Audio, false);
  mix.mustShow({true, true, false, false});
  mix.mustBeWhole();
  mustBeHealthy(mix.pipeline);
  mustStop(mix.pipeline);
}
GST_END_TEST

namespace {

struct PlayedTrack {
  unsigned buffers = 0;
  double begin = 0, end = 0;  ///< s
};
struct Played {
  std::string error;
  std::map<std::string, PlayedTrack> tracks;  ///< by "video", "audio"
};

bool isAudible(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return false;
  const int peak = peakOf(map);
  gst_buffer_unmap(buffer, &map);
  return peak > kSilence;
}

/// Counts the pictures or the audible sound of a decoded track, in running time: an MP4 file may
/// delay a track by its edit list alone.
void countInto(GstPad *pad, Watched<PlayedTrack> &track) {
  const auto probe = [](GstPad *seen, GstPadProbeInfo *info, gpointer data) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const auto caps = gws::Ref<GstCaps>::take(gst_pad_get_current_caps(seen));
    const auto event =
        gws::Ref<GstEvent>::take(gst_pad_get_sticky_event(seen, GST_EVENT_SEGMENT, 0));
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    const double time =
        inSeconds(gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)));
    const bool sound = gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "audio/x-raw");
    if (sound && !isAudible(buffer)) return GST_PAD_PROBE_OK;
    static_cast<Watched<PlayedTrack> *>(data)->update([time](PlayedTrack &held) {
      if (held.buffers++ == 0) held.begin = time;
      held.end = time;
    });
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, probe, &track, nullptr);
}

/// Decodes a file from its beginning to its end.
Played play(const std::string &path) {
  const std::string line = "filesrc location=" + path + " ! decodebin name=decoder";
  gws::OwnedError error;
  const auto pipeline = gws::Ref<GstElement>::sink(gst_parse_launch(line.c_str(), gws::Out(error)));
  struct Ends {
    GstElement *pipeline;
    std::map<std::string, Watched<PlayedTrack>> tracks;
  } ends{.pipeline = pipeline.get(), .tracks = {}};
  using Handler = void (*)(GstElement *, GstPad *, Ends *);
  const Handler added = [](GstElement *, GstPad *pad, Ends *held) {
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "sync", FALSE, nullptr);
    gst_bin_add(GST_BIN(held->pipeline), sink);
    const auto caps = gws::Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
    const std::string name = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    const auto input = padOf(sink, "sink");
    countInto(input.get(), held->tracks[name.substr(0, name.find('/'))]);
    gst_element_sync_state_with_parent(sink);
    gst_pad_link(pad, input.get());
  };
  const auto decoder =
      gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "decoder"));
  g_signal_connect(decoder.get(), "pad-added", G_CALLBACK(added), &ends);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = gws::Ref<GstBus>::take(gst_element_get_bus(pipeline.get()));
  const auto message = gws::Ref<GstMessage>::take(
      gst_bus_timed_pop_filtered(bus.get(), 10 * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  Played played;
  if (!message) played.error = "it does not end";
  if (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message.get(), gws::Out(error), nullptr);
    played.error = error->message;
  }
  for (const auto &[kind, track] : ends.tracks)
    played.tracks[kind] = track.get();
  return played;
}

enum class Muxer { Matroska, Mp4 };

/// `stream` into a file of its own, as the README records one.
std::string recording(const TemporaryFolder &folder, const std::string &stream, Muxer muxer) {
  const char *parser = muxer == Muxer::Mp4 ? "h264parse" : "queue";
  const char *element = muxer == Muxer::Mp4 ? "mp4mux" : "matroskamux";
  return " pub.video_" + stream + " ! queue ! " + parser + " ! mux_" + stream + ". pub.audio_" +
         stream + " ! queue ! opusparse ! mux_" + stream + ". " + element + " name=mux_" + stream +
         " ! filesink name=file_" + stream + " location=" + folder.file(stream);
}

struct Recorded {
  const char *stream;
  Muxer muxer;
  bool video, audio;
};

constexpr Recorded kLacking[] = {{"mkv_v", Muxer::Matroska, true, false},
                                 {"mkv_a", Muxer::Matroska, false, true},
                                 {"mp4_v", Muxer::Mp4, true, false}};
constexpr Recorded kLate[] = {{"mkv", Muxer::Matroska, true, true},
                              {"mp4", Muxer::Mp4, true, true}};

PublishOptions optionsOf(const PublishPipeline &pipeline, const Recorded &row) {
  PublishOptions options = lightOptions(pipeline, row.stream);
  options.video.clear();
  options.audio.clear();
  if (row.video) options.video.emplace_back(row.muxer == Muxer::Mp4 ? "h264" : "vp8");
  if (row.audio) options.audio.emplace_back("opus");
  return options;
}

template <std::size_t count>
struct Recorder {
  Recorder(const Recorded (&which)[count], const std::string &properties)
      : rows(which), pipeline(line(folder, which, properties)) {
    for (const Recorded &row : rows)
      written(row);
    fail_unless(pipeline.play());
    for (const Recorded &row : rows) {
      clients.push_back(std::make_unique<PublishClient>(optionsOf(pipeline, row)));
      clients.back()->start();
    }
  }
  static std::string line(const TemporaryFolder &folder, const Recorded (&which)[count],
                          const std::string &properties) {
    std::string text = "webrtcpublishsrc name=pub " + properties;
    for (const Recorded &row : which)
      text += recording(folder, row.stream, row.muxer);
    return text;
  }
  PadRecorder &written(const Recorded &row) {
    return pipeline.recordAt(std::string("file_") + row.stream, "sink");
  }
  void mustConnect() {
    for (std::size_t i = 0; i < count; ++i)
      fail_unless(clients[i]->waitConnected(), "%s: not connected", rows[i].stream);
  }
  /// All say goodbye, which ends their files.
  void finish() {
    for (const auto &client : clients)
      client->closeGoodbye();
    for (const Recorded &row : rows)
      fail_unless(written(row).waitEos(), "%s: the file does not end", row.stream);
    mustBeHealthy(pipeline);
    mustStop(pipeline);
  }
  Played played(const Recorded &row) const {
    Played result = play(folder.file(row.stream));
    fail_unless(result.error.empty(), "%s: %s", row.stream, result.error.c_str());
    return result;
  }

  const Recorded (&rows)[count];
  const TemporaryFolder folder;
  PublishPipeline pipeline;
  std::vector<std::unique_ptr<PublishClient>> clients;
};

}  // namespace

GST_START_TEST(publisher_thatLacksATrack_isRecordedWithoutIt) {
  Recorder recorder(kLacking, "");
  recorder.mustConnect();
  for (std::size_t i = 0; i < recorder.clients.size(); ++i)
    fail_unless(recorder.clients[i]->waitFrames(0, kLacking[i].video ? 40 : 100));
  recorder.finish();
  for (const Recorded &row : kLacking) {
    Played played = recorder.played(row);
    const PlayedTrack track = played.tracks[row.video ? "video" : "audio"],
                      other = played.tracks[row.video ? "audio" : "video"];
    // MP4 needs a track for each reserved pad; it may be empty or silent.
    fail_unless(other.buffers == 0, "%s: %u buffers that nobody sent", row.stream, other.buffers);
    fail_unless(track.buffers >= 25 && track.end - track.begin > 1.3,
                "%s: %u buffers from %.3f s to %.3f s", row.stream, track.buffers, track.begin,
                track.end);
  }
}
GST_END_TEST

GST_START_TEST(track_thatBeginsLate_joinsInTheFile) {
  const TrackKind kinds[] = {TrackKind::Video, TrackKind::Audio};
  const TrackKind late = kinds[__i__];
  const std::size_t prompt = __i__ == 0 ? 1 : 0;
  const unsigned rate = __i__ == 0 ? 50 : 20;  // frames per second of the prompt track
  Recorder recorder(kLate, "");
  for (const auto &client : recorder.clients)
    client->muteTrack(late, true);
  recorder.mustConnect();
  for (const auto &client : recorder.clients)
    fail_unless(client->waitFrames(prompt, 4 * rate));
  for (const auto &client : recorder.clients)
    client->muteTrack(late, false);
  for (const auto &client : recorder.clients)
    fail_unless(client->waitFrames(prompt, 6 * rate));
  recorder.finish();
  for (const Recorded &row : kLate) {
    Played played = recorder.played(row);
    fail_unless(played.tracks.size() == 2, "%s: %u tracks", row.stream,
                static_cast<unsigned>(played.tracks.size()));
    const PlayedTrack first = played.tracks[__i__ == 0 ? "audio" : "video"],
                      second = played.tracks[__i__ == 0 ? "video" : "audio"];
    fail_unless(first.buffers > 5 * rate, "%s: %u buffers of the first track", row.stream,
                first.buffers);
    const double after = second.begin - first.begin;
    fail_unless(after > 3.3 && after < 15, "%s: the late track begins %.3f s after the other",
                row.stream, after);
    fail_unless(ABS(second.end - first.end) < 0.7 && second.buffers > 20,
                "%s: %u buffers of the late track, until %.3f s, the other until %.3f s",
                row.stream, second.buffers, second.end, first.end);
  }
}
GST_END_TEST

namespace {

Suite *reserved_suite() {
  Suite *suite = suite_create("reserved");
  TCase *all = tcase_create("reserved");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, pipeline_withIdlePads_reachesPlaying, 0,
                      static_cast<int>(G_N_ELEMENTS(kDownstreams)));
  tcase_add_test(all, branch_withoutAPublisher_holdsUpNoOther);
  tcase_add_test(all, splitter_withoutAPublisher_holdsUpNoOther);
  tcase_add_test(all, mixers_withFourPads_runWhoeverPublishes);
  tcase_add_test(all, mixers_whenATrackBeginsLate_takeItIn);
  tcase_add_test(all, publisher_thatLacksATrack_isRecordedWithoutIt);
  tcase_add_loop_test(all, track_thatBeginsLate_joinsInTheFile, 0, 2);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(reserved)
