// SPDX-License-Identifier: LGPL-2.1-or-later
// The inside of a pad: takes one publication after another and keeps the timeline between them.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codecs.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "inlet.h"
#include "settings.h"

namespace gws {

/// Owned by its pad. Streaming threads push(); a worker keepTime()s while nobody publishes; any
/// thread reads and asks for key frames. Its mutex is never held across a call into GStreamer;
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

  /// The publication is over. With no value downstream gets EOS at once, else when that time is
  /// over without a successor; negative: never. Returns whether keepTime() has to be run.
  [[nodiscard]] bool end(const std::shared_ptr<Inlet> &inlet,
                         std::optional<std::chrono::milliseconds> wait) EXCLUDES(mutex_);
  /// A publication has begun that has nothing for this pad: downstream gets EOS, so that a muxer
  /// does not wait for it. Returns whether keepTime() has to be run.
  [[nodiscard]] bool skip() EXCLUDES(mutex_);
  /// Sends GAP events up to `latency` ago and in the end EOS, as end() said; returns when a
  /// publication takes the pad, after EOS, or after interrupt(). May block in downstream.
  void keepTime(std::chrono::milliseconds latency) EXCLUDES(mutex_);
  /// The application's EOS: as soon as possible, whoever publishes. May block in downstream.
  void sendEos() EXCLUDES(mutex_);
  /// The pad was deactivated: forget what was sent, end keepTime().
  void interrupt() EXCLUDES(mutex_);
  /// The pad is on its way out of the element: nothing passes any more.
  void retire() EXCLUDES(mutex_);
  /// Whether the element is PLAYING; what comes while it is not is dropped, since it is live.
  void setPlaying(bool playing) EXCLUDES(mutex_);

  /// The publication that feeds the pad now, or nullptr.
  std::shared_ptr<Inlet> current() const EXCLUDES(mutex_);

 private:
  enum class Feed {
    Idle,     ///< nobody has published yet, or EOS was sent after the last publication
    Live,     ///< current_ feeds the pad
    Waiting,  ///< keepTime() is at work
    Closed,   ///< the application sent EOS; nothing more until the pad is activated again
    Retired,  ///< the pad was released; for ever
  };
  using Events = std::vector<Ref<GstEvent>>;

  enum class Verdict { Pass, Drop, NeedKeyframe };
  Verdict admit(const std::shared_ptr<Inlet> &inlet, GstBuffer *buffer, Events &headers)
      EXCLUDES(mutex_);
  void takeOver(const std::shared_ptr<Inlet> &inlet) REQUIRES(mutex_);
  bool isOver() const REQUIRES(mutex_) { return feed_ == Feed::Closed || feed_ == Feed::Retired; }
  /// Whether what comes of it is frames, of which the first has to be a key frame.
  bool needsKeyframe(const Inlet &inlet) const {
    return kind_ == MediaKind::Video && inlet.form() == Form::Encoded;
  }
  void noteFlow(GstFlowReturn flow) EXCLUDES(mutex_);
  static void addStreamStart(const Inlet &inlet, Events &headers);
  void addHeaders(const Inlet &inlet, Events &headers) REQUIRES(mutex_);
  bool stamp(Inlet &inlet, GstBuffer *buffer) EXCLUDES(mutex_);
  GstClockTime elementTime(Inlet &inlet, GstClockTime time) REQUIRES(mutex_);
  void pushAll(Events &events);
  bool waitForTick(std::uint64_t epoch, bool *eosDue) EXCLUDES(mutex_);
  void pushGap(std::chrono::milliseconds latency) EXCLUDES(mutex_);
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
  bool hadEos_ GUARDED_BY(mutex_) = false;         ///< since the pad was activated
  GstFlowReturn lastFlow_ GUARDED_BY(mutex_) = GST_FLOW_OK;
  bool discontinuous_ GUARDED_BY(mutex_) = false;  ///< the next buffer is DISCONT
  /// Publication::order of the one whose stream-start went out last, 0: none.
  std::uint64_t started_ GUARDED_BY(mutex_) = 0;
  bool segmentSent_ GUARDED_BY(mutex_) = false;  ///< and no EOS since
  GstClockTime lastTime_ GUARDED_BY(mutex_) = GST_CLOCK_TIME_NONE;
  std::optional<GstClockTimeDiff> clockOffset_ GUARDED_BY(mutex_);
};

}  // namespace gws
