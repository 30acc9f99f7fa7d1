// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics of publishers, and what they look like to applications and on the start page.
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "media_path.h"
#include "traffic.h"

namespace gws {

/// One publisher, at the moment when it was asked for.
struct PublisherStatistics {
  std::string id, stream;
  const char *door = "";           ///< see Channel::door()
  std::string address, userAgent;  ///< of the client's requests
  std::uint64_t uptime = 0;        ///< ns since its media were connected
  std::string clientStatistics;    ///< what it says of itself, JSON; empty: nothing
  std::optional<MediaRoute> route;
  std::optional<std::int64_t> roundTrip;  ///< µs
  std::int64_t now = 0;                   ///< monotonic µs: when this was read
  std::vector<TrackReading> tracks;
};

/// The property `stats` and the message `webrtc-stats`: see docs/statistics.md. GStreamer before
/// 1.26 keeps every field's name for good, so that they are numbers, not the publishers' ids.
OwnedStructure structureOf(const std::vector<PublisherStatistics> &publishers);

/// Adds to a JSON object what any visitor of the start page may know of a publisher: nothing that
/// tells who or where it is.
void addPublic(JsonBuilder *builder, const PublisherStatistics &publisher);

}  // namespace gws
