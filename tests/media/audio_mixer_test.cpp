#include "media/audio_mixer.hpp"

#include <gtest/gtest.h>

#include <random>

#include "media/g711.hpp"
#include "support/audio_tones.hpp"
#include "support/mixer_room.hpp"

using namespace media;
using namespace test_support;
using namespace std::chrono_literals;

namespace {

constexpr auto kOpus = AudioCodec::kOpus;
constexpr auto kPcmu = AudioCodec::kPcmu;
constexpr auto kPcma = AudioCodec::kPcma;
constexpr auto kG722 = AudioCodec::kG722;

}  // namespace

TEST(AudioMixer, EachHearsTheOthersAndNotHimself) {
  Room room;
  room.join(1, kOpus, 400);
  room.join(2, kPcmu, 700);
  room.join(3, kPcma, 1100);
  room.join(4, kOpus, 1700, 0);
  room.join(5, kG722, 2500);
  room.run(50);
  room.forget();
  room.run(100);
  for (const ParticipantId who : {1, 2, 3, 4, 5}) {
    for (const ParticipantId whom : {1, 2, 3, 5}) {
      if (who == whom) {
        EXPECT_LT(room.hears(who, whom), 120) << who;
      } else {
        EXPECT_NEAR(room.hears(who, whom), 6000, 1200) << who << " " << whom;
      }
    }
  }
  EXPECT_EQ(room.parties[4]->own, 0);
  EXPECT_GT(room.parties[1]->own, 95);
}

TEST(AudioMixer, TimestampsRunOnAndOneFrameGoesOutInEveryInterval) {
  Room room;
  room.join(1, kOpus, 400);
  room.join(2, kPcmu, 700, 0);
  room.run(40);
  room.mixer.set_listening(2, false);
  room.run(10);
  room.mixer.set_listening(2, true);
  room.run(10);
  const auto& opus = room.parties[1]->timestamps;
  const auto& ulaw = room.parties[2]->timestamps;
  ASSERT_EQ(opus.size(), 60U);
  ASSERT_EQ(ulaw.size(), 50U);
  for (std::size_t i = 0; i < opus.size(); ++i) EXPECT_EQ(opus[i], i * 960);
  EXPECT_EQ(ulaw[40], 50 * 160U);
  EXPECT_EQ(room.parties[2]->markers, 2);
}

TEST(AudioMixer, ManyLoudVoicesAreLimitedNotWrapped) {
  Room room;
  for (ParticipantId id = 1; id <= 5; ++id) room.join(id, kPcmu, 250.0 + 110.0 * static_cast<double>(id), 25000);
  auto& listener = room.join(9, kOpus, 1, 0);
  auto& phone = room.join(10, kPcma, 1, 0);
  room.run(100);
  // The steepest a limited sum of these can be; a wrapped sample would be a step of 65,535.
  EXPECT_LT(largest_step(listener.heard), 8000);
  EXPECT_LT(largest_step(phone.heard), 42000);
  EXPECT_GT(rms(listener.heard), 6000);
}

TEST(AudioMixer, ChangesOfTalkersDoNotClick) {
  Room room;
  room.join(1, kPcmu, 300);
  room.join(2, kOpus, 300);
  room.join(3, kPcma, 300);
  auto& listener = room.join(4, kOpus, 1, 0);
  auto& phone = room.join(5, kPcmu, 1, 0);
  const double slope = 6000 * 2 * std::numbers::pi * 300;
  for (int turn = 0; turn < 12; ++turn) {
    for (ParticipantId id = 1; id <= 3; ++id) room.parties[id]->sends = static_cast<int>(id) == 1 + turn % 3;
    room.run(40);
  }
  for (ParticipantId id = 1; id <= 3; ++id) room.mixer.set_muted(id, true);
  room.run(5);
  // Two talkers may overlap while one fades; half as much again for the fades and codecs.
  EXPECT_LT(largest_step(listener.heard), 3 * slope / 48000);
  EXPECT_LT(largest_step(phone.heard), 3 * slope / 8000);
  for (ParticipantId id = 1; id <= 2; ++id) {
    const double bound = 3 * slope / room.parties[id]->rate();
    EXPECT_LT(largest_step(room.parties[id]->heard), bound) << id;
    EXPECT_GT(room.parties[id]->own, 0);
    EXPECT_GT(room.parties[id]->shared, 0);
  }
}

TEST(AudioMixer, SilenceIsSentAtNearlyNoCost) {
  Room room;
  room.join(1, kOpus, 1, 0);
  room.join(2, kPcmu, 1, 0);
  room.join(3, kPcma, 1, 0);
  room.join(5, kG722, 1, 0);
  room.run(100);
  for (const ParticipantId id : {1, 2, 3, 5}) {
    EXPECT_EQ(room.parties[id]->timestamps.size(), 100U);
    EXPECT_LT(rms(room.parties[id]->heard), 10);
    EXPECT_GE(room.parties[id]->silent, 90);
  }
  EXPECT_EQ(room.mixer.counters().decoded, 0U);
  room.join(4, kPcmu, 440);
  room.run(10);
  const int before = room.parties[2]->silent;
  room.run(10);
  EXPECT_EQ(room.parties[2]->silent, before);     // there is something to be heard
  EXPECT_GT(room.parties[4]->silent, 0);          // but not for the one who talks alone
}

// RFC 6464 3
TEST(AudioMixer, WhoSaysThatHeIsSilentIsNotDecoded) {
  Room room;
  auto& quiet = room.join(1, kOpus, 500, 6);
  quiet.tells_level = true;
  room.join(2, kPcmu, 500, 10);
  room.join(3, kPcmu, 1, 0);
  room.run(100);
  EXPECT_EQ(room.mixer.counters().decoded, 0U);
  quiet.tone = Tone(500, 6000, 48000);
  room.run(20);
  EXPECT_GT(room.mixer.counters().decoded, 15U);
}

TEST(AudioMixer, OnlyTheLoudestFewAreDecoded) {
  MixerOptions options;
  options.max_speakers = 3;
  Room room(options);
  for (ParticipantId id = 1; id <= 8; ++id) room.join(id, kPcmu, 200.0 + 150 * static_cast<double>(id), 500.0 * static_cast<double>(id));
  auto& listener = room.join(20, kOpus, 1, 0);
  room.run(50);
  listener.heard.clear();
  const auto before = room.mixer.counters().decoded;
  room.run(50);
  EXPECT_EQ(room.mixer.counters().decoded - before, 150U);
  for (ParticipantId id = 1; id <= 5; ++id) EXPECT_LT(room.hears(20, id), 100) << id;
  for (ParticipantId id = 6; id <= 8; ++id) EXPECT_GT(room.hears(20, id), 2000) << id;
}

TEST(AudioMixer, MutedIsNotHeardAndUnmutedIs) {
  Room room;
  room.join(1, kOpus, 600);
  room.join(2, kPcmu, 1, 0);
  room.run(50);
  room.mixer.set_muted(1, true);
  room.run(5);
  room.forget();
  room.run(50);
  EXPECT_LT(rms(room.parties[2]->heard), 10);
  room.mixer.set_muted(1, false);
  room.run(10);
  room.forget();
  room.run(50);
  EXPECT_NEAR(room.hears(2, 1), 6000, 900);
}

TEST(AudioMixer, TalkingIsReportedOnceWithHysteresisAndTheSpeakerIsStable) {
  Room room;
  auto& a = room.join(1, kPcmu, 400);
  room.join(2, kOpus, 1, 0);
  auto& b = room.join(3, kOpus, 900, 6000);
  b.sends = false;
  room.run(50);
  a.sends = false;
  room.run(100);   // 2 s: not yet silent
  EXPECT_EQ(room.talk, (std::vector<std::pair<ParticipantId, bool>>{{1, true}}));
  room.run(40);
  EXPECT_EQ(room.talk.size(), 2U);
  EXPECT_EQ(room.talk.back(), (std::pair<ParticipantId, bool>{1, false}));
  EXPECT_EQ(room.speakers, (std::vector<ParticipantId>{1}));
  b.sends = true;
  room.run(60);
  EXPECT_EQ(room.speakers, (std::vector<ParticipantId>{1, 3}));
  room.mixer.remove(3);
  room.parties.erase(3);
  EXPECT_EQ(room.speakers.back(), 0U);
  room.run(3);
}

TEST(AudioMixer, LossReorderingAndJitterLeaveTheToneWhole) {
  for (const int per_cent : {1, 10, 20}) {
    for (const auto codec : {kOpus, kPcmu, kG722}) {
      std::mt19937 random(5);
      Room room;
      room.join(1, codec, 500).sends = false;
      room.join(2, kOpus, 1, 0);
      for (int i = 0; i < 600; ++i) {
        if (i == 200) room.forget();
        room.send(1, static_cast<int>(random() % 100) < per_cent, base::Duration(random() % 60'000'000));
        room.deliver();
        room.mixer.tick(room.now);
        room.now += 20ms;
      }
      EXPECT_GT(rms(room.parties[2]->heard), 6000 * 0.707 * (per_cent > 10 ? 0.6 : 0.75)) << per_cent;
    }
  }
}

TEST(AudioMixer, TwoHundredMillisecondsOfJitterAreHeardThrough) {
  std::mt19937 random(5);
  Room room;
  room.join(1, kPcma, 500).sends = false;
  room.join(2, kPcmu, 1, 0);
  for (int i = 0; i < 1500; ++i) {
    if (i == 750) room.forget();
    room.send(1, false, base::Duration(random() % 200'000'000));
    room.deliver();
    room.mixer.tick(room.now);
    room.now += 20ms;
  }
  EXPECT_GT(rms(room.parties[2]->heard), 6000 * 0.707 * 0.85);
}

TEST(AudioMixer, ASendersClockMayDrift) {
  for (const int ppm : {200, -200}) {
    Room room;
    room.join(1, kPcmu, 300).sends = false;
    auto& listener = room.join(2, kPcmu, 1, 0);
    base::TimePoint next = room.now;
    std::size_t deepest = 0;
    int worst = 0;
    for (int i = 0; i < 30000; ++i) {   // ten minutes
      while (next <= room.now) {
        room.send(1);
        next += 20ms - base::Duration(20 * ppm);
      }
      room.deliver();
      room.mixer.tick(room.now);
      room.now += 20ms;
      if (i > 100) {
        deepest = std::max(deepest, room.mixer.jitter(1)->packets());
        worst = std::max(worst, largest_step(listener.heard));
      }
      listener.heard.erase(listener.heard.begin(), listener.heard.end() - 1);
    }
    EXPECT_LE(deepest, 6U) << ppm;
    EXPECT_LT(worst, 3 * 6000 * 2 * 3.15 * 300 / 8000) << ppm;   // and what is taken out or filled in doesn't click
    const auto& counters = room.mixer.jitter(1)->counters();
    EXPECT_EQ(counters.skipped + counters.restarted + counters.late, 0U) << ppm;
    EXPECT_LE(counters.underrun, 20U) << ppm;
  }
}

TEST(AudioMixer, ANewSsrcGoesOn) {
  Room room;
  auto& a = room.join(1, kOpus, 500);
  room.join(2, kPcmu, 1, 0);
  room.run(50);
  a.seq = 40000;
  a.timestamp = 5;
  room.run(10);
  room.forget();
  room.run(50);
  EXPECT_NEAR(room.hears(2, 1), 6000, 900);
}

// RFC 4733 2.5.1.4
TEST(AudioMixer, DigitsAreReportedOnce) {
  Room room;
  room.join(1, kPcmu, 500);
  room.run(10);
  Party& p = *room.parties[1];
  for (int i = 0; i < 8; ++i) {
    const auto event = *write_telephone_event({.digit = '5', .end = i >= 5, .duration = static_cast<std::uint16_t>(160 * (i + 1))});
    room.mixer.push(1, {.payload_type = 101, .marker = i == 0, .seq = p.seq++, .timestamp = p.timestamp, .ssrc = 1, .payload = event}, room.now);
  }
  EXPECT_EQ(room.digits, "5");
}

TEST(AudioMixer, TwoHundredPhonesInOneRoom) {
  Room room;
  for (ParticipantId id = 1; id <= 200; ++id) room.join(id, id % 2 == 0 ? kPcmu : kPcma, 300.0 + static_cast<double>(id), id <= 3 ? 6000 : 0);
  room.run(100);
  for (const auto& [id, p] : room.parties) {
    EXPECT_EQ(p->timestamps.size(), 100U);
    EXPECT_GT(rms(std::span(p->heard).subspan(8000)), 4000) << id;
  }
  const auto& counters = room.mixer.counters();
  EXPECT_LE(counters.encoded_shared, 200U);
  EXPECT_LE(counters.encoded_own, 300U);
}

TEST(AudioMixer, RunKeepsTheBeatAndDoesNotBurstAfterAStall) {
  Room room;
  EXPECT_EQ(room.mixer.run(room.now), base::kNever);
  room.join(1, kPcmu, 1, 0);
  EXPECT_EQ(room.mixer.run(room.now), room.now + 20ms);
  EXPECT_EQ(room.mixer.run(room.now + 61ms), room.now + 80ms);
  EXPECT_EQ(room.mixer.counters().intervals, 4U);
  room.mixer.run(room.now + 10s);
  EXPECT_EQ(room.mixer.counters().intervals, 5U);
}

TEST(AudioMixer, OtherIntervalsWorkToo) {
  for (const auto interval : {10ms, 40ms}) {
    MixerOptions options;
    options.interval = interval;
    Room room(options);
    room.join(1, kOpus, 500);
    room.join(2, kPcmu, 900);
    for (int ms = 0; ms < 3000; ms += 10) {
      if (ms == 1000) room.forget();
      if (ms % 20 == 0) {
        for (const ParticipantId id : {1, 2}) room.send(id);
      }
      room.deliver();
      if (ms % interval.count() == 0) room.mixer.tick(room.now);
      room.now += 10ms;
    }
    EXPECT_NEAR(room.hears(1, 2), 6000, 900);
    EXPECT_NEAR(room.hears(2, 1), 6000, 900);
    EXPECT_LT(room.hears(1, 1), 120);
  }
}

TEST(AudioMixer, HostilePayloadsAreHarmless) {
  std::mt19937 random(11);
  Room room;
  room.join(1, kOpus, 500).sends = false;
  room.join(2, kPcmu, 500).sends = false;
  base::Bytes payload(1600);
  for (int i = 0; i < 20000; ++i) {
    for (auto& b : payload) b = static_cast<std::uint8_t>(random());
    room.mixer.push(1 + i % 2, {.payload_type = static_cast<std::uint8_t>(std::array{111, 0, 101, 13, 50}[random() % 5]),
                    .marker = random() % 4 == 0, .seq = static_cast<std::uint16_t>(random() % 100 + i / 4),
                    .timestamp = static_cast<std::uint32_t>(i * 480), .ssrc = static_cast<std::uint32_t>(random() % 900 == 0),
                    .payload = base::ByteView(payload).first(random() % 1600)}, room.now);
    if (i % 4 == 0) room.mixer.tick(room.now += 20ms);
  }
}
