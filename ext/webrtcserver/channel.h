// SPDX-License-Identifier: LGPL-2.1-or-later
// How a client is told what it has to know.
#pragma once

#include <string>

#include "gst/common/threads.h"
#include "protocol.h"

namespace gws {

/// Owned by its client, control thread.
class Channel {
 public:
  virtual ~Channel() = default;
  /// By which door its client came, for applications: `websocket` or `whip`.
  virtual const char *door() const = 0;
  virtual void sendAnswer(const std::string &sdp) REQUIRES(control) = 0;
  virtual void sendCandidate(const std::string &candidate, const std::string &mid,
                             unsigned lineIndex) REQUIRES(control) = 0;
  /// ICE goes on as it was. False: there are no words for that, and it has to be closed.
  virtual bool sendNotRestarted() REQUIRES(control) = 0;
  virtual void close(CloseCode code, const std::string &reason) REQUIRES(control) = 0;
};

}  // namespace gws
