// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw sockets whose UDP header is written by hand; the kernel writes that of IP.
#include "spoof.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gst/common/gobj.h"
#include "stun.h"

namespace gws::hostile {

namespace {

/// In native form. The port of a raw socket's address does not count.
socklen_t toNative(const std::string &address, sockaddr_storage &storage) {
  const auto parsed =
      Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string(address.c_str(), 0));
  if (!parsed || !g_socket_address_to_native(parsed.get(), &storage, sizeof storage, nullptr))
    return 0;
  return static_cast<socklen_t>(g_socket_address_get_native_size(parsed.get()));
}

bool isV6(const std::string &address) { return address.find(':') != std::string::npos; }

int openSocket(const std::string &address) {
  const int fd = socket(isV6(address) ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return -1;
  // UDP over IPv6 needs its checksum; over IPv4 it may be 0.
  const int checksumAt = 6, least = 1;
  if (isV6(address)) setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &checksumAt, sizeof checksumAt);
  // It gets a copy of every datagram of this machine, and reads none.
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  sockaddr_storage own{};
  if (bind(fd, reinterpret_cast<sockaddr *>(&own), toNative(address, own)) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Spoofer::~Spoofer() {
  for (const auto &[address, fd] : sockets_)
    if (fd >= 0) close(fd);
}

int Spoofer::socketFor(const std::string &address) {
  const auto known = sockets_.find(address);
  if (known != sockets_.end()) return known->second;
  return sockets_[address] = openSocket(address);
}

bool Spoofer::send(const IpPort &from, unsigned port, std::string_view bytes) {
  const int fd = socketFor(from.address);
  if (fd < 0) return false;
  const std::string packet = bigEndian(from.port, 2) + bigEndian(port, 2) +
                             bigEndian(8 + bytes.size(), 2) + bigEndian(0, 2) + std::string(bytes);
  sockaddr_storage to{};
  const socklen_t size = toNative(isV6(from.address) ? "::1" : "127.0.0.1", to);
  sendto(fd, packet.data(), packet.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr *>(&to), size);
  return true;
}

}  // namespace gws::hostile
