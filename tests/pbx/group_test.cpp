// Groups: all members ring at once, or one after the other.
#include "support/memory_message_store.hpp"
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

struct GroupTest : testing::Test {
  static pbx::PbxConfig config(store::MessageStore* store) {
    pbx::PbxConfig c;
    c.groups = {{.name = "All", .members = {"bob", "carol", "alice", "nobody"}},
                {.name = "InOrder", .members = {"bob", "nobody", "carol"}, .strategy = pbx::GroupConfig::Strategy::kInOrder, .ring_time = 10s},
                {.name = "Nobody", .members = {"nobody", "alice"}}};
    c.rooms.store = store;
    c.requests_per_second = 0;
    return c;
  }
  test::MemoryMessageStore store;
  PbxWorld world{config(&store)};
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  Client& carol = world.registered(world.phone("carol", "Carol"));

  void expect_nothing_left() {
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

TEST_F(GroupTest, AllRingAndTheFirstToAnswerHasIt) {
  auto& a = alice.invite("sip:all@parley");
  ASSERT_EQ(bob.incoming.size(), 1u);
  ASSERT_EQ(carol.incoming.size(), 1u);
  EXPECT_TRUE(alice.incoming.empty());             // who calls is not rung
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "All");
  for (auto* client : {&bob, &carol}) client->incoming.back()->ring();
  EXPECT_TRUE(a.provisional(180));
  carol.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  EXPECT_TRUE(bob.incoming.back()->cancelled);
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "carol");
  EXPECT_EQ(world.pbx.list_calls().at(0).dialled, "All");
  a.bye();
  ASSERT_EQ(store.calls.size(), 1u);
  EXPECT_EQ(store.calls[0].to_uri, "sip:All@parley");
  EXPECT_EQ(store.calls[0].legs.at(1).account, "carol");
  expect_nothing_left();
}

TEST_F(GroupTest, InOrderTheNextOneRingsWhenTheFirstDoesNotAnswer) {
  auto& a = alice.invite("sip:inorder@parley");
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_TRUE(carol.incoming.empty());
  bob.incoming.back()->ring();
  world.advance(9s);
  EXPECT_TRUE(carol.incoming.empty());
  world.advance(2s);
  EXPECT_TRUE(bob.incoming.back()->cancelled);
  ASSERT_EQ(carol.incoming.size(), 1u);
  EXPECT_EQ(a.status(), 0);
  carol.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  world.advance(1min);
  EXPECT_EQ(world.pbx.calls(), 1u);
}

TEST_F(GroupTest, WhoRefusesIsPassedAtOnceAndTheBestRefusalIsTold) {
  auto& a = alice.invite("sip:inorder@parley");
  bob.incoming.back()->refuse(486);
  ASSERT_EQ(carol.incoming.size(), 1u);
  carol.incoming.back()->ring();
  world.advance(11s);
  EXPECT_EQ(a.status(), 486);
  expect_nothing_left();
}

TEST_F(GroupTest, TheCallerMayGiveUpBetweenTwo) {
  auto& a = alice.invite("sip:inorder@parley");
  bob.incoming.back()->ring();
  a.cancel();
  EXPECT_TRUE(bob.incoming.back()->cancelled);
  EXPECT_TRUE(carol.incoming.empty());
  EXPECT_EQ(a.status(), 487);
  expect_nothing_left();
}

TEST_F(GroupTest, HungUpFromOutsideTheNextOneIsNotRung) {
  auto& a = alice.invite("sip:inorder@parley");
  EXPECT_TRUE(world.pbx.hang_up(world.pbx.list_calls().at(0).id));
  world.settle();
  EXPECT_TRUE(carol.incoming.empty());
  EXPECT_GE(a.status(), 400);
  expect_nothing_left();
}

// RFC 3261 21.4.18
TEST_F(GroupTest, NobodyThereIs480) {
  EXPECT_EQ(alice.invite("sip:nobody@parley").status(), 480);
  expect_nothing_left();
}

TEST_F(GroupTest, AMemberForwardsAndTheOthersRingOn) {
  auto& dave = world.phone("dave");
  world.accounts.put(PbxWorld::account("dave", "Dave"));
  world.registered(dave);
  auto& a = alice.invite("sip:all@parley");
  auto& b = *bob.incoming.back();
  carol.incoming.back()->ring();
  auto text = sip::start_response(*b.invite, bob.source, 302, b.local_tag).finish("", "");
  text.insert(text.find("\r\n") + 2, "Contact: <sip:dave@parley>\r\n");
  bob.write(text);
  world.settle();
  ASSERT_EQ(dave.incoming.size(), 1u);
  EXPECT_FALSE(carol.incoming.back()->cancelled);
  dave.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  EXPECT_TRUE(carol.incoming.back()->cancelled);
}

TEST_F(GroupTest, ATransferToAGroupRingsItInOrder) {
  auto& a = alice.invite("sip:carol@parley");
  carol.incoming.back()->answer();
  ASSERT_EQ(a.request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <sip:inorder@parley>\r\n"), 202);
  ASSERT_EQ(bob.incoming.size(), 1u);
  bob.incoming.back()->answer();
  EXPECT_EQ(bob.incoming.back()->message("text/plain", "hello"), 202);
  EXPECT_EQ(carol.incoming.back()->texts(), std::vector<std::string>{"hello"});
}

TEST_F(GroupTest, AProgramRingsAGroupForSomebody) {
  ASSERT_TRUE(world.pbx.originate("inorder", "alice"));
  world.settle();
  bob.incoming.back()->refuse(603);
  ASSERT_EQ(carol.incoming.size(), 1u);
  carol.incoming.back()->answer();
  ASSERT_EQ(alice.incoming.size(), 1u);
  EXPECT_EQ(alice.incoming.back()->invite->from().uri_text, "sip:carol@parley");
  alice.incoming.back()->answer();
  EXPECT_EQ(world.pbx.list_calls().at(0).from.number, "carol");
  carol.incoming.back()->bye();
  expect_nothing_left();
}

}  // namespace
