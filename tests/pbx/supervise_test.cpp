// What supervisors and programs do to calls of others.
#include "support/subscriber.hpp"

namespace {

using namespace test_support;
using Kind = pbx::SessionAction::Kind;

const std::string kSecret(40, 'k');

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}, {.name = "Team", .access = pbx::LineConfig::Access::kToken}};
  c.tokens = *pbx::TokenKeys::make(kSecret, {});
  c.queues = {{.name = "support", .agents = {"bob"}}};
  c.supervisors = {"carol"};
  c.requests_per_second = 0;
  return c;
}

struct SuperviseTest : testing::Test {
  PbxWorld world{config()};
  Client& alice = world.registered(world.phone("alice"));
  Client& bob = world.registered(world.phone("bob"));
  Client& carol = webphone(world, "", {.line = "carol", .password = "secret of carol"});

  ClientCall& talk() {
    auto& call = alice.invite("sip:bob@parley", {});
    bob.incoming.back()->answer();
    EXPECT_EQ(call.status(), 200);
    world.settle();
    return call;
  }
  std::string id() { return world.pbx.list_calls().at(0).id; }
  base::ErrorCode act(pbx::SessionAction action, const std::string& by = "carol", std::string call = {}) {
    if (call.empty()) call = id();
    const auto done = world.pbx.supervise(*world.pbx.webphone().find(by), call, action);
    world.settle();
    return done ? base::ErrorCode{} : done.error().code;
  }
  const FakeMediaEngine::Leg& leg(std::size_t index) { return std::next(world.media.legs.begin(), static_cast<std::ptrdiff_t>(index))->second; }
};
constexpr base::ErrorCode kDone{};

TEST_F(SuperviseTest, SurvivalItem22WithoutThePrivilegeNothingIsSaidOrDone) {
  talk();
  webphone(world, "", {.line = "alice", .password = "secret of alice"});
  for (const auto kind : {Kind::kHangUp, Kind::kHold, Kind::kListen, Kind::kTransfer, Kind::kForward, Kind::kDtmf}) {
    EXPECT_EQ(act({.kind = kind, .number = "bob"}, "alice"), base::ErrorCode::kDenied);
    EXPECT_EQ(act({.kind = kind, .number = "bob"}, "alice", "no-such-call"), base::ErrorCode::kDenied);
  }
  EXPECT_EQ(act({.kind = Kind::kHold}, "carol", "no-such-call"), base::ErrorCode::kNotFound);
  EXPECT_EQ(world.pbx.list_calls().size(), 1u);
}

TEST_F(SuperviseTest, BothAreHeldAndHearMusic) {
  talk();
  EXPECT_EQ(act({.kind = Kind::kUnhold}), base::ErrorCode::kConflict);
  EXPECT_EQ(act({.kind = Kind::kHold}), kDone);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_TRUE(leg(i).muted);
    EXPECT_TRUE(leg(i).sounding);
    EXPECT_EQ(leg(i).played.back().kind, bridge::Sound::Kind::kMusic);
  }
  EXPECT_TRUE(world.pbx.list_calls().at(0).held);
  EXPECT_EQ(act({.kind = Kind::kHold}), base::ErrorCode::kConflict);
  EXPECT_EQ(act({.kind = Kind::kUnhold}), kDone);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_FALSE(leg(i).muted);
    EXPECT_FALSE(leg(i).sounding);
  }
}

TEST_F(SuperviseTest, WebphonesSeeTheHold) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& call = ann.invite("sip:" + ben.account + "@parley", {});
  ben.incoming.back()->answer();
  world.settle();
  EXPECT_EQ(act({.kind = Kind::kHold}), kDone);
  EXPECT_EQ(call.texts("application/vnd.parley.call+json"), std::vector<std::string>{R"({"type":"hold"})"});
  EXPECT_EQ(ben.incoming.back()->texts("application/vnd.parley.call+json"), std::vector<std::string>{R"({"type":"hold"})"});
  EXPECT_EQ(act({.kind = Kind::kUnhold}), kDone);
  EXPECT_EQ(call.texts("application/vnd.parley.call+json").back(), R"({"type":"unhold"})");
}

// Browsers throw RFC 4733 events away: pages are told of keys, from the other party and from outside.
TEST_F(SuperviseTest, WebphonesAreToldOfKeys) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& call = ann.invite("sip:" + ben.account + "@parley", {});
  ben.incoming.back()->answer();
  world.settle();
  world.pbx.on_dtmf(world.leg_of(call)->id(), '#');
  EXPECT_EQ(act({.kind = Kind::kDtmf, .number = ann.account, .keys = "1a"}), kDone);
  EXPECT_EQ(ben.incoming.back()->texts("application/vnd.parley.call+json"), std::vector<std::string>{R"({"type":"dtmf","key":"#"})"});
  EXPECT_EQ(call.texts("application/vnd.parley.call+json"), (std::vector<std::string>{R"({"type":"dtmf","key":"1"})", R"({"type":"dtmf","key":"A"})"}));
}

TEST_F(SuperviseTest, KeysGoToTheOneParty) {
  talk();
  EXPECT_EQ(act({.kind = Kind::kDtmf, .number = "bob", .keys = "12#d"}), kDone);
  EXPECT_EQ(leg(1).digits, "12#D");
  EXPECT_EQ(leg(0).digits, "");
  EXPECT_EQ(act({.kind = Kind::kDtmf, .number = "nobody", .keys = "1"}), base::ErrorCode::kNotFound);
  for (const std::string& wrong : {std::string("x"), std::string(), std::string(33, '1'), std::string("1\r\n")}) {
    EXPECT_EQ(act({.kind = Kind::kDtmf, .number = "bob", .keys = wrong}), base::ErrorCode::kMalformed);
  }
}

TEST_F(SuperviseTest, ARingingCallIsForwarded) {
  auto& dave = webphone(world, "Dave");
  auto& call = alice.invite("sip:bob@parley", {});
  EXPECT_EQ(act({.kind = Kind::kForward, .number = "alice"}), base::ErrorCode::kConflict);
  EXPECT_EQ(act({.kind = Kind::kForward, .number = "nobody"}), base::ErrorCode::kNotFound);
  EXPECT_EQ(act({.kind = Kind::kForward, .number = dave.account}), kDone);
  world.advance(1s);
  EXPECT_TRUE(bob.incoming.back()->ended || bob.incoming.back()->cancelled || bob.incoming.size() == 1);
  ASSERT_EQ(dave.incoming.size(), 1u);
  dave.incoming.back()->answer();
  EXPECT_EQ(call.status(), 200);
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, dave.account);
  EXPECT_EQ(act({.kind = Kind::kForward, .number = "bob"}), base::ErrorCode::kConflict);
}

TEST_F(SuperviseTest, OnePartyIsHandedOver) {
  auto& dave = webphone(world, "Dave");
  auto& call = talk();
  EXPECT_EQ(act({.kind = Kind::kTransfer, .number = dave.account, .transferor = "nobody"}), base::ErrorCode::kNotFound);
  EXPECT_EQ(act({.kind = Kind::kTransfer, .number = dave.account, .transferor = "bob"}), kDone);
  ASSERT_EQ(dave.incoming.size(), 1u);
  dave.incoming.back()->answer();
  world.advance(3s);
  EXPECT_EQ(bob.incoming.back()->received(sip::Method::kBye).size(), 1u);
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, dave.account);
}

TEST_F(SuperviseTest, AListenerHearsAndReadsAndIsNotSeen) {
  auto& call = talk();
  EXPECT_EQ(act({.kind = Kind::kStopListen}), base::ErrorCode::kConflict);
  EXPECT_EQ(act({.kind = Kind::kListen}), kDone);
  ASSERT_EQ(carol.incoming.size(), 1u);
  auto& ear = *carol.incoming.back();
  EXPECT_EQ(ear.invite->value("Parley-Listen"), id());
  EXPECT_EQ(act({.kind = Kind::kListen}), base::ErrorCode::kConflict);
  ear.answer();
  world.settle();
  EXPECT_TRUE(leg(2).joined);
  EXPECT_TRUE(leg(2).muted);
  EXPECT_EQ(leg(2).bridge, leg(0).bridge);
  // It reads, and writes nothing; a report of delivery does not give it away.
  EXPECT_EQ(call.message("text/plain", "for bob", "Parley-Report: delivered\r\n"), 202);
  world.advance(100ms);
  EXPECT_EQ(ear.texts(), std::vector<std::string>{"for bob"});
  const auto reports = call.texts("application/vnd.parley.delivery+json");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(reports[0])["delivered"].size(), 1u);
  EXPECT_EQ(ear.message("text/plain", "I am here"), 403);
  const auto info = world.pbx.list_calls().at(0);
  EXPECT_EQ(info.from.number, "alice");
  EXPECT_EQ(info.to.number, "bob");
  EXPECT_FALSE(world.pbx.presence().in_call("carol"));
  // It ends with the call.
  call.bye();
  world.advance(1s);
  EXPECT_EQ(ear.received(sip::Method::kBye).size(), 1u);
  EXPECT_EQ(world.pbx.calls(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
}

// Its phone may hold, resume and transfer as it likes: the two notice nothing, and it is never heard.
TEST_F(SuperviseTest, AListenerHoldsAndTransfersNobody) {
  auto& call = talk();
  ASSERT_EQ(act({.kind = Kind::kListen}), kDone);
  auto& ear = *carol.incoming.back();
  ear.answer();
  world.settle();
  const auto description = ear.description;
  ASSERT_EQ(ear.reinvite(replace_all(description, "a=sendrecv", "a=sendonly")), 200);
  EXPECT_FALSE(world.pbx.list_calls().at(0).held);
  EXPECT_FALSE(leg(0).sounding);
  EXPECT_FALSE(leg(1).sounding);
  ASSERT_EQ(ear.reinvite(description), 200);
  EXPECT_TRUE(leg(2).muted);
  EXPECT_EQ(ear.request("REFER", "Contact: " + carol.contact() + "\r\nRefer-To: <sip:team@parley>\r\n"), 403);
  EXPECT_EQ(call.message("text/plain", "still here"), 202);
  EXPECT_EQ(bob.incoming.back()->texts(), std::vector<std::string>{"still here"});
}

TEST_F(SuperviseTest, WhoLeavesAHeldCallIsNotHeldAnyMore) {
  auto& ann = webphone(world, "Ann");
  auto& call = ann.invite("sip:bob@parley", {});
  bob.incoming.back()->answer();
  world.settle();
  ASSERT_EQ(act({.kind = Kind::kHold}), kDone);
  ASSERT_EQ(act({.kind = Kind::kTransfer, .number = "support", .transferor = "bob"}), kDone);
  EXPECT_EQ(call.texts("application/vnd.parley.call+json").back(), R"({"type":"unhold"})");
  EXPECT_FALSE(leg(0).muted);
}

TEST_F(SuperviseTest, WhoComesToAHeldCallIsHeldToo) {
  auto& dave = webphone(world, "Dave");
  talk();
  ASSERT_EQ(act({.kind = Kind::kHold}), kDone);
  ASSERT_EQ(act({.kind = Kind::kTransfer, .number = dave.account, .transferor = "bob"}), kDone);
  dave.incoming.back()->answer();
  world.settle();
  for (const FakeMediaEngine::Leg* party : {&leg(0), &std::as_const(world.media_of(*dave.incoming.back()))}) {
    EXPECT_TRUE(party->muted);
    EXPECT_TRUE(party->sounding);
  }
  EXPECT_EQ(dave.incoming.back()->texts("application/vnd.parley.call+json"), std::vector<std::string>{R"({"type":"hold"})"});
  EXPECT_EQ(act({.kind = Kind::kUnhold}), kDone);
  EXPECT_FALSE(world.media_of(*dave.incoming.back()).muted);
  EXPECT_FALSE(world.media_of(*dave.incoming.back()).sounding);
}

TEST_F(SuperviseTest, ACallerThatLeavesWhileItIsTakenLeavesNothingBehind) {
  auto& call = alice.invite("sip:support@parley", {});
  world.settle();
  auto& seen = subscribe(bob, "bob", "parley-sessions", "Accept: application/vnd.parley.sessions+json\r\n");
  const auto session = nlohmann::json::parse(notified(seen).back())["sessions"].at(0);
  ASSERT_EQ(bob.invite("sip:" + session.value("take", "") + "@parley", {.no_ack = true}).status(), 200);
  call.bye();
  world.advance(1min);
  EXPECT_EQ(world.pbx.calls(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
}

TEST_F(SuperviseTest, AListenerCeases) {
  auto& call = talk();
  act({.kind = Kind::kListen});
  carol.incoming.back()->answer();
  EXPECT_EQ(act({.kind = Kind::kStopListen}), kDone);
  world.advance(1s);
  EXPECT_EQ(carol.incoming.back()->received(sip::Method::kBye).size(), 1u);
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  act({.kind = Kind::kListen});
  carol.incoming.back()->refuse(603);
  world.advance(1s);
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  EXPECT_EQ(act({.kind = Kind::kListen}), kDone);   // again, and it ends while it rings
  call.bye();
  world.advance(5s);
  EXPECT_EQ(world.pbx.calls(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
}

TEST_F(SuperviseTest, ACallIsEnded) {
  auto& call = talk();
  EXPECT_EQ(act({.kind = Kind::kHangUp}), kDone);
  world.advance(1s);
  EXPECT_EQ(call.received(sip::Method::kBye).size(), 1u);
  EXPECT_EQ(world.pbx.calls(), 0u);
}

// A client's number that is like a supervisor's name makes it none.
TEST_F(SuperviseTest, ATokensPrivilegeCounts) {
  talk();
  auto& ann = webphone(world, "Ann");
  EXPECT_EQ(act({.kind = Kind::kHold}, ann.account), base::ErrorCode::kDenied);
  EXPECT_TRUE(world.pbx.webphone().find("carol")->may.supervise);
  EXPECT_FALSE(world.pbx.webphone().find(ann.account)->may.supervise);
  pbx::TokenClaims claims{.line = "Team", .display_name = "Boss", .room = {}, .may = {.supervise = true}, .expires = world.timeline.wall() + 60s};
  const auto sign = [&] { return *pbx::TokenKeys::make(kSecret, {})->sign(claims, world.timeline.wall()); };
  auto& boss = webphone(world, "Boss", {.token = sign()});
  auto& seen = subscribe(boss, boss.account, "parley-sessions", "Accept: application/vnd.parley.sessions+json\r\n");
  EXPECT_EQ(status(seen), 200);
  EXPECT_EQ(act({.kind = Kind::kHold}, boss.account), kDone);
  // A token without it takes it away, from what is followed too.
  claims.may.supervise = false;
  ASSERT_TRUE(world.pbx.webphone().connect({.token = sign(), .resume = world.pbx.webphone().find(boss.account)->resume_token}));
  EXPECT_EQ(act({.kind = Kind::kUnhold}, boss.account), base::ErrorCode::kDenied);
  EXPECT_EQ(act({.kind = Kind::kUnhold}), kDone);
  world.advance(1s);
  EXPECT_NE(subscription_state(seen).find("terminated"), std::string::npos);
}

}  // namespace
