// One encoded stream of a mix: limiter, rate conversion, encoder, and silence that costs nothing. One thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "media/audio_codec.hpp"
#include "media/g722.hpp"
#include "media/opus_codec.hpp"
#include "media/resampler.hpp"

namespace media {

// Brings a sum of talkers into 16 bits: the gain falls within 2.5 ms, rises over a second, and what exceeds
// the range while it falls is bent, never wrapped.
class Limiter {
 public:
  void process(std::span<const float> in, std::span<float> out);
  void reset() { gain_ = 1; }
  float gain() const { return gain_; }

 private:
  float gain_ = 1;
};

class MixStream {
 public:
  MixStream(AudioCodec codec, const OpusOptions& options);

  // One interval. `silent`: nobody is heard and `mix` is not read; after some such intervals the payload is the cached
  // one of encoded silence. Valid until the next call.
  base::ByteView encode(std::span<const float> mix, bool silent);
  // From here on as `other`, of the same codec, would go on: a listener moved from one to the other hears no seam.
  void copy_state(const MixStream& other);
  void reset();
  AudioCodec codec() const { return codec_; }
  // Whether the payload was silence for so long that it does not change any more.
  bool at_rest() const { return silent_ >= rest(); }

 private:
  int rest() const { return is_g711(codec_) ? kSilenceG711 : kSilenceOpus; }
  static constexpr int kSilenceOpus = 10;  // intervals until the encoder has come to rest; G.722's too
  static constexpr int kSilenceG711 = 2;   // until the filter has

  AudioCodec codec_;
  int silent_ = 0;
  std::size_t size_ = 0;
  Limiter limiter_;
  Downsampler downsampler_;
  WideDownsampler wide_downsampler_;
  std::optional<OpusMonoEncoder> opus_;
  std::optional<G722Encoder> g722_;
  std::array<std::uint8_t, 640> payload_{};
};

}  // namespace media
