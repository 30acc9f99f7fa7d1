// SPDX-License-Identifier: LGPL-2.1-or-later
// What the processes of a hostile run agree on.
#pragma once

namespace gws::hostile {

inline constexpr const char *kGoodStream = "good";      ///< somebody publishes all the time
inline constexpr const char *kSecondStream = "second";  ///< reserved; an honest client comes last
inline constexpr const char *kRawStream = "raw";        ///< reserved; decoded

inline constexpr const char *kWhipDoor = "whip", *kSocketDoor = "websocket";
/// Values of the property `ice-agent`.
inline constexpr const char *kOwnAgent = "single-port", *kLibnice = "libnice";

/// From which many attackers come. The good clients have 127.0.0.1.
inline constexpr const char *kSharedAddress = "127.6.6.6";
/// From which the server is asked whether it still answers.
inline constexpr const char *kProbeAddress = "127.0.0.9";

}  // namespace gws::hostile
