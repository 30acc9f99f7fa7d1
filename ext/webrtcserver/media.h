// SPDX-License-Identifier: LGPL-2.1-or-later
// From codec rows to GStreamer elements: what can be received, what a pipeline accepts, chains.
#pragma once

#include <gst/gst.h>

#include "codecs.h"
#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "settings.h"

namespace gws {

/// Caps of what can leave a pad of that kind, for pad templates.
GstCaps *padTemplateCaps(MediaKind kind);
/// The encoded forms of a codec, the preferred first.
Ref<GstCaps> encodedCaps(const Codec &codec);

/// The forms that the settings allow, the preferred first.
std::vector<Form> formsOf(Output output);
/// What a pipeline that accepts `caps` would take in that form, as the settings order it. For raw
/// media this searches the registry for decoders, which takes a while.
WishList wishesFor(GstCaps *caps, MediaKind kind, Form form, const Settings &settings);

/// A publisher's elements for one track, in a bin and linked: from RTP to what leaves the pad.
struct Chain {
  Ref<GstPad> sink;  ///< takes RTP
  Ref<GstPad> gate;  ///< carries encoded frames (RTP, if nothing is depayloaded)
  Ref<GstPad> src;
};
/// `accepted`: the caps of downstream, for the choice of a decoder. For Form::Rtp all three pads
/// are empty: there is nothing between. The error names the element that is missing.
Result<Chain> buildChain(GstBin *bin, const Codec &codec, Form form, GstCaps *accepted);

/// Caps of those in `accepted` that a track of which nothing is known may be announced with, and
/// most likely has: Opus or decoded media. Nothing where neither will do.
Ref<GstCaps> likelyCaps(MediaKind kind, GstCaps *accepted);

}  // namespace gws
