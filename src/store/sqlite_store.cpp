#include "store/sqlite_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <fmt/format.h>

#include <filesystem>

#include "store/sqlite_file.hpp"
#include "store/sqlite_schema.hpp"

namespace store {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(const std::string& path, const SqliteOptions& options)
      : path_(path), database_(path, SQLite::OPEN_READWRITE, static_cast<int>(options.busy_timeout.count())) {
    database_.exec("PRAGMA journal_mode = WAL");
    database_.exec("PRAGMA synchronous = FULL");   // what was answered is on the disk (survival item 25)
    database_.exec("PRAGMA trusted_schema = OFF");
    if (options.max_pages != 0) database_.exec(fmt::format("PRAGMA max_page_count = {}", options.max_pages));
  }

  base::Status migrate() {
    return guarded([&]() -> base::Status {
      if (const auto version = schema_version(); version == static_cast<int>(kSchemaSteps.size())) return {};
      // Another process may be doing the same: looked at again under the lock.
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      const auto version = schema_version();
      if (version < 0 || version > static_cast<int>(kSchemaSteps.size())) {
        return base::fail(base::ErrorCode::kUnsupported, fmt::format("{}: written by a newer version of Parley (schema {})", path_, version));
      }
      for (auto step = static_cast<std::size_t>(version); step < kSchemaSteps.size(); ++step) database_.exec(kSchemaSteps[step]);
      database_.exec(fmt::format("PRAGMA user_version = {}", kSchemaSteps.size()));
      transaction.commit();
      return {};
    });
  }

  base::Result<std::vector<AccountRecord>> accounts() override {
    return guarded([&]() -> base::Result<std::vector<AccountRecord>> {
      SQLite::Statement query(database_, std::string(kSelect) + " ORDER BY name");
      std::vector<AccountRecord> all;
      while (query.executeStep()) all.push_back(record(query));
      return all;
    });
  }

  base::Result<std::optional<AccountRecord>> account(std::string_view name) override {
    return guarded([&]() -> base::Result<std::optional<AccountRecord>> {
      SQLite::Statement query(database_, std::string(kSelect) + " WHERE name = ?");
      query.bind(1, std::string(name));
      if (!query.executeStep()) return std::nullopt;
      return record(query);
    });
  }

  base::Status add_account(const AccountRecord& account) override {
    if (!is_account_name(account.name)) return base::malformed("a name has 1 to 64 letters, digits and . _ - + and nothing else");
    return guarded([&]() -> base::Status {
      SQLite::Statement insert(database_, "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING");
      const auto& h = account.hashes;
      int index = 0;
      for (const auto* text : {&account.name, &account.display_name, &account.realm, &h.md5, &h.sha256, &h.sha512_256}) insert.bind(++index, *text);
      insert.bind(++index, static_cast<std::int64_t>(account.created.time_since_epoch().count()));
      if (insert.exec() == 0) return base::fail(base::ErrorCode::kConflict, fmt::format("account {} is there already", account.name));
      ++own_changes_;
      return {};
    });
  }

  base::Status set_password(std::string_view name, std::string_view realm, const PasswordHashes& hashes) override {
    return guarded([&]() -> base::Status {
      SQLite::Statement update(database_, "UPDATE account SET realm = ?, ha1_md5 = ?, ha1_sha256 = ?, ha1_sha512_256 = ? WHERE name = ?");
      update.bind(1, std::string(realm));
      update.bind(2, hashes.md5);
      update.bind(3, hashes.sha256);
      update.bind(4, hashes.sha512_256);
      update.bind(5, std::string(name));
      return changed_one(update, name);
    });
  }

  base::Status set_display_name(std::string_view name, std::string_view display_name) override {
    return guarded([&]() -> base::Status {
      SQLite::Statement update(database_, "UPDATE account SET display_name = ? WHERE name = ?");
      update.bind(1, std::string(display_name));
      update.bind(2, std::string(name));
      return changed_one(update, name);
    });
  }

  base::Status remove_account(std::string_view name) override {
    return guarded([&]() -> base::Status {
      SQLite::Statement remove(database_, "DELETE FROM account WHERE name = ?");
      remove.bind(1, std::string(name));
      return changed_one(remove, name);
    });
  }

  base::Result<std::vector<ApiTokenRecord>> api_tokens() override {
    return guarded([&]() -> base::Result<std::vector<ApiTokenRecord>> {
      SQLite::Statement query(database_, "SELECT id, name, hash, scopes, created FROM api_token ORDER BY created, id");
      std::vector<ApiTokenRecord> all;
      while (query.executeStep()) {
        all.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(), query.getColumn(2).getString(), query.getColumn(3).getString(),
                       std::chrono::sys_seconds(std::chrono::seconds(query.getColumn(4).getInt64()))});
      }
      return all;
    });
  }

  base::Status add_api_token(const ApiTokenRecord& token) override {
    return guarded([&]() -> base::Status {
      SQLite::Statement insert(database_, "INSERT INTO api_token VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
      int index = 0;
      for (const auto* text : {&token.id, &token.name, &token.hash, &token.scopes}) insert.bind(++index, *text);
      insert.bind(++index, static_cast<std::int64_t>(token.created.time_since_epoch().count()));
      if (insert.exec() == 0) return base::fail(base::ErrorCode::kConflict, fmt::format("API token {} is there already", token.id));
      ++own_changes_;
      return {};
    });
  }

  base::Status remove_api_token(std::string_view id) override {
    return guarded([&]() -> base::Status {
      SQLite::Statement remove(database_, "DELETE FROM api_token WHERE id = ?");
      remove.bind(1, std::string(id));
      if (remove.exec() == 0) return base::fail(base::ErrorCode::kNotFound, fmt::format("there is no API token {}", id));
      ++own_changes_;
      return {};
    });
  }

  // data_version tells of other connections' commits alone, own_changes_ of ours.
  base::Result<std::uint64_t> changes() override {
    return guarded([&]() -> base::Result<std::uint64_t> {
      const auto others = static_cast<std::uint32_t>(database_.execAndGet("PRAGMA data_version").getInt64());
      return std::uint64_t{others} << 32 | own_changes_;
    });
  }

 private:
  static constexpr std::string_view kSelect = "SELECT name, display_name, realm, ha1_md5, ha1_sha256, ha1_sha512_256, created FROM account";

  static AccountRecord record(SQLite::Statement& row) {
    AccountRecord a;
    a.name = row.getColumn(0).getString();
    a.display_name = row.getColumn(1).getString();
    a.realm = row.getColumn(2).getString();
    a.hashes = {row.getColumn(3).getString(), row.getColumn(4).getString(), row.getColumn(5).getString()};
    a.created = std::chrono::sys_seconds(std::chrono::seconds(row.getColumn(6).getInt64()));
    return a;
  }

  base::Status changed_one(SQLite::Statement& statement, std::string_view name) {
    if (statement.exec() == 0) return base::fail(base::ErrorCode::kNotFound, fmt::format("there is no account {}", name));
    ++own_changes_;
    return {};
  }

  int schema_version() { return database_.execAndGet("PRAGMA user_version").getInt(); }

  template <typename F>
  auto guarded(F&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const SQLite::Exception& e) {
      return std::unexpected(sqlite_error(path_, e));
    }
  }

  const std::string path_;
  SQLite::Database database_;
  std::uint32_t own_changes_ = 0;
};

}  // namespace

bool is_account_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '_' && c != '-' && c != '+') return false;
  }
  return true;
}

base::Result<std::unique_ptr<Store>> open_sqlite(const std::string& directory, const SqliteOptions& options) {
  const auto path = make_sqlite_file(directory, "parley.db");
  if (!path) return std::unexpected(path.error());
  try {
    auto store = std::make_unique<SqliteStore>(*path, options);
    if (auto migrated = store->migrate(); !migrated) return std::unexpected(migrated.error());
    return store;
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(*path, e));
  }
}

base::Result<std::vector<std::string>> read_account_names(const std::string& directory) {
  const auto path = (std::filesystem::path(directory) / "parley.db").string();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return base::fail(base::ErrorCode::kNotFound, path + ": is not there");
  try {
    SQLite::Database database(path, SQLite::OPEN_READONLY, 2000);
    SQLite::Statement query(database, "SELECT name FROM account ORDER BY name");
    std::vector<std::string> names;
    while (query.executeStep()) names.push_back(query.getColumn(0).getString());
    return names;
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(path, e));
  }
}

}  // namespace store
