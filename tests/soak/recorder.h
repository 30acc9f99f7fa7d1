// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes what comes out of pads to Matroska files: one file from the first buffer to EOS.
#pragma once

#include <gst/gst.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"

namespace gws::soak {

enum class Kind { Video, Audio };

/// Which tracks a file has.
struct Tracks {
  bool video = false, audio = false;
};

/// Owner: main(). Each file has a pipeline of its own, so that the pads' pipeline never waits for
/// one. Streaming threads write, any thread attaches; files are finished by the default main
/// context.
class Recorder {
 public:
  explicit Recorder(std::string directory);
  ~Recorder();
  Recorder(const Recorder &) = delete;
  Recorder &operator=(const Recorder &) = delete;

  /// Links a source pad. What has one key goes into one file. A track that is not in `tracks` is
  /// taken and thrown away. A key with a hyphen is that of a single publication.
  void attach(GstPad *source, const std::string &key, Kind kind, Tracks tracks) EXCLUDES(mutex_);
  /// The source pad is gone.
  void detach(GstPad *source) EXCLUDES(mutex_);

  struct Figures {
    unsigned begun = 0;   ///< files
    unsigned single = 0;  ///< of them with a key that one publication has to itself
    unsigned open = 0;    ///< of them not finished yet
    unsigned broken = 0;  ///< the file's pipeline failed
    unsigned ragged = 0;  ///< a track began anew before all of the file's had ended
  };
  Figures figures() const EXCLUDES(mutex_);
  /// The keys of the files that still wait for an EOS.
  std::vector<std::string> waiting() const EXCLUDES(mutex_);
  /// Finishes all files, whether EOS came or not.
  void endAll() EXCLUDES(mutex_);

 private:
  struct Inlet;
  struct Take;
  using Takes = std::map<std::string, std::unique_ptr<Take>>;

  GstFlowReturn onBuffer(Inlet &inlet, GstBuffer *buffer) EXCLUDES(mutex_);
  void onEvent(Inlet &inlet, GstEvent *event) EXCLUDES(mutex_);
  Take &takeFor(const Inlet &inlet) REQUIRES(mutex_);
  std::unique_ptr<Take> begin(const Inlet &inlet) REQUIRES(mutex_);
  void endTrack(const std::string &key, Kind kind) REQUIRES(mutex_);
  void endTake(Takes::iterator take) REQUIRES(mutex_);
  void finished(GstElement *pipeline, bool failed) EXCLUDES(mutex_);

  const std::string directory_;
  mutable Mutex mutex_;
  Figures figures_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Inlet>> inlets_ GUARDED_BY(mutex_);
  Takes takes_ GUARDED_BY(mutex_);
  std::vector<Ref<GstElement>> ending_ GUARDED_BY(mutex_);  ///< pipelines that EOS runs through
};

}  // namespace gws::soak
