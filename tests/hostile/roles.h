// SPDX-License-Identifier: LGPL-2.1-or-later
// The processes that a run starts. Each speaks Lines, hears words on standard input, and ends with
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gws::hostile {

/// Calls `heard` with each line of standard input until its end or "quit", on the default main
/// context. `tick` is called every half second.
void listen(const std::function<void(const std::string &)> &heard,
            const std::function<void()> &tick = {});

struct ServerOptions {
  unsigned descriptors = 1024;  ///< what a shell's processes may have
  bool libraryLeaks = false;    ///< two known leaks of libraries are left as they are
  std::string iceAgent;         ///< empty: the element's default
};
/// The element under attack. Says {"port", "agent"} first, then every half second what it uses and
/// what came from the good publisher; with "measured" after it has heard "measure".
int runServer(const ServerOptions &options);

/// An honest client. Hears "go", says {"connectedMs", "ports", "tcpPorts", "paths", "user"}, then
/// what it has sent; hears "stop", after which nothing more is sent. Says goodbye to the server at
/// its end. Doors: plan.h.
int runPublisher(unsigned port, const std::string &stream, const std::string &codec,
                 const std::string &door);

struct AttackOptions {
  unsigned port = 0, sessions = 0, first = 0, concurrency = 0;
  std::uint64_t seed = 0;
  std::string corpus;  ///< the folder with the corpora of the fuzz targets
  std::string kind;    ///< the only one; empty: all
  std::string iceAgent;
  // Of the good publisher, with commas:
  std::string ports;      ///< UDP, to which it sends
  std::string tcpPorts;   ///< to which it could send
  std::string goodPaths;  ///< its own addresses, each with its port
  std::string goodUser;   ///< USERNAME of its checks
  bool hasty = false;
};
/// The bad sessions. Says {"done"} now and then, {"fault", "kind", "number"} for what must not
/// happen, and at the end {"kind", "outcome", "count"} for each.
int runAttack(const AttackOptions &options);

/// Opens so many connections and goes no further with any of them, until standard input ends. Says
/// {"open"} and so on.
int runHalfOpen(const AttackOptions &options);

}  // namespace gws::hostile
