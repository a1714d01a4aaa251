// What one participant alone hears: sounds, himself, digits.
#include <gtest/gtest.h>

#include "media/dtmf_events.hpp"
#include "support/mixer_room.hpp"

using namespace test_support;

namespace {

constexpr auto kOpus = AudioCodec::kOpus;
constexpr auto kPcmu = AudioCodec::kPcmu;
constexpr auto kPcma = AudioCodec::kPcma;
constexpr auto kG722 = AudioCodec::kG722;
constexpr auto kAsIs = [](ParticipantAudio&) {};
constexpr auto kApart = [](ParticipantAudio& audio) { audio.apart = true; };

double hears_hertz(const Party& p, double hertz) { return amplitude_at(p.heard, hertz, p.rate()); }

}  // namespace

TEST(MixerSounds, ASoundIsHeardByOneAloneBesideTheOthers) {
  Room room;
  auto& a = room.join_with_sounds(1, kOpus, 400, 6000, kAsIs);
  room.join(2, kPcmu, 700);
  room.join(3, kPcma, 1100, 0);
  a.sounds.play({.kind = SoundSpec::Kind::kTone, .hertz = 1500});
  room.run(20);
  room.forget();
  room.run(50);
  EXPECT_NEAR(hears_hertz(a, 1500), 5100, 800);
  EXPECT_NEAR(room.hears(1, 2), 6000, 1200);
  EXPECT_LT(room.hears(1, 1), 120);
  EXPECT_LT(hears_hertz(*room.parties[2], 1500), 100);
  EXPECT_NEAR(room.hears(3, 1), 6000, 1200);
  EXPECT_EQ(a.timestamps.size(), 70U);
  a.sounds.stop();
  room.run(5);
  room.forget();
  room.run(50);
  EXPECT_LT(hears_hertz(a, 1500), 100);
  EXPECT_NEAR(room.hears(1, 2), 6000, 1200);
  EXPECT_EQ(a.ended, 0);
}

TEST(MixerSounds, TheEndIsToldOnce) {
  Room room;
  auto& a = room.join_with_sounds(1, kPcmu, 400, 0, kAsIs);
  a.sounds.play({.kind = SoundSpec::Kind::kTone, .hertz = 600, .length = 300ms});
  room.run(100);
  EXPECT_EQ(a.ended, 1);
  EXPECT_TRUE(a.sounds.idle());
}

TEST(MixerSounds, OneApartHearsHisSoundAlone) {
  for (const auto codec : {kOpus, kPcmu, kG722}) {
    Room room;
    room.join(1, kOpus, 400);
    auto& b = room.join_with_sounds(2, codec, 700, 6000, kApart);
    room.run(50);
    EXPECT_TRUE(b.timestamps.empty());              // nothing reaches him
    EXPECT_LT(room.hears(1, 2), 100);               // nor anybody from him
    EXPECT_EQ(room.talk.size(), 1U);                // and nobody is told that he talks
    b.sounds.play({.kind = SoundSpec::Kind::kTone, .hertz = 1500, .length = 2s});
    room.run(20);
    room.forget();
    room.run(50);
    EXPECT_NEAR(hears_hertz(b, 1500), 5100, 800);
    EXPECT_LT(room.hears(2, 1), 100);
    EXPECT_LT(room.hears(2, 2), 100);
    room.run(100);
    EXPECT_EQ(b.ended, 1);
    const auto sent = b.timestamps.size();
    room.run(50);
    EXPECT_EQ(b.timestamps.size(), sent);
    // Then he joins.
    auto audio = Room::audio_of(codec);
    audio.sounds = &b.sounds;
    room.mixer.update(2, audio);
    room.run(50);
    room.forget();
    room.run(50);
    EXPECT_NEAR(room.hears(2, 1), 6000, 1200);
    EXPECT_NEAR(room.hears(1, 2), 6000, 1200);
    for (std::size_t i = 1; i < b.timestamps.size(); ++i) EXPECT_GT(b.timestamps[i], b.timestamps[i - 1]);
    EXPECT_EQ(b.markers, 2);
  }
}

TEST(MixerSounds, RingbacksPauseIsSentAsSilence) {
  Room room;
  auto& a = room.join_with_sounds(1, kPcmu, 400, 0, kApart);
  a.sounds.play({.kind = SoundSpec::Kind::kRingback});
  room.run(250);
  EXPECT_EQ(a.timestamps.size(), 250U);
  EXPECT_GT(a.silent, 150);
  EXPECT_NEAR(amplitude_at(std::span(a.heard).subspan(800, 6400), 425, 8000), 5100, 500);
  EXPECT_LT(rms(std::span(a.heard).subspan(9000, 30000)), 5);
}

TEST(MixerSounds, AnEchoIsHeardByTheOneWhoSpeaks) {
  for (const bool apart : {false, true}) {
    for (const auto codec : {kOpus, kPcmu, kG722}) {
      Room room;
      auto& a = room.join_with_sounds(1, codec, 600, 6000, [&](ParticipantAudio& audio) { audio.apart = apart; });
      a.sounds.set_echo(true);
      room.run(50);
      room.forget();
      room.run(50);
      EXPECT_NEAR(room.hears(1, 1), 6000, 1200) << apart;
      a.sounds.set_echo(false);
      room.run(50);
      room.forget();
      room.run(50);
      EXPECT_LT(rms(a.heard), 20) << apart;
    }
  }
}

// RFC 4733 2.5.1
TEST(MixerSounds, DigitsGoAsEventsInPlaceOfAudio) {
  for (const auto codec : {kOpus, kPcma}) {
    Room room;
    auto& a = room.join_with_sounds(1, codec, 400, 6000, [&](ParticipantAudio& audio) {
      audio.event_out = 97;
      audio.event_clock = clock_rate(codec);
    });
    auto& b = room.join(2, kPcmu, 900);
    room.run(25);
    a.sounds.dtmf().queue("42");
    const auto before = a.timestamps.size();
    room.run(16);
    EXPECT_EQ(a.timestamps.size(), before);           // no audio between
    ASSERT_EQ(a.events.size(), 14U);
    for (const auto& e : a.events) EXPECT_EQ(e.payload_type, 97);
    const auto tick = clock_rate(codec) / 50;
    EXPECT_EQ(a.events[0].timestamp, a.timestamps.back() + tick);
    EXPECT_EQ(a.events[6].timestamp, a.events[0].timestamp);
    EXPECT_EQ(a.events[7].timestamp, a.events[0].timestamp + 8 * tick);
    room.forget();
    room.run(20);
    EXPECT_EQ(a.timestamps.size(), before + 20);
    EXPECT_EQ(a.timestamps[before], a.timestamps[before - 1] + 17 * tick);
    EXPECT_GT(rms(b.heard), 3000);                    // to whom nothing of it comes
    DtmfEvents events;
    std::string digits;
    std::uint16_t seq = 0;
    for (const auto& e : a.events) {
      if (const auto d = events.push({.payload_type = 97, .marker = e.marker, .seq = seq++, .timestamp = e.timestamp, .ssrc = 1, .payload = e.payload})) digits += *d;
    }
    EXPECT_EQ(digits, "42");
  }
}

TEST(MixerSounds, DigitsGoAsTonesWhereEventsAreNotAgreed) {
  Room room;
  auto& a = room.join_with_sounds(1, kPcmu, 400, 0, kAsIs);
  room.join(2, kPcmu, 500);
  // What he hears is sent in by another, whose sound is searched.
  auto audio = Room::audio_of(kPcmu);
  audio.telephone_event = ParticipantAudio::kNone;
  audio.detect_tones = true;
  Room other;
  other.join(7, kPcmu, 1, 0);
  other.mixer.update(7, audio);
  a.sounds.dtmf().queue("19#");
  std::uint16_t seq = 1;
  for (int i = 0; i < 40; ++i) {
    a.heard.clear();
    room.step();
    base::Bytes payload(a.heard.size());
    g711::encode(kPcmu, a.heard, payload);
    const AudioPacket packet{.payload_type = 0, .seq = seq, .timestamp = seq * 160U, .ssrc = 5, .payload = payload};
    ++seq;
    if (i % 2 == 0) other.mixer.push(7, packet, other.now);
    else other.mixer.observe(7, packet, other.now);
    other.step();
  }
  EXPECT_EQ(other.digits, "19#");
  EXPECT_TRUE(a.events.empty());
}

TEST(MixerSounds, TonesInOpusAndG722AreFoundToo) {
  for (const auto codec : {kOpus, kG722}) {
    Room sender;
    auto& a = sender.join_with_sounds(1, codec, 400, 0, kApart);
    Room room;
    auto audio = Room::audio_of(codec);
    audio.detect_tones = true;
    room.join(1, codec, 1, 0);
    room.mixer.update(1, audio);
    G722Encoder g722;
    OpusMonoEncoder opus;
    a.sounds.dtmf().queue("73");
    for (std::uint16_t seq = 1; seq < 40; ++seq) {
      a.heard.clear();
      sender.step();
      std::vector<std::int16_t> pcm = a.heard;
      pcm.resize(static_cast<std::size_t>(a.rate()) / 50);
      base::Bytes payload(1275);
      payload.resize(codec == kOpus ? opus.encode(pcm, payload) : g722.encode(pcm, payload));
      room.mixer.push(1, {.payload_type = Room::number(codec), .seq = seq, .timestamp = seq * clock_rate(codec) / 50, .ssrc = 5, .payload = payload}, room.now);
      room.step();
    }
    EXPECT_EQ(room.digits, "73");
  }
}

TEST(MixerSounds, WatchingTellsTalkAndDigitsWithoutSound) {
  Room room;
  auto& a = room.join(1, kPcmu, 400);
  auto& b = room.join(2, kOpus, 400, 0);
  room.run(5);
  room.mixer.rest();
  const auto decoded = room.mixer.counters().decoded;
  for (std::uint16_t seq = 500; seq < 600; ++seq) {
    base::Bytes payload(160);
    g711::encode(kPcmu, a.tone.next(160), payload);
    room.mixer.observe(1, {.payload_type = 0, .seq = seq, .timestamp = seq * 160U, .ssrc = 1, .payload = payload}, room.now);
    payload[0] = 0xf8;   // one frame of 20 ms
    room.mixer.observe(2, {.payload_type = 111, .seq = seq, .timestamp = seq * 960U, .ssrc = 2, .payload = base::ByteView(payload).first(40), .audio_level = 20}, room.now);
    if (seq % 5 == 0) room.mixer.watch(room.now);
    room.now += 20ms;
  }
  EXPECT_EQ(room.talk, (std::vector<std::pair<ParticipantId, bool>>{{1, true}, {2, true}}));
  EXPECT_EQ(room.speakers.size(), 1U);
  EXPECT_EQ(room.mixer.counters().decoded, decoded);
  for (int i = 0; i < 30; ++i) room.mixer.watch(room.now += 100ms);
  EXPECT_EQ(room.talk.size(), 4U);
  // And mixing goes on from there.
  b.heard.clear();
  room.run(50);
  EXPECT_GT(room.hears(2, 1), 3000);
}
