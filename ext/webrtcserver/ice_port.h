// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP sockets of one element, shared by all its publishers, and the thread that reads them.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "ice_table.h"

namespace gws {

/// What comes from the network for one session. Called on the network thread, which serves all
/// publishers: nothing may block.
class IceReceiver {
 public:
  virtual ~IceReceiver() = default;
  /// DTLS, SRTP or SRTCP, from an address that has proved its keys.
  virtual void onPacket(Ref<GstBuffer> packet) = 0;
  /// A pair was nominated for the first time.
  virtual void onConnected() = 0;
};

/// A datagram socket for each address family, on one port number. Every function may be called from
/// any thread.
class IcePort {
 public:
  /// With port 0 the system picks one. The error's detail says why not.
  static Result<std::shared_ptr<IcePort>> open(unsigned port);
  /// On any thread once it is closed, before that on none that a receiver is called on.
  ~IcePort();
  IcePort(const IcePort &) = delete;
  /// Ends the thread: no receiver is called any more. Not from a receiver.
  void close();

  unsigned port() const { return port_; }
  /// Whether that IP address can be reached through it.
  bool serves(const std::string &address) const;

  /// Gives the session's number.
  unsigned add(std::weak_ptr<IceReceiver> receiver, const IceKeys &local) EXCLUDES(mutex_);
  void setRemote(unsigned session, const IceKeys &remote) EXCLUDES(mutex_);
  void restart(unsigned session, const IceKeys &local, const IceKeys &remote) EXCLUDES(mutex_);
  /// Nothing is answered and nothing sent any more (RFC 7675, section 5.2). A packet may be on its
  /// way to the receiver still.
  void remove(unsigned session) EXCLUDES(mutex_);
  /// To the nominated pair's address; dropped when there is none, or the socket is full.
  void send(unsigned session, std::span<const std::uint8_t> packet) EXCLUDES(mutex_);

 private:
  struct Socket;
  struct Batch;
  IcePort();
  Result<void> bindAll(unsigned port);
  void run();
  void receive(Socket &socket, Batch &batch) EXCLUDES(mutex_);
  void transmit(const IcePath &path, std::span<const std::uint8_t> packet) const;

  unsigned port_ = 0;
  std::vector<std::unique_ptr<Socket>> sockets_;  ///< one or two; they do not change
  int wake_ = -1;                                 ///< an eventfd that ends the thread
  std::thread thread_;

  Mutex mutex_;
  IceTable table_ GUARDED_BY(mutex_);
  unsigned nextSession_ GUARDED_BY(mutex_) = 1;
  std::map<unsigned, std::weak_ptr<IceReceiver>> receivers_ GUARDED_BY(mutex_);
};

}  // namespace gws
