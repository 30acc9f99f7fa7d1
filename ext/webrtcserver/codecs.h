// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs that a publisher may send: one table row each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gws {

enum class MediaKind { Audio, Video };

enum class CodecId { H264, VP8, VP9, H265, AV1, Opus, PCMU, PCMA, G722 };

/// One row of the table. All text; nothing here needs GStreamer.
struct Codec {
  CodecId id;
  MediaKind kind;
  const char *name;          ///< as users write it in `video-codecs`: "h264"
  const char *encodingName;  ///< as a=rtpmap and RTP caps write it: "H264"
  unsigned clockRate;        ///< RTP clock, Hz
  unsigned channels;         ///< what a=rtpmap must say; 0: not said, or 1
  const char *encodedCaps;   ///< what can leave a pad, first the preferred form (GstCaps syntax)
  const char *depayloader;   ///< element factory
  const char *parser;        ///< element factory, nullptr: none needed
};

/// Every codec, in the default order of preference (video first).
std::span<const Codec> codecs();
const Codec &codec(CodecId id);
/// By a=rtpmap's name (case-insensitive), clock rate and channels (0 and 1 are the same), nullptr
/// when it is not in the table.
const Codec *codecByRtpmap(MediaKind kind, std::string_view encodingName, unsigned clockRate,
                           unsigned channels);
/// By the name that users type ("vp8"), case-insensitive.
const Codec *codecByName(std::string_view name);
const char *kindName(MediaKind kind);

/// In what shape a track leaves its pad.
enum class Form { Encoded, Raw, Rtp };

/// One thing that a pipeline would take for a track; a wish list is ordered, the first that the
/// publisher offers is chosen.
struct Wish {
  CodecId codec;
  Form form;
};
using WishList = std::vector<Wish>;

}  // namespace gws
