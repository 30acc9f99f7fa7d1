// SPDX-License-Identifier: LGPL-2.1-or-later
// The codec table.
#include "codecs.h"

#include <glib.h>

namespace gws {

// Encoded forms stand in the order in which they are preferred where downstream takes several:
// avc3 and hev1 carry parameter sets in the stream, so that a change of size needs no new header.
static constexpr Codec kCodecs[] = {
    {CodecId::H264, MediaKind::Video, "h264", "H264", 90000, 0,
     "video/x-h264, stream-format=(string)avc3, alignment=(string)au; "
     "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au; "
     "video/x-h264, stream-format=(string)byte-stream, alignment=(string)nal; "
     "video/x-h264, stream-format=(string)avc, alignment=(string)au",
     "rtph264depay", "h264parse"},
    {CodecId::VP8, MediaKind::Video, "vp8", "VP8", 90000, 0, "video/x-vp8", "rtpvp8depay", nullptr},
    {CodecId::VP9, MediaKind::Video, "vp9", "VP9", 90000, 0, "video/x-vp9", "rtpvp9depay",
     "vp9parse"},
    {CodecId::H265, MediaKind::Video, "h265", "H265", 90000, 0,
     "video/x-h265, stream-format=(string)hev1, alignment=(string)au; "
     "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au; "
     "video/x-h265, stream-format=(string)byte-stream, alignment=(string)nal; "
     "video/x-h265, stream-format=(string)hvc1, alignment=(string)au",
     "rtph265depay", "h265parse"},
    {CodecId::AV1, MediaKind::Video, "av1", "AV1", 90000, 0, "video/x-av1", "rtpav1depay",
     "av1parse"},
    {CodecId::Opus, MediaKind::Audio, "opus", "OPUS", 48000, 2, "audio/x-opus", "rtpopusdepay",
     nullptr},
    {CodecId::G722, MediaKind::Audio, "g722", "G722", 8000, 1, "audio/G722", "rtpg722depay",
     nullptr},
    {CodecId::PCMU, MediaKind::Audio, "pcmu", "PCMU", 8000, 1, "audio/x-mulaw", "rtppcmudepay",
     nullptr},
    {CodecId::PCMA, MediaKind::Audio, "pcma", "PCMA", 8000, 1, "audio/x-alaw", "rtppcmadepay",
     nullptr},
};

static bool equalIgnoringCase(std::string_view a, const char *b) {
  return a.size() == std::string_view(b).size() && g_ascii_strncasecmp(a.data(), b, a.size()) == 0;
}

std::span<const Codec> codecs() { return kCodecs; }

const Codec &codec(CodecId id) {
  for (const Codec &row : kCodecs)
    if (row.id == id) return row;
  g_assert_not_reached();
}

const Codec *codecByRtpmap(MediaKind kind, std::string_view encodingName, unsigned clockRate,
                           unsigned channels) {
  auto mono = [](unsigned count) { return count == 0 ? 1u : count; };
  for (const Codec &row : kCodecs) {
    if (row.kind == kind && row.clockRate == clockRate && mono(row.channels) == mono(channels) &&
        equalIgnoringCase(encodingName, row.encodingName))
      return &row;
  }
  return nullptr;
}

const Codec *codecByName(std::string_view name) {
  for (const Codec &row : kCodecs)
    if (equalIgnoringCase(name, row.name)) return &row;
  return nullptr;
}

const char *kindName(MediaKind kind) { return kind == MediaKind::Audio ? "audio" : "video"; }

}  // namespace gws
