// SPDX-License-Identifier: LGPL-2.1-or-later
// What the name of a request pad says.
#pragma once

#include <string>
#include <string_view>

namespace gws {

/// `video_cam1_1` is the second video of the stream `cam1`.
struct PadName {
  std::string stream;
  unsigned index = 0;
};

/// Reads what stands behind `video_` or `audio_`. Only `_` and a number without leading zeros at
/// the end is an index; all else belongs to the stream's name.
PadName parsePadName(std::string_view afterKind);

}  // namespace gws
