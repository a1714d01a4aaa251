// Sequence numbers and timestamps that wrap (RFC 3550 5.1, A.1). Values, any thread.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace rtp {

using Ssrc = std::uint32_t;

// How far `a` is ahead of `b` on the circle, -32768..32767.
constexpr std::int16_t sequence_distance(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(a - b));
}
constexpr bool sequence_newer(std::uint16_t a, std::uint16_t b) { return sequence_distance(a, b) > 0; }

constexpr std::int32_t timestamp_distance(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}
constexpr bool timestamp_newer(std::uint32_t a, std::uint32_t b) { return timestamp_distance(a, b) > 0; }

// 16 bits to 64: each number is taken to be the one nearest to the highest so far.
class SequenceUnwrapper {
 public:
  // Starts at 65536 + the first number, so that packets from before it are still positive.
  std::int64_t unwrap(std::uint16_t sequence) {
    const std::int64_t value = peek(sequence);
    if (!started_ || value > highest_) highest_ = value;
    started_ = true;
    return value;
  }
  // What unwrap() would say, changing nothing.
  std::int64_t peek(std::uint16_t sequence) const {
    if (!started_) return std::int64_t{65536} + sequence;
    return highest_ + sequence_distance(sequence, static_cast<std::uint16_t>(highest_));
  }
  bool started() const { return started_; }
  std::int64_t highest() const { return highest_; }
  void reset() { started_ = false, highest_ = 0; }

 private:
  std::int64_t highest_ = 0;
  bool started_ = false;
};

}  // namespace rtp
