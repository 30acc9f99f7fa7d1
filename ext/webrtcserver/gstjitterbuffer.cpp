// SPDX-License-Identifier: LGPL-2.1-or-later
// The element's pads, properties and signals.
#include "gstjitterbuffer.h"

#include "jitter_buffer.h"

namespace gws {

namespace {

struct GwsJitterBuffer {
  GstElement parent;
  JitterBuffer *state;
};
struct GwsJitterBufferClass {
  GstElementClass parent;
};
enum Property {
  kLatency = 1,
  kDoLost,
  kDoRetransmission,
  kTsOffset,
  kAddReferenceTimestampMeta,
  kStats,
};

}  // namespace

G_DEFINE_FINAL_TYPE(GwsJitterBuffer, gws_jitter_buffer, GST_TYPE_ELEMENT)

static JitterBuffer &stateOf(gpointer element) {
  return *static_cast<GwsJitterBuffer *>(element)->state;
}

static void setProperty(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  JitterBuffer &buffer = stateOf(object);
  switch (id) {
    case kLatency:
      if (buffer.latencyMs_.exchange(g_value_get_uint(value)) != g_value_get_uint(value))
        gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
      break;
    case kDoLost:
      buffer.doLost_ = g_value_get_boolean(value);
      break;
    case kDoRetransmission:
      buffer.doRetransmission_ = g_value_get_boolean(value);
      break;
    case kTsOffset:
      buffer.tsOffset_ = g_value_get_int64(value);
      break;
    case kAddReferenceTimestampMeta:
      buffer.addReferenceTime_ = g_value_get_boolean(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void readProperty(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  JitterBuffer &buffer = stateOf(object);
  switch (id) {
    case kLatency:
      return g_value_set_uint(value, buffer.latencyMs_);
    case kDoLost:
      return g_value_set_boolean(value, buffer.doLost_);
    case kDoRetransmission:
      return g_value_set_boolean(value, buffer.doRetransmission_);
    case kTsOffset:
      return g_value_set_int64(value, buffer.tsOffset_);
    case kAddReferenceTimestampMeta:
      return g_value_set_boolean(value, buffer.addReferenceTime_);
    case kStats:
      return g_value_take_boxed(value, buffer.stats().release());
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void addPads(GstElement *element, JitterBuffer &buffer) {
  GstElementClass *klass = GST_ELEMENT_GET_CLASS(element);
  buffer.sink = Ref<GstPad>::sink(
      gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "sink"), "sink"));
  buffer.src = Ref<GstPad>::sink(
      gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "src"), "src"));
  gst_pad_set_chain_function(buffer.sink.get(), [](GstPad *, GstObject *parent, GstBuffer *packet) {
    return stateOf(parent).onPacket(Ref<GstBuffer>::take(packet));
  });
  gst_pad_set_event_function(buffer.sink.get(),
                             [](GstPad *, GstObject *parent, GstEvent *event) -> gboolean {
                               return stateOf(parent).onEvent(Ref<GstEvent>::take(event));
                             });
  gst_pad_set_query_function(buffer.src.get(),
                             [](GstPad *pad, GstObject *parent, GstQuery *query) -> gboolean {
                               if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
                                 return stateOf(parent).onLatencyQuery(query);
                               return gst_pad_query_default(pad, parent, query);
                             });
  gst_pad_set_activatemode_function(
      buffer.src.get(),
      [](GstPad *, GstObject *parent, GstPadMode mode, gboolean active) -> gboolean {
        return mode == GST_PAD_MODE_PUSH && stateOf(parent).activate(active);
      });
  gst_element_add_pad(element, buffer.sink.get());
  gst_element_add_pad(element, buffer.src.get());
}

static GstPad *requestPad(GstElement *element, GstPadTemplate *rtcp, const char *,
                          const GstCaps *) {
  auto pad = Ref<GstPad>::sink(gst_pad_new_from_template(rtcp, "sink_rtcp"));
  gst_pad_set_chain_function(pad.get(), [](GstPad *, GstObject *parent, GstBuffer *compound) {
    return stateOf(parent).onRtcp(Ref<GstBuffer>::take(compound));
  });
  gst_pad_set_event_function(pad.get(), [](GstPad *, GstObject *, GstEvent *event) -> gboolean {
    Ref<GstEvent>::take(event).reset();
    return TRUE;
  });
  gst_pad_set_active(pad.get(), TRUE);
  gst_element_add_pad(element, pad.get());
  return pad.get();
}

/// It is live: there is nothing to preroll.
static GstStateChangeReturn changeState(GstElement *element, GstStateChange transition) {
  const auto result =
      GST_ELEMENT_CLASS(gws_jitter_buffer_parent_class)->change_state(element, transition);
  const bool pauses = transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
                      transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
  return pauses && result != GST_STATE_CHANGE_FAILURE ? GST_STATE_CHANGE_NO_PREROLL : result;
}

static void installProperties(GObjectClass *klass) {
  const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  const auto boolean = [=](Property id, const char *name, const char *text) {
    g_object_class_install_property(klass, id,
                                    g_param_spec_boolean(name, nullptr, text, FALSE, flags));
  };
  g_object_class_install_property(
      klass, kLatency,
      g_param_spec_uint("latency", nullptr, "ms that a missing packet is waited for", 0, G_MAXUINT,
                        200, flags));
  boolean(kDoLost, "do-lost", "Tell downstream of each packet that is given up");
  boolean(kDoRetransmission, "do-retransmission", "Ask upstream for missing packets");
  boolean(kAddReferenceTimestampMeta, "add-reference-timestamp-meta",
          "Add the sender's wall clock to buffers, once it has told it");
  g_object_class_install_property(
      klass, kTsOffset,
      g_param_spec_int64("ts-offset", nullptr, "ns that are added to times", G_MININT64, G_MAXINT64,
                         0, flags));
  g_object_class_install_property(
      klass, kStats,
      g_param_spec_boxed("stats", nullptr, "What was counted", GST_TYPE_STRUCTURE,
                         GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

static void gws_jitter_buffer_class_init(GwsJitterBufferClass *klass) {
  static GstStaticPadTemplate templates[] = {
      GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                              GST_STATIC_CAPS("application/x-rtp")),
      GST_STATIC_PAD_TEMPLATE("sink_rtcp", GST_PAD_SINK, GST_PAD_REQUEST,
                              GST_STATIC_CAPS("application/x-rtcp")),
      GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                              GST_STATIC_CAPS("application/x-rtp"))};
  auto *object = G_OBJECT_CLASS(klass);
  object->set_property = setProperty;
  object->get_property = readProperty;
  object->finalize = [](GObject *self) {
    delete reinterpret_cast<GwsJitterBuffer *>(self)->state;
    G_OBJECT_CLASS(gws_jitter_buffer_parent_class)->finalize(self);
  };
  installProperties(object);
  auto *element = &klass->parent;
  element->change_state = changeState;
  element->request_new_pad = requestPad;
  element->release_pad = [](GstElement *self, GstPad *pad) { gst_element_remove_pad(self, pad); };
  for (auto &pad : templates)
    gst_element_class_add_static_pad_template(element, &pad);
  gst_element_class_set_static_metadata(element, "Jitter buffer", "Filter/Network/RTP",
                                        "Puts RTP packets in order", "gst-webrtc-server");
  const GType type = G_TYPE_FROM_CLASS(klass);
  g_signal_new("request-pt-map", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
               GST_TYPE_CAPS, 1, G_TYPE_UINT);
  g_signal_new("handle-sync", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
               GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void gws_jitter_buffer_init(GwsJitterBuffer *self) {
  self->state = new JitterBuffer(&self->parent);
  addPads(&self->parent, *self->state);
}

Ref<GstElement> makeJitterBuffer() {
  return Ref<GstElement>::sink(GST_ELEMENT(g_object_new(gws_jitter_buffer_get_type(), nullptr)));
}

}  // namespace gws
