// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN that is written: the bytes of RFC 5769 and of another program; addresses as keys.
#include <glib.h>
#include <netinet/in.h>

#include <array>
#include <new>
#include <string>
#include <unordered_set>
#include <vector>

#include "stun_message.h"

using namespace gws;
using namespace gws::test;

namespace {

void assertBytes(std::span<const std::uint8_t> given, const Packet &expected) {
  g_assert_cmpmem(given.data(), given.size(), expected.data(), expected.size());
}

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

/// A buffer is not cleared before.
void built_padding_isOfZeros() {
  alignas(StunBuffer) std::array<std::uint8_t, sizeof(StunBuffer)> room;
  room.fill(0xff);
  const std::uint16_t unknown[] = {0x7fff};
  const auto *built = new (room.data())
      StunBuffer(buildBindingError({}, StunError::UnknownAttribute, unknown, kPassword));
  assertBytes(built->packet().subspan(28, 8), bytesOfHex("000a0002 7fff0000"));
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
      const bool named = error == StunError::UnknownAttribute;
      g_assert_cmpuint(built.size, ==,
                       20 + 8 + (named ? 4 + 2 * kMaxStunUnknown : 0) + (key.empty() ? 0 : 24) + 8);
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
#define ADD(function) g_test_add_func("/stun-built/" #function, function)
  ADD(built_request_hasTheBytesOfTheRfc);
  ADD(built_success_hasTheBytesOfTheRfc);
  ADD(built_errors_haveTheirBytes);
  ADD(built_padding_isOfZeros);
  ADD(built_error_isReadAgain);
  ADD(built_requestWithALongName_fitsOrIsNone);
  ADD(built_answers_areShorterThanAnyCheck);
  ADD(address_sockaddr_comesBack);
  ADD(address_sockaddr_hasWhatTheKernelReads);
  ADD(address_asAKey_isFound);
#undef ADD
  return g_test_run();
}
