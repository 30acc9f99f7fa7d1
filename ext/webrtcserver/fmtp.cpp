// SPDX-License-Identifier: LGPL-2.1-or-later
// The parameter table and its checks.
#include "fmtp.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include <glib.h>

#include "sdp.h"

namespace gws {

struct Parameter {
  CodecId codec;
  const char *name;
  std::uint32_t max;  ///< of a decimal number; 0: six hexadecimal digits
};

static constexpr Parameter kParameters[] = {
    {CodecId::H264, "profile-level-id", 0},
    {CodecId::H264, "packetization-mode", 2},
    {CodecId::H264, "level-asymmetry-allowed", 1},
    {CodecId::VP9, "profile-id", 3},
    {CodecId::H265, "profile-space", 3},
    {CodecId::H265, "profile-id", 31},
    {CodecId::H265, "tier-flag", 1},
    {CodecId::H265, "level-id", 255},
    {CodecId::AV1, "profile", 2},
    {CodecId::AV1, "level-idx", 31},
    {CodecId::AV1, "tier", 1},
    {CodecId::Opus, "stereo", 1},
    {CodecId::Opus, "sprop-stereo", 1},
    {CodecId::Opus, "useinbandfec", 1},
    {CodecId::Opus, "usedtx", 1},
    {CodecId::Opus, "cbr", 1},
    {CodecId::Opus, "minptime", 120},
    {CodecId::Opus, "maxplaybackrate", 48000},
    {CodecId::Opus, "maxaveragebitrate", 510000},
};

static std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

/// Takes one "name=value" off the front.
static std::string_view takeParameter(std::string_view &parameters, std::string_view &name) {
  std::string_view value = takeUntil(parameters, ';');
  name = trimmed(takeUntil(value, '='));
  return trimmed(value);
}

static bool isSixHexDigits(std::string_view text) {
  return text.size() == 6 &&
         std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isxdigit(c); });
}

static const char *transmissionMode(std::string_view value) {
  for (const char *mode : {"SRST", "MRST", "MRMT"})
    if (equalIgnoringCase(value, mode)) return mode;
  return nullptr;
}

/// "name=value" as it may be copied, or nothing.
static std::string checkedParameter(CodecId codec, std::string_view name, std::string_view value) {
  if (codec == CodecId::H265 && equalIgnoringCase(name, "tx-mode")) {
    const char *mode = transmissionMode(value);
    return mode ? std::string("tx-mode=") + mode : std::string();
  }
  for (const Parameter &row : kParameters) {
    if (row.codec != codec || !equalIgnoringCase(name, row.name)) continue;
    if (row.max == 0 ? isSixHexDigits(value) : readNumber(value, row.max).has_value())
      return std::string(row.name) + "=" + std::string(value);
  }
  return {};
}

std::string checkedFmtp(CodecId codec, std::string_view parameters) {
  std::string checked;
  while (!parameters.empty()) {
    std::string_view name;
    std::string_view value = takeParameter(parameters, name);
    std::string parameter = checkedParameter(codec, name, value);
    if (parameter.empty() || fmtpValue(checked, name)) continue;
    if (!checked.empty()) checked += ';';
    checked += parameter;
  }
  return checked;
}

std::optional<std::string_view> fmtpValue(std::string_view parameters, std::string_view name) {
  while (!parameters.empty()) {
    std::string_view found;
    std::string_view value = takeParameter(parameters, found);
    if (equalIgnoringCase(found, name)) return value;
  }
  return std::nullopt;
}

unsigned fmtpRank(CodecId codec, std::string_view parameters) {
  switch (codec) {
    case CodecId::H264: {
      // RFC 6184, section 8.1: without profile-level-id it is Baseline.
      std::string_view id =
          fmtpValue(parameters, "profile-level-id").value_or("420010").substr(0, 4);
      return equalIgnoringCase(id, "42e0") ? 0 : equalIgnoringCase(id, "4200") ? 1 : 2;
    }
    case CodecId::VP9:
      return fmtpValue(parameters, "profile-id").value_or("0") == "0" ? 0 : 1;
    case CodecId::AV1:
      return fmtpValue(parameters, "profile").value_or("0") == "0" ? 0 : 1;
    case CodecId::H265:
      return fmtpValue(parameters, "profile-id").value_or("1") == "1" ? 0 : 1;
    default:
      return 0;
  }
}

}  // namespace gws
