// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures that can be told apart at the other end.
#pragma once

#include "tests/common/media_source.h"

namespace gws::network {

/// A live source of VP8 at 30/s and about `bitsPerSecond`. Its first picture is a key frame, and so
/// is the next one after a request; no others are. What is between header and the mark
/// (picture_mark.h) is padding.
test::EncodedSource markedPictures(unsigned bitsPerSecond);

}  // namespace gws::network
