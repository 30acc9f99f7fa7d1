// SPDX-License-Identifier: LGPL-2.1-or-later
// The guarded connection and its input stream, as GObjects: GIO's streams are classes.
#include "guarded_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "gst/common/monotonic.h"
#include "rate_limit.h"

using gws::RateLimit;
using gws::UnfinishedBytes;

namespace {

constexpr double kBurstBytes = 2 * 1024 * 1024, kBytesPerSecond = 64 * 1024;
constexpr guint64 kMaxUnfinishedBytes = 2 * 1024 * 1024;
/// So much is read at most before the main loop has a turn.
constexpr gssize kTurnBytes = 64 * 1024;

}  // namespace

struct GuardedInput {
  GFilterInputStream parent;
  struct Counts {
    RateLimit rate;
    UnfinishedBytes unfinished;
    gssize turn = 0;  ///< bytes read since the reader was last sent away
  } * counts;
};
struct GuardedInputClass {
  GFilterInputStreamClass parent;
};

static void pollableInit(gpointer iface, gpointer);
static GType guarded_input_get_type();
G_DEFINE_TYPE_WITH_CODE(GuardedInput, guarded_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, pollableInit))

static GuardedInput *guardedInput(gpointer stream) { return static_cast<GuardedInput *>(stream); }

static GInputStream *baseOf(gpointer stream) {
  return g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(stream));
}

/// What was read, or -1 and an error when it was too much.
static gssize count(GuardedInput *self, gssize bytes, GError **error) {
  if (bytes <= 0) return bytes;
  auto &[rate, unfinished, turn] = *self->counts;
  turn += bytes;
  const bool bounded = (*unfinished += static_cast<guint64>(bytes)) <= kMaxUnfinishedBytes;
  if (bounded && rate.take(gws::monotonicNow(), static_cast<double>(bytes))) return bytes;
  g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "too much was sent");
  return -1;
}

static gssize readBlocking(GInputStream *stream, void *buffer, gsize size,
                           GCancellable *cancellable, GError **error) {
  gssize bytes = g_input_stream_read(baseOf(stream), buffer, size, cancellable, error);
  return count(guardedInput(stream), bytes, error);
}

static gssize readNonblocking(GPollableInputStream *stream, void *buffer, gsize size,
                              GError **error) {
  GuardedInput *self = guardedInput(stream);
  gssize &turn = self->counts->turn;
  if (turn >= kTurnBytes) {
    turn = 0;
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "others have their turn");
    return -1;
  }
  gssize bytes = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(baseOf(stream)),
                                                          buffer, size, nullptr, error);
  if (bytes <= 0) turn = 0;
  return count(self, bytes, error);
}

static gboolean isReadable(GPollableInputStream *stream) {
  return g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(baseOf(stream)));
}

static GSource *createSource(GPollableInputStream *stream, GCancellable *cancellable) {
  GSource *base =
      g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(baseOf(stream)), cancellable);
  GSource *source = g_pollable_source_new_full(stream, base, cancellable);
  gws::Owned<GSource, g_source_unref> added(base);
  return source;
}

static void pollableInit(gpointer iface, gpointer) {
  auto *pollable = static_cast<GPollableInputStreamInterface *>(iface);
  pollable->is_readable = isReadable;
  pollable->create_source = createSource;
  pollable->read_nonblocking = readNonblocking;
}

static void guardedInputFinalize(GObject *object) {
  delete guardedInput(object)->counts;
  G_OBJECT_CLASS(guarded_input_parent_class)->finalize(object);
}

static void guarded_input_class_init(GuardedInputClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = guardedInputFinalize;
  G_INPUT_STREAM_CLASS(klass)->read_fn = readBlocking;
}

static void guarded_input_init(GuardedInput *) {}

struct GuardedConnection {
  GTcpConnection parent;
  GInputStream *input;
};
struct GuardedConnectionClass {
  GTcpConnectionClass parent;
};

static GType guarded_connection_get_type();
G_DEFINE_TYPE(GuardedConnection, guarded_connection, G_TYPE_TCP_CONNECTION)

static GuardedConnection *guardedConnection(gpointer stream) {
  return static_cast<GuardedConnection *>(stream);
}

static GInputStream *getInputStream(GIOStream *stream) { return guardedConnection(stream)->input; }

static void guardedConnectionFinalize(GObject *object) {
  gws::Ref<GInputStream>::take(guardedConnection(object)->input);
  G_OBJECT_CLASS(guarded_connection_parent_class)->finalize(object);
}

static void guarded_connection_class_init(GuardedConnectionClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = guardedConnectionFinalize;
  G_IO_STREAM_CLASS(klass)->get_input_stream = getInputStream;
}

static void guarded_connection_init(GuardedConnection *) {}

namespace gws {

Ref<GSocketConnection> guardConnection(GSocket *socket, UnfinishedBytes unfinished) {
  g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
  auto connection = Ref<GSocketConnection>::take(
      G_SOCKET_CONNECTION(g_object_new(guarded_connection_get_type(), "socket", socket, nullptr)));
  GInputStream *base = G_IO_STREAM_CLASS(guarded_connection_parent_class)
                           ->get_input_stream(G_IO_STREAM(connection.get()));
  auto input = Ref<GInputStream>::take(
      G_INPUT_STREAM(g_object_new(guarded_input_get_type(), "base-stream", base, nullptr)));
  guardedInput(input.get())->counts =
      new GuardedInput::Counts{RateLimit(kBytesPerSecond, kBurstBytes, monotonicNow()), unfinished};
  guardedConnection(connection.get())->input = input.release();
  return connection;
}

}  // namespace gws
