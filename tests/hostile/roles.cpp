// SPDX-License-Identifier: LGPL-2.1-or-later
// Standard input as a source of words.
#include "roles.h"

#include <gio/gunixinputstream.h>

#include "gst/common/gobj.h"

namespace gws::hostile {

namespace {

struct Listener {
  const std::function<void(const std::string &)> &heard;
  Ref<GDataInputStream> lines;
  bool over = false;

  void next() {
    g_data_input_stream_read_line_async(
        lines.get(), G_PRIORITY_DEFAULT, nullptr,
        [](GObject *, GAsyncResult *result, gpointer self) {
          static_cast<Listener *>(self)->read(result);
        },
        this);
  }
  void read(GAsyncResult *result) {
    OwnedString line(g_data_input_stream_read_line_finish(lines.get(), result, nullptr, nullptr));
    over = !line || g_str_equal(line.get(), "quit");
    if (over) return;
    heard(line.get());
    next();
  }
};

}  // namespace

void listen(const std::function<void(const std::string &)> &heard,
            const std::function<void()> &tick) {
  const auto input = Ref<GInputStream>::take(g_unix_input_stream_new(0, FALSE));
  Listener listener{.heard = heard,
                    .lines = Ref<GDataInputStream>::take(g_data_input_stream_new(input.get()))};
  listener.next();
  const guint timer = g_timeout_add(
      500,
      [](gpointer call) -> gboolean {
        if (*static_cast<const std::function<void()> *>(call))
          (*static_cast<const std::function<void()> *>(call))();
        return G_SOURCE_CONTINUE;
      },
      const_cast<std::function<void()> *>(&tick));
  while (!listener.over)
    g_main_context_iteration(nullptr, TRUE);
  g_source_remove(timer);
}

}  // namespace gws::hostile
