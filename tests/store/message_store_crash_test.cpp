// kill -9 at any moment: no message answered 202 is lost, and the next start needs no repair (survival item 25).
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "store/message_store_sqlite.hpp"
#include "support/message_store_client.hpp"
#include "support/temporary_directory.hpp"

namespace {

std::atomic<int> syncs;

}  // namespace

// In place of the C library's, for SQLite too: to see what is told to be on the disk.
extern "C" int fdatasync(int fd) {
  const long result = ::syscall(SYS_fdatasync, fd);
  ++syncs;
  return static_cast<int>(result);
}

namespace {

using namespace std::chrono_literals;

// A power cut can't be had in a test, but this is what it needs: each answer comes after a sync of the disk, and after the commit.
TEST(MessageStoreCrashTest, AnAnswerComesAfterTheCommitAndASync) {
  test::TemporaryDirectory folder;
  const auto data = folder.path("data");
  auto store = store::open_sqlite_messages(data, [](std::function<void()> work) { work(); });   // on the store's thread, at once
  ASSERT_TRUE(store) << store.error().detail;
  SQLite::Database other(data + "/messages.db");
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const int before = syncs;
    std::atomic<int> seen = -1, synced = 0;
    ASSERT_TRUE((*store)->append(test::a_message(n), [&](base::Status status) {
      EXPECT_TRUE(status);
      synced = syncs - before;
      seen = other.execAndGet("SELECT count(*) FROM message").getInt();
      seen.notify_one();
    }));
    seen.wait(-1);
    EXPECT_EQ(seen, static_cast<int>(n));
    EXPECT_GE(synced, 1);
  }
}

constexpr auto* kFolder = "PARLEY_TEST_CRASH_FOLDER";
constexpr int kAcknowledged = 3;   // the child's end of the pipe

store::StoredMessage numbered(std::uint64_t n) {
  auto m = test::a_message(n);
  m.body = base::share(std::to_string(n) + std::string(n % 3000, 'x'));
  return m;
}

store::OfflineMessage waiting(std::uint64_t n) {
  const auto m = numbered(n);
  return {.id = 0, .account = "carol" + std::to_string(n % 10), .from_uri = "sip:alice@parley", .from_display = "Alice", .content_type = m.content_type, .body = m.body,
          .headers = {}, .created = m.time, .expires = m.time + 24h};
}

// Not a test but the program that is killed: 1,000 messages a second, and their numbers once they are acknowledged.
TEST(MessageStoreCrashChild, DISABLED_Writes) {
  const char* folder = std::getenv(kFolder);
  if (folder == nullptr) GTEST_SKIP();
  test::StoreClient client;
  auto store = store::open_sqlite_messages(folder, client.post());
  ASSERT_TRUE(store) << store.error().detail;
  // The last may have been one outside of a call.
  auto n = client.get<std::uint64_t>([&](auto done) { return (*store)->highest_sequence("room:lobby", done); }).value() + 1;
  for (auto next = std::chrono::steady_clock::now();; next += 1ms) {
    while (std::chrono::steady_clock::now() < next) {
      client.run_posted();
      std::this_thread::sleep_for(200us);
    }
    ++n;
    const auto acknowledge = [n](bool kept) {
      if (!kept || ::write(kAcknowledged, &n, sizeof n) != sizeof n) ::_exit(3);
    };
    // Every fourth is one outside of a call, for somebody who is absent.
    if (n % 4 == 0) ASSERT_TRUE((*store)->append_offline(waiting(n), [acknowledge](base::Result<std::uint64_t> id) { acknowledge(id.has_value()); }));
    else ASSERT_TRUE((*store)->append(numbered(n), [acknowledge](base::Status status) { acknowledge(status.has_value()); }));
  }
}

pid_t start_child(const std::string& folder, int acknowledged) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv(kFolder, folder.c_str(), 1);
  if (::dup2(acknowledged, kAcknowledged) != kAcknowledged) ::_exit(2);
  ::execl("/proc/self/exe", "test_store", "--gtest_filter=MessageStoreCrashChild.DISABLED_Writes", "--gtest_also_run_disabled_tests",
          "--gtest_brief=1", static_cast<char*>(nullptr));
  ::_exit(2);
}

TEST(MessageStoreCrashTest, SurvivalItem25EveryAcknowledgedMessageOutlivesKill9) {
  test::TemporaryDirectory folder;
  const auto data = folder.path("data");
  std::mt19937 random(20);
  std::set<std::uint64_t> acknowledged;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = start_child(data, ends[1]);
    ::close(ends[1]);
    ASSERT_GT(child, 0);
    const std::size_t wanted = std::uniform_int_distribution<std::size_t>(150, 500)(random);
    std::size_t seen = 0;
    for (std::uint64_t n = 0; ::read(ends[0], &n, sizeof n) == sizeof n;) {
      EXPECT_TRUE(acknowledged.insert(n).second) << n << " twice";
      if (++seen == wanted) ::kill(child, SIGKILL);   // and read what it had said until then
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    ASSERT_GE(seen, wanted);

    test::StoreClient client;
    auto store = store::open_sqlite_messages(data, client.post());
    ASSERT_TRUE(store) << store.error().detail;
    std::set<std::uint64_t> there;
    store::HistoryQuery query;
    query.conversation = "room:lobby";
    query.limit = store::kMaxPage;
    for (query.after = 0; query.after;) {
      const auto page = client.history(**store, query);
      ASSERT_TRUE(page) << page.error().detail;
      for (const auto& m : page->messages) {
        ASSERT_EQ(*m.body, *numbered(m.sequence).body);
        there.insert(m.sequence);
      }
      query.after = page->next;
    }
    const auto newest = *there.rbegin();
    for (std::uint64_t account = 0; account < 10; ++account) {
      const auto all = client.get<std::vector<store::OfflineMessage>>([&](auto done) {
        return (*store)->pending_for("carol" + std::to_string(account), base::WallTime{}, 0, 10'000, done);
      });
      ASSERT_TRUE(all) << all.error().detail;
      std::uint64_t before = 0;
      for (const auto& m : *all) {
        const auto n = std::stoull(*m.body);
        ASSERT_EQ(*m.body, *numbered(n).body);
        EXPECT_GT(n, before);   // in the order in which they were sent
        there.insert(before = n);
      }
    }
    EXPECT_TRUE(std::ranges::includes(there, acknowledged)) << "round " << round;
    const auto highest = client.get<std::uint64_t>([&](auto done) { return (*store)->highest_sequence("room:lobby", done); });
    EXPECT_EQ(highest, newest);
    EXPECT_EQ(SQLite::Database(data + "/messages.db").execAndGet("PRAGMA integrity_check").getString(), "ok");
  }
  EXPECT_GE(acknowledged.size(), 750u);
}

}  // namespace
