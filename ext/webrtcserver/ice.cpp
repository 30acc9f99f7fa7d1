// SPDX-License-Identifier: LGPL-2.1-or-later
// webrtcbin's own agent, libnice.
#include "ice.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <vector>

#include "gst/common/gobj.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-ice", "ICE agents and addresses");

namespace gws {

/// The text of an interface's address; empty for link-local ones, which need a scope that SDP has
/// no place for, and for other families.
static std::string addressText(const sockaddr *address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in *>(address)->sin_addr, text,
              sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const in6_addr *in6 = &reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr;
    if (!IN6_IS_ADDR_LINKLOCAL(in6)) inet_ntop(AF_INET6, in6, text, sizeof text);
  }
  return text;
}

static std::vector<std::string> interfaceAddresses(bool loopback) {
  std::vector<std::string> result;
  Owned<ifaddrs, freeifaddrs> all;
  if (getifaddrs(Out(all)) != 0) return result;
  for (ifaddrs *one = all.get(); one; one = one->ifa_next) {
    if (!one->ifa_addr || !(one->ifa_flags & IFF_UP)) continue;
    if ((one->ifa_flags & IFF_LOOPBACK) && !loopback) continue;
    std::string text = addressText(one->ifa_addr);
    if (!text.empty()) result.push_back(text);
  }
  return result;
}

void configureIce(GstElement *webrtcbin, const Settings &settings, bool loopback) {
  auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin, "ice-agent"));
  if (!ice) return;
  g_object_set(ice.get(), "ice-tcp", FALSE, nullptr);
  if (auto agent = Ref<GObject>::take(getProperty<GObject *>(ice.get(), "agent")))
    g_object_set(agent.get(), "upnp", FALSE, "keepalive-conncheck", TRUE, nullptr);

  std::vector<std::string> addresses = splitList(settings.localAddresses);
  if (addresses.empty()) addresses = interfaceAddresses(loopback);
  for (const std::string &address : addresses) {
    gboolean added = FALSE;
    g_signal_emit_by_name(ice.get(), "add-local-ip-address", address.c_str(), &added);
    if (!added) GST_WARNING_OBJECT(webrtcbin, "no ICE candidates on %s", address.c_str());
  }
}

}  // namespace gws
