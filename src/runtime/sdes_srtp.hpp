// SRTP and SRTCP of a plain leg, under the keys that its SDP gave (RFC 4568): from sdp's values to webrtc's sessions.
//
// Thread: the leg's. No allocation per packet. What fails is counted and dropped; a call never ends by it (survival 16). Where a session can't be
// opened nothing goes out and nothing comes in: there is no way back to clear.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "sdp/sdes.hpp"
#include "webrtc/srtp.hpp"

namespace runtime {

class SdesSrtp {
 public:
  struct Counters {
    std::uint64_t bad_srtp = 0, bad_srtcp = 0;   // not authentic, replayed, in clear, or no RTP at all
    std::uint64_t not_sendable = 0;
  };

  // A key that stays keeps its session, with the roll-over counter and what has been received.
  void configure(const sdp::Sdes& keys);

  // In place, with webrtc::kSrtpOverhead bytes to spare behind `size`: the size to be sent, or 0.
  std::size_t protect_rtp(base::MutableByteView buffer, std::size_t size) { return sendable(outbound_.protect_rtp(buffer, size)); }
  std::size_t protect_rtcp(base::MutableByteView buffer, std::size_t size) { return sendable(outbound_.protect_rtcp(buffer, size)); }
  // In place: the packet in clear, or an empty view.
  base::MutableByteView unprotect_rtp(base::MutableByteView packet) { return readable(packet, inbound_.unprotect_rtp(packet), counters_.bad_srtp); }
  base::MutableByteView unprotect_rtcp(base::MutableByteView packet) { return readable(packet, inbound_.unprotect_rtcp(packet), counters_.bad_srtcp); }

  const Counters& counters() const { return counters_; }

 private:
  std::size_t sendable(std::size_t size) {
    if (size == 0) ++counters_.not_sendable;
    return size;
  }
  static base::MutableByteView readable(base::MutableByteView packet, std::size_t size, std::uint64_t& bad) {
    if (size == 0) ++bad;
    return packet.first(size);
  }

  webrtc::SrtpSession inbound_, outbound_;
  sdp::SrtpKey remote_, local_;
  Counters counters_;
};

}  // namespace runtime
