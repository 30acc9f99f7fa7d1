// SPDX-License-Identifier: LGPL-2.1-or-later
// What every answer of the server has in common, and what its requests are asked for.
#include "http_message.h"

#include "gst/common/gobj.h"
#include "listener.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-reply", "what HTTP requests are refused with");

namespace gws {

constexpr const char *kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

const char *requestHeader(SoupServerMessage *message, const char *name) {
  return soup_message_headers_get_one(soup_server_message_get_request_headers(message), name);
}

std::string headerText(SoupServerMessage *message, const char *name) {
  const char *value = requestHeader(message, name);
  return value ? value : "";
}

void setHeader(SoupServerMessage *message, const char *name, const std::string &value) {
  soup_message_headers_replace(soup_server_message_get_response_headers(message), name,
                               value.c_str());
}

std::string queryOf(SoupServerMessage *message) {
  const char *query = g_uri_get_query(soup_server_message_get_uri(message));
  return query ? query : "";
}

std::string tokenOf(SoupServerMessage *message) {
  return tokenOf(queryOf(message), headerText(message, "Authorization"));
}

unsigned connectionOf(SoupServerMessage *message) {
  return Listener::idOf(soup_server_message_get_remote_address(message));
}

AccessRequest accessRequestOf(SoupServerMessage *message, const std::string &stream,
                              const char *protocol, const std::string &address) {
  AccessRequest request;
  request.stream = stream;
  request.protocol = protocol;
  request.address = address;
  request.sessionId = takeString(g_uuid_string_random());
  request.token = tokenOf(message);
  request.query = queryOf(message);
  request.userAgent = headerText(message, "User-Agent");
  request.referer = headerText(message, "Referer");
  request.host = headerText(message, "Host");
  request.origin = headerText(message, "Origin");
  return request;
}

static void setCommonHeaders(SoupServerMessage *message) {
  setHeader(message, "Content-Security-Policy", kContentPolicy);
  setHeader(message, "X-Content-Type-Options", "nosniff");
  setHeader(message, "X-Frame-Options", "DENY");
  setHeader(message, "Referrer-Policy", "no-referrer");
  setHeader(message, "Cache-Control", "no-cache");
  // libsoup (3.2 to 3.6) leaks a connection that it has kept when its client closes it.
  setHeader(message, "Connection", "close");
}

void reply(SoupServerMessage *message, unsigned status, const char *type, std::string_view body) {
  setCommonHeaders(message);
  soup_server_message_set_response(message, type, SOUP_MEMORY_COPY, body.data(), body.size());
  soup_server_message_set_status(message, status, nullptr);
}

void replyEmpty(SoupServerMessage *message, unsigned status) {
  setCommonHeaders(message);
  soup_server_message_set_status(message, status, nullptr);
}

void refuse(SoupServerMessage *message, unsigned status, const std::string &sentence) {
  // Neither path nor sentence: who escapes the `?` of a URL by mistake has a token in them.
  GST_INFO("%s from connection %u: %u", soup_server_message_get_method(message),
           connectionOf(message), status);
  if (status == 401) setHeader(message, "WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) setHeader(message, "Retry-After", "1");
  reply(message, status, "text/plain; charset=utf-8", sentence + "\n");
}

}  // namespace gws
