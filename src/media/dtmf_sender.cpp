#include "media/dtmf_sender.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "media/dtmf_events.hpp"

namespace media {
namespace {

constexpr int kEndPackets = 3;                   // RFC 4733 2.5.1.4
constexpr std::string_view kKeys = "123A456B789C*0#D";
constexpr std::array<double, 4> kLow{697, 770, 852, 941}, kHigh{1209, 1336, 1477, 1633};
constexpr float kLowAmplitude = 8100, kHighAmplitude = 10'200;   // -9 and -7 dBm0
constexpr std::size_t kToneOn = 100 * (kMixRate / 1000), kToneAll = 160 * (kMixRate / 1000);
constexpr std::size_t kRamp = kMixRate / 500;    // 2 ms

}  // namespace

std::size_t DtmfSender::queue(std::string_view digits) {
  std::size_t taken = 0;
  for (char c : digits) {
    if (c >= 'a' && c <= 'd') c = static_cast<char>(c - 'a' + 'A');
    if (kKeys.find(c) == kKeys.npos) continue;
    if (count_ == kMaxQueued) break;
    queue_[(first_ + count_++) % kMaxQueued] = c;
    ++taken;
  }
  return taken;
}

bool DtmfSender::next() {
  if (count_ == 0) return false;
  digit_ = queue_[first_];
  first_ = (first_ + 1) % kMaxQueued;
  --count_;
  elapsed_ = {};
  ends_ = 0;
  position_ = 0;
  low_ = high_ = 0;
  return true;
}

DtmfSender::Step DtmfSender::step(base::Duration interval, std::uint32_t timestamp, std::uint32_t clock_rate) {
  const bool begins = digit_ == 0;
  if (begins) {
    if (!next()) return Step::kAudio;
    event_.timestamp = timestamp;
  }
  elapsed_ += interval;
  event_.marker = begins;
  if (ends_ == 0) duration_ = static_cast<std::uint16_t>(std::min<std::int64_t>(elapsed_.count() * clock_rate / 1'000'000'000, 0xffff));
  if (elapsed_ >= kOn && ends_ < kEndPackets) ++ends_;
  const bool send = elapsed_ < kOn || ends_ < kEndPackets || elapsed_ - interval < kOn + (kEndPackets - 1) * interval;
  if (send) event_.payload = *write_telephone_event({.digit = digit_, .end = ends_ != 0, .duration = duration_});
  if (ends_ == kEndPackets && elapsed_ >= kOn + kGap) digit_ = 0;
  return send ? Step::kEvent : Step::kNothing;
}

void DtmfSender::tone(std::span<float> out) {
  for (auto& value : out) {
    value = 0;
    if (digit_ == 0 && !next()) continue;
    if (position_ < kToneOn) {
      const auto key = kKeys.find(digit_);
      const std::size_t edge = std::min(position_, kToneOn - position_);
      const float gain = std::min(1.0F, static_cast<float>(edge) / kRamp);
      value = gain * (kLowAmplitude * static_cast<float>(std::sin(low_)) + kHighAmplitude * static_cast<float>(std::sin(high_)));
      low_ += 2 * std::numbers::pi * kLow[key / 4] / kMixRate;
      high_ += 2 * std::numbers::pi * kHigh[key % 4] / kMixRate;
    }
    if (++position_ == kToneAll) digit_ = 0;
  }
}

}  // namespace media
