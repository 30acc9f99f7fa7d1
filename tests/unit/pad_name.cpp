// SPDX-License-Identifier: LGPL-2.1-or-later
// Request pads' names to streams and track numbers.
#include "pad_name.h"

#include <glib.h>

using namespace gws;

namespace {

struct Row {
  const char *name, *afterKind, *stream;
  unsigned index;
};

const Row kRows[] = {
    {"name_plain_isTheFirstTrack", "cam1", "cam1", 0},
    {"name_withNumber_isAFurtherTrack", "cam1_1", "cam1", 1},
    {"name_withTwoNumbers_onlyTheLastCounts", "cam_2_13", "cam_2", 13},
    {"name_withWordBehindUnderscore_isAStream", "cam_front", "cam_front", 0},
    {"name_withLeadingZero_isAStream", "cam_01", "cam_01", 0},
    {"name_withZero_isTheFirstTrack", "cam_0", "cam", 0},
    {"name_endingInUnderscore_isAStream", "cam_", "cam_", 0},
    {"name_ofNumberAlone_isAStream", "_1", "_1", 0},
    {"name_withHugeNumber_isAStream", "cam_99999999999", "cam_99999999999", 0},
    {"name_withSign_isAStream", "cam_-1", "cam_-1", 0},
    {"name_empty_isEmpty", "", "", 0},
};

void testRow(const void *data) {
  const auto *row = static_cast<const Row *>(data);
  PadName name = parsePadName(row->afterKind);
  g_assert_cmpstr(name.stream.c_str(), ==, row->stream);
  g_assert_cmpuint(name.index, ==, row->index);
}

}  // namespace

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, nullptr);
  for (const Row &row : kRows)
    g_test_add_data_func((std::string("/pad-name/") + row.name).c_str(), &row, testRow);
  return g_test_run();
}
