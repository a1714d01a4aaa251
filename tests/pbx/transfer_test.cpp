// One of the two gives its place to a third: transfers by REFER, contacts that forward; texts that are sent again, pages that sign off.
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}};
  c.requests_per_second = 0;
  return c;
}

struct TransferTest : testing::Test {
  PbxWorld world{config()};
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));
  Client& carol = world.registered(world.phone("carol", "Carol"));
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;

  void talk() {
    a = &alice.invite("sip:bob@parley");
    b = bob.incoming.back();
    b->answer();
    ASSERT_EQ(a->status(), 200);
  }
  static int refer(ClientCall& call, const std::string& to, const std::string& headers = {}) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:" + to + "@parley>\r\n" + headers);
  }
  // The status lines that the transferor was told.
  static std::vector<std::string> told(const ClientCall& call) {
    std::vector<std::string> result;
    for (const auto* r : call.received(sip::Method::kNotify)) {
      const auto body = std::string(r->message->body());
      result.push_back(body.substr(8, 3));
    }
    return result;
  }
  static std::string last_state(const ClientCall& call) {
    return std::string(call.received(sip::Method::kNotify).back()->message->value("Subscription-State"));
  }
  bool speaks(ClientCall& x, ClientCall& y) {
    return x.message("text/plain", "one") == 202 && y.message("text/plain", "two") == 202 && !y.texts().empty() && y.texts().back() == "one" &&
           !x.texts().empty() && x.texts().back() == "two" && world.media_of(x).bridge == world.media_of(y).bridge;
  }
  void expect_nothing_left() {
    world.advance(1min);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(world.agent->sessions(), 0u);
  }
  void forward(ClientCall& call, const std::string& contact) {
    auto text = sip::start_response(*call.invite, call.client.source, 302, call.local_tag).finish("", "");
    text.insert(text.find("\r\n") + 2, "Contact: <" + contact + ">\r\n");
    call.client.write(text);
    world.settle();
  }
};

// RFC 3515 2.4.4, RFC 5589 6.1
TEST_F(TransferTest, TheOtherSideSpeaksWithTheTarget) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  ASSERT_EQ(carol.incoming.size(), 1u);
  auto& c = *carol.incoming.back();
  EXPECT_EQ(c.invite->from().display(), "Bob");
  EXPECT_TRUE(speaks(*a, *b));                    // until then the call goes on
  c.ring();
  c.answer();
  EXPECT_EQ(told(*a), (std::vector<std::string>{"100", "180", "200"}));
  EXPECT_TRUE(last_state(*a).starts_with("terminated"));
  EXPECT_TRUE(speaks(*b, c));
  EXPECT_NE(a->message("text/plain", "still here?"), 202);
  world.advance(3s);
  EXPECT_EQ(a->received(sip::Method::kBye).size(), 1u);
  EXPECT_TRUE(speaks(*b, c));
  const auto calls = world.pbx.list_calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].from.number, "carol");
  c.bye();
  EXPECT_EQ(b->received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
}

TEST_F(TransferTest, TheCalledOneTransfersToo) {
  talk();
  ASSERT_EQ(refer(*b, "carol"), 202);
  auto& c = *carol.incoming.back();
  EXPECT_EQ(c.invite->from().display(), "Alice Liddell");
  c.answer();
  EXPECT_EQ(told(*b).back(), "200");
  EXPECT_TRUE(speaks(*a, c));
  b->bye();
  EXPECT_TRUE(speaks(*a, c));
  a->bye();
  EXPECT_EQ(c.received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
}

TEST_F(TransferTest, ARefusedTransferLeavesTheCall) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  carol.incoming.back()->refuse(486);
  EXPECT_EQ(told(*a).back(), "486");
  EXPECT_TRUE(last_state(*a).starts_with("terminated"));
  EXPECT_TRUE(speaks(*a, *b));
  ASSERT_EQ(refer(*a, "carol"), 202);              // and may be tried again
  carol.incoming.back()->answer();
  EXPECT_TRUE(speaks(*b, *carol.incoming.back()));
}

TEST_F(TransferTest, WhoDoesNotAnswerIsGivenUp) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  carol.incoming.back()->ring();
  world.advance(61s);
  EXPECT_TRUE(carol.incoming.back()->cancelled);
  EXPECT_EQ(told(*a).back(), "480");
  EXPECT_TRUE(speaks(*a, *b));
}

TEST_F(TransferTest, NobodyThereIsToldAtOnce) {
  talk();
  ASSERT_EQ(refer(*a, "nobody"), 202);
  EXPECT_EQ(told(*a).back(), "404");
  ASSERT_EQ(refer(*a, "bob"), 202);
  EXPECT_EQ(told(*a).back(), "482");
  EXPECT_EQ(a->request("REFER", "Contact: " + alice.contact() + "\r\n"), 400);
  EXPECT_EQ(a->request("REFER", "Contact: " + alice.contact() + "\r\nRefer-To: <tel:+49123>\r\n"), 404);
  EXPECT_TRUE(speaks(*a, *b));
}

TEST_F(TransferTest, OneAtATime) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  EXPECT_EQ(refer(*b, "carol"), 491);
}

TEST_F(TransferTest, TheTransferorNeedNotWait) {
  for (const bool answers : {true, false}) {
    talk();
    ASSERT_EQ(refer(*a, "carol"), 202);
    a->bye();
    EXPECT_TRUE(b->received(sip::Method::kBye).empty());
    auto& c = *carol.incoming.back();
    if (answers) {
      c.answer();
      EXPECT_TRUE(speaks(*b, c));
      b->bye();
    } else {
      c.refuse(486);
      EXPECT_EQ(b->received(sip::Method::kBye).size(), 1u);
    }
    expect_nothing_left();
  }
  talk();
  ASSERT_EQ(refer(*b, "carol"), 202);
  b->bye();
  EXPECT_TRUE(a->received(sip::Method::kBye).empty());
  carol.incoming.back()->answer();
  EXPECT_TRUE(speaks(*a, *carol.incoming.back()));
}

// Who has handed the call over is free for the next one, and who was handed over is not.
TEST_F(TransferTest, TheTransferorThatHasGoneIsInNoCall) {
  talk();
  ASSERT_EQ(refer(*b, "carol"), 202);
  EXPECT_TRUE(world.pbx.presence().in_call("bob"));
  b->bye();
  EXPECT_FALSE(world.pbx.presence().in_call("bob"));
  EXPECT_TRUE(world.pbx.presence().in_call("alice"));
  carol.incoming.back()->answer();
  EXPECT_TRUE(world.pbx.presence().in_call("alice"));
  EXPECT_TRUE(world.pbx.presence().in_call("carol"));
  a->bye();
  expect_nothing_left();
  EXPECT_FALSE(world.pbx.presence().in_call("alice"));
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  a->bye();
  EXPECT_FALSE(world.pbx.presence().in_call("alice"));
  EXPECT_TRUE(world.pbx.presence().in_call("bob"));
  carol.incoming.back()->refuse(486);
  expect_nothing_left();
  EXPECT_FALSE(world.pbx.presence().in_call("bob"));
}

TEST_F(TransferTest, WhoIsTransferredMayHangUpMeanwhile) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  carol.incoming.back()->ring();
  b->bye();
  EXPECT_TRUE(carol.incoming.back()->cancelled);
  EXPECT_EQ(a->received(sip::Method::kBye).size(), 1u);
  expect_nothing_left();
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  a->bye();
  b->bye();
  expect_nothing_left();
}

// RFC 4488 4
TEST_F(TransferTest, WhoWantsNoNewsGetsNone) {
  talk();
  ASSERT_EQ(refer(*a, "carol", "Refer-Sub: false\r\n"), 202);
  carol.incoming.back()->answer();
  EXPECT_TRUE(told(*a).empty());
  EXPECT_TRUE(speaks(*b, *carol.incoming.back()));
}

TEST_F(TransferTest, TheConnectionOfTheTransferorMayBreak) {
  talk();
  ASSERT_EQ(refer(*a, "carol"), 202);
  alice.lose_flow();
  world.advance(20s);
  carol.incoming.back()->ring();
  carol.incoming.back()->answer();
  expect_nothing_left();                           // lost is no farewell: the call is over
}

// RFC 3261 8.1.3.4
TEST_F(TransferTest, AContactForwards) {
  a = &alice.invite("sip:bob@parley");
  bob.incoming.back()->ring();
  forward(*bob.incoming.back(), "sip:carol@anywhere");
  ASSERT_EQ(carol.incoming.size(), 1u);
  EXPECT_EQ(carol.incoming.back()->invite->from().display(), "Alice Liddell");
  EXPECT_EQ(a->status(), 0);
  carol.incoming.back()->answer();
  ASSERT_EQ(a->status(), 200);
  EXPECT_TRUE(speaks(*a, *carol.incoming.back()));
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "carol");
  a->bye();
  expect_nothing_left();
}

TEST_F(TransferTest, ForwardingToNobodyEndsAndInACircleToo) {
  a = &alice.invite("sip:bob@parley");
  forward(*bob.incoming.back(), "sip:nobody@parley");
  EXPECT_EQ(a->status(), 404);
  a = &alice.invite("sip:bob@parley");
  for (int i = 0; i < 3; ++i) {
    forward(*bob.incoming.back(), "sip:carol@parley");
    forward(*carol.incoming.back(), "sip:bob@parley");
  }
  EXPECT_EQ(a->status(), 480);
  EXPECT_EQ(bob.incoming.size() + carol.incoming.size(), 1u + 6u);
  a = &alice.invite("sip:bob@parley");
  forward(*bob.incoming.back(), "tel:+123");
  EXPECT_EQ(a->status(), 480);
  expect_nothing_left();
}

// The record names all that were in the call, from when to when.
TEST_F(TransferTest, TheRecordHasWhoLeft) {
  struct Last final : pbx::PbxObserver {
    pbx::CallInfo call;
    void on_room_opened(const conference::Room&) override {}
    void on_room_closed(const conference::Room&) override {}
    void on_room_event(const conference::Room&, conference::EventType, const conference::Participant&, std::string_view) override {}
    void on_room_message(const conference::Room&, const bridge::RelayedMessage&) override {}
    void on_call(const pbx::CallInfo& info) override { call = info; }
  } last;
  world.pbx.set_observer(last);
  const auto started = world.timeline.wall();
  talk();
  world.advance(10s);
  ASSERT_EQ(refer(*a, "carol"), 202);
  carol.incoming.back()->answer();
  world.advance(10s);
  b->bye();
  ASSERT_EQ(last.call.state, pbx::CallInfo::State::kEnded);
  const auto& legs = last.call.legs;
  ASSERT_EQ(legs.size(), 3u);
  EXPECT_EQ(legs[0].side.account, "alice");
  EXPECT_EQ(legs[1].side.account, "bob");
  EXPECT_EQ(legs[2].side.account, "carol");
  EXPECT_LT(legs[1].answered - started, 5s);
  ASSERT_TRUE(legs[0].left && legs[1].left);
  EXPECT_EQ(*legs[0].left, legs[2].answered);
  EXPECT_GE(*legs[0].left - legs[0].answered, 10s);
  EXPECT_GE(*legs[1].left - *legs[0].left, 10s);
  // Handed from one to the other again and again: bounded.
  talk();
  for (int i = 0; i < 20; ++i) {
    auto& from = i % 2 == 0 ? bob : carol;
    auto& to = i % 2 == 0 ? carol : bob;
    ASSERT_EQ(refer(*from.incoming.back(), to.account), 202);
    to.incoming.back()->answer();
    world.advance(5s);
  }
  a->bye();
  EXPECT_EQ(last.call.legs.size(), pbx::CallInfo::kMaxLegs);
  expect_nothing_left();
}

// Two pages: who is held by the transferor is not held by the target; who is reloaded meanwhile speaks with the target.
struct PagesTransferTest : TransferTest {
  Client& page(const std::string& name) {
    const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = name});
    auto& page = world.page(client->number, name);
    page.password = client->secret;
    page.audio_only = true;
    EXPECT_EQ(page.register_contact()->status(), 200);
    return page;
  }
  Client& ann = page("Ann");
  Client& ben = page("Ben");
  void talk_by_pages() {
    a = &ann.invite("sip:" + ben.account + "@parley");
    b = ben.incoming.back();
    b->answer();
    ASSERT_EQ(a->status(), 200);
  }
};

TEST_F(PagesTransferTest, HoldEndsWithTheTransferor) {
  talk_by_pages();
  ASSERT_EQ(a->reinvite(replace_all(a->description, "a=sendrecv", "a=sendonly")), 200);
  EXPECT_EQ(b->texts("application/vnd.parley.call+json").back(), R"({"type":"hold"})");
  ASSERT_EQ(refer(*a, "carol"), 202);
  carol.incoming.back()->answer();
  EXPECT_EQ(b->texts("application/vnd.parley.call+json").back(), R"({"type":"unhold"})");
  EXPECT_TRUE(speaks(*b, *carol.incoming.back()));
}

TEST_F(PagesTransferTest, WhoStaysMayBeReloadedMeanwhile) {
  talk_by_pages();
  ASSERT_EQ(refer(*b, "carol"), 202);
  auto& again = ann.invite("sip:" + ben.account + "@parley", {.headers = "Parley-Resume: " + a->token() + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  carol.incoming.back()->answer();
  EXPECT_TRUE(speaks(again, *carol.incoming.back()));
  again.bye();
  expect_nothing_left();
}

TEST_F(PagesTransferTest, SoMayTheTransferor) {
  talk_by_pages();
  ASSERT_EQ(refer(*a, "carol"), 202);
  auto& again = ann.invite("sip:" + ben.account + "@parley", {.headers = "Parley-Resume: " + a->token() + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  carol.incoming.back()->ring();
  carol.incoming.back()->answer();
  EXPECT_TRUE(speaks(*b, *carol.incoming.back()));
  world.advance(3s);
  EXPECT_TRUE(again.ended);
  b->bye();
  expect_nothing_left();
}

// A text whose answer was lost comes again: the other reads it once.
TEST_F(TransferTest, ATextThatIsSentAgainIsReadOnce) {
  talk();
  EXPECT_EQ(a->message("text/plain", "hello", "Parley-Client-Message: 17\r\n"), 202);
  EXPECT_EQ(a->message("text/plain", "hello", "Parley-Client-Message: 17\r\n"), 202);
  EXPECT_EQ(a->message("text/plain", "more", "Parley-Client-Message: 18\r\n"), 202);
  EXPECT_EQ(b->message("text/plain", "hi", "Parley-Client-Message: 17\r\n"), 202);
  EXPECT_EQ(b->texts(), (std::vector<std::string>{"hello", "more"}));
  EXPECT_EQ(a->texts(), (std::vector<std::string>{"hi"}));
  EXPECT_EQ(a->message("text/plain", "x"), 202);   // without a number nothing is compared
  EXPECT_EQ(a->message("text/plain", "x"), 202);
  for (int i = 100; i < 300; ++i) a->message("text/plain", "y", "Parley-Client-Message: " + std::to_string(i) + "\r\n");
  EXPECT_EQ(b->texts().size(), 204u);
}

struct SignOffTest : testing::Test {
  PbxWorld world{config()};
  Client& page() {
    const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = "Ann"});
    auto& page = world.page(client->number, "Ann");
    page.password = client->secret;
    EXPECT_EQ(page.register_contact()->status(), 200);
    return page;
  }
};

// A page that is being closed answers no challenge.
TEST_F(SignOffTest, ByTheConnectionThatRegisteredNoChallengeIsNeeded) {
  auto& ann = page();
  ann.password.clear();
  EXPECT_EQ(ann.register_contact("Contact: " + ann.contact() + "\r\nExpires: 60\r\n")->status(), 401);
  const auto number = ann.account;
  EXPECT_EQ(ann.register_contact("Contact: " + ann.contact() + "\r\nExpires: 0\r\n")->status(), 200);
  EXPECT_EQ(world.pbx.webphone().find(number), nullptr);
}

TEST_F(SignOffTest, NobodyElseSignsAPageOff) {
  auto& ann = page();
  auto& other = world.page(ann.account);
  other.register_call_id = ann.register_call_id;
  other.register_cseq = 50;
  EXPECT_EQ(other.register_contact("Contact: " + ann.contact() + "\r\nExpires: 0\r\n")->status(), 401);
  EXPECT_NE(world.pbx.webphone().find(ann.account), nullptr);
}

TEST_F(SignOffTest, APageThatWasForgottenIsToldSo) {
  auto& ann = page();
  ann.lose_flow();
  world.advance(11s);
  ann.connect_again();
  EXPECT_EQ(ann.register_contact()->status(), 404);
  EXPECT_EQ(world.page("neverseen").register_contact()->status(), 401);
}

}  // namespace
