// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers that bring webrtcbin down, made from good ones.
#include "hostile_offers.h"

#include <algorithm>

#include "tests/common/publish_client.h"

namespace gws::test {

std::string joinSections(const std::vector<std::string> &sections) {
  std::string sdp;
  for (const std::string &section : sections)
    sdp += section;
  return sdp;
}

std::string withoutLines(const std::string &sdp, const std::string &begin) {
  std::string result;
  for (std::size_t start = 0; start < sdp.size();) {
    const auto end = std::min(sdp.find('\n', start), sdp.size() - 1) + 1;
    if (sdp.compare(start, begin.size(), begin) != 0) result += sdp.substr(start, end - start);
    start = end;
  }
  return result;
}

namespace {

std::string lineOf(const std::string &sdp, const std::string &begin) {
  const auto at = sdp.find(begin);
  return at == std::string::npos ? "" : sdp.substr(at, sdp.find('\n', at) + 1 - at);
}

std::string atSession(const std::string &sdp, const std::string &lines) {
  std::vector<std::string> sections = sdpSections(sdp);
  sections[0] += lines;
  return joinSections(sections);
}

std::string inEachMedia(const std::string &sdp, const std::string &lines) {
  std::vector<std::string> sections = sdpSections(sdp);
  for (std::size_t i = 1; i < sections.size(); ++i)
    sections[i] += lines;
  return joinSections(sections);
}

/// A data channel's section with the transport of the others.
std::string dataSection(const std::string &sdp, const std::string &mid) {
  return "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" +
         lineOf(sdp, "a=ice-ufrag:") + lineOf(sdp, "a=ice-pwd:") + lineOf(sdp, "a=fingerprint:") +
         "a=setup:actpass\r\na=mid:" + mid + "\r\na=sctp-port:5000\r\n";
}

std::string manyMedia(const std::string &sdp) {
  std::vector<std::string> sections = sdpSections(sdp);
  const std::string video = sections[1];
  for (int i = 2; i < 300; ++i)
    sections.push_back(replaceAll(video, "a=mid:0", "a=mid:" + std::to_string(i)));
  return joinSections(sections);
}

}  // namespace

std::string dataFirst(const std::string &sdp) {
  std::vector<std::string> sections = sdpSections(sdp);
  sections.insert(sections.begin() + 1, dataSection(sdp, "data"));
  return replaceAll(joinSections(sections), "BUNDLE 0 1", "BUNDLE data 0 1");
}

const std::vector<HostileOffer> &hostileOffers() {
  static const std::vector<HostileOffer> offers = {
      {"no mid", [](const std::string &sdp) { return withoutLines(sdp, "a=mid:"); }},
      {"an empty mid", [](const std::string &sdp) { return replaceAll(sdp, "a=mid:1", "a=mid:"); }},
      {"the same mid twice",
       [](const std::string &sdp) { return replaceAll(sdp, "a=mid:1", "a=mid:0"); },
       OfferFate::Refused},
      {"a mid line twice in one section",
       [](const std::string &sdp) {
         return replaceAll(sdp, "a=mid:1\r\n", "a=mid:1\r\na=mid:2\r\n");
       }},
      {"no BUNDLE group",
       [](const std::string &sdp) { return withoutLines(sdp, "a=group:BUNDLE"); }},
      {"a BUNDLE tag that does not exist",
       [](const std::string &sdp) { return replaceAll(sdp, "BUNDLE 0 1", "BUNDLE 7 0 1"); }},
      {"an empty BUNDLE group",
       [](const std::string &sdp) { return replaceAll(sdp, "BUNDLE 0 1", "BUNDLE"); }},
      {"two BUNDLE groups",
       [](const std::string &sdp) {
         return replaceAll(sdp, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0\r\na=group:BUNDLE 1");
       }},
      {"a data channel first in the BUNDLE, no SSRC listed",
       [](const std::string &sdp) {
         return withoutLines(withoutLines(dataFirst(sdp), "a=ssrc:"), "a=ssrc-group:");
       },
       OfferFate::Answered},
      {"only a data channel",
       [](const std::string &sdp) {
         return sdpSections(replaceAll(sdp, "BUNDLE 0 1", "BUNDLE data"))[0] +
                dataSection(sdp, "data");
       },
       OfferFate::Refused},
      {"fingerprints at both levels",
       [](const std::string &sdp) { return atSession(sdp, lineOf(sdp, "a=fingerprint:")); },
       OfferFate::Answered},
      {"fingerprints at both levels that differ",
       [](const std::string &sdp) {
         return atSession(sdp, replaceFingerprint(lineOf(sdp, "a=fingerprint:")));
       }},
      {"no fingerprint", [](const std::string &sdp) { return withoutLines(sdp, "a=fingerprint:"); },
       OfferFate::Refused},
      {"a fingerprint that is none",
       [](const std::string &sdp) {
         return replaceAll(sdp, lineOf(sdp, "a=fingerprint:"), "a=fingerprint:sha-256 XX\r\n");
       },
       OfferFate::Refused},
      {"simulcast",
       [](const std::string &sdp) {
         std::vector<std::string> sections =
             sdpSections(withoutLines(withoutLines(sdp, "a=ssrc:"), "a=ssrc-g"));
         sections[1] += "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
         return joinSections(sections);
       },
       OfferFate::Answered},
      {"setup only at session level",
       [](const std::string &sdp) {
         return atSession(withoutLines(sdp, "a=setup:"), "a=setup:actpass\r\n");
       }},
      {"no setup", [](const std::string &sdp) { return withoutLines(sdp, "a=setup:"); }},
      {"an unknown setup",
       [](const std::string &sdp) { return replaceAll(sdp, "a=setup:actpass", "a=setup:maybe"); }},
      {"no ICE credentials",
       [](const std::string &sdp) {
         return withoutLines(withoutLines(sdp, "a=ice-ufrag:"), "a=ice-pwd:");
       },
       OfferFate::Refused},
      {"a rejected section as BUNDLE tag",
       [](const std::string &sdp) { return replaceAll(sdp, "m=video 9 ", "m=video 0 "); }},
      {"300 sections", manyMedia, OfferFate::Refused},
      {"no payload type",
       [](const std::string &sdp) {
         return replaceAll(sdp, lineOf(sdp, "m=video"), "m=video 9 UDP/TLS/RTP/SAVPF\r\n");
       }},
      {"payload types out of range",
       [](const std::string &sdp) {
         return replaceAll(sdp, lineOf(sdp, "m=video"),
                           "m=video 9 UDP/TLS/RTP/SAVPF 96 128 99999999999 -1 x\r\n");
       }},
      {"broken rtpmap, fmtp and extmap lines",
       [](const std::string &sdp) {
         return inEachMedia(sdp,
                            "a=rtpmap:\r\na=rtpmap:96\r\na=rtpmap:x VP8/90000\r\na=rtpmap:96 /\r\n"
                            "a=fmtp:\r\na=fmtp:97 apt=\r\na=fmtp:97 apt=97\r\na=fmtp:300 apt=1\r\n"
                            "a=extmap:\r\na=extmap:0 urn:x\r\na=extmap:256 urn:x\r\na=extmap:3\r\n"
                            "a=extmap:3 urn:x\r\na=extmap:3/sendonly urn:y\r\na=rtcp-fb:\r\n"
                            "a=rtcp-fb:* nack\r\na=rtcp-fb:96\r\n");
       }},
      {"broken ssrc lines",
       [](const std::string &sdp) {
         return inEachMedia(sdp,
                            "a=ssrc:\r\na=ssrc:x cname:y\r\na=ssrc:99999999999 cname:y\r\n"
                            "a=ssrc:1\r\na=ssrc:1 \r\na=ssrc:2 msid:\r\na=ssrc-group:\r\n"
                            "a=ssrc-group:FID\r\na=ssrc-group:FID x\r\na=ssrc-group:FID 1\r\n"
                            "a=ssrc-group:FID 5 5\r\na=ssrc-group:SIM 1 2 3\r\n");
       }},
      {"broken candidates",
       [](const std::string &sdp) {
         return inEachMedia(
             sdp,
             "a=candidate:\r\na=candidate:1\r\na=candidate:1 1 UDP x y z\r\n"
             "a=candidate:1 1 UDP 1 ::1 1 typ host raddr\r\na=end-of-candidates\r\n");
       }},
      {"lines without a value, without a type, with a bare CR",
       [](const std::string &sdp) { return sdp + "a=\r\n=\r\nx\r\na=b\rc\r\nm=\r\n"; }},
      {"an SDP that is cut", [](const std::string &sdp) { return sdp.substr(0, sdp.size() / 2); }},
      {"two sections of the same transport without rtcp-mux",
       [](const std::string &sdp) { return withoutLines(sdp, "a=rtcp-mux"); }},
      {"an AVP profile",
       [](const std::string &sdp) { return replaceAll(sdp, "UDP/TLS/RTP/SAVPF", "RTP/AVP"); }},
  };
  return offers;
}

}  // namespace gws::test
