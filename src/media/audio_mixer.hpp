// The audio of one bridge: who is loudest is decoded and summed at 48 kHz, each talker gets the sum without himself, and all
// others share one encode per codec. One thread; no I/O, no clock; no allocation per packet or interval once warm.
//
// A media thread calls push() for each decrypted packet and run() at the time that run() gave. Everything that comes
// of it is told to the sink, during the call; the sink must not call the mixer back. Levels are RFC 6464's (-dBov).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "media/audio_source.hpp"
#include "media/dtmf_events.hpp"
#include "media/mix_stream.hpp"
#include "media/sound_player.hpp"
#include "media/talk_detector.hpp"

namespace media {

using ParticipantId = std::uint64_t;  // not 0

struct EncodedAudio {
  base::ByteView payload;       // valid during the call
  AudioCodec codec;
  std::uint8_t payload_type;
  bool marker;                  // first after silence on the wire (RFC 3551 4.1)
  std::uint32_t timestamp;      // from 0, in the codec's clock, running on while held: add the leg's random offset
  int shared;                   // 0..3: all who get this number in this interval get these very bytes; -1: one's own
  bool silent = false;          // the same silence as in the interval before: nothing is lost with it
  bool event = false;           // a telephone-event, whose timestamp is that of its beginning (RFC 4733 2.5.1.2)
};

class AudioMixerSink {
 public:
  virtual ~AudioMixerSink() = default;
  virtual void on_audio(ParticipantId to, const EncodedAudio& audio) = 0;
  virtual void on_talking(ParticipantId /*id*/, bool /*talking*/) {}
  virtual void on_active_speaker(ParticipantId /*id*/) {}        // 0: he left
  virtual void on_digit(ParticipantId /*id*/, char /*digit*/) {}
  virtual void on_sound_ended(ParticipantId /*id*/) {}            // by itself
};

struct MixerOptions {
  base::Duration interval = std::chrono::milliseconds(20);   // 10, 20 or 40 ms
  std::size_t max_speakers = 5;                              // decoded and heard at a time
  std::uint8_t silent_level = 65;                            // quieter than this is not decoded
  TalkOptions talk;
  OpusOptions opus;
};

struct ParticipantAudio {
  struct Receives {
    std::uint8_t payload_type;
    AudioCodec codec;
  };
  static constexpr std::uint8_t kNone = 0xff;
  AudioCodec codec = AudioCodec::kOpus;          // what is sent to him, with
  std::uint8_t payload_type = 111;               // this number; and received, unless `also` has more
  std::vector<Receives> also;                    // further payload types that he may send
  std::uint8_t telephone_event = kNone;          // as he sends them
  std::uint8_t comfort_noise = kNone;
  std::uint8_t event_out = kNone;                // as he is sent them, in this clock; kNone: digits go to him as tones
  std::uint32_t event_clock = 8000;
  bool detect_tones = false;                     // digits are looked for in his sound
  bool muted = false;
  bool listening = true;
  // Neither heard nor hearing the others: `sounds` alone reach him, and between them nothing does.
  bool apart = false;
  PrivateSound* sounds = nullptr;                // what he alone hears; outlives him here
};

class AudioMixer {
 public:
  AudioMixer(const MixerOptions& options, AudioMixerSink& sink);
  ~AudioMixer();

  void add(ParticipantId id, const ParticipantAudio& audio);
  void update(ParticipantId id, const ParticipantAudio& audio);   // after a re-INVITE; also resumes or holds
  void remove(ParticipantId id);
  void set_muted(ParticipantId id, bool muted);                   // he is not heard
  void set_listening(ParticipantId id, bool listening);           // false: nothing is sent to him (hold)

  void push(ParticipantId id, const AudioPacket& packet, base::TimePoint now);
  // While others carry the sound (a call of two that is relayed): what a packet says of talking and digits is told, nothing is
  // kept; watch() instead of run(), a few times a second; rest() when that begins.
  void observe(ParticipantId id, const AudioPacket& packet, base::TimePoint now);
  void watch(base::TimePoint now);
  void rest();
  // Mixes every interval that is due and gives the time of the next; kNever without participants. A caller that comes more
  // than 200 ms late loses that time rather than sending a burst.
  base::TimePoint run(base::TimePoint now);
  // One interval, now; for who keeps the beat himself.
  void tick(base::TimePoint now);

  ParticipantId active_speaker() const { return dominant_.current(); }
  bool talking(ParticipantId id) const;
  std::size_t size() const { return order_.size(); }
  const JitterBuffer* jitter(ParticipantId id) const;             // null before his first packet
  struct Counters {
    std::uint64_t intervals = 0, decoded = 0, encoded_shared = 0, encoded_own = 0, unknown_payload = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  static constexpr float kDecayPerSecond = 25;   // dB: loudness follows up at once, and down slowly
  using Frame = std::array<float, kMaxMixFrame>;
  struct Participant;

  Participant* find(ParticipantId id) const;
  std::optional<AudioCodec> codec_of(Participant& p, const AudioPacket& packet);
  void find_tones(Participant& p, AudioCodec codec, base::ByteView payload, std::uint8_t level);
  void find_tones(Participant& p, std::span<const float> sound);
  void tell_digits(Participant& p, std::string_view digits);
  void heard(Participant& p, std::uint8_t level, base::Duration length, base::TimePoint now);
  void select();
  void collect(base::TimePoint now);
  void contribute(Participant& p, base::TimePoint now);
  void collect_apart(Participant& p, base::TimePoint now);
  void collect_sounds();
  bool listen_in(Participant& p, base::TimePoint now, std::size_t speakers);
  Frame& spare_frame();
  void assign_streams();
  void take_own(Participant& p);
  void give_back(Participant& p);
  void encode_shared();
  base::ByteView encode_own(Participant& p);
  void emit();
  bool emit_event(Participant& p);
  void note_active_speaker(base::TimePoint now);
  std::span<float> whole(Frame& frame) const { return std::span(frame).first(samples_); }

  MixerOptions options_;
  AudioMixerSink& sink_;
  std::size_t samples_;       // of an interval at 48 kHz
  int own_hold_;              // intervals that a talker keeps his own encoder after he was last heard
  base::TimePoint next_ = base::kNever;
  base::TimePoint watched_{};
  std::unordered_map<ParticipantId, std::unique_ptr<Participant>> participants_;
  std::vector<Participant*> order_;
  std::vector<Participant*> candidates_;
  DominantSpeaker dominant_;

  std::vector<std::unique_ptr<Frame>> frames_;   // what each who is heard adds, this interval
  std::size_t frames_used_ = 0;
  std::size_t heard_ = 0;                        // how many are in the sum
  Frame sum_{};
  Frame scratch_{};

  struct Shared {
    std::unique_ptr<MixStream> stream;
    base::ByteView payload;
    bool wanted = false;       // somebody gets it in this interval
    bool running = false;      // and got it in the last
  };
  std::array<Shared, kAudioCodecs> shared_;
  std::array<std::vector<std::unique_ptr<MixStream>>, kAudioCodecs> spare_;
  Counters counters_;
};

}  // namespace media
