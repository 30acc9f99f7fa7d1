// SPDX-License-Identifier: LGPL-2.1-or-later
// The benchmark's second party: a WebSocket server and one plain webrtcbin a connection.
//
// It speaks the same protocol and has the same depayloaders, jitterbuffer latency and feedback as
// the element, without any of its checks. Words on its command line: "parse" puts h264parse behind
// the depayloader and has it convert to avc3, as the element does for a fakesink, "no-upnp" turns
// libnice's UPnP off, "no-next-rtx" sets rtx-next-seqnum=FALSE. Each is a part of what the element
// does, so that its share of a difference can be seen.
//
// "record=FILE" makes it the reload benchmark's second party: it serves a page, and writes what a
// browser publishes to FILE until SIGINT. "second=new-branches" and "second=old-branches" say where
// the pads of the next webrtcbin lead.
//
// For the tables of tests/network: "vp8" in H.264's stead, "log-pictures", "latency=MILLISECONDS",
// "no-nack" (webrtcbin's own default), and "everywhere", which listens on all addresses and leaves
// it to libnice where its candidates are.
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "receiver.h"
#include "recorder.h"

using gws::getProperty;
using gws::Out;
using gws::Owned;
using gws::Ref;
using gws::takeString;
using gws::benchmark::Recorder;
using gws::benchmark::Second;

namespace {

using Description = Owned<GstWebRTCSessionDescription, gst_webrtc_session_description_free>;

constexpr const char *kCommonCaps =
    ", rtcp-fb-transport-cc=(boolean)true, extmap-3=(string)\""
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\"";
constexpr const char *kVideoCaps =
    "application/x-rtp, media=(string)video, clock-rate=(int)90000, "
    "rtcp-fb-nack-pli=(boolean)true, rtcp-fb-ccm-fir=(boolean)true, encoding-name=(string)";
constexpr const char *kAudioCaps =
    "application/x-rtp, media=(string)audio, encoding-name=(string)OPUS, clock-rate=(int)48000, "
    "encoding-params=(string)2";

struct Options {
  bool parse = false, upnp = true, nextRtx = true, vp8 = false, nack = true, everywhere = false;
  unsigned latencyMs = 200;
  std::string record;
  Second second = Second::NewBranches;
};

Options options;
GstElement *pipeline = nullptr;
std::optional<Recorder> recorder;

void onMainThread(std::function<void()> task) {
  g_main_context_invoke_full(
      nullptr, G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        (*static_cast<std::function<void()> *>(data))();
        return G_SOURCE_REMOVE;
      },
      new std::function<void()>(std::move(task)),
      [](gpointer data) { delete static_cast<std::function<void()> *>(data); });
}

/// One connection; lives as long as the process, as there are few.
class Session {
 public:
  Session(SoupWebsocketConnection *connection, const std::string &stream)
      : connection_(Ref<SoupWebsocketConnection>::share(connection)), stream_(stream) {
    using OnMessage = void (*)(SoupWebsocketConnection *, gint, GBytes *, Session *);
    const OnMessage onMessage = [](SoupWebsocketConnection *, gint, GBytes *bytes, Session *self) {
      gsize size = 0;
      const auto *text = static_cast<const char *>(g_bytes_get_data(bytes, &size));
      self->onText(std::string(text, size));
    };
    g_signal_connect(connection, "message", G_CALLBACK(onMessage), this);
    using OnClosed = void (*)(SoupWebsocketConnection *, Session *);
    const OnClosed onClosed = [](SoupWebsocketConnection *, Session *self) { self->end(); };
    g_signal_connect(connection, "closed", G_CALLBACK(onClosed), this);
  }

 private:
  void onText(const std::string &text) {
    const Owned<JsonNode, json_node_unref> root(json_from_string(text.c_str(), nullptr));
    if (!root || !JSON_NODE_HOLDS_OBJECT(root.get())) return;
    JsonObject *message = json_node_get_object(root.get());
    const std::string type = json_object_get_string_member_with_default(message, "type", "");
    if (type == "offer") return onOffer(json_object_get_string_member(message, "sdp"));
    if (type != "candidate" || !webrtcbin_) return;
    JsonObject *candidate = json_object_get_object_member(message, "candidate");
    const char *line = json_object_get_string_member_with_default(candidate, "candidate", "");
    if (*line) g_signal_emit_by_name(webrtcbin_.get(), "add-ice-candidate", 0u, line);
  }

  void onOffer(const char *sdp) {
    GstSDPMessage *parsed = nullptr;
    if (gst_sdp_message_new_from_text(sdp, &parsed) != GST_SDP_OK) return;
    const Description offer(gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, parsed));
    build();
    for (guint i = 0; i < gst_sdp_message_medias_len(parsed); ++i)
      addTransceiver(gst_sdp_message_get_media(parsed, i));
    g_signal_emit_by_name(webrtcbin_.get(), "set-remote-description", offer.get(),
                          promise(&Session::onRemoteSet).get());
  }

  void build() {
    webrtcbin_ = Ref<GstElement>::sink(gst_element_factory_make("webrtcbin", nullptr));
    g_object_set(webrtcbin_.get(), "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency",
                 options.latencyMs, nullptr);
    configureIce();
    using OnPad = void (*)(GstElement *, GstPad *, Session *);
    const OnPad onPad = [](GstElement *, GstPad *pad, Session *self) { self->onPad(pad); };
    g_signal_connect(webrtcbin_.get(), "pad-added", G_CALLBACK(onPad), this);
    using OnCandidate = void (*)(GstElement *, guint, const char *, Session *);
    const OnCandidate onCandidate = [](GstElement *, guint, const char *text, Session *self) {
      onMainThread([self, line = std::string(text)] { self->sendCandidate(line); });
    };
    g_signal_connect(webrtcbin_.get(), "on-ice-candidate", G_CALLBACK(onCandidate), this);
    if (!options.nextRtx) {
      const auto rtpbin =
          Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(webrtcbin_.get()), "rtpbin"));
      using OnBuffer = void (*)(GstElement *, GstElement *, guint, guint, gpointer);
      const OnBuffer onBuffer = [](GstElement *, GstElement *buffer, guint, guint, gpointer) {
        g_object_set(buffer, "rtx-next-seqnum", FALSE, nullptr);
      };
      g_signal_connect(rtpbin.get(), "new-jitterbuffer", G_CALLBACK(onBuffer), nullptr);
    }
    gst_bin_add(GST_BIN(pipeline), webrtcbin_.get());
    gst_element_sync_state_with_parent(webrtcbin_.get());
  }

  void configureIce() {
    const auto ice = Ref<GObject>::take(getProperty<GObject *>(webrtcbin_.get(), "ice-agent"));
    const auto agent = Ref<GObject>::take(getProperty<GObject *>(ice.get(), "agent"));
    if (!options.upnp) g_object_set(agent.get(), "upnp", FALSE, nullptr);
    // libnice leaves loopback out, and the publishers are there.
    if (options.everywhere) return;
    gboolean added = FALSE;
    g_signal_emit_by_name(ice.get(), "add-local-ip-address", "127.0.0.1", &added);
  }

  void addTransceiver(const GstSDPMedia *media) {
    const bool video = std::strcmp(gst_sdp_media_get_media(media), "video") == 0;
    std::string text = video ? kVideoCaps : kAudioCaps;
    if (video) text += options.vp8 ? "VP8" : "H264";
    if (video && options.nack) text += ", rtcp-fb-nack=(boolean)true";
    text += kCommonCaps;
    text += std::string(", payload=(int)") + gst_sdp_media_get_format(media, 0);
    const auto caps = Ref<GstCaps>::take(gst_caps_from_string(text.c_str()));
    GstWebRTCRTPTransceiver *added = nullptr;
    g_signal_emit_by_name(webrtcbin_.get(), "add-transceiver",
                          GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(), &added);
    const auto transceiver = Ref<GstWebRTCRTPTransceiver>::take(added);
    g_object_set(transceiver.get(), "do-nack", options.nack, nullptr);
  }

  using Step = void (Session::*)(const GstStructure *);
  Owned<GstPromise, gst_promise_unref> promise(Step next) {
    struct Pending {
      Session *self;
      Step next;
    };
    return Owned<GstPromise, gst_promise_unref>(gst_promise_new_with_change_func(
        [](GstPromise *promise, gpointer data) {
          const auto *pending = static_cast<Pending *>(data);
          if (gst_promise_wait(promise) == GST_PROMISE_RESULT_REPLIED)
            (pending->self->*pending->next)(gst_promise_get_reply(promise));
        },
        new Pending{this, next}, [](gpointer data) { delete static_cast<Pending *>(data); }));
  }

  // On webrtcbin's thread, as its users' examples do it.
  void onRemoteSet(const GstStructure *) {
    g_signal_emit_by_name(webrtcbin_.get(), "create-answer", nullptr,
                          promise(&Session::onAnswer).get());
  }

  void onAnswer(const GstStructure *reply) {
    Description answer;
    gst_structure_get(reply, "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                      static_cast<GstWebRTCSessionDescription **>(Out(answer)), nullptr);
    if (!answer) return;
    // Queued before candidates can come: clients want it first.
    onMainThread([this, sdp = takeString(gst_sdp_message_as_text(answer->sdp))] {
      send("answer", [&sdp](JsonBuilder *builder) {
        json_builder_set_member_name(builder, "sdp");
        json_builder_add_string_value(builder, sdp.c_str());
      });
    });
    g_signal_emit_by_name(webrtcbin_.get(), "set-local-description", answer.get(), nullptr);
  }

  void sendCandidate(const std::string &line) {
    send("candidate", [&line](JsonBuilder *builder) {
      json_builder_set_member_name(builder, "candidate");
      json_builder_begin_object(builder);
      json_builder_set_member_name(builder, "candidate");
      json_builder_add_string_value(builder, line.c_str());
      json_builder_set_member_name(builder, "sdpMLineIndex");
      json_builder_add_int_value(builder, 0);
      json_builder_end_object(builder);
    });
  }

  void send(const char *type, const std::function<void(JsonBuilder *)> &body) {
    if (soup_websocket_connection_get_state(connection_.get()) != SOUP_WEBSOCKET_STATE_OPEN) return;
    const auto builder = Ref<JsonBuilder>::take(json_builder_new());
    json_builder_begin_object(builder.get());
    json_builder_set_member_name(builder.get(), "type");
    json_builder_add_string_value(builder.get(), type);
    body(builder.get());
    json_builder_end_object(builder.get());
    const Owned<JsonNode, json_node_unref> root(json_builder_get_root(builder.get()));
    soup_websocket_connection_send_text(connection_.get(),
                                        takeString(json_to_string(root.get(), FALSE)).c_str());
  }

  void onPad(GstPad *pad) {
    if (GST_PAD_IS_SINK(pad)) return;
    const auto caps = Ref<GstCaps>::take(gst_pad_get_current_caps(pad));
    const bool video =
        std::strcmp(gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "media"),
                    "video") == 0;
    if (recorder) return recorder->add(pad, video);
    const char *videoDepayloader = options.vp8 ? "rtpvp8depay" : "rtph264depay";
    std::vector<GstElement *> chain = {
        gst_element_factory_make(video ? videoDepayloader : "rtpopusdepay", nullptr)};
    if (video && options.parse) {
      chain.push_back(gst_element_factory_make("h264parse", nullptr));
      chain.push_back(gst_element_factory_make("capsfilter", nullptr));
      gst_util_set_object_arg(G_OBJECT(chain.back()), "caps",
                              "video/x-h264, stream-format=avc3, alignment=au");
    }
    auto last = Ref<GstPad>::share(pad);
    for (GstElement *element : chain)
      gst_bin_add(GST_BIN(pipeline), element);
    for (GstElement *element : chain) {
      const auto input = Ref<GstPad>::take(gst_element_get_static_pad(element, "sink"));
      gst_pad_link(last.get(), input.get());
      last = Ref<GstPad>::take(gst_element_get_static_pad(element, "src"));
    }
    for (GstElement *element : chain)
      gst_element_sync_state_with_parent(element);
    gws::benchmark::sinkAndCount(GST_BIN(pipeline), last.get(), stream_, video ? "video" : "audio");
  }

  void end() {
    if (!webrtcbin_) return;
    gst_element_set_state(webrtcbin_.get(), GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline), webrtcbin_.get());
    webrtcbin_.reset();
  }

  const Ref<SoupWebsocketConnection> connection_;
  const std::string stream_;
  Ref<GstElement> webrtcbin_;
};

std::vector<std::unique_ptr<Session>> sessions;

void onWebSocket(SoupServer *, SoupServerMessage *, const char *path,
                 SoupWebsocketConnection *connection, gpointer) {
  const std::string text(path);
  sessions.push_back(std::make_unique<Session>(connection, text.substr(1, text.find('/', 1) - 1)));
}

/// A secure context for a browser's camera, and nothing else.
void onPage(SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer) {
  if (soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Upgrade"))
    return;
  constexpr const char *kPage = "<!doctype html><title>bare</title>";
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  soup_server_message_set_response(message, "text/html", SOUP_MEMORY_STATIC, kPage,
                                   std::strlen(kPage));
}

bool readOptions(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (word == "parse")
      options.parse = true;
    else if (word == "no-upnp")
      options.upnp = false;
    else if (word == "no-next-rtx")
      options.nextRtx = false;
    else if (word == "vp8")
      options.vp8 = true;
    else if (word == "no-nack")
      options.nack = false;
    else if (word == "everywhere")
      options.everywhere = true;
    else if (word == "log-pictures")
      gws::benchmark::logMarkedPictures();
    else if (word.starts_with("latency="))
      options.latencyMs = static_cast<unsigned>(std::atoi(word.c_str() + std::strlen("latency=")));
    else if (word.starts_with("record="))
      options.record = word.substr(std::strlen("record="));
    else if (word == "second=new-branches")
      options.second = Second::NewBranches;
    else if (word == "second=old-branches")
      options.second = Second::OldBranches;
    else
      return false;
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (!readOptions(argc, argv)) {
    std::fprintf(stderr,
                 "usage: %s [parse] [no-upnp] [no-next-rtx] [record=FILE] [second=WAY]\n"
                 "       [vp8] [log-pictures] [latency=MILLISECONDS] [no-nack] [everywhere]\n",
                 argv[0]);
    return 2;
  }
  pipeline = gst_pipeline_new(nullptr);
  if (!options.record.empty()) recorder.emplace(GST_BIN(pipeline), options.record, options.second);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const auto server = Ref<SoupServer>::take(soup_server_new(nullptr, nullptr));
  soup_server_add_websocket_handler(server.get(), nullptr, nullptr, nullptr, onWebSocket, nullptr,
                                    nullptr);
  if (recorder) soup_server_add_handler(server.get(), nullptr, onPage, nullptr, nullptr);
  gws::OwnedError error;
  const auto listen = options.everywhere ? soup_server_listen_all : soup_server_listen_local;
  if (!listen(server.get(), 0, SOUP_SERVER_LISTEN_IPV4_ONLY, Out(error))) {
    std::fprintf(stderr, "cannot listen: %s\n", error->message);
    return 1;
  }
  GSList *uris = soup_server_get_uris(server.get());
  const int port = g_uri_get_port(static_cast<GUri *>(uris->data));
  g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  if (recorder)
    recorder->run(static_cast<unsigned>(port));
  else
    gws::benchmark::serve(static_cast<unsigned>(port));
  std::_Exit(0);
}
