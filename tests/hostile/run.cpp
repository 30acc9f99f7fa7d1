// SPDX-License-Identifier: LGPL-2.1-or-later
// A hostile run: the processes, what they say, and the verdict.
#include "run.h"

#include <glib.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "plan.h"
#include "probe.h"
#include "report.h"
#include "tests/common/process.h"

namespace gws::hostile {

namespace {

using test::Child;
using test::waitUntil;
using Arguments = std::vector<std::string>;

constexpr gint64 kSecond = 1'000'000;
constexpr gint64 kStart = 60 * kSecond;   ///< until a process is ready, or a client connected
constexpr gint64 kSettle = 90 * kSecond;  ///< until the last bad session has left no trace
constexpr gint64 kStill = 3 * kSecond;    ///< without a change of threads and descriptors
constexpr gint64 kSilence = 180 * kSecond;
constexpr double kHonestMs = 1'000, kHonestDeadlineMs = 10'000, kProbeDeadlineMs = 10'000;
constexpr double kPictures = 30;  ///< by then somebody publishes in earnest
/// Samples of one process that does nothing differ by that; a leak of 100 bytes in each of 20,000
/// sessions is as much.
constexpr double kResidentMiB = 2.0;
/// Of the heap in use: a leak of 26 bytes in each of 20,000 sessions is as much. A new SSRC in the
/// good publisher's name, one a minute, takes 24 KiB of it, for as long as that publishes.
constexpr double kHeapMiB = 0.5;

/// What the server says of itself, and of the good publisher's frames.
struct Sample {
  double threads = 0, descriptors = 0, rss = 0, heap = 0;
};

struct Frames {
  double first = -1, last = -1, missing = 0, strange = 0;
};

void say(const char *format, ...) G_GNUC_PRINTF(1, 2);
void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::printf("\n");
  std::fflush(stdout);
}

/// A client in a process of its own.
class Publisher {
 public:
  Publisher(unsigned port, const char *stream, const char *codec = "vp8",
            const std::string &door = kSocketDoor)
      : child_({"--role", "publisher", "--port", std::to_string(port), "--stream", stream,
                "--codec", codec, "--good-door", door},
               [this](const std::string &line) { onLine(Reading(line)); }) {}
  ~Publisher() {
    child_.say("quit");
    child_.wait(kStart);
  }
  Publisher(const Publisher &) = delete;
  Publisher &operator=(const Publisher &) = delete;

  bool waitReady() {
    return waitUntil([this] { return ready_; }, kStart);
  }
  /// False: refused, or not in time.
  bool publish() {
    child_.say("go");
    waitUntil([this] { return connectedMs_ >= 0 || refused_ != 0 || child_.over(); }, 2 * kStart);
    return connectedMs_ >= 0;
  }
  bool stop() {
    child_.say("stop");
    return waitUntil([this] { return stopped_ || child_.over(); }, kStart) && stopped_;
  }
  /// So many pictures have left.
  bool waitPictures(double count) {
    return waitUntil([this, count] { return video_ >= count || child_.over(); }, kStart) &&
           video_ >= count;
  }
  double connectedMs() const { return connectedMs_; }
  int refused() const { return refused_; }
  /// The code with which the server closed it; 0: it did not.
  int closed() const { return closed_; }
  const std::string &ports() const { return ports_; }
  const std::string &tcpPorts() const { return tcpPorts_; }
  const std::string &paths() const { return paths_; }
  const std::string &user() const { return user_; }
  double video() const { return video_; }
  double audio() const { return audio_; }

 private:
  void onLine(const Reading &line) {
    if (line.has("ready")) ready_ = true;
    if (line.has("connectedMs")) {
      connectedMs_ = line.number("connectedMs");
      ports_ = line.text("ports");
      tcpPorts_ = line.text("tcpPorts");
      paths_ = line.text("paths");
      user_ = line.text("user");
    }
    if (line.has("refused")) refused_ = static_cast<int>(line.number("refused"));
    if (line.has("closed")) closed_ = static_cast<int>(line.number("closed"));
    if (line.has("video")) {
      video_ = line.number("video");
      audio_ = line.number("audio");
    }
    if (line.has("stopped")) stopped_ = true;
  }

  bool ready_ = false, stopped_ = false;
  double connectedMs_ = -1, video_ = 0, audio_ = 0;
  int refused_ = 0, closed_ = 0;
  std::string ports_, tcpPorts_, paths_, user_;
  Child child_;
};

class Run {
 public:
  explicit Run(const RunOptions &options)
      : options_(options), server_(serverArguments(options), [this](const std::string &line) {
          onServer(Reading(line));
        }) {}

  int run() {
    begin_ = g_get_monotonic_time();
    if (!prepare()) return verdict();
    if (options_.halfOpen > 0) {
      attackHalfOpen();
    } else {
      const std::unique_ptr<Probe> probe = std::make_unique<Probe>(port_);
      attackAll();
      report(*probe);
      meetHonest(kSecondStream, "after the attack");
      meetHonest(kSecondStream, "after the attack, by WHIP", "vp8", kWhipDoor);
    }
    checkFrames();
    return verdict();
  }

 private:
  static Arguments serverArguments(const RunOptions &options) {
    Arguments arguments{"--role", "server", "--descriptors", std::to_string(options.descriptors)};
    if (options.libraryLeaks) arguments.emplace_back("--library-leaks");
    if (!options.iceAgent.empty())
      arguments.insert(arguments.end(), {"--ice-agent", options.iceAgent});
    return arguments;
  }

  void onServer(const Reading &line) {
    if (line.has("port")) {
      port_ = static_cast<unsigned>(line.number("port"));
      agent_ = line.text("agent");
    }
    if (!line.has("threads")) return;
    now_ = {.threads = line.number("threads"),
            .descriptors = line.number("descriptors"),
            .rss = line.number("rss"),
            .heap = line.number("heap")};
    video_ = framesOf(line, "video");
    audio_ = framesOf(line, "audio");
    published_ = line.number("published");
    errors_ = line.number("errors");
    if (line.has("measured")) measured_ = now_;
  }
  static Frames framesOf(const Reading &line, const std::string &track) {
    return {.first = line.number((track + "First").c_str()),
            .last = line.number((track + "Last").c_str()),
            .missing = line.number((track + "Missing").c_str()),
            .strange = line.number((track + "Strange").c_str())};
  }

  void fail(const std::string &what) {
    faults_.push_back(what);
    say("FAULT %s", what.c_str());
  }
  bool lives() const { return !server_.over(); }

  /// False: the run is over already.
  bool prepare() {
    if (!waitUntil([this] { return port_ != 0 || !lives(); }, kStart) || !lives()) {
      fail("the server does not start");
      return false;
    }
    good_ = std::make_unique<Publisher>(port_, kGoodStream, "vp8", options_.goodDoor);
    if (!good_->waitReady() || !good_->publish() ||
        !waitUntil([this] { return video_.last > kPictures && audio_.last > kPictures; }, kStart)) {
      fail("the good publisher cannot publish");
      return false;
    }
    say("ice-agent=%s; the good publisher connected after %.0f ms", agent_.c_str(),
        good_->connectedMs());
    // What a pad has once somebody has published there belongs to the state before.
    meetHonest(kSecondStream, "before any bad session");
    meetHonest(kRawStream, "before any bad session");
    meetHonest(kRawStream, "before any bad session", "h264");
    meetHonest(kSecondStream, "before any bad session, by WHIP", "vp8", kWhipDoor);
    start_ = settle(std::nullopt);
    print("before any bad session", start_);
    return true;
  }

  void print(const char *when, const Sample &sample) const {
    say("%-24s %3.0f threads  %3.0f descriptors  RSS %6.2f MiB  heap in use %6.2f MiB", when,
        sample.threads, sample.descriptors, sample.rss, sample.heap);
  }

  /// Waits until threads and descriptors are no more than those of `goal`, and until they are
  /// still; then measures memory.
  Sample settle(const std::optional<Sample> &goal) {
    Sample seen;
    gint64 since = 0;
    const auto isStill = [&] {
      const gint64 time = g_get_monotonic_time();
      if (now_.threads != seen.threads || now_.descriptors != seen.descriptors) since = time;
      seen = now_;
      if (!lives()) return true;
      return time - since >= kStill &&
             (!goal || (now_.threads <= goal->threads && now_.descriptors <= goal->descriptors));
    };
    waitUntil(isStill, kSettle);
    measured_.reset();
    if (lives()) server_.say("measure");
    waitUntil([this] { return measured_ || !lives(); }, kStart);
    // The probe may have had a connection just then.
    Sample sample = measured_.value_or(now_);
    sample.threads = seen.threads;
    sample.descriptors = seen.descriptors;
    return sample;
  }

  void attackAll() {
    if (options_.warmUp > 0) attack(options_.warmUp, options_.first + 1'000'000);
    warm_ = settle(start_);
    print("after the warm-up", warm_);
    if (!lives()) return;
    const gint64 begin = g_get_monotonic_time();
    attack(options_.sessions, options_.first);
    say("%u sessions in %.0f s", options_.sessions,
        static_cast<double>(g_get_monotonic_time() - begin) / kSecond);
    const gint64 after = g_get_monotonic_time();
    last_ = settle(start_);
    print("after the attack", last_);
    say("settled in %.1f s", static_cast<double>(g_get_monotonic_time() - after) / kSecond);
    checkTraces();
  }

  Arguments attackArguments(const char *role, unsigned sessions, unsigned first) const {
    Arguments arguments{"--role",        role,
                        "--port",        std::to_string(port_),
                        "--sessions",    std::to_string(sessions),
                        "--first",       std::to_string(first),
                        "--seed",        std::to_string(options_.seed),
                        "--corpus",      options_.corpus,
                        "--ice-agent",   agent_,
                        "--ports",       good_->ports(),
                        "--tcp-ports",   good_->tcpPorts(),
                        "--good-paths",  good_->paths(),
                        "--good-user",   good_->user(),
                        "--concurrency", std::to_string(options_.concurrency)};
    if (!options_.kind.empty()) arguments.insert(arguments.end(), {"--kind", options_.kind});
    if (options_.hasty) arguments.emplace_back("--hasty");
    return arguments;
  }

  void attack(unsigned sessions, unsigned first) {
    outcomes_.clear();
    gint64 told = g_get_monotonic_time();
    Child attackers(attackArguments("attack", sessions, first), [&](const std::string &text) {
      const Reading line(text);
      if (line.has("done") && g_get_monotonic_time() - told > 5 * kSecond) {
        told = g_get_monotonic_time();
        progress(line.number("done"), sessions, line.number("busy"));
      }
      onAttack(line);
    });
    // What the attackers do when the server is gone does not matter.
    const auto isOver = [&] { return attackers.over() || !lives(); };
    const gint64 limit = kSilence + gint64(sessions) * kSecond;
    if (!waitUntil(isOver, limit)) fail("the attackers do not end");
    if (lives() && attackers.over() && !attackers.wait(kSilence))
      fail("the attackers' process: " + attackers.howItEnded());
  }

  void progress(double done, unsigned all, double busy) const {
    say("%6.0f of %u sessions in %4.0f s, %2.0f at work; server: %3.0f threads, %4.0f descriptors, "
        "RSS %6.2f MiB; good: picture %.0f, %.0f missing",
        done, all, static_cast<double>(g_get_monotonic_time() - begin_) / kSecond, busy,
        now_.threads, now_.descriptors, now_.rss, video_.last, video_.missing + audio_.missing);
  }

  void onAttack(const Reading &line) {
    if (line.has("fault"))
      fail(line.text("fault") + ": " + line.text("kind") + ", --seed " +
           std::to_string(options_.seed) + " --first " +
           std::to_string(static_cast<unsigned>(line.number("number"))) + " -n 1");
    if (line.has("outcome"))
      outcomes_[line.text("kind")][line.text("outcome")] +=
          static_cast<unsigned>(line.number("count"));
  }

  void checkTraces() {
    if (last_.threads > start_.threads) fail("threads are left");
    if (last_.descriptors > start_.descriptors) fail("descriptors are left");
    const double heap = last_.heap - warm_.heap, resident = last_.rss - warm_.rss;
    say("since the warm-up: heap in use %+.2f MiB (at most %+.2f), RSS %+.2f MiB (at most %+.2f)",
        heap, kHeapMiB, resident, kResidentMiB);
    // Without a warm-up it holds what is loaded and cached once and for all.
    const bool judged = options_.warmUp > 0 && !options_.libraryLeaks;
    if ((heap > kHeapMiB || resident > kResidentMiB) && judged) fail("memory has grown");
  }

  void report(const Probe &probe) {
    for (const auto &[kind, outcomes] : outcomes_) {
      std::string text;
      unsigned all = 0;
      for (const auto &[outcome, count] : outcomes) {
        text += (text.empty() ? "" : ", ") + outcome + " " + std::to_string(count);
        all += count;
      }
      say("  %-26s %5u: %s", kind.c_str(), all, text.c_str());
    }
    const auto asked = probe.figures();
    say("asked %u times for /streams.json: answered after %.0f ms in the median, %.0f at most; "
        "%u failed",
        asked.asked, asked.medianMs, asked.longestMs, asked.failed);
    if (lives() && (asked.failed > 0 || asked.longestMs > kProbeDeadlineMs))
      fail("an honest request was not answered in time");
    say("%.0f publishers came to the pads", published_);
  }

  void attackHalfOpen() {
    Publisher honest(port_, kSecondStream);
    if (!honest.waitReady()) return fail("the honest client does not start");
    bool stands = false;
    const gint64 begin = g_get_monotonic_time();
    auto arguments = attackArguments("half-open", options_.halfOpen, 0);
    if (options_.manyAddresses) arguments.insert(arguments.end(), {"--kind", "many-addresses"});
    Child attackers(arguments, [&](const std::string &text) {
      const Reading line(text);
      stands = line.has("open");
      say("%.0f half-open sessions after %.1f s: %.0f TCP, %.0f WebSockets, %.0f offers, %.0f "
          "POSTs; %.0f refused",
          line.number("open"), static_cast<double>(g_get_monotonic_time() - begin) / kSecond,
          line.number("tcp"), line.number("sockets"), line.number("offers"), line.number("posts"),
          line.number("refused"));
    });
    if (!waitUntil([&] { return stands || attackers.over() || !lives(); }, kSilence) || !stands)
      return fail("the half-open sessions do not stand");
    meet(honest, "beside half-open sessions");
    meetHonest(kRawStream, "beside half-open sessions, by WHIP", "vp8", kWhipDoor);
  }

  void meetHonest(const char *stream, const char *when, const char *codec = "vp8",
                  const char *door = kSocketDoor) {
    if (!lives()) return;
    Publisher honest(port_, stream, codec, door);
    if (!honest.waitReady()) return fail("the honest client does not start");
    meet(honest, when);
  }

  void meet(Publisher &honest, const char *when) {
    if (!honest.publish())
      return fail(std::string("the honest client is not let in ") + when + ": " +
                  std::to_string(honest.refused()));
    const double time = honest.connectedMs();
    say("the honest client %s: connected after %.0f ms (goal: %.0f)", when, time, kHonestMs);
    if (!honest.waitPictures(kPictures)) fail("the honest client does not get on");
    if (time > kHonestDeadlineMs) fail("the honest client waited for too long");
  }

  void checkFrames() {
    if (!lives()) return;
    if (good_->closed()) fail("the good publisher was closed: " + std::to_string(good_->closed()));
    if (!good_->stop()) return fail("the good publisher's process does not answer");
    waitUntil(
        [this] { return video_.last + 1 >= good_->video() && audio_.last + 1 >= good_->audio(); },
        10 * kSecond);
    checkTrack("pictures", video_, good_->video());
    checkTrack("packets of sound", audio_, good_->audio());
  }

  void checkTrack(const char *what, const Frames &arrived, double sent) {
    say("the good publisher's %s: %.0f sent; %.0f to %.0f arrived, %.0f missing, %.0f strange",
        what, sent, arrived.first, arrived.last, arrived.missing, arrived.strange);
    if (arrived.missing > 0 || arrived.strange > 0 || arrived.last + 1 < sent)
      fail(std::string("the good publisher lost ") + what);
  }

  int verdict() {
    if (!lives()) fail("the server has ended: " + server_.howItEnded());
    if (errors_ > 0) fail("there were errors on the bus");
    for (const auto &fault : faults_)
      say("  %s", fault.c_str());
    say("%s after %.0f s, seed %" G_GUINT64_FORMAT, faults_.empty() ? "passed" : "FAILED",
        static_cast<double>(g_get_monotonic_time() - begin_) / kSecond, options_.seed);
    return faults_.empty() ? 0 : 1;
  }

  const RunOptions &options_;
  gint64 begin_ = 0;
  unsigned port_ = 0;
  std::string agent_;  ///< the server's `ice-agent`
  double published_ = 0, errors_ = 0;
  Sample now_, start_, warm_, last_;
  std::optional<Sample> measured_;
  Frames video_, audio_;
  std::map<std::string, std::map<std::string, unsigned>> outcomes_;
  std::vector<std::string> faults_;
  Child server_;
  std::unique_ptr<Publisher> good_;
};

}  // namespace

int runHostile(const RunOptions &options) {
  say("%u sessions, %u at once, seed %" G_GUINT64_FORMAT,
      options.halfOpen ? options.halfOpen : options.sessions, options.concurrency, options.seed);
  return Run(options).run();
}

}  // namespace gws::hostile
