#include "net/trusted_proxies.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace net {
namespace {

constexpr std::size_t kMaxAddress = 64;   // bytes of one, with brackets and port

// IPv4 mapped into IPv6 as IPv4.
base::SocketAddress plain(const base::SocketAddress& address) {
  sockaddr_storage storage{};
  address.to(storage);
  return base::SocketAddress::from(reinterpret_cast<const sockaddr*>(&storage));
}

std::array<std::uint8_t, 16> bytes_of(const base::SocketAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  sockaddr_storage storage{};
  address.to(storage);
  if (address.is_v6()) std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, 16);
  else std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, 4);
  return bytes;
}

// With or without a port, which some proxies add.
std::optional<base::SocketAddress> read_hop(std::string_view text) {
  if (text.size() > kMaxAddress) return std::nullopt;
  auto address = base::SocketAddress::parse(text, 0);
  if (!address) address = base::SocketAddress::parse_with_port(text);
  return address ? std::optional(plain(*address)) : std::nullopt;
}

}  // namespace

std::optional<Subnet> Subnet::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto parsed = base::SocketAddress::parse(text.substr(0, slash), 0);
  if (!parsed) return std::nullopt;
  const auto address = plain(*parsed);
  Subnet subnet;
  subnet.v6_ = address.is_v6();
  subnet.bits_ = subnet.v6_ ? 128 : 32;
  if (slash != text.npos) {
    const auto bits = base::parse_decimal(text.substr(slash + 1));
    if (!bits || *bits > subnet.bits_ || address.is_v6() != parsed->is_v6()) return std::nullopt;
    subnet.bits_ = static_cast<unsigned>(*bits);
  }
  subnet.network_ = bytes_of(address);
  return subnet;
}

bool Subnet::contains(const base::SocketAddress& address) const {
  if (!address.valid() || address.is_v6() != v6_) return false;
  const auto bytes = bytes_of(address);
  const auto whole = bits_ / 8;
  if (!std::equal(bytes.begin(), bytes.begin() + whole, network_.begin())) return false;
  const auto rest = bits_ % 8;
  return rest == 0 || ((bytes[whole] ^ network_[whole]) >> (8 - rest)) == 0;
}

bool TrustedProxies::trusts(const base::SocketAddress& address) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Subnet& subnet) { return subnet.contains(address); });
}

base::SocketAddress TrustedProxies::client(const base::SocketAddress& peer, const HttpHeaders& headers) const {
  if (all_.empty() || !trusts(peer)) return peer;
  auto found = peer;
  std::size_t hops = 0;
  // From the last, which the nearest proxy wrote: what stands before an address that is not trusted may be anybody's invention.
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (!base::equals_ignoring_case(header->first, "X-Forwarded-For")) continue;
    std::string_view rest = header->second;
    for (;;) {
      const auto comma = rest.rfind(',');
      const auto hop = read_hop(base::trim(comma == rest.npos ? rest : rest.substr(comma + 1)));
      if (!hop || ++hops > kMaxHops) return found;
      found = *hop;
      found.set_port(peer.port());
      if (!trusts(found)) return found;
      if (comma == rest.npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return found;
}

}  // namespace net
