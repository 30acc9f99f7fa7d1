// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in, as far as the request alone says it: tokens and origins; and what a service that
// decides is asked and answers. PURE.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address.h"
#include "gst/common/result.h"

namespace gws {

/// What a client said when it came, for those who decide. Holds secrets: never log one.
struct AccessRequest {
  std::string stream;
  std::string protocol;  ///< by which door: `webrtc` (WebSocket)
  std::string address;   ///< the client's IP address, behind trusted proxies the one that they name
  std::string sessionId;  ///< random, the same for as long as the client publishes
  std::string token;      ///< empty: none was given
  std::string query;      ///< raw, without the `?`
  std::string userAgent;
  std::string referer;
  std::string host;
  std::string origin;
};

/// Takes as long for every `given` of one length, whatever `expected` is: neither its bytes nor its
/// length decide a branch or the number of steps. The length of `given` shows; its sender knows it.
bool equalInConstantTime(std::string_view given, std::string_view expected);

/// The first `token` of a raw query string, else its first `password`, else the credentials of
/// `Authorization: Bearer` (RFC 6750, section 2.1); empty if there is none of them. A parameter is
/// percent-decoded, its plus signs stay; one that is empty, cannot be decoded or holds a NUL is
/// passed over.
std::string tokenOf(std::string_view query, std::string_view authorization);

/// An `Origin` (RFC 6454, section 6.2), as the scheme, the host and the port.
struct Origin {
  std::string scheme;
  std::string host;   ///< as HostPort has it
  unsigned port = 0;  ///< the scheme's own if none was given
  bool operator==(const Origin &) const = default;
};
/// Error code 400: it is no origin of http or https.
Result<Origin> parseOrigin(std::string_view text);
/// As a browser writes it: parseOrigin() of it gives the same again.
std::string serialise(const Origin &origin);

/// The value of `allowed-origins`: origins separated by commas, or `*`. They come back as
/// serialise() writes them. The error names the one that is none.
Result<std::vector<std::string>> parseOriginList(std::string_view text);

/// Whether a page of that origin may use the server. An empty `origin` (no browser sent it) may,
/// and with `*` in the list every one, `null` too. Else it must be of the list, or, when the list
/// is empty, the page's own: its host and port are those of the `Host` header, where a missing port
/// is that of the origin's scheme (the scheme itself does not count, since a proxy may have ended
/// TLS).
bool isOriginAllowed(std::string_view origin, std::string_view host,
                     const std::vector<std::string> &allowed);

/// The longest of which the milliseconds fit an unsigned: 49 days.
inline constexpr unsigned kMaxDurationS = 4'294'967;
/// What an authorisation service's answer says beyond its status.
struct ServiceTerms {
  /// X-AuthDuration: asked again after that; 1 to kMaxDurationS.
  std::optional<unsigned> durationS;
  /// X-Max-Sessions.
  std::optional<unsigned> maxSessions;
};
/// From the values of the two headers, nullptr where there is none; what is no number is ignored,
/// a number beyond the range is the nearest in it.
ServiceTerms parseServiceTerms(const char *authDuration, const char *maxSessions);

/// The JSON that an authorisation service is asked with; `type` is new_session or update_session.
/// An object of ten strings; what is not UTF-8 in the request is replaced by U+FFFD, and so is NUL.
std::string serviceRequest(const AccessRequest &request, std::string_view type);

}  // namespace gws
