// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTP stream at the pace of a live source, from payloads that others send, too.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "light_session.h"
#include "load_media.h"
#include "packet_loop.h"

namespace gws::benchmark {

/// RFC 3550, section 4: seconds since 1900, and 2^32 parts of one. `realTime` is
/// g_get_real_time()'s.
std::uint64_t ntpTime(gint64 realTime);

/// A packet, with room for what SRTP appends.
struct PacketBuffer {
  std::array<std::uint8_t, kPayloadBytes + 100 + SrtpPair::kTrailerBytes> bytes;
  std::size_t size = 0;
};

/// Times are those of g_get_monotonic_time(), µs. `transportSequence` is that of all streams of a
/// connection. Not thread-safe.
class RtpSender {
 public:
  RtpSender(const PacketLoop &loop, const StreamIds &ids, std::uint16_t &transportSequence);

  /// The first frame is due.
  void begin(gint64 now) { begin_ = now; }
  /// The next packet that is due; false: none is.
  bool next(gint64 now, PacketBuffer &packet);
  /// One that was sent, as RTX has it (RFC 4588); false: it was sent too long ago, or never, or
  /// less than `pause` µs ago.
  bool again(std::uint16_t sequence, gint64 now, gint64 pause, PacketBuffer &packet);
  /// Goes on with a key frame.
  void skipToKey();
  /// A sender report with a CNAME (RFC 3550, sections 6.4.1 and 6.5).
  void report(gint64 now, PacketBuffer &packet) const;
  std::uint32_t ssrc() const { return ids_.ssrc; }

 private:
  /// What is needed to send a packet once more.
  struct Sent {
    std::span<const std::uint8_t> payload;
    std::uint32_t timestamp = 0;
    std::uint16_t sequence = 0;
    bool marker = false;
    gint64 at = 0;
  };
  void write(const Sent &sent, bool rtx, PacketBuffer &packet);
  gint64 due() const;

  const PacketLoop &loop_;
  const StreamIds ids_;
  std::uint16_t &transportSequence_;
  gint64 begin_ = 0;
  std::uint64_t count_ = 0;              ///< frames that were sent as a whole
  std::size_t frame_ = 0, payload_ = 0;  ///< of the next packet, in the loop
  std::uint32_t timestamp_ = 0;          ///< of the next packet
  std::uint16_t sequence_ = 0, rtxSequence_ = 0;
  std::uint32_t packets_ = 0, octets_ = 0;  ///< for the reports
  std::array<Sent, 256> sent_{};            ///< by sequence number
};

}  // namespace gws::benchmark
