// Responses that are written piece by piece.
#include "net/http_stream.hpp"

#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "support/socket_client.hpp"

namespace {

using Client = support::SocketClient;
using namespace std::chrono_literals;

class HttpStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    net::HttpServerConfig config;
    config.listeners.push_back({*base::SocketAddress::parse("127.0.0.1", 0), nullptr, false});
    config.handler = [this](net::HttpRequest request, net::HttpRespond respond) {
      if (request.path != "/stream") return respond(net::HttpResponse::text(200, "plain"));
      net::HttpResponse response;
      response.header("Content-Type", "text/event-stream");
      response.stream = std::make_shared<net::HttpStream>(64 * 1024);
      response.stream->write(base::share("first\n"));
      {
        const std::lock_guard lock(mutex_);
        stream_ = response.stream;
      }
      respond(std::move(response));
    };
    server_ = *net::HttpServer::start(threads_, std::move(config));
  }
  std::shared_ptr<net::HttpStream> stream() {
    EXPECT_TRUE(support::eventually([&] {
      const std::lock_guard lock(mutex_);
      return stream_ != nullptr;
    }));
    return stream_;
  }
  static constexpr std::string_view kGet = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

  net::IoThreads threads_{1};
  std::mutex mutex_;
  std::shared_ptr<net::HttpStream> stream_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(HttpStreamTest, PiecesArriveWhileItIsOpenAndTheEndClosesTheConnection) {
  Client client(server_->local(0));
  client.send(kGet);
  const auto head = client.read_until("\r\n\r\n");
  EXPECT_EQ(head.find("Content-Length"), head.npos);
  EXPECT_NE(head.find("Connection: close"), head.npos);
  EXPECT_EQ(client.read_until("\n"), "first\n");
  EXPECT_TRUE(stream()->write(base::share("second\n")));
  EXPECT_EQ(client.read_until("\n"), "second\n");
  for (int i = 0; i < 1000; ++i) stream()->write(base::share("n" + std::to_string(i) + "\n"));
  stream()->end();
  EXPECT_FALSE(stream()->write(base::share("too late\n")));
  const auto rest = client.read_all();
  EXPECT_TRUE(rest.starts_with("n0\nn1\n"));
  EXPECT_TRUE(rest.ends_with("n999\n"));
}

TEST_F(HttpStreamTest, KnowsWhenTheClientHasGone) {
  {
    Client client(server_->local(0));
    client.send(kGet);
    EXPECT_EQ(client.read_until("first\n").empty(), false);
    EXPECT_TRUE(stream()->is_open());
  }
  EXPECT_TRUE(support::eventually([&] { return !stream()->is_open(); }));
  EXPECT_FALSE(stream()->write(base::share("nobody hears\n")));
}

TEST_F(HttpStreamTest, WhatTheClientSendsMeanwhileIsNoRequest) {
  Client client(server_->local(0));
  client.send(kGet);
  client.read_until("first\n");
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(100'000, 'x'));
  stream()->write(base::share("still\n"));
  EXPECT_EQ(client.read_until("\n"), "still\n");
}

TEST_F(HttpStreamTest, OneWhoDoesNotReadIsCutOff) {
  Client client(server_->local(0));
  const int small = 4096;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send(kGet);
  client.read_until("\r\n\r\n");
  const auto piece = base::share(std::string(16 * 1024, 'x'));
  int written = 0;
  EXPECT_TRUE(support::eventually([&] {
    if (!stream()->is_open()) return true;
    written += stream()->write(piece);
    return false;
  }, 20s));
  EXPECT_LT(written, 5000);   // the sockets' buffers, then 192 KiB
}

TEST_F(HttpStreamTest, OneThatOverflowsAtOnceIsOver) {
  net::HttpStream stream(10);
  EXPECT_TRUE(stream.write(base::share("0123456789")));
  EXPECT_FALSE(stream.write(base::share("0")));
  EXPECT_FALSE(stream.is_open());
}

TEST_F(HttpStreamTest, HeadHasNoBody) {
  Client client(server_->local(0));
  const auto answer = client.http("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_NE(client.http("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").find("plain"), std::string::npos);
}

TEST_F(HttpStreamTest, OutlivesTheServer) {
  Client client(server_->local(0));
  client.send(kGet);
  client.read_until("first\n");
  const auto kept = stream();
  server_.reset();
  EXPECT_TRUE(client.closed_within(2s));
  EXPECT_TRUE(support::eventually([&] { return !kept->is_open(); }));
}

}  // namespace
