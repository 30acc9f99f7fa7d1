// SPDX-License-Identifier: LGPL-2.1-or-later
// The gate's probe and its key frame requests.
#include "gate.h"

#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

#include "rtp_keyframe.h"

namespace gws {

constexpr gint64 kRequestIntervalUs = 500'000;
constexpr std::size_t kMaxHeld = 1000;  // 20 s of audio in its usual packets

Gate::Gate(Ref<GstPad> pad, CodecId codec, Form form, StartLine &line,
           std::shared_ptr<FrameMeter> frames)
    : pad_(std::move(pad)), codec_(codec), form_(form), line_(line), frames_(std::move(frames)) {
  if (isVideo()) line_.videoAhead = true;
  auto onData = [](GstPad *, GstPadProbeInfo *info, gpointer self) {
    auto *gate = static_cast<Gate *>(self);
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
      gate->onEvent(GST_PAD_PROBE_INFO_EVENT(info));
      return GST_PAD_PROBE_OK;
    }
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
      return gate->onBuffer(GST_PAD_PROBE_INFO_BUFFER(info));
    return gate->isOpen() ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  };
  auto types = GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                               GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  probe_ = gst_pad_add_probe(pad_.get(), types, onData, this, nullptr);
}

Gate::~Gate() { gst_pad_remove_probe(pad_.get(), probe_); }

bool Gate::isVideo() const { return gws::codec(codec_).kind == MediaKind::Video; }

bool Gate::isKeyframe(GstBuffer *buffer) const {
  if (form_ != Form::Rtp) return !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp)) return false;
  bool begins = beginsKeyframe(codec_, {static_cast<guint8 *>(gst_rtp_buffer_get_payload(&rtp)),
                                        gst_rtp_buffer_get_payload_len(&rtp)});
  gst_rtp_buffer_unmap(&rtp);
  return begins;
}

void Gate::onEvent(GstEvent *event) {
  if (!isVideo() || GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  int width = 0, height = 0;
  if (gst_structure_get(structure, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height,
                        nullptr) &&
      width > 0 && height > 0)
    frames_->setSize(static_cast<unsigned>(width), static_cast<unsigned>(height));
  const char *alignment = gst_structure_get_string(structure, "alignment");
  frames_->setWholeFrames(form_ != Form::Rtp && g_strcmp0(alignment, "nal") != 0);
}

/// A frame comes as one buffer, or as several with one time.
void Gate::measure(GstBuffer *buffer) {
  if (isVideo() && frames_->begins(GST_BUFFER_PTS(buffer)))
    frames_->onFrame(isKeyframe(buffer), g_get_monotonic_time());
}

GstPadProbeReturn Gate::onBuffer(GstBuffer *buffer) {
  measure(buffer);
  if (open_) {
    if (isVideo()) mend(buffer);
    return GST_PAD_PROBE_OK;
  }
  if (!line_.verified) return GST_PAD_PROBE_DROP;
  return isVideo() ? onVideo(buffer) : onAudio(buffer);
}

/// After a loss, until a key frame: depayloaders ask once, and the request may be lost as well.
void Gate::mend(GstBuffer *buffer) {
  if (!broken_) {
    if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) || isKeyframe(buffer)) return;
    broken_ = true;
    if (form_ != Form::Rtp) lastRequest_ = g_get_monotonic_time();  // the depayloader has asked
  }
  broken_ = !isKeyframe(buffer);
  if (broken_) ask();
}

GstPadProbeReturn Gate::onVideo(GstBuffer *buffer) {
  if (!isKeyframe(buffer)) {
    ask();
    return GST_PAD_PROBE_DROP;
  }
  line_.videoBegin = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : 0;
  line_.videoAhead = false;
  open_ = true;
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Gate::onAudio(GstBuffer *buffer) {
  gint64 now = g_get_monotonic_time();
  if (!heldSince_) heldSince_ = now;
  if (line_.videoAhead && now - heldSince_ < line_.audioPatience) {
    held_.push_back(Ref<GstBuffer>::share(buffer));
    if (held_.size() > kMaxHeld) held_.pop_front();
    return GST_PAD_PROBE_DROP;
  }
  open_ = true;
  releaseHeld();
  return GST_PAD_PROBE_OK;
}

/// What was kept goes first, but nothing from before the first picture.
void Gate::releaseHeld() {
  for (auto &buffer : std::exchange(held_, {})) {
    if (GST_BUFFER_PTS(buffer.get()) < line_.videoBegin) continue;
    if (GST_PAD_IS_SRC(pad_.get()))
      gst_pad_push(pad_.get(), buffer.release());
    else
      gst_pad_chain(pad_.get(), buffer.release());
  }
}

void Gate::ask() {
  gint64 now = g_get_monotonic_time();
  if (now - lastRequest_ < kRequestIntervalUs) return;
  lastRequest_ = now;
  GstEvent *request = gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0);
  if (GST_PAD_IS_SRC(pad_.get()))
    gst_pad_send_event(pad_.get(), request);
  else
    gst_pad_push_event(pad_.get(), request);
}

/// The first key frame may be under way still when this is called first.
void Gate::askAgain() {
  if (open_ || !isVideo()) return;
  const gint64 now = g_get_monotonic_time();
  gint64 never = 0;
  if (missingSince_.compare_exchange_strong(never, now)) return;
  if (now - missingSince_ >= kRequestIntervalUs) ask();
}

}  // namespace gws
