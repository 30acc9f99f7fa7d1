// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses are compared as bytes in network order: 4 of IPv4, 16 of IPv6.
#include "address.h"

#include <arpa/inet.h>
#include <glib.h>

#include <algorithm>

#include "gst/common/glib_owned.h"
#include "text.h"

namespace gws {

namespace {

constexpr std::size_t kIpv4Bytes = 4;
constexpr std::size_t kIpv6Bytes = 16;
constexpr std::string_view kIpv4InIpv6("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);  // RFC 4291, 2.5.5.2

/// The bytes of an address of one family, empty if it is none.
std::string parseAddress(int family, std::string_view text) {
  std::string bytes(family == AF_INET ? kIpv4Bytes : kIpv6Bytes, '\0');
  const bool parsed = text.find('\0') == std::string_view::npos &&
                      inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
  return parsed ? bytes : std::string();
}

std::string parseAddress(std::string_view text) {
  if (std::string bytes = parseAddress(AF_INET, text); !bytes.empty()) return bytes;
  std::string bytes = parseAddress(AF_INET6, text);
  if (std::string_view(bytes).substr(0, kIpv4InIpv6.size()) == kIpv4InIpv6)
    bytes.erase(0, kIpv4InIpv6.size());
  return bytes;
}

std::string addressText(const std::string &bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(bytes.size() == kIpv4Bytes ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::optional<unsigned> parseNumber(std::string_view text, std::size_t min, std::size_t max) {
  guint64 number = 0;
  if (text.find('\0') != std::string_view::npos ||
      !g_ascii_string_to_unsigned(std::string(text).c_str(), 10, min, max, &number, nullptr))
    return std::nullopt;
  return static_cast<unsigned>(number);
}

/// The host in lower case, empty if it is not one.
std::string parseHost(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return {};
  std::string host;
  for (const char c : text) {
    if (!g_ascii_isalnum(c) && c != '-' && c != '_' && c != '.') return {};
    host += g_ascii_tolower(c);
  }
  return host;
}

/// What a proxy writes for the one that it heard: an address, perhaps in brackets, with a port.
std::string parseForwarded(std::string_view element) {
  constexpr const char *kSpace = " \t";
  const std::size_t begin = element.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  element = element.substr(begin, element.find_last_not_of(kSpace) + 1 - begin);
  if (std::string bytes = parseAddress(element); !bytes.empty()) return bytes;
  const std::optional<HostPort> parts = parseHostPort(element);
  return parts ? parseAddress(parts->host) : std::string();
}

bool sharesPrefix(const std::string &a, const std::string &b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (a.size() != b.size() || a.compare(0, whole, b, 0, whole) != 0) return false;
  // Behind the last byte there is the string's NUL, and none of its bits is asked for.
  return static_cast<unsigned char>(a[whole] ^ b[whole]) >> (8 - bits % 8) == 0;
}

}  // namespace

std::optional<HostPort> parseHostPort(std::string_view text) {
  const bool bracketed = !text.empty() && text.front() == '[';
  const std::size_t end = std::min(text.find(bracketed ? ']' : ':'), text.size());
  HostPort result;
  if (bracketed) {
    const std::string bytes = parseAddress(AF_INET6, text.substr(1, end - 1));
    if (bytes.empty() || end == text.size()) return std::nullopt;
    result.host = addressText(bytes);
    text.remove_prefix(end + 1);
  } else {
    result.host = parseHost(text.substr(0, end));
    if (result.host.empty()) return std::nullopt;
    text.remove_prefix(end);
  }
  if (text.empty()) return result;
  if (text.front() == ':') result.port = parseNumber(text.substr(1), 1, 65535);
  return result.port ? std::optional(result) : std::nullopt;
}

Result<Networks> Networks::parse(std::string_view text) {
  Networks result;
  const Owned<char *, g_strfreev> items(g_strsplit(std::string(text).c_str(), ",", -1));
  for (char **item = items.get(); *item; ++item) {
    const std::string_view network = g_strstrip(*item);
    if (network.empty()) continue;
    const std::size_t slash = std::min(network.find('/'), network.size());
    const std::string bytes = parseAddress(network.substr(0, slash));
    // IPv4 inside IPv6 is counted from the front of the IPv6 address, but kept as IPv4.
    const std::size_t bits = network.find(':') == std::string_view::npos ? 32 : 128;
    const std::size_t skipped = bits - 8 * bytes.size();
    const auto prefix = slash == network.size()
                            ? static_cast<unsigned>(bits)
                            : parseNumber(network.substr(slash + 1), skipped, bits);
    if (bytes.empty() || !prefix)
      return Error{0,
                   inQuotes(network) + " is not an IP address, nor a network such as 10.0.0.0/8"};
    result.networks_.push_back({bytes, *prefix - static_cast<unsigned>(skipped)});
  }
  return result;
}

bool Networks::contains(std::string_view address) const {
  const std::string bytes = parseAddress(address);
  for (const Network &network : networks_)
    if (sharesPrefix(bytes, network.bytes, network.prefix)) return true;
  return false;
}

std::string clientAddress(std::string_view peer, std::string_view forwardedFor,
                          const Networks &trusted) {
  const std::string peerBytes = parseAddress(peer);
  std::string client = peerBytes.empty() ? std::string(peer) : addressText(peerBytes);
  while (!forwardedFor.empty() && trusted.contains(client)) {
    const std::size_t begin = forwardedFor.rfind(',') + 1;  // 0 when there is no comma
    const std::string bytes = parseForwarded(forwardedFor.substr(begin));
    if (bytes.empty()) break;
    client = addressText(bytes);
    forwardedFor = forwardedFor.substr(0, begin == 0 ? 0 : begin - 1);
  }
  return client;
}

std::string limitKey(std::string_view address) {
  std::string bytes = parseAddress(address);
  if (bytes.empty()) return std::string(address);
  if (bytes.size() == kIpv4Bytes) return addressText(bytes);
  bytes.replace(kIpv6Bytes / 2, kIpv6Bytes / 2, kIpv6Bytes / 2, '\0');
  return addressText(bytes) + "/64";
}

}  // namespace gws
