#include "media/mix_stream.hpp"

#include <algorithm>
#include <cmath>

#include "media/g711.hpp"

namespace media {
namespace {

constexpr float kKnee = 28000;
constexpr float kRoom = 32700 - kKnee;
constexpr std::size_t kAttack = kMixRate / 400;
constexpr float kRelease = 1.0F / kMixRate;   // a second from nothing to full

float bend(float value) {
  const float magnitude = std::fabs(value);
  if (magnitude <= kKnee) return value;
  return std::copysign(kKnee + kRoom * std::tanh((magnitude - kKnee) / kRoom), value);
}

}  // namespace

void Limiter::process(std::span<const float> in, std::span<float> out) {
  float peak = 0;
  for (const float value : in) peak = std::max(peak, std::fabs(value));
  const float wanted = peak > kKnee ? kKnee / peak : 1.0F;
  if (wanted >= 1 && gain_ >= 1) {
    std::copy(in.begin(), in.end(), out.begin());
    return;
  }
  const bool fall = wanted < gain_;
  const std::size_t ramp = fall ? std::min(kAttack, in.size()) : in.size();
  const float target = fall ? wanted : std::min(wanted, gain_ + kRelease * static_cast<float>(in.size()));
  const float step = (target - gain_) / static_cast<float>(ramp);
  float gain = gain_;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (i < ramp) gain += step;
    out[i] = bend(in[i] * gain);
  }
  gain_ = target;
}

MixStream::MixStream(AudioCodec codec, const OpusOptions& options) : codec_(codec) {
  if (codec == AudioCodec::kOpus) opus_.emplace(options);
  if (codec == AudioCodec::kG722) g722_.emplace();
}

void MixStream::reset() {
  silent_ = 0;
  limiter_.reset();
  downsampler_.reset();
  wide_downsampler_.reset();
  if (opus_) opus_->reset();
  if (g722_) g722_->reset();
}

void MixStream::copy_state(const MixStream& other) {
  silent_ = other.silent_;
  size_ = other.size_;
  limiter_ = other.limiter_;
  downsampler_ = other.downsampler_;
  wide_downsampler_ = other.wide_downsampler_;
  if (g722_ && other.g722_) g722_->copy_state(*other.g722_);
  if (opus_ && other.opus_) opus_->copy_state(*other.opus_);
  payload_ = other.payload_;
}

base::ByteView MixStream::encode(std::span<const float> mix, bool silent) {
  if (!silent) {
    silent_ = 0;
  } else if (!at_rest()) {
    ++silent_;
  } else {
    return {payload_.data(), size_};
  }

  std::array<float, kMaxMixFrame> limited;
  const auto frame = std::span(limited).first(mix.size());
  if (silent) {
    std::ranges::fill(frame, 0.0F);
  } else {
    limiter_.process(mix, frame);
  }
  std::array<std::int16_t, kMaxMixFrame> pcm;
  if (opus_) {
    for (std::size_t i = 0; i < frame.size(); ++i) pcm[i] = static_cast<std::int16_t>(std::lrintf(frame[i]));
    size_ = opus_->encode(std::span(pcm).first(frame.size()), payload_);
  } else if (g722_) {
    const auto wide = std::span(pcm).first(frame.size() / kWideResampleRatio);
    wide_downsampler_.process(frame, wide);
    size_ = g722_->encode(wide, payload_);
  } else {
    size_ = frame.size() / kResampleRatio;
    const auto narrow = std::span(pcm).first(size_);
    downsampler_.process(frame, narrow);
    g711::encode(codec_, narrow, payload_);
  }
  return {payload_.data(), size_};
}

}  // namespace media
