// SPDX-License-Identifier: LGPL-2.1-or-later
// Taking a bin with a webrtcbin down to NULL.
#pragma once

#include <gst/gst.h>

#include "gst/common/gobj.h"

namespace gws {

/// Sets the bin and everything in it to NULL. webrtcbin's own thread goes on until webrtcbin is in
/// NULL and may have started elements meanwhile, behind the back of the bin's state change; those
/// would run for ever. It may also have blocked the pad of a transport's receiving bin that was in
/// NULL again; the block holds the bin, with its sockets, and goes with a change from READY to NULL
/// alone. Not from webrtcbin's thread or a streaming thread.
inline void stopForGood(GstElement *bin) {
  gst_element_set_state(bin, GST_STATE_NULL);
  auto stop = [](const GValue *item, gpointer) {
    auto *element = GST_ELEMENT(g_value_get_object(item));
    if (GST_STATE(element) != GST_STATE_NULL || GST_STATE_TARGET(element) != GST_STATE_NULL)
      gst_element_set_state(element, GST_STATE_NULL);
  };
  Owned<GstIterator, gst_iterator_free> all(gst_bin_iterate_recurse(GST_BIN(bin)));
  while (gst_iterator_foreach(all.get(), stop, nullptr) == GST_ITERATOR_RESYNC)
    gst_iterator_resync(all.get());
  auto unblock = [](const GValue *item, gpointer) {
    auto *element = GST_ELEMENT(g_value_get_object(item));
    auto parent = Ref<GstElement>::take(GST_ELEMENT(gst_object_get_parent(GST_OBJECT(element))));
    auto pad = Ref<GstPad>::take(gst_element_get_static_pad(element, "src"));
    if (!parent || !pad || !gst_pad_is_blocked(pad.get()) ||
        !g_str_equal(G_OBJECT_TYPE_NAME(parent.get()), "TransportReceiveBin"))
      return;
    gst_element_set_state(parent.get(), GST_STATE_READY);
    gst_element_set_state(parent.get(), GST_STATE_NULL);
  };
  do
    gst_iterator_resync(all.get());
  while (gst_iterator_foreach(all.get(), unblock, nullptr) == GST_ITERATOR_RESYNC);
}

}  // namespace gws
