// A call of two that began with sound alone, and a camera that comes later: the other page is offered a line for it, once.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

struct VideoLaterTest : testing::Test {
  PbxWorld world{[] {
    pbx::PbxConfig c;
    c.requests_per_second = 0;
    return c;
  }()};
  Client& alice = world.registered(page("alice"));
  Client& bob = world.registered(page("bob"));
  Client& carol = world.registered(page("carol"));

  Client& page(const std::string& name) {
    auto& client = world.page(name);
    client.audio_only = true;
    return client;
  }
  static std::string with_camera(const std::string& direction = "sendrecv") {
    auto offer = read_sdp("chromium-offer");
    return offer.replace(offer.rfind("a=sendrecv"), 10, "a=" + direction);
  }
  ClientCall& call(Client& from, Client& to) {
    auto& made = from.invite("sip:" + to.account + "@parley");
    to.incoming.back()->answer();
    EXPECT_EQ(made.status(), 200);
    world.advance(100ms);
    return made;
  }
  // One that adds its camera to a call.
  void add_camera(ClientCall& who) {
    EXPECT_EQ(who.reinvite(with_camera()), 200);
    world.advance(100ms);
  }
  static std::size_t offers(const ClientCall& who) { return who.received(sip::Method::kInvite).size(); }
  bool sees(ClientCall& who, ClientCall& whom) {
    const auto& shows = world.media_of(who).media().shows;
    const auto& sources = world.leg_of(whom)->sources();
    return shows.size() == 1 && sources.size() == 1 && shows[0].second == sources[0].id;
  }
};

// RFC 3264 8.1
TEST_F(VideoLaterTest, WhoseOtherSideAddsACameraIsOfferedALineForIt) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  EXPECT_EQ(offers(b), 0u);
  add_camera(a);
  ASSERT_EQ(offers(b), 1u);
  EXPECT_EQ(b.last_offer().media.at(1).media, "video");
  EXPECT_EQ(b.last_offer().media.at(1).direction, sdp::Direction::kSendRecv);
  EXPECT_TRUE(sees(b, a));
  EXPECT_TRUE(sees(a, b));            // it answered with a camera of its own
  EXPECT_EQ(offers(a), 0u);
  world.advance(1h);
  EXPECT_EQ(offers(b), 1u);
}

TEST_F(VideoLaterTest, TheCallersPageIsOfferedItToo) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  add_camera(b);
  EXPECT_EQ(offers(a), 1u);
  EXPECT_TRUE(sees(a, b));
}

TEST_F(VideoLaterTest, WhatIsRefusedIsNotOfferedAgain) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  bob.refused_mids = {"s1"};
  add_camera(a);
  ASSERT_EQ(offers(b), 1u);
  EXPECT_TRUE(world.media_of(b).media().shows.empty());
  EXPECT_EQ(a.reinvite(with_camera("inactive")), 200);
  world.advance(100ms);
  add_camera(a);
  EXPECT_EQ(offers(b), 1u);
  // Until it asks for video itself.
  EXPECT_EQ(b.reinvite(replace_all(replace_all(replace_all(with_camera(), "a=mid:1\r", "a=mid:own\r"), "a=mid:0\r", "a=mid:s0\r"), "BUNDLE 0 1", "BUNDLE s0 own")), 200);
  world.advance(100ms);
  EXPECT_TRUE(sees(b, a));
}

TEST_F(VideoLaterTest, APageThatRefusesTheWholeOfferIsLeftAlone) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  bob.reinvite_status = 488;
  add_camera(a);
  EXPECT_EQ(offers(b), 1u);
  add_camera(a);
  world.advance(1min);
  EXPECT_EQ(offers(b), 1u);
  EXPECT_FALSE(b.ended);
}

// RFC 3261 14.1
TEST_F(VideoLaterTest, AfterGlareItIsOfferedAgain) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  bob.reinvite_status = 491;
  add_camera(a);
  EXPECT_GE(offers(b), 1u);
  bob.reinvite_status = 200;
  world.advance(5s);
  EXPECT_TRUE(sees(b, a));
}

TEST_F(VideoLaterTest, APhoneIsNeverOfferedVideo) {
  auto& desk = world.registered(world.phone("bob", "Desk"));
  auto& a = alice.invite("sip:bob@parley");
  desk.incoming.back()->answer();
  world.advance(100ms);
  add_camera(a);
  EXPECT_EQ(offers(*desk.incoming.back()), 0u);
  EXPECT_EQ(offers(a), 0u);
}

TEST_F(VideoLaterTest, WhoIsPutThroughToSomebodyWithACameraSeesHim) {
  call(alice, bob);
  auto& b = *bob.incoming.back();
  ASSERT_EQ(alice.calls.back().request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <sip:carol@parley>\r\n"), 202);
  ASSERT_EQ(carol.incoming.size(), 1u);
  auto& c = *carol.incoming.back();
  c.answer();
  world.advance(1s);
  const auto told = offers(b);                    // whom it speaks with, by a re-INVITE: it allows no UPDATE
  EXPECT_EQ(told, 1u);
  add_camera(c);
  EXPECT_EQ(offers(b), told + 1);
  EXPECT_TRUE(sees(b, c));
}

// The line of a camera that has gone is still, and used again.
TEST_F(VideoLaterTest, ACameraThatComesAndGoesIsOneLine) {
  auto& a = call(alice, bob);
  auto& b = *bob.incoming.back();
  add_camera(a);
  const auto mid = b.last_offer().media.at(1).mid;
  EXPECT_EQ(a.reinvite(with_camera("inactive")), 200);
  world.advance(100ms);
  ASSERT_EQ(offers(b), 2u);
  EXPECT_EQ(b.last_offer().media.at(1).direction, sdp::Direction::kRecvOnly);
  add_camera(a);
  ASSERT_EQ(offers(b), 3u);
  EXPECT_EQ(b.last_offer().media.size(), 2u);
  EXPECT_EQ(b.last_offer().media[1].mid, mid);
  EXPECT_TRUE(sees(b, a));
}

}  // namespace
