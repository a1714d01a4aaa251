// Names of SIP servers looked up in the DNS, by c-ares: SRV, then addresses (RFC 3263 section 4.2 in short: the transport is known).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace net {

struct ResolverConfig {
  std::vector<base::SocketAddress> servers;        // of the DNS; empty: the system's, and its hosts file
  std::chrono::milliseconds timeout{2000};         // for one question's first try
  int tries = 2;
  std::chrono::milliseconds limit{10000};          // for a whole lookup, however many questions it takes
  std::size_t max_pending = 64;                    // lookups; more are answered with nothing
  std::size_t max_servers = 8;                     // of one SRV answer, the best ones
  std::size_t max_addresses = 16;                  // of one lookup
};

// A name and its port, as they are written in a configuration or a URI.
struct HostPort {
  std::string host;                                // without an IPv6 address's brackets, in lower case
  std::uint16_t port = 0;                          // 0: none written
  bool literal = false;                            // an address
};
// kMalformed: neither a name nor an address, or a port that can't be.
base::Result<HostPort> parse_host_port(std::string_view text);

// Any thread. A thread of its own waits for the answers.
class Resolver {
 public:
  enum class Service { kUdp, kTcp, kTls };         // _sip._udp, _sip._tcp, _sips._tcp; ports 5060, 5060, 5061
  // In the order in which they are to be tried, each once; empty: nothing was found (the log of it is the caller's).
  using Done = std::function<void(std::vector<base::SocketAddress>)>;

  static base::Result<std::unique_ptr<Resolver>> start(ResolverConfig config = {});
  // What is pending is answered with nothing, before it returns.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // "192.0.2.1", "[2001:db8::1]:5080", "sip.example.com" (SRV, else A and AAAA with the default port), "sip.example.com:5080"
  // (A and AAAA). `done` comes on the resolver's thread, once.
  void resolve(std::string_view host_and_port, Service service, Done done);

 private:
  class Impl;
  explicit Resolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
