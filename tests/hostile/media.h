// SPDX-License-Identifier: LGPL-2.1-or-later
// What honest and bad publishers send: pictures and sound whose every frame has a number.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tests/common/publish_client.h"

namespace gws::hostile {

/// Options for a client with picture and sound that are encoded once for all. `codec` is vp8 or
/// h264. Ends the process when an encoder is missing.
test::PublishOptions publishOptions(unsigned port, const std::string &stream,
                                    const std::string &codec, bool numbered = false);

/// Such a client shall come by WHIP.
void comeByWhip(test::PublishOptions &options, unsigned port, const std::string &stream);

/// The number of an encoded frame, which its end holds; frames of each track begin with 0.
std::optional<std::uint64_t> numberOf(GstBuffer *frame);

}  // namespace gws::hostile
