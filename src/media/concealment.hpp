// Filling the place of lost 8 or 16 kHz audio, and shortening audio without a click. One thread, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace media {

// In the manner of G.711 Appendix I: the last pitch period goes on, fading to silence within 60 ms. kScale: 1 for 8 kHz, 2 for 16.
template <int kScale>
class BasicConcealer {
 public:
  // Received audio, in order. After a loss its first 5 ms are faded in over the synthetic signal, in place.
  void received(std::span<std::int16_t> samples);
  void conceal(std::span<std::int16_t> out);
  void reset();

 private:
  static constexpr int kHistory = 400 * kScale;    // 50 ms
  static constexpr int kMinPitch = 40 * kScale;    // 200 Hz
  static constexpr int kMaxPitch = 120 * kScale;   // 66 Hz
  static constexpr int kFadeFrom = 80 * kScale;    // 10 ms at full level
  static constexpr int kFadeTo = 480 * kScale;     // silence from 60 ms on
  static constexpr int kMerge = 40 * kScale;       // 5 ms

  void start();
  std::int16_t next();
  void remember(std::span<const std::int16_t> samples);

  std::array<std::int16_t, kHistory> history_{};
  std::array<float, kMaxPitch> cycle_{};
  float step_ = 0;      // what separates the last sample heard from the cycle's start; decays
  int pitch_ = 0;
  int position_ = 0;    // samples concealed; 0: none
  bool lost_ = false;
};
using Concealer = BasicConcealer<1>;
using WideConcealer = BasicConcealer<2>;

// Removes about a quarter to half of `samples` by a cross-fade where the signal resembles itself: the first and the last
// sample stay. How many samples remain; all of them when there are too few (under 10 ms).
std::size_t compress_time(std::span<std::int16_t> samples, int rate);

}  // namespace media
