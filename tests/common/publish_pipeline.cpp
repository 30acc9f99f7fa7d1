// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline under test: a launch line with a webrtcpublishsrc named `pub`, its bus and its pads.
#include "publish_pipeline.h"
#include "tests/common/process_exit.h"

namespace gws::test {

namespace {

unsigned countEntries(const char *path) {
  Owned<GDir, g_dir_close> folder(g_dir_open(path, 0, nullptr));
  unsigned count = 0;
  while (folder && g_dir_read_name(folder.get()))
    ++count;
  return count;
}

}  // namespace

PublishPipeline::PublishPipeline(const std::string &line) {
  keepOpensslAtExit();
  OwnedError error;
  pipeline_ = Ref<GstElement>::sink(
      gst_parse_launch_full(line.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, Out(error)));
  if (!pipeline_) g_error("cannot build '%s': %s", line.c_str(), error->message);
  if (!GST_IS_PIPELINE(pipeline_.get())) {
    const auto alone = pipeline_;
    pipeline_ = Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    gst_bin_add(GST_BIN(pipeline_.get()), alone.get());
  }
  pub_ = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "pub"));
  if (!pub_) g_error("no element is named pub in '%s'", line.c_str());
  if (line.find(" port=") == std::string::npos) g_object_set(pub_.get(), "port", 0u, nullptr);
  const char *agent = g_getenv("TEST_ICE_AGENT");
  if (agent && line.find(" ice-agent=") == std::string::npos)
    gst_util_set_object_arg(G_OBJECT(pub_.get()), "ice-agent", agent);
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
  const GstBusSyncHandler handler = [](GstBus *, GstMessage *message, gpointer self) {
    // Whoever drops a message owns it.
    static_cast<PublishPipeline *>(self)->onMessage(Ref<GstMessage>::take(message).get());
    return GST_BUS_DROP;
  };
  gst_bus_set_sync_handler(bus.get(), handler, this, nullptr);
}

PublishPipeline::~PublishPipeline() {
  stop();
  g_signal_handlers_disconnect_by_data(pub_.get(), this);
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
  Lock lock(mutex_);
  recorders_.clear();
}

bool PublishPipeline::play() {
  return setState(GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE && port() != 0;
}

GstStateChangeReturn PublishPipeline::setState(GstState state) {
  return gst_element_set_state(pipeline_.get(), state);
}

Timeout PublishPipeline::stop() {
  const gint64 start = g_get_monotonic_time();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  return Timeout((g_get_monotonic_time() - start) / 1000);
}

std::string PublishPipeline::url(const std::string &stream) const {
  return "ws://127.0.0.1:" + std::to_string(port()) + "/" + stream + "/webrtc/publish";
}

PadRecorder &PublishPipeline::record(const std::string &pad) {
  Lock lock(mutex_);
  auto &recorder = recorders_["pub." + pad];
  if (!recorder) {
    const auto own = Ref<GstPad>::take(gst_element_get_static_pad(pub_.get(), pad.c_str()));
    if (!own) g_error("pub has no pad %s", pad.c_str());
    const auto peer = Ref<GstPad>::take(gst_pad_get_peer(own.get()));
    recorder = std::make_unique<PadRecorder>(peer ? peer.get() : own.get());
  }
  return *recorder;
}

PadRecorder &PublishPipeline::recordAt(const std::string &element, const std::string &pad) {
  Lock lock(mutex_);
  auto &recorder = recorders_[element + "." + pad];
  if (!recorder) {
    const auto owner =
        Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline_.get()), element.c_str()));
    const auto found =
        Ref<GstPad>::take(owner ? gst_element_get_static_pad(owner.get(), pad.c_str()) : nullptr);
    if (!found) g_error("there is no pad %s.%s", element.c_str(), pad.c_str());
    recorder = std::make_unique<PadRecorder>(found.get());
  }
  return *recorder;
}

PadRecorder &PublishPipeline::recordOpenEnd(const std::string &pad) {
  const auto own = Ref<GstPad>::take(gst_element_request_pad_simple(pub_.get(), pad.c_str()));
  const auto end = Ref<GstPad>::sink(gst_pad_new(nullptr, GST_PAD_SINK));
  gst_pad_set_chain_function(end.get(), [](GstPad *, GstObject *, GstBuffer *buffer) {
    Ref<GstBuffer>::take(buffer).reset();
    return GST_FLOW_OK;
  });
  gst_pad_set_event_function(end.get(), [](GstPad *, GstObject *, GstEvent *event) -> gboolean {
    Ref<GstEvent>::take(event).reset();
    return TRUE;
  });
  gst_pad_set_active(end.get(), TRUE);
  if (!own || gst_pad_link(own.get(), end.get()) != GST_PAD_LINK_OK)
    g_error("cannot link %s", pad.c_str());
  openEnds_.push_back(end);
  return record(pad);
}

void PublishPipeline::takeNewPads() {
  using Handler = void (*)(GstElement *, GstPad *, PublishPipeline *);
  const Handler handler = [](GstElement *, GstPad *pad, PublishPipeline *self) {
    self->onPadAdded(pad);
  };
  g_signal_connect(pub_.get(), "pad-added", G_CALLBACK(handler), this);
}

void PublishPipeline::onPadAdded(GstPad *pad) {
  const std::string name = takeString(gst_pad_get_name(pad));
  if (name.rfind("src_", 0) != 0) return;
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), sink);
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(sink, "sink"));
  {
    Lock lock(mutex_);
    recorders_["pub." + name] = std::make_unique<PadRecorder>(input.get());
  }
  gst_element_sync_state_with_parent(sink);
  if (gst_pad_link(pad, input.get()) != GST_PAD_LINK_OK) g_error("cannot link %s", name.c_str());
  newPads_.update([&name](std::vector<std::string> &names) { names.push_back(name); });
}

bool PublishPipeline::waitNewPads(std::size_t count, Timeout timeout) {
  return newPads_.waitFor(
      [count](const std::vector<std::string> &names) { return names.size() >= count; }, timeout);
}

void PublishPipeline::onMessage(GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    OwnedError error;
    OwnedString debug;
    gst_message_parse_error(message, Out(error), Out(debug));
    const std::string text = std::string(GST_OBJECT_NAME(GST_MESSAGE_SRC(message))) + ": " +
                             error->message + (debug ? std::string("\n") + debug.get() : "");
    bus_.update([&text](Bus &bus) { bus.errors.push_back(text); });
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
    const GstStructure *structure = gst_message_get_structure(message);
    const Message seen{gst_structure_get_name(structure),
                       takeString(gst_structure_to_string(structure))};
    bus_.update([&seen](Bus &bus) { bus.messages.push_back(seen); });
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY) {
    // Not here: this may be a streaming thread, or one that changes the state.
    gst_element_call_async(
        pipeline_.get(),
        [](GstElement *pipeline, gpointer) { gst_bin_recalculate_latency(GST_BIN(pipeline)); },
        nullptr, nullptr);
  }
}

std::optional<PublishPipeline::Message> PublishPipeline::waitMessage(const std::string &name,
                                                                     Timeout timeout) {
  std::optional<Message> found;
  bus_.waitFor(
      [&](const Bus &bus) {
        for (const Message &message : bus.messages)
          if (!found && message.name == name) found = message;
        return found.has_value();
      },
      timeout);
  return found;
}

bool PublishPipeline::waitError(Timeout timeout) {
  return bus_.waitFor([](const Bus &bus) { return !bus.errors.empty(); }, timeout);
}

ProcessUse processUse() {
  // The folder that is being read is one of the descriptors.
  return {.threads = countEntries("/proc/self/task"),
          .descriptors = countEntries("/proc/self/fd") - 1};
}

}  // namespace gws::test
