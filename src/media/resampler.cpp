#include "media/resampler.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "media/audio_codec.hpp"

namespace media {
namespace {

// Kaiser-windowed sinc at 48 kHz, cut-off 3.75 or 7.5 kHz, time-reversed so that a dot product runs forward.
template <int kRatio>
struct Filter {
  static constexpr int kTaps = kRatio * kTapsPerPhase;
  std::array<float, kTaps> down{};                                     // unity gain at 48 kHz
  std::array<std::array<float, kTapsPerPhase>, kRatio> up{};           // per phase, gain of 6

  Filter() {
    constexpr double kBeta = 6.0;
    const double cutoff = 0.46875 / kRatio;
    const double centre = (kTaps - 1) / 2.0;
    std::array<double, kTaps> taps{};
    double sum = 0;
    for (int i = 0; i < kTaps; ++i) {
      const double t = i - centre;
      const double sinc = std::sin(2 * std::numbers::pi * cutoff * t) / (std::numbers::pi * t);
      const double r = t / (centre + 0.5);
      taps[i] = sinc * std::cyl_bessel_i(0.0, kBeta * std::sqrt(1 - r * r)) / std::cyl_bessel_i(0.0, kBeta);
      sum += taps[i];
    }
    for (int i = 0; i < kTaps; ++i) {
      taps[i] /= sum;
      down[kTaps - 1 - i] = static_cast<float>(taps[i]);
    }
    for (int phase = 0; phase < kRatio; ++phase) {
      double gain = 0;  // each phase to unity, so that a constant stays constant
      for (int k = 0; k < kTapsPerPhase; ++k) gain += taps[phase + kRatio * k];
      for (int k = 0; k < kTapsPerPhase; ++k) {
        up[phase][kTapsPerPhase - 1 - k] = static_cast<float>(taps[phase + kRatio * k] / gain);
      }
    }
  }
};

template <int kRatio>
const Filter<kRatio>& filter() {
  static const Filter<kRatio> kFilter;
  return kFilter;
}

// Eight lanes, so that the compiler may use vectors without being allowed to reorder sums.
template <int kCount>
float dot(const float* a, const float* b) {
  std::array<float, 8> lanes{};
  for (int i = 0; i < kCount; i += 8) {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  }
  return (lanes[0] + lanes[4]) + (lanes[1] + lanes[5]) + (lanes[2] + lanes[6]) + (lanes[3] + lanes[7]);
}

}  // namespace

template <int kRatio>
void BasicUpsampler<kRatio>::process(std::span<const std::int16_t> in, std::span<float> out) {
  const auto& f = filter<kRatio>();
  std::array<float, kTapsPerPhase + kMaxMixFrame / kRatio> line;
  const std::size_t count = std::min({in.size(), out.size() / kRatio, line.size() - kTapsPerPhase});
  std::copy(history_.begin(), history_.end(), line.begin());
  std::copy_n(in.begin(), count, line.begin() + kTapsPerPhase);
  for (std::size_t n = 0; n < count; ++n) {
    for (int phase = 0; phase < kRatio; ++phase) {
      out[n * kRatio + phase] = dot<kTapsPerPhase>(f.up[phase].data(), line.data() + n + 1);
    }
  }
  std::copy_n(line.begin() + static_cast<std::ptrdiff_t>(count), kTapsPerPhase, history_.begin());
}

template <int kRatio>
void BasicDownsampler<kRatio>::process(std::span<const float> in, std::span<std::int16_t> out) {
  const auto& f = filter<kRatio>();
  constexpr int kTaps = Filter<kRatio>::kTaps;
  std::array<float, kTaps + kMaxMixFrame> line;
  const std::size_t count = std::min({out.size(), in.size() / kRatio, (line.size() - kTaps) / kRatio});
  std::copy(history_.begin(), history_.end(), line.begin());
  std::copy_n(in.begin(), count * kRatio, line.begin() + kTaps);
  for (std::size_t n = 0; n < count; ++n) {
    const float value = dot<kTaps>(f.down.data(), line.data() + (n + 1) * kRatio);
    out[n] = static_cast<std::int16_t>(std::lrintf(std::clamp(value, -32768.0F, 32767.0F)));
  }
  std::copy_n(line.begin() + static_cast<std::ptrdiff_t>(count * kRatio), kTaps, history_.begin());
}

template class BasicUpsampler<kResampleRatio>;
template class BasicDownsampler<kResampleRatio>;
template class BasicUpsampler<kWideResampleRatio>;
template class BasicDownsampler<kWideResampleRatio>;

}  // namespace media
