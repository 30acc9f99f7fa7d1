// SPDX-License-Identifier: LGPL-2.1-or-later
// A port that many publishers share: who gets a datagram, and what is sent to whom.
#include "ice_table.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "gst/common/glib_owned.h"

using namespace gws;

namespace {

const IceKeys kOurs{"serverfrag", "server-password-of-22-bytes"};
const IceKeys kTheirs{"peer", "peer-password-of-24-bytes"};
const IceKeys kOthersOfOurs{"otherfrag", "other-password-of-22-bytes"};

StunAddress at(std::uint8_t host, std::uint16_t port) {
  StunAddress address;
  address.bytes = {192, 0, 2, host};
  address.port = port;
  return address;
}

IcePath from(std::uint8_t host, std::uint16_t port = 5000) { return {at(host, port), at(1, 0)}; }

StunTransaction transaction(std::uint8_t number) { return {number, 1, 2, 3}; }

using Bytes = std::vector<std::uint8_t>;
const Bytes kMedia = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7};
const Bytes kRtcp = {0x80, 200, 0, 0};
const Bytes kDtls = {22, 0xfe, 0xfd, 0};

/// A browser's side of one session. What it builds is a controlled agent's check; the browser's
/// differs in attributes alone, so they are written in.
struct Peer {
  IceKeys ours = kOurs, theirs = kTheirs;

  Bytes check(std::uint8_t number, bool nominate, const IceKeys *key = nullptr) const {
    return request(number, nominate ? kNominate : kOnly, key ? key->pwd : ours.pwd);
  }
  enum Kind { kOnly, kNominate, kControlled, kUnknown };
  Bytes request(std::uint8_t number, Kind kind, const std::string &key) const;
};

void putAttribute(Bytes &message, std::uint16_t type, const Bytes &value) {
  message.push_back(static_cast<std::uint8_t>(type >> 8));
  message.push_back(static_cast<std::uint8_t>(type));
  message.push_back(static_cast<std::uint8_t>(value.size() >> 8));
  message.push_back(static_cast<std::uint8_t>(value.size()));
  for (const std::uint8_t byte : value)
    message.push_back(byte);
  while (message.size() % 4)
    message.push_back(0);
}

void setLength(Bytes &message, std::size_t more) {
  const std::size_t length = message.size() - 20 + more;
  message[2] = static_cast<std::uint8_t>(length >> 8);
  message[3] = static_cast<std::uint8_t>(length);
}

std::uint32_t crc32Of(const Bytes &bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
  }
  return ~crc;
}

/// MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489, sections 14.5 and 14.7).
void seal(Bytes &message, const std::string &key) {
  setLength(message, 24);
  const Owned<GHmac, g_hmac_unref> hmac(
      g_hmac_new(G_CHECKSUM_SHA1, reinterpret_cast<const guchar *>(key.data()), key.size()));
  g_hmac_update(hmac.get(), message.data(), static_cast<gssize>(message.size()));
  Bytes digest(20);
  gsize size = digest.size();
  g_hmac_get_digest(hmac.get(), digest.data(), &size);
  putAttribute(message, 0x0008, digest);
  setLength(message, 8);
  const std::uint32_t print = crc32Of(message) ^ 0x5354554e;
  putAttribute(message, 0x8028,
               {static_cast<std::uint8_t>(print >> 24), static_cast<std::uint8_t>(print >> 16),
                static_cast<std::uint8_t>(print >> 8), static_cast<std::uint8_t>(print)});
}

Bytes Peer::request(std::uint8_t number, Kind kind, const std::string &key) const {
  constexpr std::array<std::uint8_t, 8> kHead = {0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42};
  const StunTransaction id = transaction(number);
  Bytes message(kHead.size() + id.size());
  std::copy(id.begin(), id.end(), std::copy(kHead.begin(), kHead.end(), message.begin()));
  const std::string name = ours.ufrag + ':' + theirs.ufrag;
  putAttribute(message, 0x0006, Bytes(name.begin(), name.end()));
  putAttribute(message, 0x0024, {110, 0, 30, 255});
  putAttribute(message, kind == kControlled ? 0x8029 : 0x802a, {1, 2, 3, 4, 5, 6, 7, 8});
  if (kind == kNominate) putAttribute(message, 0x0025, {});
  if (kind == kUnknown) putAttribute(message, 0x0033, {});
  seal(message, key);
  return message;
}

/// The table, and what it sends.
struct Bench {
  IceTable table{[this] { return transaction(++transactions); }};
  IceReplies replies;
  std::uint8_t transactions = 100;

  Bench() {
    table.add(1, kOurs);
    table.setRemote(1, kTheirs);
  }
  IceOutcome put(const IcePath &path, const Bytes &packet) {
    return table.onPacket(path, packet, replies);
  }
  StunMessage reply(std::size_t index) const {
    g_assert_cmpuint(index, <, replies.count);
    auto message = parseStun(replies.buffers[index].packet());
    g_assert_true(message.has_value());
    return *message;
  }
  /// The peer's answer to the check that is the last reply.
  Bytes answerToCheck(const IcePath &path, const IceKeys &peer = kTheirs) const {
    const StunMessage asked = reply(replies.count - 1);
    g_assert_true(asked.messageClass == StunClass::Request);
    const StunBuffer answer = buildBindingSuccess(asked.transaction, path.local, peer.pwd);
    return Bytes(answer.packet().begin(), answer.packet().end());
  }
  void connect(const IcePath &path, const Peer &peer = {}) {
    put(path, peer.check(1, true));
    g_assert_true(put(path, answerToCheck(path, peer.theirs)).connected);
  }
};

void mustBeSilent(const Bench &bench, const IceOutcome &outcome) {
  g_assert_cmpuint(bench.replies.count, ==, 0);
  g_assert_false(outcome.deliver);
  g_assert_false(outcome.connected);
}

void check_withTheKeys_isAnsweredAndReturned() {
  Bench bench;
  const IceOutcome outcome = bench.put(from(9), Peer().check(1, false));
  g_assert_cmpuint(outcome.session, ==, 1);
  g_assert_cmpuint(bench.replies.count, ==, 2);
  const StunMessage answer = bench.reply(0), check = bench.reply(1);
  g_assert_true(answer.messageClass == StunClass::Success);
  g_assert_true(answer.transaction == transaction(1));
  g_assert_true(answer.xorMappedAddress == from(9).remote);
  g_assert_true(checkIntegrity(bench.replies.buffers[0].packet(), answer, kOurs.pwd));
  g_assert_true(check.messageClass == StunClass::Request);
  g_assert_true(check.username == std::string_view("peer:serverfrag"));
  g_assert_true(check.iceControlled.has_value() && !check.useCandidate);
  g_assert_true(checkIntegrity(bench.replies.buffers[1].packet(), check, kTheirs.pwd));
  g_assert_false(bench.table.pathOf(1).has_value());
}

void check_withoutTheKeys_isNotAnswered() {
  Bench bench;
  const IceKeys wrong{"x", "wrong-password-of-22-bytes"};
  mustBeSilent(bench, bench.put(from(9), Peer().check(1, true, &wrong)));
  Peer stranger;
  stranger.ours.ufrag = "nobody";
  mustBeSilent(bench, bench.put(from(9), stranger.check(1, true)));
  mustBeSilent(bench, bench.put(from(9), kMedia));
  Bytes damaged = Peer().check(1, true);
  damaged[30] ^= 1;
  mustBeSilent(bench, bench.put(from(9), damaged));
  mustBeSilent(bench, bench.put(from(9), {}));
  mustBeSilent(bench, bench.put(from(9), {0x40, 0, 0, 0}));
}

void nomination_beforeOurCheckIsAnswered_waitsForIt() {
  Bench bench;
  g_assert_false(bench.put(from(9), Peer().check(1, true)).connected);
  g_assert_false(bench.table.pathOf(1).has_value());
  const IceOutcome proved = bench.put(from(9), bench.answerToCheck(from(9)));
  g_assert_true(proved.connected);
  g_assert_true(bench.table.pathOf(1)->remote == from(9).remote);
  g_assert_true(bench.table.pathOf(1)->local == from(9).local);
}

void nomination_afterOurCheckIsAnswered_connectsOnce() {
  Bench bench;
  bench.put(from(9), Peer().check(1, false));
  g_assert_false(bench.put(from(9), bench.answerToCheck(from(9))).connected);
  g_assert_true(bench.put(from(9), Peer().check(2, true)).connected);
  g_assert_cmpuint(bench.replies.count, ==, 1);  // proved: no check of ours any more
  g_assert_false(bench.put(from(9), Peer().check(3, true)).connected);
}

void answer_thatIsForged_provesNothing() {
  Bench bench;
  bench.put(from(9), Peer().check(1, true));
  const Bytes right = bench.answerToCheck(from(9));
  const Bytes wrongKey = bench.answerToCheck(from(9), kOthersOfOurs);
  mustBeSilent(bench, bench.put(from(9), wrongKey));
  mustBeSilent(bench, bench.put(from(8), right));  // from elsewhere
  g_assert_false(bench.table.pathOf(1).has_value());
  g_assert_true(bench.put(from(9), right).connected);
  mustBeSilent(bench, bench.put(from(9), right));  // again
}

void media_fromAKnownAddress_isDelivered() {
  Bench bench;
  bench.put(from(9), Peer().check(1, false));
  for (const Bytes &packet : {kMedia, kRtcp, kDtls}) {
    const IceOutcome outcome = bench.put(from(9), packet);
    g_assert_true(outcome.deliver);
    g_assert_cmpuint(outcome.session, ==, 1);
    mustBeSilent(bench, bench.put(from(9, 5001), packet));
    mustBeSilent(bench, bench.put(from(8), packet));
  }
}

void media_fromAProvedAddress_isFollowed() {
  Bench bench;
  bench.connect(from(9));
  // Its keys alone do not move it: what is answered there might be somebody else's.
  bench.put(from(7), Peer().check(5, false));
  g_assert_true(bench.put(from(7), kMedia).deliver);
  g_assert_true(bench.table.pathOf(1)->remote == from(9).remote);
  bench.put(from(7), Peer().check(6, false));
  bench.put(from(7), bench.answerToCheck(from(7)));
  g_assert_true(bench.table.pathOf(1)->remote == from(9).remote);
  g_assert_true(bench.put(from(7), kMedia).deliver);
  g_assert_true(bench.table.pathOf(1)->remote == from(7).remote);
}

void address_ofAnother_isTakenByProofAlone() {
  Bench bench;
  bench.connect(from(9));
  bench.table.add(2, kOthersOfOurs);
  bench.table.setRemote(2, kTheirs);
  const Peer second{kOthersOfOurs, kTheirs};
  bench.put(from(9), second.check(1, true));  // the source may be forged
  g_assert_cmpuint(bench.put(from(9), kMedia).session, ==, 1);
  bench.put(from(9), second.check(2, true));
  g_assert_true(bench.put(from(9), bench.answerToCheck(from(9))).connected);
  g_assert_cmpuint(bench.put(from(9), kMedia).session, ==, 2);
  g_assert_false(bench.table.pathOf(1).has_value());
}

void addresses_beyondTheLimit_replaceTheSilentOne() {
  Bench bench;
  bench.connect(from(9));
  for (std::uint8_t host = 20; host < 60; ++host)
    bench.put(from(host), Peer().check(host, false));
  g_assert_true(bench.put(from(9), kMedia).deliver);
  g_assert_true(bench.put(from(59), kMedia).deliver);
  g_assert_false(bench.put(from(20), kMedia).deliver);
  unsigned known = 0;
  for (std::uint8_t host = 20; host < 60; ++host)
    known += bench.put(from(host), kMedia).deliver;
  g_assert_cmpuint(known, ==, IceTable::kMaxPaths - 1);
}

void restart_keepsTheOldKeysUntilTheNomination() {
  Bench bench;
  bench.connect(from(9));
  const IceKeys ours{"newserver", "new-server-password-22-b"},
      theirs{"newpeer", "new-peer-password-22-byt"};
  bench.table.restart(1, ours, theirs);
  g_assert_true(bench.put(from(9), kMedia).deliver);
  bench.put(from(9), Peer().check(7, true));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  const Peer peer{ours, theirs};
  bench.put(from(7), peer.check(8, true));
  const IceOutcome moved = bench.put(from(7), bench.answerToCheck(from(7), theirs));
  g_assert_false(moved.connected);  // it was already
  g_assert_true(bench.table.pathOf(1)->remote == from(7).remote);
  mustBeSilent(bench, bench.put(from(9), Peer().check(9, true)));
}

void roleConflict_isToldToThePeer() {
  Bench bench;
  bench.put(from(9), Peer().request(1, Peer::kControlled, kOurs.pwd));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  g_assert_true(bench.reply(0).messageClass == StunClass::Error);
  g_assert_cmpuint(*bench.reply(0).errorCode, ==, 487);
  g_assert_false(bench.put(from(9), kMedia).deliver);
}

void unknownAttribute_thatMustBeUnderstood_is420() {
  Bench bench;
  bench.put(from(9), Peer().request(1, Peer::kUnknown, kOurs.pwd));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  g_assert_cmpuint(*bench.reply(0).errorCode, ==, 420);
}

void removal_leavesNothing() {
  Bench bench;
  bench.connect(from(9));
  bench.table.remove(1);
  mustBeSilent(bench, bench.put(from(9), kMedia));
  mustBeSilent(bench, bench.put(from(9), Peer().check(2, true)));
  g_assert_false(bench.table.pathOf(1).has_value());
  bench.table.remove(1);
  bench.table.restart(1, kOurs, kTheirs);
  bench.table.setRemote(1, kTheirs);
  mustBeSilent(bench, bench.put(from(9), Peer().check(3, true)));
}

void check_beforeTheRemoteKeysAreKnown_isAnsweredAlone() {
  Bench bench;
  bench.table.add(2, kOthersOfOurs);
  const Peer peer{kOthersOfOurs, kTheirs};
  bench.put(from(9), peer.check(1, true));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  bench.table.setRemote(2, kTheirs);
  bench.put(from(9), peer.check(2, true));
  g_assert_true(bench.put(from(9), bench.answerToCheck(from(9))).connected);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  const std::pair<const char *, GTestFunc> cases[] = {
      {"check_withTheKeys_isAnsweredAndReturned", check_withTheKeys_isAnsweredAndReturned},
      {"check_withoutTheKeys_isNotAnswered", check_withoutTheKeys_isNotAnswered},
      {"check_beforeTheRemoteKeysAreKnown_isAnsweredAlone",
       check_beforeTheRemoteKeysAreKnown_isAnsweredAlone},
      {"nomination_beforeOurCheckIsAnswered_waitsForIt",
       nomination_beforeOurCheckIsAnswered_waitsForIt},
      {"nomination_afterOurCheckIsAnswered_connectsOnce",
       nomination_afterOurCheckIsAnswered_connectsOnce},
      {"answer_thatIsForged_provesNothing", answer_thatIsForged_provesNothing},
      {"media_fromAKnownAddress_isDelivered", media_fromAKnownAddress_isDelivered},
      {"media_fromAProvedAddress_isFollowed", media_fromAProvedAddress_isFollowed},
      {"address_ofAnother_isTakenByProofAlone", address_ofAnother_isTakenByProofAlone},
      {"addresses_beyondTheLimit_replaceTheSilentOne",
       addresses_beyondTheLimit_replaceTheSilentOne},
      {"restart_keepsTheOldKeysUntilTheNomination", restart_keepsTheOldKeysUntilTheNomination},
      {"roleConflict_isToldToThePeer", roleConflict_isToldToThePeer},
      {"unknownAttribute_thatMustBeUnderstood_is420", unknownAttribute_thatMustBeUnderstood_is420},
      {"removal_leavesNothing", removal_leavesNothing},
  };
  for (const auto &[name, function] : cases)
    g_test_add_func((std::string("/ice_table/") + name).c_str(), function);
  return g_test_run();
}
