// 8 kHz to 48 kHz and back by one fixed polyphase FIR (linear phase, pass band to 3.4 kHz, 1 ms of delay each way).
// A state of 64 bytes up and 384 down: what a library's general resampler keeps is several kB a leg. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace media {

constexpr int kResampleRatio = 6;
constexpr int kTapsPerPhase = 16;
constexpr int kResampleTaps = kResampleRatio * kTapsPerPhase;

class Upsampler {
 public:
  // out.size() == 6 * in.size(); at most 40 ms at a time.
  void process(std::span<const std::int16_t> in, std::span<float> out);
  void reset() { history_.fill(0); }

 private:
  std::array<float, kTapsPerPhase> history_{};
};

class Downsampler {
 public:
  // in.size() == 6 * out.size(); at most 40 ms at a time. Saturates.
  void process(std::span<const float> in, std::span<std::int16_t> out);
  void reset() { history_.fill(0); }

 private:
  std::array<float, kResampleTaps> history_{};
};

}  // namespace media
