// SPDX-License-Identifier: LGPL-2.1-or-later
// An element for rtpbin's request-jitterbuffer.
#pragma once

#include <gst/gst.h>

#include "gst/common/gobj.h"

namespace gws {

/// Takes the place of an rtpjitterbuffer in `slave` mode, with those of its properties and signals
/// that rtpbin and webrtcbin use. Packets that come in order are not kept; what is missing is asked
/// for (property do-retransmission) until `latency` ms have gone by since it should have come, and
/// then given up.
Ref<GstElement> makeJitterBuffer();

}  // namespace gws
