// SPDX-License-Identifier: LGPL-2.1-or-later
// Which door of the server a request's path names, and for which stream.
#pragma once

#include <string>
#include <string_view>

#include "gst/common/result.h"

namespace gws {

enum class Door {
  Index,          ///< /
  StreamList,     ///< /streams.json
  Asset,          ///< /assets/NAME
  PublishPage,    ///< /STREAM/publish
  PublishSocket,  ///< /STREAM/webrtc/publish
  Whip,           ///< /STREAM/whip
  WhipSession,    ///< /STREAM/whip/SESSION
  Statistics,     ///< /STREAM/sessions/SESSION
};

struct Route {
  Door door = Door::Index;
  std::string name;     ///< the stream's, decoded; for Asset the file's
  std::string session;  ///< as it was given, decoded
};

inline constexpr std::size_t kMaxStreamNameBytes = 128;

/// Reads a raw (percent-encoded) path without its query. Errors are HTTP statuses with a sentence:
/// 400 (a name that is not acceptable), 404 (no such page).
Result<Route> parseRoute(std::string_view path);

/// A stream's name: one or more segments of valid UTF-8 joined by `/`, at most 128 bytes, none of
/// them empty, `.` or `..`, no control characters, no backslash. Error code 400.
Result<void> checkStreamName(std::string_view name);

}  // namespace gws
