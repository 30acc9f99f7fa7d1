// SPDX-License-Identifier: LGPL-2.1-or-later
// Sessions of WHIP (RFC 9725): requests in, answers out.
#include "gst/common/monotonic.h"
#include "log.h"
#include "stream_host.h"

GWS_LOG_CATEGORY("webrtcserver-whip", "WHIP sessions");

namespace gws {

unsigned StreamHost::post(std::shared_ptr<Session> session, std::string_view offer, bool loopback,
                          WhipSession::Answer answer) {
  Client &client = addClient(std::move(session), Link{{}, 0, loopback});
  auto whip = std::make_unique<WhipSession>();
  client.whip = whip.get();
  client.channel = std::move(whip);
  client.whip->await(std::move(answer));
  const unsigned id = client.id;
  watchSession(client);
  apply(client, client.peer->onOffer(offer, monotonicNow()));
  return id;
}

void StreamHost::abandon(unsigned clientId) {
  Client *client = findClient(clientId);
  if (!client || !client->whip) return;
  client->whip->forget();
  if (client->socketOpen) onSocketClosed(*client, std::nullopt);
}

/// All are looked at, so that the time it takes says nothing about their ids.
unsigned StreamHost::findWhip(const std::string &stream, std::string_view sessionId) {
  unsigned found = 0;
  for (const auto &[id, client] : clients_) {
    if (!client->whip || !client->socketOpen || client->stream != stream) continue;
    if (equalInConstantTime(sessionId, client->whip->id())) found = id;
  }
  return found;
}

void StreamHost::patch(unsigned clientId, std::string_view ifMatch, std::string_view text,
                       WhipSession::Answer answer) {
  Client *client = findClient(clientId);
  if (!client || !client->socketOpen) return answer({404, "The session has ended."});
  if (client->whip->waits()) {
    if (!client->whip->queue({std::string(ifMatch), std::string(text), answer}))
      answer({503, "Too many requests of this session are not answered yet."});
    return;
  }
  if (!matchesEtag(ifMatch, client->whip->etag()))
    return answer({412, "If-Match names another ICE session; its ETag has changed."});
  auto fragment = parseIceFragment(text, settings_.maxOfferBytes, settings_.maxMediaSections);
  if (!fragment) return answer({400, fragment.error().detail});
  client->whip->await(std::move(answer));

  const bool same = fragment->ufrag.empty() || fragment->ufrag == client->peer->remoteUfrag();
  if (!same) {
    if (WhipReply refusal = restart(*client, *fragment); refusal.status)
      return client->whip->reply(refusal);
  }
  for (std::string &candidate : fragment->candidates)
    apply(*client, client->peer->onCandidate({std::move(candidate), {}, {}, {}}));
  if (same) client->whip->reply({204});
}

void StreamHost::patchQueued(Client &client) {
  if (!client.whip) return;
  while (auto patch = client.whip->next())
    this->patch(client.id, patch->ifMatch, patch->fragment, std::move(patch->answer));
}

/// What the PATCH gets at once; no status: it has to wait.
WhipReply StreamHost::restart(Client &client, const IceFragment &fragment) {
  Run *run = findRun(client.run);
  if (!run || !run->connectedAt || run->ending)
    return {422, "ICE can be restarted once media are connected, not before."};
  if (!client.peer->onRestart(fragment.ufrag, monotonicNow()))
    return {503, "ICE was restarted too often; expected once in two seconds in the long run."};
  GST_INFO("client %u: publisher %s restarts ICE", client.id, run->publisher->id().c_str());
  run->loss.reset();  // ICE had failed
  run->publisher->restart({fragment.ufrag, fragment.pwd});
  return {};
}

void StreamHost::sayGoodbye(unsigned clientId) {
  Client *client = findClient(clientId);
  if (!client || !client->socketOpen) return;
  client->channel->close(CloseCode::Normal, "The session has ended.");
  onSocketClosed(*client, static_cast<unsigned>(CloseCode::Normal));
}

}  // namespace gws
