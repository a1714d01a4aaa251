// A mixer with parties that send tones and keep what they hear, for tests of the audio path.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/audio_mixer.hpp"
#include "media/g711.hpp"
#include "media/g722.hpp"
#include "support/audio_tones.hpp"

namespace test_support {

using namespace media;
using namespace std::chrono_literals;

// One party: sends a tone in 20 ms packets, keeps what it hears.
struct Party {
  AudioCodec codec;
  Tone tone;
  double hertz;
  std::uint16_t seq = 100;
  std::uint32_t timestamp = 1000;
  bool sends = true;
  bool tells_level = false;
  OpusMonoEncoder encoder;
  OpusMonoDecoder decoder;
  G722Encoder g722_encoder;
  G722Decoder g722_decoder;
  std::vector<std::int16_t> heard;
  std::vector<std::uint32_t> timestamps;
  int shared = 0, own = 0, markers = 0, silent = 0, ended = 0;
  struct Event {
    base::Bytes payload;
    std::uint8_t payload_type;
    bool marker;
    std::uint32_t timestamp;
    base::TimePoint at;
  };
  std::vector<Event> events;
  PrivateSound sounds;

  Party(AudioCodec c, double frequency, double amplitude)
      : codec(c), tone(frequency, amplitude, static_cast<int>(sample_rate(c))), hertz(frequency) {}
  int rate() const { return static_cast<int>(sample_rate(codec)); }
};

class Room : public AudioMixerSink {
 public:
  explicit Room(const MixerOptions& options = {}) : mixer(options, *this) {}

  AudioMixer mixer;
  base::TimePoint now{1h};
  std::map<ParticipantId, std::unique_ptr<Party>> parties;
  std::vector<std::pair<ParticipantId, bool>> talk;
  std::vector<ParticipantId> speakers;
  std::string digits;

  static std::uint8_t number(AudioCodec codec) {
    return codec == AudioCodec::kOpus ? 111 : codec == AudioCodec::kPcmu ? 0 : codec == AudioCodec::kPcma ? 8 : 9;
  }
  static ParticipantAudio audio_of(AudioCodec codec) {
    ParticipantAudio audio;
    audio.codec = codec;
    audio.payload_type = number(codec);
    audio.telephone_event = 101;
    audio.comfort_noise = 13;
    return audio;
  }
  Party& join(ParticipantId id, AudioCodec codec, double hertz, double amplitude = 6000) {
    mixer.add(id, audio_of(codec));
    parties[id] = std::make_unique<Party>(codec, hertz, amplitude);
    parties[id]->sends = amplitude > 0;
    return *parties[id];
  }
  // As `join`, with sounds, and with what `change` makes of it.
  template <typename F>
  Party& join_with_sounds(ParticipantId id, AudioCodec codec, double hertz, double amplitude, F&& change) {
    Party& p = join(id, codec, hertz, amplitude);
    auto audio = audio_of(codec);
    audio.sounds = &p.sounds;
    change(audio);
    mixer.update(id, audio);
    return p;
  }
  void send(ParticipantId id, bool lost = false, base::Duration late = {}) {
    Party& p = *parties[id];
    const auto pcm = p.tone.next(static_cast<std::size_t>(p.rate()) / 50);
    base::Bytes payload(1275);
    if (p.codec == AudioCodec::kOpus) {
      payload.resize(p.encoder.encode(pcm, payload));
    } else if (p.codec == AudioCodec::kG722) {
      payload.resize(p.g722_encoder.encode(pcm, payload));
    } else {
      payload.resize(pcm.size());
      g711::encode(p.codec, pcm, payload);
    }
    AudioPacket packet{.payload_type = number(p.codec),
                       .seq = p.seq++, .timestamp = p.timestamp, .ssrc = static_cast<std::uint32_t>(id), .payload = payload};
    if (p.tells_level) packet.audio_level = level_of(rms(pcm) * rms(pcm));
    p.timestamp += clock_rate(p.codec) / 50;
    if (lost) return;
    late_.emplace(now + late, std::pair{id, std::pair{packet, payload}});
  }
  void deliver() {
    while (!late_.empty() && late_.begin()->first <= now) {
      auto& [id, rest] = late_.begin()->second;
      rest.first.payload = rest.second;
      mixer.push(id, rest.first, late_.begin()->first);
      late_.erase(late_.begin());
    }
  }
  void step() {
    for (auto& [id, p] : parties) {
      if (p->sends) send(id);
    }
    deliver();
    mixer.tick(now);
    now += 20ms;
  }
  void run(int intervals) {
    for (int i = 0; i < intervals; ++i) step();
  }
  void forget() {
    for (auto& [id, p] : parties) p->heard.clear();
  }
  double hears(ParticipantId who, ParticipantId whom) {
    return amplitude_at(parties[who]->heard, parties[whom]->hertz, parties[who]->rate());
  }

  void on_audio(ParticipantId to, const EncodedAudio& audio) override {
    Party& p = *parties.at(to);
    if (audio.event) {
      p.events.push_back({{audio.payload.begin(), audio.payload.end()}, audio.payload_type, audio.marker, audio.timestamp, now});
      return;
    }
    std::vector<std::int16_t> pcm(static_cast<std::size_t>(p.rate()) / 25);
    if (p.codec == AudioCodec::kOpus) {
      pcm.resize(p.decoder.decode(audio.payload, pcm));
    } else if (p.codec == AudioCodec::kG722) {
      pcm.resize(p.g722_decoder.decode(audio.payload, pcm));
    } else {
      pcm.resize(audio.payload.size());
      g711::decode(p.codec, audio.payload, pcm);
    }
    p.heard.insert(p.heard.end(), pcm.begin(), pcm.end());
    p.timestamps.push_back(audio.timestamp);
    ++(audio.shared >= 0 ? p.shared : p.own);
    p.markers += audio.marker;
    p.silent += audio.silent;
  }
  void on_talking(ParticipantId id, bool talking) override { talk.emplace_back(id, talking); }
  void on_active_speaker(ParticipantId id) override { speakers.push_back(id); }
  void on_digit(ParticipantId, char digit) override { digits += digit; }
  void on_sound_ended(ParticipantId id) override { ++parties.at(id)->ended; }

 private:
  std::multimap<base::TimePoint, std::pair<ParticipantId, std::pair<AudioPacket, base::Bytes>>> late_;
};

}  // namespace test_support
