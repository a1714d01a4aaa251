#include "net/websocket_codec.hpp"

#include <openssl/evp.h>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace net {

std::unexpected<base::Error> WebSocketDecoder::refuse(std::uint16_t code, std::string detail) {
  close_code_ = code;
  return base::malformed(std::move(detail));
}

// RFC 6455 5.2: two bytes, a longer length, the mask. True when the header is whole.
base::Result<bool> WebSocketDecoder::take_header(std::string_view& bytes) {
  while (!bytes.empty()) {
    header_[header_size_++] = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ < 2) continue;
    const std::uint8_t length = header_[1] & 0x7f;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (header_size_ == 2) {
      if ((header_[0] & 0x70) != 0) return refuse(ws_close::kProtocolError, "reserved bits set");
      if ((header_[1] & 0x80) == 0) return refuse(ws_close::kProtocolError, "frame not masked");
    }
    if (header_size_ < 2 + extra + 4) continue;
    remaining_ = extra == 0 ? length : extra == 2 ? base::load_be16(&header_[2]) : base::load_be64(&header_[2]);
    std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(2 + extra), 4, mask_.begin());
    header_size_ = 0;
    return true;
  }
  return false;
}

base::Status WebSocketDecoder::start_frame() {
  final_ = (header_[0] & 0x80) != 0;
  const std::uint8_t code = header_[0] & 0x0f;
  opcode_ = static_cast<WsOpcode>(code);
  mask_offset_ = 0;
  in_payload_ = true;
  if (code >= 8) {
    if (code > 10) return refuse(ws_close::kProtocolError, "unknown control frame");
    if (!final_ || remaining_ > 125) return refuse(ws_close::kProtocolError, "control frame fragmented or too long");
    control_.clear();
    return {};
  }
  if (code > 2) return refuse(ws_close::kProtocolError, "unknown frame type");
  if ((opcode_ == WsOpcode::kContinuation) != fragmented_) return refuse(ws_close::kProtocolError, "fragments out of order");
  if (opcode_ != WsOpcode::kContinuation) {
    message_opcode_ = opcode_;
    message_.clear();
  }
  if (remaining_ > max_message_ || message_.size() + remaining_ > max_message_) return refuse(ws_close::kTooBig, "message too big");
  return {};
}

void WebSocketDecoder::take_payload(std::string_view& bytes) {
  std::string& to = static_cast<std::uint8_t>(opcode_) >= 8 ? control_ : message_;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  const auto start = to.size();
  // What is announced is taken on trust only up to a page or two; the rest grows with what really comes.
  if (start == 0) to.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, std::max<std::size_t>(count, 8192))));
  to.append(bytes.substr(0, count));
  for (std::size_t i = 0; i < count; ++i) {
    to[start + i] = static_cast<char>(static_cast<std::uint8_t>(to[start + i]) ^ mask_[(mask_offset_ + i) & 3]);
  }
  mask_offset_ += count;
  remaining_ -= count;
  bytes.remove_prefix(count);
}

base::Result<bool> WebSocketDecoder::next(std::string_view& bytes, Message& out) {
  for (;;) {
    if (!in_payload_) {
      const auto whole = take_header(bytes);
      if (!whole || !*whole) return whole;
      if (auto started = start_frame(); !started) return std::unexpected(started.error());
    }
    take_payload(bytes);
    if (remaining_ > 0) return false;
    in_payload_ = false;
    if (static_cast<std::uint8_t>(opcode_) >= 8) {
      out = {opcode_, std::move(control_)};
      control_.clear();
      return true;
    }
    fragmented_ = !final_;
    if (!final_) continue;
    if (message_opcode_ == WsOpcode::kText && !base::valid_utf8(message_)) return refuse(ws_close::kInvalidData, "text not UTF-8");
    out = {message_opcode_, std::move(message_)};
    message_.clear();
    return true;
  }
}

void set_frame_header(Chunk& chunk, WsOpcode opcode, std::size_t size) {
  auto* p = reinterpret_cast<std::uint8_t*>(chunk.prefix.data());
  p[0] = static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(opcode));
  if (size < 126) {
    p[1] = static_cast<std::uint8_t>(size);
    chunk.prefix_size = 2;
  } else if (size < 65536) {
    p[1] = 126;
    base::store_be16(p + 2, static_cast<std::uint16_t>(size));
    chunk.prefix_size = 4;
  } else {
    p[1] = 127;
    base::store_be64(p + 2, size);
    chunk.prefix_size = 10;
  }
}

std::string websocket_accept(std::string_view key) {
  // 16 bytes are 24 characters of base64 with two '='.
  if (key.size() != 24 || !key.ends_with("==")) return {};
  for (const char c : key.substr(0, 22)) {
    const bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!good) return {};
  }
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) return {};
  return base::to_base64({digest.data(), size});
}

}  // namespace net
