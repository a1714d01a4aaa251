// The routes of calls: those in progress, ones that are placed from outside, their records.
#include "support/rest_routes.hpp"

namespace {

using namespace test_support;

struct RestCallsTest : RestRoutes {};

TEST_F(RestCallsTest, CallsAreListedAndHungUp) {
  auto& alice = world.registered(page("alice"));
  auto& bob = world.registered(world.phone("bob"));
  EXPECT_EQ(api.get("/calls").json["calls"].size(), 0u);
  auto& a = alice.invite("sip:bob@parley");
  auto answer = api.get("/calls");
  expect(answer, 200, "CallList");
  ASSERT_EQ(answer.json["calls"].size(), 1u);
  EXPECT_EQ(answer.json["calls"][0]["state"], "ringing");
  EXPECT_EQ(answer.json["calls"][0]["from"]["number"], "alice");
  EXPECT_EQ(answer.json["calls"][0]["to"]["number"], "bob");
  bob.incoming.back()->answer();
  answer = api.get("/calls");
  EXPECT_EQ(answer.json["calls"][0]["state"], "answered");
  EXPECT_TRUE(answer.json["calls"][0].contains("answered"));
  const auto id = answer.json["calls"][0]["id"].get<std::string>();
  expect(api.remove("/calls/" + id), 204);
  EXPECT_TRUE(a.ended);
  EXPECT_TRUE(bob.incoming.back()->ended);
  world.advance(1min);
  EXPECT_EQ(api.get("/calls").json["calls"].size(), 0u);
  expect_problem(api.remove("/calls/" + id), 404, "unknown-call");
}

TEST_F(RestCallsTest, ACallThatRingsIsForwarded) {
  auto& alice = world.registered(page("alice"));
  world.registered(world.phone("bob"));
  auto& carol = world.registered(world.phone("carol"));
  auto& call = alice.invite("sip:bob@parley");
  const auto id = api.get("/calls").json["calls"][0]["id"].get<std::string>();
  expect(api.post("/calls/" + id + "/forward", {{"number", "carol"}}), 204);
  world.advance(1s);
  ASSERT_EQ(carol.incoming.size(), 1u);
  carol.incoming.back()->answer();
  EXPECT_EQ(call.status(), 200);
}

TEST_F(RestCallsTest, ACallIsWhereItsLocationSays) {
  world.registered(page("alice"));
  world.registered(world.phone("bob"));
  const auto made = api.post("/calls", {{"from", "bob"}, {"to", "alice"}});
  expect(made, 201, "Call");
  const auto location = made.header("Location");
  ASSERT_TRUE(location.starts_with("/api/v1/calls/")) << location;
  const auto found = api.get(location.substr(7));
  expect(found, 200, "Call");
  EXPECT_EQ(found.json["id"], made.json["id"]);
  expect(api.remove(location.substr(7)), 204);
  expect_problem(api.get(location.substr(7)), 404, "unknown-call");
}

TEST_F(RestCallsTest, APartyOfACallIsSentToAnother) {
  auto& alice = world.registered(page("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& carol = world.registered(world.phone("carol"));
  auto& a = alice.invite("sip:bob@parley");
  const auto id = api.get("/calls").json["calls"][0]["id"].get<std::string>();
  const auto send = [&](const nlohmann::json& what) { return api.post("/calls/" + id + "/transfer", what); };
  expect_problem(send({{"to", "carol"}}), 409, "not-transferable");
  bob.incoming.back()->answer();
  expect_problem(send({{"to", "nobody"}}), 404, "unreachable");
  expect_problem(send({{"to", "carol"}, {"party", "carol"}}), 404, "unreachable");
  expect(send({{"to", "carol"}, {"party", "bob"}}), 202, "Call");
  expect_problem(send({{"to", "carol"}}), 409, "not-transferable");
  carol.incoming.back()->answer();
  EXPECT_TRUE(a.ended);
  const auto calls = api.get("/calls").json["calls"];
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["id"], id);
  EXPECT_EQ(calls[0]["from"]["number"], "carol");
  EXPECT_EQ(calls[0]["to"]["number"], "bob");
}

struct OriginateTest : RestCallsTest {
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  std::string id;
  void make() {
    const auto made = api.post("/calls", {{"from", "alice"}, {"to", "bob"}});
    expect(made, 201, "Call");
    EXPECT_EQ(made.json["state"], "dialing");
    id = made.json["id"].get<std::string>();
    EXPECT_EQ(made.header("Location"), "/api/v1/calls/" + id);
  }
  std::string state() {
    const auto all = api.get("/calls").json["calls"];
    return all.empty() ? "" : all[0]["state"].get<std::string>();
  }
  void expect_nothing_left() {
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.environment.legs.size(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

TEST_F(OriginateTest, OneIsRungThenTheOther) {
  make();
  ASSERT_EQ(alice.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming.size(), 0u);
  EXPECT_EQ(alice.incoming[0]->invite->from().uri_text, "sip:bob@parley");
  alice.incoming[0]->answer();
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming[0]->invite->from().uri_text, "sip:alice@parley");
  EXPECT_EQ(state(), "ringing");
  bob.incoming[0]->ring();
  bob.incoming[0]->answer();
  EXPECT_EQ(state(), "answered");
  EXPECT_TRUE(world.media_of(*alice.incoming[0]).joined);
  EXPECT_TRUE(world.media_of(*bob.incoming[0]).joined);
  EXPECT_EQ(world.media_of(*alice.incoming[0]).bridge, world.media_of(*bob.incoming[0]).bridge);
  EXPECT_EQ(alice.incoming[0]->message("text/plain", "hello"), 202);
  bob.incoming[0]->bye();
  EXPECT_TRUE(alice.incoming[0]->ended);
  expect_nothing_left();
}

TEST_F(OriginateTest, TheFirstRefuses) {
  make();
  alice.incoming[0]->refuse(486);
  EXPECT_EQ(bob.incoming.size(), 0u);
  expect_nothing_left();
}

TEST_F(OriginateTest, TheSecondRefusesOrHasGone) {
  make();
  alice.incoming[0]->answer();
  bob.incoming[0]->refuse(486);
  EXPECT_TRUE(alice.incoming[0]->ended);
  expect_nothing_left();
  world.registered(alice);
  make();
  world.pbx.registrar().remove("bob");
  alice.incoming.back()->answer();
  EXPECT_TRUE(alice.incoming.back()->ended);
  expect_nothing_left();
}

TEST_F(OriginateTest, NobodyAnswers) {
  make();
  alice.incoming[0]->ring();
  world.advance(5min);
  EXPECT_TRUE(alice.incoming[0]->cancelled || alice.incoming[0]->ended);
  expect_nothing_left();
}

TEST_F(OriginateTest, HungUpInEachState) {
  make();
  expect(api.remove("/calls/" + id), 204);
  expect_nothing_left();
  world.registered(alice);
  make();
  alice.incoming.back()->answer();
  expect(api.remove("/calls/" + id), 204);
  EXPECT_TRUE(alice.incoming.back()->ended);
  expect_nothing_left();
  world.registered(alice);
  world.registered(bob);
  make();
  alice.incoming.back()->answer();
  alice.incoming.back()->bye();
  expect_nothing_left();
}

TEST_F(OriginateTest, UnknownAndUnreachableAreTheSame) {
  const auto unknown = api.post("/calls", {{"from", "alice"}, {"to", "carol2"}});
  const auto offline = api.post("/calls", {{"from", "alice"}, {"to", "carol"}});
  expect_problem(unknown, 404, "unreachable");
  expect_problem(offline, 404, "unreachable");
  expect_problem(api.post("/calls", {{"from", "carol"}, {"to", "alice"}}), 404, "unreachable");
  expect_problem(api.post("/calls", {{"from", "alice"}, {"to", "alice"}}), 400, "same-number");
  expect_problem(api.post("/calls/none/transfer", {{"to", "alice"}}), 404, "unknown-call");
  expect_problem(api.post("/calls", {{"from", "alice"}, {"to", "bob\r\nX: y"}}), 404, "unreachable");
  EXPECT_EQ(world.pbx.calls(), 0u);
}

TEST_F(RestCallsTest, EveryCallHasARecord) {
  auto& alice = world.registered(page("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming.back()->ring();
  bob.incoming.back()->answer();
  world.advance(30s);
  a.bye();
  world.advance(1min);
  alice.invite("sip:bob@parley");
  bob.incoming.back()->refuse(486);
  world.advance(1min);
  auto& c = alice.invite("sip:bob@parley");
  bob.incoming.back()->ring();
  c.cancel();
  world.advance(1min);
  const auto answer = api.get("/call-records?account=bob");
  expect(answer, 200, "CallRecordList");
  const auto& records = answer.json["callRecords"];
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0]["status"], 487);
  EXPECT_EQ(records[1]["status"], 486);
  EXPECT_EQ(records[1]["cause"], "Busy Here");
  EXPECT_FALSE(records[1].contains("answered"));
  EXPECT_EQ(records[2]["status"], 200);
  EXPECT_EQ(records[2]["from"], "sip:alice@parley");
  EXPECT_EQ(records[2]["to"], "sip:bob@parley");
  EXPECT_TRUE(records[2].contains("answered") && records[2].contains("ended"));
  EXPECT_EQ(api.get("/call-records?account=carol").json["callRecords"].size(), 0u);
}

TEST_F(RestCallsTest, ARecordNamesWhoLeftByATransfer) {
  auto& alice = world.registered(page("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& carol = world.registered(world.phone("carol"));
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  world.advance(10s);
  ASSERT_EQ(bob.incoming.back()->request("REFER", "Contact: " + bob.contact() + "\r\nRefer-To: <sip:carol@parley>\r\n"), 202);
  carol.incoming.back()->answer();
  world.advance(10s);
  a.bye();
  world.advance(1min);
  for (const std::string account : {"alice", "bob", "carol"}) {
    const auto answer = api.get("/call-records?account=" + account);
    expect(answer, 200, "CallRecordList");
    ASSERT_EQ(answer.json["callRecords"].size(), 1u) << account;
    const auto& legs = answer.json["callRecords"][0]["legs"];
    ASSERT_EQ(legs.size(), 3u);
    EXPECT_EQ(legs[0]["account"], "alice");
    EXPECT_EQ(legs[1]["uri"], "sip:bob@parley");
    EXPECT_EQ(legs[2]["account"], "carol");
    EXPECT_LT(legs[1]["ended"].get<std::string>(), legs[2]["ended"].get<std::string>());
    EXPECT_LT(legs[1]["answered"].get<std::string>(), legs[2]["answered"].get<std::string>());
  }
}

TEST_F(RestCallsTest, CallRecords) {
  const auto at = [](int hours) { return base::WallTime(std::chrono::hours(24 * 365 * 50 + hours)); };
  for (int i = 0; i < 3; ++i) {
    store::CallRecord record{.id = "call" + std::to_string(i), .from_uri = "sip:alice@parley", .from_display = "Alice", .to_uri = "sip:bob@parley", .start = at(i),
                             .answer = at(i) + 5s, .end = at(i) + 65s, .status = 200, .cause = "bye", .legs = {}};
    ASSERT_TRUE(api.messages.put_call(std::move(record), [](base::Result<void>) {}));
  }
  const auto answer = api.get("/call-records?limit=2");
  expect(answer, 200, "CallRecordList");
  ASSERT_EQ(answer.json["callRecords"].size(), 2u);
  EXPECT_EQ(answer.json["callRecords"][0]["id"], "call2");
  EXPECT_EQ(answer.json["callRecords"][0]["kind"], "call");
  ASSERT_TRUE(answer.json.contains("next"));
  const auto rest = api.get("/call-records?limit=2&before=" + answer.json["next"].dump());
  EXPECT_EQ(rest.json["callRecords"].size(), 1u);
  EXPECT_EQ(api.get("/call-records?from=" + api::rest_time(at(1)) + "&until=" + api::rest_time(at(2))).json["callRecords"].size(), 1u);
}

}  // namespace
