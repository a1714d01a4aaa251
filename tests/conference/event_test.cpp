// Conference events (spec A.3): who is told what, and the exact JSON.
#include "support/room_world.hpp"

namespace {

using namespace test_support;
using nlohmann::json;

std::set<std::string> keys(const json& object) {
  std::set<std::string> result;
  for (const auto& [key, value] : object.items()) result.insert(key);
  return result;
}
std::set<std::string> operator+(std::set<std::string> a, const std::set<std::string>& b) {
  a.insert(b.begin(), b.end());
  return a;
}
const std::set<std::string> kChannel{"id", "name", "state", "caller", "creationtime", "language", "admin"};

struct EventTest : testing::Test {
  explicit EventTest(conference::RoomProfile profile = {}) : world(profile) {}
  RoomWorld world;
  Client& alice = page("alice", "Alice");
  Client& bob = page("bob", "Bob");
  Client& page(const std::string& user, const std::string& name) {
    auto& client = world.page(user, name);
    client.audio_only = true;
    return client;
  }
  conference::Room& room() { return *world.rooms.find("team"); }
};
struct EchoTest : EventTest {
  EchoTest() : EventTest({.echo_events = true}) {}
};

TEST_F(EventTest, AJoinerIsWelcomedWithEverybodyAndTheOthersAreToldOfTheJoin) {
  auto& a = world.enter(alice);
  world.advance(1s);
  auto& b = world.enter(bob);
  ASSERT_EQ(a.events().size(), 2u);    // her Welcome, Bob's Join
  ASSERT_EQ(b.events().size(), 1u);    // his Welcome
  const auto join = a.events("ConfbridgeJoin").at(0);
  EXPECT_EQ(keys(join), (std::set<std::string>{"type", "timestamp", "bridge", "channels"}));
  EXPECT_EQ(keys(join["bridge"]), (std::set<std::string>{"id", "name", "creationtime", "video_mode"}));
  EXPECT_EQ(join["bridge"]["name"], "team");
  EXPECT_EQ(join["bridge"]["video_mode"], "sfu");
  EXPECT_EQ(join["bridge"]["id"].get<std::string>().size(), 36u);
  EXPECT_EQ(join["bridge"]["creationtime"], "2026-09-21T14:13:20.123+0000");
  EXPECT_EQ(join["timestamp"], "2026-09-21T14:13:21.123+0000");
  ASSERT_EQ(join["channels"].size(), 1u);
  const auto& channel = join["channels"][0];
  EXPECT_EQ(keys(channel), (kChannel + std::set<std::string>{"muted"}));
  EXPECT_EQ(channel["id"], "id-bob");
  EXPECT_EQ(channel["state"], "Up");
  EXPECT_EQ(channel["caller"], (json{{"name", "Bob"}, {"number", "bob"}}));
  EXPECT_EQ(channel["creationtime"], "2026-09-21T14:13:21.123+0000");
  EXPECT_EQ(channel["language"], "en");
  EXPECT_EQ(channel["admin"], false);
  EXPECT_EQ(channel["muted"], false);
  EXPECT_EQ(channel["name"].get<std::string>().substr(0, 8), "SIP/bob-");
  const auto welcome = b.events().at(0);
  EXPECT_EQ(welcome["type"], "ConfbridgeWelcome");
  ASSERT_EQ(welcome["channels"].size(), 2u);    // himself included
  EXPECT_EQ(welcome["channels"][0]["id"], "id-alice");
  EXPECT_EQ(welcome["channels"][1]["id"], "id-bob");
  EXPECT_EQ(keys(welcome["channels"][0]), (kChannel + std::set<std::string>{"muted", "talking"}));
}

// The original stamps the joiner's flags on everybody.
TEST_F(EventTest, WelcomeHasEachOnesOwnFlags) {
  auto& a = world.enter(alice);
  auto& c = world.enter(page("carol", "Carol"));
  room().mute(*world.leg_of(a), true);
  world.leg_of(c)->on_talking(true);
  auto& b = world.enter(bob);
  const auto channels = b.events("ConfbridgeWelcome").at(0)["channels"];
  ASSERT_EQ(channels.size(), 3u);
  EXPECT_EQ(channels[0]["muted"], true);
  EXPECT_EQ(channels[0]["talking"], false);
  EXPECT_EQ(channels[1]["muted"], false);
  EXPECT_EQ(channels[1]["talking"], true);
  EXPECT_EQ(channels[2]["muted"], false);
  EXPECT_EQ(channels[2]["talking"], false);
}

TEST_F(EventTest, ComesAsAMessageFromTheRoom) {
  auto& a = world.enter(alice);
  const auto& message = *a.messages().at(0)->message;
  EXPECT_EQ(message.from().display(), "team");
  EXPECT_EQ(message.content_type(), "application/x-asterisk-confbridge-event+json");
  EXPECT_EQ(message.to_tag(), a.local_tag);
  EXPECT_TRUE(a.messages()[0]->sent.utf8);
}

TEST_F(EventTest, LeaveHasAReason) {
  auto& a = world.enter(alice);
  auto& b = world.enter(bob);
  EXPECT_EQ(b.bye(), 200);
  const auto leave = a.events("ConfbridgeLeave").at(0);
  ASSERT_EQ(leave["channels"].size(), 1u);
  EXPECT_EQ(keys(leave["channels"][0]), (kChannel + std::set<std::string>{"reason"}));
  EXPECT_EQ(leave["channels"][0]["id"], "id-bob");
  EXPECT_EQ(leave["channels"][0]["reason"], "left");
  EXPECT_TRUE(b.events("ConfbridgeLeave").empty());
  auto& again = world.enter(bob);
  world.leg_of(again)->end("SIP;cause=200;text=\"Removed\"");
  world.settle();
  EXPECT_EQ(a.events("ConfbridgeLeave").at(1)["channels"][0]["reason"], "removed");
}

TEST_F(EventTest, MuteByTheServerAndByThePage) {
  auto& a = world.enter(alice);
  auto& b = world.enter(bob);
  room().mute(*world.leg_of(b), true);
  room().mute(*world.leg_of(b), true);   // nothing new
  world.settle();
  ASSERT_EQ(a.events("ConfbridgeMute").size(), 1u);
  EXPECT_EQ(keys(a.events("ConfbridgeMute")[0]["channels"][0]), kChannel);
  EXPECT_EQ(a.events("ConfbridgeMute")[0]["channels"][0]["id"], "id-bob");
  EXPECT_TRUE(b.events("ConfbridgeMute").empty());
  EXPECT_EQ(b.message("application/x-parley-mute+json", R"({"muted": false})"), 202);
  EXPECT_EQ(a.events("ConfbridgeUnmute").size(), 1u);
  EXPECT_FALSE(world.media_of(b).muted);
  EXPECT_EQ(b.message("application/x-parley-mute+json", R"({"muted": true})"), 202);
  EXPECT_TRUE(world.media_of(b).muted);
  EXPECT_FALSE(world.media_of(a).muted);
  EXPECT_TRUE(a.messages("application/x-parley-mute+json").empty());   // no text for the others
}

TEST_F(EventTest, SurvivalItem2AMuteThatMakesNoSenseIs400AndDoesNothing) {
  auto& b = world.enter(bob);
  for (const auto* body : {"muted", "{}", R"({"muted": 1})", "[]", "null", R"({"muted": true)", "\xff\xfe"}) {
    EXPECT_EQ(b.message("application/x-parley-mute+json", body), 400) << body;
  }
  EXPECT_FALSE(world.media_of(b).muted);
  EXPECT_EQ(b.message("application/x-parley-mute+json", std::string(20000, '[')), 400);
  EXPECT_EQ(b.message("application/x-parley-mute+json", R"({"muted": true, "participant": "id-alice"})"), 202);
  EXPECT_TRUE(world.media_of(b).muted);   // one's own alone
}

TEST_F(EventTest, TalkingIsToldToTheOthers) {
  auto& a = world.enter(alice);
  auto& b = world.enter(bob);
  world.leg_of(b)->on_talking(true);
  world.leg_of(b)->on_talking(false);
  world.settle();
  const auto talking = a.events("ConfbridgeTalking");
  ASSERT_EQ(talking.size(), 2u);
  EXPECT_EQ(keys(talking[0]["channels"][0]), (kChannel + std::set<std::string>{"talking_status"}));
  EXPECT_EQ(talking[0]["channels"][0]["talking_status"], "on");
  EXPECT_EQ(talking[1]["channels"][0]["talking_status"], "off");
  EXPECT_TRUE(b.events("ConfbridgeTalking").empty());
}

TEST_F(EventTest, AreOptInByTheAcceptOfTheInvite) {
  const auto welcomes = [&](const std::string& headers) {
    auto& client = world.phone("p" + world.fresh("x"));
    return world.enter(client, {.headers = headers}).events().size();
  };
  EXPECT_EQ(welcomes("Accept: application/sdp, application/x-asterisk-confbridge-event+json\r\n"), 1u);
  EXPECT_EQ(welcomes("Accept: application/x-asterisk-confbridge-event+json\r\n"), 1u);   // leniently
  EXPECT_EQ(welcomes("Accept: application/sdp\r\nAccept: application/x-asterisk-confbridge-event+json\r\n"), 1u);
  EXPECT_EQ(welcomes("Accept: application/sdp;q=0.8, application/x-asterisk-confbridge-event+json ;q=0.5\r\n"), 1u);
  EXPECT_EQ(welcomes("Accept: application/x-asterisk-confbridge-event+json; level=1\r\n"), 1u);
  EXPECT_EQ(welcomes("Accept: application/sdp, application/x-asterisk-confbridge-event+json;q=0.0\r\n"), 0u);
  EXPECT_EQ(welcomes("Accept: application/sdp\r\n"), 0u);
  EXPECT_EQ(welcomes("X-None: 1\r\n"), 0u);
}

TEST_F(EventTest, WhoDidNotAskGetsNoneThroughoutTheCall) {
  auto& a = world.enter(alice, {.headers = "X-None: 1\r\n"});
  auto& b = world.enter(bob);
  world.leg_of(b)->on_talking(true);
  b.bye();
  EXPECT_TRUE(a.messages().empty());
}

TEST(EventProfileTest, AreForEverybodyWhereTheProfileSaysSo) {
  RoomWorld world({.enable_events = true});
  auto& a = world.enter(world.phone("alice"), {.headers = "X-None: 1\r\n"});
  EXPECT_EQ(a.events("ConfbridgeWelcome").size(), 1u);
}

TEST(EventProfileTest, TalkingCanBeSwitchedOff) {
  RoomWorld world({.talk_detection_events = false});
  auto& a = world.enter(world.phone("alice"));
  auto& b = world.enter(world.phone("bob"));
  world.leg_of(b)->on_talking(true);
  world.settle();
  EXPECT_TRUE(a.events("ConfbridgeTalking").empty());
}

TEST_F(EchoTest, EchoSendsThemToTheOneThatCausedThemToo) {
  auto& a = world.enter(alice);
  auto& b = world.enter(bob);
  EXPECT_EQ(b.events("ConfbridgeJoin").size(), 1u);
  EXPECT_EQ(b.message("application/x-parley-mute+json", R"({"muted": true})"), 202);
  world.leg_of(b)->on_talking(true);
  world.settle();
  EXPECT_EQ(b.events("ConfbridgeMute").size(), 1u);
  EXPECT_EQ(b.events("ConfbridgeTalking").size(), 1u);
  EXPECT_EQ(a.events("ConfbridgeMute").size(), 1u);
}

// The original exposes other participants' Call-IDs.
TEST_F(EventTest, SurvivalItem22NoEventHoldsACallIdATagOrAToken) {
  auto& a = world.enter(alice);
  auto& b = world.enter(bob);
  EXPECT_EQ(b.message("application/x-parley-mute+json", R"({"muted": true})"), 202);
  b.bye();
  for (const auto* r : a.messages()) {
    const std::string body(r->message->body());
    for (const auto& secret : {b.call_id, b.local_tag, b.remote_tag, a.call_id, std::string("secret-"), std::string("protocol_id")}) {
      EXPECT_EQ(body.find(secret), body.npos) << secret;
    }
  }
}

TEST_F(EventTest, SurvivalItem11NamesAreEscapedAndCleaned) {
  auto& a = world.enter(alice);
  world.enter(bob, {.headers = "Accept: application/x-asterisk-confbridge-event+json\r\n", .display = "<b>\"B\"\\ob</b>\u202e\x07"});
  const auto join = a.events("ConfbridgeJoin");
  ASSERT_EQ(join.size(), 1u);
  EXPECT_EQ(join[0]["channels"][0]["caller"]["name"], "<b>\"B\"\\ob</b>");
}

TEST(EventTimeTest, MillisecondsAndAZoneWithoutAColon) {
  EXPECT_EQ(conference::event_time(base::WallTime{1'534'516'410s + 806ms}), "2018-08-17T14:33:30.806+0000");
}

TEST(EventJsonTest, RecordEventsHaveNoChannels) {
  const auto text = conference::write_event(conference::EventType::kRecord, {}, {.id = "i", .name = "r", .created = {}, .video_mode = "sfu"}, {});
  const auto event = json::parse(text);
  EXPECT_EQ(event["type"], "ConfbridgeRecord");
  EXPECT_FALSE(event.contains("channels"));
  EXPECT_EQ(to_string(conference::EventType::kStopRecord), "ConfbridgeStopRecord");
}

}  // namespace
