// SPDX-License-Identifier: LGPL-2.1-or-later
// webrtcbin and its ICE agent: our own, or libnice.
#include "ice.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <nice/agent.h>
#include <nice/debug.h>

#include <gst/webrtc/webrtc.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/monotonic.h"
#include "gst/common/threads.h"
#include "ice_agent.h"
#include "ice_servers.h"
#include "log.h"
#include "ssrc_gate.h"

GWS_LOG_CATEGORY("webrtcserver-ice", "ICE agents and addresses");

namespace gws {

/// Its thread does nothing that takes long.
constexpr auto kMutePatience = std::chrono::seconds(2);

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

Result<std::string> resolveAddresses(const std::string &list) {
  std::string result;
  for (const std::string &name : splitList(list)) {
    auto resolver = Ref<GResolver>::take(g_resolver_get_default());
    OwnedError error;
    Owned<GList, g_resolver_free_addresses> found(
        g_resolver_lookup_by_name(resolver.get(), name.c_str(), nullptr, Out(error)));
    if (!found)
      return Error{0, "external-addresses names \"" + name +
                          "\", expected an IP address or a host name: " + error->message};
    for (GList *one = found.get(); one; one = one->next)
      result += (result.empty() ? "" : ",") +
                takeString(g_inet_address_to_string(G_INET_ADDRESS(one->data)));
  }
  return result;
}

/// libnice writes passwords into its messages, and G_MESSAGES_DEBUG=all is enough to have them
/// printed. So it says nothing unless somebody asks for libnice by name.
static void silenceAgents() {
  const char *flags = g_getenv("NICE_DEBUG"), *domains = g_getenv("G_MESSAGES_DEBUG");
  const bool asked = (flags && *flags) || (domains && std::strstr(domains, "libnice"));
  if (!asked) nice_debug_disable(TRUE);
}

static void setIceServers(GstElement *webrtcbin, const Settings &settings) {
  if (auto stun = parseStunServer(settings.stunServer); stun)
    g_object_set(webrtcbin, "stun-server", webrtcbinUri(*stun).c_str(), nullptr);
  auto turn = parseTurnServers(settings.turnServers);
  if (!turn) return;
  for (const IceServer &server : *turn) {
    gboolean added = FALSE;
    g_signal_emit_by_name(webrtcbin, "add-turn-server", webrtcbinUri(server).c_str(), &added);
    if (!added)
      GST_WARNING_OBJECT(webrtcbin, "the TURN server %s is not used", server.host.c_str());
  }
}

/// Sets up webrtcbin's own agent.
static void configureNice(GstElement *webrtcbin, const Settings &settings,
                          const std::vector<std::string> &addresses) {
  silenceAgents();
  auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin, "ice-agent"));
  if (!ice) return;
  g_object_set(ice.get(), "ice-tcp", FALSE, nullptr);
  // webrtcbin's minimum of 0 is any port, its maximum 65535.
  g_object_set(ice.get(), "min-rtp-port", settings.minRtpPort, "max-rtp-port",
               settings.maxRtpPort ? settings.maxRtpPort : 65535u, nullptr);
  if (settings.iceTransportPolicy == IceTransportPolicy::Relay)
    g_object_set(webrtcbin, "ice-transport-policy", GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY, nullptr);
  setIceServers(webrtcbin, settings);
  if (auto agent = Ref<GObject>::take(getProperty<GObject *>(ice.get(), "agent")))
    g_object_set(agent.get(), "upnp", FALSE, "keepalive-conncheck", TRUE, nullptr);
  for (const std::string &address : addresses) {
    gboolean added = FALSE;
    g_signal_emit_by_name(ice.get(), "add-local-ip-address", address.c_str(), &added);
    if (!added) GST_WARNING_OBJECT(webrtcbin, "no ICE candidates on %s", address.c_str());
  }
}

/// Keeps from SRTP what an IceLink would keep from it.
static void addSsrcGate(GstElement *niceSource, const std::vector<std::uint32_t> &ssrcs) {
  auto onPacket = [](GstPad *, GstPadProbeInfo *info, gpointer gate) {
    auto passage = SsrcPassage::Refused;
    GstBuffer *packet = GST_PAD_PROBE_INFO_BUFFER(info);
    if (GstMapInfo map; gst_buffer_map(packet, &map, GST_MAP_READ)) {
      passage = static_cast<SsrcGate *>(gate)->pass({map.data, map.size}, monotonicNow());
      gst_buffer_unmap(packet, &map);
    }
    return passage == SsrcPassage::Refused ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  };
  auto pad = Ref<GstPad>::take(gst_element_get_static_pad(niceSource, "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onPacket,
                    new SsrcGate(ssrcs, monotonicNow()),
                    [](gpointer gate) { delete static_cast<SsrcGate *>(gate); });
}

static void gateNice(GstElement *webrtcbin, std::vector<std::uint32_t> ssrcs) {
  using Ssrcs = std::vector<std::uint32_t>;
  auto added = +[](GstBin *, GstBin *, GstElement *element, gpointer data) {
    if (g_str_equal(G_OBJECT_TYPE_NAME(element), "GstNiceSrc"))
      addSsrcGate(element, *static_cast<Ssrcs *>(data));
  };
  g_signal_connect_data(
      webrtcbin, "deep-element-added", G_CALLBACK(added), new Ssrcs(std::move(ssrcs)),
      [](gpointer data, GClosure *) { delete static_cast<Ssrcs *>(data); }, GConnectFlags(0));
}

Ref<GstElement> makeWebrtcbin(const Settings &settings, IceWay way) {
  std::vector<std::string> local = splitList(settings.localAddresses);
  if (local.empty()) local = interfaceAddresses(way.loopback);
  std::vector<std::string> addresses = splitList(settings.externalAddresses);
  for (std::string &address : local)
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(std::move(address));
  if (!way.port) {
    auto webrtcbin = Ref<GstElement>::sink(gst_element_factory_make("webrtcbin", nullptr));
    if (!webrtcbin) return nullptr;
    configureNice(webrtcbin.get(), settings, addresses);
    gateNice(webrtcbin.get(), std::move(way.ssrcs));
    return webrtcbin;
  }
  Ref<GstObject> agent =
      makeIceAgent(std::move(way.port), way.workers, std::move(addresses), std::move(way.ssrcs));
  // It drops a reference that it has not taken (GStreamer up to 1.28.0).
  return Ref<GstElement>::sink(
      gst_element_factory_make_full("webrtcbin", "ice-agent", agent.release(), nullptr));
}

std::string noCandidateText(const Settings &settings) {
  const std::string text = "no ICE candidate: ";
  if (settings.iceTransportPolicy == IceTransportPolicy::Relay)
    return text + "no TURN server gives a relay";
  if (settings.minRtpPort || settings.maxRtpPort)
    return text + "the ports from min-rtp-port to max-rtp-port are taken";
  return text + "the server has no address for media";
}

/// Behind ICE, webrtcbin has a queue that it makes leaky while it is blocked, and not afterwards:
/// full, it would hold up the thread that reads.
static void keepLeaky(GstElement *queue) {
  auto changed = +[](GObject *queue, GParamSpec *, gpointer) {
    constexpr int kDownstream = 2;
    if (getProperty<int>(queue, "leaky") != kDownstream)
      g_object_set(queue, "leaky", kDownstream, nullptr);
  };
  g_signal_connect(queue, "notify::leaky", G_CALLBACK(changed), nullptr);
}

/// source ─ capsfilter ─ queue ─ dtlssrtpdec becomes source ─ dtlssrtpdec: a link has a lane for
/// what would need the queue, and a thread for each publisher is saved. webrtcbin keeps pointers to
/// what is left out.
static void takeOutQueue(GstElement *queue) {
  const auto pad = [](GstElement *element, const char *name) {
    return Ref<GstPad>::take(gst_element_get_static_pad(element, name));
  };
  const auto peer = [](const Ref<GstPad> &pad) {
    return Ref<GstPad>::take(pad ? gst_pad_get_peer(pad.get()) : nullptr);
  };
  const Ref<GstPad> queueSink = pad(queue, "sink"), queueSrc = pad(queue, "src");
  const Ref<GstPad> filterSrc = peer(queueSink), decoderSink = peer(queueSrc);
  auto filter =
      Ref<GstElement>::take(filterSrc ? gst_pad_get_parent_element(filterSrc.get()) : nullptr);
  const Ref<GstPad> filterSink = filter ? pad(filter.get(), "sink") : nullptr;
  const Ref<GstPad> source = peer(filterSink);
  if (!source || !decoderSink) return keepLeaky(queue);
  gst_pad_unlink(source.get(), filterSink.get());
  gst_pad_unlink(queueSrc.get(), decoderSink.get());
  if (GST_PAD_LINK_FAILED(gst_pad_link(source.get(), decoderSink.get())))
    GST_ERROR_OBJECT(source.get(), "could not be linked to webrtcbin's decoder");
  gst_element_set_locked_state(queue, TRUE);
  gst_element_set_locked_state(filter.get(), TRUE);
}

void adaptReceiving(GstBin *bin, GstElement *element) {
  const std::string_view type = G_OBJECT_TYPE_NAME(element);
  if (type == "GstQueue" && g_str_equal(G_OBJECT_TYPE_NAME(bin), "TransportReceiveBin")) {
    auto source = Ref<GstElement>::take(gst_bin_get_by_name(bin, IceLink::kSourceName));
    source ? takeOutQueue(element) : keepLeaky(element);
  }
  // Retransmissions to the publisher, who gets no media: its thread would wait for ever.
  if (type == "GstRtpRtxSend") gst_element_set_locked_state(element, TRUE);
}

/// libnice's agent, if that is what webrtcbin's agent stands for.
static Ref<GObject> niceAgentOf(GObject *ice) {
  if (!ice || !g_object_class_find_property(G_OBJECT_GET_CLASS(ice), "agent")) return nullptr;
  auto agent = Ref<GObject>::take(getProperty<GObject *>(ice, "agent"));
  return agent && NICE_IS_AGENT(agent.get()) ? agent : nullptr;
}

void muteAgent(GstElement *webrtcbin) {
  auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin, "ice-agent"));
  struct Mute {
    Ref<GObject> agent;
    std::shared_ptr<Sign> done = std::make_shared<Sign>();
  };
  Mute mute{.agent = niceAgentOf(ice.get())};
  if (!mute.agent) return;
  const std::shared_ptr<Sign> done = mute.done;
  auto run = [](gpointer data) -> gboolean {
    const auto *self = static_cast<const Mute *>(data);
    g_signal_handlers_block_matched(self->agent.get(), G_SIGNAL_MATCH_ID,
                                    g_signal_lookup("component-state-changed", NICE_TYPE_AGENT), 0,
                                    nullptr, nullptr, nullptr);
    self->done->give();
    return G_SOURCE_REMOVE;
  };
  auto *context =
      static_cast<GMainContext *>(getProperty<gpointer>(mute.agent.get(), "main-context"));
  g_main_context_invoke_full(context, G_PRIORITY_HIGH, run, new Mute(std::move(mute)),
                             [](gpointer data) { delete static_cast<Mute *>(data); });
  done->await(kMutePatience);
}

/// webrtcbin has no restart, but its agent has.
std::optional<IceKeys> restartIce(GstElement *webrtcbin, const IceKeys &remote) {
  constexpr guint kStream = 1;  // the only one, since everything is bundled
  auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin, "ice-agent"));
  if (auto link = linkOf(ice.get())) return link->restart(remote);
  const Ref<GObject> object = niceAgentOf(ice.get());
  if (!object) return std::nullopt;
  NiceAgent *agent = NICE_AGENT(object.get());
  OwnedString ufrag, pwd;
  if (!nice_agent_restart_stream(agent, kStream) ||
      !nice_agent_get_local_credentials(agent, kStream, Out(ufrag), Out(pwd)) ||
      !nice_agent_set_remote_credentials(agent, kStream, remote.ufrag.c_str(), remote.pwd.c_str()))
    return std::nullopt;
  return IceKeys{ufrag.get(), pwd.get()};
}

}  // namespace gws
