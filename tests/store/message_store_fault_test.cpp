// What becomes of the message store when disk, locks, the file or its user are against it (survival items 7 and 26).
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "store/message_store_sqlite.hpp"
#include "support/message_store_client.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using test::a_message;

struct MessageStoreFaultTest : ::testing::Test {
  test::TemporaryDirectory folder;
  std::string data = folder.path("data");
  std::string file = data + "/messages.db";
  test::StoreClient client;

  std::unique_ptr<store::MessageStore> open(store::SqliteMessageOptions options = {.busy_timeout = 50ms}) {
    auto opened = store::open_sqlite_messages(data, client.post(), options);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(*opened) : nullptr;
  }
  base::Status append(store::MessageStore& store, std::uint64_t sequence, std::size_t size = 10) {
    auto m = a_message(sequence);
    m.body = base::share(std::string(size, 'x'));
    return client.append(store, std::move(m));
  }
  std::size_t count(store::MessageStore& store) {
    store::HistoryQuery q;
    q.conversation = "room:lobby";
    q.limit = store::kMaxPage;
    q.after = 0;
    std::size_t sum = 0;
    for (;;) {
      const auto page = client.history(store, q);
      EXPECT_TRUE(page) << page.error().detail;
      if (!page) return 0;
      sum += page->messages.size();
      if (!page->next) return sum;
      q.after = page->next;
    }
  }
  // Fills until it is refused; then everything acknowledged is there, and room helps without a restart.
  template <typename F>
  void fill_then(store::MessageStore& store, F&& make_room) {
    std::uint64_t kept = 0;
    base::Status status;
    while (kept < 100'000 && status) {
      status = append(store, kept + 1, 20'000);
      if (status) ++kept;
    }
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kUnavailable) << status.error().detail;
    EXPECT_TRUE(status.error().detail.starts_with(file)) << status.error().detail;
    EXPECT_GT(kept, 5u);
    EXPECT_FALSE(append(store, kept + 1, 20'000));   // still full, still alive
    EXPECT_EQ(count(store), kept);
    make_room();
    const auto again = append(store, kept + 1, 20'000);
    EXPECT_TRUE(again) << again.error().detail;
    EXPECT_EQ(count(store), kept + 1);
  }
};

TEST_F(MessageStoreFaultTest, FilesAreForTheOwnerAlone) {
  const auto old = ::umask(0);
  auto store = open();
  ASSERT_TRUE(append(*store, 1));
  ::umask(old);
  for (const auto* end : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((file + end).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u) << end;
  }
}

TEST_F(MessageStoreFaultTest, SurvivalItem26ALockedDatabaseIsAnErrorAndIsReadMeanwhileAndWorksLater) {
  auto store = open();
  ASSERT_TRUE(append(*store, 1));
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  const auto refused = append(*store, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().detail, file + ": the database is locked by another process");
  EXPECT_EQ(count(*store), 1u);
  other.exec("ROLLBACK");
  EXPECT_TRUE(append(*store, 2));
  EXPECT_EQ(count(*store), 2u);
}

TEST_F(MessageStoreFaultTest, AShortLockIsWaitedFor) {
  auto store = open({.busy_timeout = 10s});
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  base::Status status = base::malformed("");
  bool done = false;
  ASSERT_TRUE(store->append(a_message(1), [&](base::Status s) { status = s, done = true; }));
  std::this_thread::sleep_for(30ms);
  other.exec("COMMIT");
  ASSERT_TRUE(client.run_until([&] { return done; }));
  EXPECT_TRUE(status);
}

TEST_F(MessageStoreFaultTest, SurvivalItem26AFullQuotaLosesNothing) {
  auto store = open({.busy_timeout = 50ms, .max_pages = 120});
  fill_then(*store, [&] {
    const auto gone = client.get<store::Expired>([&](auto done) {
      return store->expire({.now = {}, .messages_before = a_message(3).time, .calls_before = {}}, done);
    });
    ASSERT_TRUE(gone);
    ASSERT_EQ(gone->messages, 2u);
    ASSERT_TRUE(append(*store, 1, 10));    // numbers of messages that are gone may come again
    ASSERT_TRUE(append(*store, 2, 10));
  });
}

TEST_F(MessageStoreFaultTest, SurvivalItem26AFullDiskLosesNothing) {
  ASSERT_EQ(::mkdir(data.c_str(), 0700), 0);
  if (::mount("none", data.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "only root may mount";
  const std::string ballast = data + "/ballast";
  std::ofstream(ballast) << std::string(512 * 1024, 'x');
  {
    auto store = open();
    fill_then(*store, [&] { std::filesystem::remove(ballast); });
  }
  EXPECT_EQ(::umount2(data.c_str(), MNT_DETACH), 0);
}

TEST_F(MessageStoreFaultTest, SurvivalItem26AFileThatMayNotGrowLosesNothing) {
  auto store = open();
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1024 * 1024;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  fill_then(*store, [&] { ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
}

// Survival item 7: what waits is bounded; who comes too late hears so at once, and nothing that was taken is lost.
TEST_F(MessageStoreFaultTest, AFullQueueRefusesAtOnce) {
  auto store = open({.busy_timeout = 10s, .max_waiting_writes = 10});
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  std::vector<std::uint64_t> done;
  std::uint64_t taken = 0;
  base::Status status;
  while (taken < 1000 && status) {
    status = store->append(a_message(taken + 1), [&done, n = taken + 1](base::Status s) {
      EXPECT_TRUE(s);
      done.push_back(n);
    });
    if (status) ++taken;
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  EXPECT_GE(taken, 10u);
  EXPECT_LE(taken, 20u);    // ten that wait, and those already on their way
  EXPECT_TRUE(done.empty());
  other.exec("COMMIT");
  ASSERT_TRUE(client.run_until([&] { return done.size() == taken; }));
  for (std::uint64_t i = 0; i < taken; ++i) EXPECT_EQ(done[i], i + 1);
  EXPECT_TRUE(append(*store, 1000));
}

TEST_F(MessageStoreFaultTest, BytesThatWaitAreBounded) {
  auto store = open({.busy_timeout = 10s, .max_waiting_bytes = 100'000, .max_record_bytes = 60'000});
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  std::size_t taken = 0;
  for (; taken < 100; ++taken) {
    auto m = a_message(taken + 1);
    m.body = base::share(std::string(30'000, 'x'));
    if (!store->append(std::move(m), nullptr)) break;
  }
  EXPECT_LE(taken, 6u);
  other.exec("COMMIT");
  auto m = a_message(500);
  m.body = base::share(std::string(60'000, 'x'));
  EXPECT_EQ(store->append(std::move(m), nullptr).error().code, ErrorCode::kTooLarge);
}

TEST_F(MessageStoreFaultTest, ReadsThatWaitAreBounded) {
  auto store = open({.max_waiting_reads = 4});
  for (std::uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(store->append(a_message(i), nullptr));
  int refused = 0, asked = 0, answered = 0;
  for (int i = 0; i < 20'000 && refused == 0; ++i) {
    store::HistoryQuery q;
    q.conversation = "room:lobby";
    q.limit = 200;
    if (store->history(q, [&](const auto&) { ++answered; })) ++asked;
    else ++refused;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_TRUE(client.run_until([&] { return answered == asked; }));
}

// Spec B.1: the order of the answers is the order of the calls, whatever else goes on.
TEST_F(MessageStoreFaultTest, AnswersComeInOrderFromManyThreads) {
  auto store = open();
  constexpr int kThreads = 4, kEach = 250;
  std::vector<std::vector<std::uint64_t>> done(kThreads);
  std::size_t answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        EXPECT_TRUE(store->append(a_message(i, "room:" + std::to_string(t)), [&, t, i](base::Status s) {
          EXPECT_TRUE(s);
          done[static_cast<std::size_t>(t)].push_back(i);
          ++answered;
        }));
      }
    });
  }
  ASSERT_TRUE(client.run_until([&] { return answered == kThreads * kEach; }));
  for (auto& thread : threads) thread.join();
  for (const auto& list : done) EXPECT_TRUE(std::ranges::is_sorted(list));
}

TEST_F(MessageStoreFaultTest, OneBadRecordOfABatchTakesNoOtherWithIt) {
  auto store = open({.busy_timeout = 10s});
  ASSERT_TRUE(append(*store, 2));
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("CREATE TRIGGER refuse BEFORE INSERT ON message WHEN NEW.sequence = 4 BEGIN SELECT RAISE(ROLLBACK, 'refused'); END");
  other.exec("BEGIN IMMEDIATE");   // so that what follows is one batch or two
  std::vector<std::optional<ErrorCode>> results;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(store->append(a_message(i), [&](base::Status s) {
      results.push_back(s ? std::nullopt : std::optional(s.error().code));
    }));
  }
  other.exec("COMMIT");
  ASSERT_TRUE(client.run_until([&] { return results.size() == 5; }));
  EXPECT_EQ(results, (std::vector<std::optional<ErrorCode>>{std::nullopt, ErrorCode::kConflict, std::nullopt, ErrorCode::kInternal, std::nullopt}));
  EXPECT_EQ(count(*store), 4u);
}

TEST_F(MessageStoreFaultTest, WritesPassALongRetention) {
  auto store = open();
  std::size_t stored = 0;
  for (std::uint64_t i = 1; i <= 3000; ++i) {
    ASSERT_TRUE(store->append(a_message(i), [&](base::Status s) { stored += s.has_value(); }));
  }
  ASSERT_TRUE(client.run_until([&] { return stored == 3000; }));
  std::string order;
  ASSERT_TRUE(store->expire({.now = {}, .messages_before = a_message(3001).time, .calls_before = {}}, [&](base::Result<store::Expired> e) {
    EXPECT_EQ(e.value().messages, 3000u);
    order += "expired ";
  }));
  auto late = a_message(5000);
  ASSERT_TRUE(store->append(late, [&](base::Status s) {
    EXPECT_TRUE(s);
    order += "stored ";
  }));
  ASSERT_TRUE(client.run_until([&] { return order.size() == 15; }));
  EXPECT_EQ(order, "stored expired ");
  EXPECT_EQ(count(*store), 1u);
}

TEST_F(MessageStoreFaultTest, CloseWritesAllThatWaits) {
  std::size_t stored = 0;
  {
    auto store = open();
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      ASSERT_TRUE(store->append(a_message(i), [&](base::Status s) { stored += s.has_value(); }));
    }
  }
  client.run_posted();
  EXPECT_EQ(stored, 1000u);
  EXPECT_EQ(count(*open()), 1000u);
}

TEST_F(MessageStoreFaultTest, ALargePageEndsEarlyAndGoesOn) {
  auto store = open();
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(append(*store, i, 700'000));
  store::HistoryQuery q;
  q.conversation = "room:lobby";
  q.limit = 10;
  const auto page = client.history(*store, q);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->messages.size(), 6u);
  EXPECT_EQ(page->next, 5u);
  EXPECT_EQ(count(*store), 10u);
}

TEST_F(MessageStoreFaultTest, AScanOfOthersPrivateMessagesIsBounded) {
  auto store = open({.max_waiting_writes = 20'000});
  std::size_t stored = 0;
  const auto add = [&](std::uint64_t i, bool secret) {
    auto m = a_message(i);
    if (secret) m.private_to = store::Party{"p-bob", "bob"};
    ASSERT_TRUE(store->append(std::move(m), [&](base::Status s) { stored += s.has_value(); }));
  };
  add(1, false);
  for (std::uint64_t i = 2; i <= store::kMaxScan + 2; ++i) add(i, true);
  ASSERT_TRUE(client.run_until([&] { return stored == store::kMaxScan + 2; }));
  store::HistoryQuery q;
  q.conversation = "room:lobby";
  auto page = client.history(*store, q);
  ASSERT_TRUE(page && page->messages.empty());
  ASSERT_TRUE(page->next);
  q.before = page->next;
  page = client.history(*store, q);
  ASSERT_EQ(page->messages.size(), 1u);
  EXPECT_FALSE(page->next);
}

TEST_F(MessageStoreFaultTest, AFileThatIsNoDatabaseIsLeftAlone) {
  ASSERT_TRUE(std::filesystem::create_directory(data));
  const std::string rubbish(8192, 'x');
  std::ofstream(file) << rubbish;
  const auto opened = store::open_sqlite_messages(data, client.post());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInternal);
  EXPECT_EQ(opened.error().detail, file + ": the database is damaged, or the file is none");
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), rubbish);
}

TEST_F(MessageStoreFaultTest, DamagedPagesAreAnErrorNotACrash) {
  {
    auto store = open();
    for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(append(*store, i, 500));
  }
  {
    const auto size = std::filesystem::file_size(file);
    std::fstream damage(file, std::ios::binary | std::ios::in | std::ios::out);
    damage.seekp(4096);                    // all but the schema
    damage << std::string(size - 4096, '\xff');
  }
  auto store = open();
  store::HistoryQuery q;
  q.conversation = "room:lobby";
  const auto page = client.history(*store, q);
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kInternal);
  EXPECT_EQ(page.error().detail, file + ": the database is damaged, or the file is none");
  const auto written = append(*store, 51);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInternal);
}

TEST_F(MessageStoreFaultTest, ANewerSchemaIsRefused) {
  open();
  SQLite::Database(file, SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  const auto opened = store::open_sqlite_messages(data, client.post());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
}

TEST_F(MessageStoreFaultTest, AFolderThatCantBeMadeIsNamed) {
  std::ofstream(data) << "x";
  const auto opened = store::open_sqlite_messages(data, client.post());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(opened.error().detail, data + ": Not a directory");
}

}  // namespace
