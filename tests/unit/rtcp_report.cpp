// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests and round trips in compound RTCP packets, well-formed and not.
#include "rtcp_report.h"

#include <glib.h>

#include <string>
#include <vector>

using namespace gws;

namespace {

using Packet = std::vector<std::uint8_t>;

constexpr std::uint32_t kOurs = 0x01020304, kMedia = 0xa1a2a3a4;

Packet words(std::initializer_list<std::uint32_t> values) {
  Packet packet;
  for (std::uint32_t value : values)
    for (int shift = 24; shift >= 0; shift -= 8)
      packet.push_back(static_cast<std::uint8_t>(value >> shift));
  return packet;
}

Packet operator+(Packet a, const Packet &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Packet kReceiverReport = words({0x80c90001, kOurs});
const Packet kNack = words({0x81cd0003, kOurs, kMedia, 0x00010002});
const Packet kTransportCc = words({0x8fcd0003, kOurs, kMedia, 0x00010002});
const Packet kPli = words({0x81ce0002, kOurs, kMedia});
const Packet kFir = words({0x84ce0004, kOurs, 0, kMedia, 0x01000000});
const Packet kRemb = words({0x8fce0002, kOurs, kMedia});

std::string requestsIn(const Packet &compound) {
  std::string text;
  readRequests(compound, [&](RtcpRequest request, std::uint32_t ssrc) {
    g_assert_cmphex(ssrc, ==, kMedia);
    text += request == RtcpRequest::Nack ? 'n' : request == RtcpRequest::Pli ? 'p' : 'f';
  });
  return text;
}

void mustHave(const Packet &compound, const char *expected) {
  const std::string found = requestsIn(compound);
  g_assert_cmpstr(found.c_str(), ==, expected);
}

void requests_areFoundInCompounds() {
  const std::pair<Packet, const char *> rows[] = {
      {{}, ""},
      {kReceiverReport, ""},
      {kReceiverReport + kNack, "n"},
      {kNack, "n"},
      {kReceiverReport + kTransportCc + kPli + kNack, "pn"},
      {kReceiverReport + kFir, "f"},
      {kRemb, ""},
      {kReceiverReport + words({0x84ce0006, kOurs, 0, kMedia, 0, kMedia, 0}), "ff"},
  };
  for (const auto &[packet, expected] : rows)
    mustHave(packet, expected);
}

/// Everything that is cut off, and what claims to be longer than it is.
void requests_inBrokenPackets_doNotCount() {
  const Packet whole = kReceiverReport + kNack + kPli + kFir;
  const std::string all = requestsIn(whole);
  for (std::size_t size = 0; size < whole.size(); ++size)
    g_assert_true(all.starts_with(requestsIn(Packet(whole.begin(), whole.begin() + long(size)))));
  mustHave(words({0x81cd7fff, kOurs, kMedia}), "");
  mustHave(words({0x41cd0003, kOurs, kMedia, 0}), "");
  mustHave(words({0x81cd0001, kOurs}) + kNack, "n");
  mustHave(words({0x81cd0000}) + kNack, "");
}

void reporter_isOfTheFirstReport() {
  g_assert_cmphex(reporterOf(kReceiverReport).value_or(0), ==, kOurs);
  g_assert_cmphex(reporterOf(words({0x80c80006, kMedia, 1, 2, 3, 4, 5})).value_or(0), ==, kMedia);
  for (const Packet &other : {Packet(), kNack, words({0x80c90001}), words({0x40c90001, kOurs})})
    g_assert_false(reporterOf(other).has_value());
}

/// DLRR for one receiver (RFC 3611, section 4.5).
Packet dlrr(std::uint32_t ssrc, std::uint32_t last, std::uint32_t delay) {
  return words({0x80cf0005, kMedia, 0x05000003, ssrc, last, delay});
}

void referenceTime_isAnExtendedReport() {
  // 0x12345 seconds and a half.
  const auto packet = buildReferenceTime(kOurs, 0x12345 * 1'000'000ll + 500'000);
  g_assert_true(Packet(packet.begin(), packet.end()) ==
                words({0x80cf0004, kOurs, 0x04000002, 0x12345, 0x80000000}));
  g_assert_cmphex(shortNtp(0x12345 * 1'000'000ll + 500'000), ==, 0x23458000);
}

void receiverLimit_isARemb() {
  const std::pair<std::uint32_t, std::uint32_t> rows[] = {
      {0, 0x01000000},       {1, 0x01000001},       {0x3ffff, 0x0103ffff},
      {0x40000, 0x01060000}, {700'000, 0x010aab98}, {0xffffffff, 0x013bffff},
  };
  for (const auto &[bitrate, value] : rows) {
    const auto packet = buildReceiverLimit(kOurs, kMedia, bitrate);
    g_assert_true(Packet(packet.begin(), packet.end()) ==
                  words({0x8fce0005, kOurs, 0, 0x52454d42, value, kMedia}));
    mustHave(Packet(packet.begin(), packet.end()), "");
  }
}

void roundTrip_isTimeLessDelay() {
  const std::int64_t sent = 0x1fff0 * 1'000'000ll + 250'000;
  const std::uint32_t last = shortNtp(sent);
  constexpr std::uint32_t kTenMs = 655;
  const auto trip = [&](const Packet &packet, std::int64_t after) {
    return readRoundTrip(packet, kOurs, sent + after).value_or(-1);
  };
  // As exact as 1/65536 s allows.
  const auto near = [](std::int64_t value, std::int64_t expected) {
    return value > expected - 50 && value < expected + 50;
  };
  g_assert_true(near(trip(kReceiverReport + dlrr(kOurs, last, 0), 80'000), 80'000));
  g_assert_true(near(trip(dlrr(kOurs, last, kTenMs), 80'000), 70'000));
  // The seconds wrap at 16 bits in between.
  g_assert_true(near(trip(dlrr(kOurs, last, 0), 30'000'000), 30'000'000));
  // The delay is rounded up to more than the way took.
  g_assert_cmpint(trip(dlrr(kOurs, last, kTenMs), 9'950), ==, 0);
  // Of two the last one; others' blocks and blocks of other kinds are passed over.
  const Packet several =
      words({0x80cf000b, kMedia, 0x04000002, 1, 2, 0x05000006, kMedia, 1, 2, kOurs, last, kTenMs});
  g_assert_true(near(trip(several, 50'000), 40'000));
}

void roundTrip_thatCannotBe_isNone() {
  const std::int64_t now = 0x1fff0 * 1'000'000ll;
  const std::uint32_t last = shortNtp(now);
  for (const Packet &packet : {Packet(), kReceiverReport, dlrr(kMedia, last, 0), dlrr(kOurs, 0, 0),
                               dlrr(kOurs, last, 65536), dlrr(kOurs, last + 0x8000'0000, 0),
                               dlrr(kOurs, last - 61 * 65536, 0)})
    g_assert_false(readRoundTrip(packet, kOurs, now).has_value());
  const Packet whole = dlrr(kOurs, last, 0);
  for (std::size_t size = 0; size < whole.size(); ++size)
    g_assert_false(
        readRoundTrip(Packet(whole.begin(), whole.begin() + long(size)), kOurs, now).has_value());
  // The block claims more than the packet holds.
  g_assert_false(
      readRoundTrip(words({0x80cf0005, kMedia, 0x050000ff, kOurs, last, 0}), kOurs, now));
  g_assert_false(readRoundTrip(words({0x80cf0001, kMedia}), kOurs, now).has_value());
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/rtcp_report/requests_areFoundInCompounds", requests_areFoundInCompounds);
  g_test_add_func("/rtcp_report/requests_inBrokenPackets_doNotCount",
                  requests_inBrokenPackets_doNotCount);
  g_test_add_func("/rtcp_report/reporter_isOfTheFirstReport", reporter_isOfTheFirstReport);
  g_test_add_func("/rtcp_report/referenceTime_isAnExtendedReport",
                  referenceTime_isAnExtendedReport);
  g_test_add_func("/rtcp_report/receiverLimit_isARemb", receiverLimit_isARemb);
  g_test_add_func("/rtcp_report/roundTrip_isTimeLessDelay", roundTrip_isTimeLessDelay);
  g_test_add_func("/rtcp_report/roundTrip_thatCannotBe_isNone", roundTrip_thatCannotBe_isNone);
  return g_test_run();
}
