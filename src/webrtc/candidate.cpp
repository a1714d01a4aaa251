#include "webrtc/candidate.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace webrtc {

std::uint32_t host_candidate_priority(CandidateTransport transport, std::size_t rank) {
  constexpr std::uint32_t kComponent = 1;
  if (transport == CandidateTransport::kUdp) {
    const auto local = static_cast<std::uint32_t>(65535 - std::min<std::size_t>(rank, 65535));
    return 126u << 24 | local << 8 | (256 - kComponent);
  }
  constexpr std::uint32_t kPassive = 4;
  const auto other = static_cast<std::uint32_t>(8191 - std::min<std::size_t>(rank, 8191));
  return 90u << 24 | (kPassive << 13 | other) << 8 | (256 - kComponent);
}

std::string HostCandidate::value() const {
  const bool tcp = transport == CandidateTransport::kTcpPassive;
  return fmt::format("{} 1 {} {} {} {} typ host{}", foundation, tcp ? "tcp" : "udp", priority, address.ip(),
                     address.port(), tcp ? " tcptype passive" : "");
}

std::vector<HostCandidate> make_host_candidates(std::span<const base::SocketAddress> addresses,
                                                std::uint16_t udp_port,
                                                std::optional<std::uint16_t> tcp_port) {
  std::vector<HostCandidate> result;
  const auto add = [&](CandidateTransport transport, std::uint16_t port) {
    for (std::size_t rank = 0; rank < addresses.size(); ++rank) {
      if (!addresses[rank].valid()) continue;
      auto address = addresses[rank];
      address.set_port(port);
      // RFC 8445 section 5.1.1.3: another base or another transport is another foundation.
      result.push_back({.transport = transport,
                        .address = address,
                        .priority = host_candidate_priority(transport, rank),
                        .foundation = fmt::format("{}", result.size() + 1)});
    }
  };
  add(CandidateTransport::kUdp, udp_port);
  if (tcp_port) add(CandidateTransport::kTcpPassive, *tcp_port);
  return result;
}

}  // namespace webrtc
