#include "api/rest.hpp"

#include <fmt/chrono.h>

#include "api/openapi.hpp"
#include "api/rest_schema.hpp"
#include "api/static_files.hpp"
#include "base/text.hpp"

namespace api {
namespace {

constexpr std::size_t kMaxBuckets = 10'000;
constexpr std::size_t kMaxQuery = 4096;
constexpr std::size_t kMaxToken = 256;

std::string_view bearer_of(const net::HttpRequest& request) {
  const auto value = base::trim(request.header("Authorization"));
  if (!base::starts_with_ignoring_case(value, "Bearer ")) return {};
  const auto token = base::trim(value.substr(7));
  return token.size() <= kMaxToken ? token : std::string_view{};
}

// "/rooms/my%20room" as its segments, decoded one by one: an escaped slash is part of a name.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
  std::vector<std::string> result;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    auto decoded = net::percent_decode(path.substr(0, end));
    if (!decoded || !base::valid_utf8(*decoded)) return std::nullopt;
    result.push_back(std::move(*decoded));
    path.remove_prefix(end);
    if (result.size() > 16) return std::nullopt;
  }
  return result;
}

// The parameters' values, where the segments are of that pattern.
std::optional<std::vector<std::string>> fit(std::string_view pattern, const std::vector<std::string>& segments) {
  std::vector<std::string> values;
  std::size_t i = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto end = std::min(pattern.find('/'), pattern.size());
    const auto part = pattern.substr(0, end);
    pattern.remove_prefix(end);
    if (i == segments.size()) return std::nullopt;
    if (part.starts_with('{')) {
      if (segments[i].empty()) return std::nullopt;
      values.push_back(segments[i]);
    } else if (part != segments[i]) {
      return std::nullopt;
    }
    ++i;
  }
  if (i != segments.size()) return std::nullopt;
  return values;
}

std::string check_parameter(const RestParameter& parameter, const std::string& value) {
  if (parameter.type == RestParameter::Type::kInteger) {
    const auto number = base::parse_decimal(value);
    if (!number || *number < parameter.minimum || *number > parameter.maximum) {
      return parameter.maximum == UINT64_MAX ? fmt::format("\"{}\" must be an integer of {} at least", parameter.name, parameter.minimum)
                                             : fmt::format("\"{}\" must be an integer from {} to {}", parameter.name, parameter.minimum, parameter.maximum);
    }
  }
  if (parameter.type == RestParameter::Type::kTime && !read_rest_time(value)) {
    return fmt::format("\"{}\" must be a time in UTC such as 2026-01-02T03:04:05Z", parameter.name);
  }
  return base::valid_utf8(value) ? std::string() : fmt::format("\"{}\" is no UTF-8", parameter.name);
}

std::optional<net::HttpResponse> read_query(const RestRoute& route, RestCall& call) {
  std::string_view query = call.request.query;
  if (query.size() > kMaxQuery) return rest_problem(400, "bad-query", "the query is too long");
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    const auto name = net::percent_decode(part.substr(0, equals), true);
    const auto value = net::percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return rest_problem(400, "bad-query", "the query has a wrong %-escape");
    const auto known = std::find_if(route.query.begin(), route.query.end(), [&](const auto& p) { return p.name == *name; });
    if (known == route.query.end()) return rest_problem(400, "bad-query", "there is no parameter \"" + base::clean_display_name(*name) + "\"");
    if (auto wrong = check_parameter(*known, *value); !wrong.empty()) return rest_problem(400, "bad-query", wrong);
    if (!call.query.emplace(*name, *value).second) return rest_problem(400, "bad-query", "\"" + *name + "\" stands twice");
  }
  return std::nullopt;
}

std::optional<net::HttpResponse> read_body(const RestRoute& route, RestCall& call) {
  const auto& body = call.request.body;
  if (route.body.empty()) {
    if (body.empty()) return std::nullopt;
    return rest_problem(400, "bad-body", "this takes no body");
  }
  const auto type = call.request.header("Content-Type");
  if (!base::equals_ignoring_case(base::trim(type.substr(0, type.find(';'))), "application/json")) {
    return rest_problem(415, "bad-content-type", "the body must be application/json");
  }
  if (!within_depth(body)) return rest_problem(400, "bad-body", "the JSON is nested too deep");
  call.body = RestJson::parse(body, nullptr, false);
  if (call.body.is_discarded()) return rest_problem(400, "bad-body", "the body is no JSON");
  if (auto wrong = check_schema(call.body, route.body); !wrong.empty()) return rest_problem(400, "bad-body", wrong);
  return std::nullopt;
}

}  // namespace

RestAnswer::~RestAnswer() { send(rest_problem(503, "not-now", "the server is busy or stopping: try again")); }

void RestAnswer::send(net::HttpResponse response) {
  if (const auto respond = std::exchange(respond_, nullptr)) respond(std::move(response));
}

std::optional<std::uint64_t> RestCall::number(const char* parameter) const {
  const auto found = query.find(parameter);
  return found == query.end() ? std::nullopt : base::parse_decimal(found->second);
}

net::HttpResponse rest_answer(int status, const RestJson& json) {
  net::HttpResponse response;
  response.status = status;
  response.header("Content-Type", "application/json").header("Cache-Control", "no-store").header("Cross-Origin-Resource-Policy", "same-origin");
  // Names are cleaned before they get here; what still is no UTF-8 is replaced rather than thrown about.
  response.body = base::share(json.dump(-1, ' ', false, RestJson::error_handler_t::replace));
  add_security_headers(response);
  return response;
}

net::HttpResponse rest_no_content() {
  auto response = rest_answer(204, nullptr);
  response.body = nullptr;
  response.headers.erase(response.headers.begin());
  return response;
}

net::HttpResponse rest_problem(int status, std::string_view reason, std::string_view detail) {
  auto response = rest_answer(status, {{"type", "about:blank"}, {"title", net::http_reason(status)}, {"status", status}, {"detail", detail}, {"reason", reason}});
  response.headers.front().second = "application/problem+json";
  if (status == 503 || status == 429) response.header("Retry-After", status == 503 ? "2" : "1");
  return response;
}

net::HttpResponse rest_problem(const base::Error& error, std::string_view not_found_reason) {
  switch (error.code) {
    case base::ErrorCode::kNotFound: return rest_problem(404, not_found_reason, error.detail);
    case base::ErrorCode::kConflict: return rest_problem(409, "exists-already", error.detail);
    case base::ErrorCode::kMalformed:
    case base::ErrorCode::kUnsupported: return rest_problem(400, "bad-body", error.detail);
    case base::ErrorCode::kTooLarge: return rest_problem(413, "too-large", error.detail);
    case base::ErrorCode::kDenied: return rest_problem(403, "denied", error.detail);
    // Paths and the database's own words are for the log alone.
    case base::ErrorCode::kUnavailable: return rest_problem(503, "store-unavailable", "the database can't be read or written just now");
    case base::ErrorCode::kInternal: break;
  }
  return rest_problem(500, "store-damaged", "the database can't be used: see the server's log");
}

std::string rest_time(base::WallTime time) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(millis);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (millis - seconds).count());
}

std::optional<base::WallTime> read_rest_time(std::string_view text) {
  if (text.size() < 20 || text.size() > 30 || !text.ends_with('Z')) return std::nullopt;
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != kShape[i]) return std::nullopt;
  }
  const auto part = [&](std::size_t at, std::size_t size) { return static_cast<int>(*base::parse_decimal(text.substr(at, size))); };
  const std::chrono::year_month_day day{std::chrono::year(part(0, 4)), std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(part(8, 2)))};
  if (!day.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59 || part(0, 4) < 1970 || part(0, 4) > 2200) return std::nullopt;
  std::chrono::milliseconds fraction{0};
  if (const auto rest = text.substr(19, text.size() - 20); !rest.empty()) {
    const auto digits = base::parse_decimal(rest.substr(1));
    if (rest.front() != '.' || !digits) return std::nullopt;
    fraction = std::chrono::milliseconds(*base::parse_decimal((std::string(rest.substr(1)) + "000").substr(0, 3)));
  }
  return std::chrono::sys_days(day) + std::chrono::hours(part(11, 2)) + std::chrono::minutes(part(14, 2)) + std::chrono::seconds(part(17, 2)) + fraction;
}

RestApi::RestApi(RestBackend backend, RestLimits limits) : backend_(std::move(backend)), limits_(limits) {
  for (const auto add : {add_status_routes, add_token_routes, add_account_routes, add_line_routes, add_trunk_routes, add_room_routes, add_message_routes, add_call_routes, add_supervision_routes,
                         add_event_routes}) {
    add(routes_, backend_);
  }
  description_ = base::share(describe(routes_, backend_.version).dump());
}

std::size_t RestApi::body_limit(const net::HttpRequest& header) const {
  const auto token = bearer_of(header);
  return !token.empty() && backend_.store->tokens().find(token) ? limits_.body : 4096;
}

net::HttpResponse RestApi::too_large() {
  return rest_problem(413, "too-large", "the body is larger than 256 KiB, or than 4 KiB and without a token that holds");
}

bool RestApi::over_wrong_tokens(const base::SocketAddress& remote) {
  const std::lock_guard lock(mutex_);
  if (wrong_.size() >= kMaxBuckets) wrong_.clear();
  auto& bucket = wrong_.try_emplace(remote.network(), limits_.wrong_tokens_per_minute / 60, limits_.wrong_tokens_per_minute).first->second;
  return !bucket.take(std::chrono::steady_clock::now());
}

bool RestApi::over_rate(const std::string& token_id) {
  const std::lock_guard lock(mutex_);
  if (rates_.size() >= kMaxBuckets) rates_.clear();
  auto& bucket = rates_.try_emplace(token_id, limits_.requests_per_second, limits_.request_burst).first->second;
  return !bucket.take(std::chrono::steady_clock::now());
}

// RFC 6750 section 3
std::optional<net::HttpResponse> RestApi::authenticate(RestCall& call) {
  const auto& request = call.request;
  const auto given = bearer_of(request);
  if (request.header("Authorization").empty()) {
    auto refused = rest_problem(401, "token-missing", "send \"Authorization: Bearer TOKEN\"; the first token is in the file admin-token of the data folder");
    refused.header("WWW-Authenticate", "Bearer realm=\"parley\"");
    return refused;
  }
  if (!given.empty()) call.token = backend_.store->tokens().find(given);
  if (call.token) {
    if (over_rate(call.token->id)) return rest_problem(429, "too-many-requests", "this token has made too many requests");
    return std::nullopt;
  }
  if (over_wrong_tokens(request.remote)) return rest_problem(429, "too-many-wrong-tokens", "too many wrong tokens came from this address");
  auto refused = rest_problem(401, "token-wrong", "the token is wrong or has been revoked");
  refused.header("WWW-Authenticate", "Bearer realm=\"parley\", error=\"invalid_token\"");
  return refused;
}

RestApi::Match RestApi::match(std::string_view method, std::string_view target) const {
  Match result;
  const auto path = target.substr(0, target.find_first_of("?#"));
  constexpr std::string_view kPrefix = "/api/v1";
  if (!path.starts_with(kPrefix)) return result;
  const auto segments = segments_of(path.substr(kPrefix.size()));
  if (!segments) return result;
  for (const auto& route : routes_) {
    auto values = fit(route.path, *segments);
    if (!values) continue;
    if (route.method == (method == "HEAD" ? "GET" : method)) {
      result.route = &route;
      result.values = std::move(*values);
      return result;
    }
    if (!result.allowed.empty()) result.allowed += ", ";
    result.allowed += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return result;
}

std::optional<net::HttpResponse> RestApi::admit(const Match& match, RestCall& call) {
  if (!match.route) {
    if (match.allowed.empty()) return rest_problem(404, "unknown-resource", "there is nothing of that path: /api/openapi.json describes what is there");
    auto refused = rest_problem(405, "method-not-allowed", "this path takes " + match.allowed);
    refused.header("Allow", match.allowed);
    return refused;
  }
  const auto& route = *match.route;
  if ((call.token->scopes & route.scope) != route.scope) {
    auto refused = rest_problem(403, "scope-missing", fmt::format("the token lacks the scope {}", name_of(route.scope)));
    refused.header("WWW-Authenticate", fmt::format("Bearer realm=\"parley\", error=\"insufficient_scope\", scope=\"{}\"", name_of(route.scope)));
    return refused;
  }
  call.path = match.values;
  if (auto refused = read_query(route, call)) return refused;
  return read_body(route, call);
}

void RestApi::handle(net::HttpRequest request, net::HttpRespond respond) {
  if (request.path == "/api/openapi.json") {
    if (request.method != "GET" && request.method != "HEAD") {
      auto refused = rest_problem(405, "method-not-allowed", "this path takes GET");
      refused.header("Allow", "GET, HEAD");
      return respond(std::move(refused));
    }
    auto response = rest_answer(200, nullptr);
    response.body = description_;
    return respond(std::move(response));
  }
  auto call = std::make_shared<RestCall>(std::move(respond));
  call->request = std::move(request);
  if (auto refused = authenticate(*call)) return call->answer.send(std::move(*refused));
  const auto found = match(call->request.method, call->request.target);
  if (auto refused = admit(found, *call)) return call->answer.send(std::move(*refused));
  found.route->handler(std::move(call));
}

}  // namespace api
