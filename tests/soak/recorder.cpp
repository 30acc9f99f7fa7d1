// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes what comes out of pads to Matroska files: one file from the first buffer to EOS.
#include "recorder.h"

#include <gst/app/gstappsrc.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

namespace gws::soak {

namespace {

constexpr const char *kVideoCaps =
    "video/x-vp8; video/x-h264, stream-format=(string)avc3, alignment=(string)au";
constexpr const char *kAudioCaps = "audio/x-opus";

/// Runs in the default main context: neither from the bus's thread nor from a streaming thread
/// can a pipeline be stopped.
void later(std::function<void()> task) {
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        (*static_cast<std::function<void()> *>(data))();
        return G_SOURCE_REMOVE;
      },
      new std::function<void()>(std::move(task)),
      [](gpointer data) { delete static_cast<std::function<void()> *>(data); });
}

}  // namespace

/// The pad behind a source pad. Its own streaming thread and the recorder's mutex guard it.
struct Recorder::Inlet {
  Recorder *owner = nullptr;
  Ref<GstPad> source, sink;
  std::string key;
  Kind kind = Kind::Video;
  Tracks tracks;
  Ref<GstCaps> caps;
  bool ended = false;  ///< an EOS, and no stream-start since
};

/// One file that is being written.
struct Recorder::Take {
  Ref<GstElement> pipeline;
  std::array<Ref<GstElement>, 2> sources;  ///< by Kind; nullptr: not in the file, or ended

  Ref<GstElement> &source(Kind kind) { return sources[static_cast<std::size_t>(kind)]; }
};

Recorder::Recorder(std::string directory) : directory_(std::move(directory)) {}

Recorder::~Recorder() {
  std::vector<std::unique_ptr<Inlet>> inlets;
  {
    Lock lock(mutex_);
    inlets.swap(inlets_);
  }
  for (auto &inlet : inlets)
    gst_pad_set_active(inlet->sink.get(), FALSE);
}

void Recorder::attach(GstPad *source, const std::string &key, Kind kind, Tracks tracks) {
  auto inlet = std::make_unique<Inlet>();
  inlet->owner = this;
  inlet->source = Ref<GstPad>::share(source);
  inlet->key = key;
  inlet->kind = kind;
  inlet->tracks = tracks;
  const auto caps =
      Ref<GstCaps>::take(gst_caps_from_string(kind == Kind::Video ? kVideoCaps : kAudioCaps));
  const auto pads = Ref<GstPadTemplate>::sink(
      gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get()));
  inlet->sink = Ref<GstPad>::sink(gst_pad_new_from_template(pads.get(), nullptr));
  GstPad *sink = inlet->sink.get();
  gst_pad_set_chain_function_full(
      sink,
      [](GstPad *pad, GstObject *, GstBuffer *buffer) {
        auto *self = static_cast<Inlet *>(pad->chaindata);
        return self->owner->onBuffer(*self, buffer);
      },
      inlet.get(), nullptr);
  gst_pad_set_event_function_full(
      sink,
      [](GstPad *pad, GstObject *, GstEvent *event) -> gboolean {
        auto *self = static_cast<Inlet *>(pad->eventdata);
        self->owner->onEvent(*self, Ref<GstEvent>::take(event).get());
        return TRUE;
      },
      inlet.get(), nullptr);
  gst_pad_set_active(sink, TRUE);
  {
    Lock lock(mutex_);
    inlets_.push_back(std::move(inlet));
  }
  if (GST_PAD_LINK_FAILED(gst_pad_link(source, sink)))
    std::fprintf(stderr, "cannot link a pad of %s\n", key.c_str());
}

void Recorder::detach(GstPad *source) {
  std::unique_ptr<Inlet> inlet;
  {
    Lock lock(mutex_);
    const auto found = std::find_if(inlets_.begin(), inlets_.end(), [source](const auto &one) {
      return one->source.get() == source;
    });
    if (found == inlets_.end()) return;
    inlet = std::move(*found);
    inlets_.erase(found);
  }
  // Waits for the streaming thread.
  gst_pad_set_active(inlet->sink.get(), FALSE);
  Lock lock(mutex_);
  endTrack(inlet->key, inlet->kind);
}

GstFlowReturn Recorder::onBuffer(Inlet &inlet, GstBuffer *buffer) {
  auto owned = Ref<GstBuffer>::take(buffer);
  if (!(inlet.kind == Kind::Video ? inlet.tracks.video : inlet.tracks.audio)) return GST_FLOW_OK;
  Lock lock(mutex_);
  GstElement *source = takeFor(inlet).source(inlet.kind).get();
  gst_app_src_push_buffer(GST_APP_SRC(source), owned.release());
  return GST_FLOW_OK;
}

void Recorder::onEvent(Inlet &inlet, GstEvent *event) {
  Lock lock(mutex_);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      inlet.ended = false;
      break;
    case GST_EVENT_EOS:
      inlet.ended = true;
      endTrack(inlet.key, inlet.kind);
      break;
    case GST_EVENT_CAPS: {
      GstCaps *caps;
      gst_event_parse_caps(event, &caps);
      inlet.caps = Ref<GstCaps>::share(caps);
      const auto found = takes_.find(inlet.key);
      if (found == takes_.end()) break;
      if (const auto &source = found->second->source(inlet.kind))
        gst_app_src_set_caps(GST_APP_SRC(source.get()), caps);
      break;
    }
    default:
      break;
  }
}

Recorder::Take &Recorder::takeFor(const Inlet &inlet) {
  auto found = takes_.find(inlet.key);
  if (found != takes_.end() && !found->second->source(inlet.kind)) {
    ++figures_.ragged;
    std::printf("RAGGED %s: %s begins anew, the other track has not ended\n", inlet.key.c_str(),
                inlet.kind == Kind::Video ? "video" : "audio");
    endTake(found);
    found = takes_.end();
  }
  if (found == takes_.end()) found = takes_.emplace(inlet.key, begin(inlet)).first;
  return *found->second;
}

std::unique_ptr<Recorder::Take> Recorder::begin(const Inlet &inlet) {
  const std::string text =
      "matroskamux name=mux offset-to-zero=true ! filesink name=file async=false sync=false" +
      std::string(inlet.tracks.video ? " appsrc name=video format=time ! queue ! mux.video_0"
                                     : "") +
      (inlet.tracks.audio ? " appsrc name=audio format=time ! queue ! mux.audio_0" : "");
  auto take = std::make_unique<Take>();
  take->pipeline = Ref<GstElement>::sink(gst_parse_launch(text.c_str(), nullptr));
  if (!take->pipeline) g_error("cannot build '%s'", text.c_str());
  GstBin *bin = GST_BIN(take->pipeline.get());
  take->source(Kind::Video) = Ref<GstElement>::take(gst_bin_get_by_name(bin, "video"));
  take->source(Kind::Audio) = Ref<GstElement>::take(gst_bin_get_by_name(bin, "audio"));
  gst_app_src_set_caps(GST_APP_SRC(take->source(inlet.kind).get()), inlet.caps.get());
  // The other track's caps came before, or come by its event.
  for (const auto &other : inlets_)
    if (other->key == inlet.key && other->kind != inlet.kind && other->caps)
      if (const auto &source = take->source(other->kind))
        gst_app_src_set_caps(GST_APP_SRC(source.get()), other->caps.get());

  const std::string location =
      directory_ + "/" + std::to_string(++figures_.begun) + "-" + inlet.key + ".mkv";
  const auto file = Ref<GstElement>::take(gst_bin_get_by_name(bin, "file"));
  g_object_set(file.get(), "location", location.c_str(), nullptr);
  ++figures_.open;
  if (inlet.key.find('-') != std::string::npos) ++figures_.single;
  const auto bus = Ref<GstBus>::take(gst_element_get_bus(take->pipeline.get()));
  const GstBusSyncHandler onMessage = [](GstBus *, GstMessage *message, gpointer self) {
    const auto owned = Ref<GstMessage>::take(message);
    const auto type = GST_MESSAGE_TYPE(message);
    if (type != GST_MESSAGE_EOS && type != GST_MESSAGE_ERROR) return GST_BUS_DROP;
    auto *top = GST_OBJECT(GST_MESSAGE_SRC(message));
    auto pipeline = Ref<GstObject>::share(top);
    while (auto parent = Ref<GstObject>::take(gst_object_get_parent(pipeline.get())))
      pipeline = parent;
    later([=] {
      static_cast<Recorder *>(self)->finished(GST_ELEMENT(pipeline.get()),
                                              type == GST_MESSAGE_ERROR);
    });
    return GST_BUS_DROP;
  };
  gst_bus_set_sync_handler(bus.get(), onMessage, this, nullptr);
  gst_element_set_state(take->pipeline.get(), GST_STATE_PLAYING);
  return take;
}

void Recorder::endTrack(const std::string &key, Kind kind) {
  const auto found = takes_.find(key);
  if (found == takes_.end()) return;
  Take &take = *found->second;
  if (auto source = std::exchange(take.source(kind), nullptr))
    gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  // A track that ended before this file, and did not begin again, gets no second EOS.
  const bool over = std::all_of(inlets_.begin(), inlets_.end(), [&](const auto &inlet) {
    return inlet->key != key || inlet->ended || !take.source(inlet->kind);
  });
  if (over) endTake(found);
}

void Recorder::endTake(Takes::iterator take) {
  for (const auto &source : take->second->sources)
    if (source) gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  ending_.push_back(take->second->pipeline);
  takes_.erase(take);
}

void Recorder::endAll() {
  Lock lock(mutex_);
  while (!takes_.empty())
    endTake(takes_.begin());
}

/// Main thread.
void Recorder::finished(GstElement *pipeline, bool failed) {
  std::unique_ptr<Take> take;
  Ref<GstElement> ended;
  {
    Lock lock(mutex_);
    for (auto it = takes_.begin(); it != takes_.end(); ++it) {
      if (it->second->pipeline.get() != pipeline) continue;
      take = std::move(it->second);
      ended = take->pipeline;
      takes_.erase(it);
      break;
    }
    for (auto it = ending_.begin(); it != ending_.end(); ++it) {
      if (it->get() != pipeline) continue;
      ended = *it;
      ending_.erase(it);
      break;
    }
    if (!ended) return;  // its second message
    if (failed) ++figures_.broken;
    --figures_.open;
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

Recorder::Figures Recorder::figures() const {
  Lock lock(mutex_);
  return figures_;
}

std::vector<std::string> Recorder::waiting() const {
  Lock lock(mutex_);
  std::vector<std::string> keys;
  for (const auto &[key, take] : takes_) {
    keys.push_back(key + (take->source(Kind::Video) ? " video" : "") +
                   (take->source(Kind::Audio) ? " audio" : ""));
  }
  return keys;
}

}  // namespace gws::soak
