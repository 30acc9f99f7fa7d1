// SPDX-License-Identifier: LGPL-2.1-or-later
// The property table: one row each; defaults come from a default Settings.
#include "settings.h"

#include <gst/gst.h>

#include <variant>

#include "access.h"
#include "authorizer.h"
#include "gst/common/glib_owned.h"
#include "ice_servers.h"

namespace gws {

static GType outputType() {
  static const GEnumValue values[] = {
      {static_cast<int>(Output::Auto), "What the peer of the pad accepts, encoded first", "auto"},
      {static_cast<int>(Output::Encoded), "Encoded frames", "encoded"},
      {static_cast<int>(Output::Raw), "Decoded pictures and samples", "raw"},
      {static_cast<int>(Output::Rtp), "RTP packets", "rtp"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstWebRTCPublishSrcOutput", values);
  return type;
}

static GType duplicatePolicyType() {
  static const GEnumValue values[] = {
      {static_cast<int>(DuplicatePolicy::Reject),
       "It is refused (4409); a publisher that has fallen silent does not count", "reject"},
      {static_cast<int>(DuplicatePolicy::Replace),
       "It takes the pads with its first key frame, and the first one is closed (4409)", "replace"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstWebRTCPublishSrcDuplicatePolicy", values);
  return type;
}

static GType iceAgentType() {
  static const GEnumValue values[] = {
      {static_cast<int>(IceAgent::SinglePort),
       "Our own: one UDP port for all publishers, for servers that they can reach", "single-port"},
      {static_cast<int>(IceAgent::Libnice),
       "libnice: ports for each publisher, STUN and TURN, for servers behind a NAT", "libnice"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstWebRTCPublishSrcIceAgent", values);
  return type;
}

static GType iceTransportPolicyType() {
  static const GEnumValue values[] = {
      {static_cast<int>(IceTransportPolicy::All), "Any path", "all"},
      {static_cast<int>(IceTransportPolicy::Relay), "Through a TURN server alone", "relay"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstWebRTCPublishSrcIceTransportPolicy", values);
  return type;
}

struct StringField {
  std::string Settings::*member;
};
struct BooleanField {
  bool Settings::*member;
};
struct UintField {
  unsigned Settings::*member;
  unsigned maximum;
};
struct IntField {
  int Settings::*member;
  int minimum, maximum;
};
template <typename Enum>
struct EnumField {
  Enum Settings::*member;
  GType (*type)();
};

enum class Mutable { BeforeStart, Always };
/// What may hold a secret cannot be read: neither dot files nor `gst-launch-1.0 -v` show it then.
enum class Readable { Yes, No };

struct Row {
  const char *name, *nick, *blurb;
  std::variant<StringField, BooleanField, UintField, IntField, EnumField<Output>,
               EnumField<DuplicatePolicy>, EnumField<IceAgent>, EnumField<IceTransportPolicy>>
      field;
  Mutable when = Mutable::BeforeStart;
  Readable readable = Readable::Yes;
};

static constexpr unsigned kMaxMs = 3'600'000;

static const Row kRows[] = {
    {"address", "Address",
     "IP address to listen on; 0.0.0.0 and :: are all addresses of IPv4 or of both families",
     StringField{&Settings::address}},
    {"port", "Port", "TCP port to listen on; 0 picks a free one, current-port tells which",
     UintField{&Settings::port, 65535}},
    {"certificate-file", "Certificate file",
     "PEM file with the certificate, and those that it was signed with, for https and wss "
     "(TLS 1.2 and up); unset: http and ws. A renewed file is taken within a second or two",
     StringField{&Settings::certificateFile}},
    {"private-key-file", "Private key file",
     "PEM file with the certificate's private key, without a passphrase; unset: it is in "
     "certificate-file",
     StringField{&Settings::privateKeyFile}},
    {"allowed-origins", "Allowed origins",
     "Origins of the pages that may use the server, comma-separated (https://example.org), * for "
     "all; unset: its own pages. Clients that send no Origin, as those outside browsers, are "
     "always let in",
     StringField{&Settings::allowedOrigins}},
    {"trusted-proxies", "Trusted proxies",
     "IP addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed, "
     "comma-separated; unset: none",
     StringField{&Settings::trustedProxies}},
    {"max-connections-per-address", "Maximum connections per address",
     "TCP connections from one IP address (IPv6: from one /64) at once; for one more the oldest "
     "that publishes nothing is closed. 0: as many as there are descriptors for",
     UintField{&Settings::maxConnectionsPerAddress, 1'000'000}},
    {"max-requests-per-second", "Maximum requests per second",
     "HTTP requests from one IP address (IPv6: from one /64) in the long run, ten times as many at "
     "once; more get 429. 0: not limited",
     UintField{&Settings::maxRequestsPerSecond, 1'000'000}},
    {"request-timeout", "Request timeout",
     "Milliseconds for each of: a connection's TLS handshake and its request's headers, the "
     "request's "
     "body, taking the answer; then the connection is cut",
     UintField{&Settings::requestTimeoutMs, kMaxMs}},
    {"streams", "Streams",
     "Stream names that may be published, comma-separated, * and ? match any characters "
     "(cam*,room/*); unset: the streams of the request pads if there are any, else every name",
     StringField{&Settings::streams}},
    {"token", "Token",
     "What publishers have to show: ?token= or ?password= in the URL, or Authorization: Bearer; "
     "else 401. Unset: nothing. Cannot be read",
     StringField{&Settings::token}, Mutable::BeforeStart, Readable::No},
    {"auth-url", "Authorisation URL",
     "http or https URL of a service that is asked about each publisher (POST of JSON); 2xx lets "
     "it in. Unset: nobody is asked. Cannot be read",
     StringField{&Settings::authUrl}, Mutable::BeforeStart, Readable::No},
    {"duplicate-policy", "Duplicate policy",
     "What happens to the second publisher of a stream that is live. Changes count for the next "
     "one",
     EnumField<DuplicatePolicy>{&Settings::duplicatePolicy, duplicatePolicyType}, Mutable::Always},
    {"max-publishers", "Maximum publishers",
     "How many may publish or negotiate at once; one more is closed with 4503. 0: as many as there "
     "are descriptors for",
     UintField{&Settings::maxPublishers, 100'000}},
    {"max-message-size", "Maximum message size",
     "Bytes of a WebSocket message from a client; more closes it with 4413",
     UintField{&Settings::maxMessageBytes, 1024 * 1024}},
    {"max-offer-size", "Maximum offer size",
     "Bytes of an SDP offer; more closes the client with 4413",
     UintField{&Settings::maxOfferBytes, 1024 * 1024}},
    {"max-media-sections", "Maximum media sections",
     "Media sections (m= lines) of an SDP offer; more closes the client with 4400",
     UintField{&Settings::maxMediaSections, 256}},
    {"max-candidates", "Maximum candidates",
     "ICE candidates that are taken from a client for an offer; what is beyond is dropped, and "
     "four "
     "times as many messages close it with 4400",
     UintField{&Settings::maxCandidates, 4096}},
    {"output", "Output", "What leaves the pads", EnumField<Output>{&Settings::output, outputType}},
    {"video-codecs", "Video codecs",
     "Video codecs that may be negotiated, comma-separated, the preferred first: h264, vp8, vp9, "
     "h265, av1",
     StringField{&Settings::videoCodecs}},
    {"audio-codecs", "Audio codecs",
     "Audio codecs that may be negotiated, comma-separated, the preferred first: opus, g722, pcmu, "
     "pcma",
     StringField{&Settings::audioCodecs}},
    {"latency", "Latency",
     "Milliseconds that the jitter buffer waits for late and retransmitted packets; the element's "
     "latency in the pipeline",
     UintField{&Settings::latencyMs, 60'000}},
    {"add-reference-timestamp-meta", "Add reference timestamp meta",
     "Give each buffer a GstReferenceTimestampMeta (timestamp/x-ntp) with the sender's NTP time, "
     "from its first RTCP sender report on (RFC 3550, section 6.4.1)",
     BooleanField{&Settings::addReferenceTimestampMeta}},
    {"do-retransmission", "Retransmission",
     "Ask publishers for lost packets again (NACK, RFC 4585, with RTX, RFC 4588)",
     BooleanField{&Settings::doRetransmission}},
    {"max-bitrate", "Maximum bitrate",
     "The most that a publisher may send as video, bit/s (b=TIAS and b=AS); 0: not limited. Who is "
     "publishing is told of a change within a second or so (REMB, for sound and pictures "
     "together), and stays below what it was told when it came",
     UintField{&Settings::maxBitrate, G_MAXINT}, Mutable::Always},
    {"min-bitrate", "Minimum bitrate",
     "What Chromium's video encoder does not go below, bit/s (x-google-min-bitrate); 0: its own "
     "choice. Changes count for the next publisher",
     UintField{&Settings::minBitrate, G_MAXINT}, Mutable::Always},
    {"start-bitrate", "Start bitrate",
     "What Chromium's bandwidth estimate begins with, bit/s (x-google-start-bitrate); 0: its own "
     "choice, from which its first probes often reach less than half of a free link. Changes count "
     "for the next publisher",
     UintField{&Settings::startBitrate, G_MAXINT}, Mutable::Always},
    {"keyframe-interval", "Key frame interval",
     "Milliseconds between two key frames that publishers are asked for (PLI), in steps of 250, "
     "for "
     "receivers that come in at any time; 0: only when something needs one. Changes count at once",
     UintField{&Settings::keyframeIntervalMs, kMaxMs}, Mutable::Always},
    {"reconnect-timeout", "Reconnect timeout",
     "Milliseconds that a request pad waits for a publisher that was lost before it sends EOS, "
     "with GAP events meanwhile; 0: EOS at once, -1: never EOS",
     IntField{&Settings::reconnectTimeoutMs, -1, static_cast<int>(kMaxMs)}},
    {"negotiation-timeout", "Negotiation timeout",
     "Milliseconds from a client's connection to its offer, and from its offer to connected media, "
     "before it is closed with 4408",
     UintField{&Settings::negotiationTimeoutMs, kMaxMs}},
    {"inactivity-timeout", "Inactivity timeout",
     "Milliseconds without any media after which a publisher counts as lost",
     UintField{&Settings::inactivityTimeoutMs, kMaxMs}},
    {"stats-interval", "Statistics interval",
     "Milliseconds between two messages webrtc-stats on the bus, which hold what `stats` does, in "
     "steps of 250; 0: none. While nobody reads the bus, ten are posted. Changes count at once",
     UintField{&Settings::statsIntervalMs, kMaxMs}, Mutable::Always},
    {"ice-agent", "ICE agent", "What finds the network path of each publisher",
     EnumField<IceAgent>{&Settings::iceAgent, iceAgentType}},
    {"udp-port", "UDP port",
     "UDP port of ice-agent=single-port; 0 picks a free one, -1 is the number of `port`, or a free "
     "one if that is taken",
     IntField{&Settings::udpPort, -1, 65535}},
    {"network-threads", "Network threads",
     "Threads that read the UDP port of ice-agent=single-port. Each publisher's packets stay with "
     "one of them. More than one helps when it, `ice-port`, needs a whole processor, at some "
     "hundred publishers",
     IntField{&Settings::networkThreads, 1, 64}},
    {"ice-tcp", "ICE-TCP",
     "Let publishers whose UDP is blocked connect by TCP (RFC 6544); ice-agent=single-port alone",
     BooleanField{&Settings::iceTcp}},
    {"tcp-port", "TCP port",
     "TCP port of ice-tcp; 0 picks a free one, -1 is the number after `port`, or a free one if "
     "that is taken",
     IntField{&Settings::tcpPort, -1, 65535}},
    {"local-addresses", "Local addresses",
     "IP addresses that are offered to publishers as ICE host candidates, comma-separated; unset: "
     "those of every interface that is up, loopback for clients that come over loopback",
     StringField{&Settings::localAddresses}},
    {"external-addresses", "External addresses",
     "IP addresses or host names under which a 1:1 NAT, or a container's host, forwards the ports "
     "of ice-agent=single-port under their own numbers, comma-separated; offered before "
     "local-addresses. Names are resolved once, when the element starts",
     StringField{&Settings::externalAddresses}},
    {"ice-transport-policy", "ICE transport policy", "Which paths ice-agent=libnice may use",
     EnumField<IceTransportPolicy>{&Settings::iceTransportPolicy, iceTransportPolicyType}},
    {"min-rtp-port", "Minimum RTP port", "The lowest UDP port of ice-agent=libnice; 0: any",
     UintField{&Settings::minRtpPort, 65535}},
    {"max-rtp-port", "Maximum RTP port", "The highest UDP port of ice-agent=libnice; 0: any",
     UintField{&Settings::maxRtpPort, 65535}},
    {"stun-server", "STUN server",
     "STUN server that tells this server its public address, stun://HOST:PORT; WHIP clients are "
     "told of it, too (Link header). Unset: none",
     StringField{&Settings::stunServer}},
    {"turn-servers", "TURN servers",
     "TURN servers that relay to this server, turn://USER:PASSWORD@HOST:PORT?transport=udp, "
     "comma-separated, user and password percent-encoded; WHIP clients that were let in are told "
     "of them, too, with the password (Link header). Unset: none. Cannot be read",
     StringField{&Settings::turnServers}, Mutable::BeforeStart, Readable::No},
};

static GParamFlags flags(const Row &row) {
  int flags = G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS;
  if (row.readable == Readable::Yes) flags |= G_PARAM_READABLE;
  flags |= row.when == Mutable::Always ? GST_PARAM_MUTABLE_PLAYING : GST_PARAM_MUTABLE_READY;
  return static_cast<GParamFlags>(flags);
}

struct Make {
  const Row &row;
  const Settings defaults = {};
  GParamSpec *operator()(const StringField &field) {
    const std::string &value = defaults.*field.member;
    return g_param_spec_string(row.name, row.nick, row.blurb,
                               value.empty() ? nullptr : value.c_str(), flags(row));
  }
  GParamSpec *operator()(const BooleanField &field) {
    return g_param_spec_boolean(row.name, row.nick, row.blurb, defaults.*field.member, flags(row));
  }
  GParamSpec *operator()(const UintField &field) {
    return g_param_spec_uint(row.name, row.nick, row.blurb, 0, field.maximum,
                             defaults.*field.member, flags(row));
  }
  GParamSpec *operator()(const IntField &field) {
    return g_param_spec_int(row.name, row.nick, row.blurb, field.minimum, field.maximum,
                            defaults.*field.member, flags(row));
  }
  template <typename Enum>
  GParamSpec *operator()(const EnumField<Enum> &field) {
    return g_param_spec_enum(row.name, row.nick, row.blurb, field.type(),
                             static_cast<int>(defaults.*field.member), flags(row));
  }
};

static GParamSpec *makeSpec(const Row &row) { return std::visit(Make{row}, row.field); }

std::vector<std::string> splitList(const std::string &text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    std::size_t end = std::min(text.find(',', begin), text.size());
    OwnedString part(g_strndup(text.c_str() + begin, end - begin));
    g_strstrip(part.get());
    if (*part) parts.emplace_back(part.get());
    begin = end + 1;
  }
  return parts;
}

Result<std::vector<CodecId>> parseCodecList(const std::string &text, MediaKind kind) {
  std::vector<CodecId> result;
  for (const std::string &name : splitList(text)) {
    const Codec *row = codecByName(name);
    if (!row || row->kind != kind) {
      std::string known;
      for (const Codec &other : codecs())
        if (other.kind == kind) known += std::string(known.empty() ? "" : ", ") + other.name;
      return Error{0, std::string(kindName(kind)) + "-codecs names \"" + name +
                          "\", expected some of: " + known};
    }
    result.push_back(row->id);
  }
  return result;
}

static Result<void> checkIceServers(const Settings &settings) {
  if (!settings.stunServer.empty())
    if (auto stun = parseStunServer(settings.stunServer); !stun)
      return Error{0, "stun-server: " + stun.error().detail};
  if (auto turn = parseTurnServers(settings.turnServers); !turn)
    return Error{0, "turn-servers: " + turn.error().detail};
  return {};
}

static Result<void> checkAgentSettings(const Settings &settings) {
  const auto only = [](const char *property, const char *agent, const char *instead) {
    return Error{0, std::string(property) + " needs ice-agent=" + agent + "; " + instead};
  };
  if (settings.iceAgent == IceAgent::Libnice) {
    if (!settings.externalAddresses.empty())
      return only("external-addresses", "single-port",
                  "libnice learns its address from stun-server");
    if (settings.maxRtpPort && settings.minRtpPort > settings.maxRtpPort)
      return Error{0, "min-rtp-port is " + std::to_string(settings.minRtpPort) +
                          ", expected at most max-rtp-port, which is " +
                          std::to_string(settings.maxRtpPort)};
    return {};
  }
  if (settings.iceTransportPolicy == IceTransportPolicy::Relay)
    return only("ice-transport-policy=relay", "libnice", "single-port uses no TURN server");
  if (settings.minRtpPort || settings.maxRtpPort)
    return only(settings.minRtpPort ? "min-rtp-port" : "max-rtp-port", "libnice",
                "single-port has one port, udp-port");
  return {};
}

static Result<void> checkServerSettings(const Settings &settings) {
  if (settings.certificateFile.empty() && !settings.privateKeyFile.empty())
    return Error{0, "private-key-file is set, certificate-file is not; expected both"};
  if (auto origins = parseOriginList(settings.allowedOrigins); !origins)
    return Error{0, "allowed-origins: " + origins.error().detail};
  if (auto proxies = Networks::parse(settings.trustedProxies); !proxies)
    return Error{0, "trusted-proxies: " + proxies.error().detail};
  return Authorizer::checkUrl(settings.authUrl);
}

Result<void> checkSettings(const Settings &settings) {
  if (auto list = parseCodecList(settings.videoCodecs, MediaKind::Video); !list)
    return list.error();
  if (auto list = parseCodecList(settings.audioCodecs, MediaKind::Audio); !list)
    return list.error();
  for (const std::string &address : splitList(settings.localAddresses)) {
    if (!g_hostname_is_ip_address(address.c_str()))
      return Error{0, "local-addresses names \"" + address + "\", expected an IP address"};
  }
  if (auto servers = checkIceServers(settings); !servers) return servers;
  if (auto agent = checkAgentSettings(settings); !agent) return agent;
  return checkServerSettings(settings);
}

void installSettings(GObjectClass *objectClass, guint *firstFree) {
  guint id = 1;
  for (const Row &row : kRows)
    g_object_class_install_property(objectClass, id++, makeSpec(row));
  *firstFree = id;
}

struct Set {
  Settings &settings;
  const GValue *value;
  void operator()(const StringField &field) {
    const char *text = g_value_get_string(value);
    settings.*field.member = text ? text : "";
  }
  void operator()(const BooleanField &field) {
    settings.*field.member = g_value_get_boolean(value);
  }
  void operator()(const UintField &field) { settings.*field.member = g_value_get_uint(value); }
  void operator()(const IntField &field) { settings.*field.member = g_value_get_int(value); }
  template <typename Enum>
  void operator()(const EnumField<Enum> &field) {
    settings.*field.member = static_cast<Enum>(g_value_get_enum(value));
  }
};

bool setSetting(Settings &settings, guint id, const GValue *value) {
  if (id == 0 || id > std::size(kRows)) return false;
  std::visit(Set{settings, value}, kRows[id - 1].field);
  return true;
}

struct Get {
  const Settings &settings;
  GValue *value;
  void operator()(const StringField &field) {
    const std::string &text = settings.*field.member;
    g_value_set_string(value, text.empty() ? nullptr : text.c_str());
  }
  void operator()(const BooleanField &field) { g_value_set_boolean(value, settings.*field.member); }
  void operator()(const UintField &field) { g_value_set_uint(value, settings.*field.member); }
  void operator()(const IntField &field) { g_value_set_int(value, settings.*field.member); }
  template <typename Enum>
  void operator()(const EnumField<Enum> &field) {
    g_value_set_enum(value, static_cast<int>(settings.*field.member));
  }
};

bool getSetting(const Settings &settings, guint id, GValue *value) {
  if (id == 0 || id > std::size(kRows)) return false;
  std::visit(Get{settings, value}, kRows[id - 1].field);
  return true;
}

}  // namespace gws
