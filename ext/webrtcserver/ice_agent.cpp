// SPDX-License-Identifier: LGPL-2.1-or-later
// GstWebRTCICE, its stream and its transport, as webrtcbin wants to see them.
#include "ice_agent.h"

#include <gst/webrtc/ice.h>
#include <gst/webrtc/icestream.h>
#include <gst/webrtc/icetransport.h>

namespace gws {

namespace {

struct GwsIceStream {
  GstWebRTCICEStream parent;
};
struct GwsIceStreamClass {
  GstWebRTCICEStreamClass parent;
};
struct GwsIceTransport {
  GstWebRTCICETransport parent;
};
struct GwsIceTransportClass {
  GstWebRTCICETransportClass parent;
};

struct AgentState {
  std::shared_ptr<IcePort> port;
  Workers *workers = nullptr;
  std::vector<std::string> addresses;
  std::vector<std::uint32_t> ssrcs;
  std::shared_ptr<IceLink> link;
  Ref<GstWebRTCICEStream> stream;
  Ref<GstWebRTCICETransport> transport;
  GstWebRTCICEOnCandidateFunc onCandidate = nullptr;
  gpointer candidateData = nullptr;
  GDestroyNotify candidateNotify = nullptr;

  ~AgentState() {
    if (candidateNotify) candidateNotify(candidateData);
  }
};
struct GwsIceAgent {
  GstWebRTCICE parent;
  AgentState *state;
};
struct GwsIceAgentClass {
  GstWebRTCICEClass parent;
};

}  // namespace

G_DEFINE_FINAL_TYPE(GwsIceStream, gws_ice_stream, GST_TYPE_WEBRTC_ICE_STREAM)
G_DEFINE_FINAL_TYPE(GwsIceTransport, gws_ice_transport, GST_TYPE_WEBRTC_ICE_TRANSPORT)
G_DEFINE_FINAL_TYPE(GwsIceAgent, gws_ice_agent, GST_TYPE_WEBRTC_ICE)

static AgentState &stateOf(gpointer agent) { return *static_cast<GwsIceAgent *>(agent)->state; }

static void gws_ice_stream_init(GwsIceStream *) {}
static void gws_ice_stream_class_init(GwsIceStreamClass *klass) {
  // Its agent does the work.
  klass->parent.find_transport = [](GstWebRTCICEStream *, GstWebRTCICEComponent) {
    return static_cast<GstWebRTCICETransport *>(nullptr);
  };
  klass->parent.gather_candidates = [](GstWebRTCICEStream *) -> gboolean { return TRUE; };
}

static void gws_ice_transport_init(GwsIceTransport *) {}
static void gws_ice_transport_class_init(GwsIceTransportClass *klass) {
  klass->parent.gather_candidates = [](GstWebRTCICETransport *) -> gboolean { return TRUE; };
}

/// webrtcbin lets packets pass from this state on.
static void watchConnection(AgentState &state) {
  struct Weak {
    GWeakRef reference;
    explicit Weak(gpointer object) { g_weak_ref_init(&reference, object); }
    ~Weak() { g_weak_ref_clear(&reference); }
  };
  auto weak = std::make_shared<Weak>(state.transport.get());
  state.link->onceConnected([weak] {
    auto transport = Ref<GstWebRTCICETransport>::take(
        static_cast<GstWebRTCICETransport *>(g_weak_ref_get(&weak->reference)));
    if (!transport) return;
    for (const auto next :
         {GST_WEBRTC_ICE_CONNECTION_STATE_CHECKING, GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED,
          GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED})
      gst_webrtc_ice_transport_connection_state_change(transport.get(), next);
  });
}

/// There is one: everything is bundled.
static GstWebRTCICEStream *addStream(GstWebRTCICE *ice, guint sessionId) {
  AgentState &state = stateOf(ice);
  if (state.stream) return state.stream.get();
  state.link = std::make_shared<IceLink>(state.port, *state.workers, state.ssrcs);
  state.stream = Ref<GstWebRTCICEStream>::sink(GST_WEBRTC_ICE_STREAM(
      g_object_new(gws_ice_stream_get_type(), "stream-id", sessionId, nullptr)));
  state.transport = Ref<GstWebRTCICETransport>::sink(GST_WEBRTC_ICE_TRANSPORT(g_object_new(
      gws_ice_transport_get_type(), "component", GST_WEBRTC_ICE_COMPONENT_RTP, nullptr)));
  state.transport->role = GST_WEBRTC_ICE_ROLE_CONTROLLED;
  state.transport->src = state.link->makeSource();
  state.transport->sink = state.link->makeSink();
  watchConnection(state);
  return state.stream.get();
}

static GstWebRTCICETransport *findTransport(GstWebRTCICE *ice, GstWebRTCICEStream *,
                                            GstWebRTCICEComponent) {
  return Ref<GstWebRTCICETransport>(stateOf(ice).transport).release();
}

/// Of host candidates (RFC 8445, section 5.1.2.1), those before it being preferred. With TCP the
/// direction is a part of it (RFC 6544, section 4.2).
static unsigned priorityOf(std::size_t index, bool tcp) {
  const unsigned type = tcp ? 90 : 126;
  const unsigned most = tcp ? (4u << 13) + 8191 : 65535;
  return (type << 24) + ((most - static_cast<unsigned>(index)) << 8) + 255;
}

/// RFC 8839, section 5.1; RFC 6544, section 4.5.
static std::string candidateText(std::size_t index, const std::string &address, unsigned port,
                                 bool tcp) {
  return "candidate:" + std::to_string(2 * index + (tcp ? 2 : 1)) + (tcp ? " 1 TCP " : " 1 UDP ") +
         std::to_string(priorityOf(index, tcp)) + " " + address + " " + std::to_string(port) +
         " typ host" + (tcp ? " tcptype passive" : "");
}

static gboolean gatherCandidates(GstWebRTCICE *ice, GstWebRTCICEStream *stream) {
  AgentState &state = stateOf(ice);
  gst_webrtc_ice_transport_gathering_state_change(state.transport.get(),
                                                  GST_WEBRTC_ICE_GATHERING_STATE_GATHERING);
  for (const bool tcp : {false, true}) {
    const unsigned port = tcp ? state.port->tcpPort() : state.port->port();
    for (std::size_t index = 0; port && index < state.addresses.size(); index++) {
      const std::string &address = state.addresses[index];
      if (!state.port->serves(address) || !state.onCandidate) continue;
      state.onCandidate(ice, stream->stream_id, candidateText(index, address, port, tcp).c_str(),
                        state.candidateData);
    }
  }
  gst_webrtc_ice_transport_gathering_state_change(state.transport.get(),
                                                  GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE);
  return TRUE;
}

/// The peer's checks tell where it is; its candidates are of no use to who only answers.
[[maybe_unused]] static void addCandidate(GstWebRTCICE *, GstWebRTCICEStream *, const char *) {}
/// GStreamer 1.24 and up.
[[maybe_unused]] static void addCandidate(GstWebRTCICE *, GstWebRTCICEStream *, const char *,
                                          GstPromise *promise) {
  if (promise) gst_promise_reply(promise, nullptr);
}

static gboolean setLocalCredentials(GstWebRTCICE *ice, GstWebRTCICEStream *, const char *ufrag,
                                    const char *pwd) {
  stateOf(ice).link->setLocal({ufrag, pwd});
  return TRUE;
}

static gboolean setRemoteCredentials(GstWebRTCICE *ice, GstWebRTCICEStream *, const char *ufrag,
                                     const char *pwd) {
  stateOf(ice).link->setRemote({ufrag, pwd});
  return TRUE;
}

static void setOnCandidate(GstWebRTCICE *ice, GstWebRTCICEOnCandidateFunc function, gpointer data,
                           GDestroyNotify notify) {
  AgentState &state = stateOf(ice);
  if (state.candidateNotify) state.candidateNotify(state.candidateData);
  state.onCandidate = function;
  state.candidateData = data;
  state.candidateNotify = notify;
}

static GstWebRTCICECandidateStats **noCandidates(GstWebRTCICE *, GstWebRTCICEStream *) {
  return g_new0(GstWebRTCICECandidateStats *, 1);
}

static void gws_ice_agent_init(GwsIceAgent *self) { self->state = new AgentState(); }

static void finalizeAgent(GObject *object) {
  delete reinterpret_cast<GwsIceAgent *>(object)->state;
  G_OBJECT_CLASS(gws_ice_agent_parent_class)->finalize(object);
}

static void gws_ice_agent_class_init(GwsIceAgentClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = finalizeAgent;
  GstWebRTCICEClass &ice = klass->parent;
  ice.add_stream = addStream;
  ice.find_transport = findTransport;
  ice.gather_candidates = gatherCandidates;
  ice.add_candidate = addCandidate;
  ice.set_local_credentials = setLocalCredentials;
  ice.set_remote_credentials = setRemoteCredentials;
  ice.set_on_ice_candidate = setOnCandidate;
  ice.get_local_candidates = ice.get_remote_candidates = noCandidates;
  ice.get_selected_pair = [](GstWebRTCICE *, GstWebRTCICEStream *, GstWebRTCICECandidateStats **,
                             GstWebRTCICECandidateStats **) -> gboolean { return FALSE; };
  ice.get_is_controller = [](GstWebRTCICE *) -> gboolean { return FALSE; };
  ice.set_is_controller = [](GstWebRTCICE *, gboolean) {};
  // webrtcbin asserts that each is there.
  ice.add_turn_server = [](GstWebRTCICE *, const char *) -> gboolean { return FALSE; };
  ice.set_force_relay = [](GstWebRTCICE *, gboolean) {};
  ice.set_tos = [](GstWebRTCICE *, GstWebRTCICEStream *, guint) {};
  ice.set_stun_server = ice.set_turn_server =
      ice.set_http_proxy = [](GstWebRTCICE *, const char *) {};
  ice.get_stun_server = ice.get_turn_server =
      ice.get_http_proxy = [](GstWebRTCICE *) -> char * { return nullptr; };
}

Ref<GstObject> makeIceAgent(std::shared_ptr<IcePort> port, Workers &workers,
                            std::vector<std::string> addresses, std::vector<std::uint32_t> ssrcs) {
  auto agent = Ref<GstObject>::sink(GST_OBJECT(g_object_new(gws_ice_agent_get_type(), nullptr)));
  AgentState &state = stateOf(agent.get());
  state.port = std::move(port);
  state.workers = &workers;
  state.addresses = std::move(addresses);
  state.ssrcs = std::move(ssrcs);
  return agent;
}

std::shared_ptr<IceLink> linkOf(GObject *agent) {
  if (!agent || G_OBJECT_TYPE(agent) != gws_ice_agent_get_type()) return nullptr;
  return stateOf(agent).link;
}

}  // namespace gws
