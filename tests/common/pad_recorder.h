// SPDX-License-Identifier: LGPL-2.1-or-later
// Notes what goes through a pad, and can answer upstream in the place of downstream.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "tests/common/loop_thread.h"

namespace gws::test {

struct Recording {
  unsigned buffers = 0;
  unsigned buffersSinceStart = 0;  ///< since the last stream-start
  bool firstIsKey = false;  ///< the first buffer after the last stream-start has no DELTA_UNIT
  GstClockTime firstPts = GST_CLOCK_TIME_NONE, lastPts = GST_CLOCK_TIME_NONE;
  unsigned backwards = 0, withoutPts = 0;
  std::vector<std::string> streamIds;  ///< of every stream-start
  guint groupId = 0;
  std::vector<std::string> caps;  ///< every change, as text
  std::string title;
  unsigned segments = 0, gaps = 0;
  bool eos = false;  ///< an EOS, and no stream-start since
};

/// Owner: the test. Probes of streaming threads write; any thread reads. The destructor removes the
/// probe; it does not wait for one that is running, so end the pipeline first.
class PadRecorder {
 public:
  explicit PadRecorder(GstPad *pad);
  ~PadRecorder();
  PadRecorder(const PadRecorder &) = delete;
  PadRecorder &operator=(const PadRecorder &) = delete;

  Recording get() const { return recording_.get(); }
  template <typename Predicate>
  bool waitFor(Predicate predicate, Timeout timeout = kDeadline) {
    return recording_.waitFor(predicate, timeout);
  }
  bool waitBuffers(unsigned count, Timeout timeout = kDeadline) {
    return waitFor([count](const Recording &seen) { return seen.buffers >= count; }, timeout);
  }
  /// So many buffers more than now.
  bool waitMore(unsigned count, Timeout timeout = kDeadline) {
    return waitBuffers(get().buffers + count, timeout);
  }
  bool waitEos(Timeout timeout = kDeadline) {
    return waitFor([](const Recording &seen) { return seen.eos; }, timeout);
  }
  /// From now on buffers end here with this answer; GST_FLOW_OK lets them through again.
  void answer(GstFlowReturn flow) { answer_ = flow; }

 private:
  GstPadProbeReturn probe(GstPadProbeInfo *info);
  void note(GstBuffer *buffer);
  void note(GstEvent *event);

  Ref<GstPad> pad_;
  gulong probe_ = 0;
  std::atomic<GstFlowReturn> answer_{GST_FLOW_OK};
  Watched<Recording> recording_;
};

/// True when the caps' text names this media type and holds every one of the pieces.
bool capsAre(const std::string &caps, const std::string &mediaType,
             const std::vector<std::string> &pieces = {});

}  // namespace gws::test
