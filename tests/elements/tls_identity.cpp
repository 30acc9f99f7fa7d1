// SPDX-License-Identifier: LGPL-2.1-or-later
// The port's certificate and key: what is wrong with files, and files that are renewed.
#include "ext/webrtcserver/tls_identity.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/elements/certificates.h"
#include "tests/elements/robust.h"

using namespace gws::test;
using gws::TlsIdentity;

namespace {

/// A folder that goes with the test, and with what was written into it.
struct Folder {
  Folder() : path(gws::takeString(g_dir_make_tmp("tls-XXXXXX", nullptr))) {
    fail_unless(!path.empty());
  }
  ~Folder() {
    gws::Owned<GDir, g_dir_close> entries(g_dir_open(path.c_str(), 0, nullptr));
    while (const char *name = entries ? g_dir_read_name(entries.get()) : nullptr)
      g_remove(file(name).c_str());
    g_rmdir(path.c_str());
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  std::string file(const std::string &name) const { return path + "/" + name; }
  /// At once, as a program does that renews a file: written beside it, then renamed.
  std::string write(const std::string &name, const std::string &text) const {
    fail_unless(g_file_set_contents(file(name).c_str(), text.data(),
                                    static_cast<gssize>(text.size()), nullptr));
    return file(name);
  }
  /// `target` is relative to the folder.
  std::string link(const std::string &name, const std::string &target) const {
    const std::string fresh = file(name) + ".new";
    fail_unless(symlink(target.c_str(), fresh.c_str()) == 0);
    fail_unless(g_rename(fresh.c_str(), file(name).c_str()) == 0);
    return file(name);
  }
  std::string path;
};

/// What the module logs, from the first message on.
class Log {
 public:
  Log() {
    // In parentheses: the macros of these names compare pointers as only C does.
    (gst_debug_remove_log_function)(nullptr);
    gst_debug_set_default_threshold(GST_LEVEL_TRACE);
    (gst_debug_add_log_function)(onMessage, this, nullptr);
  }
  ~Log() { gst_debug_remove_log_function_by_data(this); }
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;

  std::vector<std::string> warnings, all;

 private:
  static void onMessage(GstDebugCategory *category, GstDebugLevel level, const gchar *,
                        const gchar *, gint, GObject *, GstDebugMessage *message, gpointer self) {
    if (g_strcmp0(gst_debug_category_get_name(category), "webrtcserver-tls") != 0) return;
    auto *log = static_cast<Log *>(self);
    log->all.emplace_back(gst_debug_message_get(message));
    if (level <= GST_LEVEL_WARNING) log->warnings.push_back(log->all.back());
  }
};

std::unique_ptr<TlsIdentity> mustLoad(const std::string &certificate, const std::string &key) {
  auto identity = TlsIdentity::load(certificate, key);
  fail_unless(identity.ok(), "%s", identity.ok() ? "" : identity.error().detail.c_str());
  return std::move(*identity);
}

std::string pemOf(const TlsIdentity &identity) {
  return gws::takeString(gws::getProperty<char *>(identity.certificate().get(), "certificate-pem"));
}

void mustHold(const TlsIdentity &identity, const Issued &issued) {
  fail_unless_same_text(pemOf(identity), issued.certificate());
}

/// No line of a key's PEM, nor a part of one, is in the text.
void mustHoldNoKey(const std::string &text, const std::string &pem) {
  constexpr std::size_t kPart = 8;
  for (std::size_t at = 0; at + kPart <= pem.size(); ++at) {
    const std::string part = pem.substr(at, kPart);
    const bool isLabel = part.find_first_of("- \n") != std::string::npos;
    fail_unless(isLabel || text.find(part) == std::string::npos, "a key is in '%s'", text.c_str());
  }
}

/// A client that trusts `anchor` alone talks to a server with that identity.
void mustShakeHands(const TlsIdentity &identity, const Folder &folder, const Issued &anchor,
                    const char *host) {
  int ends[2];
  fail_unless(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const auto streamOf = [](int descriptor) {
    const auto socket = gws::Ref<GSocket>::take(g_socket_new_from_fd(descriptor, nullptr));
    return gws::Ref<GSocketConnection>::take(
        g_socket_connection_factory_create_connection(socket.get()));
  };
  std::thread serving([&, base = streamOf(ends[0])] {
    const auto server = gws::Ref<GIOStream>::take(g_tls_server_connection_new(
        G_IO_STREAM(base.get()), identity.certificate().get(), nullptr));
    g_tls_connection_handshake(G_TLS_CONNECTION(server.get()), nullptr, nullptr);
  });
  const auto base = streamOf(ends[1]);
  const auto address = gws::Ref<GSocketConnectable>::take(g_network_address_new(host, 443));
  const auto client = gws::Ref<GIOStream>::take(
      g_tls_client_connection_new(G_IO_STREAM(base.get()), address.get(), nullptr));
  const std::string anchors = folder.write("anchors.pem", anchor.certificate());
  const auto database =
      gws::Ref<GTlsDatabase>::take(g_tls_file_database_new(anchors.c_str(), nullptr));
  g_tls_connection_set_database(G_TLS_CONNECTION(client.get()), database.get());
  gws::OwnedError error;
  const bool done =
      g_tls_connection_handshake(G_TLS_CONNECTION(client.get()), nullptr, gws::Out(error));
  g_io_stream_close(G_IO_STREAM(base.get()), nullptr, nullptr);
  serving.join();
  fail_unless(done, "%s: %s", host, error ? error->message : "");
}

/// A pair of files that can be used, FOLDER/own.pem and FOLDER/own.key.
struct Served {
  explicit Served(const Issued::Options &options = {})
      : issued("localhost", options),
        certificate(folder.write("own.pem", issued.certificate())),
        key(folder.write("own.key", issued.key())) {}

  const Folder folder;
  const Issued issued;
  const std::string certificate, key;
};

void look(TlsIdentity &identity, int times) {
  for (int i = 0; i < times; ++i)
    identity.refresh();
}

struct Wrong {
  const char *certificateFile, *keyFile;  ///< in FOLDER
  const char *beginning;                  ///< of the error
};

#define CERTIFICATE(name) "certificate-file FOLDER/" name ": "
#define KEY(name) "private-key-file FOLDER/" name ": "

constexpr Wrong kWrong[] = {
    {"none.pem", "own.key", CERTIFICATE("none.pem") "No such file or directory"},
    {"own.pem", "none.key", KEY("none.key") "No such file or directory"},
    {"own.pem/x", "own.key", CERTIFICATE("own.pem/x") "Not a directory"},
    {"loop", "own.key", CERTIFICATE("loop") "Too many levels of symbolic links"},
    {"directory", "own.key", CERTIFICATE("directory") "it is a directory, expected a file"},
    {"own.pem", "directory", KEY("directory") "it is a directory, expected a file"},
    {"fifo", "own.key", CERTIFICATE("fifo") "it is not a regular file"},
    {"own.pem", "fifo", KEY("fifo") "it is not a regular file"},
    {"own.pem", "device", KEY("device") "it is not a regular file"},
    {"large", "own.key", CERTIFICATE("large") "it is larger than 1 MiB"},
    {"own.pem", "large", KEY("large") "it is larger than 1 MiB"},
    {"empty", "own.key", CERTIFICATE("empty") "it holds no certificate in PEM format"},
    {"own.pem", "empty", KEY("empty") "it holds no private key in PEM format"},
    {"own.key", "own.key", CERTIFICATE("own.key") "it holds no certificate in PEM format"},
    {"own.der", "own.key", CERTIFICATE("own.der") "it holds no certificate in PEM format"},
    {"own.pem", "own.pem", KEY("own.pem") "it holds no private key in PEM format"},
    {"own.pem", nullptr,
     CERTIFICATE("own.pem") "it holds no private key in PEM format; set private-key-file"},
    {"half.pem", "own.key", CERTIFICATE("half.pem") "what it holds is damaged: "},
    {"garbled.pem", "own.key", CERTIFICATE("garbled.pem") "what it holds is damaged: "},
    {"own.pem", "half.key", KEY("half.key") "the private key is damaged"},
    {"own.pem", "garbled.key", KEY("garbled.key") "the private key is damaged"},
    {"own.pem", "encrypted.key",
     KEY("encrypted.key") "the private key is encrypted, expected a key without a passphrase"},
    {"own.pem", "traditional.key",
     KEY("traditional.key") "the private key is encrypted, expected a key without a passphrase"},
    {"encrypted.pem", nullptr,
     CERTIFICATE("encrypted.pem") "the private key is encrypted, expected a key without"},
    {"own.pem", "other.key",
     KEY("other.key") "the private key does not belong to the first certificate of "
                      "FOLDER/own.pem"},
    {"own.pem", "rsa.key",
     KEY("rsa.key") "the private key does not belong to the first certificate of FOLDER/own.pem"},
    {nullptr, "own.key", "private-key-file is set, certificate-file is not; expected both"},
};

std::string garbled(std::string pem) {
  pem[pem.find("-----\n") + 70] = '!';
  return pem;
}

void writeWrongFiles(const Served &served) {
  const Folder &folder = served.folder;
  const Issued &own = served.issued;
  const Issued rsa("localhost", {.kind = KeyKind::Rsa});
  folder.link("loop", "loop");
  folder.link("device", "/dev/zero");
  fail_unless(g_mkdir(folder.file("directory").c_str(), 0700) == 0);
  fail_unless(mkfifo(folder.file("fifo").c_str(), 0600) == 0);
  folder.write("large", std::string((1 << 20) + 1, '\n') + own.certificate() + own.key());
  folder.write("empty", "");
  folder.write("own.der", own.certificateAsDer());
  folder.write("half.pem", own.certificate().substr(0, 200));
  folder.write("garbled.pem", garbled(own.certificate()));
  folder.write("half.key", own.key().substr(0, 100));
  folder.write("garbled.key", garbled(own.key()));
  folder.write("encrypted.key", own.encryptedKey("secret"));
  folder.write("traditional.key", rsa.traditionalKey("secret"));
  folder.write("encrypted.pem", own.certificate() + own.encryptedKey("secret"));
  folder.write("other.key", Issued("localhost").key());
  folder.write("rsa.key", rsa.key());
}

}  // namespace

GST_START_TEST(files_thatAreWrong_areNamedWithTheReason) {
  const Wrong &row = kWrong[__i__];
  const Served served;
  writeWrongFiles(served);
  const auto place = [&](const char *name) { return name ? served.folder.file(name) : ""; };
  std::string detail;
  mustReturn("load()", [&] {
    const auto identity = TlsIdentity::load(place(row.certificateFile), place(row.keyFile));
    detail = identity.ok() ? "loaded" : identity.error().detail;
  });
  const std::string expected = replaceAll(row.beginning, "FOLDER", served.folder.path);
  fail_unless(g_str_has_prefix(detail.c_str(), expected.c_str()), "'%s', expected '%s'",
              detail.c_str(), expected.c_str());
  for (const char *name : {"own.key", "half.key", "garbled.key", "encrypted.key", "other.key"}) {
    gws::OwnedString text;
    fail_unless(
        g_file_get_contents(served.folder.file(name).c_str(), gws::Out(text), nullptr, nullptr));
    mustHoldNoKey(detail, text.get());
  }
}
GST_END_TEST

GST_START_TEST(file_thatMayNotBeRead_isNamedWithTheReason) {
  const Served served;
  fail_unless(g_chmod(served.key.c_str(), 0) == 0);
  // Whoever is root may read everything.
  const bool wasRoot = geteuid() == 0;
  if (wasRoot) {
    fail_unless(g_chmod(served.folder.path.c_str(), 0755) == 0);
    fail_unless(seteuid(65534) == 0);
  }
  const auto identity = TlsIdentity::load(served.certificate, served.key);
  if (wasRoot) fail_unless(seteuid(0) == 0);
  fail_unless(!identity.ok());
  fail_unless_same_text(identity.error().detail,
                        "private-key-file " + served.key + ": Permission denied");
}
GST_END_TEST

GST_START_TEST(backend_thatIsNotThere_isSaidWithItsPackage) {
  // GIO chooses its backend once in a process.
  if (g_strcmp0(g_getenv("CK_FORK"), "no") == 0) return;
  g_setenv("GIO_USE_TLS", "dummy", TRUE);
  const Served served;
  const auto identity = TlsIdentity::load(served.certificate, served.key);
  fail_unless(!identity.ok());
  fail_unless(identity.error().detail.find("glib-networking") != std::string::npos, "%s",
              identity.error().detail.c_str());
}
GST_END_TEST

namespace {

/// The ways in which a pair can be written, for each kind of key.
struct Layout {
  const char *name;
  std::string (*certificate)(const Issued &own);
  std::string (*key)(const Issued &own);  ///< nullptr: it is in the same file
};

constexpr Layout kLayouts[] = {
    {"two files", [](const Issued &own) { return own.certificate(); },
     [](const Issued &own) { return own.key(); }},
    {"a traditional key", [](const Issued &own) { return own.certificate(); },
     [](const Issued &own) { return own.traditionalKey(); }},
    {"a key with its parameters", [](const Issued &own) { return own.certificate(); },
     [](const Issued &own) {
       return "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
              own.traditionalKey();
     }},
    {"the key behind", [](const Issued &own) { return own.certificate() + own.key(); }, nullptr},
    {"the key before", [](const Issued &own) { return own.key() + own.certificate(); }, nullptr},
    {"the traditional key before",
     [](const Issued &own) { return own.traditionalKey() + own.certificate(); }, nullptr},
    {"text around it",
     [](const Issued &own) { return "Certificate:\n  Data:\n" + own.certificate() + "bye\n"; },
     [](const Issued &own) { return "Key attributes\n" + own.key(); }},
    {"another's key in the certificate file",
     [](const Issued &own) { return Issued("other").key() + own.certificate(); },
     [](const Issued &own) { return own.key(); }},
    {"lines of Windows",
     [](const Issued &own) { return replaceAll(own.certificate(), "\n", "\r\n"); },
     [](const Issued &own) { return replaceAll(own.key(), "\n", "\r\n"); }},
};

}  // namespace

GST_START_TEST(pair_howeverItIsWritten_canBeUsed) {
  const Layout &layout = kLayouts[__i__];
  for (const KeyKind kind : {KeyKind::Ecdsa, KeyKind::Rsa}) {
    Log log;
    const Folder folder;
    const Issued own("localhost", {.kind = kind});
    const auto identity =
        mustLoad(folder.write("pem", layout.certificate(own)),
                 layout.key ? folder.write("key", layout.key(own)) : std::string());
    mustHold(*identity, own);
    mustShakeHands(*identity, folder, own, "localhost");
    fail_unless(log.warnings.empty(), "%s: %s", layout.name, log.warnings[0].c_str());
  }
}
GST_END_TEST

namespace {

struct Chain {
  const Issued root{"root", {.isAuthority = true}};
  const Issued middle{"middle", {.kind = KeyKind::Rsa, .isAuthority = true}, &root};
  const Issued own{"example.org", {}, &middle};
};

}  // namespace

GST_START_TEST(chain_inTheCertificateFile_isSentToClients) {
  Log log;
  const Folder folder;
  const Chain chain;
  const std::string key = folder.write("key", chain.own.key());
  for (const std::string &end : {std::string(), chain.root.certificate()}) {
    const auto identity = mustLoad(
        folder.write("pem", chain.own.certificate() + chain.middle.certificate() + end), key);
    mustHold(*identity, chain.own);
    mustShakeHands(*identity, folder, chain.root, "example.org");
  }
  fail_unless(log.warnings.empty());
}
GST_END_TEST

GST_START_TEST(chain_thatIsNone_isWarnedAbout) {
  Log log;
  const Folder folder;
  const Chain chain;
  const std::string pem =
      folder.write("pem", chain.own.certificate() + Issued("stranger").certificate());
  const auto identity = mustLoad(pem, folder.write("key", chain.own.key()));
  mustHold(*identity, chain.own);
  fail_unless_equals_int(log.warnings.size(), 1);
  fail_unless(g_str_has_prefix(log.warnings[0].c_str(),
                               ("certificate-file " + pem + ": only the first").c_str()),
              "%s", log.warnings[0].c_str());
}
GST_END_TEST

GST_START_TEST(chain_withTheServersOwnNotFirst_isRefused) {
  const Folder folder;
  const Chain chain;
  const auto identity =
      TlsIdentity::load(folder.write("pem", chain.middle.certificate() + chain.own.certificate()),
                        folder.write("key", chain.own.key()));
  fail_unless(!identity.ok());
  fail_unless(identity.error().detail.find("the first certificate") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(dates_thatAreNotNow_areWarnedAboutOnce) {
  const struct {
    Issued::Options options;
    const char *word;
  } rows[] = {
      {{.validFromS = -7200, .validUntilS = -3600}, ": the certificate has expired at 20"},
      {{.validFromS = 3600, .validUntilS = 7200}, ": the certificate is not valid before 20"}};
  for (const auto &row : rows) {
    Log log;
    const Served served(row.options);
    const auto identity = mustLoad(served.certificate, served.key);
    look(*identity, 5);
    mustHold(*identity, served.issued);
    fail_unless_equals_int(log.warnings.size(), 1);
    fail_unless(log.warnings[0].find(row.word) != std::string::npos, "%s", log.warnings[0].c_str());
  }
}
GST_END_TEST

GST_START_TEST(certificate_thatExpiresWhileItServes_isWarnedAbout) {
  Log log;
  const Served served({.validUntilS = 1});
  const auto identity = mustLoad(served.certificate, served.key);
  fail_unless(eventually([&] {
    identity->refresh();
    return !log.warnings.empty();
  }));
  mustHold(*identity, served.issued);
}
GST_END_TEST

GST_START_TEST(files_thatDoNotChange_areReadOnce) {
  const Served served;
  const auto identity = mustLoad(served.certificate, served.key);
  const auto first = identity->certificate();
  look(*identity, 10);
  fail_unless(identity->certificate().get() == first.get());
}
GST_END_TEST

GST_START_TEST(pair_thatIsReplaced_isTakenAtTheNextLook) {
  Log log;
  const Served served;
  const auto identity = mustLoad(served.certificate, served.key);
  for (const KeyKind kind : {KeyKind::Rsa, KeyKind::Ecdsa}) {
    const Issued renewed("localhost", {.kind = kind});
    served.folder.write("own.pem", renewed.certificate());
    served.folder.write("own.key", renewed.key());
    look(*identity, 1);
    mustHold(*identity, renewed);
    mustShakeHands(*identity, served.folder, renewed, "localhost");
  }
  fail_unless(log.warnings.empty());
}
GST_END_TEST

GST_START_TEST(keyInTheSameFile_thatIsReplaced_isTakenAtTheNextLook) {
  const Served served;
  const std::string both =
      served.folder.write("both", served.issued.certificate() + served.issued.key());
  const auto identity = mustLoad(both, "");
  const Issued renewed("localhost");
  served.folder.write("both", renewed.certificate() + renewed.key());
  look(*identity, 1);
  mustHold(*identity, renewed);
}
GST_END_TEST

GST_START_TEST(file_thatIsWrittenOver_isTakenAtTheNextLook) {
  const auto padded = [](const Issued &issued) {
    std::string text = issued.certificate() + issued.key();
    text.resize(4096, '\n');
    return text;
  };
  const Served served;
  const std::string both = served.folder.write("both", padded(served.issued));
  const auto identity = mustLoad(both, "");
  const Issued renewed("localhost");
  const gws::Owned<FILE, fclose> file(fopen(both.c_str(), "r+"));
  fail_unless(fputs(padded(renewed).c_str(), file.get()) >= 0 && fflush(file.get()) == 0);
  // The clock that stamps files may not have moved on.
  const timespec times[] = {{1'000'000'000, 0}, {1'000'000'000, 1}};
  fail_unless(futimens(fileno(file.get()), times) == 0);
  look(*identity, 1);
  mustHold(*identity, renewed);
}
GST_END_TEST

GST_START_TEST(pair_thatIsHalfRenewed_isTakenWhenItIsWhole) {
  Log log;
  const Served served;
  const auto identity = mustLoad(served.certificate, served.key);
  const Issued renewed("localhost");
  served.folder.write("own.pem", renewed.certificate());
  look(*identity, 2);
  mustHold(*identity, served.issued);
  fail_unless(log.warnings.empty(), "it is too soon for '%s'", log.warnings[0].c_str());
  served.folder.write("own.key", renewed.key());
  look(*identity, 1);
  mustHold(*identity, renewed);
  fail_unless(log.warnings.empty());
}
GST_END_TEST

GST_START_TEST(pair_thatStaysHalfRenewed_isWarnedAboutOnceForEachChange) {
  Log log;
  const Served served;
  const auto identity = mustLoad(served.certificate, served.key);
  for (std::size_t change = 1; change <= 3; ++change) {
    served.folder.write("own.pem", Issued("localhost").certificate());
    look(*identity, 20);
    mustHold(*identity, served.issued);
    fail_unless_equals_int(log.warnings.size(), change);
    fail_unless(log.warnings.back().find("private-key-file " + served.key +
                                         ": the private key does not belong") == 0,
                "%s", log.warnings.back().c_str());
  }
  served.folder.write("own.pem", served.issued.certificate());
  look(*identity, 20);
  fail_unless_equals_int(log.warnings.size(), 3);
  for (const std::string &line : log.all)
    mustHoldNoKey(line, served.issued.key());
}
GST_END_TEST

GST_START_TEST(files_thatAreGone_leaveTheLastOnesAndAreTakenWhenTheyComeBack) {
  Log log;
  const Served served;
  const auto identity = mustLoad(served.certificate, served.key);
  for (std::size_t time = 1; time <= 2; ++time) {
    fail_unless(g_unlink(served.certificate.c_str()) == 0);
    look(*identity, 20);
    fail_unless_equals_int(log.warnings.size(), time);
    fail_unless(log.warnings.back().find("certificate-file " + served.certificate +
                                         ": No such file or directory") == 0);
    served.folder.write("own.pem", served.issued.certificate());
    look(*identity, 1);
    mustHold(*identity, served.issued);
  }
  fail_unless(g_unlink(served.certificate.c_str()) == 0);
  look(*identity, 1);
  const Issued renewed("localhost");
  served.folder.write("own.key", renewed.key());
  served.folder.write("own.pem", renewed.certificate());
  look(*identity, 1);
  mustHold(*identity, renewed);
  fail_unless_equals_int(log.warnings.size(), 2);
}
GST_END_TEST

// As certbot keeps them: links that lead to numbered files, which stay.
GST_START_TEST(links_thatLeadElsewhere_areFollowed) {
  const Folder folder;
  const Issued issued[] = {Issued("localhost"), Issued("localhost"), Issued("localhost")};
  for (std::size_t i = 0; i < std::size(issued); ++i) {
    folder.write("cert" + std::to_string(i), issued[i].certificate());
    folder.write("key" + std::to_string(i), issued[i].key());
  }
  const auto lead = [&](std::size_t i) {
    folder.link("fullchain.pem", "cert" + std::to_string(i));
    folder.link("privkey.pem", "key" + std::to_string(i));
  };
  lead(0);
  const auto identity = mustLoad(folder.file("fullchain.pem"), folder.file("privkey.pem"));
  for (const std::size_t i : {1, 2, 0}) {
    lead(i);
    look(*identity, 1);
    mustHold(*identity, issued[i]);
    const auto taken = identity->certificate();
    look(*identity, 1);
    fail_unless(identity->certificate().get() == taken.get(), "it was read again");
  }
}
GST_END_TEST

namespace {

Suite *tls_identity_suite() {
  Suite *suite = suite_create("tls_identity");
  TCase *all = tcase_create("tls_identity");
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, files_thatAreWrong_areNamedWithTheReason, 0,
                      static_cast<int>(G_N_ELEMENTS(kWrong)));
  tcase_add_test(all, file_thatMayNotBeRead_isNamedWithTheReason);
  tcase_add_test(all, backend_thatIsNotThere_isSaidWithItsPackage);
  tcase_add_loop_test(all, pair_howeverItIsWritten_canBeUsed, 0,
                      static_cast<int>(G_N_ELEMENTS(kLayouts)));
  tcase_add_test(all, chain_inTheCertificateFile_isSentToClients);
  tcase_add_test(all, chain_thatIsNone_isWarnedAbout);
  tcase_add_test(all, chain_withTheServersOwnNotFirst_isRefused);
  tcase_add_test(all, dates_thatAreNotNow_areWarnedAboutOnce);
  tcase_add_test(all, certificate_thatExpiresWhileItServes_isWarnedAbout);
  tcase_add_test(all, files_thatDoNotChange_areReadOnce);
  tcase_add_test(all, pair_thatIsReplaced_isTakenAtTheNextLook);
  tcase_add_test(all, keyInTheSameFile_thatIsReplaced_isTakenAtTheNextLook);
  tcase_add_test(all, file_thatIsWrittenOver_isTakenAtTheNextLook);
  tcase_add_test(all, pair_thatIsHalfRenewed_isTakenWhenItIsWhole);
  tcase_add_test(all, pair_thatStaysHalfRenewed_isWarnedAboutOnceForEachChange);
  tcase_add_test(all, files_thatAreGone_leaveTheLastOnesAndAreTakenWhenTheyComeBack);
  tcase_add_test(all, links_thatLeadElsewhere_areFollowed);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(tls_identity)
