// 8 or 16 kHz to 48 kHz and back by fixed polyphase FIRs (linear phase, pass band to 3.4 or 6.8 kHz, 1 or 0.5 ms of delay each way).
// A state of 64 bytes up and 384 or 192 down: what a library's general resampler keeps is several kB a leg. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace media {

constexpr int kResampleRatio = 6;          // of 8 kHz
constexpr int kWideResampleRatio = 3;      // of 16 kHz
constexpr int kTapsPerPhase = 16;

template <int kRatio>
class BasicUpsampler {
 public:
  // out.size() == kRatio * in.size(); at most 40 ms at a time.
  void process(std::span<const std::int16_t> in, std::span<float> out);
  void reset() { history_.fill(0); }

 private:
  std::array<float, kTapsPerPhase> history_{};
};

template <int kRatio>
class BasicDownsampler {
 public:
  // in.size() == kRatio * out.size(); at most 40 ms at a time. Saturates.
  void process(std::span<const float> in, std::span<std::int16_t> out);
  void reset() { history_.fill(0); }

 private:
  std::array<float, kRatio * kTapsPerPhase> history_{};
};

using Upsampler = BasicUpsampler<kResampleRatio>;
using Downsampler = BasicDownsampler<kResampleRatio>;
using WideUpsampler = BasicUpsampler<kWideResampleRatio>;
using WideDownsampler = BasicDownsampler<kWideResampleRatio>;

}  // namespace media
