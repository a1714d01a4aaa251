#include "media/g711.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "media/resampler.hpp"
#include "support/audio_tones.hpp"

using namespace media;
using namespace test_support;

// RFC 3551 4.5.14
TEST(G711, KnownValuesOfTheStandard) {
  EXPECT_EQ(g711::encode_ulaw(0), 0xff);
  EXPECT_EQ(g711::encode_ulaw(-1), 0x7f);
  EXPECT_EQ(g711::decode_ulaw(0x80), 32124);
  EXPECT_EQ(g711::decode_ulaw(0x00), -32124);
  EXPECT_EQ(g711::decode_ulaw(0xff), 0);
  EXPECT_EQ(g711::encode_alaw(0), 0xd5);
  EXPECT_EQ(g711::decode_alaw(0xd5), 8);
  EXPECT_EQ(g711::decode_alaw(0x55), -8);
  EXPECT_EQ(g711::decode_alaw(0xaa), 32256);
  EXPECT_EQ(g711::decode_alaw(0x2a), -32256);
}

TEST(G711, EveryOctetSurvivesDecodingAndEncoding) {
  for (int i = 0; i < 256; ++i) {
    const auto octet = static_cast<std::uint8_t>(i);
    EXPECT_EQ(g711::encode_alaw(g711::decode_alaw(octet)), octet);
    if (octet != 0x7f) EXPECT_EQ(g711::encode_ulaw(g711::decode_ulaw(octet)), octet);  // 0x7f is minus zero
  }
}

TEST(G711, EverySampleIsWithinAStepOfItself) {
  for (int i = -32768; i <= 32767; ++i) {
    const auto sample = static_cast<std::int16_t>(i);
    const int bound = std::max(16, std::abs(i) / 16);
    EXPECT_LE(std::abs(g711::decode_ulaw(g711::encode_ulaw(sample)) - i), std::max(bound, std::abs(i) - 32100)) << i;
    EXPECT_LE(std::abs(g711::decode_alaw(g711::encode_alaw(sample)) - i), bound) << i;
  }
}

// RFC 6464 3
TEST(G711, LevelFromTheOctets) {
  const base::Bytes ulaw(160, g711::kUlawSilence), alaw(160, g711::kAlawSilence);
  EXPECT_EQ(g711::level(AudioCodec::kPcmu, ulaw), 127);
  EXPECT_EQ(g711::level(AudioCodec::kPcma, alaw), 127);
  const auto pcm = Tone(1000, 3276, 8000).next(160);
  base::Bytes loud(160);
  g711::encode(AudioCodec::kPcma, pcm, loud);
  EXPECT_NEAR(g711::level(AudioCodec::kPcma, loud), 23, 1);  // a tenth of full scale, rms
  EXPECT_EQ(g711::level(AudioCodec::kPcma, {}), 127);
}

TEST(Resampler, ThereAndBackKeepsSpeechAndAddsNoImage) {
  for (const double hertz : {300.0, 1000.0, 2500.0, 3200.0}) {
    Tone tone(hertz, 8000, 8000);
    Upsampler up;
    Downsampler down;
    std::vector<std::int16_t> wide, narrow;
    for (int i = 0; i < 20; ++i) {
      std::vector<float> mid(960);
      std::vector<std::int16_t> out(160);
      up.process(tone.next(160), mid);
      down.process(mid, out);
      for (const float f : mid) wide.push_back(static_cast<std::int16_t>(f));
      narrow.insert(narrow.end(), out.begin(), out.end());
    }
    const auto settled_wide = std::span(wide).subspan(1920);
    const auto settled_narrow = std::span(narrow).subspan(320);
    EXPECT_NEAR(amplitude_at(settled_wide, hertz, 48000), 8000, 800) << hertz;
    EXPECT_NEAR(amplitude_at(settled_narrow, hertz, 8000), 8000, 1600) << hertz;
    EXPECT_LT(amplitude_at(settled_wide, 8000 - hertz, 48000), hertz < 3000 ? 80 : 600) << hertz;
  }
}

TEST(Resampler, WhatIsAboveFourKilohertzDoesNotFoldBack) {
  Tone tone(5500, 8000, 48000);
  Downsampler down;
  std::vector<std::int16_t> narrow;
  for (int i = 0; i < 20; ++i) {
    const auto pcm = tone.next(960);
    const std::vector<float> in(pcm.begin(), pcm.end());
    std::vector<std::int16_t> out(160);
    down.process(in, out);
    narrow.insert(narrow.end(), out.begin(), out.end());
  }
  EXPECT_LT(rms(std::span(narrow).subspan(320)), 30);
}
