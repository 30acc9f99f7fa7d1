// SPDX-License-Identifier: LGPL-2.1-or-later
// The SDP fragments of a WHIP session's PATCH (RFC 9725, section 4.3; RFC 8840, section 9), and the
// entity-tags that name the ICE session they are for. PURE.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gst/common/result.h"

namespace gws {

/// What a PATCH of a WHIP session carries.
struct IceFragment {
  std::string ufrag, pwd;               ///< empty: the fragment has none
  std::vector<std::string> candidates;  ///< "candidate:…", usable or not, in their order
};

/// The candidates of all sections come together: everything is bundled. A level (the session or a
/// section) has both ufrag and pwd or neither, and all that have them agree. Error code 400, naming
/// what was found and what was expected; nothing of the text is quoted.
Result<IceFragment> parseIceFragment(std::string_view text, std::size_t maxBytes,
                                     std::size_t maxMediaSections);

/// The fragment that answers a restart of ICE, made of our own SDP answer (see buildAnswer()): the
/// section with the candidates, else the one of the BUNDLE tag. Empty, if the answer has no ufrag
/// and pwd there.
std::string iceFragmentOf(std::string_view answer);

/// Whether the value of an If-Match header names this entity-tag (RFC 9110, section 13.1.1): it is
/// `*`, also in quotes as in the example of RFC 9725, or a list of entity-tags that holds this one;
/// weak ones match nothing. `etag` is with its quotes.
bool matchesEtag(std::string_view ifMatch, std::string_view etag);

}  // namespace gws
