// SPDX-License-Identifier: LGPL-2.1-or-later
// One bad session: where it attacks, its random numbers, and the words for how it ended.
#include "session.h"

#include "plan.h"

namespace gws::hostile {

namespace {

constexpr unsigned kShared = 15;  // percent of all sessions that come from one address

}  // namespace

std::string strangeAddress(Session &session) {
  return "127." + std::to_string(session.between(16, 250)) + "." +
         std::to_string(session.upTo(255)) + "." + std::to_string(session.between(1, 254));
}

Session::Session(const Target &target, std::uint64_t seed, unsigned number) : target_(target) {
  std::seed_seq sequence{static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32), number};
  random_.seed(sequence);
  source_ = chance(kShared) ? kSharedAddress : strangeAddress(*this);
  static const std::vector<std::string> streams = {
      kGoodStream,   kGoodStream, kSecondStream, kSecondStream, kSecondStream, kSecondStream,
      kSecondStream, kRawStream,  kRawStream,    kRawStream,    "nobody"};
  stream_ = pick(streams);
}

std::string Session::bytes(std::size_t count) {
  std::string result(count, '\0');
  for (char &byte : result)
    byte = static_cast<char>(random_());
  return result;
}

Timeout Session::stay() {
  if (target_.hasty || !chance(8)) return Timeout(upTo(300));
  return Timeout(between(1'000, 13'000));
}

Outcome httpOutcome(HandSocket &socket) {
  if (!socket.connected()) return "no connection";
  if (const int status = socket.readStatus()) return "http " + std::to_string(status);
  return socket.wasCut() ? kCut : kSilence;
}

Outcome closeOutcome(HandSocket &socket) {
  const auto end = socket.readClose();
  if (end.closed) return "close " + std::to_string(end.closeCode);
  return socket.wasCut() ? kCut : kSilence;
}

Outcome leaveOutcome(Session &session, HandSocket &socket) {
  socket.setPatience(session.stay());
  const auto end = socket.readClose();
  if (session.chance(30)) socket.reset();
  if (end.closed) return "close " + std::to_string(end.closeCode);
  return socket.wasCut() ? kCut : kLeft;
}

Outcome onSocket(Session &session, const std::function<Outcome(HandSocket &)> &act) {
  HandSocket socket(session.options());
  if (!socket.connected()) return "no connection";
  const int status = socket.upgrade(session.socketPath());
  if (status == 101) return act(socket);
  if (status) return "http " + std::to_string(status);
  return socket.wasCut() ? kCut : kSilence;
}

std::string textFrame(std::string_view text) { return clientFrame(Opcode::Text, true, text); }

std::string jsonText(std::string_view text) {
  std::string json = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\')
      json += std::string("\\") + byte;
    else if (static_cast<unsigned char>(byte) < 0x20)
      json += byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t";
    else
      json += byte;
  }
  return json + "\"";
}

std::string rawOffer(std::string_view sdp) {
  return R"({"type":"offer","sdp":)" + jsonText(sdp) + "}";
}

}  // namespace gws::hostile
