// What every MessageStore does, SQLite's and the one that tests use in its place.
#include "store/message_store.hpp"

#include <gtest/gtest.h>

#include "store/message_store_sqlite.hpp"
#include "support/memory_message_store.hpp"
#include "support/message_store_client.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using store::CallFilter;
using store::CallPage;
using store::CallRecord;
using store::HistoryQuery;
using store::OfflineMessage;
using store::Party;
using test::a_message;

const base::WallTime kNow{1'800'000'000s};
const Party kNobody{};

struct MessageStoreTest : ::testing::TestWithParam<bool> {
  test::TemporaryDirectory folder;
  test::StoreClient client;
  std::unique_ptr<store::MessageStore> store;

  void SetUp() override {
    if (!GetParam()) {
      auto memory = std::make_unique<test::MemoryMessageStore>(client.post());
      memory->max_offline_per_account = 5;
      store = std::move(memory);
      return;
    }
    auto opened = store::open_sqlite_messages(folder.path("data"), client.post(), {.max_offline_per_account = 5});
    ASSERT_TRUE(opened) << opened.error().detail;
    store = std::move(*opened);
  }

  void append(store::StoredMessage m) {
    const auto appended = client.append(*store, std::move(m));
    ASSERT_TRUE(appended) << appended.error().detail;
  }
  static HistoryQuery query(std::size_t limit = 50, Party viewer = {}) {
    HistoryQuery q;
    q.conversation = "room:lobby";
    q.limit = limit;
    q.viewer = std::move(viewer);
    return q;
  }
  std::vector<std::uint64_t> sequences(const HistoryQuery& q, std::optional<std::uint64_t>* next = nullptr) {
    const auto page = client.history(*store, q);
    EXPECT_TRUE(page) << page.error().detail;
    std::vector<std::uint64_t> all;
    if (!page) return all;
    for (const auto& m : page->messages) all.push_back(m.sequence);
    if (next != nullptr) *next = page->next;
    return all;
  }
  std::uint64_t highest(const std::string& conversation) {
    return client.get<std::uint64_t>([&](auto done) { return store->highest_sequence(conversation, done); }).value();
  }
  base::Result<std::uint64_t> offline(const std::string& account, const std::string& text, base::WallTime expires = kNow + 1h) {
    OfflineMessage m;
    m.account = account;
    m.from_uri = "sip:bob@example.org";
    m.from_display = "Bob";
    m.content_type = "text/plain;charset=utf-8";
    m.body = base::share(text);
    m.headers = {{"Parley-Message-ID", "m-" + text}, {"Empty", ""}};
    m.created = kNow;
    m.expires = expires;
    return client.get<std::uint64_t>([&](auto done) { return store->append_offline(m, done); });
  }
  std::vector<OfflineMessage> pending(const std::string& account, std::uint64_t after = 0, std::size_t limit = 100, base::WallTime now = kNow) {
    return client.get<std::vector<OfflineMessage>>([&](auto done) { return store->pending_for(account, now, after, limit, done); }).value();
  }
  void put(const CallRecord& record) {
    ASSERT_TRUE(client.get<void>([&](auto done) { return store->put_call(record, done); }));
  }
  CallPage calls(const CallFilter& filter) {
    return client.get<CallPage>([&](auto done) { return store->call_records(filter, done); }).value();
  }
  store::Expired expire(const store::Expiry& expiry) {
    return client.get<store::Expired>([&](auto done) { return store->expire(expiry, done); }).value();
  }
};

INSTANTIATE_TEST_SUITE_P(Sqlite, MessageStoreTest, ::testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Memory, MessageStoreTest, ::testing::Values(false));

// Spec A.2: body and type byte for byte; survival item 11.
TEST_P(MessageStoreTest, AMessageComesBackAsItWentIn) {
  auto m = a_message(7);
  m.body = base::share(std::string("a\0b\xff'); DROP TABLE message; --", 31));
  m.content_type = "Text/Plain ; charset=\"utf-8\"";
  m.display_name = "Zoë \xf0\x9f\x98\x80 ' \" ; --";
  m.time += 456ms;
  append(m);
  const auto page = client.history(*store, query());
  ASSERT_TRUE(page);
  ASSERT_EQ(page->messages.size(), 1u);
  const auto& r = page->messages[0];
  EXPECT_EQ(r.conversation, m.conversation);
  EXPECT_EQ(r.sequence, 7u);
  EXPECT_EQ(r.message_id, m.message_id);
  EXPECT_EQ(r.time, m.time);
  EXPECT_EQ(r.sender, m.sender);
  EXPECT_EQ(r.display_name, m.display_name);
  EXPECT_EQ(r.content_type, m.content_type);
  ASSERT_TRUE(r.body);
  EXPECT_EQ(*r.body, *m.body);
  EXPECT_FALSE(r.private_to);
  EXPECT_FALSE(page->next);
}

TEST_P(MessageStoreTest, AnEmptyBodyIsNoError) {
  auto m = a_message(1);
  m.body = nullptr;
  append(m);
  const auto page = client.history(*store, query());
  ASSERT_TRUE(page->messages[0].body);
  EXPECT_EQ(*page->messages[0].body, "");
}

// Spec B.1: one total order.
TEST_P(MessageStoreTest, ASequenceNumberIsTakenOnceInAConversation) {
  append(a_message(1));
  EXPECT_EQ(client.append(*store, a_message(1)).error().code, ErrorCode::kConflict);
  append(a_message(1, "room:other"));
  for (const std::uint64_t none : {std::uint64_t{0}, std::uint64_t{1} << 63}) {
    auto m = a_message(2);
    m.sequence = none;
    EXPECT_EQ(client.append(*store, m).error().code, ErrorCode::kMalformed);
  }
  EXPECT_EQ(sequences(query()), std::vector<std::uint64_t>{1});
}

// Spec B.3
TEST_P(MessageStoreTest, HistoryIsReadInPagesBothWays) {
  for (std::uint64_t i = 1; i <= 10; ++i) append(a_message(i * 10));
  append(a_message(55, "room:other"));
  using List = std::vector<std::uint64_t>;
  std::optional<std::uint64_t> next;
  auto q = query(4);
  EXPECT_EQ(sequences(q, &next), (List{70, 80, 90, 100}));
  q.before = next;
  EXPECT_EQ(sequences(q, &next), (List{30, 40, 50, 60}));
  q.before = next;
  EXPECT_EQ(sequences(q, &next), (List{10, 20}));
  EXPECT_FALSE(next);

  q = query(4);
  q.after = 0;
  EXPECT_EQ(sequences(q, &next), (List{10, 20, 30, 40}));
  q.after = next;
  EXPECT_EQ(sequences(q, &next), (List{50, 60, 70, 80}));
  q.after = next;
  EXPECT_EQ(sequences(q, &next), (List{90, 100}));
  EXPECT_FALSE(next);

  q = query(4);
  q.after = 20, q.before = 50;
  EXPECT_EQ(sequences(q, &next), (List{30, 40}));
  EXPECT_FALSE(next);
  q.after = 100, q.before = std::nullopt;
  EXPECT_EQ(sequences(q), List{});
  q.after = UINT64_MAX;
  EXPECT_EQ(sequences(q), List{});
  q.conversation = "room:none";
  q.after = std::nullopt;
  EXPECT_EQ(sequences(q), List{});
}

TEST_P(MessageStoreTest, ThePageThatEndsExactlyHasNoNext) {
  for (std::uint64_t i = 1; i <= 4; ++i) append(a_message(i));
  std::optional<std::uint64_t> next;
  EXPECT_EQ(sequences(query(4), &next).size(), 4u);
  EXPECT_FALSE(next);
  EXPECT_EQ(sequences(query(3), &next).size(), 3u);
  EXPECT_EQ(next, 2u);
}

TEST_P(MessageStoreTest, LastGivesTheNewest) {
  for (std::uint64_t i = 1; i <= 9; ++i) append(a_message(i));
  const auto page = client.get<store::HistoryPage>([&](auto done) { return store->last("room:lobby", 2, kNobody, done); });
  ASSERT_EQ(page->messages.size(), 2u);
  EXPECT_EQ(page->messages[0].sequence, 8u);
  EXPECT_EQ(page->messages[1].sequence, 9u);
}

// Spec B.4; survival item 22.
TEST_P(MessageStoreTest, PrivateMessagesAreForTheTwoAlone) {
  append(a_message(1));
  auto m = a_message(2);
  m.private_to = Party{"p-bob", "bob"};
  append(m);
  m = a_message(3);
  m.sender = {"p-guest", ""};
  m.private_to = Party{"p-carol", ""};
  append(m);
  using List = std::vector<std::uint64_t>;
  EXPECT_EQ(sequences(query(50, {"", "alice"})), (List{1, 2}));
  EXPECT_EQ(sequences(query(50, {"p-alice", ""})), (List{1, 2}));
  EXPECT_EQ(sequences(query(50, {"p-later", "bob"})), (List{1, 2}));
  EXPECT_EQ(sequences(query(50, {"p-guest", ""})), (List{1, 3}));
  EXPECT_EQ(sequences(query(50, {"p-carol", "someone"})), (List{1, 3}));
  EXPECT_EQ(sequences(query(50, {"p-mallory", "mallory"})), List{1});
  EXPECT_EQ(sequences(query(50, {"alice", "p-bob"})), List{1});
  EXPECT_EQ(sequences(query(50, kNobody)), List{1});      // a guest's empty account is nobody's
  EXPECT_EQ(sequences(query(50, {"", "Alice"})), List{1});
  const auto page = client.history(*store, query(50, {"", "bob"}));
  EXPECT_EQ(page->messages[1].private_to, (Party{"p-bob", "bob"}));
}

TEST_P(MessageStoreTest, PrivateMessagesOfOthersFillNoPage) {
  append(a_message(1));
  for (std::uint64_t i = 2; i <= 30; ++i) {
    auto m = a_message(i);
    m.private_to = Party{"p-bob", "bob"};
    append(m);
  }
  append(a_message(31));
  EXPECT_EQ(sequences(query(2, kNobody)), (std::vector<std::uint64_t>{1, 31}));
}

TEST_P(MessageStoreTest, NumberingGoesOnAfterEverythingWasDeleted) {
  EXPECT_EQ(highest("room:lobby"), 0u);
  append(a_message(1));
  append(a_message(41));
  append(a_message(40));
  EXPECT_EQ(highest("room:lobby"), 41u);
  EXPECT_EQ(highest("room:other"), 0u);
  const auto now = a_message(41).time + 24h;
  EXPECT_EQ(expire({.now = now, .messages_before = now, .calls_before = {}}).messages, 3u);
  EXPECT_TRUE(sequences(query()).empty());
  EXPECT_EQ(highest("room:lobby"), 41u);
}

TEST(SqliteMessageStoreTest, ConversationsMayHaveAgesOfTheirOwn) {
  test::TemporaryDirectory folder;
  test::StoreClient client;
  auto store = store::open_sqlite_messages(folder.path("data"), client.post()).value();
  for (std::uint64_t i = 1; i <= 450; ++i) ASSERT_TRUE(client.append(*store, a_message(i, "room:short")));   // more than one step deletes
  for (std::uint64_t i = 1; i <= 300; ++i) ASSERT_TRUE(client.append(*store, a_message(1, "room:" + std::to_string(i))));
  for (const auto* room : {"room:long", "room:ever"}) ASSERT_TRUE(client.append(*store, a_message(1, room)));
  const auto now = a_message(449).time;
  const auto expired = client.get<store::Expired>([&](auto done) {
    return store->expire({.now = now, .messages_before = now - 24h, .of_conversations = {{"room:short", now}, {"room:long", now - 48h}, {"room:ever", std::nullopt}, {"room:300", now}}, .calls_before = {}}, done);
  });
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->messages, 448u + 1u);
  const auto left = [&](const std::string& conversation) {
    HistoryQuery query;
    query.conversation = conversation;
    return client.history(*store, query).value().messages.size();
  };
  EXPECT_EQ(left("room:short"), 2u);
  EXPECT_EQ(left("room:300"), 0u);
  for (const auto* room : {"room:1", "room:299", "room:long", "room:ever"}) EXPECT_EQ(left(room), 1u) << room;
  const auto rest = client.get<store::Expired>([&](auto done) {
    return store->expire({.now = now, .messages_before = now + 24h, .of_conversations = {{"room:ever", std::nullopt}}, .calls_before = {}}, done);
  });
  EXPECT_EQ(rest->messages, 302u);   // all but that one
  EXPECT_EQ(left("room:ever"), 1u);
}

// Else every call that ever had a chat would be remembered for ever.
TEST(SqliteMessageStoreTest, NumberingOfWhatIsLongDeletedIsForgotten) {
  test::TemporaryDirectory folder;
  test::StoreClient client;
  auto store = store::open_sqlite_messages(folder.path("data"), client.post()).value();
  ASSERT_TRUE(client.append(*store, a_message(41)));
  ASSERT_TRUE(client.append(*store, a_message(42, "room:kept")));
  const auto time = a_message(41).time;
  for (const auto now : {time + store::kNumberingKept - 1min, time + store::kNumberingKept + 1min}) {
    ASSERT_TRUE(client.get<store::Expired>([&](auto done) {
      return store->expire({.now = now, .messages_before = time + 1ms, .calls_before = {}}, done);
    }));
    const auto of = [&](const char* key) {
      return client.get<std::uint64_t>([&](auto done) { return store->highest_sequence(key, done); }).value();
    };
    EXPECT_EQ(of("room:lobby"), now < time + store::kNumberingKept ? 41u : 0u);
    EXPECT_EQ(of("room:kept"), 42u);
  }
}

TEST_P(MessageStoreTest, TheHighestNumberCountsWhatIsStillOnItsWay) {
  bool appended = false;
  std::optional<std::uint64_t> number;
  ASSERT_TRUE(store->append(a_message(9), [&](base::Status) { appended = true; }));
  ASSERT_TRUE(store->highest_sequence("room:lobby", [&](base::Result<std::uint64_t> n) {
    EXPECT_TRUE(appended);
    number = n.value();
  }));
  ASSERT_TRUE(client.run_until([&] { return number.has_value(); }));
  EXPECT_EQ(number, 9u);
}

TEST_P(MessageStoreTest, AgeDecidesWhatIsDeleted) {
  const auto start = a_message(0).time;
  for (std::uint64_t i = 1; i <= 600; ++i) append(a_message(i));
  const auto gone = expire({.now = kNow, .messages_before = start + 501ms, .calls_before = {}});
  EXPECT_EQ(gone.messages, 500u);
  auto q = query(1);
  q.after = 0;
  EXPECT_EQ(sequences(q), std::vector<std::uint64_t>{501});
  EXPECT_EQ(expire({.now = kNow, .messages_before = {}, .calls_before = {}}).messages, 0u);
}

// Spec B.6
TEST_P(MessageStoreTest, OfflineMessagesWaitInOrderUntilDelivered) {
  const auto first = offline("carol", "one").value();
  const auto second = offline("carol", "two").value();
  (void)offline("dave", "other").value();
  EXPECT_LT(first, second);
  auto waiting = pending("carol");
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].id, first);
  EXPECT_EQ(*waiting[0].body, "one");
  EXPECT_EQ(waiting[0].account, "carol");
  EXPECT_EQ(waiting[0].from_uri, "sip:bob@example.org");
  EXPECT_EQ(waiting[0].from_display, "Bob");
  EXPECT_EQ(waiting[0].content_type, "text/plain;charset=utf-8");
  EXPECT_EQ(waiting[0].headers, (std::vector<std::pair<std::string, std::string>>{{"Parley-Message-ID", "m-one"}, {"Empty", ""}}));
  EXPECT_EQ(waiting[0].created, kNow);
  EXPECT_EQ(waiting[0].expires, kNow + 1h);
  EXPECT_EQ(pending("carol", first).at(0).id, second);
  EXPECT_EQ(pending("carol", 0, 1).size(), 1u);
  EXPECT_TRUE(pending("Carol").empty());
  for (int twice = 0; twice < 2; ++twice) EXPECT_TRUE(client.get<void>([&](auto done) { return store->mark_delivered(first, done); }));
  waiting = pending("carol");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].id, second);
  ASSERT_TRUE(client.get<void>([&](auto done) { return store->mark_delivered(second, done); }));
  EXPECT_GT(offline("carol", "three").value(), second);   // an id that was in use is never another message's
}

TEST_P(MessageStoreTest, OfflineMessagesExpire) {
  (void)offline("carol", "short", kNow + 10s).value();
  (void)offline("carol", "long", kNow + 20s).value();
  EXPECT_EQ(pending("carol", 0, 10, kNow + 9s).size(), 2u);
  EXPECT_EQ(pending("carol", 0, 10, kNow + 10s).size(), 1u);
  EXPECT_EQ(expire({.now = kNow + 10s, .messages_before = {}, .calls_before = {}}).offline, 1u);
  EXPECT_EQ(pending("carol", 0, 10, kNow).size(), 1u);
}

TEST_P(MessageStoreTest, OneAccountsOfflineMessagesAreBounded) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(offline("carol", "x"));
  EXPECT_EQ(offline("carol", "x").error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(offline("dave", "x"));
}

CallRecord a_call(const std::string& id, base::WallTime start = kNow) {
  CallRecord r;
  r.id = id;
  r.from_uri = "sip:alice@example.org";
  r.from_display = "Alice";
  r.to_uri = "sip:bob@example.org";
  r.start = start;
  r.legs.resize(2);
  r.legs[0] = {.participant = "p1", .account = "alice", .uri = "sip:alice@x", .display_name = "Alice", .start = start,
               .answer = start + 1s, .end = start + 5s, .status = 200, .cause = "hung up"};
  r.legs[1].participant = "p2";
  r.legs[1].start = start + 100ms;
  r.legs[1].status = 486;
  r.legs[1].cause = "busy";
  return r;
}

TEST_P(MessageStoreTest, ACallRecordComesBackAndMayBeReplaced) {
  auto r = a_call("c1");
  put(r);
  auto page = calls({});
  ASSERT_EQ(page.records.size(), 1u);
  r.number = page.records[0].number;
  EXPECT_EQ(page.records[0], r);
  EXPECT_FALSE(page.next);
  r.answer = kNow + 2s;
  r.end = kNow + 9s;
  r.status = 200;
  r.cause = "normal";
  r.legs.pop_back();
  put(r);
  page = calls({});
  ASSERT_EQ(page.records.size(), 1u);
  EXPECT_EQ(page.records[0], r);
}

TEST_P(MessageStoreTest, CallRecordsAreFilteredAndPaged) {
  for (int i = 0; i < 7; ++i) {
    auto r = a_call("c" + std::to_string(i), kNow + std::chrono::seconds(i));
    if (i % 2 == 1) r.kind = store::CallKind::kRoom;
    if (i == 3) r.legs[1].account = "bob";
    if (i == 4) r.legs[1].account = "alice";   // both legs: counted once
    put(r);
  }
  const auto ids = [&](const CallFilter& f, std::optional<std::uint64_t>* next = nullptr) {
    std::string all;
    const auto page = calls(f);
    for (const auto& r : page.records) all += r.id;
    if (next != nullptr) *next = page.next;
    return all;
  };
  std::optional<std::uint64_t> next;
  CallFilter f;
  EXPECT_EQ(ids(f), "c6c5c4c3c2c1c0");
  f.limit = 4;
  EXPECT_EQ(ids(f, &next), "c6c5c4c3");
  f.before = next;
  EXPECT_EQ(ids(f, &next), "c2c1c0");
  EXPECT_FALSE(next);
  f = {};
  f.kind = store::CallKind::kRoom;
  EXPECT_EQ(ids(f), "c5c3c1");
  f = {};
  f.from = kNow + 2s, f.until = kNow + 4s;
  EXPECT_EQ(ids(f), "c3c2");
  f = {};
  f.account = "bob";
  EXPECT_EQ(ids(f), "c3");
  f.account = "alice";
  f.limit = 3;
  EXPECT_EQ(ids(f, &next), "c6c5c4");
  f.before = next;
  EXPECT_EQ(ids(f), "c3c2c1");
  f.account = "' OR 1=1 --";
  EXPECT_EQ(ids(f), "");
  EXPECT_EQ(expire({.now = kNow, .messages_before = {}, .calls_before = kNow + 5s}).calls, 5u);
  EXPECT_EQ(ids({}), "c6c5");
  f = {};
  f.account = "bob";
  EXPECT_EQ(ids(f), "");
}

TEST_P(MessageStoreTest, ACallRecordWithTooManyLegsIsRefused) {
  auto r = a_call("c");
  r.legs.resize(store::kMaxCallLegs + 1);
  EXPECT_EQ(store->put_call(r, nullptr).error().code, ErrorCode::kTooLarge);
}

TEST_P(MessageStoreTest, NothingIsTakenAfterClose) {
  bool done = false;
  ASSERT_TRUE(store->append(a_message(1), [&](base::Status status) { done = status.has_value(); }));
  store->close();
  client.run_posted();
  EXPECT_TRUE(done);   // what waited was written
  EXPECT_EQ(store->append(a_message(2), nullptr).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->history(query(), nullptr).error().code, ErrorCode::kUnavailable);
  store->close();
}

}  // namespace
