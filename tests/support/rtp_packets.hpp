// RTP packets for tests, made in one line.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "rtp/packet.hpp"

namespace support {

using Elements = std::vector<std::pair<std::uint8_t, base::Bytes>>;

inline base::TimePoint at_ms(std::int64_t ms) {
  return base::TimePoint(std::chrono::seconds(1000)) + std::chrono::milliseconds(ms);
}
inline base::WallTime wall_ms(std::int64_t ms) {
  return base::WallTime(std::chrono::seconds(1'790'000'000)) + std::chrono::milliseconds(ms);
}

inline base::Bytes make_packet(const rtp::HeaderFields& fields, base::ByteView payload, const Elements& elements = {},
                               rtp::ExtensionForm form = rtp::ExtensionForm::kOneByte, std::uint8_t padding = 0) {
  base::Bytes bytes(2048);
  rtp::HeaderWriter writer(bytes, fields, form);
  for (const auto& [id, data] : elements) writer.add_extension(id, data);
  bytes.resize(writer.finish());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  if (padding != 0) {
    bytes[0] |= 0x20;
    bytes.insert(bytes.end(), padding - 1u, 0);
    bytes.push_back(padding);
  }
  return bytes;
}

// A VP8 payload: descriptor, frame tag, filling with `fill`.
inline base::Bytes vp8_payload(bool first, bool key, std::size_t size = 100, std::uint8_t fill = 0) {
  base::Bytes payload(size, fill);
  payload[0] = first ? 0x10 : 0x00;
  payload[1] = first && key ? 0x00 : 0x01;
  return payload;
}

// Small, fast, the same every time.
class TestRandom {
 public:
  explicit TestRandom(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 16);
  }
  std::uint32_t below(std::uint32_t n) { return next() % n; }
  bool percent(std::uint32_t p) { return below(100) < p; }

 private:
  std::uint64_t state_;
};

}  // namespace support
