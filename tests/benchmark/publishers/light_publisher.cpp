// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher without a pipeline: WebSocket, ICE, DTLS and SRTP by hand.
#include "light_publisher.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ext/webrtcserver/packet_kind.h"
#include "ext/webrtcserver/random.h"
#include "ext/webrtcserver/rtcp_report.h"
#include "tests/common/client_json.h"
#include "tests/unit/stun_message.h"

namespace gws::benchmark {

namespace {

constexpr gint64 kMillisecond = 1000, kSecond = 1'000'000;
constexpr gint64 kPatience = 20 * kSecond;
constexpr gint64 kFirstChecks = 50 * kMillisecond, kChecks = 5 * kSecond, kReports = 2 * kSecond;
constexpr gint64 kRepairMargin = 5 * kMillisecond;
constexpr std::uint32_t kPeerReflexivePriority = 1845501695;

sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

LightOffer newOffer(unsigned number, const Fingerprint &fingerprint) {
  const std::uint32_t ssrc = 0x1000000 + number * 4;
  return {.audio = {'0', 111, 0, ssrc, 0},
          .video = {'1', 102, 103, ssrc + 1, ssrc + 2},
          .ice = {randomHex(4), randomHex(12)},
          .fingerprint = fingerprint};
}

/// The numbers of packets that a compound packet asks for (generic NACK, RFC 4585, section 6.2.1).
template <typename Visit>
void eachRequest(std::span<const std::uint8_t> compound, Visit visit) {
  const auto number = [](const std::uint8_t *at) {
    return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
  };
  while (compound.size() >= 4) {
    const std::size_t size = (number(&compound[2]) + 1u) * 4;
    if (size > compound.size()) return;
    const bool nack = compound[1] == 205 && (compound[0] & 0x1f) == 1;
    for (std::size_t at = 12; nack && at + 4 <= size; at += 4) {
      const std::uint16_t first = number(&compound[at]), more = number(&compound[at + 2]);
      visit(first);
      for (int i = 0; i < 16; ++i)
        if (more >> i & 1) visit(static_cast<std::uint16_t>(first + i + 1));
    }
    compound = compound.subspan(size);
  }
}

/// By the first report block that answers a report of ours (RFC 3550, section 6.4.1), µs.
std::optional<gint64> roundTrip(std::span<const std::uint8_t> compound) {
  constexpr std::size_t kBlockBytes = 24, kReceiverHead = 8, kSenderHead = 28;
  constexpr unsigned kSenderReport = 200, kReceiverReport = 201;
  if (compound.size() < kReceiverHead) return std::nullopt;
  if (compound[1] != kSenderReport && compound[1] != kReceiverReport) return std::nullopt;
  const auto word = [compound](std::size_t at) {
    return std::uint32_t(compound[at]) << 24 | std::uint32_t(compound[at + 1]) << 16 |
           std::uint32_t(compound[at + 2]) << 8 | compound[at + 3];
  };
  const auto now = static_cast<std::uint32_t>(ntpTime(g_get_real_time()) >> 16);
  std::size_t at = compound[1] == kSenderReport ? kSenderHead : kReceiverHead;
  for (unsigned left = compound[0] & 0x1f; left > 0 && at + kBlockBytes <= compound.size();
       --left) {
    if (const std::uint32_t reported = word(at + 16))
      return gint64(now - reported - word(at + 20)) * kSecond / 65536;
    at += kBlockBytes;
  }
  return std::nullopt;
}

}  // namespace

LightPublisher::LightPublisher(const LightMedia &media, unsigned number)
    : media_(media),
      name_(std::string("s").append(std::to_string(number))),
      offer_(newOffer(number, media.fingerprint)),
      video_(media.video, offer_.video, transportSequence_),
      audio_(media.audio, offer_.audio, transportSequence_) {}

LightPublisher::~LightPublisher() {
  if (socket_ >= 0) close(socket_);
}

Result<void> LightPublisher::connect(unsigned port) {
  times_.started = g_get_monotonic_time();
  if (auto opened = open(); !opened) return opened;
  if (auto answered = signal(port); !answered) return answered;
  const sockaddr_in remote = loopback(remotePort_);
  if (::connect(socket_, reinterpret_cast<const sockaddr *>(&remote), sizeof remote) != 0)
    return Error{0, name_ + ": the candidate's port cannot be reached"};
  dtls_.emplace(media_.context.get(), answer_.role);
  if (auto up = awaitDtls(); !up) return up;
  srtp_.emplace(dtls_->keys(), answer_.role);
  times_.connected = g_get_monotonic_time();
  video_.begin(times_.connected);
  audio_.begin(times_.connected);
  nextReport_ = times_.connected + 100 * kMillisecond;
  nextCheck_ = times_.connected + kChecks;
  return {};
}

/// A UDP socket whose port the offer can name.
Result<void> LightPublisher::open() {
  socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in own = loopback(0);
  socklen_t size = sizeof own;
  if (socket_ < 0 || bind(socket_, reinterpret_cast<const sockaddr *>(&own), size) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr *>(&own), &size) != 0)
    return Error{0, name_ + ": there is no UDP socket left"};
  offer_.port = ntohs(own.sin_port);
  return {};
}

/// Up to the answer and its first candidate. The WebSocket stays open.
Result<void> LightPublisher::signal(unsigned port) {
  using Type = test::ServerMessage::Type;
  signalling_.emplace(test::HandSocket::Options{.port = port, .patience = test::kDeadline});
  const int status = signalling_->upgrade("/" + name_ + "/webrtc/publish");
  if (status != 101) return Error{0, name_ + ": HTTP status " + std::to_string(status)};
  times_.socketOpen = g_get_monotonic_time();
  signalling_->send(test::clientFrame(test::Opcode::Text, true, test::offerJson(offer_.text())));
  times_.offerSent = g_get_monotonic_time();
  while (times_.answered == 0 || remotePort_ == 0) {
    const auto frame = signalling_->readFrame();
    if (!frame || frame->opcode == static_cast<unsigned>(test::Opcode::Close))
      return Error{0, name_ + ": no answer" + (frame ? ", " + frame->data.substr(2) : "")};
    const auto message = test::parseServerMessage(frame->data);
    if (message.type == Type::Answer) {
      const auto answer = readAnswer(message.text);
      if (!answer) return Error{0, name_ + ": an answer without ICE credentials"};
      answer_ = *answer;
      times_.answered = g_get_monotonic_time();
    }
    if (message.type == Type::Answer || message.type == Type::Candidate)
      if (remotePort_ == 0) remotePort_ = candidatePort(message.text);
  }
  return {};
}

Result<void> LightPublisher::awaitDtls() {
  const gint64 deadline = g_get_monotonic_time() + kPatience;
  while (!dtls_->isUp()) {
    const gint64 now = g_get_monotonic_time();
    if (now > deadline || dtls_->isOver())
      return Error{0, name_ + (checked_ ? ": DTLS failed" : ": no check was answered")};
    if (now >= nextCheck_) {
      sendCheck();
      nextCheck_ = now + (checked_ ? kChecks : kFirstChecks);
    }
    flushDtls();
    pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
    poll(&readable, 1, kFirstChecks / kMillisecond);
    onReadable();
  }
  flushDtls();
  return {};
}

void LightPublisher::send(std::span<const std::uint8_t> packet) {
  if (::send(socket_, packet.data(), packet.size(), 0) < 0) ++counts_.unsent;
}

/// Of a controlling agent that nominates at once (RFC 8445, section 7.1).
void LightPublisher::sendCheck() {
  enum Attribute {
    Username = 0x0006,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    IceControlling = 0x802a
  };
  std::array<char, 12> transaction;
  fillRandom({reinterpret_cast<std::uint8_t *>(transaction.data()), transaction.size()});
  const std::uint32_t priority = GUINT32_TO_BE(kPeerReflexivePriority);
  send(test::RawStun(0x0001, {transaction.data(), transaction.size()})
           .add(Username, answer_.ice.ufrag + ":" + offer_.ice.ufrag)
           .add(IceControlling, "light---")
           .add(UseCandidate, "")
           .add(Priority, {reinterpret_cast<const char *>(&priority), sizeof priority})
           .addIntegrity(answer_.ice.pwd)
           .addFingerprint()
           .packet());
}

/// Not before the other side has answered a check: until then there is no pair of candidates.
void LightPublisher::flushDtls() {
  if (!checked_) return;
  if (const auto bytes = dtls_->takeOutput(); !bytes.empty()) send(bytes);
}

void LightPublisher::onTick(gint64 now) {
  for (RtpSender *stream : {&video_, &audio_}) {
    while (stream->next(now, packet_)) {
      packet_.size = srtp_->sealRtp(packet_.bytes.data(), packet_.size);
      send({packet_.bytes.data(), packet_.size});
    }
  }
  if (now >= nextReport_) sendReports(now);
  if (now < nextCheck_) return;
  sendCheck();
  nextCheck_ = now + kChecks;
}

void LightPublisher::sendReports(gint64 now) {
  for (const RtpSender *stream : {&video_, &audio_}) {
    stream->report(now, packet_);
    packet_.size = srtp_->sealRtcp(packet_.bytes.data(), packet_.size);
    send({packet_.bytes.data(), packet_.size});
  }
  nextReport_ = now + kReports;
}

void LightPublisher::onReadable() {
  std::array<std::uint8_t, 2048> bytes;
  ssize_t size;
  while ((size = recv(socket_, bytes.data(), bytes.size(), 0)) > 0)
    onPacket({bytes.data(), static_cast<std::size_t>(size)});
}

void LightPublisher::onPacket(std::span<std::uint8_t> packet) {
  switch (packetKind(packet)) {
    case PacketKind::Stun:
      return onStun(packet);
    case PacketKind::Dtls:
      dtls_->receive(packet);
      return flushDtls();
    case PacketKind::Rtcp:
      return onRtcp(packet);
    default:
      return;
  }
}

/// Who else would send here: the message's integrity is not looked at.
void LightPublisher::onStun(std::span<const std::uint8_t> packet) {
  const auto message = parseStun(packet);
  if (!message) return;
  if (message->messageClass == StunClass::Success) checked_ = true;
  if (message->messageClass != StunClass::Request) return;
  const auto port = static_cast<std::uint16_t>(remotePort_);
  send(buildBindingSuccess(message->transaction, test::addressOf("127.0.0.1", port), offer_.ice.pwd)
           .packet());
}

void LightPublisher::onRtcp(std::span<std::uint8_t> packet) {
  if (!srtp_) return;
  packet = packet.first(srtp_->openRtcp(packet.data(), packet.size()));
  // One that is not so short is no lie, only late.
  if (const auto taken = roundTrip(packet); taken && *taken < kPatience) roundTrip_ = *taken;
  eachRequest(packet, [this](std::uint16_t sequence) { repair(sequence); });
  readRequests(packet, [this](RtcpRequest request, std::uint32_t ssrc) {
    if (request != RtcpRequest::Nack && ssrc == video_.ssrc()) video_.skipToKey();
  });
}

void LightPublisher::repair(std::uint16_t sequence) {
  ++counts_.requests;
  const gint64 now = g_get_monotonic_time();
  if (!video_.again(sequence, now, roundTrip_ + kRepairMargin, packet_)) return;
  packet_.size = srtp_->sealRtp(packet_.bytes.data(), packet_.size);
  send({packet_.bytes.data(), packet_.size});
}

}  // namespace gws::benchmark
