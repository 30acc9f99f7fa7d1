// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets of one RTP stream put in order: what is missing, when to ask for it, when to give it up.
// PURE.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace gws {

/// When something that is missing is asked for, µs.
struct RequestTimes {
  std::int64_t first = 5'000;      ///< after it was missed: it may come by itself
  std::int64_t interval = 40'000;  ///< until it is asked for again
};

/// Sequence numbers are RTP's, times µs of a clock that does not go back. Any thread, one at a
/// time.
template <typename Packet>
class PacketOrder {
 public:
  /// A longer gap is not waited for, nor are more packets at a time: each one that comes looks
  /// through them.
  static constexpr std::int64_t kMaxMissing = 512;
  /// Farther than that ahead or behind a packet is not believed, unless the next one goes on from
  /// it: then the sender has begun anew (RFC 3550, appendix A.1).
  static constexpr std::int64_t kMaxAhead = 3000, kMaxBehind = 1000;
  /// More are not asked for at a time; the rest follow with the next packet.
  static constexpr std::size_t kMaxRequests = 64;
  /// What is overtaken by so many packets is asked for without waiting.
  static constexpr std::int64_t kOvertakers = 3;

  /// What is next: a packet, or the place of those that were given up.
  struct Item {
    std::optional<Packet> packet;
    std::uint16_t sequence = 0;  ///< of the packet, or of the first one given up
    unsigned lost = 0;           ///< how many are given up here
    bool restarts = false;       ///< the sender began anew
  };

  enum class Verdict {
    Ready,    ///< it is there to be taken, and with it what waited for it
    Waits,    ///< something before it is missing
    Surplus,  ///< it came twice, or too late
    Suspect,  ///< see kMaxAhead
  };

  /// What is found missing by this packet is given up at `deadline`. `repair`: it was sent again.
  Verdict insert(std::uint16_t sequence, Packet packet, std::int64_t now, std::int64_t deadline,
                 bool repair = false) {
    if (!begun_) return begin(sequence, std::move(packet));
    const std::int64_t number = extend(sequence);
    if (number > highest_ + kMaxAhead || number < highest_ - kMaxBehind)
      return doubt(sequence, std::move(packet));
    suspect_.reset();
    if (number < next_ || waiting_.contains(number)) return Verdict::Surplus;
    if (number > highest_) {
      miss(number, now, deadline);
      highest_ = number;
    }
    if (auto missing = missing_.extract(number); missing && repair)
      learnRepairTime(missing.mapped(), now);
    if (number != next_) {
      waiting_.emplace(number, std::move(packet));
      return Verdict::Waits;
    }
    emit(std::move(packet));
    release();
    return Verdict::Ready;
  }

  /// Gives up what was waited for too long; whether there is something to be taken now.
  bool expire(std::int64_t now) {
    const std::size_t before = ready_.size();
    while (!missing_.empty() && missing_.begin()->second.deadline <= now)
      giveUpFirst();
    return ready_.size() > before;
  }

  /// What is to be asked for now.
  std::vector<std::uint16_t> requests(std::int64_t now, const RequestTimes &times) {
    std::vector<std::uint16_t> result;
    for (auto &[number, missing] : missing_) {
      if (result.size() == kMaxRequests) break;
      if (now < dueAt(number, missing, times)) continue;
      missing.askedAt = now;
      if (!missing.firstAskedAt) missing.firstAskedAt = now;
      result.push_back(static_cast<std::uint16_t>(number));
    }
    return result;
  }

  /// When expire() will have something to do, or requests(), if `times` are given; nothing while
  /// nothing is missing.
  std::optional<std::int64_t> nextTime(const RequestTimes *times) const {
    std::optional<std::int64_t> result;
    for (const auto &[number, missing] : missing_) {
      std::int64_t at = missing.deadline;
      if (times) at = std::min(at, dueAt(number, missing, *times));
      result = std::min(result.value_or(at), at);
    }
    return result;
  }

  /// Whether a packet with that number would be ahead of all others, and be believed.
  bool isNewest(std::uint16_t sequence) const {
    if (!begun_ || suspect_ == sequence) return true;
    const std::int64_t ahead = extend(sequence) - highest_;
    return ahead > 0 && ahead <= kMaxAhead;
  }
  /// How long it takes from a first request until the packet is there, µs; most often.
  std::optional<std::int64_t> repairTime() const { return repairTime_; }
  bool isComplete() const { return missing_.empty(); }
  /// Packets that are there, to be taken or waiting.
  std::size_t size() const { return ready_.size() + waiting_.size(); }
  const std::deque<Item> &ready() const { return ready_; }
  Item take() {
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return item;
  }
  /// Whatever is there can be taken; what is missing is given up.
  void flush() {
    while (!missing_.empty())
      giveUpFirst();
  }

 private:
  struct Missing {
    std::int64_t since, deadline;
    std::optional<std::int64_t> firstAskedAt, askedAt;
  };

  std::int64_t extend(std::uint16_t sequence) const {
    return highest_ + static_cast<std::int16_t>(static_cast<std::uint16_t>(
                          sequence - static_cast<std::uint16_t>(highest_)));
  }

  std::int64_t dueAt(std::int64_t number, const Missing &missing, const RequestTimes &times) const {
    if (missing.askedAt) return *missing.askedAt + times.interval;
    return highest_ >= number + kOvertakers ? missing.since : missing.since + times.first;
  }

  /// Requests are lost, and repairs, so that shorter times tell more.
  void learnRepairTime(const Missing &missing, std::int64_t now) {
    if (!missing.firstAskedAt) return;
    const std::int64_t sample = now - *missing.firstAskedAt;
    const std::int64_t known = repairTime_.value_or(sample);
    repairTime_ = sample < known ? sample : known + (sample - known) / 8;
  }

  Verdict begin(std::uint16_t sequence, Packet packet) {
    const bool again = std::exchange(begun_, true);
    highest_ = next_ = sequence;
    emit(std::move(packet));
    ready_.back().restarts = again;
    return Verdict::Ready;
  }

  Verdict doubt(std::uint16_t sequence, Packet packet) {
    if (suspect_ != sequence) {
      suspect_ = static_cast<std::uint16_t>(sequence + 1);
      return Verdict::Suspect;
    }
    suspect_.reset();
    flush();
    return begin(sequence, std::move(packet));
  }

  void miss(std::int64_t number, std::int64_t now, std::int64_t deadline) {
    const std::int64_t first = highest_ + 1;
    if (number - first > kMaxMissing) {
      flush();
      ready_.push_back(
          {{}, static_cast<std::uint16_t>(first), static_cast<unsigned>(number - first)});
      next_ = number;
      return;
    }
    for (std::int64_t missing = first; missing < number; missing++)
      missing_.emplace_hint(missing_.end(), missing, Missing{now, deadline, {}, {}});
    while (static_cast<std::int64_t>(missing_.size()) > kMaxMissing)
      giveUpFirst();
  }

  void emit(Packet packet) {
    ready_.push_back({std::move(packet), static_cast<std::uint16_t>(next_)});
    next_++;
  }

  /// Those after the last one emitted, up to what is missing.
  void release() {
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      emit(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
  }

  /// While anything is missing, the first of it is what is next.
  void giveUpFirst() {
    if (ready_.empty() || !ready_.back().lost)
      ready_.push_back({{}, static_cast<std::uint16_t>(next_)});
    ready_.back().lost++;
    missing_.erase(missing_.begin());
    next_++;
    release();
  }

  bool begun_ = false;
  std::int64_t highest_ = 0, next_ = 0;   ///< sequence numbers that do not wrap
  std::optional<std::uint16_t> suspect_;  ///< the one after a packet that was not believed
  std::map<std::int64_t, Missing> missing_;
  std::map<std::int64_t, Packet> waiting_;  ///< for what is missing before them
  std::deque<Item> ready_;
  std::optional<std::int64_t> repairTime_;
};

}  // namespace gws
