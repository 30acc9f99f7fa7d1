// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds a track back until its publisher is verified and its first key frame is there.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <deque>
#include <memory>

#include "codecs.h"
#include "frame_meter.h"
#include "gst/common/gobj.h"

namespace gws {

/// What the gates of one publisher have in common. Guarded by being atomic.
struct StartLine {
  std::atomic<bool> verified = false;    ///< the DTLS certificate is the one the offer announced
  std::atomic<bool> videoAhead = false;  ///< a video track has still to begin
  std::atomic<GstClockTime> videoBegin = 0;  ///< the PTS with which it began
  std::atomic<gint64> audioPatience = 0;     ///< µs that audio waits for it
};

/// A buffer probe on the pad that carries a track's frames; what it does not let through is
/// dropped, and a key frame is asked for at once and then every 500 ms, as after a loss. Audio is
/// kept until the video of its publisher is there, within limits, so that both begin together.
/// Owned by the publisher; streaming threads run the probe, a worker calls askAgain().
class Gate {
 public:
  /// `line` outlives the gate; `frames` counts pictures, also those that are not let through.
  Gate(Ref<GstPad> pad, CodecId codec, Form form, StartLine &line,
       std::shared_ptr<FrameMeter> frames);
  ~Gate();
  Gate(const Gate &) = delete;

  /// Call now and then, for a publisher of which not even a broken frame arrives.
  void askAgain();
  bool isOpen() const { return open_; }

 private:
  void onEvent(GstEvent *event);
  GstPadProbeReturn onBuffer(GstBuffer *buffer);
  void mend(GstBuffer *buffer);
  GstPadProbeReturn onVideo(GstBuffer *buffer);
  GstPadProbeReturn onAudio(GstBuffer *buffer);
  void releaseHeld();
  bool isVideo() const;
  bool isKeyframe(GstBuffer *buffer) const;
  void measure(GstBuffer *buffer);
  void ask();

  const Ref<GstPad> pad_;
  const CodecId codec_;
  const Form form_;
  StartLine &line_;
  const std::shared_ptr<FrameMeter> frames_;  ///< shared with who reads it
  std::atomic<bool> open_ = false;
  std::atomic<gint64> lastRequest_ = 0;   ///< monotonic µs
  std::atomic<gint64> missingSince_ = 0;  ///< monotonic µs of the first askAgain()
  bool broken_ = false;              ///< a loss, and no key frame since; the streaming thread's
  std::deque<Ref<GstBuffer>> held_;  ///< audio; streaming thread
  gint64 heldSince_ = 0;             ///< monotonic µs; streaming thread
  gulong probe_ = 0;
};

}  // namespace gws
