// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers that bring webrtcbin down, sent while somebody else publishes.
#include <functional>

#include "tests/elements/robust.h"

using namespace gws::test;

namespace {

using Sections = std::vector<std::string>;

std::string join(const Sections &sections) {
  std::string sdp;
  for (const std::string &section : sections)
    sdp += section;
  return sdp;
}

/// Every line that begins so is taken out.
std::string withoutLines(const std::string &sdp, const std::string &begin) {
  std::string result;
  for (std::size_t start = 0; start < sdp.size();) {
    const auto end = std::min(sdp.find('\n', start), sdp.size() - 1) + 1;
    if (sdp.compare(start, begin.size(), begin) != 0) result += sdp.substr(start, end - start);
    start = end;
  }
  return result;
}

std::string lineOf(const std::string &sdp, const std::string &begin) {
  const auto at = sdp.find(begin);
  return at == std::string::npos ? "" : sdp.substr(at, sdp.find('\n', at) + 1 - at);
}

std::string atSession(const std::string &sdp, const std::string &lines) {
  Sections sections = sdpSections(sdp);
  sections[0] += lines;
  return join(sections);
}

std::string inEachMedia(const std::string &sdp, const std::string &lines) {
  Sections sections = sdpSections(sdp);
  for (std::size_t i = 1; i < sections.size(); ++i)
    sections[i] += lines;
  return join(sections);
}

/// A data channel's section with the transport of the others.
std::string dataSection(const std::string &sdp, const std::string &mid) {
  return "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" +
         lineOf(sdp, "a=ice-ufrag:") + lineOf(sdp, "a=ice-pwd:") + lineOf(sdp, "a=fingerprint:") +
         "a=setup:actpass\r\na=mid:" + mid + "\r\na=sctp-port:5000\r\n";
}

std::string dataFirst(const std::string &sdp) {
  Sections sections = sdpSections(sdp);
  sections.insert(sections.begin() + 1, dataSection(sdp, "data"));
  return replaceAll(join(sections), "BUNDLE 0 1", "BUNDLE data 0 1");
}

std::string manyMedia(const std::string &sdp) {
  Sections sections = sdpSections(sdp);
  const std::string video = sections[1];
  for (int i = 2; i < 300; ++i)
    sections.push_back(replaceAll(video, "a=mid:0", "a=mid:" + std::to_string(i)));
  return join(sections);
}

enum class Outcome { Refused, Answered, Either };

struct Hostile {
  const char *name;
  std::function<std::string(const std::string &)> make;
  Outcome outcome = Outcome::Either;
};

const std::vector<Hostile> &hostileOffers() {
  static const std::vector<Hostile> offers = {
      {"no mid", [](const std::string &sdp) { return withoutLines(sdp, "a=mid:"); }},
      {"an empty mid", [](const std::string &sdp) { return replaceAll(sdp, "a=mid:1", "a=mid:"); }},
      {"the same mid twice",
       [](const std::string &sdp) { return replaceAll(sdp, "a=mid:1", "a=mid:0"); },
       Outcome::Refused},
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
       Outcome::Answered},
      {"only a data channel",
       [](const std::string &sdp) {
         return sdpSections(replaceAll(sdp, "BUNDLE 0 1", "BUNDLE data"))[0] +
                dataSection(sdp, "data");
       },
       Outcome::Refused},
      {"fingerprints at both levels",
       [](const std::string &sdp) { return atSession(sdp, lineOf(sdp, "a=fingerprint:")); },
       Outcome::Answered},
      {"fingerprints at both levels that differ",
       [](const std::string &sdp) {
         return atSession(sdp, replaceFingerprint(lineOf(sdp, "a=fingerprint:")));
       }},
      {"no fingerprint", [](const std::string &sdp) { return withoutLines(sdp, "a=fingerprint:"); },
       Outcome::Refused},
      {"a fingerprint that is none",
       [](const std::string &sdp) {
         return replaceAll(sdp, lineOf(sdp, "a=fingerprint:"), "a=fingerprint:sha-256 XX\r\n");
       },
       Outcome::Refused},
      {"simulcast",
       [](const std::string &sdp) {
         Sections sections = sdpSections(withoutLines(withoutLines(sdp, "a=ssrc:"), "a=ssrc-g"));
         sections[1] += "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
         return join(sections);
       },
       Outcome::Answered},
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
       Outcome::Refused},
      {"a rejected section as BUNDLE tag",
       [](const std::string &sdp) { return replaceAll(sdp, "m=video 9 ", "m=video 0 "); }},
      {"300 sections", manyMedia, Outcome::Refused},
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

/// The first thing that the server does: an answer's text, or nothing when it closed.
struct Reaction {
  bool answered = false;
  SocketEnd end;
};

Reaction react(const PublishPipeline &pipeline, const std::string &offer) {
  RawSocket socket;
  fail_unless(socket.connect(pipeline.url("evil")), "no upgrade");
  socket.sendText(offerJson(offer));
  const auto message = socket.waitMessage();
  if (message)
    return {.answered = parseServerMessage(*message).type == ServerMessage::Type::Answer};
  return {.answered = false, .end = socket.end()};
}

std::string twoStreams() {
  std::string line = "webrtcpublishsrc name=pub reconnect-timeout=0";
  for (const char *pad : {"video_good", "audio_good", "video_evil", "audio_evil"})
    line += std::string(" pub.") + pad + kSink;
  return line;
}

}  // namespace

GST_START_TEST(offer_thatIsHostile_disturbsNobody) {
  const Hostile &row = hostileOffers()[static_cast<std::size_t>(__i__)];
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "good"));
  mustPublish(good);
  fail_unless(seen.waitBuffers(3));

  const std::string offer = row.make(good.offerSdp());
  fail_unless(offer != good.offerSdp(), "%s: the offer is not changed", row.name);
  const Reaction reaction = react(pipeline, offer);
  fail_unless(reaction.answered || reaction.end.closed, "%s: the server says nothing", row.name);
  if (!reaction.answered)
    fail_unless(reaction.end.closeCode >= 4400 && !reaction.end.reason.empty(),
                "%s: close code %d '%s'", row.name, reaction.end.closeCode,
                reaction.end.reason.c_str());
  if (row.outcome != Outcome::Either)
    fail_unless(reaction.answered == (row.outcome == Outcome::Answered), "%s: %s '%s'", row.name,
                reaction.answered ? "answered" : "refused", reaction.end.reason.c_str());
  fail_unless(seen.waitMore(10), "%s: the good publisher was disturbed", row.name);
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(offer_againWithMidsSwapped_disturbsNobody) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &seen = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishClient good(optionsFor(pipeline, "good")), evil(optionsFor(pipeline, "evil"));
  mustPublish(good);
  mustPublish(evil);
  std::string offer = replaceAll(evil.offerSdp(), "a=mid:0", "a=mid:x");
  offer = replaceAll(replaceAll(offer, "a=mid:1", "a=mid:0"), "a=mid:x", "a=mid:1");
  // The answer to it is the client's second one.
  evil.sendText(offerJson(offer));
  fail_unless(
      eventually([&] { return evil.answersSeen() > 1 || evil.waitClosed(Timeout(0)).closed; }),
      "the server says nothing");
  const SocketEnd end = evil.waitClosed(Timeout(0));
  if (end.closed)
    fail_unless(end.closeCode >= 4400 && !end.reason.empty(), "code %d '%s'", end.closeCode,
                end.reason.c_str());
  fail_unless(seen.waitMore(10));
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(media_withoutSsrcLines_arriveOnTheRightPads) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &video = pipeline.record("video_good"), &audio = pipeline.record("audio_good");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline, "good");
  options.mungeOffer = [](std::string sdp) {
    return withoutLines(withoutLines(sdp, "a=ssrc:"), "a=ssrc-group:");
  };
  PublishClient client(options);
  mustPublish(client);
  fail_unless(video.waitBuffers(10) && audio.waitBuffers(10));
  fail_unless(capsAre(video.get().caps[0], "video/x-vp8"));
  fail_unless(capsAre(audio.get().caps[0], "audio/x-opus"));
  mustBeHealthy(pipeline);
}
GST_END_TEST

GST_START_TEST(media_behindADataChannel_arrive) {
  PublishPipeline pipeline(twoStreams());
  PadRecorder &video = pipeline.record("video_good");
  fail_unless(pipeline.play());
  PublishOptions options = optionsFor(pipeline, "good");
  options.mungeOffer = dataFirst;
  // webrtcbin never offered the data channel: its section is taken out of the answer again.
  options.mungeAnswer = [](std::string sdp) {
    Sections sections = sdpSections(sdp);
    if (sections.size() == 4) sections.erase(sections.begin() + 1);
    return replaceAll(replaceAll(join(sections), "BUNDLE data 0 1", "BUNDLE 0 1"),
                      "BUNDLE 0 1 data", "BUNDLE 0 1");
  };
  PublishClient client(options);
  mustPublish(client);
  const Sections sections = sdpSections(client.answerSdp());
  fail_unless_equals_int(sections.size(), 4);
  fail_unless(sections[1].rfind("m=application ", 0) == 0);
  fail_unless(video.waitBuffers(10));
  mustBeHealthy(pipeline);
}
GST_END_TEST

namespace {

Suite *crashers_suite() {
  Suite *suite = suite_create("crashers");
  TCase *all = tcase_create("crashers");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, offer_thatIsHostile_disturbsNobody, 0,
                      static_cast<int>(hostileOffers().size()));
  tcase_add_test(all, offer_againWithMidsSwapped_disturbsNobody);
  tcase_add_test(all, media_withoutSsrcLines_arriveOnTheRightPads);
  tcase_add_test(all, media_behindADataChannel_arrive);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(crashers)
