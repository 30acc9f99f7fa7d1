// SPDX-License-Identifier: LGPL-2.1-or-later
// One publisher's way through the shared ICE port, and the elements that webrtcbin puts at its
// ends.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <span>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "ice_port.h"

namespace gws {

/// Shared by webrtcbin's transport, its two elements and the port. Any thread.
class IceLink final : public IceReceiver, public std::enable_shared_from_this<IceLink> {
 public:
  explicit IceLink(std::shared_ptr<IcePort> port) : port_(std::move(port)) {}
  ~IceLink() override;

  /// Datagrams for `local.ufrag` are this link's from now on.
  void setLocal(const IceKeys &local) EXCLUDES(mutex_);
  void setRemote(const IceKeys &remote) EXCLUDES(mutex_);
  /// New keys on both sides; the old ones are good until a pair of the new ones is nominated.
  /// Nothing before setLocal().
  std::optional<IceKeys> restart(const IceKeys &remote) EXCLUDES(mutex_);
  /// Called once, when the first pair is nominated, on the network thread. Set before setLocal().
  void onceConnected(std::function<void()> connected) { whenConnected_ = std::move(connected); }

  /// Where packets come out: an element for webrtcbin, which keeps the link.
  GstElement *makeSource();
  /// Where packets go in.
  GstElement *makeSink();
  /// Between them what comes in is dropped.
  void attach(GstElement *source) EXCLUDES(mutex_);
  void detach() EXCLUDES(mutex_);
  void send(std::span<const std::uint8_t> packet) EXCLUDES(mutex_);

  // IceReceiver.
  void onPacket(Ref<GstBuffer> packet) override EXCLUDES(mutex_);
  void onConnected() override {
    if (whenConnected_) whenConnected_();
  }

 private:
  unsigned session() const EXCLUDES(mutex_);

  const std::shared_ptr<IcePort> port_;
  std::function<void()> whenConnected_;  ///< does not change once packets may come
  mutable Mutex mutex_;
  unsigned session_ GUARDED_BY(mutex_) = 0;  ///< of the port, 0: none
  IceKeys remote_ GUARDED_BY(mutex_);        ///< until there is a session
  Ref<GstElement> source_ GUARDED_BY(mutex_);
};

}  // namespace gws
