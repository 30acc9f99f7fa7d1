// SPDX-License-Identifier: LGPL-2.1-or-later
// What webrtcpublishsrc does; the GObject glue stands in gstwebrtcpublishsrc.cpp.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control_thread.h"
#include "element_side.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "ice_port.h"
#include "rate_limit.h"
#include "server.h"
#include "settings.h"
#include "stream_host.h"
#include "workers.h"

namespace gws {

/// Owned by the element. Application threads set properties, request pads and change states; other
/// threads come in through ElementSide.
class PublishSrc final : public ElementSide {
 public:
  /// How the glue emits the element's signals.
  struct Signals {
    std::function<bool()> asksApplication;  ///< whether `authorize` has a handler
    std::function<bool(const std::string &stream, GstStructure *request)> authorize;
    std::function<void(const std::string &id, GstElement *webrtcbin)> webrtcbinReady;
    std::function<void(const std::string &stream, const std::string &id, const char *door)>
        publisherAdded;
    std::function<void(const std::string &stream, const std::string &id, const std::string &reason)>
        publisherRemoved;
  };
  PublishSrc(GstBin *element, Signals signals);
  ~PublishSrc();

  // Properties.
  bool setSetting(guint id, const GValue *value);
  bool getSetting(guint id, GValue *value) const;
  unsigned currentPort() const;
  std::vector<std::string> publisherIds();
  OwnedStructure statistics();

  // States.
  void prepare();  ///< from NULL to READY
  Result<void> start();
  void primePads();    ///< when they are active
  void stopClients();  ///< before the pads are deactivated
  void stop();         ///< after it; waits for the teardowns
  void setPlaying(bool playing);

  // Pads.
  GstPad *requestPad(GstPadTemplate *templ, const char *name);
  void releasePad(GstPad *pad);
  void sendEos();
  std::vector<Ref<GstPad>> pads() const;

  // Actions.
  bool disconnectPublisher(const std::string &id);
  bool requestKeyframe(const std::string &stream);

  /// A message from a child on its way to the bus; the result goes on, nothing if it ends here.
  GstMessage *filterMessage(GstMessage *message);

  // ElementSide.
  GstElement *element() const override { return GST_ELEMENT(element_); }
  std::vector<Ref<GstPad>> reservedPads(const std::string &stream, MediaKind kind) const override;
  std::vector<std::string> reservedStreams() const override;
  Ref<GstPad> makeSometimesPad(const std::string &stream, MediaKind kind) override;
  void addSometimesPad(GstPad *pad) override;
  void removeSometimesPad(GstPad *pad) override;
  Settings settings() const override;
  std::shared_ptr<IcePort> icePort() const override { return running().icePort; }
  bool asksApplication() const override { return signals_.asksApplication(); }
  bool authorize(const AccessRequest &request) override;
  void webrtcbinReady(const std::string &publisherId, GstElement *webrtcbin) override;
  void publisherAdded(const std::string &stream, const std::string &publisherId,
                      const char *door) override;
  void publisherRemoved(const std::string &stream, const std::string &publisherId,
                        const std::string &reason) override;
  void publisherRefused(const std::string &stream, const std::string &reason) override;
  void postStatistics(const std::vector<PublisherStatistics> &publishers) override;

 private:
  /// Made by start(), gone after stop(), which state changes serialise.
  struct Running {
    std::shared_ptr<ControlThread> control;
    std::shared_ptr<Workers> workers;
    std::shared_ptr<StreamHost> host;
    std::shared_ptr<Server> server;
    std::shared_ptr<IcePort> icePort;
  };
  void setUpPad(GstPad *pad);
  Running running() const EXCLUDES(mutex_);
  /// Runs something on the control thread and waits, if the element is started. Any thread.
  void withHost(const std::function<void(StreamHost &)> &what);
  void failPublisherOf(GstObject *source, const char *what);
  void post(const char *name, const std::string &stream, const std::string &publisherId,
            const char *detail, const char *text);

  GstBin *const element_;
  const Signals signals_;

  mutable Mutex mutex_;
  Settings settings_ GUARDED_BY(mutex_);
  Settings started_ GUARDED_BY(mutex_);  ///< the snapshot of the last start
  std::vector<Ref<GstPad>> reserved_ GUARDED_BY(mutex_);
  unsigned nextSometimes_ GUARDED_BY(mutex_) = 0;
  bool playing_ GUARDED_BY(mutex_) = false;
  unsigned currentPort_ GUARDED_BY(mutex_) = 0;

  Running running_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  RateLimit refusals_ GUARDED_BY(mutex_);  ///< that the bus is told of: nobody may be reading it
  /// Messages of `stats-interval` that exist; shared with them.
  const std::shared_ptr<std::atomic<unsigned>> unread_ = std::make_shared<std::atomic<unsigned>>(0);
  std::thread warmUp_;  ///< only of the process's first element
};

}  // namespace gws
