// What ends when an account is deleted or its password changes.
#include "support/memory_message_store.hpp"
#include "support/subscriber.hpp"

namespace {

using namespace test_support;

struct RevokeTest : testing::Test {
  test::MemoryMessageStore store;
  PbxWorld world{[this] {
    pbx::PbxConfig c;
    c.queues = {{.name = "support", .agents = {"alice"}}};
    c.supervisors = {"carol"};
    c.rooms.store = &store;
    c.requests_per_second = 0;
    return c;
  }()};
  std::vector<std::uint64_t> closed;
  RevokeTest() {
    world.pbx.on_close_flow([this](std::uint64_t flow) { closed.push_back(flow); });
  }
  static std::string state(const ClientCall& call) { return call.received(sip::Method::kNotify).empty() ? "" : subscription_state(call); }
  std::size_t bindings(const std::string& account) { return world.pbx.registrar().find(account, world.timeline.now()).size(); }
  static pbx::Account changed(const std::string& name) { return {name, "", sip::StoredHashes::make(name, "parley", "another")}; }
};

TEST_F(RevokeTest, ADeletedAccountsContactsAndSubscriptionsEnd) {
  auto& alice = world.registered(world.phone("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& presence = subscribe(alice, "bob", "presence");
  auto& lamps = subscribe(alice, "bob", "dialog");
  auto& feed = subscribe(alice, "alice", "parley-sessions");
  auto& of_alice = subscribe(bob, "alice", "presence");
  auto& of_carol = subscribe(bob, "carol", "presence");
  for (const auto* one : {&presence, &lamps, &feed, &of_alice, &of_carol}) ASSERT_EQ(status(*one), 200);
  world.pbx.remove_account("alice");
  world.settle();
  EXPECT_EQ(bindings("alice"), 0u);
  EXPECT_EQ(bindings("bob"), 1u);
  for (const auto* one : {&presence, &lamps, &feed}) EXPECT_EQ(state(*one), "terminated;reason=rejected");
  EXPECT_NE(notified(of_alice).at(1).find("<basic>closed</basic>"), std::string::npos);
  EXPECT_EQ(state(of_alice), "terminated;reason=noresource");
  EXPECT_EQ(state(of_carol).substr(0, 6), "active");
  EXPECT_EQ(refresh(presence, "presence", 600), 481);
  EXPECT_EQ(alice.register_contact()->status(), 401);
}

TEST_F(RevokeTest, AnotherPasswordEndsWhatTheOldOneAllowedAndTheNewOneBeginsAnew) {
  auto& alice = world.registered(world.phone("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& own = subscribe(alice, "bob", "presence");
  auto& other = subscribe(bob, "alice", "presence");
  world.pbx.put_account(changed("alice"));
  world.settle();
  EXPECT_EQ(bindings("alice"), 0u);
  EXPECT_EQ(state(own), "terminated;reason=deactivated");
  EXPECT_EQ(state(other).substr(0, 6), "active");        // the account is still there
  EXPECT_NE(notified(other).back().find("<basic>closed</basic>"), std::string::npos);
  EXPECT_EQ(alice.register_contact()->status(), 401);
  alice.password = "another";
  EXPECT_EQ(alice.register_contact()->status(), 200);
  EXPECT_EQ(status(subscribe(alice, "bob", "presence")), 200);
}

TEST_F(RevokeTest, ASnapshotRevokesWhoHasChangedInItAlone) {
  world.registered(world.phone("alice"));
  world.registered(world.phone("bob"));
  world.registered(world.phone("carol"));
  world.pbx.set_accounts({changed("alice"), PbxWorld::account("bob", "Robert")}, world.accounts.changes());
  world.settle();
  EXPECT_EQ(bindings("alice"), 0u);
  EXPECT_EQ(bindings("bob"), 1u);      // another display name only
  EXPECT_EQ(bindings("carol"), 0u);
  EXPECT_EQ(world.accounts.find("bob")->display_name, "Robert");
}

// A snapshot that was read before the API's change, and comes after it.
TEST_F(RevokeTest, AnOldSnapshotTakesNothingBack) {
  const auto as_of = world.accounts.changes();
  const std::vector<pbx::Account> old{PbxWorld::account("alice", ""), PbxWorld::account("bob", ""), PbxWorld::account("carol", "")};
  world.pbx.put_account(changed("alice"));
  world.pbx.put_account(changed("dave"));
  world.pbx.remove_account("carol");
  auto& alice = world.phone("alice");
  alice.password = "another";
  ASSERT_EQ(alice.register_contact()->status(), 200);
  world.pbx.set_accounts(old, as_of);
  EXPECT_EQ(bindings("alice"), 1u);
  EXPECT_TRUE(world.accounts.find("dave"));
  EXPECT_FALSE(world.accounts.find("carol"));
  world.pbx.set_accounts({changed("alice")}, world.accounts.changes());   // the next one has them all
  EXPECT_EQ(bindings("alice"), 1u);
  EXPECT_FALSE(world.accounts.find("dave"));
}

TEST_F(RevokeTest, APageLosesItsSecretAndItsConnection) {
  auto& page = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  const auto credentials = "alice." + world.pbx.webphone().find("alice")->secret;
  auto& roster = subscribe(page, "alice", "parley-roster");
  ASSERT_EQ(status(roster), 200);
  ASSERT_TRUE(world.pbx.find_bearer(credentials, page.source.remote));
  world.pbx.put_account(changed("alice"));
  world.settle();
  EXPECT_FALSE(world.pbx.find_bearer(credentials, page.source.remote));
  EXPECT_EQ(state(roster), "terminated;reason=noresource");
  EXPECT_TRUE(closed.empty());          // the last NOTIFY is on its way
  world.advance(3s);
  EXPECT_EQ(closed, std::vector<std::uint64_t>{page.source.flow});
}

TEST_F(RevokeTest, APageThatHasTheNewPasswordInTimeStaysConnected) {
  auto& page = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  world.pbx.put_account(changed("alice"));
  page.password = "another";
  ASSERT_EQ(page.register_contact()->status(), 200);
  world.advance(3s);
  EXPECT_TRUE(closed.empty());
}

TEST_F(RevokeTest, CallsGoOnButLeadNowhereNewAndListeningEnds) {
  auto& alice = world.page("alice");
  world.registered(alice);
  auto& bob = world.registered(world.phone("bob"));
  auto& carol = webphone(world, "", {.line = "carol", .password = "secret of carol"});
  auto& call = alice.invite("sip:bob@parley", {});
  bob.incoming.back()->answer();
  world.settle();
  ASSERT_TRUE(world.pbx.act_on_call(world.pbx.list_calls().at(0).id, {.kind = pbx::SessionAction::Kind::kListen, .number = "carol"}));
  world.settle();
  carol.incoming.back()->answer();
  world.settle();
  world.pbx.set_accounts({PbxWorld::account("bob", "")}, world.accounts.changes());
  world.advance(3s);
  EXPECT_TRUE(carol.incoming.back()->ended);
  EXPECT_FALSE(call.ended);
  EXPECT_EQ(world.pbx.list_calls().size(), 1u);
  EXPECT_EQ(closed, std::vector<std::uint64_t>{carol.source.flow});   // not the one that the call stands on
  EXPECT_EQ(world.pbx.find_target({.participant = {}, .account = "alice", .display_name = {}, .number = "alice", .resume_token = {}}, "bob").status, 403);
  EXPECT_EQ(call.message("text/plain", "still here"), 202);
}

TEST_F(RevokeTest, WhatWaitsForADeletedAccountIsNotGivenToTheNextOfThatName) {
  auto& bob = world.registered(world.phone("bob"));
  for (int i = 0; i < 45; ++i) ASSERT_EQ(bob.request("MESSAGE", "sip:alice@parley", {}, "text/plain", "for the old one")->status(), 202);
  world.pbx.put_account(changed("alice"));               // the same person
  world.settle();
  EXPECT_EQ(store.offline.size(), 45u);
  world.pbx.remove_account("alice");
  world.settle();
  EXPECT_TRUE(store.offline.empty());
  world.pbx.put_account(changed("alice"));
  auto& alice = world.phone("alice");
  alice.password = "another";
  ASSERT_EQ(alice.register_contact()->status(), 200);
  world.settle();
  EXPECT_TRUE(alice.pages.empty());
}

TEST_F(RevokeTest, WhatWasPublishedIsGone) {
  auto& alice = world.registered(world.phone("alice"));
  auto& bob = world.registered(world.phone("bob"));
  auto& watch = subscribe(bob, "alice", "presence");
  const std::string pidf = "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:x@y\"><tuple id=\"a\"><status>"
                           "<basic>open</basic></status><note>by the old one</note></tuple></presence>";
  ASSERT_EQ(alice.request("PUBLISH", "sip:alice@parley", "Event: presence\r\n", "application/pidf+xml", pidf)->status(), 200);
  EXPECT_NE(notified(watch).back().find("by the old one"), std::string::npos);
  world.pbx.put_account(changed("alice"));
  world.settle();
  EXPECT_EQ(notified(watch).back().find("by the old one"), std::string::npos);
}

}  // namespace
