// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets put in order, with times, by one thread that is woken for a picture.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "packet_order.h"
#include "rtp_clock.h"
#include "rtp_extension.h"

namespace gws {

/// What stands behind the element of makeJitterBuffer(). Packets, RTCP and events are brought by
/// one thread at a time each; a thread of its own pushes what is in order.
class JitterBuffer {
 public:
  /// `element` owns this, and has the signals.
  explicit JitterBuffer(GstElement *element) : element_(element) {}

  GstFlowReturn onPacket(Ref<GstBuffer> buffer) EXCLUDES(mutex_);
  GstFlowReturn onRtcp(Ref<GstBuffer> compound) EXCLUDES(mutex_);
  bool onEvent(Ref<GstEvent> event) EXCLUDES(mutex_);
  bool onLatencyQuery(GstQuery *query);
  bool activate(bool active) EXCLUDES(mutex_);

  OwnedStructure stats() EXCLUDES(mutex_);

  std::atomic<unsigned> latencyMs_ = 200;
  std::atomic<bool> doLost_ = false, doRetransmission_ = false, addReferenceTime_ = false;
  std::atomic<gint64> tsOffset_ = 0;
  Ref<GstPad> sink, src;

 private:
  struct Packet {
    Ref<GstBuffer> buffer;
    std::uint32_t timestamp = 0;
    std::int64_t time = 0;  ///< running time, ns
    bool restarts = false;  ///< PacketOrder::Item::restarts
  };
  using Order = PacketOrder<Packet>;

  struct Loss {
    std::uint16_t sequence;
    unsigned count;
  };
  using Output = std::variant<Packet, Loss, Ref<GstEvent>>;

  struct SenderReport {
    Ref<GstBuffer> compound;
    std::uint32_t timestamp;
    std::uint64_t ntp;  ///< ns since 1900
  };

  struct Counts {
    std::uint64_t pushed = 0, lost = 0, surplus = 0, requested = 0, repaired = 0;
  };
  static std::optional<RtpHeader> headerOf(GstBuffer *buffer);
  void learnPayload(unsigned payload) EXCLUDES(mutex_);
  void learnCaps(GstCaps *caps) EXCLUDES(mutex_);
  std::int64_t arrivalOf(GstBuffer *buffer) const;
  GstFlowReturn insert(const RtpHeader &header, Ref<GstBuffer> buffer, std::int64_t arrival)
      EXCLUDES(mutex_);
  RequestTimes requestTimes() const REQUIRES(mutex_);
  void collect() REQUIRES(mutex_);
  bool isDue(bool last) REQUIRES(mutex_);
  void request(const std::vector<std::uint16_t> &sequences) EXCLUDES(mutex_);
  std::int64_t sleepTime() REQUIRES(mutex_);
  void watchSound() REQUIRES(mutex_);
  void synchronise() EXCLUDES(mutex_);

  // The thread of the source pad.
  void loop() EXCLUDES(mutex_);
  GstFlowReturn push(Packet packet) EXCLUDES(mutex_);
  void tellLoss(const Loss &loss, const Packet *next);
  void addReferenceTime(GstBuffer *buffer, std::uint32_t timestamp) EXCLUDES(mutex_);

  GstElement *const element_;
  Mutex mutex_;
  Condition changed_;
  bool sleeping_ GUARDED_BY(mutex_) = false;
  bool isVideo_ GUARDED_BY(mutex_) = false;
  GstFlowReturn flow_ GUARDED_BY(mutex_) = GST_FLOW_FLUSHING;
  Order order_ GUARDED_BY(mutex_);
  std::optional<RtpClock> clock_ GUARDED_BY(mutex_);
  std::deque<Output> out_ GUARDED_BY(mutex_);
  std::int64_t outSince_ GUARDED_BY(mutex_) = 0;  ///< monotonic µs of the first in out_
  bool soundFlows_ GUARDED_BY(mutex_) = false;
  std::int64_t soundTaken_ GUARDED_BY(mutex_) = 0;  ///< monotonic µs of the last time
  std::optional<SenderReport> report_ GUARDED_BY(mutex_);
  bool reportIsNew_ GUARDED_BY(mutex_) = false;
  Counts counts_ GUARDED_BY(mutex_);
  bool full_ GUARDED_BY(mutex_) = false;
  int payload_ = -1;  ///< the last packet's; the thread that brings packets
  std::atomic<std::uint32_t> ssrc_ = 0;

  // Only the source pad's thread.
  std::optional<Packet> lastOut_;  ///< without its buffer
  bool discontinuous_ = true;
};

}  // namespace gws
