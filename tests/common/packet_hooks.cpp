// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets of a webrtcbin that are changed on their way out.
#include "packet_hooks.h"

#include "gst/common/gobj.h"

namespace gws::test {

namespace {

Ref<GstBuffer> changed(GstBuffer *buffer, const PacketHook &hook) {
  std::string bytes(gst_buffer_get_size(buffer), '\0');
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  const std::string before = bytes;
  hook(bytes);
  if (bytes == before) return Ref<GstBuffer>::share(buffer);
  if (bytes.empty()) return nullptr;
  auto copy = Ref<GstBuffer>::take(gst_buffer_new_memdup(bytes.data(), bytes.size()));
  gst_buffer_copy_into(
      copy.get(), buffer,
      static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
      static_cast<gsize>(-1));
  return copy;
}

GstPadProbeReturn onBuffer(GstPadProbeInfo *info, const PacketHook &hook) {
  auto before = Ref<GstBuffer>::take(GST_PAD_PROBE_INFO_BUFFER(info));
  info->data = changed(before.get(), hook).release();
  return info->data ? GST_PAD_PROBE_OK : GST_PAD_PROBE_HANDLED;
}

GstPadProbeReturn onList(GstPadProbeInfo *info, const PacketHook &hook) {
  GstBufferList *list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
  gst_buffer_list_foreach(
      list,
      [](GstBuffer **buffer, guint, gpointer data) -> gboolean {
        *buffer = changed(Ref<GstBuffer>::take(*buffer).get(), *static_cast<PacketHook *>(data))
                      .release();
        return TRUE;
      },
      const_cast<PacketHook *>(&hook));
  info->data = list;
  return GST_PAD_PROBE_OK;
}

void addProbe(GstPad *pad, const PacketHook &hook) {
  const auto type =
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
  gst_pad_add_probe(
      pad, type,
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        const auto &held = *static_cast<PacketHook *>(data);
        return info->type & GST_PAD_PROBE_TYPE_BUFFER ? onBuffer(info, held) : onList(info, held);
      },
      new PacketHook(hook), [](gpointer data) { delete static_cast<PacketHook *>(data); });
}

/// On all sink pads of the elements that a factory made.
void addTo(GstBin *bin, const char *factory, const PacketHook &hook) {
  if (!hook) return;
  Owned<GstIterator, gst_iterator_free> found(
      gst_bin_iterate_all_by_element_factory_name(bin, factory));
  auto each = [](const GValue *item, gpointer data) {
    auto *element = GST_ELEMENT(g_value_get_object(item));
    gst_element_foreach_sink_pad(
        element,
        [](GstElement *, GstPad *pad, gpointer held) -> gboolean {
          addProbe(pad, *static_cast<PacketHook *>(held));
          return TRUE;
        },
        data);
  };
  gst_iterator_foreach(found.get(), each, const_cast<PacketHook *>(&hook));
}

}  // namespace

void addPacketHooks(GstBin *webrtcbin, const PacketHooks &hooks) {
  addTo(webrtcbin, "srtpenc", hooks.plain);
  addTo(webrtcbin, "nicesink", hooks.sealed);
}

}  // namespace gws::test
