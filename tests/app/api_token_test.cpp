// Keys to the REST API: by the command line, the first one by itself; and a node that serves the API.
#include "app/api_token_commands.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/cli.hpp"
#include "app/node.hpp"
#include "store/message_store_sqlite.hpp"
#include "support/message_store_client.hpp"
#include "support/socket_client.hpp"
#include "support/temporary_directory.hpp"

namespace {

struct ApiTokenTest : testing::Test {
  test::TemporaryDirectory folder;
  std::string data = folder.path("data");
  std::string out, err;

  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "api-token");
    arguments.insert(arguments.end(), {"--data", data});
    std::istringstream in;
    std::ostringstream out_stream, err_stream;
    const int status = app::run(arguments, {.in = in, .out = out_stream, .err = err_stream, .serve = [](const app::Config&) { return 0; }, .program_directory = ""});
    out = out_stream.str();
    err = err_stream.str();
    return status;
  }
  app::Config config() const {
    auto config = app::default_config();
    config.data_directory = data;
    return config;
  }
  std::string file() const {
    std::ifstream in(data + "/admin-token");
    std::string line;
    std::getline(in, line);
    return line;
  }
  std::unique_ptr<app::Node> node(app::NodeConfig wanted = {}) {
    wanted.data_directory = data;
    wanted.http.listeners.push_back({*base::SocketAddress::parse("127.0.0.1", 0), nullptr, false});
    wanted.media.threads = 1;
    auto started = app::Node::start(std::move(wanted));
    if (!started) ADD_FAILURE() << started.error().detail;
    return started ? std::move(*started) : nullptr;
  }
  static std::string ask(const app::Node& node, std::string_view method, const std::string& path, const std::string& token, const std::string& body = {}) {
    support::SocketClient client(node.http_address(0));
    auto request = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
    if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
    if (!body.empty()) request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return client.http(request + "\r\n" + body);
  }
  static int status(const std::string& answer) { return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0; }
};

TEST_F(ApiTokenTest, AreMadeListedAndRevoked) {
  EXPECT_EQ(run({"add", "--name", "Reception", "--scope", "rooms", "--scope", "calls:read"}), 0) << err;
  EXPECT_TRUE(out.starts_with("parley_"));
  EXPECT_EQ(out.size(), 48u);
  const auto token = out.substr(0, 47);
  EXPECT_EQ(run({"add", "--name", "All", "--scope", "admin"}), 0);
  EXPECT_EQ(run({"list"}), 0);
  EXPECT_NE(out.find("\tReception\trooms calls:read\n"), std::string::npos) << out;
  EXPECT_EQ(out.find(token), std::string::npos);
  const auto at = out.rfind('\n', out.find("\tReception"));
  const auto begin = at == std::string::npos ? 0 : at + 1;
  EXPECT_EQ(run({"remove", out.substr(begin, out.find('\t', begin) - begin)}), 0) << err;
  EXPECT_EQ(run({"remove", "nothing"}), 1);
  EXPECT_EQ(err, "parley: there is no API token nothing\n");
  EXPECT_EQ(run({"add", "--name", "x", "--scope", "root"}), 2);
  EXPECT_EQ(err, "parley: there is no scope root\n");
  EXPECT_EQ(run({"add", "--name", "x"}), 2);
  EXPECT_EQ(run({"add", "--name", " x", "--scope", "rooms"}), 2);
}

TEST_F(ApiTokenTest, SurvivalItem23TheFirstIsMadeOnceInAFileOfMode0600) {
  ASSERT_TRUE(app::ensure_admin_token(config()));
  const auto first = file();
  EXPECT_EQ(first.size(), 47u);
  struct stat status{};
  ASSERT_EQ(::stat((data + "/admin-token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_TRUE(app::ensure_admin_token(config()));
  EXPECT_EQ(file(), first);
  run({"list"});
  const auto id = out.substr(0, out.find('\t'));
  EXPECT_EQ(run({"remove", id}), 0);
  // A revoked one does not come back, and its file is not written over.
  ASSERT_TRUE(app::ensure_admin_token(config()));
  run({"list"});
  EXPECT_EQ(out, "");
  std::filesystem::remove(data + "/admin-token");
  ASSERT_TRUE(app::ensure_admin_token(config()));
  EXPECT_NE(file(), first);
}

TEST_F(ApiTokenTest, ALinkInPlaceOfTheFileIsNotFollowed) {
  std::filesystem::create_directory(data);
  std::filesystem::create_symlink(folder.path("elsewhere"), data + "/admin-token");
  static_cast<void>(app::ensure_admin_token(config()));
  EXPECT_FALSE(std::filesystem::exists(folder.path("elsewhere")));
}

TEST_F(ApiTokenTest, ANodeServesTheApi) {
  ASSERT_TRUE(app::ensure_admin_token(config()));
  const auto running = node();
  ASSERT_TRUE(running);
  EXPECT_EQ(status(ask(*running, "GET", "/api/openapi.json", "")), 200);
  EXPECT_EQ(status(ask(*running, "GET", "/api/v1/status", "")), 401);
  EXPECT_EQ(status(ask(*running, "GET", "/api/v1/status", file())), 200);
  EXPECT_EQ(status(ask(*running, "POST", "/api/v1/accounts", file(), R"({"name":"dave","password":"correct horse"})")), 201);
  const auto large = ask(*running, "POST", "/api/v1/accounts", file(), std::string(300'000, 'x'));
  EXPECT_EQ(status(large), 413);
  EXPECT_NE(large.find("application/problem+json"), large.npos) << large;   // RFC 9457
  const auto of_page = support::SocketClient(running->http_address(0))
                           .http("POST /api/webphone/connect HTTP/1.1\r\nHost: localhost\r\nOrigin: https://page.example\r\nContent-Length: 20000\r\n\r\n");
  EXPECT_EQ(status(of_page), 413);
  EXPECT_NE(of_page.find("Access-Control-Allow-Origin: https://page.example\r\n"), of_page.npos) << of_page;   // the page may read why
  EXPECT_EQ(status(ask(*running, "GET", "/api/v1/rooms/team/messages", file())), 200);
  // One that the command line makes or revokes is seen by and by.
  ASSERT_EQ(run({"add", "--name", "x", "--scope", "rooms:read"}), 0);
  const auto token = out.substr(0, 47);
  EXPECT_TRUE(support::eventually([&] { return status(ask(*running, "GET", "/api/v1/rooms", token)) == 200; }));
}

TEST_F(ApiTokenTest, AScriptThatIsNotThereIsNotKeptAsMissing) {
  std::filesystem::create_directories(folder.path("web"));
  std::ofstream(folder.path("web") + "/widget.js") << "1;";
  app::NodeConfig wanted;
  wanted.web_directory = folder.path("web");
  const auto running = node(std::move(wanted));
  ASSERT_TRUE(running);
  const auto there = ask(*running, "GET", "/widget.js", ""), missing = ask(*running, "GET", "/WebphoneAPI", "");
  EXPECT_EQ(status(there), 200);
  EXPECT_NE(there.find("Cache-Control: public, max-age=300\r\n"), there.npos) << there;
  EXPECT_EQ(status(missing), 404);
  EXPECT_NE(missing.find("Cache-Control: no-store\r\n"), missing.npos) << missing;
}

TEST_F(ApiTokenTest, ANodeForgetsWhatIsOld) {
  const auto now = std::chrono::system_clock::now();
  {
    test::StoreClient client;
    const auto store = store::open_sqlite_messages(data, client.post()).value();
    for (const std::string room : {"daily", "archive"}) {
      store::StoredMessage message{.conversation = "room:" + room, .sequence = 1, .message_id = room, .time = now - std::chrono::hours(48), .display_name = "Ann",
                                   .content_type = "text/plain", .body = base::share("said long ago")};
      ASSERT_TRUE(client.append(*store, message));
    }
    for (const int days : {1, 20}) {
      store::CallRecord call{.id = std::to_string(days), .from_uri = "sip:a@b", .to_uri = "sip:c@b", .start = now - std::chrono::hours(24 * days)};
      ASSERT_TRUE(client.get<void>([&](auto done) { return store->put_call(call, done); }));
    }
  }
  ASSERT_TRUE(app::ensure_admin_token(config()));
  app::NodeConfig wanted;
  wanted.history_age = std::chrono::hours(24);
  wanted.history_ages["archive"] = std::chrono::hours(72);
  wanted.record_age = std::chrono::hours(24 * 10);
  const auto running = node(std::move(wanted));
  ASSERT_TRUE(running);
  const auto says = [&](const std::string& path, const char* what) { return ask(*running, "GET", path, file()).find(what) != std::string::npos; };
  EXPECT_TRUE(support::eventually([&] { return !says("/api/v1/rooms/daily/messages", "said long ago"); }));
  EXPECT_TRUE(support::eventually([&] { return !says("/api/v1/call-records", R"("id":"20")"); }));
  EXPECT_TRUE(says("/api/v1/rooms/archive/messages", "said long ago"));
  EXPECT_TRUE(says("/api/v1/call-records", R"("id":"1")"));
}

TEST_F(ApiTokenTest, ANodeThatStopsEndsStreamsAndAnswersWhatWaits) {
  ASSERT_TRUE(app::ensure_admin_token(config()));
  auto running = node();
  ASSERT_TRUE(running);
  support::SocketClient client(running->http_address(0));
  client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + file() + "\r\n\r\n");
  EXPECT_FALSE(client.read_until("events of Parley\n\n").empty());
  std::vector<std::unique_ptr<support::SocketClient>> many;
  for (int i = 0; i < 20; ++i) {
    many.push_back(std::make_unique<support::SocketClient>(running->http_address(0)));
    many.back()->send("GET /api/v1/" + std::string(i % 2 ? "accounts" : "rooms") + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + file() + "\r\n\r\n");
  }
  running.reset();
  EXPECT_TRUE(client.closed_within(std::chrono::seconds(5)));
}

}  // namespace
