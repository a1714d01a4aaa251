// Rooms that call somebody in or let somebody go at a participant's wish (RFC 4579), and dialogs in rooms whose place is taken.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}, {.name = "Rooms", .call_clients = false, .call_accounts = false}};
  c.groups = {{.name = "InOrder", .members = {"bob", "carol"}, .strategy = pbx::GroupConfig::Strategy::kInOrder, .ring_time = 10s}};
  c.queues = {{.name = "support", .agents = {"carol"}, .music = {}}};
  c.trunks = {{.name = "Provider", .server = "sip.provider.example", .username = "4930", .password = "secret", .number = "office"}};
  c.resolve = [](const std::string&, sip::Transport, std::function<void(std::vector<base::SocketAddress>)> done) {
    done({*base::SocketAddress::parse("192.0.2.2", 5060)});
  };
  c.dial_plan.rules = {{.name = "out", .pattern = R"(0(?P<n>[0-9]+))", .from = {}, .times = {}, .to = "trunk:Provider", .number = "+49{n}", .caller_number = {}}};
  c.rooms.profile = [](std::string_view key) { return conference::RoomProfile{.max_members = key == "small" ? 2u : 0u}; };
  c.requests_per_second = 0;
  return c;
}

struct RoomReferTest : testing::Test {
  PbxWorld world{config()};
  Client& provider = world.phone("provider");                 // 192.0.2.2
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  Client& carol = world.registered(world.phone("carol", "Carol"));
  Client& visitor = world.page("visitor", "Visitor");
  RoomReferTest() { world.settle(); }

  static int refer(ClientCall& call, const std::string& to, const std::string& headers = {}) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:" + to + ">\r\n" + headers);
  }
  static std::vector<std::string> told(const ClientCall& call) {
    std::vector<std::string> result;
    for (const auto* r : call.received(sip::Method::kNotify)) result.push_back(std::string(r->message->body()).substr(8, 3));
    return result;
  }
  static std::string dialog(const ClientCall& call) {
    return call.call_id + "%3Bto-tag%3D" + call.remote_tag + "%3Bfrom-tag%3D" + call.local_tag;
  }
  static std::string replaces(const ClientCall& call) {
    return "Replaces: " + call.call_id + ";to-tag=" + call.remote_tag + ";from-tag=" + call.local_tag + "\r\n";
  }
  bool hears(ClientCall& from, ClientCall& to, const std::string& text) {
    return from.message("text/plain", text) == 202 && !to.texts().empty() && to.texts().back() == text;
  }
  std::size_t members() {
    const auto* room = world.pbx.rooms().find("team");
    return room ? room->members() : 0;
  }
  void expect_nothing_left() {
    world.advance(2min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

// RFC 4579 5.5, RFC 3515 2.4.4
TEST_F(RoomReferTest, AParticipantHasSomebodyCalledIn) {
  auto& a = world.enter(alice);
  ASSERT_EQ(refer(a, "bob@parley"), 202);
  ASSERT_EQ(bob.incoming.size(), 1u);
  auto& b = *bob.incoming.back();
  EXPECT_EQ(b.invite->from().uri.user, "team");
  EXPECT_EQ(b.invite->from().display(), "team");
  b.ring();
  b.answer();
  EXPECT_EQ(told(a), (std::vector<std::string>{"100", "180", "200"}));
  EXPECT_EQ(members(), 2u);
  EXPECT_TRUE(hears(a, b, "welcome"));
  EXPECT_TRUE(hears(b, a, "thanks"));
  EXPECT_EQ(a.events("ConfbridgeJoin").back()["channels"][0]["caller"]["number"], "bob");
  EXPECT_FALSE(a.ended);                          // whoever asked stays, and may hang up
  a.bye();
  EXPECT_FALSE(b.ended);
  EXPECT_EQ(members(), 1u);
  b.bye();
  expect_nothing_left();
}

TEST_F(RoomReferTest, TheOutcomeIsTold) {
  auto& a = world.enter(alice);
  const auto outcome = [&](const std::string& to) {
    EXPECT_EQ(refer(a, to), 202);
    return told(a).back();
  };
  EXPECT_EQ(outcome("nobody@parley"), "404");
  EXPECT_EQ(outcome("team@parley"), "403");       // a room is nobody who could come in
  EXPECT_EQ(outcome("support@parley"), "403");
  EXPECT_EQ(outcome("bob@parley"), "100");
  bob.incoming.back()->refuse(486);
  EXPECT_EQ(told(a).back(), "486");
  EXPECT_EQ(outcome("bob@parley"), "100");
  bob.incoming.back()->ring();
  world.advance(61s);
  EXPECT_TRUE(bob.incoming.back()->cancelled);
  EXPECT_EQ(told(a).back(), "480");
  EXPECT_EQ(a.request("REFER", "Contact: " + alice.contact() + "\r\n"), 400);
  EXPECT_EQ(refer(a, "bob@parley;method=MESSAGE"), 403);
  EXPECT_EQ(members(), 1u);
  a.bye();
  expect_nothing_left();
}

TEST_F(RoomReferTest, AGroupInOrder) {
  auto& a = world.enter(alice);
  ASSERT_EQ(refer(a, "inorder@parley"), 202);
  bob.incoming.back()->refuse(486);
  ASSERT_EQ(carol.incoming.size(), 1u);
  carol.incoming.back()->answer();
  EXPECT_EQ(told(a).back(), "200");
  EXPECT_EQ(members(), 2u);
}

TEST_F(RoomReferTest, WhoAskedMayLeaveMeanwhile) {
  auto& a = world.enter(alice);
  auto& v = world.enter(visitor);
  ASSERT_EQ(refer(a, "bob@parley"), 202);
  a.bye();
  bob.incoming.back()->answer();
  EXPECT_EQ(members(), 2u);
  EXPECT_TRUE(hears(v, *bob.incoming.back(), "hello"));
  // The last one leaves: nobody is there to be called for.
  bob.incoming.back()->bye();
  ASSERT_EQ(refer(v, "carol@parley"), 202);
  carol.incoming.back()->ring();
  v.bye();
  EXPECT_TRUE(carol.incoming.back()->cancelled);
  expect_nothing_left();
}

TEST_F(RoomReferTest, AFullRoomTakesNobody) {
  auto& a = alice.invite("sip:small@parley");
  ASSERT_EQ(refer(a, "bob@parley"), 202);
  auto& v = visitor.invite("sip:small@parley");
  ASSERT_EQ(v.status(), 200);
  bob.incoming.back()->answer();                  // too late
  EXPECT_EQ(told(a).back(), "486");
  EXPECT_EQ(bob.incoming.back()->received(sip::Method::kBye).size(), 1u);
  ASSERT_EQ(refer(a, "bob@parley"), 202);
  EXPECT_EQ(told(a).back(), "486");
  EXPECT_EQ(bob.incoming.size(), 1u);
}

TEST_F(RoomReferTest, OneParticipantHasAFewCalledAtATime) {
  auto& v = world.enter(visitor);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(refer(v, "bob@parley", "Refer-Sub: false\r\n"), 202);
  EXPECT_EQ(refer(v, "bob@parley", "Refer-Sub: false\r\n"), 503);
  EXPECT_EQ(bob.incoming.size(), 8u);
  EXPECT_TRUE(told(v).empty());                   // RFC 4488 4
  bob.incoming.back()->refuse(486);
  EXPECT_EQ(refer(v, "bob@parley", "Refer-Sub: false\r\n"), 202);
  v.bye();
  expect_nothing_left();
}

// Survival item 24: by whose wish it goes, by his rights.
TEST_F(RoomReferTest, SurvivalItem24NoGuestHasARoomCallATrunk) {
  auto& v = world.enter(visitor);
  ASSERT_EQ(refer(v, "0555@parley"), 202);
  EXPECT_EQ(told(v).back(), "404");           // the rule is not for him
  EXPECT_TRUE(provider.incoming.empty());
  auto& in = provider.invite("sip:team@198.51.100.1");     // and no caller from a trunk either
  ASSERT_EQ(in.status(), 200);
  ASSERT_EQ(refer(in, "0555@parley"), 202);
  EXPECT_EQ(told(in).back(), "404");
  EXPECT_TRUE(provider.incoming.empty());
  auto& a = world.enter(alice);
  ASSERT_EQ(refer(a, "0555@parley"), 202);
  ASSERT_EQ(provider.incoming.size(), 1u);
  EXPECT_EQ(world.pbx.trunks().status().at(0).calls, 2u);
  provider.incoming.back()->answer();
  EXPECT_EQ(told(a).back(), "200");
  EXPECT_TRUE(hears(a, *provider.incoming.back(), "hello"));
  EXPECT_EQ(provider.incoming.back()->received(sip::Method::kUpdate).size(), 0u);
}

TEST_F(RoomReferTest, AClientHasThoseCalledWhomItsLineLetsItCall) {
  conference::Room* team = nullptr;
  auto& a = world.enter(alice);
  team = world.pbx.rooms().find("team");
  ASSERT_NE(team, nullptr);
  const auto client = *world.pbx.webphone().connect({.line = "Rooms", .display_name = "Ann"});
  auto& page = world.page(client->number, "Ann");
  page.password = client->secret;
  ASSERT_EQ(page.register_contact()->status(), 200);
  auto& p = page.invite("sip:team@parley");
  ASSERT_EQ(p.status(), 200);
  ASSERT_EQ(refer(p, "bob@parley"), 202);
  EXPECT_EQ(told(p).back(), "403");
  EXPECT_TRUE(bob.incoming.empty());
  a.bye();
}

// RFC 4579 5.6
TEST_F(RoomReferTest, AConsultationCallIsBroughtIn) {
  auto& a = world.enter(alice);
  auto& a2 = alice.invite("sip:bob@parley");
  auto& b = *bob.incoming.back();
  b.answer();
  ASSERT_EQ(a2.status(), 200);
  auto& stranger = world.enter(visitor);
  ASSERT_EQ(refer(stranger, "bob@parley?Replaces=" + dialog(a2)), 202);
  EXPECT_EQ(told(stranger).back(), "403");        // not his
  ASSERT_EQ(refer(a, "bob@parley?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz"), 202);
  EXPECT_EQ(told(a).back(), "481");
  ASSERT_EQ(refer(a, "bob@parley?Replaces=" + dialog(a)), 202);
  EXPECT_EQ(told(a).back(), "481");               // this very one
  ASSERT_EQ(refer(a, "bob@parley?Replaces=" + dialog(a2)), 202);
  EXPECT_EQ(told(a).back(), "200");
  EXPECT_TRUE(a2.ended);
  EXPECT_FALSE(a.ended);
  EXPECT_EQ(members(), 3u);
  EXPECT_TRUE(hears(a, b, "here we are"));
  world.advance(1s);
  EXPECT_EQ(b.received(sip::Method::kInvite).back()->message->value("P-Asserted-Identity"), "\"team\" <sip:team@parley>");
  a.bye();
  stranger.bye();
  b.bye();
  expect_nothing_left();
}

// RFC 4579 5.11
TEST_F(RoomReferTest, OnesOwnOtherDeviceIsLetGo) {
  auto& a = world.enter(alice);
  auto& b = bob.invite("sip:team@parley");
  auto& desk = world.registered(world.phone("alice"));
  auto& a2 = desk.invite("sip:team@parley");
  ASSERT_EQ(a2.status(), 200);
  EXPECT_EQ(refer(b, "alice@parley;method=BYE"), 403);       // not his to remove
  EXPECT_EQ(refer(b, "nobody@parley;method=BYE"), 404);
  ASSERT_EQ(refer(a, "alice@parley;method=BYE"), 202);       // all of hers, the one that asks when it has been told
  EXPECT_TRUE(a2.ended);
  EXPECT_FALSE(a.ended);
  EXPECT_EQ(told(a).back(), "200");
  world.advance(3s);
  EXPECT_TRUE(a.ended);
  EXPECT_EQ(members(), 1u);
  auto& call = alice.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  EXPECT_EQ(refer(call, "bob@parley;method=BYE"), 403);      // of rooms alone
}

// RFC 3891 3: of a conference too.
TEST_F(RoomReferTest, AnInviteTakesAParticipantsPlace) {
  auto& a = world.enter(alice);
  auto& v = world.enter(visitor);
  EXPECT_EQ(world.page("stranger").invite("sip:team@parley", {.headers = replaces(a)}).status(), 403);   // guests don't
  auto& b = bob.invite("sip:team@parley", {.headers = "Require: replaces\r\n" + replaces(a)});
  ASSERT_EQ(b.status(), 200);
  EXPECT_TRUE(a.ended);
  EXPECT_EQ(a.received(sip::Method::kBye).size(), 1u);
  EXPECT_EQ(members(), 2u);
  EXPECT_NE(b.participant(), a.participant());    // it is another one
  EXPECT_NE(b.token(), a.token());
  ASSERT_EQ(v.events("ConfbridgeJoin").size(), 1u);
  EXPECT_EQ(v.events("ConfbridgeJoin")[0]["channels"][0]["caller"]["number"], "bob");
  ASSERT_EQ(v.events("ConfbridgeLeave").size(), 1u);
  EXPECT_EQ(v.events("ConfbridgeLeave")[0]["channels"][0]["id"], a.participant());
  EXPECT_EQ(v.events("ConfbridgeLeave")[0]["channels"][0]["reason"], "left");
  EXPECT_TRUE(hears(v, b, "hello"));
  EXPECT_TRUE(hears(b, v, "hello too"));
  EXPECT_FALSE(world.pbx.presence().in_call("alice"));
  EXPECT_EQ(carol.invite("sip:team@parley", {.headers = replaces(a)}).status(), 481);
  b.bye();
  v.bye();
  expect_nothing_left();
}

TEST_F(RoomReferTest, InAFullRoomToo) {
  auto& a = alice.invite("sip:small@parley");
  auto& v = visitor.invite("sip:small@parley");
  ASSERT_EQ(v.status(), 200);
  EXPECT_EQ(bob.invite("sip:small@parley").status(), 486);
  auto& b = bob.invite("sip:small@parley", {.headers = replaces(a)});
  ASSERT_EQ(b.status(), 200);
  EXPECT_TRUE(a.ended);
  EXPECT_TRUE(hears(v, b, "hello"));
}

TEST_F(RoomReferTest, OfTwoWhoWantAPlaceOneGetsIt) {
  auto& a = world.enter(alice);
  auto& b = bob.invite("sip:team@parley", {.headers = replaces(a), .no_ack = true});
  ASSERT_EQ(b.status(), 200);
  EXPECT_FALSE(a.ended);                          // until it is there
  EXPECT_EQ(carol.invite("sip:team@parley", {.headers = replaces(a)}).status(), 491);
  a.bye();                                        // then it comes in as any other
  b.ack();
  world.settle();
  EXPECT_EQ(members(), 1u);
  b.bye();
  expect_nothing_left();
}

TEST_F(RoomReferTest, AClientTakesNoPlaceInARoomThatItMayNotCall) {
  auto& a = world.enter(alice);
  auto& in_call = alice.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  const auto client = *world.pbx.webphone().connect({.line = "Rooms", .display_name = "Ann"});
  auto& page = world.page(client->number, "Ann");
  page.password = client->secret;
  ASSERT_EQ(page.register_contact()->status(), 200);
  EXPECT_EQ(page.invite("sip:bob@parley", {.headers = replaces(in_call)}).status(), 403);
  EXPECT_EQ(page.invite("sip:team@parley", {.headers = replaces(a)}).status(), 200);   // rooms it may
}

}  // namespace
