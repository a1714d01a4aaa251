#include "media/sound_player.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace media {
namespace {

constexpr std::size_t kRamp = kMixRate / 200;     // 5 ms
constexpr double kProgressHertz = 425;
constexpr float kToneAmplitude = 5100;            // -13 dBm0: 0 dBm0 is 3.14 dB below a sine of full scale (ITU-T G.711)

constexpr std::size_t samples_of_ms(std::size_t ms) { return ms * (kMixRate / 1000); }

}  // namespace

SoundPlayer::SoundPlayer(SoundSpec spec) : spec_(std::move(spec)) {
  double hertz = kProgressHertz;
  switch (spec_.kind) {
    case SoundSpec::Kind::kRingback: on_ = samples_of_ms(1000), period_ = samples_of_ms(5000); break;
    case SoundSpec::Kind::kTone: hertz = std::clamp<double>(spec_.hertz, 20, 20'000); break;
    case SoundSpec::Kind::kClip: ended_ = !spec_.clip || spec_.clip->empty(); break;
  }
  step_ = 2 * std::numbers::pi * hertz / kMixRate;
  if (spec_.length > base::Duration::zero()) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(spec_.length).count();
    length_ = samples_of_ms(static_cast<std::size_t>(std::max<std::int64_t>(ms, 1)));
  }
}

// Samples until the end, as far as there is one.
std::size_t SoundPlayer::left() const {
  std::size_t left = length_ != 0 ? length_ - position_ : std::numeric_limits<std::size_t>::max();
  if (spec_.kind == SoundSpec::Kind::kClip && !spec_.loop) left = std::min(left, spec_.clip->size() - std::min(position_, spec_.clip->size()));
  return left;
}

SoundPlayer::Played SoundPlayer::play(std::span<float> out) {
  if (ended_) return Played::kEnded;
  const std::size_t available = left();
  if (available == 0) {
    ended_ = true;
    return Played::kEnded;
  }
  std::array<float, kMaxMixFrame> buffer;
  const auto sound = std::span(buffer).first(std::min({out.size(), available, buffer.size()}));
  const bool heard = read(sound);
  if (heard) {
    const bool first = position_ == 0 && spec_.kind == SoundSpec::Kind::kClip;   // tones have ramps of their own
    const std::size_t fade_from = leaving_ ? 0 : available <= sound.size() ? sound.size() - std::min(kRamp, sound.size()) : sound.size();
    for (std::size_t i = 0; i < sound.size(); ++i) {
      float gain = 1;
      if (first && i < kRamp) gain = static_cast<float>(i) / kRamp;
      if (i >= fade_from) gain *= std::max(0.0F, 1 - static_cast<float>(i - fade_from + 1) / kRamp);
      out[i] += sound[i] * gain;
    }
  }
  position_ += sound.size();
  ended_ = leaving_;
  return heard ? Played::kSound : Played::kSilence;
}

bool SoundPlayer::read(std::span<float> out) { return spec_.kind == SoundSpec::Kind::kClip ? read_clip(out) : read_tone(out); }

bool SoundPlayer::read_tone(std::span<float> out) {
  bool heard = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t at = period_ == 0 ? position_ + i : (position_ + i) % period_;
    float gain = std::min(1.0F, static_cast<float>(at) / kRamp);
    if (period_ != 0) gain = at >= on_ ? 0.0F : std::min(gain, static_cast<float>(on_ - at) / kRamp);
    if (gain == 0) {
      out[i] = 0;
      phase_ = 0;
      continue;
    }
    heard = true;
    out[i] = kToneAmplitude * gain * static_cast<float>(std::sin(phase_));
    phase_ += step_;
    if (phase_ > 2 * std::numbers::pi) phase_ -= 2 * std::numbers::pi;
  }
  return heard;
}

bool SoundPlayer::read_clip(std::span<float> out) {
  const auto& samples = *spec_.clip;
  std::size_t at = position_ % samples.size();
  for (auto& value : out) {
    value = samples[at];
    if (++at == samples.size()) at = 0;
  }
  return true;
}

void PrivateSound::play(SoundSpec spec) {
  stop();
  player_.emplace(std::move(spec));
}

void PrivateSound::stop() {
  if (!player_) return;
  leaving_ = std::move(player_);
  leaving_->leave();
  player_.reset();
}

PrivateSound::Mixed PrivateSound::mix(std::span<float> out, bool tones) {
  Mixed result;
  std::ranges::fill(out, 0.0F);
  for (auto* player : {&leaving_, &player_}) {
    if (!*player) continue;
    const auto played = (*player)->play(out);
    result.sound |= played == SoundPlayer::Played::kSound;
    if (played != SoundPlayer::Played::kEnded) continue;
    result.ended |= player == &player_;
    player->reset();
  }
  if (tones && !dtmf_.idle()) {
    dtmf_.tone(out);
    result.sound = result.alone = true;
  }
  return result;
}

}  // namespace media
