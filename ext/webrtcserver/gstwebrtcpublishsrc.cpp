// SPDX-License-Identifier: LGPL-2.1-or-later
// GObject glue of webrtcpublishsrc.

/**
 * SECTION:element-webrtcpublishsrc
 * @title: webrtcpublishsrc
 *
 * A WebSocket signalling server and WebRTC receiver in one element. A browser publishes its camera,
 * microphone or screen to `ws://HOST:PORT/STREAM/webrtc/publish`, and the stream comes out of the
 * pads `video_STREAM` and `audio_STREAM`. The page `http://HOST:PORT/STREAM/publish` does that
 * without a line of code. Browsers give a page the camera on https and on localhost only.
 *
 * A pad that was requested exists before, between and after publications. What it is linked to
 * decides which codec the publisher is asked for. Streams without request pads come out of pads
 * `src_0`, `src_1`, …, which appear and go with their publisher; their properties say what they
 * are.
 *
 * Signals are emitted from threads of the element's own; a handler may block, but must not change
 * the element's state.
 *
 * ## Record what the page http://localhost:8080/cam1/publish sends
 * |[
 * gst-launch-1.0 -e webrtcpublishsrc name=pub port=8080 \
 *     pub.video_cam1 ! queue ! h264parse ! mux. \
 *     pub.audio_cam1 ! queue ! opusparse ! mux. \
 *     matroskamux name=mux ! filesink location=cam1.mkv
 * ]|
 *
 * ## Look at it and listen to it
 * |[
 * gst-launch-1.0 webrtcpublishsrc name=pub \
 *     pub.video_cam1 ! queue ! videoconvert ! autovideosink \
 *     pub.audio_cam1 ! queue ! audioconvert ! audioresample ! autoaudiosink
 * ]|
 *
 * ## A stream with a name that is no pad's name
 * |[
 * gst-launch-1.0 webrtcpublishsrc name=pub video_a::stream=room/cam1 pub.video_a ! queue ! fakesink
 * ]|
 */
#include "gstwebrtcpublishsrc.h"

#include "gstwebrtcpublishpad.h"
#include "media.h"
#include "publish_src.h"

using gws::MediaKind;
using gws::PublishSrc;
using gws::Ref;

struct _GstWebRTCPublishSrc {
  GstBin parent;
  PublishSrc *impl;
};

static void childProxyInit(gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE(GstWebRTCPublishSrc, gst_webrtc_publish_src, GST_TYPE_BIN,
                              G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, childProxyInit))
GST_ELEMENT_REGISTER_DEFINE(webrtcpublishsrc, "webrtcpublishsrc", GST_RANK_NONE,
                            GST_TYPE_WEBRTC_PUBLISH_SRC)

enum {
  SIGNAL_AUTHORIZE,
  SIGNAL_WEBRTCBIN_READY,
  SIGNAL_PUBLISHER_ADDED,
  SIGNAL_PUBLISHER_REMOVED,
  SIGNAL_DISCONNECT_PUBLISHER,
  SIGNAL_REQUEST_KEYFRAME,
  SIGNALS
};
static guint signalIds[SIGNALS];
static guint propCurrentPort, propPublishers, propStats;

static PublishSrc &impl(gpointer self) { return *GST_WEBRTC_PUBLISH_SRC(self)->impl; }

static void setProperty(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  if (!impl(object).setSetting(id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void setStrings(GValue *value, const std::vector<std::string> &strings) {
  auto **array = g_new0(char *, strings.size() + 1);
  for (std::size_t i = 0; i < strings.size(); i++)
    array[i] = g_strdup(strings[i].c_str());
  g_value_take_boxed(value, array);
}

static void getProperty(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  if (id == propCurrentPort) return g_value_set_uint(value, impl(object).currentPort());
  if (id == propStats) return g_value_take_boxed(value, impl(object).statistics().release());
  if (id == propPublishers) return setStrings(value, impl(object).publisherIds());
  if (!impl(object).getSetting(id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_webrtc_publish_src_finalize(GObject *object) {
  delete GST_WEBRTC_PUBLISH_SRC(object)->impl;
  G_OBJECT_CLASS(gst_webrtc_publish_src_parent_class)->finalize(object);
}

static GstStateChangeReturn changeState(GstElement *element, GstStateChange transition) {
  PublishSrc &src = impl(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) src.prepare();
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (auto started = src.start(); !started) {
      GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ,
                        ("The server could not be started: %s.", started.error().detail.c_str()),
                        (nullptr));
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) src.setPlaying(false);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) src.stopClients();
  auto result =
      GST_ELEMENT_CLASS(gst_webrtc_publish_src_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (result == GST_STATE_CHANGE_FAILURE) {
      src.stopClients();
      src.stop();
    } else {
      src.primePads();
    }
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) src.stop();
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING) src.setPlaying(true);
  if (result == GST_STATE_CHANGE_FAILURE) return result;
  // A live source: there is nothing to preroll.
  bool paused = GST_STATE_TRANSITION_NEXT(transition) == GST_STATE_PAUSED;
  return paused ? GST_STATE_CHANGE_NO_PREROLL : GST_STATE_CHANGE_SUCCESS;
}

static GstPad *requestNewPad(GstElement *element, GstPadTemplate *templ, const char *name,
                             const GstCaps *) {
  GstPad *pad = impl(element).requestPad(templ, name);
  if (pad) gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_PAD_NAME(pad));
  return pad;
}

static void releasePad(GstElement *element, GstPad *pad) {
  auto kept = Ref<GstPad>::share(pad);
  impl(element).releasePad(pad);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_PAD_NAME(pad));
}

static gboolean sendEvent(GstElement *element, GstEvent *event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS(gst_webrtc_publish_src_parent_class)->send_event(element, event);
  Ref<GstEvent>::take(event).reset();
  impl(element).sendEos();
  return TRUE;
}

/// Not GstBin's, which hands the clock on: the publishers' bins keep the one that they were started
/// with, and Track converts.
static gboolean setClock(GstElement *element, GstClock *clock) {
  return GST_ELEMENT_CLASS(g_type_class_peek(GST_TYPE_ELEMENT))->set_clock(element, clock);
}

static void handleMessage(GstBin *bin, GstMessage *message) {
  if (GstMessage *passed = impl(bin).filterMessage(message))
    GST_BIN_CLASS(gst_webrtc_publish_src_parent_class)->handle_message(bin, passed);
}

static gboolean disconnectPublisher(GstWebRTCPublishSrc *self, const char *id) {
  return id && self->impl->disconnectPublisher(id);
}

static gboolean requestKeyframe(GstWebRTCPublishSrc *self, const char *stream) {
  return stream && self->impl->requestKeyframe(stream);
}

static void installProperties(GObjectClass *object) {
  guint next;
  gws::installSettings(object, &next);
  propCurrentPort = next++;
  propPublishers = next++;
  propStats = next++;
  const auto readable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object, propCurrentPort,
      g_param_spec_uint("current-port", "Current port",
                        "TCP port that the server listens on; 0 while it does not. Its "
                        "notification comes with the change from READY to PAUSED",
                        0, 65535, 0, readable));
  g_object_class_install_property(
      object, propPublishers,
      g_param_spec_boxed("publishers", "Publishers",
                         "Ids of those who are publishing now, as in publisher-added", G_TYPE_STRV,
                         readable));
  g_object_class_install_property(
      object, propStats,
      g_param_spec_boxed("stats", "Statistics",
                         "A structure with one field for each publisher (publisher-0, ...): a "
                         "structure with id, stream, door (websocket or whip), address, "
                         "user-agent, uptime (ns since it was connected), the way of its packets, "
                         "one structure for each track (track-0, ...) and, if the client sends "
                         "its own, client-statistics (JSON). docs/statistics.md lists all fields",
                         GST_TYPE_STRUCTURE, readable));
}

/// One handler's veto is enough.
static gboolean untilFalse(GSignalInvocationHint *, GValue *result, const GValue *returned,
                           gpointer) {
  const gboolean accepted = g_value_get_boolean(returned);
  g_value_set_boolean(result, accepted);
  return accepted;
}

static gboolean authorizeByDefault(GstWebRTCPublishSrc *, const char *, const GstStructure *) {
  return TRUE;
}

static void installSignals(GType type) {
  /**
   * GstWebRTCPublishSrc::authorize:
   * @stream: the stream's name
   * @request: what the client said, as strings: name, proto, ip, session-id, token, qs (the raw
   *   query), user-agent, referer, host, origin
   *
   * Somebody wants to publish; `token` and `streams` have let it in. Return %FALSE to refuse it
   * (403). Emitted from a worker thread, before `auth-url` is asked and before the WebSocket is
   * opened or the WHIP client's POST is answered; a handler may block, other clients go on. The
   * structure holds secrets.
   */
  signalIds[SIGNAL_AUTHORIZE] = g_signal_new_class_handler(
      "authorize", type, G_SIGNAL_RUN_LAST, G_CALLBACK(authorizeByDefault), untilFalse, nullptr,
      nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, GST_TYPE_STRUCTURE);
  /**
   * GstWebRTCPublishSrc::webrtcbin-ready:
   * @publisher_id: the publisher's id
   * @webrtcbin: its webrtcbin, before it sees the offer
   *
   * For settings that this element has no property for. Emitted from a worker thread.
   */
  signalIds[SIGNAL_WEBRTCBIN_READY] =
      g_signal_new("webrtcbin-ready", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
                   G_TYPE_NONE, 2, G_TYPE_STRING, GST_TYPE_ELEMENT);
  /**
   * GstWebRTCPublishSrc::publisher-added:
   * @stream: the stream's name
   * @publisher_id: the publisher's id
   *
   * Somebody's media are connected. The signal's detail is the door by which it came:
   * `publisher-added::whip` or `publisher-added::websocket`. Emitted from a worker thread; the bus
   * message `webrtc-publisher-added` says the same, with the door as a field.
   */
  signalIds[SIGNAL_PUBLISHER_ADDED] =
      g_signal_new("publisher-added", type, GSignalFlags(G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED), 0,
                   nullptr, nullptr, nullptr, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstWebRTCPublishSrc::publisher-removed:
   * @stream: the stream's name
   * @publisher_id: the publisher's id
   * @reason: why, in words
   *
   * A publisher that was added is gone, or has ended and waits for a downstream that takes
   * nothing. Emitted from a worker thread; the bus message `webrtc-publisher-removed` says the
   * same.
   */
  signalIds[SIGNAL_PUBLISHER_REMOVED] =
      g_signal_new("publisher-removed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
                   G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
}

static void installActions(GType type) {
  /**
   * GstWebRTCPublishSrc::disconnect-publisher:
   * @publisher_id: the publisher's id
   *
   * Ends a publisher. Returns: %FALSE if there is none with that id.
   */
  signalIds[SIGNAL_DISCONNECT_PUBLISHER] = g_signal_new_class_handler(
      "disconnect-publisher", type, static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      G_CALLBACK(disconnectPublisher), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstWebRTCPublishSrc::request-keyframe:
   * @stream: the stream's name
   *
   * Asks the stream's publisher for a key frame (PLI). Returns: %FALSE if nobody publishes it.
   */
  signalIds[SIGNAL_REQUEST_KEYFRAME] = g_signal_new_class_handler(
      "request-keyframe", type, static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      G_CALLBACK(requestKeyframe), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
}

static void addTemplate(GstElementClass *klass, const char *name, GstPadPresence presence,
                        Ref<GstCaps> caps) {
  gst_element_class_add_pad_template(
      klass, gst_pad_template_new_with_gtype(name, GST_PAD_SRC, presence, caps.get(),
                                             GST_TYPE_WEBRTC_PUBLISH_PAD));
}

static void gst_webrtc_publish_src_class_init(GstWebRTCPublishSrcClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstElementClass *element = GST_ELEMENT_CLASS(klass);
  object->set_property = setProperty;
  object->get_property = getProperty;
  object->finalize = gst_webrtc_publish_src_finalize;
  element->change_state = changeState;
  element->request_new_pad = requestNewPad;
  element->release_pad = releasePad;
  element->send_event = sendEvent;
  element->set_clock = setClock;
  GST_BIN_CLASS(klass)->handle_message = handleMessage;
  installProperties(object);
  installSignals(G_TYPE_FROM_CLASS(klass));
  installActions(G_TYPE_FROM_CLASS(klass));

  auto video = Ref<GstCaps>::take(gws::padTemplateCaps(MediaKind::Video));
  auto audio = Ref<GstCaps>::take(gws::padTemplateCaps(MediaKind::Audio));
  auto both = Ref<GstCaps>::take(gst_caps_copy(video.get()));
  gst_caps_append(both.get(), gst_caps_copy(audio.get()));
  addTemplate(element, "video_%s", GST_PAD_REQUEST, video);
  addTemplate(element, "audio_%s", GST_PAD_REQUEST, audio);
  addTemplate(element, "src_%u", GST_PAD_SOMETIMES, both);
  gst_type_mark_as_plugin_api(GST_TYPE_WEBRTC_PUBLISH_PAD, static_cast<GstPluginAPIFlags>(0));
  gst_element_class_set_static_metadata(
      element, "WebRTC publishing server", "Source/Network",
      "Receives what browsers publish with WebRTC: signalling server and receiver in one",
      "gst-webrtc-server");
}

static void gst_webrtc_publish_src_init(GstWebRTCPublishSrc *self) {
  PublishSrc::Signals emit;
  emit.asksApplication = [self] {
    return bool(g_signal_has_handler_pending(self, signalIds[SIGNAL_AUTHORIZE], 0, FALSE));
  };
  emit.authorize = [self](const std::string &stream, GstStructure *request) {
    gboolean accepted = TRUE;
    g_signal_emit(self, signalIds[SIGNAL_AUTHORIZE], 0, stream.c_str(), request, &accepted);
    return bool(accepted);
  };
  emit.webrtcbinReady = [self](const std::string &id, GstElement *webrtcbin) {
    g_signal_emit(self, signalIds[SIGNAL_WEBRTCBIN_READY], 0, id.c_str(), webrtcbin);
  };
  emit.publisherAdded = [self](const std::string &stream, const std::string &id, const char *door) {
    g_signal_emit(self, signalIds[SIGNAL_PUBLISHER_ADDED], g_quark_from_string(door),
                  stream.c_str(), id.c_str());
  };
  emit.publisherRemoved = [self](const std::string &stream, const std::string &id,
                                 const std::string &reason) {
    g_signal_emit(self, signalIds[SIGNAL_PUBLISHER_REMOVED], 0, stream.c_str(), id.c_str(),
                  reason.c_str());
  };
  self->impl = new PublishSrc(GST_BIN(self), std::move(emit));
  // The sinks inside webrtcbin are nobody's: the pipeline must not wait for their EOS.
  gst_bin_set_suppressed_flags(
      GST_BIN(self), static_cast<GstElementFlags>(GST_ELEMENT_FLAG_SINK | GST_ELEMENT_FLAG_SOURCE));
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

static GObject *childByName(GstChildProxy *proxy, const char *name) {
  return G_OBJECT(gst_element_get_static_pad(GST_ELEMENT(proxy), name));
}

static GObject *childByIndex(GstChildProxy *proxy, guint index) {
  auto pads = impl(proxy).pads();
  return index < pads.size() ? G_OBJECT(pads[index].release()) : nullptr;
}

static guint childrenCount(GstChildProxy *proxy) { return impl(proxy).pads().size(); }

static void childProxyInit(gpointer iface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *>(iface);
  proxy->get_child_by_name = childByName;
  proxy->get_child_by_index = childByIndex;
  proxy->get_children_count = childrenCount;
}
