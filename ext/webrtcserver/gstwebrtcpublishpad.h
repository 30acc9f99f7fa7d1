// SPDX-License-Identifier: LGPL-2.1-or-later
// The source pad of webrtcpublishsrc: a Track with properties.
#pragma once

#include <gst/gst.h>

#include <string>

#include "pad_name.h"
#include "track.h"

G_BEGIN_DECLS

#define GST_TYPE_WEBRTC_PUBLISH_PAD (gst_webrtc_publish_pad_get_type())
G_DECLARE_FINAL_TYPE(GstWebRTCPublishPad, gst_webrtc_publish_pad, GST, WEBRTC_PUBLISH_PAD, GstPad)

G_END_DECLS

namespace gws {

/// Returned floating.
GstPad *makePublishPad(GstPadTemplate *templ, const char *name, MediaKind kind, PadName stream);

/// Lives as long as the pad.
Track *publishPadTrack(GstPad *pad);
std::string publishPadStream(GstPad *pad);
unsigned publishPadIndex(GstPad *pad);
/// What the pad answers to latency queries.
void setPublishPadLatency(GstPad *pad, GstClockTime latency);

}  // namespace gws
