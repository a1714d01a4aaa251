#include "media/audio_mixer.hpp"

#include <algorithm>

#include "media/audio_mixer_participant.hpp"

namespace media {
namespace {

using std::chrono::milliseconds;

constexpr base::Duration kOwnHold = milliseconds(500);
constexpr base::Duration kMaxBehind = milliseconds(200);
constexpr std::size_t kFade = kMixRate / 200;       // 5 ms, for who begins or ceases to be heard
constexpr float kStay = 3;                          // dB that one who is heard has ahead of one who is not
constexpr std::size_t kMaxSpare = 8;

std::size_t samples_of(base::Duration interval) {
  const auto ms = std::chrono::duration_cast<milliseconds>(interval).count();
  return static_cast<std::size_t>(kMixRate / 1000) * static_cast<std::size_t>(ms <= 10 ? 10 : ms <= 20 ? 20 : 40);
}

}  // namespace

AudioMixer::AudioMixer(const MixerOptions& options, AudioMixerSink& sink)
    : options_(options), sink_(sink), samples_(samples_of(options.interval)) {
  options_.interval = milliseconds(samples_ / (kMixRate / 1000));
  own_hold_ = static_cast<int>(kOwnHold / options_.interval);
}

AudioMixer::~AudioMixer() = default;

AudioMixer::Participant* AudioMixer::find(ParticipantId id) const {
  const auto it = participants_.find(id);
  return it == participants_.end() ? nullptr : it->second.get();
}

void AudioMixer::add(ParticipantId id, const ParticipantAudio& audio) {
  if (find(id) != nullptr) return update(id, audio);
  auto p = std::make_unique<Participant>();
  p->id = id;
  p->audio = audio;
  p->talk = TalkDetector(options_.talk);
  order_.push_back(p.get());
  participants_.emplace(id, std::move(p));
}

void AudioMixer::update(ParticipantId id, const ParticipantAudio& audio) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  if (audio.codec != p->audio.codec) {
    give_back(*p);
    // Timestamps go on in the new clock from where the old one was.
    const auto scaled = std::uint64_t{p->timestamp} * clock_rate(audio.codec) / clock_rate(p->audio.codec);
    p->timestamp = static_cast<std::uint32_t>(scaled);
    p->marker = true;
  }
  p->audio = audio;
  set_muted(id, audio.muted);
  set_listening(id, audio.listening);
}

void AudioMixer::remove(ParticipantId id) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  give_back(*p);
  std::erase(order_, p);
  participants_.erase(id);
  if (dominant_.remove(id)) sink_.on_active_speaker(0);
}

void AudioMixer::set_muted(ParticipantId id, bool muted) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  p->audio.muted = muted;
  if (!muted) return;
  p->loudness = 0;
  if (p->talk.stop()) sink_.on_talking(id, false);
}

void AudioMixer::set_listening(ParticipantId id, bool listening) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  p->audio.listening = listening;
  if (listening) return;
  give_back(*p);
  p->marker = true;
}

bool AudioMixer::talking(ParticipantId id) const {
  const Participant* const p = find(id);
  return p != nullptr && p->talk.talking();
}

const JitterBuffer* AudioMixer::jitter(ParticipantId id) const {
  const Participant* const p = find(id);
  return p != nullptr && p->source ? &p->source->jitter() : nullptr;
}

void AudioMixer::push(ParticipantId id, const AudioPacket& packet, base::TimePoint now) {
  Participant* const p = find(id);
  if (p == nullptr) return;
  const auto codec = codec_of(*p, packet);
  if (!codec) return;
  if (!p->source || p->source->codec() != *codec) {
    p->source = std::make_unique<AudioSource>(*codec);
    p->mixed = false;
  }
  const auto arrival = p->source->push(packet, now);
  if (!arrival.accepted) return;
  p->level_unknown = !arrival.level.has_value();
  if (!arrival.level) return;
  heard(*p, *arrival.level, arrival.length, now);
  if (p->audio.detect_tones && is_g711(*codec)) find_tones(*p, *codec, packet.payload, *arrival.level);
}

// Loudness is known when a packet arrives, so who begins to talk is selected before that packet is due.
void AudioMixer::heard(Participant& p, std::uint8_t level, base::Duration length, base::TimePoint now) {
  if (p.audio.muted) return;
  p.loudness = std::max(p.loudness, static_cast<float>(kSilentLevel - level));
  if (p.audio.apart) return;
  if (const auto change = p.talk.update(level, length, now)) sink_.on_talking(p.id, *change);
}

base::TimePoint AudioMixer::run(base::TimePoint now) {
  if (order_.empty()) return next_ = base::kNever;
  if (next_ == base::kNever || now - next_ > kMaxBehind) next_ = now;
  for (; next_ <= now; next_ += options_.interval) tick(next_);
  return next_;
}

void AudioMixer::tick(base::TimePoint now) {
  ++counters_.intervals;
  frames_used_ = 0;
  select();
  collect(now);
  collect_sounds();
  assign_streams();
  encode_shared();
  emit();
  note_active_speaker(now);
}

void AudioMixer::select() {
  const auto threshold = static_cast<float>(kSilentLevel - options_.silent_level);
  candidates_.clear();
  for (Participant* const p : order_) {
    p->selected = false;
    p->frame = nullptr;
    if (p->source && !p->silenced() && !p->audio.apart && p->loudness >= threshold) candidates_.push_back(p);
  }
  if (candidates_.size() > options_.max_speakers) {
    const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(options_.max_speakers);
    std::nth_element(candidates_.begin(), last, candidates_.end(), [](const Participant* a, const Participant* b) {
      return a->loudness + (a->mixed ? kStay : 0) > b->loudness + (b->mixed ? kStay : 0);
    });
    candidates_.erase(last, candidates_.end());
  }
  for (Participant* const p : candidates_) p->selected = true;
}

AudioMixer::Frame& AudioMixer::spare_frame() {
  if (frames_used_ == frames_.size()) frames_.push_back(std::make_unique<Frame>());
  return *frames_[frames_used_];
}

void AudioMixer::collect(base::TimePoint now) {
  const float decay = kDecayPerSecond * std::chrono::duration<float>(options_.interval).count();
  std::size_t speakers = candidates_.size();
  for (Participant* const p : order_) {
    if (p->source) {
      if (p->audio.apart) {
        collect_apart(*p, now);
      } else if (p->selected || p->mixed) {
        contribute(*p, now);
      } else if (p->level_unknown && !p->silenced()) {
        if (listen_in(*p, now, speakers)) ++speakers;
      } else {
        p->source->skip(samples_, now);
      }
    }
    p->loudness = std::max(0.0F, p->loudness - decay);
    if (p->tones && p->tones->hush > 0) --p->tones->hush;
    if (const auto change = p->talk.tick(now)) sink_.on_talking(p->id, *change);
  }
  heard_ = 0;
  const auto sum = whole(sum_);
  for (const Participant* const p : order_) {
    if (p->frame == nullptr || p->audio.apart) continue;
    if (heard_++ == 0) std::ranges::fill(sum, 0.0F);
    const auto frame = whole(*p->frame);
    for (std::size_t i = 0; i < samples_; ++i) sum[i] += frame[i];
  }
}

void AudioMixer::contribute(Participant& p, base::TimePoint now) {
  Frame& frame = spare_frame();
  const auto out = whole(frame);
  const bool before = p.mixed;
  p.mixed = p.selected;
  if (!p.source->play(out, now)) return;
  ++counters_.decoded;
  ++frames_used_;
  p.frame = &frame;
  if (p.audio.detect_tones && !is_g711(p.source->codec())) find_tones(p, out);
  if (p.level_unknown && p.selected) {
    double square = 0;
    for (const float v : out) square += static_cast<double>(v) * static_cast<double>(v);
    heard(p, level_of(square / static_cast<double>(samples_)), options_.interval, now);
  }
  if (before == p.selected) return;
  for (std::size_t i = 0; i < kFade; ++i) {
    const float rising = static_cast<float>(i) / static_cast<float>(kFade);
    out[i] *= p.selected ? rising : 1 - rising;
  }
  if (!p.selected) std::ranges::fill(out.subspan(kFade), 0.0F);
}

// One whose level nobody told is decoded to learn it, and heard at once if that makes him a speaker.
bool AudioMixer::listen_in(Participant& p, base::TimePoint now, std::size_t speakers) {
  p.selected = true;
  contribute(p, now);
  const auto threshold = static_cast<float>(kSilentLevel - options_.silent_level);
  if (p.frame != nullptr && p.loudness >= threshold && speakers < options_.max_speakers) return true;
  if (p.frame != nullptr) --frames_used_;
  p.frame = nullptr;
  p.selected = p.mixed = false;
  return false;
}

void AudioMixer::take_own(Participant& p) {
  const auto codec = static_cast<std::size_t>(p.audio.codec);
  auto& spare = spare_[codec];
  if (spare.empty()) {
    p.own = std::make_unique<MixStream>(p.audio.codec, options_.opus);
  } else {
    p.own = std::move(spare.back());
    spare.pop_back();
  }
  if (shared_[codec].running && !p.audio.apart) {
    p.own->copy_state(*shared_[codec].stream);
  } else {
    p.own->reset();
  }
}

void AudioMixer::give_back(Participant& p) {
  if (!p.own) return;
  const auto codec = static_cast<std::size_t>(p.audio.codec);
  Shared& shared = shared_[codec];
  // Nobody hears the shared stream yet: it becomes the continuation of this one.
  if (!shared.running && !p.audio.apart) {
    if (!shared.stream) shared.stream = std::make_unique<MixStream>(p.audio.codec, options_.opus);
    shared.stream->copy_state(*p.own);
    shared.running = true;
  }
  p.own_left = 0;
  if (spare_[codec].size() < kMaxSpare) spare_[codec].push_back(std::move(p.own));
  p.own.reset();
}

void AudioMixer::assign_streams() {
  for (auto& shared : shared_) shared.wanted = false;
  for (Participant* const p : order_) {
    if (!p->audio.listening) continue;
    if (p->frame != nullptr ? !p->audio.apart || p->busy : p->busy) {
      p->own_left = own_hold_;
      if (!p->own) take_own(*p);
    } else if (p->own && --p->own_left <= 0) {
      give_back(*p);
    }
    if (!p->own && !p->audio.apart) shared_[static_cast<std::size_t>(p->audio.codec)].wanted = true;
  }
}

void AudioMixer::encode_shared() {
  for (std::size_t codec = 0; codec < shared_.size(); ++codec) {
    Shared& shared = shared_[codec];
    if (shared.wanted) {
      if (!shared.stream) {
        shared.stream = std::make_unique<MixStream>(static_cast<AudioCodec>(codec), options_.opus);
      }
      shared.payload = shared.stream->encode(whole(sum_), heard_ == 0);
      ++counters_.encoded_shared;
    }
    shared.running = shared.wanted;
  }
}

base::ByteView AudioMixer::encode_own(Participant& p) {
  ++counters_.encoded_own;
  if (p.extra != nullptr && p.alone) return p.own->encode(whole(*p.extra), false);
  // Of the others, and of himself: nothing, the sum, or the sum less his own part.
  const bool less = p.frame != nullptr && !p.audio.apart && !p.echo();
  const bool himself = p.frame != nullptr && p.audio.apart && p.echo();
  const bool silent = p.audio.apart ? !himself : heard_ == (less ? 1U : 0U);
  if (p.extra == nullptr && (silent || !less)) return p.own->encode(himself ? whole(*p.frame) : whole(sum_), silent);
  const auto out = whole(scratch_);
  if (silent) {
    std::ranges::fill(out, 0.0F);
  } else {
    std::ranges::copy(himself ? whole(*p.frame) : whole(sum_), out.begin());
  }
  if (less && !silent) {
    const auto mine = whole(*p.frame);
    for (std::size_t i = 0; i < samples_; ++i) out[i] -= mine[i];
  }
  if (p.extra != nullptr) {
    const auto extra = whole(*p.extra);
    for (std::size_t i = 0; i < samples_; ++i) out[i] += extra[i];
  }
  return p.own->encode(out, false);
}

void AudioMixer::emit() {
  for (Participant* const p : order_) {
    const auto codec = static_cast<std::size_t>(p->audio.codec);
    if (p->audio.listening && !emit_event(*p) && (p->own || !p->audio.apart)) {
      EncodedAudio audio{.payload = p->own ? encode_own(*p) : shared_[codec].payload,
                         .codec = p->audio.codec,
                         .payload_type = p->audio.payload_type,
                         .marker = p->marker,
                         .timestamp = p->timestamp,
                         .shared = p->own ? -1 : static_cast<int>(codec)};
      audio.silent = (p->own ? *p->own : *shared_[codec].stream).at_rest();
      if (!audio.payload.empty()) {
        p->marker = false;
        sink_.on_audio(p->id, audio);
      }
    } else {
      p->marker = true;
    }
    p->timestamp += static_cast<std::uint32_t>(samples_ * clock_rate(p->audio.codec) / kMixRate);
  }
}

void AudioMixer::note_active_speaker(base::TimePoint now) {
  const Participant* loudest = nullptr;
  const Participant* current = nullptr;
  for (const Participant* const p : order_) {
    if (!p->talk.talking()) continue;
    if (p->id == dominant_.current()) current = p;
    if (loudest == nullptr || p->loudness > loudest->loudness) loudest = p;
  }
  if (loudest == nullptr) return;
  const float margin = current == nullptr ? 1000 : loudest->loudness - current->loudness;
  if (dominant_.update(loudest->id, margin, now)) sink_.on_active_speaker(loudest->id);
}

}  // namespace media
