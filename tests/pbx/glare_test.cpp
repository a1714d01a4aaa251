// Both sides of a dialog offer at the same moment, in calls of two: each refuses the other's with 491, and what both wanted holds
// in the end (RFC 3261 section 14).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

struct GlareTest : testing::Test {
  PbxWorld world{[] {
    pbx::PbxConfig c;
    c.requests_per_second = 0;
    return c;
  }()};
  Client& alice = world.registered(page("alice"));
  Client& bob = world.registered(page("bob"));
  ClientCall* a = nullptr;   // who calls owns the Call-ID of that dialog; we own the one to Bob
  ClientCall* b = nullptr;

  Client& page(const std::string& name) {
    auto& client = world.page(name);
    client.audio_only = true;
    return client;
  }
  void SetUp() override {
    a = &alice.invite("sip:bob@parley");
    b = bob.incoming.back();
    b->answer();
    ASSERT_EQ(a->status(), 200);
    world.advance(100ms);
  }
  static std::string with_camera() { return read_sdp("chromium-offer"); }
  static std::string with_sound_alone(Client& who, const std::string& direction) { return replace_all(who.own_offer(), "a=sendrecv", "a=" + direction); }
  static std::size_t offers(const ClientCall& call) { return call.received(sip::Method::kInvite).size(); }
  bool sees(ClientCall& who, ClientCall& whom) {
    const auto& shows = world.media_of(who).media().shows;
    const auto& sources = world.leg_of(whom)->sources();
    return shows.size() == 1 && sources.size() == 1 && shows[0].second == sources[0].id;
  }
  // `who` has sent `offer` before it saw the re-INVITE that is on its way to it: both are refused.
  void cross(ClientCall& who, const std::string& offer) {
    ASSERT_EQ(who.unanswered.size(), 1U);
    EXPECT_EQ(who.reinvite(offer), 491);
    const auto ours = sip::Message::parse(base::share(who.unanswered.front()));
    ASSERT_TRUE(ours);
    ASSERT_EQ((*ours)->method(), sip::Method::kInvite);
    who.unanswered.clear();
    who.client.holds = false;
    sip::Source server = who.client.source;
    who.client.write(sip::start_response(**ours, server, 491, who.local_tag).finish({}, {}));
    world.settle();
  }
  bool hears_music(ClientCall& call) {
    const auto& media = world.media_of(call);
    return media.sounding && media.played.back().kind == bridge::Sound::Kind::kMusic;
  }
};

// RFC 3261 14.1: Bob was called and tries again within 2 s, we not before 2.1 s
TEST_F(GlareTest, CamerasOfBothAtOnceTheCalledOneComesFirst) {
  bob.holds = true;
  ASSERT_EQ(a->reinvite(with_camera()), 200);
  world.advance(100ms);
  cross(*b, with_camera());
  world.advance(2s);
  EXPECT_EQ(offers(*b), 1U);
  EXPECT_EQ(b->reinvite(with_camera()), 200);
  world.advance(1min);
  EXPECT_TRUE(sees(*a, *b));
  EXPECT_TRUE(sees(*b, *a));
  EXPECT_LE(offers(*b), 2U);
  EXPECT_EQ(offers(*a), 0U);      // its own offer has a line for it already
  EXPECT_FALSE(a->ended || b->ended);
}

// RFC 3261 14.1: in Alice's dialog it is we who were called
TEST_F(GlareTest, CamerasOfBothAtOnceOursComesFirst) {
  alice.holds = true;
  ASSERT_EQ(b->reinvite(with_camera()), 200);
  world.advance(100ms);
  cross(*a, with_camera());
  world.advance(2s);
  ASSERT_EQ(offers(*a), 2U);
  EXPECT_EQ(a->last_offer().media.at(1).media, "video");
  EXPECT_EQ(a->reinvite(a->description), 200);
  world.advance(1min);
  EXPECT_TRUE(sees(*a, *b));
  EXPECT_TRUE(sees(*b, *a));
  EXPECT_EQ(offers(*a), 2U);
  EXPECT_FALSE(a->ended || b->ended);
}

// RFC 3261 14.1, RFC 3264 8.4
TEST_F(GlareTest, HoldThatMeetsTheOfferOfACameraIsHoldInTheEnd) {
  bob.holds = true;
  ASSERT_EQ(a->reinvite(with_camera()), 200);
  world.advance(100ms);
  cross(*b, with_sound_alone(bob, "sendonly"));
  EXPECT_FALSE(world.leg_of(*b)->on_hold());
  world.advance(1s);
  EXPECT_EQ(b->reinvite(with_sound_alone(bob, "sendonly")), 200);
  EXPECT_TRUE(world.leg_of(*b)->on_hold());
  world.advance(1min);
  EXPECT_EQ(offers(*b), 2U);      // ours, again
  EXPECT_TRUE(world.leg_of(*b)->on_hold());
  EXPECT_TRUE(hears_music(*a));
  EXPECT_EQ(b->reinvite(replace_all(b->description, "a=sendonly", "a=sendrecv")), 200);
  world.advance(1min);
  EXPECT_FALSE(world.leg_of(*b)->on_hold());
  EXPECT_FALSE(hears_music(*a));
  EXPECT_TRUE(sees(*b, *a));
}

// RFC 3264 8.4: two holds are two things; who takes his back is still held.
TEST_F(GlareTest, BothHoldInTheSameMoment) {
  const auto both = [&](const std::string& direction) {
    for (auto* call : {a, b}) {
      const auto sdp = with_sound_alone(call->client, direction);
      call->last = nullptr;
      call->client.write(call->text_of("INVITE", "Contact: " + call->client.contact() + "\r\n", "application/sdp", sdp));
      call->invite_cseq = call->cseq;
    }
    world.settle();
    for (auto* call : {a, b}) {
      ASSERT_TRUE(call->last);
      EXPECT_EQ(call->last->status(), 200);
    }
    world.advance(5s);
  };
  both("sendonly");
  EXPECT_TRUE(world.leg_of(*a)->on_hold() && world.leg_of(*b)->on_hold());
  EXPECT_FALSE(hears_music(*a) || hears_music(*b));
  ASSERT_EQ(a->reinvite(with_sound_alone(alice, "sendrecv")), 200);
  EXPECT_TRUE(hears_music(*a));
  EXPECT_TRUE(world.media_of(*b).muted);
  EXPECT_FALSE(world.media_of(*a).muted);
  ASSERT_EQ(b->reinvite(with_sound_alone(bob, "sendrecv")), 200);
  EXPECT_FALSE(hears_music(*a) || hears_music(*b));
  EXPECT_FALSE(world.media_of(*a).muted || world.media_of(*b).muted);
  both("sendonly");
  both("sendrecv");
  EXPECT_FALSE(world.leg_of(*a)->on_hold() || world.leg_of(*b)->on_hold());
  EXPECT_FALSE(hears_music(*a) || hears_music(*b));
  EXPECT_EQ(offers(*a) + offers(*b), 0U);
}

// RFC 3261 14.1: however often they meet, neither call nor offer is given up.
TEST_F(GlareTest, TenInARow) {
  bob.holds = true;
  ASSERT_EQ(a->reinvite(with_camera()), 200);
  world.advance(100ms);
  for (int i = 0; i < 10; ++i) {
    cross(*b, with_sound_alone(bob, "sendrecv"));
    bob.holds = true;
    world.advance(4100ms);
    ASSERT_EQ(b->unanswered.size(), 1U) << i;
  }
  cross(*b, with_sound_alone(bob, "sendrecv"));
  world.advance(5s);
  EXPECT_TRUE(sees(*b, *a));
  EXPECT_FALSE(a->ended || b->ended);
}

}  // namespace
