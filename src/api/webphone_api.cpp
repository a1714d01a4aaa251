#include "api/webphone_api.hpp"

#include <nlohmann/json.hpp>

#include "api/rest_schema.hpp"
#include "api/static_files.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxDepth = 16;

// The answer may be read by the page that asked. Which pages may connect is each line's affair, checked by their Origin.
void allow_origin(net::HttpResponse& response, const std::string& origin) {
  if (origin.empty()) return;
  response.header("Access-Control-Allow-Origin", origin).header("Vary", "Origin");
}

net::HttpResponse preflight(const std::string& origin) {
  net::HttpResponse response{.status = 204, .headers = {}, .body = nullptr};
  allow_origin(response, origin);
  response.header("Access-Control-Allow-Methods", "GET, POST").header("Access-Control-Allow-Headers", "Authorization, Content-Type").header("Access-Control-Max-Age", "600");
  return response;
}

// "" for a page of the server's own.
std::string foreign_origin(const net::HttpRequest& http) {
  const auto origin = http.header("Origin");
  const auto host = origin.find("://");
  const bool own = host != origin.npos && base::equals_ignoring_case(origin.substr(host + 3), http.header("Host"));
  return own ? std::string() : std::string(origin);
}

std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string member(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// `who`: the display name, or an object whose members are shown to the others, flattened ("a.b").
void add_properties(const std::string& prefix, const Json& object, int depth, pbx::ClientProperties& out) {
  for (const auto& [key, value] : object.items()) {
    if (prefix.empty() && base::equals_ignoring_case(key, "displayName")) continue;
    const auto name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object() && depth < 4) {
      add_properties(name, value, depth + 1, out);
    } else {
      out.emplace_back(name, text_of(value));
    }
  }
}

// A member of `who` by its name in any case.
std::string member_of_who(const Json& who, std::string_view name) {
  for (const auto& [key, value] : who.items()) {
    if (base::equals_ignoring_case(key, name) && !value.is_null()) return text_of(value);
  }
  return {};
}

std::optional<pbx::Webphone::ConnectRequest> read_request(const net::HttpRequest& http) {
  const auto json = read_json_object(http.body);
  if (!json.is_object()) return std::nullopt;
  pbx::Webphone::ConnectRequest request{.line = member(json, "line"), .display_name = {}, .password = member(json, "password"), .token = member(json, "token"),
                                        .resume = member(json, "resume"), .origin = foreign_origin(http), .properties = {}};
  if (request.line.empty() && request.token.empty()) return std::nullopt;
  if (const auto who = json.find("who"); who != json.end()) {
    if (who->is_object()) {
      request.display_name = member_of_who(*who, "displayName");
      if (request.password.empty()) request.password = member_of_who(*who, "password");
      add_properties({}, *who, 0, request.properties);
    } else if (!who->is_null()) {
      request.display_name = text_of(*who);
    }
  }
  return request;
}

std::string host_name(const net::HttpRequest& request) {
  const auto host = request.header("Host");
  const auto colon = host.rfind(':');
  const bool has_port = colon != host.npos && host.find(']', colon) == host.npos;
  auto name = std::string(has_port ? host.substr(0, colon) : host);
  return name.empty() ? request.local.host() : name;
}

net::HttpResponse refuse(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kNotFound: return problem(404, "No such line", error.detail);
    case base::ErrorCode::kDenied: return problem(403, "Access denied", error.detail);
    case base::ErrorCode::kUnavailable: return problem(503, "Not now", error.detail);
    default: return problem(400, "Bad request", error.detail);
  }
}

}  // namespace

net::HttpResponse json_response(int status, const Json& json) {
  net::HttpResponse response{.status = status, .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                             .body = base::share(json.dump(-1, ' ', false, Json::error_handler_t::replace))};
  add_security_headers(response);
  return response;
}

Json read_json_object(std::string_view text) {
  if (!within_depth(text, kMaxDepth)) return nullptr;   // JSON of strangers is not followed to any depth
  auto json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json(nullptr);
}

net::HttpResponse problem(int status, std::string_view title, std::string_view detail) {
  auto response = json_response(status, {{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}});
  response.headers.front().second = "application/problem+json";
  return response;
}

net::HttpResponse WebphoneApi::too_large(const net::HttpRequest& header) {
  auto response = problem(413, "Too large", "the body is larger than 16 KiB");
  allow_origin(response, std::string(header.header("Origin")));
  return response;
}

void WebphoneApi::handle(const net::HttpRequest& request, net::HttpRespond respond) const {
  const auto origin = std::string(request.header("Origin"));
  const auto answer = [respond = std::move(respond), origin](net::HttpResponse response) {
    allow_origin(response, origin);
    respond(std::move(response));
  };
  if (request.method == "OPTIONS") return answer(preflight({}));
  request.path == "/api/webphone/connect" ? connect(request, answer) : ask(request, answer);
}

void WebphoneApi::connect(const net::HttpRequest& request, const Answer& answer) const {
  if (request.method != "POST") {
    auto response = problem(405, "Method not allowed", "POST a JSON object");
    response.header("Allow", "POST, OPTIONS");
    return answer(std::move(response));
  }
  auto wanted = read_request(request);
  if (!wanted) return answer(problem(400, "Bad request", "expected a JSON object with \"line\" or \"token\", and \"who\""));
  const auto remote = request.remote;
  on_pbx_([answer, remote, wanted = std::move(*wanted), host = host_name(request), realm = realm_, path = websocket_path_](pbx::Pbx& pbx) {
    const auto client = pbx.connect_webphone(wanted, remote);
    if (!client) return answer(refuse(client.error()));
    const auto& c = **client;
    const auto* line = pbx.webphone().find_line(c.line);
    Json json{{"number", c.number}, {"displayName", c.display_name}, {"uri", "sip:" + sip::escape_user(c.number) + "@" + host},
              {"secret", c.extension ? wanted.password : c.secret}, {"bearer", c.secret}, {"realm", realm}, {"ws", path}, {"resume", c.extension ? std::string() : c.resume_token},
              {"graceSeconds", line ? line->grace.count() : 10}, {"line", c.extension ? c.number : c.line},
              {"defaultTarget", !c.room.empty() ? c.room : line ? line->default_target : std::string()}, {"ice", Json::array()},
              {"may", pbx::names(c.may)}, {"user", nullptr}};
    if (c.extension) json["user"] = {{"id", c.number}, {"fullName", c.display_name}, {"extensions", Json::array({c.number})}};
    answer(json_response(200, json));
  });
}

}  // namespace api
