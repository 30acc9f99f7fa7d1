// SPDX-License-Identifier: LGPL-2.1-or-later
// One pad's timeline: take-over, headers, time stamps.
#include "track.h"

#include <gst/video/video.h>

#include <algorithm>

#include "downstream.h"
#include "log.h"
#include "stream_lock.h"

GWS_LOG_CATEGORY("webrtcserver-track", "the pads' timelines");

namespace gws {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxKeyframeTimes = 64;

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
    if (time <= lastTime_ && dispensable) {
      discontinuous_ = true;
      return false;
    }
    // Parsers take the same time for none at all; packets and NAL units of one picture share it.
    if (time <= lastTime_) time = lastTime_ + (inlet.carriesWholeFrames() ? 1 : 0);
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
  if (!GST_CLOCK_TIME_IS_VALID(at) || !GST_CLOCK_TIME_IS_VALID(now())) return false;
  Lock lock(mutex_);
  if ((current_ && !needsKeyframe(*current_)) || keyframesAt_.size() >= kMaxKeyframeTimes)
    return false;
  keyframesAt_.insert(at);
  return true;
}

/// Until one comes: a request may be lost, and browsers ignore one soon after a key frame.
bool Track::isKeyframeDue(GstBuffer *buffer) {
  {
    Lock lock(mutex_);
    if (keyframesAt_.empty()) return false;
  }
  GstClockTime time = now();
  Lock lock(mutex_);
  const auto due = keyframesAt_.upper_bound(time);
  if (due == keyframesAt_.begin()) return false;
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) return true;
  // One that comes by itself will do, the first of a publication for example.
  keyframesAt_.erase(keyframesAt_.begin(), due);
  return false;
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
  if (isKeyframeDue(buffer.get())) inlet->requestKeyframe(Inlet::Request::NowAndThen);
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

GstClockTime Track::now() const {
  auto element = Ref<GstElement>::take(gst_pad_get_parent_element(outlet_));
  return element ? gst_element_get_current_running_time(element.get()) : GST_CLOCK_TIME_NONE;
}

void Track::interrupt() {
  std::shared_ptr<Inlet> ended;  // let go without the lock
  Lock lock(mutex_);
  ended.swap(current_);
  if (feed_ != Feed::Retired) change(Feed::Closed);
}

void Track::reset() {
  Lock lock(mutex_);
  if (feed_ != Feed::Retired) change(Feed::Idle);
  started_ = 0;
  segmentSent_ = awaitKeyframe_ = eosSent_ = hadEos_ = false;
  hadData_ = hadCaps_ = shutOut_ = pretend_ = false;
  keyframesAt_.clear();
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
