// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads offers, chooses codecs, and checks candidates and fingerprints.
#include "offer.h"

#include <algorithm>
#include <array>
#include <set>

#include <glib.h>

#include "fmtp.h"
#include "offer_section.h"
#include "sdp.h"
#include "text.h"

namespace gws {

namespace {

constexpr int kBroken = 4400;
constexpr int kTooLarge = 4413;
constexpr std::size_t kTokenBytes = 64;
constexpr std::size_t kFingerprints = 8;
constexpr std::size_t kCandidateBytes = 512;

Error broken(std::string detail) { return {kBroken, std::move(detail)}; }

OfferedMedia *findMid(Offer &offer, std::string_view mid) {
  for (OfferedMedia &media : offer.media)
    if (media.mid == mid) return &media;
  return nullptr;
}

Result<void> checkMids(const Offer &offer) {
  if (offer.media.size() == 1) return {};
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < offer.media.size(); i++) {
    const std::string &mid = offer.media[i].mid;
    if (mid.empty())
      return broken("m= section " + std::to_string(i) + " has no a=mid, expected one in each");
    if (!seen.insert(mid).second)
      return broken("a=mid:" + inQuotes(mid) + " is there twice, expected different ones");
  }
  return {};
}

/// RFC 8843: the first BUNDLE group; a section alone needs none.
Result<void> readBundle(Offer &offer, const SdpSection &session) {
  std::vector<std::string_view> words;
  for (const SdpAttribute &attribute : session.attributes) {
    if (attribute.name != "group" || !words.empty()) continue;
    words = splitWords(attribute.value);
    if (words.size() < 2 || words[0] != "BUNDLE") words.clear();
  }
  for (std::size_t i = 1; i < words.size(); i++) {
    OfferedMedia *media = findMid(offer, words[i]);
    if (!media)
      return broken("a=group:BUNDLE names the mid " + inQuotes(words[i]) +
                    ", but no m= section has it");
    if (media->bundled)
      return broken("a=group:BUNDLE names the mid " + inQuotes(words[i]) + " twice");
    media->bundled = true;
    offer.bundle.emplace_back(words[i]);
  }
  if (offer.media.size() == 1) offer.media[0].bundled = true;
  return {};
}

Result<void> readFingerprints(Offer &offer, const SdpSection &level) {
  for (const SdpAttribute &attribute : level.attributes) {
    if (attribute.name != "fingerprint") continue;
    std::optional<Fingerprint> fingerprint = readFingerprint(attribute.value);
    if (!fingerprint)
      return broken("a=fingerprint:" + inQuotes(attribute.value) +
                    ": expected a hash's name and its bytes in hexadecimal with colons");
    if (isTrustedHash(fingerprint->algorithm) && offer.fingerprints.size() < kFingerprints)
      offer.fingerprints.push_back(std::move(*fingerprint));
  }
  return {};
}

Result<void> readTransport(Offer &offer, const SdpSection &session, const SdpSection &section,
                           const OfferLimits &limits) {
  const auto valueOf = [&](const char *name) {
    return std::string(section.value(name).value_or(session.value(name).value_or("")));
  };
  offer.iceUfrag = valueOf("ice-ufrag");
  if (!isIceText(offer.iceUfrag, 4, 256))
    return broken("a=ice-ufrag is missing or wrong, expected 4 to 256 letters, digits, + or /");
  offer.icePwd = valueOf("ice-pwd");
  if (!isIceText(offer.icePwd, 22, 256))
    return broken("a=ice-pwd is missing or wrong, expected 22 to 256 letters, digits, + or /");
  const bool own = section.find("fingerprint");
  if (auto read = readFingerprints(offer, own ? section : session); !read) return read.error();
  if (offer.fingerprints.empty())
    return broken("a=fingerprint is missing, expected sha-256, sha-384 or sha-512");
  offer.setup = valueOf("setup");
  if (offer.setup.empty()) offer.setup = "actpass";
  if (offer.setup != "actpass" && offer.setup != "active" && offer.setup != "passive")
    return broken("a=setup:" + inQuotes(offer.setup) + ": expected actpass, active or passive");
  for (const SdpAttribute &attribute : section.attributes) {
    std::string candidate = "candidate:" + std::string(attribute.value);
    if (attribute.name == "candidate" && isUsableCandidate(candidate) &&
        offer.candidates.size() < limits.candidates)
      offer.candidates.push_back(std::move(candidate));
  }
  return {};
}

/// The section whose transport all others use.
const OfferedMedia *transportMedia(Offer &offer) {
  if (offer.bundle.empty()) {
    const bool alone = offer.media.size() == 1 && !offer.media[0].rejected;
    return alone ? &offer.media[0] : nullptr;
  }
  for (const std::string &mid : offer.bundle)
    if (OfferedMedia *media = findMid(offer, mid); !media->rejected) return media;
  return nullptr;
}

/// Sections of one BUNDLE share SSRCs, payload types and extension ids (RFC 8843, sections 9 and
/// 10): who comes first keeps them.
class ConflictFilter {
 public:
  void apply(OfferedMedia &media) {
    dropExtensions(media);
    dropCodecs(media);
    dropSources(media);
  }

 private:
  void dropExtensions(OfferedMedia &media) {
    if (media.transportCcId == media.midId) media.midId = 0;
    claim(media.transportCcId, transportCcId_, midId_);
    claim(media.midId, midId_, transportCcId_);
  }
  static void claim(unsigned &id, unsigned &own, unsigned other) {
    if (id == 0) return;
    if (id == other || (own != 0 && id != own)) {
      id = 0;
      return;
    }
    own = id;
  }

  /// What a payload type stands for: a codec's place in the enumeration, times two, plus one for
  /// its retransmission.
  bool claimPayload(unsigned payload, CodecId id, bool rtx) {
    const int meaning = static_cast<int>(id) * 2 + (rtx ? 1 : 0) + 1;
    if (payloads_[payload] == 0) payloads_[payload] = meaning;
    return payloads_[payload] == meaning;
  }
  void dropCodecs(OfferedMedia &media) {
    std::erase_if(media.codecs, [this](const OfferedCodec &offered) {
      return !claimPayload(offered.payload, offered.codec, false);
    });
    for (OfferedCodec &offered : media.codecs)
      if (offered.rtxPayload && !claimPayload(*offered.rtxPayload, offered.codec, true))
        offered.rtxPayload.reset();
  }

  void dropSources(OfferedMedia &media) {
    std::erase_if(media.sources,
                  [this](const OfferedSource &source) { return ssrcs_.contains(source.ssrc); });
    for (OfferedSource &source : media.sources) {
      if (source.rtxSsrc && ssrcs_.contains(*source.rtxSsrc)) source.rtxSsrc.reset();
      ssrcs_.insert(source.ssrc);
      if (source.rtxSsrc) ssrcs_.insert(*source.rtxSsrc);
    }
  }

  unsigned transportCcId_ = 0, midId_ = 0;
  std::array<int, kPayloads> payloads_ = {};
  std::set<std::uint32_t> ssrcs_;
};

bool anyReceivable(const Offer &offer) {
  return std::any_of(offer.media.begin(), offer.media.end(),
                     [](const OfferedMedia &media) { return media.receivable(); });
}

}  // namespace

Result<Offer> parseOffer(std::string_view sdp, const OfferLimits &limits) {
  if (sdp.size() > limits.bytes)
    return Error{kTooLarge, "the SDP has " + std::to_string(sdp.size()) + " bytes, at most " +
                                std::to_string(limits.bytes) + " are taken"};
  Result<SdpText> text = splitSdp(sdp, limits.mediaSections);
  if (!text) return broken(text.error().detail);
  if (text->media.empty()) return broken("the SDP has no m= line, expected audio or video");

  Offer offer;
  const std::vector<std::string_view> origin = splitWords(text->origin);
  if (origin.size() >= 2) offer.sessionId = std::string(origin[0]) + ' ' + std::string(origin[1]);
  offer.extmapAllowMixed = text->session.find("extmap-allow-mixed");
  for (const SdpSection &section : text->media) {
    Result<OfferedMedia> media = readSection(text->session, section);
    if (!media) return broken(media.error().detail);
    offer.media.push_back(std::move(*media));
  }
  if (auto mids = checkMids(offer); !mids) return mids.error();
  if (auto bundle = readBundle(offer, text->session); !bundle) return bundle.error();
  if (!anyReceivable(offer))
    return broken(
        "nothing can be received, expected an audio or video section that sends, "
        "in the BUNDLE group");
  const OfferedMedia *transport = transportMedia(offer);
  const auto index = static_cast<std::size_t>(transport - offer.media.data());
  if (auto read = readTransport(offer, text->session, text->media[index], limits); !read)
    return read.error();
  ConflictFilter filter;
  for (OfferedMedia &media : offer.media)
    if (media.receivable()) filter.apply(media);
  return offer;
}

std::optional<Selection> select(const Offer &offer, std::size_t media, const WishList &wishes) {
  if (media >= offer.media.size() || !offer.media[media].receivable()) return std::nullopt;
  const std::vector<OfferedCodec> &codecs = offer.media[media].codecs;
  for (const Wish &wish : wishes) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < codecs.size(); i++) {
      if (codecs[i].codec != wish.codec) continue;
      if (!best || fmtpRank(wish.codec, codecs[i].fmtp) < fmtpRank(wish.codec, codecs[*best].fmtp))
        best = i;
    }
    if (best) return Selection{media, *best, wish.form};
  }
  return std::nullopt;
}

/// "raddr 10.0.0.1 rport 9 generation 0 …": pairs, of which the first two are checked.
static bool isCandidateTail(std::span<const std::string_view> words) {
  if (words.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i] == "raddr" && !g_hostname_is_ip_address(std::string(words[i + 1]).c_str()))
      return false;
    if (words[i] == "rport" && !readNumber(words[i + 1], 65535)) return false;
  }
  return true;
}

static bool isUsableAddress(std::string_view text) {
  if (text.size() > kTokenBytes || text.find('%') != std::string_view::npos) return false;
  return text != "0.0.0.0" && text != "::" && g_hostname_is_ip_address(std::string(text).c_str());
}

// RFC 8839, section 5.1: foundation, component, transport, priority, address, port, typ, type.
bool isUsableCandidate(std::string_view candidate) {
  if (candidate.starts_with("a=")) candidate.remove_prefix(2);
  if (!candidate.starts_with("candidate:") || candidate.size() > kCandidateBytes) return false;
  const bool printableAscii =
      std::all_of(candidate.begin(), candidate.end(), [](char c) { return g_ascii_isprint(c); });
  if (!printableAscii) return false;
  candidate.remove_prefix(std::string_view("candidate:").size());
  std::vector<std::string_view> words = splitWords(candidate);
  if (words.size() < 8 || !isIceText(words[0], 1, 32) || words[1] != "1") return false;
  if (!equalIgnoringCase(words[2], "udp") || !readNumber(words[3], G_MAXINT32)) return false;
  if (!isUsableAddress(words[4]) || readNumber(words[5], 65535).value_or(0) == 0) return false;
  const bool knownType =
      words[7] == "host" || words[7] == "srflx" || words[7] == "prflx" || words[7] == "relay";
  return words[6] == "typ" && knownType && isCandidateTail(std::span(words).subspan(8));
}

static std::optional<GChecksumType> checksumType(std::string_view algorithm) {
  if (algorithm == "sha-256") return G_CHECKSUM_SHA256;
  if (algorithm == "sha-384") return G_CHECKSUM_SHA384;
  if (algorithm == "sha-512") return G_CHECKSUM_SHA512;
  return std::nullopt;
}

bool isTrustedHash(std::string_view algorithm) { return checksumType(algorithm).has_value(); }

/// "sha-256 AB:CD:…"; of the hashes that we know also the length is checked.
std::optional<Fingerprint> readFingerprint(std::string_view text) {
  std::vector<std::string_view> words = splitWords(text);
  if (words.size() != 2 || !isToken(words[0], kTokenBytes)) return std::nullopt;
  Fingerprint fingerprint{lowerCase(words[0]), std::string(words[1])};
  for (std::size_t i = 0; i < fingerprint.value.size(); i++) {
    char &c = fingerprint.value[i];
    c = g_ascii_toupper(c);
    if (i % 3 == 2 ? c != ':' : !g_ascii_isxdigit(c)) return std::nullopt;
  }
  if (fingerprint.value.size() % 3 != 2) return std::nullopt;
  std::optional<GChecksumType> type = checksumType(fingerprint.algorithm);
  const auto bytes = static_cast<gssize>((fingerprint.value.size() + 1) / 3);
  if (type ? bytes != g_checksum_type_get_length(*type) : bytes > 128) return std::nullopt;
  return fingerprint;
}

static std::string certificateHash(std::span<const unsigned char> der, GChecksumType type) {
  g_autofree char *hex = g_compute_checksum_for_data(type, der.data(), der.size());
  std::string value;
  for (std::size_t i = 0; hex[i]; i++) {
    if (i > 0 && i % 2 == 0) value += ':';
    value += g_ascii_toupper(hex[i]);
  }
  return value;
}

bool matchesFingerprint(std::span<const unsigned char> der, std::span<const Fingerprint> offered) {
  if (der.empty()) return false;
  return std::any_of(offered.begin(), offered.end(), [der](const Fingerprint &fingerprint) {
    std::optional<GChecksumType> type = checksumType(lowerCase(fingerprint.algorithm));
    return type && equalIgnoringCase(fingerprint.value, certificateHash(der, *type));
  });
}

static bool isSameSection(const OfferedMedia &before, const OfferedMedia &now) {
  if (before.type != now.type || before.mid != now.mid || before.receivable() != now.receivable())
    return false;
  if (before.transportCcId != now.transportCcId || before.midId != now.midId) return false;
  return before.sources.empty() || now.sources.empty() ||
         before.sources.front().ssrc == now.sources.front().ssrc;
}

std::optional<std::vector<Selection>> selectionsAfterRestart(const Offer &before,
                                                             std::span<const Selection> selections,
                                                             const Offer &now) {
  // A page may use one certificate for all its connections, but each has a session of its own.
  if (before.sessionId.empty() || before.sessionId != now.sessionId) return std::nullopt;
  if (before.iceUfrag == now.iceUfrag || before.fingerprints != now.fingerprints ||
      before.media.size() != now.media.size())
    return std::nullopt;
  for (std::size_t i = 0; i < now.media.size(); i++)
    if (!isSameSection(before.media[i], now.media[i])) return std::nullopt;
  std::vector<Selection> result(selections.begin(), selections.end());
  for (Selection &selection : result) {
    const OfferedCodec &wanted = before.media[selection.media].codecs[selection.codec];
    const auto &codecs = now.media[selection.media].codecs;
    const auto found = std::find_if(codecs.begin(), codecs.end(), [&](const OfferedCodec &one) {
      return one.codec == wanted.codec && one.payload == wanted.payload &&
             one.rtxPayload == wanted.rtxPayload;
    });
    if (found == codecs.end()) return std::nullopt;
    selection.codec = static_cast<std::size_t>(found - codecs.begin());
  }
  return result;
}

}  // namespace gws
