// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS-SRTP by OpenSSL and libsrtp2, with no I/O of its own.
#pragma once

#include <openssl/ssl.h>
#include <srtp2/srtp.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gst/common/glib_owned.h"

namespace gws::benchmark {

/// One certificate for all peers, with the key, as PEM.
using DtlsContext = Owned<SSL_CTX, SSL_CTX_free>;
DtlsContext makeDtlsContext(const std::string &pem);

enum class DtlsRole { Client, Server };

/// One DTLS association (RFC 5764). The other side's certificate is not looked at.
class DtlsPeer {
 public:
  DtlsPeer(SSL_CTX *context, DtlsRole role);

  /// A datagram that came.
  void receive(std::span<const std::uint8_t> datagram);
  /// What has to be sent now, retransmissions too; may be empty.
  std::vector<std::uint8_t> takeOutput();
  bool isUp() const { return SSL_is_init_finished(ssl_.get()); }
  /// The other side has gone, or no handshake is possible.
  bool isOver() const { return over_; }

  /// Of client and server, 16 bytes of key and 14 of salt each, as libsrtp wants them.
  struct Keys {
    std::array<std::uint8_t, 30> client, server;
  };
  Keys keys() const;

 private:
  void proceed();

  const Owned<SSL, SSL_free> ssl_;
  BIO *const in_, *const out_;  ///< the SSL's
  bool over_ = false;
};

/// SRTP of both directions, with AES-128 and HMAC-SHA1-80.
class SrtpPair {
 public:
  SrtpPair(const DtlsPeer::Keys &keys, DtlsRole own);

  static constexpr std::size_t kTrailerBytes = SRTP_MAX_TRAILER_LEN + 4;
  /// In place: `packet` has room for kTrailerBytes behind its `size`. The new size; 0: it failed.
  std::size_t sealRtp(std::uint8_t *packet, std::size_t size);
  std::size_t sealRtcp(std::uint8_t *packet, std::size_t size);
  std::size_t openRtcp(std::uint8_t *packet, std::size_t size);

 private:
  using Context = Owned<srtp_ctx_t, srtp_dealloc>;
  static Context make(std::array<std::uint8_t, 30> key, srtp_ssrc_type_t direction);

  const Context out_, in_;
};

}  // namespace gws::benchmark
