// Established legs that go from one bridge to another: their peers see a re-INVITE at most.
#include "support/sip_world.hpp"

namespace {

using namespace test_support;

// Two owners with a bridge each.
class Side final : public bridge::LegOwner {
 public:
  Side(bridge::LegEnvironment& environment, sdp::VideoMode mode, bridge::BridgeConfig config = {}) : the_bridge(environment, config), video(mode) {}
  std::unique_ptr<bridge::Leg> give(const bridge::Leg& leg) {
    const auto it = std::find_if(legs.begin(), legs.end(), [&](const auto& l) { return l.get() == &leg; });
    auto own = std::move(*it);
    legs.erase(it);
    the_bridge.remove(*own);
    return own;
  }
  void take(std::unique_ptr<bridge::Leg> leg) {
    leg->move_to(*this, the_bridge.id(), video);
    the_bridge.add(*legs.emplace_back(std::move(leg)));
  }
  void on_leg_established(bridge::Leg& leg) override { the_bridge.add(leg); }
  void on_leg_progress(bridge::Leg&, const sip::Message&) override {}
  void on_leg_media_changed(bridge::Leg&) override { the_bridge.video_changed(); }
  void on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override { the_bridge.relay(leg, id, request); }
  void on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) override { the_bridge.on_message_done(leg, token, status); }
  void on_leg_talking(bridge::Leg&, bool) override { ++talks; }
  void on_leg_ended(bridge::Leg& leg, const sip::SessionEnd&) override { gone.push_back(give(leg)); }

  bridge::Bridge the_bridge;
  sdp::VideoMode video;
  std::vector<std::unique_ptr<bridge::Leg>> legs, gone;
  int talks = 0;
};

class MoveWorld : public SipWorld, private sip::UserAgentHandler {
 public:
  MoveWorld() { start(*this); }
  ~MoveWorld() { agent.reset(); }
  ClientCall& enter(const std::string& name, const std::string& where) { return page(name).invite("sip:" + where + "@parley"); }
  ClientCall& phone_in(const std::string& name, const std::string& where) { return phone(name).invite("sip:" + where + "@parley"); }
  void move(const ClientCall& who, Side& from, Side& to) {
    to.take(from.give(*leg_of(who)));
    advance(100ms);
  }
  Side call{environment, sdp::VideoMode::kTwoWay}, room{environment, sdp::VideoMode::kForwarding}, silent{environment, sdp::VideoMode::kNone, {.mix = {}, .video = false}};

 private:
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr& invite, const sip::Source&) override {
    auto& side = invite->request_uri().user == "room" ? room : call;
    const auto user = std::string(invite->from().uri.user);
    auto leg = std::make_unique<bridge::Leg>(environment.next_leg_id(), environment, side, side.the_bridge.id(), side.video,
                                             bridge::Party{.participant = user, .account = {}, .display_name = user, .number = user, .resume_token = {}});
    leg->attach(session);
    const auto answer = leg->prepare_answer(*invite);
    EXPECT_TRUE(answer);
    session.accept(*answer);
    return side.legs.emplace_back(std::move(leg)).get();
  }
  void on_request(sip::RequestId id, const sip::MessagePtr&, const sip::Source&) override { agent->respond(id, {.status = 403}); }
};

TEST(MovedLeg, IsReadByWhoIsThereAndByNobodyElse) {
  MoveWorld world;
  auto& a = world.phone_in("a", "call");
  auto& b = world.phone_in("b", "call");
  auto& c = world.phone_in("c", "room");
  world.leg_of(b)->set_muted(true);
  world.move(b, world.call, world.room);
  EXPECT_EQ(world.media_of(b).bridge, world.room.the_bridge.id());
  EXPECT_TRUE(world.media_of(b).joined);
  EXPECT_FALSE(world.media_of(b).muted);
  EXPECT_EQ(b.message("text/plain", "here"), 202);
  EXPECT_EQ(c.message("text/plain", "welcome"), 202);
  EXPECT_EQ(a.message("text/plain", "alone"), 202);
  EXPECT_EQ(c.texts(), (std::vector<std::string>{"here"}));
  EXPECT_EQ(b.texts(), (std::vector<std::string>{"welcome"}));
  EXPECT_TRUE(a.texts().empty());
  EXPECT_TRUE(b.received(sip::Method::kInvite).empty());        // a phone's SDP has nothing to change
  world.leg_of(b)->on_talking(true);
  EXPECT_EQ(world.room.talks, 1);
  EXPECT_EQ(world.call.talks, 0);
  b.bye();
  EXPECT_EQ(world.room.legs.size(), 1u);
}

// RFC 3264 8
TEST(MovedLeg, OfTwoIntoARoomIsShownTheOthersAndTheyIt) {
  MoveWorld world;
  auto& a = world.enter("a", "call");
  auto& b = world.enter("b", "call");
  auto& c = world.enter("c", "room");
  world.advance(100ms);
  ASSERT_EQ(world.media_of(a).media().shows.size(), 1u);
  const auto source = world.leg_of(a)->sources().at(0).id;
  world.move(a, world.call, world.room);
  ASSERT_EQ(a.received(sip::Method::kInvite).size(), 1u);
  EXPECT_EQ(a.last_offer().media.at(1).direction, sdp::Direction::kRecvOnly);
  EXPECT_EQ(a.last_offer().media.at(2).label, "c");
  EXPECT_EQ(world.leg_of(a)->sources().at(0).id, source);
  EXPECT_EQ(c.last_offer().media.at(2).label, "a");
  EXPECT_TRUE(world.media_of(a).media().shows.empty());
  EXPECT_TRUE(world.media_of(b).media().shows.empty());
  world.move(a, world.room, world.call);
  EXPECT_EQ(a.last_offer().media.at(1).direction, sdp::Direction::kSendRecv);
  ASSERT_EQ(world.media_of(a).media().shows.size(), 1u);
  EXPECT_EQ(world.media_of(a).media().shows[0].second, world.leg_of(b)->sources().at(0).id);
  EXPECT_EQ(world.media_of(b).media().shows.at(0).second, source);
}

TEST(MovedLeg, WhereThereIsNoVideoItSendsNone) {
  MoveWorld world;
  auto& a = world.enter("a", "call");
  world.move(a, world.call, world.silent);
  EXPECT_EQ(a.last_offer().media.at(1).direction, sdp::Direction::kInactive);
  EXPECT_TRUE(world.leg_of(a)->sources().empty());
}

// Its answer to a copy of the old bridge counts there.
TEST(MovedLeg, WhatItAnswersLateIsForTheBridgeThatAsked) {
  MoveWorld world;
  auto& a = world.phone_in("a", "call");
  auto& slow = world.phone("b");
  slow.holds = true;
  auto& b = slow.invite("sip:call@parley");
  auto& c = world.phone_in("c", "room");
  auto& d = world.phone_in("d", "room");
  ASSERT_EQ(a.message("text/plain", "one", "Parley-Report: delivered\r\n"), 202);
  world.move(b, world.call, world.room);
  ASSERT_EQ(c.message("text/plain", "two", "Parley-Report: delivered\r\n"), 202);
  EXPECT_EQ(d.texts(), (std::vector<std::string>{"two"}));
  EXPECT_TRUE(a.texts("application/vnd.parley.delivery+json").empty());
  world.advance(70s);                                           // both time out, one after the other
  ASSERT_EQ(a.texts("application/vnd.parley.delivery+json").size(), 1u);
  ASSERT_EQ(c.texts("application/vnd.parley.delivery+json").size(), 1u);
  EXPECT_NE(c.texts("application/vnd.parley.delivery+json")[0].find(R"("delivered":["d"])"), std::string::npos);
}

}  // namespace
