// Every key of the configuration: its place, type, default, meaning, and how it is read.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "app/config_node.hpp"

namespace app {

// What is wrong with a value, without its place; "" when nothing is. Then it is in `T`.
template <typename T>
struct ConfigKey {
  std::string_view name;
  std::string_view type;        // for people
  std::string_view fallback;    // the default, as TOML
  std::string_view meaning;
  std::function<std::string(const ConfigNode& node, T& to)> read;
};

// The tables of the file. `Config` ones are [tables] with the name; the others stand in a list or under a name.
struct ConfigSection {
  std::string_view name;        // "" : at the top of the file
  std::string_view about;
  std::vector<ConfigKey<Config>> keys;
};
const std::vector<ConfigSection>& config_sections();
const std::vector<ConfigKey<HttpListener>>& http_keys();   // [[http]]
const std::vector<ConfigKey<SipListener>>& sip_keys();     // [[sip]]
const std::vector<ConfigKey<WebphoneLineSettings>>& webphone_line_keys();   // [[webphone_line]]
const std::vector<ConfigKey<pbx::DialRuleConfig>>& rule_keys();             // [[rule]]
const std::vector<ConfigKey<pbx::GroupConfig>>& group_keys();               // [[group]]
const std::vector<ConfigKey<pbx::QueueConfig>>& queue_keys();               // [[queue]]
const std::vector<ConfigKey<TrunkSettings>>& trunk_keys();                  // [[trunk]]
const std::vector<ConfigKey<AccountSettings>>& account_keys();              // [[account]]
const std::vector<ConfigKey<RoomSettings>>& room_keys();   // [rooms] and [room."NAME"]

// The reference part of docs/configuration.md, and the tables alone for the README.
std::string config_reference();

}  // namespace app
