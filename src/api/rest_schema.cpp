#include "api/rest_schema.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace api {
namespace {

using Json = nlohmann::ordered_json;

// Requests admit no other members than these; answers may get more in later versions.
constexpr std::string_view kSchemas = R"json({
  "Problem": {"type": "object", "description": "An error (RFC 9457).", "required": ["type", "title", "status", "detail", "reason"], "properties": {
    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
    "detail": {"type": "string", "description": "What to do about it, for a developer."},
    "reason": {"type": "string", "description": "The same for a program: a word that stays."}}},
  "Status": {"type": "object", "required": ["version", "rooms", "participants", "calls", "registered", "webphones"], "properties": {
    "version": {"type": "string"}, "rooms": {"type": "integer"}, "participants": {"type": "integer"}, "calls": {"type": "integer"},
    "registered": {"type": "integer", "description": "Contacts that are registered."}, "webphones": {"type": "integer"}}},
  "ApiToken": {"type": "object", "required": ["id", "name", "scopes", "created"], "properties": {
    "id": {"type": "string"}, "name": {"type": "string"}, "scopes": {"type": "array", "items": {"type": "string"}},
    "created": {"type": "string", "format": "date-time"}}},
  "ApiTokenList": {"type": "object", "required": ["apiTokens"], "properties": {"apiTokens": {"type": "array", "items": {"$ref": "#/components/schemas/ApiToken"}}}},
  "NewApiToken": {"type": "object", "additionalProperties": false, "required": ["name", "scopes"], "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 80, "description": "What it is for."},
    "scopes": {"type": "array", "minItems": 1, "maxItems": 20, "items": {"type": "string", "maxLength": 40}}}},
  "MadeApiToken": {"type": "object", "required": ["id", "name", "scopes", "created", "token"], "properties": {
    "id": {"type": "string"}, "name": {"type": "string"}, "scopes": {"type": "array", "items": {"type": "string"}},
    "created": {"type": "string", "format": "date-time"}, "token": {"type": "string", "description": "The secret. It is told once: the server keeps its hash."}}},
  "Account": {"type": "object", "required": ["name", "displayName", "created"], "properties": {
    "name": {"type": "string", "description": "The number that it is called by, and the user name of its phones."}, "displayName": {"type": "string"},
    "created": {"type": "string", "format": "date-time"}}},
  "AccountList": {"type": "object", "required": ["accounts"], "properties": {"accounts": {"type": "array", "items": {"$ref": "#/components/schemas/Account"}},
    "next": {"type": "string", "description": "The next page's `after`; absent on the last."}}},
  "NewAccount": {"type": "object", "additionalProperties": false, "required": ["name", "password"], "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 64, "description": "Letters, digits and . _ - +"},
    "displayName": {"type": "string", "maxLength": 80}, "password": {"$ref": "#/components/schemas/Password"}}},
  "AccountChange": {"type": "object", "additionalProperties": false, "required": ["displayName"], "properties": {"displayName": {"type": "string", "maxLength": 80}}},
  "Password": {"type": "string", "minLength": 8, "maxLength": 256},
  "NewPassword": {"type": "object", "additionalProperties": false, "required": ["password"], "properties": {"password": {"$ref": "#/components/schemas/Password"}}},
  "Line": {"type": "object", "required": ["name", "access", "clients"], "properties": {
    "name": {"type": "string"}, "access": {"type": "string", "enum": ["open", "password", "token"]},
    "origins": {"type": "array", "items": {"type": "string"}}, "clients": {"type": "array", "items": {"$ref": "#/components/schemas/LineClient"}}}},
  "LineClient": {"type": "object", "required": ["number", "displayName"], "properties": {"number": {"type": "string"}, "displayName": {"type": "string"}}},
  "Trunk": {"type": "object", "required": ["name", "server", "registers", "registered", "reachable", "calls"], "properties": {
    "name": {"type": "string"}, "server": {"type": "string"}, "registers": {"type": "boolean"}, "registered": {"type": "boolean"},
    "reachable": {"type": "boolean", "description": "Its name is resolved, and it is not known to be silent."},
    "lastStatus": {"type": "integer", "description": "Of the REGISTER that failed last; absent: the last one did not. 408 also stands for no answer."},
    "calls": {"type": "integer"}}},
  "TrunkList": {"type": "object", "required": ["trunks"], "properties": {"trunks": {"type": "array", "items": {"$ref": "#/components/schemas/Trunk"}}}},
  "LineList": {"type": "object", "required": ["lines"], "properties": {"lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}}},
  "NewWebphoneToken": {"type": "object", "additionalProperties": false, "properties": {
    "displayName": {"type": "string", "maxLength": 80, "description": "What the client is called; absent: what its page says."},
    "room": {"type": "string", "maxLength": 80, "description": "The only room that it may call; absent: any."},
    "privileges": {"type": "array", "maxItems": 10, "items": {"type": "string", "enum": ["message", "call_internal", "call_external", "call_history", "supervise"]},
      "description": "Absent: messages and internal calls."},
    "seconds": {"type": "integer", "minimum": 10, "maximum": 86400, "description": "How long it holds; absent: 300."}}},
  "WebphoneToken": {"type": "object", "required": ["token", "expires"], "properties": {"token": {"type": "string"}, "expires": {"type": "string", "format": "date-time"}}},
  "Room": {"type": "object", "required": ["name", "id", "participants"], "properties": {
    "name": {"type": "string"}, "id": {"type": "string", "description": "Another one each time that the room opens."}, "participants": {"type": "integer"}}},
  "RoomList": {"type": "object", "required": ["rooms"], "properties": {"rooms": {"type": "array", "items": {"$ref": "#/components/schemas/Room"}}}},
  "Participant": {"type": "object", "required": ["id", "number", "displayName", "account", "joined", "muted", "talking", "connected"], "properties": {
    "id": {"type": "string"}, "number": {"type": "string"}, "displayName": {"type": "string"},
    "account": {"type": "string", "description": "Empty: a guest."}, "joined": {"type": "string", "format": "date-time"}, "muted": {"type": "boolean"},
    "talking": {"type": "boolean"}, "connected": {"type": "boolean", "description": "False: its connection is lost, and it has some seconds to come back."}}},
  "ParticipantList": {"type": "object", "required": ["participants"], "properties": {"participants": {"type": "array", "items": {"$ref": "#/components/schemas/Participant"}}}},
  "NewMessage": {"type": "object", "additionalProperties": false, "required": ["text"], "properties": {
    "text": {"type": "string", "minLength": 1, "maxLength": 65536},
    "contentType": {"type": "string", "minLength": 3, "maxLength": 120, "description": "Absent: text/plain;charset=UTF-8."},
    "from": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The name that is shown; absent: the token's."},
    "to": {"type": "string", "minLength": 1, "maxLength": 64, "description": "A participant's id: nobody else gets it."}}},
  "NewAccountMessage": {"type": "object", "additionalProperties": false, "required": ["text"], "properties": {
    "text": {"type": "string", "minLength": 1, "maxLength": 65536},
    "contentType": {"type": "string", "minLength": 3, "maxLength": 120, "description": "Absent: text/plain;charset=UTF-8."},
    "from": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The name that is shown; absent: the token's."}}},
  "SentMessage": {"type": "object", "required": ["id", "sequence"], "properties": {"id": {"type": "string"}, "sequence": {"type": "integer"}}},
  "Message": {"type": "object", "required": ["id", "sequence", "time", "from", "participant", "account", "contentType"], "properties": {
    "id": {"type": "string"}, "sequence": {"type": "integer"}, "time": {"type": "string", "format": "date-time"}, "from": {"type": "string"},
    "participant": {"type": "string"}, "account": {"type": "string"}, "contentType": {"type": "string"},
    "text": {"type": "string", "description": "Absent where the body is no UTF-8."}, "base64": {"type": "string", "description": "The body where it is no UTF-8."}}},
  "MessageList": {"type": "object", "required": ["messages"], "properties": {"messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}},
    "next": {"type": "integer", "description": "The next page's `after` or `before`, as asked; absent on the last."}}},
  "Party": {"type": "object", "required": ["number", "displayName", "account"], "properties": {
    "number": {"type": "string"}, "displayName": {"type": "string"}, "account": {"type": "string"}}},
  "Call": {"type": "object", "required": ["id", "state", "from", "to", "started"], "properties": {
    "id": {"type": "string"}, "state": {"type": "string", "enum": ["dialing", "ringing", "waiting", "answered"]},
    "from": {"$ref": "#/components/schemas/Party"}, "to": {"$ref": "#/components/schemas/Party"},
    "started": {"type": "string", "format": "date-time"}, "answered": {"type": "string", "format": "date-time"},
    "queue": {"type": "string", "description": "That it came by, or waits in."}, "held": {"type": "boolean", "description": "There while somebody holds it."}}},
  "CallKeys": {"type": "object", "additionalProperties": false, "required": ["keys", "number"], "properties": {
    "keys": {"type": "string", "minLength": 1, "maxLength": 32, "description": "Of 0-9, *, #, A-D."},
    "number": {"type": "string", "minLength": 1, "maxLength": 100, "description": "The party that hears them."}}},
  "CallForward": {"type": "object", "additionalProperties": false, "required": ["number"], "properties": {
    "number": {"type": "string", "minLength": 1, "maxLength": 100, "description": "Who rings instead: whatever can be dialled."}}},
  "CallListener": {"type": "object", "additionalProperties": false, "required": ["number"], "properties": {
    "number": {"type": "string", "minLength": 1, "maxLength": 100, "description": "The account or client that is called, and hears."}}},
  "Queue": {"type": "object", "required": ["name", "agents", "waiting"], "properties": {
    "name": {"type": "string"}, "agents": {"type": "array", "items": {"type": "string"}, "description": "Accounts."},
    "waiting": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}, "description": "In the order of their turns."}}},
  "QueueList": {"type": "object", "required": ["queues"], "properties": {"queues": {"type": "array", "items": {"$ref": "#/components/schemas/Queue"}}}},
  "CallList": {"type": "object", "required": ["calls"], "properties": {"calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}}}},
  "CallTransfer": {"type": "object", "additionalProperties": false, "required": ["to"], "properties": {
    "party": {"type": "string", "minLength": 1, "maxLength": 100, "description": "Who goes on to `to`: \"from\" (the one who called), \"to\", or that one's number. Absent: \"from\"."},
    "to": {"type": "string", "minLength": 1, "maxLength": 100, "description": "The number to be called for that party."}}},
  "NewCall": {"type": "object", "additionalProperties": false, "required": ["from", "to"], "properties": {
    "from": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The number that rings first."},
    "to": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The number that rings when the first has answered."}}},
  "CallRecord": {"type": "object", "required": ["id", "kind", "from", "to", "started", "status"], "properties": {
    "id": {"type": "string"}, "kind": {"type": "string", "enum": ["call", "room", "queue"], "description": "queue: until `answered` its caller waited for an agent."}, "from": {"type": "string"}, "fromDisplayName": {"type": "string"},
    "to": {"type": "string"}, "started": {"type": "string", "format": "date-time"}, "answered": {"type": "string", "format": "date-time"},
    "ended": {"type": "string", "format": "date-time"}, "status": {"type": "integer", "description": "The SIP status that ended it, or 0."}, "cause": {"type": "string"},
    "legs": {"type": "array", "items": {"$ref": "#/components/schemas/CallRecordLeg"}, "description": "Who was in it, in order: also those who left by a transfer."}}},
  "CallRecordLeg": {"type": "object", "required": ["uri", "displayName"], "properties": {
    "uri": {"type": "string"}, "displayName": {"type": "string"}, "account": {"type": "string", "description": "Absent: a guest, a number at a trunk, a service."},
    "answered": {"type": "string", "format": "date-time"}, "ended": {"type": "string", "format": "date-time", "description": "When it left."}}},
  "CallRecordList": {"type": "object", "required": ["callRecords"], "properties": {"callRecords": {"type": "array", "items": {"$ref": "#/components/schemas/CallRecord"}},
    "next": {"type": "integer", "description": "The next page's `before`; absent on the last."}}},
  "Presence": {"type": "object", "required": ["number", "displayName", "contacts"], "properties": {
    "number": {"type": "string"}, "displayName": {"type": "string"}, "line": {"type": "string", "description": "The webphone line of a page."},
    "contacts": {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}}}},
  "Contact": {"type": "object", "required": ["transport", "address", "seconds"], "properties": {
    "transport": {"type": "string", "enum": ["udp", "tcp", "tls", "ws", "wss"]}, "address": {"type": "string"},
    "seconds": {"type": "integer", "description": "Until it must be registered anew."}}},
  "PresenceList": {"type": "object", "required": ["registered"], "properties": {"registered": {"type": "array", "items": {"$ref": "#/components/schemas/Presence"}}}}
})json";

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  return false;
}

std::string check(const Json& value, const Json& schema, const std::string& name, int depth);

std::string check_members(const Json& value, const Json& schema, const std::string& name, int depth) {
  const auto& properties = schema["properties"];
  const auto path = [&](const std::string& member) { return name.empty() ? member : name + "." + member; };
  if (const auto required = schema.find("required"); required != schema.end()) {
    for (const auto& one : *required) {
      if (!value.contains(one.get<std::string>())) return fmt::format("\"{}\" is missing", path(one.get<std::string>()));
    }
  }
  for (const auto& [key, member] : value.items()) {
    const auto known = properties.find(key);
    if (known == properties.end()) {
      if (schema.value("additionalProperties", true)) continue;
      return fmt::format("there is no member \"{}\"", base::clean_display_name(path(key)));
    }
    if (auto wrong = check(member, *known, path(key), depth + 1); !wrong.empty()) return wrong;
  }
  return {};
}

std::string check_text(const std::string& text, const Json& schema, const std::string& name) {
  const auto length = characters(text);
  if (length < schema.value("minLength", std::size_t{0})) return fmt::format("\"{}\" has at least {} characters", name, schema["minLength"].get<int>());
  if (length > schema.value("maxLength", SIZE_MAX)) return fmt::format("\"{}\" has at most {} characters", name, schema["maxLength"].get<int>());
  if (const auto allowed = schema.find("enum"); allowed != schema.end()) {
    if (std::find(allowed->begin(), allowed->end(), text) == allowed->end()) return fmt::format("\"{}\" is one of {}", name, allowed->dump());
  }
  return {};
}

std::string check(const Json& value, const Json& schema, const std::string& name, int depth) {
  if (depth > 8) return "nested too deep";
  if (const auto ref = schema.find("$ref"); ref != schema.end()) {
    const auto target = ref->get<std::string>();
    return check(value, rest_schemas()[target.substr(target.rfind('/') + 1)], name, depth + 1);
  }
  const auto type = schema["type"].get<std::string>();
  if (!has_type(value, type)) {
    return name.empty() ? fmt::format("expected an {}", type) : fmt::format("\"{}\" must be of type {}", name, type);
  }
  if (value.is_object()) return check_members(value, schema, name, depth);
  if (value.is_string()) return check_text(value.get_ref<const std::string&>(), schema, name);
  if (value.is_number_integer()) {
    // Numbers above 2^63 are told apart from negative ones.
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    const auto number = huge ? INT64_MAX : value.get<std::int64_t>();
    if (number < schema.value("minimum", INT64_MIN)) return fmt::format("\"{}\" is {} at least", name, schema["minimum"].get<std::int64_t>());
    if (number > schema.value("maximum", INT64_MAX)) return fmt::format("\"{}\" is {} at most", name, schema["maximum"].get<std::int64_t>());
  }
  if (value.is_array()) {
    if (value.size() < schema.value("minItems", std::size_t{0})) return fmt::format("\"{}\" has too few items", name);
    if (value.size() > schema.value("maxItems", SIZE_MAX)) return fmt::format("\"{}\" has at most {} items", name, schema["maxItems"].get<int>());
    for (const auto& item : value) {
      if (auto wrong = check(item, schema["items"], name, depth + 1); !wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace

bool within_depth(std::string_view text, std::size_t depth) {
  std::size_t open = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++open > depth) return false;
    } else if ((c == '}' || c == ']') && open > 0) {
      --open;
    }
  }
  return true;
}

const Json& rest_schemas() {
  static const Json schemas = Json::parse(kSchemas);
  return schemas;
}

std::string check_schema(const Json& value, std::string_view schema_name) { return check(value, rest_schemas().at(std::string(schema_name)), {}, 0); }

}  // namespace api
