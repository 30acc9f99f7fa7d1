// SPDX-License-Identifier: LGPL-2.1-or-later
// What every answer of the server has in common, and what its requests are asked for.
#pragma once

#include <libsoup/soup.h>

#include <string>
#include <string_view>

#include "access.h"

namespace gws {

/// A header of the request; nullptr: there is none.
const char *requestHeader(SoupServerMessage *message, const char *name);
/// The same, empty if there is none.
std::string headerText(SoupServerMessage *message, const char *name);
void setHeader(SoupServerMessage *message, const char *name, const std::string &value);
/// Raw, without the `?`.
std::string queryOf(SoupServerMessage *message);
std::string tokenOf(SoupServerMessage *message);
/// The TCP connection's id; see Listener::idOf().
unsigned connectionOf(SoupServerMessage *message);
/// What those who decide are told of a client.
AccessRequest accessRequestOf(SoupServerMessage *message, const std::string &stream,
                              const char *protocol, const std::string &address);

void reply(SoupServerMessage *message, unsigned status, const char *type, std::string_view body);
/// Without content.
void replyEmpty(SoupServerMessage *message, unsigned status);
/// With one sentence; 401, 429 and 503 get the header that belongs to them.
void refuse(SoupServerMessage *message, unsigned status, const std::string &sentence);

}  // namespace gws
