// SPDX-License-Identifier: LGPL-2.1-or-later
// What a=fmtp says of a codec: the parameters that we know, with values that were checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codecs.h"

namespace gws {

/// The known parameters, "name=value" with semicolons between them, in the order of the offer;
/// what is unknown, said twice or not a value of its kind is left out.
std::string checkedFmtp(CodecId codec, std::string_view parameters);

/// One parameter's value; names compare without case.
std::optional<std::string_view> fmtpValue(std::string_view parameters, std::string_view name);

/// How much is asked of the receiver, 0 the least: see select() in offer.h.
unsigned fmtpRank(CodecId codec, std::string_view parameters);

}  // namespace gws
