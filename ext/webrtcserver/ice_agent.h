// SPDX-License-Identifier: LGPL-2.1-or-later
// A GstWebRTCICE of our own: webrtcbin's view of one publisher's link through the shared port.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "ice_link.h"

namespace gws {

/// Controlled, with host candidates alone. `addresses`: IP addresses that are offered, the
/// preferred ones first. `ssrcs`: as for IceLink. For webrtcbin's construct-only property
/// `ice-agent`, which takes a reference over.
Ref<GstObject> makeIceAgent(std::shared_ptr<IcePort> port, Workers &workers,
                            std::vector<std::string> addresses, std::vector<std::uint32_t> ssrcs);

/// The link of an agent that makeIceAgent() made; nullptr for any other, and before webrtcbin has
/// its transport.
std::shared_ptr<IceLink> linkOf(GObject *agent);

}  // namespace gws
