// What is dialled goes where the dial plan says, for whoever dials it: rooms, accounts, refusals, and nobody where he may not.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig with_rules(std::vector<pbx::DialRuleConfig> rules) {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1", .default_target = "sales"}};
  c.groups = {{.name = "Sales", .members = {"bob"}}};
  c.dial_plan.rules = std::move(rules);
  c.guests_create_rooms = false;
  c.requests_per_second = 0;
  return c;
}

struct DialRouteTest : testing::Test {
  DialRouteTest()
      : world(with_rules({{.name = "short", .pattern = "1", .to = "account:bob"},
                          {.name = "hall", .pattern = "9(?P<n>[0-9])", .to = "room:hall{n}"},
                          {.name = "nobody", .pattern = "4.*", .to = "refuse:410 Moved Away"},
                          {.name = "missing", .pattern = "5", .to = "account:nobody"}})) {}
  PbxWorld world;
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));

  Client& visitor(pbx::LineConfig line = {.name = "Webphone1"}) {
    const auto client = *world.pbx.webphone().connect({.line = line.name, .display_name = "Ann"});
    auto& page = world.page(client->number, "Ann");
    page.password = client->secret;
    EXPECT_EQ(page.register_contact()->status(), 200);
    return page;
  }
};

TEST_F(DialRouteTest, ARuleLeadsToAnAccount) {
  auto& a = alice.invite("sip:1@parley");
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming.back()->invite->to().uri_text, "sip:bob@parley");
  bob.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
}

TEST_F(DialRouteTest, ARuleMakesTheRoomThatItNamesForGuestsToo) {
  EXPECT_EQ(world.page("visitor").invite("sip:somewhere@parley").status(), 404);
  EXPECT_EQ(world.page("visitor").invite("sip:97@parley").status(), 200);
  EXPECT_NE(world.pbx.rooms().find("hall7"), nullptr);
}

// RFC 3261 21.4.11
TEST_F(DialRouteTest, ARefusalHasItsCodeAndReason) {
  auto& a = alice.invite("sip:42@parley");
  EXPECT_EQ(a.status(), 410);
  EXPECT_EQ(a.response->reason(), "Moved Away");
  EXPECT_EQ(alice.invite("sip:5@parley").status(), 404);
}

TEST_F(DialRouteTest, AClientsCallWithoutANumberGoesWhereItsLineSays) {
  auto& page = visitor();
  auto& a = page.invite("sip:_default@parley");
  ASSERT_EQ(bob.incoming.size(), 1u);
  bob.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  EXPECT_EQ(alice.invite("sip:_default@parley").status(), 404);
}

TEST_F(DialRouteTest, AClientNeverMakesARoom) {
  EXPECT_EQ(visitor().invite("sip:97@parley").status(), 404);
  EXPECT_EQ(alice.invite("sip:97@parley").status(), 200);
  EXPECT_EQ(visitor().invite("sip:97@parley").status(), 200);
}

TEST_F(DialRouteTest, ForwardsGoByThePlanOfWhoForwards) {
  auto& carol = world.registered(world.phone("carol"));
  auto& a = alice.invite("sip:carol@parley");
  auto text = sip::start_response(*carol.incoming.back()->invite, carol.source, 302, carol.incoming.back()->local_tag).finish("", "");
  text.insert(text.find("\r\n") + 2, "Contact: <sip:1@parley>\r\n");
  carol.write(text);
  world.settle();
  ASSERT_EQ(bob.incoming.size(), 1u);
  bob.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
}

TEST_F(DialRouteTest, ProgramsDialByThePlanAndMakeNoRoomsByMistake) {
  ASSERT_TRUE(world.pbx.originate("alice", "1"));
  world.settle();
  alice.incoming.back()->answer();
  ASSERT_EQ(bob.incoming.size(), 1u);
  bob.incoming.back()->answer();
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "bob");
  const auto none = world.pbx.originate("alice", "nowhere");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, base::ErrorCode::kNotFound);
  EXPECT_FALSE(world.pbx.originate("42", "alice"));
  EXPECT_FALSE(world.pbx.originate("97", "alice"));   // a room can't be rung
}

struct BusyTest : testing::Test {
  static pbx::PbxConfig config() {
    auto c = with_rules({});
    c.call.call_waiting = false;
    return c;
  }
  PbxWorld world{config()};
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
};

// RFC 3261 21.4.22
TEST_F(BusyTest, WithoutCallWaitingWhoIsInACallIsBusy) {
  auto& a = alice.invite("sip:bob@parley");
  EXPECT_EQ(world.page("visitor").invite("sip:bob@parley").status(), 486);   // it rings there already
  bob.incoming.back()->answer();
  EXPECT_EQ(world.page("visitor").invite("sip:bob@parley").status(), 486);
  EXPECT_EQ(world.page("visitor").invite("sip:alice@parley").status(), 486);
  EXPECT_EQ(world.page("visitor").invite("sip:sales@parley").status(), 486);
  a.bye();
  world.advance(1s);
  auto& again = world.page("visitor").invite("sip:bob@parley");
  bob.incoming.back()->answer();
  EXPECT_EQ(again.status(), 200);
}

}  // namespace
