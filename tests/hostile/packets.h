// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams that look like something, and are nothing good.
#pragma once

#include "session.h"

namespace gws::hostile {

/// What looks like DTLS, RTP, RTCP, STUN, TURN, ZRTP or nothing by its first byte (RFC 7983).
std::string garbage(Session &session);
/// A record of DTLS of any type, whose lengths may be lies.
std::string oddDtls(Session &session);
/// RTP or RTCP that nobody has sealed, with random headers.
std::string oddMedia(Session &session);
/// What could be SRTP or SRTCP of a good publisher, were it not for its tag.
std::string likelyMedia(Session &session);

}  // namespace gws::hostile
