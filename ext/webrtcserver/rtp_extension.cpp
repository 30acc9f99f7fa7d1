// SPDX-License-Identifier: LGPL-2.1-or-later
// Header extensions are read where they stand: nothing is copied.
#include "rtp_extension.h"

namespace gws {

namespace {

using Bytes = std::span<const std::uint8_t>;

unsigned read16(Bytes bytes, std::size_t at) {
  return static_cast<unsigned>(bytes[at]) << 8 | bytes[at + 1];
}

std::uint32_t read32(Bytes bytes, std::size_t at) {
  return read16(bytes, at) << 16 | read16(bytes, at + 2);
}

struct Element {
  unsigned id = 0;
  Bytes value;
};

/// The next element, which `rest` then no longer has. Nothing at the end, and where the rest cannot
/// be understood.
std::optional<Element> takeElement(Bytes &rest, bool twoByte) {
  while (!rest.empty() && rest[0] == 0)  // padding
    rest = rest.subspan(1);
  const std::size_t head = twoByte ? 2 : 1;
  if (rest.size() < head) return std::nullopt;
  const unsigned id = twoByte ? rest[0] : rest[0] >> 4;
  const std::size_t length = twoByte ? rest[1] : (rest[0] & 0x0f) + 1u;
  // RFC 8285, sections 4.1.2 and 4.2: all ends at 0 with a length, and at 15 in the one-byte form.
  if (id == 0 || (!twoByte && id == 15) || rest.size() - head < length) return std::nullopt;
  const Element element{id, rest.subspan(head, length)};
  rest = rest.subspan(head + length);
  return element;
}

}  // namespace

std::optional<RtpHeader> readRtpHeader(Bytes packet) {
  constexpr std::size_t kFixedBytes = 12;
  if (packet.size() < kFixedBytes || packet[0] >> 6 != 2) return std::nullopt;
  RtpHeader header;
  header.marker = packet[1] & 0x80;
  header.payloadType = packet[1] & 0x7f;
  header.sequence = static_cast<std::uint16_t>(read16(packet, 2));
  header.timestamp = read32(packet, 4);
  header.ssrc = read32(packet, 8);
  const std::size_t contributors = packet[0] & 0x0f;
  const bool extended = packet[0] & 0x10;
  const std::size_t at = kFixedBytes + 4 * contributors;
  if (packet.size() < at + (extended ? 4 : 0)) return std::nullopt;
  if (!extended) return header;
  header.profile = static_cast<std::uint16_t>(read16(packet, at));
  const std::size_t length = 4 * static_cast<std::size_t>(read16(packet, at + 2));
  if (packet.size() - at - 4 < length) return std::nullopt;
  header.extensions = packet.subspan(at + 4, length);
  return header;
}

std::optional<std::uint32_t> rtcpSender(Bytes packet) {
  constexpr std::size_t kHeadBytes = 8;
  if (packet.size() < kHeadBytes || packet[0] >> 6 != 2) return std::nullopt;
  return read32(packet, 4);
}

std::string_view rtpExtension(const RtpHeader &header, unsigned id) {
  const bool twoByte = (header.profile & 0xfff0) == 0x1000;
  if (!twoByte && header.profile != 0xbede) return {};
  Bytes rest = header.extensions;
  while (const auto element = takeElement(rest, twoByte)) {
    if (element->id != id) continue;
    if (element->value.size() > kMaxRtpExtensionBytes) return {};
    return {reinterpret_cast<const char *>(element->value.data()), element->value.size()};
  }
  return {};
}

}  // namespace gws
