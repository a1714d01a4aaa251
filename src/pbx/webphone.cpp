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
constexpr std::chrono::seconds kToRegister{20};   // from connect to the first REGISTER

bool same_secret(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

Json describe(const WebphoneClient& client) {
  Json json{{"phoneNumber", client.number}, {"displayName", client.display_name}, {"status", client.online ? "ONLINE" : "OFFLINE"}};
  auto& properties = json["properties"] = Json::object();
  for (const auto& [key, value] : client.properties) properties[key] = value;
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Webphone::Webphone(std::vector<LineConfig> lines, std::string realm, Accounts& accounts, base::Timeline& timeline)
    : lines_(std::move(lines)), realm_(std::move(realm)), accounts_(accounts), timeline_(timeline) {}

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

bool Webphone::origin_allowed(const LineConfig& line, std::string_view origin) {
  if (origin.empty()) return true;   // no browser
  if (line.origins.empty()) return line.access == LineConfig::Access::kOpen;
  return std::any_of(line.origins.begin(), line.origins.end(), [&](const auto& o) { return o == "*" || base::equals_ignoring_case(o, origin); });
}

std::string Webphone::new_number(const LineConfig& line) const {
  for (;;) {
    // A letter first, so that it is no extension's number.
    auto number = base::random_token(line.number_length);
    const bool letter = (number[0] >= 'A' && number[0] <= 'Z') || (number[0] >= 'a' && number[0] <= 'z');
    if (letter && !clients_.contains(number) && accounts_.find(number) == nullptr) return number;
  }
}

base::Result<const WebphoneClient*> Webphone::connect(const ConnectRequest& request) {
  const auto* line = find_line(request.line);
  if (!line) return base::fail(base::ErrorCode::kNotFound, "no such line");
  if (!origin_allowed(*line, request.origin)) return base::fail(base::ErrorCode::kDenied, "pages of this origin may not use the line");
  if (line->access == LineConfig::Access::kPassword && !same_secret(request.password, line->password)) {
    return base::fail(base::ErrorCode::kDenied, "wrong password");
  }
  if (line->access == LineConfig::Access::kToken && !request.authorized) return base::fail(base::ErrorCode::kDenied, "a valid token is needed");
  if (!request.resume.empty()) {
    for (auto& [number, client] : clients_) {
      if (client->line != line->name || !same_secret(client->resume_token, request.resume)) continue;
      if (!client->online) give_grace(*client, kToRegister);
      return client.get();
    }
  }
  if (clients_.size() >= line->max_clients) return base::fail(base::ErrorCode::kUnavailable, "the line is full");
  auto client = std::make_unique<WebphoneClient>();
  client->number = new_number(*line);
  client->line = line->name;
  client->display_name = base::clean_display_name(request.display_name);
  if (client->display_name.empty()) client->display_name = client->number;
  std::size_t bytes = 0;
  for (const auto& [key, value] : request.properties) {
    bytes += key.size() + value.size();
    // The names that say who it is are the server's own; a password is never shown to anybody.
    if (base::equals_ignoring_case(key, "password") || key == "phoneNumber" || key == "status" || key == "__proto__") continue;
    if (bytes <= kMaxPropertyBytes && client->properties.size() < kMaxProperties) client->properties.emplace_back(key, value);
  }
  client->secret = base::random_token(32);
  client->resume_token = base::random_token(32);
  accounts_.add_dynamic({.name = client->number, .display_name = client->display_name,
                         .hashes = sip::StoredHashes::make(client->number, realm_, client->secret)});
  auto& ref = *clients_.emplace(client->number, std::move(client)).first->second;
  give_grace(ref, kToRegister);
  return &ref;
}

void Webphone::give_grace(WebphoneClient& client, std::chrono::seconds grace) {
  timeline_.cancel(client.timer);
  client.timer = timeline_.after(grace, [this, number = client.number](base::TimePoint) { remove(number); });
}

void Webphone::set_online(WebphoneClient& client, bool online) {
  client.last_seen = timeline_.now();
  if (std::exchange(client.online, online) == online) return;
  if (listener_) listener_->on_roster_changed(client.line, client);
}

void Webphone::on_registered(std::string_view number) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  timeline_.cancel(found->second->timer);
  set_online(*found->second, true);
}

void Webphone::on_unregistered(std::string_view number, bool orderly) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  if (orderly) return remove(std::string(number));
  const auto* line = find_line(found->second->line);
  give_grace(*found->second, line ? line->grace : std::chrono::seconds(10));   // still listed: it may be back in a moment
}

void Webphone::remove(std::string number) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  const auto client = std::move(found->second);
  clients_.erase(found);
  timeline_.cancel(client->timer);
  accounts_.remove_dynamic(number);
  set_online(*client, false);
  if (listener_) listener_->on_client_gone(*client);
}

std::string Webphone::full_roster(std::string_view line, std::string_view viewer) const {
  Json json{{"version", version_}, {"full", true}};
  auto& list = json["clients"] = Json::array();
  for (const auto& [number, client] : clients_) {
    if (client->online && client->line == line && number != viewer) list.push_back(describe(*client));
  }
  return dump(json);
}

std::string Webphone::roster_change(const WebphoneClient& client) {
  Json json{{"version", ++version_}, {"full", false}};
  json["clients"] = Json::array({describe(client)});
  return dump(json);
}

}  // namespace pbx
