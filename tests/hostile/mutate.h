// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts that were good, spoilt at random.
#pragma once

#include <string>

#include "session.h"

namespace gws::hostile {

/// A few of: bytes changed, lines deleted, repeated, swapped, invented, fields made long or large,
/// the rest cut off.
std::string spoilSdp(Session &session, std::string sdp);
/// The sections of two offers in one.
std::string splice(Session &session, const std::string &first, const std::string &second);
/// A line of ICE that is hardly ever of use.
std::string oddCandidate(Session &session);
/// JSON with bytes changed, doubled, cut off or nested.
std::string spoilJson(Session &session, std::string json);

}  // namespace gws::hostile
