// What is dialled, by anybody: the plan says where it leads, at once, and never further than the caller may (survival item 24).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pbx/dial_plan.hpp"

namespace {

using Kind = pbx::Destination::Kind;
using Caller = pbx::DialCaller;

void require(bool holds) {
  if (!holds) std::abort();
}

const pbx::DialPlan& plan() {
  static const auto made = [] {
    pbx::DialPlanConfig config;
    config.rules = {{.name = "premium", .pattern = R"((\+|00)?(900|1900).*)", .from = {}, .times = {}, .to = "refuse:403 Not Allowed", .number = {}, .caller_number = {}},
                    {.name = "office", .pattern = "office", .from = {}, .times = {"mon-fri 08:00-18:00"}, .to = "group:sales", .number = {}, .caller_number = {}},
                    {.name = "rooms", .pattern = "8(?P<room>[0-9]{3})", .from = {}, .times = {}, .to = "room:{room}", .number = {}, .caller_number = {}},
                    {.name = "music", .pattern = "~.*", .from = {}, .times = {}, .to = "play:welcome.wav", .number = {}, .caller_number = {}},
                    {.name = "out", .pattern = R"(0?(?P<rest>(\+|00)?[0-9()\-]{3,}))", .from = {}, .times = {}, .to = "trunk:provider", .number = "{rest}", .caller_number = "+493012"},
                    {.name = "emergency", .pattern = "11[02]", .from = {"guests", "accounts", "clients", "trunks"}, .times = {}, .to = "trunk:provider", .number = {}, .caller_number = {}}};
    config.time_zone = "UTC";
    auto plan = pbx::DialPlan::make(config);
    require(plan.has_value());
    return std::move(*plan);
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view number(reinterpret_cast<const char*>(data) + 1, size - 1);
  const base::WallTime when{std::chrono::hours(data[0])};
  for (const auto kind : {Caller::Kind::kGuest, Caller::Kind::kAccount, Caller::Kind::kClient, Caller::Kind::kTrunk, Caller::Kind::kApi}) {
    const Caller who{.kind = kind, .name = "somebody", .line = "Webphone1", .may_external = false};
    const auto where = plan().find(who, number, when);
    const bool trusted = kind == Caller::Kind::kAccount || kind == Caller::Kind::kApi;
    if (where.kind == Kind::kTrunk) {
      require(trusted || where.rule == "emergency");
      require(kind != Caller::Kind::kClient);
      require(where.number.size() <= pbx::DialPlan::kMaxNumber);
    }
    if (where.kind == Kind::kPlay) require(where.name == "welcome.wav");
    if (where.kind == Kind::kRefuse) require(where.status >= 400 && where.status <= 699);
    if (number.size() > pbx::DialPlan::kMaxNumber) require(where.kind == Kind::kRefuse);
    for (const auto& line : plan().explain(who, number, when)) require(line.find('\n') == std::string::npos);
  }
  return 0;
}
