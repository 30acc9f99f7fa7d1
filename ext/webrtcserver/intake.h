// SPDX-License-Identifier: LGPL-2.1-or-later
// What the streaming threads of one webrtcbin may touch: where each of its pads goes.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "element_side.h"
#include "gate.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "inlet.h"
#include "offer.h"

namespace gws {

/// One selected m= section of a publisher, built before anything arrives.
struct IntakeTrack {
  unsigned line = 0;  ///< webrtcbin's m-line
  MediaKind kind = MediaKind::Video;
  unsigned payload = 0;
  std::string mid;
  unsigned midId = 0;      ///< of the MID header extension, 0: it is not negotiated
  bool announced = false;  ///< the offer named its SSRC
  Ref<GstPad> outlet;      ///< the pad of the element that this track comes out of
  Ref<GstPad> rtpSink;     ///< takes webrtcbin's pad
  std::shared_ptr<Inlet> inlet;
  std::shared_ptr<Gate> gate;  ///< also of a job that asks for a key frame
  bool linked = false;
  bool sometimes = false;  ///< the outlet is a sometimes pad, the element's only while exposed
  bool exposed = false;
};

/// Owned by the publisher. Filled before webrtcbin starts; then streaming threads link pads, the
/// publisher's strand verifies and closes it.
class Intake {
 public:
  Intake(ElementSide &element, std::string stream)
      : element_(element), stream_(std::move(stream)) {}
  ~Intake();

  void add(IntakeTrack track) EXCLUDES(mutex_);
  StartLine &startLine() { return startLine_; }

  /// Adds the sometimes pads to the element: after verification, before anything flows.
  void expose() EXCLUDES(mutex_);
  /// Removes a sometimes pad, if it was added.
  void retire(GstPad *outlet) EXCLUDES(mutex_);
  /// Links a pad of webrtcbin, at once or when its packets have said which track they are of; false
  /// when the publisher has sent more RTP streams than it may.
  [[nodiscard]] bool link(GstPad *pad) EXCLUDES(mutex_);
  /// Takes what comes out of a pad and drops it, so that webrtcbin meets no unlinked pad.
  void drain(GstPad *pad) EXCLUDES(mutex_);
  /// Nothing is linked and nothing passes from now on.
  void close() EXCLUDES(mutex_);

  /// Media may pass from now on, and silence counts. Audio waits so long for the first picture.
  void open(std::chrono::microseconds audioPatience) EXCLUDES(mutex_);
  /// Whether its first frames are out.
  bool begun() const EXCLUDES(mutex_);

  /// A track that sends nothing at present.
  struct Quiet {
    unsigned line;
    Ref<GstPad> outlet, rtpSink;
    std::shared_ptr<Inlet> inlet;
    bool linked, sometimes;  ///< as in IntakeTrack
    std::chrono::microseconds silence;
  };
  std::vector<Quiet> quietTracks() const EXCLUDES(mutex_);
  bool keyframeMissing() const EXCLUDES(mutex_);
  void askForKeyframes(bool onlyWhereMissing) EXCLUDES(mutex_);
  /// Monotonic µs of the last frame of any track, 0: none yet. While downstream blocks one, of the
  /// last packet.
  gint64 lastArrival() const EXCLUDES(mutex_);
  /// Monotonic µs of the last RTP packet, 0: none yet. Shared with the probe that writes it.
  const std::shared_ptr<std::atomic<gint64>> &lastPacket() const { return lastPacket_; }

  struct Output {
    Ref<GstPad> outlet;
    std::shared_ptr<Inlet> inlet;
    bool sometimes;
  };
  /// The pads that this publisher feeds.
  std::vector<Output> outputs() const EXCLUDES(mutex_);

 private:
  struct RtpStream;
  struct Undecided;
  IntakeTrack *find(const RtpStream &stream, std::string_view mid) REQUIRES(mutex_);
  unsigned midIdFor(const RtpStream &stream) REQUIRES(mutex_);
  void awaitMid(GstPad *pad, unsigned midId);
  static GstPadProbeReturn onUndecided(GstPad *pad, GstPadProbeInfo *info, gpointer undecided);
  [[nodiscard]] bool link(GstPad *pad, std::string_view mid) EXCLUDES(mutex_);

  ElementSide &element_;
  const std::string stream_;
  StartLine startLine_;
  const std::shared_ptr<std::atomic<gint64>> lastPacket_ = std::make_shared<std::atomic<gint64>>(0);
  mutable Mutex mutex_;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool exposing_ GUARDED_BY(mutex_) = false;  ///< pads are being added
  Condition exposed_;
  std::vector<std::unique_ptr<IntakeTrack>> tracks_ GUARDED_BY(mutex_);
  gint64 openedAt_ GUARDED_BY(mutex_) = 0;  ///< monotonic µs
  std::vector<Ref<GstPad>> drains_ GUARDED_BY(mutex_);
  unsigned surplus_ GUARDED_BY(mutex_) = 0;  ///< RTP streams that no track was free for
};

}  // namespace gws
