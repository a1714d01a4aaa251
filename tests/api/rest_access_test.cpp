// Who may use the API, and what it says to those who may not; requests that are wrong; the description.
#include <set>

#include "api/openapi.hpp"
#include "api/rest_schema.hpp"
#include "support/rest_world.hpp"

namespace {

using namespace test_support;
using Json = nlohmann::ordered_json;

// RFC 6750 3, RFC 9457 3
TEST(RestAccess, WithoutATokenThatHoldsThereIsNothing) {
  RestWorld world;
  const auto none = world.ask({.method = "GET", .target = "/api/v1/accounts"});
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.reason(), "token-missing");
  EXPECT_EQ(none.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer realm=\"parley\"");
  const auto wrong = world.ask({.method = "GET", .target = "/api/v1/accounts", .token = "parley_" + std::string(40, 'x')});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_NE(wrong.header("WWW-Authenticate").find("invalid_token"), std::string::npos);
  for (const auto* header : {"Basic YTpi", "Bearer", "Bearer ", "bearer x y", "Digest username=\"a\""}) {
    EXPECT_EQ(world.ask({.method = "GET", .target = "/api/v1/accounts", .token = "", .headers = {{"Authorization", header}}}).status, 401) << header;
  }
  EXPECT_EQ(world.ask({.method = "GET", .target = "/api/v1/accounts", .token = std::string(100'000, 'x')}).status, 401);
  // Nor does anybody learn what is there.
  EXPECT_EQ(world.ask({.method = "GET", .target = "/api/v1/nothing"}).status, 401);
}

TEST(RestAccess, SurvivalItem23OnlyHashesOfTokensAreKept) {
  RestWorld world;
  const auto secret = world.admin.substr(7);
  for (const auto* name : {"parley.db", "parley.db-wal"}) {
    std::ifstream file(world.folder.path(std::string("data/") + name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(bytes.find(secret), std::string::npos) << name;
  }
  EXPECT_EQ(api::hash_api_token(world.admin).size(), 64u);
}

TEST(RestAccess, SurvivalItem23EveryRouteNeedsItsScope) {
  RestWorld world;
  std::map<std::string, std::string> tokens;
  for (const auto& one : api::scope_names()) tokens[std::string(one.name)] = world.token(one.name);
  for (const auto& route : world.rest->routes()) {
    auto path = "/api/v1" + route.path;
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{')) path.replace(at, path.find('}') - at + 1, "nothing");
    for (const auto& one : api::scope_names()) {
      const auto answer = world.ask({.method = route.method, .target = path, .token = tokens[std::string(one.name)]});
      const bool may = (one.bits & route.scope) == route.scope;
      EXPECT_EQ(answer.status == 403, !may) << route.method << " " << path << " with " << one.name << ": " << answer.status;
      if (may) continue;
      EXPECT_EQ(answer.reason(), "scope-missing");
      EXPECT_NE(answer.header("WWW-Authenticate").find("scope=\"" + std::string(api::name_of(route.scope)) + "\""), std::string::npos);
    }
  }
}

TEST(RestAccess, ScopesAreReadAndWrittenAlike) {
  EXPECT_EQ(api::to_string(*api::parse_scopes("rooms accounts:read")), "accounts:read rooms");
  EXPECT_EQ(api::to_string(*api::parse_scopes("rooms rooms:read")), "rooms");
  EXPECT_EQ(api::to_string(*api::parse_scopes("admin events")), "admin");
  EXPECT_EQ(api::to_string(*api::parse_scopes("supervise calls calls:read")), "calls supervise");
  for (const auto* wrong : {"", " ", "rooms:write", "Rooms", "*"}) EXPECT_FALSE(api::parse_scopes(wrong)) << wrong;
}

TEST(RestAccess, SurvivalItem19APageOfAnotherOriginCanDoNothing) {
  RestWorld world;
  // CSRF: what a browser sends by itself is no credential, and what it may send unasked is no request.
  const net::HttpHeaders browser{{"Origin", "https://evil.example"}, {"Cookie", "token=" + world.admin}, {"Content-Type", "text/plain"}};
  const auto body = R"({"name":"mallory","password":"12345678"})";
  const auto forged = world.ask({.method = "POST", .target = "/api/v1/accounts", .token = "", .body = body, .headers = browser});
  EXPECT_EQ(forged.status, 401);
  EXPECT_EQ(world.ask({.method = "POST", .target = "/api/v1/accounts", .token = world.admin, .body = body, .headers = browser}).status, 415);
  EXPECT_EQ(world.ask({.method = "POST", .target = "/api/v1/accounts?access_token=" + world.admin, .token = "", .body = body}).status, 401);
  // CORS is off: no preflight succeeds, no answer can be read.
  const auto preflight = world.ask({.method = "OPTIONS", .target = "/api/v1/accounts", .token = "",
                                    .headers = {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "POST"}}});
  EXPECT_GE(preflight.status, 400);
  for (const auto* answer : {&forged, &preflight}) EXPECT_EQ(answer->header("Access-Control-Allow-Origin"), "");
  const auto read = world.ask({.method = "GET", .target = "/api/v1/status", .token = world.admin, .headers = {{"Origin", "https://evil.example"}}});
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(read.header("Cache-Control"), "no-store");
  EXPECT_EQ(read.header("Set-Cookie"), "");
}

TEST(RestAccess, WrongTokensAndTooManyRequestsAreSlowedDown) {
  RestWorld world({}, {.requests_per_second = 1, .request_burst = 10, .wrong_tokens_per_minute = 5});
  int denied = 0;
  for (int i = 0; i < 20; ++i) denied += world.ask({.method = "GET", .target = "/api/v1/status", .token = "wrong"}).status == 401;
  EXPECT_GE(denied, 5);
  EXPECT_LE(denied, 7);
  const auto slowed = world.ask({.method = "GET", .target = "/api/v1/status", .token = "wrong"});
  EXPECT_EQ(slowed.status, 429);
  EXPECT_NE(slowed.header("Retry-After"), "");
  // The right one still opens, from the same address.
  EXPECT_EQ(world.get("/status").status, 200);
  int served = 0;
  for (int i = 0; i < 30; ++i) served += world.get("/status").status == 200;
  EXPECT_LT(served, 15);
}

TEST(RestAccess, UnknownPathsAndMethodsAreSaidToBe) {
  RestWorld world;
  for (const auto* path : {"/api/v1/", "/api/v1", "/api/v1/account", "/api/v1/accounts/", "/api/v1/accounts/a/b", "/api/v1/rooms/%ZZ", "/api/v1/rooms/%00",
                           "/api/v1/rooms/%FF", "/api/v1//rooms"}) {
    EXPECT_EQ(world.ask({.method = "GET", .target = path, .token = world.admin}).status, 404) << path;
  }
  const auto method = world.ask({.method = "PATCH", .target = "/api/v1/accounts", .token = world.admin});
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("Allow"), "GET, HEAD, POST");
  // RFC 9110 9.3.2
  EXPECT_EQ(world.ask({.method = "HEAD", .target = "/api/v1/accounts", .token = world.admin}).status, 200);
  EXPECT_EQ(world.ask({.method = "HEAD", .target = "/api/v1/accounts", .token = world.token("rooms:read")}).status, 403);
  EXPECT_EQ(world.ask({.method = "POST", .target = "/api/openapi.json", .token = ""}).status, 405);
}

TEST(RestAccess, SurvivalItem19HostileJsonIsRefusedWithAReason) {
  RestWorld world;
  const auto post = [&](std::string body) { return world.ask({.method = "POST", .target = "/api/v1/accounts", .token = world.admin, .body = std::move(body)}); };
  const std::pair<std::string, std::string> cases[] = {
      {"{", "the body is no JSON"},
      {"nonsense", "the body is no JSON"},
      {"{\"name\":\"a\",}", "the body is no JSON"},
      {"{\"name\":\"\xff\"}", "the body is no JSON"},
      {"[]", "expected an object"},
      {"null", "expected an object"},
      {"\"text\"", "expected an object"},
      {std::string(100'000, '['), "the JSON is nested too deep"},
      {"{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}", "the JSON is nested too deep"},
      {R"({"name":"a"})", "\"password\" is missing"},
      {R"({"name":1,"password":"12345678"})", "\"name\" must be of type string"},
      {R"({"name":{"$gt":""},"password":"12345678"})", "\"name\" must be of type string"},
      {R"({"name":"a","password":null})", "\"password\" must be of type string"},
      {R"({"name":"a","password":"1234567"})", "\"password\" has at least 8 characters"},
      {R"({"name":"","password":"12345678"})", "\"name\" has at least 1 characters"},
      {"{\"name\":\"a\",\"password\":\"" + std::string(257, 'x') + "\"}", "\"password\" has at most 256 characters"},
      {R"({"name":"a","password":"12345678","admin":true})", "there is no member \"admin\""},
      {R"({"name":"../x","password":"12345678"})", "a name has 1 to 64 letters, digits and . _ - + and nothing else"},
      {R"({"name":"a'; DROP TABLE account;--","password":"12345678"})", "a name has 1 to 64 letters, digits and . _ - + and nothing else"},
      {R"({"name":"a","displayName":"x\u0000y","password":"12345678"})", "a display name has no control characters and no white space around it"},
  };
  for (const auto& [body, detail] : cases) {
    const auto answer = post(body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 60);
    EXPECT_EQ(answer.json.value("detail", ""), detail) << body.substr(0, 60);
  }
  EXPECT_EQ(world.ask({.method = "POST", .target = "/api/v1/accounts", .token = world.admin, .body = "{}", .headers = {{"Content-Type", "application/xml"}}}).status, 415);
  EXPECT_EQ(world.ask({.method = "GET", .target = "/api/v1/accounts", .token = world.admin, .body = "{}"}).status, 400);
  EXPECT_EQ(world.get("/accounts").json["accounts"].size(), 0u);
}

TEST(RestAccess, WrongQueriesAreRefusedWithAReason) {
  RestWorld world;
  const std::pair<std::string, std::string> cases[] = {
      {"/accounts?limit=0", "\"limit\" must be an integer from 1 to 1000"},
      {"/accounts?limit=-1", "\"limit\" must be an integer from 1 to 1000"},
      {"/accounts?limit=99999999999999999999", "\"limit\" must be an integer from 1 to 1000"},
      {"/accounts?limit=1&limit=2", "\"limit\" stands twice"},
      {"/accounts?offset=1", "there is no parameter \"offset\""},
      {"/accounts?after=%ZZ", "the query has a wrong %-escape"},
      {"/accounts?after=%FF", "\"after\" is no UTF-8"},
      {"/call-records?from=yesterday", "\"from\" must be a time in UTC such as 2026-01-02T03:04:05Z"},
      {"/call-records?from=2026-02-30T00:00:00Z", "\"from\" must be a time in UTC such as 2026-01-02T03:04:05Z"},
      {"/rooms?x", "there is no parameter \"x\""},
  };
  for (const auto& [path, detail] : cases) {
    const auto answer = world.get(path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_EQ(answer.json.value("detail", ""), detail) << path;
  }
  EXPECT_EQ(world.get("/accounts?after=" + std::string(5000, 'x')).status, 400);
  EXPECT_EQ(world.get("/accounts?limit=1000&after=x").status, 200);
}

TEST(RestAccess, StrangersSendNoBodies) {
  RestWorld world;
  net::HttpRequest header;
  EXPECT_LE(world.rest->body_limit(header), 4096u);
  header.headers = {{"Authorization", "Bearer wrong"}};
  EXPECT_LE(world.rest->body_limit(header), 4096u);
  header.headers = {{"Authorization", "Bearer " + world.admin}};
  EXPECT_GT(world.rest->body_limit(header), 70'000u);
}

TEST(RestAccess, APbxThatTakesNoMoreWorkIs503) {
  RestWorld world;
  world.full = true;
  const auto answer = world.get("/rooms");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason(), "not-now");
  EXPECT_NE(answer.header("Retry-After"), "");
}

TEST(RestTime, IsWrittenAndRead) {
  const auto time = base::WallTime(std::chrono::milliseconds(1'790'000'000'007));
  EXPECT_EQ(api::rest_time(time), "2026-09-21T14:13:20.007Z");
  EXPECT_EQ(api::read_rest_time("2026-09-21T14:13:20.007Z"), time);
  EXPECT_EQ(api::read_rest_time("2026-09-21T14:13:20Z"), time - std::chrono::milliseconds(7));
  for (const auto* wrong : {"", "2026-09-21", "2026-09-21T14:13:20", "2026-09-21T24:00:00Z", "2026-13-01T00:00:00Z", "2026-09-21T14:13:20+02:00",
                            "2026-09-21T14:13:20.Z", "2026-09-21T14:13:20,5Z", "9999-01-01T00:00:00Z", "2026-09-21T14:13:20.00000000000Z"}) {
    EXPECT_FALSE(api::read_rest_time(wrong)) << wrong;
  }
}

// Every $ref leads somewhere.
void check_references(const Json& document, const Json& node) {
  if (node.is_object() && node.contains("$ref")) {
    const auto pointer = node["$ref"].get<std::string>();
    ASSERT_TRUE(pointer.starts_with("#/"));
    EXPECT_TRUE(document.contains(Json::json_pointer(pointer.substr(1)))) << pointer;
  }
  if (node.is_structured()) {
    for (const auto& child : node) check_references(document, child);
  }
}

TEST(OpenApi, DescribesEveryRouteAndNothingElse) {
  RestWorld world;
  const auto answer = world.ask({.method = "GET", .target = "/api/openapi.json", .token = ""});
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["openapi"], "3.1.0");
  EXPECT_EQ(answer.json["info"]["version"], "1.2.3");
  EXPECT_EQ(answer.json["servers"][0]["url"], "/api/v1");
  std::set<std::pair<std::string, std::string>> described, routed;
  std::set<std::string> operations;
  for (const auto& [path, methods] : answer.json["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      described.emplace(base::to_lower(method), path);
      EXPECT_TRUE(operations.insert(operation["operationId"].get<std::string>()).second) << "twice: " << operation["operationId"];
      ASSERT_TRUE(operation["security"].is_array() && operation["security"][0].is_object() && operation["security"][0].contains("bearer")) << path;
      EXPECT_TRUE(operation["responses"].contains("401"));
    }
  }
  for (const auto& route : world.rest->routes()) routed.emplace(base::to_lower(route.method), route.path);
  EXPECT_EQ(described, routed);
  EXPECT_GT(routed.size(), 20u);
  check_references(answer.json, answer.json);
  for (const auto& route : world.rest->routes()) {
    const auto method = base::to_lower(route.method);
    const auto& operation = answer.json["paths"][route.path][method];
    EXPECT_FALSE(operation["summary"].get<std::string>().empty());
    EXPECT_EQ(operation.contains("requestBody"), !route.body.empty());
    EXPECT_TRUE(operation["responses"].contains(std::to_string(route.success)));
    const auto parameters = std::count(route.path.begin(), route.path.end(), '{') + static_cast<std::ptrdiff_t>(route.query.size());
    EXPECT_EQ(operation.contains("parameters") ? static_cast<std::ptrdiff_t>(operation["parameters"].size()) : 0, parameters) << route.path;
  }
}

TEST(OpenApi, WhatIsNotThereIsNotDescribed) {
  RestWorld world;
  api::RestBackend bare{.on_pbx = [](std::function<void(pbx::Pbx&)>) {}, .store = world.store, .events = nullptr, .messages = nullptr};
  const api::RestApi rest(bare);
  for (const auto& route : rest.routes()) {
    EXPECT_NE(route.path, "/events");
    EXPECT_NE(route.path, "/call-records");
    EXPECT_NE(route.path, "/lines/{line}/tokens");
    EXPECT_FALSE(route.path == "/rooms/{room}/messages" && route.method == "GET");
  }
}

}  // namespace
