// SPDX-License-Identifier: LGPL-2.1-or-later
// What an SDP offer says, checked and bounded; the offer that webrtcbin sees and the answer that
// the publisher gets are both rebuilt from it (RFC 8866, RFC 8829, RFC 8843).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codecs.h"
#include "gst/common/result.h"

namespace gws {

struct OfferLimits {
  std::size_t bytes = 128 * 1024;
  std::size_t mediaSections = 16;
  std::size_t candidates = 64;
};

struct Fingerprint {
  std::string algorithm;  ///< lower case: "sha-256"
  std::string value;      ///< upper case hex pairs with colons
  bool operator==(const Fingerprint &) const = default;
};

/// One payload type that we could receive.
struct OfferedCodec {
  CodecId codec;
  unsigned payload = 0;
  std::string rtpmap;                  ///< as offered, without the payload type: "opus/48000/2"
  std::string fmtp;                    ///< a=fmtp's known parameters, checked; may be empty
  std::optional<unsigned> rtxPayload;  ///< RFC 4588, with apt= this payload
  bool nack = false, nackPli = false, ccmFir = false, transportCc = false;
};

/// The a=ssrc lines of one RTP stream, and its retransmission's SSRC (a=ssrc-group:FID).
struct OfferedSource {
  std::uint32_t ssrc = 0;
  std::optional<std::uint32_t> rtxSsrc;
  std::string cname;
};

/// One m= section. Those that cannot be received keep what the answer has to repeat.
struct OfferedMedia {
  enum class Type { Audio, Video, Data, Other };
  Type type = Type::Other;
  std::string mediaName, protocol;  ///< of the m= line: "video", "UDP/TLS/RTP/SAVPF"
  std::string formats;              ///< of the m= line, as offered: "96 97", "webrtc-datachannel"
  std::string mid;
  std::string msid;                       ///< a=msid, or empty
  bool rejected = false;                  ///< port 0 without a=bundle-only: the offerer refuses it
  bool bundled = false;                   ///< in the BUNDLE group, or the only section of the offer
  bool sends = false;                     ///< sendonly or sendrecv
  bool reducedRtcp = false;               ///< a=rtcp-rsize (RFC 5506)
  std::vector<OfferedCodec> codecs;       ///< those of our table, in the order of the m= line
  std::vector<std::string> offeredNames;  ///< every rtpmap's name once, for messages: "AV1"
  std::string fallbackRtpmap;             ///< of the first format with one: "63 red/48000/2"
  std::vector<OfferedSource> sources;     ///< at most 8, first the one that is taken; empty for
                                          ///< simulcast and for clients without a=ssrc
  unsigned transportCcId = 0;             ///< header extension's id, 1–14, 0: not offered
  unsigned midId = 0;                     ///< urn:ietf:params:rtp-hdrext:sdes:mid, 0: not offered

  /// Audio or video that could be received, were a codec found.
  bool receivable() const {
    return (type == Type::Audio || type == Type::Video) && !rejected && bundled && sends;
  }
  MediaKind kind() const { return type == Type::Audio ? MediaKind::Audio : MediaKind::Video; }
};

struct Offer {
  std::string sessionId;  ///< user name and sess-id of o=, the same in each offer of a connection
  std::vector<OfferedMedia> media;
  std::vector<std::string> bundle;  ///< mids of the first BUNDLE group, in its order; may be empty
  std::string iceUfrag, icePwd;     ///< of the BUNDLE's transport: its first section not rejected
  std::vector<Fingerprint> fingerprints;  ///< of the same transport, SHA-256, -384 and -512 only
  std::string setup;                      ///< "actpass", "active" or "passive"
  bool extmapAllowMixed = false;          ///< a=extmap-allow-mixed at session level
  std::vector<std::string> candidates;  ///< "candidate:…" of the same transport, usable ones only
};

/// Reads an offer. Every reference is resolved and every bound checked: what comes back cannot
/// name a mid, payload type or group member that is not there. Error codes are WebSocket close
/// codes: 4400 (broken, or nothing in it that could be received), 4413 (too large).
Result<Offer> parseOffer(std::string_view sdp, const OfferLimits &limits = {});

/// The codec taken for one m= section.
struct Selection {
  std::size_t media = 0;  ///< index in Offer::media
  std::size_t codec = 0;  ///< index in OfferedMedia::codecs
  Form form = Form::Encoded;
};

/// The first wish that the section offers. For one codec offered with several payload types the
/// one that is easiest to receive: H.264 (packetization-mode 1 alone is read at all) profile 42e0xx
/// before 4200xx before others, then the order of the m= line; VP9 and H.265 profile 0 / Main
/// before others.
std::optional<Selection> select(const Offer &offer, std::size_t media, const WishList &wishes);

/// What the selections are in a later offer of the same connection that restarts ICE and wants
/// nothing else: same session (RFC 8829, section 5.2.2), certificate, sections, payload types and
/// sources. Nothing, if it wants more.
std::optional<std::vector<Selection>> selectionsAfterRestart(const Offer &before,
                                                             std::span<const Selection> selections,
                                                             const Offer &now);

/// The offer that webrtcbin gets to see: the selected sections alone, in the offer's order, with
/// mids "0", "1", …, one codec and its rtx each, one BUNDLE group, sources, transport-cc and MID
/// extensions; one fingerprint a section, no candidate, no simulcast. Index i of `selections` is
/// m-line i.
std::string sanitisedOffer(const Offer &offer, std::span<const Selection> selections,
                           const Fingerprint &fingerprint);

/// The caps for webrtcbin's add-transceiver for one selection ("application/x-rtp, media=…"), as
/// gst_caps_from_string reads them: payload, encoding-name, clock-rate, extmap-N, rtcp-fb-….
std::string receiveCaps(const Offer &offer, const Selection &selection);

/// What webrtcbin's answer says of its transport.
struct LocalTransport {
  std::string iceUfrag, icePwd;
  Fingerprint fingerprint;
  std::string setup;  ///< "active" or "passive"
};
/// The error's code is 1011: it is no fault of the publisher.
Result<LocalTransport> readLocalTransport(std::string_view webrtcbinAnswer);

/// What the operator asks of the browser's encoder, bit/s; 0: nothing is said.
struct BitrateHints {
  unsigned start = 0, min = 0, max = 0;
};

/// The answer that the publisher gets: every section of the offer in its order with its mid;
/// selected ones recvonly with one codec, its rtx, transport-cc and MID extensions, nack, nack pli,
/// ccm fir, transport-cc; those that the offerer rejected, or that are outside the BUNDLE, with
/// port 0; all others inactive. The BUNDLE group keeps the offer's order. `candidates`
/// ("candidate:…") go into the section of the BUNDLE tag, with a=end-of-candidates when there are
/// any.
std::string buildAnswer(const Offer &offer, std::span<const Selection> selections,
                        const LocalTransport &transport, const BitrateHints &hints = {},
                        std::span<const std::string> candidates = {});

/// True if a candidate attribute ("candidate:…", with or without "a=") can be given to the ICE
/// agent: component 1, UDP, an IP address. What is legal but of no use here (empty, component 2,
/// TCP, `.local`, host names) and what cannot be read gives false.
bool isUsableCandidate(std::string_view candidate);

/// Reads a=fingerprint's value, "sha-256 AB:CD:…".
std::optional<Fingerprint> readFingerprint(std::string_view text);
/// True for "sha-256", "sha-384" and "sha-512", whose fingerprints can match a certificate.
bool isTrustedHash(std::string_view algorithm);

/// True if a DER certificate has one of these fingerprints (RFC 8122). Hashes that GLib does not
/// know, and SHA-1 or MD5, never match.
bool matchesFingerprint(std::span<const unsigned char> der, std::span<const Fingerprint> offered);

}  // namespace gws
