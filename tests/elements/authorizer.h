// SPDX-License-Identifier: LGPL-2.1-or-later
// The Authorizer without an element: the application's part, its clients, and services to be asked.
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ext/webrtcserver/authorizer.h"
#include "tests/common/check.h"

namespace gws::test {

inline AccessRequest requestOf(const std::string &stream, const std::string &token = "tok-1") {
  return {.stream = stream,
          .protocol = "webrtc",
          .address = "192.0.2.7",
          .sessionId = "session-of-" + stream,
          .token = token,
          .query = "token=" + token + "&room=1",
          .userAgent = "Test/1.0",
          .referer = "https://pages.example/room",
          .host = "server.example:8080",
          .origin = "https://pages.example"};
}

/// The application: says what `decide` says. Nothing else of it is used.
class Application final : public ElementSide {
 public:
  std::function<bool(const AccessRequest &)> decide = [](const AccessRequest &) { return true; };
  Watched<unsigned> asked;
  std::atomic<bool> hasHandler = true;

  bool asksApplication() const override { return hasHandler; }
  bool authorize(const AccessRequest &request) override {
    asked.update([](unsigned &count) { ++count; });
    return decide(request);
  }
  GstElement *element() const override { return nullptr; }
  std::vector<Ref<GstPad>> reservedPads(const std::string &, MediaKind) const override {
    return {};
  }
  std::vector<std::string> reservedStreams() const override { return {}; }
  Ref<GstPad> makeSometimesPad(const std::string &, MediaKind) override { return nullptr; }
  void addSometimesPad(GstPad *) override {}
  void removeSometimesPad(GstPad *) override {}
  Settings settings() const override { return {}; }
  void webrtcbinReady(const std::string &, GstElement *) override {}
  void publisherAdded(const std::string &, const std::string &, const char *) override {}
  void publisherRemoved(const std::string &, const std::string &, const std::string &) override {}
  void publisherRefused(const std::string &, const std::string &) override {}
};

/// A permission that has to be renewed at once.
inline const AuthorizerTimes kRestless{.answer = kDeadline,
                                       .duration = std::chrono::milliseconds(20),
                                       .retry = std::chrono::milliseconds(20)};

/// One who asks to be let in. Its session belongs to the control thread.
struct Applicant {
  struct Outcome {
    unsigned verdicts = 0;
    int code = 0;  ///< of the last one; 0: let in
    std::string detail;
  };
  Watched<Outcome> outcome;
  Watched<std::string> revoked;  ///< the reason, once for each time it was told
  std::shared_ptr<Session> session;
  unsigned id = 0;

  Outcome wait() {
    fail_unless(outcome.waitFor([](const Outcome &now) { return now.verdicts > 0; }), "no verdict");
    return outcome.get();
  }
  void mustGet(int code) {
    const Outcome now = wait();
    fail_unless(now.code == code, "the verdict is %d '%s', not %d", now.code, now.detail.c_str(),
                code);
    fail_unless_equals_int(now.verdicts, 1);
  }
};

/// An Authorizer on the real control thread, with real workers.
struct BenchOptions {
  std::string url = "";
  AuthorizerTimes times = {.answer = kDeadline};  ///< a slow machine is not at fault
};
class Bench {
 public:
  explicit Bench(const BenchOptions &options = {})
      : control(ControlThread::shared()),
        authorizer(std::make_unique<Authorizer>(application, control, workers, options.url,
                                                options.times)) {}
  ~Bench() {
    control->call([this] {
      authorizer.reset();
      for (auto &one : applicants)
        one->session.reset();
    });
    workers.waitIdle();
  }

  /// `then` runs on the control thread after the verdict has been noted.
  Applicant &ask(const AccessRequest &request, std::function<void()> then = nullptr) {
    applicants.push_back(std::make_shared<Applicant>());
    auto applicant = applicants.back();
    auto verdict = [applicant, then](Result<std::shared_ptr<Session>> result) {
      onControlThread();
      if (result) {
        applicant->session = *result;
        applicant->session->onRevoked([applicant = applicant.get()](const std::string &reason) {
          applicant->revoked.update([&reason](std::string &all) { all += reason; });
        });
      }
      const int code = result ? 0 : result.error().code;
      const std::string detail = result ? "" : result.error().detail;
      if (then) then();
      applicant->outcome.update([&](Applicant::Outcome &now) {
        ++now.verdicts;
        now.code = code;
        now.detail = detail;
      });
    };
    control->call([&] {
      onControlThread();
      const unsigned id = authorizer->ask(request, std::move(verdict));
      applicant->id = id;
    });
    return *applicant;
  }
  void leave(Applicant &applicant) {
    control->call([&] { applicant.session.reset(); });
  }
  void cancel(const Applicant &applicant) {
    control->call([&] {
      onControlThread();
      authorizer->cancel(applicant.id);
    });
  }

  Application application;
  const std::shared_ptr<ControlThread> control;
  Workers workers;
  std::unique_ptr<Authorizer> authorizer;              ///< control thread
  std::vector<std::shared_ptr<Applicant>> applicants;  ///< shared with verdicts on their way
};

/// The operator's service, on a thread of its own: notes each question, and does as its script
/// says.
class Service {
 public:
  struct Question {
    std::string method, path, query, body;
    std::map<std::string, std::string> headers;
    std::string member(const char *name) const;
  };
  /// On the service's thread; the message has status 200 and no body by then.
  using Script = std::function<void(SoupServerMessage *, const Question &)>;

  /// With a certificate for localhost it speaks https.
  explicit Service(Script script = nullptr, GTlsCertificate *certificate = nullptr);
  ~Service();
  Service(const Service &) = delete;

  std::string url(const std::string &before = "", const std::string &after = "/decide") const {
    return (isTls_ ? "https://" : "http://") + before + (isTls_ ? "localhost:" : "127.0.0.1:") +
           std::to_string(port_) + after;
  }
  void setScript(Script script) {
    loop_.call([&] { script_ = std::move(script); });
  }
  /// On its thread.
  void run(const std::function<void()> &task) { loop_.call(task); }
  std::vector<Question> questions() const { return questions_.get(); }
  bool waitQuestions(std::size_t count) {
    return questions_.waitFor([count](const auto &all) { return all.size() >= count; });
  }
  /// So many answers could not be written to their end.
  bool waitCut(unsigned count) {
    return cut_.waitFor([count](unsigned now) { return now >= count; });
  }

  // Scripts.
  static Script status(unsigned status) {
    return [status](SoupServerMessage *message, const Question &) {
      soup_server_message_set_status(message, status, nullptr);
    };
  }
  static Script headers(std::vector<std::pair<std::string, std::string>> headers) {
    return [headers](SoupServerMessage *message, const Question &) {
      for (const auto &[name, value] : headers)
        soup_message_headers_replace(soup_server_message_get_response_headers(message),
                                     name.c_str(), value.c_str());
    };
  }
  static void neverAnswer(SoupServerMessage *message, const Question &) {
    soup_server_message_pause(message);
  }
  /// No answer either, but at once.
  static void hangUp(SoupServerMessage *message, const Question &) {
    auto stream = Ref<GIOStream>::take(soup_server_message_steal_connection(message));
    g_io_stream_close(stream.get(), nullptr, nullptr);
  }
  static Script endlessBody(unsigned status);
  /// Of endless bodies, by all services.
  static inline std::atomic<guint64> written = 0;

 private:
  static void onRequest(SoupServer *, SoupServerMessage *message, const char *path, GHashTable *,
                        gpointer self);

  const bool isTls_;
  LoopThread loop_;
  Ref<SoupServer> server_;
  unsigned port_ = 0;
  Script script_;  ///< the loop's
  Watched<std::vector<Question>> questions_;
  Watched<unsigned> cut_;
};

inline std::string Service::Question::member(const char *name) const {
  auto parser = Ref<JsonParser>::take(json_parser_new());
  if (!json_parser_load_from_data(parser.get(), body.c_str(), -1, nullptr)) return "no JSON";
  JsonObject *object = json_node_get_object(json_parser_get_root(parser.get()));
  return object && json_object_has_member(object, name)
             ? json_object_get_string_member(object, name)
             : "no such member";
}

inline Service::Service(Script script, GTlsCertificate *certificate)
    : isTls_(certificate), script_(std::move(script)) {
  loop_.call([this, certificate] {
    server_ = Ref<SoupServer>::take(
        soup_server_new("raw-paths", TRUE, "tls-certificate", certificate, nullptr));
    soup_server_add_handler(server_.get(), nullptr, onRequest, this, nullptr);
    OwnedError error;
    const int options = SOUP_SERVER_LISTEN_IPV4_ONLY | (isTls_ ? SOUP_SERVER_LISTEN_HTTPS : 0);
    const bool listens =
        soup_server_listen_local(server_.get(), 0, SoupServerListenOptions(options), Out(error));
    fail_unless(listens, "no port for the service");
    const Owned<GSList, g_slist_free> listeners(soup_server_get_listeners(server_.get()));
    auto address =
        Ref<GSocketAddress>::take(g_socket_get_local_address(G_SOCKET(listeners->data), nullptr));
    port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get()));
  });
}

inline Service::~Service() {
  loop_.call([this] {
    soup_server_disconnect(server_.get());
    server_.reset();
  });
}

inline void Service::onRequest(SoupServer *, SoupServerMessage *message, const char *path,
                               GHashTable *, gpointer self) {
  auto *service = static_cast<Service *>(self);
  Question question;
  question.method = soup_server_message_get_method(message);
  question.path = path;
  if (const char *query = g_uri_get_query(soup_server_message_get_uri(message)))
    question.query = query;
  const SoupMessageBody *body = soup_server_message_get_request_body(message);
  question.body.assign(body->data, static_cast<std::size_t>(body->length));
  soup_message_headers_foreach(
      soup_server_message_get_request_headers(message),
      [](const char *name, const char *value, gpointer data) {
        static_cast<Question *>(data)->headers[name] = value;
      },
      &question);
  g_signal_connect(message, "disconnected", G_CALLBACK(+[](SoupServerMessage *, gpointer data) {
                     static_cast<Service *>(data)->cut_.update([](unsigned &cut) { ++cut; });
                   }),
                   self);
  soup_server_message_set_status(message, 200, nullptr);
  if (service->script_) service->script_(message, question);
  service->questions_.update([&question](auto &all) { all.push_back(question); });
}

inline Service::Script Service::endlessBody(unsigned status) {
  return [status](SoupServerMessage *message, const Question &) {
    const auto more = +[](SoupServerMessage *one, gpointer) {
      static const std::string text(4096, 'x');
      written += text.size();
      soup_message_body_append(soup_server_message_get_response_body(one), SOUP_MEMORY_STATIC,
                               text.data(), text.size());
      soup_server_message_unpause(one);
    };
    soup_server_message_set_status(message, status, nullptr);
    soup_message_headers_set_encoding(soup_server_message_get_response_headers(message),
                                      SOUP_ENCODING_CHUNKED);
    soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
    g_signal_connect(message, "wrote-chunk", G_CALLBACK(more), nullptr);
    more(message, nullptr);
  };
}

/// Takes connections, and sends one byte of an answer after the other, for ever.
class Dribbler {
 public:
  /// Without `begins` it sends nothing at all.
  explicit Dribbler(std::string begins = "");
  ~Dribbler();
  Dribbler(const Dribbler &) = delete;

  std::string url(const char *scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + "/";
  }
  bool waitAsked(unsigned count) {
    return asked_.waitFor([count](unsigned now) { return now >= count; });
  }
  /// So many connections have been closed by the other side.
  bool waitCut(unsigned count) {
    return cut_.waitFor([count](unsigned now) { return now >= count; });
  }

 private:
  static gboolean onIncoming(GSocketService *, GSocketConnection *connection, GObject *,
                             gpointer self);
  void dribble();

  const std::string begins_;
  LoopThread loop_;
  Ref<GSocketService> listener_;
  unsigned port_ = 0;
  Owned<GSource, g_source_unref> timer_;
  struct Connection {
    Ref<GSocketConnection> connection;
    std::size_t sent = 0;
    bool asked = false;
  };
  std::vector<Connection> connections_;  ///< the loop's
  Watched<unsigned> asked_, cut_;
};

inline Dribbler::Dribbler(std::string begins) : begins_(std::move(begins)) {
  loop_.call([this] {
    listener_ = Ref<GSocketService>::take(g_socket_service_new());
    port_ =
        g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(listener_.get()), nullptr, nullptr);
    fail_unless(port_ != 0);
    g_signal_connect(listener_.get(), "incoming", G_CALLBACK(onIncoming), this);
    timer_.reset(g_timeout_source_new(5));
    const auto tick = +[](gpointer self) -> gboolean {
      static_cast<Dribbler *>(self)->dribble();
      return G_SOURCE_CONTINUE;
    };
    g_source_set_callback(timer_.get(), tick, this, nullptr);
    g_source_attach(timer_.get(), g_main_context_get_thread_default());
  });
}

inline Dribbler::~Dribbler() {
  loop_.call([this] {
    g_source_destroy(timer_.get());
    g_socket_service_stop(listener_.get());
    g_socket_listener_close(G_SOCKET_LISTENER(listener_.get()));
    connections_.clear();
    listener_.reset();
  });
}

inline gboolean Dribbler::onIncoming(GSocketService *, GSocketConnection *connection, GObject *,
                                     gpointer self) {
  static_cast<Dribbler *>(self)->connections_.push_back(
      {Ref<GSocketConnection>::share(connection)});
  return TRUE;
}

inline void Dribbler::dribble() {
  std::erase_if(connections_, [this](Connection &one) {
    GSocket *socket = g_socket_connection_get_socket(one.connection.get());
    g_socket_set_blocking(socket, FALSE);
    char request[4096];
    OwnedError error;
    const gssize read = g_socket_receive(socket, request, sizeof request, nullptr, Out(error));
    if (read > 0 && !std::exchange(one.asked, true)) asked_.update([](unsigned &n) { ++n; });
    if (read == 0 || (read < 0 && error->code != G_IO_ERROR_WOULD_BLOCK)) {
      cut_.update([](unsigned &n) { ++n; });
      return true;
    }
    const char byte = one.sent < begins_.size() ? begins_[one.sent] : 'x';
    one.sent++;
    if (!begins_.empty()) g_socket_send(socket, &byte, 1, nullptr, nullptr);
    return false;
  });
}

/// What the modules under test have logged since it was made.
class Log {
 public:
  Log() {
    gst_debug_set_threshold_from_string("webrtcserver-auth*:7", FALSE);
    (gst_debug_add_log_function)(onMessage, this, nullptr);
  }
  ~Log() { gst_debug_remove_log_function_by_data(this); }
  Log(const Log &) = delete;

  struct Line {
    GstDebugLevel level;
    std::string text;
  };
  std::vector<Line> lines() const { return lines_.get(); }
  unsigned warnings() const {
    unsigned count = 0;
    for (const Line &line : lines())
      count += line.level == GST_LEVEL_WARNING;
    return count;
  }

 private:
  static void onMessage(GstDebugCategory *category, GstDebugLevel level, const char *, const char *,
                        int, GObject *, GstDebugMessage *message, gpointer self) {
    if (!g_str_has_prefix(gst_debug_category_get_name(category), "webrtcserver-auth")) return;
    static_cast<Log *>(self)->lines_.update([&](auto &lines) {
      lines.push_back({level, gst_debug_message_get(message)});
    });
  }
  Watched<std::vector<Line>> lines_;
};

}  // namespace gws::test
