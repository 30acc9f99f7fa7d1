// SPDX-License-Identifier: LGPL-2.1-or-later
// What there is behind a pad.
#pragma once

#include <gst/gst.h>

namespace gws {

/// Every GstBaseSink that data of this source pad can reach gets async=FALSE, which GStreamer has
/// for streams with long pauses: such a sink goes to PAUSED without a first buffer. To be called in
/// NULL, since a sink reads it on its way from READY to PAUSED. Any thread.
void waiveDownstreamPreroll(GstPad *source);

/// Where data of this source pad end up.
struct Destination {
  bool muxer = false;       ///< a muxer
  bool liveMuxer = false;   ///< one that is a GstAggregator: it writes the header when time is up
  bool onlyMixers = false;  ///< mixers (GstAggregator), with nothing but converters before
};
/// Any thread.
Destination destinationOf(GstPad *source);

}  // namespace gws
