// Whom X-Forwarded-For makes the client, and whom it doesn't.
#include "net/trusted_proxies.hpp"

#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "support/socket_client.hpp"

namespace {

base::SocketAddress ip(std::string_view text, std::uint16_t port = 0) { return *base::SocketAddress::parse(text, port); }

std::vector<net::Subnet> subnets(std::initializer_list<const char*> texts) {
  std::vector<net::Subnet> all;
  for (const auto* text : texts) all.push_back(*net::Subnet::parse(text));
  return all;
}

TEST(Subnet, ContainsItsAddresses) {
  const auto contains = [](const char* subnet, const char* address) { return net::Subnet::parse(subnet)->contains(ip(address)); };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::1", "::1"));
}

TEST(Subnet, IsReadStrictly) {
  for (const auto* wrong : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "::/129", "localhost", "10.0.0.0/8 ", "::ffff:10.0.0.0/104", "10.0.0.0/99999999999999999999"}) {
    EXPECT_FALSE(net::Subnet::parse(wrong)) << wrong;
  }
}

struct TrustedProxiesTest : testing::Test {
  const net::TrustedProxies proxies{subnets({"127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"})};
  std::string client(const char* peer, std::vector<std::string> values) {
    net::HttpHeaders headers{{"Host", "x"}};
    for (auto& value : values) headers.emplace_back("x-forwarded-FOR", std::move(value));
    return proxies.client(ip(peer, 4711), headers).to_string();
  }
};

TEST_F(TrustedProxiesTest, TheLastAddressThatIsNoProxysIsTheClient) {
  EXPECT_EQ(client("127.0.0.1", {"203.0.113.5"}), "203.0.113.5:4711");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.7, 203.0.113.5"}), "203.0.113.5:4711");          // what stands before may be made up
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.7 ,203.0.113.5,10.1.2.3"}), "203.0.113.5:4711");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.7", "203.0.113.5", "10.1.2.3"}), "203.0.113.5:4711");
  EXPECT_EQ(client("127.0.0.1", {"10.9.9.9, 10.1.2.3"}), "10.9.9.9:4711");                    // a client that is in a proxies' network
  EXPECT_EQ(client("2001:db8:1::5", {"2001:db8:2::9"}), "[2001:db8:2::9]:4711");
  EXPECT_EQ(client("127.0.0.1", {"[2001:db8:2::9]:8080"}), "[2001:db8:2::9]:4711");           // some proxies write ports
  EXPECT_EQ(client("127.0.0.1", {"203.0.113.5:1234"}), "203.0.113.5:4711");
  EXPECT_EQ(client("127.0.0.1", {"::ffff:203.0.113.5"}), "203.0.113.5:4711");
}

TEST_F(TrustedProxiesTest, OthersAreNotBelieved) {
  EXPECT_EQ(client("203.0.113.1", {"198.51.100.7"}), "203.0.113.1:4711");
  EXPECT_EQ(client("127.0.0.2", {"198.51.100.7"}), "127.0.0.2:4711");
  EXPECT_EQ(net::TrustedProxies().client(ip("127.0.0.1", 1), {{"X-Forwarded-For", "198.51.100.7"}}), ip("127.0.0.1", 1));
  EXPECT_EQ(proxies.client(ip("127.0.0.1", 1), {{"Forwarded", "for=198.51.100.7"}}), ip("127.0.0.1", 1));
}

TEST_F(TrustedProxiesTest, NonsenseEndsTheSearch) {
  EXPECT_EQ(client("127.0.0.1", {}), "127.0.0.1:4711");
  for (const auto* nonsense : {"", ",", "unknown", "203.0.113.5,", "203.0.113.5, _hidden", "203.0.113.5, 999.1.1.1", "203.0.113.5, 10.0.0.0/8"}) {
    EXPECT_EQ(client("127.0.0.1", {nonsense}), "127.0.0.1:4711") << nonsense;
  }
  EXPECT_EQ(client("127.0.0.1", {"203.0.113.5, nobody, 10.1.2.3"}), "10.1.2.3:4711");
  EXPECT_EQ(client("127.0.0.1", {"203.0.113.5, " + std::string(1'000'000, '1')}), "127.0.0.1:4711");
  std::string many = "203.0.113.5";
  for (int i = 0; i < 100'000; ++i) many += ",10.0.0.1";
  EXPECT_EQ(client("127.0.0.1", {many}), "10.0.0.1:4711");
}

struct ProxiedServer : testing::Test {
  void start(bool trusting) {
    net::HttpServerConfig config;
    config.listeners.push_back({ip("127.0.0.1"), nullptr, false});
    config.handler = [](const net::HttpRequest& request, const net::HttpRespond& respond) { respond(net::HttpResponse::text(200, "from " + request.remote.ip())); };
    net::WebSocketRoute route{.path = "/ws", .subprotocol = "sip"};
    route.on_open = [](const std::shared_ptr<net::WebSocket>& socket, const net::HttpRequest& request) { socket->send("from " + request.remote.ip()); };
    config.websockets.push_back(std::move(route));
    config.banned = [](const base::SocketAddress& remote) { return remote.same_ip(ip("203.0.113.66")); };
    config.connections.per_ip = 2;
    if (trusting) config.proxies = std::make_shared<const net::TrustedProxies>(subnets({"127.0.0.1"}));
    server = std::move(*net::HttpServer::start(threads, std::move(config)));
  }
  std::string get(const std::string& forwarded) {
    return support::SocketClient(server->local(0)).http("GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: " + forwarded + "\r\n\r\n");
  }
  std::unique_ptr<support::SocketClient> open(const std::string& forwarded, std::string& answer) {
    auto client = std::make_unique<support::SocketClient>(server->local(0));
    answer = client->http("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nX-Forwarded-For: " + forwarded + "\r\n\r\n", true);
    return client;
  }
  net::IoThreads threads{2, "test-io"};
  std::unique_ptr<net::HttpServer> server;
};

TEST_F(ProxiedServer, BelievesNobodyByItself) {
  start(false);
  EXPECT_TRUE(get("203.0.113.66").ends_with("from 127.0.0.1"));
}

TEST_F(ProxiedServer, ABannedClientIsRefusedOthersAreServed) {
  start(true);
  EXPECT_TRUE(get("203.0.113.5").ends_with("from 203.0.113.5"));
  EXPECT_TRUE(get("203.0.113.5, 203.0.113.66").starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(get("203.0.113.66, 203.0.113.5").starts_with("HTTP/1.1 200 "));
  std::string answer;
  open("203.0.113.66", answer);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
}

TEST_F(ProxiedServer, CountsWebSocketsByClient) {
  start(true);
  std::vector<std::unique_ptr<support::SocketClient>> sockets;
  std::string answer;
  for (const auto* who : {"203.0.113.5", "203.0.113.5", "203.0.113.6", "203.0.113.6"}) {
    sockets.push_back(open(who, answer));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << who << " " << answer;
  }
  open("203.0.113.5", answer);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(get("203.0.113.5").starts_with("HTTP/1.1 200 "));
  sockets.clear();
  EXPECT_TRUE(support::eventually([&] {   // when the server has seen that they closed
    sockets.push_back(open("203.0.113.5", answer));
    return answer.starts_with("HTTP/1.1 101 ");
  })) << answer;
}

}  // namespace
