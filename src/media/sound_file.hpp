// Sounds as they are kept to be played: read from a file, or made here. Any thread but a media thread: it takes time.
#pragma once

#include <string>

#include "base/result.hpp"
#include "media/sound_player.hpp"

namespace media {

constexpr int kMaxClipSeconds = 600;

// WAV, FLAC, Ogg Vorbis and Opus, AIFF, MP3: what libsndfile reads, folded to one channel at 48 kHz. kNotFound, kMalformed (not a sound,
// or broken before its first sample), kTooLarge (over ten minutes). What is broken further on ends there.
base::Result<SoundClip> read_sound_file(const std::string& path);

// The built-in music on hold: 48 s that go round without a seam, soft, made of eight chords and a few plucked notes over them.
SoundClip make_hold_music();

}  // namespace media
