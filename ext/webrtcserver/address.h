// SPDX-License-Identifier: LGPL-2.1-or-later
// IP addresses as text, networks of them, and the client behind a proxy. PURE.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gst/common/result.h"

namespace gws {

/// The parts of `HOST`, `HOST:PORT`, `[IPV6]` and `[IPV6]:PORT` (RFC 3986, section 3.2).
struct HostPort {
  std::string host;  ///< in lower case; an IPv6 address without its brackets, as RFC 5952 writes it
  std::optional<unsigned> port;
};
/// Nothing if it is none of them: a host is made of letters, digits, `-`, `_` and of dots that are
/// neither its first nor its last character; international names come in their ASCII form.
std::optional<HostPort> parseHostPort(std::string_view text);

/// IP addresses and networks in CIDR notation, separated by commas, as in `trusted-proxies`.
class Networks {
 public:
  /// The error names the part that is neither.
  static Result<Networks> parse(std::string_view text);
  /// IPv4 addresses inside IPv6 (::ffff:a.b.c.d) count as IPv4, here and in parse().
  bool contains(std::string_view address) const;
  bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    std::string bytes;  ///< 4 or 16
    unsigned prefix = 0;
  };
  std::vector<Network> networks_;
};

/// The address of the client: `peer`, or, when that is a trusted proxy, the last address of
/// `X-Forwarded-For` that is not one (the first of all, when all are). What does not parse as an
/// address, with or without a port, ends the search: what is left of it was not written by a
/// trusted proxy. Addresses come back in one spelling, IPv4 inside IPv6 as IPv4; a `peer` that is
/// no address comes back as it is.
std::string clientAddress(std::string_view peer, std::string_view forwardedFor,
                          const Networks &trusted);

/// What limits for each client count by: an IPv4 address itself, of an IPv6 address its /64, since
/// one client commonly has all of that; what is no address as it is.
std::string limitKey(std::string_view address);

}  // namespace gws
