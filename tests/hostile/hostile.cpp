// SPDX-License-Identifier: LGPL-2.1-or-later
// A server, a good publisher, and thousands of bad clients; see meson.build.
#include <gst/gst.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>

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
  OwnedString kind, corpus, role, stream, codec, ports, goodDoor;
};

std::string textOf(const OwnedString &text) { return text ? text.get() : ""; }

bool parse(int *argc, char ***argv, Arguments &arguments) {
  char *kind = nullptr, *corpus = nullptr, *role = nullptr, *stream = nullptr, *codec = nullptr;
  char *ports = nullptr, *goodDoor = nullptr;
  const GOptionEntry entries[] = {
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
      {"kind", 'k', 0, G_OPTION_ARG_STRING, &kind,
       "sessions of this kind alone; with a dash at its end, of all kinds that begin so", "NAME"},
      {"good-door", 0, 0, G_OPTION_ARG_STRING, &goodDoor,
       "by which the good publisher comes: websocket or whip (websocket)", "DOOR"},
      {"corpus", 0, 0, G_OPTION_ARG_FILENAME, &corpus, "tests/fuzz/corpus", "PATH"},
      {"hasty", 0, 0, G_OPTION_ARG_NONE, &arguments.hasty, "nobody stays for long", nullptr},
      {"descriptors", 0, 0, G_OPTION_ARG_INT, &arguments.descriptors,
       "that the server may have (1024)", "N"},
      {"library-leaks", 0, 0, G_OPTION_ARG_NONE, &arguments.libraryLeaks,
       "leave two known leaks of libsoup and GnuTLS as they are; memory is reported only", nullptr},
      {"role", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &role, "", "ROLE"},
      {"port", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &arguments.port, "", "PORT"},
      {"stream", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &stream, "", "NAME"},
      {"codec", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &codec, "", "NAME"},
      {"ports", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &ports, "", "PORTS"},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
  Owned<GOptionContext, g_option_context_free> context(g_option_context_new(nullptr));
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  OwnedError error;
  const bool good = g_option_context_parse(context.get(), argc, argv, Out(error));
  if (!good) std::fprintf(stderr, "%s\n", error->message);
  arguments.kind.reset(kind);
  arguments.goodDoor.reset(goodDoor);
  arguments.corpus.reset(corpus);
  arguments.role.reset(role);
  arguments.stream.reset(stream);
  arguments.codec.reset(codec);
  arguments.ports.reset(ports);
  return good && arguments.sessions > 0 && arguments.concurrency > 0 &&
         (!goodDoor || textOf(arguments.goodDoor) == kWhipDoor ||
          textOf(arguments.goodDoor) == kSocketDoor);
}

int runRole(const Arguments &arguments) {
  // Nothing stays behind when the run is killed.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string role = textOf(arguments.role);
  // G_DEBUG=fatal-criticals is for the server: what a client's libraries complain of is no fault.
  if (role != "server") g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
  const auto port = static_cast<unsigned>(arguments.port);
  if (role == "server")
    return runServer({.descriptors = static_cast<unsigned>(arguments.descriptors),
                      .libraryLeaks = arguments.libraryLeaks != FALSE});
  if (role == "publisher")
    return runPublisher(port, textOf(arguments.stream), textOf(arguments.codec),
                        textOf(arguments.goodDoor));
  const AttackOptions attack{.port = port,
                             .sessions = static_cast<unsigned>(arguments.sessions),
                             .first = static_cast<unsigned>(arguments.first),
                             .concurrency = static_cast<unsigned>(arguments.concurrency),
                             .seed = static_cast<std::uint64_t>(arguments.seed),
                             .corpus = textOf(arguments.corpus),
                             .kind = textOf(arguments.kind),
                             .ports = textOf(arguments.ports),
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
          .kind = textOf(arguments.kind),
          .corpus = textOf(arguments.corpus),
          .goodDoor = arguments.goodDoor ? arguments.goodDoor.get() : kSocketDoor,
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
  return arguments.role ? runRole(arguments) : runHostile(runOptions(arguments));
}
