// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines of JSON between the processes of a run.
#include "report.h"

#include <array>
#include <cstdio>

namespace gws::hostile {

Line &Line::addRaw(const char *name, const std::string &value) {
  text_ += (text_.empty() ? "\"" : ", \"") + std::string(name) + "\": " + value;
  return *this;
}

Line &Line::add(const char *name, double value) {
  std::array<char, G_ASCII_DTOSTR_BUF_SIZE> number;
  return addRaw(name, g_ascii_formatd(number.data(), number.size(), "%.15g", value));
}

Line &Line::add(const char *name, const std::string &value) {
  return addRaw(name, '"' + value + '"');
}

void Line::print() const {
  std::printf("{%s}\n", text_.c_str());
  std::fflush(stdout);
}

Reading::Reading(const std::string &line) : parser_(Ref<JsonParser>::take(json_parser_new())) {
  if (!json_parser_load_from_data(parser_.get(), line.c_str(), -1, nullptr)) return;
  JsonNode *root = json_parser_get_root(parser_.get());
  if (root && JSON_NODE_HOLDS_OBJECT(root)) object_ = json_node_get_object(root);
}

bool Reading::has(const char *name) const {
  return object_ && json_object_has_member(object_, name);
}

double Reading::number(const char *name) const {
  return has(name) ? json_object_get_double_member(object_, name) : 0;
}

std::string Reading::text(const char *name) const {
  const char *text = has(name) ? json_object_get_string_member(object_, name) : nullptr;
  return text ? text : "";
}

}  // namespace gws::hostile
