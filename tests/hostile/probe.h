// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the server every second whether it still answers.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "gst/common/threads.h"

namespace gws::hostile {

/// Owner: the run. An honest client of its own, with an address of its own.
class Probe {
 public:
  explicit Probe(unsigned port);
  ~Probe();
  Probe(const Probe &) = delete;
  Probe &operator=(const Probe &) = delete;

  struct Figures {
    unsigned asked = 0, failed = 0;  ///< failed: no 200
    double medianMs = 0, longestMs = 0;
  };
  Figures figures() const EXCLUDES(mutex_);

 private:
  void run();
  void ask() EXCLUDES(mutex_);

  const unsigned port_;
  std::atomic<bool> ended_{false};
  mutable Mutex mutex_;
  std::vector<double> times_ GUARDED_BY(mutex_);
  unsigned failed_ GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace gws::hostile
