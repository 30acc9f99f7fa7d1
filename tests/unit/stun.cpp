// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN that is read: the vectors of RFC 5769, what browsers send, what is broken.
#include "stun.h"

#include <glib.h>

#include <string>

#include "stun_message.h"

using namespace gws;
using namespace gws::test;

namespace {

// RFC 5769

void rfc5769_request_isRead() {
  const Packet packet = bytesOfHex(kRequest);
  const StunMessage message = parsed(packet);
  g_assert_true(message.messageClass == StunClass::Request && message.method == kStunBinding);
  g_assert_true(message.transaction == transactionOf(kTransaction));
  g_assert_true(message.username == "evtj:h6vY");
  g_assert_true(message.priority == 0x6e0001ffu);
  g_assert_true(message.iceControlled == 0x932ff9b151263b36u && !message.iceControlling);
  g_assert_true(!message.useCandidate && !message.xorMappedAddress && !message.errorCode);
  g_assert_true(message.integrityOffset == 76u && message.hasFingerprint);
  g_assert_true(message.unknown().empty());
  g_assert_true(checkIntegrity(packet, message, kPassword));
}

void rfc5769_responses_areRead() {
  const std::pair<const char *, StunAddress> rows[] = {
      {kResponse, addressOf("192.0.2.1", 32853)},
      {kResponseIpv6, addressOf("2001:db8:1234:5678:11:2233:4455:6677", 32853)},
  };
  for (const auto &[hex, address] : rows) {
    const Packet packet = bytesOfHex(hex);
    const StunMessage message = parsed(packet);
    g_assert_true(message.messageClass == StunClass::Success && message.method == kStunBinding);
    g_assert_true(message.xorMappedAddress == address);
    g_assert_true(message.hasFingerprint && checkIntegrity(packet, message, kPassword));
  }
}

/// The key is binary: MD5 of what RFC 8489, section 9.2.2 says.
void rfc5769_longTermRequest_isRead() {
  const Packet packet = bytesOfHex(kLongTermRequest);
  const StunMessage message = parsed(packet);
  g_assert_true(message.username == "マトリックス" && message.unknown().empty());
  g_assert_false(message.hasFingerprint);
  const OwnedString key(
      g_compute_checksum_for_string(G_CHECKSUM_MD5, "マトリックス:example.org:TheMatrIX", -1));
  g_assert_true(checkIntegrity(packet, message, textOf(bytesOfHex(key.get()))));
}

void integrity_wrongKey_isRefused() {
  const Packet packet = bytesOfHex(kRequest);
  const StunMessage message = parsed(packet);
  for (const std::string_view key :
       {std::string_view(), std::string_view(""), std::string_view("VOkJxbRl1RmTxUk/WvJxBu"),
        kPassword.substr(1), std::string_view("VOkJxbRl1RmTxUk/WvJxBt\0x", 24)})
    g_assert_false(checkIntegrity(packet, message, key));
}

void integrity_ofAnotherPacket_isRefused() {
  const Packet request = bytesOfHex(kRequest);
  Packet other = request;
  other[60] ^= 1;
  g_assert_false(checkIntegrity(other, parsed(request), kPassword));
}

void integrity_absent_isRefused() {
  const Packet packet = RawStun(0x0001).add(0x0006, "a:b").addFingerprint().packet();
  const StunMessage message = parsed(packet);
  g_assert_false(message.integrityOffset.has_value());
  g_assert_false(checkIntegrity(packet, message, "key"));
}

/// Who has no password has not set one that is empty.
void integrity_madeWithAnEmptyKey_isRefused() {
  const Packet packet = RawStun(0x0001).add(0x0006, "a:b").addIntegrity("").packet();
  g_assert_false(checkIntegrity(packet, parsed(packet), ""));
  g_assert_false(checkIntegrity(packet, parsed(packet), std::string_view()));
}

void message_everyTruncation_isRefused() {
  for (const char *hex : {kRequest, kResponse, kResponseIpv6, kLongTermRequest}) {
    const Packet packet = bytesOfHex(hex);
    for (std::size_t size = 0; size < packet.size(); ++size)
      g_assert_false(parseStun(std::span(packet).first(size)).has_value());
  }
}

/// Cut, and the header says so: what is left may be a message, but is not one of ICE.
void message_everyTruncationWithItsLength_isNotAuthentic() {
  const Packet whole = bytesOfHex(kRequest);
  for (std::size_t size = 20; size < whole.size(); ++size) {
    Packet packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    packet[2] = 0;
    packet[3] = static_cast<std::uint8_t>(size - 20);
    const auto message = parseStun(packet);
    g_assert_true(!message || !message->hasFingerprint);
    if (message && size < 100) g_assert_false(checkIntegrity(packet, *message, kPassword));
  }
}

void message_everyFlippedBit_isNotAuthentic() {
  for (const char *hex : {kRequest, kResponse, kResponseIpv6, kLongTermRequest}) {
    const Packet whole = bytesOfHex(hex);
    const bool hadFingerprint = parsed(whole).hasFingerprint;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      Packet packet = whole;
      packet[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const auto message = parseStun(packet);
      if (!message) continue;
      // Where the type of FINGERPRINT was hit, something optional stands behind MESSAGE-INTEGRITY.
      if (hadFingerprint) g_assert_false(message->hasFingerprint);
      if (!hadFingerprint) g_assert_false(checkIntegrity(packet, *message, kPassword));
    }
  }
}

/// The same without FINGERPRINT: the HMAC alone finds it.
void integrity_everyFlippedBit_isFound() {
  const RawStun raw =
      RawStun(0x0001).add(0x0006, "evtj:h6vY").addHex(0x0024, "6e0001ff").addIntegrity(kPassword);
  g_assert_true(checkIntegrity(raw.packet(), parsed(raw.packet()), kPassword));
  for (std::size_t bit = 0; bit < 8 * raw.packet().size(); ++bit) {
    Packet packet = raw.packet();
    packet[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto message = parseStun(packet);
    g_assert_false(message && checkIntegrity(packet, *message, kPassword));
  }
}

// Browsers

struct BrowserRow {
  const char *name;
  const char *hex;
  const char *username;
  std::uint32_t priority;
  std::uint64_t tieBreaker;
  bool useCandidate;
};

/// Recorded on the wire, from controlling agents; the password was kBrowserPassword.
constexpr std::string_view kBrowserPassword = "serverPassword0123456789";
const BrowserRow kBrowserRows[] = {
    // With 0xc057, the network's id and cost.
    {"chromium156",
     "000100502112a44270356b52745779655330303400060009737276343a643538580000"
     "00c057000400010000802a0008e70f524359c8808500250000002400046e7e1eff0008"
     "001447beae5b63c565ec6e64e3bc7a201f1b4a4f06e480280004097cb460",
     "srv4:d58X", 0x6e7e1eff, 0xe70f524359c88085, true},
    {"firefox153",
     "0001004c2112a442f18d19d731a1cee375d3ae560006000d737276343a61373739653464330000000025000000"
     "2400046e7f00ff802a0008be30bbaec2c0acfb000800146f095e84aea276a1e4ea536a6b2a038863f0f6978028"
     "00046bf3e14b",
     "srv4:a779e4d3", 0x6e7f00ff, 0xbe30bbaec2c0acfb, true},
    {"firefox153Later",
     "000100482112a4422145c43bf43ba7f80d4c63bd0006000d737276343a61373739653464330000000024000"
     "47e7f00ff802a0008be30bbaec2c0acfb000800144929de8ef2594d6cba7a4a8270ee47c99d5ededc802800"
     "04327e68ae",
     "srv4:a779e4d3", 0x7e7f00ff, 0xbe30bbaec2c0acfb, false},
};

void testBrowser(const void *data) {
  const auto *row = static_cast<const BrowserRow *>(data);
  const Packet packet = bytesOfHex(row->hex);
  const StunMessage message = parsed(packet);
  g_assert_true(message.messageClass == StunClass::Request && message.method == kStunBinding);
  g_assert_true(message.username == row->username && message.priority == row->priority);
  g_assert_true(message.iceControlling == row->tieBreaker && !message.iceControlled);
  g_assert_true(message.useCandidate == row->useCandidate);
  g_assert_true(message.hasFingerprint && message.unknown().empty());
  g_assert_true(checkIntegrity(packet, message, kBrowserPassword));
  g_assert_false(checkIntegrity(packet, message, kPassword));
}

/// Renomination, what Chromium's peers tell each other, DTLS inside STUN, and libnice's own.
void request_optionalAttributes_arePassedOver() {
  RawStun raw(0x0001);
  raw.add(0x0006, "a:b").addHex(0xc001, "00000003").addHex(0xc057, "000a0032");
  raw.add(0xc058, "0123456789ab").addHex(0xc059, "00010203").add(0xc05b, std::string(21, 'd'));
  raw.add(0xc070, std::string(900, '\x16')).addHex(0xc071, "").addHex(0x8054, "00000001");
  raw.add(0x8022, "libnice 0.1.21").addHex(0x0024, "6e7e1eff").addHex(0xff00, "0001");
  const Packet packet = raw.addIntegrity("key").addFingerprint().packet();
  const StunMessage message = parsed(packet);
  g_assert_true(message.username == "a:b" && message.priority == 0x6e7e1effu);
  g_assert_true(message.unknown().empty() && checkIntegrity(packet, message, "key"));
}

// What is broken

struct BrokenRow {
  const char *name;
  Packet packet;
};

const std::string kTooLongName(513, 'u'), kDigest(20, 'h');

const BrokenRow kBrokenRows[] = {
    {"empty", {}},
    {"header_cut", bytesOfHex("000100002112a4423031323334353637383961")},
    {"header_cookieWrong", RawStun(0x0001).setByte(7, 0x43).packet()},
    {"header_channelData", RawStun(0x4001).packet()},
    {"header_rtp", RawStun(0x8001).packet()},
    {"header_lengthTooLarge", RawStun(0x0001).add(0x0006, "abcd").setLength(12).packet()},
    {"header_lengthTooSmall", RawStun(0x0001).add(0x0006, "abcd").setLength(4).packet()},
    {"header_lengthOdd", RawStun(0x0001).add(0x0006, "abcd").append("x").setLength(9).packet()},
    {"header_bytesBehind", RawStun(0x0001).add(0x0006, "abcd").append("1234").packet()},
    {"header_tooLong", RawStun(0x0001).add(0x8022, std::string(1480, 's')).packet()},
    {"attribute_beyondTheEnd", RawStun(0x0001).add(0x8022, "abcd").setByte(23, 5).packet()},
    {"attribute_farBeyondTheEnd", RawStun(0x0001).add(0x8022, "abcd").setByte(22, 255).packet()},
    {"username_513bytes", RawStun(0x0001).add(0x0006, kTooLongName).packet()},
    {"username_secondOf513bytes",
     RawStun(0x0001).add(0x0006, "a:b").add(0x0006, kTooLongName).packet()},
    {"priority_short", RawStun(0x0001).addHex(0x0024, "6e7e1e").packet()},
    {"priority_long", RawStun(0x0001).addHex(0x0024, "6e7e1eff00").packet()},
    {"priority_empty", RawStun(0x0001).addHex(0x0024, "").packet()},
    {"useCandidate_withAValue", RawStun(0x0001).addHex(0x0025, "00").packet()},
    {"controlled_short", RawStun(0x0001).addHex(0x8029, "01020304").packet()},
    {"controlling_long", RawStun(0x0001).addHex(0x802a, "010203040506070809").packet()},
    {"mappedAddress_empty", RawStun(0x0101).addHex(0x0020, "").packet()},
    {"mappedAddress_withoutAddress", RawStun(0x0101).addHex(0x0020, "0001a147").packet()},
    {"mappedAddress_ipv4Short", RawStun(0x0101).addHex(0x0020, "0001a147e112a6").packet()},
    {"mappedAddress_ipv4OfIpv6Length",
     RawStun(0x0101).addHex(0x0020, "0001a1470113a9faa5d3f179bc25f4b5bed2b9d9").packet()},
    {"mappedAddress_ipv6OfIpv4Length", RawStun(0x0101).addHex(0x0020, "0002a147e112a643").packet()},
    {"mappedAddress_family0", RawStun(0x0101).addHex(0x0020, "0000a147e112a643").packet()},
    {"mappedAddress_family0OfIpv6Length",
     RawStun(0x0101).addHex(0x0020, "0000a1470113a9faa5d3f179bc25f4b5bed2b9d9").packet()},
    {"mappedAddress_family3OfIpv6Length",
     RawStun(0x0101).addHex(0x0020, "0003a1470113a9faa5d3f179bc25f4b5bed2b9d9").packet()},
    {"errorCode_short", RawStun(0x0111).addHex(0x0009, "000004").packet()},
    {"errorCode_class2", RawStun(0x0111).addHex(0x0009, "00000200").packet()},
    {"errorCode_class7", RawStun(0x0111).addHex(0x0009, "00000700").packet()},
    {"errorCode_number100", RawStun(0x0111).addHex(0x0009, "00000464").packet()},
    {"integrity_short", RawStun(0x0001).add(0x0008, std::string(16, 'h')).packet()},
    {"integrity_ofSha256", RawStun(0x0001).add(0x0008, std::string(32, 'h')).packet()},
    {"fingerprint_wrong", RawStun(0x0001).addFingerprint().setByte(27, 0).packet()},
    {"fingerprint_beforeAnother",
     RawStun(0x0001).addFingerprint(8).append({"\x80\x22\0\x04test", 8}).packet()},
    {"fingerprint_beforeIntegrity",
     RawStun(0x0001).addFingerprint(24).append(std::string("\0\x08\0\x14", 4) + kDigest).packet()},
    {"fingerprint_twice", RawStun(0x0001).addFingerprint(8).addFingerprint().packet()},
    {"fingerprint_empty", RawStun(0x0001).addHex(0x8028, "").packet()},
    {"fingerprint_long", RawStun(0x0001).addHex(0x8028, "0000000000").packet()},
};

void testBroken(const void *data) {
  g_assert_false(parseStun(static_cast<const BrokenRow *>(data)->packet).has_value());
}

// What is unusual

void message_headerAlone_isRead() {
  const StunMessage message = parsed(RawStun(0x0011).packet());
  g_assert_true(message.messageClass == StunClass::Indication && message.method == kStunBinding);
  g_assert_false(message.hasFingerprint || message.integrityOffset || message.username);
}

void message_everyType_isTakenApart() {
  for (unsigned method = 0; method < 0x1000; ++method)
    for (unsigned bits = 0; bits < 4; ++bits) {
      const unsigned type = (method & 0xf) | (method & 0x70) << 1 | (method & 0xf80) << 2 |
                            (bits & 1) << 4 | (bits & 2) << 7;
      const StunMessage message = parsed(RawStun(type).packet());
      g_assert_cmpuint(message.method, ==, method);
      g_assert_cmpuint(static_cast<unsigned>(message.messageClass), ==, bits);
    }
}

void message_largest_isRead() {
  const Packet packet = RawStun(0x0001).add(0x8022, std::string(1476, 's')).packet();
  g_assert_cmpuint(packet.size(), ==, kMaxStunBytes);
  parsed(packet);
}

void username_512bytesOrNone_isRead() {
  for (const std::size_t size : {0, 1, 2, 3, 4, 508, 509, 512}) {
    const std::string name(size, 'u');
    const Packet packet = RawStun(0x0001).add(0x0006, name).packet();
    g_assert_true(parsed(packet).username == name);
  }
}

void attribute_twice_countsOnce() {
  RawStun raw(0x0001);
  raw.add(0x0006, "first").addHex(0x0024, "00000001").addHex(0x802a, "0000000000000001");
  raw.add(0x0006, "other").addHex(0x0024, "00000002").addHex(0x802a, "0000000000000002");
  const StunMessage message = parsed(raw.packet());
  g_assert_true(message.username == "first" && message.priority == 1u);
  g_assert_true(message.iceControlling == 1u);
}

void attribute_bothTieBreakers_areRead() {
  RawStun raw(0x0001);
  raw.addHex(0x8029, "ffffffffffffffff").addHex(0x802a, "0000000000000000");
  const StunMessage message = parsed(raw.packet());
  g_assert_true(message.iceControlled == ~std::uint64_t{0} && message.iceControlling == 0u);
}

/// An attacker on the way could have put it there.
void attribute_behindIntegrity_doesNotCount() {
  RawStun raw(0x0001);
  raw.add(0x0006, "a:b").addIntegrity("key").addHex(0x0025, "").addHex(0x802a, "0102030405060708");
  raw.add(0x7fff, "?").addHex(0x0024, "00").add(0x001c, std::string(32, 'h')).addIntegrity("other");
  const Packet packet = raw.addFingerprint().packet();
  const StunMessage message = parsed(packet);
  g_assert_true(!message.useCandidate && !message.iceControlling && !message.priority);
  g_assert_true(message.unknown().empty() && message.integrityOffset == 28u);
  g_assert_true(message.hasFingerprint && checkIntegrity(packet, message, "key"));
  g_assert_false(checkIntegrity(packet, message, "other"));
}

void unknown_required_areListedOnce() {
  RawStun raw(0x0001);
  raw.add(0x7fff, "").add(0x001c, std::string(32, 'h')).add(0x7fff, "x").add(0x8000, "x");
  const std::uint16_t expected[] = {0x7fff, 0x001c};
  const StunMessage message = parsed(raw.add(0x0014, "realm").add(0x0015, "nonce").packet());
  g_assert_cmpmem(message.unknown().data(), message.unknown().size_bytes(), expected,
                  sizeof expected);
}

void unknown_hundreds_areBounded() {
  RawStun raw(0x0001);
  for (unsigned i = 0; i < 300; ++i)
    raw.add(0x4000 + i, "");
  const StunMessage message = parsed(raw.packet());
  g_assert_cmpuint(message.unknown().size(), ==, kMaxStunUnknown);
  g_assert_cmpuint(message.unknown().back(), ==, 0x4000 + kMaxStunUnknown - 1);
}

void errorCode_withAReason_isRead() {
  RawStun raw(0x0111);
  const Packet packet = raw.add(0x0009, std::string_view("\0\0\x04\x57Role Conflict", 17)).packet();
  const StunMessage message = parsed(packet);
  g_assert_true(message.messageClass == StunClass::Error && message.errorCode == 487u);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
#define ADD(function) g_test_add_func("/stun/" #function, function)
  ADD(rfc5769_request_isRead);
  ADD(rfc5769_responses_areRead);
  ADD(rfc5769_longTermRequest_isRead);
  ADD(integrity_wrongKey_isRefused);
  ADD(integrity_ofAnotherPacket_isRefused);
  ADD(integrity_absent_isRefused);
  ADD(integrity_madeWithAnEmptyKey_isRefused);
  ADD(integrity_everyFlippedBit_isFound);
  ADD(message_everyTruncation_isRefused);
  ADD(message_everyTruncationWithItsLength_isNotAuthentic);
  ADD(message_everyFlippedBit_isNotAuthentic);
  ADD(message_headerAlone_isRead);
  ADD(message_everyType_isTakenApart);
  ADD(message_largest_isRead);
  ADD(request_optionalAttributes_arePassedOver);
  ADD(username_512bytesOrNone_isRead);
  ADD(attribute_twice_countsOnce);
  ADD(attribute_bothTieBreakers_areRead);
  ADD(attribute_behindIntegrity_doesNotCount);
  ADD(unknown_required_areListedOnce);
  ADD(unknown_hundreds_areBounded);
  ADD(errorCode_withAReason_isRead);
#undef ADD
  for (const BrowserRow &row : kBrowserRows)
    g_test_add_data_func((std::string("/stun/browser_") + row.name + "_isRead").c_str(), &row,
                         testBrowser);
  for (const BrokenRow &row : kBrokenRows)
    g_test_add_data_func((std::string("/stun/") + row.name + "_isRefused").c_str(), &row,
                         testBroken);
  return g_test_run();
}
