// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishes pictures that can be told apart (marked_pictures.h), and sound. On a line "stop" it
// sends no more media and says "sent PICTURES SOUNDS"; it ends with its standard input.
#include <gst/gst.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "marked_pictures.h"
#include "tests/common/publish_client.h"

using gws::network::markedPictures;
using gws::test::PublishClient;
using gws::test::PublishOptions;
using gws::test::TrackKind;
using gws::test::TrackOffer;

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " URL BITS-PER-SECOND" << std::endl;
    return 2;
  }
  const auto pictures = markedPictures(static_cast<unsigned>(std::atoi(argv[2])));
  if (!pictures) return 1;
  PublishOptions options;
  options.url = argv[1];
  options.video = {TrackOffer("vp8", pictures)};
  options.iceAddress = "";
  PublishClient client(std::move(options));
  client.start();
  if (!client.waitConnected()) {
    for (const auto &complaint : client.complaints())
      std::cerr << complaint << std::endl;
    return 1;
  }
  std::cout << "connected" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line != "stop") continue;
    client.stopMedia();
    std::cout << "sent " << client.framesSent(TrackKind::Video) << " "
              << client.framesSent(TrackKind::Audio) << std::endl;
  }
  std::_Exit(0);
}
