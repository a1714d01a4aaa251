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
void check_names(const std::vector<T>& all, const std::vector<ConfigPlace>& places, std::string_view called, bool case_counts, const Complain& complain) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& name = all[i].name;
    if (name.empty()) {
      complain(places[i].where, fmt::format("{} {} needs a name", called == "account" ? "an" : "a", called));
    } else if (!names.insert(case_counts ? name : base::to_lower(name)).second) {
      complain(places[i].where, fmt::format("{} \"{}\" is there twice{}", called, name, case_counts ? "" : ": names are compared without case"));
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
    taken(config.groups[i].name, places.groups[i].where, "group", false);
    if (config.groups[i].members.empty()) complain(places.groups[i].where, "a group needs members");
  }
  for (std::size_t i = 0; i < config.queues.size(); ++i) taken(config.queues[i].name, places.queues[i].where, "queue", true);
}

// One connection serves all trunks of a server, so that what one of them would not check counts for all.
bool distrust_differs(const TrunkSettings& a, const TrunkSettings& b) {
  const auto hop = [](const TrunkSettings& t) { return base::to_lower(t.outbound_proxy.empty() ? t.server : t.outbound_proxy); };
  return a.transport == "tls" && b.transport == "tls" && hop(a) == hop(b) && (a.verify_certificate != b.verify_certificate || a.ca_file != b.ca_file);
}

void check_trunks(const Config& config, const PbxPlaces& places, const Complain& complain) {
  for (std::size_t i = 0; i < config.trunks.size(); ++i) {
    const auto& trunk = config.trunks[i];
    if (trunk.server.empty()) complain(places.trunks[i].where, "a trunk needs a server");
    if (trunk.srtp == TrunkSettings::Srtp::kOffer && trunk.transport != "tls") complain(places.trunks[i].where, "srtp = \"offer\" needs transport = \"tls\": its keys stand in the signalling");
    if (trunk.username.empty() && (trunk.registers || !trunk.password.empty())) complain(places.trunks[i].where, "a trunk that registers or has a password needs a username");
    for (std::size_t k = 0; k < i; ++k) {
      if (!distrust_differs(config.trunks[k], trunk)) continue;
      complain(places.trunks[i].where, fmt::format("trunk \"{}\" has the same server: verify_certificate and ca_file must be the same, too", config.trunks[k].name));
      break;
    }
  }
}

// What a rule names that only the file can have.
void check_rule(const Config& config, const pbx::DialRuleConfig& rule, const pbx::Destination& to, const ConfigPlace& place, const Complain& complain) {
  const auto unknown = [&](Position where, std::string_view kind, std::string_view name) { complain(where, fmt::format("there is no {} \"{}\"", kind, name)); };
  const auto target = place.of("to");
  if (to.kind == To::kTrunk && !to.name.empty() && !has_name(config.trunks, to.name)) unknown(target, "trunk", to.name);
  if (to.kind == To::kGroup && !to.name.empty() && !has_name(config.groups, to.name)) unknown(target, "group", to.name);
  if (to.kind == To::kQueue && !to.name.empty() && !has_name(config.queues, to.name)) unknown(target, "queue", to.name);
  if (to.kind == To::kPlay && !to.name.starts_with('/') && config.sounds.directory.empty()) {
    complain(target, fmt::format("play:{} is a relative name, which needs a directory in [sounds]", to.name));
  }
  const auto lines = webphone_lines(config);
  for (std::size_t i = 0; i < rule.from.size(); ++i) {
    const std::string_view from = rule.from[i];
    if (from.starts_with("trunk:") && !has_name(config.trunks, from.substr(6))) unknown(place.of("from", i), "trunk", from.substr(6));
    if (from.starts_with("line:") && !has_name(lines, from.substr(5))) unknown(place.of("from", i), "webphone line", from.substr(5));
  }
}

// The rules that can be, and where each stands among all.
struct GoodRules {
  pbx::DialPlan plan;
  std::vector<std::size_t> places;
};
GoodRules good_rules(const pbx::DialPlanConfig& all, const std::vector<pbx::DialPlan::Fault>& faults) {
  GoodRules good;
  pbx::DialPlanConfig config;
  for (std::size_t i = 0; i < all.rules.size(); ++i) {
    if (std::ranges::find(faults, i, &pbx::DialPlan::Fault::rule) != faults.end()) continue;
    config.rules.push_back(all.rules[i]);
    good.places.push_back(i);
  }
  if (auto plan = pbx::DialPlan::make(config)) good.plan = std::move(*plan);
  else good.places.clear();
  return good;
}
GoodRules good_rules(const pbx::DialPlanConfig& all) {
  std::vector<pbx::DialPlan::Fault> faults;
  static_cast<void>(pbx::DialPlan::make(all, nullptr, &faults));
  return good_rules(all, faults);
}

// Numbers that clients of a line may get by their range.
bool is_client_number(const Config& config, std::string_view name) {
  const auto number = base::parse_decimal(name);
  return number && std::ranges::any_of(config.webphone_lines, [&](const auto& line) { return line.number_max > 0 && *number >= line.number_min && *number <= line.number_max; });
}

}  // namespace

void check_dial_plan(const Config& config, const PbxPlaces& places, const Complain& complain) {
  check_names(config.accounts, places.accounts, "account", true, complain);
  check_names(config.groups, places.groups, "group", false, complain);
  check_names(config.queues, places.queues, "queue", false, complain);
  check_names(config.trunks, places.trunks, "trunk", false, complain);
  for (std::size_t i = 0; i < config.accounts.size(); ++i) {
    if (config.accounts[i].password.empty()) complain(places.accounts[i].where, "an account needs a password");
  }
  check_groups_and_queues(config, places, complain);
  check_trunks(config, places, complain);
  std::vector<pbx::DialPlan::Fault> faults;
  static_cast<void>(pbx::DialPlan::make(config.dial_plan, nullptr, &faults));
  for (const auto& fault : faults) complain(fault.rule < places.rules.size() ? places.rules[fault.rule].of(fault.key) : places.time_zone, fault.detail);
  const auto good = good_rules(config.dial_plan, faults);
  for (std::size_t i = 0; i < good.places.size(); ++i) {
    const auto rule = good.places[i];
    check_rule(config, config.dial_plan.rules[rule], good.plan.target(i), places.rules[rule], complain);
  }
}

std::vector<AccountMention> account_mentions(const Config& config, const PbxPlaces& places, const std::string& file) {
  std::vector<AccountMention> all;
  const auto mention = [&](std::string_view name, Position where, const std::string& by, bool clients) {
    if (std::ranges::any_of(config.accounts, [&](const auto& a) { return a.name == name; }) || (clients && is_client_number(config, name))) return;
    const auto what = fmt::format("{}: no account{} called \"{}\" is known", by, clients ? " and no number of a webphone line" : "", name);
    all.push_back({std::string(name), error_line(file, where, what)});
  };
  for (std::size_t i = 0; i < config.supervisors.size(); ++i) mention(config.supervisors[i], places.top.of("supervisors", i), "supervisors", false);
  for (std::size_t i = 0; i < config.groups.size(); ++i) {
    const auto& group = config.groups[i];
    for (std::size_t k = 0; k < group.members.size(); ++k) mention(group.members[k], places.groups[i].of("members", k), fmt::format("group \"{}\"", group.name), true);
  }
  for (std::size_t i = 0; i < config.queues.size(); ++i) {
    const auto& queue = config.queues[i];
    for (std::size_t k = 0; k < queue.agents.size(); ++k) mention(queue.agents[k], places.queues[i].of("agents", k), fmt::format("queue \"{}\"", queue.name), false);
  }
  const auto good = good_rules(config.dial_plan);
  for (std::size_t i = 0; i < good.places.size(); ++i) {
    const auto index = good.places[i];
    const auto& rule = config.dial_plan.rules[index];
    const auto by = rule.name.empty() ? fmt::format("rule {}", index + 1) : fmt::format("rule \"{}\"", rule.name);
    const auto to = good.plan.target(i);
    if (to.kind == To::kAccount && !to.name.empty()) mention(to.name, places.rules[index].of("to"), by, true);
    for (std::size_t k = 0; k < rule.from.size(); ++k) {
      if (rule.from[k].starts_with("account:")) mention(std::string_view(rule.from[k]).substr(8), places.rules[index].of("from", k), by, false);
    }
  }
  return all;
}

void check_sounds(const Config& config, const PbxPlaces& places, const Complain& complain) {
  std::error_code ignored;
  const auto file = [&](const std::string& path, Position place) {
    if (!path.empty() && !std::filesystem::is_regular_file(path, ignored)) complain(place, fmt::format("there is no sound file {}", path));
  };
  const auto& sounds = config.sounds;
  file(sounds.music, places.music);
  if (!sounds.directory.empty() && !std::filesystem::is_directory(sounds.directory, ignored)) complain(places.directory, fmt::format("there is no folder {}", sounds.directory));
  for (std::size_t i = 0; i < config.queues.size(); ++i) file(config.queues[i].music, places.queues[i].of("music"));
  const auto good = good_rules(config.dial_plan);
  for (std::size_t i = 0; i < good.places.size(); ++i) {
    const auto to = good.plan.target(i);
    if (to.kind == To::kPlay) file((std::filesystem::path(sounds.directory) / to.name).string(), places.rules[good.places[i]].of("to"));
  }
}

}  // namespace app
