// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever an offer holds, what is rebuilt from it keeps to the rules.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <glib.h>

#include "offer.h"
#include "sdp.h"

using namespace gws;

namespace {

const Fingerprint kFingerprint = {"sha-256",
                                  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
                                  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"};
const LocalTransport kTransport = {"ufrag123", "password123456789012345", kFingerprint, "active"};

std::vector<Selection> selectFirst(const Offer &offer) {
  std::vector<Selection> selections;
  for (std::size_t i = 0; i < offer.media.size(); i++) {
    const OfferedMedia &media = offer.media[i];
    if (!media.receivable() || media.codecs.empty()) continue;
    auto selection = select(offer, i, {{media.codecs[0].codec, Form::Encoded}});
    g_assert_true(selection.has_value());
    selections.push_back(*selection);
  }
  return selections;
}

void checkSanitisedOffer(const Offer &offer, const std::vector<Selection> &selections) {
  const std::string text = sanitisedOffer(offer, selections, kFingerprint);
  Result<Offer> again = parseOffer(text);
  g_assert_true(again.ok());
  g_assert_cmpuint(again->media.size(), ==, selections.size());
  g_assert_cmpuint(again->bundle.size(), ==, selections.size());
  g_assert_true(again->iceUfrag == offer.iceUfrag && again->icePwd == offer.icePwd);
  g_assert_true(again->fingerprints == std::vector{kFingerprint});
  g_assert_true(again->candidates.empty());
  std::set<std::uint32_t> ssrcs;
  for (std::size_t i = 0; i < again->media.size(); i++) {
    const OfferedMedia &media = again->media[i];
    const OfferedCodec &wanted = offer.media[selections[i].media].codecs[selections[i].codec];
    g_assert_true(media.receivable() && media.mid == std::to_string(i));
    g_assert_cmpuint(media.codecs.size(), ==, 1);
    g_assert_true(media.codecs[0].codec == wanted.codec);
    g_assert_true(media.codecs[0].rtxPayload == wanted.rtxPayload);
    g_assert_cmpuint(media.sources.size(), <=, 1);
    for (const OfferedSource &source : media.sources) {
      g_assert_true(ssrcs.insert(source.ssrc).second);
      if (source.rtxSsrc) g_assert_true(ssrcs.insert(*source.rtxSsrc).second);
    }
    const std::string caps = receiveCaps(offer, selections[i]);
    g_assert_true(caps.find("payload=(int)" + std::to_string(wanted.payload)) != std::string::npos);
  }
}

void checkAnswer(const Offer &offer, const std::vector<Selection> &selections) {
  const std::string candidate = "candidate:1 1 UDP 1 192.0.2.1 5000 typ host";
  const std::string text =
      buildAnswer(offer, selections, kTransport, {.start = 4'000'000, .min = 1, .max = 6'000'001},
                  std::vector{candidate});
  Result<SdpText> answer = splitSdp(text, OfferLimits().mediaSections);
  g_assert_true(answer.ok());
  g_assert_cmpuint(answer->media.size(), ==, offer.media.size());
  std::size_t received = 0, candidates = 0;
  for (std::size_t i = 0; i < answer->media.size(); i++) {
    const SdpSection &section = answer->media[i];
    const OfferedMedia &media = offer.media[i];
    g_assert_true(section.value("mid").value_or("") == media.mid);
    const bool refused = media.rejected || !media.bundled;
    g_assert_true(refused == (splitWords(section.mediaLine)[1] == "0"));
    g_assert_true(section.find("recvonly") != nullptr || section.find("inactive") != nullptr);
    g_assert_true(section.find("rid") == nullptr && section.find("simulcast") == nullptr);
    if (section.find("recvonly")) received++;
    if (section.find("candidate")) candidates++;
  }
  g_assert_cmpuint(received, ==, selections.size());
  g_assert_cmpuint(candidates, ==, 1);
  Result<LocalTransport> transport = readLocalTransport(text);
  g_assert_true(transport.ok());
  g_assert_true(transport->fingerprint == kFingerprint && transport->iceUfrag == "ufrag123");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  Result<Offer> offer = parseOffer(text);
  if (!offer) {
    g_assert_true(offer.error().code == 4400 || offer.error().code == 4413);
    g_assert_false(offer.error().detail.empty());
    (void)isUsableCandidate(text);
    (void)readFingerprint(text);
    return 0;
  }
  const std::vector<Selection> selections = selectFirst(*offer);
  if (!selections.empty()) checkSanitisedOffer(*offer, selections);
  checkAnswer(*offer, selections);
  return 0;
}
