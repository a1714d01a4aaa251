// A leg that is moved from a call of two into a room, and back: its videos are laid out otherwise by the next offer.
#include "sdp/negotiation.hpp"
#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using namespace test_support;

struct Leg {
  explicit Leg(VideoMode mode) : n([&] {
    auto config = local_config();
    config.video = mode;
    return config;
  }()) {}
  Description exchange() {
    EXPECT_TRUE(n.needs_offer());
    const auto text = n.create_offer();
    EXPECT_TRUE(text);
    const auto status = n.apply_answer(chromium_answer(*text));
    EXPECT_TRUE(status) << status.error().detail;
    EXPECT_FALSE(n.needs_offer());
    return *parse(*text);
  }
  Negotiator n;
};

TEST(VideoMode, InARoomThePeersOwnLineCarriesItsVideoAloneAndTheOthersComeInSlots) {
  Leg leg(VideoMode::kTwoWay);
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendonly", "a=sendrecv")));
  const auto* own = leg.n.current().find(Role::kOwnVideo);
  ASSERT_TRUE(own);
  ASSERT_EQ(own->direction, Direction::kSendRecv);
  const auto ssrc = own->ssrc;
  leg.n.set_video_mode(VideoMode::kForwarding);
  EXPECT_EQ(leg.n.current().find(Role::kOwnVideo)->direction, Direction::kSendRecv);   // until both have agreed
  leg.n.set_remote_sources({video_source(11), video_source(12)});
  const auto d = leg.exchange();
  ASSERT_EQ(d.media.size(), 4u);
  EXPECT_EQ(d.media[1].direction, Direction::kRecvOnly);
  EXPECT_TRUE(d.media[1].ssrcs.empty());
  EXPECT_EQ(leg.n.current().find(Role::kOwnVideo)->publishes, Publishes::kCamera);
  EXPECT_TRUE(leg.n.current().slot_of(12));

  leg.n.set_remote_sources({});
  leg.n.set_video_mode(VideoMode::kTwoWay);
  const auto back = leg.exchange();
  EXPECT_EQ(back.media[1].direction, Direction::kSendRecv);
  EXPECT_EQ(back.media[1].ssrcs.at(0).ssrc, ssrc);
  EXPECT_EQ(back.media[2].port, 0);
  EXPECT_FALSE(leg.n.current().slot_of(12));
}

// What came in by a room had nothing to be sent on its own line.
TEST(VideoMode, OutOfARoomItsLineGetsAStreamOfOurs) {
  Leg leg(VideoMode::kForwarding);
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendonly", "a=sendrecv")));
  ASSERT_EQ(leg.n.current().find(Role::kOwnVideo)->ssrc, 0u);
  leg.n.set_video_mode(VideoMode::kTwoWay);
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[1].direction, Direction::kSendRecv);
  ASSERT_EQ(d.media[1].ssrcs.size(), 2u);
  EXPECT_NE(d.media[1].ssrcs[0].ssrc, d.media[0].ssrcs.at(0).ssrc);
  EXPECT_EQ(leg.n.current().find(Role::kOwnVideo)->direction, Direction::kSendRecv);
}

// RFC 3264 8.4: the m-line stays, and nothing goes through it.
TEST(VideoMode, WhereThereIsNoVideoThePeersLineIsStill) {
  Leg leg(VideoMode::kTwoWay);
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendonly", "a=sendrecv")));
  leg.n.set_video_mode(VideoMode::kNone);
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[1].direction, Direction::kInactive);
  EXPECT_EQ(leg.n.current().find(Role::kOwnVideo)->publishes, Publishes::kNothing);
  EXPECT_EQ(leg.n.current().find(Role::kOwnAudio)->direction, Direction::kSendRecv);
}

// An offer of the old kind that is out meanwhile is followed by one of the new kind.
TEST(VideoMode, AnOfferThatIsOutIsNotTheLastWord) {
  Leg leg(VideoMode::kForwarding);
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendonly", "a=sendrecv")));
  leg.n.set_remote_sources({video_source(11)});
  const auto out = leg.n.create_offer();
  leg.n.set_remote_sources({});
  leg.n.set_video_mode(VideoMode::kTwoWay);
  ASSERT_TRUE(leg.n.apply_answer(chromium_answer(*out)));
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[1].direction, Direction::kSendRecv);
  EXPECT_EQ(d.media[2].port, 0);
}

}  // namespace
}  // namespace sdp
