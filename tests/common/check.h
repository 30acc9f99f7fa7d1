// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-check for C++ tests, together with the client and the pipeline that they use. Include it
// last.
#pragma once

#include <string>
#include <vector>

#include "tests/common/client_json.h"
#include "tests/common/publish_client.h"
#include "tests/common/publish_pipeline.h"

// Its macro `fail` is the name of members in the standard library.
#include <gst/check/gstcheck.h>
#undef fail

/// Two std::strings; keeps temporaries alive, which fail_unless_equals_string() does not.
#define fail_unless_same_text(got, expected)                                         \
  do {                                                                               \
    const std::string gotText(got), expectedText(expected);                          \
    fail_unless(gotText == expectedText, #got " is '%s', not '%s'", gotText.c_str(), \
                expectedText.c_str());                                               \
  } while (false)

namespace gws::test {

/// A launch line's end that takes everything at once.
inline constexpr const char *kSink = " ! fakesink async=false sync=false";

inline PublishOptions optionsFor(const PublishPipeline &pipeline,
                                 const std::string &stream = "cam") {
  return {.url = pipeline.url(stream)};
}

/// Publishes and waits until the media flow; fails with the reason why they do not.
inline void mustPublish(PublishClient &client) {
  client.start();
  const bool connected = client.waitConnected();
  const SocketEnd end = client.waitClosed(Timeout(0));
  std::string complaints;
  for (const std::string &text : client.complaints())
    complaints += text + "; ";
  fail_unless(connected, "not connected: close %d '%s', http %d, %s", end.closeCode,
              end.reason.c_str(), end.httpStatus, complaints.c_str());
}

inline void mustBeHealthy(const PublishPipeline &pipeline) {
  const auto errors = pipeline.errors();
  fail_unless(errors.empty(), "error on the bus: %s", errors.empty() ? "" : errors[0].c_str());
}

}  // namespace gws::test
