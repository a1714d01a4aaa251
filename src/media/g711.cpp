#include "media/g711.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace media {

std::uint8_t level_of(double mean_square) {
  if (mean_square < 1e-3) return kSilentLevel;
  const double db = -10.0 * std::log10(mean_square / (32768.0 * 32768.0));
  return static_cast<std::uint8_t>(std::clamp(db, 0.0, 127.0));
}

namespace g711 {
namespace {

constexpr int kBias = 132;  // 33 in the 14-bit scale of the standard, here with 16 bits

constexpr std::int16_t ulaw_to_linear(std::uint8_t octet) {
  const int code = ~octet & 0xff;
  const int magnitude = ((((code & 0x0f) << 3) + kBias) << ((code >> 4) & 7)) - kBias;
  return static_cast<std::int16_t>(code & 0x80 ? -magnitude : magnitude);
}

constexpr std::int16_t alaw_to_linear(std::uint8_t octet) {
  const int code = octet ^ 0x55;
  const int segment = (code >> 4) & 7;
  const int step = (code & 0x0f) << 4;
  const int magnitude = segment == 0 ? step + 8 : (step + 0x108) << (segment - 1);
  return static_cast<std::int16_t>(code & 0x80 ? magnitude : -magnitude);
}

struct Tables {
  std::array<std::int16_t, 256> ulaw{}, alaw{};
  std::array<std::uint32_t, 256> ulaw_square{}, alaw_square{};
};

constexpr Tables make_tables() {
  Tables t;
  for (int i = 0; i < 256; ++i) {
    const auto octet = static_cast<std::uint8_t>(i);
    t.ulaw[i] = ulaw_to_linear(octet);
    t.alaw[i] = alaw_to_linear(octet);
    t.ulaw_square[i] = static_cast<std::uint32_t>(t.ulaw[i] * t.ulaw[i]);
    t.alaw_square[i] = static_cast<std::uint32_t>(t.alaw[i] * t.alaw[i]);
  }
  // A-law has no zero: its two smallest steps (+-8) are what a silent line sends.
  t.alaw_square[kAlawSilence] = t.alaw_square[kAlawSilence ^ 0x80] = 0;
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint8_t encode_ulaw(std::int16_t sample) {
  const int sign = sample < 0 ? 0x80 : 0;
  const int magnitude = std::min(sample < 0 ? -static_cast<int>(sample) : sample, 32635) + kBias;
  const int segment = static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude))) - 8;
  const int code = sign | segment << 4 | ((magnitude >> (segment + 3)) & 0x0f);
  return static_cast<std::uint8_t>(~code);
}

std::uint8_t encode_alaw(std::int16_t sample) {
  const int sign = sample < 0 ? 0 : 0x80;
  const int magnitude = sample < 0 ? -static_cast<int>(sample) - 1 : sample;
  const int segment = std::max(static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude))) - 8, 0);
  const int step = (magnitude >> (segment == 0 ? 4 : segment + 3)) & 0x0f;
  return static_cast<std::uint8_t>((sign | segment << 4 | step) ^ 0x55);
}

std::int16_t decode_ulaw(std::uint8_t octet) { return kTables.ulaw[octet]; }
std::int16_t decode_alaw(std::uint8_t octet) { return kTables.alaw[octet]; }

void decode(AudioCodec codec, base::ByteView in, std::span<std::int16_t> out) {
  const auto& table = codec == AudioCodec::kPcma ? kTables.alaw : kTables.ulaw;
  const std::size_t count = std::min(in.size(), out.size());
  for (std::size_t i = 0; i < count; ++i) out[i] = table[in[i]];
}

void encode(AudioCodec codec, std::span<const std::int16_t> in, std::span<std::uint8_t> out) {
  const std::size_t count = std::min(in.size(), out.size());
  if (codec == AudioCodec::kPcma) {
    for (std::size_t i = 0; i < count; ++i) out[i] = encode_alaw(in[i]);
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = encode_ulaw(in[i]);
  }
}

std::uint8_t level(AudioCodec codec, base::ByteView payload) {
  if (payload.empty()) return kSilentLevel;
  const auto& table = codec == AudioCodec::kPcma ? kTables.alaw_square : kTables.ulaw_square;
  std::uint64_t sum = 0;
  for (const std::uint8_t octet : payload) sum += table[octet];
  return level_of(static_cast<double>(sum) / static_cast<double>(payload.size()));
}

}  // namespace g711
}  // namespace media
