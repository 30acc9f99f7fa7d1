// SPDX-License-Identifier: LGPL-2.1-or-later
// The benchmark's publishers: N clients in one process, all of which send the same encoded media.
//
// Prints one line for each publisher with moments of CLOCK_MONOTONIC in microseconds, then
// "flowing". Answers each line on stdin with "requests" and how many packets were asked for again
// (NACK) until then; ends when stdin is closed.
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "load_media.h"
#include "load_report.h"
#include "tests/common/publish_client.h"

using gws::getProperty;
using gws::OwnedStructure;
using gws::Ref;
using gws::benchmark::EncodedMedia;
using gws::benchmark::encodeLoad;
using gws::benchmark::LoadMedia;
using gws::benchmark::loopSource;
using gws::benchmark::printTimes;
using gws::test::PublishClient;
using gws::test::PublishOptions;
using gws::test::TrackOffer;

namespace {

using Media = std::shared_ptr<const EncodedMedia>;

/// One after the other: each one's way to its first frame is free of the others' handshakes.
bool startAll(unsigned port, unsigned count, const Media &video, const Media &audio,
              std::vector<std::unique_ptr<PublishClient>> &clients) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string stream = std::string("s").append(std::to_string(i));
    PublishOptions options;
    options.url = "ws://127.0.0.1:" + std::to_string(port) + "/" + stream + "/webrtc/publish";
    options.video = {TrackOffer("h264", loopSource(video))};
    options.audio = {TrackOffer("opus", loopSource(audio))};
    clients.push_back(std::make_unique<PublishClient>(std::move(options)));
    PublishClient &client = *clients.back();
    client.start();
    if (!client.waitConnected() || !client.waitFrames(0, 1)) {
      std::cerr << stream << " did not connect";
      for (const auto &complaint : client.complaints())
        std::cerr << "; " << complaint;
      std::cerr << std::endl;
      return false;
    }
    printTimes(stream, client.times());
  }
  return true;
}

/// What rtpsession has heard of packets that are missing.
std::uint64_t requests(const std::vector<std::unique_ptr<PublishClient>> &clients) {
  std::uint64_t sum = 0;
  for (const auto &client : clients) {
    const auto rtpbin =
        Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(client->webrtcbin()), "rtpbin"));
    GstElement *session = nullptr;
    g_signal_emit_by_name(rtpbin.get(), "get-session", 0u, &session);
    const auto owned = Ref<GstElement>::take(session);
    const OwnedStructure stats(getProperty<GstStructure *>(session, "stats"));
    unsigned count = 0;
    gst_structure_get_uint(stats.get(), "sent-rtx-req-count", &count);
    sum += count;
  }
  return sum;
}

bool hasWord(int argc, char **argv, const char *word) {
  return std::any_of(argv + 3, argv + argc, [=](char *given) { return g_str_equal(given, word); });
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " PORT PUBLISHERS [small] [print-sdp]" << std::endl;
    return 2;
  }
  const auto [video, audio] = encodeLoad(hasWord(argc, argv, "small"));
  if (!video || !audio) return 1;
  std::cout << "media video=" << video->bitsPerSecond() << " audio=" << audio->bitsPerSecond()
            << std::endl;

  std::vector<std::unique_ptr<PublishClient>> clients;
  if (!startAll(static_cast<unsigned>(std::atoi(argv[1])),
                static_cast<unsigned>(std::atoi(argv[2])), video, audio, clients))
    return 1;
  if (hasWord(argc, argv, "print-sdp"))
    std::cerr << clients.front()->offerSdp() << "\n" << clients.front()->answerSdp() << std::endl;
  std::cout << "flowing" << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << "requests " << requests(clients) << std::endl;
  // Only a process that ends: 2N pipelines need not be taken down one by one.
  std::cout.flush();
  std::_Exit(0);
}
