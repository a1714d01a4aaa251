// Sounds by the media engine: files are read elsewhere, ends are told, a later call overtakes an earlier one. Real threads.
#include <gtest/gtest.h>
#include <sndfile.h>

#include <atomic>
#include <thread>

#include "media/g711.hpp"
#include "rtp/packet.hpp"
#include "runtime/media_pool.hpp"
#include "runtime/sound_loader.hpp"
#include "support/audio_tones.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;

base::SocketAddress loopback() { return *base::SocketAddress::parse("127.0.0.1", 0); }

bool soon(const std::function<bool()>& done, base::Duration limit = 10s) {
  for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(5ms)) {
    if (done()) return true;
  }
  return done();
}

std::string write_tone(const std::string& path, double seconds, double hertz) {
  SF_INFO info{.frames = 0, .samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16, .sections = 0, .seekable = 0};
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  test_support::Tone tone(hertz, 8000, 16000);
  const auto pcm = tone.next(static_cast<std::size_t>(seconds * 16000));
  sf_writef_short(file, pcm.data(), static_cast<sf_count_t>(pcm.size()));
  sf_close(file);
  return path;
}

struct Events final : bridge::MediaEvents {
  std::atomic<int> played{0}, failed{0};
  void on_media_connected(bridge::LegId) override {}
  void on_media_failed(bridge::LegId, std::string_view) override {}
  void on_media_lost(bridge::LegId) override {}
  void on_talking(bridge::LegId, bool) override {}
  void on_dtmf(bridge::LegId, char) override {}
  void on_sound_ended(bridge::LegId, bool ok) override { ++(ok ? played : failed); }
};

// One phone that has not joined.
struct Sounds : testing::Test {
  const test::TemporaryDirectory folder;
  Events events;
  runtime::Shard shard{"test"};
  std::unique_ptr<runtime::MediaPool> pool;
  net::UdpSocket phone = *net::UdpSocket::bind(loopback());
  net::ReceiveBatch batch;
  std::vector<std::int16_t> sound;
  const bridge::LegId leg{5};

  void SetUp() override {
    pool = *runtime::MediaPool::start({.addresses = {}, .bind = {}, .external = {}, .threads = 2}, shard);
    on_shard([this] {
      pool->set_events(events);
      const auto bridge = pool->create_bridge({});
      ASSERT_TRUE(pool->create_rtp_leg(leg, bridge, phone.local()));
      bridge::LegMedia media;
      media.negotiated.rtp = phone.local();
      sdp::Section section;
      section.active = true;
      section.kind = sdp::MediaKind::kAudio;
      section.role = sdp::Role::kOwnAudio;
      section.direction = sdp::Direction::kSendRecv;
      section.ssrc = 9;
      section.codecs = {{.name = "PCMU", .clock_rate = 8000, .fmtp = {}, .rtx_payload_type = {}, .rtx_receive_payload_type = {}}};
      media.negotiated.sections = {section};
      pool->configure(leg, media);
    });
  }
  void TearDown() override {
    shard.stop();
    pool.reset();
  }
  void on_shard(const std::function<void()>& work) {
    std::atomic<bool> done{false};
    shard.post([&] {
      work();
      done = true;
    });
    ASSERT_TRUE(soon([&] { return done.load(); }));
  }
  void play(const bridge::Sound& what) {
    on_shard([&] { pool->play(leg, what); });
  }
  void listen() {
    while (const auto count = batch.receive(phone.fd())) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto packet = rtp::PacketView::parse(batch.data(i));
        std::vector<std::int16_t> pcm(packet->payload().size());
        media::g711::decode(media::AudioCodec::kPcmu, packet->payload(), pcm);
        sound.insert(sound.end(), pcm.begin(), pcm.end());
      }
    }
  }
};

}  // namespace

TEST_F(Sounds, AFileIsHeardToItsEnd) {
  play({.kind = bridge::Sound::Kind::kFile, .file = write_tone(folder.path("a.wav"), 1, 600), .loop = false});
  ASSERT_TRUE(soon([&] { return listen(), events.played == 1; }));
  EXPECT_EQ(events.failed, 0);
  ASSERT_GT(sound.size(), 7000U);
  EXPECT_NEAR(test_support::amplitude_at(std::span(sound).first(7000), 600, 8000), 8000, 1200);
}

TEST_F(Sounds, WhatIsNotThereIsToldSo) {
  play({.kind = bridge::Sound::Kind::kFile, .file = folder.path("none.wav")});
  EXPECT_TRUE(soon([&] { return events.failed == 1; }));
  play({.kind = bridge::Sound::Kind::kFile, .file = folder.write("text.wav", "no sound")});
  EXPECT_TRUE(soon([&] { return events.failed == 2; }));
  play({.kind = bridge::Sound::Kind::kFile, .file = ""});
  EXPECT_TRUE(soon([&] { return events.failed == 3; }));
  EXPECT_EQ(events.played, 0);
}

TEST_F(Sounds, WhatIsReplacedOrStoppedEndsSilently) {
  const auto file = write_tone(folder.path("a.wav"), 0.2, 600);
  on_shard([&] {
    pool->play(leg, {.kind = bridge::Sound::Kind::kFile, .file = file, .loop = false});
    pool->play(leg, {.kind = bridge::Sound::Kind::kFile, .file = folder.path("none.wav")});
    pool->play(leg, {.kind = bridge::Sound::Kind::kTone, .hertz = 1000, .file = {}, .length = 300ms});
  });
  EXPECT_TRUE(soon([&] { return events.played == 1; }));
  on_shard([&] {
    pool->play(leg, {.kind = bridge::Sound::Kind::kTone, .hertz = 1000, .file = {}, .length = 100ms});
    pool->stop_sound(leg);
    pool->play(bridge::LegId{99}, {.kind = bridge::Sound::Kind::kRingback, .file = {}});
  });
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(events.played, 1);
  EXPECT_EQ(events.failed, 0);
}

TEST_F(Sounds, TheBuiltInMusicIsHeard) {
  play({.kind = bridge::Sound::Kind::kMusic, .file = {}});
  EXPECT_TRUE(soon([&] { return listen(), sound.size() > 3 * 8000; }, 20s));
  EXPECT_GT(test_support::rms(std::span(sound).last(8000)), 200);
  on_shard([&] { pool->remove_leg(leg); });
}

TEST(SoundLoader, WhatIsKeptIsBoundedAndChangesAreSeen) {
  const test::TemporaryDirectory folder;
  runtime::SoundLoader loader(250'000);     // two and a half seconds
  const auto load = [&](const std::string& path) {
    std::atomic<bool> done{false};
    base::Result<media::SoundClip> result = media::SoundClip{};
    EXPECT_TRUE(loader.load(path, [&](base::Result<media::SoundClip> clip) {
      result = std::move(clip);
      done = true;
    }));
    EXPECT_TRUE(soon([&] { return done.load(); }));
    return result;
  };
  const auto a = write_tone(folder.path("a.wav"), 1, 500), b = write_tone(folder.path("b.wav"), 1, 600), c = write_tone(folder.path("c.wav"), 1, 700);
  auto first = load(a);
  ASSERT_TRUE(first);
  const auto* address = first->get();
  EXPECT_EQ(load(a)->get(), address);       // read once
  auto second = load(b);
  EXPECT_FALSE(load(c));                    // both are being heard
  first = media::SoundClip{};
  EXPECT_TRUE(load(c));
  EXPECT_TRUE(load(b));
  const auto* old = second->get();
  write_tone(folder.path("b.wav"), 0.5, 900);
  const auto changed = load(b);
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->get(), old);
  EXPECT_NEAR(static_cast<double>((*changed)->size()), 24'000, 500);
  const auto broken = folder.write("broken.wav", "no sound");
  EXPECT_FALSE(load(broken));
  EXPECT_FALSE(load(broken));               // not tried again
  write_tone(broken, 0.1, 900);
  EXPECT_TRUE(load(broken));                // until it is another
}
