// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP and TCP ports of one element, shared by all its publishers, and the threads that read
// them.
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
#include "ice_tcp.h"

namespace gws {

/// What comes from the network for one session. Called on network threads, each of which serves
/// many publishers: nothing may block. A peer's packets come in order on one of them, but on
/// another one at the same time when the peer's address or the way of transport changes.
class IceReceiver {
 public:
  virtual ~IceReceiver() = default;
  /// DTLS, SRTP or SRTCP, from an address that has proved its keys. `age`: how long ago it came to
  /// this machine, so that nobody takes a network thread that has no time for a slow network.
  virtual void onPacket(Ref<GstBuffer> packet, IceTime age) = 0;
  /// A pair was nominated for the first time.
  virtual void onConnected() = 0;
};

struct IcePortOptions {
  unsigned udpPort = 0;               ///< 0: the system picks one
  std::optional<unsigned> tcpPort{};  ///< nothing: no TCP; 0: the system picks one
  unsigned threads = 1;               ///< that read UDP; fewer where the system lets no more
};

/// Datagram sockets on one port number, one for each address family and thread, and listeners on
/// another, which the first thread reads. Every function may be called from any thread.
class IcePort final : private IceTcpOwner {
 public:
  /// The error's detail says why not.
  static Result<std::shared_ptr<IcePort>> open(const IcePortOptions &options);
  /// On any thread once it is closed, before that on none that a receiver is called on.
  ~IcePort() override;
  IcePort(const IcePort &) = delete;
  /// Ends the threads: no receiver is called any more. Not from a receiver.
  void close();

  unsigned port() const { return port_; }
  /// 0: none.
  unsigned tcpPort() const { return tcp_ ? tcp_->port() : 0; }
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
  /// Where send() sends to.
  std::optional<IcePath> pathOf(unsigned session) EXCLUDES(mutex_);
  /// When the session's last packet or valid check came, in g_get_monotonic_time()'s µs; 0: none
  /// yet.
  std::int64_t heardOf(unsigned session) EXCLUDES(mutex_);
  /// How far the session has come, when it is not connected: for people.
  std::string obstacleOf(unsigned session) EXCLUDES(mutex_);

 private:
  struct Socket;
  struct Reader;
  struct Batch;
  /// What a packet leads to, once the mutex is free.
  struct Sorted {
    IceOutcome outcome;
    IceReplies replies;
    std::shared_ptr<IceReceiver> receiver;  ///< if there is something for it
  };
  IcePort();
  Result<void> bindAll(unsigned port);
  bool addReader();
  void run(Reader &reader);
  bool receive(Reader &reader, Socket &socket, Batch &batch, IceTime now) EXCLUDES(mutex_);
  void sort(const IcePath &path, std::span<const std::uint8_t> packet, IceTime now, Sorted &sorted)
      REQUIRES(mutex_);
  void transmit(const IcePath &path, std::span<const std::uint8_t> packet) const;
  void transmitUdp(const IcePath &path, std::span<const std::uint8_t> packet) const;

  // IceTcpOwner.
  bool onTcpPacket(const IcePath &path, std::span<const std::uint8_t> packet) override
      EXCLUDES(mutex_);
  void onTcpClosed(const IcePath &path) override EXCLUDES(mutex_);
  bool needsTcp(const IcePath &path) override EXCLUDES(mutex_);

  unsigned port_ = 0;
  std::vector<std::unique_ptr<Reader>> readers_;  ///< do not change once the port is open
  std::unique_ptr<IceTcp> tcp_;                   ///< does not change either
  int wake_ = -1;                                 ///< an eventfd that ends the threads

  Mutex mutex_;
  IceTable table_ GUARDED_BY(mutex_);
  unsigned nextSession_ GUARDED_BY(mutex_) = 1;
  std::map<unsigned, std::weak_ptr<IceReceiver>> receivers_ GUARDED_BY(mutex_);
};

}  // namespace gws
