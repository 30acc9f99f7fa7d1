// SPDX-License-Identifier: LGPL-2.1-or-later
// The process under attack: a pipeline that takes three streams and watches one of them.
#include <gst/gst.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "gst/common/gobj.h"
#include "media.h"
#include "plan.h"
#include "report.h"
#include "roles.h"
#include "tests/common/process.h"
#include "tests/common/publish_pipeline.h"
#include "tests/soak/library_leaks.h"

namespace gws::hostile {

namespace {

/// What came out of one pad of the good stream. One streaming thread writes at a time, the main
/// thread reads.
struct Arrivals {
  const char *name;
  std::atomic<double> first{-1}, last{-1}, count{0};
  std::atomic<double> missing{0};  ///< numbers that were left out
  std::atomic<double> strange{0};  ///< without a number, twice, or out of order

  void note(GstBuffer *frame) {
    const auto number = numberOf(frame);
    const double expected = last + 1;
    if (!number || (count > 0 && static_cast<double>(*number) < expected)) {
      strange = strange + 1;
      return;
    }
    if (count == 0)
      first = static_cast<double>(*number);
    else
      missing = missing + (static_cast<double>(*number) - expected);
    last = static_cast<double>(*number);
    count = count + 1;
  }
};

class Server {
 public:
  explicit Server(const std::string &agent)
      : pipeline_(Ref<GstElement>::sink(gst_parse_launch(launchLine(agent).c_str(), nullptr))) {
    if (!pipeline_) g_error("there is no webrtcpublishsrc; see GST_PLUGIN_PATH");
    pub_ = Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "pub"));
    watch(video_);
    watch(audio_);
    using OnCome = void (*)(GstElement *, const char *, const char *, Server *);
    const OnCome onCome = [](GstElement *, const char *, const char *, Server *self) {
      ++self->come_;
    };
    g_signal_connect(pub_.get(), "publisher-added", G_CALLBACK(onCome), this);
    const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
    gst_bus_set_sync_handler(bus.get(), onMessage, this, nullptr);
  }
  ~Server() {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    g_signal_handlers_disconnect_by_data(pub_.get(), this);
    const auto bus = Ref<GstBus>::take(gst_element_get_bus(pipeline_.get()));
    gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
  }
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  unsigned play() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    return getProperty<guint>(pub_.get(), "current-port");
  }

  /// The value's nick.
  std::string agent() const {
    const auto *type = g_object_class_find_property(G_OBJECT_GET_CLASS(pub_.get()), "ice-agent");
    const int value = getProperty<int>(pub_.get(), "ice-agent");
    return g_enum_get_value(G_PARAM_SPEC_ENUM(type)->enum_class, value)->value_nick;
  }

  void report(bool measured) const {
    if (measured) malloc_trim(0);
    const auto use = test::processUse();
    Line line;
    line.add("threads", use.threads).add("descriptors", use.descriptors);
    line.add("rss", test::residentMiB()).add("heap", test::heapMiB());
    line.add("published", come_).add("errors", errors_);
    for (const Arrivals *track : {&video_, &audio_}) {
      const std::string name = track->name;
      line.add((name + "First").c_str(), track->first).add((name + "Last").c_str(), track->last);
      line.add((name + "Missing").c_str(), track->missing);
      line.add((name + "Strange").c_str(), track->strange);
    }
    if (measured) line.add("measured", 1);
    line.print();
  }

 private:
  static std::string launchLine(const std::string &agent) {
    // A last sample would keep the pool of a decoder that is gone.
    const std::string sink = " ! fakesink async=false sync=false enable-last-sample=false";
    const auto branch = [&sink](const std::string &pad, const char *convert = "") {
      return " pub." + pad + convert + sink + " name=" + pad;
    };
    const std::string video = "video_", audio = "audio_";
    std::string line = "webrtcpublishsrc name=pub port=0 reconnect-timeout=-1";
    if (!agent.empty()) line += " ice-agent=" + agent;
    for (const char *stream : {kGoodStream, kSecondStream})
      line += branch(video + stream) + branch(audio + stream);
    return line + branch(video + kRawStream, " ! videoconvert") +
           branch(audio + kRawStream, " ! audioconvert");
  }

  void watch(Arrivals &track) {
    const std::string name = std::string(track.name) + "_" + kGoodStream;
    const auto sink =
        Ref<GstElement>::take(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name.c_str()));
    const auto pad = Ref<GstPad>::take(gst_element_get_static_pad(sink.get(), "sink"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          static_cast<Arrivals *>(data)->note(GST_PAD_PROBE_INFO_BUFFER(info));
          return GST_PAD_PROBE_OK;
        },
        &track, nullptr);
  }

  /// A stranger's mistake is no error of the pipeline.
  static GstBusSyncReply onMessage(GstBus *, GstMessage *message, gpointer self) {
    // Whoever drops a message owns it.
    const auto owned = Ref<GstMessage>::take(message);
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return GST_BUS_DROP;
    OwnedError error;
    OwnedString debug;
    gst_message_parse_error(message, Out(error), Out(debug));
    std::fprintf(stderr, "ERROR %s: %s\n%s\n", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)),
                 error->message, debug ? debug.get() : "");
    ++static_cast<Server *>(self)->errors_;
    return GST_BUS_DROP;
  }

  Ref<GstElement> pipeline_, pub_;
  Arrivals video_{.name = "video"}, audio_{.name = "audio"};
  std::atomic<unsigned> come_{0}, errors_{0};
};

}  // namespace

int runServer(const ServerOptions &options) {
  if (!options.libraryLeaks) soak::stopLibraryLeaks();
  // Nobody shall have to wait for the idle threads of GLib's pools.
  g_thread_pool_set_max_idle_time(1'000);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(options.descriptors, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  Server server(options.iceAgent);
  const unsigned port = server.play();
  if (port == 0) return 2;
  Line().add("port", port).add("agent", server.agent()).print();
  listen(
      [&server](const std::string &word) {
        if (word == "measure") server.report(true);
      },
      [&server] { server.report(false); });
  return 0;
}

}  // namespace gws::hostile
