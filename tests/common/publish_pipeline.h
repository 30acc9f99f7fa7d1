// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline under test: a launch line with a webrtcpublishsrc named `pub`, its bus and its pads.
#pragma once

#include <gst/gst.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "tests/common/pad_recorder.h"

namespace gws::test {

/// Owner: the test, whose thread calls it. There is no main loop: the bus is read by a sync
/// handler.
class PublishPipeline {
 public:
  /// The line names the element `pub`; `port=0` is set for it unless the line names a port, and
  /// `ice-agent` if the environment has TEST_ICE_AGENT.
  explicit PublishPipeline(const std::string &line);
  ~PublishPipeline();
  PublishPipeline(const PublishPipeline &) = delete;
  PublishPipeline &operator=(const PublishPipeline &) = delete;

  /// To PLAYING; true when the server listens.
  bool play();
  GstStateChangeReturn setState(GstState state);
  /// To NULL; how long it took.
  Timeout stop();

  GstElement *pipeline() const { return pipeline_.get(); }
  GstElement *pub() const { return pub_.get(); }
  unsigned port() const { return getProperty<guint>(pub_.get(), "current-port"); }
  std::string url(const std::string &stream) const;

  /// What arrives at the peer of a pad of `pub`, or at the pad itself when it has none. The same
  /// recorder each time.
  PadRecorder &record(const std::string &pad);
  /// What arrives at a pad of another element.
  PadRecorder &recordAt(const std::string &element, const std::string &pad);
  /// Requests a pad of `pub` and links it to a bare pad that takes everything. Unlike a sink it
  /// takes a new stream after EOS.
  PadRecorder &recordOpenEnd(const std::string &pad);
  /// Links each sometimes pad to a fakesink and records it; call before play().
  void takeNewPads();
  /// The names of the sometimes pads that were added, in their order.
  std::vector<std::string> newPads() const { return newPads_.get(); }
  bool waitNewPads(std::size_t count, Timeout timeout = kDeadline);

  struct Message {
    std::string name, text;  ///< of an element message; text: its structure as a string
  };
  /// The first element message with this name; it is remembered, so a later call gets it too.
  std::optional<Message> waitMessage(const std::string &name, Timeout timeout = kDeadline);
  std::vector<Message> messages() const { return bus_.get().messages; }
  /// The error messages that were posted; a healthy run has none.
  std::vector<std::string> errors() const { return bus_.get().errors; }
  bool waitError(Timeout timeout = kDeadline);

 private:
  struct Bus {
    std::vector<Message> messages;
    std::vector<std::string> errors;
  };
  void onMessage(GstMessage *message);
  void onPadAdded(GstPad *pad);

  Ref<GstElement> pipeline_, pub_;
  Watched<Bus> bus_;
  Watched<std::vector<std::string>> newPads_;
  std::vector<Ref<GstPad>> openEnds_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<PadRecorder>> recorders_ GUARDED_BY(mutex_);
};

/// Threads and open descriptors of this process, from /proc.
struct ProcessUse {
  unsigned threads = 0, descriptors = 0;
};
ProcessUse processUse();

}  // namespace gws::test
