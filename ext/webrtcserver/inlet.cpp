// SPDX-License-Identifier: LGPL-2.1-or-later
// The pad functions at the end of a publisher's chain.
#include "inlet.h"

#include <gst/video/video.h>

#include "media.h"
#include "track.h"

namespace gws {

constexpr gint64 kRequestIntervalUs = 500'000;

Inlet::Inlet(std::shared_ptr<const Publication> publication, CodecId codec, Form form,
             std::string mid, std::string msid)
    : publication_(std::move(publication)),
      codec_(codec),
      form_(form),
      mid_(std::move(mid)),
      msid_(std::move(msid)),
      pad_(Ref<GstPad>::sink(gst_pad_new("inlet", GST_PAD_SINK))) {
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  GstPad *pad = pad_.get();
  gst_pad_set_chain_function_full(pad, chain, this, nullptr);
  gst_pad_set_event_function_full(pad, event, this, nullptr);
  gst_pad_set_query_function_full(pad, query, this, nullptr);
}

Inlet::~Inlet() { gst_pad_set_active(pad_.get(), FALSE); }

void Inlet::connect(std::shared_ptr<Inlet> self, GstPad *outlet, Track *track) {
  self_ = self;
  outlet_ = Ref<GstPad>::share(outlet);
  track_ = track;
  gst_pad_set_active(pad_.get(), TRUE);
}

void Inlet::requestKeyframe(Request request) {
  gint64 now = g_get_monotonic_time();
  if (request == Request::NowAndThen && now - lastRequest_ < kRequestIntervalUs) return;
  lastRequest_ = now;
  gst_pad_push_event(pad_.get(),
                     gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

bool Inlet::carriesWholeFrames() const {
  Ref<GstCaps> caps = this->caps();
  if (form_ == Form::Rtp || !caps) return false;
  const char *alignment =
      gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "alignment");
  return g_strcmp0(alignment, "nal") != 0;
}

/// rtpopusdepay says the rate from 1.24 on; some muxers want it.
void Inlet::setCaps(GstCaps *caps) {
  Ref<GstCaps> kept = Ref<GstCaps>::share(caps);
  if (codec_ == CodecId::Opus && form_ == Form::Encoded &&
      !gst_structure_has_field(gst_caps_get_structure(caps, 0), "rate")) {
    kept = Ref<GstCaps>::take(gst_caps_make_writable(kept.release()));
    gst_caps_set_simple(kept.get(), "rate", G_TYPE_INT, 48000, nullptr);
  }
  Lock lock(mutex_);
  std::swap(caps_, kept);
}

void Inlet::learnReferenceTime(GstBuffer *packet) {
  const auto *meta = gst_buffer_get_reference_timestamp_meta(packet, nullptr);
  if (!meta || !GST_BUFFER_PTS_IS_VALID(packet)) return;
  ReferenceTime learnt{Ref<GstCaps>::share(meta->reference), GST_BUFFER_PTS(packet),
                       meta->timestamp};
  Lock lock(mutex_);
  reference_ = std::move(learnt);
}

Ref<GstBuffer> Inlet::withReferenceTime(Ref<GstBuffer> buffer) {
  std::optional<ReferenceTime> reference;
  {
    Lock lock(mutex_);
    reference = reference_;
  }
  if (!reference || !GST_BUFFER_PTS_IS_VALID(buffer.get()) ||
      gst_buffer_get_reference_timestamp_meta(buffer.get(), reference->clock.get()))
    return buffer;
  buffer = Ref<GstBuffer>::take(gst_buffer_make_writable(buffer.release()));
  gst_buffer_add_reference_timestamp_meta(
      buffer.get(), reference->clock.get(),
      reference->time + GST_CLOCK_DIFF(reference->pts, GST_BUFFER_PTS(buffer.get())),
      GST_CLOCK_TIME_NONE);
  return buffer;
}

GstFlowReturn Inlet::chain(GstPad *pad, GstObject *, GstBuffer *buffer) {
  auto *self = static_cast<Inlet *>(pad->chaindata);
  auto owned = Ref<GstBuffer>::take(buffer);
  self->lastArrival_ = g_get_monotonic_time();
  self->busy_ = true;
  if (auto inlet = self->self_.lock(); inlet && !self->closed_)
    self->track_->push(inlet, self->withReferenceTime(std::move(owned)));
  self->busy_ = false;
  return GST_FLOW_OK;
}

gboolean Inlet::event(GstPad *pad, GstObject *, GstEvent *event) {
  return static_cast<Inlet *>(pad->eventdata)->handleEvent(Ref<GstEvent>::take(event));
}

bool Inlet::handleEvent(Ref<GstEvent> event) {
  switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event.get(), &segment_);
      return true;
    case GST_EVENT_CAPS: {
      GstCaps *caps;
      gst_event_parse_caps(event.get(), &caps);
      setCaps(caps);
      break;
    }
    case GST_EVENT_GAP:
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      break;
    default:
      return true;  // the pad has a stream-start, tags and an end of its own
  }
  if (auto inlet = self_.lock(); inlet && !closed_) track_->pushEvent(inlet, std::move(event));
  return true;
}

/// What downstream accepts of what this track can be; the codec's preferred form comes first.
Ref<GstCaps> Inlet::acceptableCaps() const {
  if (form_ != Form::Encoded)
    return Ref<GstCaps>::take(gst_pad_peer_query_caps(outlet_.get(), nullptr));
  Ref<GstCaps> forms = encodedCaps(codec(codec_));
  Ref<GstCaps> peer = Ref<GstCaps>::take(gst_pad_peer_query_caps(outlet_.get(), forms.get()));
  return Ref<GstCaps>::take(
      gst_caps_intersect_full(forms.get(), peer.get(), GST_CAPS_INTERSECT_FIRST));
}

bool Inlet::answerCaps(GstQuery *query) {
  GstCaps *filter;
  gst_query_parse_caps(query, &filter);
  Ref<GstCaps> caps = acceptableCaps();
  if (filter)
    caps =
        Ref<GstCaps>::take(gst_caps_intersect_full(caps.get(), filter, GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result(query, caps.get());
  return true;
}

gboolean Inlet::query(GstPad *pad, GstObject *parent, GstQuery *query) {
  auto *self = static_cast<Inlet *>(pad->querydata);
  if (!self->outlet_) return FALSE;
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CAPS:
      return self->answerCaps(query);
    case GST_QUERY_ACCEPT_CAPS:
      // Downstream says no by itself when the caps event comes; a pad without a peer takes all.
      gst_query_set_accept_caps_result(query, TRUE);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      // It waits in a queue behind what came before, and that may wait for another track. Decoders
      // ask when their first picture is through the gate; for encoded frames there is no use in it.
      return self->form_ == Form::Raw && gst_pad_peer_query(self->outlet_.get(), query);
    default:
      return gst_pad_query_default(pad, parent, query);
  }
}

}  // namespace gws
