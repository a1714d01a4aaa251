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
