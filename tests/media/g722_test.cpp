#include "media/g722.hpp"

#include <gtest/gtest.h>

#include <random>

#include "media/resampler.hpp"
#include "support/audio_tones.hpp"

using namespace media;
using namespace test_support;

// RFC 3551 4.5.2
TEST(G722, AToneSurvivesWithTwoSamplesInAnOctet) {
  for (const double hertz : {300.0, 1000.0, 3000.0, 6000.0}) {
    G722Encoder encoder;
    G722Decoder decoder;
    Tone tone(hertz, 8000, 16000);
    std::vector<std::int16_t> heard;
    for (int i = 0; i < 25; ++i) {
      const auto pcm = tone.next(320);
      base::Bytes packet(160);
      ASSERT_EQ(encoder.encode(pcm, packet), 160U);
      std::vector<std::int16_t> out(320);
      ASSERT_EQ(decoder.decode(packet, out), 320U);
      heard.insert(heard.end(), out.begin(), out.end());
    }
    EXPECT_NEAR(amplitude_at(std::span(heard).subspan(3200), hertz, 16000), 8000, 900) << hertz;
  }
}

TEST(G722, ACopiedEncoderGoesOnAsTheOther) {
  G722Encoder a, b;
  Tone tone(700, 8000, 16000);
  base::Bytes first(160), second(160);
  for (int i = 0; i < 5; ++i) a.encode(tone.next(320), first);
  b.copy_state(a);
  const auto pcm = tone.next(320);
  a.encode(pcm, first);
  b.encode(pcm, second);
  EXPECT_EQ(first, second);
}

TEST(G722, AnyOctetsAreDecodedWithinTheirRoom) {
  std::mt19937 random(3);
  G722Decoder decoder;
  for (int i = 0; i < 2000; ++i) {
    base::Bytes packet(random() % 200);
    for (auto& b : packet) b = static_cast<std::uint8_t>(random());
    std::vector<std::int16_t> out(random() % 400);
    EXPECT_LE(decoder.decode(packet, out), out.size());
  }
}

TEST(WideResampler, ThereAndBackKeepsWidebandSpeech) {
  for (const double hertz : {300.0, 1000.0, 3400.0, 6000.0}) {
    Tone tone(hertz, 8000, 16000);
    WideUpsampler up;
    WideDownsampler down;
    std::vector<std::int16_t> heard;
    for (int i = 0; i < 20; ++i) {
      const auto in = tone.next(320);
      std::vector<float> wide(960);
      up.process(in, wide);
      std::vector<std::int16_t> out(320);
      down.process(wide, out);
      heard.insert(heard.end(), out.begin(), out.end());
    }
    EXPECT_NEAR(amplitude_at(std::span(heard).subspan(1600), hertz, 16000), 8000, 500) << hertz;
  }
}
