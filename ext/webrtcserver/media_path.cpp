// SPDX-License-Identifier: LGPL-2.1-or-later
// The chosen pair of our agent, and of libnice's.
#include "media_path.h"

#include <arpa/inet.h>
#include <nice/agent.h>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"
#include "ice_agent.h"

namespace gws {

namespace {

std::string endText(const std::string &address, unsigned port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? '[' + address + ']' : address) + ':' + std::to_string(port);
}

class OwnPath final : public MediaPath {
 public:
  explicit OwnPath(std::shared_ptr<IceLink> link) : link_(std::move(link)) {}

  std::optional<MediaRoute> route() const override {
    const auto path = link_->path();
    if (!path) return std::nullopt;
    char text[INET6_ADDRSTRLEN] = "";
    const bool v6 = path->remote.family == StunAddress::Family::IPv6;
    inet_ntop(v6 ? AF_INET6 : AF_INET, path->remote.bytes.data(), text, sizeof text);
    return MediaRoute{path->connection ? "tcp" : "udp", endText(text, path->remote.port)};
  }
  std::string obstacle() const override { return link_->obstacle(); }

 private:
  const std::shared_ptr<IceLink> link_;
};

/// libnice's lock may be held while it sends, so its pair is taken down when it changes.
struct Chosen {
  Mutex mutex;
  std::optional<MediaRoute> route GUARDED_BY(mutex);
};
using SharedChosen = std::shared_ptr<Chosen>;

void onSelected(NiceAgent *, guint, guint, NiceCandidate *, NiceCandidate *remote, gpointer data) {
  char text[NICE_ADDRESS_STRING_LEN] = "";
  nice_address_to_string(&remote->addr, text);
  const bool udp = remote->transport == NICE_CANDIDATE_TRANSPORT_UDP;
  MediaRoute route{udp ? "udp" : "tcp", endText(text, nice_address_get_port(&remote->addr))};
  Chosen &chosen = **static_cast<SharedChosen *>(data);
  Lock lock(chosen.mutex);
  chosen.route = std::move(route);
}

class NicePath final : public MediaPath {
 public:
  explicit NicePath(GObject *agent) {
    // The agent may outlive this: it keeps what it writes to.
    auto forget = [](gpointer data, GClosure *) { delete static_cast<SharedChosen *>(data); };
    g_signal_connect_data(agent, "new-selected-pair-full", G_CALLBACK(onSelected),
                          new SharedChosen(chosen_), forget, GConnectFlags(0));
  }

  std::optional<MediaRoute> route() const override {
    Lock lock(chosen_->mutex);
    return chosen_->route;
  }

 private:
  const SharedChosen chosen_ = std::make_shared<Chosen>();
};

}  // namespace

std::shared_ptr<MediaPath> MediaPath::of(GstElement *webrtcbin) {
  auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin, "ice-agent"));
  if (auto link = linkOf(ice.get())) return std::make_shared<OwnPath>(std::move(link));
  if (!ice || !g_object_class_find_property(G_OBJECT_GET_CLASS(ice.get()), "agent")) return nullptr;
  auto agent = Ref<GObject>::take(getProperty<GObject *>(ice.get(), "agent"));
  return agent && NICE_IS_AGENT(agent.get()) ? std::make_shared<NicePath>(agent.get()) : nullptr;
}

}  // namespace gws
