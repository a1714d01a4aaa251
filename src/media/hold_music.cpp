#include <algorithm>
#include <cmath>
#include <numbers>

#include "media/sound_file.hpp"

namespace media {
namespace {

// Everything is written round a circle of the loop's length, so that what sounds at its end goes on at its beginning.
constexpr std::size_t kChordLength = 6 * kMixRate;
constexpr std::size_t kPulse = kChordLength / 8;
constexpr float kPeak = 7000;            // about -23 dBFS on average: a conversation is louder

// MIDI note numbers: the bass, and four voices close together that move as little as they can.
struct Chord {
  int bass;
  std::array<int, 4> voices;
};
constexpr std::array<Chord, 8> kChords{{
    {36, {52, 55, 59, 62}},   // C maj7 9
    {45, {52, 55, 60, 64}},   // A m7
    {41, {52, 57, 60, 64}},   // F maj7
    {43, {50, 57, 60, 62}},   // G sus4
    {40, {50, 55, 59, 64}},   // E m7
    {45, {52, 57, 59, 64}},   // A m add9
    {38, {53, 57, 60, 64}},   // D m9
    {43, {53, 55, 59, 62}},   // G 7
}};
// Plucked notes: which of the chord's voices, an octave up, at which eighth of the chord; -1: none.
constexpr std::array<std::array<int, 8>, 4> kPatterns{{
    {0, -1, 2, -1, 3, -1, 1, -1},
    {1, -1, -1, 3, 2, -1, -1, -1},
    {0, -1, 1, 2, -1, -1, 3, -1},
    {3, -1, -1, 2, -1, 1, -1, -1},
}};

double hertz_of(int note) { return 440 * std::exp2((note - 69) / 12.0); }

double smooth(double t) { return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t); }

// A sine by turning a vector: a library's sine for each of some hundred million would take seconds.
class Oscillator {
 public:
  explicit Oscillator(double hertz) : cos_(std::cos(2 * std::numbers::pi * hertz / kMixRate)), sin_(std::sin(2 * std::numbers::pi * hertz / kMixRate)) {}
  void turn() {
    const double next = x * cos_ - y * sin_;
    y = x * sin_ + y * cos_;
    x = next;
  }
  double first() const { return y; }
  double second() const { return 2 * x * y; }
  double third() const { return y * (3 - 4 * y * y); }
  double fourth() const { return 4 * x * y * (1 - 2 * y * y); }

 private:
  double cos_, sin_, x = 1, y = 0;
};

// What falls to 1/e in 1/`speed` seconds.
class Decay {
 public:
  explicit Decay(double speed) : factor_(std::exp(-speed / kMixRate)) {}
  double next() { return value_ *= factor_; }

 private:
  double factor_, value_ = 1;
};

class Loop {
 public:
  explicit Loop(std::size_t length) : samples_(length) {}

  // A soft swell that fades into the next chord's. Two voices a few cents apart, so that it floats.
  void pad(std::size_t at, double hertz, double gain) {
    constexpr std::size_t kLength = kChordLength + 2 * kMixRate;
    constexpr double kAttack = 1.8 * kMixRate, kRelease = 3.0 * kMixRate;
    for (const double detune : {-0.0011, 0.0012}) {
      Oscillator voice(hertz * (1 + detune));
      for (std::size_t i = 0; i < kLength; ++i, voice.turn()) {
        const double shape = smooth(static_cast<double>(i) / kAttack) * smooth(static_cast<double>(kLength - i) / kRelease);
        add(at + i, gain / 2 * shape * (voice.first() + 0.28 * voice.second() + 0.10 * voice.third()));
      }
    }
  }
  // Struck and left to ring, the overtones dying first.
  void pluck(std::size_t at, double hertz, double gain) {
    constexpr std::size_t kLength = 3 * kMixRate;
    Oscillator voice(hertz);
    Decay first(1.7), second(3.2), fourth(7.0);
    for (std::size_t i = 0; i < kLength; ++i, voice.turn()) {
      const double shape = smooth(static_cast<double>(i) / (0.008 * kMixRate)) * smooth(static_cast<double>(kLength - i) / (0.5 * kMixRate));
      add(at + i, gain * shape * (voice.first() * first.next() + 0.30 * voice.second() * second.next() + 0.12 * voice.fourth() * fourth.next()));
    }
  }
  // A few quiet reflections, and what lies above a telephone's band made softer.
  void room() {
    const std::vector<float> dry = samples_;
    constexpr std::array<std::pair<std::size_t, float>, 5> kTaps{{{3'211, 0.22F}, {7'919, 0.17F}, {13'007, 0.13F}, {20'747, 0.09F}, {31'013, 0.06F}}};
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      for (const auto& [delay, gain] : kTaps) samples_[i] += gain * dry[(i + samples_.size() - delay) % samples_.size()];
    }
    // Round twice: the second time it begins as it has ended.
    const std::vector<float> wet = samples_;
    float state = 0;
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < wet.size(); ++i) samples_[i] = state += 0.45F * (wet[i] - state);
    }
  }
  std::vector<std::int16_t> finish() const {
    float peak = 1e-6F;
    for (const float value : samples_) peak = std::max(peak, std::fabs(value));
    std::vector<std::int16_t> out(samples_.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int16_t>(std::lrintf(samples_[i] * kPeak / peak));
    return out;
  }

 private:
  void add(std::size_t at, double value) { samples_[at % samples_.size()] += static_cast<float>(value); }
  std::vector<float> samples_;
};

}  // namespace

SoundClip make_hold_music() {
  Loop loop(kChords.size() * kChordLength);
  for (std::size_t c = 0; c < kChords.size(); ++c) {
    const auto& chord = kChords[c];
    const std::size_t at = c * kChordLength;
    loop.pad(at, hertz_of(chord.bass + 12), 0.55);
    for (const int voice : chord.voices) loop.pad(at, hertz_of(voice), 0.34);
    const auto& pattern = kPatterns[(c * 3 + c / 4) % kPatterns.size()];
    for (std::size_t beat = 0; beat < pattern.size(); ++beat) {
      if (pattern[beat] < 0) continue;
      const double gain = beat == 0 ? 0.42 : beat % 4 == 0 ? 0.36 : 0.28;
      loop.pluck(at + beat * kPulse, hertz_of(chord.voices[static_cast<std::size_t>(pattern[beat])] + 12), gain);
    }
  }
  loop.room();
  return std::make_shared<const std::vector<std::int16_t>>(loop.finish());
}

}  // namespace media
