// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers with a webrtcbin: the wrong certificate, and bad media over a good connection.
#include <glib.h>

#include <array>

#include "media.h"
#include "session.h"
#include "tests/common/publish_client.h"
#include "whip.h"

namespace gws::hostile {

namespace {

using test::PacketHook;
using test::PublishClient;
using test::PublishOptions;

/// Random numbers for threads that share nothing: of a seed and the packet itself.
class Noise {
 public:
  Noise(unsigned seed, const std::string &packet) : state_(seed | 1) {
    for (std::size_t i = 0; i < packet.size() && i < 16; ++i)
      state_ = (state_ ^ static_cast<unsigned char>(packet[i])) * 0x01000193;
  }
  unsigned next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  bool chance(unsigned percent) { return next() % 100 < percent; }

 private:
  std::uint32_t state_;
};

bool isRtcp(const std::string &packet) {
  if (packet.size() < 8) return false;
  const auto type = static_cast<unsigned char>(packet[1]);
  return type >= 192 && type <= 223;
}
bool isMedia(const std::string &packet) {
  return !packet.empty() && (static_cast<unsigned char>(packet[0]) & 0xc0) == 0x80;
}

PacketHook brokenTags(unsigned seed, unsigned percent) {
  return [seed, percent](std::string &packet) {
    if (!isMedia(packet)) return;
    Noise noise(seed, packet);
    if (noise.chance(percent)) packet.back() = static_cast<char>(packet.back() ^ 0x55);
  };
}

PacketHook manySources(unsigned seed) {
  return [seed](std::string &packet) {
    if (packet.size() < 12 || isRtcp(packet)) return;
    Noise noise(seed, packet);
    const unsigned source = noise.next() % 500;
    packet[8] = 'S', packet[9] = 'S';
    packet[10] = static_cast<char>(source >> 8), packet[11] = static_cast<char>(source);
  };
}

/// A good header, and anything behind it; now and then an odd header too.
PacketHook oddPayloads(unsigned seed) {
  return [seed](std::string &packet) {
    if (packet.size() < 13 || isRtcp(packet)) return;
    Noise noise(seed, packet);
    const std::size_t from = noise.chance(50) ? 12 : 12 + noise.next() % (packet.size() - 12);
    for (std::size_t i = from; i < packet.size(); ++i)
      packet[i] = static_cast<char>(noise.next() >> 8);
    // Padding, an extension, contributing sources: lengths that are lies.
    if (noise.chance(20)) packet[0] = static_cast<char>(0x80 | (noise.next() & 0x3f));
    if (noise.chance(10)) packet[1] = static_cast<char>(noise.next());
    if (noise.chance(10)) packet[2] = static_cast<char>(noise.next());
    if (noise.chance(10)) packet.resize(12 + noise.next() % 8);
  };
}

PacketHook oddReports(unsigned seed) {
  return [seed](std::string &packet) {
    if (!isRtcp(packet)) return;
    Noise noise(seed, packet);
    for (std::size_t i = 8; i < packet.size(); ++i)
      if (noise.chance(30)) packet[i] = static_cast<char>(noise.next() >> 8);
    constexpr unsigned types[] = {192, 195, 200, 201, 202, 203, 204, 205, 206, 207, 223};
    for (unsigned more = noise.next() % 6; more > 0; --more) {
      const unsigned words = noise.next() % 20;
      packet += static_cast<char>(0x80 | (noise.next() & 0x3f));
      packet += static_cast<char>(types[noise.next() % std::size(types)]);
      packet += '\0';
      packet += static_cast<char>(noise.chance(80) ? words : noise.next());
      for (unsigned i = 0; i < words * 4; ++i)
        packet += static_cast<char>(noise.next() >> 8);
    }
  };
}

PublishOptions optionsFor(Session &session) {
  PublishOptions options =
      publishOptions(session.target().port, session.stream(), session.chance(50) ? "vp8" : "h264");
  options.localAddress = session.source();
  return options;
}

Outcome endOf(PublishClient &client, Timeout patience) {
  const auto end = client.waitClosed(patience);
  if (!end.closed) return kSilence;
  if (end.httpStatus != 101) return "http " + std::to_string(end.httpStatus);
  return end.closeCode == 1006 ? kCut : "close " + std::to_string(end.closeCode);
}

void leave(Session &session, PublishClient &client) {
  switch (session.upTo(4)) {
    case 0:
      return client.closeGoodbye();
    case 1:
      return client.closeGoingAway();
    case 2:
      return client.closeDtls();
    case 3:
      return client.dropSocket();
    default:
      return client.kill();
  }
}

/// Publishes for a moment.
Outcome publish(Session &session, const PublishOptions &options) {
  PublishClient client(options);
  client.start();
  if (!client.waitConnected(kPatience)) return endOf(client, Timeout(0));
  // Counted before they are spoilt; one of two publishers is quick.
  client.waitFrames(0, session.between(2, session.target().hasty ? 20 : 60), Timeout(5'000));
  const Outcome end = endOf(client, Timeout(0));
  leave(session, client);
  return end == kSilence ? "published" : "published, " + end;
}

Outcome wrongCertificate(Session &session) {
  PublishOptions options = optionsFor(session);
  options.mungeOffer = test::replaceFingerprint;
  PublishClient client(options);
  client.start();
  return endOf(client, kPatience);
}

Outcome wrongTags(Session &session) {
  PublishOptions options = optionsFor(session);
  options.packets.sealed =
      brokenTags(session.random()(), session.chance(50) ? 100 : session.between(1, 99));
  return publish(session, options);
}

template <PacketHook (*hook)(unsigned)>
Outcome spoilMedia(Session &session) {
  PublishOptions options = optionsFor(session);
  options.packets.plain = hook(session.random()());
  return publish(session, options);
}

Outcome suddenEnd(Session &session) { return publish(session, optionsFor(session)); }

/// An end at any moment of the negotiation.
Outcome leaveHalfway(Session &session, const PublishOptions &options) {
  PublishClient client(options);
  client.start();
  if (!client.waitConnected(Timeout(session.upTo(400)))) return kLeft;
  leave(session, client);
  return "published";
}

Outcome halfway(Session &session) { return leaveHalfway(session, optionsFor(session)); }

PublishOptions whipOptions(Session &session) {
  PublishOptions options = optionsFor(session);
  comeByWhip(options, session.target().port, session.stream());
  return options;
}

/// The session of a client that came by WHIP.
Ingest ingestOf(const Session &session, const PublishClient &client) {
  const auto posted = client.posted();
  HttpAnswer answer{.outcome = "http " + std::to_string(posted.status),
                    .status = posted.status,
                    .body = posted.body};
  for (const auto &[name, value] : posted.headers)
    answer.head += name + ": " + value + "\r\n";
  Ingest ingest = readIngest(answer, session.stream(), client.offerSdp());
  ingest.live = true;
  return ingest;
}

/// Nobody tells the client: its session is gone.
Outcome whipWrongCertificate(Session &session) {
  PublishOptions options = whipOptions(session);
  options.mungeOffer = test::replaceFingerprint;
  PublishClient client(options);
  client.start();
  client.waitConnected(kPatience);
  const Ingest ingest = ingestOf(session, client);
  if (!ingest.made()) return ingest.answer.outcome;
  const gint64 deadline = g_get_monotonic_time() + kPatience.count() * 1000;
  while (g_get_monotonic_time() < deadline) {
    const auto answer = ask(session.options(), {.method = "GET", .target = ingest.path});
    if (answer.status == 404) return "http 201, gone";
    g_usleep(100'000);
  }
  return kWrong + "the wrong certificate is let in";
}

/// While media flow.
template <Outcome (*attack)(Session &, Ingest), unsigned most = 4>
Outcome whipLive(Session &session) {
  PublishClient client(whipOptions(session));
  client.start();
  if (!client.waitConnected(kPatience)) return endOf(client, Timeout(0));
  Outcome outcome;
  for (unsigned i = session.between(1, most); i > 0; --i) {
    outcome = attack(session, ingestOf(session, client));
    if (outcome == kSilence || outcome.starts_with(kWrong)) return outcome;
  }
  leave(session, client);
  return "published, " + outcome;
}

Outcome whipSuddenEnd(Session &session) { return publish(session, whipOptions(session)); }

/// Media with a bad hook, in a session that came by POST.
Outcome whipBadMedia(Session &session) {
  PublishOptions options = whipOptions(session);
  constexpr std::array hooks{manySources, oddPayloads, oddReports};
  options.packets.plain = session.pick(hooks)(session.random()());
  return publish(session, options);
}

Outcome whipHalfway(Session &session) { return leaveHalfway(session, whipOptions(session)); }

constexpr Kind kKinds[] = {
    {"dtls-wrong-certificate", 8, wrongCertificate, true, true},
    {"srtp-broken-tags", 8, wrongTags, true, true},
    {"rtp-many-sources", 6, spoilMedia<manySources>, true, true},
    {"rtp-odd-payloads", 10, spoilMedia<oddPayloads>, true, true},
    {"rtcp-odd-reports", 8, spoilMedia<oddReports>, true, true},
    {"media-sudden-end", 5, suddenEnd, true, true},
    {"media-halfway", 5, halfway, true, true},
    {"whip-wrong-certificate", 5, whipWrongCertificate, true, true},
    {"whip-sudden-end", 5, whipSuddenEnd, true, true},
    {"whip-live", 10, whipLive<attackIngest>, true, true},
    {"whip-live-restarts", 5, whipLive<restartIngest>, true, true},
    {"port-restart-storm", 5, whipLive<stormIngest, 1>, true, true},
    {"whip-bad-media", 5, whipBadMedia, true, true},
    {"whip-halfway", 4, whipHalfway, true, true},
};

}  // namespace

std::span<const Kind> mediaKinds() { return kKinds; }

}  // namespace gws::hostile
