#include "net/http_server.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "net/local_addresses.hpp"
#include "support/socket_client.hpp"

namespace {

using Client = support::SocketClient;
using namespace std::chrono_literals;

struct Recorder {
  std::mutex mutex;
  std::shared_ptr<net::WebSocket> newest;   // as long as it is open
  std::atomic<int> closed = 0;
  std::shared_ptr<net::WebSocket> get() {
    const std::lock_guard lock(mutex);
    return newest;
  }
  void set(std::shared_ptr<net::WebSocket> socket) {
    const std::lock_guard lock(mutex);
    newest = std::move(socket);
  }
};

struct Echo : net::WebSocketHandler {
  Echo(std::shared_ptr<net::WebSocket> own, std::shared_ptr<Recorder> to) : socket(std::move(own)), recorder(std::move(to)) {}
  std::shared_ptr<net::WebSocket> socket;
  std::shared_ptr<Recorder> recorder;
  void on_message(std::string message, bool text) override {
    if (message == "many") {
      for (int i = 0; i < 100; ++i) socket->queue(base::share("head " + std::to_string(i) + " "), base::share("body"), true);
      socket->flush();
    } else {
      socket->send("echo " + message, text);
    }
  }
  void on_closed(net::StreamEnd) override {
    socket.reset();
    recorder->set(nullptr);
    ++recorder->closed;
  }
};

class HttpServer : public ::testing::Test {
 protected:
  void start(std::function<void(net::HttpServerConfig&)> change = {}) {
    net::HttpServerConfig config;
    config.listeners.push_back({*base::SocketAddress::parse("127.0.0.1", 0), nullptr, false});
    config.handler = [this](net::HttpRequest request, net::HttpRespond respond) { handle(std::move(request), std::move(respond)); };
    config.body_limit = [](const net::HttpRequest& request) { return request.path == "/big" ? 100'000u : 100u; };
    net::WebSocketRoute route{.path = "/ws", .subprotocol = "sip"};
    route.allow_origin = [](std::string_view origin, const net::HttpRequest&) { return origin != "https://evil.example"; };
    route.on_open = [this](const std::shared_ptr<net::WebSocket>& socket, const net::HttpRequest&) {
      recorder_->set(socket);
      socket->set_handler(std::make_shared<Echo>(socket, recorder_));
    };
    config.websockets.push_back(route);
    if (change) change(config);
    auto started = net::HttpServer::start(threads_, std::move(config));
    ASSERT_TRUE(started) << started.error().detail;
    server_ = std::move(*started);
  }
  void handle(net::HttpRequest request, net::HttpRespond respond) {
    if (request.path == "/late") {
      later_ = std::thread([respond] { respond(net::HttpResponse::text(200, "late")); });
      return;
    }
    respond(net::HttpResponse::text(200, request.method + " " + request.path + " ?" + request.query + " " + request.body));
  }
  void TearDown() override {
    server_.reset();
    if (later_.joinable()) later_.join();
  }
  std::string get(const std::string& request) { return Client(server_->local(0)).http(request); }

  std::thread later_;
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  net::IoThreads threads_{2, "test-io"};
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(HttpServer, AnswersOneAfterTheOtherOnOneConnection) {
  start();
  Client client(server_->local(0));
  auto answer = client.http("GET /a%20b?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /a b ?x=1 ")) << answer;
  answer = client.http("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_TRUE(answer.ends_with("POST /p ? body"));
  answer = client.http("POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("POST /p ? abcde")) << answer;
  answer = client.http("HEAD /h HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
  EXPECT_NE(answer.find("Content-Length: 10\r\n"), answer.npos) << answer;
  answer = client.http("GET /late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("late"));
  EXPECT_TRUE(client.closed_within(2s));
}

TEST_F(HttpServer, AnswersRequestsSentAheadInOrder) {
  start();
  Client client(server_->local(0));
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(client.http("").ends_with("GET /" + std::to_string(i) + " ? ")) << i;
}

TEST_F(HttpServer, RefusesTooMuchBeforeItIsBuffered) {
  start();
  EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x')).starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(get("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(get("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(get("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(200, 'x'))
                  .starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(get("POST /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n" + std::string(50'000, 'x')).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServer, WhatIsTooLargeIsAnsweredAsItsPathWants) {
  start([](auto& config) { config.too_large = [](const net::HttpRequest& request) { return net::HttpResponse::text(413, "too much for " + request.path); }; });
  EXPECT_TRUE(get("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\n\r\n").ends_with("too much for /a"));
  EXPECT_TRUE(get("POST /b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(200, 'x')).ends_with("too much for /b"));
}

TEST_F(HttpServer, AnswersNonsenseWith400) {
  start();
  EXPECT_TRUE(get("\x16\x03\x01 nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(get("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400"));                                    // RFC 9112 3.2
  EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(get("GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(get("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx").starts_with("HTTP/1.1 400"));
}

// DNS rebinding: a page of another name that resolves to 127.0.0.1 gets nothing.
TEST_F(HttpServer, ChecksTheHostOnLoopback) {
  start([](auto& config) { config.host_names = {"talk.example"}; });
  EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: evil.example:7777\r\n\r\n").starts_with("HTTP/1.1 421"));
  for (const std::string host : {"localhost:1", "127.0.0.1", "[::1]:7777", "TALK.example:80"}) {
    EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").starts_with("HTTP/1.1 200")) << host;
  }
}

// The same in a network that a page's browser reaches and its author doesn't. An address in figures was never a name.
TEST_F(HttpServer, ChecksTheHostElsewhereWhereNamesAreKnown) {
  const auto all = net::local_addresses();
  const auto own = std::find_if(all.begin(), all.end(), [](const auto& one) { return !one.loopback && !one.link_local; });
  if (own == all.end()) GTEST_SKIP() << "this machine has no address but loopback";
  for (const bool always : {true, false}) {
    start([&](auto& config) {
      config.listeners.front().address = own->address;
      config.host_names = {"talk.example"};
      config.check_host_always = always;
    });
    const std::string status = always ? "HTTP/1.1 421" : "HTTP/1.1 200";
    EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: evil.example:7777\r\n\r\n").starts_with(status)) << status;
    for (const std::string host : {"talk.example:7777", "192.0.2.1", "[2001:db8::1]:7777", "localhost"}) {
      EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").starts_with("HTTP/1.1 200")) << host;
    }
  }
}

TEST_F(HttpServer, ClosesSlowWriters) {
  start([](auto& config) { config.request_timeout = 200ms; });
  Client silent(server_->local(0)), slow(server_->local(0));
  std::atomic<bool> stop = false;
  std::thread writer([&] {   // a byte every 50 ms keeps nothing open
    while (!stop && slow.send("G")) std::this_thread::sleep_for(50ms);
  });
  EXPECT_TRUE(silent.closed_within(2s));
  EXPECT_TRUE(support::eventually([&] { return server_->connections() == 0; }, 3s));
  stop = true;
  writer.join();
}

TEST_F(HttpServer, LimitsConnectionsOfOneAddress) {
  start([](auto& config) { config.connections = {.total = 100, .per_ip = 2, .limit_loopback = true}; });
  Client a(server_->local(0)), b(server_->local(0));
  ASSERT_TRUE(support::eventually([&] { return server_->connections() == 2; }));
  Client c(server_->local(0));
  EXPECT_TRUE(c.closed_within(2s));
  a.close();
  ASSERT_TRUE(support::eventually([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(get("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServer, NamesTheAddressThatIsTaken) {
  start();
  net::HttpServerConfig config;
  config.listeners.push_back({server_->local(0), nullptr, false});
  const auto second = net::HttpServer::start(threads_, std::move(config));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::kConflict);
}

// RFC 7118 4.1, RFC 6455 4.2.2
TEST_F(HttpServer, OpensWebSocketsForSipAlone) {
  start();
  const auto open = [&](std::string_view headers) { return Client(server_->local(0)).open_websocket("/ws", headers); };
  const auto answer = open("Sec-WebSocket-Protocol: chat, sip\r\nOrigin: http://localhost\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101")) << answer;
  EXPECT_NE(answer.find("Sec-WebSocket-Protocol: sip\r\n"), answer.npos);
  EXPECT_NE(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), answer.npos);
  EXPECT_TRUE(open("").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(open("Sec-WebSocket-Protocol: chat\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(open("Sec-WebSocket-Protocol: sip\r\nOrigin: https://evil.example\r\n").starts_with("HTTP/1.1 403"));
  EXPECT_TRUE(get("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 426"));
}

TEST_F(HttpServer, CarriesWebSocketMessages) {
  start();
  Client client(server_->local(0));
  ASSERT_TRUE(client.open_websocket().starts_with("HTTP/1.1 101"));
  client.send(Client::frame(1, "hello") + Client::frame(2, std::string(100'000, 'z')) + Client::frame(9, "ping"));
  auto frame = client.read_frame();
  EXPECT_EQ(frame.opcode, 1);
  EXPECT_EQ(frame.payload, "echo hello");
  frame = client.read_frame();
  EXPECT_EQ(frame.opcode, 2);
  EXPECT_EQ(frame.payload.size(), 100'005u);
  frame = client.read_frame();
  EXPECT_EQ(frame.opcode, 10);   // RFC 6455 5.5.3
  EXPECT_EQ(frame.payload, "ping");
  client.send(Client::frame(1, "many"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.read_frame().payload, "head " + std::to_string(i) + " body");
  client.send(Client::frame(8, std::string("\x03\xe8", 2)));
  frame = client.read_frame();
  EXPECT_EQ(frame.opcode, 8);    // RFC 6455 5.5.1
  EXPECT_TRUE(client.closed_within(2s));
  client.close();
  EXPECT_TRUE(support::eventually([&] { return recorder_->closed == 1; }));
}

TEST_F(HttpServer, ClosesWebSocketsThatBreakTheRulesOrFallSilent) {
  start([](auto& config) {
    config.websockets[0].options = {.max_message = 1000, .ping_interval = 50ms, .silence_limit = 200ms};
  });
  Client big(server_->local(0));
  big.open_websocket();
  big.send(Client::frame(1, std::string(1001, 'x')));
  const auto frame = big.read_message();
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_EQ(frame.payload, (std::string{'\x03', '\xf1'}));   // 1009
  // One that answers pings stays, one that doesn't goes.
  Client living(server_->local(0)), dead(server_->local(0));
  living.open_websocket();
  dead.open_websocket();
  const auto end = std::chrono::steady_clock::now() + 500ms;
  while (std::chrono::steady_clock::now() < end) {
    const auto ping = living.read_frame();
    ASSERT_EQ(ping.opcode, 9);
    living.send(Client::frame(10, ping.payload));
  }
  EXPECT_TRUE(dead.closed_within(1s));
  living.send(Client::frame(1, "here"));
  EXPECT_EQ(living.read_message().payload, "echo here");
}

TEST_F(HttpServer, ClosesSlowReaders) {
  start([](auto& config) { config.websockets[0].options.silence_limit = 30s; });
  Client client(server_->local(0));
  client.open_websocket();
  ASSERT_TRUE(support::eventually([&] { return recorder_->get() != nullptr; }));
  const auto socket = recorder_->get();
  const auto block = base::share(std::string(1 << 20, 'x'));
  socket->connection()->thread().run_and_wait([&] {
    for (int i = 0; i < 40; ++i) {   // more than the socket and the queue hold
      socket->queue(block, nullptr, true);
      socket->flush();
    }
  });
  EXPECT_TRUE(support::eventually([&] { return recorder_->closed == 1; }));
}

TEST_F(HttpServer, SpeaksTlsAndTakesANewCertificateWhileItRuns) {
  char name[] = "/tmp/parley-https-XXXXXX";
  const std::string directory = ::mkdtemp(name);
  const auto files = *net::make_self_signed({"localhost"}, directory);
  const auto tls = *net::TlsServer::load(files);
  start([&](auto& config) { config.listeners[0].tls = tls; });
  const auto serial = [&](Client& client) {
    X509* certificate = SSL_get1_peer_certificate(client.ssl());
    std::uint64_t value = 0;
    ASN1_INTEGER_get_uint64(&value, X509_get0_serialNumber(certificate));
    X509_free(certificate);
    return value;
  };
  Client first(server_->local(0), true);
  ASSERT_TRUE(first.connected());
  EXPECT_TRUE(first.http("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
  std::filesystem::remove(files.certificate);
  ASSERT_TRUE(net::make_self_signed({"localhost"}, directory));
  ASSERT_TRUE(tls->reload());
  Client second(server_->local(0), true);
  EXPECT_NE(serial(first), serial(second));
  ASSERT_TRUE(second.open_websocket().starts_with("HTTP/1.1 101"));
  second.send(Client::frame(1, std::string(60'000, 'y')));
  EXPECT_EQ(second.read_message().payload.size(), 60'005u);
  second.send(Client::frame(1, "many"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(second.read_message().payload, "head " + std::to_string(i) + " body");
  EXPECT_TRUE(first.http("GET /still HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
  Client plain(server_->local(0));
  plain.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(plain.closed_within(2s));
  std::filesystem::remove_all(directory);
}

TEST_F(HttpServer, ClosesEverythingWithItself) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(server_->local(0)));
    if (i % 2 == 0) clients.back()->send("GET /half HTT");
  }
  ASSERT_TRUE(support::eventually([&] { return server_->connections() == 20; }));
  server_.reset();
  for (const auto& client : clients) EXPECT_TRUE(client->closed_within(2s));
}

}  // namespace
