// A call of two that speak the same codec: relayed as it comes, mixed where more is asked of it, and back, without a seam in the
// numbering. And the sounds that a leg alone hears. In virtual time, the phones on loopback.
#include <gtest/gtest.h>

#include "media/dtmf_detector.hpp"
#include "media/dtmf_events.hpp"
#include "media/g711.hpp"
#include "media/resampler.hpp"
#include "rtp/packet.hpp"
#include "runtime/media_bridge.hpp"
#include "support/audio_tones.hpp"

using namespace runtime;
using namespace std::chrono_literals;

namespace {

net::UdpSocket bound() { return *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)); }

struct Host final : MediaLegHost, MediaBridgeHost, media::ForwardSink {
  net::UdpSocket socket = bound();
  MediaOutput out{socket};
  std::string digits;
  std::vector<std::pair<std::uint64_t, bool>> talk;
  std::vector<std::uint64_t> ended;
  MediaOutput& output() override { return out; }
  bool send_tcp(const base::SocketAddress&, base::ByteView) override { return false; }
  media::ForwardSink& forward_sink() override { return *this; }
  void on_leg_connected(MediaLeg&) override {}
  void on_leg_failed(MediaLeg&, std::string_view) override {}
  void poll_soon() override {}
  void on_talking(bridge::LegId leg, bool talking) override { talk.emplace_back(leg.value, talking); }
  void on_digit(bridge::LegId, char digit) override { digits += digit; }
  void on_sound_ended(bridge::LegId, std::uint64_t serial) override { ended.push_back(serial); }
  void emit(media::VideoWatcher&, base::ByteView, base::ByteView) override {}
};

struct Packet {
  std::uint8_t payload_type;
  bool marker;
  std::uint16_t sequence;
  std::uint32_t timestamp, ssrc;
  base::Bytes payload;
};

// A phone and the leg that stands for it.
struct Phone {
  net::UdpSocket socket = bound();
  MediaLeg leg;
  bridge::LegMedia media;
  net::ReceiveBatch batch;
  std::uint16_t sequence;
  std::uint32_t timestamp, ssrc;
  std::uint8_t payload_type = 0;
  test_support::Tone tone;
  std::vector<Packet> heard;
  std::vector<std::int16_t> sound;

  Phone(std::uint64_t id, MediaBridge& bridge, Host& host, std::string_view codec, double hertz, bool events)
      : leg({id}, bridge, host, {bound(), {}}), sequence(static_cast<std::uint16_t>(id * 20'000)), timestamp(static_cast<std::uint32_t>(id * 1'000'000)),
        ssrc(static_cast<std::uint32_t>(id * 100)), tone(hertz, 8000, 8000) {
    payload_type = codec == "PCMU" ? 0 : 8;
    media.negotiated.rtp = socket.local();
    sdp::Section section;
    section.active = true;
    section.kind = sdp::MediaKind::kAudio;
    section.role = sdp::Role::kOwnAudio;
    section.direction = sdp::Direction::kSendRecv;
    section.ssrc = static_cast<std::uint32_t>(id);
    sdp::Codec c;
    c.name = codec, c.clock_rate = 8000, c.payload_type = c.receive_payload_type = payload_type;
    section.codecs = {c};
    if (events) {
      c.name = "telephone-event";
      c.payload_type = c.receive_payload_type = static_cast<std::uint8_t>(100 + id);
      section.telephone_events = {c};
    }
    media.negotiated.sections = {section};
    bridge.add(leg);
  }
  media::AudioCodec codec() const { return payload_type == 0 ? media::AudioCodec::kPcmu : media::AudioCodec::kPcma; }
  void send(std::uint8_t type, std::uint32_t at, base::ByteView payload, base::TimePoint now, bool marker = false) {
    std::array<std::uint8_t, 400> packet;
    const auto size = rtp::write_packet(packet, {.payload_type = type, .marker = marker, .sequence = sequence++, .timestamp = at, .ssrc = ssrc}, payload);
    leg.on_plain_rtp(base::MutableByteView(packet).first(size), socket.local(), now);
  }
  void speak(base::TimePoint now) {
    base::Bytes payload(160);
    media::g711::encode(codec(), tone.next(160), payload);
    send(payload_type, timestamp, payload, now);
    timestamp += 160;
  }
  void listen() {
    while (const auto count = batch.receive(socket.fd())) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto p = rtp::PacketView::parse(batch.data(i));
        ASSERT_TRUE(p);
        const auto payload = p->payload();
        heard.push_back({p->payload_type(), p->marker(), p->sequence(), p->timestamp(), p->ssrc(), {payload.begin(), payload.end()}});
        if (p->payload_type() != payload_type) continue;
        std::vector<std::int16_t> pcm(payload.size());
        media::g711::decode(codec(), payload, pcm);
        sound.insert(sound.end(), pcm.begin(), pcm.end());
      }
    }
  }
  double hears(double hertz) const { return test_support::amplitude_at(sound, hertz, 8000); }
  // Sequence without a gap, the clock never back and never far ahead.
  void expect_whole_stream() const {
    for (std::size_t i = 1; i < heard.size(); ++i) {
      EXPECT_EQ(static_cast<std::uint16_t>(heard[i].sequence - heard[i - 1].sequence), 1) << i;
      EXPECT_EQ(heard[i].ssrc, heard[0].ssrc);
      const auto step = static_cast<std::int32_t>(heard[i].timestamp - heard[i - 1].timestamp);
      if (heard[i].payload_type == payload_type) {
        EXPECT_GT(step, 0) << i;
        EXPECT_LE(step, 1600) << i;
      }
    }
  }
};

struct Call : testing::Test {
  base::TimePoint now{1h};
  Host host;
  MediaBridge bridge{{}, host};
  std::unique_ptr<Phone> a, b;
  bool a_speaks = true, b_speaks = true;

  void begin(std::string_view codec_a, std::string_view codec_b, bool events_a = true, bool events_b = true) {
    a = std::make_unique<Phone>(1, bridge, host, codec_a, 500, events_a);
    b = std::make_unique<Phone>(2, bridge, host, codec_b, 900, events_b);
    for (auto* p : {a.get(), b.get()}) {
      p->leg.configure(p->media, now);
      p->leg.join(now);
    }
    bridge.rewire(now);
  }
  void run(int packets) {
    for (int i = 0; i < packets; ++i) {
      if (a_speaks) a->speak(now);
      now += 7ms;
      bridge.run(now);
      if (b_speaks) b->speak(now);
      now += 13ms;
      bridge.run(now);
      a->listen();
      b->listen();
    }
  }
  void forget() {
    a->sound.clear();
    b->sound.clear();
    a->heard.clear();
    b->heard.clear();
  }
};

}  // namespace

TEST_F(Call, OfOneCodecIsRelayedOctetByOctet) {
  begin("PCMU", "PCMU");
  run(10);
  ASSERT_TRUE(bridge.relaying());
  const auto decoded = bridge.mixer().counters().decoded;
  forget();
  run(100);
  EXPECT_EQ(bridge.mixer().counters().decoded, decoded);
  EXPECT_EQ(b->heard.size(), 100U);
  EXPECT_EQ(a->heard.size(), 100U);
  EXPECT_NEAR(b->hears(500), 8000, 300);
  EXPECT_NEAR(a->hears(900), 8000, 300);
  EXPECT_EQ(b->heard[0].ssrc, 2U);        // a number of its own in each stream
  a->expect_whole_stream();
  b->expect_whole_stream();
  EXPECT_EQ(b->heard[99].timestamp - b->heard[0].timestamp, 99U * 160);
}

TEST_F(Call, OfTwoCodecsIsMixed) {
  begin("PCMU", "PCMA");
  run(100);
  EXPECT_FALSE(bridge.relaying());
  EXPECT_NEAR(b->hears(500), 8000, 1500);
  EXPECT_NEAR(a->hears(900), 8000, 1500);
}

TEST_F(Call, GoesFromRelayedToMixedAndBackWithoutASeam) {
  begin("PCMA", "PCMA");
  run(20);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(bridge.relaying());
    a->leg.set_muted(true);
    EXPECT_FALSE(bridge.relaying());
    run(25);
    EXPECT_FALSE(bridge.relaying());
    a->leg.set_muted(false);
    run(20);
  }
  EXPECT_TRUE(bridge.relaying());
  a->expect_whole_stream();
  b->expect_whole_stream();
  std::size_t markers = 0;
  for (const auto& p : b->heard) markers += p.marker;
  EXPECT_GE(markers, 6U);
  EXPECT_LE(markers, 9U);
}

TEST_F(Call, AThirdWhoJoinsEndsIt) {
  begin("PCMU", "PCMU");
  run(10);
  Phone c(3, bridge, host, "PCMU", 1500, true);
  c.leg.configure(c.media, now);
  run(5);
  EXPECT_TRUE(bridge.relaying());          // it is only being called
  c.leg.join(now);
  bridge.rewire(now);
  for (int i = 0; i < 50; ++i) {
    c.speak(now);
    run(1);
    if (i == 20) forget();
  }
  EXPECT_FALSE(bridge.relaying());
  EXPECT_NEAR(a->hears(900), 8000, 1500);
  EXPECT_NEAR(a->hears(1500), 8000, 1500);
  c.leg.leave();
  run(10);
  EXPECT_TRUE(bridge.relaying());
  a->expect_whole_stream();
}

TEST_F(Call, HoldIsNoRelay) {
  begin("PCMU", "PCMU");
  run(10);
  auto held = b->media;
  held.negotiated.sections[0].direction = sdp::Direction::kInactive;
  b->leg.configure(held, now);
  run(2);
  EXPECT_FALSE(bridge.relaying());
  forget();
  run(20);
  EXPECT_TRUE(b->heard.empty());
  EXPECT_EQ(a->heard.size(), 20U);         // silence
  b->leg.configure(b->media, now);
  run(10);
  EXPECT_TRUE(bridge.relaying());
}

TEST_F(Call, WhoFallsSilentAltogetherIsStoodInFor) {
  begin("PCMU", "PCMU");
  run(10);
  b_speaks = false;
  run(20);
  EXPECT_TRUE(bridge.relaying());          // a pause
  run(60);
  EXPECT_FALSE(bridge.relaying());
  forget();
  run(20);
  EXPECT_EQ(a->heard.size(), 20U);
  EXPECT_NEAR(b->hears(500), 8000, 1500);
  b_speaks = true;
  run(10);
  EXPECT_TRUE(bridge.relaying());
  a->expect_whole_stream();
}

// RFC 4733 2.5.1: a digit is told, and who is told says what becomes of it (a call passes it on, a room has a menu).
TEST_F(Call, DigitsAreToldAndNotPassedOn) {
  begin("PCMU", "PCMU", true, false);
  run(10);
  ASSERT_TRUE(bridge.relaying());
  for (int i = 0; i < 8; ++i) {
    const auto event = *media::write_telephone_event({.digit = '7', .end = i >= 5, .duration = static_cast<std::uint16_t>(160 * (i + 1))});
    a->send(101, a->timestamp, event, now, i == 0);
    now += 20ms;
    b->speak(now);
  }
  a->timestamp += 8 * 160;
  EXPECT_TRUE(bridge.relaying());
  EXPECT_EQ(host.digits, "7");
  run(10);
  for (const auto& p : b->heard) EXPECT_EQ(p.payload_type, 0);
  b->expect_whole_stream();
}

TEST_F(Call, DigitsInTheSoundAreFoundWhereEventsAreNotAgreed) {
  begin("PCMU", "PCMU", false, true);
  run(10);
  ASSERT_TRUE(bridge.relaying());
  media::DtmfSender keys;
  keys.queue("3#");
  media::Downsampler narrow;
  const auto press = [&] {
    std::array<float, 960> wide;
    std::array<std::int16_t, 160> pcm;
    base::Bytes payload(160);
    keys.tone(wide);
    narrow.process(wide, pcm);
    media::g711::encode(media::AudioCodec::kPcmu, pcm, payload);
    a->send(0, a->timestamp, payload, now);
    a->timestamp += 160;
    b->speak(now);
    now += 20ms;
    bridge.run(now);
  };
  while (!keys.idle()) press();
  EXPECT_EQ(host.digits, "3#");
  EXPECT_TRUE(bridge.relaying());
  // Mixed, a digit that was found is heard no longer.
  a->leg.play({.kind = media::SoundSpec::Kind::kTone, .hertz = 1300}, 1);
  for (int i = 0; i < 20; ++i) press();
  b->listen();
  b->sound.clear();
  keys.queue("5");
  while (!keys.idle()) press();
  for (int i = 0; i < 5; ++i) press();
  b->listen();
  EXPECT_EQ(host.digits, "3#5");
  EXPECT_FALSE(bridge.relaying());
  media::DtmfDetector other;
  EXPECT_EQ(other.push(b->sound), "");
}

TEST_F(Call, LossAndDisorderArePassedOn) {
  begin("PCMU", "PCMU");
  run(10);
  ASSERT_TRUE(bridge.relaying());
  forget();
  const auto first = a->sequence;
  base::Bytes payload(160, 0x55);
  for (const int k : {0, 1, 3, 2, 6, 5, 9}) {
    a->sequence = static_cast<std::uint16_t>(first + k);
    payload[0] = static_cast<std::uint8_t>(k);
    a->send(0, a->timestamp + static_cast<std::uint32_t>(k) * 160, payload, now);
  }
  b->listen();
  ASSERT_EQ(b->heard.size(), 7U);
  for (const auto& p : b->heard) {
    EXPECT_EQ(static_cast<std::uint16_t>(p.sequence - b->heard[0].sequence), p.payload[0]);
    EXPECT_EQ(p.timestamp - b->heard[0].timestamp, p.payload[0] * 160U);
  }
}

TEST_F(Call, ANewSourceGoesOnInTheSameStream) {
  begin("PCMU", "PCMU");
  run(20);
  b->heard.clear();
  a->ssrc = 4711;
  a->sequence = 60'000;
  a->timestamp = 5;
  run(20);
  a->sequence = 10;                        // and a jump
  run(20);
  b->expect_whole_stream();
  EXPECT_TRUE(bridge.relaying());
}

TEST_F(Call, ThousandsOfPacketsPassTheWrap) {
  begin("PCMU", "PCMU");
  run(10);
  b->heard.clear();
  base::Bytes payload(160, 0xff);
  for (int i = 0; i < 70'000; ++i) {
    a->send(0, a->timestamp, payload, now);
    a->timestamp += 160;
    now += 4ms;
    if (i % 100 == 0) {
      b->speak(now);
      b->listen();
    }
  }
  b->listen();
  EXPECT_EQ(b->heard.size(), 70'000U);
  b->expect_whole_stream();
}

TEST_F(Call, AFloodIsNotPassedOn) {
  begin("PCMU", "PCMU");
  run(10);
  b->heard.clear();
  base::Bytes payload(160, 0x10);
  for (int i = 0; i < 3000; ++i) {
    a->send(0, a->timestamp, payload, now);
    a->timestamp += 160;
    if (i % 3 != 0) continue;
    now += 1ms;
    bridge.run(now);
    b->listen();
  }
  EXPECT_FALSE(bridge.relaying());
  EXPECT_LT(b->heard.size(), 600U);
}

TEST_F(Call, AnotherCodecThanAgreedIsMixed) {
  begin("PCMU", "PCMU");
  sdp::Codec alaw = a->media.negotiated.sections[0].codecs[0];
  alaw.name = "PCMA";
  alaw.payload_type = alaw.receive_payload_type = 8;
  a->media.negotiated.sections[0].codecs.push_back(alaw);
  a->leg.configure(a->media, now);
  run(20);
  ASSERT_TRUE(bridge.relaying());
  a->payload_type = 8;
  b->heard.clear();
  run(50);
  EXPECT_FALSE(bridge.relaying());
  EXPECT_NEAR(b->hears(500), 8000, 1500);
  b->expect_whole_stream();
}

TEST_F(Call, TalkingIsToldOfRelayedSound) {
  begin("PCMU", "PCMU");
  run(50);
  EXPECT_TRUE(bridge.relaying());
  EXPECT_EQ(host.talk.size(), 2U);
  a_speaks = false;
  run(40);
  EXPECT_EQ(host.talk.size(), 2U);
  run(160);
  ASSERT_EQ(host.talk.size(), 3U);
  EXPECT_EQ(host.talk[2], (std::pair<std::uint64_t, bool>{1, false}));
}

TEST_F(Call, ASoundIsHeardBesideTheOtherAndItsEndTold) {
  begin("PCMU", "PCMU");
  run(10);
  a->leg.play({.kind = media::SoundSpec::Kind::kTone, .hertz = 1300, .length = 500ms}, 77);
  EXPECT_FALSE(bridge.relaying());
  run(5);
  forget();
  run(15);
  EXPECT_NEAR(a->hears(1300), 5100, 1500);
  EXPECT_GT(a->hears(900), 4000);
  EXPECT_LT(b->hears(1300), 100);
  run(20);
  EXPECT_EQ(host.ended, (std::vector<std::uint64_t>{77}));
  EXPECT_TRUE(bridge.relaying());
  a->expect_whole_stream();
}

TEST_F(Call, OneWhoHasNotJoinedHearsItsSoundAndNobodyHearsIt) {
  begin("PCMU", "PCMU");
  Phone c(3, bridge, host, "PCMA", 1500, true);
  c.leg.play({.kind = media::SoundSpec::Kind::kRingback}, 1);     // before anything is agreed
  c.leg.configure(c.media, now);
  bridge.rewire(now);
  for (int i = 0; i < 40; ++i) {
    c.speak(now);
    run(1);
    c.listen();
  }
  EXPECT_NEAR(c.hears(425), 5100, 800);
  EXPECT_LT(c.hears(500), 100);
  EXPECT_LT(a->hears(1500), 100);
  c.leg.stop_sound();
  run(30);
  c.listen();
  c.heard.clear();
  run(20);
  c.listen();
  EXPECT_TRUE(c.heard.empty());
  c.leg.join(now);
  bridge.rewire(now);
  c.sound.clear();
  for (int i = 0; i < 40; ++i) {
    c.speak(now);
    run(1);
    c.listen();
  }
  EXPECT_GT(c.hears(500), 4000);
}

TEST_F(Call, DigitsToAPhoneGoAsEventsAndTheRelayGoesOnBehindThem) {
  begin("PCMU", "PCMU");
  run(10);
  b->leg.send_dtmf("18");
  b->heard.clear();
  run(16);
  std::size_t events = 0;
  for (const auto& p : b->heard) events += p.payload_type == 102;
  EXPECT_EQ(events, 14U);
  run(20);
  EXPECT_TRUE(bridge.relaying());
  b->expect_whole_stream();
}

TEST_F(Call, AnEchoIsHeardByOneAlone) {
  begin("PCMU", "PCMU");
  b->leg.leave();
  a->leg.set_echo(true);
  for (int i = 0; i < 100; ++i) {
    a->speak(now);
    now += 20ms;
    bridge.run(now);
    a->listen();
    if (i == 50) forget();
  }
  EXPECT_NEAR(a->hears(500), 8000, 1500);
  a->leg.set_echo(false);
}
