// Webphone lines for tests: a world with lines of each kind of access, and the roster as a subscriber knows it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/subscriber.hpp"

namespace test_support {

inline const std::string kRoster = "parley-roster";
inline const std::string kAcceptRoster = "Accept: application/vnd.parley.roster+json\r\n";
inline const std::string kTokenSecret(40, 'k');

inline pbx::PbxConfig webphone_config() {
  using Access = pbx::LineConfig::Access;
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"},
             {.name = "Sales", .access = Access::kPassword, .password = "opensesame", .origins = {"https://shop.example"}},
             {.name = "Team", .access = Access::kToken, .origins = {"*"}, .default_target = "alice", .number_min = 2000, .number_max = 2001},
             {.name = "Small", .call_clients = false, .call_accounts = false, .call_rooms = false, .number_length = 8, .max_clients = 1}};
  c.tokens = *pbx::TokenKeys::make(kTokenSecret, {});
  c.rooms.configured = [](std::string_view key) { return key == "lounge"; };
  c.requests_per_second = 0;
  return c;
}

struct WebphoneLines : testing::Test {
  PbxWorld world{webphone_config()};
  pbx::Webphone& webphones = world.pbx.webphone();

  std::string token(pbx::TokenClaims claims = {}) {
    if (claims.line.empty()) claims.line = "Team";
    if (claims.expires == base::WallTime{}) claims.expires = world.timeline.wall() + 60s;
    return *pbx::TokenKeys::make(kTokenSecret, {})->sign(claims, world.timeline.wall());
  }
  base::ErrorCode refused(const pbx::Webphone::ConnectRequest& request) {
    const auto client = webphones.connect(request);
    EXPECT_FALSE(client);
    return client ? base::ErrorCode::kInternal : client.error().code;
  }
  const pbx::WebphoneClient& of(const Client& page) { return *webphones.find(page.account); }
  // The roster as its subscriber knows it.
  std::map<std::string, std::string> known(const ClientCall& call) {
    std::map<std::string, std::string> result;
    for (const auto& body : notified(call)) {
      if (body.empty()) continue;
      const auto json = nlohmann::json::parse(body);
      if (json["full"]) result.clear();
      for (const auto& c : json["clients"]) {
        if (c["status"] == "ONLINE") result[c["phoneNumber"]] = c["displayName"];
        else result.erase(c["phoneNumber"]);
      }
    }
    return result;
  }
  std::vector<nlohmann::json> bodies(const ClientCall& call) {
    std::vector<nlohmann::json> result;
    for (const auto& body : notified(call)) result.push_back(nlohmann::json::parse(body));
    return result;
  }
};

}  // namespace test_support
