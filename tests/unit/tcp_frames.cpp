// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets out of a stream of bytes, however the stream was cut.
#include "tcp_frames.h"

#include <glib.h>

#include <numeric>
#include <string>

#include "stun_message.h"

using namespace gws;
using namespace gws::test;

namespace {

using Packets = std::vector<Packet>;

Packet streamOf(const Packets &packets) {
  Packet stream;
  for (const Packet &packet : packets) {
    const auto head = tcpFrameHead(static_cast<std::uint16_t>(packet.size()));
    stream.insert(stream.end(), head.begin(), head.end());
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  return stream;
}

/// Each piece is a copy of exactly its size, so that a memory checker sees reads past its end.
void read(TcpFrames &frames, std::span<const std::uint8_t> piece, Packets &to) {
  const Packet copy(piece.begin(), piece.end());
  std::span<const std::uint8_t> rest(copy);
  while (const auto packet = frames.next(rest))
    to.emplace_back(packet->begin(), packet->end());
  g_assert_true(rest.empty());
}

Packets readInPieces(const Packet &stream, std::size_t pieceBytes) {
  TcpFrames frames;
  Packets packets;
  for (std::size_t at = 0; at < stream.size(); at += pieceBytes)
    read(frames, std::span(stream).subspan(at, std::min(pieceBytes, stream.size() - at)), packets);
  return packets;
}

Packet packetOf(std::size_t size) {
  Packet packet(size);
  std::iota(packet.begin(), packet.end(), std::uint8_t{1});
  return packet;
}

void head_lengths_areBigEndian() {
  g_assert_true(tcpFrameHead(0) == (std::array<std::uint8_t, 2>{0, 0}));
  g_assert_true(tcpFrameHead(0x0102) == (std::array<std::uint8_t, 2>{1, 2}));
  g_assert_true(tcpFrameHead(65'535) == (std::array<std::uint8_t, 2>{255, 255}));
}

void frames_inPiecesOfAnySize_areTheSame() {
  const Packets packets = {packetOf(1), packetOf(2),   packetOf(100), packetOf(255),
                           packetOf(3), packetOf(256), packetOf(1200)};
  const Packet stream = streamOf(packets);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece)
    g_assert_true(readInPieces(stream, piece) == packets);
}

void frames_cutAtTwoPlaces_areTheSame() {
  const Packets packets = {packetOf(3), packetOf(1), packetOf(5)};
  const Packet stream = streamOf(packets);
  for (std::size_t first = 0; first <= stream.size(); ++first)
    for (std::size_t second = first; second <= stream.size(); ++second) {
      TcpFrames frames;
      Packets found;
      const std::span<const std::uint8_t> all(stream);
      read(frames, all.first(first), found);
      read(frames, all.subspan(first, second - first), found);
      read(frames, all.subspan(second), found);
      g_assert_true(found == packets);
    }
}

void frames_empty_arePassedOver() {
  const Packets packets = {{}, {}, packetOf(2), {}, packetOf(1), {}};
  const Packets expected = {packetOf(2), packetOf(1)};
  const Packet stream = streamOf(packets);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece)
    g_assert_true(readInPieces(stream, piece) == expected);
}

void frames_largest_areRead() {
  const Packets packets = {packetOf(kMaxTcpFrameBytes), packetOf(1), packetOf(kMaxTcpFrameBytes)};
  const Packet stream = streamOf(packets);
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{1448}, std::size_t{65'536}, std::size_t{65'537}, stream.size()})
    g_assert_true(readInPieces(stream, piece) == packets);
}

void frames_unfinished_areKept() {
  TcpFrames frames;
  Packets packets;
  read(frames, bytesOfHex("0003 6162"), packets);
  g_assert_true(packets.empty());
  read(frames, {}, packets);
  g_assert_true(packets.empty());
  read(frames, bytesOfHex("63 00"), packets);
  g_assert_true(packets == Packets{bytesOf("abc")});
  read(frames, bytesOfHex("01 64"), packets);
  g_assert_true(packets == (Packets{bytesOf("abc"), bytesOf("d")}));
}

void frames_unfinished_areAnnounced() {
  TcpFrames frames;
  Packets packets;
  g_assert_cmpuint(frames.announced(), ==, 0);
  read(frames, bytesOfHex("01"), packets);
  g_assert_cmpuint(frames.announced(), ==, 0);
  read(frames, bytesOfHex("02"), packets);
  g_assert_cmpuint(frames.announced(), ==, 0x102);
  read(frames, packetOf(0x101), packets);
  g_assert_cmpuint(frames.announced(), ==, 0x102);
  read(frames, packetOf(1), packets);
  g_assert_cmpuint(packets.size(), ==, 1);
  g_assert_cmpuint(frames.announced(), ==, 0);
  read(frames, bytesOfHex("0001 61 ffff"), packets);
  g_assert_cmpuint(frames.announced(), ==, kMaxTcpFrameBytes);
}

/// The hot path: what is whole is handed on where it is.
void frames_whole_areNotCopied() {
  const Packet stream = streamOf({packetOf(10), packetOf(20)});
  TcpFrames frames;
  std::span<const std::uint8_t> rest(stream);
  const auto first = frames.next(rest);
  g_assert_true(first && first->data() == stream.data() + 2 && first->size() == 10);
  g_assert_cmpuint(rest.size(), ==, 22);
  const auto second = frames.next(rest);
  g_assert_true(second && second->data() == stream.data() + 14 && second->size() == 20);
  g_assert_false(frames.next(rest).has_value());
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
#define ADD(function) g_test_add_func("/tcp-frames/" #function, function)
  ADD(head_lengths_areBigEndian);
  ADD(frames_inPiecesOfAnySize_areTheSame);
  ADD(frames_cutAtTwoPlaces_areTheSame);
  ADD(frames_empty_arePassedOver);
  ADD(frames_largest_areRead);
  ADD(frames_unfinished_areKept);
  ADD(frames_unfinished_areAnnounced);
  ADD(frames_whole_areNotCopied);
#undef ADD
  return g_test_run();
}
