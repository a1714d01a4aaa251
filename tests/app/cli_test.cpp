// The command line: what each command prints, and with what status it ends.
#include "app/cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "app/accounts.hpp"
#include "sip/digest.hpp"
#include "support/temporary_directory.hpp"

namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct CliTest : testing::Test {
  test::TemporaryDirectory folder;
  std::string data = folder.path("data");
  std::string out, err;
  std::optional<app::Config> served;
  int serve_status = 0;

  int run(std::vector<std::string> arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out_stream, err_stream;
    const app::CliEnvironment environment{.in = in, .out = out_stream, .err = err_stream,
                                          .serve = [&](const app::Config& config) { served = config; return serve_status; },
                                          .program_directory = ""};
    const int status = app::run(arguments, environment);
    out = out_stream.str();
    err = err_stream.str();
    return status;
  }
  int account(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "account");
    arguments.insert(arguments.end(), {"--data", data});
    return run(std::move(arguments), input);
  }
};

TEST_F(CliTest, ServesByDefault) {
  EXPECT_EQ(run({}), 0);
  ASSERT_TRUE(served);
  EXPECT_EQ(*served, app::default_config());
  served.reset();
  serve_status = 2;
  EXPECT_EQ(run({"serve"}), 2);
  EXPECT_TRUE(served);
}

TEST_F(CliTest, OptionsMayStandBeforeAndBehindTheCommand) {
  const auto file = folder.write("p.toml", "realm = \"r\"\n");
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--config", file, "--data", "d", "--web", "w"},
                                                                     {"serve", "--config", file, "--data", "d", "--web", "w"},
                                                                     {"--config=" + file, "serve", "--data=d", "--web=w"}}) {
    served.reset();
    EXPECT_EQ(run(arguments), 0) << err;
    ASSERT_TRUE(served);
    EXPECT_EQ(served->realm, "r");
    EXPECT_EQ(served->data_directory, "d");
    EXPECT_EQ(served->web_directory, "w");
  }
}

TEST_F(CliTest, AWrongFileIsOneLineAndStatus2) {
  const auto file = folder.write("p.toml", "\n\nrealms = \"r\"\n");
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--config", file}, {"check", file}, {"account", "list", "--config", file}}) {
    EXPECT_EQ(run(arguments), 2);
    EXPECT_EQ(err, file + ":3:1: unknown key realms at the top of the file\n");
    EXPECT_EQ(out, "");
  }
  EXPECT_FALSE(served);
  EXPECT_EQ(run({"check", folder.path("none")}), 2);
  EXPECT_EQ(err, folder.path("none") + ": No such file or directory\n");
}

TEST_F(CliTest, CheckSaysWhenAFileIsGood) {
  const auto file = folder.write("p.toml", "guests = true\n[[http]]\naddress = \"0.0.0.0:8089\"\ntls = true\n");
  EXPECT_EQ(run({"check", file}), 0) << err;
  EXPECT_EQ(out, file + ": good\n");
}

TEST_F(CliTest, CheckTellsAllMistakesInTheOrderOfTheFile) {
  const auto file = folder.write("p.toml",
                                 "gusts = true\n"                                   // 1
                                 "[calls]\nring_timeout = 1\nsession_expires = 5\n"  // 3, 4
                                 "[registrar]\nmin_expires = \"x\"\nmax_expires = 60\n"   // 6; its own mistake hides what would follow of it
                                 "[[rule]]\npattern = \"(\"\nto = \"echo\"\n"     // 9
                                 "[[rule]]\nname = \"mail\"\npattern = \"1\"\ntimes = [\"sometimes\"]\nto = \"echo\"\n"   // 14
                                 "[[rule]]\npattern = \"2\"\nto = \"group:none\"\n"   // 18
                                 "[[http]]\naddress = \"127.0.0.1:5000\"\n[[http]]\naddress = \"127.0.0.1:5000\"\n");   // 22
  EXPECT_EQ(run({"check", file}), 2);
  EXPECT_EQ(out, "");
  std::vector<std::string> places;
  std::istringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, StartsWith(file + ":"));
    places.push_back(line.substr(file.size() + 1, line.find(' ', file.size()) - file.size() - 2));
  }
  EXPECT_EQ(places, (std::vector<std::string>{"1:1", "3:16", "4:19", "6:15", "9:11", "14:9", "18:6", "22:11"})) << err;
  EXPECT_THAT(err, HasSubstr("rule \"mail\": times"));
  // A start tells the first alone.
  EXPECT_EQ(run({"serve", "--config", file}), 2);
  EXPECT_EQ(std::ranges::count(err, '\n'), 1) << err;
  EXPECT_THAT(err, StartsWith(file + ":1:1: "));
}

TEST_F(CliTest, CheckTellsABoundedNumberOfMistakes) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const auto file = folder.write("p.toml", text);
  EXPECT_EQ(run({"check", file}), 2);
  EXPECT_EQ(std::ranges::count(err, '\n'), 21) << err;
  EXPECT_THAT(err, HasSubstr(file + ":20:1: unknown key key19 "));
  EXPECT_THAT(err, HasSubstr(": and 980 more\n"));
}

TEST_F(CliTest, CheckWarnsOfAccountsThatNobodyKnows) {
  const auto file = folder.write("p.toml",
                                 "supervisors = [\"dave\", \"dvae\"]\n"
                                 "[[account]]\nname = \"filed\"\npassword = \"x\"\n"
                                 "[[webphone_line]]\nname = \"L\"\nnumbers = \"2000-2999\"\n"
                                 "[[group]]\nname = \"g\"\nmembers = [\"filed\", \"2500\",\n  \"3500\"]\n"
                                 "[[queue]]\nname = \"q\"\nagents = [\"dave\", \"Dave\"]\n"
                                 "[[rule]]\npattern = \"1\"\nto = \"account:dave\"\n"
                                 "[[rule]]\nname = \"r\"\npattern = \"(?P<x>.*)\"\nfrom = [\"account:eve\"]\nto = \"account:{x}\"\n"
                                 "[[rule]]\npattern = \"3\"\nto = \"account:nobody\"\n");
  // Without a store there is nothing to hold them against, and none is made.
  EXPECT_EQ(run({"check", file, "--data", data}), 0) << err;
  EXPECT_EQ(err, "");
  EXPECT_FALSE(std::filesystem::exists(data));
  ASSERT_EQ(account({"add", "dave", "--password-stdin"}, "secret\n"), 0) << err;
  EXPECT_EQ(run({"check", file, "--data", data}), 0) << err;
  EXPECT_EQ(out, file + ": good\n");
  EXPECT_EQ(err, "warning: " + file + ":1:24: supervisors: no account called \"dvae\" is known\n" +
                 "warning: " + file + ":11:3: group \"g\": no account and no number of a webphone line called \"3500\" is known\n" +
                 "warning: " + file + ":14:19: queue \"q\": no account called \"Dave\" is known\n" +
                 "warning: " + file + ":21:9: rule \"r\": no account called \"eve\" is known\n" +
                 "warning: " + file + ":25:6: rule 3: no account and no number of a webphone line called \"nobody\" is known\n");
}

// Survival item 26: a certificate that is half written is told before the start.
TEST_F(CliTest, CheckReadsTheCertificatesToo) {
  folder.write("c.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
  folder.write("k.pem", "");
  const auto file = folder.write("p.toml", "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n");
  EXPECT_EQ(run({"check", file}), 2);
  EXPECT_THAT(err, HasSubstr(folder.path("c.pem")));
  EXPECT_EQ(std::ranges::count(err, '\n'), 1);
}

TEST_F(CliTest, WrongCommandLines) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"serf"}, {"--nonsense"}, {"check"}, {"account"}, {"account", "add"}, {"account", "ad", "x"}, {"--config"}, {"version", "serve"}, {"version", "x"}}) {
    EXPECT_EQ(run(arguments), 2) << testing::PrintToString(arguments);
    EXPECT_THAT(err, StartsWith("parley: "));
    EXPECT_EQ(std::ranges::count(err, '\n'), 1) << err;
  }
  EXPECT_FALSE(served);
}

TEST_F(CliTest, VersionAndHelp) {
  EXPECT_EQ(run({"version"}), 0);
  EXPECT_THAT(out, testing::MatchesRegex("parley [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const auto version = out;
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(out, version);
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out, HasSubstr("account"));
  EXPECT_EQ(run({"account", "--help"}), 0);
  EXPECT_THAT(out, HasSubstr("password"));
}

TEST_F(CliTest, AccountsAreMadeListedAndRemoved) {
  EXPECT_EQ(account({"list"}), 0);
  EXPECT_EQ(out, "");
  EXPECT_EQ(account({"add", "bob", "--display-name", "Bob Ä.", "--password-stdin"}, "secret\n"), 0) << err;
  EXPECT_EQ(account({"add", "alice", "--password-stdin"}, "geheim"), 0) << err;
  EXPECT_EQ(account({"list"}), 0);
  EXPECT_EQ(out, "alice\t\nbob\tBob Ä.\n");
  EXPECT_EQ(account({"add", "bob", "--password-stdin"}, "x\n"), 1);
  EXPECT_EQ(err, "parley: account bob is there already\n");
  EXPECT_EQ(account({"display-name", "alice", "Alice A."}), 0) << err;
  EXPECT_EQ(account({"display-name", "alice", " Alice"}), 2);
  EXPECT_EQ(account({"display-name", "eve", "Eve"}), 1);
  EXPECT_EQ(account({"list"}), 0);
  EXPECT_EQ(out, "alice\tAlice A.\nbob\tBob Ä.\n");
  EXPECT_EQ(account({"display-name", "alice", ""}), 0) << err;
  EXPECT_EQ(account({"remove", "bob"}), 0);
  EXPECT_EQ(account({"remove", "bob"}), 1);
  EXPECT_EQ(err, "parley: there is no account bob\n");
  EXPECT_EQ(account({"list"}), 0);
  EXPECT_EQ(out, "alice\t\n");
}

TEST_F(CliTest, PasswordsComeFromStandardInputAlone) {
  EXPECT_EQ(account({"add", "bob"}), 2);
  EXPECT_THAT(err, HasSubstr("--password-stdin"));
  EXPECT_EQ(account({"add", "bob", "--password-stdin"}, ""), 2);
  EXPECT_EQ(account({"add", "bob", "--password-stdin"}, "\n"), 2);
  EXPECT_EQ(account({"add", "bob", "--password-stdin"}, std::string(1025, 'x')), 2);
  EXPECT_EQ(account({"add", "bob", "--password-stdin"}, std::string(1024, 'x') + "\n"), 0) << err;
  EXPECT_EQ(account({"password", "eve", "--password-stdin"}, "x\n"), 1);
}

TEST_F(CliTest, NamesAreChecked) {
  for (const std::string name : {"a b", "a@b", "a\x01", "", "\xc3\xa9"}) {
    EXPECT_EQ(account({"add", name, "--password-stdin"}, "x\n"), 2) << name;
    EXPECT_EQ(account({"remove", name}), 2) << name;
  }
  EXPECT_EQ(account({"add", "bob", "--password-stdin", "--display-name", "a\tb"}, "x\n"), 2);
  EXPECT_EQ(account({"add", "bob", "--password-stdin", "--display-name", std::string(81, 'x')}, "x\n"), 2);
  EXPECT_EQ(account({"list"}), 0);
  EXPECT_EQ(out, "");
}

TEST_F(CliTest, AStoreThatCantBeOpenedIsOneLineAndStatus1) {
  std::ofstream(data) << "a file";
  EXPECT_EQ(account({"list"}), 1);
  EXPECT_EQ(err, data + ": Not a directory\n");
}

struct AccountsFeedTest : CliTest {
  app::Config config() const {
    auto c = app::default_config();
    c.data_directory = data;
    return c;
  }
};

// A running server has its store open while `parley account` writes to it.
TEST_F(AccountsFeedTest, ARunningServerSeesWhatTheCommandsDo) {
  auto feed = app::AccountsFeed::open(config());
  ASSERT_TRUE(feed);
  auto accounts = (*feed)->poll();
  ASSERT_TRUE(accounts);
  EXPECT_TRUE(accounts->empty());
  EXPECT_FALSE((*feed)->poll());

  ASSERT_EQ(account({"add", "bob", "--password-stdin"}, "secret\r\n"), 0);
  accounts = (*feed)->poll();
  ASSERT_TRUE(accounts);
  ASSERT_EQ(accounts->size(), 1u);
  // RFC 7616 3.4.2
  EXPECT_EQ(accounts->front().hashes.ha1, sip::StoredHashes::make("bob", "parley", "secret").ha1);
  EXPECT_FALSE((*feed)->poll());

  ASSERT_EQ(account({"password", "bob", "--password-stdin"}, "other\n"), 0);
  accounts = (*feed)->poll();
  ASSERT_TRUE(accounts);
  EXPECT_EQ(accounts->front().hashes.ha1, sip::StoredHashes::make("bob", "parley", "other").ha1);

  ASSERT_EQ(account({"remove", "bob"}), 0);
  EXPECT_TRUE((*feed)->poll()->empty());
}

TEST_F(AccountsFeedTest, APasswordOfAnotherRealmProvesNothing) {
  ASSERT_EQ(account({"add", "bob", "--password-stdin"}, "secret\n"), 0);
  auto other = config();
  other.realm = "example.org";
  auto feed = app::AccountsFeed::open(other);
  ASSERT_TRUE(feed);
  const auto accounts = (*feed)->poll();
  ASSERT_TRUE(accounts);
  ASSERT_EQ(accounts->size(), 1u);
  for (const auto& hash : accounts->front().hashes.ha1) EXPECT_EQ(hash, "");
}

// Survival item 23: nothing in the folder tells the password.
TEST_F(AccountsFeedTest, NoFileHoldsAPassword) {
  ASSERT_EQ(account({"add", "bob", "--password-stdin"}, "correct-horse-battery\n"), 0);
  for (const auto& file : std::filesystem::directory_iterator(data)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(text.find("correct-horse"), text.npos) << file.path();
  }
}

}  // namespace
