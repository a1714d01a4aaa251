// Keys to the REST API: bearer tokens (RFC 6750) with scopes. Only their hashes are kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace api {

// What a token may do, as a set of bits. A scope that writes includes the one that reads; admin includes all.
using Scopes = std::uint32_t;
namespace scope {
inline constexpr Scopes kNone = 0;
inline constexpr Scopes kAccountsRead = 1 << 0, kAccounts = kAccountsRead | 1 << 1;
inline constexpr Scopes kRoomsRead = 1 << 2, kRooms = kRoomsRead | 1 << 3;
inline constexpr Scopes kCallsRead = 1 << 4, kCalls = kCallsRead | 1 << 5;
inline constexpr Scopes kMessagesRead = 1 << 6, kMessages = kMessagesRead | 1 << 7;
inline constexpr Scopes kLinesRead = 1 << 8, kLines = kLinesRead | 1 << 9;
inline constexpr Scopes kEvents = 1 << 10;
inline constexpr Scopes kTrunksRead = 1 << 12;
inline constexpr Scopes kSupervise = kCallsRead | 1 << 13;   // to hear calls without their parties' knowledge: no part of kCalls
inline constexpr Scopes kAdmin = ~Scopes{0};
}  // namespace scope

struct ScopeName {
  std::string_view name;
  Scopes bits;
  std::string_view meaning;
};
std::span<const ScopeName> scope_names();
// The name of exactly those bits; "" for none.
std::string_view name_of(Scopes bits);
// "rooms:read calls". kMalformed: empty, or a word that is none, which the detail names.
base::Result<Scopes> parse_scopes(std::string_view words);
std::string to_string(Scopes scopes);      // canonical

struct ApiToken {
  std::string id, name, hash;
  Scopes scopes = scope::kNone;
  std::chrono::sys_seconds created{};
};

struct NewApiToken {
  std::string token;                       // the secret: shown once
  store::ApiTokenRecord record;
};
// 238 random bits, so that a plain hash of it tells nothing and needs no salt. kMalformed: the name.
base::Result<NewApiToken> make_api_token(std::string_view name, Scopes scopes, std::chrono::sys_seconds now);
std::string hash_api_token(std::string_view token);

// The tokens that hold now. Any thread.
class ApiTokens {
 public:
  static constexpr std::size_t kMax = 1000;

  void replace(const std::vector<store::ApiTokenRecord>& records);
  // The time does not tell how much of a token is right, nor which one it was. Null: none.
  std::shared_ptr<const ApiToken> find(std::string_view token) const;
  bool holds(std::string_view id) const;   // for streams that outlive their request
  std::vector<ApiToken> all() const;

 private:
  using List = std::vector<std::shared_ptr<const ApiToken>>;
  std::atomic<std::shared_ptr<const List>> list_ = std::make_shared<const List>();
};

}  // namespace api
