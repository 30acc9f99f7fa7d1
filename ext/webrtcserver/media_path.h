// SPDX-License-Identifier: LGPL-2.1-or-later
// By which way one publisher's packets come.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>

namespace gws {

/// The pair that ICE has chosen.
struct MediaRoute {
  const char *transport;  ///< "udp" or "tcp"
  std::string remote;     ///< the peer's end: "192.0.2.7:50000", "[2001:db8::7]:50000"
};

/// Asks whichever ICE agent a webrtcbin has. Any thread.
class MediaPath {
 public:
  /// For a webrtcbin that has its remote description.
  static std::shared_ptr<MediaPath> of(GstElement *webrtcbin);
  virtual ~MediaPath() = default;
  /// Nothing before a pair is chosen. Does not block.
  virtual std::optional<MediaRoute> route() const = 0;
  /// Why nothing is connected, for the client to read; empty: it cannot be told.
  virtual std::string obstacle() const { return {}; }
};

}  // namespace gws
