// SPDX-License-Identifier: LGPL-2.1-or-later
// What a host knows of its publishers.
#include <utility>

#include "stream_host.h"

namespace gws {

void StreamHost::keepStatistics(unsigned clientId, std::string statistics) {
  if (Client *client = findClient(clientId)) client->statistics = std::move(statistics);
}

std::vector<PublisherStatistics> StreamHost::statistics() {
  std::vector<PublisherStatistics> result;
  for (const auto &[id, run] : runs_) {
    const Client *client = findClient(run->client);
    if (!run->connectedAt || run->ending || !client || !client->session) continue;
    const AccessRequest &request = client->session->request();
    const Traffic &traffic = run->publisher->traffic();
    PublisherStatistics one{.id = run->publisher->id(), .stream = run->stream};
    one.door = client->channel->door();
    one.address = request.address;
    one.userAgent = request.userAgent;
    one.now = g_get_monotonic_time();
    one.uptime = static_cast<std::uint64_t>(one.now - run->connectedAt) * GST_USECOND;
    one.clientStatistics = client->statistics;
    one.route = traffic.route();
    one.roundTrip = traffic.roundTrip();
    one.tracks = traffic.tracks();
    result.push_back(std::move(one));
  }
  return result;
}

/// The application's handlers may block the one who posts a message: then the next ones are left
/// out.
void StreamHost::reportStatistics(gint64 now, gint64 interval) {
  if (!interval || now - reportedAt_ < interval || reporting_->exchange(true)) return;
  reportedAt_ = now;
  notifier_->post([&element = element_, statistics = statistics(), reporting = reporting_] {
    element.postStatistics(statistics);
    *reporting = false;
  });
}

}  // namespace gws
