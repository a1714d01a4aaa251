// What a mixer knows of one participant. Inside the mixer alone.
#pragma once

#include "media/audio_mixer.hpp"
#include "media/dtmf_detector.hpp"

namespace media {

struct AudioMixer::Participant {
  ParticipantId id = 0;
  ParticipantAudio audio;
  std::unique_ptr<AudioSource> source;   // from his first packet on
  TalkDetector talk;
  DtmfEvents dtmf;
  float loudness = 0;                    // dB above level 127
  bool level_unknown = false;            // Opus without RFC 6464: only decoding tells
  bool selected = false;
  bool mixed = false;                    // was heard in the last interval
  Frame* frame = nullptr;                // what he adds in this interval
  std::unique_ptr<MixStream> own;
  int own_left = 0;
  std::uint32_t timestamp = 0;
  bool marker = true;
  Frame* extra = nullptr;                // what he alone hears in this interval
  bool alone = false;                    // and nothing else beside it
  bool busy = false;                     // something is played to him, be it a pause
  struct Tones {
    DtmfDetector detector;
    Downsampler downsampler;
    bool loud = false;
    int hush = 0;                        // intervals: a digit that was found is passed on as such, not as sound too
  };
  std::unique_ptr<Tones> tones;          // from the first sound on that may be a digit

  bool silenced() const { return audio.muted || (tones && tones->hush > 0); }
  bool echo() const { return busy && audio.sounds->echo(); }
  const ParticipantAudio::Receives* receives(std::uint8_t payload_type) const {
    for (const auto& r : audio.also) {
      if (r.payload_type == payload_type) return &r;
    }
    return nullptr;
  }
};

}  // namespace media
