// SPDX-License-Identifier: LGPL-2.1-or-later
// One WebSocket of a publishing client: frames in, frames out.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel.h"
#include "gst/common/gobj.h"
#include "gst/common/threads.h"

namespace gws {

/// Keeps connections that were told to close until they are closed; their Listener cuts those that
/// take too long. Owned by the server, control thread.
class ClosingSockets {
 public:
  ClosingSockets() = default;
  ~ClosingSockets();
  ClosingSockets(const ClosingSockets &) = delete;

  void keep(Ref<SoupWebsocketConnection> connection) REQUIRES(control);

 private:
  static void onClosed(SoupWebsocketConnection *connection, gpointer self);

  std::vector<Ref<SoupWebsocketConnection>> connections_;
};

/// Owned by its session, control thread. After close() or the closed callback nothing is called.
class WebSocket final : public Channel {
 public:
  struct Callbacks {
    std::function<void(std::string_view)> text;
    std::function<void()> binary;
    std::function<void(std::optional<unsigned> code)> closed;  ///< no code: no close frame came
  };

  /// `closing` outlives it.
  WebSocket(SoupWebsocketConnection *connection, ClosingSockets &closing, Callbacks callbacks)
      REQUIRES(control);
  ~WebSocket() override;
  WebSocket(const WebSocket &) = delete;

  const char *door() const override { return "websocket"; }
  void sendAnswer(const std::string &sdp) override REQUIRES(control);
  void sendCandidate(const std::string &candidate, const std::string &mid,
                     unsigned lineIndex) override REQUIRES(control);
  bool sendNotRestarted() override { return false; }
  void close(CloseCode code, const std::string &reason) override REQUIRES(control);

 private:
  static void onMessage(SoupWebsocketConnection *, gint type, GBytes *message, gpointer self);
  static void onClosed(SoupWebsocketConnection *connection, gpointer self);
  void sendText(const std::string &text);
  void disconnect();

  Ref<SoupWebsocketConnection> connection_;
  ClosingSockets &closing_;
  Callbacks callbacks_;
};

}  // namespace gws
