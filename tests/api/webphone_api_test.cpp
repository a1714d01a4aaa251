// POST /api/webphone/connect: what a page asks before it opens its socket.
#include "api/webphone_api.hpp"

#include "support/pbx_world.hpp"

namespace {

using namespace test_support;
using Json = nlohmann::json;

const std::string kSecret(40, 'k');

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1", .default_target = "alice"},
             {.name = "Sales", .access = pbx::LineConfig::Access::kPassword, .password = "opensesame", .origins = {"https://shop.example"}},
             {.name = "Team", .access = pbx::LineConfig::Access::kToken, .origins = {"*"}}};
  c.tokens = *pbx::TokenKeys::make(kSecret, {});
  c.requests_per_second = 1;
  c.request_burst = 20;
  c.wrong_passwords_per_minute = 5;
  return c;
}

struct WebphoneApiTest : testing::Test {
  PbxWorld world{config()};
  api::WebphoneApi api{[this](std::function<void(pbx::Pbx&)> work) { work(world.pbx); }, "parley", "/ws"};
  net::HttpResponse last;
  int port = 0;

  net::HttpResponse& ask(const std::string& body, const std::string& origin = "http://page.example:8080", const std::string& method = "POST",
                         const std::string& path = "/api/webphone/connect") {
    net::HttpRequest request{.method = method, .target = path, .path = path, .query = {}, .headers = {{"Host", "pbx.example:7777"}}, .body = body,
                             .remote = *base::SocketAddress::parse("127.0.0.1", 4000), .local = *base::SocketAddress::parse("127.0.0.1", 7777)};
    if (!origin.empty()) request.headers.emplace_back("Origin", origin);
    if (port != 0) request.remote = *base::SocketAddress::parse("192.0.2.77", static_cast<std::uint16_t>(port));
    int answers = 0;
    api.handle(request, [&](net::HttpResponse response) {
      last = std::move(response);
      ++answers;
    });
    EXPECT_EQ(answers, 1);
    return last;
  }
  static std::string header(const net::HttpResponse& response, std::string_view name) {
    std::string found;
    for (const auto& [key, value] : response.headers) {
      if (key == name) found += value;
    }
    return found;
  }
  Json json() const { return Json::parse(*last.body); }
  void expect_problem(int status) {
    EXPECT_EQ(last.status, status) << *last.body;
    EXPECT_EQ(header(last, "Content-Type"), "application/problem+json");
    EXPECT_EQ(json()["status"], status);
    EXPECT_FALSE(json()["detail"].get<std::string>().empty());
    EXPECT_EQ(header(last, "Access-Control-Allow-Origin"), "http://page.example:8080");   // so that the page can read why
  }
};

TEST_F(WebphoneApiTest, APageOfAnyOriginGetsANumber) {
  EXPECT_EQ(ask(R"({"line":"webphone1","who":"Ann"})").status, 200);
  const auto answer = json();
  EXPECT_EQ(answer["displayName"], "Ann");
  EXPECT_EQ(answer["uri"], "sip:" + answer["number"].get<std::string>() + "@pbx.example");
  EXPECT_EQ(answer["secret"].get<std::string>().size(), 32u);
  EXPECT_EQ(answer["resume"].get<std::string>().size(), 32u);
  EXPECT_EQ(answer["realm"], "parley");
  EXPECT_EQ(answer["ws"], "/ws");
  EXPECT_EQ(answer["line"], "Webphone1");
  EXPECT_EQ(answer["graceSeconds"], 10);
  EXPECT_EQ(answer["defaultTarget"], "alice");
  EXPECT_EQ(answer["may"], (Json{"message", "internal"}));
  EXPECT_TRUE(answer["user"].is_null());
  EXPECT_EQ(header(last, "Access-Control-Allow-Origin"), "http://page.example:8080");
  EXPECT_EQ(header(last, "Vary"), "Origin");
  EXPECT_EQ(header(last, "Cache-Control"), "no-store");
  EXPECT_EQ(header(last, "Set-Cookie"), "");
  EXPECT_EQ(header(last, "Access-Control-Allow-Credentials"), "");
}

TEST_F(WebphoneApiTest, ItIsAskedBefore) {
  ask("", "http://page.example:8080", "OPTIONS");
  EXPECT_EQ(last.status, 204);
  EXPECT_EQ(header(last, "Access-Control-Allow-Origin"), "http://page.example:8080");
  EXPECT_NE(header(last, "Access-Control-Allow-Methods").find("POST"), std::string::npos);
  EXPECT_NE(header(last, "Access-Control-Allow-Headers").find("Content-Type"), std::string::npos);
}

TEST_F(WebphoneApiTest, WhatIsNotPartOfItIsAProblem) {
  ask("", "http://page.example:8080", "GET");
  expect_problem(405);
  ask("{}", "http://page.example:8080", "POST", "/api/webphone/other");
  expect_problem(404);
}

TEST_F(WebphoneApiTest, SurvivalItem19MalformedRequestsAreProblems) {
  for (const std::string& body : {std::string(), std::string("x"), std::string("[]"), std::string("{}"), std::string("null"), std::string(R"({"line":5})"),
                                  std::string(R"({"line":""})"), std::string("{\"line\":\"\xff\"}"), std::string(R"({"line":"Webphone1","who":)"),
                                  std::string(8000, '['), R"({"line":"Webphone1","who":)" + std::string(5000, '[') + std::string(5000, ']') + "}"}) {
    ask(body);
    expect_problem(400);
  }
  EXPECT_EQ(world.pbx.webphone().clients(), 0u);
}

TEST_F(WebphoneApiTest, SurvivalItem5RefusalsAreProblemsThatSayWhyAndNotWhoIsThere) {
  ask(R"({"line":"Nowhere"})");
  expect_problem(404);
  ask(R"({"line":"Sales","password":"opensesame"})");
  expect_problem(403);
  EXPECT_NE(json()["detail"].get<std::string>().find("origin"), std::string::npos);
  ask(R"({"line":"Team"})");
  expect_problem(403);
  ask(R"({"line":"alice","who":{"Password":"wrong"}})");
  expect_problem(403);
  const auto known = *last.body;
  ask(R"({"line":"nobody","who":{"Password":"wrong"}})");
  EXPECT_EQ(*last.body, known);
}

// Rule 12: the server's own pages need not be listed.
TEST_F(WebphoneApiTest, PagesOfTheServerItselfMayUseEveryLine) {
  EXPECT_EQ(ask(R"({"line":"Sales","password":"opensesame"})", "http://pbx.example:7777").status, 200);
  EXPECT_EQ(ask(R"({"line":"Sales","password":"opensesame"})", "http://pbx.example:7778").status, 403);
  EXPECT_EQ(ask(R"({"line":"Sales","password":"opensesame"})", "https://shop.example").status, 200);
  EXPECT_EQ(ask(R"({"line":"Sales","password":"wrong"})", "https://shop.example").status, 403);
}

TEST_F(WebphoneApiTest, TokensInTheirMemberOrAsTheLine) {
  pbx::TokenClaims claims{.line = "Team", .display_name = "Vouched", .room = "lounge", .may = {}, .expires = world.timeline.wall() + 60s};
  claims.may.supervise = true;
  const auto token = *pbx::TokenKeys::make(kSecret, {})->sign(claims, world.timeline.wall());
  EXPECT_EQ(ask(Json{{"line", ""}, {"token", token}, {"who", Json::object()}}.dump()).status, 200);
  EXPECT_EQ(json()["displayName"], "Vouched");
  EXPECT_EQ(json()["line"], "Team");
  EXPECT_EQ(json()["defaultTarget"], "lounge");
  EXPECT_EQ(json()["may"], (Json{"message", "internal", "supervise"}));
  EXPECT_EQ(ask(Json{{"line", token}}.dump()).status, 200);
  world.advance(61s);
  ask(Json{{"line", token}}.dump());
  expect_problem(403);
  EXPECT_EQ(json()["detail"], "the token has expired");
}

TEST_F(WebphoneApiTest, AnExtensionIsItsAccount) {
  EXPECT_EQ(ask(R"({"line":"alice","who":{"PassWord":"secret of alice","Dept":"x"}})").status, 200);
  EXPECT_EQ(json()["number"], "alice");
  EXPECT_EQ(json()["uri"], "sip:alice@pbx.example");
  EXPECT_EQ(json()["displayName"], "Alice Liddell");
  EXPECT_EQ(json()["line"], "alice");
  EXPECT_EQ(json()["user"]["id"], "alice");
  EXPECT_EQ(world.pbx.webphone().find("alice")->properties, (pbx::ClientProperties{{"Dept", "x"}}));
}

TEST_F(WebphoneApiTest, SurvivalItem23WhoIsFlattenedAndPasswordsAreNeverShown) {
  ask(R"({"line":"Webphone1","password":"p1","who":{"displayName":"Ann","Password":"p2","a":{"b":1,"password":"p3","c":{"d":[true,null]}},
       "__proto__":{"x":1},"e":{"__proto__":"y"},"phoneNumber":"1","Empty":""}})");
  ASSERT_EQ(last.status, 200);
  const auto& client = *world.pbx.webphone().find(json()["number"].get<std::string>());
  EXPECT_EQ(client.display_name, "Ann");
  EXPECT_EQ(client.properties, (pbx::ClientProperties{{"a.b", "1"}, {"a.c.d", "[true,null]"}, {"Empty", ""}}));
}

TEST_F(WebphoneApiTest, AWhoOfAnyKindIsAName) {
  for (const auto& [who, name] : {std::pair{R"("<b>Ann</b>")", "<b>Ann</b>"}, {"5", "5"}, {"true", "true"}}) {
    ask(std::string(R"({"line":"Webphone1","who":)") + who + "}");
    EXPECT_EQ(json()["displayName"], name);
  }
  ask(R"({"line":"Webphone1","who":null})");
  EXPECT_EQ(json()["displayName"], json()["number"]);
  ask(R"({"line":"Webphone1"})");
  EXPECT_EQ(last.status, 200);
}

// Survival item 7
TEST_F(WebphoneApiTest, SurvivalItem7OneAddressCannotConnectWithoutEnd) {
  port = 4000;
  int taken = 0;
  for (int i = 0; i < 50; ++i) taken += ask(R"({"line":"Webphone1"})").status == 200;
  EXPECT_EQ(taken, 20);
  expect_problem(503);
}

TEST_F(WebphoneApiTest, WhoTriesPasswordsIsReported) {
  port = 4000;
  int reports = 0;
  world.pbx.on_abuse([&](const base::SocketAddress& address) {
    EXPECT_EQ(address.ip(), "192.0.2.77");
    ++reports;
  });
  for (int i = 0; i < 10; ++i) ask(R"({"line":"alice","password":"guess"})");
  EXPECT_GE(reports, 1);
}

}  // namespace
