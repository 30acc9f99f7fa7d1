// SPDX-License-Identifier: LGPL-2.1-or-later
// Many publications into one pipeline, each recorded, and what they leave behind in its process.
#include <gio/gio.h>
#include <gst/gst.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gst/common/gobj.h"
#include "library_leaks.h"
#include "playable.h"
#include "publishers.h"
#include "server.h"
#include "tests/common/process.h"
#include "tests/common/process_exit.h"
#include "tests/common/publish_pipeline.h"

namespace gws::soak {

namespace {

using test::Child;
using test::processUse;
using test::residentMiB;
using test::waitUntil;

constexpr gint64 kSettleUs = 60'000'000;    ///< until the last publisher and file are gone
constexpr gint64 kIdleUs = 40'000'000;      ///< until pools have let their idle threads go
constexpr gint64 kStillUs = 3'000'000;      ///< without a change of the number of threads
constexpr gint64 kSilenceUs = 120'000'000;  ///< of the publishers' process
constexpr unsigned kWarmUp = 500;           ///< publications until the heap has its holes
constexpr unsigned kProgress = 50;          ///< publications between two lines

struct Options {
  int publications = 1000, streams = 20, reserved = -1, batch = 100, seed = 1;
  gboolean keep = FALSE, withoutLibraryLeaks = FALSE;
  OwnedString directory, publish, end;
};

/// Moments at which nobody publishes.
struct Sample {
  unsigned publications = 0, threads = 0, descriptors = 0;
  double rss = 0, heap = 0;  ///< MiB
};

struct Totals {
  unsigned publications = 0, stuck = 0, unplayable = 0, files = 0;
  unsigned single = 0;  ///< on sometimes pads, which begin a file each
  std::map<std::string, unsigned> ends;
};

/// What is left of a line after so many words.
std::string restOf(const std::string &line, int words) {
  std::size_t at = 0;
  for (; words > 0 && at != std::string::npos; --words) {
    at = line.find(' ', at);
    if (at != std::string::npos) ++at;
  }
  return at == std::string::npos ? "" : line.substr(at);
}

Sample measure(unsigned publications) {
  malloc_trim(0);
  const auto use = processUse();
  return {.publications = publications,
          .threads = use.threads,
          .descriptors = use.descriptors,
          .rss = residentMiB(),
          .heap = test::heapMiB()};
}

void print(const char *when, const Sample &sample) {
  std::printf("%-28s %4u threads  %4u descriptors  RSS %7.2f MiB  heap in use %7.2f MiB\n", when,
              sample.threads, sample.descriptors, sample.rss, sample.heap);
  std::fflush(stdout);
}

/// By how many percent RSS grows in 1,000 publications: a line through all samples, since each of
/// them is off by a percent or two.
double growth(const std::vector<Sample> &samples) {
  double count = 0, meanX = 0, meanY = 0, covariance = 0, variance = 0;
  for (const Sample &sample : samples) {
    ++count;
    meanX += (sample.publications - meanX) / count;
    meanY += (sample.rss - meanY) / count;
  }
  for (const Sample &sample : samples) {
    covariance += (sample.publications - meanX) * (sample.rss - meanY);
    variance += (sample.publications - meanX) * (sample.publications - meanX);
  }
  return variance > 0 ? 100 * 1000 * covariance / variance / meanY : 0;
}

class Soak {
 public:
  explicit Soak(const Options &options)
      : options_(options), server_(options.directory.get(), options.streams, options.reserved) {}

  int run() {
    if (!server_.play()) return 2;
    untilStill([] { return true; });
    start_ = measure(0);
    print("start", start_);
    begin_ = g_get_monotonic_time();
    for (unsigned done = 0; done < wanted();) {
      const unsigned size = std::min(static_cast<unsigned>(options_.batch), wanted() - done);
      runBatch(size, done);
      done += size;
    }
    return verdict();
  }

 private:
  unsigned wanted() const { return static_cast<unsigned>(options_.publications); }

  void runBatch(unsigned size, unsigned number) {
    const std::string end = options_.end ? options_.end.get() : "";
    Child publishers({"--publish", server_.url(), "--publications", std::to_string(size),
                      "--streams", std::to_string(options_.streams), "--end", end, "--seed",
                      std::to_string(options_.seed + static_cast<int>(number))},
                     [this](const std::string &line) { onPublication(line); });
    if (!publishers.wait(kSilenceUs)) stuck("the publishers' process");
    if (!waitUntil([this] { return server_.isQuiet(); }, kSettleUs)) {
      if (server_.present()) stuck(std::to_string(server_.present()) + " publishers stay");
      for (const auto &key : server_.recorder().waiting())
        stuck("no EOS: " + key);
      server_.recorder().endAll();
      waitUntil([this] { return server_.recorder().figures().open == 0; }, kSettleUs);
    }
    sample();
    checkFiles();
  }

  void onPublication(const std::string &line) {
    if (!g_str_has_prefix(line.c_str(), "publication ")) return;
    // publication NAME END MILLISECONDS RESULT
    Owned<char *, g_strfreev> words(g_strsplit(line.c_str(), " ", 5));
    if (g_strv_length(words.get()) != 5) return;
    const char *name = words.get()[1], *end = words.get()[2], *result = words.get()[4];
    const bool sent = !g_str_equal(words.get()[3], "0");
    ++totals_.ends[end];
    ++totals_.publications;
    if (g_str_equal(result, "ok")) {
      if (sent && !server_.isReserved(name)) ++totals_.single;
    } else {
      stuck(restOf(line, 1));
    }
    if (totals_.publications % kProgress != 0) return;
    const double seconds = static_cast<double>(g_get_monotonic_time() - begin_) / 1e6;
    const auto use = processUse();
    std::printf(
        "%5u publications in %5.0f s: %u publish, %u files, %u threads, %u descriptors, "
        "RSS %.1f MiB\n",
        totals_.publications, seconds, server_.present(), server_.recorder().figures().begun,
        use.threads, use.descriptors, residentMiB());
    std::fflush(stdout);
  }

  void stuck(const std::string &what) {
    ++totals_.stuck;
    std::printf("STUCK %s\n", what.c_str());
    std::fflush(stdout);
  }

  /// When the idle threads of pools have gone.
  void untilStill(const std::function<bool()> &good) {
    unsigned threads = 0;
    gint64 since = 0;
    const auto isStill = [&] {
      const auto use = processUse();
      const gint64 now = g_get_monotonic_time();
      if (use.threads != threads) since = now;
      threads = use.threads;
      return now - since >= kStillUs && good();
    };
    waitUntil(isStill, kIdleUs);
  }

  void sample() {
    untilStill([this] {
      const auto use = processUse();
      return !first_ || (use.threads <= first_->threads && use.descriptors <= first_->descriptors);
    });
    const Sample now = measure(totals_.publications);
    if (!first_) first_ = now;
    if (now.publications >= std::min(kWarmUp, wanted())) samples_.push_back(now);
    const std::string when = "after " + std::to_string(totals_.publications) + " publications";
    print(when.c_str(), now);
  }

  void checkFiles() {
    std::vector<std::string> arguments{"--check"};
    Owned<GDir, g_dir_close> folder(g_dir_open(options_.directory.get(), 0, nullptr));
    while (const char *name = g_dir_read_name(folder.get()))
      if (const std::string path = std::string(options_.directory.get()) + "/" + name;
          g_str_has_suffix(name, ".mkv") && kept_.count(path) == 0)
        arguments.push_back(path);
    if (arguments.size() == 1) return;
    const unsigned before = totals_.files;
    Child checks(arguments, [this](const std::string &line) { onFile(line); });
    if (!checks.wait(kSilenceUs) || totals_.files != before + arguments.size() - 1)
      stuck("the check of the files");
  }

  void onFile(const std::string &line) {
    if (!g_str_has_prefix(line.c_str(), "file ")) return;
    const std::string rest = restOf(line, 1), path = rest.substr(0, rest.find(' '));
    ++totals_.files;
    const bool good = restOf(line, 2) == "ok";
    if (good && !options_.keep)
      unlink(path.c_str());
    else
      kept_.insert(path);
    if (good) return;
    ++totals_.unplayable;
    std::printf("UNPLAYABLE %s\n", rest.c_str());
  }

  int verdict() {
    const Sample &first = *first_, &warm = samples_.front(), &last = samples_.back();
    const auto figures = server_.recorder().figures();
    const auto errors = server_.errors();
    for (const auto &error : errors)
      std::printf("ERROR %s\n", error.c_str());
    for (const auto &[end, count] : totals_.ends)
      std::printf("%s %u, ", end.c_str(), count);
    std::printf("%u came to the pads\n", server_.come());
    std::printf("files: %u, unplayable %u, broken while written %u, ended by their successor %u\n",
                totals_.files, totals_.unplayable, figures.broken, figures.ragged);
    // Some of the shortest end before their first key frame.
    const bool recorded = figures.single >= totals_.single * 95 / 100;
    std::printf("sometimes pads: %u publications, %u files\n", totals_.single, figures.single);
    std::printf("stuck: %u\n", totals_.stuck);
    std::printf("threads: %u at the start, %u after %u, %u after %u\n", start_.threads,
                first.threads, first.publications, last.threads, last.publications);
    std::printf("descriptors: %u at the start, %u after %u, %u after %u\n", start_.descriptors,
                first.descriptors, first.publications, last.descriptors, last.publications);
    std::printf(
        "RSS: %.2f MiB at the start, %.2f after %u, %.2f after %u; %+.2f %% in 1000 "
        "publications (goal: below 1 %%); heap in use %+.0f KiB\n",
        start_.rss, warm.rss, warm.publications, last.rss, last.publications, growth(samples_),
        1024 * (last.heap - warm.heap));
    const bool good = errors.empty() && totals_.publications == wanted() && totals_.stuck == 0 &&
                      totals_.unplayable == 0 && figures.broken == 0 && recorded &&
                      last.threads <= first.threads && last.descriptors <= first.descriptors;
    std::printf("%s\n", good ? "passed" : "FAILED");
    return good ? 0 : 1;
  }

  const Options &options_;
  Server server_;
  gint64 begin_ = 0;
  Totals totals_;
  Sample start_;
  std::optional<Sample> first_;  ///< when everything that stays for good was started
  std::vector<Sample> samples_;  ///< of memory
  std::set<std::string> kept_;   ///< files that were checked and are still there
};

int runServer(Options &options) {
  if (options.withoutLibraryLeaks) stopLibraryLeaks();
  const bool own = !options.directory;
  if (own) options.directory.reset(g_dir_make_tmp("soak-XXXXXX", nullptr));
  g_mkdir_with_parents(options.directory.get(), 0755);
  std::printf("%d publications over %d streams, recorded in %s\n", options.publications,
              options.streams, options.directory.get());
  const int status = Soak(options).run();
  if (own) rmdir(options.directory.get());
  return status;
}

bool parse(int *argc, char ***argv, Options &options, std::vector<std::string> &files) {
  gboolean check = FALSE;
  char *directory = nullptr, *publish = nullptr, *end = nullptr;
  const std::string ends = "the only one, instead of random ones: " + endNames();
  const GOptionEntry entries[] = {
      {"publications", 'n', 0, G_OPTION_ARG_INT, &options.publications, "how many (1000)", "N"},
      {"streams", 's', 0, G_OPTION_ARG_INT, &options.streams, "over how many streams (20)", "N"},
      {"reserved", 'r', 0, G_OPTION_ARG_INT, &options.reserved,
       "how many streams have request pads (half of them); the others use sometimes pads", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &options.batch,
       "publications between two moments of rest, which are measured (100)", "N"},
      {"seed", 0, 0, G_OPTION_ARG_INT, &options.seed, "of the random numbers (1)", "N"},
      {"directory", 'd', 0, G_OPTION_ARG_FILENAME, &directory,
       "for the recordings; default: one in the folder for temporary files", "PATH"},
      {"end", 'e', 0, G_OPTION_ARG_STRING, &end, ends.c_str(), "END"},
      {"keep", 'k', 0, G_OPTION_ARG_NONE, &options.keep, "keep the playable files too", nullptr},
      {"without-library-leaks", 'w', 0, G_OPTION_ARG_NONE, &options.withoutLibraryLeaks,
       "two known leaks of libsoup and GnuTLS are put out of action", nullptr},
      {"publish", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &publish, "", "URL"},
      {"check", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &check, "", nullptr},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
  Owned<GOptionContext, g_option_context_free> context(g_option_context_new(nullptr));
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  OwnedError error;
  const bool good = g_option_context_parse(context.get(), argc, argv, Out(error));
  if (!good) std::fprintf(stderr, "%s\n", error->message);
  options.directory.reset(directory);
  options.publish.reset(publish);
  options.end.reset(end);
  if (check) files.assign(*argv + 1, *argv + *argc);
  return good && options.publications > 0 && options.streams > 0 && options.batch > 0;
}

}  // namespace

}  // namespace gws::soak

int main(int argc, char **argv) {
  using namespace gws::soak;
  gws::test::restartWithPlainMalloc(argv);
  Options options;
  std::vector<std::string> files;
  if (!parse(&argc, &argv, options, files)) return 2;
  gws::test::keepOpensslAtExit();
  gst_init(nullptr, nullptr);
  if (!files.empty()) return runChecks(files);
  if (options.publish)
    return runPublishers({.url = options.publish.get(),
                          .publications = static_cast<unsigned>(options.publications),
                          .streams = static_cast<unsigned>(options.streams),
                          .seed = static_cast<unsigned>(options.seed),
                          .end = options.end ? options.end.get() : ""});
  const int status = runServer(options);
  // Only a tracer needs it: GST_TRACERS=leaks.
  if (g_getenv("GST_TRACERS")) gst_deinit();
  return status;
}
