// SPDX-License-Identifier: LGPL-2.1-or-later
// The table behind a port that many publishers share: the input is a script of what their
// signalling does, of packets from a few ends, good and bad, and of time that goes by.
#include "ice_table.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "packet_kind.h"
#include "tests/unit/stun_message.h"

using namespace gws;
using test::Packet;
using test::RawStun;

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr unsigned kSessions = 4, kNewcomer = 9;
constexpr unsigned kEnds = 28, kUnusedEnd = 28;
constexpr std::size_t kMostSteps = 200;

/// Packets come from few ends: more than a session may have, over UDP, IPv6 and TCP.
IcePath pathOf(unsigned number) {
  const auto port = static_cast<std::uint16_t>(5000 + number);
  const std::string host = std::to_string(1 + number / 8);
  const bool v6 = number % 8 == 6, tcp = number % 8 == 7;
  const std::string address = v6 ? "2001:db8::" + host : "192.0.2." + host;
  return {test::addressOf(address.c_str(), port), test::addressOf("198.51.100.1", 0),
          tcp ? number : 0};
}

/// The script, which ends in zeros.
class Script {
 public:
  explicit Script(Bytes bytes) : bytes_(bytes) {}
  bool isOver() const { return bytes_.empty() || steps_ >= kMostSteps; }
  unsigned step() {
    ++steps_;
    return next();
  }
  unsigned next() {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  unsigned upTo(unsigned most) { return next() % (most + 1); }
  Packet take(std::size_t most) {
    const Bytes part = bytes_.first(std::min(bytes_.size(), most));
    bytes_ = bytes_.subspan(part.size());
    return {part.begin(), part.end()};
  }

 private:
  Bytes bytes_;
  std::size_t steps_ = 0;
};

/// What is known of a session from outside of the table.
struct Publisher {
  std::vector<IceKeys> locals;  ///< that may be good: of its last restarts, the newest last
  std::vector<IceKeys> dead;    ///< those before
  IceKeys remote;
  std::set<unsigned> shown;   ///< ends from which a check with its keys came
  std::set<unsigned> proved;  ///< ends that answered a check of ours
  bool connected = false;
};

/// A check that was sent, and the key of whoever it was sent to.
struct Asked {
  StunTransaction transaction;
  unsigned session = 0;
  std::string key;
};

class Bench {
 public:
  void run(Script script) {
    while (!script.isOver())
      act(script);
    checkBounds();
    for (unsigned id = 1; id <= kSessions; ++id)
      remove(id);
    checkEmpty();
    letIn();
  }

 private:
  void act(Script &script) {
    switch (script.step() % 12) {
      case 0:
      case 1:
        return add(script);
      case 2:
        return restart(script);
      case 3:
        return remove(1 + script.upTo(kSessions - 1));
      case 4:
      case 5:
        return sendCheck(script);
      case 6:
        return sendAnswer(script);
      case 7:
        return sendMedia(script);
      case 8:
        return sendOdd(script);
      case 9:
        return sendRaw(script);
      case 10:
        now_ += std::chrono::milliseconds(script.next() * script.next());
        return;
      default:
        return close(script.upTo(kEnds - 1));
    }
  }

  IceKeys newKeys(const char *side, unsigned id) {
    const std::string text = side + std::to_string(id) + "." + std::to_string(++keys_);
    return {text, "a password of " + text + " that is long"};
  }

  void add(Script &script) {
    const unsigned id = 1 + script.upTo(kSessions - 1);
    add(id, script.upTo(3) > 0);
  }
  void add(unsigned id, bool withRemote) {
    auto [found, added] = publishers_.try_emplace(id);
    Publisher &publisher = found->second;
    if (added) {
      publisher.locals = {newKeys("ours", id)};
      table_.add(id, publisher.locals[0]);
      g_assert_true(!table_.pathOf(id, now_) && table_.heardOf(id) == IceTime(0));
    }
    if (!withRemote) return;
    publisher.remote = newKeys("theirs", id);
    table_.setRemote(id, publisher.remote);
  }

  /// Their name may be as long as they like.
  void restart(Script &script) {
    const unsigned id = 1 + script.upTo(kSessions - 1), style = script.upTo(2);
    const auto found = publishers_.find(id);
    const IceKeys local = newKeys("ours", id);
    IceKeys remote = newKeys("theirs", id);
    if (style == 2) remote.ufrag += std::string(240, 'x');
    table_.restart(id, local, remote);
    if (found == publishers_.end()) return;
    Publisher &publisher = found->second;
    publisher.locals.push_back(local);
    publisher.remote = remote;
    if (publisher.locals.size() <= 2) return;
    publisher.dead.push_back(publisher.locals.front());
    publisher.locals.erase(publisher.locals.begin());
  }

  void remove(unsigned id) {
    table_.remove(id);
    publishers_.erase(id);
    g_assert_true(!table_.pathOf(id, now_) && table_.heardOf(id) == IceTime(0));
  }

  void close(unsigned end) {
    table_.onClosed(pathOf(end));
    g_assert_false(table_.knows(pathOf(end)));
    for (auto &[id, publisher] : publishers_) {
      publisher.shown.erase(end);
      publisher.proved.erase(end);
    }
  }

  /// The session whose keys a request was made with; 0: nobody's.
  unsigned authorOf(Bytes packet) const {
    const auto message = parseStun(packet);
    if (!message || message->messageClass != StunClass::Request || !message->username) return 0;
    const std::string_view name = *message->username;
    for (const auto &[id, publisher] : publishers_)
      for (const IceKeys &keys : publisher.locals)
        if (name.substr(0, name.find(':')) == keys.ufrag &&
            checkIntegrity(packet, *message, keys.pwd))
          return id;
    return 0;
  }

  /// Hands a packet to the table, and looks at everything that it says.
  IceOutcome put(unsigned end, const Packet &packet) {
    IceReplies replies;
    replies.count = 77;
    const IcePath path = pathOf(end);
    const unsigned author = authorOf(packet);
    const IceOutcome outcome = table_.onPacket(path, packet, now_, replies);
    g_assert_cmpuint(replies.count, <=, author ? 2 : 0);
    g_assert_true(outcome.session == 0 || publishers_.contains(outcome.session));
    if (author) g_assert_true(outcome.session == author || outcome.session == 0);
    if (author && outcome.session) publishers_[author].shown.insert(end);
    for (std::size_t i = 0; i < replies.count; ++i)
      noteReply(end, author, packet, replies.buffers[i]);
    checkOutcome(end, packet, outcome);
    return outcome;
  }

  void noteReply(unsigned end, unsigned author, Bytes request, const StunBuffer &reply) {
    g_assert_cmpuint(reply.size, <=, request.size());
    const auto message = parseStun(reply.packet());
    g_assert_true(message && message->hasFingerprint && message->integrityOffset);
    if (message->messageClass == StunClass::Request) {
      const IceKeys &remote = publishers_[author].remote;
      g_assert_true(checkIntegrity(reply.packet(), *message, remote.pwd));
      asked_[end] = {message->transaction, author, remote.pwd};
    } else {
      g_assert_true(message->transaction == parseStun(request)->transaction);
    }
  }

  void checkOutcome(unsigned end, Bytes packet, const IceOutcome &outcome) {
    const PacketKind kind = packetKind(packet);
    if (outcome.deliver) {
      g_assert_true(kind != PacketKind::Stun && kind != PacketKind::Other);
      g_assert_true(publishers_[outcome.session].shown.contains(end));
    }
    if (outcome.connected) {
      Publisher &publisher = publishers_[outcome.session];
      g_assert_true(!std::exchange(publisher.connected, true));
      g_assert_true(table_.pathOf(outcome.session, now_) == pathOf(end));
    }
    if (outcome.session) g_assert_true(table_.heardOf(outcome.session) <= now_);
    checkPaths();
  }

  /// Nothing is sent to who has not answered.
  void checkPaths() {
    for (const auto &[id, publisher] : publishers_) {
      const auto path = table_.pathOf(id, now_);
      if (!path) continue;
      g_assert_true(publisher.connected && now_ - table_.heardOf(id) < IceTable::kConsent);
      g_assert_true(std::any_of(publisher.proved.begin(), publisher.proved.end(),
                                [&](unsigned end) { return pathOf(end) == *path; }));
    }
  }

  /// A check: whose, under which of its names, with which key, from where, and of what kind.
  void sendCheck(Script &script) {
    const auto found = publishers_.find(1 + script.upTo(kSessions - 1));
    const unsigned end = script.upTo(kEnds - 1), kind = script.next(), keyKind = script.next();
    if (found == publishers_.end()) return;
    const Publisher &publisher = found->second;
    const IceKeys &local = keyKind & 0x08 && !publisher.dead.empty() ? publisher.dead.back()
                           : kind & 0x80                             ? publisher.locals.front()
                                                                     : publisher.locals.back();
    const std::string name = kind & 0x40 ? local.ufrag : local.ufrag + ":" + publisher.remote.ufrag;
    const std::string key = keyKind % 8 == 7   ? publisher.remote.pwd
                            : keyKind % 8 == 6 ? publisher.locals.front().pwd
                            : keyKind % 8 == 5 ? local.pwd.substr(1)
                                               : local.pwd;
    RawStun raw(0x0001, std::string(11, 't') + static_cast<char>(kind));
    raw.add(0x0006, name);
    if (kind & 0x20) raw.add(0x8029, "01234567");
    if (kind & 0x10) raw.add(0x0033, "");
    if (!(kind & 0x08)) raw.add(0x0024, "1234").add(0x802a, "01234567");
    if (kind & 0x04) raw.add(0x0025, "");
    if (kind & 0x02) raw.add(0x8022, std::string(kind & 0x01 ? 400 : 30, 's'));
    put(end, raw.addIntegrity(key).addFingerprint().packet());
  }

  /// To the last check that was sent to an end; from there or from elsewhere.
  void sendAnswer(Script &script) {
    const unsigned to = script.upTo(kEnds - 1), style = script.next();
    const auto found = asked_.find(to);
    if (found == asked_.end()) return;
    const Asked asked = found->second;
    const unsigned from = style & 1 ? script.upTo(kEnds - 1) : to;
    const std::string_view transaction = test::textOf(asked.transaction);
    RawStun raw(style & 2 ? 0x0111 : 0x0101, transaction);
    raw.add(0x0020, std::string_view("\0\1\x21\x12\x5e\x12\xa4\x43", 8));
    raw.addIntegrity(style & 4 ? "another password" : asked.key).addFingerprint();
    const bool isRight = from == to && !(style & 6);
    // Whether it still counts, the table knows; that it does not without this is looked at.
    if (isRight && publishers_.contains(asked.session)) {
      publishers_[asked.session].proved.insert(from);
      publishers_[asked.session].shown.insert(from);
    }
    const IceOutcome outcome = put(from, raw.packet());
    g_assert_true(isRight || outcome.session == 0);
    if (outcome.session) asked_.erase(from);
  }

  void sendMedia(Script &script) {
    const unsigned end = script.upTo(kEnds - 1);
    Packet packet = {static_cast<std::uint8_t>(script.next()),
                     static_cast<std::uint8_t>(script.next())};
    packet.resize(2 + script.upTo(60));
    put(end, packet);
  }

  /// Attributes of the input's, signed with a session's key.
  void sendOdd(Script &script) {
    const unsigned end = script.upTo(kEnds - 1), type = script.next() & 0x13fu;
    const auto found = publishers_.find(1 + script.upTo(kSessions - 1));
    if (found == publishers_.end()) return;
    const Packet attributes = script.take(script.next() / 4 * 4);
    RawStun raw(type);
    raw.add(0x0006, found->second.locals.back().ufrag + ":x").append(test::textOf(attributes));
    raw.setLength(raw.packet().size() - 20).addIntegrity(found->second.locals.back().pwd);
    put(end, raw.addFingerprint().packet());
  }

  void sendRaw(Script &script) {
    const unsigned end = script.upTo(kEnds - 1);
    put(end, script.take(script.next()));
  }

  void checkBounds() const {
    std::size_t known = 0;
    for (unsigned end = 0; end < kEnds; ++end)
      known += table_.knows(pathOf(end));
    g_assert_cmpuint(known, <=, publishers_.size() * IceTable::kMaxPaths);
  }

  /// What was somebody's is nobody's.
  void checkEmpty() {
    for (unsigned end = 0; end < kEnds; ++end) {
      g_assert_false(table_.knows(pathOf(end)));
      g_assert_cmpuint(put(end, {0x80, 96, 0, 1}).session, ==, 0);
    }
    for (const auto &[end, asked] : std::map(asked_))
      g_assert_cmpuint(put(end, RawStun(0x0101, test::textOf(asked.transaction))
                                    .addIntegrity(asked.key)
                                    .addFingerprint()
                                    .packet())
                           .session,
                       ==, 0);
  }

  /// Whatever was before, an honest publisher is let in.
  void letIn() {
    now_ += std::chrono::seconds(60);
    add(kNewcomer, true);
    const Publisher &publisher = publishers_[kNewcomer];
    const std::string name = publisher.locals[0].ufrag + ":" + publisher.remote.ufrag;
    RawStun raw(0x0001);
    raw.add(0x0006, name).add(0x0024, "1234").add(0x802a, "01234567").add(0x0025, "");
    put(kUnusedEnd, raw.addIntegrity(publisher.locals[0].pwd).addFingerprint().packet());
    const auto asked = asked_.find(kUnusedEnd);
    g_assert_true(asked != asked_.end());
    publishers_[kNewcomer].proved.insert(kUnusedEnd);
    const IceOutcome outcome =
        put(kUnusedEnd, RawStun(0x0101, test::textOf(asked->second.transaction))
                            .addIntegrity(asked->second.key)
                            .addFingerprint()
                            .packet());
    g_assert_true(outcome.connected && outcome.session == kNewcomer);
    g_assert_true(put(kUnusedEnd, {0x80, 96, 0, 1}).deliver);
  }

  StunTransaction newTransaction() {
    StunTransaction transaction{};
    const unsigned number = ++transactions_;
    for (std::size_t i = 0; i < 4; ++i)
      transaction[i] = static_cast<std::uint8_t>(number >> 8 * i);
    return transaction;
  }

  IceTable table_{[this] { return newTransaction(); }};
  IceTime now_ = std::chrono::seconds(1);
  std::map<unsigned, Publisher> publishers_;
  std::map<unsigned, Asked> asked_;  ///< by end
  unsigned transactions_ = 0, keys_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  Bench().run(Script({data, size}));
  return 0;
}
