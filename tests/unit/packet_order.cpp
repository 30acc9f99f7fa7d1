// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets put in order, missing ones asked for and given up.
#include "packet_order.h"

#include <glib.h>

#include <algorithm>
#include <random>
#include <string>

using namespace gws;

namespace {

constexpr std::int64_t kLatency = 200'000;
constexpr RequestTimes kTimes{.first = 5'000, .interval = 40'000};
using Order = PacketOrder<int>;

/// What comes out: "7" for packet 7, "-3" for three that were given up, "|" where the sender began
/// anew.
std::string taken(Order &order) {
  std::string result;
  while (!order.ready().empty()) {
    const Order::Item item = order.take();
    if (!result.empty()) result += ' ';
    if (item.restarts) result += "| ";
    result += item.packet ? std::to_string(*item.packet) : "-" + std::to_string(item.lost);
  }
  return result;
}

void mustComeOut(Order &order, const char *expected) {
  const std::string now = taken(order);
  g_assert_cmpstr(now.c_str(), ==, expected);
}

struct Row {
  const char *name;
  std::vector<int> sequences;  ///< of packets that come every ms
  std::string atOnce, afterLatency;
};

const Row kRows[] = {
    {"nothing", {}, "", ""},
    {"inOrder", {1, 2, 3}, "1 2 3", ""},
    {"wraps", {65534, 65535, 0, 1}, "65534 65535 0 1", ""},
    {"reordered", {1, 3, 2, 4}, "1 2 3 4", ""},
    {"reorderedWhereItWraps", {65535, 1, 0}, "65535 0 1", ""},
    {"reordered_farther", {1, 5, 4, 3, 2}, "1 2 3 4 5", ""},
    {"twice", {1, 2, 2, 3, 1}, "1 2 3", ""},
    {"twice_whileItWaits", {1, 3, 3, 2}, "1 2 3", ""},
    {"lost", {1, 3, 4}, "1", "-1 3 4"},
    {"lost_several", {1, 5, 6}, "1", "-3 5 6"},
    {"lost_atTwoPlaces", {1, 3, 5}, "1", "-1 3 -1 5"},
    {"lost_oneOfTwoComes", {1, 4, 3}, "1", "-1 3 4"},
    {"beforeTheFirst", {5, 4, 6}, "5 6", ""},
    {"longGap_isNotWaitedFor", {1, 600, 601}, "1 -598 600 601", ""},
    {"longGap_afterAShortOne", {1, 3, 600}, "1 -1 3 -596 600", ""},
    {"severalLongGaps_areNotAllWaitedFor", {1, 400, 800}, "1 -285", "-113 400 -399 800"},
    {"oneStray_isNotBelieved", {1, 30000, 2, 3}, "1 2 3", ""},
    {"twoStrays_thatDoNotFit", {1, 30000, 40000, 2}, "1 2", ""},
    {"beginsAnew", {1, 2, 30000, 30001, 30002}, "1 2 | 30001 30002", ""},
    {"beginsAnew_behind", {20000, 5, 6, 7}, "20000 | 6 7", ""},
    {"beginsAnew_whileSomethingIsMissing", {1, 3, 30000, 30001}, "1 -1 3 | 30001", ""},
};

void order_packets_comeOutInOrder() {
  for (const Row &row : kRows) {
    Order order;
    std::int64_t now = 0;
    for (const int sequence : row.sequences) {
      now += 1000;
      order.insert(static_cast<std::uint16_t>(sequence), sequence, now, now + kLatency);
    }
    const std::string atOnce = taken(order);
    const bool any = order.expire(now + kLatency);
    const std::string later = taken(order);
    if (atOnce != row.atOnce || later != row.afterLatency || any != !row.afterLatency.empty())
      g_error("%s: '%s', later '%s'", row.name, atOnce.c_str(), later.c_str());
    g_assert_true(order.isComplete());
    g_assert_cmpuint(order.size(), ==, 0);
  }
}

void order_deadline_isThatOfTheGap() {
  Order order;
  order.insert(1, 1, 0, 100);
  order.insert(3, 3, 10, 110);
  order.insert(5, 5, 20, 120);
  taken(order);
  g_assert_cmpint(order.nextTime(nullptr).value_or(-1), ==, 110);
  g_assert_false(order.expire(109));
  g_assert_true(order.expire(110));
  mustComeOut(order, "-1 3");
  g_assert_cmpint(order.nextTime(nullptr).value_or(-1), ==, 120);
  g_assert_true(order.expire(500));
  g_assert_false(order.nextTime(nullptr).has_value());
}

void order_flush_givesEverything() {
  Order order;
  for (const int sequence : {1, 3, 7})
    order.insert(static_cast<std::uint16_t>(sequence), sequence, 0, kLatency);
  order.flush();
  mustComeOut(order, "1 -1 3 -3 7");
}

std::vector<int> asked(Order &order, std::int64_t now) {
  const auto sequences = order.requests(now, kTimes);
  return {sequences.begin(), sequences.end()};
}

void request_whatIsMissing_isAskedForInTurn() {
  Order order;
  order.insert(1, 1, 0, kLatency);
  order.insert(4, 4, 0, kLatency);
  g_assert_true(asked(order, 4'999).empty());
  g_assert_cmpint(order.nextTime(&kTimes).value_or(-1), ==, 5'000);
  g_assert_true((asked(order, 5'000) == std::vector{2, 3}));
  g_assert_true(asked(order, 44'999).empty());
  order.insert(2, 2, 40'000, kLatency);
  g_assert_true(asked(order, 45'000) == std::vector{3});
  order.insert(3, 3, 50'000, kLatency);
  g_assert_true(asked(order, 99'000).empty());
  mustComeOut(order, "1 2 3 4");
}

void request_whatIsOvertaken_isAskedForAtOnce() {
  Order order;
  for (const int sequence : {1, 3, 4})
    order.insert(static_cast<std::uint16_t>(sequence), sequence, 0, kLatency);
  g_assert_true(asked(order, 0).empty());
  order.insert(5, 5, 0, kLatency);
  g_assert_true(asked(order, 0) == std::vector{2});
  g_assert_true(asked(order, 1).empty());
}

void repairTime_isLearntFromTheFirstRequest() {
  Order order;
  order.insert(1, 1, 0, kLatency);
  order.insert(3, 3, 0, kLatency);
  g_assert_false(order.repairTime().has_value());
  asked(order, 5'000);
  asked(order, 45'000);
  order.insert(2, 2, 85'000, kLatency, true);
  g_assert_cmpint(order.repairTime().value_or(0), ==, 80'000);
  order.insert(5, 5, 100'000, 300'000);
  asked(order, 105'000);
  order.insert(4, 4, 106'000, 300'000);  // late by itself
  g_assert_cmpint(order.repairTime().value_or(0), ==, 80'000);
  order.insert(7, 7, 200'000, 400'000);
  asked(order, 205'000);
  order.insert(6, 6, 365'000, 400'000, true);
  g_assert_cmpint(order.repairTime().value_or(0), ==, 90'000);
}

/// Whatever is sent, each packet comes out once at most, in the order of its number, and what is
/// missing is told.
void order_anything_isInOrder() {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Order order;
    std::vector<int> sent;
    for (int i = 60000; i < 61000; ++i)
      if (random() % 10) sent.push_back(i);
    for (std::size_t i = 0; i + 20 < sent.size(); ++i)
      if (random() % 20 == 0) std::swap(sent[i], sent[i + random() % 20]);
    std::int64_t now = 0;
    int next = sent.front(), out = 0;
    const auto take = [&] {
      while (!order.ready().empty()) {
        const Order::Item item = order.take();
        g_assert_false(item.restarts);
        g_assert_cmpint(item.packet.value_or(next), ==, next);
        next += item.packet ? 1 : static_cast<int>(item.lost);
        out += item.packet.has_value();
      }
    };
    for (const int number : sent) {
      now += random() % 5000;
      order.insert(static_cast<std::uint16_t>(number), number, now, now + kLatency);
      order.requests(now, kTimes);
      order.expire(now);
      take();
    }
    order.flush();
    take();
    g_assert_cmpint(next, ==, *std::max_element(sent.begin(), sent.end()) + 1);
    g_assert_cmpint(out, >=, static_cast<int>(sent.size()) - 20);
  }
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  g_test_add_func("/order/packets_comeOutInOrder", order_packets_comeOutInOrder);
  g_test_add_func("/order/deadline_isThatOfTheGap", order_deadline_isThatOfTheGap);
  g_test_add_func("/order/flush_givesEverything", order_flush_givesEverything);
  g_test_add_func("/order/anything_isInOrder", order_anything_isInOrder);
  g_test_add_func("/request/whatIsMissing_isAskedForInTurn",
                  request_whatIsMissing_isAskedForInTurn);
  g_test_add_func("/request/whatIsOvertaken_isAskedForAtOnce",
                  request_whatIsOvertaken_isAskedForAtOnce);
  g_test_add_func("/repairTime/isLearntFromTheFirstRequest",
                  repairTime_isLearntFromTheFirstRequest);
  return g_test_run();
}
