// What it costs to tell a webphone line's clients of each other: N pages, each by a WebSocket, registered and subscribed to the line's
// roster; then one more comes and goes. The server's CPU for each NOTIFY (its 200 included), and how long until all were told.
//
//   load_roster --server PROGRAM [--clients 1000] [--rounds 20]
#include <nlohmann/json.hpp>

#include "load/connection.hpp"
#include "load/peer.hpp"

namespace {

using namespace load;

struct Client {
  std::string number, secret;
  std::unique_ptr<Connection> socket;
};

// POST /api/webphone/connect, by a connection of its own.
Client connect(std::uint16_t port, const std::string& name) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto to = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("no connection to the HTTP port");
  const auto body = fmt::format(R"({{"line":"Webphone1","who":"{}"}})", name);
  const auto request = fmt::format("POST /api/webphone/connect HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                                   port, body.size(), body);
  if (::send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) die("the HTTP connection was closed");
  std::string answer;
  char chunk[4096];
  for (ssize_t got; (got = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) answer.append(chunk, static_cast<std::size_t>(got));
  ::close(fd);
  const auto at = answer.find("\r\n\r\n");
  const auto json = nlohmann::json::parse(at == answer.npos ? std::string() : answer.substr(at + 4), nullptr, false);
  if (!json.is_object() || !json.contains("number")) die("connect was refused: " + answer.substr(0, answer.find('\r')));
  return {json["number"], json["secret"], nullptr};
}

std::string header(std::string_view text, std::string_view name) {
  const auto at = text.find(fmt::format("\r\n{}: ", name));
  if (at == text.npos) return {};
  return std::string(text.substr(at + 2, text.find("\r\n", at + 2) - at));
}

class Run {
 public:
  Run(Peer& peer, std::size_t clients) : peer_(peer) {
    for (std::size_t i = 0; i < clients; ++i) {
      auto& client = all_.emplace_back(come(fmt::format("client {}", i)));
      subscribe(client);
      if (i % 10 == 9) drain();
    }
    for (const auto end = now_us() + 3'000'000; now_us() < end; ::usleep(20'000)) drain();
  }

  void round() {
    const auto told = notifies_;
    const auto start = now_us();
    {
      auto one = come("one more");
      wait_for(told + all_.size(), "of who came");
      latency_.add(static_cast<double>(now_us() - start));
      const auto host = "gone.invalid";
      one.socket->send(fmt::format("REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/WS {};branch=z9hG4bK{}\r\nMax-Forwards: 69\r\nFrom: <sip:{}@localhost>;tag=a\r\n"
                                   "To: <sip:{}@localhost>\r\nCall-ID: {}\r\nCSeq: 9 REGISTER\r\nContact: *\r\nExpires: 0\r\n{}Content-Length: 0\r\n\r\n",
                                   host, base::random_token(10), one.number, one.number, base::random_token(12),
                                   one.socket->authorization(one.number, one.secret, "REGISTER", "sip:localhost")));
      wait_for(told + 2 * all_.size(), "of who went");
    }
  }
  Samples& latency() { return latency_; }
  std::uint64_t notifies() const { return notifies_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Client come(const std::string& name) {
    auto client = connect(peer_.http_port(), name);
    client.socket = std::make_unique<Connection>(peer_.http_port(), nullptr);
    client.socket->register_as(client.number, client.secret);
    return client;
  }
  void subscribe(Client& client) {
    client.socket->send(fmt::format("SUBSCRIBE sip:Webphone1@localhost SIP/2.0\r\nVia: SIP/2.0/WS sub.invalid;branch=z9hG4bK{}\r\nMax-Forwards: 69\r\n"
                                    "From: <sip:{}@localhost>;tag=b{}\r\nTo: <sip:Webphone1@localhost>\r\nCall-ID: {}\r\nCSeq: 1 SUBSCRIBE\r\n"
                                    "Contact: <sip:{}@sub.invalid;transport=ws>\r\nEvent: parley-roster\r\nExpires: 600\r\n{}Content-Length: 0\r\n\r\n",
                                    base::random_token(10), client.number, base::random_token(6), base::random_token(12), client.number,
                                    client.socket->authorization(client.number, client.secret, "SUBSCRIBE", "sip:Webphone1@localhost")));
  }
  void drain() {
    for (auto& client : all_) {
      client.socket->drain([&](const std::string& text) {
        if (!text.starts_with("NOTIFY")) {
          if (text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 5")) die("refused: " + text.substr(0, text.find('\r')));
          return;
        }
        ++notifies_;
        bytes_ += text.size();
        client.socket->send(fmt::format("SIP/2.0 200 OK\r\n{}{}{}{}{}Content-Length: 0\r\n\r\n", header(text, "Via"), header(text, "From"), header(text, "To"),
                                        header(text, "Call-ID"), header(text, "CSeq")));
      });
    }
  }
  void wait_for(std::uint64_t count, std::string_view what) {
    for (const auto end = now_us() + 10'000'000; notifies_ < count;) {
      if (now_us() > end) die(fmt::format("{} of {} were told {}", notifies_, count, what));
      drain();
    }
  }

  Peer& peer_;
  std::vector<Client> all_;
  std::uint64_t notifies_ = 0, bytes_ = 0;
  Samples latency_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ParleyPeer peer(options.text("server", "build/release/parley"), "[limits]\nmax_connections_per_ip = 20000\n");
  Run run(peer, options.count("clients", 1000));
  run.round();
  const auto notifies = run.notifies(), bytes = run.bytes();
  const double cpu = peer.cpu();
  const auto rounds = options.count("rounds", 20);
  for (std::size_t i = 0; i < rounds; ++i) run.round();
  const auto told = run.notifies() - notifies;
  report("clients", options.count("clients", 1000));
  report("notifies", told);
  report("notify_bytes", static_cast<double>(run.bytes() - bytes) / static_cast<double>(std::max<std::uint64_t>(1, told)));
  report("server_cpu_us_per_notify", (peer.cpu() - cpu) * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, told)));
  report("all_told_p50_ms", run.latency().percentile(50) / 1000);
  report("all_told_max_ms", run.latency().percentile(100) / 1000);
  report("server_memory_mb", peer.memory_kb() / 1024);
  return 0;
}
