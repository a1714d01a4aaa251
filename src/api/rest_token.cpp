#include "api/rest_token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "base/random.hpp"
#include "base/text.hpp"

namespace api {
namespace {

constexpr ScopeName kNames[] = {
    {"admin", scope::kAdmin, "everything, API tokens included"},
    {"accounts", scope::kAccounts, "make, change and delete accounts"},
    {"accounts:read", scope::kAccountsRead, "read accounts and who is registered"},
    {"rooms", scope::kRooms, "mute, unmute and remove participants"},
    {"rooms:read", scope::kRoomsRead, "read rooms and their participants"},
    {"calls", scope::kCalls, "make, transfer, hold and end calls"},
    {"supervise", scope::kSupervise, "listen to calls, unnoticed by those who speak; includes `calls:read`"},
    {"calls:read", scope::kCallsRead, "read calls and call records"},
    {"messages", scope::kMessages, "send messages to rooms and accounts"},
    {"messages:read", scope::kMessagesRead, "read messages and their history"},
    {"lines", scope::kLines, "issue webphone tokens"},
    {"lines:read", scope::kLinesRead, "read webphone lines and their clients"},
    {"trunks:read", scope::kTrunksRead, "read trunks and whether they are registered"},
    {"events", scope::kEvents, "read the event stream"},
};
constexpr std::string_view kPrefix = "parley_";
constexpr std::size_t kSecret = 40;

}  // namespace

std::span<const ScopeName> scope_names() { return kNames; }

std::string_view name_of(Scopes bits) {
  for (const auto& one : kNames) {
    if (one.bits == bits) return one.name;
  }
  return {};
}

base::Result<Scopes> parse_scopes(std::string_view words) {
  Scopes result = scope::kNone;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    const auto word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    const auto* known = std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return n.name == word; });
    if (known == std::end(kNames)) return base::malformed("there is no scope " + base::clean_display_name(word));
    result |= known->bits;
  }
  if (result == scope::kNone) return base::malformed("a token needs a scope");
  return result;
}

std::string to_string(Scopes scopes) {
  if (scopes == scope::kAdmin) return "admin";
  std::string result;
  Scopes said = scope::kNone;
  for (const auto& one : kNames) {
    if (one.bits == scope::kAdmin || (scopes & one.bits) != one.bits || (said & one.bits) == one.bits) continue;
    said |= one.bits;
    if (!result.empty()) result += ' ';
    result += one.name;
  }
  return result;
}

std::string hash_api_token(std::string_view token) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return base::to_hex({digest.data(), size});
}

base::Result<NewApiToken> make_api_token(std::string_view name, Scopes scopes, std::chrono::sys_seconds now) {
  if (name.empty() || base::clean_display_name(name) != name) {
    return base::malformed("a token's name has 1 to 80 characters of UTF-8, no control characters and no white space around it");
  }
  NewApiToken made{.token = std::string(kPrefix) + base::random_token(kSecret), .record = {}};
  made.record = {.id = base::random_token(10), .name = std::string(name), .hash = hash_api_token(made.token), .scopes = to_string(scopes), .created = now};
  return made;
}

void ApiTokens::replace(const std::vector<store::ApiTokenRecord>& records) {
  auto list = std::make_shared<List>();
  for (const auto& r : records) {
    if (list->size() == kMax) break;
    // A scope of a later version gives no right here.
    const auto scopes = parse_scopes(r.scopes);
    list->push_back(std::make_shared<const ApiToken>(ApiToken{r.id, r.name, r.hash, scopes ? *scopes : scope::kNone, r.created}));
  }
  list_.store(std::move(list));
}

std::shared_ptr<const ApiToken> ApiTokens::find(std::string_view token) const {
  const auto hash = hash_api_token(token);
  std::shared_ptr<const ApiToken> found;
  for (const auto& one : *list_.load()) {
    if (one->hash.size() == hash.size() && CRYPTO_memcmp(one->hash.data(), hash.data(), hash.size()) == 0) found = one;
  }
  return found;
}

bool ApiTokens::holds(std::string_view id) const {
  const auto list = list_.load();
  return std::any_of(list->begin(), list->end(), [&](const auto& one) { return one->id == id; });
}

std::vector<ApiToken> ApiTokens::all() const {
  std::vector<ApiToken> result;
  for (const auto& one : *list_.load()) result.push_back(*one);
  return result;
}

}  // namespace api
