// SPDX-License-Identifier: LGPL-2.1-or-later
// How a publisher's webrtcbin finds its network path.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "ice_port.h"
#include "settings.h"
#include "workers.h"

namespace gws {

/// The IP addresses, comma-separated, that a list of addresses and host names means. Asks the
/// resolver, and blocks. The error names what it does not know.
Result<std::string> resolveAddresses(const std::string &list);

/// What one publisher's webrtcbin gets its packets by.
struct IceWay {
  std::shared_ptr<IcePort> port;       ///< nullptr: libnice
  Workers &workers;                    ///< for what the port's thread has no time for
  bool loopback = false;               ///< the client's connection came over loopback
  std::vector<std::uint32_t> ssrcs{};  ///< that its offer names
};

/// A webrtcbin whose agent uses that port, or libnice if there is none: without UPnP and TCP, with
/// liveness checks. Publishers are offered `external-addresses` (the port alone) and
/// `local-addresses`, where these are not set those of every interface that is up, loopback's only
/// for clients that came over it. Nothing, if the element or libnice is missing.
Ref<GstElement> makeWebrtcbin(const Settings &settings, IceWay way);

/// What to tell a client that there is no candidate for.
std::string noCandidateText(const Settings &settings);

/// For each element that webrtcbin adds to one of its bins, before it runs: what is behind ICE is
/// made fit for the agent, and what a receiver does not need stays stopped.
void adaptReceiving(GstBin *bin, GstElement *element);

/// Before its end: webrtcbin takes apart what hears of connections without a lock. libnice's thread
/// tells of none any more once this returns; the agent of our own takes care of that by itself.
void muteAgent(GstElement *webrtcbin);

/// Restarts ICE (RFC 8445, section 9) with the remote side's new credentials; gives ours. The
/// candidates stay, and so does DTLS. Nothing when the agent cannot do it.
std::optional<IceKeys> restartIce(GstElement *webrtcbin, const IceKeys &remote);

}  // namespace gws
