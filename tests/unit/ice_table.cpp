// SPDX-License-Identifier: LGPL-2.1-or-later
// A port that many publishers share: who gets a datagram, and what is sent to whom.
#include <string>
#include <utility>

#include "ice_peer.h"

using namespace gws;
using namespace gws::test;

namespace {

void check_withTheKeys_isAnsweredAndReturned() {
  TableBench bench;
  const IceOutcome outcome = bench.put(from(9), IcePeer().check(1, false));
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
  g_assert_false(bench.pathOf(1).has_value());
}

void check_withoutTheKeys_isNotAnswered() {
  TableBench bench;
  mustBeSilent(bench, bench.put(from(9), IcePeer().forgedCheck(1)));
  IcePeer stranger;
  stranger.ours.ufrag = "nobody";
  mustBeSilent(bench, bench.put(from(9), stranger.check(1, true)));
  mustBeSilent(bench, bench.put(from(9), kMedia));
  Packet damaged = IcePeer().check(1, true);
  damaged[30] ^= 1;
  mustBeSilent(bench, bench.put(from(9), damaged));
  mustBeSilent(bench, bench.put(from(9), {}));
  mustBeSilent(bench, bench.put(from(9), {0x40, 0, 0, 0}));
}

void nomination_beforeOurCheckIsAnswered_waitsForIt() {
  TableBench bench;
  g_assert_false(bench.put(from(9), IcePeer().check(1, true)).connected);
  g_assert_false(bench.pathOf(1).has_value());
  const IceOutcome proved = bench.put(from(9), bench.answerToCheck(from(9)));
  g_assert_true(proved.connected);
  g_assert_true(bench.pathOf(1)->remote == from(9).remote);
  g_assert_true(bench.pathOf(1)->local == from(9).local);
}

void nomination_afterOurCheckIsAnswered_connectsOnce() {
  TableBench bench;
  bench.put(from(9), IcePeer().check(1, false));
  g_assert_false(bench.put(from(9), bench.answerToCheck(from(9))).connected);
  g_assert_true(bench.put(from(9), IcePeer().check(2, true)).connected);
  g_assert_cmpuint(bench.replies.count, ==, 1);  // proved: no check of ours any more
  g_assert_false(bench.put(from(9), IcePeer().check(3, true)).connected);
}

void answer_thatIsForged_provesNothing() {
  TableBench bench;
  bench.put(from(9), IcePeer().check(1, true));
  const Packet right = bench.answerToCheck(from(9));
  const Packet wrongKey = bench.answerToCheck(from(9), kOthersOfOurs);
  mustBeSilent(bench, bench.put(from(9), wrongKey));
  mustBeSilent(bench, bench.put(from(8), right));  // from elsewhere
  g_assert_false(bench.pathOf(1).has_value());
  g_assert_true(bench.put(from(9), right).connected);
  mustBeSilent(bench, bench.put(from(9), right));  // again
}

void media_fromAKnownAddress_isDelivered() {
  TableBench bench;
  bench.put(from(9), IcePeer().check(1, false));
  for (const Packet &packet : {kMedia, kRtcp, kDtls}) {
    const IceOutcome outcome = bench.put(from(9), packet);
    g_assert_true(outcome.deliver);
    g_assert_cmpuint(outcome.session, ==, 1);
    mustBeSilent(bench, bench.put(from(9, 5001), packet));
    mustBeSilent(bench, bench.put(from(8), packet));
  }
}

void media_fromAProvedAddress_isFollowed() {
  TableBench bench;
  bench.connect(from(9));
  // Its keys alone do not move it: what is answered there might be somebody else's.
  bench.put(from(7), IcePeer().check(5, false));
  g_assert_true(bench.put(from(7), kMedia).deliver);
  g_assert_true(bench.pathOf(1)->remote == from(9).remote);
  bench.put(from(7), IcePeer().check(6, false));
  bench.put(from(7), bench.answerToCheck(from(7)));
  g_assert_true(bench.pathOf(1)->remote == from(9).remote);
  g_assert_true(bench.put(from(7), kMedia).deliver);
  g_assert_true(bench.pathOf(1)->remote == from(7).remote);
}

void address_ofAnother_isTakenByProofAlone() {
  TableBench bench;
  bench.connect(from(9));
  bench.table.add(2, kOthersOfOurs);
  bench.table.setRemote(2, kTheirs);
  const IcePeer second{kOthersOfOurs, kTheirs};
  bench.put(from(9), second.check(1, true));  // the source may be forged
  g_assert_cmpuint(bench.put(from(9), kMedia).session, ==, 1);
  bench.put(from(9), second.check(2, true));
  g_assert_true(bench.put(from(9), bench.answerToCheck(from(9))).connected);
  g_assert_cmpuint(bench.put(from(9), kMedia).session, ==, 2);
  g_assert_false(bench.pathOf(1).has_value());
}

void addresses_beyondTheLimit_replaceTheSilentOne() {
  TableBench bench;
  bench.connect(from(9));
  for (std::uint8_t host = 20; host < 60; ++host)
    bench.put(from(host), IcePeer().check(host, false));
  g_assert_true(bench.put(from(9), kMedia).deliver);
  g_assert_true(bench.put(from(59), kMedia).deliver);
  g_assert_false(bench.put(from(20), kMedia).deliver);
  unsigned known = 0;
  for (std::uint8_t host = 20; host < 60; ++host)
    known += bench.put(from(host), kMedia).deliver;
  g_assert_cmpuint(known, ==, IceTable::kMaxPaths - 1);
}

void restart_keepsTheOldKeysUntilTheNomination() {
  TableBench bench;
  bench.connect(from(9));
  const IceKeys ours{"newserver", "new-server-password-22-b"},
      theirs{"newpeer", "new-peer-password-22-byt"};
  bench.table.restart(1, ours, theirs);
  g_assert_true(bench.put(from(9), kMedia).deliver);
  bench.put(from(9), IcePeer().check(7, true));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  const IcePeer peer{ours, theirs};
  bench.put(from(7), peer.check(8, true));
  const IceOutcome moved = bench.put(from(7), bench.answerToCheck(from(7), theirs));
  g_assert_false(moved.connected);  // it was already
  g_assert_true(bench.pathOf(1)->remote == from(7).remote);
  mustBeSilent(bench, bench.put(from(9), IcePeer().check(9, true)));
}

void roleConflict_isToldToThePeer() {
  TableBench bench;
  bench.put(from(9), IcePeer().request(1, IcePeer::kControlled, kOurs.pwd));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  g_assert_true(bench.reply(0).messageClass == StunClass::Error);
  g_assert_cmpuint(*bench.reply(0).errorCode, ==, 487);
  g_assert_false(bench.put(from(9), kMedia).deliver);
}

void unknownAttribute_thatMustBeUnderstood_is420() {
  TableBench bench;
  bench.put(from(9), IcePeer().request(1, IcePeer::kUnknown, kOurs.pwd));
  g_assert_cmpuint(bench.replies.count, ==, 1);
  g_assert_cmpuint(*bench.reply(0).errorCode, ==, 420);
}

void removal_leavesNothing() {
  TableBench bench;
  bench.connect(from(9));
  bench.table.remove(1);
  mustBeSilent(bench, bench.put(from(9), kMedia));
  mustBeSilent(bench, bench.put(from(9), IcePeer().check(2, true)));
  g_assert_false(bench.pathOf(1).has_value());
  bench.table.remove(1);
  bench.table.restart(1, kOurs, kTheirs);
  bench.table.setRemote(1, kTheirs);
  mustBeSilent(bench, bench.put(from(9), IcePeer().check(3, true)));
}

void check_beforeTheRemoteKeysAreKnown_isAnsweredAlone() {
  TableBench bench;
  bench.table.add(2, kOthersOfOurs);
  const IcePeer peer{kOthersOfOurs, kTheirs};
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
