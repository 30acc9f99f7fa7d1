// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams under the address and port of somebody else on this machine; only root may send them.
#pragma once

#include <map>
#include <string_view>

#include "session.h"

namespace gws::hostile {

/// Raw sockets, one for each address that it speaks as.
class Spoofer {
 public:
  Spoofer() = default;
  ~Spoofer();
  Spoofer(const Spoofer &) = delete;
  Spoofer &operator=(const Spoofer &) = delete;

  /// To the loopback address of the same family. False: this process may not.
  bool send(const IpPort &from, unsigned port, std::string_view bytes);

 private:
  int socketFor(const std::string &address);

  std::map<std::string, int> sockets_;  ///< -1: there is none
};

}  // namespace gws::hostile
