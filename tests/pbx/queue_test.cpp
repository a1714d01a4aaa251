// Queues: who waits, who takes, what is written meanwhile; and the calls of others as supervisors and agents see them.
#include "support/subscriber.hpp"

namespace {

using namespace test_support;

const std::string kSessions = "parley-sessions";
const std::string kAcceptSessions = "Accept: application/vnd.parley.sessions+json\r\n";

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}, {.name = "Visitors", .default_target = "support", .call_clients = false, .call_accounts = false, .roster = pbx::LineConfig::Roster::kNobody}};
  c.queues = {{.name = "support", .agents = {"alice", "bob"}, .max_waiting = 2}, {.name = "sales", .agents = {"bob"}, .max_wait = 60s, .music = "sales.wav"}};
  c.supervisors = {"carol"};
  c.requests_per_second = 0;
  return c;
}

struct Watcher final : pbx::PbxObserver {
  std::vector<std::string> events;
  std::vector<pbx::CallInfo> calls;
  void on_room_opened(const conference::Room&) override {}
  void on_room_closed(const conference::Room&) override {}
  void on_room_event(const conference::Room&, conference::EventType, const conference::Participant&, std::string_view) override {}
  void on_room_message(const conference::Room&, const bridge::RelayedMessage&) override {}
  void on_call(const pbx::CallInfo& call) override { calls.push_back(call); }
  void on_queue(pbx::QueueEvent event, const std::string& queue, const pbx::CallInfo&, std::size_t waiting) override {
    static const char* const kNames[] = {"waiting", "taken", "left"};
    events.push_back(std::string(kNames[static_cast<int>(event)]) + " " + queue + " " + std::to_string(waiting));
  }
};

struct QueueTest : testing::Test {
  PbxWorld world{config()};
  Watcher watcher;
  QueueTest() { world.pbx.set_observer(watcher); }

  Client& phone(const std::string& account) { return world.registered(world.phone(account)); }
  // A caller who waits, ACKed.
  ClientCall& waits(Client& client, const std::string& queue = "support") {
    auto& call = client.invite("sip:" + queue + "@parley", {});
    EXPECT_EQ(call.status(), 200);
    world.settle();
    return call;
  }
  ClientCall& follows(Client& client) { return subscribe(client, client.account, kSessions, kAcceptSessions); }
  std::map<std::string, nlohmann::json> known(const ClientCall& call) {
    std::map<std::string, nlohmann::json> result;
    for (const auto& body : notified(call)) {
      if (body.empty()) continue;
      const auto json = nlohmann::json::parse(body);
      if (json["full"]) result.clear();
      for (const auto& s : json["sessions"]) {
        if (s.value("closed", false)) result.erase(s["sessionId"]);
        else result[s["sessionId"]] = s;
      }
    }
    return result;
  }
  // The one session that `call`'s subscriber knows.
  nlohmann::json only(const ClientCall& call) {
    world.advance(100ms);
    const auto all = known(call);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? nlohmann::json::object() : all.begin()->second;
  }
  ClientCall& take(Client& agent, const nlohmann::json& session, const Invite& options = {}) {
    return agent.invite("sip:" + session.value("take", std::string("take~none")) + "@parley", options);
  }
  std::vector<std::string> texts(const ClientCall& call) { return call.texts({}); }
  const FakeMediaEngine::Leg& first_leg() { return world.media.legs.begin()->second; }
};

TEST_F(QueueTest, ACallerIsAnsweredWithMusicAndToldItsPlace) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& first = waits(ann);
  auto& second = waits(ben, "SUPPORT");
  world.advance(1s);
  EXPECT_EQ(texts(first), std::vector<std::string>{R"({"type":"waiting","queue":"support","position":1})"});
  EXPECT_EQ(texts(second), std::vector<std::string>{R"({"type":"waiting","queue":"support","position":2})"});
  EXPECT_TRUE(first_leg().sounding);
  EXPECT_EQ(first_leg().played.back().kind, bridge::Sound::Kind::kMusic);
  first.request("BYE");
  world.advance(1s);
  EXPECT_EQ(texts(second).back(), R"({"type":"waiting","queue":"support","position":1})");
  EXPECT_EQ(watcher.events, (std::vector<std::string>{"waiting support 1", "waiting support 2", "left support 1"}));
}

TEST_F(QueueTest, AnAgentTakesACallAndReadsWhatWasWritten) {
  auto& ann = webphone(world, "Ann");
  auto& alice = phone("alice");
  auto& seen = follows(alice);
  auto& call = waits(ann);
  EXPECT_EQ(call.message("text/plain", "one"), 202);
  EXPECT_EQ(call.message("text/html", "two"), 202);
  const auto session = only(seen);
  EXPECT_EQ(session["sessionState"], "Waiting");
  EXPECT_EQ(session["callerName"], "Ann");
  EXPECT_EQ(session["queue"], "support");
  world.advance(9s);
  auto& taken = take(alice, session);
  ASSERT_EQ(taken.status(), 200);
  world.advance(100ms);
  EXPECT_EQ(texts(taken), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(texts(call).back(), R"({"type":"taken","queue":"support","number":"alice","displayName":"Alice Liddell"})");
  EXPECT_FALSE(first_leg().sounding);
  EXPECT_EQ(call.message("text/plain", "three"), 202);
  EXPECT_EQ(texts(taken).back(), "three");
  EXPECT_EQ(only(seen)["sessionState"], "InCall");
  taken.request("BYE");
  world.advance(1s);
  EXPECT_EQ(call.received(sip::Method::kBye).size(), 1u);
  EXPECT_TRUE(known(seen).empty());
  // The record: it waited until it was taken.
  ASSERT_FALSE(watcher.calls.empty());
  const auto& last = watcher.calls.back();
  EXPECT_EQ(last.state, pbx::CallInfo::State::kEnded);
  EXPECT_EQ(last.queue, "support");
  EXPECT_GE(*last.answered - last.started, 9s);
  EXPECT_EQ(last.to.account, "alice");
}

// Those who came in the same second have their turns too: RFC 3339 with milliseconds.
TEST_F(QueueTest, TheStartIsToldToTheMillisecond) {
  auto& seen = follows(phone("alice"));
  waits(world.phone("ann"));
  world.advance(250ms);
  waits(world.phone("ben"));
  world.advance(1s);
  std::map<std::string, std::string> started;
  for (const auto& [id, session] : known(seen)) started[session["caller"]] = session["started"];
  ASSERT_EQ(started.size(), 2u);
  for (const auto& [caller, text] : started) {
    ASSERT_EQ(text.size(), 24u);
    EXPECT_EQ(text[19], '.');
    EXPECT_EQ(text.back(), 'Z');
  }
  EXPECT_LT(started["ann"], started["ben"]);
  const auto millis = [](const std::string& text) { return std::stoi(text.substr(17, 2)) * 1000 + std::stoi(text.substr(20, 3)); };
  const int apart = (millis(started["ben"]) - millis(started["ann"]) + 60000) % 60000;
  EXPECT_GE(apart, 250);
  EXPECT_LT(apart, 1000);
}

// A contact that forwards to where there is no place: the caller hears of it before it is answered (RFC 3261 8.1.3.4).
TEST_F(QueueTest, AForwardToAFullQueueOrRoomIsBusy) {
  pbx::PbxConfig limited = config();
  limited.rooms.profile = [](std::string_view) { return conference::RoomProfile{.max_members = 1}; };
  PbxWorld small(limited);
  const auto known_as = [&](const std::string& name) -> Client& { return small.registered(small.phone(name)); };
  auto& alice = known_as("alice");
  auto& carol = known_as("carol");
  auto& room = small.enter(small.phone("guest"));
  ASSERT_EQ(room.status(), 200);
  auto& first = small.phone("ann").invite("sip:support@parley", {});
  auto& second = small.phone("ben").invite("sip:support@parley", {});
  ASSERT_TRUE(first.status() == 200 && second.status() == 200);
  const auto forwarded = [&](const std::string& to) -> ClientCall& {
    auto& call = carol.invite("sip:alice@parley", {});
    auto& rings = *alice.incoming.back();
    auto text = sip::start_response(*rings.invite, alice.source, 302, rings.local_tag).finish("", "");
    text.insert(text.find("\r\n") + 2, "Contact: <sip:" + to + "@parley>\r\n");
    alice.write(text);
    small.settle();
    return call;
  };
  EXPECT_EQ(forwarded("support").status(), 486);
  EXPECT_EQ(forwarded("team").status(), 486);
  second.bye();
  small.advance(1s);
  EXPECT_EQ(forwarded("support").status(), 200);
  room.bye();
  small.advance(1s);
  EXPECT_EQ(forwarded("team").status(), 404);   // its last one has left; a forward makes no room
}

TEST_F(QueueTest, AgentsSeeWhoWaitsAndTheFirstTexts) {
  auto& ann = webphone(world, "Ann", {.line = "Visitors", .properties = {{"page", "https://shop.example/<b>"}, {"Password", "secret"}}});
  auto& seen = follows(phone("alice"));
  auto& call = waits(ann);
  call.message("text/plain", "  one\ntwo\x01 ");
  call.message("application/im-iscomposing+xml", "<isComposing/>");
  call.message("text/plain", std::string(5000, 'x'));
  auto session = only(seen);
  EXPECT_EQ(session["properties"], nlohmann::json({{"page", "https://shop.example/<b>"}}));
  EXPECT_EQ(session["texts"], nlohmann::json::array({"one two", std::string(200, 'x')}));
  for (int i = 0; i < 5; ++i) call.message("text/plain", "more");
  EXPECT_EQ(only(seen)["texts"].size(), 3u);
  auto& bob = phone("bob");
  EXPECT_EQ(status(follows(bob)), 200);
  ASSERT_EQ(take(bob, only(seen)).status(), 200);
  world.advance(100ms);
  EXPECT_EQ(notified(seen).back().find("one two"), std::string::npos);   // is not told any more
}

TEST_F(QueueTest, TheFirstAgentWins) {
  auto& ann = webphone(world, "Ann");
  auto& alice = phone("alice");
  auto& bob = phone("bob");
  auto& alice_sees = follows(alice);
  auto& bob_sees = follows(bob);
  waits(ann);
  const auto session = only(bob_sees);
  EXPECT_EQ(session, only(alice_sees));
  ASSERT_EQ(take(alice, session).status(), 200);
  EXPECT_EQ(take(bob, session).status(), 410);
  world.advance(100ms);
  EXPECT_EQ(known(alice_sees).size(), 1u);
  EXPECT_TRUE(known(bob_sees).empty());
  EXPECT_NE(notified(bob_sees).back().find(R"("closed":true)"), std::string::npos);
}

TEST_F(QueueTest, OnlyItsAgentsTakeACall) {
  auto& ann = webphone(world, "Ann");
  auto& alice = phone("alice");
  auto& bob = phone("bob");
  auto& carol = phone("carol");
  auto& seen = follows(bob);
  waits(ann, "sales");
  const auto session = only(seen);
  EXPECT_EQ(take(alice, session).status(), 403);   // an agent, of another queue
  EXPECT_EQ(take(carol, session).status(), 403);
  auto& page = webphone(world, "Eve");
  EXPECT_EQ(take(page, session).status(), 403);
  EXPECT_EQ(bob.invite("sip:take~guessed@parley", {}).status(), 410);
  EXPECT_EQ(take(bob, session).status(), 200);
  // A supervisor sees the call, and not how to take it.
  const auto supervised = only(follows(carol));
  EXPECT_EQ(supervised["sessionState"], "InCall");
  EXPECT_FALSE(supervised.contains("take"));
}

TEST_F(QueueTest, AFullQueueIsBusyAndAnImpatientOneLetsGo) {
  waits(webphone(world, "A"));
  waits(webphone(world, "B"));
  EXPECT_EQ(webphone(world, "C").invite("sip:support@parley", {}).status(), 486);
  auto& call = waits(webphone(world, "D"), "sales");
  world.advance(59s);
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  world.advance(2s);
  EXPECT_EQ(call.received(sip::Method::kBye).size(), 1u);
  EXPECT_EQ(watcher.calls.back().status, 480);
}

TEST_F(QueueTest, KeptTextIsBounded) {
  auto& call = waits(webphone(world, "Ann"));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call.message("text/plain", "text " + std::to_string(i)), 202) << i;
  EXPECT_EQ(call.message("text/plain", "too much"), 503);
  auto& other = waits(webphone(world, "Ben"));
  int taken = 0;
  while (taken < 20 && other.message("text/plain", std::string(60'000, 'x')) == 202) ++taken;
  EXPECT_GE(taken, 4);
  EXPECT_LT(taken, 8);
}

TEST_F(QueueTest, AVisitorOfALineIsLedThereAndSeesNobody) {
  auto& ann = webphone(world, "Ann", {.line = "Visitors"});
  auto& ben = webphone(world, "Ben", {.line = "Visitors"});
  auto& roster = subscribe(ann, "Visitors", "parley-roster", "Accept: application/vnd.parley.roster+json\r\n");
  EXPECT_EQ(status(roster), 200);
  webphone(world, "Cy", {.line = "Visitors"});
  world.advance(1s);
  for (const auto& body : notified(roster)) EXPECT_NE(body.find(R"("clients":[])"), std::string::npos) << body;
  EXPECT_EQ(ann.invite("sip:" + ben.account + "@parley", {}).status(), 403);
  EXPECT_EQ(ann.invite("sip:_default@parley", {}).status(), 200);
  EXPECT_EQ(watcher.events, std::vector<std::string>{"waiting support 1"});
}

TEST_F(QueueTest, AnAgentTransfersBackToAQueue) {
  auto& ann = webphone(world, "Ann");
  auto& alice = phone("alice");
  auto& bob = phone("bob");
  auto& alice_sees = follows(alice);
  auto& bob_sees = follows(bob);
  auto& call = waits(ann);
  auto& taken = take(alice, only(alice_sees));
  ASSERT_EQ(taken.status(), 200);
  EXPECT_EQ(taken.request("REFER", "Refer-To: <sip:sales@parley>\r\nContact: " + alice.contact() + "\r\n"), 202);
  world.advance(3s);
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  EXPECT_EQ(taken.received(sip::Method::kBye).size(), 1u);
  const auto again = only(bob_sees);
  EXPECT_EQ(again["queue"], "sales");
  EXPECT_EQ(texts(call).back(), R"({"type":"waiting","queue":"sales","position":1})");
  ASSERT_EQ(take(bob, again).status(), 200);
  world.advance(100ms);
  EXPECT_EQ(call.message("text/plain", "hello"), 202);
  EXPECT_EQ(watcher.events, (std::vector<std::string>{"waiting support 1", "taken support 0", "waiting sales 1", "taken sales 0"}));
}

TEST_F(QueueTest, AnAgentThatVanishesBeforeItHasJoinedGivesTheCallBack) {
  auto& ann = webphone(world, "Ann");
  auto& alice = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  auto& seen = follows(alice);
  auto& call = waits(ann);
  const auto session = only(seen);
  ASSERT_EQ(take(alice, session, {.no_ack = true}).status(), 200);
  world.advance(100ms);
  EXPECT_FALSE(only(seen).contains("take"));   // nobody else may, meanwhile
  world.advance(11s);                           // no ACK
  EXPECT_TRUE(call.received(sip::Method::kBye).empty());
  const auto again = only(seen);
  EXPECT_EQ(again["sessionState"], "Waiting");
  EXPECT_NE(again["take"], session["take"]);
  EXPECT_EQ(take(alice, session).status(), 410);
  EXPECT_EQ(take(alice, again).status(), 200);
}

TEST_F(QueueTest, APageThatReloadsKeepsItsPlace) {
  auto& ann = webphone(world, "Ann");
  auto& call = waits(ann);
  call.message("text/plain", "before");
  const auto token = std::string(call.response->value("Parley-Resume"));
  ASSERT_FALSE(token.empty());
  auto& again = ann.invite("sip:support@parley", {.headers = "Parley-Resume: " + token + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  world.advance(1s);
  EXPECT_EQ(texts(again).back(), R"({"type":"waiting","queue":"support","position":1})");
  EXPECT_EQ(watcher.events, std::vector<std::string>{"waiting support 1"});
}

TEST_F(QueueTest, WhatIsWrittenWhileAPageReloadsIsNotLost) {
  auto& ann = webphone(world, "Ann");
  auto& alice = phone("alice");
  auto& seen = follows(alice);
  auto& call = waits(ann);
  const auto token = std::string(call.response->value("Parley-Resume"));
  auto& taken = take(alice, only(seen));
  ASSERT_EQ(taken.status(), 200);
  ann.lose_flow();
  EXPECT_EQ(taken.message("text/plain", "one"), 202);
  EXPECT_EQ(taken.message("text/plain", "two"), 202);
  ann.register_contact();
  auto& again = ann.invite("sip:support@parley", {.headers = "Parley-Resume: " + token + "\r\n"});
  ASSERT_EQ(again.status(), 200);
  EXPECT_EQ(taken.message("text/plain", "three"), 202);
  world.advance(1s);
  EXPECT_EQ(texts(again), (std::vector<std::string>{"one", "two", "three"}));
}

// ---- the calls of others

TEST_F(QueueTest, SessionsAreForSupervisorsAndAgents) {
  EXPECT_EQ(status(follows(webphone(world, "Eve"))), 403);
  EXPECT_EQ(status(follows(phone("alice"))), 200);
  EXPECT_EQ(status(follows(phone("carol"))), 200);
  auto& bob = phone("bob");
  EXPECT_EQ(status(subscribe(bob, "bob", kSessions, "Accept: text/plain\r\n")), 406);
}

TEST_F(QueueTest, ASupervisorSeesCallsAsTheyGo) {
  auto& alice = phone("alice");
  auto& bob = phone("bob");
  auto& seen = follows(phone("carol"));
  auto& agent = follows(alice);
  alice.invite("sip:bob@parley", {});
  world.advance(100ms);
  auto ringing = only(seen);
  EXPECT_EQ(ringing["sessionState"], "Ringing");
  EXPECT_EQ(ringing["caller"], "alice");
  EXPECT_EQ(ringing["callee"], "bob");
  bob.incoming.back()->answer();
  EXPECT_EQ(only(seen)["sessionState"], "InCall");
  EXPECT_TRUE(known(agent).empty());      // an agent is no supervisor
  bob.incoming.back()->request("BYE");
  world.advance(100ms);
  EXPECT_TRUE(known(seen).empty());
  EXPECT_NE(notified(seen).back().find(R"("sessionState":"Completed")"), std::string::npos);
}

TEST_F(QueueTest, ChangesOfAMomentGoOutTogetherAndARefreshHasTheWhole) {
  auto& seen = follows(phone("carol"));
  for (int i = 0; i < 2; ++i) waits(webphone(world, "Page"));
  world.advance(1s);
  const auto bodies = notified(seen);
  EXPECT_LE(bodies.size(), 3u);
  std::uint64_t version = 0;
  for (const auto& body : bodies) EXPECT_EQ(nlohmann::json::parse(body)["version"], ++version);
  EXPECT_EQ(refresh(seen, kSessions, 600), 200);
  const auto whole = nlohmann::json::parse(notified(seen).back());
  EXPECT_EQ(whole["full"], true);
  EXPECT_EQ(whole["sessions"].size(), 2u);
}

}  // namespace
