// What an idle registered WebSocket costs in memory: connections are opened and registered one after the other, then left alone but
// for the server's pings. The server's own memory (PSS: what its processes share counted once) before and after, by connection.
//
//   load_idle --server PROGRAM [--peer kamailio] [--tls 0|1] [--connections 2000] [--seconds 3 (until it is read)]
#include "load/connection.hpp"
#include "load/peer.hpp"

namespace {

using namespace load;

constexpr std::size_t kAccounts = 1000;

std::string accounts_toml() {
  std::string toml = "[limits]\nmax_connections = 20000\nmax_connections_per_ip = 20000\n";
  for (std::size_t i = 0; i < kAccounts; ++i) toml += fmt::format("[[account]]\nname = \"user{}\"\npassword = \"password\"\n", i);
  return toml;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::unique_ptr<Peer> peer;
  if (options.text("peer", "") == "kamailio") {
    peer = std::make_unique<KamailioPeer>(options.text("kamailio", "/usr/sbin/kamailio"));
  } else {
    peer = std::make_unique<ParleyPeer>(options.text("server", "build/release/parley"), accounts_toml());
  }
  const bool tls = options.count("tls", 0) != 0;
  SSL_CTX* context = tls ? ::SSL_CTX_new(::TLS_client_method()) : nullptr;   // of a server with a certificate of its own making: not verified
  const auto port = tls ? peer->https_port() : peer->http_port();
  const auto wanted = options.count("connections", 2000);
  std::vector<std::unique_ptr<Connection>> all;
  // Some first, for what the server allocates once; they stay.
  constexpr std::size_t kFirst = 50;
  const auto open = [&](std::size_t until) {
    auto pinged = now_us();
    while (all.size() < until) {
      auto& made = *all.emplace_back(std::make_unique<Connection>(port, context));
      made.register_as(fmt::format("user{}", all.size() % kAccounts), "password");
      if (now_us() - pinged > 1'000'000) {
        pinged = now_us();
        for (auto& each : all) each->drain();
      }
    }
  };
  open(kFirst);
  ::sleep(1);
  const double before = peer->memory_kb();
  open(kFirst + wanted);
  for (const auto end = now_us() + options.count("seconds", 3) * 1'000'000; now_us() < end; ::usleep(200'000)) {
    for (auto& each : all) each->drain();
  }
  const double after = peer->memory_kb();
  report("transport", tls ? "wss" : "ws");
  report("connections", all.size() - kFirst);
  report("memory_kb_before", before);
  report("memory_kb_after", after);
  report("kb_per_connection", (after - before) / static_cast<double>(wanted));
  return 0;
}
