// SPDX-License-Identifier: LGPL-2.1-or-later
// Many connections at once that go no further: TCP alone, a WebSocket alone, an offer alone,
// by either door.
#include <array>
#include <memory>

#include "plan.h"
#include "report.h"
#include "roles.h"
#include "tests/common/hand_socket.h"
#include "whip.h"

namespace gws::hostile {

namespace {

std::string readFile(const std::string &path) {
  OwnedString text;
  if (!g_file_get_contents(path.c_str(), Out(text), nullptr, nullptr))
    g_error("there is no %s", path.c_str());
  return text.get();
}

/// Up to a connection, a WebSocket, an offer on it, a POST whose answer nobody reads.
bool goOn(HandSocket &socket, unsigned depth, const std::string &sdp) {
  if (!socket.connected() || depth == 0) return socket.connected();
  if (depth == 3) return socket.send(textOf(postOf(kSecondStream, sdp)));
  return socket.upgrade(std::string("/") + kSecondStream + "/webrtc/publish") == 101 &&
         (depth == 1 || socket.send(textFrame(rawOffer(sdp))));
}

}  // namespace

int runHalfOpen(const AttackOptions &options) {
  const std::string sdp = readFile(options.corpus + "/offer/chromium-sendonly.sdp");
  std::vector<std::unique_ptr<HandSocket>> sockets;
  std::array<unsigned, 4> opened{};
  unsigned refused = 0;
  for (unsigned i = 0; i < options.sessions; ++i) {
    const std::string source =
        options.kind == "many-addresses"
            ? "127.20." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200)
            : kSharedAddress;
    sockets.push_back(std::make_unique<HandSocket>(
        HandSocket::Options{.port = options.port, .source = source, .patience = Timeout(10'000)}));
    HandSocket &socket = *sockets.back();
    const unsigned depth = i % 4;
    const bool good = goOn(socket, depth, sdp);
    good ? ++opened[depth] : ++refused;
  }
  Line()
      .add("open", static_cast<double>(sockets.size()))
      .add("tcp", opened[0])
      .add("sockets", opened[1])
      .add("offers", opened[2])
      .add("posts", opened[3])
      .add("refused", refused)
      .print();
  listen([](const std::string &) {});
  return 0;
}

}  // namespace gws::hostile
