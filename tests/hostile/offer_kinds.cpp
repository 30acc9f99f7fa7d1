// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers that are wrong, and offers on which nothing follows.
#include "mutate.h"
#include "tests/common/hostile_offers.h"
#include "tests/common/publish_client.h"
#include "whip.h"

namespace gws::hostile {

namespace {

using test::replaceAll;

/// One offer; who is answered stays for a while.
Outcome offerOnce(Session &session, const std::string &sdp) {
  return onSocket(session, [&](HandSocket &socket) {
    const Reply reply = makeOffer(socket, sdp);
    if (!reply.answered()) return reply.outcome;
    const Outcome later = leaveOutcome(session, socket);
    leaveSomehow(session, socket);
    return later == kLeft ? reply.outcome : "answered, " + later;
  });
}

/// The same by POST.
Outcome postOnce(Session &session, const std::string &sdp) {
  const Ingest ingest = post(session, sdp);
  leaveIngest(session, ingest);
  return ingest.answer.outcome;
}

template <std::string (*make)(Session &)>
Outcome overSocket(Session &session) {
  return offerOnce(session, make(session));
}

template <std::string (*make)(Session &)>
Outcome overWhip(Session &session) {
  return postOnce(session, make(session));
}

std::string spoilt(Session &session) { return spoilSdp(session, session.offer()); }

std::string spliced(Session &session) {
  const std::string &first = session.offer();
  const std::string sdp = splice(session, first, session.offer());
  return session.chance(50) ? sdp : spoilSdp(session, sdp);
}

/// Video with the mid 0 and audio with the mid 1: what the list is made for.
std::string videoFirst(const std::string &sdp) {
  auto sections = test::sdpSections(sdp);
  if (sections.size() != 3) return sdp;
  if (sections[1].rfind("m=audio", 0) == 0) {
    std::swap(sections[1], sections[2]);
    sections[1] = replaceAll(sections[1], "a=mid:1", "a=mid:0");
    sections[2] = replaceAll(sections[2], "a=mid:0", "a=mid:1");
  }
  const auto port = sections[1].find(' ') + 1;
  sections[1].replace(port, sections[1].find(' ', port) - port, "9");
  return test::joinSections(sections);
}

std::string crasher(Session &session) {
  const std::string sdp = session.pick(test::hostileOffers()).make(videoFirst(session.offer()));
  return session.chance(70) ? sdp : spoilSdp(session, sdp);
}

std::string huge(Session &session) {
  std::string sdp = session.offer();
  const std::string section = test::sdpSections(sdp).back();
  const unsigned size = session.between(100'000, 300'000);
  const bool sections = session.chance(50);
  while (sdp.size() < size)
    sdp += sections ? section : "a=ssrc:" + std::to_string(session.random()()) + " cname:x\r\n";
  return sdp;
}

/// Offer after offer on one socket, each answered or not.
Outcome again(Session &session) {
  return onSocket(session, [&session](HandSocket &socket) {
    const std::string first = session.offer();
    Reply reply = makeOffer(socket, first);
    for (unsigned i = session.between(1, 4); i > 0 && reply.answered(); --i) {
      std::string sdp = first;
      if (session.chance(30)) sdp = session.offer();
      if (session.chance(30)) sdp = replaceAll(sdp, "a=mid:0", "a=mid:1");
      if (session.chance(50)) sdp = spoilSdp(session, sdp);
      if (session.chance(30))
        sdp = replaceAll(sdp, attributeOf(sdp, "ice-ufrag"), "uf" + std::to_string(i));
      reply = makeOffer(socket, sdp);
    }
    leaveSomehow(session, socket);
    return reply.outcome;
  });
}

/// A good offer, and then nothing.
std::string abandoned(Session &session) { return session.offer(); }

constexpr Kind kKinds[] = {
    {"offer-spoilt", 150, overSocket<spoilt>, true},
    {"offer-spliced", 50, overSocket<spliced>, true},
    {"offer-crasher", 80, overSocket<crasher>, true},
    {"offer-huge", 10, overSocket<huge>, true},
    {"offer-again", 30, again, true},
    {"offer-abandoned", 30, overSocket<abandoned>, true},
    {"whip-offer-spoilt", 60, overWhip<spoilt>, true},
    {"whip-offer-spliced", 20, overWhip<spliced>, true},
    {"whip-offer-crasher", 30, overWhip<crasher>, true},
    {"whip-offer-huge", 10, overWhip<huge>, true},
    {"whip-offer-abandoned", 15, overWhip<abandoned>, true},
};

}  // namespace

std::span<const Kind> offerKinds() { return kKinds; }

}  // namespace gws::hostile
