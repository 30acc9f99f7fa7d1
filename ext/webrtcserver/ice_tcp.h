// SPDX-License-Identifier: LGPL-2.1-or-later
// ICE over TCP for publishers whose UDP is blocked: connections that they open (RFC 6544), with
// packets behind their lengths (RFC 4571).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "ice_table.h"
#include "tcp_frames.h"

namespace gws {

/// Longer than any packet of WebRTC; on UDP too.
inline constexpr std::size_t kMaxIcePacketBytes = 2048;

/// How often the system is asked for another number when one is free in one family alone.
inline constexpr int kMaxIcePortPicks = 8;

/// Who the connections are for. Called on the network thread.
class IceTcpOwner {
 public:
  virtual ~IceTcpOwner() = default;
  /// A packet from one, and whether it was a session's: a connection that begins with anything else
  /// is closed.
  virtual bool onTcpPacket(const IcePath &path, std::span<const std::uint8_t> packet) = 0;
  virtual void onTcpClosed(const IcePath &path) = 0;
  /// Whether the path is a session's: a connection that is none is closed.
  virtual bool needsTcp(const IcePath &path) = 0;
};

/// All connections of one port number, read by the network thread of its IcePort. Strangers get
/// nothing but a bounded number of connections for some seconds: who has as many as one source may
/// have gets no more; when all are taken, the oldest goes that is no session's path.
class IceTcp {
 public:
  /// Of one source, before their first check: a browser opens one from each of its addresses to
  /// each of ours.
  static constexpr std::size_t kMaxStrangers = 64;
  /// Or a quarter of the descriptors that the process may have.
  static constexpr std::size_t kMaxConnections = 1024;
  /// For a first check, until it is a session's path.
  static constexpr IceTime kPatience = std::chrono::seconds(10);

  /// With port 0 the system picks one. The error's detail says why not.
  static Result<std::unique_ptr<IceTcp>> open(unsigned port);
  ~IceTcp();
  IceTcp(const IceTcp &) = delete;

  unsigned port() const { return port_; }
  /// Readable when dispatch() has something to do.
  int descriptor() const { return events_; }
  /// And at this time at the latest; network thread.
  IceTime due() const;
  /// On the network thread alone. Does not block, nor does one connection keep it for long.
  void dispatch(IceTcpOwner &owner, IceTime now) EXCLUDES(mutex_);
  /// Any thread. Dropped if there is no such connection, or no room for the whole packet in its
  /// buffer.
  void send(unsigned connection, std::span<const std::uint8_t> packet) EXCLUDES(mutex_);
  /// Closes everything. Once no thread dispatches any more.
  void close() EXCLUDES(mutex_);

 private:
  struct Connection {
    int fd = -1;
    IcePath path;
    std::string source;
    IceTime deadline{};              ///< by which it is a session's path
    std::size_t strange = 0;         ///< bytes before the first packet
    bool begun = false;              ///< with a check that had a session's keys
    bool needed = false;             ///< it was a session's path
    TcpFrames frames;                ///< network thread
    std::vector<std::uint8_t> rest;  ///< of a packet that the kernel took a part of; mutex_
    ~Connection();
  };
  using Connections = std::map<unsigned, Connection>;  ///< by number, and so by age

  IceTcp();
  Result<void> listenAll(unsigned port);
  void watchListeners(int operation);
  void accept(int listener, IceTcpOwner &owner, IceTime now) EXCLUDES(mutex_);
  bool makeRoom(const std::string &source, IceTcpOwner &owner) EXCLUDES(mutex_);
  void add(int fd, const IcePath &path, IceTime now) EXCLUDES(mutex_);
  void onEvents(unsigned number, unsigned events, IceTcpOwner &owner) EXCLUDES(mutex_);
  bool read(Connection &connection, IceTcpOwner &owner);
  bool flush(Connection &connection) REQUIRES(mutex_);
  void sweep(IceTcpOwner &owner, IceTime now) EXCLUDES(mutex_);
  Connections::iterator drop(Connections::iterator connection) EXCLUDES(mutex_);

  unsigned port_ = 0;
  int events_ = -1;             ///< epoll
  std::vector<int> listeners_;  ///< one or two
  std::size_t maxConnections_ = kMaxConnections;
  bool isDeaf_ = false;  ///< no descriptor was left: nothing is accepted before the next sweep
  IceTime swept_{};
  unsigned next_ = 1;
  std::array<std::uint8_t, 8192> buffer_;

  Mutex mutex_;
  /// The network thread alone changes the map, with the mutex, and so reads it without.
  Connections connections_;
};

}  // namespace gws
