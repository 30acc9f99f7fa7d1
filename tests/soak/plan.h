// SPDX-License-Identifier: LGPL-2.1-or-later
// What the streams of a soak are: the server and its publishers agree on it by the stream's number.
#pragma once

#include <string>

namespace gws::soak {

struct StreamPlan {
  std::string name;
  bool video = true, audio = true;
  const char *codec = "vp8";  ///< of the picture
};

/// Of five streams one has no sound and one no picture; every second picture is H.264.
inline StreamPlan planFor(unsigned number) {
  return {.name = "s" + std::to_string(number),
          .video = number % 5 != 4,
          .audio = number % 5 != 3,
          .codec = number % 2 ? "h264" : "vp8"};
}

/// The number in a stream's name.
inline unsigned numberOf(const std::string &name) {
  unsigned number = 0;
  for (std::size_t i = 1; i < name.size(); ++i)
    number = number * 10 + static_cast<unsigned>(name[i] - '0');
  return number;
}

}  // namespace gws::soak
