// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a recorded file can be decoded from its beginning to its end.
#include "playable.h"

#include <gst/gst.h>

#include <atomic>
#include <cstdio>

#include "gst/common/gobj.h"

namespace gws::soak {

namespace {

constexpr GstClockTime kPatience = 30 * GST_SECOND;

struct Decoded {
  GstElement *pipeline = nullptr;
  std::atomic<unsigned> buffers{0}, tracks{0};
};

GstPadProbeReturn count(GstPad *, GstPadProbeInfo *, gpointer decoded) {
  ++static_cast<Decoded *>(decoded)->buffers;
  return GST_PAD_PROBE_OK;
}

void onPad(GstElement *, GstPad *pad, Decoded *decoded) {
  ++decoded->tracks;
  GstElement *end = gst_element_factory_make("fakesink", nullptr);
  g_object_set(end, "sync", FALSE, nullptr);
  gst_bin_add(GST_BIN(decoded->pipeline), end);
  const auto sink = Ref<GstPad>::take(gst_element_get_static_pad(end, "sink"));
  gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_BUFFER, count, decoded, nullptr);
  gst_element_sync_state_with_parent(end);
  gst_pad_link(pad, sink.get());
}

std::string check(const std::string &file) {
  const auto pipeline = Ref<GstElement>::sink(
      gst_parse_launch("filesrc name=file ! decodebin name=decoder", nullptr));
  const auto source = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "file"));
  const auto decoder =
      Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "decoder"));
  g_object_set(source.get(), "location", file.c_str(), nullptr);
  Decoded decoded{.pipeline = pipeline.get()};
  g_signal_connect(decoder.get(), "pad-added", G_CALLBACK(onPad), &decoded);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline.get()));
  const auto message = Ref<GstMessage>::take(gst_bus_timed_pop_filtered(
      bus.get(), kPatience, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (!message) return "does not end";
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
    OwnedError error;
    gst_message_parse_error(message.get(), Out(error), nullptr);
    return error->message;
  }
  return decoded.tracks && decoded.buffers ? "ok" : "nothing to decode";
}

}  // namespace

int runChecks(const std::vector<std::string> &files) {
  for (const std::string &file : files) {
    std::printf("file %s %s\n", file.c_str(), check(file).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace gws::soak
