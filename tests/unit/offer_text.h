// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers for tests: those that browsers sent, and short ones that are put together.
#pragma once

#include <string>
#include <string_view>

#include <glib.h>

#include "offer.h"

namespace gws {

/// A browser's offer, by its name in the fuzzer's corpus: "chromium-camera".
inline std::string browserOffer(const char *name) {
  g_autofree char *path = g_strdup_printf("%s/%s.sdp", OFFER_DIRECTORY, name);
  g_autofree char *contents = nullptr;
  gsize size = 0;
  g_assert_true(g_file_get_contents(path, &contents, &size, nullptr));
  return {contents, size};
}

constexpr const char *kOffered =
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/// Lines with LF in, lines with CRLF out.
inline std::string crlf(std::string_view lines) {
  std::string text;
  for (char c : lines) {
    if (c == '\n') text += '\r';
    text += c;
  }
  return text;
}

/// Session level with the transport, then `rest` (LF line ends).
inline std::string offerText(const std::string &rest, const std::string &bundle = "0 1") {
  return crlf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n" +
              (bundle.empty() ? std::string() : "a=group:BUNDLE " + bundle + "\n") +
              "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=fingerprint:" + kOffered +
              "\na=setup:actpass\n" + rest);
}

inline std::string audio(const std::string &lines = "a=mid:0\n") {
  return "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=rtpmap:111 opus/48000/2\n" + lines;
}

inline std::string video(const std::string &lines = "a=mid:1\n") {
  return "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\n"
         "a=fmtp:97 apt=96\na=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:* transport-cc\n" +
         lines;
}

inline Offer parsed(const std::string &text) {
  Result<Offer> offer = parseOffer(text);
  if (!offer) g_error("%s", offer.error().detail.c_str());
  return *offer;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// g_assert_cmpstr for strings, temporary ones too.
inline void assertText(std::string_view text, std::string_view expected) {
  if (text != expected)
    g_error("\"%s\" is not \"%s\"", std::string(text).c_str(), std::string(expected).c_str());
}

/// How often `part` stands in `text`.
inline unsigned countOf(std::string_view text, std::string_view part) {
  unsigned count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    count++;
  return count;
}

/// Each receivable section's first wish.
inline std::vector<Selection> selectAll(const Offer &offer, const WishList &wishes) {
  std::vector<Selection> selections;
  for (std::size_t i = 0; i < offer.media.size(); i++)
    if (auto selection = select(offer, i, wishes)) selections.push_back(*selection);
  return selections;
}

inline const WishList kUsual = {{CodecId::VP8, Form::Encoded}, {CodecId::Opus, Form::Encoded}};

}  // namespace gws
