// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts that were good, spoilt at random.
#include "mutate.h"

#include <algorithm>

#include "tests/common/hostile_offers.h"
#include "tests/common/publish_client.h"

namespace gws::hostile {

namespace {

using Lines = std::vector<std::string>;

Lines linesOf(const std::string &text) {
  Lines lines;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size() - 1) + 1;
    lines.push_back(text.substr(start, end - start));
    start = end;
  }
  return lines;
}

unsigned anyOf(Session &session, std::size_t size) {
  return session.upTo(static_cast<unsigned>(size) - 1);
}

const std::string &oddField(Session &session) {
  static const Lines fields = {"",
                               "0",
                               "-1",
                               "4294967296",
                               "99999999999999999999",
                               "1e9",
                               "\xc3\xa9",
                               "%s%n%s",
                               "*",
                               " ",
                               "::1",
                               "127.0.0.1",
                               "UDP/TLS/RTP/SAVPF",
                               "H264/90000",
                               "opus/48000/2",
                               std::string(100, '9'),
                               std::string(5'000, 'A'),
                               std::string(60'000, ' ')};
  return session.pick(fields);
}

const std::string &oddLine(Session &session) {
  static const Lines lines = {
      "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
      "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
      "m=\r\n",
      "a=\r\n",
      "a=mid:0\r\n",
      "a=mid:" + std::string(3'000, 'm') + "\r\n",
      "a=group:BUNDLE 0 0 0\r\n",
      "a=group:LS 0 1\r\n",
      "a=setup:holdconn\r\n",
      "a=setup:passive\r\n",
      "a=ice-lite\r\n",
      "a=ice-ufrag:a\r\n",
      "a=ice-pwd:" + std::string(256, 'p') + "\r\n",
      "a=fingerprint:sha-1 00:11\r\n",
      "a=fingerprint:sha-512 00\r\n",
      "a=rtpmap:96 VP8/0\r\n",
      "a=rtpmap:96 H265/90000\r\n",
      "a=rtpmap:127 rtx/90000\r\na=fmtp:127 apt=127\r\n",
      "a=fmtp:102 sprop-parameter-sets=Z0IAKQ==,aM48gA==;profile-level-id=ffffff\r\n",
      "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
      "a=extmap:255 " + std::string(2'000, 'u') + "\r\n",
      "a=rid:h send pt=96;max-width=1\r\na=simulcast:send h;~l recv x\r\n",
      "a=ssrc-group:FID 1 1\r\na=ssrc:1 cname:\r\n",
      "a=ssrc:0 cname:x\r\n",
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
      "a=candidate:1 1 UDP 1 127.0.0.1 1 typ host\r\n",
      "a=candidate:1 1 UDP 1 a.local 1 typ host\r\n",
      "a=rtcp-rsize\r\n",
      "b=AS:-5\r\n",
      "c=IN IP6 ::\r\n",
      "k=clear:x\r\n",
      "\r\n"};
  return session.pick(lines);
}

void spoilLine(Session &session, Lines &lines) {
  const unsigned at = anyOf(session, lines.size()), other = anyOf(session, lines.size());
  const auto position = lines.begin() + at;
  switch (session.upTo(5)) {
    case 0:
      lines.erase(position);
      break;
    case 1:
      lines.insert(position, session.chance(90) ? 1 : session.between(2, 300),
                   std::string(lines[other]));
      break;
    case 2:
      std::swap(lines[at], lines[other]);
      break;
    case 3:
      lines.insert(position, oddLine(session));
      break;
    case 4:
      lines.resize(at + 1);
      break;
    default:
      std::rotate(lines.begin(), position, lines.end());
  }
}

/// One field, between two of the separators of SDP, is another.
void spoilField(Session &session, std::string &text) {
  constexpr const char *kSeparators = " :;=/,\r\n";
  const auto start = text.find_first_of(kSeparators, anyOf(session, text.size()));
  if (start == std::string::npos) return;
  const auto end = std::min(text.find_first_of(kSeparators, start + 1), text.size());
  text.replace(start + 1, end - start - 1, oddField(session));
}

/// Hardly ever what is no UTF-8: nobody looks behind that.
void spoilBytes(Session &session, std::string &text) {
  for (unsigned i = session.between(1, 12); i > 0; --i)
    text[anyOf(session, text.size())] =
        static_cast<char>(session.chance(2) ? session.upTo(255) : session.upTo(127));
}

}  // namespace

std::string spoilSdp(Session &session, std::string sdp) {
  for (unsigned i = session.between(1, 5); i > 0 && !sdp.empty(); --i) {
    const unsigned choice = session.upTo(9);
    if (choice < 5) {
      Lines lines = linesOf(sdp);
      spoilLine(session, lines);
      sdp = test::joinSections(lines);
    } else if (choice < 9) {
      spoilField(session, sdp);
    } else {
      spoilBytes(session, sdp);
    }
  }
  return sdp;
}

std::string splice(Session &session, const std::string &first, const std::string &second) {
  const auto some = test::sdpSections(first), others = test::sdpSections(second);
  Lines sections{session.chance(50) ? some[0] : others[0]};
  for (unsigned i = session.between(1, 5); i > 0; --i) {
    const auto &from = session.chance(50) ? some : others;
    if (from.size() > 1)
      sections.push_back(from[session.between(1, static_cast<unsigned>(from.size()) - 1)]);
  }
  return test::joinSections(sections);
}

std::string spoilJson(Session &session, std::string json) {
  if (json.empty()) return json;
  switch (session.upTo(4)) {
    case 0:
      spoilBytes(session, json);
      break;
    case 1:
      json.resize(anyOf(session, json.size()));
      break;
    case 2:
      json += json;
      break;
    case 3: {
      const unsigned depth = session.between(1, 20'000);
      const bool object = session.chance(50);
      std::string deep;
      for (unsigned i = 0; i < depth; ++i)
        deep += object ? "{\"a\":" : "[";
      json = "{\"type\":\"offer\",\"sdp\":" + deep;
      break;
    }
    default:
      spoilField(session, json);
  }
  return json;
}

std::string oddCandidate(Session &session) {
  static const std::vector<std::string> addresses = {"0.0.0.0",
                                                     "255.255.255.255",
                                                     "224.0.0.1",
                                                     "::",
                                                     "ff02::1",
                                                     "::ffff:127.0.0.1",
                                                     "fe80::1%lo",
                                                     "127.0.0.1",
                                                     "169.254.169.254",
                                                     "10.255.255.1",
                                                     "192.0.2.1",
                                                     "localhost",
                                                     "example.invalid",
                                                     "f96fba71-c04f-4f05-b877-9418a9ecbfc7.local",
                                                     "x.local",
                                                     "999.1.1.1",
                                                     "[::1]",
                                                     "\xc3\xa9",
                                                     ""};
  static const std::vector<std::string> ports = {"0", "1", "9", "53", "65535", "65536", "-1", "x"};
  static const std::vector<std::string> ends = {"typ host",
                                                "typ srflx raddr 0.0.0.0 rport 0",
                                                "typ prflx",
                                                "typ relay raddr x rport y",
                                                "typ",
                                                "",
                                                "typ host tcptype active",
                                                "typ host generation 0 ufrag x network-id 1",
                                                "typ host " + std::string(4'000, 'e')};
  return "candidate:" + std::to_string(session.random()()) + " " + std::to_string(session.upTo(3)) +
         (session.chance(80) ? " UDP " : " TCP ") + std::to_string(session.random()()) + " " +
         session.pick(addresses) + " " + session.pick(ports) + " " + session.pick(ends);
}

}  // namespace gws::hostile
