// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON of the publishing protocol as a client writes and reads it.
#include "client_json.h"

#include <json-glib/json-glib.h>

#include "gst/common/gobj.h"

namespace gws::test {

namespace {

using OwnedNode = Owned<JsonNode, json_node_unref>;

void addMember(JsonBuilder *builder, const char *name, const std::string &value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, value.c_str());
}

std::string finish(JsonBuilder *builder) {
  json_builder_end_object(builder);
  const OwnedNode root(json_builder_get_root(builder));
  return takeString(json_to_string(root.get(), FALSE));
}

Ref<JsonBuilder> beginMessage(const char *type) {
  auto builder = Ref<JsonBuilder>::take(json_builder_new());
  json_builder_begin_object(builder.get());
  addMember(builder.get(), "type", type);
  return builder;
}

const char *stringMember(JsonObject *object, const char *name) {
  JsonNode *node = object ? json_object_get_member(object, name) : nullptr;
  return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                 : nullptr;
}

}  // namespace

std::string offerJson(const std::string &sdp) {
  const auto builder = beginMessage("offer");
  addMember(builder.get(), "sdp", sdp);
  return finish(builder.get());
}

std::string candidateJson(unsigned line, const std::string &candidate) {
  const auto builder = beginMessage("candidate");
  addMember(builder.get(), "stream_id", "local1");
  json_builder_set_member_name(builder.get(), "label");
  json_builder_add_int_value(builder.get(), line);
  addMember(builder.get(), "id", std::to_string(line));
  json_builder_set_member_name(builder.get(), "candidate");
  json_builder_begin_object(builder.get());
  addMember(builder.get(), "candidate", candidate);
  addMember(builder.get(), "sdpMid", std::to_string(line));
  json_builder_set_member_name(builder.get(), "sdpMLineIndex");
  json_builder_add_int_value(builder.get(), line);
  json_builder_end_object(builder.get());
  return finish(builder.get());
}

std::string bareCandidateJson(unsigned line, const std::string &candidate) {
  const auto builder = beginMessage("candidate");
  json_builder_set_member_name(builder.get(), "label");
  json_builder_add_int_value(builder.get(), line);
  addMember(builder.get(), "id", std::to_string(line));
  addMember(builder.get(), "candidate", candidate);
  return finish(builder.get());
}

ServerMessage parseServerMessage(const std::string &text) {
  ServerMessage message;
  const OwnedNode root(json_from_string(text.c_str(), nullptr));
  if (!root || !JSON_NODE_HOLDS_OBJECT(root.get())) return message;
  JsonObject *object = json_node_get_object(root.get());
  const char *type = stringMember(object, "type");
  if (!type) return message;
  message.type = ServerMessage::Type::Unknown;
  if (g_str_equal(type, "answer")) {
    const char *sdp = stringMember(object, "sdp");
    message.type = sdp ? ServerMessage::Type::Answer : ServerMessage::Type::Broken;
    message.text = sdp ? sdp : "";
  } else if (g_str_equal(type, "candidate")) {
    JsonNode *inner = json_object_get_member(object, "candidate");
    JsonObject *fields =
        inner && JSON_NODE_HOLDS_OBJECT(inner) ? json_node_get_object(inner) : nullptr;
    const char *candidate = stringMember(fields, "candidate");
    message.type = candidate ? ServerMessage::Type::Candidate : ServerMessage::Type::Broken;
    message.text = candidate ? candidate : "";
    if (fields && json_object_has_member(fields, "sdpMLineIndex"))
      message.line = static_cast<unsigned>(json_object_get_int_member(fields, "sdpMLineIndex"));
    if (const char *mid = stringMember(fields, "sdpMid")) message.mid = mid;
  }
  return message;
}

}  // namespace gws::test
