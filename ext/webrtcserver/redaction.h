// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps ICE passwords and keys out of what GStreamer tells about webrtcbin: logs, properties, caps.
#pragma once

#include <gst/gst.h>

namespace gws {

/// Writes asterisks over the ICE passwords and SRTP keys in a message, as webrtcbin, its agent, the
/// DTLS elements and caps write them, and over the passwords in URIs, such as TURN servers'.
void maskSecrets(char *text);

/// From now on messages are masked before the log functions get them that are installed already:
/// GStreamer's own, on stderr or in GST_DEBUG_FILE. Those that are added later get them first, and
/// as they are. For the process, from plugin_init().
void maskLogs();

/// For each element in a webrtcbin of ours, before it gets a key. Then dot files and property
/// notifications show neither the private key of DTLS nor the master key of SRTP, and the caps of
/// what is sent hold no key. Other elements of the process stay as they are. Any thread.
void hideKeys(GstElement *element);

}  // namespace gws
