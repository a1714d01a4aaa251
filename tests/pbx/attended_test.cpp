// Legs that change calls: attended transfers, calls that take another's place, parties that go to rooms and services.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}};
  c.requests_per_second = 0;
  c.dial_plan.rules = {{.name = "echo", .pattern = "\\*43", .from = {}, .times = {}, .to = "echo", .number = {}, .caller_number = {}}};
  c.queues = {{.name = "support", .agents = {"carol"}, .music = {}}};
  return c;
}

constexpr std::string_view kCallEvents = "application/vnd.parley.call+json";

struct AttendedTest : testing::Test {
  PbxWorld world{config()};
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  Client& carol = world.registered(world.phone("carol", "Carol"));
  ClientCall *a1 = nullptr, *b = nullptr, *a2 = nullptr, *c = nullptr;

  AttendedTest() { alice.audio_only = true; }
  void talk() {
    a1 = &alice.invite("sip:bob@parley");
    b = bob.incoming.back();
    b->answer();
    a2 = &alice.invite("sip:carol@parley");
    c = carol.incoming.back();
  }
  void talk_to_both() {
    talk();
    c->answer();
    ASSERT_EQ(a2->status(), 200);
  }
  // The dialog as the one who is asked to replace it knows it.
  static std::string dialog(const ClientCall& call, const std::string& more = {}) {
    return call.call_id + "%3Bto-tag%3D" + call.remote_tag + "%3Bfrom-tag%3D" + call.local_tag + more;
  }
  static int refer(ClientCall& call, const std::string& replaces, const std::string& headers = {}) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:carol@parley?Replaces=" + replaces + ">\r\n" + headers);
  }
  static int refer_to(ClientCall& call, const std::string& number) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:" + number + "@parley>\r\n");
  }
  static std::vector<std::string> told(const ClientCall& call) {
    std::vector<std::string> result;
    for (const auto* r : call.received(sip::Method::kNotify)) result.push_back(std::string(r->message->body()).substr(8, 3));
    return result;
  }
  // The server's tag in a provisional answer to `call`.
  void learn_tag(ClientCall& call) {
    for (const auto& sent : world.log) {
      const auto message = sip::Message::parse(base::share(sent.text));
      if (message && !(*message)->is_request() && (*message)->call_id() == call.call_id && !(*message)->to_tag().empty()) call.remote_tag = (*message)->to_tag();
    }
  }
  bool speaks(ClientCall& x, ClientCall& y) {
    return x.message("text/plain", "one") == 202 && y.message("text/plain", "two") == 202 && !y.texts().empty() && y.texts().back() == "one" &&
           !x.texts().empty() && x.texts().back() == "two" && world.media_of(x).bridge == world.media_of(y).bridge && world.media_of(x).joined &&
           world.media_of(y).joined;
  }
  void expect_nothing_left() {
    world.advance(2min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
};

// RFC 5589 7.1, RFC 3515 2.4.4
TEST_F(AttendedTest, TheTwoOthersSpeakWithEachOther) {
  for (const bool in_the_second : {false, true}) {
    talk_to_both();
    EXPECT_TRUE(speaks(*a1, *b));
    EXPECT_TRUE(speaks(*a2, *c));
    auto& in = in_the_second ? *a2 : *a1;
    auto& other = in_the_second ? *a1 : *a2;
    ASSERT_EQ(refer(in, dialog(other)), 202);
    EXPECT_EQ(told(in), (std::vector<std::string>{"100", "200"}));
    EXPECT_TRUE(speaks(*b, *c));
    EXPECT_TRUE(other.ended);
    EXPECT_NE(in.message("text/plain", "still here?"), 202);
    world.advance(3s);
    EXPECT_TRUE(in.ended);
    EXPECT_EQ(b->received(sip::Method::kInvite).size(), 1u);   // whom they speak with now, and nothing else
    EXPECT_EQ(c->received(sip::Method::kInvite).size(), 1u);
    const auto calls = world.pbx.list_calls();
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls[0].from.number, in_the_second ? "carol" : "bob");
    EXPECT_EQ(calls[0].to.number, in_the_second ? "bob" : "carol");
    EXPECT_TRUE(speaks(*b, *c));
    c->bye();
    EXPECT_EQ(b->received(sip::Method::kBye).size(), 1u);
    expect_nothing_left();
  }
}

TEST_F(AttendedTest, WhoWasCalledTransfersToo) {
  b = &bob.invite("sip:alice@parley");
  a1 = alice.incoming.back();
  a1->answer();
  c = &carol.invite("sip:alice@parley");
  a2 = alice.incoming.back();
  a2->answer();
  ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
  EXPECT_TRUE(speaks(*b, *c));
  a1->bye();                                      // need not wait to be let go
  EXPECT_TRUE(speaks(*b, *c));
  b->bye();
  EXPECT_EQ(c->received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
}

TEST_F(AttendedTest, WhoWasHeldIsNotAnyMore) {
  talk_to_both();
  ASSERT_EQ(a1->reinvite(replace_all(a1->description, "a=sendrecv", "a=sendonly")), 200);
  ASSERT_TRUE(world.media_of(*b).sounding);
  ASSERT_EQ(refer(*a2, dialog(*a1)), 202);
  EXPECT_FALSE(world.media_of(*b).sounding);
  EXPECT_FALSE(world.media_of(*b).muted);
  EXPECT_TRUE(speaks(*b, *c));
  ASSERT_EQ(b->request("INFO", "Info-Package: x\r\n"), 200);
}

// RFC 3891 6: knowing a dialog is not enough.
TEST_F(AttendedTest, SurvivalItem4NobodyTransfersAnothersDialog) {
  talk_to_both();
  const auto theirs = c->call_id + "%3Bto-tag%3D" + c->remote_tag + "%3Bfrom-tag%3D" + c->local_tag;
  ASSERT_EQ(refer(*a1, theirs), 202);
  EXPECT_EQ(told(*a1).back(), "403");
  ASSERT_EQ(refer(*b, dialog(*a2)), 202);
  EXPECT_EQ(told(*b).back(), "403");
  ASSERT_EQ(refer(*a1, dialog(*a1)), 202);        // itself
  EXPECT_EQ(told(*a1).back(), "481");
  ASSERT_EQ(refer(*a1, "nosuch%3Bto-tag%3Da%3Bfrom-tag%3Db"), 202);
  EXPECT_EQ(told(*a1).back(), "481");
  ASSERT_EQ(refer(*a1, dialog(*a2, "%3Bearly-only")), 202);
  EXPECT_EQ(told(*a1).back(), "486");
  EXPECT_TRUE(speaks(*a1, *b));
  EXPECT_TRUE(speaks(*a2, *c));
}

TEST_F(AttendedTest, SurvivalItem4AGuestsConnectionIsHisProof) {
  auto& guest = world.page("visitor");
  auto& stranger = world.page("visitor");
  auto& g1 = guest.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  auto& g2 = guest.invite("sip:carol@parley");
  c = carol.incoming.back();
  c->answer();
  auto& s = stranger.invite("sip:alice@parley");
  a1 = alice.incoming.back();
  a1->answer();
  ASSERT_EQ(refer(s, dialog(g2)), 202);
  EXPECT_EQ(told(s).back(), "403");
  ASSERT_EQ(refer(g1, dialog(g2)), 202);
  EXPECT_EQ(told(g1).back(), "200");
  EXPECT_TRUE(speaks(*b, *c));
}

// The consultation that nobody has answered yet.
TEST_F(AttendedTest, WhoRingsRingsOnForTheOther) {
  talk();
  c->ring();
  learn_tag(*a2);
  ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
  EXPECT_EQ(told(*a1), (std::vector<std::string>{"100", "180"}));
  EXPECT_EQ(a2->status(), 487);
  EXPECT_TRUE(speaks(*a1, *b));                   // until then the call goes on,
  a1->bye();
  EXPECT_TRUE(world.media_of(*b).sounding);       // or the ringing is heard
  EXPECT_EQ(world.media_of(*b).played.back().kind, bridge::Sound::Kind::kRingback);
  EXPECT_FALSE(c->cancelled);
  c->answer();
  EXPECT_FALSE(world.media_of(*b).sounding);
  EXPECT_TRUE(speaks(*b, *c));
  c->bye();
  expect_nothing_left();
}

TEST_F(AttendedTest, WhoRingsMayRefuseOrNeverAnswer) {
  for (const bool refuses : {true, false}) {
    talk();
    c->ring();
    learn_tag(*a2);
    ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
    if (refuses) {
      c->refuse(486);
    } else {
      world.advance(61s);
      EXPECT_TRUE(c->cancelled);
    }
    EXPECT_EQ(told(*a1).back(), refuses ? "486" : "480");
    EXPECT_TRUE(speaks(*a1, *b));
    a1->bye();
    expect_nothing_left();
  }
}

TEST_F(AttendedTest, IntoTheRoomWhereTheTransferorIs) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  auto& other = world.enter(world.page("guest"));
  a2 = &world.enter(alice);
  ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
  EXPECT_EQ(told(*a1).back(), "200");
  EXPECT_TRUE(a2->ended);
  EXPECT_TRUE(speaks(*b, other));
  EXPECT_EQ(other.events("ConfbridgeJoin").back()["channels"][0]["caller"]["name"], "Bob");
  EXPECT_EQ(world.pbx.rooms().find("team")->members(), 2u);
  other.bye();
  b->bye();
  expect_nothing_left();
}

TEST_F(AttendedTest, ToAServiceThatWasTriedFirst) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  a2 = &alice.invite("sip:*43@parley");
  ASSERT_EQ(a2->status(), 200);
  ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
  EXPECT_EQ(told(*a1).back(), "200");
  EXPECT_TRUE(world.media_of(*b).echo);
  EXPECT_EQ(b->message("text/plain", "hello"), 202);
  EXPECT_EQ(b->texts().back(), "hello");
  b->bye();
  expect_nothing_left();
}

// Whoever was called for somebody else waits in the queue in his stead.
TEST_F(AttendedTest, ToAQueueThatWasEnteredFirst) {
  auto& agent = world.registered(world.page("carol"));
  agent.audio_only = true;
  for (const bool blind : {false, true}) {
    a1 = &alice.invite("sip:bob@parley");
    b = bob.incoming.back();
    b->answer();
    if (blind) {
      ASSERT_EQ(refer_to(*a1, "support"), 202);
    } else {
      a2 = &alice.invite("sip:support@parley");
      ASSERT_EQ(a2->status(), 200);
      ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
      EXPECT_TRUE(a2->ended);
    }
    EXPECT_EQ(told(*a1).back(), "200");
    EXPECT_TRUE(world.media_of(*b).sounding);
    EXPECT_EQ(b->message("text/plain", "anybody?"), 202);
    const auto waiting = world.pbx.list_queues().at(0).waiting;
    ASSERT_EQ(waiting.size(), 1u);
    EXPECT_EQ(waiting[0].from.number, "bob");
    auto* call = dynamic_cast<pbx::Call*>(&world.leg_of(*b)->owner());
    ASSERT_NE(call, nullptr);
    auto& taken = agent.invite("sip:" + call->pickup() + "@parley");
    ASSERT_EQ(taken.status(), 200);
    EXPECT_EQ(taken.texts().back(), "anybody?");
    EXPECT_TRUE(speaks(taken, *b));
    b->bye();
    expect_nothing_left();
  }
}

// ---- an INVITE with Replaces

// RFC 3891 3
TEST_F(AttendedTest, AnInviteTakesThePlaceOfAnotherDialog) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  const auto replaces = "Replaces: " + a1->call_id + ";to-tag=" + a1->remote_tag + ";from-tag=" + a1->local_tag + "\r\n";
  auto& stranger = world.page("visitor").invite("sip:bob@parley", {.headers = replaces});
  EXPECT_EQ(stranger.status(), 403);              // guests don't
  EXPECT_EQ(carol.invite("sip:bob@parley", {.headers = "Replaces: " + a1->call_id + ";to-tag=x;from-tag=y\r\n"}).status(), 481);
  EXPECT_EQ(carol.invite("sip:bob@parley", {.headers = "Replaces: nonsense\r\n"}).status(), 400);
  EXPECT_EQ(carol.invite("sip:bob@parley", {.headers = "Require: replaces\r\nReplaces: " + a1->call_id + ";to-tag=" + a1->remote_tag + ";from-tag=" +
                                                       a1->local_tag + ";early-only\r\n"}).status(), 486);
  ASSERT_TRUE(speaks(*a1, *b));
  auto& in = carol.invite("sip:bob@parley", {.headers = "Require: replaces\r\n" + replaces});
  ASSERT_EQ(in.status(), 200);
  EXPECT_TRUE(a1->ended);
  EXPECT_TRUE(speaks(in, *b));
  EXPECT_EQ(world.pbx.list_calls().at(0).from.number, "carol");
  EXPECT_EQ(carol.invite("sip:bob@parley", {.headers = replaces}).status(), 481);
  in.bye();
  expect_nothing_left();
}

// A call that rings elsewhere is picked up.
TEST_F(AttendedTest, AnInviteTakesACallThatRings) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->ring();
  auto& in = carol.invite("sip:bob@parley", {.headers = "Replaces: " + b->call_id + ";to-tag=" + b->remote_tag + ";from-tag=" + b->local_tag + ";early-only\r\n"});
  ASSERT_EQ(in.status(), 200);
  EXPECT_TRUE(b->cancelled);
  ASSERT_EQ(a1->status(), 200);
  EXPECT_TRUE(speaks(*a1, in));
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "carol");
  a1->bye();
  expect_nothing_left();
}

// ---- to what is no account

TEST_F(AttendedTest, ATransferToARoomMovesWhoStays) {
  auto& other = world.enter(world.page("guest"));
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  ASSERT_EQ(refer_to(*a1, "team"), 202);
  EXPECT_EQ(told(*a1), (std::vector<std::string>{"100", "200"}));
  EXPECT_TRUE(speaks(*b, other));
  EXPECT_TRUE(b->texts("application/x-asterisk-confbridge-event+json").empty());   // it never asked for events
  world.advance(3s);
  EXPECT_TRUE(a1->ended);
  EXPECT_EQ(world.pbx.calls(), 0u);
  EXPECT_TRUE(speaks(*b, other));
  ASSERT_EQ(other.events("ConfbridgeJoin").back()["channels"][0]["caller"]["number"], "bob");
  b->bye();
  EXPECT_EQ(other.events("ConfbridgeLeave").size(), 1u);
  other.bye();
  expect_nothing_left();
}

TEST_F(AttendedTest, AndMakesNone) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  ASSERT_EQ(refer_to(*a1, "nowhere"), 202);
  EXPECT_EQ(told(*a1).back(), "404");
  EXPECT_TRUE(speaks(*a1, *b));
}

TEST_F(AttendedTest, ATransferToAService) {
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  ASSERT_EQ(refer_to(*b, "*43"), 202);
  EXPECT_EQ(told(*b).back(), "200");
  EXPECT_TRUE(world.media_of(*a1).echo);
  world.advance(3s);
  EXPECT_TRUE(b->ended);
  EXPECT_EQ(world.pbx.list_calls().size(), 1u);
  a1->bye();
  expect_nothing_left();
}

// RFC 3261 8.1.3.4
TEST_F(AttendedTest, AForwardToARoomOrAService) {
  auto& other = world.enter(world.page("guest"));
  const auto forward = [&](const std::string& contact) {
    a1 = &alice.invite("sip:bob@parley");
    auto& call = *bob.incoming.back();
    call.ring();
    auto text = sip::start_response(*call.invite, bob.source, 302, call.local_tag).finish("", "");
    text.insert(text.find("\r\n") + 2, "Contact: <" + contact + ">\r\n");
    bob.write(text);
    world.settle();
    EXPECT_EQ(a1->status(), 200);
  };
  forward("sip:team@parley");
  EXPECT_TRUE(speaks(*a1, other));
  a1->bye();
  forward("sip:*43@parley");
  EXPECT_TRUE(world.media_of(*a1).echo);
  a1->bye();
  other.bye();
  expect_nothing_left();
}

// ---- by programs

TEST_F(AttendedTest, AProgramTransfersEither) {
  for (const bool by_number : {false, true}) {
    a1 = &alice.invite("sip:bob@parley");
    b = bob.incoming.back();
    EXPECT_FALSE(world.pbx.transfer(world.pbx.list_calls().at(0).id, "to", "carol"));   // nobody has answered yet
    b->answer();
    const auto id = world.pbx.list_calls().at(0).id;
    EXPECT_EQ(world.pbx.transfer("other", "to", "carol").error().code, base::ErrorCode::kNotFound);
    EXPECT_EQ(world.pbx.transfer(id, "carol", "carol").error().code, base::ErrorCode::kNotFound);
    EXPECT_EQ(world.pbx.transfer(id, "to", "nobody").error().code, base::ErrorCode::kNotFound);
    EXPECT_EQ(world.pbx.transfer(id, "to", "bob").error().code, base::ErrorCode::kConflict);
    ASSERT_TRUE(world.pbx.transfer(id, by_number ? "bob" : "to", "carol"));
    EXPECT_EQ(world.pbx.transfer(id, "to", "carol").error().code, base::ErrorCode::kConflict);
    world.settle();
    c = carol.incoming.back();
    EXPECT_TRUE(speaks(*a1, *b));
    c->answer();
    EXPECT_TRUE(a1->ended);
    EXPECT_TRUE(speaks(*b, *c));
    EXPECT_EQ(world.pbx.list_calls().at(0).id, id);
    c->bye();
    expect_nothing_left();
  }
}

TEST_F(AttendedTest, AProgramSendsAPartyToARoom) {
  auto& other = world.enter(world.page("guest"));
  a1 = &alice.invite("sip:bob@parley");
  b = bob.incoming.back();
  b->answer();
  ASSERT_TRUE(world.pbx.transfer(world.pbx.list_calls().at(0).id, "from", "team"));
  world.settle();
  EXPECT_TRUE(b->ended);
  EXPECT_TRUE(speaks(*a1, other));
  a1->bye();
  other.bye();
  expect_nothing_left();
}

// ---- pages

struct PagesAttendedTest : AttendedTest {
  Client& page(const std::string& name) {
    const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = name});
    auto& page = world.page(client->number, name);
    page.password = client->secret;
    EXPECT_EQ(page.register_contact()->status(), 200);
    return page;
  }
  Client& ann = page("Ann");
  Client& ben = page("Ben");
  Client& cid = page("Cid");
  void talk_by_pages() {
    a1 = &ann.invite("sip:" + ben.account + "@parley");
    b = ben.incoming.back();
    b->answer();
    a2 = &ann.invite("sip:" + cid.account + "@parley");
    c = cid.incoming.back();
    c->answer();
    ASSERT_EQ(a2->status(), 200);
  }
  static std::string token_of(const ClientCall& call) { return std::string(call.invite ? call.invite->value("Parley-Resume") : call.header("Parley-Resume")); }
};

TEST_F(PagesAttendedTest, ReloadingAndDigitsGoOnWorking) {
  talk_by_pages();
  ASSERT_EQ(a1->reinvite(replace_all(a1->description, "a=sendrecv", "a=sendonly")), 200);
  ASSERT_EQ(refer(*a2, dialog(*a1)), 202);
  EXPECT_EQ(b->texts(kCallEvents).back(), R"({"type":"unhold"})");
  EXPECT_TRUE(speaks(*b, *c));
  // Its number is still the one that it called or was called by.
  auto& again = ben.invite("sip:" + ann.account + "@parley", {.headers = "Parley-Resume: " + token_of(*b) + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  EXPECT_TRUE(speaks(again, *c));
  world.pbx.on_dtmf(world.leg_of(again)->id(), '5');
  EXPECT_EQ(world.media_of(*c).digits, "5");
}

TEST_F(PagesAttendedTest, BothAreShownTheOthersVideo) {
  talk_by_pages();
  world.advance(1s);
  const auto source_of = [&](ClientCall& call) { return world.leg_of(call)->sources().at(0).id; };
  ASSERT_EQ(world.media_of(*b).media().shows.at(0).second, source_of(*a1));
  ASSERT_EQ(refer(*a1, dialog(*a2)), 202);
  world.advance(1s);
  EXPECT_EQ(world.media_of(*b).media().shows.at(0).second, source_of(*c));
  EXPECT_EQ(world.media_of(*c).media().shows.at(0).second, source_of(*b));
}

TEST_F(PagesAttendedTest, APageInARoomThatItWasSentToIsReloaded) {
  auto& other = world.enter(world.page("guest"));
  talk_by_pages();
  ASSERT_EQ(refer_to(*a1, "team"), 202);
  world.advance(1s);
  EXPECT_EQ(b->events("ConfbridgeWelcome").size(), 1u);
  EXPECT_EQ(b->last_offer().media.at(1).direction, sdp::Direction::kRecvOnly);
  EXPECT_TRUE(speaks(*b, other));
  auto& again = ben.invite("sip:" + ann.account + "@parley", {.headers = "Parley-Resume: " + token_of(*b) + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  EXPECT_TRUE(speaks(again, other));
  EXPECT_EQ(other.events("ConfbridgeJoin").size(), 1u);   // he never left
}

// A page's call that is no more must not become a call to whom it once called.
TEST_F(PagesAttendedTest, AClientTakesNoCallThatItMayNotCall) {
  talk_by_pages();
  auto& d = alice.invite("sip:bob@parley");
  auto& bobs = *bob.incoming.back();
  bobs.answer();
  ASSERT_EQ(d.status(), 200);
  auto& in = ann.invite("sip:bob@parley", {.headers = "Replaces: " + d.call_id + ";to-tag=" + d.remote_tag + ";from-tag=" + d.local_tag + "\r\n"});
  EXPECT_EQ(in.status(), 200);
  EXPECT_TRUE(speaks(in, bobs));
}

}  // namespace
