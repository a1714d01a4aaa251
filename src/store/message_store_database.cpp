#include "store/message_store_database.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "store/sqlite_file.hpp"
#include "store/sqlite_schema.hpp"

namespace store {
namespace {

constexpr std::string_view kFile = "messages.db";

}  // namespace

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
  const auto path = make_sqlite_file(directory, std::string(kFile));
  if (!path) return std::unexpected(path.error());
  try {
    auto database = std::make_unique<MessageDatabase>(*path, options, false);
    if (auto migrated = database->migrate(); !migrated) return std::unexpected(migrated.error());
    return database;
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(*path, e));
  }
}

base::Result<std::unique_ptr<MessageDatabase>> MessageDatabase::open_reader(const std::string& directory, const Options& options) {
  const auto path = (std::filesystem::path(directory) / kFile).string();
  try {
    return std::make_unique<MessageDatabase>(path, options, true);
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(path, e));
  }
}

}  // namespace store
