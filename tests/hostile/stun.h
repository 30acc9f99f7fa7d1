// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and ICE by hand, good enough to get to DTLS, and as bad as one likes.
#pragma once

#include <gio/gio.h>

#include "dialogue.h"
#include "gst/common/gobj.h"

namespace gws::hostile {

/// A STUN message (RFC 8489, section 5), attribute after attribute.
class StunMessage {
 public:
  StunMessage(unsigned type, std::string transaction);
  StunMessage &add(unsigned attribute, std::string_view value);
  /// MESSAGE-INTEGRITY under this password, and FINGERPRINT.
  StunMessage &sign(const std::string &password);
  std::string bytes() const { return bytes_; }

 private:
  void setLength(std::size_t length);
  std::string bytes_;
};

inline constexpr unsigned kBindingRequest = 0x0001, kBindingSuccess = 0x0101;
inline constexpr unsigned kUsername = 0x0006, kXorMappedAddress = 0x0020, kPriority = 0x0024,
                          kUseCandidate = 0x0025, kIceControlling = 0x802a;

/// A check of a controlling agent that nominates at once.
std::string iceCheck(Session &session, const std::string &username, const std::string &password);

/// A UDP socket that talks to the ports of an answer, from an address of the session's.
class UdpPeer {
 public:
  explicit UdpPeer(Session &session);

  void send(std::string_view bytes, unsigned port);
  /// What comes next; nothing: not in time.
  std::optional<std::string> receive(Timeout timeout);

 private:
  Ref<GSocket> socket_;
};

/// An ICE agent, as far as one pair of candidates goes. The offer's password signs what it answers.
class IcePeer {
 public:
  IcePeer(Session &session, const Reply &reply, IceCredentials own);

  /// Both sides have checked; from now on send() reaches DTLS.
  bool connect(Timeout timeout);
  void send(std::string_view bytes) { udp_.send(bytes, port_); }
  /// The next packet that is no STUN; STUN is answered meanwhile.
  std::optional<std::string> receive(Timeout timeout);

 private:
  bool handle(const std::string &packet);

  Session &session_;
  UdpPeer udp_;
  const IceCredentials remote_, own_;
  const unsigned port_;
  bool answered_ = false, asked_ = false;
};

}  // namespace gws::hostile
