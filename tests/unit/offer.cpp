// SPDX-License-Identifier: LGPL-2.1-or-later
// What is read of an offer, what is refused, and what is chosen.
#include "offer.h"

#include "offer_text.h"

using namespace gws;

namespace {

/// The offer is refused with `code`, for a reason that holds `named`.
void assertRefused(const std::string &text, int code, const char *named) {
  Result<Offer> offer = parseOffer(text);
  g_assert_false(offer.ok());
  g_assert_cmpint(offer.error().code, ==, code);
  if (!contains(offer.error().detail, named))
    g_error("\"%s\" does not name \"%s\"", offer.error().detail.c_str(), named);
}

// --- browsers

struct BrowserCase {
  const char *name;
  std::size_t sections, receivable;
  bool hasSources;  ///< of the last section
  CodecId firstVideo;
};

constexpr BrowserCase kBrowsers[] = {
    {"chromium-camera", 2, 2, true, CodecId::VP8},
    {"chromium-sendrecv", 2, 2, true, CodecId::VP8},
    {"chromium-sendonly", 2, 2, true, CodecId::VP8},
    {"chromium-simulcast", 2, 2, false, CodecId::VP8},
    {"chromium-datachannel-first", 3, 2, true, CodecId::VP8},
    {"chromium-audio-only", 1, 1, true, CodecId::Opus},
    {"chromium-two-videos", 3, 3, true, CodecId::VP8},
    {"chromium-bundle-only", 2, 2, true, CodecId::VP8},
    {"firefox-camera", 2, 2, true, CodecId::VP8},
    {"firefox-sendrecv", 2, 2, true, CodecId::VP8},
    {"firefox-sendonly", 2, 2, true, CodecId::VP8},
    {"firefox-simulcast", 2, 2, false, CodecId::VP8},
    {"firefox-datachannel-first", 3, 2, true, CodecId::VP8},
    {"firefox-audio-only", 1, 1, true, CodecId::Opus},
    {"firefox-two-videos", 3, 3, true, CodecId::VP8},
    {"firefox-bundle-only", 2, 2, true, CodecId::VP8},
};

void browser_offer_read() {
  for (const BrowserCase &row : kBrowsers) {
    g_test_message("%s", row.name);
    Offer offer = parsed(browserOffer(row.name));
    g_assert_cmpuint(offer.media.size(), ==, row.sections);
    g_assert_cmpuint(offer.bundle.size(), ==, row.sections);
    g_assert_cmpuint(offer.fingerprints.size(), ==, 1);
    assertText(offer.setup, "actpass");
    std::size_t receivable = 0;
    for (const OfferedMedia &media : offer.media) {
      if (!media.receivable()) continue;
      receivable++;
      g_assert_cmpuint(media.transportCcId, >, 0);
      g_assert_cmpuint(media.midId, >, 0);
      g_assert_false(media.msid.empty());
    }
    g_assert_cmpuint(receivable, ==, row.receivable);
    const OfferedMedia &last = offer.media.back();
    g_assert_true(last.sources.empty() != row.hasSources);
    g_assert_true(last.codecs.at(0).codec == row.firstVideo);
    if (last.type != OfferedMedia::Type::Video) continue;
    g_assert_true(last.codecs[0].rtxPayload.has_value());
    g_assert_true(last.codecs[0].nack && last.codecs[0].nackPli && last.codecs[0].ccmFir);
    if (row.hasSources) g_assert_true(last.sources[0].rtxSsrc.has_value());
  }
}

void browser_local_candidates_dropped() {
  g_assert_cmpuint(parsed(browserOffer("firefox-camera")).candidates.size(), ==, 0);
  g_assert_cmpuint(parsed(browserOffer("chromium-camera")).candidates.size(), >, 0);
}

// --- what brings webrtcbin down

void mid_missing_refused() { assertRefused(offerText(audio() + video("")), 4400, "a=mid"); }

void mid_missing_in_single_section_taken() {
  Offer offer = parsed(offerText(video(""), ""));
  g_assert_true(offer.media[0].receivable());
  g_assert_true(offer.media[0].mid.empty());
}

void mid_twice_refused() {
  assertRefused(offerText(audio() + video("a=mid:0\n"), "0"), 4400, "\"0\"");
}

void mid_not_a_token_refused() {
  assertRefused(offerText(audio("a=mid:a b\n"), ""), 4400, "a=mid");
  assertRefused(offerText(audio("a=mid:" + std::string(65, 'x') + "\n"), ""), 4400, "a=mid");
  g_assert_true(parseOffer(offerText(audio("a=mid:" + std::string(64, 'x') + "\n"), "")).ok());
}

void mids_swapped_read_in_their_order() {
  Offer offer = parsed(offerText(audio("a=mid:1\n") + video("a=mid:0\n"), "1 0"));
  assertText(offer.media[0].mid, "1");
  assertText(offer.bundle[0], "1");
}

void bundle_tag_unknown_refused() {
  assertRefused(offerText(audio() + video(), "9 0 1"), 4400, "\"9\"");
}

void bundle_member_unknown_or_twice_refused() {
  assertRefused(offerText(audio() + video(), "0 1 2"), 4400, "\"2\"");
  assertRefused(offerText(audio() + video(), "0 1 0"), 4400, "twice");
}

void bundle_missing_with_several_sections_refused() {
  assertRefused(offerText(audio() + video(), ""), 4400, "BUNDLE");
}

void datachannel_first_with_unlisted_ssrc_media_taken() {
  Offer offer = parsed(
      offerText("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n" + video(), "d 1"));
  g_assert_true(offer.media[0].type == OfferedMedia::Type::Data);
  g_assert_false(offer.media[0].receivable());
  g_assert_true(offer.media[1].receivable());
  g_assert_true(offer.media[1].sources.empty());
}

void fingerprints_at_both_levels_media_wins() {
  std::string value;
  for (int i = 0; i < 64; i++)
    value += i ? ":ab" : "ab";
  Offer offer =
      parsed(offerText(audio("a=mid:0\na=fingerprint:SHA-512 " + value + "\n") + video()));
  g_assert_cmpuint(offer.fingerprints.size(), ==, 1);
  assertText(offer.fingerprints[0].algorithm, "sha-512");
  g_assert_true(offer.fingerprints[0].value.starts_with("AB:AB"));
  assertText(parsed(offerText(audio() + video())).fingerprints[0].algorithm, "sha-256");
}

void simulcast_sources_dropped() {
  for (const char *line : {"a=simulcast:send h;l\n", "a=rid:h send\n"})
    g_assert_true(parsed(offerText(video(std::string("a=mid:1\na=ssrc:5 cname:x\n") + line), "1"))
                      .media[0]
                      .sources.empty());
}

void ssrc_in_two_sections_kept_in_first() {
  Offer offer = parsed(
      offerText(audio("a=mid:0\na=ssrc:5 cname:x\n") + video("a=mid:1\na=ssrc:5 cname:x\n")));
  g_assert_cmpuint(offer.media[0].sources.size(), ==, 1);
  g_assert_cmpuint(offer.media[1].sources.size(), ==, 0);
}

void rtx_ssrc_of_other_section_dropped() {
  Offer offer = parsed(
      offerText(audio("a=mid:0\na=ssrc:5 cname:x\n") +
                video("a=mid:1\na=ssrc-group:FID 6 5\na=ssrc:6 cname:x\na=ssrc:5 cname:x\n")));
  g_assert_cmpuint(offer.media[1].sources.at(0).ssrc, ==, 6);
  g_assert_false(offer.media[1].sources[0].rtxSsrc.has_value());
}

void ssrc_pair_comes_first() {
  Offer offer = parsed(offerText(video("a=mid:1\na=ssrc:1 cname:x\na=ssrc:2 cname:x y\n"
                                       "a=ssrc:3 cname:x\na=ssrc-group:FID 2 3\n"
                                       "a=ssrc-group:FID 1 9\n"),
                                 "1"));
  const OfferedSource &source = offer.media[0].sources.at(0);
  g_assert_cmpuint(source.ssrc, ==, 2);
  g_assert_true(source.rtxSsrc == 3u);
  assertText(source.cname, "x-y");
  g_assert_false(offer.media[0].sources.at(1).rtxSsrc.has_value());
}

void ssrcs_bounded() {
  std::string lines = "a=mid:1\n";
  for (int i = 1; i <= 100; i++)
    lines += "a=ssrc:" + std::to_string(i) + " cname:x\n";
  g_assert_cmpuint(parsed(offerText(video(lines), "1")).media[0].sources.size(), ==, 8);
}

// --- other faults

void section_with_port_0_rejected() {
  const std::string rejected = "m=video 0 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\na=mid:1\n";
  Offer offer = parsed(offerText(audio() + rejected));
  g_assert_true(offer.media[1].rejected);
  g_assert_false(offer.media[1].receivable());
  assertRefused(offerText(rejected, "1"), 4400, "nothing can be received");
  g_assert_true(parsed(offerText(audio() + rejected + "a=bundle-only\n")).media[1].receivable());
}

void rejected_bundle_tag_next_transport_taken() {
  Offer offer = parsed(offerText("m=audio 0 UDP/TLS/RTP/SAVPF 111\na=mid:0\na=ice-ufrag:gone\n" +
                                 video("a=mid:1\na=ice-ufrag:video\n")));
  assertText(offer.iceUfrag, "video");
}

void section_outside_bundle_not_receivable() {
  Offer offer = parsed(offerText(audio() + video(), "0"));
  g_assert_true(offer.media[0].receivable());
  g_assert_false(offer.media[1].receivable());
}

void direction_inherited_from_session() {
  assertRefused(offerText("a=recvonly\n" + audio() + video()), 4400, "nothing can be received");
  Offer offer = parsed(offerText("a=recvonly\n" + audio() + video("a=mid:1\na=sendonly\n")));
  g_assert_false(offer.media[0].sends);
  g_assert_true(offer.media[1].sends);
}

std::string transportText(const char *ufrag, const char *pwd, const char *fingerprint,
                          const char *setup) {
  return crlf(std::string("v=0\n") + ufrag + pwd + fingerprint + setup + audio());
}

void transport_fault_refused() {
  const char *ufrag = "a=ice-ufrag:abcd\n";
  const char *pwd = "a=ice-pwd:0123456789012345678901\n";
  const std::string good = std::string("a=fingerprint:") + kOffered + "\n";
  const char *print = good.c_str();
  struct Row {
    std::string text;
    const char *named;
  };
  const Row rows[] = {
      {transportText("", pwd, print, ""), "ice-ufrag"},
      {transportText("a=ice-ufrag:abc\n", pwd, print, ""), "ice-ufrag"},
      {transportText("a=ice-ufrag:ab d\n", pwd, print, ""), "ice-ufrag"},
      {transportText(ufrag, "", print, ""), "ice-pwd"},
      {transportText(ufrag, "a=ice-pwd:012345678901234567890\n", print, ""), "ice-pwd"},
      {transportText(ufrag, "a=ice-pwd:0123456789012345678901\"\n", print, ""), "ice-pwd"},
      {transportText(ufrag, pwd, "", ""), "a=fingerprint is missing"},
      {transportText(ufrag, pwd, "a=fingerprint:md5 AB:CD\n", ""), "a=fingerprint is missing"},
      {transportText(ufrag, pwd, "a=fingerprint:sha-256 AB:CD\n", ""), "sha-256 AB:CD"},
      {transportText(ufrag, pwd, "a=fingerprint:sha-256\n", ""), "a=fingerprint"},
      {transportText(ufrag, pwd, print, "a=setup:holdconn\n"), "holdconn"},
  };
  for (const Row &row : rows)
    assertRefused(row.text, 4400, row.named);
  assertText(parsed(transportText(ufrag, pwd, print, "")).setup, "actpass");
  assertText(parsed(transportText(ufrag, pwd, print, "a=setup:active\n")).setup, "active");
}

void broken_text_refused() {
  struct Row {
    std::string text;
    const char *named;
  };
  using namespace std::string_literals;
  const Row rows[] = {
      {"", "no m= line"},
      {"hello", "line 1"},
      {"s=-\r\nv=0\r\n", "v=0"},
      {"v=0\r\nnonsense\r\n", "line 2"},
      {offerText(""), "no m= line"},
      {offerText(audio() + "a=x\0y\n"s), "control character"},
      {offerText(audio() + "a=x\ty\n"), "control character"},
      {offerText(audio() + "a=x\ry\n"), "control character"},
      {offerText("m=audio 9 UDP/TLS/RTP/SAVPF\na=mid:0\n", "0"), "m="},
      {offerText("m=audio 99999 UDP/TLS/RTP/SAVPF 0\na=mid:0\n", "0"), "port"},
      {offerText("m=audio 9 UDP//SAVPF 0\na=mid:0\n", "0"), "protocol"},
      {offerText("m=au;dio 9 UDP/TLS/RTP/SAVPF 0\na=mid:0\n", "0"), "medium"},
      {offerText("m=audio 9 UDP/TLS/RTP/SAVPF 0;1\na=mid:0\n", "0"), "formats"},
      {offerText(audio("a=mid:0\na=msid:a b c\n"), "0"), "a=msid"},
      {offerText(audio("a=mid:0\na=msid:(\n"), "0"), "a=msid"},
      {offerText("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:0\n", "0"),
       "nothing can be received"},
  };
  for (const Row &row : rows)
    assertRefused(row.text, 4400, row.named);
}

void limits_exceeded_refused() {
  assertRefused(std::string(128 * 1024 + 1, 'x'), 4413, "131072");
  std::string many;
  for (int i = 0; i < 17; i++)
    many += audio("a=mid:" + std::to_string(i) + "\n");
  assertRefused(offerText(many, "0"), 4400, "more than 16");
  std::string formats;
  for (int i = 0; i < 129; i++)
    formats += " " + std::to_string(i);
  assertRefused(offerText("m=audio 9 UDP/TLS/RTP/SAVPF" + formats + "\na=mid:0\n", "0"), 4400,
                "128 formats");
}

void line_ends_lf_or_crlf_read_alike() {
  std::string lf = offerText(audio() + video());
  std::erase(lf, '\r');
  g_assert_cmpuint(parsed(lf).media.size(), ==, 2);
  g_assert_cmpuint(
      parsed(offerText(audio() + video("a=mid:1\na=x:" + std::string(50000, 'y')))).media.size(),
      ==, 2);
}

void candidates_bounded() {
  std::string lines = "a=mid:0\n";
  for (int i = 1; i <= 100; i++)
    lines += "a=candidate:1 1 udp 1 192.0.2.1 " + std::to_string(i) + " typ host\n";
  g_assert_cmpuint(parsed(offerText(audio(lines), "0")).candidates.size(), ==, 64);
}

// --- codecs

const OfferedMedia onlyMedia(const std::string &text) { return parsed(text).media.at(0); }

void static_payload_without_rtpmap_known() {
  OfferedMedia media = onlyMedia(offerText("m=audio 9 UDP/TLS/RTP/SAVPF 0 8 9 13\na=mid:0\n", "0"));
  g_assert_cmpuint(media.codecs.size(), ==, 3);
  g_assert_true(media.codecs[0].codec == CodecId::PCMU);
  g_assert_true(media.codecs[1].codec == CodecId::PCMA);
  g_assert_true(media.codecs[2].codec == CodecId::G722);
}

void payload_out_of_range_ignored() {
  OfferedMedia media = onlyMedia(
      offerText("m=video 9 UDP/TLS/RTP/SAVPF 128 72 x 96\na=mid:0\na=rtpmap:128 VP8/90000\n"
                "a=rtpmap:72 VP8/90000\na=rtpmap:96 VP8/90000\na=rtpmap:100 VP9/90000\n",
                "0"));
  g_assert_cmpuint(media.codecs.size(), ==, 1);
  g_assert_cmpuint(media.codecs[0].payload, ==, 96);
}

void rtx_of_missing_payload_dropped() {
  for (const char *apt : {"98", "", "x", "300", "97"}) {
    OfferedMedia media = onlyMedia(
        offerText(std::string("m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:0\na=rtpmap:96 VP8/90000\n"
                              "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=") +
                      apt + "\n",
                  "0"));
    g_assert_false(media.codecs.at(0).rtxPayload.has_value());
  }
}

void payload_of_two_meanings_kept_in_first() {
  Offer offer = parsed(
      offerText("m=audio 9 UDP/TLS/RTP/SAVPF 96\na=mid:0\na=rtpmap:96 opus/48000/2\n" + video()));
  g_assert_cmpuint(offer.media[0].codecs.size(), ==, 1);
  g_assert_cmpuint(offer.media[1].codecs.size(), ==, 0);
}

void extension_id_conflict_kept_in_first() {
  const std::string cc =
      "a=extmap:3 " +
      std::string("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n");
  Offer offer =
      parsed(offerText(audio("a=mid:0\n" + cc) +
                       video("a=mid:1\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\n")));
  g_assert_cmpuint(offer.media[0].transportCcId, ==, 3);
  g_assert_cmpuint(offer.media[1].midId, ==, 0);
}

void extension_id_out_of_range_ignored() {
  for (const char *id : {"0", "15", "256", "x", "4/recvonly", "4/inactive"}) {
    OfferedMedia media = onlyMedia(offerText(
        audio(std::string("a=mid:0\na=extmap:") + id + " urn:ietf:params:rtp-hdrext:sdes:mid\n"),
        "0"));
    g_assert_cmpuint(media.midId, ==, 0);
  }
}

void fmtp_only_known_values_kept() {
  struct Row {
    const char *rtpmap, *fmtp, *expected;
  };
  const Row rows[] = {
      {"opus/48000/2", "minptime=10;useinbandfec=1", "minptime=10;useinbandfec=1"},
      {"opus/48000/2", " stereo = 1 ; x=y;cbr=7;minptime=-1;;stereo=0", "stereo=1"},
      {"H264/90000", "packetization-mode=1;profile-level-id=42E01F;sprop-parameter-sets=Z0,a",
       "packetization-mode=1;profile-level-id=42E01F"},
      {"H264/90000", "packetization-mode=1;profile-level-id=42E01G", "packetization-mode=1"},
      {"VP9/90000", "profile-id=0;max-fr=30", "profile-id=0"},
      {"VP9/90000", "profile-id=9", ""},
      {"H265/90000", "level-id=93;profile-id=1;tier-flag=0;tx-mode=srst;tx-mode=MRST",
       "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"},
      {"AV1/90000", "level-idx=5;profile=0;tier=0", "level-idx=5;profile=0;tier=0"},
      {"VP8/90000", "max-fs=12288", ""},
  };
  for (const Row &row : rows) {
    const char *medium = g_str_has_prefix(row.rtpmap, "opus") ? "audio" : "video";
    OfferedMedia media =
        onlyMedia(offerText(std::string("m=") + medium + " 9 UDP/TLS/RTP/SAVPF 96\na=mid:0\n" +
                                "a=rtpmap:96 " + row.rtpmap + "\na=fmtp:96 " + row.fmtp + "\n",
                            "0"));
    assertText(media.codecs.at(0).fmtp, row.expected);
    assertText(media.codecs[0].rtpmap, row.rtpmap);
  }
}

std::string h264(unsigned payload, const std::string &fmtp) {
  const std::string number = std::to_string(payload);
  return "a=rtpmap:" + number + " H264/90000\na=fmtp:" + number + " " + fmtp + "\n";
}

std::optional<unsigned> selectedPayload(const Offer &offer, const WishList &wishes) {
  auto selection = select(offer, 0, wishes);
  if (!selection) return std::nullopt;
  return offer.media[0].codecs[selection->codec].payload;
}

void select_h264_easiest_profile_first() {
  const std::string start = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100\na=mid:0\n";
  const WishList wishes = {{CodecId::H264, Form::Raw}};
  const std::string high = h264(96, "packetization-mode=1;profile-level-id=640c1f");
  const std::string plain = h264(97, "packetization-mode=1;profile-level-id=42001f");
  const std::string constrained = h264(98, "packetization-mode=1;profile-level-id=42E01F");
  const std::string single = h264(99, "packetization-mode=0;profile-level-id=42e01f");
  const std::string bare = h264(100, "profile-level-id=42e01f");
  const auto chosen = [&](const std::string &codecs) {
    return selectedPayload(parsed(offerText(start + codecs, "0")), wishes);
  };
  g_assert_true(chosen(high + plain + constrained + single + bare) == 98u);
  g_assert_true(chosen(high + plain + single + bare) == 97u);
  g_assert_true(chosen(high + single + bare) == 96u);
  g_assert_false(chosen(single + bare).has_value());
}

void select_follows_wishes_not_offer() {
  Offer offer = parsed(browserOffer("chromium-camera"));
  const WishList wishes = {
      {CodecId::G722, Form::Rtp}, {CodecId::VP9, Form::Raw}, {CodecId::VP8, Form::Encoded}};
  auto selection = select(offer, 1, wishes);
  g_assert_true(selection.has_value() && selection->form == Form::Raw && selection->media == 1);
  const OfferedCodec &codec = offer.media[1].codecs[selection->codec];
  g_assert_true(codec.codec == CodecId::VP9);
  assertText(codec.fmtp, "profile-id=0");
  g_assert_true(select(offer, 0, wishes)->form == Form::Rtp);
}

void select_without_common_codec_none() {
  Offer offer = parsed(browserOffer("firefox-datachannel-first"));
  g_assert_false(select(offer, 0, kUsual).has_value());
  g_assert_false(select(offer, 2, {{CodecId::H265, Form::Encoded}}).has_value());
  g_assert_false(select(offer, 2, {}).has_value());
  g_assert_false(select(offer, 9, kUsual).has_value());
}

void offered_names_listed_once() {
  OfferedMedia media =
      onlyMedia(offerText("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\na=mid:0\na=rtpmap:96 AV2/90000\n"
                          "a=rtpmap:97 rtx/90000\na=rtpmap:98 AV2/90000\n",
                          "0"));
  g_assert_cmpuint(media.codecs.size(), ==, 0);
  g_assert_cmpuint(media.offeredNames.size(), ==, 2);
  assertText(media.offeredNames[0], "AV2");
  assertText(media.fallbackRtpmap, "96 AV2/90000");
}

// --- candidates and fingerprints

void candidate_usability_decided() {
  struct Row {
    const char *text;
    bool usable;
  };
  const Row rows[] = {
      {"candidate:1 1 udp 2122194687 192.0.2.1 48310 typ host", true},
      {"a=candidate:1 1 UDP 1 2001:db8::1 48310 typ host generation 0 network-cost 50", true},
      {"candidate:a+/9 1 udp 1 192.0.2.1 9 typ srflx raddr 0.0.0.0 rport 0", true},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 192.0.2.2 rport 5 ufrag x", true},
      {"", false},
      {"candidate:", false},
      {"1 1 udp 1 192.0.2.1 9 typ host", false},
      {"candidate:1 2 udp 1 192.0.2.1 9 typ host", false},
      {"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active", false},
      {"candidate:1 1 udp 1 473dc61c-cb34.local 9 typ host", false},
      {"candidate:1 1 udp 1 example.com 9 typ host", false},
      {"candidate:1 1 udp 1 fe80::1%eth0 9 typ host", false},
      {"candidate:1 1 udp 1 0.0.0.0 9 typ host", false},
      {"candidate:1 1 udp 1 192.0.2.1 0 typ host", false},
      {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 type host", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ house", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ", false},
      {"candidate:1 1 udp 9999999999 192.0.2.1 9 typ host", false},
      {"candidate:1 1 udp -1 192.0.2.1 9 typ host", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ host generation", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr x.local rport 0", false},
      {"candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=x y", false},
      {"candidate:; 1 udp 1 192.0.2.1 9 typ host", false},
  };
  for (const Row &row : rows)
    if (isUsableCandidate(row.text) != row.usable) g_error("%s", row.text);
  const std::string longTail =
      "candidate:1 1 udp 1 192.0.2.1 9 typ host x " + std::string(600, 'y');
  g_assert_false(isUsableCandidate(longTail));
}

/// Hashes of the three bytes "abc", as FIPS 180-4's examples give them.
constexpr const char *kAbc256 =
    "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:"
    "AD";
constexpr const char *kAbc1 = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";

void fingerprint_compared() {
  const unsigned char der[] = {'a', 'b', 'c'};
  std::string lower = kAbc256;
  for (char &c : lower)
    c = g_ascii_tolower(c);
  struct Row {
    std::vector<Fingerprint> offered;
    bool matches;
  };
  std::string other = kAbc256;
  other.back() = 'E';
  const Row rows[] = {
      {{{"sha-256", kAbc256}}, true},
      {{{"SHA-256", lower}}, true},
      {{{"sha-256", other}}, false},
      {{{"sha-256", other}, {"sha-256", kAbc256}}, true},
      {{{"sha-512", kAbc256}}, false},
      {{{"sha-1", kAbc1}}, false},
      {{{"md5", "90:01:50:98:3C:D2:4F:B0:D6:96:3F:7D:28:E1:7F:72"}}, false},
      {{{"sha-256", ""}}, false},
      {{}, false},
  };
  for (const Row &row : rows)
    g_assert_true(matchesFingerprint(der, row.offered) == row.matches);
  g_assert_false(matchesFingerprint({}, rows[0].offered));
}

}  // namespace

#define ADD(name) g_test_add_func("/offer/" #name, name)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  ADD(browser_offer_read);
  ADD(browser_local_candidates_dropped);
  ADD(mid_missing_refused);
  ADD(mid_missing_in_single_section_taken);
  ADD(mid_twice_refused);
  ADD(mid_not_a_token_refused);
  ADD(mids_swapped_read_in_their_order);
  ADD(bundle_tag_unknown_refused);
  ADD(bundle_member_unknown_or_twice_refused);
  ADD(bundle_missing_with_several_sections_refused);
  ADD(datachannel_first_with_unlisted_ssrc_media_taken);
  ADD(fingerprints_at_both_levels_media_wins);
  ADD(simulcast_sources_dropped);
  ADD(ssrc_in_two_sections_kept_in_first);
  ADD(rtx_ssrc_of_other_section_dropped);
  ADD(ssrc_pair_comes_first);
  ADD(ssrcs_bounded);
  ADD(section_with_port_0_rejected);
  ADD(rejected_bundle_tag_next_transport_taken);
  ADD(section_outside_bundle_not_receivable);
  ADD(direction_inherited_from_session);
  ADD(transport_fault_refused);
  ADD(broken_text_refused);
  ADD(limits_exceeded_refused);
  ADD(line_ends_lf_or_crlf_read_alike);
  ADD(candidates_bounded);
  ADD(static_payload_without_rtpmap_known);
  ADD(payload_out_of_range_ignored);
  ADD(rtx_of_missing_payload_dropped);
  ADD(payload_of_two_meanings_kept_in_first);
  ADD(extension_id_conflict_kept_in_first);
  ADD(extension_id_out_of_range_ignored);
  ADD(fmtp_only_known_values_kept);
  ADD(select_h264_easiest_profile_first);
  ADD(select_follows_wishes_not_offer);
  ADD(select_without_common_codec_none);
  ADD(offered_names_listed_once);
  ADD(candidate_usability_decided);
  ADD(fingerprint_compared);
  return g_test_run();
}
