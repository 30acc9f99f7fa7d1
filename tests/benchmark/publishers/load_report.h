// SPDX-License-Identifier: LGPL-2.1-or-later
// What the benchmark's loads print of their publishers, for run.py.
#pragma once

#include <iostream>
#include <string>

namespace gws::benchmark {

/// Moments of CLOCK_MONOTONIC in microseconds.
template <typename Times>
void printTimes(const std::string &stream, const Times &times) {
  std::cout << "publisher " << stream << " connect=" << times.started
            << " open=" << times.socketOpen << " offered=" << times.offerSent
            << " answered=" << times.answered << " connected=" << times.connected << std::endl;
}

}  // namespace gws::benchmark
