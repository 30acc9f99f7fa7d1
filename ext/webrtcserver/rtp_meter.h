// SPDX-License-Identifier: LGPL-2.1-or-later
// What arrives of one RTP stream: packets, losses, repairs, jitter (RFC 3550, RFC 4588). PURE.
#pragma once

#include <array>
#include <cstdint>

#include "figure.h"

namespace gws {

/// Counts one SSRC. The thread that its packets come by on calls onPacket() and onRepair(); any
/// thread reads.
class RtpMeter {
 public:
  explicit RtpMeter(unsigned clockRate) : clockRate_(clockRate) {}

  struct Packet {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t payloadBytes = 0;  ///< without header, extensions and padding
  };
  /// `now`: µs of a clock that does not step.
  void onPacket(const Packet &packet, std::int64_t now);
  /// A retransmission brought the packet that has this sequence number (RFC 4588's OSN).
  void onRepair(std::uint16_t sequence);
  /// Whether a packet with that sequence number has been missed, and is still.
  bool isMissing(std::uint16_t sequence) const;

  struct Reading {
    std::uint64_t packets = 0, bytes = 0;  ///< arrived, duplicates too
    std::uint64_t lost = 0;                ///< did not arrive by themselves
    std::uint64_t recovered = 0;           ///< of these, those that a retransmission brought
    std::uint64_t jitter = 0;              ///< ns
  };
  Reading read() const;

 private:
  /// Sequence numbers that are looked back at.
  static constexpr std::int64_t kWindow = 4096;
  using Marks = std::array<std::uint64_t, kWindow / 64>;
  static bool isSet(const Marks &marks, std::int64_t number);
  static void set(Marks &marks, std::int64_t number, bool value);

  std::int64_t extend(std::uint16_t sequence) const;
  bool follow(std::int64_t number);
  void advance(std::int64_t number);
  void beginAt(std::int64_t number);
  void updateJitter(const Packet &packet, std::int64_t now);

  const unsigned clockRate_;
  Figure<std::uint64_t> packets_, bytes_, expected_, seen_, recovered_, jitter_;

  // Only the writer.
  bool begun_ = false;
  std::int64_t first_ = 0, highest_ = 0;  ///< sequence numbers that do not wrap
  std::int64_t suspect_ = -1;             ///< the next one, if the sender began anew
  Marks arrived_{}, repaired_{};          ///< of the last kWindow numbers up to highest_
  bool timed_ = false;
  std::uint32_t transit_ = 0;  ///< of the last packet, in ticks of the RTP clock
  double jitterTicks_ = 0;
};

}  // namespace gws
