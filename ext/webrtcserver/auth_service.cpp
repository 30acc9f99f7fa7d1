// SPDX-License-Identifier: LGPL-2.1-or-later
// Questions as libsoup messages, and what ends them.
#include "auth_service.h"

#include <utility>

#include "control_thread.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-auth-service", "what auth-url is asked and answers");

namespace gws {

/// More wait for one another, within their time. Small services have a backlog of 5 or 10, beyond
/// which connections are lost.
constexpr int kMaxConnections = 8;
/// So much of a body is read, in so long, so that a service has not written into a closed socket.
constexpr gsize kMaxBodyBytes = 16 * 1024;
constexpr unsigned kBodyMs = 1000;

/// One question and the rest of its connection. Shared by its Question and libsoup's callbacks.
struct AuthService::Exchange : std::enable_shared_from_this<Exchange> {
  Ref<SoupMessage> message;
  Ref<GCancellable> cancellable = Ref<GCancellable>::take(g_cancellable_new());
  ControlTimer deadline;
  Told told;  ///< empty: was told, or nobody wants to know any more

  ~Exchange() {
    if (message) g_signal_handlers_disconnect_by_data(message.get(), this);
  }
  void start(SoupSession *session, std::chrono::milliseconds timeout) REQUIRES(control);
  /// May end the AuthService and its owners.
  void tell(const Result<Answer> &answer) {
    if (auto once = std::exchange(told, nullptr)) once(answer);
  }
  void end() {
    told = nullptr;
    deadline.stop();
    g_cancellable_cancel(cancellable.get());
  }

  using Held = std::shared_ptr<Exchange>;
  static void onNetworkEvent(SoupMessage *, GSocketClientEvent event, GIOStream *connection);
  static void onHeaders(SoupMessage *message, gpointer self);
  static void onSent(GObject *session, GAsyncResult *result, gpointer held);
  static void onSkipped(GObject *body, GAsyncResult *result, gpointer held);
};

AuthService::Question::~Question() {
  if (exchange_->told) exchange_->end();
}

void AuthService::Exchange::start(SoupSession *session, std::chrono::milliseconds timeout) {
  g_signal_connect(message.get(), "network-event", G_CALLBACK(onNetworkEvent), this);
  g_signal_connect(message.get(), "got-headers", G_CALLBACK(onHeaders), this);
  deadline.start(unsigned(timeout.count()), [weak = weak_from_this()] {
    onControlThread();
    auto self = weak.lock();
    if (!self) return;
    self->deadline.stop();
    g_cancellable_cancel(self->cancellable.get());
    self->tell(Error{0, "it did not answer in time"});
  });
  soup_session_send_async(session, message.get(), G_PRIORITY_DEFAULT, cancellable.get(), onSent,
                          new Held(shared_from_this()));
}

/// HTTP/2 is not offered: libsoup 3.2 does not end such a request when it is cancelled.
void AuthService::Exchange::onNetworkEvent(SoupMessage *, GSocketClientEvent event,
                                           GIOStream *connection) {
  static const char *const protocols[] = {"http/1.1", nullptr};
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(connection), protocols);
}

void AuthService::Exchange::onHeaders(SoupMessage *message, gpointer self) {
  onControlThread();
  auto exchange = static_cast<Exchange *>(self)->shared_from_this();
  SoupMessageHeaders *headers = soup_message_get_response_headers(message);
  auto header = [headers](const char *name) { return soup_message_headers_get_one(headers, name); };
  Answer answer;
  answer.status = soup_message_get_status(message);
  answer.terms = parseServiceTerms(header("X-AuthDuration"), header("X-Max-Sessions"));
  if (const char *userId = header("X-UserId")) answer.userId = userId;

  exchange->deadline.start(
      kBodyMs, [cancellable = exchange->cancellable] { g_cancellable_cancel(cancellable.get()); });
  // Here libsoup would keep the body, however long, and ask once more.
  if (answer.status == SOUP_STATUS_MISDIRECTED_REQUEST)
    g_cancellable_cancel(exchange->cancellable.get());
  exchange->tell(answer);
}

void AuthService::Exchange::onSent(GObject *session, GAsyncResult *result, gpointer held) {
  onControlThread();
  std::unique_ptr<Held> holder(static_cast<Held *>(held));
  Exchange &exchange = **holder;
  OwnedError error;
  auto body =
      Ref<GInputStream>::take(soup_session_send_finish(SOUP_SESSION(session), result, Out(error)));
  if (!body) {
    exchange.deadline.stop();
    return exchange.tell(Error{0, error->message});
  }
  g_input_stream_skip_async(body.get(), kMaxBodyBytes, G_PRIORITY_DEFAULT,
                            exchange.cancellable.get(), onSkipped, holder.release());
}

void AuthService::Exchange::onSkipped(GObject *body, GAsyncResult *result, gpointer held) {
  std::unique_ptr<Held> holder(static_cast<Held *>(held));
  g_input_stream_skip_finish(G_INPUT_STREAM(body), result, nullptr);
  (*holder)->deadline.stop();
}

static GUri *parseUrl(const std::string &url) {
  return g_uri_parse(url.c_str(), GUriFlags(SOUP_HTTP_URI_FLAGS), nullptr);
}

Result<void> AuthService::checkUrl(const std::string &url) {
  const Owned<GUri, g_uri_unref> uri(parseUrl(url));
  const std::string scheme = uri ? g_uri_get_scheme(uri.get()) : "";
  const char *host = uri ? g_uri_get_host(uri.get()) : nullptr;
  if ((scheme == "http" || scheme == "https") && host && *host) return {};
  return Error{0, "auth-url is no URL such as https://example.com/authorize"};
}

AuthService::AuthService(const std::string &url, std::chrono::milliseconds timeout)
    : uri_(parseUrl(url)), timeout_(timeout) {
  g_assert(uri_);
}

AuthService::~AuthService() {
  for (const auto &weak : exchanges_)
    if (auto exchange = weak.lock()) exchange->end();
}

static Ref<SoupSession> makeSession() {
  auto session = Ref<SoupSession>::take(soup_session_new_with_options(
      "proxy-resolver", nullptr, "timeout", 0, "max-conns", kMaxConnections, "max-conns-per-host",
      kMaxConnections, "user-agent", "gst-webrtc-server", nullptr));
  soup_session_remove_feature_by_type(session.get(), SOUP_TYPE_CONTENT_DECODER);
  return session;
}

/// The user and password of a URL as Basic credentials (RFC 7617); empty if it has none.
static std::string credentialsOf(GUri *uri) {
  if (!g_uri_get_user(uri)) return {};
  const char *password = g_uri_get_password(uri);
  const std::string text = std::string(g_uri_get_user(uri)) + ':' + (password ? password : "");
  OwnedString encoded(g_base64_encode(reinterpret_cast<const guchar *>(text.data()), text.size()));
  return std::string("Basic ") + encoded.get();
}

Ref<SoupMessage> AuthService::messageFor(const AccessRequest &request, Type type) const {
  const bool isUpdate = type == Type::UpdateSession;
  const std::string json = serviceRequest(request, isUpdate ? "update_session" : "new_session");
  auto message = Ref<SoupMessage>::take(soup_message_new_from_uri(SOUP_METHOD_POST, uri_.get()));
  const Owned<GBytes, g_bytes_unref> body(g_bytes_new(json.data(), json.size()));
  soup_message_set_request_body_from_bytes(message.get(), "application/json", body.get());
  soup_message_set_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);
  // Its part is ours, and with it a 401 would have to be read to its end.
  soup_message_disable_feature(message.get(), SOUP_TYPE_AUTH_MANAGER);
  // Those who publish already go first.
  if (isUpdate) soup_message_set_priority(message.get(), SOUP_MESSAGE_PRIORITY_HIGH);
  SoupMessageHeaders *headers = soup_message_get_request_headers(message.get());
  soup_message_headers_replace(headers, "Connection", "close");
  if (const std::string credentials = credentialsOf(uri_.get()); !credentials.empty())
    soup_message_headers_replace(headers, "Authorization", credentials.c_str());
  return message;
}

std::unique_ptr<AuthService::Question> AuthService::ask(const AccessRequest &request, Type type,
                                                        Told told) {
  if (!session_) session_ = makeSession();
  auto exchange = std::make_shared<Exchange>();
  exchange->message = messageFor(request, type);
  exchange->told = [this, told = std::move(told)](const Result<Answer> &answer) {
    onControlThread();
    note(answer);
    told(answer);
  };
  exchange->start(session_.get(), timeout_);
  exchanges_.push_back(exchange);
  return std::make_unique<Question>(std::move(exchange));
}

std::size_t AuthService::busy() {
  std::erase_if(exchanges_, [](const auto &weak) { return weak.expired(); });
  return exchanges_.size();
}

/// One warning for an outage, however many clients it concerns.
void AuthService::note(const Result<Answer> &answer) {
  const bool outage = !answer.ok();
  if (std::exchange(outage_, outage) == outage) return;
  const char *host = g_uri_get_host(uri_.get());
  if (outage)
    GST_WARNING("the service of auth-url, %s: %s", host, answer.error().detail.c_str());
  else
    GST_INFO("the service of auth-url, %s, answers again", host);
}

}  // namespace gws
