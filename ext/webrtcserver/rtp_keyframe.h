// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether an RTP payload begins a key frame.
#pragma once

#include <cstdint>
#include <span>

#include "codecs.h"

namespace gws {

/// `payload` is what follows the RTP header and its extensions. True for the packet with which a
/// decoder can begin: parameter sets or the first slice of an IDR picture (RFC 6184, RFC 7798), the
/// first packet of a key frame (RFC 7741, RFC 9628), a temporal unit with a sequence header (AV1's
/// N bit). Always true for audio.
bool beginsKeyframe(CodecId codec, std::span<const std::uint8_t> payload);

}  // namespace gws
