// A page that vanishes, and one that comes back (item 15 of the issue, survival items 4 and 22).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

const std::string kEvents = "Accept: application/sdp, application/x-asterisk-confbridge-event+json\r\n";

struct ResumeTest : testing::Test {
  PbxWorld world;
  Client& alice = world.page("ann", "Ann");
  Client& bob = world.page("ben", "Ben");
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;
  std::size_t events_before = 0, offers_before = 0;

  void SetUp() override {
    a = &world.enter(alice);
    b = &world.enter(bob);
    ASSERT_EQ(a->status(), 200);
    ASSERT_EQ(b->status(), 200);
    world.advance(200ms);
    ASSERT_GE(a->token().size(), 32u);
    remember();
  }
  void remember() {
    events_before = b->events().size();
    offers_before = b->received(sip::Method::kInvite).size();
  }
  std::string resume(const ClientCall& call) { return "Parley-Resume: " + call.token() + "\r\n"; }
  // With an ICE restart, as a page that has lost its network offers.
  std::string restarted(const ClientCall& call) {
    return replace_all(replace_all(replace_all(call.description, "a=setup:active", "a=setup:actpass"), kPeerUfrag, "newU"), kPeerPwd, "newpasswordnewpasswordnew");
  }
  std::vector<nlohmann::json> new_events() {
    auto all = b->events();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(events_before));
    return all;
  }
};

TEST_F(ResumeTest, AFlowThatIsLostWithoutByeIsOutWithin15SecondsAndTheOthersAreTold) {
  alice.lose_flow();
  world.advance(12s);
  EXPECT_TRUE(b->events("ConfbridgeLeave").empty());
  world.advance(2s);
  const auto leave = b->events("ConfbridgeLeave");
  ASSERT_EQ(leave.size(), 1u);
  EXPECT_EQ(leave[0]["channels"][0]["id"], a->participant());
  EXPECT_EQ(leave[0]["channels"][0]["reason"], "connection lost");
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 1u);
  EXPECT_EQ(b->last_offer().media.back().port, 0);    // her video goes too
}

TEST_F(ResumeTest, LostMediaMeansGoneAtOnce) {
  world.pbx.on_media_lost(world.leg_of(*a)->id());
  world.settle();
  const auto leave = b->events("ConfbridgeLeave");
  ASSERT_EQ(leave.size(), 1u);
  EXPECT_EQ(leave[0]["channels"][0]["reason"], "connection lost");
  EXPECT_EQ(a->received(sip::Method::kBye).size(), 1u);
}

TEST_F(ResumeTest, MediaEventsOfALegThatIsGoneAreOverlooked) {
  const auto id = world.leg_of(*a)->id();
  a->bye();
  world.advance(1s);
  world.pbx.on_media_lost(id);
  world.pbx.on_media_failed(id, "late");
  world.pbx.on_talking(id, true);
  world.pbx.on_media_connected(id);
  world.pbx.on_dtmf(id, '1');
  EXPECT_EQ(b->events("ConfbridgeLeave").size(), 1u);
}

TEST_F(ResumeTest, ANewConnectionAndAReinviteWithTheTokenKeepThePlace) {
  alice.lose_flow();
  world.advance(5s);
  alice.connect_again();
  EXPECT_EQ(a->reinvite(restarted(*a), resume(*a)), 200);
  EXPECT_EQ(world.media_of(*a).restarts, 1);
  world.advance(30s);
  EXPECT_TRUE(new_events().empty());                      // nobody saw anything
  EXPECT_EQ(b->received(sip::Method::kInvite).size(), offers_before);
  EXPECT_EQ(a->message("text/plain", "back"), 202);
  EXPECT_EQ(b->message("text/plain", "hello"), 202);
  EXPECT_EQ(a->texts(), std::vector<std::string>{"hello"});
  EXPECT_EQ(a->messages("text/plain").back()->sent.target.flow, alice.source.flow);
}

TEST_F(ResumeTest, WhatWasSaidMeanwhileIsDeliveredAfterwards) {
  alice.lose_flow();
  ASSERT_EQ(b->message("text/plain", "while you were away"), 202);
  world.advance(5s);
  alice.connect_again();
  EXPECT_EQ(a->reinvite(restarted(*a), resume(*a)), 200);
  world.advance(1s);
  EXPECT_EQ(a->texts(), std::vector<std::string>{"while you were away"});
}

TEST_F(ResumeTest, WhatWasSaidDuringAReloadIsDeliveredToTheNewPage) {
  alice.lose_flow();
  ASSERT_EQ(b->message("text/plain", "one"), 202);
  ASSERT_EQ(b->message("text/plain", "two"), 202);
  world.advance(3s);
  alice.connect_again();
  auto& again = alice.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  EXPECT_EQ(again.texts(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(ResumeTest, TheConnectionMayBeLostAgain) {
  for (int i = 0; i < 3; ++i) {
    alice.lose_flow();
    world.advance(10s);
    alice.connect_again();
    ASSERT_EQ(a->reinvite(replace_all(restarted(*a), "newU", "new" + std::to_string(i)), resume(*a)), 200);
  }
  world.advance(13s);
  EXPECT_TRUE(new_events().empty());
  alice.lose_flow();
  world.advance(15s);
  EXPECT_EQ(b->events("ConfbridgeLeave").size(), 1u);
}

TEST_F(ResumeTest, AReinviteWithTheTokenMovesTheDialogBeforeTheOldConnectionIsKnownToBeDead) {
  const auto old = alice.source;
  alice.connect_again();
  EXPECT_EQ(a->reinvite(restarted(*a), resume(*a)), 200);
  world.close_flow(old.flow);              // found out later
  world.advance(20s);
  EXPECT_TRUE(new_events().empty());
  EXPECT_EQ(a->message("text/plain", "here"), 202);
}

TEST_F(ResumeTest, AReloadTakesOverTheParticipant) {
  const auto slot = b->last_offer().media.back();
  const auto participant = a->participant();
  const auto source = world.media_of(*a).media().publishes.at(0).second;
  alice.lose_flow();
  world.advance(3s);
  alice.connect_again();
  auto& again = alice.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  EXPECT_EQ(again.participant(), participant);
  EXPECT_TRUE(new_events().empty());       // neither Leave nor Join
  EXPECT_EQ(world.leg_of(*a), nullptr);    // the old dialog is gone
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 1u + 1u);
  // Her video keeps its slot: Ben is not offered anything.
  EXPECT_EQ(world.media_of(again).media().publishes.at(0).second, source);
  EXPECT_EQ(b->received(sip::Method::kInvite).size(), offers_before);
  EXPECT_EQ(b->last_offer().media.back().msids, slot.msids);
  // She sees him, and is told who is there.
  EXPECT_EQ(again.last_offer().media.back().label, b->participant());
  const auto welcome = again.events("ConfbridgeWelcome").at(0);
  ASSERT_EQ(welcome["channels"].size(), 2u);
  world.advance(20s);
  EXPECT_TRUE(new_events().empty());
  EXPECT_EQ(again.message("text/plain", "reloaded"), 202);
  EXPECT_EQ(b->messages("text/plain").back()->message->value("Parley-Participant"), participant);
}

TEST_F(ResumeTest, AReloadWhileTheOldConnectionStillStandsEndsTheOldDialogByBye) {
  auto& tab = world.page("ann", "Ann");
  auto& again = tab.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  ASSERT_EQ(a->received(sip::Method::kBye).size(), 1u);
  EXPECT_NE(a->received(sip::Method::kBye)[0]->message->value(sip::HeaderId::kReason).find("Replaced"), std::string_view::npos);
  EXPECT_TRUE(new_events().empty());
  EXPECT_EQ(again.participant(), a->participant());
}

TEST_F(ResumeTest, AReloadKeepsTheMuteAndTheTokenForTheNextOne) {
  EXPECT_EQ(a->message("application/x-parley-mute+json", R"({"muted": true})"), 202);
  auto* first = a;
  for (int i = 0; i < 3; ++i) {
    auto& tab = world.page("ann", "Ann");
    auto& again = tab.invite("sip:team@parley", {.headers = kEvents + resume(*first)});
    ASSERT_EQ(again.status(), 200);
    world.advance(1s);
    EXPECT_EQ(again.participant(), a->participant());
    EXPECT_TRUE(world.media_of(again).muted);
    first = &again;
  }
  EXPECT_EQ(b->events("ConfbridgeLeave").size(), 0u);
  EXPECT_EQ(b->events("ConfbridgeJoin").size(), 0u);
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 2u);
}

TEST_F(ResumeTest, OfTwoReloadsAtOnceTheLaterWinsAndThereIsOneParticipant) {
  auto& first = world.page("ann");
  auto& second = world.page("ann");
  first.deaf = true;
  auto& one = first.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  auto& two = second.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(two.status(), 200);
  first.deaf = false;    // its 200 comes again, and it acknowledges late
  world.advance(40s);
  EXPECT_EQ(one.status(), 200);
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 2u);
  EXPECT_TRUE(new_events().empty());
  EXPECT_EQ(two.message("text/plain", "x"), 202);
}

TEST_F(ResumeTest, WhoTalkedWhenThePageWasReloadedIsToldToBeSilent) {
  world.pbx.on_talking(world.leg_of(*a)->id(), true);
  world.settle();
  auto& tab = world.page("ann", "Ann");
  ASSERT_EQ(tab.invite("sip:team@parley", {.headers = kEvents + resume(*a)}).status(), 200);
  world.advance(1s);
  EXPECT_EQ(b->events("ConfbridgeTalking").back()["channels"][0]["talking_status"], "off");
}

TEST_F(ResumeTest, ALegThatEndsBeforeItsSuccessorIsThereLeavesAnOrdinaryJoin) {
  auto& tab = world.page("ann", "Ann");
  tab.deaf = true;
  tab.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  a->bye();
  EXPECT_EQ(b->events("ConfbridgeLeave").size(), 1u);
  world.advance(40s);
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 1u);
}

TEST_F(ResumeTest, AWrongTokenIsAnOrdinaryNewGuest) {
  for (const auto& token : {std::string("wrong"), std::string(32, 'x'), a->token() + "x", a->token().substr(1), std::string()}) {
    auto& mallory = world.page("mallory", "Ann");
    auto& m = mallory.invite("sip:team@parley", {.headers = kEvents + "Parley-Resume: " + token + "\r\n"});
    ASSERT_EQ(m.status(), 200);
    EXPECT_NE(m.participant(), a->participant());
    EXPECT_NE(m.token(), a->token());
    EXPECT_NE(world.leg_of(*a), nullptr);
    EXPECT_EQ(b->events("ConfbridgeJoin").back()["channels"][0]["id"], m.participant());
    m.bye();
  }
  EXPECT_TRUE(a->received(sip::Method::kBye).empty());
}

TEST_F(ResumeTest, ATokenIsForItsOwnRoom) {
  auto& tab = world.page("ann", "Ann");
  auto& other = tab.invite("sip:other@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(other.status(), 200);
  world.advance(1s);
  EXPECT_NE(other.participant(), a->participant());
  EXPECT_EQ(other.events("ConfbridgeWelcome").at(0)["bridge"]["name"], "other");
  EXPECT_FALSE(a->ended);
  EXPECT_EQ(tab.invite("sip:TEAM@parley", {.headers = kEvents + resume(*a)}).participant(), a->participant());
}

TEST_F(ResumeTest, WithAWrongTokenAnAccountsNameIsStillChallenged) {
  auto& mallory = world.page("alice");
  EXPECT_EQ(mallory.invite("sip:team@parley", {.headers = "Parley-Resume: wrong\r\n"}).status(), 401);
}

TEST_F(ResumeTest, ATokenOfWhoIsGoneIsWorthNothing) {
  a->bye();
  world.advance(1s);
  auto& tab = world.page("ann", "Ann");
  auto& again = tab.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  ASSERT_EQ(again.status(), 200);
  EXPECT_NE(again.participant(), a->participant());
  EXPECT_EQ(b->events("ConfbridgeJoin").size(), 1u);
}

TEST_F(ResumeTest, SurvivalItem22TheTokenIsToldToItsOwnerAlone) {
  EXPECT_EQ(a->message("text/plain", "x", resume(*a)), 202);
  EXPECT_EQ(a->message("application/x-parley-mute+json", R"({"muted": true})"), 202);
  world.enter(world.phone("third"));
  alice.lose_flow();
  world.advance(1s);
  alice.connect_again();
  auto& again = alice.invite("sip:team@parley", {.headers = kEvents + resume(*a)});
  world.advance(1s);
  again.bye(resume(*a));
  world.advance(1s);
  for (const auto& sent : world.log) {
    if (sent.text.find(a->token()) == std::string::npos) continue;
    EXPECT_TRUE(sent.text.starts_with("SIP/2.0 200")) << sent.text;
    EXPECT_TRUE(sent.text.find("Call-ID: " + a->call_id) != std::string::npos || sent.text.find("Call-ID: " + again.call_id) != std::string::npos) << sent.text;
  }
  EXPECT_FALSE(world.told_others(b->token(), bob));
}

// RFC 3261 12.2.2; GHSA-4h4c-qgxg-p3qv and the like: the tags are guessed right, the way is a stranger's.
TEST_F(ResumeTest, SurvivalItem4AStrangersRequestInTheDialogIs403AndChangesNothing) {
  for (const auto transport : {sip::Transport::kWs, sip::Transport::kUdp, sip::Transport::kTcp}) {
    auto& stranger = transport == sip::Transport::kWs ? world.page("ann") : world.phone("ann", {}, transport);
    const auto offers = world.media_of(*a).configured.size();
    const auto send = [&](std::string_view method, std::string_view headers, std::string_view type, std::string_view body) {
      const auto cseq = a->cseq;
      a->cseq += 50;
      stranger.stray.clear();
      stranger.write(a->text_of(method, headers, type, body));
      a->cseq = cseq;
      world.settle();
      return stranger.stray.empty() ? 0 : stranger.stray.back()->status();
    };
    const auto contact = "Contact: " + stranger.contact() + "\r\n";
    EXPECT_EQ(send("MESSAGE", {}, "text/plain", "forged"), 403);
    EXPECT_EQ(send("MESSAGE", "Parley-Resume: guess\r\n", "text/plain", "forged"), 403);
    EXPECT_EQ(send("INVITE", contact, "application/sdp", a->description), 403);
    EXPECT_EQ(send("UPDATE", contact, {}, {}), 403);
    EXPECT_EQ(send("INFO", {}, "application/dtmf-relay", "Signal=1\r\n"), 403);
    EXPECT_EQ(send("BYE", {}, {}, {}), 403);
    EXPECT_NE(world.leg_of(*a), nullptr);
    EXPECT_EQ(world.leg_of(*a)->session().source().flow, alice.source.flow);
    EXPECT_EQ(world.media_of(*a).configured.size(), offers);
    EXPECT_TRUE(b->texts().empty());
  }
  // Her own next request is not taken for an old one.
  EXPECT_EQ(a->message("text/plain", "mine"), 202);
  EXPECT_EQ(b->message("text/plain", "to her"), 202);
  EXPECT_EQ(a->texts(), std::vector<std::string>{"to her"});
}

TEST_F(ResumeTest, SurvivalItem4APhonesRequestsComeFromItsOwnAddress) {
  auto& phone = world.phone("desk");
  auto& p = world.enter(phone);
  auto& stranger = world.phone("desk");
  p.cseq += 10;
  stranger.write(p.text_of("BYE", {}, {}, {}));
  world.settle();
  EXPECT_EQ(stranger.stray.back()->status(), 403);
  // What is too long for UDP comes by TCP from the phone's address.
  auto& stream = world.phone("desk", {}, sip::Transport::kTcp);
  const auto port = stream.source.remote.port();
  stream.source.remote = phone.source.remote;
  stream.source.remote.set_port(static_cast<std::uint16_t>(port + 1000));
  stream.write(p.text_of("MESSAGE", {}, "text/plain", std::string(2000, 'x')));
  world.settle();
  ASSERT_FALSE(stream.stray.empty());
  EXPECT_EQ(stream.stray.back()->status(), 202);
  EXPECT_EQ(b->texts().size(), 1u);
}

// RFC 4475 3.1.2
TEST_F(ResumeTest, SurvivalItem10MalformedRequestsInACallAre400OrDroppedAndTheCallGoesOn) {
  const auto good = a->text_of("MESSAGE", {}, "text/plain", "bad");
  const auto cseq = "CSeq: " + std::to_string(a->cseq) + " MESSAGE";
  std::string huge = "X-Huge: " + std::string(70000, 'x') + "\r\nCSeq: ";
  const std::pair<std::string, std::string> edits[] = {{cseq, "CSeq: 99999999999999 MESSAGE"}, {cseq, "CSeq: -1 MESSAGE"}, {cseq, "CSeq: 5 INVITE"},
                                                       {"Content-Length: 3", "Content-Length: -3"}, {"Content-Length: 3", "Content-Length: 3000"},
                                                       {"Content-Length: 3", "Content-Length: x"}, {"Call-ID: ", "Call -ID: "}, {"CSeq: ", huge},
                                                       {"From: ", "From: <<<"}, {"SIP/2.0\r\n", "SIP/7.0\r\n"}};
  for (const auto& [from, to] : edits) {
    auto text = good;
    ASSERT_NE(text.find(from), text.npos) << from;
    text.replace(text.find(from), from.size(), to);
    const auto sent = world.log.size();
    alice.write(text);
    world.settle();
    for (auto i = sent; i < world.log.size(); ++i) EXPECT_FALSE(world.log[i].text.starts_with("SIP/2.0 2")) << from << world.log[i].text;
  }
  EXPECT_TRUE(b->texts().empty());
  EXPECT_EQ(a->message("text/plain", "good"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"good"});
}

TEST_F(ResumeTest, AWrongFingerprintEndsTheLegOnly) {
  world.pbx.on_media_failed(world.leg_of(*a)->id(), "fingerprint");
  world.settle();
  EXPECT_EQ(a->received(sip::Method::kBye).size(), 1u);
  EXPECT_NE(world.leg_of(*b), nullptr);
  EXPECT_EQ(b->events("ConfbridgeLeave").size(), 1u);
}

TEST_F(ResumeTest, SessionsThatAreNotRefreshedExpire) {
  // RFC 4028 10
  auto& phone = world.phone("timed");
  auto& p = world.enter(phone, {.headers = kEvents + "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"});
  ASSERT_EQ(p.status(), 200);
  phone.deaf = true;
  world.advance(2min);
  EXPECT_EQ(world.leg_of(p), nullptr);
  EXPECT_EQ(b->events("ConfbridgeLeave").back()["channels"][0]["reason"], "connection lost");
}

}  // namespace
