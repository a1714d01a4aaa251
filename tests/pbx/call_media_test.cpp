// What the two of a call hear beside each other: early media, ringback, music while they are held, digits.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;
using Kind = bridge::Sound::Kind;

struct CallMediaTest : testing::Test {
  static pbx::PbxConfig config() {
    pbx::PbxConfig c;
    c.music = "/var/music.opus";
    c.call.ring_timeout = 150s;
    c.lines = {{.name = "Webphone1"}};
    c.groups = {{.name = "InOrder", .members = {"bob", "carol"}, .strategy = pbx::GroupConfig::Strategy::kInOrder, .ring_time = 10s}};
    c.requests_per_second = 0;
    return c;
  }
  PbxWorld world{config()};
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;

  void dial(const std::string& to = "bob") {
    a = &alice.invite("sip:" + to + "@parley");
    b = bob.incoming.back();
  }
  void talk() {
    dial();
    b->answer();
    ASSERT_EQ(a->status(), 200);
  }
  void early(ClientCall& call, int status = 183) { call.reply_to_invite(status, "application/sdp", call.client.phone_sdp()); }
  // The last response to Alice's INVITE with that status.
  std::string response(int status) const {
    for (auto it = world.log.rbegin(); it != world.log.rend(); ++it) {
      if (it->text.starts_with("SIP/2.0 " + std::to_string(status)) && it->text.find(" INVITE\r\n") != std::string::npos) return it->text;
    }
    return {};
  }
  static std::string body(const std::string& text) { return text.substr(text.find("\r\n\r\n") + 4); }
  bool hears(ClientCall& call, Kind kind) {
    const auto& media = world.media_of(call);
    return media.sounding && media.played.back().kind == kind;
  }
  static std::string held(const std::string& sdp, const std::string& how = "sendonly") { return replace_all(sdp, "a=sendrecv", "a=" + how); }
  int info(ClientCall& call, const std::string& type, const std::string& body_text) { return call.request("INFO", {}, type, body_text); }
};

// RFC 3960 3.1, RFC 3261 13.2.1
TEST_F(CallMediaTest, EarlyMediaIsHeardBeforeTheAnswer) {
  dial();
  early(*b);
  ASSERT_TRUE(a->provisional(183));
  EXPECT_FALSE(a->provisional(180));
  EXPECT_TRUE(world.media_of(*a).joined);
  EXPECT_TRUE(world.media_of(*b).joined);
  EXPECT_EQ(world.media_of(*b).configured.size(), 1u);
  EXPECT_EQ(a->status(), 0);
  EXPECT_EQ(a->message("text/plain", "x"), 0);               // no dialog yet that it could be sent in
  const auto told_early = body(response(183));
  EXPECT_NE(told_early.find("m=audio"), std::string::npos);
  b->answer();
  ASSERT_EQ(a->status(), 200);
  EXPECT_EQ(a->response->body(), told_early);                // the same again
  EXPECT_EQ(world.media_of(*a).bridge, world.media_of(*b).bridge);
  world.advance(1s);
  EXPECT_EQ(a->message("text/plain", "now"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"now"});
  EXPECT_TRUE(a->received(sip::Method::kInvite).empty());
}

TEST_F(CallMediaTest, WhoAnswersElsewhereThanTheEarlyMediaCameFromIsHeard) {
  dial();
  early(*b);
  const auto elsewhere = replace_all(bob.phone_sdp(), "m=audio 4000", "m=audio 4400");
  b->reply_to_invite(200, "application/sdp", elsewhere);
  ASSERT_EQ(a->status(), 200);
  ASSERT_TRUE(world.media_of(*b).media().negotiated.rtp);
  EXPECT_EQ(world.media_of(*b).media().negotiated.rtp->port(), 4400);
}

// RFC 3261 13.3.1.1
TEST_F(CallMediaTest, ThatItRingsIsSaidAgainEachMinute) {
  dial();
  b->ring();
  world.advance(121s);
  EXPECT_EQ(a->provisionals, (std::vector<int>{180, 180, 180}));
  early(*b);
  world.advance(10s);
  b->answer();
  world.advance(5min);
  EXPECT_EQ(a->provisionals.size(), 4u);
}

TEST_F(CallMediaTest, EarlyMediaThatMakesNoSenseIsRinging) {
  dial();
  b->reply_to_invite(183, "application/sdp", "garbage");
  EXPECT_TRUE(a->provisional(180));
  EXPECT_FALSE(a->provisional(183));
  b->answer();
  EXPECT_EQ(a->status(), 200);
}

TEST_F(CallMediaTest, OfSeveralBranchesNoneIsHeardEarly) {
  auto& desk = world.registered(world.phone("bob", "Desk"));
  dial();
  early(*b);
  EXPECT_TRUE(a->provisional(180));
  EXPECT_FALSE(a->provisional(183));
  EXPECT_FALSE(world.media_of(*a).joined);
  EXPECT_FALSE(world.media_of(*b).joined);
  desk.incoming.back()->answer();
  ASSERT_EQ(a->status(), 200);
  EXPECT_TRUE(world.media_of(*a).joined);
}

TEST_F(CallMediaTest, WhoHasHeardEarlyMediaHearsRingingWhileTheNextOneRings) {
  auto& carol = world.registered(world.phone("carol", "Carol"));
  dial("inorder");
  early(*b);
  b->refuse(486);
  ASSERT_EQ(carol.incoming.size(), 1u);
  EXPECT_TRUE(hears(*a, Kind::kRingback));
  early(*carol.incoming.back());
  EXPECT_FALSE(world.media_of(*a).sounding);
  EXPECT_TRUE(world.media_of(*carol.incoming.back()).joined);
  carol.incoming.back()->answer();
  EXPECT_EQ(a->status(), 200);
}

TEST_F(CallMediaTest, AfterAnAnnouncementTheRefusalIsTold) {
  dial();
  early(*b);
  b->refuse(603);
  EXPECT_EQ(a->status(), 603);
  world.advance(1min);
  EXPECT_EQ(world.media.legs_alive(), 0u);
}

TEST_F(CallMediaTest, ACallerWithoutAnOfferHasNoEarlyMedia) {
  auto& carol = world.registered(world.phone("carol"));
  auto& c = carol.invite("sip:bob@parley", {.no_offer = true});
  early(*bob.incoming.back());
  EXPECT_TRUE(c.provisional(180));
  EXPECT_FALSE(c.provisional(183));
  bob.incoming.back()->answer();
  EXPECT_EQ(c.status(), 200);
}

// RFC 3262 5: in a reliable 183 the answer is given once.
TEST_F(CallMediaTest, ACallerWithReliableResponsesAcknowledgesItsEarlyMedia) {
  auto& carol = world.registered(world.phone("carol"));
  auto& c = carol.invite("sip:bob@parley", {.headers = "Supported: 100rel\r\n"});
  early(*bob.incoming.back());
  const auto told = response(183);
  ASSERT_NE(told.find("RSeq: "), std::string::npos);
  const auto number = told.substr(told.find("RSeq: ") + 6, told.find("\r\n", told.find("RSeq: ")) - told.find("RSeq: ") - 6);
  const auto message = *sip::Message::parse(base::share(told));
  c.remote_tag = message->to_tag();
  c.target = message->contact()->uri_text;
  EXPECT_EQ(c.request("PRACK", "RAck: " + number + " " + std::to_string(c.invite_cseq) + " INVITE\r\n"), 200);
  bob.incoming.back()->answer();
  ASSERT_EQ(c.status(), 200);
  EXPECT_TRUE(c.response->body().empty());
  EXPECT_EQ(c.message("text/plain", "hello"), 202);
}

TEST_F(CallMediaTest, WhoWasRungFirstHearsRingback) {
  ASSERT_TRUE(world.pbx.originate("alice", "bob"));
  world.settle();
  a = alice.incoming.back();
  a->answer();
  EXPECT_TRUE(hears(*a, Kind::kRingback));
  bob.incoming.back()->answer();
  EXPECT_FALSE(world.media_of(*a).sounding);
  EXPECT_TRUE(world.media_of(*a).joined);
}

TEST_F(CallMediaTest, WhoIsHeldHearsMusicAndTextGoesOn) {
  talk();
  ASSERT_EQ(b->reinvite(held(bob.phone_sdp())), 200);
  EXPECT_TRUE(hears(*a, Kind::kMusic));
  EXPECT_EQ(world.media_of(*a).played.back().file, "/var/music.opus");
  EXPECT_FALSE(world.media_of(*b).sounding);
  EXPECT_TRUE(world.media_of(*b).muted);                     // a phone may send music of its own
  EXPECT_EQ(a->message("text/plain", "still there"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"still there"});
  ASSERT_EQ(b->reinvite(held(bob.phone_sdp())), 200);        // said again: nothing new
  EXPECT_EQ(world.media_of(*a).played.size(), 1u);
  ASSERT_EQ(b->reinvite(bob.phone_sdp()), 200);
  EXPECT_FALSE(world.media_of(*a).sounding);
  EXPECT_FALSE(world.media_of(*b).muted);
}

TEST_F(CallMediaTest, WhoHoldsAsWellHearsNoMusic) {
  talk();
  ASSERT_EQ(b->reinvite(held(bob.phone_sdp())), 200);
  ASSERT_EQ(a->reinvite(held(a->description)), 200);
  EXPECT_FALSE(world.media_of(*a).sounding);
  EXPECT_FALSE(world.media_of(*b).sounding);
  ASSERT_EQ(b->reinvite(bob.phone_sdp()), 200);
  EXPECT_TRUE(hears(*b, Kind::kMusic));
  ASSERT_EQ(a->reinvite(replace_all(a->description, "a=sendonly", "a=sendrecv")), 200);
  EXPECT_FALSE(world.media_of(*b).sounding);
}

TEST_F(CallMediaTest, MusicEndsWithWhoHeld) {
  auto& carol = world.registered(world.phone("carol", "Carol"));
  talk();
  ASSERT_EQ(b->reinvite(held(bob.phone_sdp(), "inactive")), 200);
  EXPECT_TRUE(hears(*a, Kind::kMusic));
  ASSERT_EQ(b->request("REFER", "Contact: " + bob.contact() + "\r\nRefer-To: <sip:carol@parley>\r\n"), 202);
  carol.incoming.back()->answer();
  EXPECT_FALSE(world.media_of(*a).sounding);
}

// RFC 4733: what comes in events goes out as the other one's do.
TEST_F(CallMediaTest, DigitsGoToTheOther) {
  talk();
  world.pbx.on_dtmf(world.leg_of(*a)->id(), '5');
  world.pbx.on_dtmf(world.leg_of(*a)->id(), '#');
  EXPECT_EQ(world.media_of(*b).digits, "5#");
  EXPECT_EQ(world.media_of(*a).digits, "");
  world.pbx.on_dtmf(world.leg_of(*b)->id(), '1');
  EXPECT_EQ(world.media_of(*a).digits, "1");
  world.pbx.on_dtmf({9999}, '1');
}

TEST_F(CallMediaTest, DigitsReachAMachineThatSpeaksBeforeTheAnswer) {
  dial();
  world.pbx.on_dtmf(world.leg_of(*a)->id(), '1');            // nobody there yet
  early(*b);
  world.pbx.on_dtmf(world.leg_of(*a)->id(), '2');
  EXPECT_EQ(world.media_of(*b).digits, "2");
}

// RFC 6086: the legacy use of INFO.
TEST_F(CallMediaTest, DigitsByInfo) {
  talk();
  EXPECT_EQ(info(*b, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), 200);
  EXPECT_EQ(info(*b, "application/dtmf-relay", "Duration=160\nsignal = *\n"), 200);
  EXPECT_EQ(info(*b, "application/dtmf", "9"), 200);
  EXPECT_EQ(info(*b, "application/dtmf", "11"), 200);        // the event's number: #
  EXPECT_EQ(info(*b, "application/dtmf-relay", "Signal=a\r\n"), 200);
  EXPECT_EQ(info(*b, "application/dtmf-relay", "Signal=16\r\n"), 200);   // a flash is no digit
  EXPECT_EQ(world.media_of(*a).digits, "5*9#A");
}

TEST_F(CallMediaTest, InfoThatMakesNoSense) {
  talk();
  for (const auto* bad : {"", "Signal=\r\n", "Signal=55555555555555555555\r\n", "Signal=x\r\n", "Duration=160\r\n", "\r\n\r\n\r\n="}) {
    EXPECT_EQ(info(*b, "application/dtmf-relay", bad), 400) << bad;
  }
  EXPECT_EQ(info(*b, "application/dtmf", "hello"), 400);
  EXPECT_EQ(info(*b, "application/dtmf-relay", std::string(1000, '1')), 400);
  EXPECT_EQ(info(*b, "application/media_control+xml", "<x/>"), 200);
  EXPECT_EQ(b->request("INFO"), 200);
  EXPECT_EQ(world.media_of(*a).digits, "");
}

TEST_F(CallMediaTest, InARoomDigitsAreNobodys) {
  auto& x = world.enter(world.page("one"));
  auto& y = world.enter(world.page("two"));
  EXPECT_EQ(info(x, "application/dtmf-relay", "Signal=5\r\n"), 200);
  world.pbx.on_dtmf(world.leg_of(x)->id(), '5');
  EXPECT_EQ(world.media_of(y).digits, "");
}

// Two pages: video both ways in each one's own m-line, whoever of several contacts answers.
TEST_F(CallMediaTest, VideoBothWaysWithWhoeverAnswers) {
  auto& second = world.registered(world.page("bob", "Page"));
  dial();
  b->ring();
  second.incoming.back()->answer();
  ASSERT_EQ(a->status(), 200);
  world.advance(1s);
  auto& s = *second.incoming.back();
  ASSERT_EQ(world.media_of(*a).media().shows.size(), 1u);
  ASSERT_EQ(world.media_of(s).media().shows.size(), 1u);
  EXPECT_EQ(world.media_of(*a).media().shows[0].second, world.media_of(s).media().publishes.at(0).second);
  EXPECT_EQ(world.media_of(s).media().shows[0].second, world.media_of(*a).media().publishes.at(0).second);
}

TEST_F(CallMediaTest, VideoBothWaysAfterEarlyMedia) {
  auto& carol = world.registered(world.page("carol"));
  a = &alice.invite("sip:carol@parley");
  auto& c = *carol.incoming.back();
  c.reply_to_invite(183, "application/sdp", chromium_answer(c.invite->body()));
  ASSERT_TRUE(a->provisional(183));
  world.advance(1s);
  ASSERT_EQ(world.media_of(*a).media().shows.size(), 1u);
  const auto source = world.media_of(c).media().publishes.at(0).second;
  c.answer();
  ASSERT_EQ(a->status(), 200);
  world.advance(1s);
  EXPECT_EQ(world.media_of(*a).media().shows.at(0).second, source);
  EXPECT_EQ(world.media_of(c).media().publishes.at(0).second, source);
  EXPECT_TRUE(a->received(sip::Method::kInvite).empty());
}

}  // namespace
