// SPDX-License-Identifier: LGPL-2.1-or-later
// Linking of webrtcbin's pads.
#include "intake.h"

#include <gst/webrtc/webrtc.h>

#include <algorithm>

#include "gstwebrtcpublishpad.h"
#include "log.h"
#include "rtp_extension.h"

GWS_LOG_CATEGORY("webrtcserver-intake", "which RTP stream goes to which pad");

namespace gws {

constexpr unsigned kMaxSurplus = 8;
constexpr unsigned kPacketsWithoutMid = 100;
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

/// What webrtcbin says of a pad.
struct Intake::RtpStream {
  std::string media;
  int payload = -1;
  unsigned line = G_MAXUINT;  ///< the first one's, where webrtcbin does not know the SSRC

  explicit RtpStream(GstPad *pad) {
    if (auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad))) {
      const GstStructure *structure = gst_caps_get_structure(caps.get(), 0);
      if (const char *name = gst_structure_get_string(structure, "media")) media = name;
      gst_structure_get_int(structure, "payload", &payload);
    }
    if (auto transceiver = Ref<GObject>::take(getProperty<GObject *>(pad, "transceiver")))
      line = getProperty<guint>(transceiver.get(), "mlineindex");
  }
  bool fits(const IntakeTrack &track) const {
    return !track.linked && static_cast<int>(track.payload) == payload &&
           media == kindName(track.kind);
  }
};

/// The track that an RTP stream belongs to: by its MID if it is known, by its m-line where the
/// offer listed its SSRC, else the first free one with its kind and payload type (RFC 8843,
/// section 9.2).
IntakeTrack *Intake::find(const RtpStream &stream, std::string_view mid) {
  const auto first = [&](auto matches) REQUIRES(mutex_) -> IntakeTrack * {
    for (auto &track : tracks_)
      if (stream.fits(*track) && matches(*track)) return track.get();
    return nullptr;
  };
  if (!mid.empty()) return first([&](const IntakeTrack &track) { return track.mid == mid; });
  IntakeTrack *announced =
      first([&](const IntakeTrack &track) { return track.announced && track.line == stream.line; });
  return announced ? announced : first([](const IntakeTrack &) { return true; });
}

/// The extension that tells which of several tracks a stream is of; 0: there is nothing to ask, or
/// no extension.
unsigned Intake::midIdFor(const RtpStream &stream) {
  unsigned candidates = 0, midId = 0;
  for (auto &track : tracks_) {
    if (!stream.fits(*track)) continue;
    if (track->announced && track->line == stream.line) return 0;
    candidates++;
    midId = std::max(midId, track->midId);
  }
  return candidates > 1 ? midId : 0;
}

/// A pad whose track its packets have to tell. Owned by its probe; the intake outlives webrtcbin.
struct Intake::Undecided {
  Intake &intake;
  const unsigned midId;
  unsigned patience = kPacketsWithoutMid;
};

/// Until then they are dropped: a video that begins so gets its key frame when it is asked for. Who
/// negotiates the extension and does not send it is taken by its order.
GstPadProbeReturn Intake::onUndecided(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *undecided = static_cast<Undecided *>(data);
  GstMapInfo map;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return GST_PAD_PROBE_DROP;
  std::string mid;
  if (auto header = readRtpHeader({map.data, map.size}))
    mid = rtpExtension(*header, undecided->midId);
  gst_buffer_unmap(buffer, &map);
  if (mid.empty() && --undecided->patience > 0) return GST_PAD_PROBE_DROP;
  // One that is too much is drained here; the next pad's link() reports it.
  if (!undecided->intake.link(pad, mid)) GST_INFO_OBJECT(pad, "one RTP stream too many");
  return GST_PAD_PROBE_REMOVE;
}

/// Blocking probes come before the pad looks for what it is linked to.
void Intake::awaitMid(GstPad *pad, unsigned midId) {
  gst_pad_add_probe(pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
                    onUndecided, new Undecided{*this, midId},
                    [](gpointer data) { delete static_cast<Undecided *>(data); });
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
  const RtpStream stream(pad);
  unsigned midId;
  {
    Lock lock(mutex_);
    midId = midIdFor(stream);
  }
  if (!midId) return link(pad, "");
  awaitMid(pad, midId);
  return true;
}

bool Intake::link(GstPad *pad, std::string_view mid) {
  const RtpStream stream(pad);
  Ref<GstPad> rtpSink;
  bool tooMany = false;
  {
    Lock lock(mutex_);
    if (IntakeTrack *track = closed_ ? nullptr : find(stream, mid)) {
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
