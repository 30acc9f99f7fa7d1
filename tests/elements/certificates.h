// SPDX-License-Identifier: LGPL-2.1-or-later
// Certificates and keys for tests of TLS, made with OpenSSL while the test runs.
#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <string>

#include "gst/common/glib_owned.h"

namespace gws::test {

enum class KeyKind { Ecdsa, Rsa };

/// A certificate with its key, each as PEM.
class Issued {
 public:
  struct Options {
    KeyKind kind = KeyKind::Ecdsa;
    bool isAuthority = false;
    long validFromS = -3600, validUntilS = 3600;  ///< from now
  };

  /// Signed by `issuer`, or by itself.
  Issued(const std::string &name, const Options &options, const Issued *issuer = nullptr)
      : key_(options.kind == KeyKind::Rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")),
        certificate_(X509_new()) {
    static long serial = 0;
    X509 *own = certificate_.get();
    X509_set_version(own, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(own), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(own), options.validFromS);
    X509_gmtime_adj(X509_getm_notAfter(own), options.validUntilS);
    const auto *text = reinterpret_cast<const unsigned char *>(name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(own), "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_pubkey(own, key_.get());
    const Issued &signer = issuer ? *issuer : *this;
    X509_set_issuer_name(own, X509_get_subject_name(signer.certificate_.get()));
    extend(NID_basic_constraints, options.isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!options.isAuthority) extend(NID_subject_alt_name, "DNS:" + name);
    X509_sign(own, signer.key_.get(), EVP_sha256());
  }
  explicit Issued(const std::string &name) : Issued(name, Options()) {}

  std::string certificate() const {
    const Bio writer(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(writer.get(), certificate_.get());
    return textOf(writer);
  }
  std::string certificateAsDer() const {
    const Bio writer(BIO_new(BIO_s_mem()));
    i2d_X509_bio(writer.get(), certificate_.get());
    return textOf(writer);
  }
  /// PKCS #8, RFC 5958.
  std::string key() const { return encryptedKey(nullptr); }
  std::string encryptedKey(const char *passphrase) const {
    const Bio writer(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(
        writer.get(), key_.get(), passphrase ? EVP_aes_128_cbc() : nullptr, passphrase,
        passphrase ? static_cast<int>(strlen(passphrase)) : 0, nullptr, nullptr);
    return textOf(writer);
  }
  /// As `openssl ecparam -genkey` and `openssl rsa -traditional` write it.
  std::string traditionalKey(const char *passphrase = nullptr) const {
    const Bio writer(BIO_new(BIO_s_mem()));
    const auto *bytes = reinterpret_cast<const unsigned char *>(passphrase);
    PEM_write_bio_PrivateKey_traditional(
        writer.get(), key_.get(), passphrase ? EVP_aes_128_cbc() : nullptr, bytes,
        passphrase ? static_cast<int>(strlen(passphrase)) : 0, nullptr, nullptr);
    return textOf(writer);
  }

 private:
  using Bio = Owned<BIO, BIO_free>;

  static std::string textOf(const Bio &writer) {
    char *text = nullptr;
    const long length = BIO_get_mem_data(writer.get(), &text);
    return std::string(text, static_cast<std::size_t>(length));
  }
  void extend(int nid, const std::string &value) {
    const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
    X509_add_ext(certificate_.get(), extension.get(), -1);
  }

  Owned<EVP_PKEY, EVP_PKEY_free> key_;
  Owned<X509, X509_free> certificate_;
};

}  // namespace gws::test
