// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenSSL's initialisation, without its exit handler.
#include "process_exit.h"

#include <dlfcn.h>

#include <cstdint>

namespace gws::test {

void keepOpensslAtExit() {
  // <openssl/crypto.h>: OPENSSL_INIT_NO_ATEXIT. Found at run time, so that the tests need no
  // headers of a library that only GStreamer's DTLS plugin links.
  constexpr std::uint64_t kNoAtExit = 0x00080000;
  using Init = int (*)(std::uint64_t, const void *);
  static void *const library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_GLOBAL);
  static const auto init =
      library ? reinterpret_cast<Init>(dlsym(library, "OPENSSL_init_crypto")) : nullptr;
  if (init) init(kNoAtExit, nullptr);
}

}  // namespace gws::test
