// SPDX-License-Identifier: LGPL-2.1-or-later
// How webrtcbin's RTP elements are set up for one publisher.
#include <algorithm>

#include "gstjitterbuffer.h"
#include "publisher.h"

namespace gws {

/// libwebrtc's own receivers take 50 to 250 ms.
constexpr GstClockTime kFeedbackInterval = 100 * GST_MSECOND;

/// AVPF knows no 5 s between reports (RFC 4585, section 3.4), and who watches loss and round trip
/// wants them every second. rtpsession puts early feedback before reports for an interval that
/// follows from its bandwidth, and transport-cc asks for feedback with every picture: with the
/// little bandwidth that it finds out by itself, it sends nothing else, and often never a report.
/// Feedback with each of 30 pictures a second costs more than it tells. But `interval` is for an
/// agent that stamps its packets: rtpsession (1.22 to 1.26) counts up in intervals to the running
/// time of each, for ever where there is none, as at a teardown.
static void configureRtcp(GstElement *session, GstClockTime interval) {
  constexpr double kBytesPerSecond = 2e7;
  g_object_set(session, "rtcp-min-interval", guint64(GST_SECOND), "bandwidth", kBytesPerSecond,
               nullptr);
  auto rtp = Ref<GObject>::take(getProperty<GObject *>(session, "internal-session"));
  g_object_set(rtp.get(), "twcc-feedback-interval", interval, nullptr);
}

static Ref<GstElement> rtpbinOf(GstElement *webrtcbin) {
  return Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(webrtcbin), "rtpbin"));
}

/// Feedback without an empty report before it (RFC 5506), where each section of the one session
/// offers it; Firefox's audio does not. webrtcbin does not write it into its own answers.
void Publisher::reduceRtcp() {
  for (const Line &line : lines_)
    if (!offer_.media[line.selection.media].reducedRtcp) return;
  auto rtpbin = rtpbinOf(webrtcbin_.get());
  if (!rtpbin) return;
  GObject *bundle = nullptr;
  g_signal_emit_by_name(rtpbin.get(), "get-internal-session", 0u, &bundle);
  if (auto session = Ref<GObject>::take(bundle))
    g_object_set(session.get(), "rtcp-reduced-size", TRUE, nullptr);
}

/// Browsers send no sound again, and do not offer it.
bool Publisher::isSentAgain(std::uint32_t ssrc) const {
  for (const Line &line : lines_) {
    const OfferedMedia &section = offer_.media[line.selection.media];
    if (section.kind() == MediaKind::Video || section.codecs[line.selection.codec].nack) continue;
    for (const OfferedSource &source : section.sources)
      if (source.ssrc == ssrc) return false;
  }
  return true;
}

GstClockTime Publisher::feedbackInterval() const {
  return settings_.iceAgent == IceAgent::SinglePort ? kFeedbackInterval : GST_CLOCK_TIME_NONE;
}

/// Whether something is asked for at all webrtcbin decides without regard to the SSRC, and not at
/// all where the offer did not list it.
void Publisher::configureJitterBuffer(GstElement *buffer, std::uint32_t ssrc) {
  g_object_set(buffer, "do-retransmission", settings_.doRetransmission && isSentAgain(ssrc),
               nullptr);
}

/// What comes here has passed SRTP's authentication; what downstream does is not felt yet.
void Publisher::watchArrival(GstPad *pad) {
  struct Arrival {
    std::shared_ptr<std::atomic<gint64>> last;
    std::shared_ptr<Traffic> traffic;
  };
  auto onData = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    const auto *arrival = static_cast<Arrival *>(data);
    const gint64 now = g_get_monotonic_time();
    *arrival->last = now;
    arrival->traffic->onRtp(info, now);
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(pad,
                    GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
                    onData, new Arrival{intake_->lastPacket(), traffic_},
                    [](gpointer arrival) { delete static_cast<Arrival *>(arrival); });
}

/// Leaves it without links, and links what was before and behind it.
static void passBy(GstElement *element) {
  auto sink = Ref<GstPad>::take(gst_element_get_static_pad(element, "sink"));
  auto src = Ref<GstPad>::take(gst_element_get_static_pad(element, "src"));
  auto before = Ref<GstPad>::take(gst_pad_get_peer(sink.get()));
  auto behind = Ref<GstPad>::take(gst_pad_get_peer(src.get()));
  if (!before || !behind) return;
  gst_pad_unlink(before.get(), sink.get());
  gst_pad_unlink(src.get(), behind.get());
  gst_pad_link_full(before.get(), behind.get(), GST_PAD_LINK_CHECK_NOTHING);
}

/// Each packet passes what is there for RED and ULPFEC, which the answer never has.
static void passByErrorCorrection(GstElement *rtpbin) {
  const auto visit = [](const GValue *item, gpointer) {
    passBy(GST_ELEMENT(g_value_get_object(item)));
  };
  for (const char *factory : {"rtpreddec", "rtpstorage"}) {
    Owned<GstIterator, gst_iterator_free> found(
        gst_bin_iterate_all_by_element_factory_name(GST_BIN(rtpbin), factory));
    while (gst_iterator_foreach(found.get(), visit, nullptr) == GST_ITERATOR_RESYNC)
      gst_iterator_resync(found.get());
  }
}

void Publisher::watchRtpbin() {
  auto rtpbin = rtpbinOf(webrtcbin_.get());
  if (!rtpbin) return;
  g_object_set(rtpbin.get(), "add-reference-timestamp-meta", settings_.addReferenceTimestampMeta,
               nullptr);
  auto request = +[](GstElement *, guint, gpointer) { return makeJitterBuffer().release(); };
  connect(rtpbin.get(), "request-jitterbuffer", G_CALLBACK(request));
  auto jitterbuffer = +[](GstElement *, GstElement *buffer, guint, guint ssrc, gpointer data) {
    if (auto self = lock(data)) self->configureJitterBuffer(buffer, ssrc);
  };
  connect(rtpbin.get(), "new-jitterbuffer", G_CALLBACK(jitterbuffer));
  auto padAdded = +[](GstElement *rtpbin, GstPad *pad, gpointer data) {
    auto self = lock(data);
    if (!self) return;
    if (g_str_has_prefix(GST_PAD_NAME(pad), "recv_rtp_sink")) {
      passByErrorCorrection(rtpbin);
      self->watchArrival(pad);
    }
    self->traffic_->watchRtcp(pad);
  };
  connect(rtpbin.get(), "pad-added", G_CALLBACK(padAdded));
  auto added = +[](GstBin *, GstElement *element, gpointer data) {
    auto self = lock(data);
    if (self && g_str_has_prefix(GST_OBJECT_NAME(element), "rtpsession"))
      configureRtcp(element, self->feedbackInterval());
  };
  connect(rtpbin.get(), "element-added", G_CALLBACK(added));
}

}  // namespace gws
