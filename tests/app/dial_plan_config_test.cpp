// What rings, in the configuration: rules, groups, queues, trunks, accounts, sounds; and `parley dial-plan test`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iomanip>
#include <sstream>

#include "app/accounts.hpp"
#include "app/cli.hpp"
#include "app/config_keys.hpp"
#include "sip/digest.hpp"
#include "store/sqlite_store.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view text) {
  const auto config = app::parse_config(text, "p.toml");
  return config ? "" : config.error().detail;
}

constexpr auto kOffice = R"toml(
[dial_plan]
time_zone = "Europe/Berlin"
[sounds]
music = "music.flac"
directory = "sounds"
[calls]
call_waiting = false
[media]
sdes = "offer"
[[account]]
name = "bob"
display_name = "Bob Ä."
password = "secret"
[[account]]
name = "carol"
password = "geheim"
[[group]]
name = "sales"
members = ["bob", "dave"]
[[group]]
name = "Night"
members = ["carol"]
strategy = "in_order"
ring_time = 15
[[queue]]
name = "support"
agents = ["bob"]
max_waiting = 5
max_wait = 300
music = "wait.ogg"
[[trunk]]
name = "provider"
server = "sip.provider.example:5080"
transport = "tls"
outbound_proxy = "proxy.provider.example"
username = "4930123"
password = "trunk-secret"
realm = "provider"
domain = "provider.example"
register = true
expires = 120
addresses = ["192.0.2.9", "2001:db8::9"]
caller_number = "+4930123"
number = "600"
show_caller_name = false
max_calls = 4
verify_certificate = false
ca_file = "ca.pem"
srtp = "offer"
[[webphone_line]]
name = "Support"
roster = "nobody"
[[rule]]
name = "premium"
pattern = "00?900.*"
to = "refuse:403 Not From Here"
[[rule]]
name = "outside"
pattern = "0(?P<rest>[0-9]+)"
from = ["accounts", "line:Support"]
to = "trunk:Provider"
number = "+49{rest}"
caller_number = "+4930123"
[[rule]]
name = "day"
pattern = "600"
times = ["mon-fri 08:00-18:00", "sat 09:00-12:00"]
to = "group:sales"
[[rule]]
pattern = "600"
to = "group:night"
[[rule]]
pattern = "700"
from = ["trunk:provider", "guests"]
to = "play:closed.wav"
[[rule]]
pattern = "9(?P<x>.)"
to = "{x}"
)toml";

std::string office(std::string last = "group:{x}") {
  std::string text = kOffice;
  text.replace(text.rfind("{x}"), 3, last);
  return text;
}

TEST(DialPlanConfig, IsReadWhole) {
  const auto config = app::parse_config(office(), "p.toml");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->dial_plan.time_zone, "Europe/Berlin");
  EXPECT_EQ(config->sounds.music, "music.flac");
  EXPECT_EQ(config->sounds.directory, "sounds");
  EXPECT_FALSE(config->call_waiting);
  EXPECT_EQ(config->media.sdes, app::MediaSettings::Sdes::kOffer);
  ASSERT_EQ(config->accounts.size(), 2u);
  EXPECT_EQ(config->accounts[0], (app::AccountSettings{"bob", "Bob Ä.", "secret"}));
  ASSERT_EQ(config->groups.size(), 2u);
  EXPECT_THAT(config->groups[0].members, ElementsAre("bob", "dave"));
  EXPECT_EQ(config->groups[0].strategy, pbx::GroupConfig::Strategy::kAll);
  EXPECT_EQ(config->groups[1].strategy, pbx::GroupConfig::Strategy::kInOrder);
  EXPECT_EQ(config->groups[1].ring_time, 15s);
  ASSERT_EQ(config->queues.size(), 1u);
  const auto& queue = config->queues[0];
  EXPECT_EQ(queue.name, "support");
  EXPECT_THAT(queue.agents, ElementsAre("bob"));
  EXPECT_EQ(queue.max_waiting, 5u);
  EXPECT_EQ(queue.max_wait, 300s);
  EXPECT_EQ(queue.music, "wait.ogg");
  ASSERT_EQ(config->trunks.size(), 1u);
  const auto& trunk = config->trunks[0];
  EXPECT_EQ(trunk.name, "provider");
  EXPECT_EQ(trunk.server, "sip.provider.example:5080");
  EXPECT_EQ(trunk.transport, "tls");
  EXPECT_EQ(trunk.outbound_proxy, "proxy.provider.example");
  EXPECT_EQ(trunk.username, "4930123");
  EXPECT_EQ(trunk.password, "trunk-secret");
  EXPECT_EQ(trunk.realm, "provider");
  EXPECT_EQ(trunk.domain, "provider.example");
  EXPECT_TRUE(trunk.registers);
  EXPECT_EQ(trunk.expires, 120s);
  EXPECT_EQ(trunk.addresses.size(), 2u);
  EXPECT_EQ(trunk.caller_number, "+4930123");
  EXPECT_EQ(trunk.number, "600");
  EXPECT_FALSE(trunk.show_caller_name);
  EXPECT_EQ(trunk.max_calls, 4u);
  EXPECT_FALSE(trunk.verify_certificate);
  EXPECT_EQ(trunk.ca_file, "ca.pem");
  EXPECT_EQ(trunk.srtp, app::TrunkSettings::Srtp::kOffer);
  EXPECT_EQ(config->webphone_lines[0].roster, app::WebphoneLineSettings::Roster::kNobody);
  ASSERT_EQ(config->dial_plan.rules.size(), 6u);
  const auto& rule = config->dial_plan.rules[1];
  EXPECT_EQ(rule.name, "outside");
  EXPECT_EQ(rule.pattern, "0(?P<rest>[0-9]+)");
  EXPECT_THAT(rule.from, ElementsAre("accounts", "line:Support"));
  EXPECT_EQ(rule.to, "trunk:Provider");
  EXPECT_EQ(rule.number, "+49{rest}");
  EXPECT_EQ(rule.caller_number, "+4930123");
  EXPECT_THAT(config->dial_plan.rules[2].times, ElementsAre("mon-fri 08:00-18:00", "sat 09:00-12:00"));
}

struct Wrong {
  const char* text;
  const char* message;
};
class DialPlanConfigErrors : public testing::TestWithParam<Wrong> {};

TEST_P(DialPlanConfigErrors, HaveTheirPlace) { EXPECT_EQ(error_of(GetParam().text), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    Each, DialPlanConfigErrors,
    testing::Values(
        Wrong{"[[rule]]\npattern = \"1\"\nto = \"echo\"\n[[rule]]\npattern = \"(\"\nto = \"echo\"", "p.toml:5:11: rule 2: pattern can't be understood: missing ): ("},
        Wrong{"[[rule]]\nname = \"x\"\npattern = \"1\"", "p.toml:1:1: rule \"x\": to is missing"},
        Wrong{"[[rule]]\nto = \"echo\"", "p.toml:1:1: rule 1: pattern is missing"},
        Wrong{"[[rule]]\npattern = 600\nto = \"echo\"", "p.toml:2:11: pattern must be a string, not an integer"},
        Wrong{"[[rule]]\npatern = \"1\"", "p.toml:2:1: unknown key patern in [[rule]]"},
        Wrong{"[[rule]]\npattern = \"1\"\nfrom = \"guests\"\nto = \"echo\"", "p.toml:3:8: from must be a list of strings, not a string"},
        Wrong{"[[rule]]\npattern = \"1\"\ntimes = [\"monday\"]\nto = \"echo\"",
              "p.toml:3:9: rule 1: times \"monday\" must be days, a time or both, as \"mon-fri 08:00-18:00\", \"sat,sun\" or \"22:00-06:00\""},
        Wrong{"[[rule]]\npattern = \"1\"\nto = \"trunk:x\"", "p.toml:3:6: there is no trunk \"x\""},
        Wrong{"[[rule]]\npattern = \"1\"\nto = \"group:x\"", "p.toml:3:6: there is no group \"x\""},
        Wrong{"[[rule]]\npattern = \"1\"\nto = \"queue:x\"", "p.toml:3:6: there is no queue \"x\""},
        Wrong{"[[rule]]\npattern = \"1\"\nfrom = [\"trunk:x\"]\nto = \"echo\"", "p.toml:3:9: there is no trunk \"x\""},
        Wrong{"[[rule]]\npattern = \"1\"\nfrom = [\"line:x\"]\nto = \"echo\"", "p.toml:3:9: there is no webphone line \"x\""},
        Wrong{"[[rule]]\npattern = \"1\"\nto = \"play:x.wav\"", "p.toml:3:6: play:x.wav is a relative name, which needs a directory in [sounds]"},
        Wrong{"[dial_plan]\ntime_zone = \"Berlin\"", "p.toml:2:13: time_zone: there is no time zone \"Berlin\" on this machine (the package tzdata has them)"},
        Wrong{"[dial_plan]\ntime_zone = \"../x\"", "p.toml:2:13: time_zone: \"../x\" is no name of a time zone, as Europe/Berlin"},
        Wrong{"[[group]]\nname = \"a\"", "p.toml:1:1: a group needs members"},
        Wrong{"[[group]]\nmembers = [\"a\"]", "p.toml:1:1: a group needs a name"},
        Wrong{"[[group]]\nname = \"a\"\nmembers = [\"b\"]\n[[group]]\nname = \"A\"\nmembers = [\"b\"]", "p.toml:4:1: group \"A\" is there twice: names are compared without case"},
        Wrong{"[[group]]\nname = \"a\"\nmembers = [\"b\"]\n[[queue]]\nname = \"A\"", "p.toml:4:1: queue \"A\" is a group, too"},
        Wrong{"[[group]]\nname = \"a\"\nmembers = [\"b\"]\n[room.A]\nvideo = false", "p.toml:1:1: group \"a\" is a room, too"},
        Wrong{"[[account]]\nname = \"a\"\npassword = \"x\"\n[[queue]]\nname = \"a\"", "p.toml:4:1: queue \"a\" is an account, too"},
        Wrong{"[[group]]\nname = \"a\"\nmembers = [\"b\"]\nstrategy = \"random\"", "p.toml:4:12: strategy must be one of all, in_order, not \"random\""},
        Wrong{"[[group]]\nname = \"a b\"\nmembers = [\"b\"]", "p.toml:2:8: name must have letters, digits and - _ . alone"},
        Wrong{"[[account]]\nname = \"a b\"\npassword = \"x\"", "p.toml:2:8: name must have 1 to 64 letters, digits and . _ - + and nothing else"},
        Wrong{"[[account]]\nname = \"a\"", "p.toml:1:1: an account needs a password"},
        Wrong{"[[account]]\npassword = \"a\"", "p.toml:1:1: an account needs a name"},
        Wrong{"[[account]]\nname = \"a\"\npassword = \"x\"\n[[account]]\nname = \"a\"\npassword = \"x\"", "p.toml:4:1: account \"a\" is there twice"},
        Wrong{"[[trunk]]\nname = \"a\"", "p.toml:1:1: a trunk needs a server"},
        Wrong{"[[trunk]]\nname = \"a\"\nserver = \"x\"\nsrtp = \"offer\"", "p.toml:1:1: srtp = \"offer\" needs transport = \"tls\": its keys stand in the signalling"},
        Wrong{"[[trunk]]\nname = \"a\"\nserver = \"x\"\ntransport = \"tls\"\n[[trunk]]\nname = \"b\"\nserver = \"X\"\ntransport = \"tls\"\nverify_certificate = false",
              "p.toml:5:1: trunk \"a\" has the same server: verify_certificate and ca_file must be the same, too"},
        Wrong{"[[trunk]]\nname = \"a\"\nserver = \"x\"\nregister = true", "p.toml:1:1: a trunk that registers or has a password needs a username"},
        Wrong{"[[trunk]]\nname = \"a\"\nserver = \"sip:x\"", "p.toml:3:10: server must be HOST or HOST:PORT"},
        Wrong{"[[trunk]]\nname = \"a\"\nserver = \"x\"\ntransport = \"ws\"", "p.toml:4:13: transport must be one of udp, tcp, tls, not \"ws\""},
        Wrong{"[[queue]]\nname = \"a\"\nmax_waiting = 0", "p.toml:3:15: max_waiting must be from 1 to 10000, not 0"},
        Wrong{"[media]\nsdes = \"never\"", "p.toml:2:8: sdes must be one of accept, offer, not \"never\""},
        Wrong{"[calls]\ncall_waiting = 1", "p.toml:2:16: call_waiting must be true or false, not an integer"}));

// Survival item 23
TEST(DialPlanConfig, NoErrorTellsAPassword) {
  for (const auto* text : {"[[account]]\nname = \"a\"\npassword = \"hunter2\\u0001\"", "[[trunk]]\nname = \"a\"\nserver = \"x\"\npassword = \"hunter2\"", "[[account]]\nname = 1\npassword = \"hunter2\""}) {
    EXPECT_THAT(error_of(text), testing::AllOf(testing::Not(""), testing::Not(HasSubstr("hunter2")))) << text;
  }
}

TEST(DialPlanConfig, AnAccountsCaseCounts) {
  EXPECT_EQ(error_of("[[account]]\nname = \"a\"\npassword = \"x\"\n[[account]]\nname = \"A\"\npassword = \"x\""), "");
}

TEST(DialPlanConfig, TheDefaultLineCanBeNamed) {
  EXPECT_EQ(error_of("[[rule]]\npattern = \"1\"\nfrom = [\"line:webphone1\"]\nto = \"echo\""), "");
  EXPECT_NE(error_of("guests = false\n[[rule]]\npattern = \"1\"\nfrom = [\"line:Webphone1\"]\nto = \"echo\""), "");
}

TEST(DialPlanConfig, SoundsHaveToBeThere) {
  const test::TemporaryDirectory folder;
  const auto error = [&](const std::string& text) {
    const auto config = app::load_config(folder.write("p.toml", text));
    return config ? "" : config.error().detail.substr(folder.path("p.toml").size());
  };
  std::filesystem::create_directory(folder.path("sounds"));
  folder.write("sounds/hello.wav", "x");
  EXPECT_EQ(error("[sounds]\nmusic = \"none.wav\""), ":2:9: there is no sound file " + folder.path("none.wav"));
  EXPECT_EQ(error("[sounds]\nmusic = \"sounds/hello.wav\""), "");
  EXPECT_EQ(error("[sounds]\ndirectory = \"noise\""), ":2:13: there is no folder " + folder.path("noise"));
  const std::string rule = "[sounds]\ndirectory = \"sounds\"\n[[rule]]\npattern = \"1\"\nto = ";
  EXPECT_EQ(error(rule + "\"play:hello.wav\""), "");
  EXPECT_EQ(error(rule + "\"play:" + folder.path("sounds/hello.wav") + "\""), "");
  EXPECT_EQ(error(rule + "\"play:bye.wav\""), ":5:6: there is no sound file " + folder.path("sounds/bye.wav"));
  EXPECT_EQ(error("[[queue]]\nname = \"q\"\nmusic = \"x.wav\""), ":3:9: there is no sound file " + folder.path("x.wav"));
}

// The defaults that the table tells are those of the program.
TEST(DialPlanConfig, DefaultsAreWhatTheTableSays) {
  const auto all = [](const auto& keys, std::string text) {
    auto with = text;
    for (const auto& key : keys) {
      if (!key.fallback.empty() && !text.contains(std::string(key.name) + " =")) with += fmt::format("{} = {}\n", key.name, key.fallback);
    }
    const auto a = app::parse_config(text, "p.toml"), b = app::parse_config(with, "p.toml");
    EXPECT_TRUE(a) << a.error().detail;
    EXPECT_TRUE(b) << b.error().detail;
    if (a && b) EXPECT_EQ(*a, *b) << with;
  };
  all(app::rule_keys(), "[[rule]]\npattern = \"1\"\nto = \"echo\"\n");
  all(app::group_keys(), "[[group]]\nname = \"a\"\nmembers = [\"b\"]\n");
  all(app::queue_keys(), "[[queue]]\nname = \"a\"\n");
  all(app::trunk_keys(), "[[trunk]]\nname = \"a\"\nserver = \"b\"\n");
  all(app::account_keys(), "[[account]]\nname = \"a\"\npassword = \"b\"\n");
  all(app::webphone_line_keys(), "[[webphone_line]]\nname = \"a\"\n");
}

struct FileAccounts : testing::Test {
  test::TemporaryDirectory folder;
  app::Config config = app::default_config();
  void SetUp() override { config.data_directory = folder.path("data"); }
  void add_to_store(const std::string& name, const std::string& password) {
    auto store = store::open_sqlite(config.data_directory);
    ASSERT_TRUE(store);
    const auto made = sip::StoredHashes::make(name, config.realm, password);
    ASSERT_TRUE((*store)->add_account({name, "Of The Store", config.realm, {made.ha1[0], made.ha1[1], made.ha1[2]}, {}}));
  }
};

// RFC 7616 3.4.2
TEST_F(FileAccounts, StandBesideThoseOfTheStore) {
  config.accounts = {{"bob", "Bob", "secret"}, {"alice", "", "other"}};
  add_to_store("bob", "stale");
  add_to_store("carol", "hers");
  const auto feed = app::AccountsFeed::open(config);
  ASSERT_TRUE(feed);
  const auto accounts = (*feed)->poll();
  ASSERT_TRUE(accounts);
  ASSERT_EQ(accounts->size(), 3u);
  const auto find = [&](std::string_view name) { return *std::ranges::find(*accounts, name, &pbx::Account::name); };
  EXPECT_EQ(find("bob").display_name, "Bob");
  EXPECT_EQ(find("bob").hashes.ha1, sip::StoredHashes::make("bob", "parley", "secret").ha1);   // of two the file's
  EXPECT_EQ(find("alice").hashes.ha1, sip::StoredHashes::make("alice", "parley", "other").ha1);
  EXPECT_EQ(find("carol").display_name, "Of The Store");
  EXPECT_FALSE((*feed)->poll());
  add_to_store("dave", "his");
  EXPECT_EQ((*feed)->poll()->size(), 4u);
}

// What stands between a line that begins so and the next ```.
std::vector<std::string> blocks(const std::string& text, const std::string& mark) {
  std::vector<std::string> all;
  for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    all.push_back(text.substr(begin, text.find("```", begin) - begin));
  }
  return all;
}

// "bob 1 --at \"2026-01-05 19:30\"" as a shell would take it apart.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream in(line);
  for (std::string word; in >> std::quoted(word);) all.push_back(word);
  return all;
}

struct DialPlanCommand : FileAccounts {
  std::string out, err, file;
  void SetUp() override {
    FileAccounts::SetUp();
    std::filesystem::create_directory(folder.path("sounds"));
    for (const auto* sound : {"music.flac", "wait.ogg", "sounds/closed.wav"}) folder.write(sound, "x");
    file = folder.write("parley.toml", office());
  }
  int run(std::vector<std::string> arguments) {
    std::istringstream in;
    std::ostringstream out_stream, err_stream;
    const app::CliEnvironment environment{.in = in, .out = out_stream, .err = err_stream, .serve = [](const app::Config&) { return 9; }, .program_directory = ""};
    arguments.insert(arguments.begin(), {"dial-plan", "test"});
    arguments.insert(arguments.end(), {"--data", config.data_directory});
    if (!file.empty()) arguments.insert(arguments.end(), {"--config", file});
    const int status = app::run(arguments, environment);
    out = out_stream.str();
    err = err_stream.str();
    return status;
  }
};

TEST_F(DialPlanCommand, ExplainsWhichRuleTakesTheCall) {
  EXPECT_EQ(run({"bob", "030555"}), 0) << err;
  EXPECT_EQ(out,
            "premium (00?900.*): the number does not match\n"
            "outside (0(?P<rest>[0-9]+)): takes the call, to trunk:Provider\n"
            "By \"outside\" the call goes to trunk provider (sip.provider.example:5080), number +4930555, caller number +4930123.\n");
  EXPECT_EQ(run({"bob", "0900123"}), 1);
  EXPECT_THAT(out, HasSubstr("By \"premium\" the call is refused: 403 (Not From Here).\n"));
  EXPECT_EQ(run({"guest", "030555"}), 0);
  EXPECT_THAT(out, HasSubstr("outside (0(?P<rest>[0-9]+)): not from a guest, only from accounts, line:Support\n"));
  EXPECT_THAT(out, HasSubstr("No rule takes it: the call goes to room 030555.\n"));
}

TEST_F(DialPlanCommand, TellsTheTimeOfTheZone) {
  EXPECT_EQ(run({"guest", "600", "--at", "2026-01-05 08:00"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("By \"day\" the call goes to group sales: bob, dave, all at once.\n"));
  EXPECT_EQ(run({"guest", "600", "--at", "2026-07-06T07:59"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("day (600): not on Mon 07:59, only mon-fri 08:00-18:00, sat 09:00-12:00\n"));
  EXPECT_THAT(out, HasSubstr("By \"rule 4\" the call goes to group Night: carol, in that order.\n"));
}

TEST_F(DialPlanCommand, KnowsEveryKindOfCaller) {
  EXPECT_EQ(run({"line:support", "030555"}), 1);
  EXPECT_THAT(out, HasSubstr("outside (0(?P<rest>[0-9]+)): skipped: a webphone's client reaches a trunk only with the privilege call_external\n"));
  EXPECT_THAT(out, HasSubstr("is refused: 404 (a webphone makes no room; it enters 030555 while somebody is in it).\n"));
  EXPECT_EQ(run({"line:support", "030555", "--external"}), 0);
  EXPECT_EQ(run({"trunk:Provider", "700"}), 0);
  EXPECT_THAT(out, HasSubstr("By \"rule 5\" the call goes to an announcement, closed.wav.\n"));
  EXPECT_EQ(run({"trunk:provider", "030555"}), 1);
  EXPECT_EQ(run({"api", "600"}), 0);
  EXPECT_EQ(run({"account:bob", "support"}), 0);
  EXPECT_THAT(out, HasSubstr("No rule takes it: the call goes to queue support.\n"));
}

TEST_F(DialPlanCommand, KnowsTheAccountsOfFileAndStore) {
  EXPECT_EQ(run({"eve", "1"}), 2);
  EXPECT_EQ(err, "parley: there is no account \"eve\" (a caller can also be guest, line:NAME, trunk:NAME or api)\n");
  EXPECT_EQ(out, "");
  EXPECT_FALSE(std::filesystem::exists(config.data_directory));   // asking makes no store
  add_to_store("eve", "x");
  EXPECT_EQ(run({"eve", "carol"}), 0);
  EXPECT_THAT(out, HasSubstr("No rule takes it: the call goes to account carol.\n"));
  EXPECT_EQ(run({"carol", "eve"}), 0);
  EXPECT_THAT(out, HasSubstr("goes to account eve.\n"));
  EXPECT_EQ(run({"carol", "9x"}), 1);
  EXPECT_THAT(out, HasSubstr("By \"rule 6\" the call is refused: 404 (there is no group x).\n"));
}

TEST_F(DialPlanCommand, WorksWithoutAFile) {
  file.clear();
  EXPECT_EQ(run({"guest", "demo"}), 0);
  EXPECT_EQ(out, "Without a rule the call goes to room demo.\n");
  EXPECT_EQ(run({"guest", "\x01"}), 1);
  EXPECT_EQ(out, "no rule is asked: there is no number\nWithout a rule the call is refused: 404 (that is no number).\n");
}

// docs/dial-plan.md: its examples are one good file, and its answers are those of the program; PARLEY_UPDATE_DOCS=1 writes them.
TEST_F(DialPlanCommand, TheDocumentIsTrue) {
  const std::string path = std::string(PARLEY_SOURCE_DIR) + "/docs/dial-plan.md", mark = "```console\n", command = "$ parley dial-plan test ";
  std::ifstream in(path);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::string all;
  for (const auto& block : blocks(text, "```toml\n")) all += block;
  folder.write("sounds/closed.wav", "x");
  folder.write("parley.toml", all);
  auto current = text;
  for (const auto& block : blocks(text, mark)) {
    std::string answers;
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(command)) continue;
      run(words(line.substr(command.size())));
      EXPECT_EQ(err, "") << line;
      answers += (answers.empty() ? "" : "\n") + line + "\n" + out;
    }
    current.replace(current.find(block), block.size(), answers);
  }
  if (std::getenv("PARLEY_UPDATE_DOCS") != nullptr) std::ofstream(path) << current;
  else EXPECT_EQ(text, current);
}

TEST_F(DialPlanCommand, MistakesAreOneLineAndStatus2) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {}, {"bob"}, {"bob", "1", "2"}, {"bob", "1", "--at", "noon"}, {"bob", "1", "--at", "2026-02-30 12:00"}, {"bob", "1", "--at", "2026-02-03 24:00"}, {"trunk:x", "1"}, {"line:x", "1"}}) {
    EXPECT_EQ(run(arguments), 2) << testing::PrintToString(arguments);
    EXPECT_THAT(err, StartsWith("parley: "));
    EXPECT_EQ(std::ranges::count(err, '\n'), 1) << err;
  }
  folder.write("parley.toml", "[[rule]]\npattern = \"(\"\nto = \"echo\"\n");
  EXPECT_EQ(run({"guest", "1"}), 2);
  EXPECT_THAT(err, HasSubstr("parley.toml:2:11: rule 1: pattern can't be understood"));
  folder.write("parley.toml", "guests = false\n");
  EXPECT_EQ(run({"guest", "1"}), 2);
}

}  // namespace
