// SPDX-License-Identifier: LGPL-2.1-or-later
// Result<T>: a value, or an Error that says what was wrong and what was expected.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace gws {

/// What went wrong. `code` is what the remote peer is told (an HTTP status or a WebSocket close
/// code, whichever the module documents), `detail` a sentence that names the input and what was
/// expected of it.
struct Error {
  int code = 0;
  std::string detail;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }

  /// The value; only when ok().
  T &value() { return *std::get_if<0>(&state_); }
  const T &value() const { return *std::get_if<0>(&state_); }
  T &operator*() { return value(); }
  const T &operator*() const { return value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

  /// The error; only when not ok().
  const Error &error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// A Result without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}

  explicit operator bool() const { return !failed_; }
  bool ok() const { return !failed_; }
  const Error &error() const { return error_; }

 private:
  bool failed_ = false;
  Error error_;
};

}  // namespace gws
