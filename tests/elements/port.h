// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of the port share: a publisher beside them, certificates in files, a TLS client.
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>

#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "tests/common/hand_socket.h"
#include "tests/elements/certificates.h"
#include "tests/elements/robust.h"

namespace gws::test {

/// A launch line for one that publishes `good` beside what else the pipeline has.
inline std::string withBystander(const std::string &properties, const std::string &rest = "") {
  return "webrtcpublishsrc name=pub " + properties + " pub.video_good" + kSink + rest;
}

/// Publishes `good` from an address of its own. None of its frames may get lost.
class Bystander {
 public:
  explicit Bystander(PublishPipeline &pipeline, const std::string &query = "")
      : seen_(pipeline.record("video_good")), client_(options(pipeline, query)) {
    mustPublish(client_);
    fail_unless(seen_.waitBuffers(5), "the bystander's frames do not come");
  }

  std::string offer() const { return client_.offerSdp(); }
  bool goesOn() { return seen_.waitMore(20) && !client_.waitClosed(Timeout(0)).closed; }
  /// Ends it.
  void mustHaveLostNothing() {
    fail_unless(goesOn(), "the bystander was disturbed: code %d",
                client_.waitClosed(Timeout(0)).closeCode);
    client_.stopMedia();
    const bool whole =
        eventually([this] { return seen_.get().buffers == client_.framesSent(TrackKind::Video); });
    const Recording seen = seen_.get();
    fail_unless(whole, "the bystander sent %u frames, %u came",
                client_.framesSent(TrackKind::Video), seen.buffers);
    fail_unless_equals_int(seen.streamIds.size(), 1);
    fail_unless_equals_int(seen.backwards, 0);
  }

 private:
  static PublishOptions options(const PublishPipeline &pipeline, const std::string &query) {
    PublishOptions options = optionsFor(pipeline, "good");
    options.url += query;
    options.audio = {};
    options.localAddress = "127.0.0.99";
    return options;
  }

  PadRecorder &seen_;
  PublishClient client_;
};

/// Handlers of `authorize`. Declared before the pipeline, which calls them until it has ended.
class Handlers {
 public:
  using Decide = std::function<bool(const std::string &stream, const GstStructure *request)>;

  Handlers() = default;
  Handlers(const Handlers &) = delete;
  void add(const PublishPipeline &pipeline, Decide decide) {
    decisions_.push_back(std::move(decide));
    using OnAuthorize = gboolean (*)(GstElement *, const char *, GstStructure *, const Decide *);
    const OnAuthorize onAuthorize = [](GstElement *, const char *stream, GstStructure *request,
                                       const Decide *own) -> gboolean {
      return (*own)(stream, request);
    };
    g_signal_connect(pipeline.pub(), "authorize", G_CALLBACK(onAuthorize), &decisions_.back());
  }

 private:
  std::deque<Decide> decisions_;
};

inline std::string fieldOf(const GstStructure *request, const char *name) {
  const char *text = gst_structure_get_string(request, name);
  return text ? text : "(none)";
}

inline void mustSay(const std::string &text, const std::string &part) {
  fail_unless(text.find(part) != std::string::npos, "'%s' is not in: %s", part.c_str(),
              text.c_str());
}

/// Keeps handlers until it opens; says then yes.
class Barrier {
 public:
  Barrier() = default;
  ~Barrier() { open(); }
  Barrier(const Barrier &) = delete;

  bool pass() {
    waiting_.update([](unsigned &count) { ++count; });
    return open_.waitFor([](bool open) { return open; });
  }
  bool waitEntered(unsigned count) {
    return waiting_.waitFor([count](unsigned now) { return now >= count; });
  }
  void open() { open_.set(true); }

 private:
  Watched<unsigned> waiting_;
  Watched<bool> open_;
};

/// What comes for an offer of this client, a WebSocket; not closed: an answer.
inline SocketEnd answerOrEnd(HandSocket &client, const std::string &offer) {
  client.setPatience(kDeadline);
  client.send(clientFrame(Opcode::Text, true, offerJson(offer)));
  while (const auto frame = client.readFrame()) {
    const std::string &data = frame->data;
    if (data.find("\"answer\"") != std::string::npos) return {};
    if (frame->opcode != static_cast<unsigned>(Opcode::Close) || data.size() < 2) continue;
    const int code = static_cast<unsigned char>(data[0]) << 8 | static_cast<unsigned char>(data[1]);
    return {.closed = true, .closeCode = code, .reason = data.substr(2)};
  }
  return {.closed = true, .reason = "neither an answer nor a close frame"};
}

inline void mustBeAnswered(HandSocket &client, const std::string &offer) {
  const SocketEnd end = answerOrEnd(client, offer);
  fail_unless(!end.closed, "code %d '%s'", end.closeCode, end.reason.c_str());
}

/// Newcomers are served, up to the answer to an offer. Those that had to make room keep their
/// descriptors until they are closed: 503 until then.
inline void mustServe(const PublishPipeline &pipeline, const std::string &stream,
                      const std::string &offer) {
  std::unique_ptr<HandSocket> client;
  int status = 0;
  eventually([&] {
    client = std::make_unique<HandSocket>(
        HandSocket::Options{.port = pipeline.port(), .patience = kDeadline});
    status = client->upgrade("/" + stream + "/webrtc/publish");
    return status != 503;
  });
  fail_unless_equals_int(status, 101);
  mustBeAnswered(*client, offer);
}

/// It is still a WebSocket: a ping is answered.
inline bool isAlive(HandSocket &client) {
  client.setPatience(kDeadline);
  if (!client.send(clientFrame(Opcode::Ping, true, "?"))) return false;
  while (const auto frame = client.readFrame()) {
    if (frame->opcode == static_cast<unsigned>(Opcode::Pong)) return true;
    if (frame->opcode == static_cast<unsigned>(Opcode::Close)) return false;
  }
  return false;
}

/// The other side ends the connection; what comes before that is read.
inline bool waitCut(HandSocket &client, Timeout timeout = kDeadline) {
  client.setPatience(Timeout(5));
  return eventually(
      [&client] {
        while (!client.read(1).empty()) {
        }
        return client.wasCut();
      },
      timeout);
}

/// A folder of its own, until the test is over.
class Folder {
 public:
  Folder() : path_(takeString(g_dir_make_tmp("gws-port-XXXXXX", nullptr))) {}
  ~Folder() {
    for (const std::string &file : files_)
      g_remove(file.c_str());
    g_rmdir(path_.c_str());
  }
  Folder(const Folder &) = delete;

  /// The path of a file with that text.
  std::string file(const std::string &name, const std::string &text) {
    files_.push_back(path_ + "/" + name);
    fail_unless(g_file_set_contents(files_.back().c_str(), text.c_str(), -1, nullptr));
    return files_.back();
  }
  /// The path of a file with a certificate and its key.
  std::string certificate(const std::string &name) {
    const Issued issued("localhost");
    return file(name, issued.certificate() + issued.key());
  }
  /// Where nothing is.
  std::string nothing() const { return path_ + "/nothing.pem"; }

 private:
  const std::string path_;
  std::vector<std::string> files_;
};

/// What a client that takes any certificate gets for `/`; 0: no answer.
inline int httpsStatus(unsigned port) {
  OwnedError error;
  const auto client = Ref<GSocketClient>::take(g_socket_client_new());
  g_socket_client_set_enable_proxy(client.get(), FALSE);
  g_socket_client_set_timeout(client.get(), 10);
  const auto base = Ref<GSocketConnection>::take(g_socket_client_connect_to_host(
      client.get(), "127.0.0.1", static_cast<guint16>(port), nullptr, Out(error)));
  if (!base) return 0;
  const auto tls = Ref<GIOStream>::take(
      g_tls_client_connection_new(G_IO_STREAM(base.get()), nullptr, Out(error)));
  if (!tls) return 0;
  using OnCertificate = gboolean (*)(GTlsConnection *, GTlsCertificate *, int, gpointer);
  const OnCertificate takeAny = [](GTlsConnection *, GTlsCertificate *, int, gpointer) -> gboolean {
    return TRUE;
  };
  g_signal_connect(tls.get(), "accept-certificate", G_CALLBACK(takeAny), nullptr);
  const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (!g_output_stream_write_all(g_io_stream_get_output_stream(tls.get()), request.data(),
                                 request.size(), nullptr, nullptr, Out(error)))
    return 0;
  char head[16] = {};
  gsize size = 0;
  g_input_stream_read_all(g_io_stream_get_input_stream(tls.get()), head, sizeof head - 1, &size,
                          nullptr, Out(error));
  return g_str_has_prefix(head, "HTTP/1.1 ") ? std::atoi(head + 9) : 0;
}

}  // namespace gws::test
