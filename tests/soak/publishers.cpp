// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishers of a soak, in a process of their own: what they leak is not the server's.
#include "publishers.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "plan.h"
#include "tests/benchmark/publishers/encoded_media.h"
#include "tests/common/publish_client.h"

namespace gws::soak {

using benchmark::EncodedMedia;
using benchmark::loopSource;
using std::chrono::milliseconds;
using test::PublishClient;
using test::PublishOptions;
using test::TrackOffer;

namespace {

constexpr int kFramesPerSecond = 15;
constexpr unsigned short kStreamTaken = 4409;
constexpr milliseconds kPatience(30'000);

// Small pictures; a key frame every third of a second, since what is encoded before cannot answer
// a request for one.
constexpr const char *kVp8 =
    "videotestsrc num-buffers=30 pattern=ball ! "
    "video/x-raw, format=I420, width=160, height=120, framerate=15/1 ! "
    "vp8enc deadline=1 keyframe-max-dist=5 target-bitrate=100000";
constexpr const char *kH264 =
    "videotestsrc num-buffers=30 pattern=ball ! "
    "video/x-raw, format=I420, width=160, height=120, framerate=15/1 ! "
    "openh264enc gop-size=5 bitrate=100000 ! "
    "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au";
constexpr const char *kOpus =
    "audiotestsrc num-buffers=100 samplesperbuffer=960 volume=0.2 ! "
    "audio/x-raw, rate=48000, channels=2 ! opusenc bitrate=32000";

using Media = std::shared_ptr<const EncodedMedia>;
struct AllMedia {
  Media vp8, h264, opus;
};

enum class Leave { Goodbye, GoingAway, Kill, Silence, DropSocket, CloseDtls, Abandon };
struct LeaveRow {
  Leave leave;
  const char *name;
};
constexpr std::array<LeaveRow, 7> kLeaves{{
    {Leave::Goodbye, "goodbye"},
    {Leave::GoingAway, "going-away"},
    {Leave::Kill, "kill"},
    {Leave::Silence, "silence"},
    {Leave::DropSocket, "drop-socket"},
    {Leave::CloseDtls, "close-dtls"},
    {Leave::Abandon, "abandon"},  // at any moment of the negotiation
}};

/// The pause before a stream is tried again, and other times that are part of the load.
void pause(milliseconds time) { std::this_thread::sleep_for(time); }

/// Publishes on one stream, again and again; a thread of its own.
class Publisher {
 public:
  Publisher(const PublishersOptions &options, const AllMedia &media, unsigned number,
            std::atomic<unsigned> &left)
      : options_(options),
        media_(media),
        plan_(planFor(number)),
        random_(options.seed * 1000 + number),
        left_(left) {}

  void run() {
    while (true) {
      unsigned left = left_;
      do {
        if (left == 0) return;
      } while (!left_.compare_exchange_weak(left, left - 1));
      const LeaveRow &row = chooseEnd();
      length_ = 0;
      const std::string result = publish(row.leave);
      std::printf("publication %s %s %u %s\n", plan_.name.c_str(), row.name, length_,
                  result.c_str());
      std::fflush(stdout);
    }
  }

 private:
  const LeaveRow &chooseEnd() {
    for (const LeaveRow &row : kLeaves)
      if (options_.end == row.name) return row;
    return kLeaves[upTo(kLeaves.size() - 1)];
  }
  unsigned upTo(std::size_t most) {
    return std::uniform_int_distribution<unsigned>(0, static_cast<unsigned>(most))(random_);
  }

  PublishOptions clientOptions() const {
    PublishOptions options;
    options.url = options_.url + "/" + plan_.name + "/webrtc/publish";
    options.video.clear();
    options.audio.clear();
    if (plan_.video)
      options.video.emplace_back(
          plan_.codec, loopSource(plan_.codec == std::string("vp8") ? media_.vp8 : media_.h264));
    if (plan_.audio) options.audio.emplace_back("opus", loopSource(media_.opus));
    return options;
  }

  /// "ok", or what went wrong. The predecessor on this stream may not have been missed yet.
  std::string publish(Leave leave) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      PublishClient client(clientOptions());
      client.start();
      if (leave == Leave::Abandon) {
        client.waitConnected(milliseconds(upTo(600)));
        return "ok";
      }
      if (client.waitConnected(kPatience)) return stay(client, leave);
      const auto end = client.waitClosed(milliseconds(0));
      const std::string why = "not connected: " + std::to_string(end.closeCode) + " " + end.reason;
      if (end.closeCode != kStreamTaken || std::chrono::steady_clock::now() > deadline) return why;
      pause(milliseconds(200));
    }
  }

  std::string stay(PublishClient &client, Leave leave) {
    const unsigned rate = plan_.video ? kFramesPerSecond : 50;
    const unsigned length = 300 + upTo(1700), frames = rate * length / 1000;
    if (!client.waitFrames(0, frames)) return "the media do not flow";
    length_ = length;
    if (const auto end = client.waitClosed(milliseconds(0)); end.closed)
      return "closed by the server: " + std::to_string(end.closeCode) + " " + end.reason;
    return go(client, leave, frames);
  }

  std::string go(PublishClient &client, Leave leave, unsigned frames) {
    switch (leave) {
      case Leave::Goodbye:
        client.closeGoodbye();
        return "ok";
      case Leave::GoingAway:
        client.closeGoingAway();
        return "ok";
      case Leave::Abandon:
      case Leave::Kill:
        client.kill();
        return "ok";
      case Leave::DropSocket:
        client.dropSocket();
        return client.waitFrames(0, frames + 8) ? "ok" : "the media do not flow";
      case Leave::Silence:
        client.stopMedia();
        return client.waitClosed(kPatience).closed ? "ok" : "the silence is not noticed";
      case Leave::CloseDtls:
        client.closeDtls();
        return client.waitClosed(kPatience).closed ? "ok" : "the end of DTLS is not noticed";
    }
    return "";
  }

  const PublishersOptions &options_;
  const AllMedia &media_;
  const StreamPlan plan_;
  std::mt19937 random_;
  unsigned length_ = 0;  ///< ms of media, of the publication that is going on
  std::atomic<unsigned> &left_;
};

}  // namespace

std::string endNames() {
  std::string names;
  for (const LeaveRow &row : kLeaves)
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

int runPublishers(const PublishersOptions &options) {
  const GstClockTime frame = GST_SECOND / kFramesPerSecond;
  const AllMedia media{.vp8 = benchmark::encode(kVp8, frame),
                       .h264 = benchmark::encode(kH264, frame),
                       .opus = benchmark::encode(kOpus, 20 * GST_MSECOND)};
  if (!media.vp8 || !media.h264 || !media.opus) return 1;
  std::atomic<unsigned> left = options.publications;
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < options.streams; ++number)
    threads.emplace_back([&, number] { Publisher(options, media, number, left).run(); });
  for (auto &thread : threads)
    thread.join();
  return 0;
}

}  // namespace gws::soak
