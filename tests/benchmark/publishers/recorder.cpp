// SPDX-License-Identifier: LGPL-2.1-or-later
// A recording behind the pads of bare webrtcbins, as an application would add it.
#include "recorder.h"

#include <glib-unix.h>
#include <unistd.h>

#include <cstdio>

#include "gst/common/gobj.h"

namespace gws::benchmark {

namespace {

constexpr const char *kVideoBranch = "queue ! rtph264depay ! h264parse";
constexpr const char *kAudioBranch = "queue ! rtpopusdepay ! opusparse";
constexpr unsigned kEndSeconds = 5;

/// The bin posts no EOS: the sinks inside of webrtcbin have not had one.
GstPadProbeReturn onSinkEvent(GstPad *, GstPadProbeInfo *info, gpointer sink) {
  if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
    gst_element_post_message(
        GST_ELEMENT(sink),
        gst_message_new_application(GST_OBJECT(sink), gst_structure_new_empty("written")));
  return GST_PAD_PROBE_OK;
}

void say(const std::string &line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

Recorder::Recorder(GstBin *pipeline, const std::string &file, Second second)
    : pipeline_(pipeline), second_(second) {
  mux_ = gst_element_factory_make("matroskamux", nullptr);
  GstElement *sink = gst_element_factory_make("filesink", nullptr);
  g_object_set(sink, "location", file.c_str(), "async", FALSE, nullptr);
  gst_util_set_object_arg(G_OBJECT(sink), "buffer-mode", "unbuffered");
  gst_bin_add_many(pipeline_, mux_, sink, nullptr);
  gst_element_link(mux_, sink);
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(sink, "sink"));
  gst_pad_add_probe(input.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, onSinkEvent, sink, nullptr);
  // The muxer takes no track any more once it has written its header.
  video_ = newBranch(true);
  audio_ = newBranch(false);
}

Recorder::Branch Recorder::newBranch(bool video) {
  GstElement *branch =
      gst_parse_bin_from_description(video ? kVideoBranch : kAudioBranch, TRUE, nullptr);
  gst_bin_add(pipeline_, branch);
  const auto output = Ref<GstPad>::take(gst_element_get_static_pad(branch, "src"));
  const auto request =
      Ref<GstPad>::take(gst_element_request_pad_simple(mux_, video ? "video_%u" : "audio_%u"));
  gst_pad_link(output.get(), request.get());
  gst_element_sync_state_with_parent(branch);
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(branch, "sink"));
  return {.input = input.get(), .used = false};
}

void Recorder::add(GstPad *pad, bool video) {
  const std::lock_guard lock(mutex_);
  Branch &branch = video ? video_ : audio_;
  if (branch.used && second_ == Second::NewBranches) branch = newBranch(video);
  branch.used = true;
  if (const auto before = Ref<GstPad>::take(gst_pad_get_peer(branch.input)))
    gst_pad_unlink(before.get(), branch.input);
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, branch.input)))
    g_warning("cannot link the %s", video ? "video" : "audio");
}

void Recorder::run(unsigned port) {
  say("port " + std::to_string(port));
  const Owned<GMainLoop, g_main_loop_unref> loop(g_main_loop_new(nullptr, FALSE));
  g_unix_signal_add(
      SIGINT,
      [](gpointer data) -> gboolean {
        g_main_loop_quit(static_cast<GMainLoop *>(data));
        return G_SOURCE_REMOVE;
      },
      loop.get());
  g_main_loop_run(loop.get());

  alarm(kEndSeconds);
  end();
  say("eos");
}

void Recorder::end() {
  const std::lock_guard lock(mutex_);
  for (const Branch &branch : {video_, audio_})
    gst_pad_send_event(branch.input, gst_event_new_eos());
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(GST_ELEMENT(pipeline_)));
  const auto types = static_cast<GstMessageType>(GST_MESSAGE_APPLICATION | GST_MESSAGE_ERROR);
  while (true) {
    const auto message =
        Ref<GstMessage>::take(gst_bus_timed_pop_filtered(bus.get(), GST_CLOCK_TIME_NONE, types));
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_APPLICATION) break;
    OwnedError error;
    gst_message_parse_error(message.get(), Out(error), nullptr);
    say(std::string("error ") + GST_OBJECT_NAME(GST_MESSAGE_SRC(message.get())) + " " +
        error->message);
  }
}

}  // namespace gws::benchmark
