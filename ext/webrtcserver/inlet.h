// SPDX-License-Identifier: LGPL-2.1-or-later
// Where one track of one publication ends, and enters the pad that it belongs to.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "codecs.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"

namespace gws {

class Track;

/// What the tracks of one publication have in common; never changes.
struct Publication {
  std::string stream, publisherId;
  guint groupId = 0;
  std::uint64_t order = 0;  ///< a later publication has a higher one, in the whole process
};

/// A sink pad without an element behind the last element of a publisher's chain. It hands buffers
/// to a Track and shields the chain from whatever downstream returns. Shared by its publisher and
/// by the Track that it feeds, since either may go first; streaming threads run chain().
class Inlet {
 public:
  Inlet(std::shared_ptr<const Publication> publication, CodecId codec, Form form, std::string mid,
        std::string msid);
  ~Inlet();
  Inlet(const Inlet &) = delete;

  GstPad *pad() const { return pad_.get(); }
  const Publication &publication() const { return *publication_; }
  CodecId codecId() const { return codec_; }
  Form form() const { return form_; }
  /// One buffer is one frame.
  bool carriesWholeFrames() const EXCLUDES(mutex_);
  const std::string &mid() const { return mid_; }
  const std::string &msid() const { return msid_; }

  /// Names the pad that it feeds: before anything flows. The pad keeps the Track alive.
  void connect(std::shared_ptr<Inlet> self, GstPad *outlet, Track *track);
  /// From now on buffers are dropped; what is under way downstream may still finish.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }

  /// The clock and base time that its timestamps' running time belongs to; before anything flows.
  void setClock(Ref<GstClock> clock, GstClockTime baseTime) {
    clock_ = std::move(clock);
    baseTime_ = baseTime;
  }
  GstClock *clock() const { return clock_.get(); }
  GstClockTime baseTime() const { return baseTime_; }

  /// Takes the sender's time from a packet's GstReferenceTimestampMeta; what comes out of the
  /// elements between, which drop it, gets one again. Any thread.
  void learnReferenceTime(GstBuffer *packet) EXCLUDES(mutex_);

  enum class Request { Now, NowAndThen };
  /// Asks the publisher for a key frame; NowAndThen: not more often than every 500 ms. Any thread.
  void requestKeyframe(Request request);
  /// An event from downstream on its way to the publisher; any thread.
  bool sendUpstream(GstEvent *event) { return gst_pad_push_event(pad_.get(), event); }

  /// Time of the last buffer, monotonic µs (g_get_monotonic_time); 0: none yet.
  gint64 lastArrival() const { return lastArrival_; }
  /// Whether a buffer is on its way through the pad now; for long, when downstream blocks.
  bool isBusy() const { return busy_; }

  /// The caps of what arrives; nothing before they came. Any thread.
  Ref<GstCaps> caps() const EXCLUDES(mutex_) {
    Lock lock(mutex_);
    return caps_;
  }
  void setCaps(GstCaps *caps) EXCLUDES(mutex_);

 private:
  friend class Track;
  static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer);
  static gboolean event(GstPad *pad, GstObject *parent, GstEvent *event);
  static gboolean query(GstPad *pad, GstObject *parent, GstQuery *query);
  Ref<GstBuffer> withReferenceTime(Ref<GstBuffer> buffer) EXCLUDES(mutex_);
  bool handleEvent(Ref<GstEvent> event);
  bool answerCaps(GstQuery *query);
  Ref<GstCaps> acceptableCaps() const;

  const std::shared_ptr<const Publication> publication_;
  const CodecId codec_;
  const Form form_;
  const std::string mid_, msid_;
  Ref<GstPad> pad_;
  Ref<GstPad> outlet_;
  Ref<GstClock> clock_;
  GstClockTime baseTime_ = 0;
  Track *track_ = nullptr;
  std::weak_ptr<Inlet> self_;
  std::atomic<bool> closed_ = false;
  std::atomic<gint64> lastArrival_ = 0;
  std::atomic<bool> busy_ = false;
  std::atomic<gint64> lastRequest_ = 0;  ///< monotonic µs

  mutable Mutex mutex_;
  Ref<GstCaps> caps_ GUARDED_BY(mutex_);
  struct ReferenceTime {
    Ref<GstCaps> clock;
    GstClockTime pts, time;
  };
  std::optional<ReferenceTime> reference_ GUARDED_BY(mutex_);
  GstSegment segment_;  ///< only the streaming thread
};

}  // namespace gws
