#include "media/concealment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace media {
namespace {

std::int16_t saturate(float value) {
  return static_cast<std::int16_t>(std::lrintf(std::clamp(value, -32768.0F, 32767.0F)));
}

// Similarity of two runs, 1 for the same shape at the same level; `step` thins the sum out.
float similarity(const std::int16_t* a, const std::int16_t* b, int count, int step) {
  float cross = 0, energy_a = 1, energy_b = 1;
  for (int i = 0; i < count; i += step) {
    const auto x = static_cast<float>(a[i]);
    const auto y = static_cast<float>(b[i]);
    cross += x * y;
    energy_a += x * x;
    energy_b += y * y;
  }
  return cross / std::sqrt(energy_a * energy_b);
}

}  // namespace

template <int kScale>
void BasicConcealer<kScale>::reset() {
  history_.fill(0);
  position_ = 0;
  lost_ = false;
}

template <int kScale>
void BasicConcealer<kScale>::remember(std::span<const std::int16_t> samples) {
  if (samples.size() >= kHistory) {
    std::copy(samples.end() - kHistory, samples.end(), history_.begin());
    return;
  }
  std::copy(history_.begin() + static_cast<std::ptrdiff_t>(samples.size()), history_.end(), history_.begin());
  std::copy(samples.begin(), samples.end(), history_.end() - static_cast<std::ptrdiff_t>(samples.size()));
}

template <int kScale>
void BasicConcealer<kScale>::received(std::span<std::int16_t> samples) {
  if (lost_) {
    const int count = std::min<int>(kMerge, static_cast<int>(samples.size()));
    for (int i = 0; i < count; ++i) {
      const float weight = static_cast<float>(i + 1) / static_cast<float>(count + 1);
      samples[i] = saturate(weight * static_cast<float>(samples[i]) + (1 - weight) * static_cast<float>(next()));
    }
    lost_ = false;
    position_ = 0;
  }
  remember(samples);
}

template <int kScale>
void BasicConcealer<kScale>::conceal(std::span<std::int16_t> out) {
  if (!lost_) start();
  for (auto& sample : out) sample = next();
}

template <int kScale>
void BasicConcealer<kScale>::start() {
  constexpr int kWindow = 160 * kScale;
  const std::int16_t* end = history_.data() + kHistory;
  pitch_ = kMinPitch;
  float best = -2;
  for (int lag = kMinPitch; lag <= kMaxPitch; lag += kScale) {
    const float value = similarity(end - kWindow, end - kWindow - lag, kWindow, 2 * kScale);
    if (value > best) {
      best = value;
      pitch_ = lag;
    }
  }
  // The last quarter of the cycle is led over into what came before its first sample, so that it can repeat.
  const int quarter = pitch_ / 4;
  for (int i = 0; i < pitch_; ++i) {
    auto value = static_cast<float>(end[i - pitch_]);
    if (i >= pitch_ - quarter) {
      const float weight = static_cast<float>(i - (pitch_ - quarter) + 1) / static_cast<float>(quarter);
      value = (1 - weight) * value + weight * static_cast<float>(end[i - 2 * pitch_]);
    }
    cycle_[i] = value;
  }
  step_ = static_cast<float>(end[-1]) - static_cast<float>(end[-pitch_ - 1]);
  position_ = 0;
  lost_ = true;
}

template <int kScale>
std::int16_t BasicConcealer<kScale>::next() {
  if (position_ >= kFadeTo) return 0;
  float gain = 1;
  if (position_ > kFadeFrom) {
    gain = static_cast<float>(kFadeTo - position_) / static_cast<float>(kFadeTo - kFadeFrom);
  }
  const float value = (cycle_[position_ % pitch_] + step_) * gain;
  step_ *= 0.93F;
  ++position_;
  return saturate(value);
}

template class BasicConcealer<1>;
template class BasicConcealer<2>;

std::size_t compress_time(std::span<std::int16_t> samples, int rate) {
  const int count = static_cast<int>(samples.size());
  if (count < rate / 100) return samples.size();
  const int longest = count / 2;
  const int shortest = count / 4;
  const int overlap = count - longest;
  const int step = std::max(1, rate / 8000);
  int lag = longest;
  float best = -2;
  for (int candidate = shortest; candidate <= longest; candidate += step) {
    const float value = similarity(samples.data(), samples.data() + candidate, overlap, step);
    if (value > best) {
      best = value;
      lag = candidate;
    }
  }
  for (int i = 0; i < overlap; ++i) {
    const float weight = static_cast<float>(i + 1) / static_cast<float>(overlap + 1);
    samples[i] = saturate((1 - weight) * static_cast<float>(samples[i]) + weight * static_cast<float>(samples[i + lag]));
  }
  std::copy(samples.begin() + overlap + lag, samples.end(), samples.begin() + overlap);
  return samples.size() - static_cast<std::size_t>(lag);
}

}  // namespace media
