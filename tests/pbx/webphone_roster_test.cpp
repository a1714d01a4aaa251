// The roster of a webphone line: who is told of whom, and of what each (spec webphone-api.md).
#include "support/webphone_lines.hpp"

namespace {

using namespace test_support;

struct WebphoneRosterTest : WebphoneLines {};

// RFC 6665 4.2.1.2
TEST_F(WebphoneRosterTest, TheWholeLineFirstThenWhatChangesAndNeverOneself) {
  auto& ann = webphone(world, "Ann", {.line = "Webphone1", .properties = {{"Dept", "x\"<y>"}}});
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "webphone1", kRoster, kAcceptRoster);
  ASSERT_EQ(status(roster), 200);
  const auto first = bodies(roster).at(0);
  EXPECT_EQ(first["full"], true);
  ASSERT_EQ(first["clients"].size(), 1u);
  EXPECT_EQ(first["clients"][0], (nlohmann::json{{"phoneNumber", ann.account}, {"displayName", "Ann"}, {"status", "ONLINE"}, {"properties", {{"Dept", "x\"<y>"}}}}));
  EXPECT_EQ(roster.received(sip::Method::kNotify).front()->message->content_type(), "application/vnd.parley.roster+json");
  auto& carl = webphone(world, "Carl");
  const auto second = bodies(roster).at(1);
  EXPECT_EQ(second["full"], false);
  EXPECT_EQ(second["version"], first["version"].get<int>() + 1);
  EXPECT_EQ(second["clients"].size(), 1u);
  EXPECT_EQ(second["clients"][0]["phoneNumber"], carl.account);
  world.advance(1s);
  ann.request("REGISTER", "sip:parley", "Contact: " + ann.contact() + ";expires=0\r\n");    // at once
  EXPECT_EQ(bodies(roster).at(2)["clients"][0]["status"], "OFFLINE");
  EXPECT_EQ(known(roster), (std::map<std::string, std::string>{{carl.account, "Carl"}}));
}

TEST_F(WebphoneRosterTest, OnlyClientsOfTheLineAreTold) {
  auto& ann = webphone(world, "Ann");
  EXPECT_EQ(status(subscribe(ann, "Sales", kRoster, kAcceptRoster)), 403);
  EXPECT_EQ(status(subscribe(ann, "nowhere", kRoster, kAcceptRoster)), 403);
  EXPECT_EQ(status(subscribe(ann, ann.account, kRoster, kAcceptRoster)), 200);
  EXPECT_EQ(status(subscribe(ann, "Webphone1", kRoster, "Accept: text/plain\r\n")), 406);
  EXPECT_EQ(status(subscribe(ann, "Webphone1", "winfo", kAcceptRoster)), 489);
  EXPECT_EQ(status(subscribe(ann, "Webphone1", kRoster, kAcceptRoster + "Expires: 5\r\n")), 423);
  EXPECT_EQ(status(subscribe(world.page("visitor"), "Webphone1", kRoster, kAcceptRoster)), 401);
  auto& alice = world.registered(world.phone("alice"));
  EXPECT_EQ(status(subscribe(alice, "Webphone1", kRoster, kAcceptRoster)), 403);
}

TEST_F(WebphoneRosterTest, SurvivalItem22LinesKnowNothingOfEachOther) {
  auto& ann = webphone(world, "Ann");
  auto& roster = subscribe(ann, "Webphone1", kRoster, kAcceptRoster);
  webphone(world, "S", {.line = "Small"});
  webphone(world, "", {.line = "alice", .password = "secret of alice"});
  world.advance(1s);
  EXPECT_EQ(bodies(roster).size(), 1u);
}

// Rule 10
TEST_F(WebphoneRosterTest, WhoIsBackWithinTheGraceTimeWasNeverGone) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  const auto resume = of(ann).resume_token;
  for (int i = 0; i < 3; ++i) {
    ann.lose_flow();
    world.advance(9s);
    const auto again = webphones.connect({.line = "Webphone1", .display_name = "Ann", .resume = resume});
    ASSERT_TRUE(again);
    EXPECT_EQ((*again)->number, ann.account);
    EXPECT_EQ((*again)->secret, ann.password);
    world.advance(5s);                  // the page loads slowly
    ann.connect_again();
    ann.register_contact();
    world.advance(20s);
  }
  EXPECT_EQ(bodies(roster).size(), 1u);
  EXPECT_EQ(webphones.clients(), 2u);
}

TEST_F(WebphoneRosterTest, WhoVanishesIsOfflineAfterTheGraceTimeOnce) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  ann.lose_flow();
  world.advance(9s);
  EXPECT_EQ(bodies(roster).size(), 1u);
  world.advance(2s);
  EXPECT_EQ(bodies(roster).size(), 2u);
  EXPECT_TRUE(known(roster).empty());
  world.advance(60s);
  EXPECT_EQ(bodies(roster).size(), 2u);
  EXPECT_EQ(world.accounts.find(ann.account), nullptr);
  EXPECT_TRUE(webphones.connect({.line = "Webphone1", .resume = "x"}));
}

TEST_F(WebphoneRosterTest, AskingToResumeKeepsNobodyListedBeyond20Seconds) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  const auto resume = of(ann).resume_token;
  ann.lose_flow();
  world.advance(9s);
  for (int i = 0; i < 10; ++i) {
    webphones.connect({.line = "Webphone1", .resume = resume});
    world.advance(1s);
  }
  world.advance(1s);
  EXPECT_TRUE(known(roster).empty());
}

TEST_F(WebphoneRosterTest, SurvivalItem22AResumeTokenIsForItsLineAndItsHolder) {
  auto& ann = webphone(world, "Ann");
  const auto resume = of(ann).resume_token;
  EXPECT_NE((*webphones.connect({.line = "Small", .resume = resume}))->number, ann.account);
  EXPECT_NE((*webphones.connect({.line = "Webphone1", .resume = ann.account}))->number, ann.account);
  EXPECT_NE((*webphones.connect({.line = "Webphone1", .resume = resume.substr(1)}))->number, ann.account);
}

TEST_F(WebphoneRosterTest, WhoGoesForGoodLeavesItsCallsAndContacts) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& call = ann.invite("sip:" + ben.account + "@parley");
  ben.incoming.back()->answer();
  auto& roster = subscribe(ann, "Webphone1", kRoster, kAcceptRoster);
  ann.request("REGISTER", "sip:parley", "Contact: *\r\nExpires: 0\r\n");
  world.advance(1s);
  EXPECT_TRUE(call.ended);
  EXPECT_TRUE(ben.incoming.back()->ended);
  EXPECT_EQ(subscription_state(roster), "terminated;reason=noresource");
  EXPECT_EQ(ben.invite("sip:" + ann.account + "@parley").status(), 404);
  EXPECT_NE(ann.register_contact()->status(), 200);
  EXPECT_EQ(world.agent->subscriptions(), 0u);
}

TEST_F(WebphoneRosterTest, ARefreshBringsTheWhole) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  EXPECT_EQ(refresh(roster, kRoster, 600), 200);
  EXPECT_EQ(bodies(roster).back()["full"], true);
  EXPECT_EQ(bodies(roster).back()["clients"].size(), 1u);
  EXPECT_EQ(refresh(roster, kRoster, 0), 200);
  EXPECT_EQ(bodies(roster).back()["full"], true);
  EXPECT_EQ(subscription_state(roster), "terminated;reason=timeout");
  const auto count = bodies(roster).size();
  webphone(world, "Carl");
  EXPECT_EQ(bodies(roster).size(), count);
  (void)ann;
}

// RFC 6665 4.2.2: what changes while a NOTIFY is unanswered is told afterwards, in one.
TEST_F(WebphoneRosterTest, ASlowSubscriberGetsWhatItMissedInOne) {
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  ben.holds = true;
  std::vector<Client*> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(&webphone(world, "C" + std::to_string(i)));
    world.advance(100ms);
  }
  others[0]->request("REGISTER", "sip:parley", "Contact: *\r\nExpires: 0\r\n");
  world.advance(100ms);
  ASSERT_EQ(bodies(roster).size(), 2u);
  ben.holds = false;
  const auto request = sip::Message::parse(base::share(roster.unanswered.front()));
  ben.write("SIP/2.0 200 OK\r\nVia: " + std::string((*request)->value(sip::HeaderId::kVia)) + "\r\nFrom: " + std::string((*request)->value(sip::HeaderId::kFrom)) +
            "\r\nTo: " + std::string((*request)->value(sip::HeaderId::kTo)) + "\r\nCall-ID: " + std::string((*request)->call_id()) +
            "\r\nCSeq: " + std::to_string((*request)->cseq().number) + " NOTIFY\r\nContent-Length: 0\r\n\r\n");
  world.settle();
  const auto all = bodies(roster);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2]["full"], false);
  EXPECT_EQ(all[2]["since"], all[1]["version"]);
  EXPECT_EQ(all[2]["clients"].size(), 5u);             // four that came, one that came and went
  EXPECT_EQ(known(roster).size(), 4u);
}

TEST_F(WebphoneRosterTest, WhoFellFarBehindGetsTheWhole) {
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  ben.holds = true;
  for (int i = 0; i < 80; ++i) {
    webphone(world, "C" + std::to_string(i));
    world.advance(60ms);
  }
  ben.holds = false;
  const auto request = sip::Message::parse(base::share(roster.unanswered.front()));
  ben.write("SIP/2.0 200 OK\r\nVia: " + std::string((*request)->value(sip::HeaderId::kVia)) + "\r\nFrom: " + std::string((*request)->value(sip::HeaderId::kFrom)) +
            "\r\nTo: " + std::string((*request)->value(sip::HeaderId::kTo)) + "\r\nCall-ID: " + std::string((*request)->call_id()) +
            "\r\nCSeq: " + std::to_string((*request)->cseq().number) + " NOTIFY\r\nContent-Length: 0\r\n\r\n");
  world.settle();
  EXPECT_EQ(bodies(roster).back()["full"], true);
  EXPECT_EQ(known(roster).size(), 80u);
}

TEST_F(WebphoneRosterTest, ManyThatComeAtOnceAreToldTogether) {
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  for (int i = 0; i < 100; ++i) webphone(world, "C" + std::to_string(i));
  world.advance(200ms);
  EXPECT_EQ(known(roster).size(), 100u);
  EXPECT_LE(bodies(roster).size(), 4u);
}

TEST_F(WebphoneRosterTest, WhatTheWholeSaidIsNotToldAgain) {
  auto& ann = webphone(world, "Ann");
  auto& first = subscribe(ann, "Webphone1", kRoster, kAcceptRoster);
  webphone(world, "Ben");
  auto& carl = webphone(world, "Carl");       // within a moment: Ann is not told yet
  auto& dora = webphone(world, "Dora");
  EXPECT_EQ(known(first).size(), 1u);
  auto& second = subscribe(dora, "Webphone1", kRoster, kAcceptRoster);
  EXPECT_EQ(known(second).size(), 3u);
  EXPECT_EQ(known(first).size(), 3u);
  world.advance(1s);
  EXPECT_EQ(bodies(second).size(), 1u);
  EXPECT_EQ(bodies(first).size(), 3u);
  (void)carl;
}

TEST_F(WebphoneRosterTest, ABodyIsSharedByAllOfTheLine) {
  std::vector<ClientCall*> rosters;
  for (int i = 0; i < 50; ++i) {
    auto& page = webphone(world, "P" + std::to_string(i));
    rosters.push_back(&subscribe(page, "Webphone1", kRoster, kAcceptRoster));
    world.advance(100ms);
  }
  auto& last = webphone(world, "Last");
  world.advance(100ms);
  for (auto* roster : rosters) {
    EXPECT_EQ(known(*roster).size(), 50u);
    EXPECT_TRUE(known(*roster).contains(last.account));
    EXPECT_FALSE(known(*roster).contains(roster->client.account));
    EXPECT_EQ(notified(*roster).back(), notified(*rosters[0]).back());
  }
}

TEST_F(WebphoneRosterTest, SurvivalItem7OneThatSubscribesAgainAndAgainIsBounded) {
  auto& ann = webphone(world, "Ann");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(status(subscribe(ann, "Webphone1", kRoster, kAcceptRoster)), 200);
  EXPECT_EQ(status(subscribe(ann, "Webphone1", kRoster, kAcceptRoster)), 503);
  // Back by another connection: the old ones go.
  const auto resume = of(ann).resume_token;
  ann.lose_flow();
  ann.connect_again();
  ASSERT_TRUE(webphones.connect({.line = "Webphone1", .resume = resume}));
  ann.register_contact();
  EXPECT_EQ(status(subscribe(ann, "Webphone1", kRoster, kAcceptRoster)), 200);
  world.advance(1s);
  EXPECT_EQ(world.agent->subscriptions(), 1u);
}

}  // namespace
