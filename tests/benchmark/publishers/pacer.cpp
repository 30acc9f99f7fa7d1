// SPDX-License-Identifier: LGPL-2.1-or-later
// The thread that all light publishers send from.
#include "pacer.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gws::benchmark {

constexpr gint64 kTick = 5'000;  // µs

Pacer::Pacer() : readable_(epoll_create1(EPOLL_CLOEXEC)), thread_([this] { run(); }) {}

Pacer::~Pacer() {
  stopping_ = true;
  thread_.join();
  close(readable_);
}

void Pacer::add(std::unique_ptr<LightPublisher> publisher) {
  Lock lock(mutex_);
  added_.push_back(std::move(publisher));
}

Pacer::Totals Pacer::totals() {
  Lock lock(mutex_);
  const Totals totals = totals_;
  totals_.lateMs = 0;
  return totals;
}

void Pacer::run() {
  for (gint64 tick = g_get_monotonic_time(); !stopping_; tick += kTick) {
    const gint64 now = g_get_monotonic_time();
    if (now < tick) g_usleep(static_cast<gulong>(tick - now));
    takeNew();
    const gint64 late = std::max<gint64>(g_get_monotonic_time() - tick, 0);
    tick += late / kTick * kTick;
    for (const auto &publisher : publishers_)
      publisher->onTick(g_get_monotonic_time());
    readAll();
    noteTotals(late / 1000);
  }
}

void Pacer::takeNew() {
  Lock lock(mutex_);
  for (auto &publisher : added_) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = publisher.get()}};
    epoll_ctl(readable_, EPOLL_CTL_ADD, publisher->descriptor(), &event);
    publishers_.push_back(std::move(publisher));
  }
  added_.clear();
}

void Pacer::readAll() {
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(readable_, events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i)
    static_cast<LightPublisher *>(events[i].data.ptr)->onReadable();
}

void Pacer::noteTotals(gint64 lateMs) {
  LightPublisher::Counts sum;
  for (const auto &publisher : publishers_) {
    sum.requests += publisher->counts().requests;
    sum.unsent += publisher->counts().unsent;
  }
  Lock lock(mutex_);
  totals_ = {.counts = sum, .lateMs = std::max(totals_.lateMs, lateMs)};
}

}  // namespace gws::benchmark
