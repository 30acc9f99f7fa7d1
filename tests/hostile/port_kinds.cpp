// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN at a port that all publishers share: strange keys, stolen addresses, odd messages.
#include <algorithm>
#include <array>

#include "crowd.h"

namespace gws::hostile {

namespace {

using Strings = std::vector<std::string>;

std::string randomHex(Session &session, unsigned digits) {
  std::string text;
  while (text.size() < digits)
    text += "0123456789abcdef"[session.upTo(15)];
  return text;
}

// --- Without keys --------------------------------------------------------------------------------

/// Nobody's name, or nearly the good publisher's.
std::string unknownUser(Session &session) {
  const std::string &good = session.target().goodUser;
  const auto colon = good.find(':');
  const Strings names = {randomHex(session, 32) + ":" + randomHex(session, 8),
                         randomHex(session, session.between(1, 256)),
                         good.substr(0, colon - 1) + good.substr(colon),
                         good.substr(0, colon) + "x" + good.substr(colon),
                         good.substr(colon + 1) + ":" + good.substr(0, colon),
                         good.substr(1),
                         "",
                         ":",
                         std::string(session.between(400, 520), 'u')};
  return session.pick(names);
}

/// As if its name in the answer had been seen by somebody.
std::string knownUser(Session &session) {
  const std::string &good = session.target().goodUser;
  const std::string ours = good.substr(0, good.find(':'));
  return session.pick(
      Strings{good, ours, ours + ":", ours + ":" + randomHex(session, 8), good + ":x"});
}

template <std::string (*user)(Session &)>
Outcome guessKeys(Session &session) {
  if (session.target().goodPorts.empty()) return kLeft;
  Crowd crowd(session);
  for (unsigned i = session.between(20, 300); i > 0; --i) {
    const std::string name = user(session);
    const Strings keys = {randomHex(session, 32), name, "", name.substr(0, name.find(':'))};
    std::string packet = iceCheck(session, name, session.pick(keys));
    if (session.chance(10))  // without a proof at all
      packet = StunMessage(kBindingRequest, session.bytes(12))
                   .add(kUsername, name)
                   .fingerprint()
                   .bytes();
    crowd.next().send(packet, session.pick(session.target().goodPorts));
    pace(i);
  }
  return unlessAnswered(session, crowd, kLeft);
}

/// One's own name with another key, and one's own key with another name.
Outcome wrongKey(Session &session, const Prey &prey) {
  Crowd crowd(session);
  for (unsigned i = session.between(20, 400); i > 0; --i) {
    const bool own = session.chance(70);
    crowd.next().send(
        own ? iceCheck(session, prey.user(), randomHex(session, 32))
            : iceCheck(session, session.chance(50) ? knownUser(session) : unknownUser(session),
                       prey.reply.credentials.pwd),
        prey.port());
    pace(i, 32);
  }
  const bool heard = knock(session, prey);
  return unlessAnswered(session, crowd, heard ? "answered" : "answered, not heard", Timeout(0));
}

// --- With keys, from everywhere ------------------------------------------------------------------

/// More addresses for one session than anybody has.
Outcome manyAddresses(Session &session, const Prey &prey) {
  for (unsigned i = session.between(50, session.target().hasty ? 200 : 2'000); i > 0; --i) {
    Crowd one(session);
    UdpPeer &peer = one.add();
    peer.send(prey.check(session), prey.port());
    if (session.chance(50)) peer.receive(Timeout(1));
    const Outcome outcome = unlessAmplified(session, one, kLeft);
    if (outcome != kLeft) return outcome;
    pace(i, 32);
  }
  return knock(session, prey) ? "answered" : "answered, not heard";
}

/// A packet that was good once, again and again, from here and there.
Outcome replay(Session &session, const Prey &prey) {
  const std::string packet = prey.check(session);
  Crowd crowd(session);
  for (unsigned i = session.between(20, 200); i > 0; --i) {
    crowd.next().send(packet, prey.port());
    pace(i, 32);
  }
  return unlessAmplified(session, crowd, knock(session, prey) ? "answered" : "answered, not heard");
}

/// The address that the good publisher sends from is claimed for a session of one's own, with good
/// keys; and its session for an address of one's own, without.
Outcome steal(Session &session, const Prey &prey) {
  const auto &paths = session.target().goodPaths;
  if (paths.empty()) return kLeft;
  Spoofer spoofer;
  Crowd crowd(session);
  const std::string replayed = prey.check(session);
  for (unsigned i = session.between(20, 200); i > 0; --i) {
    const IpPort &from = session.pick(paths);
    if (!spoofer.send(from, prey.port(), session.chance(50) ? replayed : prey.check(session)))
      return "no raw socket";
    crowd.next().send(iceCheck(session, session.target().goodUser, prey.reply.credentials.pwd),
                      prey.port());
    pace(i);
  }
  const bool heard = knock(session, prey);
  return unlessAnswered(session, crowd, heard ? "answered" : "answered, not heard", Timeout(0));
}

/// Two sessions from one address, which each of them proves in its turn.
Outcome share(Session &session, const Prey &prey) {
  const Ingest second = post(session, session.offer());
  UdpPeer peer(session);
  const Prey other = second.made() ? preyOf(second) : prey;
  for (unsigned i = session.between(5, 60); i > 0; --i) {
    const Prey &one = session.chance(50) ? prey : other;
    peer.send(one.check(session), one.port());
    const auto packet = peer.receive(Timeout(20));
    if (packet && stunTypeOf(*packet) == kBindingRequest)
      peer.send(bindingSuccess(*packet, session.chance(50) ? one.own.pwd : prey.own.pwd),
                one.port());
    if (session.chance(20)) peer.send("\x80\x60" + session.bytes(40), one.port());
  }
  leaveIngest(session, second);
  return "answered";
}

/// The socket is closed before the answer comes: the server's host hears that nobody is there.
Outcome refuse(Session &session, const Prey &prey) {
  for (unsigned i = session.between(20, 200); i > 0; --i) {
    UdpPeer peer(session);
    peer.send(prey.check(session), prey.port());
    pace(i, 16);
  }
  if (session.chance(50)) {
    IcePeer ice(session, prey.reply, prey.own);
    ice.connect(Timeout(1'000));
  }
  return knock(session, prey) ? "answered" : "answered, not heard";
}

// --- Odd messages --------------------------------------------------------------------------------

struct Attribute {
  unsigned type;
  std::string value;
};

/// Of a check, some of them missing, twice, odd, or unknown.
std::vector<Attribute> oddAttributes(Session &session, const Prey &prey) {
  std::vector<Attribute> attributes = {{kUsername, prey.user()},
                                       {kPriority, bigEndian(1845501695, 4)},
                                       {kIceControlling, session.bytes(8)},
                                       {kUseCandidate, ""}};
  const std::vector<Attribute> odd = {
      {kIceControlled, bigEndian(0, 8)},
      {kIceControlled, std::string(8, '\xff')},
      {kIceControlled, ""},
      {kUsername, "x:" + prey.user()},
      {kUsername, prey.reply.credentials.ufrag},
      {kPriority, ""},
      {kUseCandidate, session.bytes(4)},
      {kErrorCode, bigEndian(487, 4)},
      {kXorMappedAddress, session.bytes(8)},
      {kXorMappedAddress, session.bytes(20)},
      {0x7fff, session.bytes(4)},
      {session.upTo(0x7fff), ""},
      {0xc057, session.bytes(4)},
      {session.between(0x8000, 0xffff), session.bytes(session.upTo(700))},
      {0x001c, session.bytes(32)},  // MESSAGE-INTEGRITY-SHA256
      {0x8022, std::string(session.upTo(800), 's')}};
  for (unsigned i = session.upTo(6); i > 0; --i)
    attributes.push_back(session.pick(odd));
  if (session.chance(30)) attributes.erase(attributes.begin() + session.upTo(3));
  std::shuffle(attributes.begin(), attributes.end(), session.random());
  return attributes;
}

/// A message of such attributes; what proves the keys is in its place, or anywhere.
std::string oddMessage(Session &session, const Prey &prey, unsigned type) {
  StunMessage message(type, session.chance(90) ? session.bytes(12) : std::string(12, '\0'));
  const auto attributes = oddAttributes(session, prey);
  const bool regular = session.chance(60);
  const std::size_t signedAt = session.upTo(8), countedAt = session.upTo(12);
  const std::string &key = prey.reply.credentials.pwd;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    if (!regular && i == signedAt) message.integrity(key);
    if (!regular && i == countedAt) message.fingerprint();
    message.add(attributes[i].type, attributes[i].value);
  }
  if (regular || session.chance(60)) message.sign(key);
  return message.bytes();
}

Outcome oddChecks(Session &session, const Prey &prey) {
  Crowd crowd(session);
  for (unsigned i = session.between(20, 300); i > 0; --i) {
    const std::string packet = oddMessage(session, prey, kBindingRequest);
    for (unsigned times = session.chance(10) ? session.between(2, 20) : 1; times > 0; --times)
      crowd.next().send(packet, prey.port());
    pace(i, 16);
  }
  return unlessAmplified(session, crowd, knock(session, prey) ? "answered" : "answered, not heard");
}

/// Who says that he is controlled, too, with every tie-breaker.
Outcome roleConflict(Session &session, const Prey &prey) {
  Crowd crowd(session);
  for (unsigned i = session.between(10, 100); i > 0; --i) {
    StunMessage message(kBindingRequest, session.bytes(12));
    message.add(kUsername, prey.user()).add(kPriority, bigEndian(1845501695, 4));
    const Strings breakers = {std::string(8, '\0'), std::string(8, '\xff'), session.bytes(8)};
    if (session.chance(80)) message.add(kIceControlled, session.pick(breakers));
    if (session.chance(30)) message.add(kIceControlling, session.pick(breakers));
    if (session.chance(50)) message.add(kUseCandidate, "");
    crowd.next().send(message.sign(prey.reply.credentials.pwd).bytes(), prey.port());
    pace(i, 16);
  }
  return unlessAmplified(session, crowd, knock(session, prey) ? "answered" : "answered, not heard");
}

/// Responses, errors and indications that nobody has asked for, in every name and under every key.
Outcome unasked(Session &session, const Prey &prey) {
  Crowd crowd(session);
  const Strings keys = {prey.reply.credentials.pwd, prey.own.pwd, "", randomHex(session, 32)};
  for (unsigned i = session.between(20, 300); i > 0; --i) {
    constexpr std::array types{kBindingSuccess, kBindingError, kBindingIndication,
                               0x0003u,         0x0103u,       0x0113u,
                               0x0016u,         0x0017u};
    StunMessage message(session.pick(types), session.bytes(12));
    if (session.chance(50))
      message.add(kUsername, session.chance(50) ? prey.user() : knownUser(session));
    if (session.chance(50)) message.add(kXorMappedAddress, bigEndian(1, 2) + session.bytes(6));
    if (session.chance(30))
      message.add(kErrorCode, bigEndian(session.pick(std::array{0x487u, 0x0401u, 0x0457u}), 4));
    crowd.next().send(message.sign(session.pick(keys)).bytes(), prey.port());
    pace(i, 16);
  }
  const bool heard = knock(session, prey);
  return unlessAnswered(session, crowd, heard ? "answered" : "answered, not heard", Timeout(0));
}

/// Checks of the server, answered wrongly: under another key, twice, from elsewhere, as an error.
Outcome wrongAnswers(Session &session, const Prey &prey) {
  UdpPeer peer(session), elsewhere(strangeAddress(session));
  for (unsigned i = session.between(5, 60); i > 0; --i) {
    peer.send(prey.check(session), prey.port());
    for (int wait = 0; wait < 3; ++wait) {
      const auto packet = peer.receive(Timeout(20));
      if (!packet || stunTypeOf(*packet) != kBindingRequest) continue;
      std::string answer = bindingSuccess(*packet, session.chance(50) ? prey.own.pwd : "wrong");
      if (session.chance(20)) answer[1] = 0x11;
      (session.chance(50) ? peer : elsewhere).send(answer, prey.port());
      if (session.chance(30)) peer.send(answer, prey.port());
      if (session.chance(10)) peer.send(*packet, prey.port());  // its own check
    }
  }
  return "answered";
}

// --- After the end -------------------------------------------------------------------------------

/// Leaves in any phase; who knows the keys of a session that is gone knows nothing.
Outcome vanish(Session &session) {
  const Ingest ingest = post(session, session.offer());
  if (!ingest.made()) return ingest.answer.outcome;
  const Prey prey = preyOf(ingest);
  IcePeer ice(session, prey.reply, prey.own);
  const unsigned phase = session.upTo(4);
  if (phase > 0 && phase < 4) ice.connect(Timeout(500));
  if (phase == 2) ice.receive(Timeout(300));  // a ClientHello
  if (phase == 3) ice.send("\x16\xfe\xfd" + session.bytes(100));
  if (phase == 4) UdpPeer(session).send(prey.check(session), prey.port());
  const HttpAnswer answer = ask(session.options(), deleteOf(ingest));
  if (answer.status != 200) return answer.outcome;
  const gint64 deadline = g_get_monotonic_time() + kPatience.count() * 1000;
  while (g_get_monotonic_time() < deadline) {
    UdpPeer late(session);
    late.send(prey.check(session), prey.port());
    if (!late.receive(Timeout(100))) return "http 200, gone";
  }
  return session.target().ownAgent ? kWrong + "a session that is over answers" : "http 200";
}

constexpr Kind kKinds[] = {
    {"port-unknown-user", 10, guessKeys<unknownUser>},
    {"port-known-user", 10, guessKeys<knownUser>},
    {"port-wrong-key", 10, onPort<wrongKey>, true},
    {"port-many-addresses", 8, onPort<manyAddresses>, true},
    {"port-replay", 8, onPort<replay>, true},
    {"port-steal", 12, onPort<steal>, true},
    {"port-share", 8, onPort<share>, true},
    {"port-refuse", 8, onPort<refuse>, true},
    {"port-odd-checks", 10, onPort<oddChecks>, true},
    {"port-role-conflict", 6, onPort<roleConflict>, true},
    {"port-unasked", 8, onPort<unasked>, true},
    {"port-wrong-answers", 8, onPort<wrongAnswers>, true},
    {"port-vanish", 10, vanish, true},
};

}  // namespace

std::span<const Kind> portKinds() { return kKinds; }

/// Keys of all restarts at the same time. Two of them count, the new ones and those before.
Outcome stormIngest(Session &session, Ingest ingest) {
  std::vector<Prey> all = {preyOf(ingest)};
  Crowd good(session), dead(session);
  HttpAnswer answer;
  for (unsigned round = session.between(3, 15); round > 0; --round) {
    const std::string fragment = "\n" + restartFragment(session);
    answer = ask(session.options(), patchOf(ingest, fragment.substr(1)));
    if (answer.status != 200) break;
    ingest.etag = answer.field("ETag");
    const std::string sdp = "\n" + answer.body;
    Prey next = all.back();
    next.reply.credentials = credentialsOf(sdp);
    next.own = credentialsOf(fragment);
    all.push_back(next);
    for (unsigned i = session.between(5, 30); i > 0; --i) {
      const unsigned at = session.upTo(static_cast<unsigned>(all.size()) - 1);
      Crowd &crowd = at + 2 < all.size() ? dead : good;
      crowd.next().send(all[at].check(session), all[at].port());
    }
  }
  if (answer.status == 200 && !knock(session, all.back())) return answer.outcome + ", not heard";
  const Outcome outcome = unlessAmplified(session, good, answer.outcome);
  return outcome.starts_with(kWrong) ? outcome : unlessAnswered(session, dead, outcome, Timeout(0));
}

}  // namespace gws::hostile
