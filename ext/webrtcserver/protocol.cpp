// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON messages of the WebSocket protocol: text to values and back.
#include "protocol.h"

#include <json-glib/json-glib.h>

#include "gst/common/glib_owned.h"
#include "json_guard.h"
#include "text.h"

namespace gws {

namespace {

constexpr std::size_t kMaxReasonBytes = 123;  // RFC 6455, section 5.5: 125 less the code
constexpr std::size_t kMaxTypeBytes = 64;
constexpr gint64 kMaxLineIndex = 65535;  // WebIDL: unsigned short

Error badMessage(std::string detail) {
  return {static_cast<int>(CloseCode::BadMessage), std::move(detail)};
}

const char *describe(JsonNode *node) {
  if (!node) return "missing";
  if (JSON_NODE_HOLDS_OBJECT(node)) return "an object";
  if (JSON_NODE_HOLDS_ARRAY(node)) return "an array";
  if (JSON_NODE_HOLDS_NULL(node)) return "null";
  switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
      return "a string";
    case G_TYPE_BOOLEAN:
      return "a boolean";
    default:
      return "a number";
  }
}

Error wrongField(const char *name, JsonNode *node, const char *expected) {
  return badMessage('"' + std::string(name) + "\" is " + describe(node) + ", expected " + expected);
}

bool isString(JsonNode *node) {
  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

bool isAbsent(JsonNode *node) { return !node || JSON_NODE_HOLDS_NULL(node); }

Result<std::optional<std::string>> optionalString(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  if (isAbsent(node)) return std::optional<std::string>();
  if (!isString(node)) return wrongField(name, node, "a string");
  return std::optional<std::string>(json_node_get_string(node));
}

Result<std::optional<unsigned>> optionalIndex(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  if (isAbsent(node)) return std::optional<unsigned>();
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return wrongField(name, node, "a whole number");
  const gint64 value = json_node_get_int(node);
  if (value < 0 || value > kMaxLineIndex)
    return badMessage('"' + std::string(name) + "\" is out of range, expected 0 to " +
                      std::to_string(kMaxLineIndex));
  return std::optional<unsigned>(static_cast<unsigned>(value));
}

/// A candidate as clients write it: some leave SDP's "a=" and the line's end around it.
std::string trimCandidate(std::string_view text) {
  while (!text.empty() && g_ascii_isspace(text.back()))
    text.remove_suffix(1);
  while (!text.empty() && g_ascii_isspace(text.front()))
    text.remove_prefix(1);
  if (text.substr(0, 2) == "a=") text.remove_prefix(2);
  return std::string(text);
}

Result<ClientMessage> readOffer(JsonObject *message) {
  JsonNode *sdp = json_object_get_member(message, "sdp");
  if (!isString(sdp)) return wrongField("sdp", sdp, "a string");
  return ClientMessage(OfferMessage{json_node_get_string(sdp)});
}

/// The fields of an RTCIceCandidateInit.
Result<CandidateMessage> readCandidateInit(JsonObject *init) {
  auto candidate = optionalString(init, "candidate");
  if (!candidate) return candidate.error();
  auto mid = optionalString(init, "sdpMid");
  if (!mid) return mid.error();
  auto lineIndex = optionalIndex(init, "sdpMLineIndex");
  if (!lineIndex) return lineIndex.error();
  auto ufrag = optionalString(init, "usernameFragment");
  if (!ufrag) return ufrag.error();
  return CandidateMessage{trimCandidate(candidate->value_or("")), *mid, *lineIndex, *ufrag};
}

Result<ClientMessage> readCandidate(JsonObject *message) {
  CandidateMessage result;
  JsonNode *node = json_object_get_member(message, "candidate");
  if (isString(node)) {
    result.candidate = trimCandidate(json_node_get_string(node));
  } else if (node && JSON_NODE_HOLDS_OBJECT(node)) {
    auto init = readCandidateInit(json_node_get_object(node));
    if (!init) return init.error();
    result = std::move(*init);
  } else if (!isAbsent(node)) {
    return wrongField("candidate", node, "an object or a string");
  }
  if (!result.mid) {
    auto id = optionalString(message, "id");
    if (!id) return id.error();
    result.mid = *id;
  }
  if (!result.lineIndex) {
    auto label = optionalIndex(message, "label");
    if (!label) return label.error();
    result.lineIndex = *label;
  }
  return ClientMessage(std::move(result));
}

Result<ClientMessage> readMessage(JsonObject *message) {
  JsonNode *node = json_object_get_member(message, "type");
  if (!isString(node)) return wrongField("type", node, "a string");
  const std::string_view type = json_node_get_string(node);
  if (type == "offer") return readOffer(message);
  if (type == "candidate") return readCandidate(message);
  return ClientMessage(UnknownMessage{printable(type, kMaxTypeBytes)});
}

/// Appends one member; `value` need not end in a NUL.
void addString(JsonBuilder *builder, const char *name, std::string_view value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, std::string(value).c_str());
}

std::string serialise(JsonBuilder *builder) {
  const Owned<JsonNode, json_node_unref> root(json_builder_get_root(builder));
  const Owned<JsonGenerator, g_object_unref> generator(json_generator_new());
  json_generator_set_root(generator.get(), root.get());
  const Owned<char, g_free> text(json_generator_to_data(generator.get(), nullptr));
  return text.get();
}

}  // namespace

Result<ClientMessage> parseClientMessage(std::string_view text) {
  if (Result<void> guarded = checkJsonObject(text); !guarded)
    return badMessage("the message cannot be read: " + guarded.error().detail);
  const Owned<JsonParser, g_object_unref> parser(json_parser_new_immutable());
  // The parser's own messages quote its input's position alone; they do not help a client.
  if (!json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  nullptr))
    return badMessage("the message is not JSON, expected an object with \"type\"");
  JsonNode *root = json_parser_get_root(parser.get());
  if (!root || !JSON_NODE_HOLDS_OBJECT(root)) return badMessage("the message is not a JSON object");
  return readMessage(json_node_get_object(root));
}

std::string answerMessage(std::string_view sdp) {
  const Owned<JsonBuilder, g_object_unref> builder(json_builder_new());
  json_builder_begin_object(builder.get());
  addString(builder.get(), "type", "answer");
  addString(builder.get(), "sdp", sdp);
  json_builder_end_object(builder.get());
  return serialise(builder.get());
}

std::string candidateMessage(std::string_view candidate, std::string_view mid, unsigned lineIndex) {
  const Owned<JsonBuilder, g_object_unref> builder(json_builder_new());
  json_builder_begin_object(builder.get());
  addString(builder.get(), "type", "candidate");
  json_builder_set_member_name(builder.get(), "candidate");
  json_builder_begin_object(builder.get());
  addString(builder.get(), "candidate", candidate);
  addString(builder.get(), "sdpMid", mid);
  json_builder_set_member_name(builder.get(), "sdpMLineIndex");
  json_builder_add_int_value(builder.get(), lineIndex);
  json_builder_end_object(builder.get());
  json_builder_end_object(builder.get());
  return serialise(builder.get());
}

std::string closeReason(std::string_view sentence) { return printable(sentence, kMaxReasonBytes); }

}  // namespace gws
