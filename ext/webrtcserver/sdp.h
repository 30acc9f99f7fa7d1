// SPDX-License-Identifier: LGPL-2.1-or-later
// SDP as text: lines, sections, attributes, and the few character classes that they are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gst/common/result.h"

namespace gws {

/// RTP header extensions (RFC 8285) that are negotiated.
constexpr const char *kTransportCcUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr const char *kMidUri = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// One a= line; the views point into the text that was split.
struct SdpAttribute {
  std::string_view name, value;
};

/// The session level (an empty `mediaLine`), or what follows one m= line.
struct SdpSection {
  std::string_view mediaLine;  ///< "audio 9 UDP/TLS/RTP/SAVPF 111"
  std::vector<SdpAttribute> attributes;

  /// The first attribute of this name.
  const SdpAttribute *find(std::string_view name) const;
  std::optional<std::string_view> value(std::string_view name) const;
};

struct SdpText {
  SdpSection session;
  std::string_view origin;  ///< of o=: "- 4611731400430051336 2 IN IP4 127.0.0.1"
  std::vector<SdpSection> media;
};

/// A whole SDP begins with v=0, a fragment (RFC 8840, section 9) with any line.
enum class SdpForm { Whole, Fragment };

/// Splits an SDP with CRLF or LF line ends; control characters are refused. The errors have no
/// code: the caller knows who is to blame.
Result<SdpText> splitSdp(std::string_view sdp, std::size_t maxMedia, SdpForm form = SdpForm::Whole);

/// The words of a text that is separated by single or several spaces.
std::vector<std::string_view> splitWords(std::string_view text);
/// Takes the text up to the first separator off the front; the separator goes too.
std::string_view takeUntil(std::string_view &text, char separator);

/// A decimal number without sign, at most `max`.
std::optional<std::uint32_t> readNumber(std::string_view text, std::uint32_t max);
bool equalIgnoringCase(std::string_view a, std::string_view b);
std::string lowerCase(std::string_view text);

/// RFC 8866's token of 1 to `maxBytes` characters.
bool isToken(std::string_view text, std::size_t maxBytes);
/// RFC 8839's ice-char, `minBytes` to `maxBytes` of them.
bool isIceText(std::string_view text, std::size_t minBytes, std::size_t maxBytes);

}  // namespace gws
