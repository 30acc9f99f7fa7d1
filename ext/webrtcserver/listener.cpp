// SPDX-License-Identifier: LGPL-2.1-or-later
// Accepting, TLS handshakes and deadlines.
#include "listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "gst/common/monotonic.h"
#include "guarded_stream.h"
#include "log.h"
#include "resources.h"

GWS_LOG_CATEGORY("webrtcserver-listener", "TCP connections and TLS");

namespace gws {

constexpr unsigned kTickMs = 250, kTicksBetweenRefreshes = 4;
constexpr int kBacklog = 1024;
constexpr unsigned kAcceptedAtOnce = 64;
/// Left for publishers, who need more than one each.
constexpr unsigned kDescriptorsSpare = 96;
/// GIO makes handshakes on threads of a pool that the process shares, and that has ten of them.
constexpr unsigned kMaxHandshakes = 6;
/// So long may one take while others wait for its place.
constexpr gint64 kHandshakePatienceUs = 500'000;
constexpr unsigned kClosingMs = 5000;
/// Who was told to make room gets so much of that.
constexpr unsigned kDismissedMs = 500;
constexpr const char *kConnectionId = "gws-connection-id";

constexpr std::string_view kPlainAnswer =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n\r\nThis port speaks https: write https:// in the address.\n";

/// Alert: fatal, protocol_version (RFC 8446, section 6.2).
constexpr char kProtocolVersionAlert[] = {21, 3, 1, 0, 2, 2, 70};

struct Listener::Connection {
  unsigned id = 0;
  Ref<GSocket> socket;
  Ref<GSocketAddress> local, remote;
  std::string address;  ///< of the TCP peer
  std::string key;      ///< what counts as one address; empty: not limited
  Phase phase = Phase::Greeting;
  gint64 until = 0;  ///< monotonic µs, 0: no end
  bool tooMany = false;
  bool handedOver = false;  ///< closing it is libsoup's part
  Owned<GSource, g_source_unref> greeting;
  UnfinishedBytes unfinished = std::make_shared<std::atomic<guint64>>(0);
  bool awaitsHandshake = false;
  Ref<GCancellable> handshake;  ///< while one is going on
  gint64 handshakeSince = 0;    ///< monotonic µs
  std::function<void(const std::string &reason)> farewell;

  void stopGreeting() {
    if (greeting) g_source_destroy(greeting.get());
    greeting.reset();
  }
  ~Connection() {
    stopGreeting();
    if (handshake) g_cancellable_cancel(handshake.get());
  }
};

ListenerOptions ListenerOptions::of(const Settings &settings) {
  return {settings.certificateFile,      settings.privateKeyFile,
          settings.trustedProxies,       settings.maxConnectionsPerAddress,
          settings.maxRequestsPerSecond, settings.requestTimeoutMs};
}

static std::string textOf(GSocketAddress *address) {
  if (!address || !G_IS_INET_SOCKET_ADDRESS(address)) return "";
  return takeString(
      g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address))));
}

static Networks parsedNetworks(const std::string &text) {
  auto networks = Networks::parse(text);
  return networks ? *networks : Networks();
}

Listener::Listener(const ListenerOptions &options, Accepted accepted)
    : options_(options),
      accepted_(std::move(accepted)),
      trusted_(parsedNetworks(options.trustedProxies)),
      requests_(options.maxRequestsPerSecond, 10.0 * options.maxRequestsPerSecond) {}

Listener::~Listener() {
  if (incoming_) g_source_destroy(incoming_.get());
  for (auto &[id, connection] : connections_)
    g_socket_shutdown(connection->socket.get(), TRUE, TRUE, nullptr);
  connections_.clear();
}

Result<std::shared_ptr<Listener>> Listener::open(const std::string &address, unsigned port,
                                                 const ListenerOptions &options,
                                                 Accepted accepted) {
  std::shared_ptr<Listener> listener(new Listener(options, std::move(accepted)));
  if (!options.certificateFile.empty()) {
    auto identity = TlsIdentity::load(options.certificateFile, options.privateKeyFile);
    if (!identity) return identity.error();
    listener->identity_ = std::move(*identity);
  }
  if (auto listening = listener->listen(address, port); !listening) return listening.error();
  return listener;
}

Result<void> Listener::listen(const std::string &address, unsigned port) {
  auto inet = Ref<GInetAddress>::take(g_inet_address_new_from_string(address.c_str()));
  if (!inet) return Error{0, "address \"" + address + "\" is not an IP address"};
  auto socketAddress = Ref<GSocketAddress>::take(g_inet_socket_address_new(inet.get(), port));
  OwnedError error;
  socket_ =
      Ref<GSocket>::take(g_socket_new(g_inet_address_get_family(inet.get()), G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_TCP, Out(error)));
  if (!socket_) return Error{0, error->message};
  g_socket_set_blocking(socket_.get(), FALSE);
  g_socket_set_listen_backlog(socket_.get(), kBacklog);
  if (!g_socket_bind(socket_.get(), socketAddress.get(), TRUE, Out(error)) ||
      !g_socket_listen(socket_.get(), Out(error)))
    return Error{0, std::string(error->message) +
                        " (the properties address and port; port=0 picks a free one)"};
  auto bound = Ref<GSocketAddress>::take(g_socket_get_local_address(socket_.get(), nullptr));
  port_ = bound ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound.get())) : 0;
  startAccepting();
  timer_.start(kTickMs, [this] {
    onControlThread();
    tick();
  });
  return {};
}

void Listener::startAccepting() {
  incoming_.reset(g_socket_create_source(socket_.get(), G_IO_IN, nullptr));
  g_source_set_callback(incoming_.get(), G_SOURCE_FUNC(onIncoming), this, nullptr);
  g_source_attach(incoming_.get(), g_main_context_get_thread_default());
}

gboolean Listener::onIncoming(GSocket *socket, GIOCondition, gpointer self) {
  onControlThread();
  auto *listener = static_cast<Listener *>(self);
  unsigned newest = 0;
  for (unsigned i = 0; i < kAcceptedAtOnce; i++) {
    OwnedError error;
    auto accepted = Ref<GSocket>::take(g_socket_accept(socket, nullptr, Out(error)));
    if (accepted) {
      newest = listener->accept(std::move(accepted));
      continue;
    }
    if (!g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES)) break;
    GST_WARNING("no descriptors left for a new connection");
    listener->spareDescriptors(kDescriptorsSpare, newest);
    listener->incoming_.reset();  // until the next tick: the socket stays readable
    return G_SOURCE_REMOVE;
  }
  listener->spareDescriptors(kDescriptorsSpare, newest);
  return G_SOURCE_CONTINUE;
}

unsigned Listener::accept(Ref<GSocket> socket) {
  auto connection = std::make_unique<Connection>();
  connection->id = nextId_++;
  connection->local = Ref<GSocketAddress>::take(g_socket_get_local_address(socket.get(), nullptr));
  connection->remote =
      Ref<GSocketAddress>::take(g_socket_get_remote_address(socket.get(), nullptr));
  if (!connection->local || !connection->remote) return 0;  // gone already
  connection->socket = std::move(socket);
  g_object_set_data(G_OBJECT(connection->remote.get()), kConnectionId,
                    GUINT_TO_POINTER(connection->id));
  connection->address = textOf(connection->remote.get());
  if (!trusted_.contains(connection->address)) connection->key = limitKey(connection->address);
  connection->until = g_get_monotonic_time() + gint64(options_.requestTimeoutMs) * 1000;

  Connection &borrowed = *connection;
  connections_[connection->id] = std::move(connection);
  GST_DEBUG("connection %u from %s", borrowed.id, borrowed.address.c_str());
  awaitGreeting(borrowed);
  limitAddress(borrowed);
  return borrowed.id;
}

void Listener::awaitGreeting(Connection &connection) {
  struct Greeting {
    Listener *listener;
    unsigned id;
  };
  auto onReadable = [](GSocket *, GIOCondition, gpointer data) -> gboolean {
    onControlThread();
    auto greeting = *static_cast<Greeting *>(data);
    greeting.listener->greet(greeting.id);
    return G_SOURCE_REMOVE;
  };
  connection.greeting.reset(g_socket_create_source(connection.socket.get(), G_IO_IN, nullptr));
  g_source_set_callback(connection.greeting.get(), G_SOURCE_FUNC(+onReadable),
                        new Greeting{this, connection.id},
                        [](gpointer data) { delete static_cast<Greeting *>(data); });
  g_source_attach(connection.greeting.get(), g_main_context_get_thread_default());
}

/// The first byte is there, or the end.
void Listener::greet(unsigned id) {
  Connection *connection = find(id);
  if (!connection) return;
  connection->greeting.reset();
  if (identity_) return receiveHello(*connection);
  auto stream = guardConnection(connection->socket.get(), connection->unfinished);
  handOver(id, G_IO_STREAM(stream.get()));
}

namespace {
enum class Greeting { None, Tls, OldTls, Plain };
}

/// A ClientHello names version 1.2 when it is of 1.2 or 1.3 (RFC 8446, section 4.1.2). One that
/// comes in pieces is judged by the handshake's result.
static Greeting peekGreeting(int socket) {
  constexpr unsigned char kHandshakeRecord = 22, kClientHello = 1;
  constexpr int kTls12 = 0x0303;
  unsigned char bytes[11] = {};
  const auto size = recv(socket, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (size <= 0) return Greeting::None;
  if (bytes[0] != kHandshakeRecord) return Greeting::Plain;
  const bool isOld =
      size == sizeof bytes && bytes[5] == kClientHello && (bytes[9] << 8 | bytes[10]) < kTls12;
  return isOld ? Greeting::OldTls : Greeting::Tls;
}

void Listener::refuseGreeting(Connection &connection, std::string_view answer) {
  const int socket = g_socket_get_fd(connection.socket.get());
  send(socket, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  shutdown(socket, SHUT_WR);
  connection.phase = Phase::Closing;
  connection.until = g_get_monotonic_time() + gint64(kDismissedMs) * 1000;
}

/// Blocks; nothing when the handshake fails.
static Ref<GIOStream> shakeHandsOver(GSocketConnection *base, GTlsCertificate *certificate,
                                     GCancellable *cancellable) {
  static const char *const protocols[] = {"http/1.1", nullptr};
  OwnedError error;
  auto stream =
      Ref<GIOStream>::take(g_tls_server_connection_new(G_IO_STREAM(base), certificate, Out(error)));
  auto *tls = reinterpret_cast<GTlsConnection *>(stream.get());
  if (tls) {
    g_tls_connection_set_advertised_protocols(tls, protocols);
    g_tls_connection_set_require_close_notify(tls, FALSE);
  }
  if (!tls || !g_tls_connection_handshake(tls, cancellable, Out(error))) {
    GST_INFO("TLS handshake: %s", error->message);
    return nullptr;
  }
  if (g_tls_connection_get_protocol_version(tls) < G_TLS_PROTOCOL_VERSION_TLS_1_2) {
    GST_INFO("TLS handshake: older than TLS 1.2");
    return nullptr;
  }
  return stream;
}

void Listener::receiveHello(Connection &connection) {
  switch (peekGreeting(g_socket_get_fd(connection.socket.get()))) {
    case Greeting::None:
      return cut(connection);
    case Greeting::Plain:
      return refuseGreeting(connection, kPlainAnswer);
    case Greeting::OldTls:
      return refuseGreeting(connection, {kProtocolVersionAlert, sizeof kProtocolVersionAlert});
    case Greeting::Tls:
      connection.awaitsHandshake = true;
      return startHandshakes();
  }
}

void Listener::startHandshakes() {
  std::map<std::string, unsigned> byAddress;
  unsigned all = 0;
  for (auto &[id, one] : connections_) {
    if (!one->handshake) continue;
    byAddress[one->key]++;
    all++;
  }
  for (; all < kMaxHandshakes; all++) {
    Connection *next = nullptr;
    for (auto &[id, one] : connections_)
      if (one->awaitsHandshake && one->phase != Phase::Closing &&
          (!next || byAddress[one->key] <= byAddress[next->key]))
        next = one.get();
    if (!next) return;
    byAddress[next->key]++;
    shakeHands(*next);
  }
}

void Listener::cutSlowHandshakes(gint64 now) {
  const bool others = std::any_of(connections_.begin(), connections_.end(), [](auto &entry) {
    return entry.second->awaitsHandshake && entry.second->phase != Phase::Closing;
  });
  if (!others) return;
  for (auto &[id, one] : connections_)
    if (one->handshake && one->phase != Phase::Closing &&
        now - one->handshakeSince > kHandshakePatienceUs)
      cut(*one);
}

void Listener::shakeHands(Connection &connection) {
  connection.awaitsHandshake = false;
  connection.handshakeSince = g_get_monotonic_time();
  connection.handshake = Ref<GCancellable>::take(g_cancellable_new());
  handshakes_.run([weak = weak_from_this(), thread = thread_, id = connection.id,
                   base = guardConnection(connection.socket.get(), connection.unfinished),
                   certificate = identity_->certificate(), cancellable = connection.handshake] {
    auto tls = shakeHandsOver(base.get(), certificate.get(), cancellable.get());
    auto control = thread.lock();
    if (!control) return;
    control->post([weak, id, tls] {
      onControlThread();
      if (auto self = weak.lock()) self->handOver(id, tls.get());
    });
  });
}

/// Without a stream the handshake has failed.
void Listener::handOver(unsigned id, GIOStream *stream) {
  Connection *connection = find(id);
  if (!connection) return;
  connection->handshake.reset();
  startHandshakes();
  if (!stream || connection->phase == Phase::Closing) return cut(*connection);
  connection->handedOver = true;
  accepted_(stream, connection->local.get(), connection->remote.get());
}

unsigned Listener::idOf(GSocketAddress *remote) {
  return remote ? GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(remote), kConnectionId)) : 0;
}

Listener::Connection *Listener::find(unsigned id) {
  auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

unsigned Listener::timeoutMs(Phase phase) const {
  switch (phase) {
    case Phase::Greeting:
    case Phase::Reading:
      return options_.requestTimeoutMs;
    case Phase::Closing:
      return kClosingMs;
    case Phase::Deciding:
    case Phase::Upgraded:
    case Phase::Publishing:
      return 0;
  }
  return 0;
}

void Listener::setPhase(unsigned id, Phase phase) {
  Connection *connection = find(id);
  if (!connection || connection->phase == Phase::Closing) return;
  connection->phase = phase;
  const unsigned timeout = timeoutMs(phase);
  connection->until = timeout ? g_get_monotonic_time() + gint64(timeout) * 1000 : 0;
}

void Listener::onWholeMessage(unsigned id) {
  if (Connection *connection = find(id)) *connection->unfinished = 0;
}

void Listener::setFarewell(unsigned id, std::function<void(const std::string &)> farewell) {
  if (Connection *connection = find(id)) connection->farewell = std::move(farewell);
}

void Listener::cut(unsigned id) {
  if (Connection *connection = find(id)) cut(*connection);
}

void Listener::cut(Connection &connection) {
  connection.phase = Phase::Closing;
  connection.until = 0;
  if (connection.handshake) return g_cancellable_cancel(connection.handshake.get());
  connection.stopGreeting();
  g_socket_shutdown(connection.socket.get(), TRUE, TRUE, nullptr);
  if (!connection.handedOver) g_socket_close(connection.socket.get(), nullptr);
}

Listener::Caller Listener::onRequest(unsigned id, const char *forwardedFor) {
  Connection *connection = find(id);
  if (!connection) return {};
  setPhase(id, Phase::Reading);
  onWholeMessage(id);
  Caller caller;
  caller.address = clientAddress(connection->address, forwardedFor ? forwardedFor : "", trusted_);
  if (trusted_.contains(connection->address)) {
    connection->key = trusted_.contains(caller.address) ? "" : limitKey(caller.address);
    limitAddress(*connection);
  }
  auto inet = Ref<GInetAddress>::take(g_inet_address_new_from_string(caller.address.c_str()));
  caller.loopback = inet && g_inet_address_get_is_loopback(inet.get());
  caller.tooMany = connection->tooMany;
  caller.tooOften = options_.maxRequestsPerSecond > 0 && !connection->key.empty() &&
                    !requests_.take(connection->key, monotonicNow());
  return caller;
}

/// Tells the client why, where that is possible.
void Listener::dismiss(Connection &connection, const std::string &reason) {
  GST_INFO("connection %u from %s makes room", connection.id, connection.address.c_str());
  auto farewell = std::move(connection.farewell);
  connection.farewell = nullptr;
  if (!farewell) return cut(connection);
  connection.phase = Phase::Closing;
  connection.until = g_get_monotonic_time() + gint64(kDismissedMs) * 1000;
  farewell(reason);
}

/// Of that address, if one is given, else of the one that has most of them.
Listener::Connection *Listener::oldestOf(const std::string *key, const Connection *except) {
  auto mayGo = [&](const Connection &one) {
    return &one != except && one.phase != Phase::Publishing && one.phase != Phase::Closing &&
           (!key || one.key == *key);
  };
  std::map<std::string, unsigned> counts;
  for (auto &[id, one] : connections_)
    if (mayGo(*one)) counts[one->key]++;
  auto most = std::max_element(counts.begin(), counts.end(),
                               [](auto &a, auto &b) { return a.second < b.second; });
  for (auto &[id, one] : connections_)
    if (mayGo(*one) && one->key == most->first) return one.get();
  return nullptr;
}

void Listener::spareDescriptors(unsigned needed, unsigned except) {
  const unsigned left = descriptorsLeft();
  if (left >= needed) return;
  prune();
  auto coming = std::count_if(connections_.begin(), connections_.end(),
                              [](auto &entry) { return entry.second->phase == Phase::Closing; });
  for (auto have = left + coming; have < needed; have++) {
    Connection *oldest = oldestOf(nullptr, find(except));
    if (!oldest) return;
    dismiss(*oldest, "the server has no descriptors left; try again later");
  }
}

void Listener::limitAddress(Connection &newest) {
  if (newest.key.empty() || options_.maxConnectionsPerAddress == 0) return;
  prune();
  auto count = std::count_if(connections_.begin(), connections_.end(), [&](auto &entry) {
    return entry.second->key == newest.key && entry.second->phase != Phase::Closing;
  });
  for (; count > options_.maxConnectionsPerAddress; count--) {
    Connection *oldest = oldestOf(&newest.key, &newest);
    if (!oldest) {
      newest.tooMany = true;
      return;
    }
    dismiss(*oldest, "too many connections from your address");
  }
}

void Listener::prune() {
  std::erase_if(connections_,
                [](auto &entry) { return g_socket_is_closed(entry.second->socket.get()); });
}

void Listener::tick() {
  prune();
  const gint64 now = g_get_monotonic_time();
  for (auto &[id, connection] : connections_) {
    if (!connection->until || now < connection->until) continue;
    GST_INFO("connection %u from %s took too long", id, connection->address.c_str());
    cut(*connection);
  }
  cutSlowHandshakes(now);
  if (!incoming_) startAccepting();
  if (identity_ && ++ticks_ % kTicksBetweenRefreshes == 0) identity_->refresh();
}

}  // namespace gws
