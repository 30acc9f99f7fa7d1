// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel's buffers are the only queues: here is at most the rest of one packet for each
// direction of a connection.
#include "ice_tcp.h"

#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-tcp", "ICE over TCP");

namespace gws {

namespace {

/// How often is looked for connections that nobody needs.
constexpr IceTime kSweep = std::chrono::seconds(1);
/// What one dispatch() does at most, so that UDP has its turn soon.
constexpr int kEvents = 16;
constexpr int kAccepts = 16;
/// What waits for a slow reader; more is dropped.
constexpr int kSendBytes = 256 * 1024;
/// A listener's number among the events; connections' have 32 bits.
constexpr std::uint64_t kListener = std::uint64_t{1} << 32;

Error systemError(const std::string &what) { return Error{0, what + ": " + g_strerror(errno)}; }

int listenOn(int family, unsigned port) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1, bytes = kSendBytes;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Connections have these from their listener.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  StunAddress any;
  if (family == AF_INET6) any.family = StunAddress::Family::IPv6;
  any.port = static_cast<std::uint16_t>(port);
  sockaddr_storage address;
  const socklen_t size = toSockaddr(any, address);
  if (bind(fd, reinterpret_cast<sockaddr *>(&address), size) == 0 && listen(fd, SOMAXCONN) == 0)
    return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

std::optional<StunAddress> ownAddress(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size);
  return fromSockaddr(address, size);
}

void watch(int epoll, int operation, int fd, unsigned events, std::uint64_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  epoll_ctl(epoll, operation, fd, &event);
}

bool isOutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

IceTcp::Connection::~Connection() {
  if (fd >= 0) ::close(fd);
}

IceTcp::IceTcp() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    maxConnections_ = std::min<std::size_t>(kMaxConnections, limit.rlim_cur / 4);
}

IceTcp::~IceTcp() {
  close();
  if (events_ >= 0) ::close(events_);
}

Result<std::unique_ptr<IceTcp>> IceTcp::open(unsigned port) {
  std::unique_ptr<IceTcp> result(new IceTcp());
  result->events_ = epoll_create1(EPOLL_CLOEXEC);
  if (result->events_ < 0) return systemError("no event descriptor");
  Result<void> listening = result->listenAll(port);
  for (int i = 0; !listening && port == 0 && i < kMaxIcePortPicks; i++)
    listening = result->listenAll(0);
  if (!listening) return listening.error();
  result->watchListeners(EPOLL_CTL_ADD);
  return result;
}

Result<void> IceTcp::listenAll(unsigned port) {
  close();
  port_ = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    const int fd = listenOn(family, port_ ? port_ : port);
    if (fd < 0) {
      // A machine without IPv6 has IPv4, and the other way round.
      if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) continue;
      return systemError("TCP port " + std::to_string(port_ ? port_ : port));
    }
    listeners_.push_back(fd);
    if (const auto address = ownAddress(fd)) port_ = address->port;
  }
  if (listeners_.empty()) return Error{0, "there is neither IPv4 nor IPv6"};
  return {};
}

void IceTcp::watchListeners(int operation) {
  for (std::size_t i = 0; i < listeners_.size(); i++)
    watch(events_, operation, listeners_[i], EPOLLIN, kListener + i);
}

void IceTcp::close() {
  for (const int fd : listeners_)
    ::close(fd);
  listeners_.clear();
  Lock lock(mutex_);
  connections_.clear();
}

IceTime IceTcp::due() const {
  return connections_.empty() && !isDeaf_ ? IceTime::max() : swept_ + kSweep;
}

void IceTcp::dispatch(IceTcpOwner &owner, IceTime now) {
  if (now >= due()) sweep(owner, now);
  std::array<epoll_event, kEvents> events;
  const int count = epoll_wait(events_, events.data(), kEvents, 0);
  for (int i = 0; i < count; i++) {
    const std::uint64_t number = events[static_cast<std::size_t>(i)].data.u64;
    if (number >= kListener)
      accept(listeners_[number - kListener], owner, now);
    else
      onEvents(static_cast<unsigned>(number), events[static_cast<std::size_t>(i)].events, owner);
  }
}

void IceTcp::accept(int listener, IceTcpOwner &owner, IceTime now) {
  for (int i = 0; i < kAccepts; i++) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int fd =
        accept4(listener, reinterpret_cast<sockaddr *>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (isOutOfResources(errno) && !isDeaf_) {
        GST_WARNING("no TCP connection can be accepted: %s", g_strerror(errno));
        isDeaf_ = true;
        watchListeners(EPOLL_CTL_DEL);
      }
      return;
    }
    const auto remote = fromSockaddr(from, size);
    auto local = ownAddress(fd);
    if (!remote || !local || !makeRoom(iceSource(*remote), owner)) {
      ::close(fd);
      continue;
    }
    local->port = 0;
    add(fd, {*remote, *local, next_++}, now);
  }
}

bool IceTcp::makeRoom(const std::string &source, IceTcpOwner &owner) {
  const auto strangers = std::count_if(connections_.begin(), connections_.end(), [&](auto &one) {
    return !one.second.begun && one.second.source == source;
  });
  if (static_cast<std::size_t>(strangers) >= kMaxStrangers) return false;
  if (connections_.size() < maxConnections_) return true;
  // Who has keys could fill it, too; but a session has a limited number of paths.
  auto oldest = std::find_if(connections_.begin(), connections_.end(), [&](auto &one) {
    return !one.second.begun || !owner.needsTcp(one.second.path);
  });
  if (oldest == connections_.end()) return false;
  drop(oldest);
  return true;
}

void IceTcp::add(int fd, const IcePath &path, IceTime now) {
  Lock lock(mutex_);
  Connection &connection = connections_[path.connection];
  connection.fd = fd;
  connection.path = path;
  connection.source = iceSource(path.remote);
  connection.deadline = now + kPatience;
  watch(events_, EPOLL_CTL_ADD, fd, EPOLLIN, path.connection);
}

void IceTcp::onEvents(unsigned number, unsigned events, IceTcpOwner &owner) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection &connection = found->second;
  bool alive = true;
  if (events & EPOLLOUT) {
    Lock lock(mutex_);
    alive = flush(connection);
  }
  if (alive && (events & ~static_cast<unsigned>(EPOLLOUT))) alive = read(connection, owner);
  if (alive) return;
  const IcePath path = connection.path;
  drop(found);
  owner.onTcpClosed(path);
}

/// Whether the connection goes on.
bool IceTcp::read(Connection &connection, IceTcpOwner &owner) {
  const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  std::span<const std::uint8_t> bytes(buffer_.data(), static_cast<std::size_t>(got));
  while (const auto packet = connection.frames.next(bytes)) {
    if (packet->size() > kMaxIcePacketBytes) return false;
    connection.begun = owner.onTcpPacket(connection.path, *packet) || connection.begun;
    if (!connection.begun) return false;
  }
  if (connection.frames.announced() > kMaxIcePacketBytes) return false;
  if (connection.begun) {
    connection.needed = connection.needed || owner.needsTcp(connection.path);
    return true;
  }
  connection.strange += static_cast<std::size_t>(got);
  return connection.strange <= kMaxIcePacketBytes;
}

void IceTcp::sweep(IceTcpOwner &owner, IceTime now) {
  swept_ = now;
  if (std::exchange(isDeaf_, false)) watchListeners(EPOLL_CTL_ADD);
  for (auto one = connections_.begin(); one != connections_.end();) {
    Connection &connection = one->second;
    const bool isOver =
        connection.needed ? !owner.needsTcp(connection.path) : now >= connection.deadline;
    one = isOver ? drop(one) : std::next(one);
  }
}

IceTcp::Connections::iterator IceTcp::drop(Connections::iterator connection) {
  Lock lock(mutex_);
  return connections_.erase(connection);
}

void IceTcp::send(unsigned number, std::span<const std::uint8_t> packet) {
  Lock lock(mutex_);
  auto found = connections_.find(number);
  if (found == connections_.end() || packet.size() > kMaxTcpFrameBytes) return;
  Connection &connection = found->second;
  if (!connection.rest.empty()) return;
  auto head = tcpFrameHead(static_cast<std::uint16_t>(packet.size()));
  std::array<iovec, 2> parts{
      {{head.data(), head.size()}, {const_cast<std::uint8_t *>(packet.data()), packet.size()}}};
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  const ssize_t result = sendmsg(connection.fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (result <= 0) return;  // what broke is told to the network thread
  const auto sent = static_cast<std::size_t>(result);
  if (sent >= head.size() + packet.size()) return;
  if (sent < head.size()) connection.rest.assign(head.begin() + result, head.end());
  const auto left = packet.subspan(sent < head.size() ? 0 : sent - head.size());
  connection.rest.insert(connection.rest.end(), left.begin(), left.end());
  watch(events_, EPOLL_CTL_MOD, connection.fd, EPOLLIN | EPOLLOUT, number);
}

/// Whether the connection goes on.
bool IceTcp::flush(Connection &connection) {
  std::vector<std::uint8_t> &rest = connection.rest;
  const ssize_t sent = ::send(connection.fd, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  rest.erase(rest.begin(), rest.begin() + sent);
  if (rest.empty())
    watch(events_, EPOLL_CTL_MOD, connection.fd, EPOLLIN, connection.path.connection);
  return true;
}

}  // namespace gws
