#include "api/openapi.hpp"

#include <fmt/format.h>

#include "api/rest_schema.hpp"

namespace api {
namespace {

RestJson reference(std::string_view schema) { return {{"$ref", fmt::format("#/components/schemas/{}", schema)}}; }

RestJson content(std::string_view type, RestJson schema) {
  auto media = RestJson::object();
  media[std::string(type)] = {{"schema", std::move(schema)}};
  return media;
}

RestJson parameters(const RestRoute& route) {
  auto result = RestJson::array();
  for (std::size_t at = route.path.find('{'); at != std::string::npos; at = route.path.find('{', at + 1)) {
    const auto name = route.path.substr(at + 1, route.path.find('}', at) - at - 1);
    result.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const auto& p : route.query) {
    RestJson schema{{"type", p.type == RestParameter::Type::kInteger ? "integer" : "string"}};
    if (p.type == RestParameter::Type::kTime) schema["format"] = "date-time";
    if (p.type == RestParameter::Type::kInteger) {
      schema["minimum"] = p.minimum;
      if (p.maximum != UINT64_MAX) schema["maximum"] = p.maximum;
    }
    result.push_back({{"name", p.name}, {"in", "query"}, {"required", false}, {"description", p.description}, {"schema", std::move(schema)}});
  }
  return result;
}

RestJson responses(const RestRoute& route) {
  auto result = RestJson::object();
  auto& success = result[std::to_string(route.success)];
  success["description"] = net::http_reason(route.success);
  if (!route.result.empty()) success["content"] = content("application/json", reference(route.result));
  if (route.tag == "events") success["content"] = content("text/event-stream", {{"type", "string"}});
  std::map<int, std::string> failures{{401, "No token, or one that doesn't hold."}, {429, "Too many requests: Retry-After says when again."}, {503, "Not now: try again."}};
  if (route.scope != scope::kNone) failures.emplace(403, "The token lacks the scope.");
  if (!route.body.empty() || !route.query.empty()) failures.emplace(400, "The request is not as described.");
  if (!route.body.empty()) {
    failures.emplace(413, "The body is too large.");
    failures.emplace(415, "The body is not application/json.");
  }
  for (const auto& [status, meaning] : route.failures) failures[status] = meaning;
  for (const auto& [status, meaning] : failures) {
    result[std::to_string(status)] = {{"description", meaning}, {"content", content("application/problem+json", reference("Problem"))}};
  }
  return result;
}

RestJson operation(const RestRoute& route) {
  RestJson result{{"operationId", route.operation}, {"tags", RestJson::array({route.tag})}, {"summary", route.summary}};
  auto text = route.description;
  if (route.scope != scope::kNone) text += fmt::format("{}Scope: `{}`.", text.empty() ? "" : "\n\n", name_of(route.scope));
  if (!text.empty()) result["description"] = text;
  if (auto list = parameters(route); !list.empty()) result["parameters"] = std::move(list);
  if (!route.body.empty()) result["requestBody"] = {{"required", true}, {"content", content("application/json", reference(route.body))}};
  result["responses"] = responses(route);
  auto scopes = RestJson::array();
  if (route.scope != scope::kNone) scopes.push_back(name_of(route.scope));
  result["security"] = RestJson::array({RestJson{{"bearer", std::move(scopes)}}});
  return result;
}

}  // namespace

RestJson describe(std::span<const RestRoute> routes, std::string_view version) {
  std::string scopes = "A bearer token in the Authorization header. `parley api-token add` makes one, and so does POST /api-tokens; the first, for everything, is in the file `admin-token` of the data folder. Scopes:\n";
  for (const auto& one : scope_names()) scopes += fmt::format("\n- `{}`: {}", one.name, one.meaning);
  RestJson result{{"openapi", "3.1.0"},
                  {"info", {{"title", "Parley"}, {"version", version}, {"description", "Accounts, rooms, calls, messages and events of a Parley server."}}},
                  {"servers", RestJson::array({RestJson{{"url", "/api/v1"}}})},
                  {"paths", RestJson::object()}};
  for (const auto& route : routes) {
    auto method = route.method;
    for (auto& c : method) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    result["paths"][route.path][method] = operation(route);
  }
  result["components"] = {{"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"description", scopes}}}}}, {"schemas", rest_schemas()}};
  return result;
}

}  // namespace api
