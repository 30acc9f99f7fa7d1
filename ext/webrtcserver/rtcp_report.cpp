// SPDX-License-Identifier: LGPL-2.1-or-later
// Compound packets taken apart, receiver reference times and limits made.
#include "rtcp_report.h"

namespace gws {

namespace {

constexpr std::uint8_t kSenderReport = 200, kReceiverReport = 201, kTransportFeedback = 205,
                       kPayloadFeedback = 206, kExtendedReport = 207;
constexpr std::uint8_t kGenericNack = 1, kPictureLoss = 1, kFullIntra = 4;
constexpr std::uint8_t kReferenceTimeBlock = 4, kDlrrBlock = 5;
constexpr std::int64_t kMaxRoundTrip = 60'000'000;  // µs

using Bytes = std::span<const std::uint8_t>;

std::uint32_t word(Bytes bytes, std::size_t at) {
  return std::uint32_t(bytes[at]) << 24 | std::uint32_t(bytes[at + 1]) << 16 |
         std::uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
}

void put(std::uint8_t *bytes, std::uint32_t value) {
  for (int i = 0; i < 4; i++)
    bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// One packet of a compound, or a block of an extended report: both are a head of four bytes, whose
/// last two are the length in words.
Bytes takeUnit(Bytes &rest, unsigned headWords) {
  if (rest.size() < 4) return {};
  const std::size_t size = (std::size_t(rest[2]) << 8 | rest[3]) * 4 + headWords * 4;
  if (size > rest.size()) return {};
  const Bytes unit = rest.first(size);
  rest = rest.subspan(size);
  return unit;
}

template <typename Visit>
void eachPacket(Bytes compound, Visit visit) {
  while (true) {
    const Bytes packet = takeUnit(compound, 1);
    if (packet.size() < 8 || packet[0] >> 6 != 2) return;
    visit(packet[1], packet);
  }
}

}  // namespace

void readRequests(Bytes compound,
                  const std::function<void(RtcpRequest, std::uint32_t ssrc)> &found) {
  eachPacket(compound, [&](std::uint8_t type, Bytes packet) {
    const unsigned format = packet[0] & 0x1f;
    if (packet.size() < 12) return;
    if (type == kTransportFeedback && format == kGenericNack)
      found(RtcpRequest::Nack, word(packet, 8));
    if (type == kPayloadFeedback && format == kPictureLoss)
      found(RtcpRequest::Pli, word(packet, 8));
    if (type != kPayloadFeedback || format != kFullIntra) return;
    for (std::size_t at = 12; at + 8 <= packet.size(); at += 8)
      found(RtcpRequest::Fir, word(packet, at));
  });
}

std::optional<std::uint32_t> reporterOf(Bytes compound) {
  const Bytes packet = takeUnit(compound, 1);
  if (packet.size() < 8 || packet[0] >> 6 != 2) return std::nullopt;
  if (packet[1] != kSenderReport && packet[1] != kReceiverReport) return std::nullopt;
  return word(packet, 4);
}

std::uint32_t shortNtp(std::int64_t microseconds) {
  return static_cast<std::uint32_t>((microseconds / 1'000'000) << 16 |
                                    (microseconds % 1'000'000) * 65536 / 1'000'000);
}

std::array<std::uint8_t, kReferenceTimeBytes> buildReferenceTime(std::uint32_t ssrc,
                                                                 std::int64_t microseconds) {
  constexpr std::uint8_t kVersion = 2 << 6;
  std::array<std::uint8_t, kReferenceTimeBytes> packet{kVersion, kExtendedReport, 0,
                                                       kReferenceTimeBytes / 4 - 1};
  put(&packet[4], ssrc);
  packet[8] = kReferenceTimeBlock;
  packet[11] = 2;  // words
  put(&packet[12], static_cast<std::uint32_t>(microseconds / 1'000'000));
  put(&packet[16], shortNtp(microseconds) << 16);
  return packet;
}

std::array<std::uint8_t, kReceiverLimitBytes> buildReceiverLimit(std::uint32_t reporter,
                                                                 std::uint32_t ssrc,
                                                                 std::uint32_t bitrate) {
  constexpr std::uint8_t kApplicationLayer = 2 << 6 | 15;
  constexpr unsigned kMantissaBits = 18;
  unsigned exponent = 0;
  while (bitrate >> exponent >= 1u << kMantissaBits)
    exponent++;
  std::array<std::uint8_t, kReceiverLimitBytes> packet{kApplicationLayer, kPayloadFeedback, 0,
                                                       kReceiverLimitBytes / 4 - 1};
  put(&packet[4], reporter);
  put(&packet[12], 0x52454d42);  // "REMB"
  put(&packet[16], 1u << 24 | exponent << kMantissaBits | bitrate >> exponent);
  put(&packet[20], ssrc);
  return packet;
}

std::optional<std::int64_t> readRoundTrip(Bytes compound, std::uint32_t ssrc, std::int64_t now) {
  std::optional<std::int64_t> result;
  eachPacket(compound, [&](std::uint8_t type, Bytes packet) {
    if (type != kExtendedReport) return;
    Bytes blocks = packet.subspan(8);
    while (true) {
      const Bytes block = takeUnit(blocks, 1);
      if (block.empty()) return;
      if (block[0] != kDlrrBlock) continue;
      for (std::size_t at = 4; at + 12 <= block.size(); at += 12) {
        const std::uint32_t last = word(block, at + 4), delay = word(block, at + 8);
        if (word(block, at) != ssrc || last == 0) continue;
        // Where the delay was rounded up, a very short way is less than nothing.
        const auto ticks = static_cast<std::int32_t>(shortNtp(now) - last - delay);
        const std::int64_t trip = std::int64_t(ticks) * 1'000'000 / 65536;
        if (trip > -1000 && trip < kMaxRoundTrip) result = trip < 0 ? 0 : trip;
      }
    }
  });
  return result;
}

}  // namespace gws
