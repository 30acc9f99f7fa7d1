// SPDX-License-Identifier: LGPL-2.1-or-later
// What the publishers and the host of streams need of the element that they belong to.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "access.h"
#include "codecs.h"
#include "gst/common/gobj.h"
#include "settings.h"

namespace gws {

class IcePort;
struct PublisherStatistics;

/// Implemented by the element; it outlives everything that holds a reference to this. Every
/// function may be called from any thread that is not the control thread, unless it says otherwise,
/// and may block in the application's handlers.
class ElementSide {
 public:
  virtual GstElement *element() const = 0;
  /// The request pads of that stream and kind: first `video_cam1`, then `video_cam1_1`, …
  virtual std::vector<Ref<GstPad>> reservedPads(const std::string &stream,
                                                MediaKind kind) const = 0;
  /// Streams that have a request pad; any thread.
  virtual std::vector<std::string> reservedStreams() const = 0;
  /// A new `src_%u` pad, active, not yet added to the element.
  virtual Ref<GstPad> makeSometimesPad(const std::string &stream, MediaKind kind) = 0;
  virtual void addSometimesPad(GstPad *pad) = 0;
  virtual void removeSometimesPad(GstPad *pad) = 0;
  /// Settings as they are now, with what changed since the start where that is allowed; any thread.
  virtual Settings settings() const = 0;

  /// The UDP port that all publishers share; nothing with libnice. Any thread.
  virtual std::shared_ptr<IcePort> icePort() const { return nullptr; }

  /// Whether the application wants to be asked; any thread.
  virtual bool asksApplication() const { return true; }
  /// The application's word on a client (signal `authorize`).
  virtual bool authorize(const AccessRequest &request) = 0;
  virtual void webrtcbinReady(const std::string &publisherId, GstElement *webrtcbin) = 0;
  /// `door`: see Channel::door().
  virtual void publisherAdded(const std::string &stream, const std::string &publisherId,
                              const char *door) = 0;
  virtual void publisherRemoved(const std::string &stream, const std::string &publisherId,
                                const std::string &reason) = 0;
  /// A publisher was refused for a reason that the pipeline's author has to know.
  virtual void publisherRefused(const std::string &stream, const std::string &reason) = 0;
  /// The message of `stats-interval`.
  virtual void postStatistics(const std::vector<PublisherStatistics> &) {}

 protected:
  ~ElementSide() = default;
};

}  // namespace gws
