// What each route does. Every answer is held against the schema that the description names for it.
#include "sip/digest.hpp"
#include "support/rest_routes.hpp"

namespace {

using namespace test_support;
using Json = nlohmann::ordered_json;

struct RestTest : RestRoutes {};

TEST_F(RestTest, Status) {
  world.registered(page("alice"));
  world.enter(page("bob"));
  const auto answer = api.get("/status");
  expect(answer, 200, "Status");
  EXPECT_EQ(answer.json["version"], "1.2.3");
  EXPECT_EQ(answer.json["rooms"], 1);
  EXPECT_EQ(answer.json["participants"], 1);
  EXPECT_EQ(answer.json["registered"], 1);
  // Any token will do.
  expect(api.ask({.method = "GET", .target = "/api/v1/status", .token = api.token("lines:read")}), 200);
}

TEST_F(RestTest, TokensAreMadeListedAndRevoked) {
  const auto made = api.post("/api-tokens", {{"name", "Reception"}, {"scopes", {"rooms", "calls:read"}}});
  expect(made, 201, "MadeApiToken");
  const auto token = made.json["token"].get<std::string>();
  EXPECT_EQ(made.header("Location"), "/api/v1/api-tokens/" + made.json["id"].get<std::string>());
  expect(api.ask({.method = "GET", .target = "/api/v1/rooms", .token = token}), 200);
  const auto all = api.get("/api-tokens");
  expect(all, 200, "ApiTokenList");
  ASSERT_EQ(all.json["apiTokens"].size(), 2u);
  EXPECT_EQ(all.text.find(token), std::string::npos);
  EXPECT_EQ(all.text.find(api::hash_api_token(token)), std::string::npos);
  expect(api.remove("/api-tokens/" + made.json["id"].get<std::string>()), 204);
  EXPECT_EQ(api.ask({.method = "GET", .target = "/api/v1/rooms", .token = token}).status, 401);
  expect_problem(api.remove("/api-tokens/" + made.json["id"].get<std::string>()), 404, "unknown-token");
  expect_problem(api.post("/api-tokens", {{"name", "x"}, {"scopes", {"root"}}}), 400, "bad-scope");
  expect_problem(api.post("/api-tokens", {{"name", "x"}, {"scopes", Json::array()}}), 400, "bad-body");
  expect_problem(api.post("/api-tokens", {{"name", " x"}, {"scopes", {"rooms"}}}), 400, "bad-body");
}

TEST_F(RestTest, AnAccountIsMadeUsedAndDeleted) {
  const auto made = api.post("/accounts", {{"name", "dave"}, {"displayName", "Dave D."}, {"password", "correct horse"}});
  expect(made, 201, "Account");
  EXPECT_EQ(made.header("Location"), "/api/v1/accounts/dave");
  EXPECT_EQ(made.text.find("correct horse"), std::string::npos);
  auto& dave = world.phone("dave");
  dave.password = "correct horse";
  EXPECT_EQ(dave.register_contact()->status(), 200);   // at once
  expect(api.get("/accounts/dave"), 200, "Account");
  EXPECT_EQ(api.get("/accounts/dave").json["displayName"], "Dave D.");
  expect_problem(api.post("/accounts", {{"name", "dave"}, {"password", "another one"}}), 409, "account-exists");

  expect(api.put("/accounts/dave/password", {{"password", "battery staple"}}), 204);
  EXPECT_NE(dave.register_contact()->status(), 200);
  dave.password = "battery staple";
  EXPECT_EQ(dave.register_contact()->status(), 200);

  expect(api.remove("/accounts/dave"), 204);
  EXPECT_NE(dave.register_contact()->status(), 200);
  EXPECT_TRUE(world.pbx.registrar().find("dave", world.timeline.now()).empty());
  expect_problem(api.get("/accounts/dave"), 404, "unknown-account");
  expect_problem(api.put("/accounts/dave/password", {{"password", "battery staple"}}), 404, "unknown-account");
  expect_problem(api.remove("/accounts/dave"), 404, "unknown-account");
}

TEST_F(RestTest, AnAccountIsGivenAnotherName) {
  expect(api.post("/accounts", {{"name", "dave"}, {"displayName", "Dave"}, {"password", "correct horse"}}), 201);
  const auto patch = [&](const std::string& name, const Json& body) { return api.ask({.method = "PATCH", .target = "/api/v1/accounts/" + name, .token = api.admin, .body = body.dump()}); };
  const auto changed = patch("dave", {{"displayName", "Dávid"}});
  expect(changed, 200, "Account");
  EXPECT_EQ(changed.json["displayName"], "Dávid");
  EXPECT_EQ(api.get("/accounts/dave").json["displayName"], "Dávid");
  EXPECT_EQ(world.pbx.accounts().find("dave")->display_name, "Dávid");
  // With the password that it had.
  auto& dave = world.phone("dave");
  dave.password = "correct horse";
  EXPECT_EQ(dave.register_contact()->status(), 200);
  expect(patch("dave", {{"displayName", ""}}), 200);
  expect_problem(patch("dave", {{"displayName", "a\nb"}}), 400, "bad-display-name");
  expect_problem(patch("dave", {{"password", "x"}}), 400, "bad-body");
  expect_problem(patch("eve", {{"displayName", "Eve"}}), 404, "unknown-account");
}

TEST_F(RestTest, SurvivalItem23PasswordsAreStoredHashed) {
  expect(api.post("/accounts", {{"name", "dave"}, {"password", "correct horse"}}), 201);
  for (const auto* name : {"parley.db", "parley.db-wal"}) {
    std::ifstream file(api.folder.path(std::string("data/") + name), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}).find("correct horse"), std::string::npos);
  }
}

TEST_F(RestTest, AccountsAreListedInPages) {
  for (const auto* name : {"d", "a", "c", "b", "e"}) expect(api.post("/accounts", {{"name", name}, {"password", "12345678"}}), 201);
  const auto names = [](const RestResponse& answer) {
    std::string all;
    for (const auto& one : answer.json["accounts"]) all += one["name"].get<std::string>();
    return all;
  };
  const auto first = api.get("/accounts?limit=2");
  expect(first, 200, "AccountList");
  EXPECT_EQ(names(first), "ab");
  EXPECT_EQ(first.json["next"], "b");
  EXPECT_EQ(names(api.get("/accounts?limit=2&after=b")), "cd");
  const auto last = api.get("/accounts?limit=2&after=d");
  EXPECT_EQ(names(last), "e");
  EXPECT_FALSE(last.json.contains("next"));
}

TEST_F(RestTest, Presence) {
  world.registered(page("alice"));
  world.registered(world.phone("bob"));
  const auto answer = api.get("/presence");
  expect(answer, 200, "PresenceList");
  ASSERT_EQ(answer.json["registered"].size(), 2u);
  for (const auto& one : answer.json["registered"]) {
    EXPECT_EQ(one["contacts"][0]["transport"], one["number"] == "alice" ? "ws" : "udp");
    EXPECT_GT(one["contacts"][0]["seconds"], 0);
  }
  world.advance(2h);
  EXPECT_EQ(api.get("/presence").json["registered"].size(), 0u);
}

TEST_F(RestTest, Lines) {
  const auto answer = api.get("/lines");
  expect(answer, 200, "LineList");
  ASSERT_EQ(answer.json["lines"].size(), 1u);
  EXPECT_EQ(answer.json["lines"][0]["name"], "Webphone1");
  EXPECT_EQ(answer.json["lines"][0]["access"], "open");
}

TEST(RestTrunks, SurvivalItem23AreListedWithoutTheirSecrets) {
  pbx::PbxConfig config;
  config.trunks.push_back({.name = "Provider", .server = "sip.provider.example", .username = "4930123", .password = "hush", .registers = true});
  config.trunks.push_back({.name = "Other", .server = "192.0.2.7"});
  config.resolve = [](const std::string& name, sip::Transport, auto done) {
    if (name == "192.0.2.7") done({*base::SocketAddress::parse(name, 5060)});
  };
  RestWorld api(config);
  const auto answer = api.ask({.method = "GET", .target = "/api/v1/trunks", .token = api.token("trunks:read")});
  RestTest::expect(answer, 200, "TrunkList");
  ASSERT_EQ(answer.json["trunks"].size(), 2u);
  EXPECT_EQ(answer.json["trunks"][0], (Json{{"name", "Provider"}, {"server", "sip.provider.example"}, {"registers", true}, {"registered", false},
                                            {"reachable", false}, {"calls", 0}}));
  EXPECT_EQ(answer.json["trunks"][1]["reachable"], true);
  EXPECT_EQ(answer.text.find("hush"), std::string::npos);
  EXPECT_EQ(api.ask({.method = "GET", .target = "/api/v1/trunks", .token = api.token("lines:read")}).status, 403);
}

TEST_F(RestTest, WebphoneTokensHoldForWhatTheySay) {
  const auto made = api.post("/lines/Webphone1/tokens", {{"displayName", "Visitor"}, {"room", "team"}, {"privileges", {"message"}}, {"seconds", 60}});
  expect(made, 201, "WebphoneToken");
  const auto now = std::chrono::system_clock::now();
  const auto claims = api.keys.verify(made.json["token"].get<std::string>(), now);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->line, "Webphone1");
  EXPECT_EQ(claims->display_name, "Visitor");
  EXPECT_EQ(claims->room, "team");
  EXPECT_TRUE(claims->may.message);
  EXPECT_FALSE(claims->may.internal);
  EXPECT_FALSE(api.keys.verify(made.json["token"].get<std::string>(), now + 2min));
  expect_problem(api.post("/lines/Nothing/tokens", Json::object()), 404, "unknown-line");
  expect_problem(api.post("/lines/Webphone1/tokens", {{"seconds", 1e9}}), 400, "bad-body");
  expect_problem(api.post("/lines/Webphone1/tokens", {{"seconds", 100'000'000}}), 400, "bad-body");
  expect_problem(api.post("/lines/Webphone1/tokens", {{"privileges", {"everything"}}}), 400, "bad-body");
}

TEST_F(RestTest, RoomsAndParticipants) {
  EXPECT_EQ(api.get("/rooms").json["rooms"].size(), 0u);
  auto& a = world.enter(page("alice"));
  world.enter(page("bob"));
  const auto rooms = api.get("/rooms");
  expect(rooms, 200, "RoomList");
  ASSERT_EQ(rooms.json["rooms"].size(), 1u);
  EXPECT_EQ(rooms.json["rooms"][0]["name"], "team");
  EXPECT_EQ(rooms.json["rooms"][0]["participants"], 2);
  expect(api.get("/rooms/TEAM"), 200, "Room");
  const auto people = api.get("/rooms/team/participants");
  expect(people, 200, "ParticipantList");
  ASSERT_EQ(people.json["participants"].size(), 2u);
  EXPECT_EQ(people.json["participants"][0]["displayName"], "Alice Liddell");
  EXPECT_EQ(people.json["participants"][0]["id"], a.participant());
  EXPECT_EQ(people.text.find(a.token()), std::string::npos);   // the resume token is the page's alone
  const auto one = api.get("/rooms/team/participants/" + a.participant());
  expect(one, 200, "Participant");
  EXPECT_EQ(one.json["account"], "alice");
  expect_problem(api.get("/rooms/other"), 404, "unknown-room");
  expect_problem(api.get("/rooms/other/participants"), 404, "unknown-room");
  expect_problem(api.get("/rooms/team/participants/nobody"), 404, "unknown-participant");
}

TEST_F(RestTest, ARoomWithASlashAndASpaceInItsName) {
  page("alice").invite("sip:a%2Fb%20c@parley");
  const auto answer = api.get("/rooms/a%2Fb%20c");
  expect(answer, 200, "Room");
  EXPECT_EQ(answer.json["name"], "a/b c");
  expect_problem(api.get("/rooms/a%2Fb%20d"), 404, "unknown-room");
}

TEST_F(RestTest, AParticipantIsMutedUnmutedAndRemoved) {
  auto& a = world.enter(page("alice"));
  auto& b = world.enter(page("bob"));
  const auto path = "/rooms/team/participants/" + a.participant();
  const auto muted = api.post(path + "/mute");
  expect(muted, 200, "Participant");
  EXPECT_EQ(muted.json["muted"], true);
  EXPECT_TRUE(world.leg_of(a)->muted());
  EXPECT_EQ(b.events("ConfbridgeMute").size(), 1u);
  EXPECT_EQ(api.post(path + "/unmute").json["muted"], false);
  EXPECT_EQ(b.events("ConfbridgeUnmute").size(), 1u);
  expect(api.remove(path), 204);
  EXPECT_TRUE(a.ended);
  EXPECT_EQ(b.events("ConfbridgeLeave").size(), 1u);
  for (const auto& answer : {api.post(path + "/mute"), api.post(path + "/unmute"), api.remove(path)}) expect_problem(answer, 404, "unknown-participant");
  expect_problem(api.post("/rooms/other/participants/x/mute"), 404, "unknown-room");
}

TEST_F(RestTest, AMessageGoesToTheRoomAndIntoItsHistory) {
  auto& a = world.enter(page("alice"));
  auto& b = world.enter(page("bob"));
  const auto sent = api.post("/rooms/team/messages", {{"text", "Lunch <b>is</b> ready \u00e9"}, {"from", "Kitchen \"1\""}});
  expect(sent, 202, "SentMessage");
  EXPECT_EQ(sent.json["sequence"], 1);
  for (const auto* call : {&a, &b}) {
    ASSERT_EQ(call->messages("text/plain;charset=UTF-8").size(), 1u);
    const auto& message = *call->messages("text/plain;charset=UTF-8").front()->message;
    EXPECT_EQ(message.body(), "Lunch <b>is</b> ready \u00e9");
    EXPECT_EQ(message.from().display(), "Kitchen \"1\"");
    EXPECT_EQ(message.value("Parley-Message-ID"), sent.json["id"].get<std::string>());
  }
  EXPECT_EQ(a.message("text/html", "<p>good</p>"), 202);
  const auto history = api.get("/rooms/team/messages");
  expect(history, 200, "MessageList");
  ASSERT_EQ(history.json["messages"].size(), 2u);
  EXPECT_EQ(history.json["messages"][0]["from"], "Kitchen \"1\"");
  EXPECT_EQ(history.json["messages"][0]["account"], "");
  EXPECT_EQ(history.json["messages"][1]["text"], "<p>good</p>");
  EXPECT_EQ(history.json["messages"][1]["account"], "alice");
}

TEST_F(RestTest, AMessageGoesToAnAccountOrWaitsForIt) {
  auto& bob = world.registered(page("bob"));
  const auto token = api.token("messages", "Kitchen");
  const auto send = [&](const std::string& to, const Json& body) { return api.ask({.method = "POST", .target = "/api/v1/accounts/" + to + "/messages", .token = token, .body = body.dump()}); };
  expect(send("bob", {{"text", "Lunch is ready"}}), 204);
  ASSERT_EQ(bob.pages.size(), 1u);
  EXPECT_EQ(bob.pages[0]->body(), "Lunch is ready");
  // Whoever sends it is no account: the name is a name alone.
  EXPECT_EQ(bob.pages[0]->from().display(), "Kitchen");
  EXPECT_EQ(bob.pages[0]->from().uri.user, "");
  EXPECT_EQ(bob.pages[0]->content_type(), "text/plain;charset=UTF-8");
  // Nobody is there: it is kept, and comes with the next registration.
  expect(send("alice", {{"text", "later"}, {"from", "Office"}}), 204);
  auto& alice = world.registered(page("alice"));
  world.settle();
  ASSERT_EQ(alice.pages.size(), 1u);
  EXPECT_EQ(alice.pages[0]->body(), "later");
  EXPECT_EQ(alice.pages[0]->from().display(), "Office");
  expect_problem(send("nobody", {{"text", "x"}}), 404, "unknown-account");
  expect_problem(send("bob", {{"text", "x"}, {"from", "a\r\nb"}}), 400, "bad-name");
  expect_problem(send("bob", {{"text", "x"}, {"contentType", "text"}}), 400, "bad-message-type");
  expect_problem(send("bob", {{"text", "x"}, {"to", "alice"}}), 400, "bad-body");
  api.messages.refuse = true;
  expect_problem(send("carol", {{"text", "x"}}), 503, "not-now");
}

TEST_F(RestTest, HistoryComesInPages) {
  auto& a = world.enter(page("alice"));
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(a.message("text/plain", std::to_string(i)), 202);
  const auto texts = [](const RestResponse& answer) {
    std::string all;
    for (const auto& one : answer.json["messages"]) all += one["text"].get<std::string>();
    return all;
  };
  const auto newest = api.get("/rooms/team/messages?limit=2");
  EXPECT_EQ(texts(newest), "45");
  EXPECT_EQ(texts(api.get("/rooms/team/messages?limit=2&before=" + newest.json["next"].dump())), "23");
  const auto oldest = api.get("/rooms/team/messages?limit=3&after=0");
  EXPECT_EQ(texts(oldest), "123");
  EXPECT_EQ(texts(api.get("/rooms/team/messages?limit=3&after=" + oldest.json["next"].dump())), "45");
  expect_problem(api.get("/rooms/team/messages?limit=501"), 400, "bad-query");
  EXPECT_EQ(api.get("/rooms/nothing/messages").json["messages"].size(), 0u);
}

TEST_F(RestTest, SurvivalItem22PrivateMessagesAreForTwo) {
  auto& a = world.enter(page("alice"));
  auto& b = world.enter(page("bob"));
  expect(api.post("/rooms/team/messages", {{"text", "for bob"}, {"to", b.participant()}}), 202);
  EXPECT_EQ(a.message("text/plain", "also for bob", "Parley-To: " + b.participant() + "\r\n"), 202);
  EXPECT_TRUE(a.messages("text/plain;charset=UTF-8").empty());
  EXPECT_EQ(b.messages("text/plain;charset=UTF-8").size(), 1u);
  EXPECT_EQ(api.get("/rooms/team/messages").json["messages"].size(), 0u);
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"to", "nobody"}}), 404, "unknown-participant");
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"to", "a\r\nX-Y: z"}}), 404, "unknown-participant");
}

TEST_F(RestTest, WrongMessagesAreRefused) {
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}}), 404, "unknown-room");
  auto& a = world.enter(page("alice"));
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"contentType", "image/png"}}), 415, "bad-message-type");
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"contentType", "nothing"}}), 400, "bad-message-type");
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"contentType", "text/plain\r\nX-Injected: 1"}}), 400, "bad-message-type");
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}, {"from", "a\r\nb"}}), 400, "bad-name");
  expect_problem(api.post("/rooms/team/messages", {{"text", std::string(65536, 'x') + "y"}}), 400, "bad-body");
  // Characters are counted there, bytes here.
  std::string wide;
  for (int i = 0; i < 40'000; ++i) wide += "\u00e9";
  expect_problem(api.post("/rooms/team/messages", {{"text", wide}}), 413, "message-too-large");
  EXPECT_TRUE(a.messages("text/plain;charset=UTF-8").empty());
  api.messages.refuse = true;
  expect_problem(api.post("/rooms/team/messages", {{"text", "x"}}), 503, "not-now");
  expect_problem(api.get("/rooms/team/messages"), 503, "store-unavailable");
}

TEST_F(RestTest, SurvivalItem25AMessageWhoseRoomEndsBeforeItIsKeptIsNot202) {
  auto& a = world.enter(page("alice"));
  api.messages.hold = true;
  std::optional<int> status;
  net::HttpRequest request{.method = "POST", .target = "/api/v1/rooms/team/messages", .path = "/api/v1/rooms/team/messages"};
  request.headers = {{"Authorization", "Bearer " + api.admin}, {"Content-Type", "application/json"}};
  request.body = R"({"text":"x"})";
  api.rest->handle(std::move(request), [&](const net::HttpResponse& response) { status = response.status; });
  api.pump();
  EXPECT_FALSE(status);
  a.bye();
  world.advance(1s);
  EXPECT_EQ(world.pbx.rooms().size(), 0u);
  api.messages.release();
  EXPECT_EQ(status, 503);
}

}  // namespace
