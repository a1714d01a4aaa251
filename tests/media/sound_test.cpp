#include "media/sound_player.hpp"

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <fstream>

#include "media/sound_file.hpp"
#include "support/audio_tones.hpp"
#include "support/temporary_directory.hpp"

#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#endif

using namespace media;
using namespace test_support;
using namespace std::chrono_literals;

namespace {

struct Heard {
  std::vector<std::int16_t> samples;
  std::vector<bool> sound;         // of each interval
  bool ended = false;
};

Heard listen(SoundPlayer& player, int intervals) {
  Heard heard;
  for (int i = 0; i < intervals && !heard.ended; ++i) {
    std::array<float, 960> out{};
    const auto played = player.play(out);
    heard.ended = played == SoundPlayer::Played::kEnded;
    if (heard.ended) break;
    heard.sound.push_back(played == SoundPlayer::Played::kSound);
    for (const float v : out) heard.samples.push_back(static_cast<std::int16_t>(v));
  }
  return heard;
}

std::span<const std::int16_t> part(const Heard& heard, double from, double to) {
  return std::span(heard.samples).subspan(static_cast<std::size_t>(from * 48000), static_cast<std::size_t>((to - from) * 48000));
}

// A tone of `seconds` as a file of whatever kind the ending says.
std::string write_tone(const std::string& path, int format, int rate, int channels, double seconds, double hertz) {
  SF_INFO info{.frames = 0, .samplerate = rate, .channels = channels, .format = format, .sections = 0, .seekable = 0};
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  if (file == nullptr) return "";
  sf_command(file, SFC_SET_SCALE_INT_FLOAT_WRITE, nullptr, SF_TRUE);
  Tone tone(hertz, 8000, rate);
  const auto pcm = tone.next(static_cast<std::size_t>(seconds * rate));
  std::vector<std::int16_t> all;
  for (const auto s : pcm) all.insert(all.end(), static_cast<std::size_t>(channels), s);
  sf_writef_short(file, all.data(), static_cast<sf_count_t>(pcm.size()));
  sf_close(file);
  return path;
}

SoundClip clip_of(std::size_t samples, std::int16_t value) { return std::make_shared<const std::vector<std::int16_t>>(samples, value); }

}  // namespace

TEST(SoundPlayer, TheCadenceOfRingback) {
  SoundPlayer player({.kind = SoundSpec::Kind::kRingback});
  const auto heard = listen(player, 800);   // 16 s
  EXPECT_FALSE(heard.ended);
  for (const double begin : {0.0, 5.0, 10.0}) {
    EXPECT_NEAR(amplitude_at(part(heard, begin + 0.01, begin + 0.99), 425, 48000), 5100, 300);
    EXPECT_EQ(rms(part(heard, begin + 1, begin + 4.999)), 0);
  }
  EXPECT_LT(largest_step(heard.samples), 400);
}

TEST(SoundPlayer, AToneLastsAsLongAsItIsToldTo) {
  SoundPlayer player({.kind = SoundSpec::Kind::kTone, .hertz = 1000, .length = 250ms});
  const auto heard = listen(player, 100);
  EXPECT_TRUE(heard.ended);
  EXPECT_EQ(heard.sound.size(), 13U);
  EXPECT_NEAR(amplitude_at(part(heard, 0.01, 0.23), 1000, 48000), 5100, 300);
  EXPECT_EQ(heard.samples[250 * 48], 0);
  EXPECT_LT(largest_step(heard.samples), 800);    // it fades
}

TEST(SoundPlayer, AClipEndsOrGoesRound) {
  SoundPlayer once({.kind = SoundSpec::Kind::kClip, .clip = clip_of(4800, 1000), .loop = false});
  const auto heard = listen(once, 100);
  EXPECT_TRUE(heard.ended);
  EXPECT_EQ(heard.samples.size(), 4800U);
  EXPECT_EQ(heard.samples[2000], 1000);
  EXPECT_LT(heard.samples[0], 10);
  EXPECT_LT(heard.samples[4799], 10);

  auto ramp = std::make_shared<std::vector<std::int16_t>>(1000);
  for (std::size_t i = 0; i < ramp->size(); ++i) (*ramp)[i] = static_cast<std::int16_t>(i);
  SoundPlayer round({.kind = SoundSpec::Kind::kClip, .clip = ramp, .loop = true, .length = 10s});
  const auto again = listen(round, 1000);
  EXPECT_EQ(again.samples.size(), 480'000U);
  for (const std::size_t at : {1000U, 47'500U, 470'123U}) EXPECT_EQ(again.samples[at], static_cast<std::int16_t>(at % 1000));
}

TEST(SoundPlayer, NothingToPlayEndsAtOnce) {
  SoundPlayer none({.kind = SoundSpec::Kind::kClip});
  EXPECT_TRUE(listen(none, 5).ended);
  SoundPlayer empty({.kind = SoundSpec::Kind::kClip, .clip = clip_of(0, 0)});
  EXPECT_TRUE(listen(empty, 5).ended);
}

TEST(PrivateSound, AnotherSoundTakesOverWithoutAnEndBeingTold) {
  PrivateSound sounds;
  EXPECT_TRUE(sounds.idle());
  sounds.play({.kind = SoundSpec::Kind::kClip, .clip = clip_of(9600, 5000), .loop = false});
  std::array<float, 960> out{};
  sounds.mix(out, true);
  sounds.play({.kind = SoundSpec::Kind::kTone, .hertz = 1000, .length = 100ms});
  int ended = 0, last = static_cast<int>(out.back()), steepest = 0;
  for (int i = 0; i < 20; ++i) {
    ended += sounds.mix(out, true).ended;
    for (const float v : out) {
      steepest = std::max(steepest, std::abs(static_cast<int>(v) - last));
      last = static_cast<int>(v);
    }
  }
  EXPECT_EQ(ended, 1);         // the tone
  EXPECT_LT(steepest, 900);    // and the clip went within 5 ms
  EXPECT_TRUE(sounds.idle());
}

TEST(SoundFile, FilesOfManyKindsAreReadAt48kHz) {
  const test::TemporaryDirectory folder;
  struct Kind {
    std::string name;
    int format, rate, channels;
  };
  const Kind kinds[] = {{"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1},     {"b.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 2},
                        {"c.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2},  {"d.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 1},
                        {"e.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 2},     {"f.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 96000, 1}};
  for (const auto& kind : kinds) {
    const auto path = write_tone(folder.path() + "/" + kind.name, kind.format, kind.rate, kind.channels, 2, 600);
    ASSERT_FALSE(path.empty()) << kind.name;
    const auto clip = read_sound_file(path);
    ASSERT_TRUE(clip) << kind.name << ": " << clip.error().detail;
    EXPECT_NEAR(static_cast<double>((*clip)->size()), 96'000, 1000) << kind.name;
    EXPECT_NEAR(amplitude_at(std::span(**clip).subspan(9600, 48'000), 600, 48000), 8000, 900) << kind.name;
  }
}

TEST(SoundFile, WhatIsNoSoundIsAnErrorAndNoMore) {
  const test::TemporaryDirectory folder;
  EXPECT_EQ(read_sound_file(folder.path() + "/none.wav").error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(read_sound_file(folder.path()).error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(read_sound_file("/dev/zero").error().code, base::ErrorCode::kNotFound);
  const auto text = folder.path() + "/text.wav";
  std::ofstream(text) << "this is not a sound";
  EXPECT_EQ(read_sound_file(text).error().code, base::ErrorCode::kMalformed);
  std::ofstream(folder.path() + "/empty.wav");
  EXPECT_EQ(read_sound_file(folder.path() + "/empty.wav").error().code, base::ErrorCode::kMalformed);
}

TEST(SoundFile, BrokenFilesDoNoHarm) {
#if __has_feature(address_sanitizer)
  const __lsan::ScopedDisabler ignored;   // libsndfile forgets what it had made of a broken Ogg Vorbis header
#endif
  const test::TemporaryDirectory folder;
  for (const auto& [name, format] : {std::pair{"x.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16}, {"x.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
                                     {"x.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS}, {"x.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS}}) {
    const auto path = write_tone(folder.path() + "/" + name, format, 48000, 1, 0.5, 600);
    std::ifstream in(path, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(in), {});
    std::uint32_t random = 7;
    for (int round = 0; round < 40; ++round) {
      std::string broken = whole.substr(0, round % 4 == 0 ? whole.size() * static_cast<std::size_t>(round) / 40 : whole.size());
      for (int i = 0; i < 8 && !broken.empty(); ++i) {
        random = random * 1664525U + 1013904223U;
        broken[random % (round % 2 == 0 ? broken.size() : std::min<std::size_t>(broken.size(), 100))] = static_cast<char>(random >> 24);
      }
      std::ofstream(path, std::ios::binary | std::ios::trunc) << broken;
      const auto clip = read_sound_file(path);
      if (clip) EXPECT_LE((*clip)->size(), static_cast<std::size_t>(kMaxClipSeconds) * 48000 + 4800);
    }
  }
}

TEST(SoundFile, TenMinutesAreTheMost) {
  const test::TemporaryDirectory folder;
  const auto path = write_tone(folder.path() + "/long.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, 601, 500);
  EXPECT_EQ(read_sound_file(path).error().code, base::ErrorCode::kTooLarge);
}

TEST(HoldMusic, IsSoftAndGoesRoundWithoutASeam) {
  const auto music = make_hold_music();
  const auto& pcm = *music;
  EXPECT_EQ(pcm.size(), 48U * 48'000);
  const double level = rms(pcm);
  EXPECT_GT(level, 800);
  EXPECT_LT(level, 3500);
  const int step = largest_step(pcm);
  EXPECT_LE(std::abs(pcm.front() - pcm.back()), step);
  EXPECT_LT(step, 1500);                             // nothing rattles
  for (std::size_t second = 0; second < 48; ++second) {
    const double there = rms(std::span(pcm).subspan(second * 48'000, 48'000));
    EXPECT_GT(there, level / 4) << second;           // it never falls silent
    EXPECT_LT(there, level * 3) << second;
  }
  // The phone's band holds nearly all of it.
  EXPECT_GT(amplitude_at(pcm, 261.63, 48000) + amplitude_at(pcm, 329.63, 48000), 20);
}
