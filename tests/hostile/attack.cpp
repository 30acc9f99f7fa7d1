// SPDX-License-Identifier: LGPL-2.1-or-later
// The process of the attackers: many threads, each with one session at a time.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <map>
#include <thread>

#include "gst/common/threads.h"
#include "plan.h"
#include "report.h"
#include "roles.h"
#include "session.h"

namespace gws::hostile {

namespace {

constexpr gint64 kHangUs = 120'000'000;  ///< a session that lasts for longer never ends
constexpr unsigned kHeavyAtOnce = 4;     ///< sessions with a webrtcbin of their own

bool isMeant(const Kind &kind, const std::string &only) {
  const std::string name = kind.name;
  return only.ends_with('-') ? name.starts_with(only) : only.empty() || name == only;
}

std::vector<const Kind *> allKinds(const std::string &only) {
  std::vector<const Kind *> kinds;
  for (const auto some :
       {httpKinds(), slowKinds(), frameKinds(), messageKinds(), offerKinds(), iceKinds(),
        portKinds(), floodKinds(), tcpKinds(), mediaKinds(), whipKinds(), ingestKinds()})
    for (const Kind &kind : some)
      if (isMeant(kind, only)) kinds.push_back(&kind);
  return kinds;
}

const Kind &choose(const std::vector<const Kind *> &kinds, Session &session) {
  unsigned all = 0;
  for (const Kind *kind : kinds)
    all += kind->weight;
  unsigned at = session.upTo(all - 1);
  for (const Kind *kind : kinds) {
    if (at < kind->weight) return *kind;
    at -= kind->weight;
  }
  return *kinds.back();
}

std::vector<std::string> filesOf(const std::string &folder) {
  std::vector<std::string> names, texts;
  Owned<GDir, g_dir_close> directory(g_dir_open(folder.c_str(), 0, nullptr));
  while (const char *name = directory ? g_dir_read_name(directory.get()) : nullptr)
    names.emplace_back(name);
  std::sort(names.begin(), names.end());  // the seed decides, not the folder's order
  for (const std::string &name : names) {
    OwnedString text;
    gsize size = 0;
    if (g_file_get_contents((folder + "/" + name).c_str(), Out(text), &size, nullptr))
      texts.emplace_back(text.get(), size);
  }
  if (texts.empty()) g_error("there is no corpus in %s", folder.c_str());
  return texts;
}

std::vector<std::string> partsOf(const std::string &text) {
  std::vector<std::string> result;
  Owned<char *, g_strfreev> parts(g_strsplit(text.c_str(), ",", -1));
  for (char **part = parts.get(); *part; ++part)
    if (**part) result.emplace_back(*part);
  return result;
}

unsigned numberOf(const std::string &text) {
  return static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
}

/// "127.0.0.1:8080", "[::1]:8080".
IpPort pathOf(const std::string &text) {
  const auto colon = text.rfind(':');
  const bool v6 = text.starts_with('[');
  return {.address = text.substr(v6, colon - 2 * v6), .port = numberOf(text.substr(colon + 1))};
}

/// Attackers may have more connections than the server.
void allowSockets() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// A place for a thread, and what it does: written by its thread, read by the watch.
struct Place {
  std::atomic<const Kind *> kind{nullptr};
  std::atomic<unsigned> number{0};
  std::atomic<gint64> since{0};
};

class Attack {
 public:
  explicit Attack(const AttackOptions &options)
      : options_(options), kinds_(allKinds(options.kind)), places_(options.concurrency) {
    target_.port = options.port;
    target_.ownAgent = options.iceAgent == kOwnAgent;
    for (const std::string &port : partsOf(options.ports))
      target_.goodPorts.push_back(numberOf(port));
    for (const std::string &port : partsOf(options.tcpPorts))
      target_.tcpPorts.push_back(numberOf(port));
    for (const std::string &path : partsOf(options.goodPaths))
      target_.goodPaths.push_back(pathOf(path));
    target_.goodUser = options.goodUser;
    target_.offers = filesOf(options.corpus + "/offer");
    target_.messages = filesOf(options.corpus + "/protocol");
    target_.fragments = filesOf(options.corpus + "/fragment");
    target_.hasty = options.hasty;
  }

  int run() {
    allowSockets();
    if (kinds_.empty()) g_error("there is no kind '%s'", options_.kind.c_str());
    std::vector<std::thread> threads;
    for (Place &place : places_)
      threads.emplace_back([this, &place] { work(place); });
    unsigned seconds = 0;
    while (done_ < options_.sessions) {
      g_usleep(500'000);
      if (++seconds % 4 == 0) Line().add("done", done_).add("busy", watch()).print();
    }
    for (auto &thread : threads)
      thread.join();
    for (const auto &[what, count] : counts())
      Line().add("kind", what.first).add("outcome", what.second).add("count", count).print();
    return 0;
  }

 private:
  using Counts = std::map<std::pair<std::string, Outcome>, unsigned>;

  Counts counts() EXCLUDES(mutex_) {
    Lock lock(mutex_);
    return counts_;
  }

  void work(Place &place) {
    for (unsigned next = next_++; next < options_.sessions; next = next_++) {
      const unsigned number = options_.first + next;
      Session session(target_, options_.seed, number);
      const Kind &kind = choose(kinds_, session);
      if (kind.heavy) enterHeavy();
      place.number = number;
      place.since = g_get_monotonic_time();
      place.kind = &kind;
      note(kind, number, kind.run(session));
      place.kind = nullptr;
      if (kind.heavy) leaveHeavy();
      ++done_;
    }
  }

  void note(const Kind &kind, unsigned number, const Outcome &outcome) EXCLUDES(mutex_) {
    if (outcome == kSilence && kind.answered) fault("the server says nothing", kind, number);
    if (outcome.starts_with(kWrong)) fault(outcome, kind, number);
    Lock lock(mutex_);
    ++counts_[{kind.name, outcome}];
  }

  static void fault(const std::string &what, const Kind &kind, unsigned number) {
    Line().add("fault", what).add("kind", kind.name).add("number", number).print();
  }

  /// How many are at work. Ends the process when one of them hangs.
  unsigned watch() {
    unsigned busy = 0;
    const gint64 now = g_get_monotonic_time();
    for (Place &place : places_) {
      const Kind *kind = place.kind;
      if (!kind) continue;
      ++busy;
      if (now - place.since < kHangUs) continue;
      fault("the session does not end", *kind, place.number);
      std::_Exit(3);
    }
    return busy;
  }

  void enterHeavy() EXCLUDES(mutex_) {
    Lock lock(mutex_);
    while (heavy_ >= kHeavyAtOnce)
      heavyLess_.wait(mutex_);
    ++heavy_;
  }
  void leaveHeavy() EXCLUDES(mutex_) {
    Lock lock(mutex_);
    --heavy_;
    heavyLess_.notifyAll();
  }

  const AttackOptions &options_;
  const std::vector<const Kind *> kinds_;
  Target target_;
  std::deque<Place> places_;
  std::atomic<unsigned> next_{0}, done_{0};
  Mutex mutex_;
  Condition heavyLess_;
  unsigned heavy_ GUARDED_BY(mutex_) = 0;
  Counts counts_ GUARDED_BY(mutex_);
};

}  // namespace

int runAttack(const AttackOptions &options) { return Attack(options).run(); }

}  // namespace gws::hostile
