// SPDX-License-Identifier: LGPL-2.1-or-later
// A recording behind the pads of bare webrtcbins, as an application would add it.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <string>

namespace gws::benchmark {

/// Where the pads of a second webrtcbin lead.
enum class Second {
  NewBranches,  ///< to branches of their own into the muxer
  OldBranches,  ///< to the branches of the first one, whose pads are unlinked
};

/// Writes H.264 and Opus to a Matroska file. add() is for any thread, the rest for the main one.
class Recorder {
 public:
  Recorder(GstBin *pipeline, const std::string &file, Second second);

  /// Links `pad` of a webrtcbin (RTP).
  void add(GstPad *pad, bool video);

  /// Prints "port PORT", runs until SIGINT, then has the file completed. Prints "error ELEMENT
  /// MESSAGE" for each error that was on the bus, and "eos". A pipeline that does not end is
  /// killed by SIGALRM after 5 s.
  void run(unsigned port);

 private:
  struct Branch {
    GstPad *input;  ///< borrowed: the branch stays in the pipeline
    bool used;
  };
  Branch newBranch(bool video);
  void end();

  GstBin *const pipeline_;
  const Second second_;
  GstElement *mux_ = nullptr;
  std::mutex mutex_;
  Branch video_{}, audio_{};
};

}  // namespace gws::benchmark
