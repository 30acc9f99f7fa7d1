// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the server every second whether it still answers.
#include "probe.h"

#include <algorithm>

#include "plan.h"
#include "tests/common/hand_socket.h"

namespace gws::hostile {

Probe::Probe(unsigned port) : port_(port), thread_([this] { run(); }) {}

Probe::~Probe() {
  ended_ = true;
  thread_.join();
}

void Probe::run() {
  while (!ended_) {
    ask();
    g_usleep(1'000'000);
  }
}

void Probe::ask() {
  const gint64 begin = g_get_monotonic_time();
  test::HandSocket socket(
      {.port = port_, .source = kProbeAddress, .patience = test::Timeout(20'000)});
  socket.send("GET /streams.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const bool good = socket.readStatus() == 200;
  Lock lock(mutex_);
  times_.push_back(static_cast<double>(g_get_monotonic_time() - begin) / 1000);
  if (!good) ++failed_;
}

Probe::Figures Probe::figures() const {
  Lock lock(mutex_);
  if (times_.empty()) return {};
  std::vector<double> sorted = times_;
  std::sort(sorted.begin(), sorted.end());
  return {.asked = static_cast<unsigned>(sorted.size()),
          .failed = failed_,
          .medianMs = sorted[sorted.size() / 2],
          .longestMs = sorted.back()};
}

}  // namespace gws::hostile
