// RFC 4571 framing, as ICE-TCP uses it (RFC 6544 section 3): two bytes of length, then the packet.
// Thread: the connection's. Errors: a length of 0 is skipped, one over the limit ends the stream.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "base/bytes.hpp"

namespace webrtc {

// Cuts a stream into packets. Holds at most one packet, and no buffer while the stream is between packets.
class TcpDeframer {
 public:
  static constexpr std::size_t kMaxPacket = 4096;

  // Calls `packet` (void(base::MutableByteView)) for each packet that is complete; its bytes are valid during
  // the call, and may be written. False: a packet over the limit, close the connection. `packet` must not
  // call feed().
  template <typename Callback>
  bool feed(base::ByteView bytes, Callback&& packet) {
    while (!broken_ && !bytes.empty()) {
      bytes = bytes.subspan(take(bytes));
      if (complete()) {
        packet(base::MutableByteView(held_).subspan(2));
        held_.clear();
        if (bytes.empty()) held_.shrink_to_fit();
      }
    }
    return !broken_;
  }
  std::size_t held() const { return held_.size(); }

 private:
  std::size_t wanted() const { return held_.size() < 2 ? 2 : 2 + std::size_t{base::load_be16(held_.data())}; }
  bool complete() const { return held_.size() > 2 && held_.size() == wanted(); }
  std::size_t take(base::ByteView bytes);

  base::Bytes held_;
  bool broken_ = false;
};

// Two bytes to be sent before a packet of this length; lengths over 65535 cannot be framed.
inline std::array<std::uint8_t, 2> tcp_frame_header(std::size_t length) {
  return {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
}

}  // namespace webrtc
