// SPDX-License-Identifier: LGPL-2.1-or-later
// Random bytes from the kernel, since GLib's random numbers can be foretold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gws {

void fillRandom(std::span<std::uint8_t> bytes);
/// Two digits for each byte.
std::string randomHex(std::size_t bytes);

}  // namespace gws
