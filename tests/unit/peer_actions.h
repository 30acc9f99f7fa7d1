// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of a Peer share: messages that go in, and the actions that come out, as text.
#pragma once

#include <string>
#include <string_view>

#include <glib.h>

#include "peer.h"

namespace gws {

inline constexpr PeerTime kStart(1'000);
inline constexpr PeerTime kTimeout(10'000);

inline const std::string kOfferBegin =
    "v=0\r\n"
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0 1\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS stream\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\n";
inline const std::string kTransport =
    "a=ice-ufrag:4ZcD\r\n"
    "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlkc\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 "
    "75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:AA:65:FB:04:"
    "24"
    "\r\n"
    "a=setup:actpass\r\n";
inline const std::string kOfferEnd =
    "a=mid:0\r\n"
    "a=sendonly\r\n"
    "a=msid:stream audio\r\n"
    "a=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=ssrc:1001 cname:somebody\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\n" +
    kTransport +
    "a=mid:1\r\n"
    "a=sendonly\r\n"
    "a=msid:stream video\r\n"
    "a=rtcp-mux\r\n"
    "a=rtcp-rsize\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 transport-cc\r\n"
    "a=rtcp-fb:96 ccm fir\r\n"
    "a=rtcp-fb:96 nack\r\n"
    "a=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\n"
    "a=fmtp:97 apt=96\r\n"
    "a=ssrc-group:FID 2001 2002\r\n"
    "a=ssrc:2001 cname:somebody\r\n"
    "a=ssrc:2002 cname:somebody\r\n";

/// JSON's escapes for what occurs in these tests.
inline std::string jsonString(const std::string &text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\r')
      result += "\\r";
    else if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result + '"';
}

/// A browser's offer; `candidates` are lines for its first section, `ufrag` is of its ICE.
inline std::string offerMessage(const std::string &candidates = {},
                                const std::string &ufrag = "4ZcD") {
  std::string sdp = kOfferBegin + candidates + kTransport + kOfferEnd;
  const std::string usual = "a=ice-ufrag:4ZcD";
  for (auto at = sdp.find(usual); at != std::string::npos; at = sdp.find(usual, at + 1))
    sdp.replace(at, usual.size(), "a=ice-ufrag:" + ufrag);
  return R"({"type":"offer","sdp":)" + jsonString(sdp) + '}';
}

inline std::string hostCandidate(unsigned number, const char *protocol = "udp",
                                 unsigned component = 1) {
  return "candidate:" + std::to_string(number) + ' ' + std::to_string(component) + ' ' + protocol +
         " 2122260223 192.0.2.1 " + std::to_string(50'000 + number) + " typ host" +
         (std::string_view(protocol) == "tcp" ? " tcptype passive" : "");
}

/// `ufrag` is JSON: `"4ZcD"` or `null`.
inline std::string candidateText(const std::string &candidate, const std::string &ufrag = "null") {
  return R"({"type":"candidate","candidate":{"candidate":)" + jsonString(candidate) +
         R"(,"sdpMid":"0","sdpMLineIndex":0,"usernameFragment":)" + ufrag + "}}";
}

/// Actions as text, one a line: what a table or a test compares.
inline std::string describe(const PeerActions &actions) {
  std::string result;
  for (const PeerAction &action : actions) {
    if (const auto *start = std::get_if<StartPublication>(&action))
      result += "start " + std::to_string(start->offer.media.size()) + '\n';
    else if (const auto *add = std::get_if<AddCandidate>(&action))
      result += "add " + add->candidate + '\n';
    else if (const auto *answer = std::get_if<SendAnswer>(&action))
      result += "answer " + answer->sdp + '\n';
    else if (const auto *local = std::get_if<SendCandidate>(&action))
      result += "candidate " + std::to_string(local->lineIndex) + ' ' + local->mid + ' ' +
                local->candidate + '\n';
    else if (const auto *shut = std::get_if<CloseSocket>(&action))
      result += "close " + std::to_string(static_cast<int>(shut->code)) + ' ' + shut->reason + '\n';
    else if (const auto *end = std::get_if<EndPublication>(&action))
      result += std::string("end ") +
                (end->cause == EndCause::Goodbye ? "goodbye "
                 : end->cause == EndCause::Lost  ? "lost "
                                                 : "refused ") +
                end->reason + '\n';
    else if (const auto *note = std::get_if<LogNote>(&action))
      result += "note " + note->text + '\n';
  }
  return result;
}

inline void expect(const PeerActions &actions, const std::string &expected) {
  const std::string text = describe(actions);
  g_assert_cmpstr(text.c_str(), ==, expected.c_str());
}

inline void expectPrefix(const PeerActions &actions, const std::string &prefix) {
  const std::string text = describe(actions).substr(0, prefix.size());
  g_assert_cmpstr(text.c_str(), ==, prefix.c_str());
}

enum class Stage { Awaiting, Negotiating, Connected };

inline Peer peerAt(Stage stage, const PeerLimits &limits = {}) {
  Peer peer(limits, kStart);
  if (stage == Stage::Awaiting) return peer;
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  expect(peer.onAnswer("v=0"), "answer v=0\n");
  if (stage == Stage::Connected) expect(peer.onConnected(), "");
  return peer;
}

/// Nothing follows from anything any more.
inline void expectSilence(Peer &peer) {
  g_assert_true(peer.finished());
  g_assert_false(peer.publishing());
  expect(peer.onText(offerMessage(), kStart), "");
  expect(peer.onText("{", kStart), "");
  expect(peer.onBinary(), "");
  expect(peer.onAnswer("v=0"), "");
  expect(peer.onLocalCandidate("candidate:1", "0", 0), "");
  expect(peer.onConnected(), "");
  expect(peer.onTick(kStart + 10 * kTimeout), "");
  expect(peer.onPublicationEnded(CloseCode::GoingAway, "x"), "");
  expect(peer.onSocketClosed(1000), "");
  expect(peer.onSocketClosed(std::nullopt), "");
  g_assert_true(peer.finished());
  g_assert_false(peer.publishing());
}

}  // namespace gws
