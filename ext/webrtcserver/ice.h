// SPDX-License-Identifier: LGPL-2.1-or-later
// How a publisher's webrtcbin finds its network path.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>

#include "gst/common/gobj.h"
#include "ice_port.h"
#include "settings.h"

namespace gws {

/// The IP addresses, comma-separated, that a list of addresses and host names means. Asks the
/// resolver, and blocks. The error names what it does not know.
Result<std::string> resolveAddresses(const std::string &list);

/// A webrtcbin whose agent uses that port, or libnice if there is none: without UPnP and TCP, with
/// liveness checks. Publishers are offered `external-addresses` (the port alone) and
/// `local-addresses`, where these are not set those of every interface that is up. `loopback`:
/// loopback's too, because the client's connection came over it. Nothing, if the element or libnice
/// is missing.
Ref<GstElement> makeWebrtcbin(const Settings &settings, std::shared_ptr<IcePort> port,
                              bool loopback);

/// Restarts ICE (RFC 8445, section 9) with the remote side's new credentials; gives ours. The
/// candidates stay, and so does DTLS. Nothing when the agent cannot do it.
std::optional<IceKeys> restartIce(GstElement *webrtcbin, const IceKeys &remote);

}  // namespace gws
