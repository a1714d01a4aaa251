// G.711: mu-law (PCMU) and A-law (PCMA), 8 kHz, one octet a sample. ITU-T G.711, RFC 3551 4.5.14. Any thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "media/audio_codec.hpp"

namespace media::g711 {

constexpr std::uint8_t kUlawSilence = 0xff;
constexpr std::uint8_t kAlawSilence = 0xd5;

std::uint8_t encode_ulaw(std::int16_t sample);
std::uint8_t encode_alaw(std::int16_t sample);
std::int16_t decode_ulaw(std::uint8_t octet);
std::int16_t decode_alaw(std::uint8_t octet);

// As many samples as octets; `out` is at least as long as `in`.
void decode(AudioCodec codec, base::ByteView in, std::span<std::int16_t> out);
void encode(AudioCodec codec, std::span<const std::int16_t> in, std::span<std::uint8_t> out);

// Loudness straight from the octets, by table: what decides that a leg need not be decoded.
std::uint8_t level(AudioCodec codec, base::ByteView payload);

}  // namespace media::g711
