// SPDX-License-Identifier: LGPL-2.1-or-later
// Owned<T, free>: a unique_ptr to what a C library handed over, for modules that only know GLib.
#pragma once

#include <glib.h>

#include <memory>

namespace gws {

template <auto release>
struct Releaser {
  template <typename T>
  void operator()(T *pointer) const {
    release(pointer);
  }
};

/// Owned<char, g_free> text(g_strdup("…"));
template <typename T, auto release>
using Owned = std::unique_ptr<T, Releaser<release>>;

using OwnedString = Owned<char, g_free>;
using OwnedError = Owned<GError, g_error_free>;

/// Lets a C function fill an Owned through its out-parameter: `f(Out(error))`.
template <typename T, auto release>
class Out {
 public:
  explicit Out(Owned<T, release> &target) : target_(target) {}
  ~Out() { target_.reset(pointer_); }
  Out(const Out &) = delete;
  Out &operator=(const Out &) = delete;
  operator T **() { return &pointer_; }

 private:
  Owned<T, release> &target_;
  T *pointer_ = nullptr;
};
template <typename T, auto release>
Out(Owned<T, release> &) -> Out<T, release>;

}  // namespace gws
