// Whose word counts for where an HTTP request comes from: reverse proxies that say it in X-Forwarded-For. RFC 7239's Forwarded is not
// looked at: a proxy that doesn't know it hands on what a client made up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "net/http.hpp"

namespace net {

// "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". A value, any thread.
class Subnet {
 public:
  static std::optional<Subnet> parse(std::string_view text);
  bool contains(const base::SocketAddress& address) const;
  friend bool operator==(const Subnet&, const Subnet&) = default;

 private:
  std::array<std::uint8_t, 16> network_{};   // IPv4 in the first four
  unsigned bits_ = 0;
  bool v6_ = false;
};

// Immutable: any thread.
class TrustedProxies {
 public:
  static constexpr std::size_t kMaxHops = 20;   // that are looked at

  TrustedProxies() = default;
  explicit TrustedProxies(std::vector<Subnet> all) : all_(std::move(all)) {}
  bool trusts(const base::SocketAddress& address) const;
  // Who asks, by way of `peer`: of what trusted proxies have written the last address that is none of theirs, with the peer's port.
  // `peer` itself when it is not trusted, or says nothing that can be read.
  base::SocketAddress client(const base::SocketAddress& peer, const HttpHeaders& headers) const;

 private:
  std::vector<Subnet> all_;
};

}  // namespace net
