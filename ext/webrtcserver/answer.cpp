// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes what webrtcbin and the publisher get to see.
#include "offer.h"

#include <glib.h>

#include "fmtp.h"
#include "sdp.h"

namespace gws {

namespace {

constexpr int kInternalError = 1011;
constexpr std::size_t kMaxMedia = 64;

/// Puts lines together; numbers are written as text.
class SdpWriter {
 public:
  template <typename... Parts>
  void line(const Parts &...parts) {
    (append(parts), ...);
    text_ += "\r\n";
  }
  std::string take() { return std::move(text_); }

 private:
  void append(std::string_view part) { text_ += part; }
  void append(unsigned number) { text_ += std::to_string(number); }

  std::string text_;
};

const OfferedMedia &mediaOf(const Offer &offer, const Selection &selection) {
  g_assert(selection.media < offer.media.size());
  return offer.media[selection.media];
}

const OfferedCodec &codecOf(const Offer &offer, const Selection &selection) {
  const OfferedMedia &media = mediaOf(offer, selection);
  g_assert(selection.codec < media.codecs.size());
  return media.codecs[selection.codec];
}

void writeSession(SdpWriter &writer, unsigned sessionId) {
  writer.line("v=0");
  writer.line("o=- ", sessionId, " 1 IN IP4 127.0.0.1");
  writer.line("s=-");
  writer.line("t=0 0");
}

void writeCredentials(SdpWriter &writer, std::string_view ufrag, std::string_view pwd) {
  writer.line("a=ice-ufrag:", ufrag);
  writer.line("a=ice-pwd:", pwd);
}

void writeTransport(SdpWriter &writer, const Fingerprint &fingerprint, std::string_view setup) {
  writer.line("a=ice-options:trickle");
  writer.line("a=fingerprint:", fingerprint.algorithm, " ", fingerprint.value);
  writer.line("a=setup:", setup);
}

std::string formatsOf(const OfferedCodec &offered) {
  std::string formats = std::to_string(offered.payload);
  if (offered.rtxPayload) formats += " " + std::to_string(*offered.rtxPayload);
  return formats;
}

/// One codec with its feedback, parameters and retransmission.
void writeCodec(SdpWriter &writer, const OfferedCodec &offered, std::string_view fmtp) {
  const unsigned payload = offered.payload;
  writer.line("a=rtpmap:", payload, " ", offered.rtpmap);
  if (offered.transportCc) writer.line("a=rtcp-fb:", payload, " transport-cc");
  if (offered.ccmFir) writer.line("a=rtcp-fb:", payload, " ccm fir");
  if (offered.nack) writer.line("a=rtcp-fb:", payload, " nack");
  if (offered.nackPli) writer.line("a=rtcp-fb:", payload, " nack pli");
  if (!fmtp.empty()) writer.line("a=fmtp:", payload, " ", fmtp);
  if (!offered.rtxPayload) return;
  writer.line("a=rtpmap:", *offered.rtxPayload, " rtx/", codec(offered.codec).clockRate);
  writer.line("a=fmtp:", *offered.rtxPayload, " apt=", payload);
}

void writeExtensions(SdpWriter &writer, const OfferedMedia &media) {
  if (media.transportCcId) writer.line("a=extmap:", media.transportCcId, " ", kTransportCcUri);
  if (media.midId) writer.line("a=extmap:", media.midId, " ", kMidUri);
}

void writeSource(SdpWriter &writer, const OfferedSource &source, bool withRtx) {
  const std::string cname = source.cname.empty() ? "-" : source.cname;
  const bool pair = withRtx && source.rtxSsrc;
  if (pair) writer.line("a=ssrc-group:FID ", source.ssrc, " ", *source.rtxSsrc);
  writer.line("a=ssrc:", source.ssrc, " cname:", cname);
  if (pair) writer.line("a=ssrc:", *source.rtxSsrc, " cname:", cname);
}

std::string bundleLine(std::span<const std::string> mids) {
  std::string line = "a=group:BUNDLE";
  for (const std::string &mid : mids)
    line += " " + mid;
  return line;
}

unsigned toKbit(unsigned bitrate) { return bitrate / 1000 + (bitrate % 1000 ? 1 : 0); }

/// What we, the receiver, ask of the sender. For Opus the offer speaks of what the publisher would
/// like to receive: stereo and FEC are taken as what it can send, its own limits are not echoed.
std::string answerFmtp(const OfferedCodec &offered, const BitrateHints &hints) {
  std::string fmtp;
  const auto add = [&fmtp](const std::string &parameter) {
    if (!fmtp.empty()) fmtp += ';';
    fmtp += parameter;
  };
  if (offered.codec == CodecId::Opus) {
    const auto offers = [&offered](const char *name) {
      return fmtpValue(offered.fmtp, name) == "1";
    };
    if (auto minptime = fmtpValue(offered.fmtp, "minptime"))
      add("minptime=" + std::string(*minptime));
    if (offers("stereo") || offers("sprop-stereo")) add("stereo=1");
    if (offers("useinbandfec")) add("useinbandfec=1");
    return fmtp;
  }
  fmtp = offered.fmtp;
  if (codec(offered.codec).kind != MediaKind::Video) return fmtp;
  if (hints.start) add("x-google-start-bitrate=" + std::to_string(toKbit(hints.start)));
  if (hints.min) add("x-google-min-bitrate=" + std::to_string(toKbit(hints.min)));
  if (hints.max) add("x-google-max-bitrate=" + std::to_string(toKbit(hints.max)));
  return fmtp;
}

/// Writes the answer, section by section.
class AnswerWriter {
 public:
  AnswerWriter(const Offer &offer, std::span<const Selection> selections,
               const LocalTransport &transport, const BitrateHints &hints,
               std::span<const std::string> candidates)
      : offer_(offer),
        selections_(selections),
        transport_(transport),
        hints_(hints),
        candidates_(candidates) {}

  std::string write();

 private:
  static bool isAccepted(const OfferedMedia &media) { return media.bundled && !media.rejected; }
  const Selection *selectionOf(std::size_t index) const;
  std::vector<std::string> acceptedMids() const;
  void writeSection(std::size_t index, bool tag);
  void writeReceived(const OfferedMedia &media, const OfferedCodec &offered);
  void writeInactive(const OfferedMedia &media);
  void writeOpening(const OfferedMedia &media, std::string_view formats, unsigned maxBitrate);
  void writeCandidates();

  const Offer &offer_;
  std::span<const Selection> selections_;
  const LocalTransport &transport_;
  const BitrateHints &hints_;
  std::span<const std::string> candidates_;
  SdpWriter writer_;
};

const Selection *AnswerWriter::selectionOf(std::size_t index) const {
  for (const Selection &selection : selections_)
    if (selection.media == index) return &selection;
  return nullptr;
}

std::vector<std::string> AnswerWriter::acceptedMids() const {
  std::vector<std::string> mids;
  for (const std::string &mid : offer_.bundle) {
    for (const OfferedMedia &media : offer_.media)
      if (media.mid == mid && isAccepted(media)) mids.push_back(mid);
  }
  return mids;
}

/// The m= line and what belongs to the transport and the section as such.
void AnswerWriter::writeOpening(const OfferedMedia &media, std::string_view formats,
                                unsigned maxBitrate) {
  const bool accepted = isAccepted(media);
  writer_.line("m=", media.mediaName, accepted ? " 9 " : " 0 ", media.protocol, " ", formats);
  writer_.line("c=IN IP4 0.0.0.0");
  if (maxBitrate) {
    writer_.line("b=AS:", toKbit(maxBitrate));
    writer_.line("b=TIAS:", maxBitrate);
  }
  const bool rtp = media.protocol.ends_with("RTP/SAVPF");
  if (rtp && accepted) writer_.line("a=rtcp:9 IN IP4 0.0.0.0");
  if (!media.mid.empty()) writer_.line("a=mid:", media.mid);
  if (!accepted) return;
  writeCredentials(writer_, transport_.iceUfrag, transport_.icePwd);
  writeTransport(writer_, transport_.fingerprint, transport_.setup);
  if (!rtp) return;
  writer_.line("a=rtcp-mux");
  writer_.line("a=rtcp-mux-only");  // RFC 9725, section 4.4.1
  if (media.reducedRtcp) writer_.line("a=rtcp-rsize");
}

void AnswerWriter::writeReceived(const OfferedMedia &media, const OfferedCodec &offered) {
  writeOpening(media, formatsOf(offered), media.type == OfferedMedia::Type::Video ? hints_.max : 0);
  writer_.line("a=recvonly");
  writeExtensions(writer_, media);
  writeCodec(writer_, offered, answerFmtp(offered, hints_));
}

/// Browsers want a codec that they know even where nothing flows.
void AnswerWriter::writeInactive(const OfferedMedia &media) {
  const bool named = !media.codecs.empty() || !media.fallbackRtpmap.empty();
  std::string format = media.formats;
  if (!media.codecs.empty())
    format = std::to_string(media.codecs[0].payload);
  else if (named)
    format = media.fallbackRtpmap.substr(0, media.fallbackRtpmap.find(' '));
  writeOpening(media, format, 0);
  writer_.line("a=inactive");
  if (!media.codecs.empty()) {
    const OfferedCodec &first = media.codecs[0];
    writer_.line("a=rtpmap:", first.payload, " ", first.rtpmap);
    if (!first.fmtp.empty()) writer_.line("a=fmtp:", first.payload, " ", first.fmtp);
  } else if (named) {
    writer_.line("a=rtpmap:", media.fallbackRtpmap);
  }
  // RFC 8841, section 5: the older form names its port in the m= line.
  if (media.type == OfferedMedia::Type::Data && media.formats == "webrtc-datachannel")
    writer_.line("a=sctp-port:5000");
}

void AnswerWriter::writeCandidates() {
  for (const std::string &candidate : candidates_)
    writer_.line("a=", candidate);
  if (!candidates_.empty()) writer_.line("a=end-of-candidates");
}

void AnswerWriter::writeSection(std::size_t index, bool tag) {
  const OfferedMedia &media = offer_.media[index];
  const Selection *selection = selectionOf(index);
  if (selection && media.receivable())
    writeReceived(media, codecOf(offer_, *selection));
  else
    writeInactive(media);
  if (tag) writeCandidates();
}

std::string AnswerWriter::write() {
  writeSession(writer_, g_str_hash(transport_.iceUfrag.c_str()));
  std::vector<std::string> mids = acceptedMids();
  if (!mids.empty()) writer_.line(bundleLine(mids));
  if (offer_.extmapAllowMixed) writer_.line("a=extmap-allow-mixed");
  for (std::size_t i = 0; i < offer_.media.size(); i++) {
    const bool alone = offer_.media.size() == 1;
    writeSection(i, alone || (!mids.empty() && offer_.media[i].mid == mids[0]));
  }
  return writer_.take();
}

}  // namespace

std::string sanitisedOffer(const Offer &offer, std::span<const Selection> selections,
                           const Fingerprint &fingerprint) {
  SdpWriter writer;
  std::vector<std::string> mids;
  for (std::size_t i = 0; i < selections.size(); i++)
    mids.push_back(std::to_string(i));
  writeSession(writer, 1);
  writer.line(bundleLine(mids));
  // For the session: what a section has, webrtcbin 1.26 puts into the caps of its pads.
  writeCredentials(writer, offer.iceUfrag, offer.icePwd);
  for (std::size_t i = 0; i < selections.size(); i++) {
    const OfferedMedia &media = mediaOf(offer, selections[i]);
    const OfferedCodec &offered = codecOf(offer, selections[i]);
    writer.line("m=", kindName(media.kind()), " 9 UDP/TLS/RTP/SAVPF ", formatsOf(offered));
    writer.line("c=IN IP4 0.0.0.0");
    writer.line("a=mid:", mids[i]);
    writeTransport(writer, fingerprint, offer.setup);
    writer.line("a=rtcp-mux");
    writer.line("a=sendonly");
    writeExtensions(writer, media);
    writeCodec(writer, offered, offered.fmtp);
    if (!media.sources.empty())
      writeSource(writer, media.sources[0], offered.rtxPayload.has_value());
  }
  return writer.take();
}

// The fields and their types are those that webrtcbin makes of the sanitised offer's section: it
// takes the first transceiver whose caps intersect.
std::string receiveCaps(const Offer &offer, const Selection &selection) {
  const OfferedMedia &media = mediaOf(offer, selection);
  const OfferedCodec &offered = codecOf(offer, selection);
  const Codec &row = codec(offered.codec);
  std::string caps = std::string("application/x-rtp, media=(string)") + kindName(media.kind()) +
                     ", payload=(int)" + std::to_string(offered.payload) +
                     ", encoding-name=(string)" + row.encodingName + ", clock-rate=(int)" +
                     std::to_string(row.clockRate);
  const auto addExtension = [&caps](unsigned id, const char *uri) {
    if (id) caps += ", extmap-" + std::to_string(id) + "=(string)\"" + uri + "\"";
  };
  addExtension(media.transportCcId, kTransportCcUri);
  addExtension(media.midId, kMidUri);
  const auto addFeedback = [&caps](bool offers, const char *name) {
    if (offers) caps += std::string(", rtcp-fb-") + name + "=(boolean)true";
  };
  addFeedback(offered.nack, "nack");
  addFeedback(offered.nackPli, "nack-pli");
  addFeedback(offered.ccmFir, "ccm-fir");
  addFeedback(offered.transportCc, "transport-cc");
  return caps;
}

std::string buildAnswer(const Offer &offer, std::span<const Selection> selections,
                        const LocalTransport &transport, const BitrateHints &hints,
                        std::span<const std::string> candidates) {
  return AnswerWriter(offer, selections, transport, hints, candidates).write();
}

Result<LocalTransport> readLocalTransport(std::string_view webrtcbinAnswer) {
  const auto fault = [](const std::string &detail) {
    return Error{kInternalError, "webrtcbin's answer: " + detail};
  };
  Result<SdpText> text = splitSdp(webrtcbinAnswer, kMaxMedia);
  if (!text) return fault(text.error().detail);
  for (const SdpSection &section : text->media) {
    if (!section.find("ice-ufrag")) continue;
    const auto valueOf = [&](const char *name) {
      return std::string(section.value(name).value_or(text->session.value(name).value_or("")));
    };
    LocalTransport transport{valueOf("ice-ufrag"), valueOf("ice-pwd"), {}, valueOf("setup")};
    if (!isIceText(transport.iceUfrag, 4, 256) || !isIceText(transport.icePwd, 22, 256))
      return fault("a=ice-ufrag or a=ice-pwd is missing or wrong");
    std::optional<Fingerprint> fingerprint = readFingerprint(valueOf("fingerprint"));
    if (!fingerprint) return fault("a=fingerprint is missing or wrong");
    if (transport.setup != "active" && transport.setup != "passive")
      return fault("a=setup is missing or wrong, expected active or passive");
    transport.fingerprint = std::move(*fingerprint);
    return transport;
  }
  return fault("no section has a=ice-ufrag");
}

}  // namespace gws
