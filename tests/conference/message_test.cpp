// MESSAGE inside a call: what its sender is told (spec A.1).
#include "support/room_world.hpp"

namespace {

using namespace test_support;

const Invite kNoEvents{.headers = "X-None: 1\r\n"};

struct MessageTest : testing::Test {
  explicit MessageTest(bridge::MessagePolicy policy = {}) : world({}, policy) {}
  RoomWorld world;
  Client& alice = world.page("alice", "Alice");
  Client& bob = world.page("bob", "Bob");
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;

  void SetUp() override {
    alice.audio_only = bob.audio_only = true;
    a = &world.enter(alice, kNoEvents);
    b = &world.enter(bob, kNoEvents);
    ASSERT_EQ(a->status(), 200);
    ASSERT_EQ(b->status(), 200);
  }
};

TEST_F(MessageTest, IsAnswered202AndReachesEveryOtherOnce) {
  auto& c = world.enter(world.phone("carol"), kNoEvents);
  EXPECT_EQ(a->message("text/plain", "hello"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"hello"});
  EXPECT_EQ(c.texts(), std::vector<std::string>{"hello"});
  EXPECT_TRUE(a->texts().empty());
}

// RFC 3261 12.2.2
TEST_F(MessageTest, WithoutItsDialogIs481) {
  a->remote_tag = "guessed";
  EXPECT_EQ(a->message("text/plain", "hello"), 481);
  EXPECT_TRUE(b->texts().empty());
}

TEST_F(MessageTest, WithoutABodyIs415WithAccept) {
  EXPECT_EQ(a->request("MESSAGE"), 415);
  EXPECT_EQ(a->last->value(sip::HeaderId::kAccept), "text/*, application/*, message/*");
  EXPECT_EQ(a->message("text/plain", ""), 415);
  EXPECT_FALSE(a->last->value(sip::HeaderId::kAccept).empty());
  EXPECT_TRUE(b->messages().empty());
}

// RFC 3261 8.2.3
TEST_F(MessageTest, OfATypeOutsideTheListIs415WithAccept) {
  for (const auto* type : {"image/png", "multipart/mixed;boundary=x", "text", "/plain", "text/", "textual/plain"}) {
    EXPECT_EQ(a->message(type, "x"), 415) << type;
    EXPECT_FALSE(a->last->value(sip::HeaderId::kAccept).empty());
  }
  EXPECT_EQ(a->request("MESSAGE", {}, {}, "no type"), 415);
  EXPECT_TRUE(b->messages().empty());
}

TEST_F(MessageTest, TypesAreComparedWithoutCase) {
  EXPECT_EQ(a->message("TEXT/Plain", "1"), 202);
  EXPECT_EQ(a->message("Application/X-Chat+JSON; v=2", "{}"), 202);
  EXPECT_EQ(a->message("message/cpim", "x"), 202);
  EXPECT_EQ(b->messages().size(), 3u);
}

// RFC 3261 21.4.13
TEST_F(MessageTest, WithAContentEncodingIs415) {
  EXPECT_EQ(a->message("text/plain", "x", "Content-Encoding: gzip\r\n"), 415);
  EXPECT_TRUE(b->messages().empty());
  EXPECT_EQ(a->message("text/plain", "x", "Content-Encoding: identity\r\n"), 202);
}

TEST_F(MessageTest, OverTheLimitIs413AndAtTheLimitIsRelayed) {
  EXPECT_EQ(a->message("text/plain", std::string(64 * 1024 + 1, 'x')), 413);
  EXPECT_TRUE(b->texts().empty());
  EXPECT_EQ(a->message("text/plain", std::string(64 * 1024, 'x')), 202);
  ASSERT_EQ(b->texts().size(), 1u);
  EXPECT_EQ(b->texts()[0].size(), 64u * 1024);
}

struct MessageRateTest : MessageTest {
  MessageRateTest() : MessageTest({.rate = 2, .burst = 3}) {}
};

// RFC 3261 20.33
TEST_F(MessageRateTest, SurvivalItem7OverTheRateIs503WithRetryAfterForTheSenderAlone) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(a->message("text/plain", "x"), 202);
  EXPECT_EQ(a->message("text/plain", "too much"), 503);
  EXPECT_EQ(a->last->value(sip::HeaderId::kRetryAfter), "1");
  EXPECT_EQ(b->message("text/plain", "mine"), 202);
  world.advance(1s);
  EXPECT_EQ(a->message("text/plain", "again"), 202);
  EXPECT_EQ(b->texts(), (std::vector<std::string>{"x", "x", "x", "again"}));
}

// JsSIP tells its page of the 200 before it sends the ACK: what the page writes then comes first.
TEST_F(MessageTest, BeforeTheAckOfTheSendersInviteIsTakenAndTheAckChangesNothing) {
  auto& carol = world.page("carol");
  carol.audio_only = true;
  auto& call = carol.calls.emplace_back(carol);
  call.sends_ack = false;
  call.local_uri = carol.uri();
  call.remote_uri = call.target = "sip:team@parley";
  call.call_id = "early";
  call.local_tag = "early-tag";
  call.description = carol.own_offer();
  call.invite_cseq = 1;
  call.invite_text = call.text_of("INVITE", "Contact: " + carol.contact() + "\r\n", "application/sdp", call.description);
  call.invite_text.replace(call.invite_text.find(";tag=\r\n"), 5, "");
  carol.write(call.invite_text);
  world.settle();
  ASSERT_EQ(call.status(), 200);
  EXPECT_EQ(call.message("text/plain", "hello?"), 202);
  call.ack();
  world.settle();
  EXPECT_EQ(call.message("text/plain", "hello!"), 202);
  EXPECT_EQ(b->texts(), (std::vector<std::string>{"hello?", "hello!"}));
}

// RFC 3261 17.2.2
TEST_F(MessageTest, ARetransmittedMessageIsRelayedOnce) {
  auto& carol = world.phone("carol");
  auto& c = world.enter(carol, kNoEvents);
  const auto text = c.text_of("MESSAGE", {}, "text/plain", "once");
  for (int i = 0; i < 3; ++i) {
    carol.write(text);
    world.advance(500ms);
    ASSERT_TRUE(c.last);
    EXPECT_EQ(c.last->status(), 202);
  }
  EXPECT_EQ(a->texts(), std::vector<std::string>{"once"});
}

TEST_F(MessageTest, AMessageOfALiveDialogIsNever408Or481) {
  // Bob never answers his copies; carol says that hers is gone. Alice sees nothing of either.
  bob.message_status = [](const sip::Message&) { return 0; };
  auto& carol = world.phone("carol");
  auto& c = world.enter(carol, kNoEvents);
  carol.message_status = [](const sip::Message&) { return 481; };
  EXPECT_EQ(a->message("text/plain", "one"), 202);
  world.advance(33s);
  EXPECT_EQ(a->message("text/plain", "two"), 202);
  EXPECT_EQ(world.leg_of(c), nullptr);      // RFC 5057: 481 ended that leg
  EXPECT_NE(world.leg_of(*b), nullptr);     // a timeout alone does not
  EXPECT_EQ(b->texts(), (std::vector<std::string>{"one", "two"}));
}

// RFC 3261 12.2.2
TEST_F(MessageTest, SurvivalItem4AnOldCSeqIsRefusedAndNotRelayed) {
  EXPECT_EQ(a->message("text/plain", "new"), 202);
  a->cseq -= 2;
  EXPECT_EQ(a->message("text/plain", "old"), 500);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"new"});
}

TEST_F(MessageTest, SurvivalItem22NobodyReadsAnotherRoom) {
  auto& mallory = world.page("mallory");
  mallory.audio_only = true;
  auto& m = mallory.invite("sip:other@parley", kNoEvents);
  ASSERT_EQ(m.status(), 200);
  EXPECT_EQ(a->message("text/plain", "ours"), 202);
  EXPECT_TRUE(m.messages().empty());
  EXPECT_EQ(m.message("text/plain", "theirs"), 202);
  EXPECT_TRUE(a->messages().empty());
}

TEST_F(MessageTest, OtherRequestsInTheCallAreAnswered) {
  EXPECT_EQ(a->request("OPTIONS"), 200);
  EXPECT_EQ(a->request("INFO", {}, "application/dtmf-relay", "Signal=1\r\n"), 200);
  EXPECT_EQ(a->request("REFER", "Refer-To: <sip:x@y>\r\n"), 403);
  EXPECT_EQ(a->request("SUBSCRIBE", "Event: conference\r\n"), 405);
  EXPECT_FALSE(a->last->value(sip::HeaderId::kAllow).empty());
  EXPECT_EQ(a->request("NONSENSE"), 501);
  EXPECT_NE(world.leg_of(*a), nullptr);
}

}  // namespace
