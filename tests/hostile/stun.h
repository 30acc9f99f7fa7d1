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
  /// MESSAGE-INTEGRITY under this password.
  StunMessage &integrity(const std::string &password);
  StunMessage &fingerprint();
  StunMessage &sign(const std::string &password) { return integrity(password).fingerprint(); }
  std::string bytes() const { return bytes_; }

 private:
  void setLength(std::size_t length);
  std::string bytes_;
};

inline constexpr unsigned kBindingRequest = 0x0001, kBindingIndication = 0x0011,
                          kBindingSuccess = 0x0101, kBindingError = 0x0111;
inline constexpr unsigned kUsername = 0x0006, kErrorCode = 0x0009, kXorMappedAddress = 0x0020,
                          kPriority = 0x0024, kUseCandidate = 0x0025, kIceControlled = 0x8029,
                          kIceControlling = 0x802a;

/// A number of so many bytes, as messages have them.
std::string bigEndian(std::uint64_t value, int bytes);
bool isStun(const std::string &packet);
/// Its message type; 0 is none.
unsigned stunTypeOf(const std::string &packet);

/// A check of a controlling agent that nominates at once.
std::string iceCheck(Session &session, const std::string &username, const std::string &password);

/// What answers a check of the server's.
std::string bindingSuccess(const std::string &request, const std::string &password);

/// A UDP socket that talks to the server, from an address of this machine; the session's, if it is
/// not said. It counts bytes.
class UdpPeer {
 public:
  explicit UdpPeer(Session &session) : UdpPeer(session.source()) {}
  explicit UdpPeer(const std::string &address);

  void send(std::string_view bytes, unsigned port);
  /// What comes next; nothing: not in time.
  std::optional<std::string> receive(Timeout timeout);
  /// Reads what has come.
  void drain();
  std::size_t bytesSent() const { return sent_; }
  std::size_t bytesReceived() const { return received_; }

 private:
  Ref<GSocket> socket_;
  std::size_t sent_ = 0, received_ = 0;
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
