// SPDX-License-Identifier: LGPL-2.1-or-later
// What both receivers of the benchmark do alike: sinks, figures, and their life.
#pragma once

#include <gst/gst.h>

#include <string>

namespace gws::benchmark {

/// Adds a fakesink to `bin` and links `pad` to it. The first buffer on the pad prints
/// "first STREAM KIND MICROSECONDS" (CLOCK_MONOTONIC); all are counted.
void sinkAndCount(GstBin *bin, GstPad *pad, const std::string &stream, const std::string &kind);

/// From now on each picture of tests/network that is complete prints "picture NUMBER KEY SENT
/// ARRIVED BYTES" (microseconds of CLOCK_MONOTONIC), and another one "torn picture ARRIVED".
void logMarkedPictures();

/// Prints "port PORT" and runs the default main context until stdin is closed. For each line on
/// stdin prints "frames VIDEO AUDIO", counted since the start.
void serve(unsigned port);

}  // namespace gws::benchmark
