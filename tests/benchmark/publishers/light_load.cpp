// SPDX-License-Identifier: LGPL-2.1-or-later
// The benchmark's publishers where load.cpp would take more of the machine than the server does: N
// clients of two threads, with no pipeline. All of them send the same packets.
//
// Prints and answers what load.cpp does; behind the number of requests stand "late", by how many
// milliseconds the sending thread fell behind at most since it was asked last, and "unsent",
// packets that the kernel did not take.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>

#include "ext/webrtcserver/certificate.h"
#include "load_media.h"
#include "load_report.h"
#include "pacer.h"

using gws::benchmark::encodeLoad;
using gws::benchmark::LightMedia;
using gws::benchmark::LightPublisher;
using gws::benchmark::LoadMedia;
using gws::benchmark::Pacer;
using gws::benchmark::printTimes;

namespace {

std::optional<LightMedia> makeMedia(bool small) {
  const LoadMedia encoded = encodeLoad(small, true);
  if (!encoded) return std::nullopt;
  auto video = videoLoop(*encoded.video), audio = audioLoop(*encoded.audio);
  const auto certificate = gws::makeCertificate();
  if (!video || !audio || !certificate) return std::nullopt;
  auto context = gws::benchmark::makeDtlsContext(certificate->pem);
  if (!context) return std::nullopt;
  std::cout << "media video=" << encoded.video->bitsPerSecond()
            << " audio=" << encoded.audio->bitsPerSecond() << std::endl;
  return LightMedia{std::move(*video), std::move(*audio), std::move(context),
                    certificate->fingerprint};
}

struct Options {
  unsigned port = 0, count = 0;
  bool small = false;
  unsigned pauseMs = 0;  ///< after each connection
};

std::optional<Options> readOptions(int argc, char **argv) {
  if (argc < 3) return std::nullopt;
  Options options{.port = static_cast<unsigned>(std::atoi(argv[1])),
                  .count = static_cast<unsigned>(std::atoi(argv[2]))};
  for (int i = 3; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "small")
      options.small = true;
    else if (word.starts_with("pause="))
      options.pauseMs = static_cast<unsigned>(std::atoi(argv[i] + std::strlen("pause=")));
    else
      return std::nullopt;
  }
  return options;
}

/// One after the other, as load.cpp does it.
bool startAll(const LightMedia &media, const Options &options, Pacer &pacer) {
  for (unsigned number = 0; number < options.count; ++number) {
    auto publisher = std::make_unique<LightPublisher>(media, number);
    if (auto connected = publisher->connect(options.port); !connected) {
      std::cerr << connected.error().detail << std::endl;
      return false;
    }
    printTimes(publisher->name(), publisher->times());
    pacer.add(std::move(publisher));
    g_usleep(options.pauseMs * 1000);
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  const auto options = readOptions(argc, argv);
  if (!options) {
    std::cerr << "usage: " << argv[0] << " PORT PUBLISHERS [small] [pause=MILLISECONDS]"
              << std::endl;
    return 2;
  }
  const auto media = makeMedia(options->small);
  if (!media) {
    std::cerr << "there are no media to send" << std::endl;
    return 1;
  }
  Pacer pacer;
  if (!startAll(*media, *options, pacer)) return 1;
  std::cout << "flowing" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto totals = pacer.totals();
    std::cout << "requests " << totals.counts.requests << " late " << totals.lateMs << " unsent "
              << totals.counts.unsent << std::endl;
  }
  return 0;
}
