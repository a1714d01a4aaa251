// Webphone lines and tokens in the configuration and on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "app/cli.hpp"
#include "app/webphone_tokens.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using Access = app::WebphoneLineSettings::Access;

constexpr auto kPublicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

std::string error_of(std::string_view text) {
  const auto config = app::parse_config(text, "p.toml");
  return config ? "" : config.error().detail;
}

TEST(WebphoneConfig, LinesAreReadWhole) {
  const auto config = app::parse_config(R"(
[[webphone_line]]
name = "Support"
access = "password"
password = "opensesame"
origins = ["https://shop.example"]
default_target = "1500"
call_rooms = false
numbers = "2000-2999"
max_clients = 100
grace = 5
[[webphone_line]]
name = "Team"
access = "token"
numbers = 8
[tokens]
secret = "0123456789012345678901234567890123456789"
)", "p.toml");
  ASSERT_TRUE(config) << config.error().detail;
  ASSERT_EQ(config->webphone_lines.size(), 2u);
  const auto& a = config->webphone_lines[0];
  EXPECT_EQ(a.name, "Support");
  EXPECT_EQ(a.access, Access::kPassword);
  EXPECT_EQ(a.password, "opensesame");
  EXPECT_EQ(a.origins, std::vector<std::string>{"https://shop.example"});
  EXPECT_EQ(a.default_target, "1500");
  EXPECT_TRUE(a.call_clients && a.call_accounts);
  EXPECT_FALSE(a.call_rooms);
  EXPECT_EQ(a.number_min, 2000u);
  EXPECT_EQ(a.number_max, 2999u);
  EXPECT_EQ(a.max_clients, 100u);
  EXPECT_EQ(a.grace, 5s);
  EXPECT_EQ(config->webphone_lines[1].number_length, 8u);
  EXPECT_EQ(config->webphone_lines[1].number_max, 0u);
  EXPECT_EQ(app::webphone_lines(*config), config->webphone_lines);
  EXPECT_EQ(config->tokens.secret.size(), 40u);
}

// Rule 12
TEST(WebphoneConfig, TheDefaultLineIsOpenWhereGuestsAre) {
  const auto lines = app::webphone_lines(app::default_config());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].name, "Webphone1");
  EXPECT_EQ(lines[0].access, Access::kOpen);
  EXPECT_TRUE(app::webphone_lines(*app::parse_config("guests = false", "p.toml")).empty());
}

TEST(WebphoneConfig, TheLiveChatsRoomIsThereWhereItsLineIs) {
  EXPECT_TRUE(app::default_config().names_room("livechat"));
  EXPECT_FALSE(app::default_config().names_room("other"));
  EXPECT_FALSE(app::parse_config("guests = false", "p.toml")->names_room("livechat"));
  const std::string line = "[[webphone_line]]\nname = \"Webphone1\"\n";
  EXPECT_FALSE(app::parse_config(line, "p.toml")->names_room("livechat"));
  EXPECT_TRUE(app::parse_config(line + "[room.livechat]\n", "p.toml")->names_room("livechat"));
}

TEST(WebphoneConfig, WhatIsWrongHasItsPlace) {
  EXPECT_EQ(error_of("[[webphone_line]]\nacces = \"open\"\n"), "p.toml:2:1: unknown key acces in [[webphone_line]]");
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"x\"\naccess = \"all\"\n"), StartsWith("p.toml:3:10: access must be one of open, password, token"));
  EXPECT_THAT(error_of("[[webphone_line]]\naccess = \"open\"\n"), HasSubstr("needs a name"));
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a b\"\n"), HasSubstr("letters, digits"));
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a\"\naccess = \"password\"\n"), HasSubstr("go together"));
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a\"\npassword = \"x\"\n"), HasSubstr("go together"));
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a\"\n[[webphone_line]]\nname = \"A\"\n"), HasSubstr("is there twice"));
  for (const auto* numbers : {"4", "33", "\"10\"", "\"20-10\"", "\"0-5\"", "\"1-2000000\"", "\"a-b\"", "[]", "1.5"}) {
    EXPECT_THAT(error_of(std::string("[[webphone_line]]\nname = \"a\"\nnumbers = ") + numbers + "\n"), StartsWith("p.toml:3:11: numbers must be")) << numbers;
  }
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a\"\ngrace = 15\n"), HasSubstr("from 0 to 14"));
  EXPECT_THAT(error_of("[[webphone_line]]\nname = \"a\"\norigins = [\"shop.example\"]\n"), HasSubstr("origin"));
  EXPECT_EQ(error_of("[tokens]\nsecret = \"short\"\n"), "p.toml:2:10: secret must have at least 32 bytes");
}

struct TokenCommandTest : testing::Test {
  test::TemporaryDirectory folder;
  app::Config config = app::default_config();
  std::string out, err;

  void SetUp() override { config.data_directory = folder.path("data"); }
  int run(std::vector<std::string> arguments) {
    std::istringstream in;
    std::ostringstream out_stream, err_stream;
    const app::CliEnvironment environment{.in = in, .out = out_stream, .err = err_stream, .serve = [](const app::Config&) { return 0; }, .program_directory = ""};
    arguments.insert(arguments.begin(), "token");
    arguments.insert(arguments.end(), {"--data", config.data_directory});
    const int status = app::run(arguments, environment);
    out = out_stream.str();
    err = err_stream.str();
    return status;
  }
  base::Result<pbx::TokenClaims> read() { return app::load_token_keys(config)->verify(std::string_view(out).substr(0, out.find('\n')), std::chrono::system_clock::now()); }
};

// Survival item 23
TEST_F(TokenCommandTest, TheSecretIsMadeOnceForItsOwnerAlone) {
  ASSERT_TRUE(app::load_token_keys(config));
  const auto path = config.data_directory + "/webphone-token-secret";
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(config.data_directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(run({"--line", "Webphone1"}), 0) << err;
  EXPECT_TRUE(read());                                  // by keys that were loaded anew
}

TEST_F(TokenCommandTest, SaysWhatItWasTold) {
  ASSERT_EQ(run({"--line", "webphone1", "--name", "Ann", "--room", "team", "--expires", "60", "--may", "message,supervise"}), 0) << err;
  const auto claims = read();
  ASSERT_TRUE(claims) << claims.error().detail;
  EXPECT_EQ(claims->line, "Webphone1");
  EXPECT_EQ(claims->display_name, "Ann");
  EXPECT_EQ(claims->room, "team");
  EXPECT_EQ(pbx::names(claims->may), (std::vector<std::string>{"message", "supervise"}));
  EXPECT_LE(claims->expires, std::chrono::system_clock::now() + 61s);
  ASSERT_EQ(run({"--line", "Webphone1"}), 0);
  EXPECT_EQ(pbx::names(read()->may), (std::vector<std::string>{"message", "internal"}));
}

TEST_F(TokenCommandTest, MistakesAreOneLine) {
  EXPECT_EQ(run({"--line", "Nowhere"}), 2);
  EXPECT_EQ(err, "parley: there is no webphone line \"Nowhere\"\n");
  EXPECT_EQ(run({"--line", "Webphone1", "--may", "everything"}), 2);
  EXPECT_THAT(err, HasSubstr("is none of message"));
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"--line", "Webphone1", "--expires", "0"}), 2);
}

TEST_F(TokenCommandTest, KeysThatAreNone) {
  config.tokens.public_key = folder.write("key.pem", kPublicKey);
  EXPECT_TRUE(app::load_token_keys(config)) << app::load_token_keys(config).error().detail;
  EXPECT_TRUE(app::check_token_keys(config));
  config.tokens.public_key = folder.write("bad.pem", "nothing");
  EXPECT_FALSE(app::check_token_keys(config));
  EXPECT_THAT(app::load_token_keys(config).error().detail, HasSubstr("bad.pem: that is no public key"));
  config.tokens.public_key = folder.path("none.pem");
  EXPECT_THAT(app::load_token_keys(config).error().detail, HasSubstr("none.pem: No such file"));
  config.tokens.public_key.clear();
  folder.write("data/webphone-token-secret", "short\n");
  EXPECT_THAT(app::load_token_keys(config).error().detail, HasSubstr("webphone-token-secret: a token secret has at least 32 bytes"));
}

}  // namespace
