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

// A page that came into a call of two with sound alone, and whose other side has a camera now.
struct SoundAlone : testing::Test {
  SoundAlone() {
    auto offer = read_sdp("chromium-offer");
    offer.resize(offer.find("m=video"));
    offer = replace_all(offer, "BUNDLE 0 1", "BUNDLE 0");
    own_offer = offer;
    EXPECT_TRUE(leg.n.answer(offer));
    EXPECT_FALSE(leg.n.needs_offer());
  }
  const Section* video() const { return leg.n.current().find(Role::kOwnVideo); }
  std::string offered() {
    const auto text = leg.n.create_offer();
    EXPECT_TRUE(text);
    return text ? *text : std::string();
  }
  Leg leg{VideoMode::kTwoWay};
  std::string own_offer;
};

// RFC 3264 8.1, RFC 8829 5.2.2
TEST_F(SoundAlone, IsOfferedALineForTheOthersCameraAndMayOnlyLook) {
  leg.n.set_shown_video(video_source(11));
  ASSERT_TRUE(leg.n.needs_offer());
  const auto text = offered();
  const auto d = *parse(text);
  ASSERT_EQ(d.media.size(), 2u);
  EXPECT_EQ(d.media[1].media, "video");
  EXPECT_EQ(d.media[1].direction, Direction::kSendRecv);
  EXPECT_NE(d.media[1].mid, d.media[0].mid);
  EXPECT_EQ(d.media[1].ssrcs.size(), 2u);
  EXPECT_EQ(d.media[1].msids.size(), 1u);
  EXPECT_TRUE(d.media[1].label.empty());
  ASSERT_EQ(d.groups.size(), 1u);
  EXPECT_EQ(d.groups[0].mids.size(), 2u);
  for (const auto& video : d.media[1].rtpmaps) {   // one number space
    for (const auto& audio : d.media[0].rtpmaps) EXPECT_NE(video.payload_type, audio.payload_type);
  }
  auto answer = chromium_answer(text);
  answer.replace(answer.rfind("a=sendrecv"), 10, "a=recvonly");
  ASSERT_TRUE(leg.n.apply_answer(answer));
  ASSERT_TRUE(video());
  EXPECT_EQ(video()->direction, Direction::kSendOnly);
  EXPECT_EQ(video()->publishes, Publishes::kNothing);
  EXPECT_EQ(video()->codecs.front().name, "VP8");
  EXPECT_FALSE(leg.n.needs_offer());
}

// RFC 3711 3.2.3: the peer's SRTP remembers a stream's index, ours begins anew.
TEST(VideoMode, AfterAHoldItsLineCarriesAnotherStream) {
  Leg leg(VideoMode::kTwoWay);
  const auto offer = read_sdp("chromium-offer");
  ASSERT_TRUE(leg.n.answer(offer));
  const auto ssrc = leg.n.current().find(Role::kOwnVideo)->ssrc;
  ASSERT_TRUE(leg.n.answer(offer));
  EXPECT_EQ(leg.n.current().find(Role::kOwnVideo)->ssrc, ssrc);
  ASSERT_TRUE(leg.n.answer(replace_all(offer, "a=sendrecv", "a=sendonly")));
  ASSERT_TRUE(leg.n.answer(offer));
  EXPECT_NE(leg.n.current().find(Role::kOwnVideo)->ssrc, ssrc);
  EXPECT_NE(leg.n.current().find(Role::kOwnVideo)->ssrc, 0u);
}

TEST_F(SoundAlone, MayAnswerWithACameraOfItsOwn) {
  leg.n.set_shown_video(video_source(11));
  leg.exchange();
  EXPECT_EQ(video()->direction, Direction::kSendRecv);
  EXPECT_EQ(video()->publishes, Publishes::kCamera);
}

// The line stays where it is (RFC 3264 8.2), and is used again.
TEST_F(SoundAlone, WhenTheCameraIsGoneTheLineIsStillUntilThereIsAnother) {
  leg.n.set_shown_video(video_source(11));
  auto answer = chromium_answer(offered());
  answer.replace(answer.rfind("a=sendrecv"), 10, "a=recvonly");
  ASSERT_TRUE(leg.n.apply_answer(answer));
  const auto before = *video();
  leg.n.set_shown_video(std::nullopt);
  EXPECT_EQ(leg.exchange().media.at(1).direction, Direction::kInactive);
  leg.n.set_shown_video(video_source(12));
  const auto again = leg.exchange();
  ASSERT_EQ(again.media.size(), 2u);
  EXPECT_EQ(again.media[1].direction, Direction::kSendOnly);
  EXPECT_EQ(again.media[1].mid, before.mid);
  EXPECT_NE(again.media[1].ssrcs.at(0).ssrc, before.ssrc);   // another stream: SRTP counts each by itself (RFC 3711 3.2.3)
  EXPECT_EQ(again.media[1].rtpmaps.size(), leg.n.current().sections.at(1).codecs.size() * 2);
}

// RFC 3264 6: port 0.
TEST_F(SoundAlone, WhatItRefusesIsNotOfferedAgainUntilItOffersVideoItself) {
  leg.n.set_shown_video(video_source(11));
  const auto text = offered();
  ASSERT_TRUE(leg.n.apply_answer(chromium_answer(text, {parse(text)->media.at(1).mid})));
  EXPECT_FALSE(video());
  leg.n.set_shown_video(std::nullopt);
  leg.n.set_shown_video(video_source(12));
  EXPECT_FALSE(leg.n.needs_offer());
  // Its own offer, where the line was refused, brings it back; and port 0 there refuses it anew.
  const auto theirs = replace_all(replace_all(read_sdp("chromium-offer"), "a=sendonly", "a=sendrecv"), "a=mid:1\r", "a=mid:n\r");
  ASSERT_TRUE(leg.n.answer(replace_all(theirs, "BUNDLE 0 1", "BUNDLE 0 n")));
  ASSERT_TRUE(video());
  EXPECT_EQ(video()->direction, Direction::kSendRecv);
  auto stopped = own_offer + "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:n\r\na=inactive\r\n";
  ASSERT_TRUE(leg.n.answer(stopped));
  EXPECT_FALSE(video());
  EXPECT_FALSE(leg.n.needs_offer());
}

TEST_F(SoundAlone, AnOfferThatIsRefusedAsAWholeIsNotMadeAgainButOneThatMetAnotherIs) {
  leg.n.set_shown_video(video_source(11));
  offered();
  leg.n.rollback();   // 491
  EXPECT_TRUE(leg.n.needs_offer());
  offered();
  leg.n.rollback_refused();
  EXPECT_FALSE(leg.n.needs_offer());
  EXPECT_EQ(parse(offered())->media.size(), 1u);
}

TEST_F(SoundAlone, IsNotOfferedWhatItHasAlreadyNorInARoom) {
  leg.n.set_video_mode(VideoMode::kForwarding);
  leg.n.set_shown_video(video_source(11));
  EXPECT_FALSE(leg.n.needs_offer());
  leg.n.set_video_mode(VideoMode::kNone);
  EXPECT_FALSE(leg.n.needs_offer());
  Leg both(VideoMode::kTwoWay);
  ASSERT_TRUE(both.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendrecv", "a=sendonly")));   // it doesn't want to see anything
  both.n.set_shown_video(video_source(11));
  EXPECT_FALSE(both.n.needs_offer());
  Leg unknown(VideoMode::kTwoWay);
  ASSERT_TRUE(unknown.n.answer(own_offer));
  unknown.n.set_shown_video(video_source(11, "theora"));
  EXPECT_FALSE(unknown.n.needs_offer());
}

// RFC 8829 5.2.2: an m-line is used anew after both have agreed that it is gone.
TEST_F(SoundAlone, OutOfARoomTheLineOfASlotIsUsedOnceItIsFree) {
  leg.n.set_video_mode(VideoMode::kForwarding);
  leg.n.set_remote_sources({video_source(11)});
  const auto slot = leg.exchange().media.at(1).mid;
  leg.n.set_remote_sources({});
  leg.n.set_video_mode(VideoMode::kTwoWay);
  EXPECT_EQ(leg.exchange().media.at(1).port, 0);
  leg.n.set_shown_video(video_source(12));
  const auto d = leg.exchange();
  ASSERT_EQ(d.media.size(), 2u);
  EXPECT_NE(d.media[1].port, 0);
  EXPECT_NE(d.media[1].mid, slot);
}

TEST(VideoMode, APhoneIsNeverOfferedVideo) {
  Leg phone(VideoMode::kTwoWay);
  ASSERT_TRUE(phone.n.answer("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"));
  phone.n.set_shown_video(video_source(11));
  EXPECT_FALSE(phone.n.needs_offer());
}

}  // namespace
}  // namespace sdp
