#include "runtime/sip_endpoint.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "net/udp_socket.hpp"
#include "support/socket_client.hpp"

namespace {

using Client = support::SocketClient;
using namespace std::chrono_literals;

std::string options(std::string_view transport, std::string_view call = "c1", std::string_view extra = {}, std::string_view body = {}) {
  return "OPTIONS sip:parley@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/" + std::string(transport) + " 127.0.0.1:9;rport;branch=z9hG4bK" + std::string(call) +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:parley@127.0.0.1>\r\nCall-ID: " + std::string(call) +
         "\r\nCSeq: 1 OPTIONS\r\n" + std::string(extra) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Remembers what came, and answers every request with a 200.
struct Receiver : runtime::SipReceiver {
  sip::Network* network = nullptr;
  std::mutex mutex;
  std::vector<std::pair<sip::MessagePtr, sip::Source>> messages;
  std::vector<std::uint64_t> closed;
  std::vector<sip::Target> failed;
  std::atomic<int> copies = 1;

  void on_message(const sip::MessagePtr& message, const sip::Source& source) override {
    const std::lock_guard lock(mutex);
    messages.emplace_back(message, source);
    if (!message->is_request() || network == nullptr) return;
    const auto body = base::share("the body");
    for (int i = 0; i < copies; ++i) {
      auto writer = sip::start_response(*message, source, 200, "ours");
      writer.header("X-Copy", std::to_string(i));
      network->send(sip::Target::back_to(source), {base::share(std::move(writer).finish_head("text/plain", body->size())), body});
    }
  }
  void on_flow_closed(std::uint64_t flow) override {
    const std::lock_guard lock(mutex);
    closed.push_back(flow);
  }
  void on_send_failed(const sip::Target& target) override {
    const std::lock_guard lock(mutex);
    failed.push_back(target);
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return messages.size();
  }
  std::pair<sip::MessagePtr, sip::Source> last() {
    const std::lock_guard lock(mutex);
    return messages.back();
  }
  std::size_t closed_count() {
    const std::lock_guard lock(mutex);
    return closed.size();
  }
  std::size_t failed_count() {
    const std::lock_guard lock(mutex);
    return failed.size();
  }
};

class SipEndpoint : public ::testing::Test {
 protected:
  static base::SocketAddress any_port() { return *base::SocketAddress::parse("127.0.0.1", 0); }
  void start(std::function<void(runtime::SipEndpointConfig&)> change = {}) {
    runtime::SipEndpointConfig config;
    config.listeners.push_back({sip::Transport::kUdp, any_port(), nullptr, false, {}});
    config.listeners.push_back({sip::Transport::kTcp, any_port(), nullptr, false, {}});
    if (change) change(config);
    auto started = runtime::SipEndpoint::start(threads_, shard_, receiver_, std::move(config));
    ASSERT_TRUE(started) << started.error().detail;
    endpoint_ = std::move(*started);
    shard_.run_and_wait([this] { receiver_.network = endpoint_.get(); });
    net::HttpServerConfig http;
    http.listeners.push_back({any_port(), nullptr, false});
    http.websockets.push_back(endpoint_->websocket_route("/ws", nullptr));
    http_ = std::move(*net::HttpServer::start(threads_, std::move(http)));
    peer_ = std::move(*net::UdpSocket::bind(any_port()));
  }
  void send_udp(std::string_view bytes) {
    net::SendBatch out(1);
    out.add(peer_, endpoint_->local_address(0), base::as_bytes(bytes));
    out.send(peer_.fd(), [](std::size_t, int) { FAIL(); });
  }
  std::string receive_udp(std::chrono::milliseconds limit = 3s) {
    pollfd poll{peer_.fd(), POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(limit.count())) <= 0) return {};
    net::ReceiveBatch in(1, 65536);
    return in.receive(peer_.fd()) == 1 ? std::string(base::as_text(in.data(0))) : std::string();
  }
  void send(const sip::Target& target, const std::string& head) {
    shard_.run_and_wait([&] { endpoint_->send(target, {base::share(head), nullptr}); });
  }

  net::IoThreads threads_{2, "test-io"};
  runtime::Shard shard_{"test-shard"};
  Receiver receiver_;
  std::unique_ptr<runtime::SipEndpoint> endpoint_;
  std::unique_ptr<net::HttpServer> http_;
  net::UdpSocket peer_;
};

TEST_F(SipEndpoint, CarriesRequestsAndAnswersOverUdp) {
  start();
  receiver_.copies = 300;
  send_udp(options("UDP"));
  for (int i = 0; i < 300; ++i) {
    const auto answer = receive_udp();
    ASSERT_TRUE(answer.starts_with("SIP/2.0 200")) << i << answer;
    ASSERT_TRUE(answer.ends_with("\r\n\r\nthe body")) << answer;
    EXPECT_NE(answer.find("X-Copy: " + std::to_string(i) + "\r\n"), answer.npos);
    // RFC 3581 4
    EXPECT_NE(answer.find("rport=" + std::to_string(peer_.local().port())), answer.npos);
  }
  const auto [message, source] = receiver_.last();
  EXPECT_EQ(source.remote, peer_.local());
  EXPECT_EQ(source.flow, 0u);
  EXPECT_EQ(source.local, endpoint_->local_address(0));
}

TEST_F(SipEndpoint, AnswersMalformedRequestsOnTheSpotAndCountsThem) {
  start();
  std::string bad = options("UDP");
  bad.replace(bad.find("CSeq: 1 OPTIONS"), 15, "CSeq: x OPTIONS");
  send_udp(bad);
  EXPECT_TRUE(receive_udp().starts_with("SIP/2.0 400"));
  send_udp("\r\n\r\n");                              // RFC 5626 3.5.1
  send_udp(std::string(20, '\xff'));
  EXPECT_EQ(receive_udp(100ms), "");
  send_udp(options("UDP"));
  EXPECT_TRUE(receive_udp().starts_with("SIP/2.0 200"));
  EXPECT_EQ(receiver_.count(), 1u);
  EXPECT_EQ(endpoint_->counters().keep_alives, 1u);
  EXPECT_EQ(endpoint_->counters().malformed, 2u);
}

// RFC 3261 18.3: messages are cut out of the stream by Content-Length, whatever pieces it comes in.
TEST_F(SipEndpoint, CarriesMessagesOverTcpInAnyPieces) {
  start();
  Client client(endpoint_->local_address(1));
  std::string stream = "\r\n\r\n";                   // RFC 5626 4.4.1: a ping
  for (int i = 0; i < 3; ++i) stream += options("TCP", "c" + std::to_string(i), {}, "body " + std::to_string(i));
  for (std::size_t at = 0; at < stream.size(); at += 50) {
    client.send(stream.substr(at, 50));
    if (at % 200 == 0) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(client.read(2), "\r\n");
  for (int i = 0; i < 3; ++i) {
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("SIP/2.0 200")) << head;
    EXPECT_NE(head.find("Call-ID: c" + std::to_string(i)), head.npos);
    EXPECT_EQ(client.read(8), "the body");
  }
  const auto [message, source] = receiver_.last();
  EXPECT_EQ(message->body(), "body 2");
  EXPECT_EQ(source.remote, client.local());
  EXPECT_NE(source.flow, 0u);
  client.close();
  ASSERT_TRUE(support::eventually([&] { return receiver_.closed_count() == 1; }));
  EXPECT_EQ(receiver_.closed[0], source.flow);
  send({sip::Transport::kTcp, source.remote, source.flow, 1}, options("TCP"));
  EXPECT_TRUE(support::eventually([&] { return receiver_.failed_count() == 1; }));
  EXPECT_EQ(receiver_.failed[0].flow, source.flow);
}

TEST_F(SipEndpoint, ClosesAStreamThatCanNotBeFollowed) {
  start();
  Client client(endpoint_->local_address(1));
  std::string bad = options("TCP");
  bad.replace(bad.find("Content-Length: 0"), 17, "Content-Length: -1");
  client.send(bad);
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("SIP/2.0 400"));
  EXPECT_TRUE(client.closed_within(2s));
  EXPECT_TRUE(support::eventually([&] { return endpoint_->flows() == 0; }));
}

TEST_F(SipEndpoint, ClosesASlowWriterButNotAQuietOne) {
  start([](auto& config) { config.message_timeout = 200ms; });
  Client slow(endpoint_->local_address(1)), quiet(endpoint_->local_address(1));
  slow.send(options("TCP").substr(0, 40));
  quiet.send(options("TCP"));
  EXPECT_TRUE(quiet.read_until("the body").starts_with("SIP/2.0 200"));
  EXPECT_TRUE(slow.closed_within(2s));
  quiet.send(options("TCP", "c2"));
  EXPECT_NE(quiet.read_until("the body").find("Call-ID: c2"), std::string::npos);
}

// RFC 7118 5: one WebSocket message is one SIP message, text or binary.
TEST_F(SipEndpoint, CarriesMessagesOverWebSocket) {
  start();
  Client client(http_->local(0));
  ASSERT_TRUE(client.open_websocket().starts_with("HTTP/1.1 101"));
  receiver_.copies = 200;
  client.send(Client::frame(1, options("WS")));
  for (int i = 0; i < 200; ++i) {
    const auto frame = client.read_message();
    ASSERT_EQ(frame.opcode, 1);
    ASSERT_TRUE(frame.payload.starts_with("SIP/2.0 200") && frame.payload.ends_with("\r\n\r\nthe body")) << frame.payload;
  }
  EXPECT_EQ(receiver_.last().second.transport, sip::Transport::kWs);
  receiver_.copies = 1;
  client.send(Client::frame(2, options("WS", "c2", {}, "\xff\xfe")));
  EXPECT_TRUE(client.read_message().payload.starts_with("SIP/2.0 200"));
  client.send(Client::frame(1, "\r\n\r\n"));
  EXPECT_EQ(client.read_message().payload, "\r\n");
  client.send(Client::frame(1, "nonsense"));
  client.send(Client::frame(1, options("WS", "c3")));
  EXPECT_NE(client.read_message().payload.find("Call-ID: c3"), std::string::npos);
  client.close();
  EXPECT_TRUE(support::eventually([&] { return receiver_.closed_count() == 1 && endpoint_->flows() == 0; }));
}

// RFC 3261 18.1.1
TEST_F(SipEndpoint, ConnectsOnceAndKeepsTheConnection) {
  start();

  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage storage{};
  socklen_t length = any_port().to(storage);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&storage), length), 0);
  ::listen(fd, 8);
  length = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  const sip::Target target{sip::Transport::kTcp, base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage)), 0, 0};
  send(target, "first ");
  send(target, "second ");
  const net::Fd connection(::accept(fd, nullptr, nullptr));
  char buffer[64];
  std::string got;
  while (got.size() < 13) {
    const auto n = ::recv(connection.get(), buffer, sizeof buffer, 0);
    ASSERT_GT(n, 0);
    got.append(buffer, static_cast<std::size_t>(n));
  }
  EXPECT_EQ(got, "first second ");
  const auto request = options("TCP");
  ASSERT_GT(::send(connection.get(), request.data(), request.size(), 0), 0);
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 1; }));
  EXPECT_EQ(receiver_.last().second.remote, target.remote);
  ::close(fd);
}

TEST_F(SipEndpoint, TellsOfConnectionsThatCanNotBeMade) {
  start();
  auto nobody = net::UdpSocket::bind(any_port());   // a port where no TCP listens
  const sip::Target target{sip::Transport::kTcp, nobody->local(), 0, 0};
  send(target, options("TCP"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.failed_count() >= 1; }));
  EXPECT_EQ(receiver_.failed[0].remote, target.remote);
  send({sip::Transport::kWs, target.remote, 0, 0}, options("WS"));
  EXPECT_TRUE(support::eventually([&] { return receiver_.failed_count() >= 2; }));
  send({sip::Transport::kUdp, peer_.local(), 0, 0}, std::string(70'000, 'x'));
  EXPECT_TRUE(support::eventually([&] { return receiver_.failed_count() >= 3; }));
  EXPECT_EQ(endpoint_->flows(), 0u);
}

TEST_F(SipEndpoint, SpeaksTls) {
  char name[] = "/tmp/parley-sips-XXXXXX";
  const std::string directory = ::mkdtemp(name);
  const auto tls = *net::TlsServer::load(*net::make_self_signed({"127.0.0.1"}, directory));
  start([&](auto& config) {
    config.listeners.push_back({sip::Transport::kTls, any_port(), tls, false, {}});
    config.tls_client = *net::make_tls_client(true, tls->files().certificate);
  });
  Client client(endpoint_->local_address(2), true);
  ASSERT_TRUE(client.connected());
  client.send(options("TLS"));
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("SIP/2.0 200"));
  // Our own client side, to ourselves: verified by the address in the certificate.
  send({sip::Transport::kTls, endpoint_->local_address(2), 0, 0}, options("TLS", "own"));
  EXPECT_TRUE(support::eventually([&] { return receiver_.count() >= 2; }));
  std::filesystem::remove_all(directory);
}

// RFC 5922 7.2: the certificate is for the name that was looked up
TEST_F(SipEndpoint, HoldsTheCertificateOfANamedPeerAgainstTheName) {
  char name[] = "/tmp/parley-sips-XXXXXX";
  const std::string directory = ::mkdtemp(name);
  const auto tls = *net::TlsServer::load(*net::make_self_signed({"sip.provider.example"}, directory));
  start([&](auto& config) {
    config.listeners.push_back({sip::Transport::kTls, any_port(), tls, false, {}});
    config.tls_client = *net::make_tls_client(false);
  });
  const auto trusted = *net::make_tls_client(true, tls->files().certificate);
  const auto where = endpoint_->local_address(2);
  const auto expect = [&](const std::string& peer, net::SslContext context) {
    shard_.run_and_wait([&] { endpoint_->set_tls_peers("trunk", {peer, {where}, std::move(context)}); });
  };
  const sip::Target target{sip::Transport::kTls, where, 0, 0};
  expect("another.example", trusted);
  send(target, options("TLS", "1"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.failed_count() == 1; }));
  expect("sip.provider.example", *net::make_tls_client(true));   // nobody whom the system trusts has signed it
  send(target, options("TLS", "2"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.failed_count() == 2; }));
  EXPECT_EQ(receiver_.count(), 0U);
  shard_.run_and_wait([&] { endpoint_->set_tls_peers("trunk", {}); });
  send(target, options("TLS", "3"));                             // nobody asks for a name: not verified. It, and its answer
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 2; }));
  const auto before = endpoint_->flows();
  expect("sip.provider.example", trusted);                       // that connection is not good enough then
  send(target, options("TLS", "4"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 4; }));
  EXPECT_EQ(endpoint_->flows(), before + 2);                     // both ends are ours
  send(target, options("TLS", "5"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 6; }));
  EXPECT_EQ(endpoint_->flows(), before + 2);
  std::filesystem::remove_all(directory);
}

TEST_F(SipEndpoint, LimitsWhatOneSourceSendsAndBans) {
  start([](auto& config) { config.messages = {.per_second = 1, .burst = 5, .limit_loopback = true, .addresses = 10}; });
  for (int i = 0; i < 20; ++i) send_udp(options("UDP", "c" + std::to_string(i)));
  EXPECT_TRUE(support::eventually([&] { const auto c = endpoint_->counters(); return c.rate_limited >= 14 && c.rate_limited + c.received == 20; }));
  EXPECT_LE(receiver_.count(), 6u);
  endpoint_->bans().ban(peer_.local(), std::chrono::steady_clock::now(), 60s);
  send_udp(options("UDP"));
  EXPECT_TRUE(support::eventually([&] { return endpoint_->counters().banned == 1; }));
  Client client(endpoint_->local_address(1));
  EXPECT_TRUE(client.closed_within(2s));
}

// Survival item 7: what floods a port is read, and dropped, by an I/O thread.
TEST_F(SipEndpoint, LeavesABusyUdpPortToAnIoThreadUntilItIsCalm) {
  start([](auto& config) { config.udp_busy = 500; });   // 50 in a tenth of a second
  std::size_t sent = 0;
  const auto send_next = [&] { send_udp(options("UDP", "c" + std::to_string(sent++))); };
  send_next();
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 1; }));
  EXPECT_EQ(endpoint_->counters().udp_busy, 0u);
  // Bursts that any socket's buffer holds; one of them comes within a tenth of a second.
  for (int i = 0; i < 50 && endpoint_->counters().udp_busy == 0; ++i) {
    for (int k = 0; k < 70; ++k) send_next();
    ASSERT_TRUE(support::eventually([&] { return receiver_.count() == sent; }));
  }
  ASSERT_EQ(endpoint_->counters().udp_busy, 1u);
  for (int i = 0; i < 200 && endpoint_->counters().udp_calm == 0; ++i) {
    std::this_thread::sleep_for(30ms);
    send_next();
  }
  EXPECT_EQ(endpoint_->counters().udp_calm, 1u);
  send_next();
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == sent; }));
  // None is lost on the way from one to the other, and their order is kept.
  const std::lock_guard lock(receiver_.mutex);
  for (std::size_t i = 0; i < sent; ++i) EXPECT_EQ(receiver_.messages[i].first->call_id(), "c" + std::to_string(i));
}

TEST_F(SipEndpoint, ReadsUdpByAnIoThreadAlone) {
  start([](auto& config) { config.udp_busy = 0; });
  send_udp(options("UDP"));
  EXPECT_TRUE(receive_udp().starts_with("SIP/2.0 200"));
  auto bad = options("UDP", "c2");
  bad.replace(bad.find("CSeq: 1 OPTIONS"), 15, "CSeq: x OPTIONS");
  send_udp(bad);
  EXPECT_TRUE(receive_udp().starts_with("SIP/2.0 400"));
  const auto counters = endpoint_->counters();
  EXPECT_EQ(counters.udp_busy, 1u);
  EXPECT_EQ(counters.udp_calm, 0u);
  EXPECT_EQ(counters.received, 2u);
  EXPECT_EQ(counters.malformed, 1u);
}

TEST_F(SipEndpoint, KnowsWhatItIsCalled) {
  start([](auto& config) { config.listeners.push_back({sip::Transport::kUdp, *base::SocketAddress::parse("0.0.0.0", 0), nullptr, false, "talk.example"}); });
  const auto host = [&](const sip::Target& target) {
    std::string result;
    shard_.run_and_wait([&] { result = endpoint_->local_host(target); });
    return result;
  };
  const auto far = *base::SocketAddress::parse("192.0.2.7", 5060);
  EXPECT_EQ(host({sip::Transport::kUdp, peer_.local(), 0, 0}), endpoint_->local_address(0).to_string());
  const auto port = std::to_string(endpoint_->local_address(2).port());
  EXPECT_EQ(host({sip::Transport::kUdp, peer_.local(), 0, 2}), "127.0.0.1:" + port);
  EXPECT_EQ(host({sip::Transport::kUdp, far, 0, 2}), "talk.example:" + port);
  EXPECT_EQ(host({sip::Transport::kTcp, peer_.local(), 0, 0}), endpoint_->local_address(1).to_string());
}

// Survival item 8: connections that end in the middle of anything leave nothing behind.
TEST_F(SipEndpoint, LeavesNothingOfConnectionsThatVanish) {
  start();
  receiver_.copies = 20;
  const auto request = options("TCP", "half", {}, std::string(2000, 'b'));
  for (int i = 0; i < 60; ++i) {
    Client client(i % 3 == 0 ? http_->local(0) : endpoint_->local_address(1));
    if (i % 3 == 0) {
      client.open_websocket();
      client.send(Client::frame(1, request));
    } else {
      client.send(request.substr(0, i % 2 == 0 ? request.size() : request.size() / 2));
    }
    if (i % 4 == 0) {   // with a reset
      const linger hard{1, 0};
      ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
  }
  EXPECT_TRUE(support::eventually([&] {
    const auto counters = endpoint_->counters();
    return counters.flows_opened == 60 && counters.flows_closed == 60 && endpoint_->flows() == 0;
  }));
}

TEST_F(SipEndpoint, ClosesWithEverythingStillRunning) {
  start();
  Client tcp(endpoint_->local_address(1)), ws(http_->local(0));
  ws.open_websocket();
  ws.send(Client::frame(1, options("WS")));
  tcp.send(options("TCP"));
  ASSERT_TRUE(support::eventually([&] { return receiver_.count() == 2; }));
  // What was sent before close() is written.
  shard_.run_and_wait([&] { endpoint_->send({sip::Transport::kUdp, peer_.local(), 0, 0}, {base::share("goodbye"), nullptr}); });
  endpoint_->close();
  EXPECT_EQ(receive_udp(), "goodbye");
  tcp.read_all();
  EXPECT_TRUE(tcp.closed_within(2s));
  const auto closed = receiver_.closed_count();
  endpoint_.reset();
  http_.reset();
  EXPECT_EQ(receiver_.closed_count(), closed);
}

}  // namespace
