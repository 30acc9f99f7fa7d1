// SPDX-License-Identifier: LGPL-2.1-or-later
// The pipeline under test: a webrtcpublishsrc whose streams are recorded.
#include "server.h"

namespace gws::soak {

Server::Server(const char *directory, int streams, int reserved)
    : reserved_(static_cast<unsigned>(reserved < 0 ? streams / 2 : reserved)),
      recorder_(directory),
      pipeline_(Ref<GstElement>::sink(gst_pipeline_new(nullptr))),
      pub_(Ref<GstElement>::sink(gst_element_factory_make("webrtcpublishsrc", "pub"))) {
  if (!pub_) g_error("there is no webrtcpublishsrc; see GST_PLUGIN_PATH");
  g_object_set(pub_.get(), "port", 0u, "streams", "s*", "max-publishers", 0u, "reconnect-timeout",
               1000, "inactivity-timeout", 3000u, "negotiation-timeout", 10'000u, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), pub_.get());
  watch();
  for (unsigned number = 0; number < reserved_; ++number)
    reserve(planFor(number));
}

Server::~Server() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  g_signal_handlers_disconnect_by_data(pub_.get(), this);
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
}

void Server::watch() {
  using OnPad = void (*)(GstElement *, GstPad *, Server *);
  const OnPad onAdded = [](GstElement *, GstPad *pad, Server *self) { self->onPadAdded(pad); };
  const OnPad onRemoved = [](GstElement *, GstPad *pad, Server *self) {
    self->recorder_.detach(pad);
  };
  using OnCome = void (*)(GstElement *, const char *, const char *, Server *);
  const OnCome onCome = [](GstElement *, const char *, const char *, Server *self) {
    ++self->come_;
  };
  using OnGone = void (*)(GstElement *, const char *, const char *, const char *, Server *);
  const OnGone onGone = [](GstElement *, const char *, const char *, const char *, Server *self) {
    ++self->gone_;
  };
  g_signal_connect(pub_.get(), "pad-added", G_CALLBACK(onAdded), this);
  g_signal_connect(pub_.get(), "pad-removed", G_CALLBACK(onRemoved), this);
  g_signal_connect(pub_.get(), "publisher-added", G_CALLBACK(onCome), this);
  g_signal_connect(pub_.get(), "publisher-removed", G_CALLBACK(onGone), this);

  const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
  const GstBusSyncHandler handler = [](GstBus *, GstMessage *message, gpointer self) {
    // Whoever drops a message owns it.
    static_cast<Server *>(self)->onMessage(Ref<GstMessage>::take(message).get());
    return GST_BUS_DROP;
  };
  gst_bus_set_sync_handler(bus.get(), handler, this, nullptr);
}

void Server::reserve(const StreamPlan &plan) {
  for (const Kind kind : {Kind::Video, Kind::Audio}) {
    const std::string name = (kind == Kind::Video ? "video_" : "audio_") + plan.name;
    const auto pad = Ref<GstPad>::take(gst_element_request_pad_simple(pub_.get(), name.c_str()));
    recorder_.attach(pad.get(), plan.name, kind, {plan.video, plan.audio});
  }
}

void Server::onPadAdded(GstPad *pad) {
  if (!g_str_has_prefix(GST_PAD_NAME(pad), "src_")) return;
  const auto text = [pad](const char *property) {
    return takeString(getProperty<char *>(pad, property));
  };
  const StreamPlan plan = planFor(numberOf(text("stream")));
  recorder_.attach(pad, plan.name + "-" + text("publisher-id"),
                   text("kind") == "video" ? Kind::Video : Kind::Audio, {plan.video, plan.audio});
}

void Server::onMessage(GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return;
  OwnedError error;
  gst_message_parse_error(message, Out(error), nullptr);
  Lock lock(mutex_);
  errors_.push_back(std::string(GST_OBJECT_NAME(GST_MESSAGE_SRC(message))) + ": " + error->message);
}

bool Server::play() {
  return gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE &&
         getProperty<guint>(pub_.get(), "current-port") != 0;
}

std::string Server::url() const {
  return "ws://127.0.0.1:" + std::to_string(getProperty<guint>(pub_.get(), "current-port"));
}

std::vector<std::string> Server::errors() const {
  Lock lock(mutex_);
  return errors_;
}

}  // namespace gws::soak
