// SPDX-License-Identifier: LGPL-2.1-or-later
// One pad's timeline: take-over, time stamps, GAP and EOS.
#include "track.h"

#include <gst/video/video.h>

#include <algorithm>

#include "downstream.h"
#include "log.h"
#include "media.h"

GWS_LOG_CATEGORY("webrtcserver-track", "the pads' timelines");

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

/// Serialises what is pushed through a pad, as GStreamer's own tasks do.
class StreamLock {
 public:
  explicit StreamLock(GstPad *pad) : pad_(pad) { GST_PAD_STREAM_LOCK(pad_); }
  ~StreamLock() { GST_PAD_STREAM_UNLOCK(pad_); }
  StreamLock(const StreamLock &) = delete;

 private:
  GstPad *pad_;
};

Track::Facts Track::facts() const {
  Lock lock(mutex_);
  if (!current_) return {};
  return {current_->publication().publisherId, current_->mid(), current_->msid(),
          codec(current_->codecId()).name};
}

std::shared_ptr<Inlet> Track::current() const {
  Lock lock(mutex_);
  return current_;
}

void Track::announce(const std::shared_ptr<Inlet> &inlet) {
  Events headers;
  {
    Lock lock(mutex_);
    takeOver(inlet);
    started_ = inlet->publication().order;
    addStreamStart(*inlet, headers);
  }
  for (const auto &event : headers)
    gst_pad_store_sticky_event(outlet_, event.get());
}

void Track::change(Feed feed) {
  feed_ = feed;
  epoch_++;
  eosAt_.reset();
  changed_.notifyAll();
}

void Track::takeOver(const std::shared_ptr<Inlet> &inlet) {
  current_ = inlet;
  discontinuous_ = true;
  clockOffset_.reset();
  change(Feed::Live);
}

void Track::addStreamStart(const Inlet &inlet, Events &headers) {
  const Publication &publication = inlet.publication();
  std::string id = publication.stream + "/" + publication.publisherId + "/" + inlet.mid();
  GstEvent *start = gst_event_new_stream_start(id.c_str());
  gst_event_set_group_id(start, publication.groupId);
  headers.push_back(Ref<GstEvent>::take(start));
}

/// A browser changes what its SPS says of colours with every camera or screen, and another one may
/// have a frame rate in it. Muxers refuse such new caps, but read neither: the parameter sets that
/// count are in the stream. So what was announced first stays.
Ref<GstCaps> Track::settled(const Inlet &inlet) const {
  Ref<GstCaps> caps = inlet.caps();
  auto sent = Ref<GstCaps>::take(gst_pad_get_current_caps(outlet_));
  if (!caps || !sent || kind_ != MediaKind::Video || inlet.form() != Form::Encoded) return caps;
  const GstStructure *before = gst_caps_get_structure(sent.get(), 0);
  if (!gst_structure_has_name(gst_caps_get_structure(caps.get(), 0),
                              gst_structure_get_name(before)))
    return caps;
  caps = Ref<GstCaps>::take(gst_caps_make_writable(caps.release()));
  for (const char *field : {"colorimetry", "framerate"})
    if (const GValue *value = gst_structure_get_value(before, field))
      gst_caps_set_value(caps.get(), field, value);
  return caps;
}

void Track::addHeaders(const Inlet &inlet, Events &headers) {
  bool newStream = started_ != inlet.publication().order;
  if (newStream) addStreamStart(inlet, headers);
  started_ = inlet.publication().order;
  auto sent = Ref<GstCaps>::take(gst_pad_get_current_caps(outlet_));
  Ref<GstCaps> caps = settled(inlet);
  bool sameCaps = sent && caps && gst_caps_is_equal(sent.get(), caps.get());
  if (caps && !(sameCaps && segmentSent_))
    headers.push_back(Ref<GstEvent>::take(gst_event_new_caps(caps.get())));
  if (newStream || !segmentSent_) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    headers.push_back(Ref<GstEvent>::take(gst_event_new_segment(&segment)));
    GstTagList *tags = gst_tag_list_new(GST_TAG_TITLE, inlet.publication().stream.c_str(), nullptr);
    gst_tag_list_set_scope(tags, GST_TAG_SCOPE_GLOBAL);
    headers.push_back(Ref<GstEvent>::take(gst_event_new_tag(tags)));
  }
  segmentSent_ = hadCaps_ = true;
  eosSent_ = false;
}

Track::Verdict Track::admit(const std::shared_ptr<Inlet> &inlet, GstBuffer *buffer,
                            Events &headers) {
  bool linked = gst_pad_is_linked(outlet_);
  Lock lock(mutex_);
  if (inlet->closed() || isOver()) return Verdict::Drop;
  if (current_ && current_ != inlet && current_->publication().order > inlet->publication().order)
    return Verdict::Drop;
  if (!playing_ || !linked) {
    awaitKeyframe_ = needsKeyframe(*inlet);
    discontinuous_ = true;
    return Verdict::Drop;
  }
  if (current_ != inlet && needsKeyframe(*inlet)) awaitKeyframe_ = true;
  if (awaitKeyframe_ && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    return Verdict::NeedKeyframe;
  awaitKeyframe_ = false;
  if (current_ != inlet) takeOver(inlet);
  // Mixers count samples on through a pause.
  if (feed_ == Feed::Silent && kind_ == MediaKind::Audio) discontinuous_ = true;
  if (feed_ != Feed::Live) change(Feed::Live);
  if (started_ != inlet->publication().order || !segmentSent_) addHeaders(*inlet, headers);
  return Verdict::Pass;
}

/// Running time of the publisher's elements to that of the element. They differ when the publisher
/// began before the pipeline was PLAYING, or when the pipeline was paused since.
GstClockTime Track::elementTime(Inlet &inlet, GstClockTime time) {
  if (!clockOffset_) {
    clockOffset_ = 0;
    auto element = Ref<GstElement>::take(gst_pad_get_parent_element(outlet_));
    auto clock = Ref<GstClock>::take(element ? gst_element_get_clock(element.get()) : nullptr);
    if (clock && inlet.clock()) {
      GstClockTime base = gst_element_get_base_time(element.get());
      *clockOffset_ = clock.get() == inlet.clock()
                          ? GST_CLOCK_DIFF(base, inlet.baseTime())
                          : GST_CLOCK_DIFF(gst_clock_get_time(inlet.clock()) - inlet.baseTime(),
                                           gst_clock_get_time(clock.get()) - base);
    }
  }
  GstClockTimeDiff result = static_cast<GstClockTimeDiff>(time) + *clockOffset_;
  return result < 0 ? 0 : static_cast<GstClockTime>(result);
}

/// Puts a buffer on the element's timeline, which never goes back, whatever RTCP says. Encoded
/// pictures that come too early on it stay, since others are built on them, but get the time after
/// the last one. Audio would be stretched by that in parsers that count on, and encoders want raw
/// pictures one after another, so these are left out: then it returns false.
bool Track::stamp(Inlet &inlet, GstBuffer *buffer) {
  Lock lock(mutex_);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (GST_BUFFER_PTS_IS_VALID(buffer))
    time = gst_segment_to_running_time(&inlet.segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) time = elementTime(inlet, time);
  if (!GST_CLOCK_TIME_IS_VALID(time)) time = GST_CLOCK_TIME_IS_VALID(lastTime_) ? lastTime_ : 0;
  if (GST_CLOCK_TIME_IS_VALID(lastTime_)) {
    bool dispensable =
        inlet.form() == Form::Raw || (inlet.form() == Form::Encoded && kind_ == MediaKind::Audio);
    bool early = time < lastTime_;
    if (time <= lastTime_ && dispensable) {
      discontinuous_ = true;
      return false;
    }
    // Not the same time: parsers take that for none at all.
    if (early) time = lastTime_ + (inlet.form() == Form::Rtp ? 0 : 1);
  }
  lastTime_ = time;
  GST_BUFFER_PTS(buffer) = time;
  // Real-time encoders do not reorder: what is decoded next is shown next.
  GST_BUFFER_DTS(buffer) = inlet.form() == Form::Raw ? GST_CLOCK_TIME_NONE : time;
  if (discontinuous_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discontinuous_ = false;
  return true;
}

/// Muxers ask long before they want to begin a segment, and every early key frame puts off the next
/// one that the browser would make.
bool Track::postpone(GstEvent *event) {
  GstClockTime at;
  if (!gst_video_event_is_force_key_unit(event) ||
      !gst_video_event_parse_upstream_force_key_unit(event, &at, nullptr, nullptr))
    return false;
  GstClockTime time = now();
  if (!GST_CLOCK_TIME_IS_VALID(at) || !GST_CLOCK_TIME_IS_VALID(time) || at <= time) return false;
  Lock lock(mutex_);
  keyframeAt_ = at;
  return true;
}

bool Track::isKeyframeDue(GstBuffer *buffer) {
  {
    Lock lock(mutex_);
    if (!keyframeAt_) return false;
  }
  GstClockTime time = now();
  Lock lock(mutex_);
  if (!keyframeAt_ || time < *keyframeAt_) return false;
  keyframeAt_.reset();
  // One that comes by itself will do, the first of a publication for example.
  return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

/// A muxer that has begun its file without this pad makes an error of caps that come later.
bool Track::isShutOut() {
  {
    Lock lock(mutex_);
    if (hadCaps_ || !eosSent_ || shutOut_) return shutOut_;
  }
  if (!destinationOf(outlet_).muxer) return false;
  GST_WARNING_OBJECT(outlet_,
                     "what comes now is dropped: the muxer behind the pad was told that nothing "
                     "would come, and takes no new track");
  Lock lock(mutex_);
  return shutOut_ = true;
}

void Track::push(const std::shared_ptr<Inlet> &inlet, Ref<GstBuffer> buffer) {
  StreamLock streaming(outlet_);
  if (isShutOut()) return;
  if (isKeyframeDue(buffer.get())) inlet->requestKeyframe(Inlet::Request::Now);
  Events headers;
  switch (admit(inlet, buffer.get(), headers)) {
    case Verdict::Drop:
      return;
    case Verdict::NeedKeyframe:
      return inlet->requestKeyframe(Inlet::Request::NowAndThen);
    case Verdict::Pass:
      break;
  }
  pushAll(headers);
  buffer = Ref<GstBuffer>::take(gst_buffer_make_writable(buffer.release()));
  if (!stamp(*inlet, buffer.get())) return;
  pushBuffer(std::move(buffer));
}

/// What downstream returns stays here, so that no other track and no publisher feels it.
void Track::pushBuffer(Ref<GstBuffer> buffer) {
  {
    Lock lock(mutex_);
    pushBegan_ = steady_clock::now();
    hadData_ = true;
  }
  GstFlowReturn flow = gst_pad_push(outlet_, buffer.release());
  if (flow != GST_FLOW_OK)
    GST_LOG_OBJECT(outlet_, "downstream returned %s", gst_flow_get_name(flow));
  Lock lock(mutex_);
  pushBegan_.reset();
  pushEnded_ = steady_clock::now();
  lastFlow_ = flow;
  if (flow == GST_FLOW_FLUSHING && kind_ == MediaKind::Video) discontinuous_ = true;
}

void Track::pushEvent(const std::shared_ptr<Inlet> &inlet, Ref<GstEvent> event) {
  StreamLock streaming(outlet_);
  {
    Lock lock(mutex_);
    // Until the first buffer nothing goes out; the inlet keeps its caps for then.
    if (current_ != inlet || isOver() || !segmentSent_ || started_ != inlet->publication().order)
      return;
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_CAPS)
      event = Ref<GstEvent>::take(gst_event_new_caps(settled(*inlet).get()));
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_GAP) {
      if (feed_ != Feed::Live) return;
      GstClockTime time, duration;
      gst_event_parse_gap(event.get(), &time, &duration);
      time = gst_segment_to_running_time(&inlet->segment_, GST_FORMAT_TIME, time);
      if (!GST_CLOCK_TIME_IS_VALID(time)) return;
      time = elementTime(*inlet, time);
      if (GST_CLOCK_TIME_IS_VALID(lastTime_)) time = std::max(time, lastTime_);
      lastTime_ = time;
      event = Ref<GstEvent>::take(gst_event_new_gap(time, duration));
    }
  }
  gst_pad_push_event(outlet_, event.release());
}

void Track::pushAll(Events &events) {
  for (auto &event : events)
    gst_pad_push_event(outlet_, event.release());
  events.clear();
}

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

bool Track::cover(const std::shared_ptr<Inlet> &inlet) {
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
  Lock lock(mutex_);
  if ((current_ && current_ != inlet) || isOver() || eosSent_) return false;
  if (feed_ == Feed::Waiting) {
    if (segmentSent_) eosAt_.reset();
    return false;
  }
  if (patient || segmentSent_) return false;
  change(Feed::Waiting);
  setEosTime(std::nullopt);
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
    pushGap(latency, epoch);
  }
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
    gst_pad_push_event(outlet_, gst_event_new_gap(from, duration));
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

GstClockTime Track::now() const {
  auto element = Ref<GstElement>::take(gst_pad_get_parent_element(outlet_));
  return element ? gst_element_get_current_running_time(element.get()) : GST_CLOCK_TIME_NONE;
}

void Track::drain(milliseconds patience) {
  const auto begin = steady_clock::now();
  for (GstClockTime time = now(); GST_CLOCK_TIME_IS_VALID(time); time = now()) {
    Lock lock(mutex_);
    const auto progress = std::max(begin, pushEnded_);
    const auto silence = steady_clock::now() - progress;
    const bool caughtUp = GST_CLOCK_TIME_IS_VALID(lastTime_) && lastTime_ + kCaughtUp > time;
    if (!playing_ || isOver() || caughtUp || silence > patience) return;
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

void Track::interrupt() {
  std::shared_ptr<Inlet> ended;  // let go without the lock
  Lock lock(mutex_);
  ended.swap(current_);
  change(feed_ == Feed::Retired ? Feed::Retired : Feed::Idle);
  started_ = 0;
  segmentSent_ = awaitKeyframe_ = eosSent_ = hadEos_ = false;
  hadData_ = hadCaps_ = shutOut_ = false;
  keyframeAt_.reset();
  lastFlow_ = GST_FLOW_OK;
  lastTime_ = GST_CLOCK_TIME_NONE;
  clockOffset_.reset();
}

void Track::retire() {
  Lock lock(mutex_);
  change(Feed::Retired);
}

void Track::setPlaying(bool playing) {
  Lock lock(mutex_);
  playing_ = playing;
  clockOffset_.reset();
  if (playing || !current_) return;
  // What is under way may not come through; a decoder needs a new start.
  discontinuous_ = true;
  awaitKeyframe_ = needsKeyframe(*current_);
}

}  // namespace gws
