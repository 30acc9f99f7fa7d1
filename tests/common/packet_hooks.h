// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets of a webrtcbin that are changed on their way out.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

namespace gws::test {

/// Gets a packet's bytes and may change them; empty: it is not sent. Called on streaming threads,
/// of which there are several.
using PacketHook = std::function<void(std::string &)>;

struct PacketHooks {
  PacketHook plain = {};   ///< RTP and RTCP, before they are encrypted
  PacketHook sealed = {};  ///< what goes to the network, DTLS and SRTP
};

/// From now on, of what this webrtcbin sends. It keeps the hooks for as long as it lives.
void addPacketHooks(GstBin *webrtcbin, const PacketHooks &hooks);

}  // namespace gws::test
