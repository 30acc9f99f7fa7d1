// SPDX-License-Identifier: LGPL-2.1-or-later
// The benchmark's publishers: N clients in one process, all of which send the same encoded media.
//
// Prints one line for each publisher with moments of CLOCK_MONOTONIC in microseconds, then
// "flowing"; ends when stdin is closed.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "encoded_media.h"
#include "tests/common/publish_client.h"

using gws::benchmark::encode;
using gws::benchmark::EncodedMedia;
using gws::benchmark::loopSource;
using gws::test::PublishClient;
using gws::test::PublishOptions;
using gws::test::TrackOffer;

namespace {

// A key frame every two seconds; the loop of four seconds begins with one.
constexpr const char *kVideo =
    "videotestsrc num-buffers=120 pattern=smpte horizontal-speed=3 ! "
    "video/x-raw, format=I420, width=1280, height=720, framerate=30/1 ! "
    "x264enc tune=zerolatency speed-preset=superfast bitrate=1420 vbv-buf-capacity=500 "
    "key-int-max=60 threads=1 sliced-threads=false option-string=nal-hrd=cbr:scenecut=0 ! "
    "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au";
constexpr const char *kAudio =
    "audiotestsrc num-buffers=200 samplesperbuffer=960 wave=pink-noise volume=0.2 ! "
    "audio/x-raw, rate=48000, channels=2 ! opusenc bitrate=64000";

using Media = std::shared_ptr<const EncodedMedia>;

void printTimes(const std::string &stream, const PublishClient &client) {
  const auto times = client.times();
  std::cout << "publisher " << stream << " connect=" << times.started
            << " open=" << times.socketOpen << " offered=" << times.offerSent
            << " answered=" << times.answered << " connected=" << times.connected << std::endl;
}

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
    printTimes(stream, client);
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " PORT PUBLISHERS [print-sdp]" << std::endl;
    return 2;
  }
  const Media video = encode(kVideo, GST_SECOND / 30);
  const Media audio = encode(kAudio, 20 * GST_MSECOND);
  if (!video || !audio) return 1;
  std::cout << "media video=" << video->bitsPerSecond() << " audio=" << audio->bitsPerSecond()
            << std::endl;

  std::vector<std::unique_ptr<PublishClient>> clients;
  if (!startAll(static_cast<unsigned>(std::atoi(argv[1])),
                static_cast<unsigned>(std::atoi(argv[2])), video, audio, clients))
    return 1;
  if (argc > 3)
    std::cerr << clients.front()->offerSdp() << "\n" << clients.front()->answerSdp() << std::endl;
  std::cout << "flowing" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  // Only a process that ends: 2N pipelines need not be taken down one by one.
  std::cout.flush();
  std::_Exit(0);
}
