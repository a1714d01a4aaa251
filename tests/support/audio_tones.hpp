// Tones and what is left of them: for tests of the audio path.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

namespace test_support {

// A sine that goes on where it stopped.
class Tone {
 public:
  Tone(double hertz, double amplitude, int rate) : step_(2 * std::numbers::pi * hertz / rate), amplitude_(amplitude) {}
  std::vector<std::int16_t> next(std::size_t samples) {
    std::vector<std::int16_t> out(samples);
    for (auto& s : out) {
      s = static_cast<std::int16_t>(std::lrint(amplitude_ * std::sin(phase_)));
      phase_ = std::fmod(phase_ + step_, 2 * std::numbers::pi);
    }
    return out;
  }

 private:
  double step_, amplitude_, phase_ = 0;
};

// Amplitude of one frequency (Goertzel).
inline double amplitude_at(std::span<const std::int16_t> pcm, double hertz, int rate) {
  double a = 0, b = 0;
  const double w = 2 * std::numbers::pi * hertz / rate;
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double window = 1 - std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(pcm.size()));
    a += window * pcm[i] * std::cos(w * static_cast<double>(i));
    b += window * pcm[i] * std::sin(w * static_cast<double>(i));
  }
  return pcm.empty() ? 0 : 2 * std::sqrt(a * a + b * b) / static_cast<double>(pcm.size());
}

inline double rms(std::span<const std::int16_t> pcm) {
  double sum = 0;
  for (const auto s : pcm) sum += static_cast<double>(s) * s;
  return pcm.empty() ? 0 : std::sqrt(sum / static_cast<double>(pcm.size()));
}

inline int largest_step(std::span<const std::int16_t> pcm) {
  int largest = 0;
  for (std::size_t i = 1; i < pcm.size(); ++i) largest = std::max(largest, std::abs(pcm[i] - pcm[i - 1]));
  return largest;
}

}  // namespace test_support
