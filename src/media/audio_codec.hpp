// What the audio path knows of codecs, and one received packet as the RTP layer hands it over. Values.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace media {

enum class AudioCodec : std::uint8_t { kOpus, kPcmu, kPcma, kG722 };
constexpr int kAudioCodecs = 4;
constexpr bool is_g711(AudioCodec codec) { return codec == AudioCodec::kPcmu || codec == AudioCodec::kPcma; }

// Mixing is done at 48 kHz, one channel, samples as float in the scale of int16.
constexpr int kMixRate = 48000;
constexpr int kMaxIntervalMs = 40;
constexpr int kMaxMixFrame = kMixRate / 1000 * kMaxIntervalMs;

// The RTP clock (RFC 3551 4.5.14, RFC 7587 4.1); it is the sampling rate too, but for G.722 (RFC 3551 4.5.2).
constexpr std::uint32_t clock_rate(AudioCodec codec) { return codec == AudioCodec::kOpus ? 48000 : 8000; }
constexpr std::uint32_t samples_per_tick(AudioCodec codec) { return codec == AudioCodec::kG722 ? 2 : 1; }
constexpr std::uint32_t sample_rate(AudioCodec codec) { return clock_rate(codec) * samples_per_tick(codec); }

struct AudioPacket {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t seq = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  base::ByteView payload;
  std::optional<std::uint8_t> audio_level = {};  // RFC 6464: -dBov, 0 is loudest, 127 is silence
  bool voice = false;                       // RFC 6464: the V bit
};

constexpr std::uint8_t kSilentLevel = 127;

// Mean square of int16 samples as an RFC 6464 level: 0..127 dB below overload.
std::uint8_t level_of(double mean_square);

}  // namespace media
