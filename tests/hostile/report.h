// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines of JSON between the processes of a run.
#pragma once

#include <json-glib/json-glib.h>

#include <string>

#include "gst/common/gobj.h"

namespace gws::hostile {

/// An object on one line. The texts are our own: nothing in them needs to be escaped.
class Line {
 public:
  Line &add(const char *name, double value);
  Line &add(const char *name, const std::string &value);
  /// To standard output.
  void print() const;

 private:
  Line &addRaw(const char *name, const std::string &value);
  std::string text_;
};

/// Such a line, read.
class Reading {
 public:
  explicit Reading(const std::string &line);

  bool has(const char *name) const;
  /// 0 and "" for what is not there.
  double number(const char *name) const;
  std::string text(const char *name) const;

 private:
  Ref<JsonParser> parser_;
  JsonObject *object_ = nullptr;  ///< the parser's
};

}  // namespace gws::hostile
