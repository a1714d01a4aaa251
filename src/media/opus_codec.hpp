// Opus (RFC 6716, RFC 7587), one channel at 48 kHz. One thread. libopus's state is made in the constructor:
// about 18 kB to decode and 25 kB to encode, so make them when the first sample is due, not before.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"

struct OpusDecoder;
struct OpusEncoder;

namespace media {

constexpr int kMaxOpusFrame = 5760;   // 120 ms, the longest packet (RFC 6716 3.2.5)

// Samples in a packet at 48 kHz by its first octets; 0 when it is not Opus.
std::uint32_t opus_duration(base::ByteView packet);

class OpusMonoDecoder {
 public:
  OpusMonoDecoder();
  // Samples written (stereo is folded down), 0 when the packet is not Opus.
  std::size_t decode(base::ByteView packet, std::span<std::int16_t> out);
  // The packet before `next` from the copy that `next` carries (RFC 6716 2.1.7); out.size() is its length.
  std::size_t recover(base::ByteView next, std::span<std::int16_t> out);
  // Loss concealment for out.size() samples, a multiple of 120.
  std::size_t conceal(std::span<std::int16_t> out);
  void reset();

 private:
  struct Free {
    void operator()(OpusDecoder* decoder) const;
  };
  std::unique_ptr<OpusDecoder, Free> decoder_;
};

struct OpusOptions {
  int bitrate = 32000;
  int complexity = 5;     // 10 costs twice the time for what few hear
  int expected_loss = 5;  // per cent: how much of the bits go to FEC
  bool fec = true;
};

class OpusMonoEncoder {
 public:
  explicit OpusMonoEncoder(const OpusOptions& options = {});
  // 10, 20 or 40 ms. Bytes written; 0 when it fails, which libopus does for wrong sizes alone.
  std::size_t encode(std::span<const std::int16_t> in, std::span<std::uint8_t> out);
  void set_expected_loss(int per_cent);
  // This encoder goes on as `other` would: a listener's decoder can't tell.
  void copy_state(const OpusMonoEncoder& other);
  void reset();

 private:
  struct Free {
    void operator()(OpusEncoder* encoder) const;
  };
  std::unique_ptr<OpusEncoder, Free> encoder_;
};

}  // namespace media
