#include "app/dial_plan_command.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>

#include "app/webphone_tokens.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "conference/rooms.hpp"
#include "store/sqlite_store.hpp"

namespace app {
namespace {

using Kind = pbx::DialCaller::Kind;
using To = pbx::Destination::Kind;

template <typename T>
const T* named(const std::vector<T>& all, std::string_view name) {
  const auto found = std::ranges::find_if(all, [&](const T& one) { return base::equals_ignoring_case(one.name, name); });
  return found == all.end() ? nullptr : &*found;
}

// The file's accounts, and the store's where there is one: asking makes none.
class AccountNames {
 public:
  static base::Result<AccountNames> open(const Config& config) {
    AccountNames names;
    for (const auto& a : config.accounts) names.all_.push_back(a.name);
    std::error_code ignored;
    if (!std::filesystem::exists(config.data_directory, ignored)) return names;
    const auto store = store::open_sqlite(config.data_directory);
    if (!store) return std::unexpected(store.error());
    const auto records = (*store)->accounts();
    if (!records) return std::unexpected(records.error());
    for (const auto& r : *records) names.all_.push_back(r.name);
    return names;
  }
  bool has(std::string_view name) const { return std::ranges::find(all_, name) != all_.end(); }

 private:
  std::vector<std::string> all_;
};

base::Result<pbx::DialCaller> read_caller(const Config& config, const AccountNames& accounts, const DialPlanRequest& request) {
  const std::string_view from = request.from;
  const auto none = [](std::string_view what, std::string_view name) { return base::malformed(fmt::format("parley: there is no {} \"{}\"", what, base::for_log(name))); };
  if (from.starts_with("line:")) {
    const auto lines = webphone_lines(config);
    const auto* line = named(lines, from.substr(5));
    if (line == nullptr) return none("webphone line", from.substr(5));
    return pbx::DialCaller{.kind = Kind::kClient, .name = {}, .line = line->name, .may_external = request.external};
  }
  if (from.starts_with("trunk:")) {
    const auto* trunk = named(config.trunks, from.substr(6));
    if (trunk == nullptr) return none("trunk", from.substr(6));
    return pbx::DialCaller{.kind = Kind::kTrunk, .name = trunk->name, .line = {}};
  }
  const auto name = from.starts_with("account:") ? from.substr(8) : from;
  if (accounts.has(name)) return pbx::DialCaller{.kind = Kind::kAccount, .name = std::string(name), .line = {}};
  if (from == "guest") {
    if (!config.guests) return base::malformed("parley: this configuration lets no guests in (guests = false)");
    return pbx::DialCaller{};
  }
  if (from == "api") return pbx::DialCaller{.kind = Kind::kApi, .name = {}, .line = {}};
  auto error = none("account", name);
  error.error().detail += " (a caller can also be guest, line:NAME, trunk:NAME or api)";
  return error;
}

// "2026-01-02 03:04"; a "T" may stand for the space.
std::optional<std::chrono::local_seconds> read_time(std::string_view text) {
  if (text.size() != 16 || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':') return std::nullopt;
  const auto year = base::parse_decimal(text.substr(0, 4)), month = base::parse_decimal(text.substr(5, 2)), day = base::parse_decimal(text.substr(8, 2));
  const auto hour = base::parse_decimal(text.substr(11, 2)), minute = base::parse_decimal(text.substr(14, 2));
  if (!year || !month || !day || !hour || !minute || *year < 1970 || *year > 2200 || *hour > 23 || *minute > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::local_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute);
}

struct Outcome {
  bool leads_somewhere = false;
  std::string text;                        // follows "the call goes to " or, where it goes nowhere, "the call is refused: "
};

Outcome refused(int status, std::string_view why) { return {false, fmt::format("{} ({})", status, why)}; }

// Does its line let a client do that? Everybody else may.
bool line_lets(const Config& config, const pbx::DialCaller& caller, bool WebphoneLineSettings::* what) {
  if (caller.kind != Kind::kClient) return true;
  const auto lines = webphone_lines(config);
  const auto* line = named(lines, caller.line);
  return line != nullptr && line->*what;
}

Outcome to_account(const AccountNames& accounts, const std::string& name) {
  if (!accounts.has(name)) return refused(404, fmt::format("there is no account {}; a webphone may have that number", base::for_log(name)));
  return {true, fmt::format("account {}", name)};
}

Outcome to_room(const Config& config, const pbx::DialCaller& caller, const pbx::Destination& where) {
  const auto name = conference::Rooms::clean_name(where.name);
  if (name.empty()) return refused(404, "that is no name for a room");
  const auto there = config.names_room(conference::Rooms::key_of(name));
  if (caller.kind == Kind::kClient) {
    if (!line_lets(config, caller, &WebphoneLineSettings::call_rooms)) return refused(403, "its line may not enter rooms");
    if (!there) return refused(404, fmt::format("a webphone makes no room; it enters {} while somebody is in it", base::for_log(name)));
  }
  const bool may_make = !where.rule.empty() || caller.kind == Kind::kAccount || (caller.kind == Kind::kGuest && config.guests_create_rooms);
  if (!there && !may_make) return refused(404, fmt::format("it may make no room; it enters {} while somebody is in it", base::for_log(name)));
  return {true, fmt::format("room {}", base::for_log(name))};
}

Outcome to_group(const Config& config, const std::string& name) {
  const auto* group = named(config.groups, name);
  if (group == nullptr) return refused(404, fmt::format("there is no group {}", base::for_log(name)));
  const bool all = group->strategy == pbx::GroupConfig::Strategy::kAll;
  return {true, fmt::format("group {}: {}, {}", group->name, base::for_log(fmt::format("{}", fmt::join(group->members, ", "))), all ? "all at once" : "in that order")};
}

Outcome to_trunk(const Config& config, const pbx::Destination& where) {
  const auto* trunk = named(config.trunks, where.name);
  if (trunk == nullptr) return refused(404, fmt::format("there is no trunk {}", base::for_log(where.name)));
  auto text = fmt::format("trunk {} ({}), number {}", trunk->name, trunk->server, base::for_log(where.number));
  if (!where.caller_number.empty()) text += fmt::format(", caller number {}", base::for_log(where.caller_number));
  return {true, text};
}

// As the PBX does without a rule: who or what is called so.
To default_kind(const Config& config, const AccountNames& accounts, const std::string& name) {
  if (accounts.has(name)) return To::kAccount;
  if (named(config.groups, name)) return To::kGroup;
  return named(config.queues, name) ? To::kQueue : To::kRoom;
}

Outcome outcome_of(const Config& config, const AccountNames& accounts, const pbx::DialCaller& caller, const pbx::Destination& where) {
  const auto kind = where.kind == To::kDefault ? default_kind(config, accounts, where.name) : where.kind;
  const bool to_people = kind == To::kAccount || kind == To::kGroup || kind == To::kQueue;
  if (to_people && !line_lets(config, caller, &WebphoneLineSettings::call_accounts)) return refused(403, "its line may not call accounts");
  switch (kind) {
    case To::kAccount: return to_account(accounts, where.name);
    case To::kGroup: return to_group(config, where.name);
    case To::kQueue: {
      const auto* queue = named(config.queues, where.name);
      return queue ? Outcome{true, "queue " + queue->name} : refused(404, fmt::format("there is no queue {}", base::for_log(where.name)));
    }
    case To::kTrunk: return to_trunk(config, where);
    case To::kEcho: return {true, "the echo test"};
    case To::kTone: return {true, fmt::format("a tone of {} Hz", where.tone)};
    case To::kPlay: return {true, fmt::format("an announcement, {}", where.name)};
    case To::kRefuse: return refused(where.status, where.reason.empty() ? (where.rule.empty() ? "that is no number" : "as the rule says") : base::for_log(where.reason));
    case To::kRoom:
    case To::kDefault: break;
  }
  return to_room(config, caller, where);
}

}  // namespace

base::Result<bool> run_dial_plan_test(const Config& config, const DialPlanRequest& request, std::ostream& out) {
  auto plan = pbx::DialPlan::make(config.dial_plan);
  if (!plan) return std::unexpected(plan.error());
  const auto accounts = AccountNames::open(config);
  if (!accounts) return std::unexpected(accounts.error());
  const auto caller = read_caller(config, *accounts, request);
  if (!caller) return std::unexpected(caller.error());
  base::WallTime when = std::chrono::system_clock::now();
  if (!request.at.empty()) {
    const auto local = read_time(request.at);
    if (!local) return base::malformed(fmt::format("parley: --at must be a time, as \"2026-01-02 03:04\", not \"{}\"", base::for_log(request.at)));
    when = plan->time_zone().moment(*local);
  }
  for (const auto& line : plan->explain(*caller, request.to, when)) out << line << "\n";
  const auto where = plan->find(*caller, request.to, when);
  const auto outcome = outcome_of(config, *accounts, *caller, where);
  const auto how = !where.rule.empty() ? fmt::format("By \"{}\"", base::for_log(where.rule)) : config.dial_plan.rules.empty() ? std::string("Without a rule") : std::string("No rule takes it:");
  out << fmt::format("{} the call {} {}.\n", how, outcome.leads_somewhere ? "goes to" : "is refused:", outcome.text);
  return outcome.leads_somewhere;
}

}  // namespace app
