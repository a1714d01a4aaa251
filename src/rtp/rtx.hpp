// Retransmission payloads (RFC 4588 4): the original sequence number, then the original payload. Values, any thread.
#pragma once

#include <optional>

#include "rtp/packet.hpp"

namespace rtp {

constexpr std::size_t kRtxHeader = 2;

struct RtxPayload {
  std::uint16_t original_sequence = 0;
  base::ByteView payload;
};

// Empty for a packet that is padding alone, as bandwidth probes on a retransmission stream are.
inline std::optional<RtxPayload> read_rtx(const PacketView& packet) {
  const base::ByteView payload = packet.payload();
  if (payload.size() < kRtxHeader) return std::nullopt;
  return RtxPayload{base::load_be16(payload.data()), payload.subspan(kRtxHeader)};
}

}  // namespace rtp
