// SPDX-License-Identifier: LGPL-2.1-or-later
// The pictures of one track: how many, how big, and when they stop coming. PURE.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "figure.h"

namespace gws {

/// The thread that its frames come by on writes, any thread reads.
class FrameMeter {
 public:
  void setSize(std::uint32_t width, std::uint32_t height);
  /// Whether each buffer is a frame; else frames differ by their time.
  void setWholeFrames(bool wholeFrames) { wholeFrames_ = wholeFrames; }
  /// Whether a buffer with that time stamp is another frame than the one before.
  bool begins(std::uint64_t time);
  /// `now`: µs of a clock that does not step.
  void onFrame(bool isKeyframe, std::int64_t now);

  struct Reading {
    std::uint64_t frames = 0, keyframes = 0;
    std::uint32_t width = 0, height = 0;  ///< 0: not known
    std::uint64_t freezes = 0;
    std::uint64_t frozen = 0;       ///< µs, of all freezes
    std::int64_t lastKeyframe = 0;  ///< µs, as `now`; 0: none yet
  };
  Reading read() const;

 private:
  static constexpr std::size_t kRemembered = 30;
  void noteInterval(std::int64_t interval);

  Figure<std::uint64_t> frames_, keyframes_, size_, freezes_, frozen_;
  Figure<std::int64_t> lastKeyframe_;

  // Only the writer.
  bool wholeFrames_ = false, begun_ = false;
  std::uint64_t time_ = 0;
  std::int64_t last_ = 0;  ///< µs of the last frame
  std::array<std::int64_t, kRemembered> intervals_{};
  std::size_t intervalCount_ = 0;  ///< of all there were
  std::int64_t intervalSum_ = 0;   ///< of those that are remembered
};

}  // namespace gws
