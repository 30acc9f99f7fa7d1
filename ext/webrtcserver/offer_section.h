// SPDX-License-Identifier: LGPL-2.1-or-later
// One m= section of an offer, read by itself.
#pragma once

#include "offer.h"
#include "sdp.h"

namespace gws {

/// Payload types are 0 to 127.
constexpr unsigned kPayloads = 128;

/// What depends on other sections is not filled in: `bundled` is false. Errors have no code.
Result<OfferedMedia> readSection(const SdpSection &session, const SdpSection &section);

}  // namespace gws
