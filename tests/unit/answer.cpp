// SPDX-License-Identifier: LGPL-2.1-or-later
// What webrtcbin and the publisher get to see of an offer.
#include "offer_text.h"
#include "sdp.h"

using namespace gws;

namespace {

const Fingerprint kOwn = {"sha-256",
                          "FF:EE:DD:CC:BB:AA:99:88:77:66:55:44:33:22:11:00:"
                          "FF:EE:DD:CC:BB:AA:99:88:77:66:55:44:33:22:11:00"};
const LocalTransport kTransport = {"ownufrag", "ownpassword01234567890", kOwn, "active"};
const WishList kEvery = {{CodecId::H264, Form::Encoded}, {CodecId::VP8, Form::Encoded},
                         {CodecId::VP9, Form::Encoded},  {CodecId::AV1, Form::Encoded},
                         {CodecId::Opus, Form::Encoded}, {CodecId::PCMU, Form::Encoded}};

constexpr const char *kBrowserOffers[] = {
    "chromium-camera",     "chromium-sendrecv",          "chromium-sendonly",
    "chromium-simulcast",  "chromium-datachannel-first", "chromium-audio-only",
    "chromium-two-videos", "chromium-bundle-only",       "firefox-camera",
    "firefox-sendrecv",    "firefox-sendonly",           "firefox-simulcast",
    "firefox-audio-only",  "firefox-datachannel-first",  "firefox-two-videos",
    "firefox-bundle-only",
};

std::string sanitised(const Offer &offer, const WishList &wishes = kUsual) {
  return sanitisedOffer(offer, selectAll(offer, wishes), kOwn);
}

std::string answered(const Offer &offer, const WishList &wishes = kUsual,
                     const BitrateHints &hints = {}) {
  return buildAnswer(offer, selectAll(offer, wishes), kTransport, hints);
}

/// The answer's section of this index, as text.
std::string sectionText(const std::string &sdp, unsigned index) {
  std::size_t start = 0;
  for (unsigned i = 0; i <= index; i++)
    start = sdp.find("\r\nm=", start) + 2;
  return sdp.substr(start, sdp.find("\r\nm=", start) + 2 - start);
}

// --- the offer for webrtcbin: each name is one way to bring it down

/// The rules that hold whatever the publisher sent.
void assertSane(const std::string &text, std::size_t sections) {
  Result<SdpText> sdp = splitSdp(text, 16);
  g_assert_true(sdp.ok());
  g_assert_cmpuint(sdp->media.size(), ==, sections);
  g_assert_null(sdp->session.find("fingerprint"));
  g_assert_cmpuint(countOf(text, "a=group:BUNDLE 0"), ==, 1);
  for (std::size_t i = 0; i < sections; i++) {
    const SdpSection &section = sdp->media[i];
    g_assert_true(section.value("mid") == std::to_string(i));
    g_assert_true(section.value("fingerprint") == kOwn.algorithm + " " + kOwn.value);
    g_assert_true(section.find("setup") && section.find("rtcp-mux") && section.find("sendonly"));
  }
  g_assert_cmpuint(countOf(text, "a=fingerprint:"), ==, sections);
  for (const char *never :
       {"rid", "simulcast", "candidate", "m=application", "a=msid", "bundle-only",
        "video-orientation", "a=rtpmap:118", " red/", " ulpfec/"})
    g_assert_false(contains(text, never));
}

void sanitised_browser_offer_sane() {
  for (const char *name : kBrowserOffers) {
    g_test_message("%s", name);
    Offer offer = parsed(browserOffer(name));
    std::vector<Selection> selections = selectAll(offer, kEvery);
    g_assert_false(selections.empty());
    assertSane(sanitisedOffer(offer, selections, kOwn), selections.size());
  }
}

void sanitised_mid_missing_given() { assertSane(sanitised(parsed(offerText(video(""), ""))), 1); }

void sanitised_mids_swapped_numbered_by_index() {
  assertSane(sanitised(parsed(offerText(audio("a=mid:1\n") + video("a=mid:0\n"), "1 0"))), 2);
}

void sanitised_datachannel_first_with_unlisted_ssrc_left_out() {
  const std::string text = sanitised(parsed(
      offerText("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n" + video(), "d 1")));
  assertSane(text, 1);
  g_assert_false(contains(text, "a=ssrc"));
}

void sanitised_bundle_tag_rejected_not_in_group() {
  assertSane(sanitised(parsed(offerText("m=audio 0 UDP/TLS/RTP/SAVPF 111\na=mid:0\n" + video()))),
             1);
}

void sanitised_fingerprints_at_both_levels_one_each() {
  assertSane(sanitised(parsed(offerText(audio(std::string("a=mid:0\na=fingerprint:") + kOffered +
                                              "\na=fingerprint:" + kOffered + "\n") +
                                        video()))),
             2);
}

void sanitised_simulcast_plain() {
  const std::string text = sanitised(parsed(browserOffer("firefox-simulcast")));
  assertSane(text, 2);
  g_assert_false(contains(sectionText(text, 1), "a=ssrc"));
}

void sanitised_offer_holds_what_was_offered() {
  const std::string text = sanitised(parsed(offerText(
      video(
          "a=mid:v\na=extmap:3 http://www.ietf.org/id/"
          "draft-holmer-rmcat-transport-wide-cc-extensions-01\n"
          "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\na=extmap:13 urn:3gpp:video-orientation\n"
          "a=ssrc-group:FID 7 8\na=ssrc:7 cname:c d\na=ssrc:8 cname:c d\na=ssrc:7 msid:x y\n"),
      "v")));
  const std::string expected = crlf(
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97\nc=IN IP4 0.0.0.0\na=mid:0\n"
      "a=ice-options:trickle\na=fingerprint:sha-256 " +
      kOwn.value +
      "\na=setup:actpass\na=rtcp-mux\na=sendonly\n"
      "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n"
      "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n"
      "a=rtpmap:96 VP8/90000\na=rtcp-fb:96 transport-cc\na=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\n"
      "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
      "a=ssrc-group:FID 7 8\na=ssrc:7 cname:c-d\na=ssrc:8 cname:c-d\n");
  assertText(sectionText(text, 0), expected);
  // webrtcbin puts what a section has into its pads' caps.
  g_assert_true(contains(text.substr(0, text.find("m=")),
                         "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"));
}

void receive_caps_name_codec_and_feedback() {
  Offer offer = parsed(browserOffer("chromium-camera"));
  std::vector<Selection> selections = selectAll(offer, kUsual);
  assertText(
      receiveCaps(offer, selections.at(1)),
      "application/x-rtp, media=(string)video, payload=(int)96, encoding-name=(string)VP8, "
      "clock-rate=(int)90000, extmap-3=(string)\"http://www.ietf.org/id/"
      "draft-holmer-rmcat-transport-wide-cc-extensions-01\", "
      "extmap-4=(string)\"urn:ietf:params:rtp-hdrext:sdes:mid\", rtcp-fb-nack=(boolean)true, "
      "rtcp-fb-nack-pli=(boolean)true, rtcp-fb-ccm-fir=(boolean)true, "
      "rtcp-fb-transport-cc=(boolean)true");
}

// --- the answer for the publisher

void answer_browser_offer_sections_match() {
  for (const char *name : kBrowserOffers) {
    g_test_message("%s", name);
    Offer offer = parsed(browserOffer(name));
    const std::string text = answered(offer);
    Result<SdpText> sdp = splitSdp(text, 16);
    g_assert_true(sdp.ok());
    g_assert_cmpuint(sdp->media.size(), ==, offer.media.size());
    for (std::size_t i = 0; i < sdp->media.size(); i++) {
      const SdpSection &section = sdp->media[i];
      const OfferedMedia &media = offer.media[i];
      g_assert_true(section.value("mid") == media.mid);
      g_assert_true(section.mediaLine.starts_with(media.mediaName + " 9 " + media.protocol + " "));
      g_assert_true(section.value("ice-ufrag") == "ownufrag");
      g_assert_true(section.value("setup") == "active");
      const bool received = media.receivable();
      g_assert_true((section.find("recvonly") != nullptr) == received);
      g_assert_true((section.find("inactive") != nullptr) != received);
      if (received) g_assert_nonnull(section.find("extmap"));
      g_assert_true((section.find("rtcp-rsize") != nullptr) == media.reducedRtcp);
    }
    std::string group = "a=group:BUNDLE";
    for (const std::string &mid : offer.bundle)
      group += " " + mid;
    g_assert_true(contains(text, group + "\r\n"));
  }
}

void answer_chromium_h264_repeats_parameters() {
  Offer offer = parsed(browserOffer("chromium-camera"));
  const std::string text = answered(offer, kEvery);
  g_assert_true(contains(sectionText(text, 1), "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"));
  g_assert_true(contains(text,
                         "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;"
                         "profile-level-id=42e01f\r\n"));
  g_assert_true(contains(text, "a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n"));
  for (const char *feedback : {"nack", "nack pli", "ccm fir", "transport-cc"})
    g_assert_true(contains(text, std::string("a=rtcp-fb:108 ") + feedback + "\r\n"));
  g_assert_true(contains(text, "a=extmap-allow-mixed\r\n"));
  for (unsigned i : {0u, 1u})
    g_assert_true(contains(sectionText(text, i), "a=rtcp-rsize\r\n"));
  g_assert_false(contains(answered(parsed(browserOffer("firefox-camera"))), "allow-mixed"));
}

void answer_opus_asks_for_offered_stereo_and_fec() {
  struct Row {
    const char *offered, *expected;
  };
  const Row rows[] = {
      {"minptime=10;useinbandfec=1", "a=fmtp:111 minptime=10;useinbandfec=1\r\n"},
      {"stereo=1;useinbandfec=1;maxplaybackrate=48000", "a=fmtp:111 stereo=1;useinbandfec=1\r\n"},
      {"sprop-stereo=1", "a=fmtp:111 stereo=1\r\n"},
      {"stereo=0;useinbandfec=0", "a=rtpmap:111 opus/48000/2\r\n"},
  };
  for (const Row &row : rows) {
    const std::string text = answered(
        parsed(offerText(audio(std::string("a=mid:0\na=fmtp:111 ") + row.offered + "\n"), "0")));
    g_assert_true(text.ends_with(row.expected));
  }
}

void answer_bitrate_hints_only_for_video() {
  Offer offer = parsed(offerText(audio() + video()));
  const std::string text =
      answered(offer, kUsual, {.start = 4'000'000, .min = 2'000'000, .max = 6'000'001});
  g_assert_true(contains(sectionText(text, 1),
                         "a=fmtp:96 x-google-start-bitrate=4000;x-google-min-bitrate=2000;"
                         "x-google-max-bitrate=6001\r\n"));
  g_assert_true(contains(sectionText(text, 1), "b=AS:6001\r\nb=TIAS:6000001\r\n"));
  g_assert_false(contains(sectionText(text, 0), "b=") ||
                 contains(sectionText(text, 0), "x-google"));
  g_assert_false(contains(answered(offer), "b=") || contains(answered(offer), "x-google"));
}

void answer_single_section_without_mid_has_none() {
  const std::string text = answered(parsed(offerText(video(""), "")));
  g_assert_false(contains(text, "a=mid") || contains(text, "BUNDLE"));
  g_assert_false(contains(text, "a=rtcp-rsize"));
  g_assert_true(contains(text, "a=recvonly"));
}

void answer_refused_sections_have_port_0() {
  Offer offer = parsed(offerText(audio() +
                                     "m=video 0 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\n"
                                     "a=mid:1\n" +
                                     video("a=mid:2\n"),
                                 "0 1"));
  const std::string text = answered(offer);
  g_assert_true(contains(text, "a=group:BUNDLE 0\r\n"));
  for (unsigned i : {1u, 2u}) {
    const std::string section = sectionText(text, i);
    g_assert_true(section.starts_with("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
    g_assert_true(contains(section, "a=inactive") && contains(section, "a=rtpmap:96 VP8/90000"));
    g_assert_false(contains(section, "a=ice-ufrag") || contains(section, "a=recvonly"));
  }
}

void answer_unselected_sections_inactive() {
  Offer offer = parsed(offerText(audio() + video()));
  const std::string text = answered(offer, {{CodecId::VP8, Form::Encoded}});
  const std::string section = sectionText(text, 0);
  g_assert_true(section.starts_with("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
  g_assert_true(contains(section, "a=inactive") && contains(section, "a=ice-ufrag"));
  g_assert_true(contains(section, "a=rtpmap:111 opus/48000/2\r\n"));
  g_assert_true(contains(text, "a=group:BUNDLE 0 1\r\n"));
}

void answer_unknown_codec_inactive_with_its_rtpmap() {
  const std::string text = answered(parsed(offerText(
      "m=audio 9 UDP/TLS/RTP/SAVPF 120 63\na=rtpmap:63 red/48000/2\na=mid:0\n" + video())));
  g_assert_true(sectionText(text, 0).starts_with("m=audio 9 UDP/TLS/RTP/SAVPF 63\r\n"));
  g_assert_true(contains(sectionText(text, 0), "a=rtpmap:63 red/48000/2\r\n"));
}

void answer_data_channel_inactive_with_its_format() {
  const std::string sections[][2] = {
      {"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n", "a=sctp-port:5000\r\n"},
      {"m=application 9 DTLS/SCTP 5000\n", "a=inactive\r\n"},
  };
  for (const auto &[line, ending] : sections) {
    const std::string text =
        answered(parsed(offerText(line + "a=mid:d\na=sctp-port:1\n" + video(), "d 1")));
    const std::string section = sectionText(text, 0);
    g_assert_true(section.starts_with(crlf(line)) && section.ends_with(ending));
    g_assert_true(contains(section, "a=inactive") && contains(section, "a=mid:d"));
    g_assert_true(contains(text, "a=group:BUNDLE d 1\r\n"));
  }
}

void answer_candidates_in_bundle_tag() {
  Offer offer = parsed(offerText(audio() + video(), "1 0"));
  const std::vector<std::string> candidates = {"candidate:1 1 UDP 1 192.0.2.1 5 typ host",
                                               "candidate:2 1 UDP 1 192.0.2.2 5 typ host"};
  const std::string text = buildAnswer(offer, selectAll(offer, kUsual), kTransport, {}, candidates);
  g_assert_true(
      sectionText(text, 1).ends_with("a=candidate:1 1 UDP 1 192.0.2.1 5 typ host\r\n"
                                     "a=candidate:2 1 UDP 1 192.0.2.2 5 typ host\r\n"
                                     "a=end-of-candidates\r\n"));
  g_assert_false(contains(sectionText(text, 0), "candidate"));
  g_assert_false(contains(answered(offer), "candidate"));
}

void local_transport_read() {
  const std::string good =
      "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=ice-ufrag:ownufrag\r\n"
      "a=ice-pwd:ownpassword01234567890\r\na=setup:passive\r\na=fingerprint:sha-256 " +
      kOwn.value + "\r\n";
  Result<LocalTransport> transport = readLocalTransport(good);
  g_assert_true(transport.ok());
  assertText(transport->iceUfrag, "ownufrag");
  assertText(transport->icePwd, "ownpassword01234567890");
  assertText(transport->setup, "passive");
  g_assert_true(transport->fingerprint == kOwn);
}

void local_transport_fault_named() {
  const std::string good = answered(parsed(offerText(video(), "1")));
  g_assert_true(readLocalTransport(good).ok());
  const char *replacements[][3] = {
      {"a=ice-ufrag:", "a=x:", "ice-ufrag"},
      {"a=ice-pwd:", "a=x:", "ice-pwd"},
      {"a=setup:active", "a=setup:actpass", "a=setup"},
      {"a=fingerprint:sha-256 FF", "a=fingerprint:sha-256 GG", "a=fingerprint"},
      {"v=0", "nonsense", "line 1 "},
  };
  for (const auto &[from, to, named] : replacements) {
    std::string text = good;
    text.replace(text.find(from), std::string(from).size(), to);
    Result<LocalTransport> transport = readLocalTransport(text);
    g_assert_false(transport.ok());
    g_assert_cmpint(transport.error().code, ==, 1011);
    g_assert_true(contains(transport.error().detail, named));
  }
}

}  // namespace

#define ADD(name) g_test_add_func("/answer/" #name, name)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  ADD(sanitised_browser_offer_sane);
  ADD(sanitised_mid_missing_given);
  ADD(sanitised_mids_swapped_numbered_by_index);
  ADD(sanitised_datachannel_first_with_unlisted_ssrc_left_out);
  ADD(sanitised_bundle_tag_rejected_not_in_group);
  ADD(sanitised_fingerprints_at_both_levels_one_each);
  ADD(sanitised_simulcast_plain);
  ADD(sanitised_offer_holds_what_was_offered);
  ADD(receive_caps_name_codec_and_feedback);
  ADD(answer_browser_offer_sections_match);
  ADD(answer_chromium_h264_repeats_parameters);
  ADD(answer_opus_asks_for_offered_stereo_and_fec);
  ADD(answer_bitrate_hints_only_for_video);
  ADD(answer_single_section_without_mid_has_none);
  ADD(answer_refused_sections_have_port_0);
  ADD(answer_unselected_sections_inactive);
  ADD(answer_unknown_codec_inactive_with_its_rtpmap);
  ADD(answer_data_channel_inactive_with_its_format);
  ADD(answer_candidates_in_bundle_tag);
  ADD(local_transport_read);
  ADD(local_transport_fault_named);
  return g_test_run();
}
