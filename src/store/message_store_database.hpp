// One connection to messages.db. Chat has a file apart from the accounts': a write there would make every reader of accounts
// look again (Store::changes()), and a lock, a full quota or damage of one leaves the other alone.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite_file.hpp"

namespace store {

// Thread: one at a time. What runs statements throws SQLite::Exception; sqlite_error() makes a value of it.
class MessageDatabase {
 public:
  struct Options {
    std::chrono::milliseconds busy_timeout;
    std::uint32_t max_pages = 0;               // of 4 KiB; 0: no limit
  };
  // Makes folder (0700) and file (0600), brings the schema up to date. kUnsupported: written by a newer Parley.
  static base::Result<std::unique_ptr<MessageDatabase>> open(const std::string& directory, const Options& options);
  // For reading alone; the file is there.
  static base::Result<std::unique_ptr<MessageDatabase>> open_reader(const std::string& directory, const Options& options);

  // A statement in use: reset and without bindings before and after, so that none holds a snapshot or a dead pointer.
  class Use {
   public:
    explicit Use(SQLite::Statement& statement) : statement_(statement) {}
    ~Use() {
      statement_.tryReset();
      try {
        statement_.clearBindings();
      } catch (const SQLite::Exception&) {     // they are bound anew before they are used
      }
    }
    Use(const Use&) = delete;
    // What is bound stays the caller's and lives as long as this.
    Use& text(const std::string& value) { return statement_.bindNoCopy(++index_, value), *this; }
    Use& text(std::string&&) = delete;
    Use& blob(const std::string& value) {
      return statement_.bindNoCopy(++index_, static_cast<const void*>(value.data()), static_cast<int>(value.size())), *this;
    }
    Use& blob(std::string&&) = delete;
    Use& number(std::int64_t value) { return statement_.bind(++index_, value), *this; }
    Use& null() { return statement_.bind(++index_), *this; }
    bool step() { return statement_.executeStep(); }
    int change() { return statement_.exec(); }   // rows that it changed
    SQLite::Column column(int i) { return statement_.getColumn(i); }

   private:
    SQLite::Statement& statement_;
    int index_ = 0;
  };
  // `sql` is a constant: prepared once and found again by its address.
  Use use(const char* sql);

  SQLite::Database& connection() { return database_; }
  const std::string& path() const { return path_; }

  MessageDatabase(std::string path, const Options& options, bool reader);

 private:
  base::Status migrate();
  const std::string path_;
  SQLite::Database database_;
  std::unordered_map<const char*, SQLite::Statement> statements_;
};

inline std::int64_t to_milliseconds(base::WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
// Any number that a damaged file may hold: those that no clock shows become the nearest that one does.
inline base::WallTime from_milliseconds(std::int64_t value) {
  constexpr std::int64_t kFarthest = 9'000'000'000'000;   // the year 2255
  return base::WallTime(std::chrono::milliseconds(std::clamp(value, -kFarthest, kFarthest)));
}

}  // namespace store
