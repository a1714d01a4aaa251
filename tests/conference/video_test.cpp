// Streams of a room (spec A.4, A.6): re-INVITEs with one m-line for each video of the others, and nothing for who gains nothing.
#include "support/room_world.hpp"

namespace {

using namespace test_support;

// The forwarded ones of an offer of the server's: sendonly, with a label.
std::vector<sdp::Media> slots(const sdp::Description& offer) {
  std::vector<sdp::Media> result;
  for (const auto& m : offer.media) {
    if (m.media == "video" && m.port != 0 && !m.label.empty()) result.push_back(m);
  }
  return result;
}
std::size_t offers(const ClientCall& call) { return call.received(sip::Method::kInvite).size(); }

// A second video m-line, as a page that shares its screen offers it.
std::string with_screen(std::string sdp) {
  sdp = replace_all(sdp, "a=setup:active", "a=setup:actpass");
  const auto group = sdp.find("a=group:BUNDLE");
  sdp.insert(sdp.find("\r\n", group), " scr");
  const std::string head = "m=video 9 UDP/TLS/RTP/SAVPF 120\r\nc=IN IP4 0.0.0.0\r\na=mid:scr\r\na=ice-ufrag:";
  return sdp + head + std::string(kPeerUfrag) + "\r\na=ice-pwd:" + std::string(kPeerPwd) + "\r\na=fingerprint:sha-256 " + std::string(kPeerFingerprint) +
         "\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendonly\r\na=content:slides\r\na=rtpmap:120 VP8/90000\r\na=rtcp-fb:120 nack\r\n";
}
std::string without_camera(std::string sdp) {
  sdp = replace_all(sdp, "a=setup:active", "a=setup:actpass");
  const auto video = sdp.find("m=video");
  for (const auto* direction : {"a=sendrecv", "a=sendonly"}) {
    if (const auto at = sdp.find(direction, video); at != sdp.npos) sdp.replace(at, 10, "a=inactive");
  }
  return sdp;
}

struct VideoTest : testing::Test {
  explicit VideoTest(conference::RoomProfile profile = {}) : world(profile) {}
  RoomWorld world;
  Client& alice = world.page("alice", "Alice");
  Client& bob = world.page("bob", "Bob");
  ClientCall& enter(Client& client) {
    auto& call = world.enter(client);
    EXPECT_EQ(call.status(), 200);
    return call;
  }
  void pass() { world.advance(100ms); }
};

TEST_F(VideoTest, TheAnswersOwnVideoIsReceivedAndEveryMLineHasAnMsid) {
  auto& a = enter(alice);
  const auto answer = *sdp::parse(a.response->body());
  ASSERT_EQ(answer.media.size(), 2u);
  EXPECT_EQ(answer.media[0].direction, sdp::Direction::kSendRecv);
  EXPECT_EQ(answer.media[1].direction, sdp::Direction::kRecvOnly);
  EXPECT_EQ(answer.media[0].setup, sdp::Setup::kPassive);
  for (const auto& m : answer.media) EXPECT_FALSE(m.msids.empty());
  pass();
  EXPECT_EQ(offers(a), 0u);    // alone: nothing to gain
}

TEST_F(VideoTest, EachSeesTheOtherBySendonlyMLinesWithLabelAndMsid) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  for (auto [call, other] : {std::pair{&a, "id-bob"}, std::pair{&b, "id-alice"}}) {
    ASSERT_EQ(offers(*call), 1u);
    const auto offer = call->last_offer();
    ASSERT_EQ(offer.media.size(), 3u);
    EXPECT_EQ(offer.media[2].direction, sdp::Direction::kSendOnly);
    EXPECT_EQ(offer.media[2].label, other);
    for (const auto& m : offer.media) {
      EXPECT_FALSE(m.msids.empty());
      EXPECT_EQ(m.setup, sdp::Setup::kPassive);   // spec A.5: the role is held
    }
    const auto& invite = *call->received(sip::Method::kInvite)[0]->message;
    EXPECT_EQ(invite.content_type(), "application/sdp");   // exactly, for JsSIP
    const auto& media = world.media_of(*call).media();
    EXPECT_EQ(media.publishes.size(), 1u);
    EXPECT_NE(media.negotiated.find(sdp::Role::kSlot), nullptr);
  }
  // What is forwarded to Alice is what Bob publishes.
  EXPECT_EQ(world.media_of(a).media().negotiated.find(sdp::Role::kSlot)->source_id, world.media_of(b).media().publishes[0].second.value);
}

TEST_F(VideoTest, AJoinerGetsOneReinviteWithAllThatExist) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  enter(world.page("dave"));
  pass();
  auto& c = enter(world.page("carol"));
  pass();
  ASSERT_EQ(offers(c), 1u);
  std::set<std::string> labels, streams;
  for (const auto& m : slots(c.last_offer())) {
    labels.insert(m.label);
    streams.insert(m.msids[0].stream);
  }
  EXPECT_EQ(labels, (std::set<std::string>{"id-alice", "id-bob", "id-dave"}));
  EXPECT_EQ(streams.size(), 3u);
  EXPECT_EQ(offers(a), 3u);
  EXPECT_EQ(offers(b), 2u + 1u);
}

TEST_F(VideoTest, JoinsThatComeCloseTogetherAreMerged) {
  auto& a = enter(alice);
  pass();
  for (const auto* name : {"b", "c", "d", "e"}) {
    enter(world.page(name));
    world.advance(10ms);
  }
  pass();
  EXPECT_EQ(offers(a), 1u);
  EXPECT_EQ(slots(a.last_offer()).size(), 4u);
}

TEST_F(VideoTest, ASteadyStreamOfJoinsDelaysNobodyForMoreThanTheMergeTime) {
  auto& a = enter(alice);
  pass();
  for (int i = 0; i < 6; ++i) {
    enter(world.page("p" + std::to_string(i)));
    world.advance(20ms);
  }
  EXPECT_GE(offers(a), 1u);
}

TEST_F(VideoTest, JoinsFurtherApartAreNot) {
  auto& a = enter(alice);
  pass();
  for (const auto* name : {"b", "c"}) {
    enter(world.page(name));
    world.advance(60ms);
  }
  EXPECT_EQ(offers(a), 2u);
}

// RFC 3264 8.2, 8.1
TEST_F(VideoTest, LeavingSetsPortZeroAndTheSlotIsUsedAgainWithANewMsid) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  const auto before = a.last_offer().media[2];
  b.bye();
  pass();
  ASSERT_EQ(offers(a), 2u);
  EXPECT_EQ(a.last_offer().media[2].port, 0);
  EXPECT_EQ(a.last_offer().media.size(), 3u);
  enter(world.page("carol"));
  pass();
  ASSERT_EQ(offers(a), 3u);
  const auto after = a.last_offer();
  ASSERT_EQ(after.media.size(), 3u);    // the slot, not a fourth m-line
  EXPECT_EQ(after.media[2].label, "id-carol");
  EXPECT_NE(after.media[2].msids[0].stream, before.msids[0].stream);
  EXPECT_NE(after.media[2].msids[0].track, before.msids[0].track);
}

TEST_F(VideoTest, LeaveAndJoinInOneMomentIsOneReinvite) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  b.bye();
  enter(world.page("carol"));
  pass();
  EXPECT_EQ(offers(a), 2u);
  EXPECT_EQ(slots(a.last_offer()).at(0).label, "id-carol");
}

TEST_F(VideoTest, NobodyWhoGainsNothingIsReinvited) {
  auto& phone = enter(world.phone("phone"));
  auto& a = enter(alice);
  pass();
  auto& b = enter(bob);
  pass();
  b.bye();
  enter(world.phone("phone2"));
  auto& silent = world.page("silent");
  silent.audio_only = true;
  enter(silent);
  pass();
  EXPECT_EQ(offers(phone), 0u);
  EXPECT_EQ(offers(a), 2u);      // Bob came, Bob left; who has no video is no reason
}

TEST_F(VideoTest, CameraAndScreenOfOneParticipantAreTwo) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  ASSERT_EQ(b.reinvite(with_screen(b.description)), 200);
  pass();
  auto& media = world.media_of(b).media();
  ASSERT_EQ(media.publishes.size(), 2u);
  const auto seen = slots(a.last_offer());
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].label, "id-bob");
  EXPECT_EQ(seen[1].label, "id-bob");
  EXPECT_EQ(seen[0].content, "main");
  EXPECT_EQ(seen[1].content, "slides");
  EXPECT_NE(seen[0].msids[0].stream, seen[1].msids[0].stream);
  EXPECT_EQ(offers(a), 2u);
}

TEST_F(VideoTest, ACameraSwitchedOffAndOnIsANewSourceWithANewMsid) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  const auto before = a.last_offer().media[2].msids[0];
  const auto on = replace_all(b.description, "a=setup:active", "a=setup:actpass");
  ASSERT_EQ(b.reinvite(without_camera(b.description)), 200);
  pass();
  EXPECT_EQ(a.last_offer().media[2].port, 0);
  ASSERT_EQ(b.reinvite(on), 200);
  pass();
  ASSERT_EQ(slots(a.last_offer()).size(), 1u);
  EXPECT_NE(a.last_offer().media[2].msids[0].stream, before.stream);
}

TEST_F(VideoTest, AnOfferThatChangesNothingReinvitesNobody) {
  auto& a = enter(alice);
  auto& b = enter(bob);
  pass();
  ASSERT_EQ(b.reinvite(replace_all(b.description, "a=setup:active", "a=setup:actpass")), 200);
  pass();
  EXPECT_EQ(offers(a), 1u);
  EXPECT_EQ(offers(b), 1u);
}

// RFC 3261 14.1; spec A.5: glare, 403 and 500 are retried, a leg is never given up for them.
TEST_F(VideoTest, AReinviteThatIsRefusedForNowIsRetried) {
  for (const auto& [status, header] : {std::pair{491, ""}, std::pair{500, "Retry-After: 2\r\n"}, std::pair{403, ""}}) {
    RoomWorld w;
    auto& first = w.page("alice");
    auto& a = w.enter(first);
    first.reinvite_status = status;
    first.retry_after = header;
    w.enter(w.page("bob"));
    w.advance(100ms);
    const auto refused = offers(a);   // glare may have been tried again already: its delay is drawn from 0 s on
    EXPECT_GE(refused, 1u);
    first.reinvite_status = 200;
    w.advance(5s);
    EXPECT_EQ(offers(a), refused + 1) << status;
    EXPECT_EQ(slots(a.last_offer()).size(), 1u);
    EXPECT_NE(w.media_of(a).media().negotiated.find(sdp::Role::kSlot), nullptr);
    EXPECT_FALSE(a.ended);
  }
}

TEST_F(VideoTest, AReinviteThatIsNeverAnsweredCostsNobodyTheLeg) {
  auto& a = enter(alice);
  alice.reinvite_status = 0;
  enter(bob);
  world.advance(40s);
  EXPECT_NE(world.leg_of(a), nullptr);
  EXPECT_FALSE(a.ended);
  EXPECT_GE(offers(a), 2u);          // tried again
  alice.reinvite_status = 200;
  world.advance(40s);
  EXPECT_EQ(slots(a.last_offer()).size(), 1u);
  EXPECT_NE(world.media_of(a).media().negotiated.find(sdp::Role::kSlot), nullptr);
}

TEST_F(VideoTest, AReinviteThatIsAlwaysRefusedIsNotTriedForEver) {
  auto& a = enter(alice);
  alice.reinvite_status = 488;
  enter(bob);
  world.advance(5min);
  EXPECT_LE(offers(a), 20u);
  EXPECT_NE(world.leg_of(a), nullptr);
  EXPECT_EQ(world.leg_of(a)->session().established(), true);
}

// RFC 3264 6: the answer refuses one m-line.
TEST_F(VideoTest, ASlotThatIsRefusedIsNotOfferedAgain) {
  auto& a = enter(alice);
  alice.refused_mids = {"2"};
  enter(bob);
  pass();
  if (a.last_offer().media.size() == 3) alice.refused_mids = {a.last_offer().media[2].mid};
  const auto before = offers(a);
  world.advance(10s);
  EXPECT_LE(offers(a), before + 2);
  EXPECT_NE(world.leg_of(a), nullptr);
}

std::string only_codec(std::string sdp, std::string_view name) {
  // The video m-line with VP8 alone, or H264 alone, as number 96.
  const auto video = sdp.find("m=video");
  std::string rtpmap = name == "VP8" ? "a=rtpmap:96 VP8/90000\r\n" : "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n";
  return sdp.substr(0, video) + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:" + std::string(kPeerUfrag) + "\r\na=ice-pwd:" +
         std::string(kPeerPwd) + "\r\na=fingerprint:sha-256 " + std::string(kPeerFingerprint) + "\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendrecv\r\n" + rtpmap;
}

TEST_F(VideoTest, WhoCantDecodeGetsNoMLineAndIsToldOnceWhereItAskedForEvents) {
  auto& a = world.enter(alice, {.sdp = only_codec(alice.own_offer(), "VP8")});
  ASSERT_EQ(a.status(), 200);
  auto& quiet = world.page("quiet");
  auto& q = world.enter(quiet, {.headers = "X-None: 1\r\n", .sdp = only_codec(quiet.own_offer(), "VP8")});
  auto& b = world.enter(bob, {.sdp = only_codec(bob.own_offer(), "H264")});
  ASSERT_EQ(b.status(), 200);
  pass();
  for (const auto& m : slots(a.last_offer())) EXPECT_NE(m.label, "id-bob");
  auto notices = a.texts("application/vnd.parley.notice+json");
  ASSERT_EQ(notices.size(), 1u);
  const auto notice = nlohmann::json::parse(notices[0]);
  EXPECT_EQ(notice["type"], "video-unavailable");
  EXPECT_EQ(notice["participant"], "id-bob");
  EXPECT_EQ(notice["kind"], "camera");
  EXPECT_FALSE(notice["reason"].get<std::string>().empty());
  EXPECT_TRUE(q.texts("application/vnd.parley.notice+json").empty());   // opt-in like the events
  enter(world.page("carol"));
  pass();
  EXPECT_EQ(a.texts("application/vnd.parley.notice+json").size(), 1u);
}

TEST(VideoProfileTest, ARoomWithoutVideoRejectsVideoMLines) {
  RoomWorld world({.video = false});
  auto& alice = world.page("alice");
  auto& a = world.enter(alice);
  ASSERT_EQ(a.status(), 200);
  const auto answer = *sdp::parse(a.response->body());
  EXPECT_EQ(answer.media[1].port, 0);
  world.enter(world.page("bob"));
  world.advance(1s);
  EXPECT_EQ(offers(a), 0u);
  EXPECT_EQ(a.events("ConfbridgeWelcome").at(0)["bridge"]["video_mode"], "none");
}

TEST(VideoProfileTest, MaxVideoStreamsIsALimitForEachWatcher) {
  RoomWorld world({.max_video_streams = 2});
  auto& a = world.enter(world.page("alice"));
  for (const auto* name : {"b", "c", "d"}) world.enter(world.page(name));
  world.advance(1s);
  EXPECT_EQ(slots(a.last_offer()).size(), 2u);
}

TEST_F(VideoTest, NoLimitOf16MLines) {
  auto& a = enter(alice);
  for (int i = 0; i < 30; ++i) enter(world.page("p" + std::to_string(i)));
  world.advance(1s);
  EXPECT_EQ(slots(a.last_offer()).size(), 30u);
}

TEST_F(VideoTest, APageWithoutCameraSeesTheOthers) {
  enter(alice);
  bob.audio_only = true;
  auto& b = enter(bob);
  pass();
  ASSERT_EQ(offers(b), 1u);
  EXPECT_EQ(slots(b.last_offer()).at(0).label, "id-alice");
}

// RFC 3261 13.2.1: an INVITE without an offer gets ours in the 200.
TEST_F(VideoTest, AnInviteWithoutAnOfferIsOfferedTo) {
  auto& c = world.enter(world.phone("carol"), {.no_offer = true});
  ASSERT_EQ(c.status(), 200);
  EXPECT_NE(c.response->body().find("m=audio"), std::string_view::npos);
  EXPECT_EQ(world.rooms.find("team")->members(), 1u);
  EXPECT_TRUE(world.media_of(c).joined);
  auto& b = world.enter(bob, {.no_offer = true});
  ASSERT_EQ(b.status(), 200);
  EXPECT_NE(b.response->body().find("UDP/TLS/RTP/SAVPF"), std::string_view::npos);
  EXPECT_TRUE(world.media_of(b).joined);
}

}  // namespace
