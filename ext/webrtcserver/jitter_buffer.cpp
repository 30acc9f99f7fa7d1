// SPDX-License-Identifier: LGPL-2.1-or-later
// From the thread that brings packets to the one that pushes them.
#include "jitter_buffer.h"

#include <gst/rtp/rtp.h>

#include <algorithm>
#include <chrono>

#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-jitterbuffer", "packets put in order");

namespace gws {

constexpr std::int64_t kMicrosecond = 1000, kSecond = GST_SECOND;
/// What a picture's packets may wait for its last one, µs; a thread that is woken for each packet
/// is most of a jitter buffer's cost.
constexpr std::int64_t kMaxHold = 10'000;
constexpr std::size_t kMaxBunch = 64;
/// µs that the thread leaves sound that flows alone, so that it is woken for two packets instead of
/// for each, and the `latency` from which on it does: the delay of every other packet is well below
/// the one that everybody downstream reckons with.
constexpr std::int64_t kSoundHold = 45'000, kSoundHoldLatency = 4 * kSoundHold;
/// µs; then the thread looks by itself, for senders that do not mark the last packet of a picture.
constexpr std::int64_t kMaxSleep = 200'000;
/// Packets that are kept while downstream blocks.
constexpr std::size_t kMaxKept = 8192;
/// A sender report that is farther ahead of the packets does not belong to them.
constexpr std::int64_t kMaxReportLead = kSecond;
/// How often something is asked for in `latency`: requests are lost, and what is sent again.
constexpr std::int64_t kRequestsInLatency = 8;
/// Browsers ignore a request until their round trip and 5 ms have gone by since they last sent the
/// packet. So where a repair does not take long, every second request comes so many µs after the
/// time that it takes; the one between is for a first one that was lost.
constexpr std::int64_t kRepairMargin = 16'000, kShortestInterval = 10'000;

/// rtpsession has looked at all of it.
std::optional<RtpHeader> JitterBuffer::headerOf(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return {};
  auto header = readRtpHeader({map.data, map.size});
  gst_buffer_unmap(buffer, &map);
  if (header) header->extensions = {};  // they are not there any more
  return header;
}

/// The running time of its arrival, ns.
std::int64_t JitterBuffer::arrivalOf(GstBuffer *buffer) const {
  GstClockTime time = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(time)) time = gst_element_get_current_running_time(element_);
  return GST_CLOCK_TIME_IS_VALID(time) ? static_cast<std::int64_t>(time) : 0;
}

void JitterBuffer::learnCaps(GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  int rate = 0;
  if (!gst_structure_get_int(structure, "clock-rate", &rate) || rate <= 0) return;
  Lock lock(mutex_);
  isVideo_ = g_strcmp0(gst_structure_get_string(structure, "media"), "video") == 0;
  if (!clock_ || clock_->rate() != static_cast<unsigned>(rate))
    clock_.emplace(static_cast<unsigned>(rate));
}

/// rtpbin knows what a payload type means.
void JitterBuffer::learnPayload(unsigned payload) {
  if (payload_ == static_cast<int>(payload)) return;
  payload_ = static_cast<int>(payload);
  GstCaps *found = nullptr;
  g_signal_emit_by_name(element_, "request-pt-map", payload, &found);
  if (auto caps = Ref<GstCaps>::take(found)) learnCaps(caps.get());
}

GstFlowReturn JitterBuffer::onPacket(Ref<GstBuffer> buffer) {
  const auto header = headerOf(buffer.get());
  if (!header) return GST_FLOW_OK;
  learnPayload(header->payloadType);
  ssrc_ = header->ssrc;
  const std::int64_t arrival = arrivalOf(buffer.get());
  return insert(*header, std::move(buffer), arrival);
}

RequestTimes JitterBuffer::requestTimes() const {
  const std::int64_t latency = latencyMs_ * kMicrosecond;
  const auto repair = order_.repairTime();
  RequestTimes times;
  times.interval = latency / kRequestsInLatency;
  if (repair) times.interval = std::min(times.interval, (*repair + kRepairMargin) / 2);
  times.interval = std::max(times.interval, kShortestInterval);
  return times;
}

GstFlowReturn JitterBuffer::insert(const RtpHeader &header, Ref<GstBuffer> buffer,
                                   std::int64_t arrival) {
  const bool again = GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_RTP_BUFFER_FLAG_RETRANSMISSION);
  const std::int64_t now = g_get_monotonic_time();
  std::vector<std::uint16_t> missing;
  bool synchronises = false, wakes = false;
  {
    Lock lock(mutex_);
    if (flow_ != GST_FLOW_OK) return flow_;
    if (!clock_ || order_.size() + out_.size() >= kMaxKept) {
      if (clock_ && !std::exchange(full_, true))
        GST_WARNING_OBJECT(element_, "downstream blocks: packets are dropped");
      counts_.lost++;
      return GST_FLOW_OK;
    }
    full_ = false;
    if (!again && order_.isNewest(header.sequence) && clock_->observe(header.timestamp, arrival))
      GST_INFO_OBJECT(element_, "the RTP timestamps have jumped");
    Packet packet{std::move(buffer), header.timestamp,
                  clock_->begun() ? clock_->timeOf(header.timestamp) : arrival};
    // From when it should have been here on, which is not now if it is late.
    const std::int64_t late = std::max((arrival - packet.time) / kMicrosecond, std::int64_t(0));
    const std::int64_t latency = latencyMs_ * kMicrosecond;
    const bool wasComplete = order_.isComplete();
    const auto verdict = order_.insert(header.sequence, std::move(packet), now,
                                       now + latency - std::min(late, latency), again);
    if (verdict == Order::Verdict::Surplus) counts_.surplus++;
    if (again && verdict != Order::Verdict::Surplus) counts_.repaired++;
    collect();
    if (doRetransmission_ && !order_.isComplete()) missing = order_.requests(now, requestTimes());
    counts_.requested += missing.size();
    wakes = isDue(header.marker || wasComplete != order_.isComplete());
    synchronises = reportIsNew_ && clock_->begun();
  }
  if (wakes) changed_.notifyAll();
  request(missing);
  if (synchronises) synchronise();
  return GST_FLOW_OK;
}

/// What is in order, to what goes out.
void JitterBuffer::collect() {
  if (order_.ready().empty()) return;
  if (out_.empty()) outSince_ = g_get_monotonic_time();
  while (!order_.ready().empty()) {
    Order::Item item = order_.take();
    if (item.packet) {
      counts_.pushed++;
      item.packet->restarts = item.restarts;
      out_.push_back(std::move(*item.packet));
    } else {
      out_.push_back(Loss{item.sequence, item.lost});
    }
  }
}

/// Whether the thread is to be woken, once the mutex is free for it.
bool JitterBuffer::isDue(bool last) {
  const std::size_t bunch = isVideo_ ? kMaxBunch : soundFlows_ ? 2 : 1;
  const bool ready = last || out_.size() >= bunch ||
                     (!out_.empty() && g_get_monotonic_time() - outSince_ >= kMaxHold);
  if (!sleeping_ || !ready) return false;
  sleeping_ = false;  // told once
  return true;
}

/// Goes to rtpsession, which makes a NACK of it (RFC 4585, section 6.2.1).
void JitterBuffer::request(const std::vector<std::uint16_t> &sequences) {
  for (const std::uint16_t sequence : sequences)
    gst_pad_push_event(
        sink.get(), gst_event_new_custom(
                        GST_EVENT_CUSTOM_UPSTREAM,
                        gst_structure_new("GstRTPRetransmissionRequest", "seqnum", G_TYPE_UINT,
                                          guint(sequence), "ssrc", G_TYPE_UINT, ssrc_.load(),
                                          "delay", G_TYPE_UINT, 0u, "deadline", G_TYPE_UINT,
                                          latencyMs_.load(), "avg-rtt", G_TYPE_UINT, 0u, nullptr)));
}

/// Where audio and video of one sender lie to each other, rtpbin finds out from this.
void JitterBuffer::synchronise() {
  OwnedStructure sync;
  {
    Lock lock(mutex_);
    if (!report_ || !clock_ || !clock_->begun()) return;
    reportIsNew_ = false;
    const RtpClock::Anchor anchor = clock_->anchor();
    const std::uint64_t reported = clock_->extend(report_->timestamp);
    const std::uint64_t lead = clock_->rate() * (kMaxReportLead / kSecond);
    if (reported < anchor.timestamp || reported > clock_->last() + lead || anchor.time < 0) return;
    sync.reset(gst_structure_new(
        "application/x-rtp-sync", "base-rtptime", G_TYPE_UINT64, anchor.timestamp, "base-time",
        G_TYPE_UINT64, static_cast<guint64>(anchor.time), "clock-rate", G_TYPE_UINT, clock_->rate(),
        "clock-base", G_TYPE_UINT64, anchor.timestamp, "ssrc", G_TYPE_UINT, ssrc_.load(),
        "sr-ext-rtptime", G_TYPE_UINT64, reported, "sr-ntpnstime", G_TYPE_UINT64, report_->ntp,
        "sr-buffer", GST_TYPE_BUFFER, report_->compound.get(), nullptr));
  }
  g_signal_emit_by_name(element_, "handle-sync", sync.get());
}

GstFlowReturn JitterBuffer::onRtcp(Ref<GstBuffer> compound) {
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  if (!gst_rtcp_buffer_validate_reduced(compound.get()) ||
      !gst_rtcp_buffer_map(compound.get(), GST_MAP_READ, &rtcp))
    return GST_FLOW_OK;
  GstRTCPPacket packet;
  std::optional<SenderReport> report;
  if (gst_rtcp_buffer_get_first_packet(&rtcp, &packet) &&
      gst_rtcp_packet_get_type(&packet) == GST_RTCP_TYPE_SR) {
    guint64 ntp = 0;
    guint32 timestamp = 0;
    gst_rtcp_packet_sr_get_sender_info(&packet, nullptr, &ntp, &timestamp, nullptr, nullptr);
    report = SenderReport{compound, timestamp, gst_util_uint64_scale(ntp, GST_SECOND, 1ull << 32)};
  }
  gst_rtcp_buffer_unmap(&rtcp);
  if (!report) return GST_FLOW_OK;
  {
    Lock lock(mutex_);
    report_ = std::move(report);
    reportIsNew_ = true;
  }
  synchronise();
  return GST_FLOW_OK;
}

/// What belongs into the stream keeps its place there.
bool JitterBuffer::onEvent(Ref<GstEvent> event) {
  const GstEventType type = GST_EVENT_TYPE(event.get());
  if (type == GST_EVENT_FLUSH_START) {
    gst_pad_push_event(src.get(), event.release());
    return activate(false);
  }
  if (type == GST_EVENT_FLUSH_STOP) {
    gst_pad_push_event(src.get(), event.release());
    return activate(true);
  }
  if (type == GST_EVENT_CAPS) {
    GstCaps *caps;
    gst_event_parse_caps(event.get(), &caps);
    learnCaps(caps);
  }
  if (!(unsigned(type) & unsigned(GST_EVENT_TYPE_SERIALIZED)))
    return gst_pad_push_event(src.get(), event.release());
  Lock lock(mutex_);
  if (flow_ != GST_FLOW_OK) return false;
  if (type == GST_EVENT_EOS) order_.flush();
  collect();
  out_.push_back(std::move(event));
  if (isDue(true)) changed_.notifyAll();
  return true;
}

bool JitterBuffer::onLatencyQuery(GstQuery *query) {
  if (!gst_pad_peer_query(sink.get(), query)) return false;
  GstClockTime least, most;
  gst_query_parse_latency(query, nullptr, &least, &most);
  gst_query_set_latency(query, TRUE, least + latencyMs_ * GST_MSECOND, GST_CLOCK_TIME_NONE);
  return true;
}

bool JitterBuffer::activate(bool active) {
  {
    Lock lock(mutex_);
    flow_ = active ? GST_FLOW_OK : GST_FLOW_FLUSHING;
    order_ = {};
    out_.clear();
    if (clock_) clock_.emplace(clock_->rate());
    report_.reset();
    changed_.notifyAll();
  }
  auto run = [](gpointer self) { static_cast<JitterBuffer *>(self)->loop(); };
  if (!active) return gst_pad_stop_task(src.get());
  lastOut_.reset();
  discontinuous_ = true;
  return gst_pad_start_task(src.get(), run, this, nullptr);
}

std::int64_t JitterBuffer::sleepTime() {
  const std::int64_t most = soundFlows_ ? kSoundHold : kMaxSleep;
  const RequestTimes times = requestTimes();
  const auto next = order_.nextTime(doRetransmission_ ? &times : nullptr);
  if (!next) return most;
  return std::clamp(*next - g_get_monotonic_time(), std::int64_t(0), most);
}

/// Whether the next packets are worth waiting for together.
void JitterBuffer::watchSound() {
  if (isVideo_ || out_.empty()) return;
  const std::int64_t now = g_get_monotonic_time();
  soundFlows_ = now - soundTaken_ <= kSoundHold && latencyMs_ * kMicrosecond >= kSoundHoldLatency;
  soundTaken_ = now;
}

void JitterBuffer::loop() {
  std::deque<Output> batch;
  std::vector<std::uint16_t> missing;
  {
    Lock lock(mutex_);
    while (flow_ == GST_FLOW_OK) {
      const std::int64_t now = g_get_monotonic_time();
      if (order_.expire(now)) collect();
      if (doRetransmission_) missing = order_.requests(now, requestTimes());
      counts_.requested += missing.size();
      if (!missing.empty() || !out_.empty()) break;
      sleeping_ = true;
      if (!changed_.waitFor(mutex_, std::chrono::microseconds(sleepTime())))
        soundFlows_ = soundFlows_ && !out_.empty();
      sleeping_ = false;
    }
    watchSound();
    batch.swap(out_);
  }
  request(missing);
  for (auto output = batch.begin(); output != batch.end(); ++output) {
    GstFlowReturn flow = GST_FLOW_OK;
    if (auto *packet = std::get_if<Packet>(&*output)) {
      flow = push(std::move(*packet));
    } else if (auto *loss = std::get_if<Loss>(&*output)) {
      tellLoss(*loss, output + 1 == batch.end() ? nullptr : std::get_if<Packet>(&*(output + 1)));
    } else {
      gst_pad_push_event(src.get(), std::get<Ref<GstEvent>>(*output).release());
    }
    if (flow == GST_FLOW_OK) continue;
    Lock lock(mutex_);
    if (flow_ == GST_FLOW_OK) flow_ = flow;
    gst_pad_pause_task(src.get());
    return;
  }
}

/// All packets of one picture have the time that the first of them has.
GstFlowReturn JitterBuffer::push(Packet packet) {
  if (packet.restarts) discontinuous_ = true;
  if (lastOut_ && lastOut_->timestamp == packet.timestamp && !discontinuous_)
    packet.time = lastOut_->time;
  lastOut_ = Packet{{}, packet.timestamp, packet.time};
  auto buffer = Ref<GstBuffer>::take(gst_buffer_make_writable(packet.buffer.release()));
  const auto time =
      static_cast<GstClockTime>(std::max(packet.time + tsOffset_.load(), std::int64_t(0)));
  GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
  if (std::exchange(discontinuous_, false))
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  if (addReferenceTime_) addReferenceTime(buffer.get(), packet.timestamp);
  return gst_pad_push(src.get(), buffer.release());
}

/// The sender's wall clock, as its last report tells it.
void JitterBuffer::addReferenceTime(GstBuffer *buffer, std::uint32_t timestamp) {
  static GstStaticCaps ntp = GST_STATIC_CAPS("timestamp/x-ntp");
  std::int64_t time;
  {
    Lock lock(mutex_);
    if (!report_ || !clock_) return;
    const std::int64_t ticks = static_cast<std::int32_t>(timestamp - report_->timestamp);
    time = static_cast<std::int64_t>(report_->ntp) + ticks * kSecond / clock_->rate();
  }
  auto caps = Ref<GstCaps>::take(gst_static_caps_get(&ntp));
  gst_buffer_add_reference_timestamp_meta(buffer, caps.get(), static_cast<GstClockTime>(time),
                                          GST_CLOCK_TIME_NONE);
}

/// One event for each packet, so that what conceals sound knows how much it is.
void JitterBuffer::tellLoss(const Loss &loss, const Packet *next) {
  discontinuous_ = true;
  {
    Lock lock(mutex_);
    counts_.lost += loss.count;
  }
  if (!doLost_ || !lastOut_ || !next || next->time < lastOut_->time) return;
  constexpr unsigned kMaxEvents = 64;
  const unsigned events = std::min(loss.count, kMaxEvents);
  const std::int64_t span = (next->time - lastOut_->time) / (events + 1);
  for (unsigned i = 0; i < events; i++) {
    const std::int64_t time = lastOut_->time + (i + 1) * span + tsOffset_;
    gst_pad_push_event(
        src.get(),
        gst_event_new_custom(
            GST_EVENT_CUSTOM_DOWNSTREAM,
            gst_structure_new(
                "GstRTPPacketLost", "seqnum", G_TYPE_UINT,
                static_cast<guint>(static_cast<std::uint16_t>(loss.sequence + i)), "timestamp",
                G_TYPE_UINT64, static_cast<guint64>(std::max(time, std::int64_t(0))), "duration",
                G_TYPE_UINT64, static_cast<guint64>(span), "retry", G_TYPE_UINT, 0u, nullptr)));
  }
}

OwnedStructure JitterBuffer::stats() {
  Lock lock(mutex_);
  return OwnedStructure(gst_structure_new(
      "application/x-rtp-jitterbuffer-stats", "num-pushed", G_TYPE_UINT64, counts_.pushed,
      "num-lost", G_TYPE_UINT64, counts_.lost, "num-late", G_TYPE_UINT64, counts_.surplus,
      "num-duplicates", G_TYPE_UINT64, guint64(0), "rtx-count", G_TYPE_UINT64, counts_.requested,
      "rtx-success-count", G_TYPE_UINT64, counts_.repaired, nullptr));
}

}  // namespace gws
