// SPDX-License-Identifier: LGPL-2.1-or-later
// A port that many publishers share: TCP beside UDP, who is heard no more, and how many strangers
// are listened to.
#include <chrono>
#include <string>
#include <utility>

#include "ice_peer.h"

using namespace gws;
using namespace gws::test;
using std::chrono::seconds;

namespace {

const IcePeer kPeer;
const IcePeer kSecond{kOthersOfOurs, kTheirs};

void addSecond(TableBench &bench) {
  bench.table.add(2, kOthersOfOurs);
  bench.table.setRemote(2, kTheirs);
}

void mustSendTo(const TableBench &bench, const IcePath &path) {
  const auto sent = bench.pathOf(1);
  g_assert_true(sent.has_value());
  g_assert_true(*sent == path);
}

// --- TCP -----------------------------------------------------------------------------------------

void ends_withOneAddress_areToldApartByConnection() {
  TableBench bench;
  bench.connect(overTcp(9, 1));
  g_assert_true(bench.delivers(overTcp(9, 1)));
  g_assert_false(bench.delivers(from(9)));
  g_assert_false(bench.delivers(overTcp(9, 2)));
  g_assert_true(bench.table.knows(overTcp(9, 1)));
  g_assert_false(bench.table.knows(from(9)));
  g_assert_false(bench.table.knows(overTcp(9, 2)));
  mustSendTo(bench, overTcp(9, 1));
}

void ends_withOneAddress_areDifferentSessions() {
  TableBench bench;
  addSecond(bench);
  bench.connect(from(9));
  bench.connect(overTcp(9, 1), kSecond);
  g_assert_cmpuint(bench.put(from(9), kMedia).session, ==, 1);
  g_assert_cmpuint(bench.put(overTcp(9, 1), kMedia).session, ==, 2);
  mustSendTo(bench, from(9));
  g_assert_cmpuint(bench.pathOf(2)->connection, ==, 1);
}

void answer_byAnotherConnection_provesNothing() {
  TableBench bench;
  bench.put(overTcp(9, 1), kPeer.check(1, true));
  const Packet answer = bench.answerToCheck(overTcp(9, 1));
  mustBeSilent(bench, bench.put(from(9), answer));
  mustBeSilent(bench, bench.put(overTcp(9, 2), answer));
  g_assert_true(bench.put(overTcp(9, 1), answer).connected);
}

void connection_thatIsClosed_isForgotten() {
  TableBench bench;
  bench.connect(overTcp(9, 1));
  bench.table.onClosed(overTcp(9, 1));
  g_assert_false(bench.table.knows(overTcp(9, 1)));
  g_assert_false(bench.delivers(overTcp(9, 1)));
  g_assert_false(bench.pathOf(1).has_value());
  bench.table.onClosed(overTcp(9, 1));
  // It was connected before.
  bench.put(overTcp(9, 2), kPeer.check(4, true));
  g_assert_false(bench.put(overTcp(9, 2), bench.answerToCheck(overTcp(9, 2))).connected);
  mustSendTo(bench, overTcp(9, 2));
}

void connection_thatIsClosed_isFollowedByWhatWasProvedAndHeardLast() {
  TableBench bench;
  bench.connect(overTcp(9, 1));
  for (const std::uint8_t host : {6, 7, 8}) {
    bench.now += seconds(1);
    bench.prove(from(host));
  }
  bench.now += seconds(1);
  bench.put(from(7), kPeer.check(3, false));
  bench.now += seconds(1);
  bench.put(from(5), kPeer.check(4, false));  // it is not proved
  mustSendTo(bench, overTcp(9, 1));
  bench.table.onClosed(overTcp(9, 1));
  mustSendTo(bench, from(7));
}

void connection_thatIsNotUsed_closesWithoutAChange() {
  TableBench bench;
  bench.connect(from(9));
  bench.prove(overTcp(9, 1));
  bench.table.onClosed(overTcp(9, 1));
  mustSendTo(bench, from(9));
  bench.table.onClosed(overTcp(9, 2));
  bench.table.onClosed(from(3));
  mustSendTo(bench, from(9));
}

void removal_leavesNoConnection() {
  TableBench bench;
  bench.connect(overTcp(9, 1));
  bench.table.remove(1);
  g_assert_false(bench.table.knows(overTcp(9, 1)));
}

// --- Which pair ----------------------------------------------------------------------------------

void check_onAPairThatWasLeft_doesNotMoveBack() {
  TableBench bench;
  bench.connect(from(9));
  bench.put(from(7), kPeer.check(4, true));
  bench.put(from(7), bench.answerToCheck(from(7)));
  mustSendTo(bench, from(7));
  bench.put(from(9), kPeer.check(5, false));
  mustSendTo(bench, from(7));
  bench.put(from(9), kPeer.check(6, true));
  mustSendTo(bench, from(9));
}

void move_isToldOnce() {
  TableBench bench;
  bench.put(from(9), kPeer.check(1, true));
  g_assert_true(bench.put(from(9), bench.answerToCheck(from(9))).moved);
  g_assert_false(bench.put(from(9), kMedia).moved);
  g_assert_false(bench.put(from(9), kPeer.check(2, true)).moved);
  bench.prove(from(7));
  g_assert_true(bench.put(from(7), kMedia).moved);
  g_assert_false(bench.put(from(7), kMedia).moved);
  g_assert_true(bench.put(from(9), kPeer.check(3, true)).moved);
}

// --- Signs of life -------------------------------------------------------------------------------

void silence_ofHalfAMinute_endsWhatIsSent() {
  TableBench bench;
  bench.connect(from(9));
  bench.now += IceTable::kConsent - IceTime(1);
  mustSendTo(bench, from(9));
  bench.now += IceTime(1);
  g_assert_false(bench.pathOf(1).has_value());
  // Another pair's life is not this one's.
  bench.put(from(7), kPeer.check(4, false));
  g_assert_false(bench.pathOf(1).has_value());
  bench.put(from(9), kPeer.check(5, false));
  mustSendTo(bench, from(9));
}

void life_isAnyPacketFromAnEndThatIsKnown() {
  TableBench bench;
  const Packet indication = RawStun(0x0011).addFingerprint().packet();
  g_assert_cmpint(bench.table.heardOf(1).count(), ==, 0);
  bench.connect(from(9));
  g_assert_true(bench.table.heardOf(1) == bench.now);
  for (const Packet &packet :
       {kMedia, kRtcp, kDtls, indication, RawStun(0x0011).packet(), kPeer.check(3, false)}) {
    bench.now += IceTable::kConsent;
    bench.put(from(8), kPeer.forgedCheck(3));
    bench.put(from(9), kPeer.forgedCheck(3));
    bench.put(from(9), {1, 2, 3});
    bench.put(from(8), packet == kPeer.check(3, false) ? kPeer.forgedCheck(1) : packet);
    g_assert_true(bench.table.heardOf(1) == bench.now - IceTable::kConsent);
    g_assert_false(bench.pathOf(1).has_value());
    bench.put(from(9), packet);
    g_assert_true(bench.table.heardOf(1) == bench.now);
    mustSendTo(bench, from(9));
  }
  g_assert_cmpint(bench.table.heardOf(2).count(), ==, 0);
}

void indication_isNotFollowed() {
  TableBench bench;
  bench.connect(from(9));
  bench.prove(from(7));
  const IceOutcome outcome = bench.put(from(7), RawStun(0x0011).addFingerprint().packet());
  mustBeSilent(bench, outcome);
  g_assert_cmpuint(outcome.session, ==, 1);
  mustSendTo(bench, from(9));
}

// --- Strangers -----------------------------------------------------------------------------------

/// That many at once, from one source or from a source for each.
void flood(TableBench &bench, const IcePeer &peer, unsigned count, bool fromOneSource) {
  const Packet packet = peer.forgedCheck(1);
  for (unsigned i = 0; i < count; i++) {
    StunAddress source = at(66, static_cast<std::uint16_t>(1024 + i % 60000));
    if (!fromOneSource) {
      source.bytes[1] = static_cast<std::uint8_t>(1 + i % 250);
      source.bytes[2] = static_cast<std::uint8_t>(i / 250);
    }
    mustBeSilent(bench, bench.put({source, at(1, 0)}, packet));
  }
}

void flood_fromOneSource_isAtTheCostOfThatSource() {
  TableBench bench;
  bench.connect(from(9));
  bench.prove(from(66));
  flood(bench, kPeer, 5000, true);
  g_assert_false(bench.isAnswered(from(66, 100)));
  g_assert_true(bench.isAnswered(from(66)));  // known before
  g_assert_true(bench.isAnswered(from(9)));
  g_assert_true(bench.isAnswered(from(8)));
  bench.now += seconds(1);
  g_assert_true(bench.isAnswered(from(66, 100)));
}

void flood_fromForgedSources_isAtTheCostOfThatSession() {
  TableBench bench;
  bench.connect(from(9));
  addSecond(bench);
  flood(bench, kPeer, 5000, false);
  g_assert_false(bench.isAnswered(from(8)));
  g_assert_true(bench.isAnswered(from(9)));
  g_assert_true(bench.isAnswered(from(8), kSecond));
  bench.now += seconds(1);
  g_assert_true(bench.isAnswered(from(8)));
}

/// Sources that come back after a while, as new.
void flood_thatLasts_isAtTheCostOfThatSession() {
  TableBench bench;
  bench.connect(from(9));
  addSecond(bench);
  for (unsigned round = 0; round < 20; round++) {
    for (unsigned i = 0; i < 100; i++) {
      bench.now += IceTime(500);
      bench.put({at(static_cast<std::uint8_t>(i), 5000, 7), at(1, 0)}, kPeer.forgedCheck(1));
    }
  }
  g_assert_false(bench.isAnswered(from(8)));
  g_assert_true(bench.isAnswered(from(9)));
  g_assert_true(bench.isAnswered(from(8), kSecond));
}

void flood_ofManySessions_isAtTheCostOfStrangers() {
  TableBench bench;
  bench.connect(from(9));
  for (unsigned session = 2; session < 22; session++) {
    const IcePeer victim{{"frag" + std::to_string(session), kOurs.pwd}, kTheirs};
    bench.table.add(session, victim.ours);
    flood(bench, victim, 1000, false);
  }
  g_assert_false(bench.isAnswered(from(8)));
  g_assert_true(bench.isAnswered(from(9)));
  bench.now += seconds(1);
  g_assert_true(bench.isAnswered(from(8)));
}

void flood_ofAnUnknownUfrag_costsNobody() {
  TableBench bench;
  flood(bench, IcePeer{kWrong, kTheirs}, 20'000, false);
  g_assert_true(bench.isAnswered(from(66)));
}

void source_ofIpv6_isItsNetwork() {
  const StunAddress a = addressOf("2001:db8:0:1::1", 1), b = addressOf("2001:db8:0:1:f::2", 2),
                    c = addressOf("2001:db8:0:2::1", 1);
  g_assert_true(iceSource(a) == iceSource(b));
  g_assert_true(iceSource(a) != iceSource(c));
  g_assert_true(iceSource(at(9, 1)) == iceSource(at(9, 2)));
  g_assert_true(iceSource(at(9, 1)) != iceSource(at(8, 1)));
}

void check_ofOurs_isNoLongerThanTheRequest() {
  TableBench bench;
  bench.table.setRemote(1, {std::string(256, 'u'), kTheirs.pwd});
  const Packet request =
      RawStun(0x0001).add(0x0006, kOurs.ufrag).addIntegrity(kOurs.pwd).addFingerprint().packet();
  bench.put(from(9), request);
  g_assert_cmpuint(bench.replies.count, ==, 1);
  g_assert_cmpuint(bench.replies.buffers[0].size, <=, request.size());
  const IcePeer conforming{kOurs, {std::string(256, 'u'), kTheirs.pwd}};
  bench.put(from(9), conforming.check(1, false));
  g_assert_cmpuint(bench.replies.count, ==, 2);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  const std::pair<const char *, GTestFunc> cases[] = {
      {"ends_withOneAddress_areToldApartByConnection",
       ends_withOneAddress_areToldApartByConnection},
      {"ends_withOneAddress_areDifferentSessions", ends_withOneAddress_areDifferentSessions},
      {"answer_byAnotherConnection_provesNothing", answer_byAnotherConnection_provesNothing},
      {"connection_thatIsClosed_isForgotten", connection_thatIsClosed_isForgotten},
      {"connection_thatIsClosed_isFollowedByWhatWasProvedAndHeardLast",
       connection_thatIsClosed_isFollowedByWhatWasProvedAndHeardLast},
      {"connection_thatIsNotUsed_closesWithoutAChange",
       connection_thatIsNotUsed_closesWithoutAChange},
      {"removal_leavesNoConnection", removal_leavesNoConnection},
      {"check_onAPairThatWasLeft_doesNotMoveBack", check_onAPairThatWasLeft_doesNotMoveBack},
      {"move_isToldOnce", move_isToldOnce},
      {"silence_ofHalfAMinute_endsWhatIsSent", silence_ofHalfAMinute_endsWhatIsSent},
      {"life_isAnyPacketFromAnEndThatIsKnown", life_isAnyPacketFromAnEndThatIsKnown},
      {"indication_isNotFollowed", indication_isNotFollowed},
      {"flood_fromOneSource_isAtTheCostOfThatSource", flood_fromOneSource_isAtTheCostOfThatSource},
      {"flood_fromForgedSources_isAtTheCostOfThatSession",
       flood_fromForgedSources_isAtTheCostOfThatSession},
      {"flood_thatLasts_isAtTheCostOfThatSession", flood_thatLasts_isAtTheCostOfThatSession},
      {"flood_ofManySessions_isAtTheCostOfStrangers", flood_ofManySessions_isAtTheCostOfStrangers},
      {"flood_ofAnUnknownUfrag_costsNobody", flood_ofAnUnknownUfrag_costsNobody},
      {"source_ofIpv6_isItsNetwork", source_ofIpv6_isItsNetwork},
      {"check_ofOurs_isNoLongerThanTheRequest", check_ofOurs_isNoLongerThanTheRequest},
  };
  for (const auto &[name, function] : cases)
    g_test_add_func((std::string("/ice_table_ends/") + name).c_str(), function);
  return g_test_run();
}
