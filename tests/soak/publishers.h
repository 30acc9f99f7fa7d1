// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishers of a soak, in a process of their own: what they leak is not the server's.
#pragma once

#include <string>

namespace gws::soak {

struct PublishersOptions {
  std::string url;  ///< ws://127.0.0.1:PORT
  unsigned publications = 0, streams = 0, seed = 0;
  std::string end = {};  ///< the only one, by its name; empty: a random one each time
};

/// The names of the ends, for the help text.
std::string endNames();

/// Publishes on all streams at once, each time for a random while and with a random end, until
/// there were so many publications. Prints a line for each, "publication NAME END MS RESULT", where
/// MS is for how long media were sent, and RESULT "ok" or what went wrong. Returns when the last
/// one has gone.
int runPublishers(const PublishersOptions &options);

}  // namespace gws::soak
