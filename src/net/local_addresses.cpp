#include "net/local_addresses.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

#include "net/udp_socket.hpp"

namespace net {

std::vector<LocalAddress> local_addresses() {
  std::vector<LocalAddress> result;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return result;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
    LocalAddress found;
    found.address = base::SocketAddress::from(entry->ifa_addr);
    found.address.set_port(0);
    const bool known = std::any_of(result.begin(), result.end(), [&](const auto& other) { return other.address == found.address; });
    if (!found.address.valid() || found.address.is_any() || known) continue;
    found.interface_name = entry->ifa_name;
    found.loopback = found.address.is_loopback();
    found.link_local = found.address.is_link_local();
    result.push_back(std::move(found));
  }
  ::freeifaddrs(list);
  return result;
}

std::optional<base::SocketAddress> route_source(const base::SocketAddress& remote) {
  if (!remote.valid()) return std::nullopt;
  const Fd fd(::socket(remote.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return std::nullopt;
  base::SocketAddress to = remote;
  if (to.port() == 0) to.set_port(9);   // connect() refuses port 0 on some systems; nothing is sent
  sockaddr_storage storage{};
  socklen_t length = to.to(storage);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) return std::nullopt;
  length = sizeof storage;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return std::nullopt;
  auto source = base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
  source.set_port(0);
  return source;
}

std::optional<base::SocketAddress> RouteSources::find(const base::SocketAddress& remote, base::TimePoint now) {
  constexpr std::size_t kMax = 4096;
  constexpr base::Duration kAge = std::chrono::seconds(5);
  auto key = remote;
  key.set_port(0);
  const auto known = routes_.find(key);
  if (known != routes_.end() && now - known->second.made < kAge) return known->second.source;
  if (routes_.size() >= kMax) routes_.clear();
  return (routes_[key] = {route_source(remote), now}).source;
}

}  // namespace net
