// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures that can be told apart at the other end.
#include "marked_pictures.h"

#include <gst/video/video.h>

#include <atomic>
#include <string>

#include "picture_mark.h"
#include "tests/benchmark/publishers/encoded_media.h"

namespace gws::network {

namespace {

constexpr unsigned kFramesPerSecond = 30;
constexpr unsigned kKeyFrameFactor = 5;  ///< of a key frame's size to another one's
constexpr const char *kPictures =
    "videotestsrc num-buffers=2 ! video/x-raw, width=320, height=240, framerate=30/1 ! "
    "vp8enc deadline=1 target-bitrate=100000";

/// Behind the source of the encoded frames, whose rate it keeps.
class Marker {
 public:
  Marker(std::shared_ptr<const benchmark::EncodedMedia> pictures, unsigned bitsPerSecond)
      : pictures_(std::move(pictures)), size_(bitsPerSecond / 8 / kFramesPerSecond) {}

  GstPadProbeReturn probe(GstPadProbeInfo *info) {
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_UPSTREAM) {
      if (gst_video_event_is_force_key_unit(GST_PAD_PROBE_INFO_EVENT(info))) keyAsked_ = true;
      return GST_PAD_PROBE_OK;
    }
    const auto before = Ref<GstBuffer>::take(GST_PAD_PROBE_INFO_BUFFER(info));
    info->data = marked(before.get()).release();
    return GST_PAD_PROBE_OK;
  }

 private:
  Ref<GstBuffer> marked(GstBuffer *before) {
    const bool key = keyAsked_.exchange(false);
    GstBuffer *picture = pictures_->frames[key ? 0 : 1].get();
    std::string bytes(gst_buffer_get_size(picture), '\0');
    gst_buffer_extract(picture, 0, bytes.data(), bytes.size());
    const std::size_t size = key ? kKeyFrameFactor * size_ : size_;
    while (bytes.size() + sizeof(Mark) < size)
      bytes += static_cast<char>(g_random_int());

    appendMark(bytes, {.number = number_++, .sent = g_get_monotonic_time(), .key = key});
    auto result = Ref<GstBuffer>::take(gst_buffer_new_memdup(bytes.data(), bytes.size()));
    gst_buffer_copy_into(result.get(), before, GST_BUFFER_COPY_TIMESTAMPS, 0,
                         static_cast<gsize>(-1));
    if (!key) GST_BUFFER_FLAG_SET(result.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    return result;
  }

  const std::shared_ptr<const benchmark::EncodedMedia> pictures_;
  const std::size_t size_;
  std::atomic<bool> keyAsked_{true};
  guint64 number_ = 0;
};

}  // namespace

test::EncodedSource markedPictures(unsigned bitsPerSecond) {
  const auto pictures = benchmark::encode(kPictures, GST_SECOND / kFramesPerSecond);
  if (!pictures) return {};
  return [pictures, bitsPerSecond, source = benchmark::loopSource(pictures)] {
    GstElement *element = source();
    const auto pad = Ref<GstPad>::take(gst_element_get_static_pad(element, "src"));
    gst_pad_add_probe(
        pad.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_UPSTREAM),
        [](GstPad *, GstPadProbeInfo *info, gpointer marker) {
          return static_cast<Marker *>(marker)->probe(info);
        },
        new Marker(pictures, bitsPerSecond),
        [](gpointer marker) { delete static_cast<Marker *>(marker); });
    return element;
  };
}

}  // namespace gws::network
