// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers that bring webrtcbin down, made from good ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gws::test {

enum class OfferFate { Refused, Answered, Either };

struct HostileOffer {
  const char *name;
  /// From an offer of a PublishClient: video with the mid 0, audio with the mid 1.
  std::function<std::string(const std::string &)> make;
  OfferFate fate = OfferFate::Either;  ///< what the server does with it
};
const std::vector<HostileOffer> &hostileOffers();

/// The reverse of sdpSections().
std::string joinSections(const std::vector<std::string> &sections);
/// Every line that begins so is taken out.
std::string withoutLines(const std::string &sdp, const std::string &begin);
/// With a data channel as the first section.
std::string dataFirst(const std::string &sdp);

}  // namespace gws::test
