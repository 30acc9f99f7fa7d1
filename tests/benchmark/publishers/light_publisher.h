// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher without a pipeline: WebSocket, ICE, DTLS and SRTP by hand.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "gst/common/result.h"
#include "light_session.h"
#include "packet_loop.h"
#include "rtp_sender.h"
#include "tests/common/hand_socket.h"

namespace gws::benchmark {

/// What all publishers have in common; it outlives them.
struct LightMedia {
  PacketLoop video, audio;
  DtlsContext context;
  Fingerprint fingerprint;
};

/// One thread at a time: the one that connects it, then the one that sends. All is on 127.0.0.1. It
/// is the controlling side of ICE, and sends as Chromium does: MID and transport-wide numbers in
/// each packet; a repair for a request of one (RTX), unless it was sent less than a round trip and
/// 5 ms ago; reports every 2 s; a check every 5 s. When it is asked for a key frame, it goes on
/// with the loop's next one.
class LightPublisher {
 public:
  LightPublisher(const LightMedia &media, unsigned number);
  ~LightPublisher();
  LightPublisher(const LightPublisher &) = delete;
  LightPublisher &operator=(const LightPublisher &) = delete;

  /// Waits until DTLS is up. The server is on that port, its stream is named "s" and the number.
  [[nodiscard]] Result<void> connect(unsigned port);
  /// CLOCK_MONOTONIC, µs.
  struct Times {
    gint64 started = 0, socketOpen = 0, offerSent = 0, answered = 0, connected = 0;
  };
  /// Of the stream that it publishes.
  const std::string &name() const { return name_; }
  const Times &times() const { return times_; }

  /// Sends what is due.
  void onTick(gint64 now);
  /// Reads what there is on the descriptor.
  void onReadable();
  int descriptor() const { return socket_; }

  struct Counts {
    std::uint64_t requests = 0;  ///< of single packets (NACK)
    std::uint64_t unsent = 0;    ///< what the kernel did not take
  };
  const Counts &counts() const { return counts_; }

 private:
  Result<void> signal(unsigned port);
  Result<void> open();
  Result<void> awaitDtls();
  void send(std::span<const std::uint8_t> packet);
  void sendCheck();
  void sendReports(gint64 now);
  void flushDtls();
  void onPacket(std::span<std::uint8_t> packet);
  void onStun(std::span<const std::uint8_t> packet);
  void onRtcp(std::span<std::uint8_t> packet);
  void repair(std::uint16_t sequence);

  const LightMedia &media_;
  const std::string name_;
  LightOffer offer_;
  std::optional<test::HandSocket> signalling_;
  int socket_ = -1;  ///< UDP
  unsigned remotePort_ = 0;
  LightAnswer answer_;
  std::optional<DtlsPeer> dtls_;
  std::optional<SrtpPair> srtp_;
  bool checked_ = false;  ///< a check of ours was answered
  std::uint16_t transportSequence_ = 1;
  RtpSender video_, audio_;
  gint64 nextCheck_ = 0, nextReport_ = 0;
  gint64 roundTrip_ = 0;  ///< µs, as far as reports have told it
  PacketBuffer packet_;   ///< that is being written
  Times times_;
  Counts counts_;
};

}  // namespace gws::benchmark
