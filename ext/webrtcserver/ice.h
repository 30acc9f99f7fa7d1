// SPDX-License-Identifier: LGPL-2.1-or-later
// How a publisher's webrtcbin finds its network path.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "settings.h"

namespace gws {

/// Sets up the ICE agent of a new webrtcbin: no UPnP, no TCP, liveness checks, and the addresses of
/// `local-addresses`, else of every interface that is up. `loopback`: loopback's too, because the
/// client's connection came over it.
void configureIce(GstElement *webrtcbin, const Settings &settings, bool loopback);

struct IceCredentials {
  std::string ufrag, pwd;
};
/// Restarts ICE (RFC 8445, section 9) with the remote side's new credentials; gives ours. The
/// candidates stay, and so does DTLS. Nothing when the agent cannot do it.
std::optional<IceCredentials> restartIce(GstElement *webrtcbin, const IceCredentials &remote);

}  // namespace gws
