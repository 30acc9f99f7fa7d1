// SPDX-License-Identifier: LGPL-2.1-or-later
// A pad's stream lock, held for a scope.
#pragma once

#include <gst/gst.h>

namespace gws {

/// Serialises what is pushed through a pad, as GStreamer's own tasks do.
class StreamLock {
 public:
  explicit StreamLock(GstPad *pad) : pad_(pad) { GST_PAD_STREAM_LOCK(pad_); }
  ~StreamLock() { GST_PAD_STREAM_UNLOCK(pad_); }
  StreamLock(const StreamLock &) = delete;

 private:
  GstPad *pad_;
};

}  // namespace gws
