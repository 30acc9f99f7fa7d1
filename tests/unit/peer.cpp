// SPDX-License-Identifier: LGPL-2.1-or-later
// One client's state machine: which actions follow from which input, and that nothing else does.
#include "peer_actions.h"

using namespace gws;

namespace {

// --- What the client says that ends it -----------------------------------------------------------

struct FaultRow {
  const char *name;
  std::string text;
  const char *close;  // what the close action begins with
};

const FaultRow kFaults[] = {
    {"notJson_closes", "hello", "close 4400 the message cannot be read: not a JSON object"},
    {"noType_closes", "{}", "close 4400 \"type\" is missing, expected a string"},
    {"wrongType_closes", R"({"type":"offer","sdp":1})", "close 4400 \"sdp\" is a number"},
    {"tooLarge_closes", std::string(256 * 1024 + 1, ' '),
     "close 4413 a message of 262145 bytes came, expected at most 262144\n"},
};

const FaultRow kOfferFaults[] = {
    {"sdpEmpty_closes", R"({"type":"offer","sdp":""})", "close 4400 "},
    {"sdpNonsense_closes", R"({"type":"offer","sdp":"hello"})", "close 4400 "},
    {"sdpTooLarge_closes", R"({"type":"offer","sdp":")" + std::string(129 * 1024, 'v') + "\"}",
     "close 4413 "},
};

void testFaultBeforeOffer(const void *data) {
  const auto *row = static_cast<const FaultRow *>(data);
  Peer peer = peerAt(Stage::Awaiting);
  const PeerActions actions = peer.onText(row->text, kStart);
  expectPrefix(actions, row->close);
  g_assert_cmpuint(actions.size(), ==, 1);
  expectSilence(peer);
}

void testFaultWhilePublishing(const void *data) {
  const auto *row = static_cast<const FaultRow *>(data);
  for (const Stage stage : {Stage::Negotiating, Stage::Connected}) {
    Peer peer = peerAt(stage);
    g_assert_true(peer.publishing());
    const PeerActions actions = peer.onText(row->text, kStart);
    expectPrefix(actions, row->close);
    g_assert_cmpuint(actions.size(), ==, 2);
    expectPrefix({actions[1]}, "end refused ");
    expectSilence(peer);
  }
}

void binary_anyStage_closes() {
  const std::string close = "close 4400 a binary frame came, expected JSON text\n";
  Peer awaiting = peerAt(Stage::Awaiting);
  expect(awaiting.onBinary(), close);
  expectSilence(awaiting);
  Peer connected = peerAt(Stage::Connected);
  expect(connected.onBinary(), close + "end refused a binary frame came, expected JSON text\n");
  expectSilence(connected);
}

void message_atTheLimit_isRead() {
  PeerLimits limits;
  const std::string text = offerMessage();
  limits.messageBytes = text.size();
  Peer peer(limits, kStart);
  expect(peer.onText(text, kStart), "start 2\n");
  Peer other(limits, kStart);
  expectPrefix(other.onText(text + ' ', kStart), "close 4413 ");
}

void unknownType_few_areNotedAndIgnored() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(R"({"type":"bye\n"})", kStart),
         "note ignored a message of the unknown type \"bye?\"\n");
  g_assert_false(peer.finished());
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
}

void unknownType_flood_closes() {
  Peer peer = peerAt(Stage::Connected);
  for (int i = 0; i < 256; ++i)
    expectPrefix(peer.onText(R"({"type":"x"})", kStart), "note ");
  expectPrefix(peer.onText(R"({"type":"x"})", kStart),
               "close 4400 more than 256 messages of unknown types came\nend refused ");
  expectSilence(peer);
}

// --- Remote candidates ---------------------------------------------------------------------------

struct CandidateRow {
  const char *name;
  std::string text;
  std::string expected;  // the actions, once the offer is there
};

const CandidateRow kCandidates[] = {
    {"usable_isAdded", candidateText(hostCandidate(1)), "add " + hostCandidate(1) + '\n'},
    {"bareString_isAdded",
     R"({"type":"candidate","candidate":"a=)" + hostCandidate(1) + "\\r\\n\"}",
     "add " + hostCandidate(1) + '\n'},
    {"sameFragment_isAdded", candidateText(hostCandidate(1), "\"4ZcD\""),
     "add " + hostCandidate(1) + '\n'},
    {"emptyFragment_isAdded", candidateText(hostCandidate(1), "\"\""),
     "add " + hostCandidate(1) + '\n'},
    {"otherFragment_isDropped", candidateText(hostCandidate(1), "\"4ZcE\""),
     "note dropped a candidate of another ICE session (usernameFragment): \"" + hostCandidate(1) +
         "\"\n"},
    {"empty_isDroppedSilently", candidateText(""), ""},
    {"null_isDroppedSilently", R"({"type":"candidate","candidate":null})", ""},
    {"component2_isDropped", candidateText(hostCandidate(1, "udp", 2)),
     "note dropped a candidate that is of no use here: \"" + hostCandidate(1, "udp", 2) + "\"\n"},
    {"tcp_isDropped", candidateText(hostCandidate(1, "tcp")),
     "note dropped a candidate that is of no use here: "
     "\"candidate:1 1 tcp 2122260223 192.0.2.1 50001 typ host\"\n"},
    {"mdns_isDropped", candidateText("candidate:1 1 udp 1 a-b.local 5000 typ host"),
     "note dropped a candidate that is of no use here: "
     "\"candidate:1 1 udp 1 a-b.local 5000 typ host\"\n"},
    {"nonsense_isDropped", candidateText("hello"),
     "note dropped a candidate that is of no use here: not a candidate\n"},
    {"password_isNotNoted", candidateText(hostCandidate(1, "udp", 2) + " username u password p"),
     "note dropped a candidate that is of no use here: \"" + hostCandidate(1, "udp", 2) + "\"\n"},
};

void testCandidateAfterOffer(const void *data) {
  const auto *row = static_cast<const CandidateRow *>(data);
  for (const Stage stage : {Stage::Negotiating, Stage::Connected}) {
    Peer peer = peerAt(stage);
    expect(peer.onText(row->text, kStart), row->expected);
    g_assert_true(peer.publishing());
  }
}

/// The same actions, be they given at once (a note on a useless one) or with the offer.
void testCandidateBeforeOffer(const void *data) {
  const auto *row = static_cast<const CandidateRow *>(data);
  Peer peer = peerAt(Stage::Awaiting);
  const std::string early = describe(peer.onText(row->text, kStart));
  const std::string late = describe(peer.onText(offerMessage(), kStart));
  g_assert_true(early.empty() || early == row->expected);
  g_assert_true(g_str_has_prefix(late.c_str(), "start 2\n"));
  const std::string all = early + late.substr(8);
  g_assert_cmpstr(all.c_str(), ==, row->expected.c_str());
}

void candidates_beforeAndInsideOffer_followItInOrder() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(candidateText(hostCandidate(1)), kStart), "");
  expect(peer.onText(candidateText(hostCandidate(2)), kStart), "");
  const std::string inside = "a=" + hostCandidate(3) + "\r\na=" + hostCandidate(4) + "\r\n";
  expect(peer.onText(offerMessage(inside), kStart),
         "start 2\nadd " + hostCandidate(1) + "\nadd " + hostCandidate(2) + "\nadd " +
             hostCandidate(3) + "\nadd " + hostCandidate(4) + '\n');
  expect(peer.onText(candidateText(hostCandidate(5)), kStart), "add " + hostCandidate(5) + '\n');
}

void candidates_uselessInsideOffer_areNotAdded() {
  Peer peer = peerAt(Stage::Awaiting);
  const std::string inside =
      "a=" + hostCandidate(1, "tcp") + "\r\na=" + hostCandidate(2, "udp", 2) + "\r\n";
  const std::string actions = describe(peer.onText(offerMessage(inside), kStart));
  g_assert_true(g_str_has_prefix(actions.c_str(), "start 2\n"));
  g_assert_null(g_strstr_len(actions.c_str(), -1, "add "));
}

PeerLimits withCandidates(std::size_t count) {
  PeerLimits limits;
  limits.candidates = count;
  return limits;
}

void candidates_beyondTheLimit_areNotedThenClose() {
  Peer peer = peerAt(Stage::Connected, withCandidates(2));
  for (unsigned i = 1; i <= 2; ++i)
    expect(peer.onText(candidateText(hostCandidate(i)), kStart), "add " + hostCandidate(i) + '\n');
  for (unsigned i = 3; i <= 8; ++i)
    expect(peer.onText(candidateText(hostCandidate(i)), kStart),
           "note dropped a candidate beyond the first 2\n");
  expect(peer.onText(candidateText(hostCandidate(9)), kStart),
         "close 4400 more than 8 candidate messages came\n"
         "end refused more than 8 candidate messages came\n");
  expectSilence(peer);
}

void candidates_insideTheOffer_count() {
  Peer peer(withCandidates(3), kStart);
  expect(peer.onText(candidateText(hostCandidate(1)), kStart), "");
  const std::string inside = "a=" + hostCandidate(2) + "\r\na=" + hostCandidate(3) + "\r\n";
  expect(peer.onText(offerMessage(inside), kStart), "start 2\nadd " + hostCandidate(1) + "\nadd " +
                                                        hostCandidate(2) + "\nadd " +
                                                        hostCandidate(3) + '\n');
  expect(peer.onText(candidateText(hostCandidate(4)), kStart),
         "note dropped a candidate beyond the first 3\n");
}

void candidates_insideTheOfferBeyondTheLimit_areNoted() {
  Peer peer(withCandidates(1), kStart);
  expect(peer.onText(candidateText(hostCandidate(1)), kStart), "");
  expect(peer.onText(offerMessage("a=" + hostCandidate(2) + "\r\n"), kStart),
         "start 2\nadd " + hostCandidate(1) + "\nnote dropped a candidate beyond the first 1\n");
}

void candidates_beforeTheOffer_areBounded() {
  Peer peer(withCandidates(2), kStart);
  for (unsigned i = 1; i <= 2; ++i)
    expect(peer.onText(candidateText(hostCandidate(i)), kStart), "");
  for (unsigned i = 3; i <= 8; ++i)
    expect(peer.onText(candidateText(hostCandidate(i)), kStart),
           "note dropped a candidate beyond the first 2\n");
  expect(peer.onText(candidateText(hostCandidate(9)), kStart),
         "close 4400 more than 8 candidate messages came\n");
  expectSilence(peer);
}

void candidates_uselessOnes_doNotUseUpTheLimit() {
  Peer peer = peerAt(Stage::Negotiating, withCandidates(1));
  expect(peer.onText(candidateText(""), kStart), "");
  expectPrefix(peer.onText(candidateText(hostCandidate(1, "tcp")), kStart), "note ");
  expect(peer.onText(candidateText(hostCandidate(2)), kStart), "add " + hostCandidate(2) + '\n');
}

void candidate_noteOnHostileText_isPrintable() {
  Peer peer = peerAt(Stage::Negotiating);
  expect(peer.onText(R"({"type":"candidate","candidate":"candidate:x\n\u001b\u202ey"})", kStart),
         "note dropped a candidate that is of no use here: \"candidate:x???y\"\n");
}

// --- Answer and local candidates -----------------------------------------------------------------

void answer_localCandidatesBeforeIt_followIt() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  expect(peer.onLocalCandidate("candidate:1", "0", 0), "");
  expect(peer.onLocalCandidate("candidate:2", "1", 1), "");
  expect(peer.onAnswer("v=0"),
         "answer v=0\ncandidate 0 0 candidate:1\ncandidate 1 1 candidate:2\n");
  expect(peer.onLocalCandidate("candidate:3", "0", 0), "candidate 0 0 candidate:3\n");
}

void answer_second_isIgnored() {
  Peer peer = peerAt(Stage::Negotiating);
  expect(peer.onAnswer("v=1"), "");
}

void answer_withoutOffer_isIgnored() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onAnswer("v=0"), "");
  expect(peer.onLocalCandidate("candidate:1", "0", 0), "");
  g_assert_false(peer.publishing());
}

// --- The socket's end ----------------------------------------------------------------------------

struct ClosedRow {
  const char *name;
  std::optional<unsigned> code;
  const char *negotiating, *connected;  // the actions
};

const char kBroke[] = "end lost the socket broke before media was connected\n";
const ClosedRow kClosed[] = {
    {"normal_isGoodbye", 1000, "end goodbye the publisher said goodbye\n",
     "end goodbye the publisher said goodbye\n"},
    {"withoutCode_isGoodbye", 1005, "end goodbye the publisher said goodbye\n",
     "end goodbye the publisher said goodbye\n"},
    {"goingAway_isLost", 1001, "end lost the page was left\n", "end lost the page was left\n"},
    {"protocolError_isLost", 1002, "end lost the publisher closed its socket with code 1002\n",
     "end lost the publisher closed its socket with code 1002\n"},
    {"applicationCode_isLost", 4321, "end lost the publisher closed its socket with code 4321\n",
     "end lost the publisher closed its socket with code 4321\n"},
    {"withoutFrame_isLostUnlessConnected", std::nullopt, kBroke, ""},
    {"abnormal_isLostUnlessConnected", 1006, kBroke, ""},
};

void testClosed(const void *data) {
  const auto *row = static_cast<const ClosedRow *>(data);
  Peer awaiting = peerAt(Stage::Awaiting);
  expect(awaiting.onSocketClosed(row->code), "");
  expectSilence(awaiting);
  Peer negotiating = peerAt(Stage::Negotiating);
  expect(negotiating.onSocketClosed(row->code), row->negotiating);
  expectSilence(negotiating);
  Peer connected = peerAt(Stage::Connected);
  expect(connected.onSocketClosed(row->code), row->connected);
  if (*row->connected) expectSilence(connected);
}

void socket_brokenWhileConnected_leavesThePublication() {
  Peer peer = peerAt(Stage::Connected);
  expect(peer.onSocketClosed(std::nullopt), "");
  g_assert_true(peer.publishing());
  g_assert_false(peer.finished());
  expect(peer.onText("{", kStart), "");
  expect(peer.onBinary(), "");
  expect(peer.onLocalCandidate("candidate:1", "0", 0), "");
  expect(peer.onTick(kStart + 10 * kTimeout), "");
  expect(peer.onSocketClosed(1000), "");
  g_assert_true(peer.publishing());
  expect(peer.onPublicationEnded(CloseCode::TooSlow, "no media"), "");
  expectSilence(peer);
}

// --- The publication's end -----------------------------------------------------------------------

void publicationEnded_anyStage_tellsTheClient() {
  for (const Stage stage : {Stage::Awaiting, Stage::Negotiating, Stage::Connected}) {
    Peer peer = peerAt(stage);
    expect(peer.onPublicationEnded(CloseCode::NoCommonCodec, "offered AV1, expected H264"),
           "close 4406 offered AV1, expected H264\n");
    expectSilence(peer);
  }
}

void publicationEnded_longReason_isCut() {
  Peer peer = peerAt(Stage::Connected);
  expect(peer.onPublicationEnded(CloseCode::GoingAway, std::string(200, 'a')),
         "close 1001 " + std::string(120, 'a') + "…\n");
}

// --- Time ----------------------------------------------------------------------------------------

void tick_noOffer_closesAtTheDeadline() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onTick(kStart + kTimeout - PeerTime(1)), "");
  expect(peer.onTick(kStart + kTimeout), "close 4408 no offer within 10 s\n");
  expectSilence(peer);
}

void tick_candidatesAlone_doNotExtendTheDeadline() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(candidateText(hostCandidate(1)), kStart + kTimeout / 2), "");
  expect(peer.onTick(kStart + kTimeout), "close 4408 no offer within 10 s\n");
}

void tick_notConnected_closesAtTheDeadline() {
  Peer peer = peerAt(Stage::Awaiting);
  const PeerTime offered = kStart + kTimeout - PeerTime(1);
  expect(peer.onText(offerMessage(), offered), "start 2\n");
  expect(peer.onTick(offered + kTimeout - PeerTime(1)), "");
  expect(peer.onTick(offered + kTimeout),
         "close 4408 no media connection within 10 s of the offer\n"
         "end refused no media connection within 10 s of the offer\n");
  expectSilence(peer);
}

void tick_notConnected_tellsTheObstacle() {
  Peer peer = peerAt(Stage::Awaiting);
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  expect(peer.onTick(kStart + kTimeout, "no ICE check came to UDP port 8080"),
         "close 4408 no media connection within 10 s of the offer: no ICE check came to UDP port "
         "8080\n"
         "end refused no media connection within 10 s of the offer: no ICE check came to UDP port "
         "8080\n");
}

void tick_connected_neverCloses() {
  Peer peer = peerAt(Stage::Connected);
  expect(peer.onTick(kStart + 1000 * kTimeout), "");
  g_assert_true(peer.publishing());
}

void tick_oddTimeout_isNamedInMilliseconds() {
  PeerLimits limits;
  limits.negotiationTimeout = PeerTime(1'500);
  Peer peer(limits, PeerTime(0));
  expect(peer.onTick(PeerTime(1'500)), "close 4408 no offer within 1500 ms\n");
}

void publishing_follows_thePublication() {
  Peer peer = peerAt(Stage::Awaiting);
  g_assert_false(peer.publishing());
  g_assert_false(peer.finished());
  expect(peer.onConnected(), "");
  g_assert_false(peer.publishing());
  expect(peer.onText(offerMessage(), kStart), "start 2\n");
  g_assert_true(peer.publishing());
  expect(peer.onConnected(), "");
  g_assert_true(peer.publishing());
  expectPrefix(peer.onSocketClosed(1000), "end goodbye ");
  expectSilence(peer);
}

template <typename Rows>
void addRows(const Rows &rows, const char *subject, GTestDataFunc function) {
  for (const auto &row : rows)
    g_test_add_data_func((std::string("/peer/") + subject + '_' + row.name).c_str(), &row,
                         function);
}

#define ADD(test) g_test_add_func("/peer/" #test, test)

void addClientTests() {
  addRows(kFaults, "faultBeforeOffer", testFaultBeforeOffer);
  addRows(kOfferFaults, "faultBeforeOffer", testFaultBeforeOffer);
  addRows(kFaults, "faultWhilePublishing", testFaultWhilePublishing);
  addRows(kCandidates, "candidateAfterOffer", testCandidateAfterOffer);
  addRows(kCandidates, "candidateBeforeOffer", testCandidateBeforeOffer);
  addRows(kClosed, "socketClosed", testClosed);
  ADD(binary_anyStage_closes);
  ADD(message_atTheLimit_isRead);
  ADD(unknownType_few_areNotedAndIgnored);
  ADD(unknownType_flood_closes);
  ADD(candidates_beforeAndInsideOffer_followItInOrder);
  ADD(candidates_uselessInsideOffer_areNotAdded);
  ADD(candidates_beyondTheLimit_areNotedThenClose);
  ADD(candidates_insideTheOffer_count);
  ADD(candidates_insideTheOfferBeyondTheLimit_areNoted);
  ADD(candidates_beforeTheOffer_areBounded);
  ADD(candidates_uselessOnes_doNotUseUpTheLimit);
  ADD(candidate_noteOnHostileText_isPrintable);
  ADD(socket_brokenWhileConnected_leavesThePublication);
}

void addPublicationTests() {
  ADD(answer_localCandidatesBeforeIt_followIt);
  ADD(answer_second_isIgnored);
  ADD(answer_withoutOffer_isIgnored);
  ADD(publicationEnded_anyStage_tellsTheClient);
  ADD(publicationEnded_longReason_isCut);
  ADD(tick_noOffer_closesAtTheDeadline);
  ADD(tick_candidatesAlone_doNotExtendTheDeadline);
  ADD(tick_notConnected_closesAtTheDeadline);
  ADD(tick_notConnected_tellsTheObstacle);
  ADD(tick_connected_neverCloses);
  ADD(tick_oddTimeout_isNamedInMilliseconds);
  ADD(publishing_follows_thePublication);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  addClientTests();
  addPublicationTests();
  return g_test_run();
}
