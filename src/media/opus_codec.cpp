#include "media/opus_codec.hpp"

#include <opus.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace media {

std::uint32_t opus_duration(base::ByteView packet) {
  if (packet.empty()) return 0;
  const int samples = opus_packet_get_nb_samples(packet.data(), static_cast<opus_int32>(packet.size()), 48000);
  return samples > 0 && samples <= kMaxOpusFrame ? static_cast<std::uint32_t>(samples) : 0;
}

void OpusMonoDecoder::Free::operator()(OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }
void OpusMonoEncoder::Free::operator()(OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }

OpusMonoDecoder::OpusMonoDecoder() {
  int error = OPUS_OK;
  decoder_.reset(opus_decoder_create(48000, 1, &error));
  if (!decoder_) throw std::bad_alloc();
}

std::size_t OpusMonoDecoder::decode(base::ByteView packet, std::span<std::int16_t> out) {
  if (packet.empty()) return 0;
  const int n = opus_decode(decoder_.get(), packet.data(), static_cast<opus_int32>(packet.size()), out.data(),
                            static_cast<int>(out.size()), 0);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::size_t OpusMonoDecoder::recover(base::ByteView next, std::span<std::int16_t> out) {
  if (next.empty()) return conceal(out);
  const int n = opus_decode(decoder_.get(), next.data(), static_cast<opus_int32>(next.size()), out.data(),
                            static_cast<int>(out.size()), 1);
  return n > 0 ? static_cast<std::size_t>(n) : conceal(out);
}

std::size_t OpusMonoDecoder::conceal(std::span<std::int16_t> out) {
  const int n = opus_decode(decoder_.get(), nullptr, 0, out.data(), static_cast<int>(out.size()), 0);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void OpusMonoDecoder::reset() { opus_decoder_ctl(decoder_.get(), OPUS_RESET_STATE); }

OpusMonoEncoder::OpusMonoEncoder(const OpusOptions& options) {
  int error = OPUS_OK;
  encoder_.reset(opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error));
  if (!encoder_) throw std::bad_alloc();
  opus_encoder_ctl(encoder_.get(), OPUS_SET_BITRATE(options.bitrate));
  opus_encoder_ctl(encoder_.get(), OPUS_SET_COMPLEXITY(options.complexity));
  opus_encoder_ctl(encoder_.get(), OPUS_SET_INBAND_FEC(options.fec ? 1 : 0));
  opus_encoder_ctl(encoder_.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  set_expected_loss(options.expected_loss);
}

std::size_t OpusMonoEncoder::encode(std::span<const std::int16_t> in, std::span<std::uint8_t> out) {
  const opus_int32 n = opus_encode(encoder_.get(), in.data(), static_cast<int>(in.size()), out.data(),
                                   static_cast<opus_int32>(out.size()));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void OpusMonoEncoder::set_expected_loss(int per_cent) {
  opus_encoder_ctl(encoder_.get(), OPUS_SET_PACKET_LOSS_PERC(std::clamp(per_cent, 0, 100)));
}

void OpusMonoEncoder::copy_state(const OpusMonoEncoder& other) {
  // opus.h: the state "is position independent and can be freely copied".
  std::memcpy(static_cast<void*>(encoder_.get()), other.encoder_.get(),
              static_cast<std::size_t>(opus_encoder_get_size(1)));
}

void OpusMonoEncoder::reset() { opus_encoder_ctl(encoder_.get(), OPUS_RESET_STATE); }

}  // namespace media
