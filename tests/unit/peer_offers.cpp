// SPDX-License-Identifier: LGPL-2.1-or-later
// One client's state machine: the second and further offers of a connection.
#include "peer_actions.h"

using namespace gws;

namespace {

void offer_beforeTheAnswer_closes() {
  const std::string reason = "an offer came before the last one was answered\n";
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  expect(peer.onText(offerMessage(), kStart), "close 4400 " + reason + "end refused " + reason);
  expectSilence(peer);
}

void offer_afterTheAnswer_startsAnew() {
  for (const Stage stage : {Stage::Negotiating, Stage::Connected}) {
    Peer peer = peerAt(stage);
    expect(peer.onText(offerMessage(), kStart), "start 2\n");
    g_assert_true(peer.publishing());
    // The new one's candidates wait for the new one's answer.
    expect(peer.onLocalCandidate("candidate:1", "0", 0), "");
    expect(peer.onAnswer("v=1"), "answer v=1\ncandidate 0 0 candidate:1\n");
    expect(peer.onAnswer("v=2"), "");
    expect(peer.onConnected(), "");
    expect(peer.onText(offerMessage(), kStart), "start 2\n");
  }
}

void offer_againBeforeItsAnswer_endsBoth() {
  const std::string reason = "an offer came before the last one was answered\n";
  Peer peer = peerAt(Stage::Connected);
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  expect(peer.onText(offerMessage(), kStart), "close 4400 " + reason + "end refused " + reason);
  expectSilence(peer);
}

void offer_againWithOtherCredentials_takesTheirCandidates() {
  Peer peer = peerAt(Stage::Connected);
  const std::string before = candidateText(hostCandidate(1), "\"4ZcD\"");
  const std::string after = candidateText(hostCandidate(2), "\"NeWu\"");
  expectPrefix(peer.onText(after, kStart), "note dropped a candidate of another ICE session ");
  expect(peer.onText(offerMessage("", "NeWu"), kStart), "start 2\n");
  expect(peer.onText(after, kStart), "add " + hostCandidate(2) + '\n');
  expectPrefix(peer.onText(before, kStart), "note dropped a candidate of another ICE session ");
}

void offer_againAndAgain_isBounded() {
  Peer peer = peerAt(Stage::Awaiting);
  PeerTime now = kStart;
  auto offerAndAnswer = [&] {
    expect(peer.onText(offerMessage(), now), "start 2\n");
    expectPrefix(peer.onAnswer("v=0"), "answer ");
  };
  for (unsigned i = 0; i < 8; ++i)
    offerAndAnswer();
  now += PeerTime(2000);
  offerAndAnswer();
  expectPrefix(peer.onText(offerMessage(), now), "close 4503 offers came too often");
  expectSilence(peer);
}

void offer_again_hasItsOwnCandidateLimit() {
  PeerLimits limits;
  limits.candidates = 1;
  Peer peer = peerAt(Stage::Connected, limits);
  for (unsigned round = 0; round < 3; ++round) {
    expect(peer.onText(candidateText(hostCandidate(1)), kStart), "add " + hostCandidate(1) + '\n');
    for (unsigned i = 2; i <= 4; ++i)
      expectPrefix(peer.onText(candidateText(hostCandidate(i)), kStart), "note ");
    expect(peer.onText(offerMessage(), kStart), "start 2\n");
    expectPrefix(peer.onAnswer("v=0"), "answer ");
  }
}

void offer_again_whichIsBroken_closes() {
  Peer peer = peerAt(Stage::Connected);
  const PeerActions actions = peer.onText(R"({"type":"offer","sdp":"hello"})", kStart);
  expectPrefix(actions, "close 4400 ");
  g_assert_cmpuint(actions.size(), ==, 2);
  expectPrefix({actions[1]}, "end refused ");
  expectSilence(peer);
}

void tick_offerAgain_hasADeadlineOfItsOwn() {
  Peer peer = peerAt(Stage::Connected);
  const PeerTime offered = kStart + 10 * kTimeout;
  expect(peer.onText(offerMessage(), offered), "start 2\n");
  expectPrefix(peer.onAnswer("v=1"), "answer ");
  expect(peer.onTick(offered + kTimeout - PeerTime(1)), "");
  expect(peer.onTick(offered + kTimeout),
         "close 4408 no media connection within 10 s of the offer\n"
         "end refused no media connection within 10 s of the offer\n");
  expectSilence(peer);
  Peer other = peerAt(Stage::Connected);
  expect(other.onText(offerMessage(), offered), "start 2\n");
  expectPrefix(other.onAnswer("v=1"), "answer ");
  expect(other.onConnected(), "");
  expect(other.onTick(offered + 2 * kTimeout), "");
}

void restart_connected_takesTheNewFragmentAlone() {
  PeerLimits limits;
  limits.candidates = 1;
  Peer peer = peerAt(Stage::Connected, limits);
  g_assert_cmpstr(peer.remoteUfrag().c_str(), ==, "4ZcD");
  expect(peer.onText(candidateText(hostCandidate(1)), kStart), "add " + hostCandidate(1) + '\n');
  g_assert_true(peer.onRestart("new1", kStart));
  g_assert_cmpstr(peer.remoteUfrag().c_str(), ==, "new1");
  expectPrefix(peer.onText(candidateText(hostCandidate(2), "\"4ZcD\""), kStart),
               "note dropped a candidate of another ICE session");
  expectPrefix(peer.onText(candidateText(hostCandidate(2), "\"new1\""), kStart),
               "note dropped a candidate beyond the first 1");
  expect(peer.onAnswer("v=2"), "answer v=2\n");
  expect(peer.onTick(kStart + 10 * kTimeout), "");
}

void restart_againAndAgain_isBounded() {
  Peer peer = peerAt(Stage::Connected);
  unsigned taken = 0;
  while (peer.onRestart("new" + std::to_string(taken), kStart))
    g_assert_cmpuint(++taken, <, 100);
  g_assert_cmpuint(taken, >, 0);
  // The refused one has changed nothing, and the publication goes on.
  const std::string last = "new" + std::to_string(taken - 1);
  g_assert_cmpstr(peer.remoteUfrag().c_str(), ==, last.c_str());
  g_assert_true(peer.publishing());
  g_assert_true(peer.onRestart("later", kStart + PeerTime(10'000)));
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/peer_offers/offer_beforeTheAnswer_closes", offer_beforeTheAnswer_closes);
  g_test_add_func("/peer_offers/offer_afterTheAnswer_startsAnew", offer_afterTheAnswer_startsAnew);
  g_test_add_func("/peer_offers/offer_againBeforeItsAnswer_endsBoth",
                  offer_againBeforeItsAnswer_endsBoth);
  g_test_add_func("/peer_offers/offer_againWithOtherCredentials_takesTheirCandidates",
                  offer_againWithOtherCredentials_takesTheirCandidates);
  g_test_add_func("/peer_offers/offer_againAndAgain_isBounded", offer_againAndAgain_isBounded);
  g_test_add_func("/peer_offers/offer_again_hasItsOwnCandidateLimit",
                  offer_again_hasItsOwnCandidateLimit);
  g_test_add_func("/peer_offers/offer_again_whichIsBroken_closes",
                  offer_again_whichIsBroken_closes);
  g_test_add_func("/peer_offers/tick_offerAgain_hasADeadlineOfItsOwn",
                  tick_offerAgain_hasADeadlineOfItsOwn);
  g_test_add_func("/peer_offers/restart_connected_takesTheNewFragmentAlone",
                  restart_connected_takesTheNewFragmentAlone);
  g_test_add_func("/peer_offers/restart_againAndAgain_isBounded", restart_againAndAgain_isBounded);
  return g_test_run();
}
