// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading, checking and renewing the port's certificate and key. GIO speaks TLS; OpenSSL says what
// GIO does not: whether a key belongs to a certificate, and whether it is encrypted.
#include "tls_identity.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <vector>

#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-tls", "The certificate and the key of the port");

namespace gws {
namespace {

constexpr off_t kMaxSize = 1 << 20;
/// With looks a second apart: longer than it takes to write two files, one after the other.
constexpr unsigned kLooksBeforeWarning = 3;
constexpr const char *kNoChain =
    "only the first certificate is sent: each of the others must be what the one before it was "
    "signed with";

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Certificate = Owned<X509, X509_free>;
using Bio = Owned<BIO, BIO_free>;

/// A file as the properties name it.
struct Place {
  const char *property;
  std::string path;

  std::string about(const std::string &what) const {
    return std::string(property) + " " + takeString(g_filename_display_name(path.c_str())) + ": " +
           what;
  }
  Error wrong(const std::string &why) const { return {0, about(why)}; }
};

/// Tells one content of a path from the next, also where a symbolic link leads elsewhere.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  gint64 modifiedNs = 0;
  gint64 changedNs = 0;  ///< content, owner or permissions

  explicit Stamp(const struct stat &status)
      : device(status.st_dev),
        inode(status.st_ino),
        size(status.st_size),
        modifiedNs(inNs(status.st_mtim)),
        changedNs(inNs(status.st_ctim)) {}
  bool operator==(const Stamp &) const = default;

 private:
  static gint64 inNs(const timespec &time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }
};

/// Nothing where there is no file.
std::optional<Stamp> stampOf(const Place &place) {
  struct stat status;
  if (stat(place.path.c_str(), &status) != 0) return std::nullopt;
  return Stamp(status);
}

struct Content {
  Stamp stamp;
  std::string text;
};

Result<Content> read(const Place &place) {
  // Without O_NONBLOCK, a FIFO that nobody writes to would hold up the thread.
  const int descriptor = open(place.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return place.wrong(g_strerror(errno));
  const Owned<FILE, fclose> file(fdopen(descriptor, "r"));
  struct stat status;
  if (!file || fstat(descriptor, &status) != 0) return place.wrong(g_strerror(errno));
  if (S_ISDIR(status.st_mode)) return place.wrong("it is a directory, expected a file");
  if (!S_ISREG(status.st_mode)) return place.wrong("it is not a regular file");
  if (status.st_size > kMaxSize) return place.wrong("it is larger than 1 MiB");
  Content content{Stamp(status), std::string(static_cast<std::size_t>(status.st_size), '\0')};
  content.text.resize(fread(content.text.data(), 1, content.text.size(), file.get()));
  if (ferror(file.get())) return place.wrong(g_strerror(errno));
  return content;
}

Bio readerOf(const std::string &text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// In OpenSSL's default, the terminal would be asked.
int refusePassphrase(char *, int, int, void *wasAsked) {
  *static_cast<bool *>(wasAsked) = true;
  return -1;
}

/// The server's own comes first, then those that it was signed with.
Result<std::vector<X509Certificate>> parseCertificates(const Place &place,
                                                       const std::string &text) {
  const Bio reader = readerOf(text);
  std::vector<X509Certificate> all;
  bool wasAsked = false;
  while (X509 *one = PEM_read_bio_X509(reader.get(), nullptr, refusePassphrase, &wasAsked))
    all.emplace_back(one);
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
    const char *reason = ERR_reason_error_string(code);
    return place.wrong(std::string("what it holds is damaged: ") + (reason ? reason : "bad PEM"));
  }
  if (all.empty()) return place.wrong("it holds no certificate in PEM format");
  return all;
}

Result<Key> parseKey(const Place &place, const std::string &text, bool alone) {
  const Bio reader = readerOf(text);
  bool isEncrypted = false;
  Key key(PEM_read_bio_PrivateKey(reader.get(), nullptr, refusePassphrase, &isEncrypted));
  ERR_clear_error();
  if (key) return key;
  if (isEncrypted)
    return place.wrong("the private key is encrypted, expected a key without a passphrase");
  if (text.find("PRIVATE KEY-----") != std::string::npos)
    return place.wrong("the private key is damaged, or of a kind that OpenSSL does not know");
  return place.wrong(std::string("it holds no private key in PEM format") +
                     (alone ? "" : "; set private-key-file to the file that does"));
}

/// Both as GIO reads them best: one PEM text with nothing else in it.
std::string pemOf(const std::vector<X509Certificate> &certificates, EVP_PKEY *key) {
  const Bio writer(BIO_new(BIO_s_mem()));
  for (const auto &certificate : certificates)
    PEM_write_bio_X509(writer.get(), certificate.get());
  PEM_write_bio_PrivateKey(writer.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  ERR_clear_error();
  char *text = nullptr;
  const long length = BIO_get_mem_data(writer.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

std::size_t chainLength(GTlsCertificate *certificate) {
  std::size_t length = 0;
  for (; certificate; certificate = g_tls_certificate_get_issuer(certificate))
    ++length;
  return length;
}

/// Where the two are looked for: in one place, when private-key-file is not set.
struct Places {
  Places(const std::string &certificateFile, const std::string &privateKeyFile)
      : certificate{"certificate-file", certificateFile},
        key(privateKeyFile.empty() ? certificate : Place{"private-key-file", privateKeyFile}),
        keyIsAlone(!privateKeyFile.empty()) {}

  Place certificate, key;
  bool keyIsAlone;
};

struct Stamps {
  std::optional<Stamp> certificate, key;
  bool operator==(const Stamps &) const = default;
};

struct Pair {
  Stamps stamps;
  Ref<GTlsCertificate> certificate;
};

Result<Pair> readPair(const Places &places) {
  auto certificateFile = read(places.certificate);
  if (!certificateFile) return certificateFile.error();
  auto keyFile = places.keyIsAlone ? read(places.key) : certificateFile;
  if (!keyFile) return keyFile.error();
  auto certificates = parseCertificates(places.certificate, certificateFile->text);
  if (!certificates) return certificates.error();
  auto key = parseKey(places.key, keyFile->text, places.keyIsAlone);
  if (!key) return key.error();
  const bool match = X509_check_private_key(certificates->front().get(), key->get()) == 1;
  ERR_clear_error();
  if (!match)
    return places.key.wrong("the private key does not belong to the first certificate of " +
                            takeString(g_filename_display_name(places.certificate.path.c_str())));
  const std::string pem = pemOf(*certificates, key->get());
  OwnedError error;
  auto certificate = Ref<GTlsCertificate>::take(
      g_tls_certificate_new_from_pem(pem.data(), static_cast<gssize>(pem.size()), Out(error)));
  if (!certificate) return places.certificate.wrong(error->message);
  if (chainLength(certificate.get()) < certificates->size())
    GST_WARNING("%s", places.certificate.about(kNoChain).c_str());
  return Pair{{certificateFile->stamp, keyFile->stamp}, certificate};
}

/// A reason to warn, or nothing.
std::string expiry(GTlsCertificate *certificate) {
  using DateTime = Owned<GDateTime, g_date_time_unref>;
  const DateTime now(g_date_time_new_now_utc());
  const DateTime from(g_tls_certificate_get_not_valid_before(certificate));
  const DateTime until(g_tls_certificate_get_not_valid_after(certificate));
  if (from && g_date_time_compare(now.get(), from.get()) < 0)
    return "the certificate is not valid before " +
           takeString(g_date_time_format_iso8601(from.get()));
  if (until && g_date_time_compare(now.get(), until.get()) > 0)
    return "the certificate has expired at " + takeString(g_date_time_format_iso8601(until.get()));
  return {};
}

class FileIdentity final : public TlsIdentity {
 public:
  FileIdentity(Places places, Pair pair) : places_(std::move(places)), pair_(std::move(pair)) {
    warnOfExpiry();
  }

  Ref<GTlsCertificate> certificate() const override { return pair_.certificate; }

  void refresh() override {
    const Stamps now{stampOf(places_.certificate), stampOf(places_.key)};
    if (now == pair_.stamps)
      inVain_ = {};
    else
      look(now);
    warnOfExpiry();
  }

 private:
  void look(const Stamps &now) {
    if (!(now == inVain_.stamps)) inVain_ = {now, 0};
    auto pair = readPair(places_);
    if (pair) {
      pair_ = std::move(*pair);
      inVain_ = {};
      warnedOfExpiry_ = false;
      GST_INFO("%s", places_.certificate.about("taken anew").c_str());
    } else if (++inVain_.looks == kLooksBeforeWarning) {
      GST_WARNING("%s; the certificate that was read before stays", pair.error().detail.c_str());
    }
  }

  void warnOfExpiry() {
    const std::string why = warnedOfExpiry_ ? "" : expiry(pair_.certificate.get());
    if (why.empty()) return;
    GST_WARNING("%s", places_.certificate.about(why).c_str());
    warnedOfExpiry_ = true;
  }

  const Places places_;
  Pair pair_;  ///< the last good one
  bool warnedOfExpiry_ = false;
  struct {
    Stamps stamps;
    unsigned looks = 0;
  } inVain_;  ///< at files that are no good pair, since they changed
};

}  // namespace

Result<std::unique_ptr<TlsIdentity>> TlsIdentity::load(const std::string &certificateFile,
                                                       const std::string &privateKeyFile) {
  if (certificateFile.empty())
    return Error{0, "private-key-file is set, certificate-file is not; expected both"};
  if (!g_tls_backend_supports_tls(g_tls_backend_get_default()))
    return Error{0,
                 "certificate-file is set, but GIO cannot speak TLS here: install "
                 "glib-networking"};
  Places places(certificateFile, privateKeyFile);
  auto pair = readPair(places);
  if (!pair) return pair.error();
  return std::unique_ptr<TlsIdentity>(new FileIdentity(std::move(places), std::move(*pair)));
}

}  // namespace gws
