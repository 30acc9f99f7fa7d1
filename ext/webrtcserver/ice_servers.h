// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and TURN servers as the operator writes them, as clients are told, and as webrtcbin reads
// them. PURE.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gst/common/result.h"

namespace gws {

/// A STUN or TURN server, as WebRTC names it (RFC 7064, RFC 7065). All texts are printable ASCII.
struct IceServer {
  std::string scheme;  ///< "stun", "stuns", "turn" or "turns"
  std::string host;    ///< as HostPort has it
  unsigned port = 0;
  std::string transport;           ///< of TURN: "udp", "tcp" or empty
  std::string username, password;  ///< of TURN, not empty; a password is never logged
  bool operator==(const IceServer &) const = default;
};

/// Reads `stun://host:port` or `stun:host:port`; the port may be left out (3478, or 5349 for
/// stuns). An IPv6 address is in brackets. The error quotes nothing, here and below.
Result<IceServer> parseStunServer(std::string_view text);

/// Reads `turn://user:password@host:port?transport=udp`, several separated by commas. User name and
/// password are percent-encoded and have to be there; port and transport may be left out. The error
/// counts from server 1.
Result<std::vector<IceServer>> parseTurnServers(std::string_view text);

/// The value of a Link header (RFC 9725, section 4.6), on one line. It holds the password.
std::string linkOf(const IceServer &server);

/// What webrtcbin's `stun-server` property and `add-turn-server` action take. It holds the
/// password. webrtcbin knows no TLS for STUN: it speaks plain STUN to a stuns server.
std::string webrtcbinUri(const IceServer &server);

}  // namespace gws
