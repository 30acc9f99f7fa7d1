// SPDX-License-Identifier: LGPL-2.1-or-later
// The walk from a pad to the sinks.
#include "downstream.h"

#include <gst/base/base.h>

#include <cstring>
#include <functional>
#include <set>

#include "gst/common/gobj.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-downstream", "what is behind the pads");

namespace gws {

using PadIterator = Owned<GstIterator, gst_iterator_free>;

namespace {

/// Visits each element that data can reach, as long as `visit` returns true.
class Walk {
 public:
  explicit Walk(std::function<bool(GstElement *)> visit) : visit_(std::move(visit)) {}

  void from(GstPad *source) {
    auto sink = Ref<GstPad>::take(gst_pad_get_peer(source));
    if (!sink || !seen_.insert(sink.get()).second) return;
    auto parent = Ref<GstObject>::take(gst_pad_get_parent(GST_OBJECT(sink.get())));
    if (parent && GST_IS_ELEMENT(parent.get()) && !visit_(GST_ELEMENT(parent.get()))) return;
    PadIterator links(gst_pad_iterate_internal_links(sink.get()));
    if (!links) return;
    auto next = [](const GValue *pad, gpointer walk) {
      static_cast<Walk *>(walk)->from(GST_PAD(g_value_get_object(pad)));
    };
    gst_iterator_foreach(links.get(), next, this);
  }

 private:
  const std::function<bool(GstElement *)> visit_;
  std::set<GstPad *> seen_;  ///< compared, never used
};

}  // namespace

void waiveDownstreamPreroll(GstPad *source) {
  Walk([](GstElement *element) {
    if (!GST_IS_BASE_SINK(element) || !gst_base_sink_is_async_enabled(GST_BASE_SINK(element)))
      return true;
    GST_INFO_OBJECT(element, "async=false, since its stream may begin at any time");
    gst_base_sink_set_async_enabled(GST_BASE_SINK(element), FALSE);
    return true;
  }).from(source);
}

static bool isOfKlass(GstElement *element, const char *word) {
  const char *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
  return klass && strstr(klass, word);
}

Destination destinationOf(GstPad *source) {
  Destination result;
  bool mixer = false, other = false;
  Walk([&](GstElement *element) {
    const bool aggregator = GST_IS_AGGREGATOR(element);
    if (isOfKlass(element, "Muxer")) {
      result.muxer = other = true;
      result.liveMuxer = result.liveMuxer || aggregator;
    } else if (aggregator) {
      mixer = true;
    } else {
      other = other || isOfKlass(element, "Encoder") || isOfKlass(element, "Sink");
    }
    return !aggregator;
  }).from(source);
  result.onlyMixers = mixer && !other;
  return result;
}

}  // namespace gws
