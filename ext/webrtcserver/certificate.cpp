// SPDX-License-Identifier: LGPL-2.1-or-later
// Self-signed certificates, made with OpenSSL, which GStreamer's DTLS is built on, too.
#include "certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "gst/common/glib_owned.h"

namespace gws {

// Browsers make theirs for 30 days; a connection that is up is not checked again.
constexpr long kSecondsBack = 24 * 3600, kSecondsAhead = 30 * 24 * 3600;

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Certificate = Owned<X509, X509_free>;
using Bio = Owned<BIO, BIO_free>;

/// RFC 8827 asks for nothing in the name; a number that nobody else has keeps certificates apart.
static bool fill(X509 *certificate, EVP_PKEY *key) {
  uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char *>(&serial), sizeof serial) != 1) return false;
  X509_NAME *name = X509_get_subject_name(certificate);
  const auto *common = reinterpret_cast<const unsigned char *>("WebRTC");
  return X509_set_version(certificate, X509_VERSION_3) &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kSecondsBack) &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kSecondsAhead) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) &&
         X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

static Fingerprint fingerprintOf(const X509 *certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(certificate, EVP_sha256(), digest, &length);
  Fingerprint result;
  result.algorithm = "sha-256";
  for (unsigned i = 0; i < length; i++) {
    OwnedString byte(g_strdup_printf(i ? ":%02X" : "%02X", digest[i]));
    result.value += byte.get();
  }
  return result;
}

Result<Certificate> makeCertificate() {
  Key key(EVP_EC_gen("P-256"));
  X509Certificate certificate(X509_new());
  Bio pem(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !pem || !fill(certificate.get(), key.get()) ||
      !PEM_write_bio_X509(pem.get(), certificate.get()) ||
      !PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr))
    return Error{0, "no DTLS certificate could be made (OpenSSL)"};
  char *text = nullptr;
  const long length = BIO_get_mem_data(pem.get(), &text);
  return Certificate{std::string(text, static_cast<std::size_t>(length)),
                     fingerprintOf(certificate.get())};
}

}  // namespace gws
