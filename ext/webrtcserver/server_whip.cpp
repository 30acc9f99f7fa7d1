// SPDX-License-Identifier: LGPL-2.1-or-later
// The WHIP door (RFC 9725): requests of endpoints and sessions.
#include <json-glib/json-glib.h>

#include "http_message.h"
#include "ice_servers.h"
#include "json_guard.h"
#include "server.h"

namespace gws {

constexpr const char *kOfferType = "application/sdp";
constexpr const char *kFragmentType = "application/trickle-ice-sdpfrag";
constexpr std::size_t kMaxStatisticsBytes = 64 * 1024;

/// Lets the page that asks read the answer. 403, if its origin may not use the server.
Result<void> Server::shareWithPage(SoupServerMessage *message) const {
  const std::string origin = headerText(message, "Origin");
  if (origin.empty()) return {};
  const std::string name = headerText(message, "Host");
  auto host =
      hostThat([&](StreamHost &one) REQUIRES(control) { return one.admitOrigin(origin, name); });
  if (!host) return host.error();
  setHeader(message, "Access-Control-Allow-Origin", origin);
  setHeader(message, "Vary", "Origin");
  setHeader(message, "Access-Control-Expose-Headers",
            "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After, X-Sid");
  return {};
}

static void answerOptions(SoupServerMessage *message, Door door, const std::string &methods) {
  setHeader(message, "Allow", methods);
  if (door == Door::Whip) setHeader(message, "Accept-Post", kOfferType);
  if (door == Door::WhipSession) setHeader(message, "Accept-Patch", kFragmentType);
  if (requestHeader(message, "Origin")) {
    setHeader(message, "Access-Control-Allow-Methods", methods);
    setHeader(message, "Access-Control-Allow-Headers",
              "Authorization, Content-Type, If-Match, Link");
    setHeader(message, "Access-Control-Max-Age", "600");
  }
  replyEmpty(message, 200);
}

void Server::answerWhip(SoupServerMessage *message, const Route &route, Listener::Caller caller) {
  const std::string method = soup_server_message_get_method(message);
  if (method == "OPTIONS") return answerOptions(message, route.door, methodsOf(route.door));
  if (route.door == Door::Whip) return answerEndpoint(message, route.name, std::move(caller));
  for (const auto &host : hosts_) {
    const unsigned client = host->findWhip(route.name, route.session);
    if (!client) continue;
    if (route.door == Door::Statistics) return acceptStatistics(message, host, client);
    return answerSession(message, host, client);
  }
  refuse(message, 404, "There is no such session; it may have ended.");
}

void Server::answerEndpoint(SoupServerMessage *message, const std::string &stream,
                            Listener::Caller caller) {
  AccessRequest request = accessRequestOf(message, stream, "whip", caller.address);
  if (soup_server_message_get_method(message) == SOUP_METHOD_POST)
    return acceptOffer(message, std::move(request), caller.loopback);
  auto host = hostThat([&](StreamHost &one)
                           REQUIRES(control) { return one.admitPage(stream, request.token); });
  if (!host) return refuse(message, host.error().code, host.error().detail);
  replyEmpty(message, 204);
}

void Server::answerSession(SoupServerMessage *message, std::shared_ptr<StreamHost> host,
                           unsigned client) {
  const std::string method = soup_server_message_get_method(message);
  if (method == "PATCH") return acceptFragment(message, std::move(host), client);
  if (method != "DELETE") return replyEmpty(message, 204);
  host->sayGoodbye(client);
  replyEmpty(message, 200);
}

/// Whether the body is said to be of that type; else it is refused.
static bool isOfType(SoupServerMessage *message, const char *expected, const char *acceptHeader) {
  const std::string encoding = headerText(message, "Content-Encoding");
  if (!encoding.empty() && g_ascii_strcasecmp(encoding.c_str(), "identity") != 0) {
    setHeader(message, "Accept-Encoding", "identity");
    refuse(message, 415, "The body must not be encoded (Content-Encoding).");
    return false;
  }
  const char *type = soup_message_headers_get_content_type(
      soup_server_message_get_request_headers(message), nullptr);
  if (type && g_ascii_strcasecmp(type, expected) == 0) return true;
  setHeader(message, acceptHeader, expected);
  refuse(message, 415, std::string("The body has to be ") + expected + " (Content-Type).");
  return false;
}

void Server::addIceServers(SoupServerMessage *message, const Settings &settings, bool relays) {
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  auto append = [headers](const IceServer &server) {
    soup_message_headers_append(headers, "Link", linkOf(server).c_str());
  };
  if (auto stun = parseStunServer(settings.stunServer); stun) append(*stun);
  if (auto turn = parseTurnServers(settings.turnServers); relays && turn)
    for (const IceServer &server : *turn)
      append(server);
}

/// An answer with an SDP, a fragment, or nothing.
static void replyWith(SoupServerMessage *message, const WhipReply &answer,
                      const std::string &stream) {
  if (answer.status >= 400) return refuse(message, answer.status, answer.text);
  if (answer.text.empty()) return replyEmpty(message, answer.status);
  setHeader(message, "ETag", answer.etag);
  setHeader(message, "Accept-Patch", kFragmentType);
  reply(message, answer.status, answer.status == 201 ? kOfferType : kFragmentType, answer.text);
  setHeader(message, "Cache-Control", "no-store");
  if (answer.status != 201) return;
  OwnedString escaped(g_uri_escape_string(stream.c_str(), "/", FALSE));
  setHeader(message, "Location", '/' + std::string(escaped.get()) + "/whip/" + answer.session);
  setHeader(message, "X-Sid", answer.session);
}

WhipSession::Answer Server::later(SoupServerMessage *message, const std::string &stream) {
  const unsigned connection = connectionOf(message);
  listener_->setPhase(connection, Phase::Deciding);
  soup_server_message_pause(message);
  return [this, stream, connection,
          kept = Ref<SoupServerMessage>::share(message)](const WhipReply &answer) {
    onControlThread();
    replyWith(kept.get(), answer, stream);
    Visit *visit = visitOf(kept.get());
    if (auto host = visit->host.lock(); host && answer.status == 201)
      addIceServers(kept.get(), host->settings(), true);
    listener_->setPhase(connection, Phase::Reading);
    soup_server_message_unpause(kept.get());
  };
}

void Server::acceptOffer(SoupServerMessage *message, AccessRequest request, bool loopback) {
  auto host = hostThat([&](StreamHost &one) REQUIRES(control) {
    return one.admit(request, *listener_, connectionOf(message));
  });
  if (!host) return refuse(message, host.error().code, host.error().detail);
  if (!isOfType(message, kOfferType, "Accept-Post")) return;
  auto visit = std::make_unique<Visit>();
  visit->host = *host;
  visit->loopback = loopback;
  visit->maxBytes = (*host)->settings().maxOfferBytes;
  visit->onBody = [this, message, request](std::string_view offer) {
    onControlThread();
    publish(message, request, offer);
  };
  awaitBody(message, std::move(visit));
}

void Server::publish(SoupServerMessage *message, AccessRequest request, std::string_view offer) {
  Visit *visit = visitOf(message);
  auto host = visit->host.lock();
  if (!host) return refuse(message, 503, "The pipeline stops.");
  auto answer = later(message, request.stream);
  auto decided = [visit, answer, kept = Ref<SoupServerMessage>::share(message),
                  offer = std::string(offer)](Result<std::shared_ptr<Session>> let) {
    onControlThread();
    visit->question = 0;
    auto host = visit->host.lock();
    if (!host || !let)
      return answer({let ? 503u : static_cast<unsigned>(let.error().code),
                     let ? "The pipeline stops." : let.error().detail});
    visit->client = host->post(*let, offer, visit->loopback, answer);
  };
  visit->question = host->authorizer().ask(std::move(request), std::move(decided));
}

void Server::acceptFragment(SoupServerMessage *message, std::shared_ptr<StreamHost> host,
                            unsigned client) {
  if (!isOfType(message, kFragmentType, "Accept-Patch")) return;
  if (!requestHeader(message, "If-Match"))
    return refuse(message, 428, "If-Match with the session's ETag is needed here.");
  auto visit = std::make_unique<Visit>();
  visit->host = host;
  visit->maxBytes = host->settings().maxOfferBytes;
  visit->onBody = [this, message, client](std::string_view fragment) {
    onControlThread();
    auto host = visitOf(message)->host.lock();
    if (!host) return refuse(message, 404, "The session has ended.");
    const std::string ifMatch =
        soup_message_headers_get_list(soup_server_message_get_request_headers(message), "If-Match");
    host->patch(client, ifMatch, fragment, later(message, {}));
  };
  awaitBody(message, std::move(visit));
}

/// Errors have no code.
static Result<void> checkStatistics(std::string_view text) {
  if (auto object = checkJsonObject(text); !object) return object;
  auto parser = Ref<JsonParser>::take(json_parser_new());
  OwnedError error;
  if (!json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  Out(error)))
    return Error{400, "not JSON"};
  return {};
}

void Server::acceptStatistics(SoupServerMessage *message, std::shared_ptr<StreamHost> host,
                              unsigned client) {
  auto visit = std::make_unique<Visit>();
  visit->host = host;
  visit->maxBytes = kMaxStatisticsBytes;
  visit->onBody = [message, client](std::string_view text) {
    onControlThread();
    if (auto checked = checkStatistics(text); !checked)
      return refuse(message, 400, "The statistics cannot be read: " + checked.error().detail + '.');
    if (auto host = visitOf(message)->host.lock()) host->keepStatistics(client, std::string(text));
    replyEmpty(message, 204);
  };
  awaitBody(message, std::move(visit));
}

}  // namespace gws
