// SPDX-License-Identifier: LGPL-2.1-or-later
// Offer and answer of a publisher that has no webrtcbin.
#include "light_session.h"

#include "ext/webrtcserver/sdp.h"

namespace gws::benchmark {

namespace {

constexpr std::size_t kMaxMedia = 16;
constexpr const char *kSessionId = "4611731400430051336";

std::string extension(unsigned id, const char *uri) {
  return "a=extmap:" + std::to_string(id) + " " + uri + "\r\n";
}

std::string source(std::uint32_t ssrc, char mid) {
  return "a=ssrc:" + std::to_string(ssrc) + " cname:light\r\na=ssrc:" + std::to_string(ssrc) +
         " msid:light track" + mid + "\r\n";
}

std::string sourcesOf(const StreamIds &ids) {
  if (!ids.rtxSsrc) return source(ids.ssrc, ids.mid);
  return "a=ssrc-group:FID " + std::to_string(ids.ssrc) + " " + std::to_string(ids.rtxSsrc) +
         "\r\n" + source(ids.ssrc, ids.mid) + source(ids.rtxSsrc, ids.mid);
}

std::string feedback(const std::string &payload) {
  std::string lines;
  for (const char *kind : {"transport-cc", "ccm fir", "nack", "nack pli"})
    lines += "a=rtcp-fb:" + payload + " " + kind + "\r\n";
  return lines;
}

std::string audioFormats(const StreamIds &ids) {
  const std::string payload = std::to_string(ids.payloadType);
  return "a=rtpmap:" + payload + " opus/48000/2\r\na=rtcp-fb:" + payload +
         " transport-cc\r\na=fmtp:" + payload + " minptime=10;useinbandfec=1\r\n";
}

std::string videoFormats(const StreamIds &ids) {
  const std::string payload = std::to_string(ids.payloadType);
  const std::string rtx = std::to_string(ids.rtxPayloadType);
  return "a=rtpmap:" + payload + " H264/90000\r\n" + feedback(payload) + "a=fmtp:" + payload +
         " level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:" +
         rtx + " rtx/90000\r\na=fmtp:" + rtx + " apt=" + payload + "\r\n";
}

}  // namespace

std::string LightOffer::text() const {
  const std::string transport =
      "c=IN IP4 127.0.0.1\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 " +
      std::to_string(port) + " typ host\r\na=end-of-candidates\r\na=ice-ufrag:" + ice.ufrag +
      "\r\na=ice-pwd:" + ice.pwd + "\r\na=fingerprint:" + fingerprint.algorithm + " " +
      fingerprint.value + "\r\na=setup:actpass\r\n";
  const auto section = [&](const StreamIds &ids, const std::string &formats) {
    return transport + "a=mid:" + ids.mid + "\r\n" + extension(kTransportCcId, kTransportCcUri) +
           extension(kMidId, kMidUri) + "a=sendonly\r\na=msid:light track" + ids.mid +
           "\r\na=rtcp-mux\r\na=rtcp-rsize\r\n" + formats + sourcesOf(ids);
  };
  return std::string("v=0\r\no=- ") + kSessionId + " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" +
         "a=group:BUNDLE " + audio.mid + " " + video.mid + "\r\na=msid-semantic: WMS light\r\n" +
         "m=audio 9 UDP/TLS/RTP/SAVPF " + std::to_string(audio.payloadType) + "\r\n" +
         section(audio, audioFormats(audio)) + "m=video 9 UDP/TLS/RTP/SAVPF " +
         std::to_string(video.payloadType) + " " + std::to_string(video.rtxPayloadType) + "\r\n" +
         section(video, videoFormats(video));
}

std::optional<LightAnswer> readAnswer(const std::string &sdp) {
  const auto text = splitSdp(sdp, kMaxMedia);
  if (!text || text->media.empty()) return std::nullopt;
  // What is the same for all sections may stand above them.
  const auto value = [&text](std::string_view name) {
    const auto found = text->media.front().value(name);
    return std::string(found ? *found : text->session.value(name).value_or(""));
  };
  LightAnswer answer{.ice = {value("ice-ufrag"), value("ice-pwd")},
                     .role = value("setup") == "passive" ? DtlsRole::Client : DtlsRole::Server};
  if (answer.ice.ufrag.empty() || answer.ice.pwd.empty()) return std::nullopt;
  return answer;
}

unsigned candidatePort(const std::string &text) {
  for (std::string_view rest = text; !rest.empty();) {
    const auto words = splitWords(takeUntil(rest, '\n'));
    // candidate:FOUNDATION COMPONENT udp PRIORITY ADDRESS PORT typ host
    if (words.size() >= 8 && words[0].find("candidate:") != words[0].npos && words[1] == "1" &&
        equalIgnoringCase(words[2], "udp") && words[4] == "127.0.0.1")
      return readNumber(words[5], 65535).value_or(0);
  }
  return 0;
}

}  // namespace gws::benchmark
