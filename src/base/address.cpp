#include "base/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace base {

std::optional<SocketAddress> SocketAddress::parse(std::string_view ip, std::uint16_t port) {
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  if (const auto percent = ip.find('%'); percent != ip.npos) ip = ip.substr(0, percent);
  if (ip.empty() || ip.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  char text[INET6_ADDRSTRLEN + 1] = {};
  std::copy(ip.begin(), ip.end(), text);
  SocketAddress result;
  result.port_ = port;
  if (inet_pton(AF_INET, text, result.ip_.data()) == 1) {
    result.family_ = Family::kV4;
    return result;
  }
  if (inet_pton(AF_INET6, text, result.ip_.data()) == 1) {
    result.family_ = Family::kV6;
    return result;
  }
  return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::parse_with_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  const auto host = text.substr(0, colon);
  if (host.find(':') != host.npos && host.front() != '[') return std::nullopt;
  return parse(host, port);
}

SocketAddress SocketAddress::from(const sockaddr* address) {
  SocketAddress result;
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    std::memcpy(result.ip_.data(), &in->sin_addr, 4);
    result.port_ = ntohs(in->sin_port);
    result.family_ = Family::kV4;
  } else if (address->sa_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
    result.port_ = ntohs(in->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
      std::memcpy(result.ip_.data(), in->sin6_addr.s6_addr + 12, 4);
      result.family_ = Family::kV4;
    } else {
      std::memcpy(result.ip_.data(), &in->sin6_addr, 16);
      if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr)) result.scope_ = in->sin6_scope_id;
      result.family_ = Family::kV6;
    }
  }
  return result;
}

socklen_t SocketAddress::to(sockaddr_storage& out) const {
  if (family_ == Family::kV6) return to_v6(out);
  auto* in = reinterpret_cast<sockaddr_in*>(&out);
  *in = {};
  in->sin_family = AF_INET;
  in->sin_port = htons(port_);
  std::memcpy(&in->sin_addr, ip_.data(), 4);
  return sizeof(sockaddr_in);
}

socklen_t SocketAddress::to_v6(sockaddr_storage& out) const {
  auto* in = reinterpret_cast<sockaddr_in6*>(&out);
  *in = {};
  in->sin6_family = AF_INET6;
  in->sin6_port = htons(port_);
  if (family_ == Family::kV4) {
    in->sin6_addr.s6_addr[10] = in->sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(in->sin6_addr.s6_addr + 12, ip_.data(), 4);
  } else {
    std::memcpy(&in->sin6_addr, ip_.data(), 16);
    in->sin6_scope_id = scope_;
  }
  return sizeof(sockaddr_in6);
}

bool SocketAddress::is_loopback() const {
  if (is_v4()) return ip_[0] == 127;
  static constexpr std::array<std::uint8_t, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return is_v6() && ip_ == kLoopback;
}

bool SocketAddress::is_any() const {
  return std::all_of(ip_.begin(), ip_.end(), [](std::uint8_t b) { return b == 0; });
}

bool SocketAddress::is_link_local() const {
  return is_v4() ? ip_[0] == 169 && ip_[1] == 254 : ip_[0] == 0xfe && (ip_[1] & 0xc0) == 0x80;
}

std::string SocketAddress::ip() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family_ == Family::kNone) return {};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, ip_.data(), text, sizeof text);
  return text;
}

std::string SocketAddress::host() const { return is_v6() ? "[" + ip() + "]" : ip(); }

std::string SocketAddress::to_string() const { return host() + ":" + std::to_string(port_); }

SocketAddress SocketAddress::network() const {
  auto result = *this;
  result.port_ = 0;
  result.scope_ = 0;
  if (is_v6() && !is_loopback() && !is_link_local()) std::fill(result.ip_.begin() + 8, result.ip_.end(), std::uint8_t{0});
  return result;
}

std::size_t SocketAddress::hash() const {
  std::uint64_t a = 0, b = 0;
  std::memcpy(&a, ip_.data(), 8);
  std::memcpy(&b, ip_.data() + 8, 8);
  std::uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u) ^ port_) * 0xff51afd7ed558ccdu;
  return static_cast<std::size_t>(h ^ (h >> 32));
}

}  // namespace base
