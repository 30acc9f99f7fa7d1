// SPDX-License-Identifier: LGPL-2.1-or-later
// The benchmark's first party: a pipeline with a webrtcpublishsrc whose src_%u pads go to
// fakesinks.
//
// Words on its command line set properties of the element: "local-addresses=127.0.0.1". The word
// "log-pictures" is for the tables of tests/network.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>

#include "gst/common/gobj.h"
#include "receiver.h"

using gws::getProperty;
using gws::Owned;
using gws::Ref;

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  const auto pipeline = Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  GstElement *element = gst_element_factory_make("webrtcpublishsrc", nullptr);
  if (!element) {
    std::fprintf(stderr, "there is no element webrtcpublishsrc in GST_PLUGIN_PATH\n");
    return 1;
  }
  g_object_set(element, "port", 0u, nullptr);
  for (int i = 1; i < argc; ++i) {
    if (g_str_equal(argv[i], "log-pictures")) {
      gws::benchmark::logMarkedPictures();
      continue;
    }
    Owned<char *, g_strfreev> words(g_strsplit(argv[i], "=", 2));
    if (g_strv_length(words.get()) != 2 ||
        !g_object_class_find_property(G_OBJECT_GET_CLASS(element), words.get()[0])) {
      std::fprintf(stderr, "'%s' is no PROPERTY=VALUE of webrtcpublishsrc\n", argv[i]);
      return 2;
    }
    gst_util_set_object_arg(G_OBJECT(element), words.get()[0], words.get()[1]);
  }
  using OnPad = void (*)(GstElement *, GstPad *, GstBin *);
  const OnPad onPad = [](GstElement *, GstPad *pad, GstBin *bin) {
    gws::benchmark::sinkAndCount(bin, pad, gws::takeString(getProperty<char *>(pad, "stream")),
                                 gws::takeString(getProperty<char *>(pad, "kind")));
  };
  g_signal_connect(element, "pad-added", G_CALLBACK(onPad), pipeline.get());
  gst_bin_add(GST_BIN(pipeline.get()), element);
  if (gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    std::fprintf(stderr, "the pipeline does not start\n");
    return 1;
  }
  gws::benchmark::serve(getProperty<guint>(element, "current-port"));
  // The figures are taken; what teardown costs is not among them.
  std::_Exit(0);
}
