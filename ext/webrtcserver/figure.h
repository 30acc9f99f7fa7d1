// SPDX-License-Identifier: LGPL-2.1-or-later
// A number that one thread writes and others read. PURE.
#pragma once

#include <atomic>

namespace gws {

/// Costs the writer a plain store. Only one thread at a time may write; whoever reads several of
/// them may see one of them a packet ahead of another.
template <typename T>
class Figure {
 public:
  T get() const { return value_.load(std::memory_order_relaxed); }
  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  void add(T more) { set(get() + more); }

 private:
  std::atomic<T> value_ = T{};
};

}  // namespace gws
