// What senders and watchers are told, and keyframe requests.
#include <gtest/gtest.h>

#include <set>

#include "rtp/ntp.hpp"
#include "support/video_forwarding.hpp"

namespace media {
namespace {

using namespace support;

struct Heard {
  int plis = 0, firs = 0, twccs = 0, cnames = 0, empty_reports = 0;
  std::vector<std::uint16_t> nacked;
  std::vector<std::uint8_t> fir_sequences;
  std::vector<rtp::SenderInfo> sender_infos;
  std::vector<rtp::ReportBlock> blocks;
  std::optional<rtp::Remb> remb;
  std::optional<rtp::RtcpType> first;
};

class ForwardFeedback : public ::testing::Test {
 protected:
  ForwardFeedback() { publisher.add_source(source); }

  void give_frame(std::int64_t ms, bool key = false) {
    for (const auto& packet : camera.frame(key)) give(packet, ms);
  }
  void give(const base::Bytes& packet, std::int64_t ms) {
    publisher.on_rtp(*rtp::PacketView::parse(packet), at_ms(ms));
    source.on_packet(*rtp::PacketView::parse(packet), at_ms(ms), sink);
  }
  static Heard poll(LegRtcp& leg, std::int64_t ms) {
    Heard heard;
    std::array<std::uint8_t, 1200> buffer;
    int compounds = 0;
    while (const std::size_t size = leg.poll(at_ms(ms), wall_ms(ms), buffer)) {
      if (++compounds > 100) throw std::logic_error("poll() has no end");
      read(base::ByteView(buffer).first(size), heard);
    }
    return heard;
  }
  static void read(base::ByteView bytes, Heard& heard) {
    rtp::CompoundReader reader(bytes);
    while (const auto p = reader.next()) {
      if (!heard.first) heard.first = p->type;
      if (p->type == rtp::RtcpType::kSenderReport) heard.sender_infos.push_back(*rtp::read_sender_info(*p));
      if (p->type == rtp::RtcpType::kReceiverReport && p->count == 0) ++heard.empty_reports;
      if (p->type == rtp::RtcpType::kSourceDescription) heard.cnames += rtp::read_cname(*p).has_value();
      if (p->type == rtp::RtcpType::kSenderReport || p->type == rtp::RtcpType::kReceiverReport) {
        rtp::for_each_report_block(*p, [&](const rtp::ReportBlock& b) { heard.blocks.push_back(b); });
        continue;
      }
      const auto f = rtp::read_feedback(*p);
      if (!f) continue;
      if (p->type == rtp::RtcpType::kPayloadFeedback) {
        heard.plis += p->count == rtp::kFormatPli;
        if (p->count == rtp::kFormatAfb) heard.remb = rtp::read_remb(f->control);
        if (p->count == rtp::kFormatFir) {
          ++heard.firs;
          rtp::for_each_fir(f->control, [&](rtp::Ssrc, std::uint8_t s) { heard.fir_sequences.push_back(s); });
        }
      } else if (p->type == rtp::RtcpType::kTransportFeedback) {
        heard.twccs += p->count == rtp::kFormatTwcc && rtp::TwccReader::parse(f->control).has_value();
        if (p->count == rtp::kFormatNack) rtp::for_each_nack(f->control, [&](std::uint16_t s) { heard.nacked.push_back(s); });
      }
    }
    EXPECT_FALSE(reader.malformed());
  }
  static LegRtcpConfig config() {
    LegRtcpConfig c;
    c.ssrc = 1;
    c.cname = "parley@here";
    c.extensions.set(rtp::Extension::kTransportSequence, 3);
    return c;
  }

  RecordingSink sink;
  Camera camera;
  VideoSource source{camera_config()};
  LegRtcp publisher{config()};
  LegRtcp receiver{config()};
};

TEST_F(ForwardFeedback, NewWatcherGetsAKeyframeAtOnce) {
  VideoWatcher watcher(watcher_config(5000));
  give_frame(0, true);
  EXPECT_EQ(poll(publisher, 10).plis, 0);
  source.add_watcher(watcher, kVp8Map, at_ms(20));
  EXPECT_EQ(poll(publisher, 20).plis, 1);
  EXPECT_EQ(poll(publisher, 25).plis, 0);
}

// Wherever in the round of frames and requests a watcher joins, it has a keyframe within 500 ms, at a round trip of 100 ms.
TEST_F(ForwardFeedback, EveryJoinerHasAKeyframeWithin500Milliseconds) {
  std::vector<std::unique_ptr<VideoWatcher>> watchers;
  std::map<VideoWatcher*, std::int64_t> joined;
  std::vector<std::int64_t> keyframes_due;
  TestRandom random(4);
  int plis = 0;
  std::int64_t worst = 0;
  for (std::int64_t ms = 0; ms < 20000; ++ms) {
    if (ms > 50 && ms < 19000 && random.below(130) == 0) {
      watchers.push_back(std::make_unique<VideoWatcher>(watcher_config(6000 + 2 * static_cast<rtp::Ssrc>(ms))));
      source.add_watcher(*watchers.back(), kVp8Map, at_ms(ms));
      joined[watchers.back().get()] = ms;
    }
    if (ms % 5 == 0 && poll(publisher, ms).plis != 0) ++plis, keyframes_due.push_back(ms + 100);
    if (ms % 33 == 0) {
      const bool key = !keyframes_due.empty() && keyframes_due.front() <= ms;
      if (key) keyframes_due.clear();
      give_frame(ms, key || ms == 0);
      for (const auto& copy : sink.copies) {
        const auto it = joined.find(copy.watcher);
        if (it == joined.end()) continue;
        worst = std::max(worst, ms - it->second);
        joined.erase(it);
      }
      sink.copies.clear();
    }
  }
  EXPECT_GT(watchers.size(), 100u);
  EXPECT_TRUE(joined.empty());
  EXPECT_LE(worst, 500);
  EXPECT_LE(plis, 20000 / 150 + 1);
}

TEST_F(ForwardFeedback, StormOfRequestsIsThrottledToOne) {  // RFC 4585 6.3.1, RFC 5104 4.3.1
  std::vector<std::unique_ptr<VideoWatcher>> watchers;
  for (rtp::Ssrc i = 0; i < 100; ++i) {
    watchers.push_back(std::make_unique<VideoWatcher>(watcher_config(5000 + 2 * i)));
    receiver.add_watcher(*watchers.back());
    source.add_watcher(*watchers.back(), kVp8Map, at_ms(0));
  }
  EXPECT_EQ(poll(publisher, 0).plis, 1);
  give_frame(50, true);
  int plis = 0;
  base::Bytes buffer(40);
  for (std::int64_t ms = 60; ms < 4060; ms += 5) {
    for (const auto& watcher : watchers) {
      rtp::RtcpWriter writer(buffer);
      if (ms % 2 == 0) writer.pli(1, watcher->ssrc());
      if (ms % 2 != 0) writer.fir(1, watcher->ssrc(), static_cast<std::uint8_t>(ms));
      EXPECT_TRUE(receiver.on_rtcp(writer.bytes(), at_ms(ms), sink).keyframe_asked);
    }
    if (poll(publisher, ms).plis != 0) {
      ++plis;
      give_frame(ms + 1, true);
    }
  }
  EXPECT_LE(plis, 10);   // 4 s
  EXPECT_GE(plis, 9);
}

TEST_F(ForwardFeedback, UnansweredRequestIsRepeatedEverMoreSlowly) {
  VideoWatcher watcher(watcher_config(5000));
  give_frame(0);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  std::vector<std::int64_t> times;
  for (std::int64_t ms = 0; ms < 30000; ms += 5) {
    if (poll(publisher, ms).plis != 0) times.push_back(ms);
  }
  ASSERT_GT(times.size(), 5u);
  EXPECT_LE(times[1] - times[0], 500);
  EXPECT_LE(times.size(), 25u);
  EXPECT_GE(times.back() - times[times.size() - 2], 2500);
  source.remove_watcher(watcher);   // nobody waits any more
  EXPECT_EQ(poll(publisher, 60000).plis, 0);
}

TEST_F(ForwardFeedback, FirWherePliIsNotNegotiated) {  // RFC 5104 4.3.1.2
  auto fir_config = camera_config();
  fir_config.pli = false;
  fir_config.fir = true;
  VideoSource fir_source(fir_config);
  LegRtcp leg(config());
  leg.add_source(fir_source);
  VideoWatcher watcher(watcher_config(5000));
  fir_source.add_watcher(watcher, kVp8Map, at_ms(0));
  std::vector<std::uint8_t> sequences;
  for (std::int64_t ms = 0; ms < 600; ms += 5) {
    const auto heard = poll(leg, ms);
    EXPECT_EQ(heard.plis, 0);
    sequences.insert(sequences.end(), heard.fir_sequences.begin(), heard.fir_sequences.end());
  }
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_EQ(sequences[0], sequences[1]);   // a repetition of the same command
  for (const auto& p : camera.frame(true)) fir_source.on_packet(*rtp::PacketView::parse(p), at_ms(610), sink);
  fir_source.want_keyframe(at_ms(1500), KeyframeReason::kLoss);
  const auto heard = poll(leg, 1500);
  ASSERT_EQ(heard.fir_sequences.size(), 1u);
  EXPECT_EQ(heard.fir_sequences[0], static_cast<std::uint8_t>(sequences[0] + 1));
}

TEST_F(ForwardFeedback, PacketGivenUpBecomesAKeyframeRequest) {
  VideoWatcher watcher(watcher_config(5000));
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  poll(publisher, 0);
  give_frame(10, true);
  (void)camera.frame(false);   // lost, whole, and never sent again
  int plis = 0;
  std::size_t nacks = 0;
  for (std::int64_t ms = 43; ms < 1500; ms += 5) {
    if (ms < 1000 && (ms - 43) % 35 == 0) give_frame(ms);
    const auto heard = poll(publisher, ms);
    plis += heard.plis;
    nacks += heard.nacked.size();
  }
  EXPECT_GE(nacks, 3u * 5);
  EXPECT_LE(nacks, 3u * 10);
  EXPECT_GE(plis, 1);
  EXPECT_LE(plis, 2);
}

TEST_F(ForwardFeedback, ReportsOfWhatIsReceived) {  // RFC 3550 6.4.2
  base::Bytes buffer(100);
  rtp::RtcpWriter writer(buffer);
  writer.sender_report({kCameraSsrc, rtp::to_ntp(wall_ms(0)), 1, 1, 1}, {});
  publisher.on_rtcp(writer.bytes(), at_ms(0), sink);
  poll(publisher, 0);
  for (int i = 0; i < 30; ++i) give_frame(33 * i);
  rtp::ReceiveStatistics audio(42, 48000);
  publisher.add_receiver(audio);
  audio.on_packet(1, 0, at_ms(900));
  const auto heard = poll(publisher, 1000);
  EXPECT_EQ(heard.first, rtp::RtcpType::kReceiverReport);
  EXPECT_EQ(heard.cnames, 1);
  ASSERT_EQ(heard.blocks.size(), 2u);
  EXPECT_EQ(heard.blocks[0].ssrc, 42u);
  EXPECT_EQ(heard.blocks[1].ssrc, kCameraSsrc);
  EXPECT_EQ(heard.blocks[1].last_sr, rtp::compact_ntp(rtp::to_ntp(wall_ms(0))));
  EXPECT_EQ(heard.blocks[1].delay_since_sr, 65536u);
  publisher.remove_receiver(audio);
}

TEST_F(ForwardFeedback, SenderReportsKeepLipSync) {  // RFC 3550 6.4.1
  VideoWatcher watcher(watcher_config(5000));
  receiver.add_watcher(watcher);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  poll(receiver, 0);
  give_frame(0, true);
  // The source's report: this frame was taken 30 ms before the report was made.
  base::Bytes buffer(100);
  rtp::RtcpWriter writer(buffer);
  writer.sender_report({kCameraSsrc, rtp::to_ntp(wall_ms(0)), camera.timestamp() + 2700, 1, 1}, {});
  publisher.on_rtcp(writer.bytes(), at_ms(100), sink);
  const auto heard = poll(receiver, 1100);
  ASSERT_EQ(heard.sender_infos.size(), 1u);
  const auto& info = heard.sender_infos[0];
  EXPECT_EQ(info.ssrc, 5000u);
  EXPECT_EQ(info.packets, 3u);
  EXPECT_EQ(info.octets, 600u);
  EXPECT_EQ(info.ntp, rtp::to_ntp(wall_ms(1100)));
  EXPECT_EQ(info.rtp_timestamp, sink.copies[0].view().timestamp() + 2700 + 90000);
}

TEST_F(ForwardFeedback, AHundredStreamsAreAllReported) {
  std::vector<std::unique_ptr<VideoWatcher>> watchers;
  for (rtp::Ssrc i = 0; i < 100; ++i) {
    watchers.push_back(std::make_unique<VideoWatcher>(watcher_config(5000 + 2 * i)));
    receiver.add_watcher(*watchers.back());
    source.add_watcher(*watchers.back(), kVp8Map, at_ms(0));
  }
  rtp::SendStatistics audio(1, 48000);
  audio.on_sent(100, 5, at_ms(0));
  receiver.add_sender(audio);
  give_frame(0, true);
  poll(receiver, 0);
  const auto heard = poll(receiver, 1000);
  EXPECT_EQ(heard.sender_infos.size(), 101u);
  EXPECT_EQ(heard.cnames, 102);
  std::set<rtp::Ssrc> different;
  for (const auto& info : heard.sender_infos) different.insert(info.ssrc);
  EXPECT_EQ(different.size(), 101u);
}

TEST_F(ForwardFeedback, OwnStreamsReportCarriesTheBlocks) {
  rtp::SendStatistics audio(1, 48000);
  audio.on_sent(100, 5, at_ms(0));
  publisher.add_sender(audio);
  give_frame(0, true);
  poll(publisher, 0);
  const auto heard = poll(publisher, 1000);
  EXPECT_EQ(heard.first, rtp::RtcpType::kSenderReport);
  EXPECT_EQ(heard.sender_infos.size(), 1u);
  EXPECT_EQ(heard.blocks.size(), 1u);
  EXPECT_EQ(heard.cnames, 1);
}

TEST_F(ForwardFeedback, CompoundFormWithoutReducedSize) {  // RFC 3550 6.1, RFC 5506
  auto full = config();
  full.reduced_size = false;
  LegRtcp leg(full);
  leg.add_source(source);
  VideoWatcher watcher(watcher_config(5000));
  EXPECT_EQ(poll(leg, 0).empty_reports, 0);   // nothing due, nothing sent
  give_frame(5);
  source.add_watcher(watcher, kVp8Map, at_ms(10));
  const auto heard = poll(leg, 10);
  EXPECT_EQ(heard.plis, 1);
  EXPECT_EQ(heard.first, rtp::RtcpType::kReceiverReport);
  EXPECT_EQ(heard.cnames, 1);
}

TEST_F(ForwardFeedback, SourceOfUnknownSsrcWaitsForItsFirstPacket) {
  auto unknown = camera_config();
  unknown.ssrc = unknown.rtx_ssrc = 0;
  VideoSource later(unknown);
  auto full = config();
  full.reduced_size = false;
  LegRtcp leg(full);
  leg.add_source(later);
  VideoWatcher watcher(watcher_config(5000));
  later.add_watcher(watcher, kVp8Map, at_ms(0));
  EXPECT_FALSE(poll(leg, 0).first);
  for (const auto& p : camera.frame(false)) later.on_packet(*rtp::PacketView::parse(p), at_ms(40), sink);
  EXPECT_EQ(later.ssrc(), kCameraSsrc);
  EXPECT_EQ(poll(leg, 40).plis, 1);
}

TEST_F(ForwardFeedback, TransportWideFeedbackWithin100Milliseconds) {
  std::uint16_t transport = 0;
  int twccs = 0;
  std::array<std::uint8_t, 1200> buffer;
  LegRtcp far_end(config());   // reads what it is sent
  for (std::int64_t ms = 0; ms < 1000; ++ms) {
    if (ms % 10 == 0) {
      base::Bytes element(2);
      base::store_be16(element.data(), transport++);
      if (transport % 10 != 5) {
        const auto bytes = make_packet({kVp8Type, false, transport, 0, kCameraSsrc}, vp8_payload(true, false), {{3, element}});
        publisher.on_rtp(*rtp::PacketView::parse(bytes), at_ms(ms));
      }
    }
    while (const std::size_t size = publisher.poll(at_ms(ms), wall_ms(ms), buffer)) {
      far_end.on_rtcp(base::ByteView(buffer).first(size), at_ms(ms), sink);
      Heard heard;
      read(base::ByteView(buffer).first(size), heard);
      twccs += heard.twccs;
      if (heard.twccs != 0 && ms > 500) EXPECT_LT(far_end.transport_loss(), 0.4);
    }
  }
  EXPECT_GE(twccs, 10);
  EXPECT_LE(twccs, 20);
}

TEST_F(ForwardFeedback, RembIsTheCeilingOrTheWorstWatcherAboveTheFloor) {  // draft-alvestrand-rmcat-remb-03
  VideoWatcher good(watcher_config(5000)), bad(watcher_config(6000));
  for (VideoWatcher* w : {&good, &bad}) receiver.add_watcher(*w), source.add_watcher(*w, kVp8Map, at_ms(0));
  const auto rate = [&](std::int64_t ms) { return poll(publisher, ms).remb.value_or(rtp::Remb{}).bitrate; };
  give_frame(0, true);
  poll(publisher, 0);
  EXPECT_NEAR(static_cast<double>(rate(1000)), 2'650'000, 100);
  base::Bytes buffer(100);
  const auto estimate = [&](std::uint64_t bitrate, std::vector<rtp::Ssrc> ssrcs) {
    rtp::RtcpWriter writer(buffer);
    writer.remb(77, bitrate, ssrcs);
    receiver.on_rtcp(writer.bytes(), at_ms(1000), sink);
  };
  estimate(2'000'000, {5000, 6000, 123456});   // shared by the two that we send
  EXPECT_NEAR(static_cast<double>(rate(2100)), 1'150'000, 100);
  estimate(10'000, {6000});
  EXPECT_NEAR(static_cast<double>(rate(3200)), 650'000, 100);
  source.remove_watcher(bad);
  EXPECT_NEAR(static_cast<double>(rate(4300)), 1'150'000, 100);
  receiver.remove_watcher(bad);
  receiver.remove_watcher(good);
}

TEST_F(ForwardFeedback, RoundTripOfTheLegReachesItsStreams) {
  VideoWatcher watcher(watcher_config(5000));
  receiver.add_watcher(watcher);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  poll(receiver, 0);
  give_frame(0, true);
  const auto info = poll(receiver, 1000).sender_infos.at(0);
  base::Bytes buffer(100);
  rtp::RtcpWriter writer(buffer);
  const rtp::ReportBlock block{.ssrc = 5000, .fraction_lost = 64, .last_sr = rtp::compact_ntp(info.ntp),
                               .delay_since_sr = 65536 / 10};
  writer.receiver_report(77, {&block, 1});
  receiver.on_rtcp(writer.bytes(), at_ms(1160), sink);
  ASSERT_TRUE(receiver.round_trip());
  EXPECT_NEAR(static_cast<double>(receiver.round_trip()->count()), 60e6, 1e5);
  EXPECT_DOUBLE_EQ(watcher.statistics().fraction_lost(), 0.25);
}

TEST_F(ForwardFeedback, GoodbyeIsACompound) {  // RFC 3550 6.6
  std::array<std::uint8_t, 200> buffer;
  const std::array<rtp::Ssrc, 1> gone = {5000};
  const std::size_t size = receiver.bye(gone, buffer);
  ASSERT_NE(size, 0u);
  const auto seen = publisher.on_rtcp(base::ByteView(buffer).first(size), at_ms(0), sink);
  EXPECT_EQ(seen.byes, 1u);
  EXPECT_FALSE(seen.malformed);
}

// Survival 18: hostile RTCP from an authenticated peer: no crash, little work, few packets out.
TEST_F(ForwardFeedback, HostileRtcpIsBounded) {
  VideoWatcher watcher(watcher_config(5000));
  receiver.add_watcher(watcher);
  source.add_watcher(watcher, kVp8Map, at_ms(0));
  for (int i = 0; i < 60; ++i) give_frame(i, i == 0);
  sink.copies.clear();
  TestRandom random(7);
  int plis = 0;
  for (int round = 0; round < 20000; ++round) {
    base::Bytes bytes(300);
    rtp::RtcpWriter writer(bytes);
    const std::array<std::uint16_t, 3> asked = {static_cast<std::uint16_t>(random.next()), 5, 9};
    const rtp::ReportBlock block{.ssrc = 5000, .last_sr = random.next(), .delay_since_sr = random.next()};
    writer.sender_report({kCameraSsrc, 1, 2, 3, 4}, {&block, 1});
    writer.nack(1, 5000, asked);
    writer.pli(1, 5000);
    writer.fir(1, 5000, 3);
    const std::array<rtp::Ssrc, 2> ssrcs = {5000, 5000};
    writer.remb(1, random.next(), ssrcs);
    bytes.resize(writer.size());
    for (int i = 0; i < 6; ++i) bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<std::uint8_t>(random.next());
    bytes.shrink_to_fit();
    const std::int64_t ms = 100 + round / 10;
    receiver.on_rtcp(bytes, at_ms(ms), sink);
    publisher.on_rtcp(bytes, at_ms(ms), sink);
    if (round % 50 == 0) plis += poll(publisher, ms).plis;
    if (round % 50 == 0) poll(receiver, ms);
  }
  EXPECT_LE(plis, 8);                       // 2 s
  EXPECT_LE(sink.copies.size(), 400u + 2000u * 800 / 1000 + 10);
  // It still works.
  sink.copies.clear();
  give_frame(4000, true);
  EXPECT_EQ(sink.copies.size(), 3u);
}

}  // namespace
}  // namespace media
