// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a picture, which says which one it is, when it was sent, and whether it came whole.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

namespace gws::network {

struct Mark {
  guint64 number = 0;  ///< from 0
  gint64 sent = 0;     ///< g_get_monotonic_time(), which all network namespaces share
  guint32 key = 0;     ///< 1: a key frame
  guint32 bytes = 0;   ///< of the picture
  guint64 digest = 0;  ///< of all before it and of the fields above
};

/// Appends the mark, whose fields `bytes` and `digest` it finds out.
void appendMark(std::string &picture, Mark mark);

/// Nothing unless the buffer is one of these pictures, and complete.
std::optional<Mark> readMark(GstBuffer *picture);

}  // namespace gws::network
