// A call of two between accounts: ring, answer, busy, reject, cancel, forking, hold, bye, text.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

struct CallTest : testing::Test {
  explicit CallTest(pbx::PbxConfig config = {}) : world(std::move(config)) {}
  PbxWorld world;
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));

  // Alice has dialled Bob, whose contact rings.
  ClientCall& dial() {
    auto& a = alice.invite("sip:bob@parley");
    EXPECT_EQ(bob.incoming.size(), 1u);
    return a;
  }
  ClientCall& at_bob() { return *bob.incoming.back(); }
  ClientCall& talk() {
    auto& a = dial();
    at_bob().answer();
    EXPECT_EQ(a.status(), 200);
    return a;
  }
  void expect_nothing_left() {
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.media.bridges_alive, 0);
    EXPECT_EQ(world.environment.legs.size(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

// RFC 3261 13.3.1.1, 21.1.2
TEST_F(CallTest, RingsAndIsAnswered) {
  auto& a = dial();
  EXPECT_FALSE(a.provisional(180));
  at_bob().ring();
  EXPECT_TRUE(a.provisional(180));
  EXPECT_EQ(a.status(), 0);
  at_bob().answer();
  ASSERT_EQ(a.status(), 200);
  EXPECT_TRUE(world.media_of(a).joined);
  EXPECT_TRUE(world.media_of(at_bob()).joined);
  EXPECT_EQ(world.media_of(a).bridge, world.media_of(at_bob()).bridge);
  EXPECT_TRUE(world.media_of(a).webrtc);
  EXPECT_FALSE(world.media_of(at_bob()).webrtc);
  world.advance(1s);
  EXPECT_EQ(world.agent->sessions(), 2u);
}

TEST_F(CallTest, TheCalleeSeesWhoCallsAndIsAskedByItsOwnContact) {
  dial();
  const auto& invite = *at_bob().invite;
  EXPECT_EQ(invite.request_uri_text(), "sip:bob@" + bob.source.remote.to_string());
  EXPECT_EQ(invite.from().display(), "Alice Liddell");
  EXPECT_EQ(invite.from().uri_text, "sip:alice@parley");
  EXPECT_EQ(invite.to().uri_text, "sip:bob@parley");
  EXPECT_EQ(invite.media_type(), "application/sdp");
  EXPECT_EQ(invite.body().find("SAVPF"), std::string_view::npos);    // a phone is offered plain RTP
  EXPECT_EQ(invite.find(sip::HeaderId::kAuthorization), nullptr);
  EXPECT_EQ(invite.find("Parley-Resume"), nullptr);
}

// RFC 3261 21.4.22, 21.6.2
TEST_F(CallTest, BusyAndRejectAreTold) {
  for (const auto& [said, told] : {std::pair{486, 486}, std::pair{603, 603}, std::pair{600, 600}, std::pair{480, 480}}) {
    auto& a = alice.invite("sip:bob@parley");
    at_bob().ring();
    at_bob().refuse(said);
    EXPECT_EQ(a.status(), told);
  }
  expect_nothing_left();
}

// RFC 3261 21.4.18
TEST_F(CallTest, AnAccountWithoutContactsIs480) {
  EXPECT_EQ(alice.invite("sip:carol@parley").status(), 480);
  expect_nothing_left();
}

TEST_F(CallTest, AGuestMayCallAnAccount) {
  auto& guest = world.page("visitor", "Guest");
  auto& a = guest.invite("sip:bob@parley");
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(at_bob().invite->from().display(), "Guest");
  at_bob().answer();
  EXPECT_EQ(a.status(), 200);
}

// RFC 3261 9.2
TEST_F(CallTest, TheCallerCancels) {
  auto& a = dial();
  at_bob().ring();
  a.cancel();
  EXPECT_EQ(a.status(), 487);
  EXPECT_TRUE(at_bob().cancelled);
  expect_nothing_left();
}

TEST_F(CallTest, TheCallerCancelsBeforeAnythingRang) {
  bob.deaf = true;
  auto& a = alice.invite("sip:bob@parley");
  a.cancel();
  EXPECT_EQ(a.status(), 487);
  expect_nothing_left();
}

// RFC 3261 9.1: the CANCEL crosses the 200.
TEST_F(CallTest, ACancelThatCrossesTheAnswerOfTheCalleeEndsThatCall) {
  auto& a = dial();
  auto& b = at_bob();
  b.ring();
  // Bob's 200 is written after the CANCEL has reached the server, but before it has reached Bob.
  bob.deaf = true;
  a.cancel();
  EXPECT_EQ(a.status(), 487);
  bob.deaf = false;
  b.answer();
  world.advance(1s);
  EXPECT_TRUE(b.ended);               // acknowledged and ended by BYE
  EXPECT_EQ(b.received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
}

TEST_F(CallTest, ACancelAfterTheAnswerChangesNothing) {
  auto& a = talk();
  a.cancel();
  world.advance(1s);
  EXPECT_EQ(a.status(), 200);
  EXPECT_NE(world.leg_of(a), nullptr);
}

TEST_F(CallTest, NobodyAnswersWithinTheRingTime) {
  auto& a = dial();
  at_bob().ring();
  world.advance(61s);
  EXPECT_EQ(a.status(), 480);
  EXPECT_TRUE(at_bob().cancelled);
  expect_nothing_left();
}

TEST_F(CallTest, AContactThatIsGoneIsGivenUp) {
  bob.deaf = true;
  auto& a = alice.invite("sip:bob@parley");
  world.advance(40s);
  EXPECT_EQ(a.status(), 480);
  expect_nothing_left();
}

// RFC 3261 16.7
TEST_F(CallTest, AllContactsRingAndTheLosersAreCancelled) {
  auto& second = world.phone("bob", "Desk");
  auto& third = world.page("bob", "Page");
  world.registered(second);
  world.registered(third);
  auto& a = alice.invite("sip:bob@parley");
  ASSERT_EQ(second.incoming.size(), 1u);
  ASSERT_EQ(third.incoming.size(), 1u);
  EXPECT_NE(third.incoming[0]->invite->body().find("SAVPF"), std::string_view::npos);
  EXPECT_EQ(second.incoming[0]->invite->body().find("SAVPF"), std::string_view::npos);
  for (auto* client : {&bob, &second, &third}) client->incoming[0]->ring();
  EXPECT_EQ(std::count(a.provisionals.begin(), a.provisionals.end(), 180), 1);
  second.incoming[0]->answer();
  EXPECT_EQ(a.status(), 200);
  for (auto* client : {&bob, &third}) EXPECT_TRUE(client->incoming[0]->cancelled);
  EXPECT_FALSE(second.incoming[0]->ended);
  world.advance(1s);
  EXPECT_EQ(world.media.legs_alive(), 2u);
  EXPECT_EQ(a.message("text/plain", "hi"), 202);
  EXPECT_EQ(second.incoming[0]->texts(), std::vector<std::string>{"hi"});
}

TEST_F(CallTest, TwoAnswerAtOnceAndOneIsEnded) {
  auto& second = world.registered(world.phone("bob"));
  auto& a = alice.invite("sip:bob@parley");
  bob.deaf = true;                       // the CANCEL does not reach Bob in time
  second.incoming[0]->answer();
  bob.deaf = false;
  bob.incoming[0]->answer();
  world.advance(1s);
  EXPECT_EQ(a.status(), 200);
  EXPECT_EQ(bob.incoming[0]->received(sip::Method::kBye).size(), 1u);
  EXPECT_FALSE(second.incoming[0]->ended);
  EXPECT_EQ(world.media.legs_alive(), 2u);
}

TEST_F(CallTest, OneRefusesAndTheOtherAnswers) {
  auto& second = world.registered(world.phone("bob"));
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming[0]->refuse(486);
  EXPECT_EQ(a.status(), 0);
  second.incoming[0]->answer();
  EXPECT_EQ(a.status(), 200);
}

// RFC 3261 16.7 step 6
TEST_F(CallTest, OfSeveralRefusalsTheOneThatSaysMostIsTold) {
  auto& second = world.registered(world.phone("bob"));
  auto& a = alice.invite("sip:bob@parley");
  bob.incoming[0]->refuse(486);
  second.incoming[0]->refuse(480);
  EXPECT_EQ(a.status(), 486);
  expect_nothing_left();
}

// RFC 3261 15.1.2
TEST_F(CallTest, ByeFromTheCaller) {
  auto& a = talk();
  EXPECT_EQ(a.bye(), 200);
  EXPECT_TRUE(at_bob().ended);
  expect_nothing_left();
}
TEST_F(CallTest, ByeFromTheCallee) {
  auto& a = talk();
  EXPECT_EQ(at_bob().bye(), 200);
  EXPECT_TRUE(a.ended);
  expect_nothing_left();
}
TEST_F(CallTest, ByeFromTheCalleeBeforeTheCallerHasAcknowledged) {
  auto& a = dial();
  a.sends_ack = false;
  at_bob().answer();
  ASSERT_EQ(a.status(), 200);
  EXPECT_EQ(at_bob().bye(), 200);
  a.ack();
  world.settle();
  EXPECT_TRUE(a.ended);
  expect_nothing_left();
}

// RFC 3264 8.4
TEST_F(CallTest, HoldByReinviteIsTheLegsOwnAndTheOtherIsNotBothered) {
  auto& a = talk();
  auto& b = at_bob();
  auto* leg = world.leg_of(b);
  EXPECT_FALSE(leg->on_hold());
  ASSERT_EQ(b.reinvite(replace_all(bob.phone_sdp(), "a=sendrecv", "a=sendonly")), 200);
  EXPECT_TRUE(leg->on_hold());
  EXPECT_NE(b.last->body().find("a=recvonly"), std::string_view::npos);
  EXPECT_EQ(world.media_of(b).media().negotiated.sections[0].direction, sdp::Direction::kRecvOnly);
  ASSERT_EQ(b.reinvite(bob.phone_sdp()), 200);
  EXPECT_FALSE(leg->on_hold());
  EXPECT_TRUE(a.received(sip::Method::kInvite).empty());
  EXPECT_EQ(a.message("text/plain", "still there"), 202);
}

TEST_F(CallTest, TextGoesBothWays) {
  auto& a = talk();
  auto& b = at_bob();
  EXPECT_EQ(a.message("text/plain", "from alice"), 202);
  EXPECT_EQ(b.message("text/html", "<b>from bob</b>"), 202);
  EXPECT_EQ(b.texts(), std::vector<std::string>{"from alice"});
  EXPECT_EQ(a.texts("text/html"), std::vector<std::string>{"<b>from bob</b>"});
  EXPECT_EQ(a.messages("text/html")[0]->message->from().display(), "Bobby");
  EXPECT_EQ(b.messages()[0]->message->from().display(), "Alice Liddell");
  EXPECT_EQ(b.messages()[0]->message->value("Parley-Participant"), a.header("Parley-Participant"));
  EXPECT_EQ(b.messages()[0]->message->value("Parley-Sequence"), "1");
  EXPECT_EQ(a.messages()[0]->message->value("Parley-Sequence"), "2");
}

TEST_F(CallTest, TextBeforeTheAnswerIs403) {
  auto& a = dial();
  at_bob().ring();
  ASSERT_TRUE(a.provisional(180));
  // The early dialog's tag is in the 180.
  for (const auto& sent : world.log) {
    if (sent.text.starts_with("SIP/2.0 180")) a.remote_tag = (*sip::Message::parse(base::share(sent.text)))->to_tag();
  }
  EXPECT_EQ(a.message("text/plain", "early"), 403);
  EXPECT_TRUE(at_bob().messages().empty());
  at_bob().answer();
  EXPECT_EQ(a.message("text/plain", "now"), 202);
  EXPECT_EQ(at_bob().texts(), std::vector<std::string>{"now"});
}

TEST_F(CallTest, BadTextIsRefusedAsInARoom) {
  auto& a = talk();
  EXPECT_EQ(a.request("MESSAGE"), 415);
  EXPECT_EQ(a.message("image/png", "x"), 415);
  EXPECT_EQ(a.message("text/plain", std::string(64 * 1024 + 1, 'x')), 413);
  EXPECT_EQ(at_bob().messages().size(), 0u);
}

TEST_F(CallTest, TwoPagesSeeEachOtherInTheirOwnMLine) {
  auto& page = world.page("bob");
  world.registered(page);
  auto& a = alice.invite("sip:bob@parley");
  ASSERT_EQ(page.incoming.size(), 1u);
  page.incoming[0]->answer();
  ASSERT_EQ(a.status(), 200);
  world.advance(1s);
  const auto& shows = world.media_of(a).media().shows;
  ASSERT_EQ(shows.size(), 1u);
  EXPECT_EQ(shows[0].first, 1u);
  EXPECT_EQ(shows[0].second, world.media_of(*page.incoming[0]).media().publishes.at(0).second);
  EXPECT_TRUE(a.received(sip::Method::kInvite).empty());
  const auto answer = *sdp::parse(a.response->body());
  EXPECT_EQ(answer.media.at(1).direction, sdp::Direction::kSendRecv);
}

TEST_F(CallTest, APhoneCallerMakesNoVideoOffer) {
  auto& carol = world.registered(world.phone("carol"));
  carol.invite("sip:alice@parley", {.sdp = carol.phone_sdp() + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"});
  ASSERT_EQ(alice.incoming.size(), 1u);
  EXPECT_EQ(alice.incoming[0]->invite->body().find("m=video"), std::string_view::npos);
}

// RFC 3261 21.4.26
TEST_F(CallTest, AnOfferThatCantBeMetIs488AndNobodyRings) {
  auto& a = alice.invite("sip:bob@parley", {.sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 97\r\na=rtpmap:97 G729/8000\r\n"});
  EXPECT_EQ(a.status(), 488);
  EXPECT_NE(a.header("Warning").find("audio"), std::string::npos);
  EXPECT_TRUE(bob.incoming.empty());
  expect_nothing_left();
}

TEST_F(CallTest, AnAnswerThatMakesNoSenseEndsThatBranch) {
  auto& a = dial();
  auto& b = at_bob();
  b.reply_to_invite(200, "application/sdp", "garbage");
  world.advance(1s);
  EXPECT_EQ(b.received(sip::Method::kBye).size(), 1u);
  EXPECT_NE(a.status(), 200);
  EXPECT_GE(a.status(), 400);
  expect_nothing_left();
}

TEST_F(CallTest, ACallerWithoutAnOfferIsOfferedTo) {
  auto& carol = world.registered(world.phone("carol"));
  auto& c = carol.invite("sip:bob@parley", {.no_offer = true});
  ASSERT_EQ(bob.incoming.size(), 1u);
  at_bob().answer();
  ASSERT_EQ(c.status(), 200);
  EXPECT_TRUE(world.media_of(c).joined);
  EXPECT_EQ(c.message("text/plain", "x"), 202);
}

TEST_F(CallTest, TheCalleesPageVanishesAndTheCallerIsToldWithin15Seconds) {
  auto& page = world.page("carol");
  world.registered(page);
  auto& a = alice.invite("sip:carol@parley");
  page.incoming[0]->answer();
  ASSERT_EQ(a.status(), 200);
  page.lose_flow();
  world.advance(15s);
  EXPECT_TRUE(a.ended);
  expect_nothing_left();
}

TEST_F(CallTest, AContactWhoseConnectionClosedIsNotRung) {
  auto& page = world.registered(world.page("carol"));
  page.lose_flow();
  EXPECT_EQ(alice.invite("sip:carol@parley").status(), 480);
}

TEST_F(CallTest, TheMediaIsLostAndTheCallEnds) {
  auto& a = talk();
  world.pbx.on_media_lost(world.leg_of(a)->id());
  world.settle();
  EXPECT_TRUE(a.ended);
  EXPECT_TRUE(at_bob().ended);
  expect_nothing_left();
}

struct LimitedCallTest : CallTest {
  LimitedCallTest() : CallTest({.max_calls = 1}) {}
};
TEST_F(LimitedCallTest, SurvivalItem7CallsAreBounded) {
  talk();
  EXPECT_EQ(world.page("visitor").invite("sip:bob@parley").status(), 503);
}

// Survival item 8
TEST_F(CallTest, SurvivalItem8TheCallersConnectionClosesWhileItRings) {
  dial();
  at_bob().ring();
  alice.lose_flow();
  world.advance(15s);
  EXPECT_TRUE(at_bob().cancelled);
  expect_nothing_left();
}

TEST_F(CallTest, EndAllEndsCallsInEveryState) {
  auto& a = talk();
  auto& carol = world.registered(world.phone("carol"));
  auto& c = carol.invite("sip:bob@parley");
  world.pbx.end_all("SIP;cause=503;text=\"Shutting down\"");
  world.advance(1s);
  EXPECT_TRUE(a.ended);
  EXPECT_GE(c.status(), 400);
  expect_nothing_left();
}

}  // namespace
