// MESSAGE inside a call: what the sender is told (spec A.1) and what the others get (A.2, B.1, B.2).
#include "support/room_world.hpp"

namespace {

using namespace test_support;

struct MessageTest : testing::Test {
  RoomWorld world;
  Client& alice = world.page("alice", "Alice");
  Client& bob = world.page("bob", "Bob");
  Client& carol = world.phone("carol", "Carol");
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;
  ClientCall* c = nullptr;

  void SetUp() override {
    for (auto* client : {&alice, &bob}) client->audio_only = true;
    a = &world.enter(alice, {.headers = "X-None: 1\r\n"});
    b = &world.enter(bob, {.headers = "X-None: 1\r\n"});
    c = &world.enter(carol, {.headers = "X-None: 1\r\n"});
    ASSERT_EQ(a->status(), 200);
    ASSERT_EQ(b->status(), 200);
    ASSERT_EQ(c->status(), 200);
  }
};

TEST_F(MessageTest, IsAccepted202AndReachesEveryOther) {
  EXPECT_EQ(a->message("text/plain", "hello"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"hello"});
  EXPECT_EQ(c->texts(), std::vector<std::string>{"hello"});
  EXPECT_TRUE(a->texts().empty());
}

}  // namespace
