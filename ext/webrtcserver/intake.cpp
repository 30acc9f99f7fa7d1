// SPDX-License-Identifier: LGPL-2.1-or-later
// Linking of webrtcbin's pads.
#include "intake.h"

#include <gst/webrtc/webrtc.h>

#include <algorithm>

#include "gstwebrtcpublishpad.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-intake", "which RTP stream goes to which pad");

namespace gws {

constexpr unsigned kMaxSurplus = 8;
/// µs without a frame after which a track counts as quiet. Audio may wait for the first picture;
/// and rtpjitterbuffer takes a browser's pause of up to 1 s for jitter, and puts what follows so
/// much too early, where GAP events must not have been.
constexpr gint64 kQuiet = 2'000'000;

Intake::~Intake() {
  Lock lock(mutex_);
  for (auto &pad : drains_)
    gst_pad_set_active(pad.get(), FALSE);
}

void Intake::add(IntakeTrack track) {
  Lock lock(mutex_);
  tracks_.push_back(std::make_unique<IntakeTrack>(std::move(track)));
}

/// The track that an RTP stream belongs to: by its m-line where the offer listed its SSRC, else the
/// first free one with its kind and payload type.
IntakeTrack *Intake::find(GstPad *pad) {
  auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
  if (!caps) return nullptr;
  const GstStructure *structure = gst_caps_get_structure(caps.get(), 0);
  const char *media = gst_structure_get_string(structure, "media");
  int payload = -1;
  gst_structure_get_int(structure, "payload", &payload);
  auto transceiver = Ref<GObject>::take(getProperty<GObject *>(pad, "transceiver"));
  unsigned line = transceiver ? getProperty<guint>(transceiver.get(), "mlineindex") : G_MAXUINT;
  auto fits = [&](const IntakeTrack &track) {
    return !track.linked && static_cast<int>(track.payload) == payload &&
           g_strcmp0(media, kindName(track.kind)) == 0;
  };
  for (auto &track : tracks_)
    if (fits(*track) && track->line == line) return track.get();
  for (auto &track : tracks_)
    if (fits(*track)) return track.get();
  return nullptr;
}

void Intake::drain(GstPad *pad) {
  auto sink = Ref<GstPad>::sink(gst_pad_new(nullptr, GST_PAD_SINK));
  gst_pad_set_chain_function(sink.get(), [](GstPad *, GstObject *, GstBuffer *buffer) {
    Ref<GstBuffer>::take(buffer).reset();
    return GST_FLOW_OK;
  });
  gst_pad_set_active(sink.get(), TRUE);
  gst_pad_link(pad, sink.get());
  Lock lock(mutex_);
  drains_.push_back(std::move(sink));
}

/// All of them before the first buffer, so that the application can link each, and knows how many
/// tracks there are, before data flows.
void Intake::expose() {
  std::vector<Ref<GstPad>> pads;
  {
    Lock lock(mutex_);
    if (closed_) return;
    for (auto &track : tracks_) {
      if (!track->sometimes || track->exposed) continue;
      track->exposed = true;
      pads.push_back(track->outlet);
    }
    exposing_ = true;
  }
  for (auto &pad : pads)
    element_.addSometimesPad(pad.get());
  Lock lock(mutex_);
  exposed_.notifyAll();
  exposing_ = false;
}

void Intake::retire(GstPad *outlet) {
  {
    Lock lock(mutex_);
    auto found = std::find_if(tracks_.begin(), tracks_.end(),
                              [=](const auto &track) { return track->outlet.get() == outlet; });
    if (found == tracks_.end() || !(*found)->exposed) return;
    (*found)->exposed = false;
    while (exposing_)
      exposed_.wait(mutex_);
  }
  element_.removeSometimesPad(outlet);
}

bool Intake::link(GstPad *pad) {
  Ref<GstPad> rtpSink;
  bool tooMany = false;
  {
    Lock lock(mutex_);
    if (IntakeTrack *track = closed_ ? nullptr : find(pad)) {
      track->linked = true;
      rtpSink = track->rtpSink;
    } else {
      tooMany = ++surplus_ > kMaxSurplus;
    }
  }
  if (!rtpSink) {
    drain(pad);
    return !tooMany;
  }
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, rtpSink.get())))
    GST_WARNING_OBJECT(pad, "could not be linked to %s", GST_PAD_NAME(rtpSink.get()));
  return true;
}

void Intake::close() {
  Lock lock(mutex_);
  closed_ = true;
  for (auto &track : tracks_)
    track->inlet->close();
}

void Intake::open(std::chrono::microseconds audioPatience) {
  Lock lock(mutex_);
  startLine_.audioPatience = audioPatience.count();
  openedAt_ = g_get_monotonic_time();
  startLine_.verified = true;
}

bool Intake::begun() const {
  Lock lock(mutex_);
  return std::any_of(tracks_.begin(), tracks_.end(),
                     [](const auto &track) { return track->gate->isOpen(); });
}

std::vector<Intake::Quiet> Intake::quietTracks() const {
  gint64 now = g_get_monotonic_time();
  std::vector<Quiet> result;
  Lock lock(mutex_);
  if (!openedAt_ || closed_) return result;
  for (auto &track : tracks_) {
    gint64 silence = now - std::max(track->inlet->lastArrival(), openedAt_);
    if (silence < kQuiet || track->inlet->isBusy()) continue;
    result.push_back({track->line, track->outlet, track->rtpSink, track->inlet, track->linked,
                      track->sometimes, std::chrono::microseconds(silence)});
  }
  return result;
}

bool Intake::keyframeMissing() const {
  Lock lock(mutex_);
  return std::any_of(tracks_.begin(), tracks_.end(), [](const auto &track) {
    return track->linked && track->kind == MediaKind::Video && !track->gate->isOpen();
  });
}

void Intake::askForKeyframes(bool onlyWhereMissing) {
  std::vector<std::pair<std::shared_ptr<Inlet>, std::shared_ptr<Gate>>> asked;
  {
    Lock lock(mutex_);
    for (auto &track : tracks_)
      if (track->linked && track->kind == MediaKind::Video)
        asked.emplace_back(track->inlet, track->gate);
  }
  for (auto &[inlet, gate] : asked) {
    if (onlyWhereMissing)
      gate->askAgain();
    else
      inlet->requestKeyframe(Inlet::Request::Now);
  }
}

gint64 Intake::lastArrival() const {
  Lock lock(mutex_);
  gint64 last = 0;
  for (auto &track : tracks_)
    last =
        std::max(last, track->inlet->isBusy() ? lastPacket_->load() : track->inlet->lastArrival());
  return last;
}

std::vector<Intake::Output> Intake::outputs() const {
  Lock lock(mutex_);
  std::vector<Output> result;
  for (auto &track : tracks_)
    result.push_back({track->outlet, track->inlet, track->sometimes});
  return result;
}

}  // namespace gws
