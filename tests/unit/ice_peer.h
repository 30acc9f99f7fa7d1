// SPDX-License-Identifier: LGPL-2.1-or-later
// A browser's side of ICE sessions, for tests of the port that they share.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "ice_table.h"
#include "stun_message.h"

namespace gws::test {

inline const IceKeys kOurs{"serverfrag", "server-password-of-22-bytes"};
inline const IceKeys kTheirs{"peer", "peer-password-of-24-bytes"};
inline const IceKeys kOthersOfOurs{"otherfrag", "other-password-of-22-bytes"};
inline const IceKeys kWrong{"x", "wrong-password-of-22-bytes"};

inline const Packet kMedia = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7};
inline const Packet kRtcp = {0x80, 200, 0, 0};
inline const Packet kDtls = {22, 0xfe, 0xfd, 0};

inline StunTransaction transaction(std::uint8_t number) { return {number, 1, 2, 3}; }

/// Who controls: the server's builder makes a controlled agent's checks alone.
struct IcePeer {
  IceKeys ours = kOurs, theirs = kTheirs;

  enum Kind { kOnly, kNominate, kControlled, kUnknown };
  Packet request(std::uint8_t number, Kind kind, const std::string &key) const {
    RawStun message(0x0001, textOf(transaction(number)));
    message.add(0x0006, ours.ufrag + ':' + theirs.ufrag)
        .addHex(0x0024, "6e001eff")
        .addHex(kind == kControlled ? 0x8029 : 0x802a, "0102030405060708");
    if (kind == kNominate) message.add(0x0025, "");
    if (kind == kUnknown) message.add(0x0033, "");
    return message.addIntegrity(key).addFingerprint().packet();
  }
  Packet check(std::uint8_t number, bool nominate) const {
    return request(number, nominate ? kNominate : kOnly, ours.pwd);
  }
  Packet forgedCheck(std::uint8_t number) const { return request(number, kNominate, kWrong.pwd); }
  /// To a check that came from the server.
  Packet answer(const StunMessage &asked, const StunAddress &from) const {
    const StunBuffer built = buildBindingSuccess(asked.transaction, from, theirs.pwd);
    return Packet(built.packet().begin(), built.packet().end());
  }
};

inline StunAddress at(std::uint8_t host, std::uint16_t port, std::uint8_t network = 2) {
  StunAddress address;
  address.bytes = {192, 0, network, host};
  address.port = port;
  return address;
}

inline IcePath from(std::uint8_t host, std::uint16_t port = 5000) {
  return {at(host, port), at(1, 0)};
}

/// From the same address and port, over TCP.
inline IcePath overTcp(std::uint8_t host, unsigned connection) {
  return {at(host, 5000), at(1, 0), connection};
}

/// The table with one session, and what it sends.
struct TableBench {
  IceTable table{[this] { return transaction(++transactions); }};
  IceReplies replies;
  IceTime now = std::chrono::hours(1);
  std::uint8_t transactions = 100;

  TableBench() {
    table.add(1, kOurs);
    table.setRemote(1, kTheirs);
  }
  IceOutcome put(const IcePath &path, const Packet &packet) {
    return table.onPacket(path, packet, now, replies);
  }
  std::optional<IcePath> pathOf(unsigned session) const { return table.pathOf(session, now); }
  StunMessage reply(std::size_t index) const {
    g_assert_cmpuint(index, <, replies.count);
    auto message = parseStun(replies.buffers[index].packet());
    g_assert_true(message.has_value());
    return *message;
  }
  /// The peer's answer to the check that is the last reply.
  Packet answerToCheck(const IcePath &path, const IceKeys &peer = kTheirs) const {
    const StunMessage asked = reply(replies.count - 1);
    g_assert_true(asked.messageClass == StunClass::Request);
    return IcePeer{kOurs, peer}.answer(asked, path.local);
  }
  /// Proves the path without nominating it.
  void prove(const IcePath &path, const IcePeer &peer = {}) {
    put(path, peer.check(2, false));
    put(path, answerToCheck(path, peer.theirs));
  }
  void connect(const IcePath &path, const IcePeer &peer = {}) {
    put(path, peer.check(1, true));
    g_assert_true(put(path, answerToCheck(path, peer.theirs)).connected);
  }
  bool isAnswered(const IcePath &path, const IcePeer &peer = {}) {
    put(path, peer.check(3, false));
    return replies.count > 0;
  }
  bool delivers(const IcePath &path) { return put(path, kMedia).deliver; }
};

inline void mustBeSilent(const TableBench &bench, const IceOutcome &outcome) {
  g_assert_cmpuint(bench.replies.count, ==, 0);
  g_assert_false(outcome.deliver);
  g_assert_false(outcome.connected);
}

}  // namespace gws::test
