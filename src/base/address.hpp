// An IPv4 or IPv6 address with a port: a small value, comparable and hashable.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace base {

class SocketAddress {
 public:
  SocketAddress() = default;

  // `ip` is a literal, IPv6 with or without brackets, a scope ("%eth0") ignored. Empty for anything else.
  static std::optional<SocketAddress> parse(std::string_view ip, std::uint16_t port);
  // "192.0.2.1:5060", "[2001:db8::1]:5060".
  static std::optional<SocketAddress> parse_with_port(std::string_view text);
  // An IPv4-mapped IPv6 address becomes IPv4, so that an address equals itself on a dual-stack socket.
  static SocketAddress from(const sockaddr* address);

  socklen_t to(sockaddr_storage& out) const;         // in its own family
  socklen_t to_v6(sockaddr_storage& out) const;      // IPv4 mapped, for a dual-stack IPv6 socket

  bool valid() const { return family_ != Family::kNone; }
  bool is_v4() const { return family_ == Family::kV4; }
  bool is_v6() const { return family_ == Family::kV6; }
  bool is_loopback() const;
  bool is_any() const;
  bool is_link_local() const;
  std::uint16_t port() const { return port_; }
  void set_port(std::uint16_t port) { port_ = port; }
  std::uint32_t scope() const { return scope_; }

  std::string ip() const;              // "192.0.2.1", "2001:db8::1"
  std::string host() const;            // as in a URI: IPv6 in brackets
  std::string to_string() const;       // host:port

  // Whom limits by address count, without port and scope: an IPv4 address, or the /64 of an IPv6 one, since whoever has
  // one address of it has them all (RFC 4291 2.5.4). Loopback and link-local addresses stay whole.
  SocketAddress network() const;
  bool same_ip(const SocketAddress& other) const { return family_ == other.family_ && ip_ == other.ip_; }
  std::size_t hash() const;

  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;

 private:
  enum class Family : std::uint8_t { kNone, kV4, kV6 };
  std::array<std::uint8_t, 16> ip_{};   // IPv4 in the first four
  std::uint32_t scope_ = 0;
  std::uint16_t port_ = 0;
  Family family_ = Family::kNone;
};

}  // namespace base

template <>
struct std::hash<base::SocketAddress> {
  std::size_t operator()(const base::SocketAddress& a) const { return a.hash(); }
};
