// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a fuzz target once with each file of a corpus, so that any build tests it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <glib.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

static bool runFile(const char *path) {
  g_autofree char *contents = nullptr;
  gsize size = 0;
  g_autoptr(GError) error = nullptr;
  if (!g_file_get_contents(path, &contents, &size, &error)) {
    std::fprintf(stderr, "%s\n", error->message);
    return false;
  }
  // A copy without GLib's closing NUL byte, so that a memory checker sees reads past the end.
  g_autofree std::uint8_t *copy = static_cast<std::uint8_t *>(g_memdup2(contents, size));
  LLVMFuzzerTestOneInput(copy, size);
  return true;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return EXIT_FAILURE;
  }
  g_autoptr(GError) error = nullptr;
  g_autoptr(GDir) directory = g_dir_open(argv[1], 0, &error);
  if (!directory) {
    std::fprintf(stderr, "%s\n", error->message);
    return EXIT_FAILURE;
  }
  unsigned files = 0;
  while (const char *name = g_dir_read_name(directory)) {
    g_autofree char *path = g_build_filename(argv[1], name, nullptr);
    std::printf("%s\n", name);
    std::fflush(stdout);
    if (!runFile(path)) return EXIT_FAILURE;
    files++;
  }
  if (files == 0) std::fprintf(stderr, "%s holds no file\n", argv[1]);
  return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
