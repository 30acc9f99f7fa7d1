// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTP stream at the pace of a live source, from payloads that others send, too.
#include "rtp_sender.h"

#include <algorithm>
#include <string_view>

namespace gws::benchmark {

namespace {

/// Writes big-endian numbers behind each other.
class Writer {
 public:
  explicit Writer(PacketBuffer &packet) : packet_(packet) { packet.size = 0; }

  Writer &number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;)
      packet_.bytes[packet_.size++] = static_cast<std::uint8_t>(value >> (8 * i));
    return *this;
  }
  template <typename Bytes>
  Writer &bytes(const Bytes &bytes) {
    std::copy(bytes.begin(), bytes.end(), packet_.bytes.begin() + packet_.size);
    packet_.size += bytes.size();
    return *this;
  }

 private:
  PacketBuffer &packet_;
};

}  // namespace

std::uint64_t ntpTime(gint64 realTime) {
  constexpr std::uint64_t kSeconds1900To1970 = 2208988800;
  const auto microseconds = static_cast<std::uint64_t>(realTime);
  return (microseconds / 1'000'000 + kSeconds1900To1970) << 32 |
         (microseconds % 1'000'000 << 32) / 1'000'000;
}

RtpSender::RtpSender(const PacketLoop &loop, const StreamIds &ids, std::uint16_t &transportSequence)
    : loop_(loop), ids_(ids), transportSequence_(transportSequence) {
  timestamp_ = g_random_int();
  // Not so high that it could wrap around before a receiver has seen many.
  sequence_ = static_cast<std::uint16_t>(g_random_int_range(1, 0x7000));
}

/// When the next packet is.
gint64 RtpSender::due() const {
  return begin_ + static_cast<gint64>(count_ * (loop_.frameDuration / 1000));
}

bool RtpSender::next(gint64 now, PacketBuffer &packet) {
  if (due() > now) return false;
  const auto &payloads = loop_.frames[frame_].payloads;
  const bool last = payload_ + 1 == payloads.size();
  const bool marker = last && ids_.rtxSsrc;  // video's; silence does not end in sound
  const Sent sent{payloads[payload_], timestamp_, sequence_, marker, now};
  write(sent, false, packet);
  sent_[sequence_++ % sent_.size()] = sent;
  ++packets_;
  octets_ += static_cast<std::uint32_t>(sent.payload.size());
  ++payload_;
  if (!last) return true;
  payload_ = 0;
  frame_ = (frame_ + 1) % loop_.frames.size();
  timestamp_ += loop_.ticksPerFrame();
  ++count_;
  return true;
}

bool RtpSender::again(std::uint16_t sequence, gint64 now, gint64 pause, PacketBuffer &packet) {
  Sent &sent = sent_[sequence % sent_.size()];
  if (sent.sequence != sequence || sent.payload.empty() || !ids_.rtxSsrc || now - sent.at < pause)
    return false;
  sent.at = now;
  write(sent, true, packet);
  return true;
}

void RtpSender::skipToKey() {
  if (payload_ == 0) frame_ = loop_.nextKey(frame_);
}

/// RFC 3550, section 5.1, with MID and the transport-wide number in one-byte extensions (RFC 8285).
void RtpSender::write(const Sent &sent, bool rtx, PacketBuffer &packet) {
  constexpr unsigned kVersionAndExtension = 0x90, kOneByteProfile = 0xbede, kExtensionWords = 2;
  const unsigned type = rtx ? ids_.rtxPayloadType : ids_.payloadType;
  Writer writer(packet);
  writer.number(kVersionAndExtension, 1)
      .number((sent.marker ? 0x80u : 0u) | type, 1)
      .number(rtx ? rtxSequence_++ : sent.sequence, 2)
      .number(sent.timestamp, 4)
      .number(rtx ? ids_.rtxSsrc : ids_.ssrc, 4)
      .number(kOneByteProfile, 2)
      .number(kExtensionWords, 2)
      .number(kMidId << 4, 1)
      .number(static_cast<std::uint8_t>(ids_.mid), 1)
      .number(kTransportCcId << 4 | 1, 1)
      .number(transportSequence_++, 2)
      .number(0, 3);
  if (rtx) writer.number(sent.sequence, 2);
  writer.bytes(sent.payload);
}

void RtpSender::report(gint64 now, PacketBuffer &packet) const {
  constexpr unsigned kSenderReport = 0x80c8, kDescription = 0x81ca, kCname = 1;
  constexpr std::string_view kName = "light";
  const gint64 ahead = (due() - now) * loop_.clockRate / 1'000'000;
  Writer(packet)
      .number(kSenderReport, 2)
      .number(6, 2)
      .number(ids_.ssrc, 4)
      .number(ntpTime(g_get_real_time()), 8)
      .number(timestamp_ - static_cast<std::uint32_t>(ahead), 4)
      .number(packets_, 4)
      .number(octets_, 4)
      .number(kDescription, 2)
      .number(3, 2)
      .number(ids_.ssrc, 4)
      .number(kCname, 1)
      .number(kName.size(), 1)
      .bytes(kName)
      .number(0, 1);
}

}  // namespace gws::benchmark
