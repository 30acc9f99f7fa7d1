// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets, frames and requests brought to the tracks that they belong to.
#include "traffic.h"

#include "rtcp_report.h"

namespace gws {

/// The least time between two regular reports (RFC 3550, section 6.3.1), each of which has it then;
/// those of an offer without reduced-size RTCP come with all feedback as well.
constexpr gint64 kReferenceIntervalUs = 500'000;
constexpr gint64 kSampleUs = 1'000'000;

/// One SSRC.
struct Traffic::Flow {
  Flow(std::uint32_t ssrc, unsigned payload, bool repairs, unsigned clockRate)
      : ssrc(ssrc), payload(payload), repairs(repairs), meter(clockRate) {}

  const std::uint32_t ssrc;
  const unsigned payload;
  const bool repairs;  ///< it carries retransmissions
  RtpMeter meter;
  std::atomic<Flow *> repaired = nullptr;  ///< by this one; found out by its packets
};

struct Traffic::Line {
  TrafficTrack track;
  const std::shared_ptr<FrameMeter> frames = std::make_shared<FrameMeter>();
  std::atomic<std::uint32_t> ssrc = 0;  ///< what its pad was linked to, 0: not yet
  Figure<std::uint64_t> nacks, plis, firs;
  std::uint64_t bytesBefore = 0, framesBefore = 0;  ///< at the last sample
  std::uint64_t bitrate = 0;
  double frameRate = 0;
};

Traffic::Traffic() = default;
Traffic::~Traffic() = default;

template <typename T>
static void deleteShared(gpointer data) {
  delete static_cast<std::shared_ptr<T> *>(data);
}

std::shared_ptr<FrameMeter> Traffic::add(TrafficTrack track, GstPad *rtpSink) {
  auto line = std::make_unique<Line>();
  line->track = std::move(track);
  auto frames = line->frames;
  struct Watch {
    std::shared_ptr<Traffic> traffic;
    Line *line;  ///< lives as long
  };
  // rtpbin's demultiplexers write the SSRC into the caps.
  auto onEvent = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps *caps;
    guint ssrc = 0;
    gst_event_parse_caps(event, &caps);
    if (!gst_structure_get_uint(gst_caps_get_structure(caps, 0), "ssrc", &ssrc))
      return GST_PAD_PROBE_OK;
    static_cast<Watch *>(data)->line->ssrc = ssrc;
    return GST_PAD_PROBE_REMOVE;
  };
  gst_pad_add_probe(rtpSink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, onEvent,
                    new Watch{shared_from_this(), line.get()},
                    [](gpointer data) { delete static_cast<Watch *>(data); });
  Lock lock(mutex_);
  lines_.push_back(std::move(line));
  return frames;
}

void Traffic::setPath(std::shared_ptr<MediaPath> path) {
  Lock lock(mutex_);
  path_ = std::move(path);
}

// --- RTP -----------------------------------------------------------------------------------------

void Traffic::onRtp(GstPadProbeInfo *info, gint64 now) {
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) return count(GST_PAD_PROBE_INFO_BUFFER(info), now);
  GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
  for (guint i = 0; i < gst_buffer_list_length(list); i++)
    count(gst_buffer_list_get(list, i), now);
}

void Traffic::count(GstBuffer *buffer, gint64 now) {
  GstRTPBuffer packet = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(buffer, GST_MAP_READ, &packet)) return;
  // It may have waited for the network thread.
  const GstClockTime arrival = GST_BUFFER_DTS_OR_PTS(buffer);
  if (GST_CLOCK_TIME_IS_VALID(arrival)) now = static_cast<gint64>(GST_TIME_AS_USECONDS(arrival));
  if (Flow *flow = flowOf(packet)) {
    flow->meter.onPacket({gst_rtp_buffer_get_seq(&packet), gst_rtp_buffer_get_timestamp(&packet),
                          gst_rtp_buffer_get_payload_len(&packet)},
                         now);
    if (flow->repairs) countRepair(*flow, packet);
  }
  gst_rtp_buffer_unmap(&packet);
}

/// What a track's pad was linked to.
Traffic::Flow *Traffic::flowOf(const Line &line) const {
  const std::uint32_t ssrc = line.ssrc;
  return ssrc ? findFlow(ssrc) : nullptr;
}

Traffic::Flow *Traffic::findFlow(std::uint32_t ssrc) const {
  const std::size_t count = flowCount_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; i++)
    if (flows_[i]->ssrc == ssrc) return flows_[i].get();
  return nullptr;
}

/// Nothing where one publisher has more SSRCs than there is room for.
Traffic::Flow *Traffic::flowOf(GstRTPBuffer &packet) {
  const std::uint32_t ssrc = gst_rtp_buffer_get_ssrc(&packet);
  if (Flow *known = findFlow(ssrc)) return known;
  const std::size_t count = flowCount_;
  if (count == kMaxFlows) return nullptr;
  const unsigned payload = gst_rtp_buffer_get_payload_type(&packet);
  bool repairs = false;
  unsigned clockRate = 90000;
  {
    Lock lock(mutex_);
    for (const auto &line : lines_) {
      if (line->track.payload == payload) clockRate = codec(line->track.codec).clockRate;
      if (line->track.rtxPayload == payload) repairs = true;
    }
  }
  flows_[count] = std::make_unique<Flow>(ssrc, payload, repairs, clockRate);
  flowCount_.store(count + 1, std::memory_order_release);
  return flows_[count].get();
}

/// RFC 4588, section 4. Packets that only probe the bandwidth repair nothing: they have no payload,
/// or one that arrived before.
void Traffic::countRepair(Flow &flow, GstRTPBuffer &packet) {
  constexpr guint kSequenceBytes = 2;
  if (gst_rtp_buffer_get_payload_len(&packet) < kSequenceBytes) return;
  const std::uint16_t sequence = GST_READ_UINT16_BE(gst_rtp_buffer_get_payload(&packet));
  if (!flow.repaired) flow.repaired = repairedBy(flow, sequence);
  if (Flow *repaired = flow.repaired) repaired->meter.onRepair(sequence);
}

/// The stream whose retransmissions these are: as the offer says, else the only one that can be, or
/// the only one that misses this packet.
Traffic::Flow *Traffic::repairedBy(const Flow &flow, std::uint16_t sequence) {
  std::vector<Flow *> candidates;
  {
    Lock lock(mutex_);
    for (const auto &line : lines_) {
      Flow *media = flowOf(*line);
      if (!media || line->track.rtxPayload != flow.payload) continue;
      if (line->track.rtxSsrc == flow.ssrc) return media;
      if (!line->track.rtxSsrc) candidates.push_back(media);
    }
  }
  if (candidates.size() == 1) return candidates.front();
  std::erase_if(candidates, [=](Flow *media) { return !media->meter.isMissing(sequence); });
  return candidates.size() == 1 ? candidates.front() : nullptr;
}

// --- RTCP ----------------------------------------------------------------------------------------

/// How long ago it came to this machine, µs.
static gint64 ageOf(GstPad *pad, GstBuffer *buffer) {
  const auto element = Ref<GstElement>::take(gst_pad_get_parent_element(pad));
  if (!element) return 0;
  const GstClockTime now = gst_element_get_current_running_time(element.get()),
                     arrival = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(arrival) || arrival > now) return 0;
  return static_cast<gint64>(GST_TIME_AS_USECONDS(now - arrival));
}

void Traffic::watchRtcp(GstPad *pad) {
  using Shared = std::shared_ptr<Traffic>;
  const bool out = g_str_has_prefix(GST_PAD_NAME(pad), "send_rtcp_src");
  if (!out && !g_str_has_prefix(GST_PAD_NAME(pad), "recv_rtcp_sink")) return;
  auto onOut = [](GstPad *, GstPadProbeInfo *info, gpointer data) {
    (*static_cast<Shared *>(data))->onRtcpOut(info);
    return GST_PAD_PROBE_OK;
  };
  auto onIn = [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    (*static_cast<Shared *>(data))->onRtcpIn(buffer, g_get_monotonic_time() - ageOf(pad, buffer));
    return GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER,
                    out ? GstPadProbeCallback(onOut) : GstPadProbeCallback(onIn),
                    new Shared(shared_from_this()), deleteShared<Traffic>);
}

template <typename Bytes>
static void append(Ref<GstBuffer> &buffer, const Bytes &bytes) {
  buffer = Ref<GstBuffer>::take(
      gst_buffer_append(buffer.release(), gst_buffer_new_memdup(bytes.data(), bytes.size())));
}

/// A receiver that sends nothing learns the round trip by asking for it (RFC 3611, section 4.4):
/// about once a second a report of ours says when it was made.
void Traffic::onRtcpOut(GstPadProbeInfo *info) {
  auto buffer = Ref<GstBuffer>::take(GST_PAD_PROBE_INFO_BUFFER(info));
  std::optional<std::uint32_t> reporter;
  GstMapInfo map;
  if (gst_buffer_map(buffer.get(), &map, GST_MAP_READ)) {
    countRequests({map.data, map.size});
    reporter = reporterOf({map.data, map.size});
    gst_buffer_unmap(buffer.get(), &map);
  }
  const gint64 now = g_get_monotonic_time();
  if (reporter && now - referenceSent_ >= kReferenceIntervalUs) {
    referenceSent_ = now;
    reporter_ = *reporter;
    append(buffer, buildReferenceTime(*reporter, now));
    if (const std::uint32_t limit = limit_)
      append(buffer, buildReceiverLimit(*reporter, videoSsrc(), limit));
  }
  info->data = buffer.release();
}

/// Of the first one that has come; 0 before.
std::uint32_t Traffic::videoSsrc() const {
  Lock lock(mutex_);
  for (auto &line : lines_)
    if (line->track.kind == MediaKind::Video && line->ssrc) return line->ssrc;
  return 0;
}

void Traffic::countRequests(std::span<const std::uint8_t> compound) {
  readRequests(compound, [this](RtcpRequest request, std::uint32_t ssrc) {
    Lock lock(mutex_);
    for (auto &line : lines_) {
      if (line->ssrc != ssrc) continue;
      if (request == RtcpRequest::Nack) line->nacks.add(1);
      if (request == RtcpRequest::Pli) line->plis.add(1);
      if (request == RtcpRequest::Fir) line->firs.add(1);
    }
  });
}

void Traffic::onRtcpIn(GstBuffer *buffer, gint64 arrival) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
  if (auto trip = readRoundTrip({map.data, map.size}, reporter_, arrival)) roundTrip_ = *trip;
  gst_buffer_unmap(buffer, &map);
}

// --- Readings ------------------------------------------------------------------------------------

void Traffic::sample(gint64 now) {
  Lock lock(mutex_);
  const gint64 elapsed = now - sampledAt_;
  if (elapsed < kSampleUs) return;
  for (auto &line : lines_) {
    const Flow *flow = flowOf(*line);
    const std::uint64_t bytes = flow ? flow->meter.read().bytes : 0;
    const std::uint64_t frames = line->frames->read().frames;
    if (sampledAt_) {
      line->bitrate = (bytes - line->bytesBefore) * 8 * G_USEC_PER_SEC / elapsed;
      line->frameRate = static_cast<double>(frames - line->framesBefore) * G_USEC_PER_SEC /
                        static_cast<double>(elapsed);
    }
    line->bytesBefore = bytes;
    line->framesBefore = frames;
  }
  sampledAt_ = now;
}

std::vector<TrackReading> Traffic::tracks() const {
  std::vector<TrackReading> result;
  Lock lock(mutex_);
  for (const auto &line : lines_) {
    TrackReading reading{.kind = line->track.kind, .codec = line->track.codec};
    reading.mid = line->track.mid;
    reading.ssrc = line->ssrc;
    const Flow *media = flowOf(*line);
    if (media) reading.rtp = media->meter.read();
    const std::size_t count = flowCount_.load(std::memory_order_acquire);
    for (std::size_t i = 0; media && i < count; i++)
      if (flows_[i]->repaired == media) reading.retransmitted += flows_[i]->meter.read().packets;
    reading.nacks = line->nacks.get();
    reading.plis = line->plis.get();
    reading.firs = line->firs.get();
    reading.frames = line->frames->read();
    reading.bitrate = line->bitrate;
    reading.frameRate = line->frameRate;
    result.push_back(std::move(reading));
  }
  return result;
}

std::shared_ptr<MediaPath> Traffic::path() const {
  Lock lock(mutex_);
  return path_;
}

std::optional<MediaRoute> Traffic::route() const {
  const std::shared_ptr<MediaPath> path = this->path();
  return path ? path->route() : std::nullopt;
}

std::string Traffic::obstacle() const {
  const std::shared_ptr<MediaPath> path = this->path();
  return path ? path->obstacle() : std::string();
}

std::optional<std::int64_t> Traffic::roundTrip() const {
  const std::int64_t trip = roundTrip_;
  return trip < 0 ? std::nullopt : std::optional(trip);
}

}  // namespace gws
