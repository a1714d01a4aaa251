// The addresses of this machine: for host candidates (RFC 8445 section 5.1.1.1) and for what we call ourselves.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace net {

struct LocalAddress {
  base::SocketAddress address;   // port 0
  std::string interface_name;
  bool loopback = false;
  bool link_local = false;
};

// Of every interface that is up, each once. Reads the kernel's tables: not for every packet.
std::vector<LocalAddress> local_addresses();

// Which address of ours the kernel would send from to reach `remote`; port 0. Empty: no route.
std::optional<base::SocketAddress> route_source(const base::SocketAddress& remote);

// The same, asked of the kernel every five seconds for each address at most. Thread: one.
class RouteSources {
 public:
  std::optional<base::SocketAddress> find(const base::SocketAddress& remote, base::TimePoint now);

 private:
  struct Route {
    std::optional<base::SocketAddress> source;
    base::TimePoint made;
  };
  std::unordered_map<base::SocketAddress, Route> routes_;   // by remote address, port 0; bounded
};

}  // namespace net
