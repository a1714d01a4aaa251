// JSON bodies as the API's description has them: the same schemas are served in /api/openapi.json and held against requests.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace api {

constexpr std::size_t kMaxJsonDepth = 16;

// Nested no deeper than that, counted before anything is built. The text need not be JSON.
bool within_depth(std::string_view text, std::size_t depth = kMaxJsonDepth);

// components/schemas of the description.
const nlohmann::ordered_json& rest_schemas();

// What is wrong with `value` by that schema, with the member's name, "" when nothing is. Knows of JSON Schema what the
// description uses: type, properties, required, additionalProperties, items, enum, minLength, maxLength (characters),
// minimum, maximum, minItems, maxItems, $ref.
std::string check_schema(const nlohmann::ordered_json& value, std::string_view schema_name);

}  // namespace api
