// Calls that nobody answers but the server: echo test, tone, file.
#include "support/memory_message_store.hpp"
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;
using Sound = bridge::Sound;

struct ServiceCallTest : testing::Test {
  static pbx::PbxConfig config(store::MessageStore* store) {
    pbx::PbxConfig c;
    c.lines = {{.name = "Webphone1"}};
    c.dial_plan.rules = {{.name = "echo", .pattern = "600", .to = "echo"},
                         {.name = "tone", .pattern = "601", .to = "tone:1000"},
                         {.name = "play", .pattern = "602", .to = "play:welcome.wav"}};
    c.sounds_directory = "/var/sounds";
    c.rooms.store = store;
    c.requests_per_second = 0;
    return c;
  }
  test::MemoryMessageStore store;
  PbxWorld world{config(&store)};
  Client& alice = world.registered(world.page("alice"));

  void expect_nothing_left() {
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.media.bridges_alive, 0);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

TEST_F(ServiceCallTest, TheEchoTestGivesSoundAndTextBack) {
  auto& a = alice.invite("sip:600@parley");
  ASSERT_EQ(a.status(), 200);
  EXPECT_TRUE(world.media_of(a).echo);
  EXPECT_TRUE(world.media_of(a).joined);
  EXPECT_EQ(a.message("text/plain", "are you there?"), 202);
  EXPECT_EQ(a.texts(), std::vector<std::string>{"are you there?"});
  EXPECT_EQ(a.message("image/png", "x"), 415);
  EXPECT_EQ(a.message("text/plain", "once", "Parley-Client-Message: 1\r\n"), 202);
  EXPECT_EQ(a.message("text/plain", "once", "Parley-Client-Message: 1\r\n"), 202);
  EXPECT_EQ(a.texts().size(), 2u);
  a.bye();
  expect_nothing_left();
}

TEST_F(ServiceCallTest, ATone) {
  auto& a = alice.invite("sip:601@parley");
  ASSERT_EQ(a.status(), 200);
  ASSERT_EQ(world.media_of(a).played.size(), 1u);
  EXPECT_EQ(world.media_of(a).played[0].kind, Sound::Kind::kTone);
  EXPECT_EQ(world.media_of(a).played[0].hertz, 1000u);
  EXPECT_EQ(a.message("text/plain", "x"), 403);
  a.bye();
  expect_nothing_left();
}

TEST_F(ServiceCallTest, AFileEndsTheCallWithItself) {
  auto& a = alice.invite("sip:602@parley");
  ASSERT_EQ(a.status(), 200);
  const auto& sound = world.media_of(a).played.at(0);
  EXPECT_EQ(sound.kind, Sound::Kind::kFile);
  EXPECT_EQ(sound.file, "/var/sounds/welcome.wav");
  EXPECT_FALSE(sound.loop);
  world.pbx.on_sound_ended(world.leg_of(a)->id(), true);
  world.settle();
  EXPECT_EQ(a.received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
}

TEST_F(ServiceCallTest, AFileThatIsNotThereEndsTheCallToo) {
  auto& a = alice.invite("sip:602@parley");
  world.pbx.on_sound_ended(world.leg_of(a)->id(), false);
  world.settle();
  EXPECT_EQ(a.received(sip::Method::kBye).size(), 1u);
}

TEST_F(ServiceCallTest, ItIsListedRecordedAndHungUpAsOthersAre) {
  auto& a = alice.invite("sip:600@parley");
  const auto calls = world.pbx.list_calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].state, pbx::CallInfo::State::kAnswered);
  EXPECT_EQ(calls[0].from.account, "alice");
  EXPECT_EQ(calls[0].to.number, "600");
  EXPECT_TRUE(world.pbx.presence().in_call("alice"));
  EXPECT_TRUE(world.pbx.hang_up(calls[0].id));
  world.settle();
  EXPECT_EQ(a.received(sip::Method::kBye).size(), 1u);
  ASSERT_EQ(store.calls.size(), 1u);
  EXPECT_EQ(store.calls[0].to_uri, "sip:600@parley");
  EXPECT_EQ(store.calls[0].status, 200);
  EXPECT_TRUE(store.calls[0].answer);
  EXPECT_FALSE(world.pbx.presence().in_call("alice"));
  expect_nothing_left();
}

TEST_F(ServiceCallTest, AGuestMayCallItAndAnOfferThatCantBeMetIsRefused) {
  EXPECT_EQ(world.page("visitor").invite("sip:600@parley").status(), 200);
  const std::string g729 = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 97\r\na=rtpmap:97 G729/8000\r\n";
  EXPECT_EQ(alice.invite("sip:600@parley", {.sdp = g729}).status(), 488);
}

TEST_F(ServiceCallTest, ACallerWhoHangsUpBeforeTheAck) {
  auto& a = alice.invite("sip:601@parley");
  a.sends_ack = false;
  auto& b = world.registered(world.phone("bob")).invite("sip:600@parley", {.no_offer = true});
  ASSERT_EQ(b.status(), 200);
  EXPECT_TRUE(world.media_of(b).echo);
  b.bye();
  a.bye();
  expect_nothing_left();
}

TEST_F(ServiceCallTest, APageThatIsReloadedGoesOnEchoing) {
  const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = "Ann"});
  auto& page = world.page(client->number, "Ann");
  page.password = client->secret;
  ASSERT_EQ(page.register_contact()->status(), 200);
  auto& a = page.invite("sip:600@parley");
  ASSERT_EQ(a.status(), 200);
  auto& again = page.invite("sip:600@parley", {.headers = "Parley-Resume: " + a.token() + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  EXPECT_TRUE(a.ended);
  EXPECT_TRUE(world.media_of(again).echo);
  EXPECT_EQ(world.pbx.calls(), 1u);
  again.bye();
  expect_nothing_left();
}

TEST_F(ServiceCallTest, AProgramPutsSomebodyThere) {
  ASSERT_TRUE(world.pbx.originate("alice", "600"));
  world.settle();
  auto& a = *alice.incoming.back();
  EXPECT_EQ(a.invite->from().uri_text, "sip:600@parley");
  a.answer();
  EXPECT_TRUE(world.media_of(a).echo);
  EXPECT_EQ(world.pbx.list_calls().at(0).state, pbx::CallInfo::State::kAnswered);
  a.bye();
  expect_nothing_left();
}

TEST_F(ServiceCallTest, SomebodyIsTransferredThere) {
  auto& bob = world.registered(world.phone("bob"));
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  EXPECT_EQ(a.request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <sip:600@parley>\r\n"), 202);
  EXPECT_TRUE(world.media_of(*bob.incoming.back()).echo);
  world.advance(5s);
  EXPECT_TRUE(a.ended);
  EXPECT_FALSE(bob.incoming.back()->ended);
  bob.incoming.back()->bye();
  expect_nothing_left();
}

}  // namespace
