// One participant's received audio, from RTP payloads to frames of 48 kHz: jitter buffer, decoder, concealment.
// One thread. Decoder and sample store are made when the first frame is really wanted, so one who only
// listens, or is silent, costs the jitter buffer alone (2 to 3 kB). No allocation per packet once warm.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "media/audio_codec.hpp"
#include "media/concealment.hpp"
#include "media/g722.hpp"
#include "media/jitter_buffer.hpp"
#include "media/opus_codec.hpp"
#include "media/resampler.hpp"

namespace media {

class AudioSource {
 public:
  explicit AudioSource(AudioCodec codec) : codec_(codec), jitter_(clock_rate(codec)) {}

  struct Arrival {
    bool accepted = false;
    base::Duration length{};
    std::optional<std::uint8_t> level;   // from the extension or the payload; empty: only decoding would tell
  };
  Arrival push(const AudioPacket& packet, base::TimePoint now);
  void push_other(std::uint32_t ssrc, std::uint16_t seq) { jitter_.push_other(ssrc, seq); }

  // One interval (10, 20, 40 ms) to `out`. False: nothing to hear, `out` is not written.
  bool play(std::span<float> out, base::TimePoint now);
  // The same interval goes by unheard and undecoded.
  void skip(std::size_t mix_samples, base::TimePoint now);

  AudioCodec codec() const { return codec_; }
  const JitterBuffer& jitter() const { return jitter_; }

 private:
  struct Decoding {
    std::vector<std::int16_t> samples;   // at the codec's rate; those before `head` have been played
    std::size_t head = 0;
    struct Wide {                        // G.722
      G722Decoder decoder;
      WideConcealer concealer;
      WideUpsampler upsampler;
    };
    std::unique_ptr<OpusMonoDecoder> opus;
    std::unique_ptr<Wide> wide;
    Concealer concealer;                 // G.711
    Upsampler upsampler;                 // G.711
    std::size_t available() const { return samples.size() - head; }
  };

  std::size_t native(std::size_t mix_samples) const { return mix_samples / (kMixRate / sample_rate(codec_)); }
  std::size_t length_of(const JitterFrame& frame) const;
  Decoding::Wide& wide();
  std::span<std::int16_t> extend(std::size_t count);
  void append(const JitterFrame& frame, base::TimePoint now);
  void decode(const JitterFrame& frame, std::span<std::int16_t> out);
  void conceal(const JitterFrame& frame, std::span<std::int16_t> out);
  void pad(std::size_t count);

  AudioCodec codec_;
  JitterBuffer jitter_;
  std::unique_ptr<Decoding> decoding_;
  std::size_t silent_ahead_ = 0;   // samples that were skipped beyond the present interval
  bool gap_ = true;                // what was heard last was silence: what follows is faded in
  bool stale_ = false;             // packets went past the decoder
  base::TimePoint compressed_{};
};

}  // namespace media
