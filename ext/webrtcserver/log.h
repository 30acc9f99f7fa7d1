// SPDX-License-Identifier: LGPL-2.1-or-later
// One debug category a module.
#pragma once

#include <gst/gst.h>

/// Defines the module's category; it is registered when the module logs for the first time.
#define GWS_LOG_CATEGORY(name, description)                                                  \
  static GstDebugCategory *logCategory() {                                                   \
    static GstDebugCategory *const category = _gst_debug_category_new(name, 0, description); \
    return category;                                                                         \
  }                                                                                          \
  static_assert(true)
#define GST_CAT_DEFAULT logCategory()
