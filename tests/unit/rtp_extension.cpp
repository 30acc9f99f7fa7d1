// SPDX-License-Identifier: LGPL-2.1-or-later
// What a datagram is; what the clear part of an RTP packet says, in both forms of RFC 8285.
#include "rtp_extension.h"

#include <glib.h>

#include <string>
#include <vector>

#include "packet_kind.h"
#include "stun_message.h"

using namespace gws;
using namespace gws::test;

namespace {

void kind_everyFirstByte_isAsInRfc7983() {
  for (unsigned first = 0; first < 256; ++first) {
    const std::uint8_t packet[] = {static_cast<std::uint8_t>(first), 111};
    const PacketKind kind = packetKind(packet);
    const PacketKind expected = first < 4                      ? PacketKind::Stun
                                : first >= 20 && first <= 63   ? PacketKind::Dtls
                                : first >= 128 && first <= 191 ? PacketKind::Rtp
                                                               : PacketKind::Other;
    g_assert_true(kind == expected);
    g_assert_true(packetKind(std::span(packet).first(1)) == expected);
  }
  g_assert_true(packetKind({}) == PacketKind::Other);
}

/// RFC 5761: sender reports are 200, feedback is 205 and 206.
void kind_secondByte_tellsRtcp() {
  for (const unsigned first : {128u, 0x81u, 0xa0u, 191u})
    for (unsigned second = 0; second < 256; ++second) {
      const std::uint8_t packet[] = {static_cast<std::uint8_t>(first),
                                     static_cast<std::uint8_t>(second)};
      const bool isRtcp = second >= 192 && second <= 223;
      g_assert_true(packetKind(packet) == (isRtcp ? PacketKind::Rtcp : PacketKind::Rtp));
    }
  const std::uint8_t dtls[] = {22, 200};
  g_assert_true(packetKind(dtls) == PacketKind::Dtls);
}

RtpHeader headerOf(const Packet &&) = delete;  // it points into the packet
RtpHeader headerOf(const Packet &packet) {
  const std::optional<RtpHeader> header = readRtpHeader(packet);
  g_assert_true(header.has_value());
  return *header;
}

void header_plain_isRead() {
  const Packet packet = bytesOfHex("80e0fffe 10203040 89abcdef 1122");
  const RtpHeader header = headerOf(packet);
  g_assert_true(header.marker);
  g_assert_cmpuint(header.payloadType, ==, 96);
  g_assert_cmpuint(header.sequence, ==, 0xfffe);
  g_assert_cmpuint(header.timestamp, ==, 0x10203040);
  g_assert_cmpuint(header.ssrc, ==, 0x89abcdef);
  g_assert_true(header.extensions.empty() && rtpExtension(header, 1).empty());
}

void header_withoutPayload_isRead() {
  const Packet packet = bytesOfHex("80600001 00000002 00000003");
  g_assert_cmpuint(headerOf(packet).ssrc, ==, 3);
  g_assert_false(headerOf(packet).marker);
}

void header_withContributors_isRead() {
  const Packet packet =
      bytesOfHex("92600001 00000002 00000003 11111111 10411041 bede0001 10610000 ffff");
  const RtpHeader header = headerOf(packet);
  g_assert_cmpuint(header.ssrc, ==, 3);
  g_assert_true(rtpExtension(header, 1) == "a");
}

/// Every cut that goes through the header, and not one behind it.
void header_everyTruncation_isRefused() {
  const Packet packet =
      bytesOfHex("92600001 00000002 00000003 11111111 22222222 bede0002 10610000 00000000 ffff");
  constexpr std::size_t kHeader = 32;
  for (std::size_t size = 0; size <= packet.size(); ++size) {
    const Packet cut(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    g_assert_true(readRtpHeader(cut).has_value() == (size >= kHeader));
  }
}

void header_otherVersion_isRefused() {
  for (const char *hex :
       {"00600001 00000002 00000003", "40600001 00000002 00000003", "c0600001 00000002 00000003"})
    g_assert_false(readRtpHeader(bytesOfHex(hex)).has_value());
}

void header_emptyExtension_isRead() {
  const Packet packet = bytesOfHex("90600001 00000002 00000003 bede0000");
  const RtpHeader header = headerOf(packet);
  g_assert_true(header.extensions.empty() && rtpExtension(header, 1).empty());
}

void header_longestExtension_isRead() {
  Packet packet = bytesOfHex("90600001 00000002 00000003 bedeffff");
  packet.resize(packet.size() + 4 * 0xffff);
  g_assert_cmpuint(headerOf(packet).extensions.size(), ==, 4 * 0xffff);
  packet.pop_back();
  g_assert_false(readRtpHeader(packet).has_value());
}

struct Row {
  const char *name;
  const char *extension;  ///< profile, length in words, elements
  unsigned id;
  const char *value;
};

// As Chromium writes it: abs-send-time (2), transport-cc (3), MID (4), RID (10).
constexpr const char *kOneByte = "bede0004 22a1b2c3 31020140 30a26869 21000000";
// The same in the form that Chromium takes for ids above 14.
constexpr const char *kTwoByte = "10000005 0203a1b2 c3030202 01040130 0a036869 21000000";

const Row kRows[] = {
    {"oneByte_mid_isFound", kOneByte, 4, "0"},
    {"oneByte_rid_isFound", kOneByte, 10, "hi!"},
    {"oneByte_another_isFound", kOneByte, 3, "\x02\x01"},
    {"oneByte_notThere_isEmpty", kOneByte, 5, ""},
    {"oneByte_id0_isEmpty", kOneByte, 0, ""},
    {"oneByte_hugeId_isEmpty", kOneByte, 260, ""},
    {"oneByte_paddingBetween_isPassedOver", "bede0002 00001061 00002062", 2, "b"},
    {"oneByte_sixteenBytes_areFound", "bede0005 1f306162 63646566 30313233 34353637 61000000", 1,
     "0abcdef01234567a"},
    {"oneByte_twice_firstCounts", "bede0001 10611062", 1, "a"},
    {"oneByte_id15_endsIt", "bede0002 1061f061 20620000", 2, ""},
    {"oneByte_id15_keepsWhatWasBefore", "bede0002 1061f061 20620000", 1, "a"},
    {"oneByte_id15_isNotFound", "bede0001 f0610000", 15, ""},
    {"oneByte_id0WithALength_endsIt", "bede0002 10610161 61206200", 2, ""},
    {"oneByte_beyondTheEnd_isEmpty", "bede0001 13616263", 1, ""},
    {"oneByte_headAtTheEnd_isEmpty", "bede0001 21616210", 1, ""},
    {"oneByte_lastByte_isFound", "bede0001 12616263", 1, "abc"},
    {"twoByte_mid_isFound", kTwoByte, 4, "0"},
    {"twoByte_rid_isFound", kTwoByte, 10, "hi!"},
    {"twoByte_notThere_isEmpty", kTwoByte, 5, ""},
    {"twoByte_id0_isEmpty", kTwoByte, 0, ""},
    {"twoByte_id15_isFound", "10000001 0f016100", 15, "a"},
    {"twoByte_id255_isFound", "10000001 ff016100", 255, "a"},
    {"twoByte_applicationBits_areIgnored", "100f0001 04016100", 4, "a"},
    {"twoByte_emptyValue_isEmpty", "10000002 01000203 61626300", 1, ""},
    {"twoByte_behindAnEmptyValue_isFound", "10000002 01000203 61626300", 2, "abc"},
    {"twoByte_paddingBetween_isPassedOver", "10000002 00010161 00020162", 2, "b"},
    {"twoByte_beyondTheEnd_isEmpty", "10000001 01036162", 1, ""},
    {"twoByte_lengthMissing_isEmpty", "10000001 02016201", 1, ""},
    {"twoByte_lastByte_isFound", "10000001 01026162", 1, "ab"},
    {"profile_other_isEmpty", "beef0001 10611061", 1, ""},
    {"profile_nearTwoByte_isEmpty", "10100001 01016100", 1, ""},
    {"profile_encrypted_isEmpty", "c0de0001 10611061", 1, ""},
};

void testRow(const void *data) {
  const auto *row = static_cast<const Row *>(data);
  Packet packet = bytesOfHex("90600001 00000002 00000003");
  for (const std::uint8_t byte : bytesOfHex(row->extension))
    packet.push_back(byte);
  const RtpHeader header = headerOf(packet);
  const std::string value(rtpExtension(header, row->id));
  g_assert_cmpstr(value.c_str(), ==, row->value);
}

void extension_32bytes_areTheLimit() {
  for (const std::size_t size : {31, 32, 33, 255}) {
    Packet packet = bytesOfHex("90600001 00000002 00000003 10000041 04");
    packet.push_back(static_cast<std::uint8_t>(size));
    packet.resize(packet.size() + size, 'm');
    packet.insert(packet.end(), {5, 1, 'r'});
    packet.resize(16 + 4 * 0x41);
    const RtpHeader header = headerOf(packet);
    g_assert_true(rtpExtension(header, 4) == std::string(size <= 32 ? size : 0, 'm'));
    g_assert_true(rtpExtension(header, 5) == "r");
  }
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
#define ADD(function) g_test_add_func("/rtp-extension/" #function, function)
  ADD(kind_everyFirstByte_isAsInRfc7983);
  ADD(kind_secondByte_tellsRtcp);
  ADD(header_plain_isRead);
  ADD(header_withoutPayload_isRead);
  ADD(header_withContributors_isRead);
  ADD(header_everyTruncation_isRefused);
  ADD(header_otherVersion_isRefused);
  ADD(header_emptyExtension_isRead);
  ADD(header_longestExtension_isRead);
  ADD(extension_32bytes_areTheLimit);
#undef ADD
  for (const Row &row : kRows)
    g_test_add_data_func((std::string("/rtp-extension/") + row.name).c_str(), &row, testRow);
  return g_test_run();
}
