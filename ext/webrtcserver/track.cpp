// SPDX-License-Identifier: LGPL-2.1-or-later
// One pad's timeline: take-over, time stamps, GAP and EOS.
#include "track.h"

#include <algorithm>

#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-track", "the pads' timelines");

namespace gws {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGapInterval(100);

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

void Track::takeOver(const std::shared_ptr<Inlet> &inlet) {
  current_ = inlet;
  feed_ = Feed::Live;
  epoch_++;
  eosAt_.reset();
  discontinuous_ = true;
  clockOffset_.reset();
  changed_.notifyAll();
}

void Track::addStreamStart(const Inlet &inlet, Events &headers) {
  const Publication &publication = inlet.publication();
  std::string id = publication.stream + "/" + publication.publisherId + "/" + inlet.mid();
  GstEvent *start = gst_event_new_stream_start(id.c_str());
  gst_event_set_group_id(start, publication.groupId);
  headers.push_back(Ref<GstEvent>::take(start));
}

void Track::addHeaders(const Inlet &inlet, Events &headers) {
  bool newStream = started_ != inlet.publication().order;
  if (newStream) addStreamStart(inlet, headers);
  started_ = inlet.publication().order;
  auto sent = Ref<GstCaps>::take(gst_pad_get_current_caps(outlet_));
  bool sameCaps = sent && inlet.caps_ && gst_caps_is_equal(sent.get(), inlet.caps_.get());
  if (inlet.caps_ && !(sameCaps && segmentSent_))
    headers.push_back(Ref<GstEvent>::take(gst_event_new_caps(inlet.caps_.get())));
  if (newStream || !segmentSent_) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    headers.push_back(Ref<GstEvent>::take(gst_event_new_segment(&segment)));
    GstTagList *tags = gst_tag_list_new(GST_TAG_TITLE, inlet.publication().stream.c_str(), nullptr);
    gst_tag_list_set_scope(tags, GST_TAG_SCOPE_GLOBAL);
    headers.push_back(Ref<GstEvent>::take(gst_event_new_tag(tags)));
  }
  segmentSent_ = true;
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
  if (awaitKeyframe_ && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    return Verdict::NeedKeyframe;
  awaitKeyframe_ = false;
  if (current_ != inlet || feed_ != Feed::Live) takeOver(inlet);
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

/// Puts a buffer on the element's timeline, which never goes back, whatever RTCP says. Pictures
/// that come too early on it stay, since others are built on them, but get the time of the last
/// one; audio would be stretched by that in parsers that count on, so it is left out: then it
/// returns false.
bool Track::stamp(Inlet &inlet, GstBuffer *buffer) {
  Lock lock(mutex_);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (GST_BUFFER_PTS_IS_VALID(buffer))
    time = gst_segment_to_running_time(&inlet.segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) time = elementTime(inlet, time);
  if (!GST_CLOCK_TIME_IS_VALID(time)) time = GST_CLOCK_TIME_IS_VALID(lastTime_) ? lastTime_ : 0;
  if (GST_CLOCK_TIME_IS_VALID(lastTime_) && time < lastTime_) {
    if (kind_ == MediaKind::Audio && inlet.form() != Form::Rtp) {
      discontinuous_ = true;
      return false;
    }
    time = lastTime_;
  }
  lastTime_ = time;
  GST_BUFFER_PTS(buffer) = time;
  // Real-time encoders do not reorder: what is decoded next is shown next.
  GST_BUFFER_DTS(buffer) = inlet.form() == Form::Raw ? GST_CLOCK_TIME_NONE : time;
  if (discontinuous_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discontinuous_ = false;
  return true;
}

void Track::push(const std::shared_ptr<Inlet> &inlet, Ref<GstBuffer> buffer) {
  StreamLock streaming(outlet_);
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
  noteFlow(gst_pad_push(outlet_, buffer.release()));
}

/// What downstream returns stays here, so that no other track and no publisher feels it.
void Track::noteFlow(GstFlowReturn flow) {
  if (flow != GST_FLOW_OK)
    GST_LOG_OBJECT(outlet_, "downstream returned %s", gst_flow_get_name(flow));
  Lock lock(mutex_);
  lastFlow_ = flow;
  if (flow == GST_FLOW_FLUSHING && kind_ == MediaKind::Video) discontinuous_ = true;
}

void Track::pushEvent(const std::shared_ptr<Inlet> &inlet, Ref<GstEvent> event) {
  StreamLock streaming(outlet_);
  {
    Lock lock(mutex_);
    // Until the first buffer nothing goes out; the inlet keeps its caps for then.
    if (current_ != inlet || feed_ != Feed::Live || !segmentSent_ ||
        started_ != inlet->publication().order)
      return;
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_GAP) {
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
  if (current_ != inlet) return false;
  GST_DEBUG_OBJECT(outlet_, "publication of %s is over", inlet->publication().publisherId.c_str());
  ended.swap(current_);
  if (isOver()) return false;
  feed_ = Feed::Waiting;
  epoch_++;
  awaitKeyframe_ = false;
  milliseconds delay = wait.value_or(milliseconds(0));
  eosAt_.reset();
  if (delay.count() >= 0) eosAt_ = steady_clock::now() + delay;
  changed_.notifyAll();
  return true;
}

bool Track::skip() {
  Lock lock(mutex_);
  if (current_ || isOver() || eosSent_) return false;
  feed_ = Feed::Waiting;
  epoch_++;
  eosAt_ = steady_clock::now();
  changed_.notifyAll();
  return true;
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
    if (feed_ != Feed::Waiting) return;
    epoch = epoch_;
  }
  bool eosDue = false;
  while (waitForTick(epoch, &eosDue)) {
    StreamLock streaming(outlet_);
    if (eosDue) return pushEos(Feed::Idle, epoch);
    pushGap(latency);
  }
}

void Track::pushGap(milliseconds latency) {
  auto element = Ref<GstElement>::take(gst_pad_get_parent_element(outlet_));
  if (!element) return;
  GstClockTime now = gst_element_get_current_running_time(element.get());
  GstClockTime back = latency.count() * GST_MSECOND;
  GstClockTime from;
  {
    Lock lock(mutex_);
    if (feed_ != Feed::Waiting || !playing_ || !segmentSent_) return;
    if (!GST_CLOCK_TIME_IS_VALID(lastTime_) || !GST_CLOCK_TIME_IS_VALID(now) || now < back) return;
    now -= back;
    if (now <= lastTime_) return;
    from = lastTime_;
    lastTime_ = now;
  }
  gst_pad_push_event(outlet_, gst_event_new_gap(from, now - from));
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

void Track::pushEos(Feed next, std::uint64_t epoch) {
  Events headers;
  bool again;
  {
    Lock lock(mutex_);
    if (epoch_ != epoch) return;
    feed_ = next;
    epoch_++;
    eosAt_.reset();
    if (eosSent_ || lastFlow_ == GST_FLOW_ERROR || lastFlow_ == GST_FLOW_EOS) return;
    again = std::exchange(hadEos_, true);
    eosSent_ = true;
    if (!segmentSent_ && !started_) {
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
  gst_pad_push_event(outlet_, gst_event_new_eos());
}

void Track::sendEos() {
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
  if (feed_ != Feed::Retired) feed_ = Feed::Idle;
  epoch_++;
  eosAt_.reset();
  started_ = 0;
  segmentSent_ = awaitKeyframe_ = eosSent_ = hadEos_ = false;
  lastFlow_ = GST_FLOW_OK;
  lastTime_ = GST_CLOCK_TIME_NONE;
  clockOffset_.reset();
  changed_.notifyAll();
}

void Track::retire() {
  Lock lock(mutex_);
  feed_ = Feed::Retired;
  epoch_++;
  changed_.notifyAll();
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
