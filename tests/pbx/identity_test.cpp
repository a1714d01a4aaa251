// Connected identity: whoever is left by a transfer, a pick-up or a forward is told whom it speaks with now (P-Asserted-Identity).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

const std::string kUpdates = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, MESSAGE\r\n";

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}};
  c.requests_per_second = 0;
  c.dial_plan.rules = {{.name = "echo", .pattern = "\\*43", .from = {}, .times = {}, .to = "echo", .number = {}, .caller_number = {}}};
  c.groups = {{.name = "All", .members = {"bob", "carol"}},
              {.name = "InOrder", .members = {"bob", "carol"}, .strategy = pbx::GroupConfig::Strategy::kInOrder, .ring_time = 10s}};
  c.queues = {{.name = "support", .agents = {"carol"}, .music = {}}};
  return c;
}

struct IdentityTest : testing::Test {
  PbxWorld world{config()};
  Client& alice = world.registered(world.phone("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  Client& carol = world.registered(world.phone("carol", "Carol"));
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;

  static void answer(ClientCall& call, const std::string& headers = kUpdates) {
    call.description = call.client.phone_sdp();
    call.reply_to_invite(200, "application/sdp", call.description, headers);
  }
  // Both let themselves be told by UPDATE.
  void talk() {
    a = &alice.invite("sip:bob@parley", {.headers = kUpdates});
    b = bob.incoming.back();
    answer(*b);
    ASSERT_EQ(a->status(), 200);
  }
  static int refer(ClientCall& call, const std::string& to) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:" + to + "@parley>\r\n");
  }
  // What it was told in the dialog, and by what.
  static std::vector<std::string> told(const ClientCall& call) {
    std::vector<std::string> result;
    for (const auto& r : call.inbox) {
      const auto value = r.message->value("P-Asserted-Identity");
      if (!value.empty()) result.push_back(std::string(sip::to_string(r.message->method())) + " " + std::string(value));
    }
    return result;
  }
  static std::string in_answer(const ClientCall& call) { return call.header("P-Asserted-Identity"); }
  std::string in_provisional(const ClientCall& call, int status) {
    std::string value = "none";
    for (const auto& sent : world.log) {
      const auto message = sip::Message::parse(base::share(sent.text));
      if (message && !(*message)->is_request() && (*message)->call_id() == call.call_id && (*message)->status() == status) {
        value = std::string((*message)->value("P-Asserted-Identity"));
      }
    }
    return value;
  }
  Client& page(const std::string& name) {
    const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = name});
    auto& page = world.page(client->number, name);
    page.password = client->secret;
    page.audio_only = true;
    EXPECT_EQ(page.register_contact()->status(), 200);
    return page;
  }
};

using Told = std::vector<std::string>;
const Told kCarol{"UPDATE \"Carol\" <sip:carol@parley>"};

// RFC 3311 5.1, RFC 3325 9.1
TEST_F(IdentityTest, ABlindTransferTellsWhoStaysByUpdate) {
  talk();
  world.advance(1s);
  EXPECT_TRUE(told(*a).empty());                  // both know whom they speak with
  EXPECT_TRUE(told(*b).empty());
  EXPECT_EQ(in_answer(*a), "");
  ASSERT_EQ(refer(*a, "carol"), 202);
  auto& c = *carol.incoming.back();
  answer(c);
  world.advance(1s);
  EXPECT_EQ(told(*b), (Told{"UPDATE \"carol\" <sip:carol@parley>"}));   // an account without a name is its number
  EXPECT_TRUE(told(c).empty());                   // by its INVITE
  EXPECT_EQ(c.invite->from().display(), "Bob");
  EXPECT_TRUE(b->received(sip::Method::kInvite).empty());
  world.advance(10min);
  EXPECT_EQ(told(*b).size(), 1u);                 // once
}

TEST_F(IdentityTest, TheNameIsTheOneOfAnInviteFromThere) {
  talk();
  ASSERT_EQ(refer(*b, "alice"), 202);             // a call to oneself: nothing changes
  world.advance(1s);
  EXPECT_TRUE(told(*a).empty());
  auto& c = carol.invite("sip:alice@parley", {.headers = kUpdates, .display = "Ca\"rol"});
  answer(*alice.incoming.back());
  ASSERT_EQ(refer(*alice.incoming.back(), "bob"), 202);
  answer(*bob.incoming.back());
  world.advance(1s);
  EXPECT_EQ(bob.incoming.back()->invite->from().display(), "Ca\"rol");
  EXPECT_EQ(told(c), (Told{"UPDATE \"Bob\" <sip:bob@parley>"}));
}

// RFC 3311 4: who does not allow UPDATE is not sent any.
TEST_F(IdentityTest, WhoTakesNoUpdateIsToldByReinvite) {
  a = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  ASSERT_EQ(refer(*b, "carol"), 202);
  carol.incoming.back()->answer();
  EXPECT_TRUE(told(*a).empty());
  world.advance(1s);
  EXPECT_EQ(told(*a), (Told{"INVITE \"carol\" <sip:carol@parley>"}));
  EXPECT_EQ(a->received(sip::Method::kUpdate).size(), 0u);
  EXPECT_FALSE(a->ended);
}

TEST_F(IdentityTest, AnUpdateThatIsNotKnownAfterAllIsFollowedByAReinvite) {
  talk();
  alice.update_status = 405;
  ASSERT_EQ(refer(*b, "carol"), 202);
  answer(*carol.incoming.back());
  world.advance(1s);
  EXPECT_EQ(told(*a), (Told{"UPDATE \"carol\" <sip:carol@parley>", "INVITE \"carol\" <sip:carol@parley>"}));
}

TEST_F(IdentityTest, ARefusalOrSilenceEndsNoCall) {
  for (const int status : {500, 488, 0}) {
    talk();
    alice.update_status = status;
    ASSERT_EQ(refer(*b, "carol"), 202);
    answer(*carol.incoming.back());
    world.advance(50s);
    EXPECT_FALSE(a->ended) << status;
    EXPECT_EQ(a->message("text/plain", "still here"), 202) << status;
    EXPECT_GE(told(*a).size(), status == 500 ? 3u : 1u);
    alice.update_status = 200;
    a->bye();
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
  }
}

// RFC 4028 7.4: the UPDATE says what holds of the session timer, or it would be switched off.
TEST_F(IdentityTest, TheSessionTimerGoesOn) {
  a = &alice.invite("sip:bob@parley", {.headers = kUpdates + "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n"});
  b = bob.incoming.back();
  answer(*b);
  ASSERT_EQ(refer(*b, "carol"), 202);
  answer(*carol.incoming.back());
  world.advance(1s);
  ASSERT_EQ(a->received(sip::Method::kUpdate).size(), 1u);
  EXPECT_NE(a->received(sip::Method::kUpdate)[0]->message->value("Session-Expires"), "");
}

// The re-INVITE that is due anyway brings it.
TEST_F(IdentityTest, AReinviteOfTheSameChangeBringsIt) {
  auto& ann = page("Ann");
  ann.audio_only = false;
  auto& ben = page("Ben");
  ben.audio_only = false;
  a = &ann.invite("sip:" + ben.account + "@parley", {.headers = kUpdates});
  ben.incoming.back()->answer();
  world.advance(1s);
  auto& there = world.enter(world.page("visitor"));
  ASSERT_EQ(refer(*ben.incoming.back(), "team"), 202);
  world.advance(1s);
  ASSERT_FALSE(a->received(sip::Method::kInvite).empty());
  EXPECT_EQ(told(*a), (Told(a->received(sip::Method::kInvite).size(), "INVITE \"team\" <sip:team@parley>")));
  EXPECT_TRUE(a->received(sip::Method::kUpdate).empty());
  there.bye();
}

TEST_F(IdentityTest, AnAttendedTransferTellsBoth) {
  talk();
  auto& a2 = alice.invite("sip:carol@parley", {.headers = kUpdates});
  auto& c = *carol.incoming.back();
  answer(c);
  const auto dialog = a2.call_id + "%3Bto-tag%3D" + a2.remote_tag + "%3Bfrom-tag%3D" + a2.local_tag;
  ASSERT_EQ(a->request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <sip:carol@parley?Replaces=" + dialog + ">\r\n"), 202);
  world.advance(5s);
  EXPECT_EQ(told(*b), (Told{"UPDATE \"carol\" <sip:carol@parley>"}));
  EXPECT_EQ(told(c), (Told{"UPDATE \"Bob\" <sip:bob@parley>"}));
}

TEST_F(IdentityTest, OneThatStillRangHearsWhomItGotAfterwards) {
  talk();
  auto& a2 = alice.invite("sip:carol@parley", {.headers = kUpdates});
  auto& c = *carol.incoming.back();
  c.ring();
  for (const auto& sent : world.log) {
    const auto message = sip::Message::parse(base::share(sent.text));
    if (message && !(*message)->is_request() && (*message)->call_id() == a2.call_id && !(*message)->to_tag().empty()) a2.remote_tag = (*message)->to_tag();
  }
  const auto dialog = a2.call_id + "%3Bto-tag%3D" + a2.remote_tag + "%3Bfrom-tag%3D" + a2.local_tag;
  ASSERT_EQ(a->request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <sip:carol@parley?Replaces=" + dialog + ">\r\n"), 202);
  EXPECT_TRUE(told(*b).empty());
  answer(c);
  world.advance(5s);
  EXPECT_EQ(told(*b), (Told{"UPDATE \"carol\" <sip:carol@parley>"}));
  EXPECT_EQ(told(c), (Told{"UPDATE \"Bob\" <sip:bob@parley>"}));   // its INVITE was alice's
}

// RFC 3891 3
TEST_F(IdentityTest, APickUpTellsBoth) {
  a = &alice.invite("sip:bob@parley", {.headers = kUpdates});
  b = bob.incoming.back();
  b->ring();
  auto& in = carol.invite("sip:bob@parley", {.headers = "Replaces: " + b->call_id + ";to-tag=" + b->remote_tag + ";from-tag=" + b->local_tag + ";early-only\r\n"});
  ASSERT_EQ(in.status(), 200);
  EXPECT_EQ(in_answer(in), "\"Alice Liddell\" <sip:alice@parley>");
  ASSERT_EQ(a->status(), 200);
  EXPECT_EQ(in_answer(*a), "\"Carol\" <sip:carol@parley>");
}

TEST_F(IdentityTest, WhoseCallIsTakenOverIsTold) {
  talk();
  const auto replaces = "Replaces: " + a->call_id + ";to-tag=" + a->remote_tag + ";from-tag=" + a->local_tag + "\r\n";
  auto& in = carol.invite("sip:bob@parley", {.headers = replaces});
  EXPECT_EQ(in_answer(in), "\"Bob\" <sip:bob@parley>");
  world.advance(1s);
  EXPECT_EQ(told(*b), kCarol);
}

TEST_F(IdentityTest, OneOfAGroupIsNamedInTheAnswer) {
  a = &alice.invite("sip:all@parley");
  bob.incoming.back()->ring();
  carol.incoming.back()->ring();
  EXPECT_EQ(in_provisional(*a, 180), "");         // which of them it will be isn't known
  carol.incoming.back()->answer();
  EXPECT_EQ(in_answer(*a), "\"carol\" <sip:carol@parley>");
  world.advance(1s);
  EXPECT_TRUE(told(*a).empty());                  // that was enough
}

TEST_F(IdentityTest, OneAfterTheOtherIsNamedWhileItRings) {
  a = &alice.invite("sip:inorder@parley");
  bob.incoming.back()->ring();
  EXPECT_EQ(in_provisional(*a, 180), "\"Bob\" <sip:bob@parley>");
  world.advance(11s);
  carol.incoming.back()->ring();
  EXPECT_EQ(in_provisional(*a, 180), "\"carol\" <sip:carol@parley>");
  carol.incoming.back()->answer();
  EXPECT_EQ(in_answer(*a), "\"carol\" <sip:carol@parley>");
}

TEST_F(IdentityTest, AForwardIsNamedInTheAnswer) {
  a = &alice.invite("sip:bob@parley");
  auto& call = *bob.incoming.back();
  auto text = sip::start_response(*call.invite, bob.source, 302, call.local_tag).finish("", "");
  text.insert(text.find("\r\n") + 2, "Contact: \"carol\" <sip:carol@parley>\r\n");
  bob.write(text);
  world.settle();
  carol.incoming.back()->ring();
  EXPECT_EQ(in_provisional(*a, 180), "\"carol\" <sip:carol@parley>");
  carol.incoming.back()->answer();
  EXPECT_EQ(in_answer(*a), "\"carol\" <sip:carol@parley>");
}

TEST_F(IdentityTest, ToARoomAQueueAServiceAndFromAQueue) {
  auto& there = world.enter(world.page("visitor"));
  for (const std::string to : {"team", "support", "*43"}) {
    talk();
    ASSERT_EQ(refer(*a, to), 202);
    world.advance(5s);
    const auto shown = to == "*43" ? "UPDATE \"Echo\" <sip:*43@parley>" : "UPDATE \"" + to + "\" <sip:" + to + "@parley>";
    EXPECT_EQ(told(*b), (Told{shown}));
    if (to == "support") {
      auto* call = dynamic_cast<pbx::Call*>(&world.leg_of(*b)->owner());
      auto& taken = carol.invite("sip:" + call->pickup() + "@parley");
      ASSERT_EQ(taken.status(), 200);
      EXPECT_EQ(in_answer(taken), "\"Bob\" <sip:bob@parley>");
      world.advance(1s);
      EXPECT_EQ(told(*b), (Told{shown, "UPDATE \"Carol\" <sip:carol@parley>"}));
    }
    b->bye();
  }
  there.bye();
}

TEST_F(IdentityTest, AForwardToARoomSaysSoInTheAnswer) {
  auto& there = world.enter(world.page("visitor"));
  a = &alice.invite("sip:bob@parley", {.headers = kUpdates});
  auto& call = *bob.incoming.back();
  auto text = sip::start_response(*call.invite, bob.source, 302, call.local_tag).finish("", "");
  text.insert(text.find("\r\n") + 2, "Contact: <sip:team@parley>\r\n");
  bob.write(text);
  world.settle();
  EXPECT_EQ(in_answer(*a), "\"team\" <sip:team@parley>");
  world.advance(1s);
  EXPECT_TRUE(told(*a).empty());
  there.bye();
}

// What a page missed while it was reloaded is in the answer to its INVITE.
TEST_F(IdentityTest, AReloadHearsItAgain) {
  auto& ann = page("Ann");
  a = &ann.invite("sip:bob@parley", {.headers = kUpdates});
  b = bob.incoming.back();
  answer(*b);
  ASSERT_EQ(refer(*b, "carol"), 202);
  ann.lose_flow();
  answer(*carol.incoming.back());
  world.advance(1s);
  EXPECT_TRUE(told(*a).empty());
  ann.connect_again();
  auto& again = ann.invite("sip:bob@parley", {.headers = kUpdates + "Parley-Resume: " + a->token() + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  EXPECT_EQ(in_answer(again), "\"carol\" <sip:carol@parley>");
  world.advance(1s);
  EXPECT_TRUE(told(again).empty());
}

// One whose connection was away is told when it is back, by the answer to its own re-INVITE too.
TEST_F(IdentityTest, WhoWasOutOfReachIsToldWhenItIsBack) {
  auto& ann = page("Ann");
  a = &ann.invite("sip:bob@parley", {.headers = kUpdates});
  b = bob.incoming.back();
  answer(*b);
  ASSERT_EQ(refer(*b, "carol"), 202);
  ann.lose_flow();
  answer(*carol.incoming.back());
  world.advance(1s);
  ann.connect_again();
  ASSERT_EQ(a->reinvite(a->description, "Parley-Resume: " + a->token() + "\r\n"), 200);
  EXPECT_EQ(a->last->value("P-Asserted-Identity"), "\"carol\" <sip:carol@parley>");
  world.advance(1s);
  EXPECT_EQ(told(*a), (Told{"UPDATE \"carol\" <sip:carol@parley>"}));
}

// Survival item 3, RFC 3325 5: whoever is no trunk asserts nothing. Neither believed nor passed on.
TEST_F(IdentityTest, SurvivalItem3WhatAClientAssertsIsNobodysBusiness) {
  const std::string lie = "P-Asserted-Identity: \"The Boss\" <sip:boss@parley>\r\nP-Preferred-Identity: <sip:boss@parley>\r\n";
  auto& guest = world.phone("visitor", "Visitor");
  a = &guest.invite("sip:bob@parley", {.headers = kUpdates + lie});
  b = bob.incoming.back();
  EXPECT_EQ(b->invite->from().display(), "Visitor");
  EXPECT_EQ(b->invite->value("P-Asserted-Identity"), "");
  answer(*b, kUpdates + lie);
  EXPECT_EQ(in_answer(*a), "");
  EXPECT_EQ(a->request("UPDATE", "Contact: " + guest.contact() + "\r\n" + lie), 200);
  EXPECT_EQ(a->reinvite(a->description, lie), 200);
  ASSERT_EQ(refer(*b, "carol"), 202);
  answer(*carol.incoming.back(), lie);
  EXPECT_EQ(carol.incoming.back()->invite->from().display(), "Visitor");
  world.advance(1s);
  EXPECT_EQ(told(*a), (Told{"UPDATE \"carol\" <sip:carol@parley>"}));
  EXPECT_FALSE(world.told_others("boss", guest));
  EXPECT_FALSE(world.told_others("Boss", guest));
}

}  // namespace
