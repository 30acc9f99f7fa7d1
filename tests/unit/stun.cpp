// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN: the vectors of RFC 5769, what browsers send, what is broken, and what we write.
#include "stun.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>

#include <string>
#include <unordered_set>

#include "stun_message.h"

using namespace gws;
using namespace gws::test;

namespace {

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr const char *kTransaction = "b7e7a701bc34d686fa87dfae";

/// RFC 5769, section 2.1: a request with SOFTWARE; USERNAME is padded with spaces.
constexpr const char *kRequest =
    "00010058 2112a442 b7e7a701 bc34d686 fa87dfae"
    "80220010 5354554e 20746573 7420636c 69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b1 51263b36"
    "00060009 6576746a 3a683676 59202020"
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
    "80280004 e57a3bcf";

/// RFC 5769, section 2.2: a response with an IPv4 address; SOFTWARE is padded with a space.
constexpr const char *kResponse =
    "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200008 0001a147 e112a643"
    "00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
    "80280004 c07d4c96";

/// RFC 5769, section 2.3: the same with an IPv6 address.
constexpr const char *kResponseIpv6 =
    "01010048 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
    "00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41"
    "80280004 c8fb0b4c";

/// RFC 5769, section 2.4: a request with a long-term credential and without a FINGERPRINT.
constexpr const char *kLongTermRequest =
    "00010060 2112a442 78ad3433 c6ad72c0 29da412e"
    "00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000"
    "0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341"
    "0014000b 6578616d 706c652e 6f726700"
    "00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

StunMessage parsed(const Packet &packet) {
  const std::optional<StunMessage> message = parseStun(packet);
  g_assert_true(message.has_value());
  return *message;
}

StunTransaction transactionOf(const char *hex) {
  const Packet bytes = bytesOfHex(hex);
  StunTransaction transaction{};
  g_assert_cmpuint(bytes.size(), ==, transaction.size());
  std::copy(bytes.begin(), bytes.end(), transaction.begin());
  return transaction;
}

StunAddress addressOf(const char *text, std::uint16_t port) {
  StunAddress address;
  address.port = port;
  if (inet_pton(AF_INET, text, address.bytes.data()) == 1) return address;
  address.family = StunAddress::Family::IPv6;
  g_assert_cmpint(inet_pton(AF_INET6, text, address.bytes.data()), ==, 1);
  return address;
}

void assertBytes(std::span<const std::uint8_t> given, const Packet &expected) {
  g_assert_cmpmem(given.data(), given.size(), expected.data(), expected.size());
}

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
  g_assert_false(checkIntegrity(packet, message, ""));
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

const std::string kTooLongName(513, 'u');

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
    {"mappedAddress_family3", RawStun(0x0101).addHex(0x0020, "0003a147e112a643").packet()},
    {"errorCode_short", RawStun(0x0111).addHex(0x0009, "000004").packet()},
    {"errorCode_class2", RawStun(0x0111).addHex(0x0009, "00000200").packet()},
    {"errorCode_class7", RawStun(0x0111).addHex(0x0009, "00000700").packet()},
    {"errorCode_number100", RawStun(0x0111).addHex(0x0009, "00000464").packet()},
    {"integrity_short", RawStun(0x0001).add(0x0008, std::string(16, 'h')).packet()},
    {"integrity_ofSha256", RawStun(0x0001).add(0x0008, std::string(32, 'h')).packet()},
    {"integrity_behindFingerprint", RawStun(0x0001).addFingerprint().addIntegrity("key").packet()},
    {"fingerprint_wrong", RawStun(0x0001).addFingerprint().setByte(27, 0).packet()},
    {"fingerprint_notLast", RawStun(0x0001).addFingerprint().add(0x8022, "abcd").packet()},
    {"fingerprint_twice", RawStun(0x0001).addFingerprint().addFingerprint().packet()},
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

// What we write

/// As in RFC 5769, section 2.1, without SOFTWARE: the attributes are the same to the byte, up to
/// the padding. Here, and below, the whole messages were made by another program.
void built_request_hasTheBytesOfTheRfc() {
  const StunCheck check{transactionOf(kTransaction), "evtj:h6vY", 0x6e0001ff, 0x932ff9b151263b36};
  const auto built = buildBindingRequest(check, kPassword);
  g_assert_true(built.has_value());
  assertBytes(built->packet(),
              bytesOfHex("00010044 2112a442 b7e7a701 bc34d686 fa87dfae 00240004 6e0001ff"
                         "80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59000000"
                         "00080014 00c93bf2 89059bb4 9b56010a cd55309d 7277a427"
                         "80280004 5fc14a11"));
  const Packet rfc = bytesOfHex(kRequest);
  constexpr std::size_t kUpToPadding = 8 + 12 + 13;
  g_assert_cmpmem(built->bytes.data() + 20, kUpToPadding, rfc.data() + 40, kUpToPadding);
}

void built_success_hasTheBytesOfTheRfc() {
  const StunTransaction transaction = transactionOf(kTransaction);
  const StunBuffer ipv4 =
      buildBindingSuccess(transaction, addressOf("192.0.2.1", 32853), kPassword);
  assertBytes(ipv4.packet(),
              bytesOfHex("0101002c 2112a442 b7e7a701 bc34d686 fa87dfae 00200008 0001a147 e112a643"
                         "00080014 74c9371e bf314854 8518699c 3e3174c2 0dd9e68a"
                         "80280004 fae4043a"));
  const Packet rfcIpv4 = bytesOfHex(kResponse), rfcIpv6 = bytesOfHex(kResponseIpv6);
  g_assert_cmpmem(&ipv4.bytes[20], 12, &rfcIpv4[36], 12);
  const StunBuffer ipv6 = buildBindingSuccess(
      transaction, addressOf("2001:db8:1234:5678:11:2233:4455:6677", 32853), kPassword);
  assertBytes(ipv6.packet(),
              bytesOfHex("01010038 2112a442 b7e7a701 bc34d686 fa87dfae 00200014 0002a147 0113a9fa"
                         "a5d3f179 bc25f4b5 bed2b9d9"
                         "00080014 ee33a055 5319eec1 0ad5fbfd f8733d19 6e552b3c"
                         "80280004 5ded7186"));
  g_assert_cmpmem(&ipv6.bytes[20], 24, &rfcIpv6[36], 24);
}

void built_errors_haveTheirBytes() {
  const StunTransaction transaction = transactionOf(kTransaction);
  const std::uint16_t unknown[] = {0x001d, 0x001e, 0x7fff};
  assertBytes(buildBindingError(transaction, StunError::RoleConflict, unknown, kPassword).packet(),
              bytesOfHex("01110028 2112a442 b7e7a701 bc34d686 fa87dfae 00090004 00000457"
                         "00080014 757da347 d4fda7d1 58a8eac8 6a94ffa1 51c6fd40"
                         "80280004 8f4d1b5b"));
  assertBytes(
      buildBindingError(transaction, StunError::UnknownAttribute, unknown, kPassword).packet(),
      bytesOfHex("01110034 2112a442 b7e7a701 bc34d686 fa87dfae 00090004 00000414"
                 "000a0006 001d001e 7fff0000"
                 "00080014 38462cf2 e0173a6d 7dd60c54 588a9b65 3f72cf35"
                 "80280004 62228f15"));
  assertBytes(buildBindingError(transaction, StunError::BadRequest, {}, "").packet(),
              bytesOfHex("01110010 2112a442 b7e7a701 bc34d686 fa87dfae 00090004 00000400"
                         "80280004 9a576632"));
}

void built_error_isReadAgain() {
  const StunTransaction transaction = transactionOf(kTransaction);
  const std::vector<std::uint16_t> unknown(100, 0x0002);
  for (const StunError error : {StunError::BadRequest, StunError::Unauthenticated,
                                StunError::UnknownAttribute, StunError::RoleConflict})
    for (const std::string_view key : {std::string_view(""), kPassword}) {
      const StunBuffer built = buildBindingError(transaction, error, unknown, key);
      const StunMessage message = parsed({built.packet().begin(), built.packet().end()});
      g_assert_true(message.messageClass == StunClass::Error && message.hasFingerprint);
      g_assert_cmpuint(*message.errorCode, ==, static_cast<unsigned>(error));
      g_assert_true(checkIntegrity(built.packet(), message, kPassword) == !key.empty());
    }
}

void built_requestWithALongName_fitsOrIsNone() {
  StunCheck check{transactionOf(kTransaction), {}, 1, 2};
  for (std::size_t size = 0; size < 600; ++size) {
    const std::string name(size, 'u');
    check.username = name;
    const auto built = buildBindingRequest(check, kPassword);
    g_assert_true(built.has_value() == (size <= 472));
    if (!built) continue;
    const auto message = parseStun(built->packet());
    g_assert_true(message && message->username == name && message->hasFingerprint);
    g_assert_true(checkIntegrity(built->packet(), *message, kPassword));
  }
}

/// Nobody can use us to send more to a victim than was sent to us.
void built_answers_areShorterThanAnyCheck() {
  const std::size_t shortest = RawStun(0x0001)
                                   .add(0x0006, "abcd:efgh")
                                   .addHex(0x0024, "00000000")
                                   .addHex(0x802a, "0000000000000000")
                                   .addIntegrity("key")
                                   .addFingerprint()
                                   .packet()
                                   .size();
  const StunTransaction transaction{};
  StunAddress longest;
  longest.family = StunAddress::Family::IPv6;
  g_assert_cmpuint(buildBindingSuccess(transaction, longest, "key").size, <, shortest);
  g_assert_cmpuint(buildBindingError(transaction, StunError::RoleConflict, {}, "key").size, <,
                   shortest);
  const std::uint16_t unknown[kMaxStunUnknown] = {};
  g_assert_cmpuint(buildBindingError(transaction, StunError::UnknownAttribute, unknown, "key").size,
                   <, shortest + 4 * kMaxStunUnknown);
}

// Addresses

void address_sockaddr_comesBack() {
  StunAddress linkLocal = addressOf("fe80::1", 1);
  linkLocal.scope = 7;
  for (const StunAddress &address :
       {addressOf("192.0.2.1", 65535), addressOf("2001:db8::1", 5000), linkLocal,
        addressOf("::ffff:192.0.2.1", 5000), addressOf("0.0.0.0", 0)}) {
    sockaddr_storage storage;
    const socklen_t size = toSockaddr(address, storage);
    const bool isIpv4 = address.family == StunAddress::Family::IPv4;
    g_assert_cmpuint(size, ==, isIpv4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    g_assert_true(fromSockaddr(storage, size) == address);
    g_assert_false(fromSockaddr(storage, size - 1).has_value());
    storage.ss_family = AF_UNIX;
    g_assert_false(fromSockaddr(storage, sizeof storage).has_value());
  }
}

void address_sockaddr_hasWhatTheKernelReads() {
  sockaddr_storage storage;
  toSockaddr(addressOf("192.0.2.1", 0x1234), storage);
  const auto *ipv4 = reinterpret_cast<const sockaddr_in *>(&storage);
  g_assert_true(ipv4->sin_family == AF_INET && ntohs(ipv4->sin_port) == 0x1234);
  g_assert_cmpuint(ntohl(ipv4->sin_addr.s_addr), ==, 0xc0000201);
}

void address_asAKey_isFound() {
  std::unordered_set<StunAddress> addresses;
  std::unordered_set<std::size_t> hashes;
  for (unsigned port = 0; port < 20'000; ++port)
    for (const char *text : {"192.0.2.1", "192.0.2.2", "2001:db8::1", "c000:201::"}) {
      const StunAddress address = addressOf(text, static_cast<std::uint16_t>(port));
      g_assert_true(addresses.insert(address).second);
      g_assert_false(addresses.insert(address).second);
      hashes.insert(std::hash<StunAddress>()(address));
    }
  // The first and the last differ in their family alone.
  g_assert_cmpuint(addresses.size(), ==, 80'000);
  g_assert_cmpuint(hashes.size(), >, 79'000);
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
  ADD(built_request_hasTheBytesOfTheRfc);
  ADD(built_success_hasTheBytesOfTheRfc);
  ADD(built_errors_haveTheirBytes);
  ADD(built_error_isReadAgain);
  ADD(built_requestWithALongName_fitsOrIsNone);
  ADD(built_answers_areShorterThanAnyCheck);
  ADD(address_sockaddr_comesBack);
  ADD(address_sockaddr_hasWhatTheKernelReads);
  ADD(address_asAKey_isFound);
#undef ADD
  for (const BrowserRow &row : kBrowserRows)
    g_test_add_data_func((std::string("/stun/browser_") + row.name + "_isRead").c_str(), &row,
                         testBrowser);
  for (const BrokenRow &row : kBrokenRows)
    g_test_add_data_func((std::string("/stun/") + row.name + "_isRefused").c_str(), &row,
                         testBroken);
  return g_test_run();
}
