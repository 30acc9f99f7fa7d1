// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages as ICE uses them (RFC 8489, RFC 8445): read, authenticated, written. PURE.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace gws {

/// An IP address and a port; a key for maps and hash tables. Its hash is no secret: what a stranger
/// can fill a table with has to be bounded.
struct StunAddress {
  enum class Family : std::uint8_t { IPv4 = 1, IPv6 = 2 };  ///< as in RFC 8489, section 14.1

  std::array<std::uint8_t, 16> bytes{};  ///< network order; an IPv4 address: four, then zeros
  std::uint32_t scope = 0;  ///< a link-local IPv6 address's interface (RFC 4007); never in messages
  std::uint16_t port = 0;   ///< host order
  Family family = Family::IPv4;

  auto operator<=>(const StunAddress &) const = default;
};

/// Nothing if it is of another family, or if `size` is too small for its family. IPv4 inside IPv6
/// stays IPv6: it comes from a socket that answers it in that form.
std::optional<StunAddress> fromSockaddr(const sockaddr_storage &address, socklen_t size);
/// The bytes of `out` that count.
socklen_t toSockaddr(const StunAddress &address, sockaddr_storage &out);

/// RFC 8489, section 5.
enum class StunClass : std::uint8_t { Request, Indication, Success, Error };
inline constexpr std::uint16_t kStunBinding = 0x001;
using StunTransaction = std::array<std::uint8_t, 12>;

inline constexpr std::size_t kMaxStunBytes = 1500;  ///< a stranger's HMAC costs no more than this
inline constexpr std::size_t kMaxStunUsernameBytes = 512;  ///< RFC 5389; RFC 8489 sends up to 508
inline constexpr std::size_t kMaxStunUnknown = 8;

/// What ICE reads of a message. `username` points into the packet. Of an attribute that is there
/// twice the first counts (RFC 8489, section 14); what stands behind MESSAGE-INTEGRITY does not
/// (section 14.5). A request may have both tie-breakers, or neither: the agent decides.
struct StunMessage {
  StunClass messageClass = StunClass::Request;
  std::uint16_t method = 0;
  StunTransaction transaction{};
  std::optional<std::string_view> username;
  std::optional<std::uint32_t> priority;        ///< RFC 8445, section 7.1.1
  bool useCandidate = false;                    ///< RFC 8445, section 7.1.2
  std::optional<std::uint64_t> iceControlled;   ///< a tie-breaker: RFC 8445, section 7.1.3
  std::optional<std::uint64_t> iceControlling;  ///< the same
  std::optional<StunAddress> xorMappedAddress;  ///< RFC 8489, section 14.2
  std::optional<unsigned> errorCode;            ///< 300 to 699: RFC 8489, section 14.8
  std::optional<std::size_t> integrityOffset;   ///< where MESSAGE-INTEGRITY begins
  bool hasFingerprint = false;                  ///< it was there, and right
  std::array<std::uint16_t, kMaxStunUnknown> unknownTypes{};
  std::size_t unknownCount = 0;

  /// Attributes that must be understood and are not: the answer is 420 (RFC 8489, section 6.3.1).
  /// Each type once, in their order, and no more than there is room for.
  std::span<const std::uint16_t> unknown() const { return {unknownTypes.data(), unknownCount}; }
};

/// Nothing if `packet` is not one well-formed message, to its last byte: RFC 8489, sections 5, 6.3
/// and 14. A FINGERPRINT is last and right; what is read has its exact length. Nothing is
/// allocated. The agent asks whether what ICE wants is there: FINGERPRINT, MESSAGE-INTEGRITY.
std::optional<StunMessage> parseStun(std::span<const std::uint8_t> packet);

/// Whether MESSAGE-INTEGRITY is there and was made with `key` (RFC 8489, section 14.5): one HMAC,
/// compared in constant time. `message` is what parseStun() made of this packet. An empty key
/// authenticates nothing.
bool checkIntegrity(std::span<const std::uint8_t> packet, const StunMessage &message,
                    std::string_view key);

/// A message that was written. 548 bytes go through any IPv4 path (RFC 8489, section 6.1).
struct StunBuffer {
  std::array<std::uint8_t, 548> bytes;  ///< what is behind `size` is undefined
  std::size_t size = 0;

  std::span<const std::uint8_t> packet() const { return {bytes.data(), size}; }
};

/// A connectivity check of a controlled agent (RFC 8445, section 7.2.2).
struct StunCheck {
  StunTransaction transaction{};  ///< from a cryptographic source (RFC 8489, section 5)
  std::string_view username;      ///< theirs, a colon, ours
  std::uint32_t priority = 0;     ///< of a peer-reflexive candidate, if this check finds one
  std::uint64_t tieBreaker = 0;
};

/// Codes of RFC 8489, section 14.8, and RFC 8445, section 7.3.1.1.
enum class StunError : std::uint16_t {
  BadRequest = 400,
  Unauthenticated = 401,
  UnknownAttribute = 420,
  RoleConflict = 487,
};

/// All messages end in MESSAGE-INTEGRITY and FINGERPRINT. The key is the password of who gets the
/// request, for its response too (RFC 8445, section 7.2.2), and not empty.
/// Nothing if there is no room for the username: more than 472 bytes.
std::optional<StunBuffer> buildBindingRequest(const StunCheck &check, std::string_view key);
StunBuffer buildBindingSuccess(const StunTransaction &transaction, const StunAddress &mapped,
                               std::string_view key);
/// `unknown` is for code 420 alone; no more than kMaxStunUnknown are named. An empty key: without
/// MESSAGE-INTEGRITY, for who did not authenticate itself. The reason phrase is empty, so that the
/// answer is shorter than the question.
StunBuffer buildBindingError(const StunTransaction &transaction, StunError error,
                             std::span<const std::uint16_t> unknown, std::string_view key);

}  // namespace gws

template <>
struct std::hash<gws::StunAddress> {
  std::size_t operator()(const gws::StunAddress &address) const noexcept;
};
