// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of libraries that this program defines instead; the linker prefers those of a program.
#include "library_leaks.h"

#include <dlfcn.h>
#include <gio/gio.h>
#include <libsoup/soup.h>
#include <sys/random.h>

#include <atomic>
#include <cstring>

#include "gst/common/glib_owned.h"

static std::atomic<bool> stopped{false};

namespace gws::soak {

void stopLibraryLeaks() { stopped = true; }

}  // namespace gws::soak

/// True when the code at this address is in that library.
static bool isIn(const void *address, const char *library) {
  Dl_info found;
  return dladdr(address, &found) != 0 && std::strstr(found.dli_fname, library) != nullptr;
}

/// libsoup's connection has a reference of its own when the caller is through.
static void letGoLater(GSocket *socket) {
  gws::Owned<GSource, g_source_unref> source(g_idle_source_new());
  g_source_set_callback(
      source.get(), [](gpointer) -> gboolean { return G_SOURCE_REMOVE; }, socket, g_object_unref);
  gws::Owned<GMainContext, g_main_context_unref> context(g_main_context_ref_thread_default());
  g_source_attach(source.get(), context.get());
}

extern "C" {

__attribute__((visibility("default"))) GSocket *g_socket_accept(GSocket *listener,
                                                                GCancellable *cancellable,
                                                                GError **error) {
  using Accept = GSocket *(*)(GSocket *, GCancellable *, GError **);
  static const auto accept = reinterpret_cast<Accept>(dlsym(RTLD_NEXT, "g_socket_accept"));
  GSocket *socket = accept(listener, cancellable, error);
  const bool leaks = soup_get_major_version() == 3 && soup_get_minor_version() < 4;
  if (socket && stopped && leaks && isIn(__builtin_return_address(0), "libsoup-3"))
    letGoLater(socket);
  return socket;
}

__attribute__((visibility("default"))) int gnutls_rnd(int level, void *data, size_t size) {
  if (stopped) return getrandom(data, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
  using Random = int (*)(int, void *, size_t);
  // GStreamer loads it for a plugin, where RTLD_NEXT does not look.
  static void *const library = dlopen("libgnutls.so.30", RTLD_LAZY | RTLD_NOLOAD);
  static const auto random =
      library ? reinterpret_cast<Random>(dlsym(library, "gnutls_rnd")) : nullptr;
  return random ? random(level, data, size) : -1;
}

}  // extern "C"
