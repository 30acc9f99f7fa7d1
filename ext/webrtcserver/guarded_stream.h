// SPDX-License-Identifier: LGPL-2.1-or-later
// A TCP connection that does not let its sender keep the reader busy.
#pragma once

#include <gio/gio.h>

#include <atomic>
#include <memory>

#include "gst/common/gobj.h"

namespace gws {

/// Bytes that came since the last whole request or message. Shared by who reads and who knows of
/// messages.
using UnfinishedBytes = std::shared_ptr<std::atomic<guint64>>;

/// A GTcpConnection of that socket, for libsoup and GTlsConnection to read from. Both read for as
/// long as there is something to read; this one says now and then that there is nothing, so that
/// the main loop comes round. It breaks when more than 2 MiB are unfinished, and when more comes in
/// the long run than anybody has to say: 2 MiB at once, 64 KiB a second. (libsoup 3.2 bounds each
/// WebSocket frame, but neither a message of many frames nor the pongs that a flood of pings is
/// owed.) Used by one thread at a time.
Ref<GSocketConnection> guardConnection(GSocket *socket, UnfinishedBytes unfinished);

}  // namespace gws
