// SPDX-License-Identifier: LGPL-2.1-or-later
// Records every stream that is published, each to a Matroska file of its own: how an application
// embeds webrtcpublishsrc and uses its src_%u pads.
#include <glib-unix.h>
#include <gst/gst.h>

#include <map>
#include <string>

struct Options {
  std::string address = "127.0.0.1", directory = "recordings";
  int port = 8080;
};

/// One publisher's file. The bin holds the muxer and the file sink.
struct Recording {
  std::string stream, file, codecs, size;
  GstElement *bin = nullptr, *mux = nullptr;
  bool announced = false;
};

struct App {
  Options options;
  GMainLoop *loop = nullptr;
  GstElement *pipeline = nullptr;
  // By publisher-id; pads come and go on threads of the element.
  GMutex mutex;
  std::map<std::string, Recording> recordings;
  bool stopping = false;
};

static std::string padText(GstPad *pad, const char *property) {
  char *value = nullptr;
  g_object_get(pad, property, &value, nullptr);
  std::string text = value ? value : "";
  g_free(value);
  return text;
}

/// room/cam1 → recordings/room_cam1-20260131-235959-0123.mkv
static std::string fileName(const App &app, const std::string &stream, const std::string &id) {
  GDateTime *now = g_date_time_new_now_local();
  char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
  std::string name = stream + "-" + time + "-" + id.substr(0, 4) + ".mkv";
  g_free(time);
  g_date_time_unref(now);
  for (char &c : name)
    if (c == '/') c = '_';
  if (name[0] == '.') name[0] = '_';
  return app.options.directory + "/" + name;
}

static void startRecording(App &app, Recording &recording, const std::string &stream,
                           const std::string &id) {
  recording.stream = stream;
  recording.file = fileName(app, stream, id);
  recording.bin = gst_bin_new(("recording-" + id).c_str());
  recording.mux = gst_element_factory_make("matroskamux", nullptr);
  GstElement *sink = gst_element_factory_make("filesink", nullptr);
  g_object_set(recording.mux, "offset-to-zero", TRUE, nullptr);
  g_object_set(sink, "location", recording.file.c_str(), nullptr);
  gst_bin_add_many(GST_BIN(recording.bin), recording.mux, sink, nullptr);
  gst_element_link(recording.mux, sink);
  // A file that ends must not be the pipeline's end, and waits for nobody's preroll.
  g_object_set(recording.bin, "async-handling", TRUE, nullptr);
  g_object_set(sink, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(app.pipeline), recording.bin);
}

/// pad → queue [→ parser] → muxer. The element adds all pads of a publisher before data flows.
static void onPadAdded(GstElement *, GstPad *pad, gpointer data) {
  App &app = *static_cast<App *>(data);
  std::string id = padText(pad, "publisher-id"), kind = padText(pad, "kind");
  std::string codec = padText(pad, "codec");
  g_mutex_lock(&app.mutex);
  Recording &recording = app.recordings[id];
  if (!recording.bin) startRecording(app, recording, padText(pad, "stream"), id);
  recording.codecs += (recording.codecs.empty() ? "" : "+") + codec;
  GstElement *queue = gst_element_factory_make("queue", nullptr);
  gst_bin_add(GST_BIN(recording.bin), queue);
  GstElement *last = queue;
  if (codec == "h264" || codec == "h265") {
    last = gst_element_factory_make((codec + "parse").c_str(), nullptr);
    gst_bin_add(GST_BIN(recording.bin), last);
    gst_element_link(queue, last);
  }
  gst_element_link_pads(last, "src", recording.mux, (kind + "_%u").c_str());
  GstPad *sink = gst_element_get_static_pad(queue, "sink");
  GstPad *ghost = gst_ghost_pad_new(("sink-" + kind + padText(pad, "mid")).c_str(), sink);
  gst_pad_set_active(ghost, TRUE);
  gst_element_add_pad(recording.bin, ghost);
  gst_element_sync_state_with_parent(recording.bin);
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, ghost)))
    g_printerr("%s: no recording of its %s track\n", recording.stream.c_str(), kind.c_str());
  gst_object_unref(sink);
  g_mutex_unlock(&app.mutex);
}

/// The size is known with the first picture; a publisher without video has none.
static gboolean announce(gpointer data) {
  App &app = *static_cast<App *>(data);
  g_mutex_lock(&app.mutex);
  for (auto &[id, recording] : app.recordings) {
    if (recording.announced) continue;
    GstIterator *pads = gst_element_iterate_sink_pads(recording.bin);
    GValue item = G_VALUE_INIT;
    bool ready = true;
    while (gst_iterator_next(pads, &item) == GST_ITERATOR_OK) {
      GstCaps *caps = gst_pad_get_current_caps(GST_PAD(g_value_get_object(&item)));
      int width = 0, height = 0;
      if (!caps) ready = false;
      if (caps) {
        GstStructure *fields = gst_caps_get_structure(caps, 0);
        if (gst_structure_get_int(fields, "width", &width) &&
            gst_structure_get_int(fields, "height", &height))
          recording.size = " " + std::to_string(width) + "x" + std::to_string(height);
        gst_caps_unref(caps);
      }
      g_value_unset(&item);
    }
    gst_iterator_free(pads);
    if (!ready) continue;
    recording.announced = true;
    g_print("+ %s: %s%s → %s\n", recording.stream.c_str(), recording.codecs.c_str(),
            recording.size.c_str(), recording.file.c_str());
  }
  g_mutex_unlock(&app.mutex);
  return G_SOURCE_CONTINUE;
}

/// A recording's muxer has written its end: the file is complete.
static void finish(App &app, GstObject *bin) {
  g_mutex_lock(&app.mutex);
  for (auto it = app.recordings.begin(); it != app.recordings.end(); ++it) {
    if (GST_OBJECT(it->second.bin) != bin) continue;
    gst_element_set_state(it->second.bin, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(app.pipeline), it->second.bin);
    g_print("- %s: %s is complete\n", it->second.stream.c_str(), it->second.file.c_str());
    app.recordings.erase(it);
    break;
  }
  if (app.stopping && app.recordings.empty()) g_main_loop_quit(app.loop);
  g_mutex_unlock(&app.mutex);
}

static void printError(GstMessage *message) {
  GError *error = nullptr;
  char *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  g_printerr("%s\n%s\n", error->message, debug ? debug : "");
  g_error_free(error);
  g_free(debug);
}

static gboolean onMessage(GstBus *, GstMessage *message, gpointer data) {
  App &app = *static_cast<App *>(data);
  const GstStructure *fields = gst_message_get_structure(message);
  if (gst_message_has_name(message, "GstBinForwarded")) {
    GstMessage *inner = nullptr;
    gst_structure_get(fields, "message", GST_TYPE_MESSAGE, &inner, nullptr);
    if (GST_MESSAGE_TYPE(inner) == GST_MESSAGE_EOS) finish(app, GST_MESSAGE_SRC(inner));
    gst_message_unref(inner);
  } else if (gst_message_has_name(message, "webrtc-publisher-removed")) {
    g_print("- %s: %s\n", gst_structure_get_string(fields, "stream"),
            gst_structure_get_string(fields, "reason"));
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    printError(message);
    g_main_loop_quit(app.loop);
  }
  return G_SOURCE_CONTINUE;
}

/// The first Ctrl-C completes the files, a second one does not wait for them.
static gboolean onInterrupt(gpointer data) {
  App &app = *static_cast<App *>(data);
  g_mutex_lock(&app.mutex);
  bool wait = !app.stopping && !app.recordings.empty();
  app.stopping = true;
  g_mutex_unlock(&app.mutex);
  if (wait)
    gst_element_send_event(app.pipeline, gst_event_new_eos());
  else
    g_main_loop_quit(app.loop);
  return G_SOURCE_CONTINUE;
}

static bool parseOptions(int argc, char **argv, Options &options) {
  char *address = nullptr, *directory = nullptr;
  const GOptionEntry entries[] = {
      {"address", 'a', 0, G_OPTION_ARG_STRING, &address, "To listen on (127.0.0.1)", "IP"},
      {"port", 'p', 0, G_OPTION_ARG_INT, &options.port, "To listen on (8080; 0: a free one)", "N"},
      {"directory", 'd', 0, G_OPTION_ARG_FILENAME, &directory, "For the files (recordings)", "DIR"},
      {}};
  GOptionContext *context = g_option_context_new("- record every stream that is published");
  g_option_context_add_main_entries(context, entries, nullptr);
  g_option_context_add_group(context, gst_init_get_option_group());
  GError *error = nullptr;
  bool ok = g_option_context_parse(context, &argc, &argv, &error);
  if (!ok) g_printerr("%s\n", error->message);
  g_option_context_free(context);
  if (address) options.address = address;
  if (directory) options.directory = directory;
  g_free(address);
  g_free(directory);
  return ok;
}

int main(int argc, char **argv) {
  static App app;
  if (!parseOptions(argc, argv, app.options)) return 2;
  if (g_mkdir_with_parents(app.options.directory.c_str(), 0755) != 0) {
    g_printerr("The directory %s cannot be made.\n", app.options.directory.c_str());
    return 1;
  }
  app.loop = g_main_loop_new(nullptr, FALSE);
  app.pipeline = gst_pipeline_new(nullptr);
  g_object_set(app.pipeline, "message-forward", TRUE, nullptr);
  GstElement *publish = gst_element_factory_make("webrtcpublishsrc", nullptr);
  if (!publish) {
    g_printerr("The element webrtcpublishsrc is not found; GST_PLUGIN_PATH says where to look.\n");
    return 1;
  }
  g_object_set(publish, "address", app.options.address.c_str(), "port", app.options.port, nullptr);
  gst_bin_add(GST_BIN(app.pipeline), publish);
  g_signal_connect(publish, "pad-added", G_CALLBACK(onPadAdded), &app);
  GstBus *bus = gst_element_get_bus(app.pipeline);
  gst_bus_add_watch(bus, onMessage, &app);
  g_unix_signal_add(SIGINT, onInterrupt, &app);
  g_unix_signal_add(SIGTERM, onInterrupt, &app);
  g_timeout_add(250, announce, &app);
  int status = 1;
  if (gst_element_set_state(app.pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) {
    guint port = 0;
    g_object_get(publish, "current-port", &port, nullptr);
    g_print("Open http://%s:%u/ in a browser. Recordings go to %s; Ctrl-C ends them.\n",
            app.options.address == "127.0.0.1" ? "localhost" : app.options.address.c_str(), port,
            app.options.directory.c_str());
    g_main_loop_run(app.loop);
    status = 0;
  } else if (GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
    printError(message);
    gst_message_unref(message);
  }
  gst_element_set_state(app.pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(bus);
  gst_object_unref(bus);
  gst_object_unref(app.pipeline);
  return status;
}
