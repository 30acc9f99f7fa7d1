// SPDX-License-Identifier: LGPL-2.1-or-later
// What honest and bad publishers send: pictures and sound whose every frame has a number.
#include "media.h"

#include <array>
#include <atomic>
#include <cstring>

#include "tests/benchmark/publishers/encoded_media.h"

namespace gws::hostile {

using benchmark::EncodedMedia;
using test::EncodedSource;

namespace {

constexpr int kFramesPerSecond = 30;
// A key frame every third of a second: what is encoded before cannot answer a request for one.
constexpr const char *kVp8 =
    "videotestsrc num-buffers=60 pattern=ball ! "
    "video/x-raw, format=I420, width=320, height=240, framerate=30/1 ! "
    "vp8enc deadline=1 keyframe-max-dist=10 target-bitrate=400000";
constexpr const char *kH264 =
    "videotestsrc num-buffers=60 pattern=ball ! "
    "video/x-raw, format=I420, width=320, height=240, framerate=30/1 ! "
    "openh264enc gop-size=10 bitrate=400000 ! "
    "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au";
constexpr const char *kOpus =
    "audiotestsrc num-buffers=100 samplesperbuffer=960 volume=0.2 ! "
    "audio/x-raw, rate=48000, channels=2 ! opusenc bitrate=32000";

constexpr std::array<char, 4> kMark{'G', 'W', 'S', 'N'};
constexpr std::size_t kTrailer = kMark.size() + 8;

using Media = std::shared_ptr<const EncodedMedia>;

Media encodeOnce(const char *line, GstClockTime duration) {
  Media media = benchmark::encode(line, duration);
  if (!media) g_error("an encoder is missing for '%s'", line);
  return media;
}

Media video(const std::string &codec) {
  constexpr GstClockTime duration = GST_SECOND / kFramesPerSecond;
  if (codec == "h264") {
    static const Media h264 = encodeOnce(kH264, duration);
    return h264;
  }
  static const Media vp8 = encodeOnce(kVp8, duration);
  return vp8;
}

Media sound() {
  static const Media opus = encodeOnce(kOpus, 20 * GST_MSECOND);
  return opus;
}

GstBuffer *withNumber(GstBuffer *frame, std::uint64_t number) {
  auto *trailer = static_cast<char *>(g_malloc(kTrailer));
  std::memcpy(trailer, kMark.data(), kMark.size());
  for (int i = 0; i < 8; ++i)
    trailer[kMark.size() + i] = static_cast<char>(number >> (56 - 8 * i) & 0xff);
  GstBuffer *writable = gst_buffer_make_writable(frame);
  gst_buffer_append_memory(
      writable, gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, trailer, kTrailer, 0, kTrailer,
                                       trailer, g_free));
  return writable;
}

/// Decoders of VP8 and Opus ignore what stands behind a frame.
GstElement *addNumbers(GstElement *source) {
  const auto pad = Ref<GstPad>::take(gst_element_get_static_pad(source, "src"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer next) {
        info->data = withNumber(GST_PAD_PROBE_INFO_BUFFER(info),
                                (*static_cast<std::atomic<std::uint64_t> *>(next))++);
        return GST_PAD_PROBE_OK;
      },
      new std::atomic<std::uint64_t>(0),
      [](gpointer next) { delete static_cast<std::atomic<std::uint64_t> *>(next); });
  return source;
}

EncodedSource sourceOf(const Media &media, bool numbered) {
  const EncodedSource source = benchmark::loopSource(media);
  if (!numbered) return source;
  return [source] { return addNumbers(source()); };
}

}  // namespace

test::PublishOptions publishOptions(unsigned port, const std::string &stream,
                                    const std::string &codec, bool numbered) {
  test::PublishOptions options;
  options.url = "ws://127.0.0.1:" + std::to_string(port) + "/" + stream + "/webrtc/publish";
  options.video = {{codec, sourceOf(video(codec), numbered)}};
  options.audio = {{"opus", sourceOf(sound(), numbered)}};
  return options;
}

void comeByWhip(test::PublishOptions &options, unsigned port, const std::string &stream) {
  options.url = "http://127.0.0.1:" + std::to_string(port) + "/" + stream + "/whip";
  options.trickle = false;
}

std::optional<std::uint64_t> numberOf(GstBuffer *frame) {
  const gsize size = gst_buffer_get_size(frame);
  std::array<unsigned char, kTrailer> trailer;
  if (size < kTrailer ||
      gst_buffer_extract(frame, size - kTrailer, trailer.data(), kTrailer) != kTrailer ||
      std::memcmp(trailer.data(), kMark.data(), kMark.size()) != 0)
    return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = kMark.size(); i < kTrailer; ++i)
    number = number << 8 | trailer[i];
  return number;
}

}  // namespace gws::hostile
