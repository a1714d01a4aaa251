#include "media/dtmf_sender.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "media/dtmf_detector.hpp"
#include "media/resampler.hpp"
#include "support/audio_tones.hpp"

using namespace media;
using namespace std::chrono_literals;

namespace {

std::string detect(std::span<const float> sound) {
  Downsampler down;
  DtmfDetector detector;
  std::string digits;
  for (std::size_t at = 0; at + 960 <= sound.size(); at += 960) {
    std::array<std::int16_t, 160> narrow;
    down.process(sound.subspan(at, 960), narrow);
    digits += detector.push(narrow);
  }
  return digits;
}

}  // namespace

// RFC 4733 2.5.1
TEST(DtmfSender, AnEventKeepsItsTimestampGrowsAndEndsThreeTimes) {
  for (const std::uint32_t clock : {8000U, 48000U}) {
    for (const auto interval : {10ms, 20ms, 40ms}) {
      DtmfSender sender;
      EXPECT_EQ(sender.queue("5"), 1U);
      int ends = 0, markers = 0;
      std::uint16_t last = 0;
      for (std::uint32_t t = 1000; !sender.idle(); t += clock / 1000 * static_cast<std::uint32_t>(interval.count())) {
        const auto step = sender.step(interval, t, clock);
        if (step != DtmfSender::Step::kEvent) {
          EXPECT_EQ(step, DtmfSender::Step::kNothing);
          continue;
        }
        const auto& event = sender.event();
        EXPECT_EQ(event.payload[0], 5);
        EXPECT_EQ(event.timestamp, 1000U);
        markers += event.marker;
        EXPECT_EQ(event.marker, last == 0);
        const auto duration = base::load_be16(event.payload.data() + 2);
        if (ends == 0) EXPECT_GT(duration, last);
        if (ends != 0) EXPECT_EQ(duration, last);
        last = duration;
        ends += (event.payload[1] & 0x80) != 0;
      }
      EXPECT_EQ(ends, 3);
      EXPECT_EQ(markers, 1);
      EXPECT_EQ(last, clock / 1000 * (interval == 40ms ? 120U : 100U));
      EXPECT_EQ(sender.step(interval, 99'000, clock), DtmfSender::Step::kAudio);
    }
  }
}

TEST(DtmfSender, DigitsFollowEachOtherWithAPause) {
  DtmfSender sender;
  EXPECT_EQ(sender.queue("1 x#d"), 3U);
  std::vector<std::uint32_t> begins;
  std::string events;
  for (std::uint32_t t = 0; !sender.idle(); t += 160) {
    if (sender.step(20ms, t, 8000) != DtmfSender::Step::kEvent || !sender.event().marker) continue;
    begins.push_back(sender.event().timestamp);
    events += static_cast<char>('A' + sender.event().payload[0]);
  }
  EXPECT_EQ(begins, (std::vector<std::uint32_t>{0, 1280, 2560}));   // 160 ms
  EXPECT_EQ(events, "BLP");                                         // 1, 11, 15
}

TEST(DtmfSender, TheQueueIsBounded) {
  DtmfSender sender;
  EXPECT_EQ(sender.queue(std::string(1000, '7')), DtmfSender::kMaxQueued);
  int digits = 0;
  for (std::uint32_t t = 0; !sender.idle(); t += 160) digits += sender.step(20ms, t, 8000) == DtmfSender::Step::kEvent && sender.event().marker;
  EXPECT_EQ(digits, 64);
}

TEST(DtmfSender, TonesAreFoundByADetector) {
  DtmfSender sender;
  const std::string all = "0123456789*#ABCD";
  sender.queue(all);
  std::vector<float> sound;
  while (!sender.idle()) {
    std::array<float, 960> out;
    sender.tone(out);
    sound.insert(sound.end(), out.begin(), out.end());
  }
  EXPECT_NEAR(static_cast<double>(sound.size()) / 48000, 16 * 0.16, 0.03);
  sound.resize(sound.size() + 4800);
  EXPECT_EQ(detect(sound), all);
}

TEST(DtmfDetector, FindsNothingInATone) {
  test_support::Tone tone(697, 8000, 8000);
  DtmfDetector detector;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(detector.push(tone.next(160)), "");
}
