// SPDX-License-Identifier: LGPL-2.1-or-later
// An honest client in a process of its own.
#include <gio/gio.h>
#include <sys/socket.h>

#include <cstdio>
#include <memory>

#include "dialogue.h"
#include "media.h"
#include "plan.h"
#include "report.h"
#include "roles.h"

namespace gws::hostile {

namespace {

using test::PublishClient;
using test::TrackKind;

/// What the server's candidates say.
Reply replyTo(const PublishClient &client) {
  std::string sdp = client.answerSdp();  // has them with WHIP
  for (const std::string &candidate : client.remoteCandidates())
    sdp += "a=" + candidate + "\r\n";
  return replyOf(sdp);
}

std::string textOf(const std::vector<unsigned> &ports) {
  std::string text;
  for (const unsigned port : ports)
    text += (text.empty() ? "" : ",") + std::to_string(port);
  return text;
}

constexpr int kMostDescriptors = 1'024;

/// Where this process's UDP sockets are bound; one of them is the nominated pair's.
std::string ownPaths() {
  std::string paths;
  for (int fd = 0; fd < kMostDescriptors; ++fd) {
    int type = 0;
    socklen_t typeSize = sizeof type;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &typeSize) != 0 || type != SOCK_DGRAM ||
        getsockname(fd, reinterpret_cast<sockaddr *>(&storage), &size) != 0 ||
        (storage.ss_family != AF_INET && storage.ss_family != AF_INET6))
      continue;
    const auto address =
        Ref<GSocketAddress>::take(g_socket_address_new_from_native(&storage, size));
    if (g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get())) == 0) continue;
    const OwnedString text(g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address.get())));
    paths += (paths.empty() ? "" : ",") + std::string(text.get());
  }
  return paths;
}

bool begin(PublishClient &client) {
  client.start();
  if (!client.waitConnected(test::Timeout(60'000))) {
    const auto end = client.waitClosed(test::Timeout(0));
    Line().add("refused", end.httpStatus == 101 ? end.closeCode : end.httpStatus).print();
    return false;
  }
  const auto times = client.times();
  const Reply reply = replyTo(client);
  Line()
      .add("connectedMs", static_cast<double>(times.connected - times.started) / 1000)
      .add("ports", textOf(reply.ports))
      .add("tcpPorts", textOf(reply.tcpPorts))
      .add("paths", ownPaths())
      .add("user", reply.credentials.ufrag + ":" + attributeOf(client.offerSdp(), "ice-ufrag"))
      .print();
  return true;
}

void report(const PublishClient &client) {
  Line()
      .add("video", client.framesSent(TrackKind::Video))
      .add("audio", client.framesSent(TrackKind::Audio))
      .print();
}

}  // namespace

int runPublisher(unsigned port, const std::string &stream, const std::string &codec,
                 const std::string &door) {
  auto options = publishOptions(port, stream, codec, true);
  if (door == kWhipDoor) comeByWhip(options, port, stream);
  PublishClient client(options);
  bool connected = false, closed = false;
  Line().add("ready", 1).print();
  listen(
      [&](const std::string &word) {
        if (word == "go") connected = begin(client);
        if (word != "stop") return;
        client.stopMedia();
        // The frame that was on its way when the tracks were muted has gone.
        report(client);
        Line().add("stopped", 1).print();
      },
      [&] {
        if (connected) report(client);
        const auto end = client.waitClosed(test::Timeout(0));
        if (!end.closed || closed) return;
        closed = true;
        Line().add("closed", end.closeCode).print();
      });
  client.closeGoodbye();
  return 0;
}

}  // namespace gws::hostile
