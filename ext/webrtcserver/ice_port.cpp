// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP sockets of one element, and the thread that reads them.
#include "ice_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "log.h"
#include "random.h"

GWS_LOG_CATEGORY("webrtcserver-port", "the UDP port that all publishers share");

namespace gws {

constexpr unsigned kBatch = 32;
/// More than any path's MTU that WebRTC meets; longer datagrams are dropped.
constexpr std::size_t kPacketBytes = 2048;
/// A quarter of a second of 200 publishers at 1 Mbit/s; the kernel's own 208 KiB is 8 ms of it.
constexpr int kSocketBytes = 8 * 1024 * 1024;

struct IcePort::Socket {
  int fd = -1;
  int family = AF_INET;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

/// A control message with the address that a packet came to, or has to leave from.
struct PacketInfo {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> space;
};

/// What one call of recvmmsg fills. Each buffer is given away with its packet, so that nothing is
/// copied.
struct IcePort::Batch {
  struct Slot {
    Ref<GstBuffer> buffer;
    GstMapInfo map;
    sockaddr_storage from;
    PacketInfo info;
    iovec part;
    IceOutcome outcome;
    IceReplies replies;
    std::shared_ptr<IceReceiver> receiver;
  };
  std::array<Slot, kBatch> slots;
  std::array<mmsghdr, kBatch> headers;

  Batch() {
    for (unsigned i = 0; i < kBatch; i++)
      refill(i);
  }
  ~Batch() {
    for (Slot &slot : slots)
      if (slot.buffer) gst_buffer_unmap(slot.buffer.get(), &slot.map);
  }
  void refill(unsigned i) {
    Slot &slot = slots[i];
    if (!slot.buffer) {
      slot.buffer = Ref<GstBuffer>::take(gst_buffer_new_allocate(nullptr, kPacketBytes, nullptr));
      gst_buffer_map(slot.buffer.get(), &slot.map, GST_MAP_WRITE);
    }
    slot.part = {slot.map.data, slot.map.size};
    headers[i].msg_hdr = {&slot.from, sizeof slot.from,       &slot.part,
                          1,          slot.info.space.data(), slot.info.space.size(),
                          0};
  }
  std::span<const std::uint8_t> packet(unsigned i) const {
    return {slots[i].map.data, headers[i].msg_len};
  }
  Ref<GstBuffer> takePacket(unsigned i) {
    Slot &slot = slots[i];
    gst_buffer_unmap(slot.buffer.get(), &slot.map);
    gst_buffer_set_size(slot.buffer.get(), static_cast<gssize>(headers[i].msg_len));
    return std::move(slot.buffer);
  }
};

static StunTransaction newTransaction() {
  StunTransaction transaction;
  fillRandom(transaction);
  return transaction;
}

static Error systemError(const std::string &what) {
  return Error{0, what + ": " + g_strerror(errno)};
}

/// Both families' wildcard addresses: which of them publishers are offered is not decided here.
static int bindSocket(int family, unsigned port) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  if (family == AF_INET6) {
    auto *in6 = reinterpret_cast<sockaddr_in6 *>(&address);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(static_cast<uint16_t>(port));
    size = sizeof *in6;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  } else {
    auto *in = reinterpret_cast<sockaddr_in *>(&address);
    in->sin_family = AF_INET;
    in->sin_port = htons(static_cast<uint16_t>(port));
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  }
  if (bind(fd, reinterpret_cast<sockaddr *>(&address), size) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static void enlargeBuffers(int fd) {
  const int wanted = kSocketBytes;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  int got = 0;
  socklen_t size = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size);
  if (got < wanted)
    GST_WARNING(
        "the UDP port's receive buffer has %d bytes, %d were asked for: bursts of many "
        "publishers may be lost; raise net.core.rmem_max",
        got, wanted);
}

static unsigned portOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size);
  const auto read = fromSockaddr(address, size);
  return read ? read->port : 0;
}

IcePort::IcePort() : table_(newTransaction) {}

Result<std::shared_ptr<IcePort>> IcePort::open(unsigned port) {
  std::shared_ptr<IcePort> result(new IcePort());
  if (auto bound = result->bindAll(port); !bound) return bound.error();
  result->wake_ = eventfd(0, EFD_CLOEXEC);
  if (result->wake_ < 0) return systemError("no event descriptor");
  result->thread_ = std::thread([port = result.get()] { port->run(); });
  return result;
}

Result<void> IcePort::bindAll(unsigned port) {
  for (const int family : {AF_INET, AF_INET6}) {
    auto one = std::make_unique<Socket>();
    one->family = family;
    one->fd = bindSocket(family, port_ ? port_ : port);
    if (one->fd < 0) {
      // A machine without IPv6 has IPv4, and the other way round.
      if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) continue;
      return systemError("UDP port " + std::to_string(port_ ? port_ : port));
    }
    enlargeBuffers(one->fd);
    port_ = portOf(one->fd);
    sockets_.push_back(std::move(one));
  }
  if (sockets_.empty()) return Error{0, "there is neither IPv4 nor IPv6"};
  return {};
}

void IcePort::close() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  while (write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

IcePort::~IcePort() {
  close();
  if (wake_ >= 0) ::close(wake_);
}

bool IcePort::serves(const std::string &address) const {
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  for (const auto &one : sockets_)
    if (one->family == family) return true;
  return false;
}

void IcePort::run() {
  auto batch = std::make_unique<Batch>();
  std::array<pollfd, 3> waits;
  const std::size_t count = sockets_.size();
  for (std::size_t i = 0; i < count; i++)
    waits[i] = {sockets_[i]->fd, POLLIN, 0};
  waits[count] = {wake_, POLLIN, 0};
  while (true) {
    if (poll(waits.data(), count + 1, -1) < 0 && errno != EINTR) return;
    if (waits[count].revents) return;
    for (std::size_t i = 0; i < count; i++)
      if (waits[i].revents) receive(*sockets_[i], *batch);
  }
}

/// Which of our addresses a packet came to.
static StunAddress destinationOf(msghdr &header) {
  StunAddress result;
  for (cmsghdr *one = CMSG_FIRSTHDR(&header); one; one = CMSG_NXTHDR(&header, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      const auto *info = reinterpret_cast<const in_pktinfo *>(CMSG_DATA(one));
      std::memcpy(result.bytes.data(), &info->ipi_addr, sizeof info->ipi_addr);
    } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      const auto *info = reinterpret_cast<const in6_pktinfo *>(CMSG_DATA(one));
      result.family = StunAddress::Family::IPv6;
      std::memcpy(result.bytes.data(), &info->ipi6_addr, sizeof info->ipi6_addr);
      result.scope = info->ipi6_ifindex;
    }
  }
  return result;
}

void IcePort::receive(Socket &socket, Batch &batch) {
  const int got = recvmmsg(socket.fd, batch.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got <= 0) return;
  const auto count = static_cast<unsigned>(got);
  std::array<IcePath, kBatch> paths;
  {
    Lock lock(mutex_);
    for (unsigned i = 0; i < count; i++) {
      auto &slot = batch.slots[i];
      slot.outcome = {};
      slot.replies.count = 0;
      msghdr &header = batch.headers[i].msg_hdr;
      const auto from = fromSockaddr(slot.from, header.msg_namelen);
      if (!from || (header.msg_flags & MSG_TRUNC)) continue;
      paths[i] = {*from, destinationOf(header)};
      slot.outcome = table_.onPacket(paths[i], batch.packet(i), slot.replies);
      if (!slot.outcome.deliver && !slot.outcome.connected) continue;
      if (auto known = receivers_.find(slot.outcome.session); known != receivers_.end())
        slot.receiver = known->second.lock();
    }
  }
  for (unsigned i = 0; i < count; i++) {
    auto &slot = batch.slots[i];
    for (std::size_t reply = 0; reply < slot.replies.count; reply++)
      transmit(paths[i], slot.replies.buffers[reply].packet());
    if (auto receiver = std::move(slot.receiver)) {
      if (slot.outcome.connected) receiver->onConnected();
      if (slot.outcome.deliver) receiver->onPacket(batch.takePacket(i));
    }
    batch.refill(i);
  }
}

/// From the address that the peer knows; the kernel would choose its own on machines with several.
void IcePort::transmit(const IcePath &path, std::span<const std::uint8_t> packet) const {
  const bool v6 = path.remote.family == StunAddress::Family::IPv6;
  const int family = v6 ? AF_INET6 : AF_INET;
  sockaddr_storage to{};
  iovec part{const_cast<std::uint8_t *>(packet.data()), packet.size()};
  PacketInfo info{};
  msghdr header{&to, toSockaddr(path.remote, to), &part, 1, info.space.data(), 0, 0};
  header.msg_controllen = v6 ? CMSG_SPACE(sizeof(in6_pktinfo)) : CMSG_SPACE(sizeof(in_pktinfo));
  cmsghdr *control = CMSG_FIRSTHDR(&header);
  if (v6) {
    in6_pktinfo from{};
    std::memcpy(&from.ipi6_addr, path.local.bytes.data(), sizeof from.ipi6_addr);
    from.ipi6_ifindex = path.remote.scope;
    *control = {CMSG_LEN(sizeof from), IPPROTO_IPV6, IPV6_PKTINFO};
    std::memcpy(CMSG_DATA(control), &from, sizeof from);
  } else {
    in_pktinfo from{};
    std::memcpy(&from.ipi_spec_dst, path.local.bytes.data(), sizeof from.ipi_spec_dst);
    *control = {CMSG_LEN(sizeof from), IPPROTO_IP, IP_PKTINFO};
    std::memcpy(CMSG_DATA(control), &from, sizeof from);
  }
  for (const auto &one : sockets_)
    if (one->family == family) sendmsg(one->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

unsigned IcePort::add(std::weak_ptr<IceReceiver> receiver, const IceKeys &local) {
  Lock lock(mutex_);
  const unsigned session = nextSession_++;
  receivers_[session] = std::move(receiver);
  table_.add(session, local);
  return session;
}

void IcePort::setRemote(unsigned session, const IceKeys &remote) {
  Lock lock(mutex_);
  table_.setRemote(session, remote);
}

void IcePort::restart(unsigned session, const IceKeys &local, const IceKeys &remote) {
  Lock lock(mutex_);
  table_.restart(session, local, remote);
}

void IcePort::remove(unsigned session) {
  Lock lock(mutex_);
  table_.remove(session);
  receivers_.erase(session);
}

void IcePort::send(unsigned session, std::span<const std::uint8_t> packet) {
  std::optional<IcePath> path;
  {
    Lock lock(mutex_);
    path = table_.pathOf(session);
  }
  if (path) transmit(*path, packet);
}

}  // namespace gws
