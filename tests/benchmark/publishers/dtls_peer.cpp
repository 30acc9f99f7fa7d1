// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS-SRTP by OpenSSL and libsrtp2, with no I/O of its own.
#include "dtls_peer.h"

#include <openssl/pem.h>

#include <algorithm>

namespace gws::benchmark {

namespace {

constexpr unsigned kMtu = 1200;
constexpr const char *kProfile = "SRTP_AES128_CM_SHA1_80";
constexpr std::size_t kKeyBytes = 16, kSaltBytes = 14;

using Bio = Owned<BIO, BIO_free>;

int acceptAnything(int, X509_STORE_CTX *) { return 1; }

}  // namespace

DtlsContext makeDtlsContext(const std::string &pem) {
  DtlsContext context(SSL_CTX_new(DTLS_method()));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Owned<X509, X509_free> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const Owned<EVP_PKEY, EVP_PKEY_free> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  // 0 is success for the profiles alone.
  if (!context || !certificate || !key ||
      SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_set_tlsext_use_srtp(context.get(), kProfile) != 0)
    return nullptr;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     acceptAnything);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_QUERY_MTU);
  return context;
}

DtlsPeer::DtlsPeer(SSL_CTX *context, DtlsRole role)
    : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_mtu(ssl_.get(), kMtu);
  if (role == DtlsRole::Client)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
  proceed();
}

/// Handshakes, or reads what nobody wants; that there is nothing to read yet is no failure.
void DtlsPeer::proceed() {
  char nothing[256];
  const int result =
      isUp() ? SSL_read(ssl_.get(), nothing, sizeof nothing) : SSL_do_handshake(ssl_.get());
  if (result > 0) return;
  const int why = SSL_get_error(ssl_.get(), result);
  over_ = over_ || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE);
}

void DtlsPeer::receive(std::span<const std::uint8_t> datagram) {
  BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
  proceed();
}

std::vector<std::uint8_t> DtlsPeer::takeOutput() {
  DTLSv1_handle_timeout(ssl_.get());
  std::vector<std::uint8_t> bytes(BIO_ctrl_pending(out_));
  if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

DtlsPeer::Keys DtlsPeer::keys() const {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  std::array<std::uint8_t, 2 * (kKeyBytes + kSaltBytes)> material{};
  SSL_export_keying_material(ssl_.get(), material.data(), material.size(), kLabel.data(),
                             kLabel.size(), nullptr, 0, 0);
  // RFC 5764, section 4.2: both keys, then both salts, the client's first.
  Keys keys{};
  const std::uint8_t *key = material.data(), *salt = key + 2 * kKeyBytes;
  for (auto *side : {&keys.client, &keys.server}) {
    std::copy_n(salt, kSaltBytes, std::copy_n(key, kKeyBytes, side->begin()));
    key += kKeyBytes;
    salt += kSaltBytes;
  }
  return keys;
}

SrtpPair::SrtpPair(const DtlsPeer::Keys &keys, DtlsRole own)
    : out_(make(own == DtlsRole::Client ? keys.client : keys.server, ssrc_any_outbound)),
      in_(make(own == DtlsRole::Client ? keys.server : keys.client, ssrc_any_inbound)) {}

SrtpPair::Context SrtpPair::make(std::array<std::uint8_t, 30> key, srtp_ssrc_type_t direction) {
  static const srtp_err_status_t started = srtp_init();
  srtp_policy_t policy{};
  srtp_crypto_policy_set_rtp_default(&policy.rtp);
  srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
  policy.ssrc.type = direction;
  policy.key = key.data();
  srtp_t context = nullptr;
  if (started == srtp_err_status_ok) srtp_create(&context, &policy);
  return Context(context);
}

/// What libsrtp makes of a packet: its functions are told the size, and change it.
template <typename Change>
static std::size_t changed(Change change, srtp_t context, std::uint8_t *packet, std::size_t size) {
  int bytes = static_cast<int>(size);
  const srtp_err_status_t status = change(context, packet, &bytes);
  return status == srtp_err_status_ok ? static_cast<std::size_t>(bytes) : 0;
}

std::size_t SrtpPair::sealRtp(std::uint8_t *packet, std::size_t size) {
  return changed(srtp_protect, out_.get(), packet, size);
}

std::size_t SrtpPair::sealRtcp(std::uint8_t *packet, std::size_t size) {
  return changed(srtp_protect_rtcp, out_.get(), packet, size);
}

std::size_t SrtpPair::openRtcp(std::uint8_t *packet, std::size_t size) {
  return changed(srtp_unprotect_rtcp, in_.get(), packet, size);
}

}  // namespace gws::benchmark
