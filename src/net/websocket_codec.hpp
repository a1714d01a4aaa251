// WebSocket frames (RFC 6455 section 5), the server's side: masked frames in, unmasked ones out. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/stream.hpp"

namespace net {

enum class WsOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// RFC 6455 section 7.4.1
namespace ws_close {
constexpr std::uint16_t kNormal = 1000, kGoingAway = 1001, kProtocolError = 1002, kInvalidData = 1007, kPolicy = 1008,
                        kTooBig = 1009, kInternal = 1011;
}

// One per connection; one thread. Memory: one message of at most the limit.
class WebSocketDecoder {
 public:
  explicit WebSocketDecoder(std::size_t max_message) : max_message_(max_message) {}

  struct Message {
    WsOpcode opcode = WsOpcode::kText;   // text, binary, close, ping, pong
    std::string payload;
  };
  // Takes from the front of `bytes` until a message is whole (true, in `out`) or they are used up (false). On an
  // error close_code() says with what to close.
  base::Result<bool> next(std::string_view& bytes, Message& out);
  std::uint16_t close_code() const { return close_code_; }

 private:
  base::Result<bool> take_header(std::string_view& bytes);
  base::Status start_frame();
  void take_payload(std::string_view& bytes);
  std::unexpected<base::Error> refuse(std::uint16_t code, std::string detail);

  const std::size_t max_message_;
  std::uint16_t close_code_ = ws_close::kProtocolError;
  std::array<std::uint8_t, 14> header_{};
  std::size_t header_size_ = 0;
  bool in_payload_ = false;
  bool final_ = false;
  WsOpcode opcode_ = WsOpcode::kText;          // of the frame
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t remaining_ = 0;                // of the frame's payload
  std::size_t mask_offset_ = 0;
  bool fragmented_ = false;                    // a message waits for its continuation
  WsOpcode message_opcode_ = WsOpcode::kText;
  std::string message_, control_;
};

// The head of a server's frame of `size` bytes of payload, as the prefix of a chunk.
void set_frame_header(Chunk& chunk, WsOpcode opcode, std::size_t size);
// Sec-WebSocket-Accept for a key (section 4.2.2); empty: not 16 bytes in base64.
std::string websocket_accept(std::string_view key);

}  // namespace net
