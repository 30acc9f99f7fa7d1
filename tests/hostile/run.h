// SPDX-License-Identifier: LGPL-2.1-or-later
// A hostile run: the processes, what they say, and the verdict.
#pragma once

#include <cstdint>
#include <string>

namespace gws::hostile {

struct RunOptions {
  unsigned sessions = 20'000, concurrency = 40, warmUp = 2'000;
  unsigned halfOpen = 0;       ///< instead of bad sessions: so many at once
  bool manyAddresses = false;  ///< of the half-open ones
  std::uint64_t seed = 1;
  unsigned first = 0;  ///< number of the first session, to repeat one
  std::string kind, corpus, goodDoor;
  std::string iceAgent;  ///< empty: the element's default
  bool hasty = false, libraryLeaks = false;
  unsigned descriptors = 1024;
};

/// 0: passed.
int runHostile(const RunOptions &options);

}  // namespace gws::hostile
