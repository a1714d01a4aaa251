// Writing RTCP into a buffer of the caller's. One thread; nothing allocates.
#pragma once

#include <span>
#include <string_view>

#include "rtp/rtcp.hpp"

namespace rtp {

// Each call appends one packet to the compound, or returns false and leaves the buffer as it was when it does not fit.
class RtcpWriter {
 public:
  explicit RtcpWriter(base::MutableByteView out) : out_(out) {}

  std::size_t size() const { return at_; }
  std::size_t room() const { return out_.size() - at_; }
  base::ByteView bytes() const { return out_.first(at_); }

  // At most 31 blocks (those after them are left out).
  bool sender_report(const SenderInfo& info, std::span<const ReportBlock> blocks);
  bool receiver_report(Ssrc sender, std::span<const ReportBlock> blocks);
  bool cname(Ssrc ssrc, std::string_view name);            // at most 255 bytes of it
  bool bye(std::span<const Ssrc> ssrcs);                   // at most 31
  // `sequences` in order of their numbers; as few PID/BLP pairs as that gives.
  bool nack(Ssrc sender, Ssrc media, std::span<const std::uint16_t> sequences);
  bool pli(Ssrc sender, Ssrc media);
  bool fir(Ssrc sender, Ssrc media, std::uint8_t command_sequence);
  bool remb(Ssrc sender, std::uint64_t bitrate, std::span<const Ssrc> ssrcs);   // bit/s, rounded down
  // A whole RTCP packet made elsewhere (transport-wide feedback).
  bool append(base::ByteView packet);

 private:
  // Reserves 4 + `body` bytes (a multiple of 4) and writes the common header; null when there is no room.
  std::uint8_t* begin(RtcpType type, std::size_t count, std::size_t body);

  base::MutableByteView out_;
  std::size_t at_ = 0;
};

}  // namespace rtp
