#include "media/audio_source.hpp"

#include <algorithm>
#include <utility>

#include "media/g711.hpp"

namespace media {
namespace {

constexpr base::Duration kExcessHeard = std::chrono::milliseconds(5);
constexpr base::Duration kCompressEvery = std::chrono::milliseconds(100);
constexpr base::Duration kExcessUrgent = std::chrono::milliseconds(100);
constexpr std::size_t kMaxPulls = 64;

}  // namespace

AudioSource::Arrival AudioSource::push(const AudioPacket& packet, base::TimePoint now) {
  Arrival arrival;
  const bool opus = codec_ == AudioCodec::kOpus;
  const auto duration = opus ? opus_duration(packet.payload) : static_cast<std::uint32_t>(packet.payload.size());
  if (jitter_.push(packet, duration, now) != JitterBuffer::Push::kStored) return arrival;
  arrival.accepted = true;
  arrival.length = base::Duration(std::int64_t{duration} * 1'000'000'000 / clock_rate(codec_));
  if (packet.audio_level) {
    arrival.level = static_cast<std::uint8_t>(*packet.audio_level & 0x7f);
  } else if (is_g711(codec_)) {
    arrival.level = g711::level(codec_, packet.payload);
  } else if (opus && packet.payload.size() <= 2) {
    arrival.level = kSilentLevel;  // RFC 7587 3.1.3: DTX
  }
  return arrival;
}

// In samples, bounded.
std::size_t AudioSource::length_of(const JitterFrame& frame) const {
  return std::min<std::size_t>(std::size_t{frame.duration} * samples_per_tick(codec_), kMaxOpusFrame);
}

AudioSource::Decoding::Wide& AudioSource::wide() {
  if (!decoding_->wide) decoding_->wide = std::make_unique<Decoding::Wide>();
  return *decoding_->wide;
}

std::span<std::int16_t> AudioSource::extend(std::size_t count) {
  Decoding& d = *decoding_;
  if (d.head != 0) {
    d.samples.erase(d.samples.begin(), d.samples.begin() + static_cast<std::ptrdiff_t>(d.head));
    d.head = 0;
  }
  d.samples.resize(d.samples.size() + count);
  return std::span(d.samples).last(count);
}

bool AudioSource::play(std::span<float> out, base::TimePoint now) {
  if (!decoding_) {
    if (jitter_.packets() == 0) return false;
    decoding_ = std::make_unique<Decoding>();
  }
  Decoding& d = *decoding_;
  const std::size_t need = native(out.size());
  if (silent_ahead_ != 0) std::ranges::fill(extend(std::exchange(silent_ahead_, 0)), std::int16_t{0});
  bool sound = !gap_ || d.available() != 0;
  for (std::size_t pulls = 0; d.available() < need; ++pulls) {
    const JitterFrame frame = pulls < kMaxPulls ? jitter_.pull(now) : JitterFrame{};
    if (frame.kind == JitterFrame::Kind::kNothing) {
      if (!sound && d.available() == 0) return false;
      pad(need - d.available());
      break;
    }
    append(frame, now);
    sound = true;
  }
  const auto samples = std::span(d.samples).subspan(d.head, need);
  if (codec_ == AudioCodec::kOpus) {
    std::copy(samples.begin(), samples.end(), out.begin());
  } else if (codec_ == AudioCodec::kG722) {
    wide().upsampler.process(samples, out);
  } else {
    d.upsampler.process(samples, out);
  }
  d.head += need;
  return true;
}

// Silence, reached from the last sample in 2.5 ms.
void AudioSource::pad(std::size_t count) {
  const bool heard = !gap_ && !decoding_->samples.empty();
  const float last = heard ? static_cast<float>(decoding_->samples.back()) : 0;
  const std::size_t ramp = sample_rate(codec_) / 400;
  auto out = extend(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float left = i < ramp ? 1 - static_cast<float>(i + 1) / static_cast<float>(ramp) : 0;
    out[i] = static_cast<std::int16_t>(last * left);
  }
  gap_ = true;
}

void AudioSource::append(const JitterFrame& frame, base::TimePoint now) {
  auto out = extend(length_of(frame));
  if (stale_) {
    if (decoding_->opus) decoding_->opus->reset();
    if (decoding_->wide) {
      decoding_->wide->decoder.reset();
      decoding_->wide->concealer.reset();
      decoding_->wide->upsampler.reset();
    }
    decoding_->concealer.reset();
    decoding_->upsampler.reset();
    stale_ = false;
  }
  if (frame.kind == JitterFrame::Kind::kPacket) {
    decode(frame, out);
  } else if (gap_) {
    std::ranges::fill(out, std::int16_t{0});  // nothing was heard that could go on
    return;
  } else {
    conceal(frame, out);
  }
  if (gap_) {
    const std::size_t ramp = std::min<std::size_t>(out.size(), sample_rate(codec_) / 400);
    for (std::size_t i = 0; i < ramp; ++i) {
      out[i] = static_cast<std::int16_t>(out[i] * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(ramp));
    }
    gap_ = false;
  }
  const bool rested = now - compressed_ >= kCompressEvery || frame.excess >= kExcessUrgent;
  if (frame.kind == JitterFrame::Kind::kPacket && frame.excess >= kExcessHeard && rested) {
    const std::size_t left = compress_time(out, static_cast<int>(sample_rate(codec_)));
    decoding_->samples.resize(decoding_->samples.size() - (out.size() - left));
    compressed_ = now;
  }
}

void AudioSource::decode(const JitterFrame& frame, std::span<std::int16_t> out) {
  if (codec_ == AudioCodec::kG722) {
    const std::size_t n = wide().decoder.decode(frame.payload, out);
    if (n < out.size()) std::ranges::fill(out.subspan(n), std::int16_t{0});
    wide().concealer.received(out);
    return;
  }
  if (codec_ != AudioCodec::kOpus) {
    g711::decode(codec_, frame.payload, out);
    decoding_->concealer.received(out);
    return;
  }
  if (!decoding_->opus) decoding_->opus = std::make_unique<OpusMonoDecoder>();
  const std::size_t n = decoding_->opus->decode(frame.payload, out);
  if (n < out.size()) std::ranges::fill(out.subspan(n), std::int16_t{0});  // not Opus inside
}

void AudioSource::conceal(const JitterFrame& frame, std::span<std::int16_t> out) {
  if (codec_ == AudioCodec::kG722) {
    wide().concealer.conceal(out);
    return;
  }
  if (codec_ != AudioCodec::kOpus) {
    decoding_->concealer.conceal(out);
    return;
  }
  if (!decoding_->opus) decoding_->opus = std::make_unique<OpusMonoDecoder>();
  const bool recovered = frame.kind == JitterFrame::Kind::kRecovered;
  const std::size_t n = recovered ? decoding_->opus->recover(frame.payload, out) : decoding_->opus->conceal(out);
  if (n < out.size()) std::ranges::fill(out.subspan(n), std::int16_t{0});
}

void AudioSource::skip(std::size_t mix_samples, base::TimePoint now) {
  std::size_t need = native(mix_samples);
  if (decoding_) {
    const std::size_t used = std::min(need, decoding_->available());
    decoding_->head += used;
    need -= used;
    if (decoding_->available() != 0) return;
    decoding_->samples.clear();
    decoding_->head = 0;
  }
  gap_ = true;
  for (std::size_t pulls = 0; silent_ahead_ < need; ++pulls) {
    const JitterFrame frame = pulls < kMaxPulls ? jitter_.pull(now) : JitterFrame{};
    if (frame.kind == JitterFrame::Kind::kNothing) {
      silent_ahead_ = need;
      break;
    }
    stale_ = true;
    // Unheard, so lost time is caught up by whole packets.
    if (frame.excess < kExcessUrgent / 5) silent_ahead_ += length_of(frame);
  }
  silent_ahead_ -= need;
}

}  // namespace media
