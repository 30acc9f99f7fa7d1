// SPDX-License-Identifier: LGPL-2.1-or-later
// Live test pictures and tones as RTP, one bin for each track of a PublishClient.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"

namespace gws::test {

enum class TrackKind { Audio, Video };

/// What the client can send, one row a codec.
struct SendCodec {
  const char *name;  ///< as tests write it: "h264"
  TrackKind kind;
  const char *encodingName;  ///< of a=rtpmap
  unsigned payload;          ///< a second track of the same kind takes the next one
  unsigned clockRate;
  const char *fmtp;      ///< further fields of the RTP caps, which become a=fmtp and a=rtpmap's end
  const char *encoders;  ///< '|' between alternatives; the first whose element exists is taken
  const char *payloader;
};

/// By name; nullptr: there is none.
const SendCodec *sendCodec(const std::string &name);

/// Builds an element with a `src` pad that gives an endless live stream of encoded media.
using EncodedSource = std::function<GstElement *()>;

struct TrackSettings {
  unsigned payload = 0;
  std::uint32_t ssrc = 0;
  int width = 320, height = 240, fps = 30;  ///< of a picture
  unsigned bitrate = 500'000;               ///< bit/s, of a picture
};

/// The header extension's id in every offer, as in Chromium's.
inline constexpr unsigned kTransportCcId = 3;

/// RTP caps for an offer's m-line.
Ref<GstCaps> rtpCaps(const SendCodec &codec, const TrackSettings &settings);

/// A bin: source, encoder, payloader; one `src` pad. Inside, `size` is the picture's capsfilter
/// (not with an EncodedSource) and `pay` the payloader. Nothing when an element is missing.
Ref<GstElement> makeTrackBin(const SendCodec &codec, const TrackSettings &settings,
                             const EncodedSource &source = {});

/// Caps for `size`.
Ref<GstCaps> pictureCaps(int width, int height, int fps);

}  // namespace gws::test
