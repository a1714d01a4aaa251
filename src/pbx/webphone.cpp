#include "pbx/webphone.hpp"

#include <openssl/crypto.h>

#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "base/text.hpp"

namespace pbx {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxProperties = 50;
constexpr std::size_t kMaxPropertyBytes = 4096;
constexpr std::chrono::seconds kToRegister{20};    // from connect to the first REGISTER
constexpr std::chrono::seconds kLongestLoss{19};   // a client that vanished is OFFLINE within 20 s, whatever it begins meanwhile
constexpr std::chrono::milliseconds kGraceMargin{500};   // a silent connection is lost after up to 10 s: with it all ends within 20 s
constexpr int kTries = 100;
constexpr std::size_t kMaxGone = 10000;

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Names that the server gives itself, or that mean something in the objects of a page; a password is never shown to anybody.
bool is_shown(std::string_view key) {
  for (std::string_view rest = key;;) {
    const auto dot = rest.find('.');
    const auto part = rest.substr(0, dot);
    if (base::equals_ignoring_case(part, "password") || part == "__proto__") return false;
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  return key != "phoneNumber" && key != "status";
}

const std::string& hash_of(const Account& account) { return account.hashes.ha1[static_cast<std::size_t>(sip::DigestAlgorithm::kSha256)]; }

// Is `password` that of `account`? The same work for one that does not exist.
bool password_holds(const Account* account, std::string_view name, std::string_view realm, std::string_view password) {
  const auto made = sip::hash_ha1(sip::DigestAlgorithm::kSha256, name, realm, password);
  const std::string nobody(made.size(), '-');
  const auto& stored = account ? hash_of(*account) : nobody;
  return same_secret(made, stored) && account != nullptr;
}

std::string describe(const WebphoneClient& client) {
  Json json{{"phoneNumber", client.number}, {"displayName", client.display_name}, {"status", client.online ? "ONLINE" : "OFFLINE"}};
  auto& shown = json["properties"] = Json::object();
  for (const auto& [key, value] : client.properties) shown[key] = value;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<const WebphoneClient*> denied(std::string detail) { return base::fail(base::ErrorCode::kDenied, std::move(detail)); }

}  // namespace

Webphone::Webphone(std::vector<LineConfig> lines, TokenKeys tokens, std::string realm, Accounts& accounts, base::Timeline& timeline)
    : lines_(std::move(lines)), tokens_(std::move(tokens)), realm_(std::move(realm)), accounts_(accounts), timeline_(timeline) {}

Webphone::~Webphone() {
  for (auto& [number, client] : clients_) timeline_.cancel(client->timer);
}

const LineConfig* Webphone::find_line(std::string_view name) const {
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return base::equals_ignoring_case(line.name, name); });
  return found == lines_.end() ? nullptr : &*found;
}

const WebphoneClient* Webphone::find(std::string_view number) const {
  const auto found = clients_.find(number);
  return found == clients_.end() ? nullptr : found->second.get();
}

const WebphoneClient* Webphone::bearer(std::string_view credentials) const {
  const auto dot = credentials.rfind('.');   // an account's name may have some; a secret has none
  if (dot == credentials.npos) return nullptr;
  const auto* client = find(credentials.substr(0, dot));
  const auto secret = credentials.substr(dot + 1);
  if (!client || !same_secret(secret, client->secret)) return nullptr;
  if (!client->extension) return client;
  const auto* account = accounts_.find(client->number);
  return account && same_secret(hash_of(*account), client->proven) ? client : nullptr;
}

bool Webphone::origin_allowed(const LineConfig& line, std::string_view origin) {
  if (origin.empty()) return true;   // no browser
  if (line.origins.empty()) return line.access == LineConfig::Access::kOpen;
  return std::any_of(line.origins.begin(), line.origins.end(), [&](const auto& o) { return o == "*" || base::equals_ignoring_case(o, origin); });
}

bool Webphone::is_free(const std::string& number) const { return !clients_.contains(number) && accounts_.find(number) == nullptr; }

// "" : none is left.
std::string Webphone::new_number(const LineConfig& line) const {
  if (line.number_max > 0) {
    const auto size = line.number_max - line.number_min + 1;
    const auto start = base::random_u32() % size;
    for (std::uint32_t i = 0; i < size; ++i) {
      auto number = std::to_string(line.number_min + (start + i) % size);
      if (is_free(number)) return number;
    }
    return {};
  }
  for (int i = 0; i < kTries; ++i) {
    // A letter first, so that it is no extension's number.
    auto number = base::random_token(line.number_length);
    const bool letter = (number[0] >= 'A' && number[0] <= 'Z') || (number[0] >= 'a' && number[0] <= 'z');
    if (letter && is_free(number)) return number;
  }
  return {};
}

std::size_t Webphone::clients_of(std::string_view line) const {
  const auto found = by_line_.find(line);
  return found == by_line_.end() ? 0 : found->second.size();
}

base::Result<const WebphoneClient*> Webphone::connect(const ConnectRequest& request) {
  const bool line_is_token = request.token.empty() && looks_like_token(request.line) && find_line(request.line) == nullptr;
  const auto& token = line_is_token ? request.line : request.token;
  if (!token.empty()) {
    const auto claims = tokens_.verify(token, timeline_.wall());
    if (!claims) return std::unexpected(claims.error());
    if (!line_is_token && !request.line.empty() && !base::equals_ignoring_case(request.line, claims->line)) return denied("the token is for another line");
    const auto* line = find_line(claims->line);
    return line ? connect_to(*line, request, &*claims) : denied("there is no such line as the token names");
  }
  if (const auto* line = find_line(request.line)) return connect_to(*line, request, nullptr);
  if (!request.password.empty()) return connect_extension(request);
  return base::fail(base::ErrorCode::kNotFound, "there is no such line; an account is signed in with its password");
}

Webphone::Connected Webphone::connect_to(const LineConfig& line, const ConnectRequest& request, const TokenClaims* token) {
  if (!origin_allowed(line, request.origin)) {
    if (report_origin_) report_origin_(line, request.origin);
    return denied("pages of this origin may not use the line");
  }
  if (line.access == LineConfig::Access::kPassword && !token && !same_secret(request.password, line.password)) return denied("wrong password");
  if (line.access == LineConfig::Access::kToken && !token) return denied("the line wants a token");
  const auto may = token ? token->may : Privileges{};
  if (auto* client = resumed(request.resume, line.name)) {
    client->may = may;
    client->room = token ? token->room : std::string();
    return client;
  }
  const auto number = clients_of(line.name) < line.max_clients ? new_number(line) : std::string();
  if (number.empty()) return base::fail(base::ErrorCode::kUnavailable, "the line is full");
  auto client = std::make_unique<WebphoneClient>();
  client->number = number;
  client->line = line.name;
  client->may = may;
  // A name in a token is vouched for: a page can't take another.
  client->display_name = base::clean_display_name(token && !token->display_name.empty() ? token->display_name : request.display_name);
  if (client->display_name.empty()) client->display_name = number;
  if (token) client->room = token->room;
  client->secret = base::random_token(32);
  accounts_.add_dynamic({.name = number, .display_name = client->display_name, .hashes = sip::StoredHashes::make(number, realm_, client->secret)});
  return &add(std::move(client), request);
}

// Whoever knows an account's password is that account. One client for all its pages, so that it is listed once.
Webphone::Connected Webphone::connect_extension(const ConnectRequest& request) {
  const auto* client = find(request.line);
  const auto* account = client && !client->extension ? nullptr : accounts_.find(request.line);
  if (!password_holds(account, request.line, realm_, request.password)) return denied("wrong number or password");
  if (client) {
    auto& own = *clients_.find(request.line)->second;
    if (own.proven != hash_of(*account)) {   // what an older password was given is of no use any more
      own.proven = hash_of(*account);
      own.secret = base::random_token(32);
    }
    if (!own.online) give_grace(own, kToRegister);
    return client;
  }
  auto made = std::make_unique<WebphoneClient>();
  made->number = account->name;
  made->extension = true;
  made->may = {.message = true, .internal = true, .external = true, .history = true, .supervise = is_supervisor(account->name)};
  made->secret = base::random_token(32);
  made->proven = hash_of(*account);
  made->display_name = account->display_name.empty() ? base::clean_display_name(request.display_name) : account->display_name;
  if (made->display_name.empty()) made->display_name = account->name;
  return &add(std::move(made), request);
}

// Also while its connection is gone, or not yet known to be.
WebphoneClient* Webphone::resumed(std::string_view token, std::string_view line) {
  if (token.empty()) return nullptr;
  const auto number = numbers_.find(std::string(token));
  if (number == numbers_.end()) return nullptr;
  auto* client = clients_.find(number->second)->second.get();
  if (client->line != line || client->extension) return nullptr;
  if (!client->online) {
    give_grace(*client, kToRegister);
  } else if (client->lost_at != base::kNever) {
    give_grace(*client, std::max(base::Duration::zero(), client->lost_at + kLongestLoss - timeline_.now()));
  }
  return client;
}

WebphoneClient& Webphone::add(std::unique_ptr<WebphoneClient> client, const ConnectRequest& request) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : request.properties) {
    if (!is_shown(key)) continue;
    bytes += key.size() + value.size();
    if (bytes <= kMaxPropertyBytes && client->properties.size() < kMaxProperties) client->properties.emplace_back(key, value);
  }
  client->resume_token = base::random_token(32);
  numbers_.emplace(client->resume_token, client->number);
  auto& ref = *clients_.emplace(client->number, std::move(client)).first->second;
  by_line_[ref.line].emplace(ref.number, &ref);
  if (gone_numbers_.erase(ref.number) != 0) std::erase(gone_, ref.number);
  give_grace(ref, kToRegister);
  return ref;
}

void Webphone::give_grace(WebphoneClient& client, base::Duration grace) {
  timeline_.cancel(client.timer);
  client.timer = timeline_.after(grace, [this, number = client.number](base::TimePoint) { remove(number); });
}

void Webphone::set_online(WebphoneClient& client, bool online) {
  if (std::exchange(client.online, online) == online) return;
  client.description = describe(client);
  if (listener_) listener_->on_roster_changed(client.line, client);
}

void Webphone::on_registered(std::string_view number) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  timeline_.cancel(found->second->timer);
  found->second->lost_at = base::kNever;
  set_online(*found->second, true);
}

void Webphone::on_unregistered(std::string_view number, bool orderly) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  if (orderly) return remove(std::string(number));
  // Still listed: it may be back in a moment.
  const auto* line = find_line(found->second->line);
  found->second->lost_at = timeline_.now();
  const base::Duration grace = line ? line->grace : std::chrono::seconds(10);
  give_grace(*found->second, std::max(base::Duration::zero(), grace - kGraceMargin));
}

void Webphone::sign_off(const std::string& account) {
  const auto* client = find(account);
  if (client && client->extension) remove(account);
}

void Webphone::remove(std::string number) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  const auto client = std::move(found->second);
  clients_.erase(found);
  numbers_.erase(client->resume_token);
  const auto line = by_line_.find(client->line);
  line->second.erase(number);
  if (line->second.empty()) by_line_.erase(line);
  timeline_.cancel(client->timer);
  if (!client->extension) {
    accounts_.remove_dynamic(number);
    if (gone_numbers_.insert(number).second) gone_.push_back(number);
    if (gone_.size() > kMaxGone) {
      gone_numbers_.erase(gone_.front());
      gone_.pop_front();
    }
  }
  set_online(*client, false);
  if (listener_) listener_->on_client_gone(*client);
}

std::vector<const WebphoneClient*> Webphone::online(std::string_view line) const {
  std::vector<const WebphoneClient*> result;
  const auto found = by_line_.find(line);
  if (found == by_line_.end()) return result;
  for (const auto& [number, client] : found->second) {
    if (client->online) result.push_back(client);
  }
  return result;
}

}  // namespace pbx
