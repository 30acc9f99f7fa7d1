// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams that look like something, and are nothing good.
#include "packets.h"

#include <array>

#include "stun.h"

namespace gws::hostile {

namespace {

/// A record of DTLS 1.2 whose length may be a lie.
std::string dtlsRecord(Session &session, unsigned type, const std::string &body) {
  std::string record(1, static_cast<char>(type));
  record += session.chance(90) ? "\xfe\xfd" : session.bytes(2);
  record += session.chance(80) ? std::string(8, '\0') : session.bytes(8);
  const std::size_t length = session.chance(80) ? body.size() : session.upTo(65'535);
  record += static_cast<char>(length >> 8 & 0xff);
  record += static_cast<char>(length & 0xff);
  return record + body;
}

/// A handshake message: a type, lengths and offsets, most of which are lies.
std::string handshake(Session &session) {
  constexpr std::array types{0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 20, 99};
  const std::string body = session.bytes(session.upTo(900));
  const auto three = [](unsigned number) {
    return std::string{static_cast<char>(number >> 16), static_cast<char>(number >> 8),
                       static_cast<char>(number)};
  };
  const unsigned size = static_cast<unsigned>(body.size());
  const bool honest = session.chance(50);
  return std::string(1, static_cast<char>(session.pick(types))) +
         three(honest ? size : session.upTo(0xffffff)) + std::string(2, '\0') +
         three(honest ? 0 : session.upTo(0xffffff)) + three(honest ? size : session.upTo(2'000)) +
         body;
}

}  // namespace

std::string garbage(Session &session) {
  std::string bytes =
      session.bytes(session.chance(5) ? session.between(1'500, 60'000) : session.upTo(1'300));
  constexpr std::array firsts{0, 1, 16, 20, 21, 22, 23, 64, 128, 144, 191, 255};
  if (!bytes.empty()) bytes[0] = static_cast<char>(session.pick(firsts));
  if (bytes.size() > 1 && session.chance(20))
    bytes[1] = static_cast<char>(session.between(192, 223));
  return bytes;
}

std::string oddDtls(Session &session) {
  const unsigned type = session.pick(std::array{20u, 21u, 22u, 22u, 22u, 22u, 23u, 24u});
  return dtlsRecord(session, type,
                    type == 22 ? handshake(session) : session.bytes(session.upTo(40)));
}

std::string oddMedia(Session &session) {
  std::string packet = session.bytes(session.between(12, 1'200));
  packet[0] = static_cast<char>(session.between(128, 191));
  return packet;
}

std::string likelyMedia(Session &session) {
  if (session.chance(20))  // a sender report
    return "\x80\xc8" + bigEndian(6, 2) + session.bytes(24 + 14);
  return "\x80" + bigEndian(session.between(96, 111), 1) + session.bytes(2 + 4 + 4) +
         session.bytes(session.between(20, 1'100));
}

}  // namespace gws::hostile
