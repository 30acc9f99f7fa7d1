// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pad sends while nothing comes: GAP events, placeholders, EOS.
#include <algorithm>

#include "downstream.h"
#include "log.h"
#include "media.h"
#include "stream_lock.h"
#include "track.h"

GWS_LOG_CATEGORY("webrtcserver-silence", "pads without data");

namespace gws {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGapInterval(100);
/// Muxers do not mind how far behind GAP events are, and what ends the silence must not be cut off
/// by them. Mixers drop what is later than the latency.
constexpr GstClockTime kGapMargin = 300 * GST_MSECOND;
/// A push that takes longer is held up.
constexpr milliseconds kHeldUp(200);
constexpr milliseconds kEosPatience(2000);
/// What is no further behind is no backlog.
constexpr GstClockTime kCaughtUp = 500 * GST_MSECOND;
constexpr GstClockTime kPlaceholder = 20 * GST_MSECOND;
constexpr GstClockTime kFirstGap = 100 * GST_MSECOND;

bool Track::end(const std::shared_ptr<Inlet> &inlet, std::optional<milliseconds> wait) {
  std::shared_ptr<Inlet> ended;  // let go without the lock
  Lock lock(mutex_);
  if (current_ && current_ != inlet) return false;
  GST_DEBUG_OBJECT(outlet_, "publication of %s is over", inlet->publication().publisherId.c_str());
  ended.swap(current_);
  if (isOver()) return false;
  if (!ended) {  // it never sent anything; downstream has its end from an earlier one, or gets it
    if (feed_ == Feed::Waiting && !eosAt_) setEosTime(wait);
    if (feed_ == Feed::Waiting || eosSent_ || (wait && wait->count() < 0)) return false;
  }
  change(Feed::Waiting);
  awaitKeyframe_ = false;
  setEosTime(wait);
  return true;
}

void Track::setEosTime(std::optional<milliseconds> wait) {
  milliseconds delay = wait.value_or(milliseconds(0));
  eosAt_.reset();
  if (delay.count() >= 0) eosAt_ = steady_clock::now() + delay;
}

void Track::expect() {
  Lock lock(mutex_);
  if (feed_ == Feed::Waiting) eosAt_.reset();
}

bool Track::cover(const std::shared_ptr<Inlet> &inlet) {
  if (isShutOut()) return false;
  bool hasCaps = static_cast<bool>(inlet->caps());
  Lock lock(mutex_);
  if (inlet->closed() || isOver() || (feed_ == Feed::Silent && current_ == inlet)) return false;
  if (current_ && current_ != inlet) return false;  // somebody else's, still or already
  if (!segmentSent_ && !hasCaps) return false;
  if (!current_) takeOver(inlet);
  change(Feed::Silent);
  return true;
}

bool Track::skip(const std::shared_ptr<Inlet> &inlet, bool patient) {
  {
    Lock lock(mutex_);
    if ((current_ && current_ != inlet) || isOver() || eosSent_) return false;
    if (feed_ == Feed::Waiting && segmentSent_) eosAt_.reset();
    if (feed_ == Feed::Waiting || segmentSent_) return false;
  }
  if (patient && (kind_ != MediaKind::Audio || !destinationOf(outlet_).muxer)) return false;
  Lock lock(mutex_);
  if ((current_ && current_ != inlet) || isOver() || eosSent_ || segmentSent_) return false;
  change(Feed::Waiting);
  if (!patient) setEosTime(std::nullopt);
  pretend_ = patient;
  return true;
}

void Track::unskip(std::optional<milliseconds> wait) {
  Lock lock(mutex_);
  if (current_ || feed_ != Feed::Waiting || eosAt_) return;
  setEosTime(wait);
  changed_.notifyAll();
}

/// False when the pad has found another feed meanwhile.
bool Track::waitForTick(std::uint64_t epoch, bool *eosDue) {
  Lock lock(mutex_);
  if (epoch_ != epoch) return false;
  auto due = [this]() REQUIRES(mutex_) { return eosAt_ && steady_clock::now() >= *eosAt_; };
  if (!due()) {
    steady_clock::duration pause = kGapInterval;
    if (eosAt_) pause = std::min(pause, *eosAt_ - steady_clock::now());
    changed_.waitFor(mutex_, pause);
  }
  *eosDue = due();
  return epoch_ == epoch;
}

void Track::keepTime(milliseconds latency) {
  std::uint64_t epoch;
  {
    Lock lock(mutex_);
    if (!isKeptInTime()) return;
    epoch = epoch_;
  }
  bool eosDue = false;
  while (waitForTick(epoch, &eosDue)) {
    StreamLock streaming(outlet_);
    if (eosDue) return pushEos(Feed::Idle, epoch);
    announceNothing(epoch);
    pushGap(latency, epoch);
  }
}

/// For a pad that was skipped although it must not end: a muxer goes on with caps and GAP events.
void Track::announceNothing(std::uint64_t epoch) {
  {
    Lock lock(mutex_);
    if (epoch_ != epoch || !std::exchange(pretend_, false)) return;
  }
  Events headers;
  if (!addPlaceholder(headers)) return;
  {
    Lock lock(mutex_);
    if (epoch_ != epoch) return;
    segmentSent_ = hadCaps_ = true;
  }
  pushAll(headers);
}

static bool carriesRaw(GstPad *pad) {
  auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
  return caps &&
         g_str_has_suffix(gst_structure_get_name(gst_caps_get_structure(caps.get(), 0)), "/x-raw");
}

void Track::pushGap(milliseconds latency, std::uint64_t epoch) {
  GstClockTime now = this->now();
  GstClockTime back = latency.count() * GST_MSECOND + (carriesRaw(outlet_) ? 0 : kGapMargin);
  if (!GST_CLOCK_TIME_IS_VALID(now) || now < back) return;
  now -= back;
  GstClockTime from;
  Events headers;
  {
    Lock lock(mutex_);
    if (epoch_ != epoch || !playing_) return;
    from = GST_CLOCK_TIME_IS_VALID(lastTime_) ? lastTime_ : now - std::min(now, kFirstGap);
    if (now <= from) return;
    if (current_ && (started_ != current_->publication().order || !segmentSent_))
      addHeaders(*current_, headers);
    if (!segmentSent_) return;
    lastTime_ = now;
  }
  pushAll(headers);
  pushNothing(from, now - from);
}

static Ref<GstBuffer> silentOpusPacket(const GstStructure *caps) {
  // RFC 6716, section 3.1: CELT, full band, 20 ms, one frame; 0x04: stereo.
  int channels = 2;
  gst_structure_get_int(caps, "channels", &channels);
  const guint8 packet[] = {static_cast<guint8>(channels == 1 ? 0xF8 : 0xFC), 0xFF, 0xFE};
  return Ref<GstBuffer>::take(gst_buffer_new_memdup(packet, sizeof packet));
}

/// Parsers that meet a GAP event before their first packet make caps up, which the first packet
/// contradicts; so Opus begins with a silent one.
void Track::pushNothing(GstClockTime from, GstClockTime duration) {
  bool first;
  {
    Lock lock(mutex_);
    first = !std::exchange(hadData_, true);
  }
  auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(outlet_));
  const GstStructure *structure = caps ? gst_caps_get_structure(caps.get(), 0) : nullptr;
  if (first && structure && gst_structure_has_name(structure, "audio/x-opus")) {
    auto packet = silentOpusPacket(structure);
    GST_BUFFER_PTS(packet.get()) = GST_BUFFER_DTS(packet.get()) = from;
    GST_BUFFER_DURATION(packet.get()) = kPlaceholder;
    pushBuffer(std::move(packet));
  } else {
    GstEvent *gap = gst_event_new_gap(from, duration);
    // Else matroskamux, an aggregator since GStreamer 1.26, writes an empty frame.
    if (destinationOf(outlet_).liveMuxer) gst_event_set_gap_flags(gap, GST_GAP_FLAG_MISSING_DATA);
    gst_pad_push_event(outlet_, gap);
  }
}

/// What ends in a sink is finished after its first EOS, and a queue before it would make an error
/// of one more. The query returns when the queue has passed on what came before, the event tells.
bool Track::isDownstreamAlive() {
  auto drain = Ref<GstQuery>::take(gst_query_new_drain());
  gst_pad_peer_query(outlet_, drain.get());
  return gst_pad_push_event(outlet_,
                            gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                                 gst_structure_new_empty("webrtc-publisher-end")));
}

/// What is announced of a track that nothing is known of. False where downstream wants what cannot
/// be made up.
bool Track::addPlaceholder(Events &headers) {
  auto accepted = Ref<GstCaps>::take(gst_pad_peer_query_caps(outlet_, nullptr));
  auto caps = likelyCaps(kind_, accepted.get());
  if (!caps) return false;
  OwnedString id(gst_pad_create_stream_id(outlet_, GST_PAD_PARENT(outlet_), GST_PAD_NAME(outlet_)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  for (GstEvent *event : {gst_event_new_stream_start(id.get()), gst_event_new_caps(caps.get()),
                          gst_event_new_segment(&segment)})
    headers.push_back(Ref<GstEvent>::take(event));
  return true;
}

void Track::prime() {
  if (!gst_pad_is_linked(outlet_) || !destinationOf(outlet_).onlyMixers) return;
  Events headers;
  if (!addPlaceholder(headers)) return;
  StreamLock streaming(outlet_);
  {
    Lock lock(mutex_);
    if (feed_ != Feed::Idle || hadCaps_ || eosSent_) return;
    segmentSent_ = hadCaps_ = true;
    lastTime_ = 0;
  }
  pushAll(headers);
  pushNothing(0, kPlaceholder);
}

void Track::pushEos(Feed next, std::uint64_t epoch) {
  Events headers;
  bool again;
  // mp4mux writes a track without a description for a pad that has had no caps.
  bool needsPlaceholder = next == Feed::Idle && destinationOf(outlet_).liveMuxer;
  {
    Lock lock(mutex_);
    needsPlaceholder = needsPlaceholder && !hadCaps_;
  }
  GstClockTime time = now();
  bool placeholder = needsPlaceholder && GST_CLOCK_TIME_IS_VALID(time) && addPlaceholder(headers);
  {
    Lock lock(mutex_);
    if (epoch_ != epoch) return;
    change(next);
    if (eosSent_ || lastFlow_ == GST_FLOW_ERROR || lastFlow_ == GST_FLOW_EOS) return;
    again = std::exchange(hadEos_, true);
    eosSent_ = true;
    if (!segmentSent_ && !started_ && !placeholder) {
      OwnedString id(
          gst_pad_create_stream_id(outlet_, GST_PAD_PARENT(outlet_), GST_PAD_NAME(outlet_)));
      headers.push_back(Ref<GstEvent>::take(gst_event_new_stream_start(id.get())));
    }
    segmentSent_ = false;
    started_ = 0;
  }
  if (again && !isDownstreamAlive()) return;
  GST_DEBUG_OBJECT(outlet_, "EOS");
  pushAll(headers);
  if (placeholder) pushNothing(time, kPlaceholder);
  gst_pad_push_event(outlet_, gst_event_new_eos());
  Lock lock(mutex_);
  hadData_ = false;
}

bool Track::isHeldUp() const {
  Lock lock(mutex_);
  return pushBegan_ && steady_clock::now() - *pushBegan_ > kHeldUp;
}

void Track::drain(milliseconds patience) {
  const auto begin = steady_clock::now(), deadline = begin + 3 * patience;
  for (GstClockTime time = now(); GST_CLOCK_TIME_IS_VALID(time); time = now()) {
    Lock lock(mutex_);
    const auto progress = std::max(begin, pushEnded_);
    const auto silence = steady_clock::now() - progress;
    const bool caughtUp = GST_CLOCK_TIME_IS_VALID(lastTime_) && lastTime_ + kCaughtUp > time;
    if (!playing_ || isOver() || caughtUp || silence > patience || steady_clock::now() > deadline)
      return;
    if (!pushBegan_ && silence > kHeldUp) return;
    changed_.waitFor(mutex_, milliseconds(20));
  }
}

void Track::sendEos() {
  if (isHeldUp()) drain(kEosPatience);
  StreamLock streaming(outlet_);
  std::uint64_t epoch;
  {
    Lock lock(mutex_);
    if (isOver()) return;
    epoch = epoch_;
  }
  pushEos(Feed::Closed, epoch);
}

}  // namespace gws
