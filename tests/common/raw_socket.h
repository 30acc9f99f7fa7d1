// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebSocket client without any media, and plain HTTP requests, for tests of the protocol.
#pragma once

#include <libsoup/soup.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gst/common/gobj.h"
#include "tests/common/loop_thread.h"

namespace gws::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// How a socket ended. A refused upgrade has `closed` and `httpStatus`, and no code; a connection
/// that was not possible at all has `closed` and `httpStatus` 0.
struct SocketEnd {
  bool closed = false;
  int closeCode = 0;  ///< 1005: a close frame without a code; 1006: no close frame
  std::string reason;
  int httpStatus = 0;  ///< 101 when the upgrade was done
};

/// A WebSocket on a thread of its own. Every method may be called from any thread; those that take
/// a timeout wait. The destructor closes the TCP connection without a close frame.
class RawSocket {
 public:
  RawSocket() = default;
  ~RawSocket();
  RawSocket(const RawSocket &) = delete;
  RawSocket &operator=(const RawSocket &) = delete;

  /// True when the server answered 101; otherwise end() says what it answered.
  bool connect(const std::string &url, const Headers &headers = {}, Timeout timeout = kDeadline);
  /// The same without waiting.
  void open(const std::string &url, const Headers &headers = {});

  void sendText(const std::string &text);
  void sendBinary(const std::string &bytes);
  /// A close frame; 1005 gives one without a code.
  void close(unsigned short code = 1000, const std::string &reason = {});
  /// Shuts the TCP connection down without a close frame.
  void drop();

  /// The next text message, in the order of arrival; nothing when none came in time or the socket
  /// was closed.
  std::optional<std::string> waitMessage(Timeout timeout = kDeadline);
  SocketEnd waitClosed(Timeout timeout = kDeadline);
  SocketEnd end() const { return state_.get().end; }
  bool isOpen() const { return state_.get().open; }

  /// Set before open(); called on loop()'s thread. With onText no message is kept for
  /// waitMessage().
  std::function<void()> onOpen;
  std::function<void(const std::string &)> onText;
  std::function<void()> onClosed;
  std::string localAddress;  ///< this side's; empty: any. Set before open()
  LoopThread &loop() { return loop_; }

 private:
  struct State {
    bool open = false;
    SocketEnd end;
    std::deque<std::string> messages;
  };
  void opened(GAsyncResult *result);
  void received(const char *text, std::size_t size);
  void ended();
  bool canSend() const;

  LoopThread loop_;
  Watched<State> state_;
  // The loop's thread alone.
  Ref<SoupSession> session_;
  Ref<SoupMessage> request_;
  Ref<SoupWebsocketConnection> connection_;
  Ref<GCancellable> cancellable_;
};

struct HttpReply {
  int status = 0;                              ///< 0: there was no answer, `error` says why
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string error;
};

struct HttpRequest {
  unsigned port = 0;
  std::string target = "/";  ///< sent as it is, so that broken ones can be tried
  std::string method = "GET";
  Headers headers = {};
  std::string body = {};
  std::string host = "127.0.0.1";
};

/// One request on a connection of its own, written and read as bytes: nothing is corrected.
HttpReply httpRequest(const HttpRequest &request);
HttpReply httpGet(unsigned port, const std::string &target, const Headers &headers = {});
/// A WebSocket upgrade, to read the status and the sentence of a refusal; 101 is closed at once.
HttpReply upgradeReply(unsigned port, const std::string &target, const Headers &headers = {});

}  // namespace gws::test
