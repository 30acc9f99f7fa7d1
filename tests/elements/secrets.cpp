// SPDX-License-Identifier: LGPL-2.1-or-later
// Secrets in logs, dot files, bus messages and replies: a child process keeps them all, at the
// highest log level, and the test searches them.
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <nice/debug.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ext/webrtcserver/redaction.h"
#include "tests/common/check.h"
#include "tests/elements/certificates.h"

using namespace gws::test;

namespace {

constexpr const char *kChild = "publish";
constexpr const char *kAgents[] = {"single-port", "libnice"};
/// Written on purpose, so that the search is known to find something.
constexpr const char *kPlanted = "planted-f2a9c7";
constexpr const char *kToken = "s3cr3t ticket/+%";
constexpr const char *kEncodedToken = "s3cr3t%20ticket%2F%2B%25";
constexpr const char *kWrongToken = "wr0ng-ticket";
constexpr const char *kServiceUser = "auth-us3r", *kServicePassword = "auth-pa55";
constexpr const char *kServiceKey = "auth-k3y";
constexpr const char *kRelayPassword = "re1ay%2Fpa55", *kRelayPasswordDecoded = "re1ay/pa55";
constexpr const char *kRestartPassword = "restartPasswordOfAClient01";
constexpr const char *kBrokenPassword = "br0kenSdpPasswordOfAClient";
/// What the DER of every P-256 key in PKCS #8 begins with, as base64 (RFC 5958, RFC 5915).
constexpr const char *kKeyBegin = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";

std::string hex(const std::string &bytes) {
  std::string text;
  for (const char byte : bytes) {
    const gws::OwnedString digits(g_strdup_printf("%02x", static_cast<unsigned char>(byte)));
    text += digits.get();
  }
  return text;
}

std::string base64(const std::string &bytes) {
  return gws::takeString(
      g_base64_encode(reinterpret_cast<const guchar *>(bytes.data()), bytes.size()));
}

/// Everything that the child leaves: one file each, and the secrets that must not be in them.
class Traces {
 public:
  explicit Traces(std::string folder) : folder_(std::move(folder)) {}
  void add(const std::string &name, const std::string &text) { texts_[name] += text + "\n"; }
  void secret(const std::string &name, const std::string &value) {
    add("secrets", name + "\t" + base64(value));
  }
  void save() const {
    for (const auto &[name, text] : texts_)
      g_file_set_contents((folder_ + "/" + name).c_str(), text.data(),
                          static_cast<gssize>(text.size()), nullptr);
  }

 private:
  const std::string folder_;
  std::map<std::string, std::string> texts_;
};

/// The values of an attribute, wherever in the SDP it is.
std::vector<std::string> valuesOf(const std::string &sdp, const std::string &attribute) {
  std::vector<std::string> values;
  const std::string start = "a=" + attribute + ":";
  for (auto at = sdp.find(start); at != std::string::npos; at = sdp.find(start, at + 1)) {
    const auto begin = at + start.size();
    values.push_back(sdp.substr(begin, sdp.find_first_of("\r\n", begin) - begin));
  }
  return values;
}

gws::Ref<GstElement> makePipeline(const std::string &line) {
  gws::OwnedError error;
  auto pipeline = gws::Ref<GstElement>::sink(gst_parse_launch(line.c_str(), gws::Out(error)));
  if (!pipeline) g_error("%s", error->message);
  return pipeline;
}

void keepMessages(const gws::Ref<GstElement> &pipeline, Traces &traces) {
  const auto bus = gws::Ref<GstBus>::take(gst_element_get_bus(pipeline.get()));
  while (const auto message = gws::Ref<GstMessage>::take(gst_bus_pop(bus.get()))) {
    const GstStructure *structure = gst_message_get_structure(message.get());
    traces.add("bus", std::string(GST_MESSAGE_TYPE_NAME(message.get())) + " " +
                          (structure ? gws::takeString(gst_structure_to_string(structure)) : ""));
    gws::OwnedError error;
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
      gst_message_parse_error(message.get(), gws::Out(error), nullptr);
    if (error) traces.add("bus", error->message);
  }
}

/// What only somebody who looks for it can read; nothing prints it.
void keepMasterKeys(const gws::Ref<GstElement> &pipeline, Traces &traces) {
  auto each = [](const GValue *item, gpointer data) {
    auto *element = G_OBJECT(g_value_get_object(item));
    for (const char *name : {"decoder-key", "encoder-key"}) {
      if (!g_object_class_find_property(G_OBJECT_GET_CLASS(element), name)) continue;
      const auto key = gws::Ref<GstBuffer>::take(gws::getProperty<GstBuffer *>(element, name));
      if (!key) continue;
      std::string bytes(gst_buffer_get_size(key.get()), '\0');
      gst_buffer_extract(key.get(), 0, bytes.data(), bytes.size());
      auto &own = *static_cast<Traces *>(data);
      // Half of it, since dot files cut long values.
      own.secret(std::string(name) + " as hex", hex(bytes).substr(0, 16));
      own.secret(std::string(name) + " as base64", base64(bytes).substr(0, 16));
    }
  };
  gws::Owned<GstIterator, gst_iterator_free> all(gst_bin_iterate_recurse(GST_BIN(pipeline.get())));
  while (gst_iterator_foreach(all.get(), each, &traces) == GST_ITERATOR_RESYNC)
    gst_iterator_resync(all.get());
}

void keepReply(Traces &traces, unsigned port, const std::string &target,
               const Headers &headers = {}) {
  const HttpReply reply = upgradeReply(port, target, headers);
  traces.add("replies", target.substr(0, target.find('?')) + " " + std::to_string(reply.status) +
                            " " + reply.body);
}

/// Clients that are refused, and say secrets on the way.
void keepRefusals(Traces &traces, unsigned port) {
  const std::string door = "/cam/webrtc/publish", right = std::string("?token=") + kEncodedToken;
  keepReply(traces, port, door);
  keepReply(traces, port, door + "?token=" + kWrongToken);
  keepReply(traces, port, door + "?password=" + kWrongToken);
  keepReply(traces, port, door, {{"Authorization", std::string("Bearer ") + kWrongToken}});
  keepReply(traces, port, "/none/webrtc/publish" + right);
  keepReply(traces, port, "/cam" + right);
  keepReply(traces, port, "/refused/webrtc/publish" + right);

  const std::string password = kBrokenPassword;
  const std::string candidate = "candidate:1 1 tcp 1 192.0.2.1 5000 typ host username u password ";
  const std::string messages[] = {
      R"({"type":"offer","sdp":")" + password + "\"",
      R"({"type":"offer","sdp":")" + password + R"("})",
      offerJson("v=0\r\na=ice-pwd:" + password + "\x01\r\n"),
      offerJson("v=0\r\nice-pwd:" + password + "\r\n"),
      offerJson("a=ice-pwd:" + password + "\r\nv=0\r\n"),
      offerJson("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-pwd:" + password + "!\r\n"),
      candidateJson(0, candidate + password),
      candidateJson(0, candidate + password) + "}",
  };
  for (const std::string &message : messages) {
    RawSocket socket;
    socket.connect("ws://127.0.0.1:" + std::to_string(port) + door + right);
    socket.sendText(message);
    socket.close();
    const SocketEnd end = socket.waitClosed();
    traces.add("replies", std::to_string(end.closeCode) + " " + end.reason);
  }
}

void keepGraphs(const gws::Ref<GstElement> &pipeline, Traces &traces) {
  for (const int details : {GST_DEBUG_GRAPH_SHOW_ALL, GST_DEBUG_GRAPH_SHOW_VERBOSE})
    traces.add("dot", gws::takeString(gst_debug_bin_to_dot_data(
                          GST_BIN(pipeline.get()), static_cast<GstDebugGraphDetails>(details))));
}

/// A WHIP session whose media never come: posted, patched, told statistics, deleted.
void useWhip(const gws::Ref<GstElement> &pipeline, Traces &traces, unsigned port,
             const std::string &offer) {
  const Headers bearer = {{"Authorization", std::string("Bearer ") + kToken}};
  auto ask = [&](const std::string &method, const std::string &target, const std::string &type,
                 const std::string &body, const std::string &etag = {}) {
    HttpRequest request{
        .port = port, .target = target, .method = method, .headers = bearer, .body = body};
    request.headers.emplace_back("Content-Type", type);
    if (!etag.empty()) request.headers.emplace_back("If-Match", etag);
    HttpReply reply = httpRequest(request);
    traces.add("replies", "whip " + method + " " + std::to_string(reply.status));
    return reply;
  };
  const HttpReply wrong = ask("POST", "/cam/whip?token=" + std::string(kWrongToken), "text/plain",
                              std::string("v=0 ") + kBrokenPassword);
  traces.add("replies", wrong.body);
  const HttpReply broken = ask("POST", "/cam/whip", "application/sdp",
                               std::string("v=0\r\na=ice-pwd:") + kBrokenPassword);
  traces.add("replies", broken.body);
  HttpReply posted = ask("POST", "/cam/whip", "application/sdp", offer);
  for (const std::string &value : valuesOf(posted.body, "ice-pwd"))
    traces.secret("a WHIP session's ICE password", value);
  const std::string session = posted.headers["x-sid"];
  traces.secret("a WHIP session's id", session);
  const std::string fragment = std::string("a=ice-ufrag:new1\r\na=ice-pwd:") + kRestartPassword;
  const std::string url = "/cam/whip/" + session;
  for (const char *etag : {"", "\"other\"", "*"})
    traces.add("replies",
               ask("PATCH", url, "application/trickle-ice-sdpfrag", fragment, etag).body);
  ask("PUT", "/cam/sessions/" + session, "application/json", "{\"rtt\": 1}");
  keepGraphs(pipeline, traces);
  ask("DELETE", url, "", "");
}

/// A publisher that connects, as long as it takes to see everything. Its offer.
std::string publishOnce(const gws::Ref<GstElement> &pipeline, Traces &traces,
                        const PublishOptions &options) {
  PublishClient client(options);
  client.start();
  if (!client.waitConnected() || !client.waitFrames(0, 5)) {
    const SocketEnd end = client.waitClosed();
    traces.add("replies", std::to_string(end.closeCode) + " " + end.reason);
    return {};
  }
  for (const std::string &value : valuesOf(client.offerSdp(), "ice-pwd"))
    traces.secret("the publisher's ICE password", value);
  for (const std::string &value : valuesOf(client.answerSdp(), "ice-pwd"))
    traces.secret("the server's ICE password", value);
  keepMasterKeys(pipeline, traces);
  keepGraphs(pipeline, traces);
  const auto pub = gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "pub"));
  const gws::OwnedStructure stats(gws::getProperty<GstStructure *>(pub.get(), "stats"));
  traces.add("bus", gws::takeString(gst_structure_to_string(stats.get())));
  const std::string offer = client.offerSdp();
  client.closeGoodbye();
  return offer;
}

/// An element that cannot start, and one that starts, with a key file.
void useKeyFile(const std::string &folder, Traces &traces) {
  const Issued issued("localhost");
  const std::string file = folder + "/pair.pem", broken = folder + "/broken.pem";
  std::string damaged = issued.key();
  damaged[damaged.size() / 2] = '*';
  for (const auto &[name, text] : {std::pair(file, issued.certificate() + issued.key()),
                                   std::pair(broken, issued.certificate() + damaged)})
    g_file_set_contents(name.c_str(), text.data(), static_cast<gssize>(text.size()), nullptr);
  const gws::Owned<char *, g_strfreev> lines(g_strsplit(issued.key().c_str(), "\n", -1));
  for (char **line = lines.get() + 1; *line && **line != '-'; ++line)
    traces.secret("a line of the key file", *line);
  for (const std::string &name : {file, broken}) {
    const auto pipeline =
        makePipeline("pipeline.( webrtcpublishsrc port=0 certificate-file=" + name + " )");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    keepGraphs(pipeline, traces);
    keepMessages(pipeline, traces);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}

void noteSecrets(Traces &traces) {
  for (const char *secret : {kToken, kEncodedToken, kWrongToken, kServiceUser, kServicePassword,
                             kServiceKey, kRelayPassword, kRelayPasswordDecoded, kRestartPassword,
                             kBrokenPassword, kKeyBegin, "PRIVATE KEY"})
    traces.secret("a fixed one", secret);
  traces.secret("the service's credentials",
                base64(std::string(kServiceUser) + ":" + kServicePassword));
}

void plant(const gws::Ref<GstElement> &pipeline, Traces &traces) {
  GST_CAT_TRACE_OBJECT(_gst_debug_category_new("secrets", 0, "test"), pipeline.get(), "%s",
                       kPlanted);
  g_log("planted", G_LOG_LEVEL_MESSAGE, "%s", kPlanted);
  g_log("planted", G_LOG_LEVEL_DEBUG, "%s", kPlanted);
  gst_element_post_message(
      pipeline.get(),
      gst_message_new_application(GST_OBJECT(pipeline.get()), gst_structure_new_empty(kPlanted)));
  traces.add("replies", kPlanted);
}

/// What auth-url names: lets everybody in, except to the stream "refused".
class Service {
 public:
  Service() {
    loop_.call([this] {
      server_ = gws::Ref<SoupServer>::take(
          SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr)));
      soup_server_add_handler(server_.get(), nullptr, onRequest, nullptr, nullptr);
      soup_server_listen_local(server_.get(), 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr);
      const gws::Owned<GSList, g_slist_free> sockets(soup_server_get_listeners(server_.get()));
      const auto address = gws::Ref<GSocketAddress>::take(
          g_socket_get_local_address(G_SOCKET(sockets->data), nullptr));
      port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get()));
    });
  }
  ~Service() {
    loop_.call([this] { server_.reset(); });
  }
  Service(const Service &) = delete;

  std::string url() const {
    return std::string("http://") + kServiceUser + ":" + kServicePassword +
           "@127.0.0.1:" + std::to_string(port_) + "/decide?key=" + kServiceKey;
  }

 private:
  static void onRequest(SoupServer *, SoupServerMessage *message, const char *, GHashTable *,
                        gpointer) {
    const SoupMessageBody *body = soup_server_message_get_request_body(message);
    const bool refused =
        g_strstr_len(body->data, static_cast<gssize>(body->length), "\"refused\"") != nullptr;
    soup_server_message_set_status(message, refused ? 403 : 200, nullptr);
  }

  LoopThread loop_;
  gws::Ref<SoupServer> server_;
  unsigned port_ = 0;
};

/// The child: everything that it knows goes into files of the folder.
int publishIn(const std::string &folder) {
  Traces traces(folder);
  noteSecrets(traces);
  const Service service;
  const std::string agent = g_getenv("TEST_ICE_AGENT");
  // Then libnice is the client's alone, and what it says is not the element's.
  if (agent == "single-port") nice_debug_disable(TRUE);
  const auto pipeline =
      makePipeline("webrtcpublishsrc name=pub port=0 ice-agent=" + agent +
                   " streams=cam,refused pub.video_cam ! fakesink async=false "
                   "name=" +
                   std::string(kPlanted) + " pub.audio_cam ! opusparse ! fakesink async=false");
  gst_element_add_property_deep_notify_watch(pipeline.get(), nullptr, TRUE);
  const auto pub = gws::Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline.get()), "pub"));
  const std::string relay =
      std::string("turn://relay:") + kRelayPassword + "@127.0.0.1:9?transport=udp";
  g_object_set(pub.get(), "token", kToken, "auth-url", service.url().c_str(), "turn-servers",
               relay.c_str(), nullptr);
  plant(pipeline, traces);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto port = gws::getProperty<guint>(pub.get(), "current-port");

  PublishOptions options;
  options.url =
      "ws://127.0.0.1:" + std::to_string(port) + "/cam/webrtc/publish?password=" + kEncodedToken;
  options.width = options.height = 64;
  const std::string offer = publishOnce(pipeline, traces, options);
  useWhip(pipeline, traces, port, offer);
  options.url.resize(options.url.find('?'));
  options.headers = {{"Authorization", std::string("Bearer ") + kToken}};
  options.audio = {"pcmu"};
  publishOnce(pipeline, traces, options);  // no codec in common
  keepRefusals(traces, port);
  keepMessages(pipeline, traces);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  useKeyFile(folder, traces);
  traces.save();
  return 0;
}

// --- The test ------------------------------------------------------------------------------------

std::string contentOf(const std::string &file) {
  gws::OwnedString text;
  gsize size = 0;
  g_file_get_contents(file.c_str(), gws::Out(text), &size, nullptr);
  return text ? std::string(text.get(), size) : std::string();
}

/// Runs the child in a folder of its own, which goes with this.
class Run {
 public:
  explicit Run(const char *agent)
      : folder_(gws::takeString(g_dir_make_tmp("secrets-XXXXXX", nullptr))) {
    const auto launcher =
        gws::Ref<GSubprocessLauncher>::take(g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE));
    const std::pair<const char *, std::string> environment[] = {{"GST_DEBUG", "*:9"},
                                                                {"GST_DEBUG_NO_COLOR", "1"},
                                                                {"GST_DEBUG_FILE", file("log")},
                                                                {"G_MESSAGES_DEBUG", "all"},
                                                                {"TEST_ICE_AGENT", agent}};
    for (const auto &[name, value] : environment)
      g_subprocess_launcher_setenv(launcher.get(), name, value.c_str(), TRUE);
    g_subprocess_launcher_unsetenv(launcher.get(), "NICE_DEBUG");
    g_subprocess_launcher_set_stdout_file_path(launcher.get(), file("stdout").c_str());
    g_subprocess_launcher_set_stderr_file_path(launcher.get(), file("stderr").c_str());
    const std::string self = gws::takeString(g_file_read_link("/proc/self/exe", nullptr));
    const char *arguments[] = {self.c_str(), kChild, folder_.c_str(), nullptr};
    const auto child = gws::Ref<GSubprocess>::take(
        g_subprocess_launcher_spawnv(launcher.get(), arguments, nullptr));
    fail_unless(child && g_subprocess_wait_check(child.get(), nullptr, nullptr),
                "the child failed: %s", text("stderr").c_str());
  }
  ~Run() {
    const gws::Owned<GDir, g_dir_close> entries(g_dir_open(folder_.c_str(), 0, nullptr));
    while (const char *name = entries ? g_dir_read_name(entries.get()) : nullptr)
      g_remove(file(name).c_str());
    g_rmdir(folder_.c_str());
  }
  Run(const Run &) = delete;

  std::string text(const std::string &name) const { return contentOf(file(name)); }
  /// Name and value of each; a value may be there several times.
  std::vector<std::pair<std::string, std::string>> secrets() const;

 private:
  std::string file(const std::string &name) const { return folder_ + "/" + name; }
  const std::string folder_;
};

std::vector<std::pair<std::string, std::string>> Run::secrets() const {
  std::vector<std::pair<std::string, std::string>> result;
  const gws::Owned<char *, g_strfreev> lines(g_strsplit(text("secrets").c_str(), "\n", -1));
  for (char **line = lines.get(); *line && **line; ++line) {
    const gws::Owned<char *, g_strfreev> parts(g_strsplit(*line, "\t", 2));
    gsize size = 0;
    const gws::OwnedString value(reinterpret_cast<char *>(g_base64_decode(parts.get()[1], &size)));
    result.emplace_back(parts.get()[0], std::string(value.get(), size));
  }
  return result;
}

bool holds(const std::string &text, const std::string &piece) {
  return memmem(text.data(), text.size(), piece.data(), piece.size()) != nullptr;
}

/// What is not a secret, but next to one: without it nothing was searched.
struct Landmark {
  const char *where, *text;
};
constexpr Landmark kLandmarks[] = {
    {"log", kPlanted},
    {"log", "a=ice-pwd:**********************"},
    {"log", " pwd:**********************"},
    {"log", "received key: **************************************"},
    {"log", "srtp-key=(buffer)************************"},
    {"log", "srtp-key\\=\\(buffer\\)************************"},
    {"log", "dropped a candidate"},
    {"stdout", kPlanted},
    {"stderr", kPlanted},
    {"bus", kPlanted},
    {"bus", "-----BEGIN\\ CERTIFICATE-----"},
    {"bus", "application/x-srtcp"},
    {"bus", "webrtc-publisher-added"},
    {"bus", "webrtc-publisher-refused"},
    {"bus", "what it holds is damaged"},
    {"dot", kPlanted},
    {"dot", "-----BEGIN CERTIFICATE-----"},
    {"dot", "application/x-srtcp"},
    {"replies", kPlanted},
    {"replies", " 401 "},
    {"replies", " 403 "},
    {"replies", "4400 line 2 of the SDP"},
    {"replies", "4406 "},
    {"replies", "whip POST 400"},
    {"replies", "whip POST 201"},
    {"replies", "whip PATCH 412"},
    {"replies", "whip PATCH 422"},
    {"replies", "whip PUT 204"},
    {"replies", "whip DELETE 200"},
    {"bus", "door=(string)websocket"},
};

}  // namespace

GST_START_TEST(publication_atEveryLogLevel_leavesNoSecret) {
  const Run run(kAgents[__i__]);
  for (const Landmark &landmark : kLandmarks)
    fail_unless(holds(run.text(landmark.where), landmark.text), "'%s' is not in %s", landmark.text,
                landmark.where);
  const auto secrets = run.secrets();
  for (const char *name : {"the publisher's ICE password", "the server's ICE password",
                           "a WHIP session's ICE password", "a WHIP session's id",
                           "decoder-key as hex", "encoder-key as base64", "a line of the key file"})
    fail_unless(std::any_of(secrets.begin(), secrets.end(),
                            [name](const auto &secret) { return secret.first == name; }),
                "%s is not known", name);
  for (const char *where : {"log", "stdout", "stderr", "bus", "dot", "replies"}) {
    const std::string text = run.text(where);
    for (const auto &[name, value] : secrets)
      fail_unless(!holds(text, value), "%s is in %s: %s", name.c_str(), where, value.c_str());
  }
}
GST_END_TEST

namespace {

struct MaskRow {
  const char *text, *masked;
};
constexpr MaskRow kMasks[] = {
    {"", ""},
    {"adding turn://user:p%40ss@relay.example:3478?transport=udp, and stun://host:3478",
     "adding turn://user:******@relay.example:3478?transport=udp, and stun://host:3478"},
    {"'turns://user:a:b@[::1]:5349'", "'turns://user:***@[::1]:5349'"},
    {"turn://user@host:3478 turn://a:b", "turn://user@host:3478 turn://a:b"},
    {"http://host:80/a@b", "http://host:80/a@b"},
    {"a=ice-pwd:0123456789abcdefghij+/", "a=ice-pwd:**********************"},
    {"a=ice-pwd:0123456789abcdefghij+/\r\na=ice-pwd:0123456789abcdefghij+/\r\n",
     "a=ice-pwd:**********************\r\na=ice-pwd:**********************\r\n"},
    {"a-ice-pwd=(string)0123456789abcdefghij+/, a-x=(string)0123456789abcdefghij+/",
     "a-ice-pwd=(string)**********************, a-x=(string)0123456789abcdefghij+/"},
    {"stream 1 ufrag:0123456789abcdefghij+/ pwd:0123456789abcdefghij+/",
     "stream 1 ufrag:0123456789abcdefghij+/ pwd:**********************"},
    {"received key: 0123456789abcdefghijkl==", "received key: ************************"},
    {"srtp-key=(buffer)0123456789abcdef012345, x=1",
     "srtp-key=(buffer)**********************, x=1"},
    {"caps=(GstCaps)\"a/b\\,\\ srtp-key\\=\\(buffer\\)0123456789abcdef012345\\,\\ x\"",
     "caps=(GstCaps)\"a/b\\,\\ srtp-key\\=\\(buffer\\)**********************\\,\\ x\""},
    {"no ice-pwd in this media", "no ice-pwd in this media"},
    {"ice-pwd", "ice-pwd"},
    {"srtp-key=(buffer", "srtp-key=(buffer"},
};

}  // namespace

GST_START_TEST(mask_passwordsAndKeys_areStars) {
  const MaskRow &row = kMasks[__i__];
  std::string text = row.text;
  gws::maskSecrets(text.data());
  fail_unless_same_text(text, row.masked);
}
GST_END_TEST

namespace {

Suite *secrets_suite() {
  Suite *suite = suite_create("secrets");
  TCase *mask = tcase_create("mask");
  suite_add_tcase(suite, mask);
  tcase_add_loop_test(mask, mask_passwordsAndKeys_areStars, 0,
                      static_cast<int>(G_N_ELEMENTS(kMasks)));
  TCase *search = tcase_create("search");
  suite_add_tcase(suite, search);
  tcase_add_loop_test(search, publication_atEveryLogLevel_leavesNoSecret, 0, G_N_ELEMENTS(kAgents));
  return suite;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 3 && g_str_equal(argv[1], kChild)) {
    alarm(static_cast<unsigned>(kDeadline.count() / 400));  // so that it does not outlive the test
    gst_init(&argc, &argv);
    return publishIn(argv[2]);
  }
  gst_check_init(&argc, &argv);
  return gst_check_run_suite(secrets_suite(), "secrets", __FILE__);
}
