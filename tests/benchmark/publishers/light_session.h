// SPDX-License-Identifier: LGPL-2.1-or-later
// Offer and answer of a publisher that has no webrtcbin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dtls_peer.h"
#include "ext/webrtcserver/ice_table.h"
#include "ext/webrtcserver/offer.h"

namespace gws::benchmark {

/// An m-line's RTP: `rtxSsrc` 0 is none.
struct StreamIds {
  char mid;
  unsigned payloadType, rtxPayloadType;
  std::uint32_t ssrc, rtxSsrc;
};

/// Ids of header extensions (RFC 8285).
inline constexpr unsigned kTransportCcId = 3, kMidId = 4;

/// What an offer says, and what was agreed on.
struct LightOffer {
  StreamIds audio, video;
  IceKeys ice;
  Fingerprint fingerprint;
  unsigned port = 0;  ///< of the only candidate, on 127.0.0.1

  /// As Chromium offers a microphone and a camera, with H.264 and Opus alone.
  std::string text() const;
};

/// What is used of an answer.
struct LightAnswer {
  IceKeys ice;
  DtlsRole role = DtlsRole::Server;  ///< of who made the offer
};
std::optional<LightAnswer> readAnswer(const std::string &sdp);

/// The port of a candidate for UDP on 127.0.0.1 ("candidate:…"), or of the first such in an SDP;
/// 0: none.
unsigned candidatePort(const std::string &text);

}  // namespace gws::benchmark
