// SPDX-License-Identifier: LGPL-2.1-or-later
// Pad functions and properties.
#include "gstwebrtcpublishpad.h"

using gws::MediaKind;
using gws::Ref;
using gws::Track;

struct PadState {
  PadState(GstPad *pad, MediaKind kind) : track(pad, kind) {}

  Track track;
  // The rest is guarded by the pad's object lock.
  std::string stream;
  unsigned index = 0;
  GstClockTime latency = 0;
};

struct _GstWebRTCPublishPad {
  GstPad parent;
  PadState *state;
};

G_DEFINE_FINAL_TYPE(GstWebRTCPublishPad, gst_webrtc_publish_pad, GST_TYPE_PAD)

enum { PROP_STREAM = 1, PROP_KIND, PROP_PUBLISHER_ID, PROP_MID, PROP_MSID, PROP_CODEC };

static PadState &stateOf(gpointer pad) { return *GST_WEBRTC_PUBLISH_PAD(pad)->state; }

static void setProperty(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  if (id != PROP_STREAM) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  const char *stream = g_value_get_string(value);
  GST_OBJECT_LOCK(object);
  stateOf(object).stream = stream ? stream : "";
  GST_OBJECT_UNLOCK(object);
}

static void getProperty(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const Track &track = stateOf(object).track;
  switch (id) {
    case PROP_STREAM:
      return g_value_set_string(value, gws::publishPadStream(GST_PAD(object)).c_str());
    case PROP_KIND:
      return g_value_set_string(value, gws::kindName(track.kind()));
    case PROP_PUBLISHER_ID:
      return g_value_set_string(value, track.facts().publisherId.c_str());
    case PROP_MID:
      return g_value_set_string(value, track.facts().mid.c_str());
    case PROP_MSID:
      return g_value_set_string(value, track.facts().msid.c_str());
    case PROP_CODEC:
      return g_value_set_string(value, track.facts().codec.c_str());
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void gst_webrtc_publish_pad_finalize(GObject *object) {
  delete GST_WEBRTC_PUBLISH_PAD(object)->state;
  G_OBJECT_CLASS(gst_webrtc_publish_pad_parent_class)->finalize(object);
}

static void gst_webrtc_publish_pad_class_init(GstWebRTCPublishPadClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  object->set_property = setProperty;
  object->get_property = getProperty;
  object->finalize = gst_webrtc_publish_pad_finalize;
  auto install = [object](guint id, const char *name, const char *blurb, int access) {
    g_object_class_install_property(
        object, id,
        g_param_spec_string(name, name, blurb, nullptr,
                            static_cast<GParamFlags>(access | G_PARAM_STATIC_STRINGS)));
  };
  install(PROP_STREAM, "stream",
          "Name of the stream that comes out here; set on a request pad, any name can be given to "
          "the pad itself. Default: from the pad's name. Counts for the next publisher",
          G_PARAM_READWRITE | GST_PARAM_MUTABLE_PLAYING);
  install(PROP_KIND, "kind", "audio or video", G_PARAM_READABLE);
  install(PROP_PUBLISHER_ID, "publisher-id",
          "Who publishes; as in the element's signals. Empty between publications",
          G_PARAM_READABLE);
  install(PROP_MID, "mid", "The track's a=mid in the offer (RFC 5888). Empty between publications",
          G_PARAM_READABLE);
  install(PROP_MSID, "msid",
          "The track's a=msid in the offer (RFC 8830). Empty between publications",
          G_PARAM_READABLE);
  install(PROP_CODEC, "codec",
          "What the publisher sends: h264, vp8, opus, …. Empty between publications",
          G_PARAM_READABLE);
}

static gboolean onEvent(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto owned = Ref<GstEvent>::take(event);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CUSTOM_UPSTREAM:
      if (stateOf(pad).track.postpone(event)) return TRUE;
      [[fallthrough]];
    case GST_EVENT_RECONFIGURE:
    case GST_EVENT_QOS: {
      auto inlet = stateOf(pad).track.current();
      return inlet && inlet->sendUpstream(owned.release());
    }
    case GST_EVENT_LATENCY:
      return TRUE;
    default:
      return FALSE;  // a live source: no seeks, no navigation
  }
}

static gboolean onQuery(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  GST_OBJECT_LOCK(pad);
  GstClockTime latency = stateOf(pad).latency;
  GST_OBJECT_UNLOCK(pad);
  gst_query_set_latency(query, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean onActivate(GstPad *pad, GstObject *, GstPadMode, gboolean active) {
  if (active)
    stateOf(pad).track.reset();
  else
    stateOf(pad).track.interrupt();
  return TRUE;
}

static void gst_webrtc_publish_pad_init(GstWebRTCPublishPad *pad) {
  gst_pad_set_event_function(GST_PAD(pad), onEvent);
  gst_pad_set_query_function(GST_PAD(pad), onQuery);
  gst_pad_set_activatemode_function(GST_PAD(pad), onActivate);
  pad->state = new PadState(GST_PAD(pad), MediaKind::Video);
}

namespace gws {

GstPad *makePublishPad(GstPadTemplate *templ, const char *name, MediaKind kind, PadName stream) {
  auto *pad =
      GST_WEBRTC_PUBLISH_PAD(g_object_new(GST_TYPE_WEBRTC_PUBLISH_PAD, "name", name, "direction",
                                          GST_PAD_SRC, "template", templ, nullptr));
  pad->state->track.setKind(kind);
  pad->state->stream = std::move(stream.stream);
  pad->state->index = stream.index;
  return GST_PAD(pad);
}

Track *publishPadTrack(GstPad *pad) { return &stateOf(pad).track; }

std::string publishPadStream(GstPad *pad) {
  GST_OBJECT_LOCK(pad);
  std::string stream = stateOf(pad).stream;
  GST_OBJECT_UNLOCK(pad);
  return stream;
}

unsigned publishPadIndex(GstPad *pad) { return stateOf(pad).index; }

void setPublishPadLatency(GstPad *pad, GstClockTime latency) {
  GST_OBJECT_LOCK(pad);
  stateOf(pad).latency = latency;
  GST_OBJECT_UNLOCK(pad);
}

}  // namespace gws
