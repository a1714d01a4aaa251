// Loss, reordering and duplicates on both ways, in virtual time.
#include <gtest/gtest.h>

#include "support/video_forwarding.hpp"

namespace media {
namespace {

using namespace support;

// Packets on their way, each with its time of arrival.
class Line {
 public:
  Line(std::uint32_t loss, std::uint64_t seed) : loss_(loss), random_(seed) {}
  void send(base::Bytes bytes, std::int64_t ms) {
    if (random_.percent(loss_)) return;
    const std::int64_t delay = 20 + (loss_ != 0 && random_.percent(5) ? random_.below(15) : 0);
    if (loss_ != 0 && random_.percent(2)) queue_.emplace(ms + delay + 3, bytes);
    queue_.emplace(ms + delay, std::move(bytes));
  }
  template <typename Fn>
  void arrive(std::int64_t ms, Fn&& fn) {
    while (!queue_.empty() && queue_.begin()->first <= ms) {
      const auto node = queue_.extract(queue_.begin());
      fn(node.mapped());
    }
  }

 private:
  std::uint32_t loss_;
  TestRandom random_;
  std::multimap<std::int64_t, base::Bytes> queue_;
};

struct Outcome {
  std::size_t got = 0;
  std::size_t missing = 0;
  int plis = 0;
  int by_rtx = 0;
  std::uint64_t recovered = 0;
  base::Duration worst{};
};

// 20 s of video from one camera to one viewer, `loss` percent lost on each of the four ways.
Outcome run(std::uint32_t loss, bool rtx) {
  Camera camera;
  VideoSource source(camera_config());
  LegRtcp publisher({.ssrc = 1, .cname = "parley"});
  publisher.add_source(source);
  LegRtcp receiver({.ssrc = 2, .cname = "parley"});
  auto config = watcher_config(5000);
  if (!rtx) config.rtx_ssrc = 0;
  VideoWatcher watcher(config);
  receiver.add_watcher(watcher);
  Viewer viewer;
  RecordingSink sink;
  Line camera_up(loss, 1), camera_down(loss, 2), viewer_down(loss, 3), viewer_up(loss, 4);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  std::map<std::uint32_t, std::int64_t> sent_at;
  std::array<std::uint8_t, 1200> buffer;
  const auto flush = [&](std::int64_t ms) {
    for (auto& copy : sink.copies) viewer_down.send(std::move(copy.bytes), ms);
    sink.copies.clear();
  };
  for (std::int64_t ms = 0; ms < 22000; ms += 1) {
    if (ms % 33 == 0 && ms < 20000) {
      for (auto& packet : camera.frame(ms == 0)) camera_up.send(std::move(packet), ms);
      sent_at[camera.frames] = ms;
    }
    camera_up.arrive(ms, [&](const base::Bytes& bytes) {
      source.on_packet(*rtp::PacketView::parse(bytes), at_ms(ms), sink);
    });
    camera_down.arrive(ms, [&](const base::Bytes& bytes) {
      std::vector<std::uint16_t> nacked;
      camera.on_rtcp(bytes, nacked);
      for (const auto s : nacked) camera_up.send(*camera.rtx(s), ms);
    });
    viewer_up.arrive(ms, [&](const base::Bytes& bytes) { receiver.on_rtcp(bytes, at_ms(ms), sink); });
    flush(ms);
    viewer_down.arrive(ms, [&](const base::Bytes& bytes) { viewer.receive(bytes, at_ms(ms)); });
    if (ms % 5 != 0) continue;
    while (const std::size_t size = publisher.poll(at_ms(ms), wall_ms(ms), buffer)) {
      camera_down.send({buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)}, ms);
    }
    if (const std::size_t size = viewer.nack(at_ms(ms), 5000, buffer)) {
      viewer_up.send({buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)}, ms);
    }
    if (viewer.nacks.take_given_up()) {
      rtp::RtcpWriter writer(buffer);
      writer.pli(77, 5000);
      viewer_up.send({writer.bytes().begin(), writer.bytes().end()}, ms);
    }
  }
  Outcome outcome;
  outcome.plis = camera.plis;
  outcome.by_rtx = viewer.by_rtx;
  outcome.recovered = source.counters().recovered;
  const std::int64_t first = viewer.packets.begin()->first, last = viewer.packets.rbegin()->first;
  outcome.got = viewer.packets.size();
  outcome.missing = static_cast<std::size_t>(last - first + 1) - viewer.packets.size();
  // Each packet is in its place: in order of frame and part, with the camera's rhythm of timestamps.
  const auto& origin = viewer.packets.begin()->second;
  for (const auto& [s, got] : viewer.packets) {
    EXPECT_EQ((got.frame - origin.frame) * 3 + got.part - origin.part, static_cast<std::uint32_t>(s - first));
    EXPECT_EQ(got.timestamp - origin.timestamp, (got.frame - origin.frame) * 3000);
    EXPECT_EQ(got.marker, got.part == 2);
    outcome.worst = std::max(outcome.worst, got.at - at_ms(sent_at[got.frame]));
  }
  return outcome;
}

// Survival 27
TEST(ForwardRecovery, NothingIsLostWithoutLoss) {
  const auto outcome = run(0, true);
  EXPECT_EQ(outcome.missing, 0u);
  EXPECT_EQ(outcome.got, 607u * 3);
  EXPECT_EQ(outcome.by_rtx, 0);
  EXPECT_LE(outcome.worst, std::chrono::milliseconds(45));
}

class ForwardLoss : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(ForwardLoss, RepairedEndToEndByRtx) {  // RFC 4588, RFC 4585 6.2.1
  const auto outcome = run(GetParam(), true);
  EXPECT_GT(outcome.got, 600u * 3);
  EXPECT_LE(outcome.missing, 2u);
  EXPECT_GT(outcome.by_rtx, 0);
  EXPECT_GT(outcome.recovered, 0u);
  EXPECT_LT(outcome.worst, std::chrono::seconds(2));
  EXPECT_LE(outcome.plis, 6);
}
TEST_P(ForwardLoss, RepairedWithoutRtxToo) {
  const auto outcome = run(GetParam(), false);
  EXPECT_LE(outcome.missing, 2u);
  EXPECT_EQ(outcome.by_rtx, 0);
}
INSTANTIATE_TEST_SUITE_P(Percent, ForwardLoss, ::testing::Values(1, 5, 10, 20));

class NackFlood : public ::testing::Test {
 protected:
  NackFlood() {
    source.add_watcher(watcher, kVp8Map, at_ms(0));
    for (int i = 0; i < 100; ++i) {
      for (const auto& p : camera.frame(i == 0)) source.on_packet(*rtp::PacketView::parse(p), at_ms(i), sink);
    }
    first = sink.copies.front().view().sequence();
    sink.copies.clear();
  }
  void ask(std::uint16_t from, std::uint16_t count, std::int64_t ms) {
    base::Bytes control;
    for (unsigned at = 0; at < count; at += 17) {
      base::Bytes pair(4);
      base::store_be16(pair.data(), static_cast<std::uint16_t>(from + at));
      base::store_be16(pair.data() + 2, static_cast<std::uint16_t>(at + 17 <= count ? 0xFFFF : (1u << (count - at - 1)) - 1));
      control.insert(control.end(), pair.begin(), pair.end());
    }
    watcher.on_nack(control, at_ms(ms), sink);
  }
  Camera camera;
  RecordingSink sink;
  VideoSource source{camera_config()};
  VideoWatcher watcher{watcher_config(5000)};
  std::uint16_t first = 0;
};

TEST_F(NackFlood, TheSamePacketOncePerRoundTrip) {
  for (int i = 0; i < 30; ++i) ask(first, 5, 1000 + i);   // 30 ms, less than 4/5 of 50
  EXPECT_EQ(sink.copies.size(), 5u);
  ask(first, 5, 1050);
  EXPECT_EQ(sink.copies.size(), 10u);
  EXPECT_EQ(watcher.counters().nack_limited, 29u * 5);
  const auto view = sink.copies[0].view();
  EXPECT_EQ(view.ssrc(), 5001u);
  EXPECT_EQ(view.payload_type(), kOutRtxType);
  EXPECT_EQ(base::load_be16(view.payload().data()), first);
  EXPECT_EQ(static_cast<std::uint16_t>(view.sequence() + 1), sink.copies[1].view().sequence());
}

TEST_F(NackFlood, AFloodIsHeldToTheRate) {
  for (int ms = 0; ms < 5000; ms += 5) ask(first, 300, 1000 + ms);
  // 400 at once and 800 a second.
  EXPECT_LE(sink.copies.size(), 400u + 800 * 5 + 10);
  EXPECT_GE(sink.copies.size(), 3000u);
}

TEST_F(NackFlood, WhatWasNeverSentIsNotAnswered) {
  ask(static_cast<std::uint16_t>(first - 200), 200, 1000);
  ask(static_cast<std::uint16_t>(first + 300), 500, 1000);
  EXPECT_TRUE(sink.copies.empty());
  EXPECT_EQ(watcher.counters().nack_unknown, 700u);
}

TEST_F(NackFlood, WhatBelongsToAnEarlierSourceIsNotAnswered) {
  VideoSource other(camera_config());
  Camera other_camera;
  other.add_watcher(watcher, kVp8Map, at_ms(1000));
  for (int i = 0; i < 5; ++i) {
    for (const auto& p : other_camera.frame(i == 0)) other.on_packet(*rtp::PacketView::parse(p), at_ms(1000 + i), sink);
  }
  sink.copies.clear();
  ask(first, 300, 1100);
  EXPECT_TRUE(sink.copies.empty());
  ask(static_cast<std::uint16_t>(first + 300), 15, 1100);
  EXPECT_EQ(sink.copies.size(), 15u);
}

}  // namespace
}  // namespace media
