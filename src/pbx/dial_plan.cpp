#include "pbx/dial_plan.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/log.hpp"
#include "base/text.hpp"
#include "pbx/dial_times.hpp"

namespace pbx {
namespace {

using Kind = DialCaller::Kind;
using To = Destination::Kind;

constexpr std::size_t kMaxText = 1000;         // of a pattern or a template
constexpr int kMaxCaptures = 20;
constexpr std::int64_t kPatternMemory = 1 << 20;
constexpr int kToneMin = 50, kToneMax = 4000;

using Captures = std::array<re2::StringPiece, kMaxCaptures + 1>;   // [0]: the whole number

// A text with captures in it. What they hold is put in once and never read again.
class Template {
 public:
  // What is wrong with `text`; "" when nothing is.
  std::string parse(std::string_view text, const re2::RE2& pattern) {
    while (!text.empty()) {
      const auto brace = text.find_first_of("{}");
      if (brace != 0) pieces_.push_back({std::string(text.substr(0, brace)), -1});
      if (brace == text.npos) break;
      const auto end = text.find('}', brace);
      if (text[brace] == '}' || end == text.npos) return "has a brace without the other";
      const std::string name(text.substr(brace + 1, end - brace - 1));
      const auto& groups = pattern.NamedCapturingGroups();
      const auto found = groups.find(name);
      if (found == groups.end() && name != "number") return fmt::format("has {{{}}}, which the pattern does not capture", name);
      pieces_.push_back({{}, found == groups.end() ? 0 : found->second});
      text.remove_prefix(end + 1);
    }
    return {};
  }
  std::string fill(const Captures& captures) const {
    std::string out;
    for (const auto& piece : pieces_) {
      if (piece.capture < 0) out += piece.text;
      else if (const auto& value = captures[static_cast<std::size_t>(piece.capture)]; value.data() != nullptr) out.append(value.data(), value.size());
    }
    return out;
  }
  bool fixed() const { return std::ranges::all_of(pieces_, [](const Piece& p) { return p.capture < 0; }); }
  bool empty() const { return pieces_.empty(); }

 private:
  struct Piece {
    std::string text;
    int capture;                               // -1: `text` itself
  };
  std::vector<Piece> pieces_;
};

// One word of a rule's `from`.
struct Selector {
  Kind kind = Kind::kGuest;
  enum class By { kKind, kName, kLine } by = By::kKind;
  std::string name;

  static std::optional<Selector> parse(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Kind>, 5> kKinds{
        {{"guests", Kind::kGuest}, {"accounts", Kind::kAccount}, {"clients", Kind::kClient}, {"trunks", Kind::kTrunk}, {"api", Kind::kApi}}};
    for (const auto& [word, kind] : kKinds) {
      if (word == text) return Selector{.kind = kind, .by = By::kKind, .name = {}};
    }
    const auto colon = text.find(':');
    if (colon == text.npos || colon + 1 == text.size()) return std::nullopt;
    const auto word = text.substr(0, colon);
    const std::string name(text.substr(colon + 1));
    if (word == "account") return Selector{.kind = Kind::kAccount, .by = By::kName, .name = name};
    if (word == "trunk") return Selector{.kind = Kind::kTrunk, .by = By::kName, .name = name};
    if (word == "line") return Selector{.kind = Kind::kClient, .by = By::kLine, .name = name};
    return std::nullopt;
  }
  bool matches(const DialCaller& caller) const {
    if (caller.kind != kind) return false;
    switch (by) {
      case By::kKind: return true;
      case By::kLine: return base::equals_ignoring_case(caller.line, name);
      case By::kName: return kind == Kind::kAccount ? caller.name == name : base::equals_ignoring_case(caller.name, name);
    }
    return false;
  }
};

std::string called(const DialCaller& caller) {
  switch (caller.kind) {
    case Kind::kGuest: return "a guest";
    case Kind::kAccount: return fmt::format("account {}", base::for_log(caller.name));
    case Kind::kClient: return fmt::format("a client of line {}", base::for_log(caller.line));
    case Kind::kTrunk: return fmt::format("trunk {}", base::for_log(caller.name));
    case Kind::kApi: return "the API";
  }
  return {};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

Destination refused() {
  Destination d;
  d.kind = To::kRefuse;
  return d;
}

}  // namespace

// When a call is: what the clock on the wall shows is worked out for the first rule that asks.
struct DialPlan::Moment {
  const TimeZone& zone;
  base::WallTime when;
  std::optional<std::chrono::local_seconds> known = std::nullopt;
  std::chrono::local_seconds local() {
    if (!known) known = zone.local(when);
    return *known;
  }
};

struct DialPlan::Rule {
  DialRuleConfig config;
  std::string label;
  std::unique_ptr<re2::RE2> pattern;
  std::vector<Selector> from;
  std::vector<DialTimes> times;
  Destination to;                      // what does not depend on the number
  Template name, number, caller_number;

  // What is wrong; "" when nothing is.
  std::string read(std::size_t index);
  std::string read_pattern();
  std::string read_target();
  std::string read_tone(std::string_view text);
  std::string read_refusal(std::string_view text);
  std::string read_trunk();
  // Why it does not take that call; "" when it does. Then the captures are filled in.
  std::string why_not(const DialCaller& caller, std::string_view dialled, Moment& moment, Captures& captures) const;
  std::string why_no_trunk(const DialCaller& caller) const;
  Destination destination(const Captures& captures) const;
};

std::string DialPlan::Rule::read(std::size_t index) {
  label = config.name.empty() ? fmt::format("rule {}", index + 1) : config.name;
  if (has_control(label) || label.size() > 100) return "name must have at most 100 characters, no control characters";
  if (auto wrong = read_pattern(); !wrong.empty()) return wrong;
  for (const auto& word : config.from) {
    auto selector = Selector::parse(word);
    if (!selector) {
      return fmt::format("from \"{}\" must be one of accounts, guests, clients, trunks, api, account:NAME, line:NAME, trunk:NAME", base::for_log(word));
    }
    from.push_back(std::move(*selector));
  }
  for (const auto& text : config.times) {
    const auto read = DialTimes::parse(text);
    if (!read) return "times " + base::for_log(read.error().detail, kMaxText);
    times.push_back(*read);
  }
  return read_target();
}

std::string DialPlan::Rule::read_pattern() {
  if (config.pattern.empty()) return "pattern is missing";
  if (config.pattern.size() > kMaxText) return fmt::format("pattern is longer than {} bytes", kMaxText);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  options.set_case_sensitive(false);
  pattern = std::make_unique<re2::RE2>(piece(config.pattern), options);
  if (!pattern->ok()) return fmt::format("pattern can't be understood: {}", base::for_log(pattern->error()));
  if (pattern->NumberOfCapturingGroups() > kMaxCaptures) return fmt::format("pattern has more than {} groups", kMaxCaptures);
  return {};
}

std::string DialPlan::Rule::read_target() {
  struct Word {
    std::string_view text;
    To kind;
  };
  static constexpr std::array<Word, 6> kNamed{{{"room", To::kRoom}, {"account", To::kAccount}, {"group", To::kGroup},
                                               {"queue", To::kQueue}, {"trunk", To::kTrunk}, {"play", To::kPlay}}};
  const std::string_view text = config.to;
  if (text.empty()) return "to is missing";
  if (has_control(text) || text.size() > kMaxText) return "to is too long or has control characters";
  const auto colon = text.find(':');
  const auto word = text.substr(0, colon);
  const auto rest = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  const auto named = std::ranges::find(kNamed, word, &Word::text);
  if (named != kNamed.end()) {
    to.kind = named->kind;
    if (rest.empty()) return fmt::format("to \"{}\" needs a name behind a colon, as \"{}:NAME\"", word, word);
    if (auto wrong = name.parse(rest, *pattern); !wrong.empty()) return "to " + wrong;
    if (to.kind == To::kPlay && !name.fixed()) return "to must name the file itself: a caller chooses none";
    if (name.fixed()) to.name = name.fill({});
  } else if (text == "echo") {
    to.kind = To::kEcho;
  } else if (word == "tone") {
    if (auto wrong = colon == text.npos ? std::string() : read_tone(rest); !wrong.empty()) return wrong;
    to.kind = To::kTone;
  } else if (word == "refuse") {
    if (auto wrong = read_refusal(rest); !wrong.empty()) return wrong;
  } else {
    return fmt::format("to \"{}\" must be one of room:NAME, account:NAME, group:NAME, queue:NAME, trunk:NAME, echo, tone, tone:HZ, play:FILE, refuse:STATUS",
                       base::for_log(text));
  }
  return read_trunk();
}

std::string DialPlan::Rule::read_tone(std::string_view text) {
  const auto hz = base::parse_decimal(text);
  if (!hz || *hz < kToneMin || *hz > kToneMax) return fmt::format("to \"tone:HZ\" must have a frequency from {} to {}", kToneMin, kToneMax);
  to.tone = static_cast<int>(*hz);
  return {};
}

std::string DialPlan::Rule::read_refusal(std::string_view text) {
  const auto space = text.find(' ');
  const auto status = base::parse_decimal(text.substr(0, space));
  if (!status || *status < 400 || *status > 699) return "to \"refuse:STATUS\" must have a status from 400 to 699";
  to.kind = To::kRefuse;
  to.status = static_cast<int>(*status);
  if (space != text.npos) to.reason = base::trim(text.substr(space));
  return {};
}

std::string DialPlan::Rule::read_trunk() {
  struct Part {
    std::string_view key;
    std::string_view text;
    Template& into;
  };
  for (const auto& part : {Part{"number", config.number, number}, Part{"caller_number", config.caller_number, caller_number}}) {
    if (part.text.empty()) continue;
    if (to.kind != To::kTrunk) return fmt::format("{} is for a trunk alone", part.key);
    if (has_control(part.text) || part.text.size() > kMaxText) return fmt::format("{} is too long or has control characters", part.key);
    if (auto wrong = part.into.parse(part.text, *pattern); !wrong.empty()) return fmt::format("{} {}", part.key, wrong);
  }
  return {};
}

std::string DialPlan::Rule::why_not(const DialCaller& caller, std::string_view dialled, Moment& moment, Captures& captures) const {
  const auto groups = pattern->NumberOfCapturingGroups() + 1;
  const auto text = piece(dialled);
  if (!pattern->Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, captures.data(), groups)) return "the number does not match";
  if (!from.empty() && std::ranges::none_of(from, [&](const Selector& s) { return s.matches(caller); })) {
    return fmt::format("not from {}, only from {}", called(caller), fmt::join(config.from, ", "));
  }
  if (!times.empty() && std::ranges::none_of(times, [&](const DialTimes& t) { return t.holds(moment.local()); })) {
    return fmt::format("not on {}, only {}", weekday_and_time(moment.local()), fmt::join(config.times, ", "));
  }
  return to.kind == To::kTrunk ? why_no_trunk(caller) : std::string();
}

// Survival item 24: who pays nothing calls for nothing, unless somebody wrote that he may.
std::string DialPlan::Rule::why_no_trunk(const DialCaller& caller) const {
  const bool meant = !from.empty();    // then one of its words is the caller's: why_not() has looked
  if (caller.kind == Kind::kGuest && !meant) return "skipped: guests reach a trunk only by a rule whose from names guests";
  if (caller.kind == Kind::kTrunk && !meant) {
    return fmt::format("skipped: callers from a trunk reach a trunk only by a rule whose from names trunks or trunk:{}", base::for_log(caller.name));
  }
  if (caller.kind == Kind::kClient && !caller.may_external) return "skipped: a webphone's client reaches a trunk only with the privilege call_external";
  return {};
}

Destination DialPlan::Rule::destination(const Captures& captures) const {
  auto d = to;
  d.rule = label;
  if (!name.empty()) d.name = name.fill(captures);
  if (d.kind == To::kTrunk) {
    d.number = number.empty() ? std::string(captures[0].data(), captures[0].size()) : number.fill(captures);
    d.caller_number = caller_number.fill(captures);
  }
  const bool needs_name = !name.empty() && d.name.empty();
  const bool too_long = std::max({d.name.size(), d.number.size(), d.caller_number.size()}) > kMaxText;
  if (needs_name || too_long || (d.kind == To::kTrunk && d.number.empty())) {
    d = refused();                     // what was captured makes no number
    d.rule = label;
  }
  return d;
}

DialPlan::DialPlan() = default;
DialPlan::DialPlan(DialPlan&&) noexcept = default;
DialPlan& DialPlan::operator=(DialPlan&&) noexcept = default;
DialPlan::~DialPlan() = default;

base::Result<DialPlan> DialPlan::make(const DialPlanConfig& config, std::size_t* at, std::vector<Fault>* all) {
  DialPlan plan;
  std::vector<Fault> faults;
  auto zone = TimeZone::load(config.time_zone);
  if (zone) plan.zone_ = std::move(*zone);
  else faults.push_back({kNoRule, "time_zone", "time_zone: " + zone.error().detail});
  for (std::size_t i = 0; i < config.rules.size() && (all != nullptr || faults.empty()); ++i) {
    auto rule = std::make_unique<Rule>();
    rule->config = config.rules[i];
    if (const auto wrong = rule->read(i); !wrong.empty()) {   // begins with the key's name
      const auto& name = config.rules[i].name;
      auto detail = name.empty() ? fmt::format("rule {}: {}", i + 1, wrong) : fmt::format("rule \"{}\": {}", base::for_log(name, 100), wrong);
      faults.push_back({i, wrong.substr(0, wrong.find(' ')), std::move(detail)});
    }
    plan.rules_.push_back(std::move(rule));
  }
  if (at != nullptr) *at = faults.empty() ? kNoRule : faults.front().rule;
  if (faults.empty()) return plan;
  auto first = base::malformed(faults.front().detail);
  if (all != nullptr) *all = std::move(faults);
  return first;
}

Destination DialPlan::find(const DialCaller& caller, std::string_view number, base::WallTime when) const {
  if (number.size() > kMaxNumber) return refused();
  const auto dialled = base::clean_display_name(number, kMaxNumber);
  if (dialled.empty()) return refused();
  Moment moment{.zone = zone_, .when = when};
  Captures captures;
  for (const auto& rule : rules_) {
    if (rule->why_not(caller, dialled, moment, captures).empty()) return rule->destination(captures);
  }
  Destination d;
  d.name = dialled;
  return d;
}

std::vector<std::string> DialPlan::explain(const DialCaller& caller, std::string_view number, base::WallTime when) const {
  if (number.size() > kMaxNumber) return {fmt::format("no rule is asked: a number has at most {} bytes", kMaxNumber)};
  const auto dialled = base::clean_display_name(number, kMaxNumber);
  if (dialled.empty()) return {"no rule is asked: there is no number"};
  Moment moment{.zone = zone_, .when = when};
  Captures captures;
  std::vector<std::string> lines;
  for (const auto& rule : rules_) {
    const auto why = rule->why_not(caller, dialled, moment, captures);
    lines.push_back(fmt::format("{} ({}): {}", rule->label, base::for_log(rule->config.pattern, 100), why.empty() ? "takes the call, to " + base::for_log(rule->config.to) : why));
    if (why.empty()) break;
  }
  return lines;
}

Destination DialPlan::target(std::size_t rule) const { return rules_.at(rule)->to; }

}  // namespace pbx
