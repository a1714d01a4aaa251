// A bridge and its legs under an owner that lets everybody in, and the bounds of what they remember.
#include "support/sip_world.hpp"

namespace {

using namespace test_support;

class BridgeWorld : public SipWorld, private sip::UserAgentHandler, public bridge::LegOwner {
 public:
  explicit BridgeWorld(bridge::BridgeConfig config = {}) : the_bridge(environment, config) { start(*this); }
  ~BridgeWorld() { agent.reset(); }
  ClientCall& enter(Client& client) { return client.invite("sip:bridge@parley"); }

  bridge::Bridge the_bridge;
  std::vector<std::unique_ptr<bridge::Leg>> legs, gone;
  std::vector<std::pair<std::uint64_t, int>> done;
  int media_changes = 0;

 private:
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr& invite, const sip::Source&) override {
    const auto user = std::string(invite->from().uri.user);
    auto leg = std::make_unique<bridge::Leg>(environment.next_leg_id(), environment, *this, the_bridge.id(), sdp::VideoMode::kForwarding,
                                             bridge::Party{.participant = user, .account = {}, .display_name = user, .number = user, .resume_token = {}});
    leg->attach(session);
    const auto answer = leg->prepare_answer(*invite);
    if (!answer) {
      session.reject({.status = 488});
      return nullptr;
    }
    session.accept(*answer);
    return legs.emplace_back(std::move(leg)).get();
  }
  void on_request(sip::RequestId id, const sip::MessagePtr&, const sip::Source&) override { agent->respond(id, {.status = 403}); }
  void on_leg_established(bridge::Leg& leg) override { the_bridge.add(leg); }
  void on_leg_progress(bridge::Leg&, const sip::Message&) override {}
  void on_leg_media_changed(bridge::Leg&) override { ++media_changes; }
  void on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override { the_bridge.relay(leg, id, request); }
  void on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) override {
    done.emplace_back(token, status);
    the_bridge.on_message_done(leg, token, status);
  }
  void on_leg_talking(bridge::Leg&, bool) override {}
  void on_leg_ended(bridge::Leg& leg, const sip::SessionEnd&) override {
    the_bridge.remove(leg);
    const auto it = std::find_if(legs.begin(), legs.end(), [&](const auto& l) { return l.get() == &leg; });
    gone.push_back(std::move(*it));
    legs.erase(it);
  }
};

TEST(BridgeTest, WhoIsAloneIsAnswered202) {
  BridgeWorld world;
  auto& a = world.enter(world.phone("a"));
  EXPECT_EQ(a.message("text/plain", "anybody?"), 202);
  EXPECT_EQ(world.the_bridge.relayed(), 1u);
}

TEST(BridgeTest, TheSenderOfARelayIsAnsweredWithNumberAndId) {
  BridgeWorld world;
  auto& a = world.enter(world.phone("a"));
  auto& b = world.enter(world.phone("b"));
  ASSERT_EQ(a.message("text/plain", "x"), 202);
  const auto id = std::string(a.last->value("Parley-Message-ID"));
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(b.messages().at(0)->message->value("Parley-Message-ID"), id);
}

TEST(BridgeTest, ACopyThatTimesOutIsReportedAs408AndOneToALegThatEndsAs0) {
  BridgeWorld world;
  auto& phone = world.phone("b");
  auto& a = world.enter(world.phone("a"));
  auto& b = world.enter(phone);
  phone.message_status = [](const sip::Message&) { return 0; };
  ASSERT_EQ(a.message("text/plain", "1"), 202);
  world.advance(33s);
  ASSERT_EQ(world.done.size(), 1u);
  EXPECT_EQ(world.done[0].second, 408);
  ASSERT_EQ(a.message("text/plain", "2"), 202);
  b.bye();
  world.advance(1s);
  ASSERT_EQ(world.done.size(), 2u);
  EXPECT_EQ(world.done[1].second, 0);
}

TEST(BridgeTest, SurvivalItem7RememberedTypesAreBounded) {
  BridgeWorld world;
  auto& phone = world.phone("b");
  auto& a = world.enter(world.phone("a"));
  auto& b = world.enter(phone);
  phone.message_status = [](const sip::Message&) { return 415; };
  for (int i = 0; i < 200; ++i) ASSERT_EQ(a.message("application/x-" + std::to_string(i), "x"), 202);
  EXPECT_EQ(b.messages().size(), 200u);
  ASSERT_EQ(a.message("application/x-3", "x"), 202);     // refused once: not again
  EXPECT_EQ(b.messages().size(), 200u);
  ASSERT_EQ(a.message("application/x-199", "x"), 202);   // too many to remember: asked again, nothing worse
  EXPECT_EQ(b.messages().size(), 201u);
}

// RFC 3261 14.1: both offer at once; the page's goes through, ours follows.
TEST(LegTest, GlareLosesNeitherOffer) {
  BridgeWorld world;
  auto& alice = world.page("alice");
  auto& a = world.enter(alice);
  world.advance(100ms);
  alice.reinvite_status = 491;
  world.enter(world.page("bob"));
  world.advance(60ms);                           // ours has met the page's own
  ASSERT_EQ(a.received(sip::Method::kInvite).size(), 1u);
  alice.reinvite_status = 200;
  EXPECT_EQ(a.reinvite(a.description), 200);     // which now comes
  world.advance(5s);
  EXPECT_GE(a.received(sip::Method::kInvite).size(), 2u);
  EXPECT_EQ(a.last_offer().media.back().label, "bob");
  EXPECT_NE(world.media_of(a).media().negotiated.find(sdp::Role::kSlot), nullptr);
}

// RFC 8445 9, RFC 8839 4.4.1.1.1
TEST(LegTest, AnIceRestartIsAnsweredWithNewCredentialsOfTheEngine) {
  BridgeWorld world;
  auto& a = world.enter(world.page("alice"));
  const auto before = a.response->body();
  EXPECT_NE(before.find("ufrag1"), std::string_view::npos);
  ASSERT_EQ(a.reinvite(replace_all(replace_all(a.description, kPeerUfrag, "newU"), kPeerPwd, "newpasswordnewpasswordnew")), 200);
  EXPECT_NE(a.last->body().find("a=ice-ufrag:again1"), std::string_view::npos);
  EXPECT_EQ(world.media_of(a).media().negotiated.remote_ice.ufrag, "newU");
}

TEST(LegTest, AnOfferThatIsRefusedIs488WithAWarningAndLeavesEverythingAsItWas) {
  BridgeWorld world;
  auto& a = world.enter(world.phone("a"));
  const auto configured = world.media_of(a).configured.size();
  EXPECT_EQ(a.reinvite("garbage"), 488);
  EXPECT_EQ(a.last->value(sip::HeaderId::kWarning).substr(0, 3), "399");
  EXPECT_EQ(world.media_of(a).configured.size(), configured);
  EXPECT_EQ(a.message("text/plain", "still here"), 202);
}

// RFC 3264 6.1
TEST(LegTest, HoldIsKnownByTheDirectionOfItsAudio) {
  BridgeWorld world;
  auto& phone = world.phone("a");
  auto& a = world.enter(phone);
  auto* leg = world.leg_of(a);
  for (const auto& [direction, held] : {std::pair{"a=sendonly", true}, std::pair{"a=inactive", true}, std::pair{"a=recvonly", false}, std::pair{"a=sendrecv", false}}) {
    ASSERT_EQ(a.reinvite(replace_all(phone.phone_sdp(), "a=sendrecv", direction)), 200);
    EXPECT_EQ(leg->on_hold(), held) << direction;
  }
}

TEST(LegTest, MediaIsRemovedOnceWhenTheLegEnds) {
  BridgeWorld world;
  auto& a = world.enter(world.page("a"));
  const auto id = world.leg_of(a)->id();
  a.bye();
  EXPECT_TRUE(world.media.legs[id].removed);
  world.gone.clear();
  EXPECT_EQ(world.media.misuse, "");
  EXPECT_TRUE(world.environment.legs.empty());
}

// Survival item 4: an empty token proves nothing.
TEST(LegTest, SurvivalItem4ALegWithoutATokenCannotBeTakenOver) {
  BridgeWorld world;
  auto& a = world.enter(world.page("a"));
  auto& stranger = world.page("a");
  for (const auto* header : {"Parley-Resume: \r\n", "Parley-Resume: x\r\n", ""}) {
    stranger.stray.clear();
    stranger.write(a.text_of("MESSAGE", header, "text/plain", "x"));
    world.settle();
    ASSERT_FALSE(stranger.stray.empty());
    EXPECT_EQ(stranger.stray.back()->status(), 403);
  }
}

TEST(LegTest, APhoneWhoseConnectionClosedMayComeBackByANewOneFromItsAddress) {
  BridgeWorld world;
  auto& phone = world.phone("a", {}, sip::Transport::kTcp);
  auto& a = world.enter(phone);
  auto back = phone.source;
  phone.lose_flow();
  world.advance(5s);
  back.flow = ++world.last_flow;
  back.remote.set_port(40000);
  phone.source = back;
  EXPECT_EQ(a.message("text/plain", "x"), 202);
  world.advance(20s);
  EXPECT_NE(world.leg_of(a), nullptr);
}

}  // namespace
