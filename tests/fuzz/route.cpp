// SPDX-License-Identifier: LGPL-2.1-or-later
// Request paths into the router: a stream's name that comes back is acceptable.
#include "route.h"

#include <glib.h>

#include <cstddef>
#include <cstdint>

using namespace gws;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view path(reinterpret_cast<const char *>(data), size);
  const Result<Route> route = parseRoute(path);
  if (!route) {
    const Error &error = route.error();
    g_assert_true(error.code == 400 || error.code == 404);
    g_assert_true(g_utf8_validate(error.detail.c_str(), -1, nullptr));
    g_assert_cmpuint(error.detail.size(), <, 512);
    return 0;
  }
  const bool hasSession = route->door == Door::WhipSession || route->door == Door::Statistics;
  if (!hasSession) g_assert_true(route->session.empty());
  if (hasSession || route->door == Door::PublishPage || route->door == Door::PublishSocket ||
      route->door == Door::Whip) {
    g_assert_true(checkStreamName(route->name).ok());
    g_assert_cmpuint(route->name.size(), <=, kMaxStreamNameBytes);
  } else if (route->door == Door::Asset) {
    g_assert_true(route->name.find_first_of(std::string_view("/\\%\0", 4)) == std::string::npos);
    g_assert_true(route->name != "." && route->name != "..");
  } else {
    g_assert_true(route->name.empty());
  }
  return 0;
}
