// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP sockets of one element, and the thread that reads them and the TCP connections.
#include "ice_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "log.h"
#include "packet_kind.h"
#include "random.h"

GWS_LOG_CATEGORY("webrtcserver-port", "the port that all publishers share");

namespace gws {

constexpr unsigned kBatch = 32;
/// A quarter of a second of 200 publishers at 1 Mbit/s; the kernel's own 208 KiB is 8 ms of it.
constexpr int kSocketBytes = 8 * 1024 * 1024;

/// What comes within this time is read at once: a thread that wakes for every packet or two spends
/// most of its time on that. When they came the kernel notes.
constexpr IceTime kReadInterval = std::chrono::milliseconds(3);
/// After a packet of a handshake: its peers wait for each other's answers.
constexpr IceTime kHandshakeTime = std::chrono::milliseconds(200);

/// A packet that has waited here for longer came when the clock was another one.
constexpr IceTime kMaxAge = std::chrono::seconds(5);

struct IcePort::Socket {
  int fd;
  int family;
  Socket(int fd, int family) : fd(fd), family(family) {}
  ~Socket() { ::close(fd); }
  Socket(const Socket &) = delete;
};

/// A thread, and the sockets that it reads: one for each address family that there is.
struct IcePort::Reader {
  std::vector<std::unique_ptr<Socket>> sockets;
  std::thread thread;
  IceTime handshakesUntil{};  ///< packets are read as they come until then
};

/// Control messages: the address that a packet came to, or has to leave from, and when it came.
struct PacketInfo {
  alignas(cmsghdr)
      std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(timespec))> space;
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
    Sorted sorted;
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
      slot.buffer =
          Ref<GstBuffer>::take(gst_buffer_new_allocate(nullptr, kMaxIcePacketBytes, nullptr));
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

enum class Sharing { No, Yes };

/// Lets sockets of this user have the port besides; the kernel keeps each peer with one of them.
static bool share(int fd) {
  const int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

/// Both families' wildcard addresses: which of them publishers are offered is not decided here.
static int bindSocket(int family, unsigned port, Sharing sharing) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (sharing == Sharing::Yes) share(fd);
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
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
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

static IceTime timeNow() { return IceTime(g_get_monotonic_time()); }

static unsigned portOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size);
  const auto read = fromSockaddr(address, size);
  return read ? read->port : 0;
}

IcePort::IcePort() : table_(newTransaction) {}

Result<std::shared_ptr<IcePort>> IcePort::open(const IcePortOptions &options) {
  std::shared_ptr<IcePort> result(new IcePort());
  Result<void> bound = result->bindAll(options.udpPort);
  // What the system picks for one family may be taken in the other.
  for (int i = 0; !bound && options.udpPort == 0 && i < kMaxIcePortPicks; i++)
    bound = result->bindAll(0);
  if (!bound) return bound.error();
  if (options.tcpPort) {
    auto tcp = IceTcp::open(*options.tcpPort);
    if (!tcp) return tcp.error();
    result->tcp_ = std::move(*tcp);
  }
  result->wake_ = eventfd(0, EFD_CLOEXEC);
  if (result->wake_ < 0) return systemError("no event descriptor");
  while (result->readers_.size() < options.threads && result->addReader()) {
  }
  for (auto &reader : result->readers_)
    reader->thread = std::thread([port = result.get(), &reader] { port->run(*reader); });
  return result;
}

/// The first reader's sockets, which share the port with nobody: who else has it is found out.
Result<void> IcePort::bindAll(unsigned port) {
  readers_.clear();
  port_ = 0;
  auto reader = std::make_unique<Reader>();
  for (const int family : {AF_INET, AF_INET6}) {
    const int fd = bindSocket(family, port_ ? port_ : port, Sharing::No);
    if (fd < 0) {
      // A machine without IPv6 has IPv4, and the other way round.
      if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) continue;
      return systemError("UDP port " + std::to_string(port_ ? port_ : port));
    }
    reader->sockets.push_back(std::make_unique<Socket>(fd, family));
    enlargeBuffers(fd);
    port_ = portOf(fd);
  }
  if (reader->sockets.empty()) return Error{0, "there is neither IPv4 nor IPv6"};
  readers_.push_back(std::move(reader));
  return {};
}

/// One more, beside the first.
bool IcePort::addReader() {
  auto reader = std::make_unique<Reader>();
  for (const auto &first : readers_.front()->sockets) {
    const int fd = share(first->fd) ? bindSocket(first->family, port_, Sharing::Yes) : -1;
    if (fd < 0) {
      GST_WARNING("%zu threads instead of more read UDP port %u: %s", readers_.size(), port_,
                  g_strerror(errno));
      return false;
    }
    reader->sockets.push_back(std::make_unique<Socket>(fd, first->family));
    enlargeBuffers(fd);
  }
  readers_.push_back(std::move(reader));
  return true;
}

void IcePort::close() {
  if (wake_ < 0) return;
  const std::uint64_t one = 1;
  while (write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  for (auto &reader : readers_)
    if (reader->thread.joinable()) reader->thread.join();
  if (tcp_) tcp_->close();
}

IcePort::~IcePort() {
  close();
  if (wake_ >= 0) ::close(wake_);
}

bool IcePort::serves(const std::string &address) const {
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const auto &sockets = readers_.front()->sockets;
  return std::any_of(sockets.begin(), sockets.end(),
                     [=](const auto &one) { return one->family == family; });
}

/// What poll() waits for until then.
static int timeoutUntil(IceTime due) {
  if (due == IceTime::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - timeNow());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void IcePort::run(Reader &reader) {
  pthread_setname_np(pthread_self(), "ice-port");
  IceTcp *tcp = &reader == readers_.front().get() ? tcp_.get() : nullptr;
  auto batch = std::make_unique<Batch>();
  std::array<pollfd, 4> waits;
  const std::size_t count = reader.sockets.size();
  for (std::size_t i = 0; i < count; i++)
    waits[i] = {reader.sockets[i]->fd, POLLIN, 0};
  waits[count] = {wake_, POLLIN, 0};
  waits[count + 1] = {tcp ? tcp->descriptor() : -1, POLLIN, 0};  // -1 is passed over
  IceTime nextRead{};
  while (true) {
    std::this_thread::sleep_for(nextRead - timeNow());
    const int timeout = tcp ? timeoutUntil(tcp->due()) : -1;
    if (poll(waits.data(), count + 2, timeout) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (waits[count].revents) return;
    const IceTime now = timeNow();
    bool all = !waits[count + 1].revents;  // connections are read in small pieces
    for (std::size_t i = 0; i < count; i++)
      if (waits[i].revents) all &= receive(reader, *reader.sockets[i], *batch, now);
    nextRead = all && now >= reader.handshakesUntil ? now + kReadInterval : now;
    if (tcp && (waits[count + 1].revents || now >= tcp->due())) tcp->dispatch(*this, now);
  }
}

/// By the time of day that the kernel has noted; somebody may have set the clock since.
static IceTime ageOf(const timespec &arrival, IceTime timeOfDay) {
  const auto age = timeOfDay - std::chrono::seconds(arrival.tv_sec) -
                   std::chrono::duration_cast<IceTime>(std::chrono::nanoseconds(arrival.tv_nsec));
  return age > IceTime(0) && age < kMaxAge ? age : IceTime(0);
}

/// What the kernel tells of a packet.
struct Told {
  StunAddress destination;  ///< which of our addresses it came to
  IceTime age{};            ///< how long ago
};

static Told toldOf(msghdr &header, IceTime timeOfDay) {
  Told result;
  for (cmsghdr *one = CMSG_FIRSTHDR(&header); one; one = CMSG_NXTHDR(&header, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      const auto *info = reinterpret_cast<const in_pktinfo *>(CMSG_DATA(one));
      std::memcpy(result.destination.bytes.data(), &info->ipi_addr, sizeof info->ipi_addr);
    } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      const auto *info = reinterpret_cast<const in6_pktinfo *>(CMSG_DATA(one));
      result.destination.family = StunAddress::Family::IPv6;
      std::memcpy(result.destination.bytes.data(), &info->ipi6_addr, sizeof info->ipi6_addr);
      result.destination.scope = info->ipi6_ifindex;
    } else if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_TIMESTAMPNS) {
      result.age = ageOf(*reinterpret_cast<const timespec *>(CMSG_DATA(one)), timeOfDay);
    }
  }
  return result;
}

static std::string textOf(const IcePath &path) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v6 = path.remote.family == StunAddress::Family::IPv6;
  inet_ntop(v6 ? AF_INET6 : AF_INET, path.remote.bytes.data(), text.data(), text.size());
  return std::string(text.data()) + " port " + std::to_string(path.remote.port) +
         (path.connection ? " over TCP" : " over UDP");
}

void IcePort::sort(const IcePath &path, std::span<const std::uint8_t> packet, IceTime now,
                   Sorted &sorted) {
  sorted.outcome = table_.onPacket(path, packet, now, sorted.replies);
  if (sorted.outcome.moved)
    GST_INFO("session %u is at %s", sorted.outcome.session, textOf(path).c_str());
  if (!sorted.outcome.deliver && !sorted.outcome.connected) return;
  if (auto known = receivers_.find(sorted.outcome.session); known != receivers_.end())
    sorted.receiver = known->second.lock();
}

/// Whether nothing is left to be read.
bool IcePort::receive(Reader &reader, Socket &socket, Batch &batch, IceTime now) {
  const int got = recvmmsg(socket.fd, batch.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got <= 0) return true;
  const auto count = static_cast<unsigned>(got);
  const IceTime timeOfDay(g_get_real_time()), read = timeNow();
  std::array<IcePath, kBatch> paths;
  std::array<IceTime, kBatch> ages{};
  {
    Lock lock(mutex_);
    for (unsigned i = 0; i < count; i++) {
      auto &slot = batch.slots[i];
      slot.sorted.replies.count = 0;
      msghdr &header = batch.headers[i].msg_hdr;
      const auto from = fromSockaddr(slot.from, header.msg_namelen);
      if (!from || (header.msg_flags & MSG_TRUNC)) continue;
      const Told told = toldOf(header, timeOfDay);
      paths[i] = {*from, told.destination};
      ages[i] = told.age;
      sort(paths[i], batch.packet(i), now, slot.sorted);
      if (slot.sorted.outcome.deliver && packetKind(batch.packet(i)) == PacketKind::Dtls)
        reader.handshakesUntil = now + kHandshakeTime;
    }
  }
  for (unsigned i = 0; i < count; i++) {
    Sorted &sorted = batch.slots[i].sorted;
    for (std::size_t reply = 0; reply < sorted.replies.count; reply++)
      transmit(paths[i], sorted.replies.buffers[reply].packet());
    if (auto receiver = std::move(sorted.receiver)) {
      if (sorted.outcome.connected) receiver->onConnected();
      if (sorted.outcome.deliver)
        receiver->onPacket(batch.takePacket(i), ages[i] + (timeNow() - read));
    }
    batch.refill(i);
  }
  return count < kBatch;
}

bool IcePort::onTcpPacket(const IcePath &path, std::span<const std::uint8_t> packet) {
  Sorted sorted;
  {
    Lock lock(mutex_);
    sort(path, packet, timeNow(), sorted);
  }
  for (std::size_t reply = 0; reply < sorted.replies.count; reply++)
    transmit(path, sorted.replies.buffers[reply].packet());
  if (sorted.receiver && sorted.outcome.connected) sorted.receiver->onConnected();
  if (sorted.receiver && sorted.outcome.deliver)
    sorted.receiver->onPacket(
        Ref<GstBuffer>::take(gst_buffer_new_memdup(packet.data(), packet.size())), IceTime(0));
  return sorted.outcome.session != 0;
}

void IcePort::onTcpClosed(const IcePath &path) {
  Lock lock(mutex_);
  table_.onClosed(path);
}

bool IcePort::needsTcp(const IcePath &path) {
  Lock lock(mutex_);
  return table_.knows(path);
}

void IcePort::transmit(const IcePath &path, std::span<const std::uint8_t> packet) const {
  if (path.connection)
    tcp_->send(path.connection, packet);
  else
    transmitUdp(path, packet);
}

/// From the address that the peer knows; the kernel would choose its own on machines with several.
void IcePort::transmitUdp(const IcePath &path, std::span<const std::uint8_t> packet) const {
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
  for (const auto &one : readers_.front()->sockets)
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

std::optional<IcePath> IcePort::pathOf(unsigned session) {
  Lock lock(mutex_);
  return table_.pathOf(session, timeNow());
}

std::int64_t IcePort::heardOf(unsigned session) {
  Lock lock(mutex_);
  return table_.heardOf(session).count();
}

std::string IcePort::obstacleOf(unsigned session) {
  if (pathOf(session)) return "ICE is connected, DTLS is not";
  if (heardOf(session)) return "ICE checks came, but none that decided for a path";
  const std::string tcp = tcpPort() ? " or TCP port " + std::to_string(tcpPort()) : "";
  return "no ICE check came to UDP port " + std::to_string(port()) + tcp;
}

void IcePort::send(unsigned session, std::span<const std::uint8_t> packet) {
  if (const auto path = pathOf(session)) transmit(*path, packet);
}

}  // namespace gws
