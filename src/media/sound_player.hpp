// What can be played to one leg: call progress tones, a tone, a clip. One thread; no I/O, no allocation per interval.
// Samples are those of the mix: 48 kHz, one channel, float in the scale of int16.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "media/audio_codec.hpp"
#include "media/dtmf_sender.hpp"

namespace media {

// 48 kHz, one channel. Shared by all who hear it, and never changed.
using SoundClip = std::shared_ptr<const std::vector<std::int16_t>>;

struct SoundSpec {
  enum class Kind : std::uint8_t { kRingback, kTone, kClip };
  Kind kind = Kind::kRingback;
  std::uint32_t hertz = 440;      // of kTone, 20 to 20,000
  SoundClip clip;                 // of kClip
  bool loop = true;               // of kClip
  base::Duration length{0};       // 0: until it is stopped, or the clip's end
};

// Ringback as in most of Europe (ITU-T E.180, supplement 2; ETSI TR 101 041): 425 Hz at -13 dBm0, 1 s of 5. A caller's own phone
// makes the other tones, of the status that it is answered. Everything begins and ends within 5 ms, so that nothing clicks.
class SoundPlayer {
 public:
  explicit SoundPlayer(SoundSpec spec);

  enum class Played : std::uint8_t { kSound, kSilence, kEnded };
  // Adds one interval to `out`; kSilence and kEnded add nothing. After kEnded it stays so.
  Played play(std::span<float> out);
  // Fades out within the next interval, then ends.
  void leave() { leaving_ = true; }

 private:
  std::size_t left() const;
  bool read(std::span<float> out);
  bool read_tone(std::span<float> out);
  bool read_clip(std::span<float> out);

  SoundSpec spec_;
  std::size_t on_ = 0, period_ = 0;        // samples; period 0: without pauses
  std::size_t length_ = 0;                 // samples; 0: no end
  std::size_t position_ = 0;               // samples played
  double step_ = 0, phase_ = 0;            // of the tone, radians
  bool leaving_ = false, ended_ = false;
};

// All that one leg alone hears: its sound, itself, and digits sent to it as tones. Its owner keeps it while a mixer knows it.
class PrivateSound {
 public:
  void play(SoundSpec spec);               // another that plays gives way, without an end being told
  void stop();
  void set_echo(bool echo) { echo_ = echo; }
  bool echo() const { return echo_; }
  DtmfSender& dtmf() { return dtmf_; }
  const DtmfSender& dtmf() const { return dtmf_; }
  bool playing() const { return player_.has_value(); }
  bool idle() const { return !player_ && !leaving_ && !echo_ && dtmf_.idle(); }

  struct Mixed {
    bool sound = false;                    // `out` holds something to be heard
    bool alone = false;                    // a digit, which nothing else goes beside
    bool ended = false;                    // the sound came to its end by itself
  };
  // One interval; `out` is overwritten. `tones`: digits go as tones rather than as telephone-events.
  Mixed mix(std::span<float> out, bool tones);

 private:
  std::optional<SoundPlayer> player_, leaving_;
  bool echo_ = false;
  DtmfSender dtmf_;
};

}  // namespace media
