// The store of accounts, and what becomes of it when disk, locks or the file itself are against it (survival item 26).
#include "store/sqlite_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using store::AccountRecord;
using store::open_sqlite;

AccountRecord alice() {
  return {"alice", "Alice Ä.", "parley", {"0a", "0b", "0c"}, std::chrono::sys_seconds(1'700'000'000s)};
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777u : 0;
}

struct SqliteStoreTest : ::testing::Test {
  test::TemporaryDirectory folder;
  std::string data = folder.path("data");
  std::string file = data + "/parley.db";

  std::unique_ptr<store::Store> open(const store::SqliteOptions& options = {.busy_timeout = 50ms}) {
    auto opened = open_sqlite(data, options);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(*opened) : nullptr;
  }
};

TEST_F(SqliteStoreTest, KeepsWhatItWasGivenOverARestart) {
  {
    auto store = open();
    ASSERT_TRUE(store->add_account(alice()));
    AccountRecord bob{.name = "Bob.2+x_y-z", .realm = "parley"};
    ASSERT_TRUE(store->add_account(bob));
  }
  auto store = open();
  const auto all = store->accounts();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[1], alice());   // by name, capital letters first
  EXPECT_EQ((*store->account("alice")), alice());
  EXPECT_FALSE(store->account("Alice")->has_value());   // RFC 3261 19.1.4
}

TEST_F(SqliteStoreTest, FolderAndFilesAreForTheOwnerAlone) {
  const auto old = ::umask(0);
  auto store = open();
  ASSERT_TRUE(store->add_account(alice()));
  ::umask(old);
  EXPECT_EQ(mode_of(data), 0700u);
  for (const auto* end : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(file + end), 0600u) << end;
}

TEST_F(SqliteStoreTest, AFileThatOthersCouldReadIsClosedToThem) {
  open();
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  open();
  EXPECT_EQ(mode_of(file), 0600u);
}

TEST_F(SqliteStoreTest, NamesAreUniqueAndPlain) {
  auto store = open();
  ASSERT_TRUE(store->add_account(alice()));
  EXPECT_EQ(store->add_account(alice()).error().code, ErrorCode::kConflict);
  for (const std::string name : {"", "a b", "a@b", "a\n", "é", "a;b", "a/b", "'", "a%20"}) {
    auto account = alice();
    account.name = name;
    const auto added = store->add_account(account);
    ASSERT_FALSE(added) << name;
    EXPECT_EQ(added.error().code, ErrorCode::kMalformed) << name;
  }
  auto account = alice();
  account.name = std::string(64, 'x');
  EXPECT_TRUE(store->add_account(account));
  account.name += 'x';
  EXPECT_FALSE(store->add_account(account));
}

// Survival item 11: what came from outside is a value in SQL, never a part of it.
TEST_F(SqliteStoreTest, TextIsNeverSql) {
  auto store = open();
  auto account = alice();
  account.display_name = "Robert'); DROP TABLE account; --";
  ASSERT_TRUE(store->add_account(account));
  EXPECT_EQ(store->account("alice")->value().display_name, account.display_name);
  EXPECT_FALSE(store->account("' OR 1=1 --")->has_value());
  EXPECT_EQ(store->remove_account("' OR 1=1 --").error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteStoreTest, PasswordsChangeAndAccountsGo) {
  auto store = open();
  ASSERT_TRUE(store->add_account(alice()));
  ASSERT_TRUE(store->set_password("alice", "other", {"1", "2", "3"}));
  EXPECT_EQ(store->account("alice")->value().hashes.sha256, "2");
  EXPECT_EQ(store->account("alice")->value().realm, "other");
  EXPECT_EQ(store->set_password("bob", "r", {}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(store->remove_account("alice"));
  EXPECT_FALSE(store->account("alice")->has_value());
  EXPECT_EQ(store->remove_account("alice").error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteStoreTest, ChangesTellsOfOnesOwnWritesAndNothingElse) {
  auto store = open();
  const auto before = store->changes().value();
  EXPECT_EQ(store->changes().value(), before);
  ASSERT_TRUE(store->accounts());
  (void)store->remove_account("nobody");
  EXPECT_EQ(store->changes().value(), before);
  ASSERT_TRUE(store->add_account(alice()));
  const auto added = store->changes().value();
  EXPECT_NE(added, before);
  ASSERT_TRUE(store->remove_account("alice"));
  EXPECT_NE(store->changes().value(), added);
}

TEST_F(SqliteStoreTest, ChangesTellsOfAnotherProcess) {
  auto store = open();
  const auto before = store->changes().value();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto other = open_sqlite(data);
    ::_exit(other && (*other)->add_account(alice()) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_NE(store->changes().value(), before);
  EXPECT_EQ(store->accounts()->size(), 1u);
}

TEST_F(SqliteStoreTest, ManyProcessesAtOnceMakeOneSchemaAndLoseNothing) {
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto other = open_sqlite(data, {.busy_timeout = 20s});
      auto account = alice();
      bool good = other.has_value();
      for (int j = 0; good && j < 5; ++j) {
        account.name = fmt::format("a{}-{}", i, j);
        good = (*other)->add_account(account).has_value();
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const auto child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(open()->accounts()->size(), 30u);
}

TEST_F(SqliteStoreTest, ALockedDatabaseIsReadAndSaysSoWhenWritten) {
  auto store = open();
  ASSERT_TRUE(store->add_account(alice()));
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  const auto refused = store->remove_account("alice");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().detail, file + ": the database is locked by another process");
  EXPECT_EQ(store->accounts()->size(), 1u);
  other.exec("ROLLBACK");
  EXPECT_TRUE(store->remove_account("alice"));
}

TEST_F(SqliteStoreTest, AFullDiskLosesNothingThatWasThere) {
  auto store = open({.busy_timeout = 50ms, .max_pages = 4});
  std::size_t kept = 0;
  base::Status added;
  for (; kept < 1000 && added; kept += added.has_value()) {
    auto account = alice();
    account.name = fmt::format("a{}", kept);
    account.display_name = std::string(500, 'x');
    added = store->add_account(account);
  }
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(added.error().detail, file + ": the disk is full");
  EXPECT_EQ(store->accounts()->size(), kept);
  ASSERT_TRUE(store->remove_account("a0"));
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsLeftAlone) {
  ASSERT_TRUE(std::filesystem::create_directory(data));
  const std::string rubbish(8192, 'x');
  std::ofstream(file) << rubbish;
  const auto opened = open_sqlite(data);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInternal);
  EXPECT_NE(opened.error().detail.find("damaged"), std::string::npos) << opened.error().detail;
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), rubbish);
}

TEST_F(SqliteStoreTest, DamagedPagesAreAnErrorNotACrash) {
  open()->add_account(alice()).value();
  for (const auto* end : {"-wal", "-shm"}) std::filesystem::remove(file + end);
  {
    std::fstream damage(file, std::ios::binary | std::ios::in | std::ios::out);
    damage.seekp(4096 + 0);   // the table's first page
    damage << std::string(4096, '\xff');
  }
  auto store = open_sqlite(data);
  const auto all = store ? (*store)->accounts() : base::Result<std::vector<AccountRecord>>(std::unexpected(store.error()));
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::kInternal);
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefused) {
  open();
  SQLite::Database(file, SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  const auto opened = open_sqlite(data);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().detail.find("newer version of Parley"), std::string::npos);
}

// As root every folder can be written, so these run as nobody where the test runs as root.
template <typename F>
void as_ordinary_user(F&& work) {
  const bool root = ::geteuid() == 0;
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  work();
  if (root) ASSERT_EQ(::seteuid(0), 0);
}

TEST_F(SqliteStoreTest, AFolderThatCantBeMadeIsNamed) {
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  as_ordinary_user([&] {
    const auto opened = open_sqlite(data);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(opened.error().detail, data + ": Permission denied");
  });
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
}

TEST_F(SqliteStoreTest, AReadOnlyFolderIsNamed) {
  open();
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(data.c_str(), 0555), 0);
  as_ordinary_user([&] {
    const auto opened = open_sqlite(data);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(opened.error().detail.find(data), std::string::npos);
  });
  ASSERT_EQ(::chmod(data.c_str(), 0755), 0);
}

TEST_F(SqliteStoreTest, AFileWhereTheFolderShouldBeIsNamed) {
  std::ofstream(data) << "x";
  const auto opened = open_sqlite(data);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, data + ": Not a directory");
}

TEST_F(SqliteStoreTest, ALinkInPlaceOfTheFileIsNotFollowed) {
  ASSERT_TRUE(std::filesystem::create_directory(data));
  std::filesystem::create_symlink(folder.path("elsewhere"), file);
  EXPECT_FALSE(open_sqlite(data));
  EXPECT_FALSE(std::filesystem::exists(folder.path("elsewhere")));
}

}  // namespace
