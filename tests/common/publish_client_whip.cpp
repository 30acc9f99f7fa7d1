// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishing client's way through the WHIP door.
#include "tests/common/publish_client.h"

namespace gws::test {

HttpReply PublishClient::ask(const char *method, const std::string &url,
                             const std::string &body) const {
  const Owned<GUri, g_uri_unref> uri(g_uri_parse(url.c_str(), G_URI_FLAGS_ENCODED, nullptr));
  HttpRequest request{.port = static_cast<unsigned>(g_uri_get_port(uri.get())),
                      .target = url.substr(url.find('/', sizeof "http://")),
                      .method = method,
                      .headers = options_.headers,
                      .body = body};
  request.headers.emplace_back("Content-Type", "application/sdp");
  return httpRequest(request);
}

void PublishClient::postOffer(const std::string &offer) {
  HttpReply reply = ask("POST", options_.url, offer);
  state_.update([&reply](State &state) {
    state.posted = reply;
    state.closed = reply.status != 201;
  });
  if (reply.status == 201) onAnswer(reply.body);
}

SocketEnd PublishClient::waitClosed(Timeout timeout) {
  if (!speaksWhip()) return socket_->waitClosed(timeout);
  state_.waitFor([](const State &state) { return state.closed; }, timeout);
  return {state_.get().closed, 0, posted().body, posted().status};
}

void PublishClient::closeGoodbye() {
  if (!speaksWhip()) return leave(1000);
  const std::string origin = options_.url.substr(0, options_.url.find('/', sizeof "http://"));
  const std::string location = posted().headers["location"];
  if (ask("DELETE", origin + location, {}).status != 200)
    complain("DELETE was not answered by 200");
  teardown();
}

}  // namespace gws::test
