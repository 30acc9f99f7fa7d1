// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher's pads: kept in time while nothing comes, released at its end.
#include <algorithm>

#include "gstwebrtcpublishpad.h"
#include "media.h"
#include "publisher.h"
#include "track.h"

namespace gws {

constexpr std::chrono::milliseconds kBacklogPatience(2000);

void Publisher::takeCare() {
  intake_->askForKeyframes(true);
  if (!opened_) return;
  skipUnfedPads();
  for (const Intake::Quiet &quiet : intake_->quietTracks())
    if (gst_pad_is_linked(quiet.outlet.get())) keepQuietTrack(quiet);
}

void Publisher::skipUnfedPads() {
  // With reconnect-timeout=-1 no pad gets EOS for a publisher's sake.
  for (auto &outlet : unfed_)
    if (publishPadTrack(outlet.get())->skip(nullptr, settings_.reconnectTimeoutMs < 0))
      keepTime(outlet.get(), Afterwards::Keep);
}

/// Downstream of a quiet track, above all a muxer, must not wait for it: GAP events keep its time.
/// They need caps; a picture of which nothing is known after the inactivity timeout is given up.
void Publisher::keepQuietTrack(const Intake::Quiet &quiet) {
  Track *track = publishPadTrack(quiet.outlet.get());
  if (!quiet.inlet->caps() && track->kind() == MediaKind::Audio) tellCaps(quiet);
  bool patient = !quiet.sometimes && settings_.reconnectTimeoutMs < 0;
  bool hopeless = quiet.silence > std::chrono::milliseconds(settings_.inactivityTimeoutMs);
  if (track->cover(quiet.inlet) ||
      (hopeless && !quiet.inlet->lastArrival() && track->skip(quiet.inlet, patient)))
    keepTime(quiet.outlet.get(), Afterwards::Keep);
}

/// What audio will be like follows from the negotiation: the depayloader tells from the RTP caps.
void Publisher::tellCaps(const Intake::Quiet &quiet) {
  if (quiet.inlet->form() == Form::Raw) {
    auto accepted = Ref<GstCaps>::take(gst_pad_peer_query_caps(quiet.outlet.get(), nullptr));
    if (auto caps = likelyCaps(MediaKind::Audio, accepted.get())) quiet.inlet->setCaps(caps.get());
  } else if (!quiet.linked) {
    auto caps = Ref<GstCaps>::take(
        gst_caps_from_string(receiveCaps(offer_, lines_[quiet.line].selection).c_str()));
    gst_pad_send_event(quiet.rtpSink.get(), gst_event_new_stream_start(id().c_str()));
    gst_pad_send_event(quiet.rtpSink.get(), gst_event_new_caps(caps.get()));
  }
}

/// Each pad has a job of its own, so that a pad whose downstream blocks holds up nothing.
void Publisher::keepTime(GstPad *outlet, Afterwards afterwards) {
  std::chrono::milliseconds latency(settings_.latencyMs);
  workers_.run([self = shared_from_this(), pad = Ref<GstPad>::share(outlet), latency, afterwards] {
    publishPadTrack(pad.get())->keepTime(latency);
    if (afterwards == Afterwards::Retire) self->intake_->retire(pad.get());
  });
}

/// A muxer that waited for one track lets the others go when that one has ended.
void Publisher::releasePads(End how) {
  std::vector<Intake::Output> heldUp;
  for (Intake::Output &output : intake_->outputs()) {
    if (how.backlog && publishPadTrack(output.outlet.get())->isHeldUp())
      heldUp.push_back(std::move(output));
    else
      releasePad(output, how);
  }
  if (opened_)
    for (auto &outlet : unfed_)
      publishPadTrack(outlet.get())->unskip(how.wait);
  auto patience = std::max(how.wait.value_or(kBacklogPatience), std::chrono::milliseconds(0));
  for (Intake::Output &output : heldUp) {
    publishPadTrack(output.outlet.get())->drain(patience + kBacklogPatience);
    releasePad(output, how);
  }
}

void Publisher::releasePad(const Intake::Output &output, End how) {
  output.inlet->close();
  GstPad *outlet = output.outlet.get();
  if ((opened_ || output.sometimes) &&
      publishPadTrack(outlet)->end(output.inlet, output.sometimes ? std::nullopt : how.wait))
    keepTime(outlet, Afterwards::Retire);
  else
    intake_->retire(outlet);
}

}  // namespace gws
