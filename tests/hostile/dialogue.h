// SPDX-License-Identifier: LGPL-2.1-or-later
// An offer made by hand, and what the server says to it.
#pragma once

#include "session.h"
#include "tests/common/publish_client.h"

namespace gws::hostile {

struct IceCredentials {
  std::string ufrag, pwd;
};

/// "answered", or how the server closed.
struct Reply {
  Outcome outcome;
  std::string sdp;
  IceCredentials credentials;      ///< the server's
  std::vector<unsigned> ports;     ///< of its candidates for UDP on 127.0.0.1
  std::vector<unsigned> tcpPorts;  ///< for TCP (RFC 6544)

  bool answered() const { return !sdp.empty(); }
};

/// What an answer with all candidates says.
Reply replyOf(const std::string &sdp);

/// Sends the offer and reads up to the answer or the end; with `candidates` up to the first one on
/// 127.0.0.1.
Reply makeOffer(HandSocket &socket, std::string_view sdp, bool candidates = false);

using test::attributeOf;
/// Those of an offer, an answer or a fragment.
IceCredentials credentialsOf(const std::string &sdp);

/// Closes with a code, breaks off, or goes without a word.
void leaveSomehow(Session &session, HandSocket &socket);

}  // namespace gws::hostile
