// SPDX-License-Identifier: LGPL-2.1-or-later
// SSRCs that nobody announced: how many pass, and when.
#include "ssrc_gate.h"

#include <glib.h>

#include <array>
#include <vector>

using namespace gws;
using namespace std::chrono_literals;

namespace {

constexpr RateTime kStart = 24h;
constexpr std::array<std::uint32_t, 2> kOffered = {0x01020304, 0xffffffff};
constexpr std::uint32_t kStrange = 0x20000000;

using Packet = std::vector<std::uint8_t>;

void append(Packet &packet, std::uint32_t ssrc) {
  for (const int shift : {24, 16, 8, 0})
    packet.push_back(static_cast<std::uint8_t>(ssrc >> shift));
}

Packet rtp(std::uint32_t ssrc) {
  Packet packet = {0x80, 96, 0, 1, 0, 0, 0, 0};
  append(packet, ssrc);
  packet.resize(40);
  return packet;
}

Packet rtcp(std::uint32_t ssrc) {
  Packet packet = {0x80, 200, 0, 6};
  append(packet, ssrc);
  packet.resize(42);
  return packet;
}

void mustPass(SsrcGate &gate, const Packet &packet, RateTime now, SsrcPassage expected) {
  g_assert_cmpint(int(gate.pass(packet, now)), ==, int(expected));
}

/// How many of so many new ones.
unsigned passed(SsrcGate &gate, std::uint32_t first, unsigned count, RateTime now) {
  unsigned result = 0;
  for (unsigned i = 0; i < count; i++)
    result += gate.pass(rtp(first + i), now) == SsrcPassage::First;
  return result;
}

void rtp_ofTheOffer_passesAlways() {
  SsrcGate gate(kOffered, kStart);
  passed(gate, kStrange, 1000, kStart);
  for (const std::uint32_t ssrc : kOffered) {
    mustPass(gate, rtcp(ssrc), kStart, SsrcPassage::Other);
    mustPass(gate, rtp(ssrc), kStart, SsrcPassage::First);
    mustPass(gate, rtp(ssrc), kStart, SsrcPassage::Further);
  }
}

void rtp_new_passesAFewTimesAndThenOnceAMinute() {
  SsrcGate gate(kOffered, kStart);
  g_assert_cmpuint(passed(gate, kStrange, 1000, kStart), ==, SsrcGate::kNewAtOnce);
  g_assert_cmpuint(passed(gate, kStrange + 1000, 1000, kStart + 59s), ==, 0);
  g_assert_cmpuint(passed(gate, kStrange + 2000, 1000, kStart + 60s), ==, 1);
  mustPass(gate, rtp(kStrange), kStart + 60s, SsrcPassage::Further);
  mustPass(gate, rtp(kStrange + 2000), kStart + 60s, SsrcPassage::Further);
  mustPass(gate, rtp(kStrange + 999), kStart + 60s, SsrcPassage::Refused);
}

/// Whatever the sender's patience.
void rtp_newForDays_isBounded() {
  SsrcGate gate(kOffered, kStart);
  unsigned all = 0;
  for (unsigned hour = 0; hour < 100; hour++)
    all += passed(gate, kStrange + hour * 100, 100, kStart + hour * 1h);
  g_assert_cmpuint(all, ==, SsrcGate::kMostSsrcs - kOffered.size());
}

void rtcp_new_isCountedWithRtp() {
  SsrcGate gate(kOffered, kStart);
  for (unsigned i = 0; i < SsrcGate::kNewAtOnce; i++)
    mustPass(gate, rtcp(kStrange + i), kStart, SsrcPassage::Other);
  mustPass(gate, rtcp(kStrange + 1000), kStart, SsrcPassage::Refused);
  mustPass(gate, rtp(kStrange + 1000), kStart, SsrcPassage::Refused);
  mustPass(gate, rtp(kStrange), kStart, SsrcPassage::First);
}

void packet_thatIsNoRtp_passes() {
  SsrcGate gate(kOffered, kStart);
  mustPass(gate, {22, 254, 253, 0}, kStart, SsrcPassage::Other);
  mustPass(gate, {}, kStart, SsrcPassage::Other);
}

void packet_cutShort_isRefused() {
  SsrcGate gate(kOffered, kStart);
  for (const Packet &whole : {rtp(kOffered[0]), rtcp(kOffered[0])})
    for (std::size_t size = 1; size < 8; size++)
      mustPass(gate, Packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)),
               kStart, SsrcPassage::Refused);
}

}  // namespace

#define ADD(function) g_test_add_func("/ssrc_gate/" #function, function)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  ADD(rtp_ofTheOffer_passesAlways);
  ADD(rtp_new_passesAFewTimesAndThenOnceAMinute);
  ADD(rtp_newForDays_isBounded);
  ADD(rtcp_new_isCountedWithRtp);
  ADD(packet_thatIsNoRtp_passes);
  ADD(packet_cutShort_isRefused);
  return g_test_run();
}
