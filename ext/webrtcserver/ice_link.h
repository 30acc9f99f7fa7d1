// SPDX-License-Identifier: LGPL-2.1-or-later
// One publisher's way through the shared ICE port, and the elements that webrtcbin puts at its
// ends.
#pragma once

#include <gst/gst.h>

#include <deque>
#include <functional>
#include <memory>
#include <span>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "ice_port.h"
#include "ssrc_gate.h"
#include "workers.h"

namespace gws {

/// Shared by webrtcbin's transport, its two elements and the port. Any thread.
///
/// RTP goes on from the network thread straight into webrtcbin, where it meets nothing that blocks
/// before it is in a jitter buffer. What may take longer would hold up all other publishers: DTLS,
/// RTCP, and the first packet of an RTP stream, for which webrtcbin makes elements. It has a lane
/// of its own, which a worker empties, and while there is something in it all that comes later
/// waits behind it.
class IceLink final : public IceReceiver, public std::enable_shared_from_this<IceLink> {
 public:
  /// `ssrcs`: those that the offer names.
  IceLink(std::shared_ptr<IcePort> port, Workers &workers, std::span<const std::uint32_t> ssrcs);
  ~IceLink() override;

  /// Datagrams for `local.ufrag` are this link's from now on.
  void setLocal(const IceKeys &local) EXCLUDES(mutex_);
  void setRemote(const IceKeys &remote) EXCLUDES(mutex_);
  /// New keys on both sides; the old ones are good until a pair of the new ones is nominated.
  /// Nothing before setLocal().
  std::optional<IceKeys> restart(const IceKeys &remote) EXCLUDES(mutex_);
  /// Called once on a worker, when the first pair is nominated, before any packet comes out; not
  /// when the source is stopped, which waits until the call returns. Set before setLocal().
  void onceConnected(std::function<void()> connected) { whenConnected_ = std::move(connected); }

  static constexpr const char *kSourceName = "webrtcserver-ice-source";
  /// Where packets come out: an element for webrtcbin, which keeps the link. Of that name.
  GstElement *makeSource();
  /// Where packets go in.
  GstElement *makeSink();
  /// Between them what comes in is dropped.
  void attach(GstElement *source) EXCLUDES(mutex_);
  void detach() EXCLUDES(mutex_);
  void send(std::span<const std::uint8_t> packet) EXCLUDES(mutex_);
  /// The pair that is in use; nothing before one is nominated.
  std::optional<IcePath> path() const EXCLUDES(mutex_);
  /// As IcePort::obstacleOf().
  std::string obstacle() const EXCLUDES(mutex_) { return port_->obstacleOf(session()); }

  // IceReceiver.
  void onPacket(Ref<GstBuffer> packet, IceTime age) override EXCLUDES(mutex_);
  void onConnected() override EXCLUDES(mutex_);

 private:
  unsigned session() const EXCLUDES(mutex_);
  void tellConnected() EXCLUDES(mutex_);
  /// Whether it goes on at once; else it was taken.
  bool passes(Ref<GstBuffer> &packet) REQUIRES(mutex_);
  void emptyLane() EXCLUDES(mutex_);

  const std::shared_ptr<IcePort> port_;
  Workers &workers_;                     ///< are waited for before they go
  std::function<void()> whenConnected_;  ///< does not change once packets may come
  mutable Mutex mutex_;
  unsigned session_ GUARDED_BY(mutex_) = 0;  ///< of the port, 0: none
  IceKeys remote_ GUARDED_BY(mutex_);        ///< until there is a session
  Ref<GstElement> source_ GUARDED_BY(mutex_);
  std::deque<Ref<GstBuffer>> lane_ GUARDED_BY(mutex_);
  bool connected_ GUARDED_BY(mutex_) = false;  ///< a worker may empty the lane
  bool emptying_ GUARDED_BY(mutex_) = false;   ///< a worker does
  SsrcGate gate_ GUARDED_BY(mutex_);
};

}  // namespace gws
