// A call goes on to the next address of its trunk when one is dead or has no room (RFC 3263 section 4.3).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config(const std::string& transport) {
  pbx::PbxConfig c;
  c.dial_plan.rules = {{.name = "out", .pattern = R"(0(?P<n>[0-9]+))", .to = "trunk:Provider", .number = "+49{n}"}};
  c.trunks = {{.name = "Provider", .server = "sip.provider.example", .transport = transport}};
  c.resolve = [](const std::string&, sip::Transport, std::function<void(std::vector<base::SocketAddress>)> done) {
    done({*base::SocketAddress::parse("192.0.2.2", 5060), *base::SocketAddress::parse("192.0.2.3", 5060)});
  };
  c.requests_per_second = 0;
  return c;
}

struct TrunkFailoverTest : testing::Test {
  explicit TrunkFailoverTest(const std::string& transport = "udp")
      : world(config(transport)), kind(transport == "tcp" ? sip::Transport::kTcp : sip::Transport::kUdp) {}
  PbxWorld world;
  const sip::Transport kind;
  Client& one = world.phone("provider", "", kind);            // 192.0.2.2
  Client& two = world.phone("provider", "", kind);            // 192.0.2.3
  Client& alice = world.registered(world.phone("alice"));
  Client& bob = world.registered(world.phone("bob"));

  void expect_nothing_left() {
    world.advance(2min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
    EXPECT_EQ(world.pbx.trunks().status().at(0).calls, 0u);
  }
};

// RFC 3263 4.3
TEST_F(TrunkFailoverTest, WhoSaysNothingForFourSecondsIsPassedOver) {
  one.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(3900ms);
  EXPECT_EQ(two.incoming.size(), 0u);
  world.advance(200ms);
  ASSERT_EQ(two.incoming.size(), 1u);
  EXPECT_EQ(a.status(), 0);
  EXPECT_EQ(two.incoming.back()->invite->request_uri_text(), "sip:+4930555@sip.provider.example");
  EXPECT_EQ(world.pbx.trunks().status().at(0).calls, 1u);
  two.incoming.back()->ring();
  EXPECT_TRUE(a.provisional(180));
  two.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  world.advance(40s);                                         // timer B of the first one's
  EXPECT_FALSE(a.ended);
  a.bye();
  EXPECT_TRUE(two.incoming.back()->ended);
  expect_nothing_left();
}

TEST_F(TrunkFailoverTest, TheNextCallBeginsWithTheOneThatAnswers) {
  one.deaf = true;
  alice.invite("sip:030555@parley");
  world.advance(5s);
  one.deaf = false;
  bob.invite("sip:030556@parley");
  EXPECT_EQ(two.incoming.size(), 2u);
  EXPECT_EQ(one.incoming.size(), 0u);
}

// RFC 3263 4.3, RFC 3261 21.5.4
TEST_F(TrunkFailoverTest, WhoHasNoRoomIsPassedOverAtOnce) {
  auto& a = alice.invite("sip:030555@parley");
  ASSERT_EQ(one.incoming.size(), 1u);
  one.incoming.back()->refuse(503);
  ASSERT_EQ(two.incoming.size(), 1u);
  two.incoming.back()->refuse(503);                           // nobody is left: that is what the caller hears
  EXPECT_EQ(a.status(), 503);
  EXPECT_EQ(one.incoming.size(), 1u);
  expect_nothing_left();
}

TEST_F(TrunkFailoverTest, AnyOtherRefusalHolds) {
  auto& a = alice.invite("sip:030555@parley");
  one.incoming.back()->refuse(486);
  EXPECT_EQ(a.status(), 486);
  EXPECT_EQ(two.incoming.size(), 0u);
  expect_nothing_left();
}

TEST_F(TrunkFailoverTest, WhoRingsHasTimeToAnswer) {
  auto& a = alice.invite("sip:030555@parley");
  one.incoming.back()->ring();
  world.advance(30s);
  EXPECT_EQ(two.incoming.size(), 0u);
  one.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  world.advance(10s);
  EXPECT_FALSE(a.ended);
}

// RFC 3261 9.1
TEST_F(TrunkFailoverTest, WhoRingsTooLateIsCancelled) {
  one.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(5s);
  ASSERT_EQ(two.incoming.size(), 1u);
  one.deaf = false;
  world.advance(4s);                                          // the INVITE is sent there till timer B
  ASSERT_EQ(one.incoming.size(), 1u);
  EXPECT_FALSE(one.incoming.back()->cancelled);
  one.incoming.back()->ring();
  EXPECT_TRUE(one.incoming.back()->cancelled);
  two.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  a.bye();
  expect_nothing_left();
}

// RFC 3261 13.2.2.4
TEST_F(TrunkFailoverTest, WhoAnswersTooLateIsHungUpOn) {
  one.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(5s);
  two.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  one.deaf = false;
  world.advance(4s);
  ASSERT_EQ(one.incoming.size(), 1u);
  one.incoming.back()->answer();
  EXPECT_TRUE(one.incoming.back()->ended);
  EXPECT_FALSE(a.ended);
  EXPECT_FALSE(two.incoming.back()->ended);
  a.bye();
  expect_nothing_left();
}

TEST_F(TrunkFailoverTest, NobodyIsCalledForACallerWhoGaveUp) {
  one.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(2s);
  a.cancel();
  EXPECT_EQ(a.status(), 487);
  world.advance(10s);
  EXPECT_EQ(two.incoming.size(), 0u);
  expect_nothing_left();
}

// RFC 3261 17.1.1.2: the last address has timer B
TEST_F(TrunkFailoverTest, WhenAllAreDeadTheCallerIsTold) {
  one.deaf = two.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(35s);
  EXPECT_EQ(a.status(), 0);
  world.advance(2s);
  EXPECT_EQ(a.status(), 480);
  expect_nothing_left();
}

TEST_F(TrunkFailoverTest, ATransferGoesOnToo) {
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  one.deaf = true;
  auto& b = *bob.incoming.back();
  EXPECT_EQ(b.request("REFER", "Contact: " + bob.contact() + "\r\nRefer-To: <sip:030555@parley>\r\n"), 202);
  world.advance(5s);
  ASSERT_EQ(two.incoming.size(), 1u);
  two.incoming.back()->answer();
  world.advance(1s);
  EXPECT_TRUE(b.ended || std::string(b.received(sip::Method::kNotify).back()->message->body()).find("200") != std::string::npos);
  EXPECT_FALSE(a.ended);
  a.bye();
  EXPECT_TRUE(two.incoming.back()->ended);
}

struct TrunkFailoverTcpTest : TrunkFailoverTest {
  TrunkFailoverTcpTest() : TrunkFailoverTest("tcp") {}
};

// RFC 3261 8.1.3.1: no connection counts as 503
TEST_F(TrunkFailoverTcpTest, WhereNobodyListensIsPassedOverAtOnce) {
  one.source = world.new_source(kind);                        // gone from its address
  auto& a = alice.invite("sip:030555@parley");
  ASSERT_EQ(two.incoming.size(), 1u);
  two.incoming.back()->answer();
  EXPECT_EQ(a.status(), 200);
  a.bye();
  expect_nothing_left();
}

}  // namespace
