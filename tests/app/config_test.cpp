// The configuration: what a file may say, and where and how a wrong one is told off.
#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "app/config_keys.hpp"
#include "support/temporary_directory.hpp"

namespace {

using app::Config;
using app::parse_config;
using std::chrono::seconds;

std::string error_of(std::string_view text) {
  const auto config = parse_config(text, "p.toml");
  return config ? "" : config.error().detail;
}

Config good(std::string_view text) {
  auto config = parse_config(text, "p.toml");
  EXPECT_TRUE(config) << config.error().detail;
  return config ? std::move(*config) : Config{};
}

TEST(Config, AnEmptyFileIsTheDefault) {
  const auto config = good("");
  EXPECT_EQ(config, app::default_config());
  ASSERT_EQ(config.http.size(), 1u);
  EXPECT_EQ(config.http[0].address.to_string(), "127.0.0.1:7777");
  EXPECT_FALSE(config.http[0].tls);
  ASSERT_EQ(config.sip.size(), 2u);
  EXPECT_EQ(config.sip[0].address.to_string(), "127.0.0.1:5060");
  EXPECT_EQ(config.sip[0].transport, app::SipTransport::kUdp);
  EXPECT_EQ(config.sip[1].transport, app::SipTransport::kTcp);
  EXPECT_TRUE(config.guests);
}

TEST(Config, AFileThatSaysMuch) {
  const auto config = good(R"(
guests = true
guests_create_rooms = false
realm = "example.org"
websocket_paths = ["/ws", "/sip"]
[threads]
io = 4
media = 8
[[http]]
address = "0.0.0.0:8089"
tls = true
names = ["Talk.Example.Org"]
origins = ["https://example.org", "https://example.org:8443"]
[[http]]
address = "[::1]:7777"
[[sip]]
transport = "tls"
address = "[::]:5061"
external = "sip.example.org:5061"
[tls]
certificate = "c.pem"
key = "k.pem"
[authentication]
algorithms = ["SHA-512-256", "SHA-256"]
nonce_lifetime = 60
[registrar]
max_expires = 600
[calls]
session_expires = 1800
[media]
addresses = ["192.0.2.7", "2001:db8::7"]
external_address = "198.51.100.1"
port = 7000
rtp_ports = "20000-20999"
liveness = 20
tcp = false
[messages]
types = ["Text/Plain"]
max_size = 1000
rate = 0.5
burst = 3
[limits]
banned = ["203.0.113.9"]
requests_per_second = 10
[log]
level = "debug"
)");
  EXPECT_FALSE(config.guests_create_rooms);
  EXPECT_EQ(config.realm, "example.org");
  EXPECT_THAT(config.websocket_paths, testing::ElementsAre("/ws", "/sip"));
  EXPECT_EQ(config.io_threads, 4u);
  EXPECT_EQ(config.media_threads, 8u);
  ASSERT_EQ(config.http.size(), 2u);
  EXPECT_TRUE(config.http[0].tls);
  EXPECT_THAT(config.http[0].names, testing::ElementsAre("talk.example.org"));
  EXPECT_THAT(config.http[0].origins, testing::ElementsAre("https://example.org", "https://example.org:8443"));
  EXPECT_EQ(config.http[1].address.to_string(), "[::1]:7777");
  ASSERT_EQ(config.sip.size(), 1u);
  EXPECT_EQ(config.sip[0].transport, app::SipTransport::kTls);
  EXPECT_EQ(config.sip[0].external, "sip.example.org:5061");
  EXPECT_EQ(config.certificate, "c.pem");
  EXPECT_EQ(config.algorithms, (std::vector{app::HashAlgorithm::kSha512_256, app::HashAlgorithm::kSha256}));
  EXPECT_EQ(config.max_expires, seconds(600));
  EXPECT_EQ(config.default_expires, seconds(600));   // nobody wrote it: it follows
  EXPECT_EQ(config.session_expires, seconds(1800));
  EXPECT_EQ(config.media.addresses.size(), 2u);
  EXPECT_EQ(config.media.external.ip(), "198.51.100.1");
  EXPECT_EQ(config.media.rtp_port_min, 20000);
  EXPECT_EQ(config.media.rtp_port_max, 20999);
  EXPECT_EQ(config.media.liveness, seconds(20));
  EXPECT_FALSE(config.media.tcp);
  EXPECT_THAT(config.messages.types, testing::ElementsAre("text/plain"));
  EXPECT_EQ(config.messages.rate, 0.5);
  ASSERT_EQ(config.limits.banned.size(), 1u);
  EXPECT_EQ(config.limits.banned[0].ip(), "203.0.113.9");
  EXPECT_EQ(config.log_level, "debug");
}

TEST(Config, WhereAsterisksAppsLookIsOneTable) {
  const auto config = good("guests = true\n[[http]]\naddress = \"0.0.0.0:8089\"\ntls = true\n");
  EXPECT_EQ(config.http[0].address.port(), 8089);
  EXPECT_TRUE(config.http[0].certificate.empty());
}

TEST(Config, RoomsInheritAndOverride) {
  const auto config = good(R"(
[room."Team Talk"]
video = false
video_codecs = ["H264", "VP8"]
[rooms]
enable_events = true
max_members = 50
[room.lobby]
max_members = 5
)");
  EXPECT_TRUE(config.rooms.enable_events);
  const auto& team = config.room_settings("team talk");
  EXPECT_FALSE(team.video);
  EXPECT_TRUE(team.enable_events);
  EXPECT_EQ(team.max_members, 50u);
  EXPECT_THAT(team.video_codecs, testing::ElementsAre("H264", "VP8"));
  EXPECT_EQ(config.room_settings("lobby").max_members, 5u);
  EXPECT_EQ(config.room_settings("other"), config.rooms);
}

struct Wrong {
  const char* text;
  const char* message;
};
class ConfigErrors : public testing::TestWithParam<Wrong> {};

TEST_P(ConfigErrors, AreOneLineWithFileLineAndColumn) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConfigErrors,
    testing::Values(
        Wrong{"trusted_proxies = [\"10.0.0.0/33\"]", "p.toml:1:19: trusted_proxies \"10.0.0.0/33\" is no IP address and no subnet like 10.0.0.0/8"},
        Wrong{"trusted_proxies = [\"proxy.example\"]", "p.toml:1:19: trusted_proxies \"proxy.example\" is no IP address and no subnet like 10.0.0.0/8"},
        Wrong{"gusts = true", "p.toml:1:1: unknown key gusts at the top of the file"},
        Wrong{"\n[media]\n  ports = 3", "p.toml:3:3: unknown key ports in [media]"},
        Wrong{"[[http]]\nadress = \"x\"", "p.toml:2:1: unknown key adress in [[http]]"},
        Wrong{"[room.\"a b\"]\npin = \"1\"", "p.toml:2:1: unknown key pin in [room.\"a b\"]"},
        Wrong{"[medai]\nport = 1", "p.toml:1:2: unknown key medai at the top of the file"},
        Wrong{"guests = \"yes\"", "p.toml:1:10: guests must be true or false, not a string"},
        Wrong{"[media]\nport = \"7000\"", "p.toml:2:8: port must be an integer, not a string"},
        Wrong{"[media]\nport = 70000", "p.toml:2:8: port must be from 0 to 65535, not 70000"},
        Wrong{"[media]\nport = -1", "p.toml:2:8: port must be from 0 to 65535, not -1"},
        Wrong{"[media]\nport = 1.5", "p.toml:2:8: port must be an integer, not a number"},
        Wrong{"[media]\nrtp_ports = \"30000\"",
              "p.toml:2:13: rtp_ports must be two ports from 1024 to 65535 with room for a pair, as 20000-29999, not \"30000\""},
        Wrong{"[media]\nrtp_ports = \"30000-20000\"",
              "p.toml:2:13: rtp_ports must be two ports from 1024 to 65535 with room for a pair, as 20000-29999, not \"30000-20000\""},
        Wrong{"[media]\nexternal_address = \"example.org\"", "p.toml:2:20: external_address must be an IP address, not \"example.org\""},
        Wrong{"[rooms]\nmixing_interval = 30", "p.toml:2:19: mixing_interval must be one of 10, 20, 40, not 30"},
        Wrong{"[rooms]\nvideo_codecs = [\"VP8\", \"H265\"]", "p.toml:2:16: video_codecs must be one of VP8, VP9, H264, AV1, not \"H265\""},
        Wrong{"[rooms]\nvideo_codecs = [\"VP8\", \"VP8\"]", "p.toml:2:16: video_codecs names \"VP8\" twice"},
        Wrong{"[rooms]\nvideo_codecs = []", "p.toml:2:16: video_codecs must not be empty"},
        Wrong{"[authentication]\nalgorithms = [\"SHA-1\"]",
              "p.toml:2:14: algorithms must be one of MD5, SHA-256, SHA-512-256, not \"SHA-1\""},
        Wrong{"[messages]\ntypes = [\"text/plain\", 3]", "p.toml:2:9: types must be a list of strings; one element is an integer"},
        Wrong{"[messages]\ntypes = \"text/plain\"", "p.toml:2:9: types must be a list of strings, not a string"},
        Wrong{"[messages]\ntypes = [\"text\"]", "p.toml:2:9: types \"text\" must be a media type, as text/plain or text/*"},
        Wrong{"[messages]\nrate = nan", "p.toml:2:8: rate must be from 0 to 100000, not nan"},
        Wrong{"[[sip]]\ntransport = \"sctp\"", "p.toml:2:13: transport must be one of udp, tcp, tls, not \"sctp\""},
        Wrong{"[[sip]]\naddress = \"localhost:5060\"",
              "p.toml:2:11: address must be an IP address and a port, as 127.0.0.1:7777 or [::]:7777, not \"localhost:5060\""},
        Wrong{"[[sip]]\naddress = \"127.0.0.1\"",
              "p.toml:2:11: address must be an IP address and a port, as 127.0.0.1:7777 or [::]:7777, not \"127.0.0.1\""},
        Wrong{"[[http]]\norigins = [\"example.org\"]",
              "p.toml:2:11: origins \"example.org\" must be an origin as browsers send it, as https://example.org, or \"*\""},
        Wrong{"[[http]]\nnames = [\"a b\"]", "p.toml:2:9: names \"a b\" must be a host name or an IP address, without a port"},
        Wrong{"websocket_paths = [\"ws\"]", "p.toml:1:19: websocket_paths \"ws\" must be a path, as /ws"},
        Wrong{"realm = \"a:b\"", "p.toml:1:9: realm must not hold a colon, a quote or a backslash"},
        Wrong{"data = \"a\\u0001\"", "p.toml:1:8: data must not hold control characters"},
        Wrong{"[log]\nlevel = \"loud\"", "p.toml:2:9: level must be one of trace, debug, info, warn, error, critical, off, not \"loud\""},
        Wrong{"media = 3", "p.toml:1:9: media must be a table, not an integer"},
        Wrong{"http = 3", "p.toml:1:8: http must be a table, not an integer"},
        Wrong{"[registrar]\nmin_expires = 600\nmax_expires = 300", "p.toml:1:2: max_expires must not be less than min_expires"},
        Wrong{"[[http]]\ntls = true\ncertificate = \"c.pem\"", "p.toml:1:1: certificate and key go together"},
        Wrong{"[[http]]\ncertificate = \"c.pem\"\nkey = \"k.pem\"", "p.toml:1:1: a certificate needs tls = true"},
        Wrong{"[[http]]\n[[http]]\naddress = \"127.0.0.1:7777\"", "p.toml:3:11: address 127.0.0.1:7777 is listened on twice"},
        Wrong{"[room.A]\n[room.a]", "p.toml:2:7: room \"a\" is there twice: names of rooms are compared without case"},
        // Of several the first.
        Wrong{"zebra = 1\nape = 2", "p.toml:1:1: unknown key zebra at the top of the file"}));

TEST(Config, TomlThatIsNoneHasItsPlaceToo) {
  EXPECT_THAT(error_of("guests = true\nrealm = \"x"), testing::StartsWith("p.toml:2:"));
  EXPECT_THAT(error_of("a = 1\na = 2"), testing::StartsWith("p.toml:2:"));
  EXPECT_THAT(error_of("\xff\xfe"), testing::StartsWith("p.toml:1:"));
  EXPECT_THAT(error_of(std::string(3000, '[')), testing::StartsWith("p.toml:1:"));
}

TEST(Config, AnErrorIsAlwaysOneLine) {
  const auto error = error_of("\"bad\\nkey\\u001b[31m\" = 1");
  EXPECT_THAT(error, testing::StartsWith("p.toml:1:1: unknown key bad"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_EQ(error.find('\x1b'), std::string::npos);
}

// Survival item 23
TEST(Config, StrangersAreLetInOnlyInWords) {
  const auto listener = std::string("[[http]]\naddress = \"0.0.0.0:7777\"\n");
  EXPECT_THAT(error_of(listener), testing::StartsWith("p.toml:2:11: address 0.0.0.0:7777 can be reached from elsewhere: say guests = true"));
  EXPECT_EQ(error_of("guests = true\n" + listener), "");
  EXPECT_EQ(error_of("guests = false\n" + listener), "");
  EXPECT_NE(error_of("[[sip]]\naddress = \"[::]:5060\"\n"), "");
  EXPECT_NE(error_of("[[sip]]\naddress = \"192.0.2.1:5060\"\n"), "");
  EXPECT_EQ(error_of("[[sip]]\naddress = \"127.0.0.9:5060\"\n[[http]]\naddress = \"[::1]:80\"\n"), "");
}

TEST(Config, PathsAreRelativeToTheFile) {
  const test::TemporaryDirectory folder;
  folder.write("c.pem", "");
  const auto key = folder.write("k.pem", "");
  const auto file = folder.write("parley.toml", "data = \"state\"\n[tls]\ncertificate = \"../" + std::filesystem::path(folder.path()).filename().string() +
                                                    "/c.pem\"\nkey = \"" + key + "\"\n");
  const auto config = app::load_config(file);
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->data_directory, folder.path("state"));
  EXPECT_EQ(config->certificate, folder.path("c.pem"));
  EXPECT_EQ(config->key, key);
  EXPECT_EQ(app::load_config(folder.write("empty.toml", ""))->data_directory, "./data");
}

TEST(Config, ACertificateThatIsNotThereIsToldWithItsPlace) {
  const test::TemporaryDirectory folder;
  const auto tls = folder.write("tls.toml", "realm = \"r\"\n[tls]\ncertificate = \"none.pem\"\nkey = \"none.key\"\n");
  EXPECT_EQ(app::load_config(tls).error().detail, tls + ":2:2: there is no certificate file " + folder.path("none.pem"));
  const auto http = folder.write("http.toml", "[[http]]\ntls = true\ncertificate = \"none.pem\"\nkey = \"none.key\"\n");
  EXPECT_EQ(app::load_config(http).error().detail, http + ":1:1: there is no certificate file " + folder.path("none.pem"));
}

TEST(Config, FilesThatCantBeRead) {
  const test::TemporaryDirectory folder;
  EXPECT_EQ(app::load_config(folder.path("none")).error().detail, folder.path("none") + ": No such file or directory");
  EXPECT_EQ(app::load_config(folder.path()).error().detail, folder.path() + ": is a folder, not a file");
  const auto large = folder.write("large", std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(app::load_config(large).error().detail, large + ":1:1: is larger than 1 MiB");
}

// The table's defaults are those of the program.
TEST(ConfigReference, DefaultsAreWhatTheTableSays) {
  std::string all;
  for (const auto& section : app::config_sections()) {
    if (!section.name.empty()) all += fmt::format("[{}]\n", section.name);
    for (const auto& key : section.keys) {
      const auto line = fmt::format("{} = {}\n", key.name, key.fallback);
      all += line;
      EXPECT_EQ(good(section.name.empty() ? line : fmt::format("[{}]\n{}", section.name, line)), app::default_config()) << line;
    }
  }
  all += "[rooms]\n";
  for (const auto& key : app::room_keys()) all += fmt::format("{} = {}\n", key.name, key.fallback);
  all += "[[http]]\n";
  for (const auto& key : app::http_keys()) all += fmt::format("{} = {}\n", key.name, key.fallback);
  for (const auto* transport : {"udp", "tcp"}) {
    all += "[[sip]]\n";
    for (const auto& key : app::sip_keys()) {
      all += key.name == "transport" ? fmt::format("transport = \"{}\"\n", transport) : fmt::format("{} = {}\n", key.name, key.fallback);
    }
  }
  EXPECT_EQ(good(all), app::default_config());
}

// Every key has its row in docs/configuration.md; PARLEY_UPDATE_DOCS=1 writes it anew.
TEST(ConfigReference, TheDocumentIsCurrent) {
  const std::string path = std::string(PARLEY_SOURCE_DIR) + "/docs/configuration.md";
  std::ifstream in(path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  const std::string mark = "## All keys\n\n";
  const auto start = text.find(mark);
  ASSERT_NE(start, text.npos);
  if (std::getenv("PARLEY_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << text.substr(0, start + mark.size()) << app::config_reference();
  } else {
    EXPECT_EQ(text.substr(start + mark.size()), app::config_reference()) << "tools/config-docs brings it up to date";
  }
}

// The example in the document is one that works.
TEST(ConfigReference, TheExampleIsGood) {
  std::ifstream in(std::string(PARLEY_SOURCE_DIR) + "/docs/configuration.md");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::size_t examples = 0;
  for (auto at = text.find("```toml\n"); at != text.npos; at = text.find("```toml\n", at + 1), ++examples) {
    const auto begin = at + 8;
    EXPECT_EQ(error_of(text.substr(begin, text.find("```", begin) - begin)), "");
  }
  EXPECT_GE(examples, 1u);
}

}  // namespace
