// SPDX-License-Identifier: LGPL-2.1-or-later
// What one publisher sends, counted where it comes by.
#pragma once

#include <gst/gst.h>
#include <gst/rtp/rtp.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codecs.h"
#include "frame_meter.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "media_path.h"
#include "rtp_meter.h"

namespace gws {

/// What a track was negotiated to be.
struct TrafficTrack {
  MediaKind kind = MediaKind::Video;
  CodecId codec = CodecId::H264;
  std::string mid;
  unsigned payload = 0;
  std::optional<unsigned> rtxPayload;
  std::optional<std::uint32_t> rtxSsrc;  ///< if the offer has it
};

/// What was counted of a track.
struct TrackReading {
  MediaKind kind;
  CodecId codec;
  std::string mid;
  std::uint32_t ssrc = 0;  ///< 0: nothing was received yet
  RtpMeter::Reading rtp;
  std::uint64_t retransmitted = 0;  ///< packets with a payload type of its retransmissions
  std::uint64_t nacks = 0, plis = 0, firs = 0;  ///< requests of ours
  FrameMeter::Reading frames;
  std::uint64_t bitrate = 0;  ///< bit/s, over the last second
  double frameRate = 0;       ///< 1/s, over the last second
};

/// webrtcbin's own figures cost a walk through all it has on its own thread, and name a wrong SSRC
/// where tracks are bundled. Shared by the publisher and by the probes that count. On each of its
/// pads packets come one after another, so that each figure has one writer at a time; nothing that
/// a packet meets takes a lock, unless it is the first of its SSRC or a request of ours.
class Traffic : public std::enable_shared_from_this<Traffic> {
 public:
  Traffic();
  ~Traffic();
  Traffic(const Traffic &) = delete;

  /// Before anything flows. `rtpSink` is what takes its RTP packets. The frames are counted by
  /// whoever sees them.
  std::shared_ptr<FrameMeter> add(TrafficTrack track, GstPad *rtpSink) EXCLUDES(mutex_);
  void setPath(std::shared_ptr<MediaPath> path) EXCLUDES(mutex_);
  /// Looks at RTCP that goes through a pad of rtpbin; any other pad is let be.
  void watchRtcp(GstPad *pad);
  /// What the publisher is told, about once a second, that it may send at most, bit/s; 0: nothing.
  /// Any thread.
  void setLimit(std::uint32_t bitrate) { limit_ = bitrate; }
  /// A packet, or a list of them, has been authenticated. `now`: monotonic µs.
  void onRtp(GstPadProbeInfo *info, gint64 now) EXCLUDES(mutex_);

  /// Call now and then, for figures over the last second.
  void sample(gint64 now) REQUIRES(control) EXCLUDES(mutex_);
  std::vector<TrackReading> tracks() const EXCLUDES(mutex_);
  /// Nothing before ICE has chosen a pair. Any thread.
  std::optional<MediaRoute> route() const EXCLUDES(mutex_);
  /// Why ICE has not chosen one, or what comes after that; empty: it cannot be told. Any thread.
  std::string obstacle() const EXCLUDES(mutex_);
  /// µs; nothing before the publisher has answered a report of ours. Any thread.
  std::optional<std::int64_t> roundTrip() const;

 private:
  std::shared_ptr<MediaPath> path() const EXCLUDES(mutex_);
  struct Line;
  struct Flow;
  static constexpr std::size_t kMaxFlows = 16;

  void count(GstBuffer *buffer, gint64 now) EXCLUDES(mutex_);
  Flow *flowOf(GstRTPBuffer &packet) EXCLUDES(mutex_);
  void countRepair(Flow &flow, GstRTPBuffer &packet) EXCLUDES(mutex_);
  Flow *repairedBy(const Flow &flow, std::uint16_t sequence) EXCLUDES(mutex_);
  Flow *findFlow(std::uint32_t ssrc) const;
  Flow *flowOf(const Line &line) const;
  void onRtcpOut(GstPadProbeInfo *info) EXCLUDES(mutex_);
  void onRtcpIn(GstBuffer *buffer, gint64 arrival);
  std::uint32_t videoSsrc() const EXCLUDES(mutex_);
  void countRequests(std::span<const std::uint8_t> compound) EXCLUDES(mutex_);

  /// Only ever grows; those below the count do not change.
  std::array<std::unique_ptr<Flow>, kMaxFlows> flows_;
  std::atomic<std::size_t> flowCount_ = 0;
  std::atomic<std::uint32_t> reporter_ = 0;   ///< the SSRC of our reports
  std::atomic<std::int64_t> roundTrip_ = -1;  ///< µs
  std::atomic<std::uint32_t> limit_ = 0;
  gint64 referenceSent_ = 0;  ///< monotonic µs; rtpsession's thread

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Line>> lines_ GUARDED_BY(mutex_);
  std::shared_ptr<MediaPath> path_ GUARDED_BY(mutex_);
  gint64 sampledAt_ GUARDED_BY(mutex_) = 0;  ///< monotonic µs
};

}  // namespace gws
