// SPDX-License-Identifier: LGPL-2.1-or-later
// What it costs to read the statistics of many publishers every second: `stats`, `/streams.json`'s
// share of it, and get-stats of each webrtcbin, against a server that nobody reads.
//
// usage: benchmark-statistics LOAD [PUBLISHERS [SECONDS [ROUNDS]]]; LOAD is benchmark-load
#include <gio/gio.h>
#include <gst/gst.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "gst/common/threads.h"

using gws::Lock;
using gws::Mutex;
using gws::OwnedStructure;
using gws::Ref;

namespace {

Mutex webrtcbinsMutex;
std::vector<Ref<GstElement>> webrtcbins GUARDED_BY(webrtcbinsMutex);

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void takeIn(GstElement *pub, GstPad *pad, GstBin *bin) {
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(bin, sink);
  gst_element_sync_state_with_parent(sink);
  const auto input = Ref<GstPad>::take(gst_element_get_static_pad(sink, "sink"));
  gst_pad_link(pad, input.get());
}

void keepWebrtcbin(GstElement *, const char *, GstElement *webrtcbin, gpointer) {
  Lock lock(webrtcbinsMutex);
  webrtcbins.push_back(Ref<GstElement>::share(webrtcbin));
}

void readProperty(GstElement *pub) {
  const OwnedStructure stats(gws::getProperty<GstStructure *>(pub, "stats"));
}

void askWebrtcbins(GstElement *) {
  std::vector<Ref<GstElement>> all;
  {
    Lock lock(webrtcbinsMutex);
    all = webrtcbins;
  }
  for (const auto &webrtcbin : all) {
    const auto promise = Ref<GstPromise>::take(gst_promise_new());
    g_signal_emit_by_name(webrtcbin.get(), "get-stats", nullptr, promise.get());
    gst_promise_wait(promise.get());
  }
}

struct Reader {
  const char *name;
  std::function<void(GstElement *)> read;  ///< empty: nobody reads
  std::vector<double> cpu = {}, took = {};
};

/// CPU of the whole process, and the time of each reading.
void measure(Reader &reader, GstElement *pub, unsigned seconds) {
  const double before = cpuSeconds();
  const gint64 began = g_get_monotonic_time();
  for (unsigned second = 1; second <= seconds; ++second) {
    if (reader.read) {
      const gint64 start = g_get_monotonic_time();
      reader.read(pub);
      reader.took.push_back(static_cast<double>(g_get_monotonic_time() - start) / 1000);
    }
    const gint64 rest = began + gint64(second) * G_USEC_PER_SEC - g_get_monotonic_time();
    if (rest > 0) g_usleep(static_cast<gulong>(rest));
  }
  const double elapsed = static_cast<double>(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
  reader.cpu.push_back(100 * (cpuSeconds() - before) / elapsed);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The load's process, once its publishers send.
Ref<GSubprocess> startLoad(const char *program, unsigned port, const char *publishers) {
  gws::OwnedError error;
  const std::string number = std::to_string(port);
  auto load = Ref<GSubprocess>::take(g_subprocess_new(
      static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE),
      gws::Out(error), program, number.c_str(), publishers, nullptr));
  if (!load) g_error("%s: %s", program, error->message);
  const auto lines = Ref<GDataInputStream>::take(
      g_data_input_stream_new(g_subprocess_get_stdout_pipe(load.get())));
  while (true) {
    const gws::OwnedString line(
        g_data_input_stream_read_line(lines.get(), nullptr, nullptr, nullptr));
    if (!line) g_error("%s ended before its publishers were connected", program);
    if (g_str_equal(line.get(), "flowing")) return load;
  }
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s LOAD [PUBLISHERS [SECONDS [ROUNDS]]]\n", argv[0]);
    return 2;
  }
  const char *publishers = argc > 2 ? argv[2] : "20";
  const auto number = [&](int index, int otherwise) {
    return argc > index ? std::atoi(argv[index]) : otherwise;
  };
  const auto pipeline = Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  GstElement *pub = gst_element_factory_make("webrtcpublishsrc", nullptr);
  if (!pub) g_error("there is no element webrtcpublishsrc in GST_PLUGIN_PATH");
  g_object_set(pub, "port", 0u, "max-publishers", 1000u, nullptr);
  g_signal_connect(pub, "pad-added", G_CALLBACK(takeIn), pipeline.get());
  g_signal_connect(pub, "webrtcbin-ready", G_CALLBACK(keepWebrtcbin), nullptr);
  gst_bin_add(GST_BIN(pipeline.get()), pub);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto load = startLoad(argv[1], gws::getProperty<guint>(pub, "current-port"), publishers);

  Reader readers[] = {{"nobody reads", nullptr},
                      {"stats, each second", readProperty},
                      {"get-stats of each webrtcbin", askWebrtcbins}};
  for (int round = 0; round < number(4, 3); ++round)
    for (Reader &reader : readers)
      measure(reader, pub, static_cast<unsigned>(number(3, 10)));
  const double nobody = median(readers[0].cpu);
  std::printf("%s publishers, medians\n%-30s%12s%10s%16s\n", publishers, "", "CPU, %", "ratio",
              "a reading, ms");
  for (const Reader &reader : readers)
    std::printf("%-30s%12.1f%10.3f%16.2f\n", reader.name, median(reader.cpu),
                median(reader.cpu) / nobody, median(reader.took));
  std::fflush(stdout);
  g_subprocess_force_exit(load.get());
  // What teardown costs is not among the figures.
  std::_Exit(0);
}
