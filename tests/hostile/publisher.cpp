// SPDX-License-Identifier: LGPL-2.1-or-later
// An honest client in a process of its own.
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

/// The ports of the server's candidates on 127.0.0.1.
std::string portsOf(const PublishClient &client) {
  std::string sdp = client.answerSdp();  // has them with WHIP
  for (const std::string &candidate : client.remoteCandidates())
    sdp += "a=" + candidate + "\r\n";
  std::string ports;
  for (const unsigned port : replyOf(sdp).ports)
    ports += (ports.empty() ? "" : ",") + std::to_string(port);
  return ports;
}

bool begin(PublishClient &client) {
  client.start();
  if (!client.waitConnected(test::Timeout(60'000))) {
    const auto end = client.waitClosed(test::Timeout(0));
    Line().add("refused", end.httpStatus == 101 ? end.closeCode : end.httpStatus).print();
    return false;
  }
  const auto times = client.times();
  Line()
      .add("connectedMs", static_cast<double>(times.connected - times.started) / 1000)
      .add("ports", portsOf(client))
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
