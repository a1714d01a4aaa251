// What signed-in webphones ask by HTTP, and the REST API's part of queues and supervision.
#include <gtest/gtest.h>

#include "api/webphone_api.hpp"
#include "support/rest_world.hpp"
#include "support/subscriber.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.queues = {{.name = "support", .agents = {"bob"}}};
  c.supervisors = {"carol"};
  c.trunks = {{.name = "Provider", .server = "203.0.113.5"}};
  return c;
}

struct Answer {
  int status = 0;
  nlohmann::ordered_json json;
  net::HttpHeaders headers;
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (base::equals_ignoring_case(key, name)) return value;
    }
    return {};
  }
};

struct WebphoneRequestsTest : testing::Test {
  RestWorld rest{config()};
  PbxWorld& world = rest.world;
  std::function<void(std::function<void(pbx::Pbx&)>)> on_pbx = [this](std::function<void(pbx::Pbx&)> work) { work(world.pbx); };
  api::WebphoneApi api{on_pbx, "parley", "/ws"};

  Client& page(const std::string& account) { return webphone(world, "", {.line = account, .password = "secret of " + account}); }
  std::string bearer(const std::string& number) { return number + "." + world.pbx.webphone().find(number)->secret; }
  Answer ask(const std::string& method, const std::string& path, const std::string& credentials, const std::string& body = {}, const std::string& query = {}) {
    net::HttpRequest request;
    request.method = method;
    request.path = request.target = "/api/webphone/" + path;
    request.query = query;
    request.headers = {{"Origin", "https://shop.example"}, {"Host", "pbx.example"}};
    if (!credentials.empty()) request.headers.emplace_back("Authorization", "Bearer " + credentials);
    request.body = body;
    request.remote = *base::SocketAddress::parse("203.0.113.9", 4000);
    Answer answer;
    api.handle(request, [&](net::HttpResponse response) {
      answer = {.status = response.status, .json = nlohmann::ordered_json::parse(response.body ? *response.body : "", nullptr, false), .headers = response.headers};
    });
    world.settle();
    return answer;
  }
  ClientCall& talk() {
    auto& alice = world.registered(world.phone("alice"));
    auto& bob = world.registered(world.phone("bob"));
    auto& call = alice.invite("sip:bob@parley", {});
    bob.incoming.back()->answer();
    world.settle();
    return call;
  }
  std::string id() { return world.pbx.list_calls().at(0).id; }
};

TEST_F(WebphoneRequestsTest, SurvivalItem22NobodyIsLetInWithoutItsBearer) {
  page("alice");
  for (const std::string& wrong : {std::string(), std::string("alice.secret of alice"), std::string("alice."), std::string("x"), bearer("alice") + "x"}) {
    const auto answer = ask("GET", "directory", wrong);
    EXPECT_EQ(answer.status, 401) << wrong;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://shop.example");
  }
  EXPECT_EQ(ask("GET", "nothing", bearer("alice")).status, 404);
  const auto wrong = ask("POST", "directory", bearer("alice"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, OPTIONS");
  EXPECT_NE(ask("OPTIONS", "directory", "").header("Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
}

TEST_F(WebphoneRequestsTest, SurvivalItem22ADirectoryIsForWhoMayKnow) {
  page("alice");
  const auto all = ask("GET", "directory", bearer("alice"));
  ASSERT_EQ(all.status, 200);
  std::map<std::string, nlohmann::ordered_json> by_id;
  for (const auto& e : all.json["extensions"]) by_id[e["id"]] = e;
  EXPECT_EQ(by_id["bob"]["displayName"], "Bob");
  EXPECT_EQ(by_id["bob"]["online"], false);
  EXPECT_EQ(by_id["alice"]["online"], true);
  EXPECT_EQ(by_id["support"]["type"], "Queue");
  EXPECT_EQ(all.json["outsideLines"][0]["id"], "Provider");
  EXPECT_EQ(all.json["users"].size(), 3u);
  auto& ann = webphone(world, "Ann");
  EXPECT_EQ(ask("GET", "directory", bearer(ann.account)).status, 403);
}

TEST_F(WebphoneRequestsTest, SurvivalItem22HistoryIsOnesOwn) {
  talk().bye();
  world.advance(1s);
  page("alice");
  page("carol");
  const auto own = ask("GET", "history", bearer("alice"));
  ASSERT_EQ(own.status, 200);
  ASSERT_EQ(own.json.size(), 1u);
  EXPECT_EQ(own.json[0]["caller"], "alice");
  EXPECT_EQ(own.json[0]["callee"], "bob");
  EXPECT_EQ(own.json[0]["state"], "Completed");
  EXPECT_EQ(ask("GET", "history", bearer("alice"), {}, "extension=bob").status, 403);
  EXPECT_EQ(ask("GET", "history", bearer("carol"), {}, "extension=bob").json.size(), 1u);
  EXPECT_EQ(ask("GET", "history", bearer("carol")).json.size(), 0u);
  EXPECT_EQ(ask("GET", "history", bearer("carol"), {}, "before=yesterday").status, 400);
  EXPECT_EQ(ask("GET", "history", bearer(webphone(world, "Ann").account)).status, 403);
}

TEST_F(WebphoneRequestsTest, SupervisorsActOnSessions) {
  auto& call = talk();
  page("alice");
  page("carol");
  const auto path = "sessions/" + id() + "/";
  EXPECT_EQ(ask("POST", path + "hold", bearer("alice")).status, 403);
  EXPECT_EQ(ask("POST", path + "hold", bearer("carol")).status, 200);
  EXPECT_EQ(ask("POST", path + "hold", bearer("carol")).status, 409);
  EXPECT_EQ(ask("POST", path + "unhold", bearer("carol"), "{}").status, 200);
  EXPECT_EQ(ask("POST", path + "sendDtmf", bearer("carol"), R"({"key":"5","phoneNumber":"bob"})").status, 200);
  EXPECT_EQ(ask("POST", path + "sendDtmf", bearer("carol"), R"({"key":"?","phoneNumber":"bob"})").status, 400);
  EXPECT_EQ(ask("POST", path + "sendDtmf", bearer("carol"), R"({"key":"5"})").status, 400);
  EXPECT_EQ(ask("POST", path + "forward", bearer("carol"), R"({"phoneNumber":"carol"})").status, 409);
  EXPECT_EQ(ask("POST", path + "blindTransfer", bearer("carol"), R"({"phoneNumber":"carol"})").status, 400);
  EXPECT_EQ(ask("POST", path + "explode", bearer("carol")).status, 404);
  EXPECT_EQ(ask("POST", "sessions/none/hold", bearer("carol")).status, 404);
  EXPECT_EQ(ask("POST", path + "hold", bearer("carol"), std::string(5000, '[')).status, 400);
  EXPECT_EQ(ask("POST", path + "startListen", bearer("carol")).status, 200);
  EXPECT_EQ(ask("POST", path + "stopListen", bearer("carol")).status, 200);
  EXPECT_EQ(ask("POST", path + "close", bearer("carol")).status, 200);
  world.advance(1s);
  EXPECT_EQ(call.received(sip::Method::kBye).size(), 1u);
}

TEST_F(WebphoneRequestsTest, AgentsEndWhatTheySee) {
  page("bob");
  page("alice");
  auto& call = webphone(world, "Ann").invite("sip:support@parley", {});
  ASSERT_EQ(call.status(), 200);
  EXPECT_EQ(ask("POST", "sessions/" + id() + "/close", bearer("alice")).status, 403);
  EXPECT_EQ(ask("POST", "sessions/" + id() + "/hold", bearer("bob")).status, 403);
  EXPECT_EQ(ask("POST", "sessions/" + id() + "/close", bearer("bob")).status, 200);
  world.advance(1s);
  EXPECT_EQ(call.received(sip::Method::kBye).size(), 1u);
}

TEST_F(WebphoneRequestsTest, QueuesAndActionsByTheRestApi) {
  const auto stream = rest.ask({.method = "GET", .target = "/api/v1/events?types=queue", .token = rest.admin});
  auto& ann = webphone(world, "Ann");
  auto& waiting = ann.invite("sip:support@parley", {});
  world.settle();
  const auto queues = rest.get("/queues");
  ASSERT_EQ(queues.status, 200);
  EXPECT_EQ(queues.json["queues"][0]["name"], "support");
  EXPECT_EQ(queues.json["queues"][0]["agents"][0], "bob");
  EXPECT_EQ(queues.json["queues"][0]["waiting"][0]["state"], "waiting");
  waiting.bye();
  world.advance(1s);
  const auto told = stream.events();
  EXPECT_NE(told.find("event: queue.waiting"), std::string::npos);
  EXPECT_NE(told.find("event: queue.left"), std::string::npos);
  const auto record = rest.get("/call-records").json["callRecords"][0];
  EXPECT_EQ(record["kind"], "queue");
  EXPECT_EQ(record["to"], "sip:support@parley");

  talk();
  const auto path = "/calls/" + id();
  EXPECT_EQ(rest.post(path + "/hold").status, 204);
  EXPECT_EQ(rest.post(path + "/hold").reason(), "wrong-state");
  EXPECT_EQ(rest.get("/calls").json["calls"][0]["held"], true);
  EXPECT_EQ(rest.post(path + "/unhold").status, 204);
  EXPECT_EQ(rest.post(path + "/dtmf", {{"keys", "12"}, {"number", "alice"}}).status, 204);
  EXPECT_EQ(rest.post(path + "/dtmf", {{"keys", "hello"}, {"number", "alice"}}).status, 400);
  EXPECT_EQ(rest.post(path + "/listen", {{"number", "nobody"}}).status, 404);
  EXPECT_EQ(rest.post(path + "/listen", {{"number", ann.account}}).status, 204);
  EXPECT_EQ(ann.incoming.size(), 1u);
  // To listen is a scope of its own, which does nothing to calls.
  const auto as = [&](const char* scope, const std::string& action, const std::string& body = {}) {
    const auto token = rest.token(scope);
    return rest.ask({.method = "POST", .target = "/api/v1" + path + action, .token = token, .body = body, .headers = {{"Content-Type", "application/json"}}});
  };
  const auto own = R"({"number":")" + ann.account + R"("})";
  EXPECT_EQ(as("calls", "/listen", own).reason(), "scope-missing");
  EXPECT_EQ(as("calls", "/unlisten", own).status, 403);
  EXPECT_EQ(as("calls", "/hold").status, 204);
  EXPECT_EQ(as("supervise", "/unhold").status, 403);
  EXPECT_EQ(as("supervise", "/unlisten", own).status, 204);
  EXPECT_EQ(as("supervise", "/listen", own).status, 204);
  EXPECT_EQ(as("calls", "/unhold").status, 204);
  EXPECT_EQ(rest.post("/calls/none/hold").reason(), "unknown-call");
  EXPECT_EQ(rest.post(path + "/forward", {{"number", ann.account}}).reason(), "wrong-state");   // it rings no more
  EXPECT_EQ(rest.post(path + "/forward", {{"number", "nobody"}}).reason(), "unreachable");
  EXPECT_EQ(rest.post("/calls/none/forward", {{"number", "nobody"}}).reason(), "unknown-call");
  EXPECT_EQ(rest.ask({.method = "POST", .target = "/api/v1" + path + "/hold", .token = rest.token("calls:read")}).status, 403);
}

}  // namespace
