#include "app/config_check.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "app/webphone_tokens.hpp"
#include "base/text.hpp"
#include "conference/rooms.hpp"

namespace app {
namespace {

using To = pbx::Destination::Kind;

template <typename T>
bool has_name(const std::vector<T>& all, std::string_view name) {
  return std::ranges::any_of(all, [&](const T& one) { return base::equals_ignoring_case(one.name, name); });
}

// Each has a name, and none that another of its kind has.
template <typename T>
void check_names(const std::vector<T>& all, const std::vector<Position>& places, std::string_view called, bool case_counts, const Complain& complain) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& name = all[i].name;
    if (name.empty()) {
      complain(places[i], fmt::format("{} {} needs a name", called == "account" ? "an" : "a", called));
    } else if (!names.insert(case_counts ? name : base::to_lower(name)).second) {
      complain(places[i], fmt::format("{} \"{}\" is there twice{}", called, name, case_counts ? "" : ": names are compared without case"));
    }
  }
}

void check_groups_and_queues(const Config& config, const PbxPlaces& places, const Complain& complain) {
  const auto taken = [&](const std::string& name, Position place, std::string_view called, bool is_queue) {
    if (is_queue && has_name(config.groups, name)) complain(place, fmt::format("{} \"{}\" is a group, too", called, name));
    if (std::ranges::any_of(config.accounts, [&](const auto& a) { return a.name == name; })) complain(place, fmt::format("{} \"{}\" is an account, too", called, name));
    if (config.room.contains(conference::Rooms::key_of(name))) complain(place, fmt::format("{} \"{}\" is a room, too", called, name));
  };
  for (std::size_t i = 0; i < config.groups.size(); ++i) {
    taken(config.groups[i].name, places.groups[i], "group", false);
    if (config.groups[i].members.empty()) complain(places.groups[i], "a group needs members");
  }
  for (std::size_t i = 0; i < config.queues.size(); ++i) taken(config.queues[i].name, places.queues[i], "queue", true);
}

// One connection serves all trunks of a server, so that what one of them would not check counts for all.
bool distrust_differs(const TrunkSettings& a, const TrunkSettings& b) {
  const auto hop = [](const TrunkSettings& t) { return base::to_lower(t.outbound_proxy.empty() ? t.server : t.outbound_proxy); };
  return a.transport == "tls" && b.transport == "tls" && hop(a) == hop(b) && (a.verify_certificate != b.verify_certificate || a.ca_file != b.ca_file);
}

void check_trunks(const Config& config, const PbxPlaces& places, const Complain& complain) {
  for (std::size_t i = 0; i < config.trunks.size(); ++i) {
    const auto& trunk = config.trunks[i];
    if (trunk.server.empty()) complain(places.trunks[i], "a trunk needs a server");
    if (trunk.srtp == TrunkSettings::Srtp::kOffer && trunk.transport != "tls") complain(places.trunks[i], "srtp = \"offer\" needs transport = \"tls\": its keys stand in the signalling");
    if (trunk.username.empty() && (trunk.registers || !trunk.password.empty())) complain(places.trunks[i], "a trunk that registers or has a password needs a username");
    for (std::size_t k = 0; k < i; ++k) {
      if (!distrust_differs(config.trunks[k], trunk)) continue;
      complain(places.trunks[i], fmt::format("trunk \"{}\" has the same server: verify_certificate and ca_file must be the same, too", config.trunks[k].name));
      break;
    }
  }
}

// What a rule names that only the file can have.
void check_rule(const Config& config, const pbx::DialRuleConfig& rule, const pbx::Destination& to, Position place, const Complain& complain) {
  const auto unknown = [&](std::string_view kind, std::string_view name) { complain(place, fmt::format("there is no {} \"{}\"", kind, name)); };
  if (to.kind == To::kTrunk && !to.name.empty() && !has_name(config.trunks, to.name)) unknown("trunk", to.name);
  if (to.kind == To::kGroup && !to.name.empty() && !has_name(config.groups, to.name)) unknown("group", to.name);
  if (to.kind == To::kQueue && !to.name.empty() && !has_name(config.queues, to.name)) unknown("queue", to.name);
  if (to.kind == To::kPlay && !to.name.starts_with('/') && config.sounds.directory.empty()) {
    complain(place, fmt::format("play:{} is a relative name, which needs a directory in [sounds]", to.name));
  }
  const auto lines = webphone_lines(config);
  for (const std::string_view from : rule.from) {
    if (from.starts_with("trunk:") && !has_name(config.trunks, from.substr(6))) unknown("trunk", from.substr(6));
    if (from.starts_with("line:") && !has_name(lines, from.substr(5))) unknown("webphone line", from.substr(5));
  }
}

}  // namespace

void check_dial_plan(const Config& config, const PbxPlaces& places, const Complain& complain) {
  check_names(config.accounts, places.accounts, "account", true, complain);
  check_names(config.groups, places.groups, "group", false, complain);
  check_names(config.queues, places.queues, "queue", false, complain);
  check_names(config.trunks, places.trunks, "trunk", false, complain);
  for (std::size_t i = 0; i < config.accounts.size(); ++i) {
    if (config.accounts[i].password.empty()) complain(places.accounts[i], "an account needs a password");
  }
  check_groups_and_queues(config, places, complain);
  check_trunks(config, places, complain);
  std::size_t at = 0;
  const auto plan = pbx::DialPlan::make(config.dial_plan, &at);
  if (!plan) return complain(at < places.rules.size() ? places.rules[at] : places.time_zone, plan.error().detail);
  for (std::size_t i = 0; i < config.dial_plan.rules.size(); ++i) check_rule(config, config.dial_plan.rules[i], plan->target(i), places.rules[i], complain);
}

void check_sounds(const Config& config, const PbxPlaces& places, const Complain& complain) {
  std::error_code ignored;
  const auto file = [&](const std::string& path, Position place) {
    if (!path.empty() && !std::filesystem::is_regular_file(path, ignored)) complain(place, fmt::format("there is no sound file {}", path));
  };
  const auto& sounds = config.sounds;
  file(sounds.music, places.music);
  if (!sounds.directory.empty() && !std::filesystem::is_directory(sounds.directory, ignored)) complain(places.directory, fmt::format("there is no folder {}", sounds.directory));
  for (std::size_t i = 0; i < config.queues.size(); ++i) file(config.queues[i].music, places.queues[i]);
  const auto plan = pbx::DialPlan::make(config.dial_plan);
  for (std::size_t i = 0; plan && i < config.dial_plan.rules.size(); ++i) {
    const auto to = plan->target(i);
    if (to.kind == To::kPlay) file((std::filesystem::path(sounds.directory) / to.name).string(), places.rules[i]);
  }
}

}  // namespace app
