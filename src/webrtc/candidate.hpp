// Our own host candidates as a=candidate values (RFC 8839 section 5.1), UDP and passive TCP (RFC 6544).
// Thread: pure functions. The peer's candidates are never needed by a lite agent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace webrtc {

enum class CandidateTransport : std::uint8_t { kUdp, kTcpPassive };

// RFC 8445 section 5.1.2.1 with type preference 126 (host) and component 1; for TCP the local preference has
// the direction preference 4 (passive) on top (RFC 6544 section 4.2), and the type preference is 90, so that
// UDP wins. `rank`: 0 for the address that we like best.
std::uint32_t host_candidate_priority(CandidateTransport transport, std::size_t rank);

struct HostCandidate {
  CandidateTransport transport = CandidateTransport::kUdp;
  base::SocketAddress address;
  std::uint32_t priority = 0;
  std::string foundation;

  // "1 1 udp 2130706431 192.0.2.1 30000 typ host", what stands behind "a=candidate:".
  std::string value() const;
};

// One per address and transport, in the order of `addresses`, best first, whose ports are ignored.
std::vector<HostCandidate> make_host_candidates(std::span<const base::SocketAddress> addresses,
                                                std::uint16_t udp_port,
                                                std::optional<std::uint16_t> tcp_port = std::nullopt);

}  // namespace webrtc
