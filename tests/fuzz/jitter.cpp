// SPDX-License-Identifier: LGPL-2.1-or-later
// What a jitter buffer decides: the input is a clock rate, then steps, each of which is a packet
// with its sequence number, timestamp and time, or a look at what is missing.
#include <glib.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "packet_order.h"
#include "rtp_clock.h"

using namespace gws;

namespace {

using Order = PacketOrder<unsigned>;

constexpr std::int64_t kLatency = 200'000;
constexpr std::size_t kMostSteps = 2000;

/// The input, which ends in zeros.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool isOver() const { return bytes_.empty(); }
  unsigned next() {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  unsigned nextTwo() {
    const unsigned high = next();
    return high << 8 | next();
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// Who takes what is ready: one number after another, none twice, whether it came or was given up.
class Taker {
 public:
  void take(Order &order) {
    while (!order.ready().empty()) {
      const Order::Item item = order.take();
      g_assert_true(item.packet.has_value() == (item.lost == 0));
      if (!item.restarts && next_) g_assert_cmpuint(item.sequence, ==, *next_);
      if (item.packet) {
        g_assert_cmpuint(*item.packet & 0xffff, ==, item.sequence);
        g_assert_true(taken_.insert(*item.packet).second);
      }
      next_ = static_cast<std::uint16_t>(item.sequence + (item.packet ? 1 : item.lost));
    }
  }

 private:
  std::optional<std::uint16_t> next_;
  std::set<unsigned> taken_;
};

/// A time never comes before that of an older picture, unless the sender began anew.
class Clock {
 public:
  explicit Clock(unsigned rate) : clock_(rate) {}
  void observe(std::uint32_t timestamp, std::int64_t arrival) {
    const bool isNewer =
        clock_.begun() && clock_.extend(timestamp) > clock_.last() && clock_.last() == lastSeen_;
    const bool hasJumped = clock_.observe(timestamp, arrival);
    const std::int64_t time = clock_.timeOf(timestamp);
    if (isNewer && !hasJumped) g_assert_cmpint(time, >=, lastTime_);
    g_assert_true(clock_.extend(timestamp) == clock_.last());
    lastSeen_ = clock_.last();
    lastTime_ = time;
  }

 private:
  RtpClock clock_;
  std::uint64_t lastSeen_ = 0;
  std::int64_t lastTime_ = 0;
};

/// A part at a time, and not for more in all than may be missing.
void askForAll(Order &order, std::int64_t now, std::int64_t first) {
  const RequestTimes times{.first = first, .interval = 10'000};
  std::size_t all = 0;
  while (const std::size_t asked = order.requests(now, times).size()) {
    g_assert_cmpuint(asked, <=, Order::kMaxRequests);
    all += asked;
    g_assert_cmpuint(all, <=, Order::kMaxMissing);
  }
}

constexpr unsigned kRates[] = {90000, 48000, 8000, 1};

void play(Script script) {
  Clock clock(kRates[script.next() % 4]);
  Order order;
  Taker taker;
  std::int64_t now = 1'000'000;
  std::uint16_t sequence = 65000;
  std::uint32_t timestamp = 0xfffff000;
  for (unsigned step = 0; !script.isOver() && step < kMostSteps; step++) {
    const unsigned kind = script.next();
    now += (kind & 0x1f) * (kind & 0x20 ? 20'000 : 500);
    if (order.expire(now)) g_assert_false(order.ready().empty());
    if (kind & 0x40) {
      askForAll(order, now, script.next() * 100);
      continue;
    }
    // Most packets follow the one before.
    sequence = static_cast<std::uint16_t>(sequence + (kind & 0x80 ? script.nextTwo() : 1));
    timestamp += kind & 0x80 ? script.nextTwo() << (script.next() % 17) : 3000;
    if (order.isNewest(sequence)) clock.observe(timestamp, now * 1000);
    order.insert(sequence, step << 16 | sequence, now, now + kLatency, (kind & 0x10) != 0);
    // Sometimes it has piled up.
    if (!(kind & 1)) taker.take(order);
    g_assert_true(order.nextTime(nullptr).has_value() == !order.isComplete());
  }
  order.expire(now + kLatency);
  taker.take(order);
  g_assert_true(order.isComplete() && order.size() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  play(Script({data, size}));
  return 0;
}
