// SPDX-License-Identifier: LGPL-2.1-or-later
// Random bytes from the kernel.
#include "random.h"

#include <sys/random.h>

#include <vector>

namespace gws {

void fillRandom(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got > 0) bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

std::string randomHex(std::size_t bytes) {
  std::vector<std::uint8_t> raw(bytes);
  fillRandom(raw);
  std::string text;
  for (const std::uint8_t byte : raw)
    for (const int digit : {byte >> 4, byte & 15})
      text += "0123456789abcdef"[digit];
  return text;
}

}  // namespace gws
