// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads one m= section of an offer.
#include "offer_section.h"

#include <algorithm>
#include <array>
#include <span>

#include <glib.h>

#include "fmtp.h"
#include "text.h"

namespace gws {

namespace {

constexpr std::size_t kTokenBytes = 64;
constexpr std::size_t kFormats = 128;
constexpr std::size_t kSources = 8;

Error broken(std::string detail) { return {0, std::move(detail)}; }

/// What the a= lines of one section say of one payload type.
struct Payload {
  bool listed = false;  ///< in the m= line
  std::string_view encoding, fmtp;
  std::string_view name;  ///< of `encoding`
  unsigned clockRate = 0, channels = 0;
  bool nack = false, nackPli = false, ccmFir = false, transportCc = false;
};

/// Reads one m= section by itself; what depends on other sections comes later.
class SectionReader {
 public:
  SectionReader(const SdpSection &session, const SdpSection &section)
      : session_(session), section_(section) {}

  Result<OfferedMedia> read();

 private:
  Result<void> readMediaLine();
  Result<void> readNames();
  void readDirection();
  void readPayloads();
  void readRtpmap(std::string_view text);
  void readFeedback(std::string_view text);
  void readExtension(std::string_view text);
  void readCodecs();
  void readRtx();
  void readSources();
  void addSource(std::string_view text);
  void addPair(std::string_view text);
  OfferedSource *findSource(std::uint32_t ssrc);
  Payload *payloadOf(std::string_view &text);

  const SdpSection &session_;
  const SdpSection &section_;
  OfferedMedia media_;
  std::vector<unsigned> order_;  ///< payload types in the order of the m= line
  std::array<Payload, kPayloads> payloads_;
};

bool isProtocol(std::string_view text) {
  if (text.size() > kTokenBytes || text.ends_with('/')) return false;
  while (!text.empty())
    if (!isToken(takeUntil(text, '/'), kTokenBytes)) return false;
  return true;
}

OfferedMedia::Type mediaType(std::string_view name, std::string_view protocol) {
  using enum OfferedMedia::Type;
  if (name == "application" && protocol.find("SCTP") != std::string_view::npos) return Data;
  // RFC 8829, section 5.1.2: these are all the same to us.
  if (!protocol.ends_with("RTP/SAVPF")) return Other;
  return name == "audio" ? Audio : name == "video" ? Video : Other;
}

Result<void> SectionReader::readMediaLine() {
  std::vector<std::string_view> words = splitWords(section_.mediaLine);
  const auto fault = [this](const char *expected) {
    return broken("m=" + inQuotes(section_.mediaLine) + ": expected " + expected);
  };
  if (words.size() < 4) return fault("a medium, a port, a protocol and formats");
  if (words.size() - 3 > kFormats) return fault("at most 128 formats");
  std::string_view portText = words[1];
  std::optional<std::uint32_t> port = readNumber(takeUntil(portText, '/'), 65535);
  if (!port) return fault("a port of 0 to 65535");
  if (!isToken(words[0], kTokenBytes) || !isProtocol(words[2]))
    return fault("a medium and a protocol");
  media_.mediaName = words[0];
  media_.protocol = words[2];
  media_.type = mediaType(words[0], words[2]);
  media_.rejected = *port == 0 && !section_.find("bundle-only");
  for (std::string_view format : std::span(words).subspan(3)) {
    if (!isToken(format, kTokenBytes)) return fault("formats that are tokens");
    if (!media_.formats.empty()) media_.formats += ' ';
    media_.formats += format;
    std::optional<std::uint32_t> payload = readNumber(format, kPayloads - 1);
    if (!payload || payloads_[*payload].listed) continue;
    payloads_[*payload].listed = true;
    order_.push_back(*payload);
  }
  return {};
}

Result<void> SectionReader::readNames() {
  if (auto mid = section_.value("mid")) {
    if (!isToken(*mid, kTokenBytes))
      return broken("a=mid:" + inQuotes(*mid) + ": expected a token of at most 64 characters");
    media_.mid = *mid;
  }
  if (auto msid = section_.value("msid")) {
    std::vector<std::string_view> words = splitWords(*msid);
    const bool good = (words.size() == 1 || words.size() == 2) &&
                      std::all_of(words.begin(), words.end(),
                                  [](std::string_view word) { return isToken(word, kTokenBytes); });
    if (!good)
      return broken("a=msid:" + inQuotes(*msid) + ": expected tokens of at most 64 characters");
    media_.msid = words[0];
    if (words.size() == 2) (media_.msid += ' ') += words[1];
  }
  return {};
}

void SectionReader::readDirection() {
  for (const SdpSection *level : {&section_, &session_}) {
    for (const char *direction : {"inactive", "recvonly", "sendonly", "sendrecv"}) {
      if (!level->find(direction)) continue;
      media_.sends = std::string_view(direction).starts_with("send");
      return;
    }
  }
  media_.sends = true;  // RFC 8866, section 6.7: sendrecv is the default
}

/// The listed payload type that begins an attribute's value, which is taken off.
Payload *SectionReader::payloadOf(std::string_view &text) {
  std::optional<std::uint32_t> number = readNumber(takeUntil(text, ' '), kPayloads - 1);
  return number && payloads_[*number].listed ? &payloads_[*number] : nullptr;
}

void SectionReader::readRtpmap(std::string_view text) {
  Payload *payload = payloadOf(text);
  if (!payload || !payload->encoding.empty()) return;
  std::string_view rest = text;
  std::string_view name = takeUntil(rest, '/');
  std::optional<std::uint32_t> clockRate = readNumber(takeUntil(rest, '/'), 1'000'000);
  std::optional<std::uint32_t> channels = rest.empty() ? 0 : readNumber(rest, 64);
  if (!isToken(name, kTokenBytes) || !clockRate || !channels) return;
  payload->encoding = text;
  payload->name = name;
  payload->clockRate = *clockRate;
  payload->channels = *channels;
}

void SectionReader::readFeedback(std::string_view text) {
  const bool all = text.starts_with("* ");
  Payload *one = payloadOf(text);
  if (!all && !one) return;
  std::span<Payload> meant = all ? std::span<Payload>(payloads_) : std::span<Payload>(one, 1);
  for (Payload &payload : meant) {
    payload.nack = payload.nack || text == "nack";
    payload.nackPli = payload.nackPli || text == "nack pli";
    payload.ccmFir = payload.ccmFir || text == "ccm fir";
    payload.transportCc = payload.transportCc || text == "transport-cc";
  }
}

/// RFC 8285; ids above 14 would need two-byte headers.
void SectionReader::readExtension(std::string_view text) {
  std::vector<std::string_view> words = splitWords(text);
  if (words.size() < 2) return;
  std::string_view direction = words[0];
  std::optional<std::uint32_t> id = readNumber(takeUntil(direction, '/'), 14);
  if (!id || *id == 0 || direction == "recvonly" || direction == "inactive") return;
  if (words[1] == kTransportCcUri && media_.transportCcId == 0) media_.transportCcId = *id;
  if (words[1] == kMidUri && media_.midId == 0) media_.midId = *id;
}

void SectionReader::readPayloads() {
  for (const SdpAttribute &attribute : section_.attributes) {
    if (attribute.name == "rtpmap") readRtpmap(attribute.value);
    if (attribute.name == "rtcp-fb") readFeedback(attribute.value);
    if (attribute.name == "extmap") readExtension(attribute.value);
    if (attribute.name != "fmtp") continue;
    std::string_view text = attribute.value;
    Payload *payload = payloadOf(text);
    if (payload && payload->fmtp.empty()) payload->fmtp = text;
  }
  // RFC 3551: these need no rtpmap.
  readRtpmap("0 PCMU/8000");
  readRtpmap("8 PCMA/8000");
  readRtpmap("9 G722/8000");
}

void SectionReader::readCodecs() {
  for (unsigned number : order_) {
    const Payload &payload = payloads_[number];
    if (payload.encoding.empty()) continue;
    if (media_.fallbackRtpmap.empty())
      media_.fallbackRtpmap = std::to_string(number) + " " + std::string(payload.encoding);
    std::string name(payload.name);
    if (std::find(media_.offeredNames.begin(), media_.offeredNames.end(), name) ==
        media_.offeredNames.end())
      media_.offeredNames.push_back(name);
    const Codec *row =
        codecByRtpmap(media_.kind(), payload.name, payload.clockRate, payload.channels);
    // RFC 5761, section 4: with rtcp-mux, 64 to 95 are taken for RTCP.
    if (!row || (number >= 64 && number <= 95)) continue;
    std::string fmtp = checkedFmtp(row->id, payload.fmtp);
    if (row->id == CodecId::H264 && fmtpValue(fmtp, "packetization-mode") != "1") continue;
    media_.codecs.push_back({.codec = row->id,
                             .payload = number,
                             .rtpmap = std::string(payload.encoding),
                             .fmtp = std::move(fmtp),
                             .rtxPayload = std::nullopt,
                             .nack = payload.nack,
                             .nackPli = payload.nackPli,
                             .ccmFir = payload.ccmFir,
                             .transportCc = payload.transportCc});
  }
}

void SectionReader::readRtx() {
  for (unsigned number : order_) {
    const Payload &payload = payloads_[number];
    if (!equalIgnoringCase(payload.name, "rtx") || (number >= 64 && number <= 95)) continue;
    std::optional<std::uint32_t> apt =
        readNumber(fmtpValue(payload.fmtp, "apt").value_or(""), kPayloads - 1);
    for (OfferedCodec &offered : media_.codecs) {
      if (apt == offered.payload && !offered.rtxPayload &&
          payload.clockRate == codec(offered.codec).clockRate)
        offered.rtxPayload = number;
    }
  }
}

OfferedSource *SectionReader::findSource(std::uint32_t ssrc) {
  for (OfferedSource &source : media_.sources)
    if (source.ssrc == ssrc) return &source;
  return nullptr;
}

/// "1234 cname:x": any attribute makes the SSRC known.
void SectionReader::addSource(std::string_view text) {
  std::optional<std::uint32_t> ssrc = readNumber(takeUntil(text, ' '), G_MAXUINT32);
  if (!ssrc || *ssrc == 0) return;
  OfferedSource *source = findSource(*ssrc);
  if (!source) {
    if (media_.sources.size() == kSources) return;
    source = &media_.sources.emplace_back();
    source->ssrc = *ssrc;
  }
  if (takeUntil(text, ':') != "cname" || !source->cname.empty()) return;
  for (char c : text.substr(0, kTokenBytes))
    source->cname += isToken({&c, 1}, 1) ? c : '-';
}

/// "FID 1 2": both must have been named, and each belongs to one pair.
void SectionReader::addPair(std::string_view text) {
  std::vector<std::string_view> words = splitWords(text);
  if (words.size() != 3 || words[0] != "FID") return;
  std::optional<std::uint32_t> first = readNumber(words[1], G_MAXUINT32);
  std::optional<std::uint32_t> second = readNumber(words[2], G_MAXUINT32);
  if (!first || !second || first == second) return;
  OfferedSource *main = findSource(*first);
  OfferedSource *rtx = findSource(*second);
  if (!main || !rtx || main->rtxSsrc || rtx->rtxSsrc) return;
  main->rtxSsrc = *second;
  media_.sources.erase(media_.sources.begin() + (rtx - media_.sources.data()));
}

void SectionReader::readSources() {
  if (section_.find("simulcast") || section_.find("rid")) return;
  for (const SdpAttribute &attribute : section_.attributes)
    if (attribute.name == "ssrc") addSource(attribute.value);
  for (const SdpAttribute &attribute : section_.attributes)
    if (attribute.name == "ssrc-group") addPair(attribute.value);
  std::stable_partition(media_.sources.begin(), media_.sources.end(),
                        [](const OfferedSource &source) { return source.rtxSsrc.has_value(); });
}

Result<OfferedMedia> SectionReader::read() {
  if (auto line = readMediaLine(); !line) return line.error();
  if (auto names = readNames(); !names) return names.error();
  readDirection();
  media_.reducedRtcp = section_.find("rtcp-rsize") != nullptr;
  if (media_.type == OfferedMedia::Type::Audio || media_.type == OfferedMedia::Type::Video) {
    readPayloads();
    readCodecs();
    readRtx();
    readSources();
  }
  return std::move(media_);
}

}  // namespace

Result<OfferedMedia> readSection(const SdpSection &session, const SdpSection &section) {
  return SectionReader(session, section).read();
}

}  // namespace gws
