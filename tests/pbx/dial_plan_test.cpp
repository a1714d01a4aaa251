// The dial plan: which rule takes a call, from whom, when, and what it makes of the number. Survival item 24.
#include "pbx/dial_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/text.hpp"
#include "pbx/dial_times.hpp"

namespace {

using namespace std::chrono;
using pbx::DialCaller;
using pbx::DialPlan;
using pbx::DialRuleConfig;
using pbx::Destination;
using testing::ElementsAre;
using testing::HasSubstr;
using To = pbx::Destination::Kind;
using Kind = pbx::DialCaller::Kind;

const DialCaller kGuest{.kind = Kind::kGuest, .name = {}, .line = {}};
const DialCaller kBob{.kind = Kind::kAccount, .name = "bob", .line = {}};
const DialCaller kVisitor{.kind = Kind::kClient, .name = "a1b2c3", .line = "Support", .may_external = false};
const DialCaller kAgent{.kind = Kind::kClient, .name = "d4e5f6", .line = "Team", .may_external = true};
const DialCaller kProvider{.kind = Kind::kTrunk, .name = "provider", .line = {}};
const DialCaller kApi{.kind = Kind::kApi, .name = {}, .line = {}};
const base::WallTime kMonday = sys_days(2026y / January / 5) + 12h;   // UTC

DialRuleConfig rule(std::string pattern, std::string to, std::vector<std::string> from = {}, std::vector<std::string> times = {}) {
  return {.name = {}, .pattern = std::move(pattern), .from = std::move(from), .times = std::move(times), .to = std::move(to), .number = {}, .caller_number = {}};
}

DialPlan plan(std::vector<DialRuleConfig> rules, std::string zone = "UTC") {
  auto made = DialPlan::make({.rules = std::move(rules), .time_zone = std::move(zone)});
  EXPECT_TRUE(made) << made.error().detail;
  return made ? std::move(*made) : DialPlan();
}

std::string error_of(DialRuleConfig config, std::size_t* at = nullptr) {
  auto made = DialPlan::make({.rules = {rule("1", "echo"), std::move(config)}, .time_zone = "UTC"}, at);
  return made ? "" : made.error().detail;
}

TEST(DialPlan, WithoutRulesEverythingIsTheDefault) {
  const auto d = DialPlan().find(kGuest, "demo", kMonday);
  EXPECT_EQ(d.kind, To::kDefault);
  EXPECT_EQ(d.name, "demo");
  EXPECT_EQ(d.rule, "");
}

TEST(DialPlan, TheFirstRuleThatMatchesTheWholeNumberTakesIt) {
  auto second = rule("6.*", "group:night");
  second.name = "six";
  const auto p = plan({rule("60", "room:lobby"), second, rule("600", "account:bob")});
  EXPECT_EQ(p.find(kBob, "60", kMonday).kind, To::kRoom);
  EXPECT_EQ(p.find(kBob, "60", kMonday).name, "lobby");
  EXPECT_EQ(p.find(kBob, "60", kMonday).rule, "rule 1");
  EXPECT_EQ(p.find(kBob, "600", kMonday).kind, To::kGroup);
  EXPECT_EQ(p.find(kBob, "600", kMonday).rule, "six");
  EXPECT_EQ(p.find(kBob, "160", kMonday).kind, To::kDefault);
}

TEST(DialPlan, EveryKindOfTarget) {
  const auto p = plan({rule("1", "room:All Hands"), rule("2", "account:bob"), rule("3", "group:sales"), rule("4", "queue:support"), rule("5", "echo"), rule("6", "tone"),
                       rule("7", "tone:1000"), rule("8", "play:hello.wav"), rule("9", "refuse:603"), rule("10", "refuse:403 Not From Here")});
  EXPECT_EQ(p.find(kBob, "1", kMonday).name, "All Hands");
  EXPECT_EQ(p.find(kBob, "2", kMonday).kind, To::kAccount);
  EXPECT_EQ(p.find(kBob, "3", kMonday).kind, To::kGroup);
  EXPECT_EQ(p.find(kBob, "4", kMonday).kind, To::kQueue);
  EXPECT_EQ(p.find(kBob, "5", kMonday).kind, To::kEcho);
  EXPECT_EQ(p.find(kBob, "6", kMonday).tone, 440);
  EXPECT_EQ(p.find(kBob, "7", kMonday).tone, 1000);
  EXPECT_EQ(p.find(kBob, "8", kMonday).kind, To::kPlay);
  EXPECT_EQ(p.find(kBob, "8", kMonday).name, "hello.wav");
  EXPECT_EQ(p.find(kBob, "9", kMonday).status, 603);
  EXPECT_EQ(p.find(kBob, "9", kMonday).reason, "");
  EXPECT_EQ(p.find(kBob, "10", kMonday).status, 403);
  EXPECT_EQ(p.find(kBob, "10", kMonday).reason, "Not From Here");
  EXPECT_EQ(p.target(7).name, "hello.wav");
}

TEST(DialPlan, CapturesAndTheNumberStandInNames) {
  auto out = rule("0(?P<rest>[0-9]+)", "trunk:provider");
  out.number = "+49{rest}";
  out.caller_number = "+4930{rest}0";
  const auto p = plan({out, rule("room-(?P<name>.+)", "room:team {name}"), rule("(?P<number>[0-9]{2})99", "account:{number}"), rule("7.*", "account:x{number}")});
  const auto d = p.find(kBob, "030123", kMonday);
  EXPECT_EQ(d.kind, To::kTrunk);
  EXPECT_EQ(d.name, "provider");
  EXPECT_EQ(d.number, "+4930123");
  EXPECT_EQ(d.caller_number, "+4930301230");
  EXPECT_EQ(p.find(kBob, "room-a{rest}b", kMonday).name, "team a{rest}b");   // what was put in is not read again
  EXPECT_EQ(p.find(kBob, "1299", kMonday).name, "12");
  EXPECT_EQ(p.find(kBob, "73", kMonday).name, "x73");
  EXPECT_EQ(p.target(1).name, "");
}

TEST(DialPlan, ATrunkIsGivenTheWholeNumberByDefault) {
  const auto d = plan({rule("[0-9+]+", "trunk:provider")}).find(kBob, "+4930123", kMonday);
  EXPECT_EQ(d.number, "+4930123");
  EXPECT_EQ(d.caller_number, "");
}

TEST(DialPlan, ACaptureThatIsEmptyMakesNoName) {
  auto out = rule("0(?P<rest>.*)", "trunk:provider");
  out.number = "{rest}";
  const auto p = plan({out, rule("5(?P<a>1)?(?P<b>2)?", "account:{a}")});
  EXPECT_EQ(p.find(kBob, "0", kMonday).kind, To::kRefuse);
  EXPECT_EQ(p.find(kBob, "0", kMonday).status, 404);
  EXPECT_EQ(p.find(kBob, "52", kMonday).kind, To::kRefuse);
  EXPECT_EQ(p.find(kBob, "51", kMonday).name, "1");
}

TEST(DialPlan, FromSelectsTheCaller) {
  const auto p = plan({rule("1", "echo", {"guests"}), rule("1", "tone", {"account:bob"}), rule("1", "tone:100", {"accounts"}), rule("1", "tone:200", {"line:support"}),
                       rule("1", "tone:300", {"clients"}), rule("1", "tone:500", {"trunk:Provider"}), rule("1", "tone:600", {"api", "trunks"})});
  EXPECT_EQ(p.find(kGuest, "1", kMonday).kind, To::kEcho);
  EXPECT_EQ(p.find(kBob, "1", kMonday).tone, 440);
  EXPECT_EQ(p.find({.kind = Kind::kAccount, .name = "Bob", .line = {}}, "1", kMonday).tone, 100);   // RFC 3261 19.1.4: an account's case counts
  EXPECT_EQ(p.find(kVisitor, "1", kMonday).tone, 200);
  EXPECT_EQ(p.find(kAgent, "1", kMonday).tone, 300);
  EXPECT_EQ(p.find(kProvider, "1", kMonday).tone, 500);
  EXPECT_EQ(p.find({.kind = Kind::kTrunk, .name = "other", .line = {}}, "1", kMonday).tone, 600);
  EXPECT_EQ(p.find(kApi, "1", kMonday).tone, 600);
  // A client with an account's name is not that account.
  EXPECT_EQ(p.find({.kind = Kind::kClient, .name = "bob", .line = "x"}, "1", kMonday).tone, 300);
}

// Survival item 24
TEST(DialPlan, ATrunkIsReachedByGuestsAndTrunksOnlyWhereARuleNamesThem) {
  const auto open = plan({rule(".*", "trunk:provider")});
  EXPECT_EQ(open.find(kGuest, "0900", kMonday).kind, To::kDefault);
  EXPECT_EQ(open.find(kProvider, "0900", kMonday).kind, To::kDefault);
  EXPECT_EQ(open.find(kVisitor, "0900", kMonday).kind, To::kDefault);
  EXPECT_EQ(open.find(kAgent, "0900", kMonday).kind, To::kTrunk);
  EXPECT_EQ(open.find(kBob, "0900", kMonday).kind, To::kTrunk);
  EXPECT_EQ(open.find(kApi, "0900", kMonday).kind, To::kTrunk);

  const auto guests = plan({rule(".*", "trunk:provider", {"guests"})});
  EXPECT_EQ(guests.find(kGuest, "0900", kMonday).kind, To::kTrunk);
  EXPECT_EQ(guests.find(kProvider, "0900", kMonday).kind, To::kDefault);
  const auto trunks = plan({rule(".*", "trunk:other", {"trunks"})});
  EXPECT_EQ(trunks.find(kProvider, "0900", kMonday).kind, To::kTrunk);
  EXPECT_EQ(trunks.find(kGuest, "0900", kMonday).kind, To::kDefault);
  const auto one = plan({rule(".*", "trunk:other", {"trunk:provider", "accounts"})});
  EXPECT_EQ(one.find(kProvider, "0900", kMonday).kind, To::kTrunk);
  EXPECT_EQ(one.find({.kind = Kind::kTrunk, .name = "other", .line = {}}, "0900", kMonday).kind, To::kDefault);
  EXPECT_EQ(one.find(kGuest, "0900", kMonday).kind, To::kDefault);
  // Naming a line gives no privilege that its client lacks.
  EXPECT_EQ(plan({rule(".*", "trunk:other", {"clients", "line:Support"})}).find(kVisitor, "0900", kMonday).kind, To::kDefault);
  // A trunk's name out of a capture is a trunk all the same.
  EXPECT_EQ(plan({rule("(?P<t>[a-z]+)", "trunk:{t}")}).find(kGuest, "provider", kMonday).kind, To::kDefault);
}

TEST(DialPlan, ARuleThatIsSkippedLeavesTheCallToTheNext) {
  const auto p = plan({rule("0.*", "trunk:provider"), rule("0.*", "refuse:403")});
  EXPECT_EQ(p.find(kGuest, "0900", kMonday).status, 403);
  EXPECT_EQ(p.find(kBob, "0900", kMonday).kind, To::kTrunk);
}

TEST(DialPlan, ExplainsEachRuleUpToTheOneThatTakesIt) {
  auto named = rule("0.*", "trunk:provider");
  named.name = "outside";
  const auto p = plan({rule("1", "echo"), rule("0.*", "echo", {"api", "account:carol"}), rule("0.*", "tone", {}, {"sat", "22:00-06:00"}), named, rule("0.*", "refuse:403"), rule(".*", "echo")});
  EXPECT_THAT(p.explain(kGuest, "0900", kMonday),
              ElementsAre("rule 1 (1): the number does not match", "rule 2 (0.*): not from a guest, only from api, account:carol",
                          "rule 3 (0.*): not on Mon 12:00, only sat, 22:00-06:00",
                          "outside (0.*): skipped: guests reach a trunk only by a rule whose from names guests", "rule 5 (0.*): takes the call, to refuse:403"));
  EXPECT_THAT(p.explain(kProvider, "0900", kMonday)[3], HasSubstr("only by a rule whose from names trunks or trunk:provider"));
  EXPECT_THAT(p.explain(kVisitor, "0900", kMonday)[3], HasSubstr("the privilege call_external"));
  EXPECT_THAT(p.explain(kVisitor, "0900", kMonday)[1], HasSubstr("not from a client of line Support"));
  EXPECT_EQ(p.explain(kBob, "0900", kMonday).size(), 4u);
  EXPECT_TRUE(DialPlan().explain(kBob, "1", kMonday).empty());
}

TEST(DialPlan, TimesAreThoseOfTheZone) {
  const auto p = plan({rule(".*", "group:day", {}, {"mon-fri 08:00-18:00", "sat 9:00-12:00"}), rule(".*", "group:night")}, "Europe/Berlin");
  const auto at = [&](sys_seconds utc) { return p.find(kBob, "600", utc).name; };
  EXPECT_EQ(at(sys_days(2026y / January / 5) + 6h + 59min), "night");   // 07:59 in winter
  EXPECT_EQ(at(sys_days(2026y / January / 5) + 7h), "day");
  EXPECT_EQ(at(sys_days(2026y / January / 5) + 16h + 59min + 59s), "day");
  EXPECT_EQ(at(sys_days(2026y / January / 5) + 17h), "night");
  EXPECT_EQ(at(sys_days(2026y / July / 6) + 6h), "day");               // 08:00 in summer
  EXPECT_EQ(at(sys_days(2026y / July / 6) + 16h), "night");
  EXPECT_EQ(at(sys_days(2026y / January / 10) + 8h), "day");           // Saturday, 09:00
  EXPECT_EQ(at(sys_days(2026y / January / 10) + 11h), "night");
  EXPECT_EQ(at(sys_days(2026y / January / 11) + 8h), "night");
  // The Monday after the clocks changed.
  EXPECT_EQ(at(sys_days(2026y / March / 30) + 6h), "day");
  EXPECT_EQ(at(sys_days(2026y / March / 27) + 6h), "night");
}

TEST(DialTimes, WrapOverMidnightAndOverTheWeek) {
  const auto holds = [](std::string_view text, year_month_day date, minutes time) {
    const auto times = pbx::DialTimes::parse(text);
    EXPECT_TRUE(times) << times.error().detail;
    return times && times->holds(local_days(date) + time);
  };
  const auto friday = 2026y / January / 9, saturday = 2026y / January / 10, sunday = 2026y / January / 11, monday = 2026y / January / 12;
  EXPECT_TRUE(holds("fri 22:00-06:00", friday, 22h));
  EXPECT_TRUE(holds("fri 22:00-06:00", saturday, 5h + 59min));
  EXPECT_FALSE(holds("fri 22:00-06:00", saturday, 6h));
  EXPECT_FALSE(holds("fri 22:00-06:00", saturday, 22h));
  EXPECT_FALSE(holds("fri 22:00-06:00", friday, 5h));
  EXPECT_TRUE(holds("22:00-06:00", monday, 0min));
  EXPECT_FALSE(holds("22:00-06:00", monday, 12h));
  EXPECT_TRUE(holds("Sat-Mon", sunday, 12h));
  EXPECT_TRUE(holds("fri-mon", monday, 23h + 59min));
  EXPECT_FALSE(holds("sat-mon", friday, 12h));
  EXPECT_TRUE(holds("mon, sat 18:00-24:00", saturday, 23h + 59min));
  EXPECT_TRUE(holds("sat 18:00-00:00", saturday, 23h + 59min));
  EXPECT_FALSE(holds("sat 18:00-00:00", sunday, 0min));
  EXPECT_TRUE(holds("00:00-24:00", sunday, 0min));
}

TEST(DialTimes, WhatIsNone) {
  for (const auto* text : {"", "  ", "mon-", "foo", "mon 8-18", "25:00-26:00", "08:00", "08:00-", "8:60-9:00", "24:00-01:00", "mon-fri 08:00-18:00 x", "mon tue", "-08:00-09:00", "mon,,tue",
                           "008:00-09:00", "08:00-09:00-10:00"}) {
    EXPECT_FALSE(pbx::DialTimes::parse(text)) << text;
  }
  EXPECT_THAT(pbx::DialTimes::parse("08:00-08:00").error().detail, HasSubstr("begins and ends at the same time"));
}

TEST(DialPlan, WhatIsWrongIsSaidWithItsRule) {
  std::size_t at = 7;
  EXPECT_THAT(error_of(rule("(", "echo"), &at), testing::StartsWith("rule 2: pattern can't be understood: missing )"));
  EXPECT_EQ(at, 1u);
  auto named = rule("", "echo");
  named.name = "empty";
  EXPECT_EQ(error_of(named), "rule \"empty\": pattern is missing");
  EXPECT_EQ(error_of(rule("1", "")), "rule 2: to is missing");
  EXPECT_THAT(error_of(rule("1", "command:rm")), HasSubstr("to \"command:rm\" must be one of room:NAME"));
  EXPECT_THAT(error_of(rule("1", "room")), HasSubstr("needs a name behind a colon"));
  EXPECT_THAT(error_of(rule("1", "room:")), HasSubstr("needs a name behind a colon"));
  EXPECT_THAT(error_of(rule("1", "echo:x")), HasSubstr("must be one of"));
  EXPECT_THAT(error_of(rule("1", "room:{x}")), HasSubstr("to has {x}, which the pattern does not capture"));
  EXPECT_THAT(error_of(rule("1", "room:{x")), HasSubstr("a brace without the other"));
  EXPECT_THAT(error_of(rule("1", "room:x}")), HasSubstr("a brace without the other"));
  EXPECT_THAT(error_of(rule("(?P<f>.*)", "play:{f}")), HasSubstr("a caller chooses none"));
  EXPECT_THAT(error_of(rule("(?P<f>.*)", "tone:{f}")), HasSubstr("frequency"));
  for (const auto* to : {"tone:", "tone:49", "tone:4001", "tone:4 4"}) EXPECT_THAT(error_of(rule("1", to)), HasSubstr("from 50 to 4000")) << to;
  for (const auto* to : {"refuse", "refuse:", "refuse:200", "refuse:399", "refuse:700", "refuse:abc", "refuse:{number}"}) EXPECT_THAT(error_of(rule("1", to)), HasSubstr("from 400 to 699")) << to;
  for (const auto* from : {"", "everybody", "account:", "trunk:", "Guests", "phone:x"}) EXPECT_THAT(error_of(rule("1", "echo", {from})), HasSubstr("must be one of accounts")) << from;
  EXPECT_THAT(error_of(rule("1", "echo", {}, {"never"})), HasSubstr("rule 2: times \"never\" must be days"));
  auto number = rule("1", "echo");
  number.number = "2";
  EXPECT_EQ(error_of(number), "rule 2: number is for a trunk alone");
  number = rule("1", "trunk:a");
  number.caller_number = "{x}";
  EXPECT_THAT(error_of(number), HasSubstr("caller_number has {x}"));
  EXPECT_THAT(error_of(rule(std::string(1001, '1'), "echo")), HasSubstr("longer than 1000"));
  EXPECT_THAT(error_of(rule("((((((.{1000}){1000}){1000}){1000}){1000}){1000})", "echo")), HasSubstr("pattern can't be understood"));
  EXPECT_THAT(error_of(rule("((((((((((.){99}){9}){9}){9}){9}){9}){9}){9}){9})", "echo")), HasSubstr("pattern can't be understood"));
  std::string groups;
  for (int i = 0; i < 21; ++i) groups += "(1)";
  EXPECT_THAT(error_of(rule(groups, "echo")), HasSubstr("more than 20 groups"));
  EXPECT_THAT(error_of(rule("1", "room:a\nb")), HasSubstr("control characters"));
  const auto zone = DialPlan::make({.rules = {}, .time_zone = "Mars/Olympus"}, &at);
  ASSERT_FALSE(zone);
  EXPECT_THAT(zone.error().detail, HasSubstr("time_zone: there is no time zone \"Mars/Olympus\""));
  EXPECT_EQ(at, DialPlan::kNoRule);
}

// A rule that refuses is not got around by a character that nobody sees, or by case.
TEST(DialPlan, NumbersAreCleanedBeforeRulesSeeThem) {
  const auto p = plan({rule("secret", "refuse:403"), rule("0900[0-9]*", "refuse:403")});
  for (const std::string number : {"secret", "SECRET", " secret", "secret\x01", "sec\nret", "sec\xe2\x80\xaeret", "0900\t1", "0900\x7f"}) {
    EXPECT_EQ(p.find(kGuest, number, kMonday).status, 403) << number;
    EXPECT_EQ(p.find(kGuest, number, kMonday).rule.substr(0, 4), "rule") << number;
  }
  const auto all = plan({rule(".*", "refuse:480")});
  for (const std::string number : {"\xff\xfe", "a\xc0", "\xf0\x9f\x98\x80"}) EXPECT_EQ(all.find(kGuest, number, kMonday).status, 480) << number;
  for (const std::string& number : {std::string(), std::string("\x01\x02"), std::string("  "), std::string(257, '1'), std::string(1 << 20, 'x')}) {
    EXPECT_EQ(DialPlan().find(kGuest, number, kMonday).kind, To::kRefuse);
    EXPECT_EQ(all.find(kGuest, number, kMonday).status, 404);
    EXPECT_THAT(all.explain(kGuest, number, kMonday), ElementsAre(testing::StartsWith("no rule is asked")));
  }
  EXPECT_EQ(DialPlan().find(kGuest, std::string(256, '1'), kMonday).name, std::string(256, '1'));
}

// Whatever bytes are dialled: an answer, bounded and fit to be shown, and the same one twice.
TEST(DialPlan, RandomBytes) {
  auto out = rule("(?P<a>.?)0(?P<b>.*)", "trunk:{a}");
  out.number = "{b}{b}{b}{number}";
  const auto p = plan({rule("(a|aa|aaa)*b(?P<n>.+)+c", "room:{n}{n}"), rule("(?i)(x+x+)+y", "echo"), out, rule("[^a-z]+(?P<t>[a-z{}]*)", "account:{t}", {}, {"mon-sat 22:00-06:00"}),
                       rule("(?P<k>.)(.*)", "group:{k}")});
  std::mt19937 random(7);   // NOLINT: the same on every run
  constexpr std::string_view kAlphabet = "0123456789abcxyABC{}+*#-\\$`\"' \t\r\n\x01\x7f\xff\xc3\xa4\xe2\x80\xae";
  for (int i = 0; i < 20'000; ++i) {
    std::string number;
    const auto length = random() % 300;
    for (std::size_t n = 0; n < length; ++n) number += i % 2 == 0 ? static_cast<char>(random()) : kAlphabet[random() % kAlphabet.size()];
    const auto when = base::WallTime(seconds(random()));
    for (const auto& caller : {kGuest, kBob, kProvider}) {
      const auto d = p.find(caller, number, when);
      EXPECT_LE(d.name.size() + d.number.size() + d.caller_number.size(), 3000u);
      for (const auto& text : {d.name, d.number}) {
        EXPECT_TRUE(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
        EXPECT_TRUE(base::valid_utf8(text));
      }
      if (caller.kind != Kind::kAccount) EXPECT_NE(d.kind, To::kTrunk);
      const auto lines = p.explain(caller, number, when);
      EXPECT_LE(lines.size(), 5u);
    }
  }
  // No pattern makes a long number dear.
  std::string evil(255, 'x');
  EXPECT_EQ(p.find(kBob, evil, kMonday).kind, To::kGroup);
}

}  // namespace
