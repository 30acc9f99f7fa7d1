// SPDX-License-Identifier: LGPL-2.1-or-later
// A packet is put together only if it came in several pieces.
#include "tcp_frames.h"

#include <algorithm>

namespace gws {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeadBytes = 2;

/// With its head; `bytes` begins with one.
std::size_t frameBytes(Bytes bytes) {
  return kHeadBytes + (static_cast<std::size_t>(bytes[0]) << 8 | bytes[1]);
}

}  // namespace

/// Moves bytes over until there are `total`, or until there are no more.
void TcpFrames::take(Bytes &bytes, std::size_t total) {
  if (partial_.size() >= total) return;
  const Bytes part = bytes.first(std::min(bytes.size(), total - partial_.size()));
  const std::size_t needed = partial_.size() + part.size();
  // In steps, but never beyond what one packet can need.
  if (needed > partial_.capacity())
    partial_.reserve(std::min(std::max(needed, 2 * partial_.capacity()), total));
  partial_.insert(partial_.end(), part.begin(), part.end());
  bytes = bytes.subspan(part.size());
}

std::optional<Bytes> TcpFrames::next(Bytes &bytes) {
  if (isWhole_) partial_.clear();
  isWhole_ = false;
  while (!bytes.empty()) {
    if (partial_.empty() && bytes.size() >= kHeadBytes && bytes.size() >= frameBytes(bytes)) {
      const Bytes packet = bytes.subspan(kHeadBytes, frameBytes(bytes) - kHeadBytes);
      bytes = bytes.subspan(kHeadBytes + packet.size());
      if (packet.empty()) continue;
      return packet;
    }
    take(bytes, kHeadBytes);
    if (partial_.size() < kHeadBytes) break;
    const std::size_t total = frameBytes(partial_);
    take(bytes, total);
    if (partial_.size() < total) break;
    if (total == kHeadBytes) {
      partial_.clear();
      continue;
    }
    isWhole_ = true;
    return Bytes(partial_).subspan(kHeadBytes);
  }
  return std::nullopt;
}

std::size_t TcpFrames::announced() const {
  return isWhole_ || partial_.size() < kHeadBytes ? 0 : frameBytes(partial_) - kHeadBytes;
}

}  // namespace gws
