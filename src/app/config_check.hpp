// What must hold between rules, groups, queues, trunks, accounts and sounds of a configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_node.hpp"

namespace app {

// Where they stand in the file.
struct PbxPlaces {
  std::vector<ConfigPlace> rules, groups, queues, trunks, accounts;
  ConfigPlace top;
  Position time_zone, music, directory;
};

using Complain = std::function<void(Position where, std::string what)>;

// Names of accounts in groups and rules may be the store's: they are not held against the file.
void check_dial_plan(const Config& config, const PbxPlaces& places, const Complain& complain);
// Whom supervisors, groups, queues and rules name without an account of that name in the file.
std::vector<AccountMention> account_mentions(const Config& config, const PbxPlaces& places, const std::string& file);
// That the sound files are there; paths are resolved.
void check_sounds(const Config& config, const PbxPlaces& places, const Complain& complain);

}  // namespace app
