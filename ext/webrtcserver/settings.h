// SPDX-License-Identifier: LGPL-2.1-or-later
// What the element's properties hold, and the table that they are made from.
#pragma once

#include <glib-object.h>

#include <string>
#include <vector>

#include "codecs.h"
#include "gst/common/result.h"

namespace gws {

enum class Output { Auto, Encoded, Raw, Rtp };
enum class IceAgent { SinglePort, Libnice };
enum class IceTransportPolicy { All, Relay };
/// What a second publisher of a live stream meets.
enum class DuplicatePolicy { Reject, Replace };

/// One value for each writable property; a started element works with a snapshot.
struct Settings {
  std::string address = "127.0.0.1";
  unsigned port = 8080;
  std::string certificateFile;
  std::string privateKeyFile;
  std::string allowedOrigins;
  std::string trustedProxies;
  unsigned maxConnectionsPerAddress = 256;
  unsigned maxRequestsPerSecond = 100;
  unsigned requestTimeoutMs = 10'000;

  std::string streams;
  std::string token;
  std::string authUrl;
  DuplicatePolicy duplicatePolicy = DuplicatePolicy::Reject;
  unsigned maxPublishers = 100;
  unsigned maxMessageBytes = 256 * 1024;
  unsigned maxOfferBytes = 128 * 1024;
  unsigned maxMediaSections = 16;
  unsigned maxCandidates = 64;

  Output output = Output::Auto;
  std::string videoCodecs = "h264,vp8,vp9,h265,av1";
  std::string audioCodecs = "opus,g722,pcmu,pcma";
  unsigned latencyMs = 200;
  bool addReferenceTimestampMeta = false;
  bool doRetransmission = true;
  unsigned maxBitrate = 0;
  unsigned minBitrate = 0;
  unsigned startBitrate = 1'000'000;
  unsigned keyframeIntervalMs = 0;

  int reconnectTimeoutMs = 5000;
  unsigned negotiationTimeoutMs = 10'000;
  unsigned inactivityTimeoutMs = 10'000;
  unsigned statsIntervalMs = 0;

  IceAgent iceAgent = IceAgent::SinglePort;
  int udpPort = -1;
  int networkThreads = 1;
  bool iceTcp = true;
  int tcpPort = -1;
  std::string localAddresses;
  std::string externalAddresses;  ///< of a started element: IP addresses alone
  IceTransportPolicy iceTransportPolicy = IceTransportPolicy::All;
  unsigned minRtpPort = 0;
  unsigned maxRtpPort = 0;
  std::string stunServer;
  std::string turnServers;
};

/// "a, b,c" as its trimmed, non-empty parts.
std::vector<std::string> splitList(const std::string &text);

/// The codecs that `video-codecs` or `audio-codecs` names, in its order. The error names the word
/// that is not a codec of that kind.
Result<std::vector<CodecId>> parseCodecList(const std::string &text, MediaKind kind);

/// Checks what a property's type cannot; called when the element starts.
Result<void> checkSettings(const Settings &settings);

/// Installs the writable properties, with ids from 1. `firstFree` is the next id.
void installSettings(GObjectClass *objectClass, guint *firstFree);
/// False when the id is not one of theirs.
bool setSetting(Settings &settings, guint id, const GValue *value);
bool getSetting(const Settings &settings, guint id, GValue *value);

}  // namespace gws
