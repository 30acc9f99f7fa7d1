// SPDX-License-Identifier: LGPL-2.1-or-later
// Media that are encoded once and then sent by many publishers at the pace of a live source.
#include "encoded_media.h"

#include <gst/base/gstpushsrc.h>

#include <cstdio>

namespace gws::benchmark {

namespace {

struct LoopState {
  std::shared_ptr<const EncodedMedia> media;
  GstClockTime begin = GST_CLOCK_TIME_NONE;  ///< running time of the first frame
  guint64 next = 0;                          ///< counts frames since then
};

/// The GObject part; everything else is in LoopState.
struct LoopSrc {
  GstPushSrc parent;
  LoopState *state;
};
struct LoopSrcClass {
  GstPushSrcClass parent;
};

GstStaticPadTemplate loopSrcTemplate =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE(LoopSrc, loop_src, GST_TYPE_PUSH_SRC)

LoopState &stateOf(gpointer object) { return *reinterpret_cast<LoopSrc *>(object)->state; }

GstClockTime runningTime(GstElement *element) {
  const GstClockTime now = gst_element_get_current_running_time(element);
  return GST_CLOCK_TIME_IS_VALID(now) ? now : 0;
}

GstFlowReturn createFrame(GstPushSrc *source, GstBuffer **frame) {
  LoopState &state = stateOf(source);
  if (!GST_CLOCK_TIME_IS_VALID(state.begin)) state.begin = runningTime(GST_ELEMENT(source));
  const auto &frames = state.media->frames;
  GstBuffer *copy = gst_buffer_copy(frames[state.next % frames.size()].get());
  GST_BUFFER_PTS(copy) = state.begin + state.next * state.media->frameDuration;
  GST_BUFFER_DTS(copy) = GST_BUFFER_PTS(copy);
  GST_BUFFER_DURATION(copy) = state.media->frameDuration;
  ++state.next;
  *frame = copy;
  return GST_FLOW_OK;
}

/// The base class waits for the clock to reach `start`.
void frameTimes(GstBaseSrc *, GstBuffer *frame, GstClockTime *start, GstClockTime *end) {
  *start = GST_BUFFER_PTS(frame);
  *end = *start + GST_BUFFER_DURATION(frame);
}

GstCaps *mediaCaps(GstBaseSrc *source, GstCaps *filter) {
  const auto &media = stateOf(source).media;
  if (!media) return gst_caps_new_any();
  return filter ? gst_caps_intersect(media->caps.get(), filter)
                : Ref<GstCaps>(media->caps).release();
}

void loop_src_init(LoopSrc *source) {
  source->state = new LoopState;
  gst_base_src_set_live(GST_BASE_SRC(source), TRUE);
  gst_base_src_set_format(GST_BASE_SRC(source), GST_FORMAT_TIME);
}

void loop_src_class_init(LoopSrcClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = [](GObject *object) {
    delete &stateOf(object);
    G_OBJECT_CLASS(loop_src_parent_class)->finalize(object);
  };
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &loopSrcTemplate);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Loop of encoded frames",
                                        "Source", "Plays encoded frames again and again",
                                        "gst-webrtc-server");
  GST_BASE_SRC_CLASS(klass)->get_times = frameTimes;
  GST_BASE_SRC_CLASS(klass)->get_caps = mediaCaps;
  GST_PUSH_SRC_CLASS(klass)->create = createFrame;
}

}  // namespace

unsigned EncodedMedia::bitsPerSecond() const {
  guint64 bytes = 0;
  for (const auto &frame : frames)
    bytes += gst_buffer_get_size(frame.get());
  const GstClockTime duration = frames.size() * frameDuration;
  return duration ? static_cast<unsigned>(gst_util_uint64_scale(bytes, 8 * GST_SECOND, duration))
                  : 0;
}

std::shared_ptr<const EncodedMedia> encode(const char *launchLine, GstClockTime frameDuration) {
  const std::string line =
      std::string(launchLine) + " ! fakesink name=end sync=false signal-handoffs=true";
  OwnedError error;
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(line.c_str(), Out(error)));
  if (!pipeline || error) {
    std::fprintf(stderr, "cannot build '%s': %s\n", launchLine, error ? error->message : "?");
    return nullptr;
  }
  auto media = std::make_shared<EncodedMedia>();
  media->frameDuration = frameDuration;
  const auto end = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "end"));
  using OnHandoff = void (*)(GstElement *, GstBuffer *, GstPad *, EncodedMedia *);
  const OnHandoff onHandoff = [](GstElement *, GstBuffer *frame, GstPad *pad, EncodedMedia *out) {
    if (!out->caps) out->caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
    out->frames.push_back(Ref<GstBuffer>::share(frame));
  };
  g_signal_connect(end.get(), "handoff", G_CALLBACK(onHandoff), media.get());

  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline.get()));
  const auto message = Ref<GstMessage>::take(
      gst_bus_timed_pop_filtered(bus.get(), GST_CLOCK_TIME_NONE,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  const bool complete = GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (complete && media->caps) return media;
  std::fprintf(stderr, "'%s' gave no encoded frames\n", launchLine);
  return nullptr;
}

test::EncodedSource loopSource(std::shared_ptr<const EncodedMedia> media) {
  return [media = std::move(media)] {
    auto *source = static_cast<GstElement *>(g_object_new(loop_src_get_type(), nullptr));
    stateOf(source).media = media;
    return source;
  };
}

}  // namespace gws::benchmark
