// SPDX-License-Identifier: LGPL-2.1-or-later
// Registration of the plugin webrtcserver.
#include <gst/gst.h>

#include "config.h"
#include "gstwebrtcpublishsrc.h"
#include "redaction.h"

static gboolean pluginInit(GstPlugin *plugin) {
  gws::maskLogs();
  return GST_ELEMENT_REGISTER(webrtcpublishsrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, webrtcserver,
                  "Receives WebRTC publishers: signalling server and receiver in one", pluginInit,
                  VERSION, "LGPL", PACKAGE, "gst-webrtc-server")
