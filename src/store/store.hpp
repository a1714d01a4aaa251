// What outlives the program: accounts now, rooms and history as they come. An interface; SQLite is the default.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace store {

// H(name:realm:password) in lower-case hex, one for each algorithm of RFC 8760; the caller's work: no password comes here.
struct PasswordHashes {
  std::string md5, sha256, sha512_256;
  friend bool operator==(const PasswordHashes&, const PasswordHashes&) = default;
};

struct AccountRecord {
  std::string name;                 // is_account_name()
  std::string display_name;         // UTF-8, may be empty
  std::string realm;                // that the hashes hold for
  PasswordHashes hashes;
  std::chrono::sys_seconds created{};
  friend bool operator==(const AccountRecord&, const AccountRecord&) = default;
};

// A key to the API. Of the secret only its hash is here: no token can be made of what is stored.
struct ApiTokenRecord {
  std::string id;                   // names it for people; no secret
  std::string name;                 // UTF-8, what it is for
  std::string hash;                 // SHA-256 of the token, lower-case hex
  std::string scopes;               // words between single spaces
  std::chrono::sys_seconds created{};
  friend bool operator==(const ApiTokenRecord&, const ApiTokenRecord&) = default;
};

// 1 to 64 of letters, digits and "._-+"; so it needs no escape in a URI, a log or a page.
bool is_account_name(std::string_view name);

// One thread. Everything waits for the disk: not for a shard's thread.
// Errors, all of them: kUnavailable (locked by another process, disk full, read-only, can't be opened: may work later),
// kInternal (the file is damaged). What else, a method says.
class Store {
 public:
  virtual ~Store() = default;

  virtual base::Result<std::vector<AccountRecord>> accounts() = 0;                               // by name
  virtual base::Result<std::optional<AccountRecord>> account(std::string_view name) = 0;
  virtual base::Status add_account(const AccountRecord& account) = 0;                            // kConflict: is there; kMalformed: its name
  virtual base::Status set_password(std::string_view name, std::string_view realm, const PasswordHashes& hashes) = 0;   // kNotFound
  virtual base::Status set_display_name(std::string_view name, std::string_view display_name) = 0;                      // kNotFound
  virtual base::Status remove_account(std::string_view name) = 0;                                // kNotFound

  virtual base::Result<std::vector<ApiTokenRecord>> api_tokens() = 0;                            // the oldest first
  virtual base::Status add_api_token(const ApiTokenRecord& token) = 0;                           // kConflict: id or hash is there
  virtual base::Status remove_api_token(std::string_view id) = 0;                                // kNotFound

  // A number that differs from the last one when anything was written since, by this process or another. Cheap.
  virtual base::Result<std::uint64_t> changes() = 0;
};

}  // namespace store
