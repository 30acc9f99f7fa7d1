// SPDX-License-Identifier: LGPL-2.1-or-later
// Ref<T>: one reference to a GObject or a GstMiniObject. The only place that refs and unrefs.
#pragma once

#include <gst/gst.h>

#include <string>
#include <type_traits>
#include <utility>

#include "gst/common/glib_owned.h"

namespace gws {

template <typename T>
inline constexpr bool kIsMiniObject =
    std::is_same_v<T, GstBuffer> || std::is_same_v<T, GstCaps> || std::is_same_v<T, GstEvent> ||
    std::is_same_v<T, GstMessage> || std::is_same_v<T, GstQuery> || std::is_same_v<T, GstTagList> ||
    std::is_same_v<T, GstPromise> || std::is_same_v<T, GstSample> ||
    std::is_same_v<T, GstMiniObject>;

/// Owns one reference to T.
template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  Ref(const Ref &other) : pointer_(other.pointer_) { ref(); }
  Ref(Ref &&other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Ref &operator=(Ref other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Ref() { unref(); }

  /// Takes over a reference that the caller has (transfer full).
  static Ref take(T *pointer) { return Ref(pointer); }
  /// Adds a reference of its own (transfer none).
  static Ref share(T *pointer) {
    Ref result(pointer);
    result.ref();
    return result;
  }
  /// Sinks a floating reference, or adds one where it does not float.
  static Ref sink(T *pointer) {
    if (pointer) g_object_ref_sink(pointer);
    return Ref(pointer);
  }

  T *get() const { return pointer_; }
  T *operator->() const { return pointer_; }
  explicit operator bool() const { return pointer_ != nullptr; }
  /// Gives the reference away.
  [[nodiscard]] T *release() { return std::exchange(pointer_, nullptr); }
  void reset() { *this = Ref(); }

 private:
  explicit Ref(T *pointer) : pointer_(pointer) {}
  void ref() {
    if (!pointer_) return;
    if constexpr (kIsMiniObject<T>)
      gst_mini_object_ref(reinterpret_cast<GstMiniObject *>(pointer_));
    else
      g_object_ref(pointer_);
  }
  void unref() {
    if (!pointer_) return;
    if constexpr (kIsMiniObject<T>)
      gst_mini_object_unref(reinterpret_cast<GstMiniObject *>(pointer_));
    else
      g_object_unref(pointer_);
  }

  T *pointer_ = nullptr;
};

using OwnedStructure = Owned<GstStructure, gst_structure_free>;

/// What a getter returned with transfer full, as a std::string; "" for NULL.
inline std::string takeString(char *text) {
  OwnedString owned(text);
  return owned ? std::string(owned.get()) : std::string();
}

/// A GObject property read as the type that it has.
template <typename T>
T getProperty(gpointer object, const char *name) {
  T value{};
  g_object_get(object, name, &value, nullptr);
  return value;
}

}  // namespace gws
