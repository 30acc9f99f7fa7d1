// SPDX-License-Identifier: LGPL-2.1-or-later
// What the benchmark's publishers send: H.264 and Opus, of two sizes.
#include "load_media.h"

#include <string>

namespace gws::benchmark {

namespace {

struct Load {
  const char *size;
  unsigned videoBitrate, audioBitrate;  ///< kbit/s, bit/s
};
constexpr Load kUsual = {"width=1280, height=720", 1420, 64000};
constexpr Load kSmall = {"width=480, height=270", 240, 32000};
constexpr unsigned kRtpHeaderBytes = 12;

std::string videoOf(const Load &load) {
  return std::string("videotestsrc num-buffers=120 pattern=smpte horizontal-speed=3 ! ")
      .append("video/x-raw, format=I420, framerate=30/1, ")
      .append(load.size)
      .append(" ! x264enc tune=zerolatency speed-preset=superfast vbv-buf-capacity=500 bitrate=")
      .append(std::to_string(load.videoBitrate))
      .append(" key-int-max=60 threads=1 sliced-threads=false ")
      .append("option-string=nal-hrd=cbr:scenecut=0 ! video/x-h264, ")
      .append("profile=constrained-baseline, stream-format=byte-stream, alignment=au");
}

std::string audioOf(const Load &load) {
  return std::string("audiotestsrc num-buffers=200 samplesperbuffer=960 wave=pink-noise ")
      .append("volume=0.2 ! audio/x-raw, rate=48000, channels=2 ! opusenc bitrate=")
      .append(std::to_string(load.audioBitrate));
}

}  // namespace

LoadMedia encodeLoad(bool small, bool packets) {
  const Load &load = small ? kSmall : kUsual;
  const std::string mtu = std::to_string(kPayloadBytes + kRtpHeaderBytes);
  const std::string video =
      packets ? " ! rtph264pay aggregate-mode=zero-latency mtu=" + mtu : std::string();
  const std::string audio = packets ? " ! rtpopuspay mtu=" + mtu : std::string();
  return {.video = encode((videoOf(load) + video).c_str(), GST_SECOND / 30),
          .audio = encode((audioOf(load) + audio).c_str(), 20 * GST_MSECOND)};
}

}  // namespace gws::benchmark
