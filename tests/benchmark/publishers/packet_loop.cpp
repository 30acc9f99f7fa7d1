// SPDX-License-Identifier: LGPL-2.1-or-later
// Media as RTP payloads, made once, for all publishers that send them.
#include "packet_loop.h"

#include <gst/rtp/rtp.h>

#include "rtp_keyframe.h"

namespace gws::benchmark {

namespace {

/// A packet without its header.
struct Payload {
  std::vector<std::uint8_t> bytes;
  bool marker = false;
};

Payload payloadOf(GstBuffer *packet) {
  Payload payload;
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(packet, GST_MAP_READ, &rtp)) return payload;
  const auto *begin = static_cast<const std::uint8_t *>(gst_rtp_buffer_get_payload(&rtp));
  payload.bytes.assign(begin, begin + gst_rtp_buffer_get_payload_len(&rtp));
  payload.marker = gst_rtp_buffer_get_marker(&rtp);
  gst_rtp_buffer_unmap(&rtp);
  return payload;
}

std::optional<PacketLoop> loopOf(const EncodedMedia &media, bool video) {
  PacketLoop loop{.clockRate = video ? 90000u : 48000u, .frameDuration = media.frameDuration};
  bool complete = true;
  for (const auto &packet : media.frames) {
    Payload payload = payloadOf(packet.get());
    if (complete) loop.frames.emplace_back();
    PacketFrame &frame = loop.frames.back();
    frame.key = frame.key || !video || beginsKeyframe(CodecId::H264, payload.bytes);
    frame.payloads.push_back(std::move(payload.bytes));
    complete = !video || payload.marker;
  }
  if (loop.frames.empty() || !loop.frames.front().key) return std::nullopt;
  return loop;
}

}  // namespace

std::size_t PacketLoop::nextKey(std::size_t index) const {
  for (index %= frames.size(); !frames[index].key;)
    index = (index + 1) % frames.size();
  return index;
}

std::optional<PacketLoop> videoLoop(const EncodedMedia &media) { return loopOf(media, true); }
std::optional<PacketLoop> audioLoop(const EncodedMedia &media) { return loopOf(media, false); }

}  // namespace gws::benchmark
