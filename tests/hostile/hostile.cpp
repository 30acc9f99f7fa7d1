// SPDX-License-Identifier: LGPL-2.1-or-later
// A server, a good publisher, and thousands of bad clients; see meson.build.
#include <gst/gst.h>
#include <sys/prctl.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <vector>

#include "plan.h"
#include "roles.h"
#include "run.h"
#include "tests/common/process.h"
#include "tests/common/process_exit.h"

namespace gws::hostile {

namespace {

struct Arguments {
  int sessions = 20'000, concurrency = 40, warmUp = 10'000, halfOpen = 0, first = 0, port = 0;
  int descriptors = 1024;
  gint64 seed = 1;
  gboolean hasty = FALSE, libraryLeaks = FALSE, manyAddresses = FALSE;
  std::string kind, corpus, role, stream, codec, goodDoor, iceAgent, ports, tcpPorts, goodPaths,
      goodUser;
};

/// Options whose value is a text; without a description they are for the processes of a run.
struct TextOption {
  const char *name;
  char letter;
  std::string Arguments::*field;
  const char *description = nullptr, *value = "";
};

const TextOption kTexts[] = {
    {"kind", 'k', &Arguments::kind,
     "sessions of this kind alone; with a dash at its end, of all kinds that begin so", "NAME"},
    {"good-door", 0, &Arguments::goodDoor,
     "by which the good publisher comes: websocket or whip (websocket)", "DOOR"},
    {"ice-agent", 0, &Arguments::iceAgent,
     "of the server: single-port or libnice (the element's default)", "AGENT"},
    {"corpus", 0, &Arguments::corpus, "tests/fuzz/corpus", "PATH"},
    {"role", 0, &Arguments::role},
    {"stream", 0, &Arguments::stream},
    {"codec", 0, &Arguments::codec},
    {"ports", 0, &Arguments::ports},
    {"tcp-ports", 0, &Arguments::tcpPorts},
    {"good-paths", 0, &Arguments::goodPaths},
    {"good-user", 0, &Arguments::goodUser}};

std::vector<GOptionEntry> numberEntries(Arguments &arguments) {
  return {
      {"sessions", 'n', 0, G_OPTION_ARG_INT, &arguments.sessions, "how many (20000)", "N"},
      {"concurrency", 'c', 0, G_OPTION_ARG_INT, &arguments.concurrency, "at once (40)", "N"},
      {"warm-up", 'w', 0, G_OPTION_ARG_INT, &arguments.warmUp,
       "sessions before memory is measured for the first time; the allocator's pages are still "
       "filling up for some thousands (10000)",
       "N"},
      {"half-open", 'o', 0, G_OPTION_ARG_INT, &arguments.halfOpen,
       "instead: so many half-open sessions at once, and an honest client", "N"},
      {"many-addresses", 0, 0, G_OPTION_ARG_NONE, &arguments.manyAddresses,
       "the half-open sessions come from an address each", nullptr},
      {"seed", 's', 0, G_OPTION_ARG_INT64, &arguments.seed, "of the random numbers (1)", "N"},
      {"first", 'f', 0, G_OPTION_ARG_INT, &arguments.first,
       "number of the first session; with -n 1 it is the only one (0)", "N"},
      {"hasty", 0, 0, G_OPTION_ARG_NONE, &arguments.hasty, "nobody stays for long", nullptr},
      {"descriptors", 0, 0, G_OPTION_ARG_INT, &arguments.descriptors,
       "that the server may have (1024)", "N"},
      {"library-leaks", 0, 0, G_OPTION_ARG_NONE, &arguments.libraryLeaks,
       "leave two known leaks of libsoup and GnuTLS as they are; memory is reported only", nullptr},
      {"port", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &arguments.port, "", "PORT"}};
}

bool areGood(const Arguments &arguments) {
  const std::string &door = arguments.goodDoor, &agent = arguments.iceAgent;
  return arguments.sessions > 0 && arguments.concurrency > 0 &&
         (door.empty() || door == kWhipDoor || door == kSocketDoor) &&
         (agent.empty() || agent == kOwnAgent || agent == kLibnice);
}

bool parse(int *argc, char ***argv, Arguments &arguments) {
  std::vector<GOptionEntry> entries = numberEntries(arguments);
  std::array<OwnedString, std::size(kTexts)> texts;
  std::array<char *, std::size(kTexts)> given{};
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    const TextOption &option = kTexts[i];
    entries.push_back({option.name, option.letter, option.description ? 0 : G_OPTION_FLAG_HIDDEN,
                       G_OPTION_ARG_STRING, &given[i], option.description, option.value});
  }
  entries.push_back({nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr});
  Owned<GOptionContext, g_option_context_free> context(g_option_context_new(nullptr));
  g_option_context_add_main_entries(context.get(), entries.data(), nullptr);
  OwnedError error;
  const bool good = g_option_context_parse(context.get(), argc, argv, Out(error));
  if (!good) std::fprintf(stderr, "%s\n", error->message);
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    texts[i].reset(given[i]);
    if (given[i]) arguments.*kTexts[i].field = given[i];
  }
  return good && areGood(arguments);
}

int runRole(const Arguments &arguments) {
  // Nothing stays behind when the run is killed.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string role = arguments.role;
  // G_DEBUG=fatal-criticals is for the server: what a client's libraries complain of is no fault.
  if (role != "server") g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
  const auto port = static_cast<unsigned>(arguments.port);
  if (role == "server")
    return runServer({.descriptors = static_cast<unsigned>(arguments.descriptors),
                      .libraryLeaks = arguments.libraryLeaks != FALSE,
                      .iceAgent = arguments.iceAgent});
  if (role == "publisher")
    return runPublisher(port, arguments.stream, arguments.codec, arguments.goodDoor);
  const AttackOptions attack{.port = port,
                             .sessions = static_cast<unsigned>(arguments.sessions),
                             .first = static_cast<unsigned>(arguments.first),
                             .concurrency = static_cast<unsigned>(arguments.concurrency),
                             .seed = static_cast<std::uint64_t>(arguments.seed),
                             .corpus = arguments.corpus,
                             .kind = arguments.kind,
                             .iceAgent = arguments.iceAgent,
                             .ports = arguments.ports,
                             .tcpPorts = arguments.tcpPorts,
                             .goodPaths = arguments.goodPaths,
                             .goodUser = arguments.goodUser,
                             .hasty = arguments.hasty != FALSE};
  if (role == "half-open") return runHalfOpen(attack);
  return runAttack(attack);
}

RunOptions runOptions(const Arguments &arguments) {
  return {.sessions = static_cast<unsigned>(arguments.sessions),
          .concurrency = static_cast<unsigned>(arguments.concurrency),
          .warmUp = static_cast<unsigned>(arguments.warmUp),
          .halfOpen = static_cast<unsigned>(arguments.halfOpen),
          .manyAddresses = arguments.manyAddresses != FALSE,
          .seed = static_cast<std::uint64_t>(arguments.seed),
          .first = static_cast<unsigned>(arguments.first),
          .kind = arguments.kind,
          .corpus = arguments.corpus,
          .goodDoor = arguments.goodDoor.empty() ? kSocketDoor : arguments.goodDoor,
          .iceAgent = arguments.iceAgent,
          .hasty = arguments.hasty != FALSE,
          .libraryLeaks = arguments.libraryLeaks != FALSE,
          .descriptors = static_cast<unsigned>(arguments.descriptors)};
}

}  // namespace

}  // namespace gws::hostile

int main(int argc, char **argv) {
  using namespace gws::hostile;
  gws::test::restartWithPlainMalloc(argv);
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  if (!parse(&argc, &argv, arguments)) return 2;
  gws::test::keepOpensslAtExit();
  gst_init(nullptr, nullptr);
  return !arguments.role.empty() ? runRole(arguments) : runHostile(runOptions(arguments));
}
