// SPDX-License-Identifier: LGPL-2.1-or-later
// The inside of a pad: takes one publication after another and keeps the timeline between them.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codecs.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "inlet.h"
#include "settings.h"

namespace gws {

/// Owned by its pad. Streaming threads push(); a worker keepTime()s while nobody publishes; any
/// thread reads and asks for key frames. Its mutex is never held across a call that could block;
/// pushes are serialised by the pad's stream lock.
class Track {
 public:
  Track(GstPad *outlet, MediaKind kind) : outlet_(outlet), kind_(kind) {}

  MediaKind kind() const { return kind_; }
  /// Only before the pad is used.
  void setKind(MediaKind kind) { kind_ = kind; }

  /// Pad properties; empty while nobody publishes.
  struct Facts {
    std::string publisherId, mid, msid, codec;
  };
  Facts facts() const EXCLUDES(mutex_);

  /// The pad's stream-start, tags and id for a publication that will feed it; before the pad is
  /// added to the element, so that who sees it can read them.
  void announce(const std::shared_ptr<Inlet> &inlet) EXCLUDES(mutex_);

  /// A buffer of a publication: the first one takes the pad over. Streaming thread.
  void push(const std::shared_ptr<Inlet> &inlet, Ref<GstBuffer> buffer) EXCLUDES(mutex_);
  /// A serialised event of a publication (caps, GAP, custom). Streaming thread.
  void pushEvent(const std::shared_ptr<Inlet> &inlet, Ref<GstEvent> event) EXCLUDES(mutex_);

  /// A publication that could have fed the pad is over. With no value downstream gets EOS at once,
  /// else when that time is over without a successor; negative: never. Returns whether keepTime()
  /// has to be run.
  [[nodiscard]] bool end(const std::shared_ptr<Inlet> &inlet,
                         std::optional<std::chrono::milliseconds> wait) EXCLUDES(mutex_);
  /// The publication has a track for this pad that sends nothing at present: GAP events keep
  /// downstream's time until it does. Returns whether keepTime() has to be run.
  [[nodiscard]] bool cover(const std::shared_ptr<Inlet> &inlet) EXCLUDES(mutex_);
  /// A publication has nothing for this pad, or `inlet`, which never gave anything: downstream gets
  /// EOS, so that a muxer does not wait for it. One that waits for a return, with data behind it,
  /// goes on waiting until unskip(). With `patient` there is no EOS, but for audio GAP events with
  /// caps that are made up. Returns whether keepTime() has to be run.
  [[nodiscard]] bool skip(const std::shared_ptr<Inlet> &inlet, bool patient) EXCLUDES(mutex_);
  /// The publication that had nothing for this pad is over; `wait` as for end().
  void unskip(std::optional<std::chrono::milliseconds> wait) EXCLUDES(mutex_);
  /// Sends GAP events up to `latency` ago and in the end EOS, as end() said; returns when a
  /// publication takes the pad, after EOS, or after interrupt(). May block in downstream.
  void keepTime(std::chrono::milliseconds latency) EXCLUDES(mutex_);
  /// The pad has become active, and nobody publishes. Mixers get a GAP event: those of GStreamer
  /// 1.22 would begin at 0 again with their first buffer, and one that has announced its output
  /// before it knew any input changes it then.
  void prime() EXCLUDES(mutex_);
  /// Whether downstream has not taken a buffer for a while: a muxer that waits for another track.
  bool isHeldUp() const EXCLUDES(mutex_);
  /// Waits until what was held up has passed, at most `patience` without any progress.
  void drain(std::chrono::milliseconds patience) EXCLUDES(mutex_);
  /// The application's EOS: as soon as possible, whoever publishes. May block in downstream.
  void sendEos() EXCLUDES(mutex_);
  /// The pad was activated: everything begins anew.
  void reset() EXCLUDES(mutex_);
  /// The pad was deactivated: keepTime() ends, and jobs that are late do nothing any more.
  void interrupt() EXCLUDES(mutex_);
  /// A publication that has a track for this pad is let in: no EOS before its end().
  void expect() EXCLUDES(mutex_);
  /// The pad is on its way out of the element: nothing passes any more.
  void retire() EXCLUDES(mutex_);
  /// Whether the element is PLAYING; what comes while it is not is dropped, since it is live.
  void setPlaying(bool playing) EXCLUDES(mutex_);

  /// Whether downstream asks for a key frame at a time to come; it is requested then.
  bool postpone(GstEvent *event) EXCLUDES(mutex_);
  /// The publication that feeds the pad now, or nullptr.
  std::shared_ptr<Inlet> current() const EXCLUDES(mutex_);

 private:
  enum class Feed {
    Idle,     ///< nobody has published yet, or EOS was sent after the last publication
    Live,     ///< current_ feeds the pad
    Silent,   ///< current_ will; until then keepTime() is at work
    Waiting,  ///< nobody will for now; keepTime() is at work
    Closed,   ///< after the application's EOS, or not active; nothing until it is activated
    Retired,  ///< the pad was released; for ever
  };
  using Events = std::vector<Ref<GstEvent>>;

  enum class Verdict { Pass, Drop, NeedKeyframe };
  Verdict admit(const std::shared_ptr<Inlet> &inlet, GstBuffer *buffer, Events &headers)
      EXCLUDES(mutex_);
  bool isShutOut() EXCLUDES(mutex_);
  bool isKeyframeDue(GstBuffer *buffer) EXCLUDES(mutex_);
  void takeOver(const std::shared_ptr<Inlet> &inlet) REQUIRES(mutex_);
  bool isKeptInTime() const REQUIRES(mutex_) {
    return feed_ == Feed::Silent || feed_ == Feed::Waiting;
  }
  void change(Feed feed) REQUIRES(mutex_);
  bool isOver() const REQUIRES(mutex_) { return feed_ == Feed::Closed || feed_ == Feed::Retired; }
  /// Whether what comes of it is frames, of which the first has to be a key frame.
  bool needsKeyframe(const Inlet &inlet) const {
    return kind_ == MediaKind::Video && inlet.form() == Form::Encoded;
  }
  void pushBuffer(Ref<GstBuffer> buffer) EXCLUDES(mutex_);
  GstClockTime now() const;
  Ref<GstCaps> settled(const Inlet &inlet) const;
  bool addPlaceholder(Events &headers);
  void announceNothing(std::uint64_t epoch) EXCLUDES(mutex_);
  void pushNothing(GstClockTime from, GstClockTime duration) EXCLUDES(mutex_);
  static void addStreamStart(const Inlet &inlet, Events &headers);
  void addHeaders(const Inlet &inlet, Events &headers) REQUIRES(mutex_);
  bool stamp(Inlet &inlet, GstBuffer *buffer) EXCLUDES(mutex_);
  GstClockTime elementTime(Inlet &inlet, GstClockTime time) REQUIRES(mutex_);
  void pushAll(Events &events);
  void setEosTime(std::optional<std::chrono::milliseconds> wait) REQUIRES(mutex_);
  bool waitForTick(std::uint64_t epoch, bool *eosDue) EXCLUDES(mutex_);
  void pushGap(std::chrono::milliseconds latency, std::uint64_t epoch) EXCLUDES(mutex_);
  void pushEos(Feed next, std::uint64_t epoch) EXCLUDES(mutex_);
  bool isDownstreamAlive();

  GstPad *const outlet_;  ///< the pad that owns this
  MediaKind kind_;

  mutable Mutex mutex_;
  Condition changed_;
  Feed feed_ GUARDED_BY(mutex_) = Feed::Idle;
  std::uint64_t epoch_ GUARDED_BY(mutex_) = 0;  ///< counts the changes of feed_
  std::shared_ptr<Inlet> current_ GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> eosAt_ GUARDED_BY(mutex_);
  bool playing_ GUARDED_BY(mutex_) = false;
  bool awaitKeyframe_ GUARDED_BY(mutex_) = false;  ///< frames were dropped on the way
  bool eosSent_ GUARDED_BY(mutex_) = false;        ///< and no stream-start since
  bool pretend_ GUARDED_BY(mutex_) = false;        ///< keepTime() has to make caps up
  bool hadData_ GUARDED_BY(mutex_) = false;        ///< since then, or since the last EOS
  bool hadCaps_ GUARDED_BY(mutex_) = false;        ///< since the pad was activated
  bool shutOut_ GUARDED_BY(mutex_) = false;        ///< a muxer has finished without the pad
  bool hadEos_ GUARDED_BY(mutex_) = false;         ///< since the pad was activated
  GstFlowReturn lastFlow_ GUARDED_BY(mutex_) = GST_FLOW_OK;
  /// When the push that is under way began; when the last one ended.
  std::optional<std::chrono::steady_clock::time_point> pushBegan_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point pushEnded_ GUARDED_BY(mutex_);
  bool discontinuous_ GUARDED_BY(mutex_) = false;  ///< the next buffer is DISCONT
  /// Publication::order of the one whose stream-start went out last, 0: none.
  std::uint64_t started_ GUARDED_BY(mutex_) = 0;
  bool segmentSent_ GUARDED_BY(mutex_) = false;  ///< with caps, and no EOS since
  GstClockTime lastTime_ GUARDED_BY(mutex_) = GST_CLOCK_TIME_NONE;
  std::set<GstClockTime> keyframesAt_ GUARDED_BY(mutex_);  ///< running times
  std::optional<GstClockTimeDiff> clockOffset_ GUARDED_BY(mutex_);
};

}  // namespace gws
