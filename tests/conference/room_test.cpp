// Rooms: their names, who gets in, and that nothing is left of those who go.
#include "support/room_world.hpp"

namespace {

using namespace test_support;

TEST(RoomNameTest, AreFoundWithoutCaseAndShownAsWritten) {
  RoomWorld world;
  auto& a = world.phone("alice").invite("sip:Team%20Blue@parley", {.headers = "Accept: application/x-asterisk-confbridge-event+json\r\n"});
  auto& b = world.phone("bob").invite("sip:TEAM%20bLUE@parley");
  ASSERT_EQ(b.status(), 200);
  EXPECT_EQ(world.rooms.size(), 1u);
  EXPECT_EQ(world.rooms.find("team blue")->members(), 2u);
  EXPECT_EQ(a.events().at(0)["bridge"]["name"], "Team Blue");
}

TEST(RoomNameTest, PercentEscapedUnicode) {
  RoomWorld world;
  auto& a = world.phone("alice").invite("sip:K%C3%BCche%E2%80%AE@parley", {.headers = "Accept: application/x-asterisk-confbridge-event+json\r\n"});
  ASSERT_EQ(a.status(), 200);
  EXPECT_EQ(a.events().at(0)["bridge"]["name"], "K\xc3\xbc" "che");   // the override is gone
}

TEST(RoomNameTest, EightyCharactersNotBytes) {
  std::string name;
  for (int i = 0; i < 80; ++i) name += "\xc3\xbc";
  EXPECT_EQ(conference::Rooms::clean_name(name), name);
  EXPECT_EQ(conference::Rooms::clean_name(name + "x"), "");
  EXPECT_EQ(conference::Rooms::clean_name("\x01\x02"), "");
  EXPECT_EQ(conference::Rooms::clean_name("  "), "");
}

// RFC 3261 21.4.24
TEST(RoomTest, AFullOneIs486) {
  RoomWorld world({.max_members = 2});
  world.enter(world.phone("a"));
  auto& b = world.enter(world.phone("b"));
  auto& c = world.enter(world.phone("c"));
  EXPECT_EQ(c.status(), 486);
  b.bye();
  EXPECT_EQ(world.enter(world.phone("d")).status(), 200);
}

// RFC 3261 21.4.26, 20.43
TEST(RoomTest, AnOfferThatCantBeMetIs488WithAWarningThatNamesTheMLine) {
  RoomWorld world;
  auto& phone = world.phone("alice");
  auto& a = world.enter(phone, {.sdp = replace_all(replace_all(phone.phone_sdp(), "RTP/AVP 0 8 101", "RTP/AVP 97"), "a=rtpmap:101 telephone-event/8000", "a=rtpmap:97 G729/8000")});
  EXPECT_EQ(a.status(), 488);
  EXPECT_EQ(a.header("Warning").substr(0, 4), "399 ");
  EXPECT_NE(a.header("Warning").find("audio"), std::string::npos) << a.header("Warning");
  world.advance(1s);
  EXPECT_EQ(world.rooms.size(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
  EXPECT_EQ(world.environment.legs.size(), 0u);
}

TEST(RoomTest, GarbageInsteadOfAnOfferIs488AndNothingStays) {
  RoomWorld world;
  for (const auto* sdp : {"v=1\r\n", "garbage", "v=0\r\nm=\r\n", "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n"}) {
    EXPECT_EQ(world.enter(world.phone("alice"), {.sdp = sdp}).status(), 488) << sdp;
  }
  world.advance(1s);
  EXPECT_EQ(world.rooms.size(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
}

TEST(RoomTest, WithoutRoomForMediaIs503) {
  RoomWorld world;
  world.media.full = true;
  EXPECT_EQ(world.enter(world.phone("alice")).status(), 503);
}

TEST(RoomTest, ARoomLivesAsLongAsSomebodyIsInItAndMediaToo) {
  RoomWorld world;
  auto& a = world.enter(world.phone("a"));
  auto& b = world.enter(world.page("b"));
  const auto id = world.rooms.find("team")->id();
  EXPECT_TRUE(world.media_of(a).joined);
  EXPECT_TRUE(world.media_of(b).joined);
  EXPECT_EQ(world.media_of(a).bridge, world.media_of(b).bridge);
  a.bye();
  world.advance(1s);
  EXPECT_EQ(world.rooms.find("team")->id(), id);
  b.bye();
  world.advance(1s);
  EXPECT_EQ(world.rooms.find("team"), nullptr);
  EXPECT_EQ(world.media.legs_alive(), 0u);
  EXPECT_EQ(world.media.bridges_alive, 0);
  EXPECT_EQ(world.environment.legs.size(), 0u);
  world.advance(1min);
  EXPECT_EQ(world.agent->sessions(), 0u);
}

TEST(RoomTest, WhoComesInTheMomentWhenTheLastGoesFindsTheRoom) {
  RoomWorld world;
  auto& alice = world.phone("a");
  auto& bob = world.phone("b");
  auto& a = world.enter(alice);
  alice.write(a.text_of("BYE", {}, {}, {}));
  world.enter(bob);
  world.advance(1s);
  ASSERT_NE(world.rooms.find("team"), nullptr);
  EXPECT_EQ(world.rooms.find("team")->members(), 1u);
}

TEST(RoomTest, WhoNeverAcknowledgesIsNeverInTheRoomAndIsGoneAfter32Seconds) {
  RoomWorld world;
  auto& a = world.enter(world.phone("a"));
  auto& lost = world.phone("lost");
  lost.deaf = true;
  world.enter(lost);
  world.advance(20s);
  EXPECT_TRUE(a.events("ConfbridgeJoin").empty());
  world.advance(20s);
  EXPECT_EQ(world.rooms.find("team")->members(), 1u);
  EXPECT_EQ(world.media.legs_alive(), 1u);
  EXPECT_TRUE(a.events("ConfbridgeLeave").empty());
}

// RFC 3261 9.2
TEST(RoomTest, EndAllEndsEverybodyWithBye) {
  RoomWorld world;
  auto& a = world.enter(world.phone("a"));
  auto& b = world.enter(world.page("b"));
  world.rooms.end_all("SIP;cause=503;text=\"Shutting down\"");
  world.advance(1s);
  EXPECT_EQ(a.received(sip::Method::kBye).size(), 1u);
  EXPECT_EQ(b.received(sip::Method::kBye).size(), 1u);
  EXPECT_NE(a.received(sip::Method::kBye)[0]->message->value(sip::HeaderId::kReason).find("Shutting down"), std::string_view::npos);
  EXPECT_EQ(world.rooms.size(), 0u);
}

// Survival item 8
TEST(RoomTest, SurvivalItem8AConnectionThatClosesInTheMiddleLeavesNothing) {
  for (int step = 0; step < 4; ++step) {
    RoomWorld world;
    auto& page = world.page("alice");
    auto& other = world.enter(world.page("bob"));
    if (step == 0) page.deaf = true;                // the answer never arrives, no ACK
    if (step == 1) page.reinvite_status = 0;        // while our re-INVITE is out
    if (step == 2) page.message_status = [](const sip::Message&) { return 0; };   // while copies wait
    auto& a = world.enter(page);
    world.advance(100ms);
    if (step == 3) page.write(a.text_of("MESSAGE", {}, "text/plain", "x"));       // while its request is being answered
    if (step == 2) other.message("text/plain", "x");
    page.lose_flow();
    world.advance(1min);
    EXPECT_EQ(world.rooms.find("team")->members(), 1u) << step;
    EXPECT_EQ(world.media.legs_alive(), 1u) << step;
    EXPECT_EQ(world.agent->sessions(), 1u) << step;
    EXPECT_EQ(world.environment.legs.size(), 1u) << step;
  }
}

TEST(RoomTest, SurvivalItem7TheRoomsAreBounded) {
  RoomWorld world;
  conference::Rooms rooms(world.environment, {.profile = {}, .messages = {}, .max_rooms = 2});
  EXPECT_NE(rooms.find_or_create("a"), nullptr);
  EXPECT_NE(rooms.find_or_create("b"), nullptr);
  EXPECT_EQ(rooms.find_or_create("c"), nullptr);
  EXPECT_NE(rooms.find_or_create("A"), nullptr);
}

}  // namespace
