// SPDX-License-Identifier: LGPL-2.1-or-later
// The pipeline under test: a webrtcpublishsrc whose streams are recorded.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "plan.h"
#include "recorder.h"

namespace gws::soak {

/// Owner: main(), whose thread calls it. It keeps nothing of a publication that is over: what it
/// kept would be counted.
class Server {
 public:
  /// The first `reserved` of the streams have request pads; negative: half of them.
  Server(const char *directory, int streams, int reserved);
  ~Server();
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  /// To PLAYING; true when it listens.
  bool play();
  std::string url() const;
  Recorder &recorder() { return recorder_; }
  bool isReserved(const std::string &stream) const { return numberOf(stream) < reserved_; }
  /// Publishers that the application was told of: all there were, and those who are there.
  unsigned come() const { return come_; }
  unsigned present() const { return come_ - gone_; }
  bool isQuiet() const { return present() == 0 && recorder_.figures().open == 0; }
  /// What was posted as an error; a healthy run has none.
  std::vector<std::string> errors() const EXCLUDES(mutex_);

 private:
  void watch();
  void reserve(const StreamPlan &plan);
  void onPadAdded(GstPad *pad);
  void onMessage(GstMessage *message) EXCLUDES(mutex_);

  const unsigned reserved_;
  Recorder recorder_;
  Ref<GstElement> pipeline_, pub_;
  std::atomic<unsigned> come_{0}, gone_{0};
  mutable Mutex mutex_;
  std::vector<std::string> errors_ GUARDED_BY(mutex_);
};

}  // namespace gws::soak
