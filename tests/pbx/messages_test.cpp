// History, private messages and reports in a room; messages outside a call (spec B.3 to B.6).
#include <nlohmann/json.hpp>

#include "support/memory_message_store.hpp"
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

const Invite kQuiet{.headers = "X-None: 1\r\n"};

pbx::PbxConfig with_store(test::MemoryMessageStore& store) {
  pbx::PbxConfig config;
  config.rooms.store = &store;
  config.rooms.profile = [](std::string_view) { return conference::RoomProfile{.history = true}; };
  return config;
}

struct MessagesTest : testing::Test {
  test::MemoryMessageStore store;
  PbxWorld world{with_store(store)};
  Client& page(const std::string& account) {
    auto& client = world.page(account);
    client.password = "secret of " + account;
    client.audio_only = true;
    return client;
  }
};

using HistoryTest = MessagesTest;

TEST_F(HistoryTest, SurvivalItem25AMessageIsDurableBeforeIts202AndItsCopies) {
  auto& a = world.enter(page("alice"), kQuiet);
  auto& b = world.enter(page("bob"), kQuiet);
  store.hold = true;
  EXPECT_EQ(a.message("text/plain", "kept"), 0);
  EXPECT_TRUE(b.texts().empty());
  store.release();
  world.settle();
  EXPECT_EQ(a.last->status(), 202);
  EXPECT_EQ(b.texts(), std::vector<std::string>{"kept"});
  ASSERT_EQ(store.conversations["room:team"].size(), 1u);
  const auto& record = store.conversations["room:team"].begin()->second;
  EXPECT_EQ(*record.body, "kept");
  EXPECT_EQ(record.sender.account, "alice");
  EXPECT_EQ(record.content_type, "text/plain");
}

TEST_F(HistoryTest, SurvivalItem26WhatCantBeWrittenIs503AndGoesToNobody) {
  auto& a = world.enter(page("alice"), kQuiet);
  auto& b = world.enter(page("bob"), kQuiet);
  store.refuse = true;
  EXPECT_EQ(a.message("text/plain", "x"), 503);
  EXPECT_FALSE(a.last->value(sip::HeaderId::kRetryAfter).empty());
  store.refuse = false;
  store.fail_with = base::Error{base::ErrorCode::kUnavailable, "disk full"};
  EXPECT_EQ(a.message("text/plain", "y"), 503);
  store.fail_with.reset();
  EXPECT_TRUE(b.texts().empty());
  EXPECT_EQ(a.message("text/plain", "z"), 202);   // the call goes on
  EXPECT_EQ(b.texts(), std::vector<std::string>{"z"});
}

TEST_F(HistoryTest, AJoinerGetsTheLastThatItAsksForMarked) {
  auto& a = world.enter(page("alice"), kQuiet);
  for (const auto* text : {"one", "two", "three"}) EXPECT_EQ(a.message("text/plain", text), 202);
  auto& b = world.enter(page("bob"), {.headers = "Parley-History: 2\r\n"});
  EXPECT_EQ(b.texts(), (std::vector<std::string>{"two", "three"}));
  EXPECT_EQ(b.messages().front()->message->value("Parley-History"), "replayed");
  EXPECT_EQ(b.messages().front()->message->value("Parley-Sequence"), "2");
  EXPECT_TRUE(world.enter(page("carol"), kQuiet).texts().empty());   // opt-in
}

TEST_F(HistoryTest, NumbersGoOnWhereTheRoomStoppedBefore) {
  store.highest["room:team"] = 41;
  auto& a = world.enter(page("alice"), kQuiet);
  EXPECT_EQ(a.message("text/plain", "next"), 202);
  EXPECT_EQ(a.last->value("Parley-Sequence"), "42");
}

using PrivateTest = MessagesTest;

TEST_F(PrivateTest, GoesToTheOneThatParleyToNamesAndIsStoredForTheTwo) {
  auto& a = world.enter(page("alice"), kQuiet);
  auto& b = world.enter(page("bob"), kQuiet);
  auto& c = world.enter(page("carol"), kQuiet);
  EXPECT_EQ(a.message("text/plain", "psst", "Parley-To: " + b.participant() + "\r\n"), 202);
  EXPECT_EQ(b.texts(), std::vector<std::string>{"psst"});
  EXPECT_TRUE(c.texts().empty());
  ASSERT_TRUE(store.conversations["room:team"].begin()->second.private_to);
  EXPECT_EQ(store.conversations["room:team"].begin()->second.private_to->account, "bob");
  EXPECT_EQ(a.message("text/plain", "gone", "Parley-To: nobody\r\n"), 404);
}

using ReportTest = MessagesTest;

TEST_F(ReportTest, TellsTheSenderWhoGotItWhenAllHaveAnswered) {
  auto& a = world.enter(page("alice"), kQuiet);
  auto& b = world.enter(page("bob"), kQuiet);
  auto& carol = page("carol");
  carol.message_status = [](const sip::Message&) { return 488; };
  auto& c = world.enter(carol, kQuiet);
  EXPECT_EQ(a.message("text/plain", "seen?", "Parley-Report: delivered\r\n"), 202);
  ASSERT_EQ(a.messages().size(), 1u);
  EXPECT_EQ(a.messages().front()->message->content_type(), "application/vnd.parley.delivery+json");
  const auto report = nlohmann::json::parse(a.messages().front()->message->body());
  EXPECT_EQ(report["sequence"], 1);
  EXPECT_EQ(report["delivered"], nlohmann::json::array({b.participant()}));
  EXPECT_EQ(report["failed"], nlohmann::json::array({{{"participant", c.participant()}, {"status", 488}}}));
}

TEST_F(ReportTest, ComesAfterTheTimeOutOfOneThatNeverAnswers) {
  auto& a = world.enter(page("alice"), kQuiet);
  auto& bob = page("bob");
  bob.message_status = [](const sip::Message&) { return 0; };
  world.enter(bob, kQuiet);
  EXPECT_EQ(a.message("text/plain", "seen?", "Parley-Report: delivered\r\n"), 202);
  EXPECT_TRUE(a.messages().empty());
  world.advance(std::chrono::seconds(33));
  ASSERT_EQ(a.messages().size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(a.messages().front()->message->body())["failed"][0]["status"], 408);
}

using PagerTest = MessagesTest;

TEST_F(PagerTest, ForksToAllContactsAndIsAnswered202) {
  auto& bob = world.registered(world.page("bob"));
  auto& phone = world.registered(world.phone("bob"));
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:bob@parley", {}, "text/plain", "hello")->status(), 202);
  ASSERT_EQ(bob.pages.size(), 1u);
  ASSERT_EQ(phone.pages.size(), 1u);
  EXPECT_EQ(bob.pages.front()->body(), "hello");
  EXPECT_EQ(bob.pages.front()->from().display(), "Alice Liddell");
  EXPECT_TRUE(store.offline.empty());
}

TEST_F(PagerTest, WaitsForAnAccountThatIsNotThereAndGoesOutInOrder) {
  auto& alice = page("alice");
  for (const auto* text : {"one", "two", "three"}) EXPECT_EQ(alice.request("MESSAGE", "sip:bob@parley", {}, "text/plain", text)->status(), 202);
  EXPECT_EQ(store.offline.size(), 3u);
  auto& bob = world.registered(world.page("bob"));
  world.settle();
  ASSERT_EQ(bob.pages.size(), 3u);
  EXPECT_EQ(bob.pages[0]->body(), "one");
  EXPECT_EQ(bob.pages[2]->body(), "three");
  EXPECT_TRUE(store.offline.empty());
  EXPECT_EQ(bob.register_contact()->status(), 200);
  EXPECT_EQ(bob.pages.size(), 3u);   // once
}

TEST_F(PagerTest, ARefreshedRegistrationAsksTheStoreNothing) {
  auto& bob = world.registered(world.page("bob"));
  world.settle();
  const auto asked = store.pending_asked;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bob.register_contact()->status(), 200);
  EXPECT_EQ(store.pending_asked, asked);
  // What is kept from then on is found again.
  bob.message_status = [](const sip::Message&) { return 500; };
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:bob@parley", {}, "text/plain", "later")->status(), 202);
  EXPECT_EQ(store.offline.size(), 1u);
  bob.message_status = [](const sip::Message&) { return 200; };
  bob.register_contact();
  EXPECT_TRUE(store.offline.empty());
}

TEST_F(PagerTest, WhatIsNotTakenStaysForTheNextTime) {
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:bob@parley", {}, "text/plain", "later")->status(), 202);
  auto& bob = world.page("bob");
  bob.message_status = [](const sip::Message&) { return 500; };
  world.registered(bob);
  EXPECT_EQ(store.offline.size(), 1u);
  bob.message_status = [](const sip::Message&) { return 200; };
  bob.register_contact();
  EXPECT_TRUE(store.offline.empty());
}

TEST_F(PagerTest, WithExpiresZeroNothingWaits) {
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:bob@parley", "Expires: 0\r\n", "text/plain", "now or never")->status(), 480);
  EXPECT_TRUE(store.offline.empty());
}

TEST_F(PagerTest, SurvivalItem26WhenItCantBeKeptIs503) {
  store.refuse = true;
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:bob@parley", {}, "text/plain", "x")->status(), 503);
}

// The host that a sender writes proves nothing: he has the domain by which the receiver registered.
TEST_F(PagerTest, NobodyLooksAsOfAnotherDomain) {
  auto& bob = world.registered(world.page("bob"));
  auto& alice = page("alice");
  alice.domain = "bank.example";
  EXPECT_EQ(alice.request("MESSAGE", "sip:bob@bank.example", {}, "text/plain", "your PIN, please")->status(), 202);
  ASSERT_EQ(bob.pages.size(), 1u);
  EXPECT_EQ(bob.pages.back()->from().uri_text, "sip:alice@parley");
  auto& phone = world.phone("carol");
  phone.domain = "[2001:db8::1]:5070";
  world.registered(phone);
  EXPECT_EQ(alice.request("MESSAGE", "sip:carol@parley", {}, "text/plain", "your PIN, please")->status(), 202);
  EXPECT_EQ(phone.pages.back()->from().uri_text, "sip:alice@[2001:db8::1]:5070");
  EXPECT_EQ(phone.pages.back()->from().display(), "Alice Liddell");
}

TEST_F(PagerTest, WhatAnOlderVersionKeptIsOfNoOtherDomainEither) {
  store.offline[1] = {.id = 1, .account = "bob", .from_uri = "sip:alice@bank.example;x=y", .from_display = {}, .content_type = "text/plain",
                      .body = base::share(std::string("old")), .headers = {}, .created = world.timeline.wall(), .expires = world.timeline.wall() + 600s};
  auto& bob = world.registered(world.page("bob"));
  world.settle();
  ASSERT_EQ(bob.pages.size(), 1u);
  EXPECT_EQ(bob.pages.back()->from().uri_text, "sip:alice@parley");
}

TEST_F(PagerTest, ToARoomIsRelayedAsFromInside) {
  auto& b = world.enter(page("bob"), kQuiet);
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:team@parley", {}, "text/plain", "from outside")->status(), 202);
  EXPECT_EQ(b.texts(), std::vector<std::string>{"from outside"});
  EXPECT_EQ(b.messages().front()->message->from().display(), "Alice Liddell");
  EXPECT_EQ(page("alice").request("MESSAGE", "sip:nowhere@parley", {}, "text/plain", "x")->status(), 404);
}

// CVE-2021-37624
TEST_F(PagerTest, SurvivalItem1AGuestsMessageIsChallenged) {
  world.registered(world.page("bob"));
  EXPECT_EQ(world.page("visitor").request("MESSAGE", "sip:bob@parley", {}, "text/plain", "spam")->status(), 401);
}

TEST_F(PagerTest, IsHeldToTheSameRulesAsInACall) {
  auto& alice = page("alice");
  EXPECT_EQ(alice.request("MESSAGE", "sip:bob@parley", {}, "image/png", "x")->status(), 415);
  EXPECT_EQ(alice.request("MESSAGE", "sip:bob@parley", {}, "text/plain", std::string(70'000, 'x'))->status(), 413);
}

}  // namespace
