// SPDX-License-Identifier: LGPL-2.1-or-later
// A TCP connection and WebSocket frames written by hand: what no library would send.
#pragma once

#include <gio/gio.h>

#include <optional>
#include <string>
#include <string_view>

#include "gst/common/gobj.h"
#include "tests/common/raw_socket.h"

namespace gws::test {

enum class Opcode : unsigned char {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10
};

/// What a frame (RFC 6455, section 5.2) has before its data; every bit as it is wished.
struct FrameHead {
  unsigned opcode = 1;
  bool final = true;
  unsigned reserved = 0;  ///< three bits
  bool masked = true;     ///< under the key 0, which changes nothing
};
/// The head alone, which announces `size` bytes.
std::string frameHead(const FrameHead &head, guint64 size);
/// A masked frame.
std::string clientFrame(Opcode opcode, bool final, std::string_view data);
/// The fields of an upgrade that the server takes, with the end of the head.
extern const char *const kUpgradeFields;

/// A TCP connection. One thread; every call returns after `patience` at the latest. It
/// sees close codes that libsoup's client does not pass on.
class HandSocket {
 public:
  struct Options {
    unsigned port = 0;
    std::string source = {};  ///< the client's own address; empty: any
    Timeout patience{5'000};  ///< for each call
    std::string host = "127.0.0.1";
    bool small = false;  ///< as little as possible is buffered on its way here
  };
  explicit HandSocket(const Options &options);
  ~HandSocket() = default;
  HandSocket(const HandSocket &) = delete;
  HandSocket &operator=(const HandSocket &) = delete;

  bool connected() const { return connected_; }
  void setPatience(Timeout patience) { patience_ = patience; }

  /// False: the connection is cut, or nothing more is taken.
  bool send(std::string_view bytes);
  /// Whether the other side is gone: the last send() failed for that, or a read came to the end.
  bool wasCut() const { return cut_; }

  /// Fewer bytes: no more came in time, or the other side is gone.
  std::string read(std::size_t size);
  /// The status of the next answer of HTTP, whose head is read; 0: there was none.
  int readStatus();
  /// Upgrades to a WebSocket; the status of the answer, 101 when it is one now.
  int upgrade(const std::string &target);
  struct Frame {
    unsigned opcode = 0;
    std::string data;
  };
  std::optional<Frame> readFrame();
  /// Reads up to the close frame.
  SocketEnd readClose();

  /// No more is sent; the other side can still do so.
  void finish();
  /// The connection ends with a reset.
  void reset();

 private:
  bool waitFor(GIOCondition condition, gint64 deadline);
  bool fill(gint64 deadline);
  gint64 deadline() const { return g_get_monotonic_time() + patience_.count() * 1000; }

  Timeout patience_;
  Ref<GSocket> socket_;
  std::string received_;  ///< not asked for yet
  bool connected_ = false, cut_ = false;
};

}  // namespace gws::test
