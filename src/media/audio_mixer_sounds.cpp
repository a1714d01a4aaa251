// What the mixer does beside mixing: sounds for one alone, digits both ways, and watching a call that others relay.
#include <algorithm>
#include <array>

#include "media/audio_mixer_participant.hpp"
#include "media/g711.hpp"

namespace media {
namespace {

constexpr std::uint8_t kQuietestTone = 50;   // level; a digit that anybody has to find is louder (ITU-T Q.24)

constexpr base::Duration kHush = std::chrono::milliseconds(200);

}  // namespace

// Nothing for a packet that carries no audio; digits are told.
std::optional<AudioCodec> AudioMixer::codec_of(Participant& p, const AudioPacket& packet) {
  const ParticipantAudio& audio = p.audio;
  if (packet.payload_type == audio.telephone_event || packet.payload_type == audio.comfort_noise) {
    if (p.source) p.source->push_other(packet.ssrc, packet.seq);
    if (packet.payload_type != audio.telephone_event) return std::nullopt;
    if (const auto digit = p.dtmf.push(packet)) sink_.on_digit(p.id, *digit);
    return std::nullopt;
  }
  if (packet.payload_type == audio.payload_type) {
    const auto* const listed = p.receives(packet.payload_type);
    return listed != nullptr ? listed->codec : audio.codec;
  }
  if (const auto* const other = p.receives(packet.payload_type)) return other->codec;
  ++counters_.unknown_payload;
  return std::nullopt;
}

void AudioMixer::tell_digits(Participant& p, std::string_view digits) {
  for (const char digit : digits) sink_.on_digit(p.id, digit);
  if (!digits.empty()) p.tones->hush = static_cast<int>(kHush / options_.interval);
}

// Straight from the octets, so that nobody need be decoded for it.
void AudioMixer::find_tones(Participant& p, AudioCodec codec, base::ByteView payload, std::uint8_t level) {
  const bool loud = level <= kQuietestTone;
  if (!loud && (!p.tones || !p.tones->loud)) return;
  if (!p.tones) p.tones = std::make_unique<Participant::Tones>();
  p.tones->loud = loud;   // the first quiet packet is looked at as well: a digit ends there
  std::array<std::int16_t, 240> samples;
  while (!payload.empty()) {
    const auto part = payload.first(std::min(payload.size(), samples.size()));
    g711::decode(codec, part, samples);
    tell_digits(p, p.tones->detector.push(std::span(samples).first(part.size())));
    payload = payload.subspan(part.size());
  }
}

void AudioMixer::find_tones(Participant& p, std::span<const float> sound) {
  if (!p.tones) p.tones = std::make_unique<Participant::Tones>();
  std::array<std::int16_t, kMaxMixFrame / kResampleRatio> samples;
  const auto narrow = std::span(samples).first(sound.size() / kResampleRatio);
  p.tones->downsampler.process(sound, narrow);
  tell_digits(p, p.tones->detector.push(narrow));
}

// One who is apart is decoded for his own echo alone.
void AudioMixer::collect_apart(Participant& p, base::TimePoint now) {
  const bool echo = p.audio.sounds != nullptr && p.audio.sounds->echo() && !p.audio.muted;
  p.selected = echo && (p.level_unknown || p.loudness >= static_cast<float>(kSilentLevel - options_.silent_level));
  if (p.selected || p.mixed) {
    contribute(p, now);
  } else {
    p.source->skip(samples_, now);
  }
}

void AudioMixer::collect_sounds() {
  for (Participant* const p : order_) {
    p->extra = nullptr;
    p->alone = p->busy = false;
    PrivateSound* const sounds = p->audio.sounds;
    if (sounds == nullptr || sounds->idle()) continue;
    p->busy = true;
    Frame& frame = spare_frame();
    const auto mixed = sounds->mix(whole(frame), p->audio.event_out == ParticipantAudio::kNone);
    p->alone = mixed.alone;
    if (mixed.sound) {
      ++frames_used_;
      p->extra = &frame;
    }
    if (mixed.ended) sink_.on_sound_ended(p->id);
  }
}

// True when audio gives way to a digit.
bool AudioMixer::emit_event(Participant& p) {
  if (!p.busy || p.audio.event_out == ParticipantAudio::kNone || p.audio.sounds->dtmf().idle()) return false;
  auto& dtmf = p.audio.sounds->dtmf();
  const auto step = dtmf.step(options_.interval, p.timestamp, p.audio.event_clock);
  if (step == DtmfSender::Step::kEvent) {
    const auto& event = dtmf.event();
    sink_.on_audio(p.id, {.payload = event.payload,
                          .codec = p.audio.codec,
                          .payload_type = p.audio.event_out,
                          .marker = event.marker,
                          .timestamp = event.timestamp,
                          .shared = -1,
                          .event = true});
  }
  return step != DtmfSender::Step::kAudio;
}

void AudioMixer::observe(ParticipantId id, const AudioPacket& packet, base::TimePoint now) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  const auto codec = codec_of(*p, packet);
  if (!codec) return;
  std::optional<std::uint8_t> level;
  base::Duration length{};
  if (is_g711(*codec)) {
    level = g711::level(*codec, packet.payload);
    length = std::chrono::microseconds(packet.payload.size() * 125);
    if (p->audio.detect_tones) find_tones(*p, *codec, packet.payload, *level);
  } else if (packet.audio_level) {
    level = static_cast<std::uint8_t>(*packet.audio_level & 0x7f);
    const auto ticks = *codec == AudioCodec::kOpus ? opus_duration(packet.payload) : static_cast<std::uint32_t>(packet.payload.size());
    length = base::Duration(std::int64_t{ticks} * 1'000'000'000 / clock_rate(*codec));
  }
  if (packet.audio_level) level = static_cast<std::uint8_t>(*packet.audio_level & 0x7f);
  if (level) heard(*p, *level, length, now);
}

void AudioMixer::watch(base::TimePoint now) {
  for (Participant* const p : order_) {
    p->loudness = std::max(0.0F, p->loudness - kDecayPerSecond * std::chrono::duration<float>(now - watched_).count());
    if (const auto change = p->talk.tick(now)) sink_.on_talking(p->id, *change);
  }
  watched_ = now;
  note_active_speaker(now);
}

void AudioMixer::rest() {
  for (Participant* const p : order_) {
    give_back(*p);
    p->source.reset();
    p->frame = p->extra = nullptr;
    p->mixed = p->selected = false;
    p->marker = true;
  }
  for (auto& shared : shared_) shared.running = false;
  next_ = base::kNever;
}

}  // namespace media
