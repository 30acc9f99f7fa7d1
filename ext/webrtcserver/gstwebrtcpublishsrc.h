// SPDX-License-Identifier: LGPL-2.1-or-later
// The element webrtcpublishsrc.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_WEBRTC_PUBLISH_SRC (gst_webrtc_publish_src_get_type())
G_DECLARE_FINAL_TYPE(GstWebRTCPublishSrc, gst_webrtc_publish_src, GST, WEBRTC_PUBLISH_SRC, GstBin)

GST_ELEMENT_REGISTER_DECLARE(webrtcpublishsrc)

G_END_DECLS
