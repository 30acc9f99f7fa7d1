// SPDX-License-Identifier: LGPL-2.1-or-later
// What both receivers of the benchmark do alike: sinks, figures, and their life.
#include "receiver.h"

#include <atomic>
#include <cstdio>

#include "gst/common/gobj.h"
#include "tests/network/picture_mark.h"

namespace gws::benchmark {

namespace {

std::atomic<unsigned> videoFrames{0}, audioFrames{0};
bool logsPictures = false;

struct Probe {
  std::string stream, kind;
  std::atomic<unsigned> &frames;
  bool seen = false;
};

void logPicture(GstBuffer *picture) {
  const gint64 now = g_get_monotonic_time();
  if (const auto mark = network::readMark(picture))
    std::printf("picture %" G_GUINT64_FORMAT " %u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %u\n",
                mark->number, mark->key, mark->sent, now, mark->bytes);
  else
    std::printf("torn picture %" G_GINT64_FORMAT "\n", now);
  std::fflush(stdout);
}

GstPadProbeReturn onBuffer(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *probe = static_cast<Probe *>(data);
  ++probe->frames;
  if (logsPictures && probe->kind == "video") logPicture(GST_PAD_PROBE_INFO_BUFFER(info));
  if (!probe->seen) {
    std::printf("first %s %s %" G_GINT64_FORMAT "\n", probe->stream.c_str(), probe->kind.c_str(),
                g_get_monotonic_time());
    std::fflush(stdout);
  }
  probe->seen = true;
  return GST_PAD_PROBE_OK;
}

gboolean onInput(GIOChannel *input, GIOCondition, gpointer loop) {
  OwnedString line;
  if (g_io_channel_read_line(input, Out(line), nullptr, nullptr, nullptr) != G_IO_STATUS_NORMAL) {
    g_main_loop_quit(static_cast<GMainLoop *>(loop));
    return G_SOURCE_REMOVE;
  }
  std::printf("frames %u %u\n", videoFrames.load(), audioFrames.load());
  std::fflush(stdout);
  return G_SOURCE_CONTINUE;
}

}  // namespace

void sinkAndCount(GstBin *bin, GstPad *pad, const std::string &stream, const std::string &kind) {
  auto *probe = new Probe{stream, kind, kind == "video" ? videoFrames : audioFrames};
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, onBuffer, probe,
                    [](gpointer data) { delete static_cast<Probe *>(data); });
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(bin, sink);
  gst_element_sync_state_with_parent(sink);
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(sink, "sink"));
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, input.get())))
    g_warning("cannot link %s of %s", kind.c_str(), stream.c_str());
}

void logMarkedPictures() { logsPictures = true; }

void serve(unsigned port) {
  std::printf("port %u\n", port);
  std::fflush(stdout);
  const Owned<GMainLoop, g_main_loop_unref> loop(g_main_loop_new(nullptr, FALSE));
  const Owned<GIOChannel, g_io_channel_unref> input(g_io_channel_unix_new(0));
  g_io_add_watch(input.get(), static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), onInput, loop.get());
  g_main_loop_run(loop.get());
}

}  // namespace gws::benchmark
