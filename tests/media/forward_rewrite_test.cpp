#include <gtest/gtest.h>

#include "support/video_forwarding.hpp"

namespace media {
namespace {

using namespace support;

class ForwardRewrite : public ::testing::Test {
 protected:
  void give(const base::Bytes& bytes, std::int64_t ms) { give(source, bytes, ms); }
  void give(VideoSource& to, const base::Bytes& bytes, std::int64_t ms) {
    to.on_packet(*rtp::PacketView::parse(bytes), at_ms(ms), sink);
  }
  void give_frame(std::int64_t ms, bool key = false) {
    for (const auto& packet : camera.frame(key)) give(packet, ms);
  }
  // Output sequence numbers are contiguous and timestamps never fall.
  void expect_continuous() {
    for (std::size_t i = 1; i < sink.copies.size(); ++i) {
      const auto a = sink.copies[i - 1].view();
      const auto b = sink.copies[i].view();
      EXPECT_EQ(static_cast<std::uint16_t>(a.sequence() + 1), b.sequence()) << i;
      EXPECT_GE(rtp::timestamp_distance(b.timestamp(), a.timestamp()), 0) << i;
    }
  }
  RecordingSink sink;
  Camera camera;
  VideoSource source{camera_config()};
};

TEST_F(ForwardRewrite, EveryFieldIsTheWatchersOwn) {
  TransportSequence transport{.next = 65535};
  auto config = watcher_config(5000);
  config.transport_sequence = &transport;
  VideoWatcher watcher(config);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  ASSERT_EQ(sink.copies.size(), 3u);
  const auto view = sink.copies[2].view();
  EXPECT_EQ(view.ssrc(), 5000u);
  EXPECT_EQ(view.payload_type(), kOutType);
  EXPECT_TRUE(view.marker());
  EXPECT_EQ(base::as_text(view.extension(9)), "video-2");
  ASSERT_EQ(view.extension(8).size(), 3u);
  EXPECT_EQ(base::load_be24(view.extension(8).data()), rtp::abs_send_time(at_ms(0)));
  ASSERT_EQ(view.extension(7).size(), 2u);
  EXPECT_EQ(base::load_be16(view.extension(7).data()), 1);   // 65535, 0, 1
  ASSERT_EQ(view.extension(6).size(), 1u);                   // orientation, passed on under this leg's id
  EXPECT_EQ(view.extension(6)[0], 1);
  EXPECT_EQ(view.payload().size(), 200u);
  EXPECT_FALSE(sink.copies[0].view().marker());
  EXPECT_LT(sink.copies[0].view().sequence(), 0x8000);       // RFC 3711 3.3.1
}

TEST_F(ForwardRewrite, TwoByteFormWhenIdsNeedIt) {  // RFC 8285 4.3
  auto config = watcher_config(5000);
  config.extensions.set(rtp::Extension::kVideoOrientation, 20);
  VideoWatcher watcher(config);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  const auto view = sink.copies.at(0).view();
  EXPECT_EQ(base::as_text(view.extension(9)), "video-2");
  EXPECT_EQ(view.extension(20).size(), 1u);
}

TEST_F(ForwardRewrite, NoExtensionsAtAll) {
  VideoWatcher watcher({.ssrc = 5});
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  EXPECT_EQ(sink.copies.at(0).view().header_size(), 12u);
}

TEST_F(ForwardRewrite, StartsOnAKeyframeAndWrapsWithoutAGap) {
  VideoWatcher watcher(watcher_config(5000));
  give_frame(0, true);
  source.add_watcher(watcher, kVp8Map, at_ms(10));
  give_frame(33);
  EXPECT_TRUE(sink.copies.empty());
  EXPECT_TRUE(watcher.waiting_for_keyframe());
  for (int i = 0; i < 30000; ++i) give_frame(66 + 33 * i, i == 0);   // more than once around, in and out
  EXPECT_EQ(sink.copies.size(), 90000u);
  expect_continuous();
}

TEST_F(ForwardRewrite, DroppedPaddingLeavesNoGap) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  TestRandom random(1);
  for (int i = 0; i < 500; ++i) {
    give_frame(33 * i, i == 0);
    for (std::uint32_t n = random.below(4); n != 0; --n) give(camera.padding(), 33 * i + 5);
  }
  EXPECT_EQ(sink.copies.size(), 1500u);
  expect_continuous();
  EXPECT_GT(source.counters().padding, 500u);
}

TEST_F(ForwardRewrite, LatePaddingFillsItsGap) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  const auto padding = camera.padding();
  give_frame(33);
  give(padding, 40);
  give(padding, 41);   // again: a duplicate
  ASSERT_EQ(sink.copies.size(), 7u);
  EXPECT_TRUE(sink.copies[6].view().payload().empty());
  EXPECT_EQ(static_cast<std::uint16_t>(sink.copies[6].view().sequence() + 1), sink.copies[3].view().sequence());
  EXPECT_EQ(source.counters().duplicate, 1u);
}

TEST_F(ForwardRewrite, ReorderedPacketsKeepTheirPlace) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  const auto first = camera.frame(true);
  give(first[0], 0);
  give(first[2], 1);
  give(first[1], 2);
  give(first[1], 3);
  ASSERT_EQ(sink.copies.size(), 3u);
  EXPECT_EQ(static_cast<std::uint16_t>(sink.copies[0].view().sequence() + 1), sink.copies[2].view().sequence());
}

TEST_F(ForwardRewrite, KeyframeWhoseFirstPacketComesLateIsForwardedWhole) {
  VideoWatcher watcher(watcher_config(5000));
  give_frame(0, true);
  source.add_watcher(watcher, kVp8Map, at_ms(1));
  const auto key = camera.frame(true);
  give(key[1], 33);
  give(key[2], 33);
  EXPECT_TRUE(sink.copies.empty());
  give(key[0], 40);
  ASSERT_EQ(sink.copies.size(), 3u);
  expect_continuous();
}

TEST_F(ForwardRewrite, SwitchOfSourceIsContinuous) {
  VideoWatcher watcher(watcher_config(5000));
  auto other_config = camera_config();
  other_config.ssrc = 9999;
  VideoSource other(other_config);
  Camera other_camera(9999, 300);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  for (int i = 0; i < 10; ++i) give_frame(33 * i, i == 0);
  other.add_watcher(watcher, kVp8Map, at_ms(330));
  EXPECT_TRUE(source.watchers().empty());
  give_frame(330);
  for (const auto& p : other_camera.frame(false)) give(other, p, 340);
  EXPECT_EQ(sink.copies.size(), 30u);
  const auto before = sink.copies.back().view().timestamp();
  for (const auto& p : other_camera.frame(true)) give(other, p, 397);
  ASSERT_EQ(sink.copies.size(), 33u);
  expect_continuous();
  EXPECT_EQ(sink.copies.back().view().timestamp() - before, 100u * 90);   // 297 ms to 397 ms
}

TEST_F(ForwardRewrite, RestartOfTheSourceIsContinuous) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  for (int i = 0; i < 10; ++i) give_frame(33 * i, i == 0);
  camera = Camera(kCameraSsrc, 20000);         // same SSRC, other numbers
  give_frame(400);
  EXPECT_EQ(source.counters().restarts, 1u);
  EXPECT_EQ(sink.copies.size(), 30u);
  give_frame(433, true);
  EXPECT_EQ(sink.copies.size(), 33u);
  camera = Camera(4444, 100);                  // another SSRC
  give_frame(500, true);
  EXPECT_EQ(source.ssrc(), 4444u);
  EXPECT_EQ(sink.copies.size(), 36u);
  expect_continuous();
}

TEST_F(ForwardRewrite, PauseAndResume) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  watcher.set_paused(true, at_ms(10));
  give_frame(33);
  watcher.set_paused(false, at_ms(40));
  EXPECT_TRUE(source.keyframe_due(at_ms(500)));
  give_frame(66);
  EXPECT_EQ(sink.copies.size(), 3u);
  give_frame(99, true);
  EXPECT_EQ(sink.copies.size(), 6u);
  expect_continuous();
}

TEST_F(ForwardRewrite, CodecThatTheWatcherHasNotGot) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  give_frame(0, true);
  auto h264 = camera.frame(false);
  for (auto& packet : h264) rtp::set_payload_type(packet, kH264Type), give(packet, 33);
  EXPECT_EQ(sink.copies.size(), 3u);
  give_frame(66);
  EXPECT_EQ(sink.copies.size(), 3u);
  give_frame(99, true);
  EXPECT_EQ(sink.copies.size(), 6u);
  expect_continuous();
}

TEST_F(ForwardRewrite, LifetimesInEitherOrder) {
  auto source_first = std::make_unique<VideoSource>(camera_config());
  VideoWatcher watcher(watcher_config(1));
  source_first->add_watcher(watcher, kVp8Map, at_ms(0));
  source_first.reset();
  EXPECT_EQ(watcher.source(), nullptr);
  watcher.on_keyframe_request(at_ms(1));
  {
    VideoWatcher gone(watcher_config(2));
    source.add_watcher(gone, kVp8Map, at_ms(0));
  }
  EXPECT_TRUE(source.watchers().empty());
  give_frame(0, true);
}

TEST_F(ForwardRewrite, MemoryOfAHistoryIsBounded) {
  EXPECT_EQ(source.history().memory(), 0u);
  for (int i = 0; i < 3000; ++i) give_frame(i, false);
  EXPECT_LT(source.history().memory(), 900'000u);
}

// Survival 18, and 16: what an authenticated peer sends in any shape harms nobody.
TEST_F(ForwardRewrite, MutatedPackets) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  TestRandom random(9);
  for (int i = 0; i < 20000; ++i) {
    auto packet = random.percent(30) ? camera.rtx(static_cast<std::uint16_t>(random.next())).value_or(camera.padding())
                                     : camera.frame(random.percent(10))[0];
    for (int k = 0; k < 2; ++k) packet[random.below(40)] = static_cast<std::uint8_t>(random.next());
    packet.resize(packet.size() - random.below(100));
    packet.shrink_to_fit();
    if (const auto view = rtp::PacketView::parse(packet)) source.on_packet(*view, at_ms(i), sink);
    source.tick(at_ms(i));
  }
  const auto big = make_packet({kVp8Type, false, 1, 1, kCameraSsrc}, base::Bytes(4000));
  for (int i = 0; i < 3; ++i) give(big, 20000);
}

}  // namespace
}  // namespace media
