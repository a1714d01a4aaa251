#include "store/message_store_database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "store/sqlite_schema.hpp"

namespace store {
namespace {

std::string file_in(const std::string& directory) { return (std::filesystem::path(directory) / "messages.db").string(); }

base::Error system_error(const std::string& path, int error) {
  return {base::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(error))};
}

// Modes are set before SQLite opens the file; its journals take the mode of the file.
base::Status make_file(const std::string& directory) {
  const auto parent = std::filesystem::path(directory).lexically_normal().parent_path();
  std::error_code ignored;
  if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return std::unexpected(system_error(directory, errno));
  const auto path = file_in(directory);
  // A file that is there is never opened here: closing it again would drop the POSIX locks of this process's other connections,
  // and the next program to leave would take itself for the last and remove the log that they write to.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    ::close(fd);
  } else if (errno != EEXIST) {
    return std::unexpected(system_error(path, errno));
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) (void)::chmod(path.c_str(), 0600);
  return {};
}

}  // namespace

base::Error sqlite_error(const std::string& path, const SQLite::Exception& e) {
  const auto make = [&](base::ErrorCode code, std::string_view what) { return base::Error{code, fmt::format("{}: {}", path, what)}; };
  switch (e.getErrorCode() & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return make(base::ErrorCode::kUnavailable, "the database is locked by another process");
    case SQLITE_FULL: return make(base::ErrorCode::kUnavailable, "the disk is full");
    case SQLITE_READONLY: return make(base::ErrorCode::kUnavailable, "the database or its folder is read-only");
    case SQLITE_CANTOPEN: return make(base::ErrorCode::kUnavailable, "the database can't be opened");
    case SQLITE_IOERR: return make(base::ErrorCode::kUnavailable, fmt::format("reading or writing failed ({})", e.what()));
    case SQLITE_NOMEM: return make(base::ErrorCode::kUnavailable, "out of memory");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return make(base::ErrorCode::kInternal, "the database is damaged, or the file is none");
    default: return make(base::ErrorCode::kInternal, e.what());
  }
}

MessageDatabase::MessageDatabase(std::string path, const Options& options, bool reader)
    : path_(std::move(path)), database_(path_, SQLite::OPEN_READWRITE, static_cast<int>(options.busy_timeout.count())) {
  database_.exec("PRAGMA trusted_schema = OFF");
  if (reader) {
    database_.exec("PRAGMA query_only = ON");
    return;
  }
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = FULL");            // the journal is synced in every commit (survival item 25)
  database_.exec("PRAGMA secure_delete = FAST");          // what retention deletes is not left in the file's pages
  database_.exec("PRAGMA journal_size_limit = 67108864"); // after a burst the journal shrinks again
  if (options.max_pages != 0) database_.exec(fmt::format("PRAGMA max_page_count = {}", options.max_pages));
}

base::Status MessageDatabase::migrate() {
  const auto version_now = [&] { return database_.execAndGet("PRAGMA user_version").getInt(); };
  constexpr auto kNewest = static_cast<int>(kMessageSchemaSteps.size());
  if (version_now() == kNewest) return {};
  // Another process may be doing the same: looked at again under the lock.
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  const int version = version_now();
  if (version < 0 || version > kNewest) {
    return base::fail(base::ErrorCode::kUnsupported, fmt::format("{}: written by a newer version of Parley (schema {})", path_, version));
  }
  for (auto step = static_cast<std::size_t>(version); step < kMessageSchemaSteps.size(); ++step) database_.exec(kMessageSchemaSteps[step]);
  database_.exec(fmt::format("PRAGMA user_version = {}", kNewest));
  transaction.commit();
  return {};
}

MessageDatabase::Use MessageDatabase::use(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) found = statements_.emplace(sql, SQLite::Statement(database_, sql)).first;
  return Use(found->second);
}

base::Result<std::unique_ptr<MessageDatabase>> MessageDatabase::open(const std::string& directory, const Options& options) {
  if (auto made = make_file(directory); !made) return std::unexpected(made.error());
  const auto path = file_in(directory);
  try {
    auto database = std::make_unique<MessageDatabase>(path, options, false);
    if (auto migrated = database->migrate(); !migrated) return std::unexpected(migrated.error());
    return database;
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(path, e));
  }
}

base::Result<std::unique_ptr<MessageDatabase>> MessageDatabase::open_reader(const std::string& directory, const Options& options) {
  const auto path = file_in(directory);
  try {
    return std::make_unique<MessageDatabase>(path, options, true);
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(path, e));
  }
}

}  // namespace store
