#include "rtp/rtcp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "rtp/ntp.hpp"
#include "rtp/rtcp_writer.hpp"
#include "rtp/twcc.hpp"
#include "support/rtp_packets.hpp"

namespace rtp {
namespace {

TEST(Rtcp, CompoundThereAndBack) {  // RFC 3550 6.1, 6.4, 6.5, 6.6
  base::Bytes buffer(500);
  RtcpWriter writer(buffer);
  ReportBlock block{7, 128, -3, 0x1FFFF, 55, 0xAABBCCDD, 0x10000};
  const SenderInfo info{1, 0x0102030405060708, 90000, 10, 2000};
  ASSERT_TRUE(writer.sender_report(info, {&block, 1}));
  ASSERT_TRUE(writer.cname(1, "abc"));
  const std::array<Ssrc, 2> gone = {1, 2};
  ASSERT_TRUE(writer.bye(gone));
  CompoundReader reader(writer.bytes());
  auto packet = reader.next();
  ASSERT_TRUE(packet && packet->type == RtcpType::kSenderReport);
  const auto sr = read_sender_info(*packet);
  ASSERT_TRUE(sr);
  EXPECT_EQ(sr->ntp, info.ntp);
  EXPECT_EQ(sr->octets, 2000u);
  int blocks = 0;
  for_each_report_block(*packet, [&](const ReportBlock& b) {
    ++blocks;
    EXPECT_EQ(b.ssrc, 7u);
    EXPECT_EQ(b.fraction_lost, 128);
    EXPECT_EQ(b.cumulative_lost, -3);
    EXPECT_EQ(b.highest_sequence, 0x1FFFFu);
    EXPECT_EQ(b.last_sr, 0xAABBCCDDu);
  });
  EXPECT_EQ(blocks, 1);
  packet = reader.next();
  ASSERT_TRUE(packet && packet->type == RtcpType::kSourceDescription);
  const auto cname = read_cname(*packet);
  ASSERT_TRUE(cname);
  EXPECT_EQ(cname->text, "abc");
  packet = reader.next();
  ASSERT_TRUE(packet && packet->type == RtcpType::kBye);
  std::vector<Ssrc> byes;
  for_each_bye(*packet, [&](Ssrc s) { byes.push_back(s); });
  EXPECT_EQ(byes, (std::vector<Ssrc>{1, 2}));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.malformed());
}

TEST(Rtcp, CnameOfEveryLengthIsAligned) {  // RFC 3550 6.5
  for (std::size_t n = 0; n <= 255; ++n) {
    base::Bytes buffer(300);
    RtcpWriter writer(buffer);
    ASSERT_TRUE(writer.cname(5, std::string(n, 'x')));
    ASSERT_EQ(writer.size() % 4, 0u);
    const auto cname = read_cname(*CompoundReader(writer.bytes()).next());
    ASSERT_TRUE(cname);
    ASSERT_EQ(cname->text.size(), n);
  }
}

TEST(Rtcp, NackPairs) {  // RFC 4585 6.2.1
  base::Bytes buffer(500);
  RtcpWriter writer(buffer);
  const std::vector<std::uint16_t> asked = {65530, 65531, 65535, 3, 10, 11, 27, 28, 300};
  ASSERT_TRUE(writer.nack(1, 2, asked));
  EXPECT_EQ(writer.size(), 12u + 4 * 4);   // 65530.., 10.. with 11, 27.. with 28 is 10+17: own pair, 300
  const auto feedback = read_feedback(*CompoundReader(writer.bytes()).next());
  ASSERT_TRUE(feedback);
  EXPECT_EQ(feedback->media, 2u);
  std::vector<std::uint16_t> got;
  for_each_nack(feedback->control, [&](std::uint16_t s) { got.push_back(s); });
  EXPECT_EQ(got, asked);
  EXPECT_FALSE(writer.nack(1, 2, {}));
}

TEST(Rtcp, KeyframeRequests) {  // RFC 4585 6.3.1, RFC 5104 4.3.1
  base::Bytes buffer(500);
  RtcpWriter writer(buffer);
  ASSERT_TRUE(writer.pli(1, 2));
  ASSERT_TRUE(writer.fir(1, 3, 77));
  CompoundReader reader(writer.bytes());
  auto packet = reader.next();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->count, kFormatPli);
  EXPECT_EQ(read_feedback(*packet)->media, 2u);
  packet = reader.next();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->count, kFormatFir);
  int firs = 0;
  for_each_fir(read_feedback(*packet)->control, [&](Ssrc ssrc, std::uint8_t sequence) {
    ++firs;
    EXPECT_EQ(ssrc, 3u);
    EXPECT_EQ(sequence, 77);
  });
  EXPECT_EQ(firs, 1);
}

TEST(Rtcp, Remb) {  // draft-alvestrand-rmcat-remb-03 2.2
  for (const std::uint64_t rate : {0ull, 1ull, 262143ull, 262144ull, 2'500'000ull, 10'000'000'000ull}) {
    base::Bytes buffer(100);
    RtcpWriter writer(buffer);
    const std::array<Ssrc, 2> ssrcs = {11, 12};
    ASSERT_TRUE(writer.remb(1, rate, ssrcs));
    const auto remb = read_remb(read_feedback(*CompoundReader(writer.bytes()).next())->control);
    ASSERT_TRUE(remb);
    EXPECT_LE(remb->bitrate, rate);
    EXPECT_GE(remb->bitrate, rate - rate / 100000);
    EXPECT_EQ(remb->ssrc_count, 2u);
    EXPECT_EQ(remb->ssrcs[1], 12u);
  }
  EXPECT_FALSE(read_remb(base::Bytes{'R', 'E', 'M', 'B', 0, 0xFF, 0xFF, 0xFF}));   // 2^63 times too much
  EXPECT_FALSE(read_remb(base::Bytes{'R', 'E', 'M', 'X', 0, 0, 0, 1}));
  const auto cut = read_remb(base::Bytes{'R', 'E', 'M', 'B', 9, 0, 0, 1, 0, 0, 0, 5});
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->ssrc_count, 1u);
}

TEST(Rtcp, WriterLeavesTheBufferAloneWhenFull) {
  base::Bytes buffer(20);
  RtcpWriter writer(buffer);
  EXPECT_TRUE(writer.pli(1, 2));
  EXPECT_FALSE(writer.pli(1, 2));
  EXPECT_FALSE(writer.fir(1, 2, 1));
  EXPECT_FALSE(writer.cname(1, "x"));
  EXPECT_EQ(writer.size(), 12u);
}

TEST(Rtcp, WhatPrecedesAMalformedPacketStands) {
  base::Bytes buffer(12);
  RtcpWriter(buffer).pli(1, 2);
  for (const base::Bytes& tail : {base::Bytes{0x80}, {0x40, 200, 0, 0}, {0x80, 200, 0, 9}, {0x80, 5, 0, 0},
                                  {0xA0, 200, 0, 1, 0, 0, 0, 0}, {0xA0, 200, 0, 1, 0, 0, 0, 5}, {0xA0, 200, 0, 0}}) {
    base::Bytes bytes = buffer;
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    CompoundReader reader(bytes);
    EXPECT_TRUE(reader.next());
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.malformed());
  }
}

TEST(Rtcp, MoreBlocksPromisedThanThere) {
  base::Bytes buffer(100);
  RtcpWriter writer(buffer);
  const ReportBlock block{.ssrc = 9};
  writer.receiver_report(1, {&block, 1});
  buffer[0] = 0x80 | 31;
  int count = 0;
  for_each_report_block(*CompoundReader(writer.bytes()).next(), [&](const ReportBlock&) { ++count; });
  EXPECT_EQ(count, 1);
}

TEST(Ntp, WallClock) {  // RFC 3550 4
  EXPECT_EQ(to_ntp(base::WallTime{}) >> 32, 2208988800u);
  EXPECT_EQ(to_ntp(base::WallTime(std::chrono::milliseconds(500))) & 0xFFFFFFFF, 0x80000000u);
  EXPECT_EQ(to_compact(std::chrono::milliseconds(1500)), 0x18000u);
  EXPECT_EQ(from_compact(0x18000), base::Duration(std::chrono::milliseconds(1500)));
  EXPECT_EQ(to_compact(std::chrono::hours(30)), 0xFFFFFFFFu);
}

struct Arrival {
  bool received;
  std::int64_t ticks;   // 250 us
};

// Applies feedback packets as a sender would; returns what it learnt by 64-bit number.
std::map<std::int64_t, Arrival> learn(const std::vector<base::Bytes>& packets) {
  std::map<std::int64_t, Arrival> result;
  SequenceUnwrapper unwrapper;
  for (const auto& bytes : packets) {
    const auto packet = CompoundReader(bytes).next();
    EXPECT_TRUE(packet && packet->count == kFormatTwcc);
    const auto reader = TwccReader::parse(read_feedback(*packet)->control);
    EXPECT_TRUE(reader);
    if (!reader) continue;
    std::int64_t ticks = std::int64_t{reader->header().reference_time} * 256;
    reader->for_each([&](std::uint16_t s, bool received, std::int32_t delta) {
      if (received) ticks += delta;
      auto& slot = result[unwrapper.unwrap(s)];
      if (received || !slot.received) slot = {received, ticks};
    });
  }
  return result;
}

void drain(TwccReceiver& receiver, base::TimePoint now, std::vector<base::Bytes>& out) {
  base::Bytes buffer(1200);
  while (const std::size_t size = receiver.build(1, 2, now, buffer)) {
    EXPECT_EQ(size % 4, 0u);
    out.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

TEST(Twcc, ReportsArrivalsLossAndReordering) {  // draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1
  for (const std::uint32_t loss : {0u, 1u, 5u, 20u, 60u}) {
    TwccReceiver receiver;
    support::TestRandom random(loss + 1);
    std::map<std::int64_t, std::int64_t> sent;
    std::vector<base::Bytes> feedback;
    std::int64_t ms = 0;
    std::uint16_t s = 65000;
    std::int64_t number = 65536 + 65000;
    for (int i = 0; i < 5000; ++i) {
      ms += random.below(4) + (random.percent(1) ? 300 : 0);
      const bool lost = i != 0 && random.percent(loss);
      if (!lost) {
        receiver.on_packet(s, support::at_ms(ms));
        sent[number] = support::at_ms(ms).time_since_epoch().count() / 250000;
      }
      ++s, ++number;
      if (receiver.due(support::at_ms(ms))) drain(receiver, support::at_ms(ms), feedback);
    }
    drain(receiver, support::at_ms(ms), feedback);
    const auto learnt = learn(feedback);
    for (const auto& [n, ticks] : sent) {
      const auto it = learnt.find(n);
      ASSERT_NE(it, learnt.end()) << n;
      ASSERT_TRUE(it->second.received) << n;
      ASSERT_EQ(it->second.ticks, ticks) << n;
    }
    for (const auto& [n, arrival] : learnt) {
      if (!sent.contains(n)) EXPECT_FALSE(arrival.received);
    }
    EXPECT_LT(feedback.size(), 400u);
  }
}

TEST(Twcc, ALatePacketIsReportedAgain) {
  TwccReceiver receiver;
  std::vector<base::Bytes> feedback;
  receiver.on_packet(10, support::at_ms(0));
  receiver.on_packet(12, support::at_ms(2));
  EXPECT_FALSE(receiver.due(support::at_ms(49)));
  EXPECT_TRUE(receiver.due(support::at_ms(50)));
  drain(receiver, support::at_ms(50), feedback);
  EXPECT_FALSE(receiver.due(support::at_ms(500)));
  receiver.on_packet(11, support::at_ms(60));
  drain(receiver, support::at_ms(110), feedback);
  const auto learnt = learn(feedback);
  ASSERT_EQ(learnt.size(), 3u);
  for (const auto& [n, arrival] : learnt) EXPECT_TRUE(arrival.received);
  EXPECT_EQ(learnt.at(65547).ticks - learnt.at(65546).ticks, 240);
}

TEST(Twcc, AJumpAndAFloodStayBounded) {
  TwccReceiver receiver;
  std::vector<base::Bytes> feedback;
  support::TestRandom random(3);
  for (int i = 0; i < 20000; ++i) receiver.on_packet(static_cast<std::uint16_t>(random.next()), support::at_ms(i / 10));
  drain(receiver, support::at_ms(3000), feedback);
  EXPECT_LE(feedback.size(), 64u);
  learn(feedback);
}

TEST(Twcc, ReaderRefusesShortAndExcessiveReports) {
  EXPECT_FALSE(TwccReader::parse(base::Bytes{0, 1, 0, 1, 0, 0, 0, 0}));                      // no chunk
  EXPECT_FALSE(TwccReader::parse(base::Bytes{0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1}));             // no delta
  EXPECT_TRUE(TwccReader::parse(base::Bytes{0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 4}));
  EXPECT_FALSE(TwccReader::parse(base::Bytes{0, 1, 0, 1, 0, 0, 0, 0, 0x20, 0, 4}));          // an empty run
  EXPECT_FALSE(TwccReader::parse(base::Bytes{0, 1, 0xFF, 0xFF, 0, 0, 0, 0, 0x1F, 0xFF, 4})); // 65,535 statuses
}

// Survival 18: whatever comes is read within its bounds and in little time.
TEST(Rtcp, MutatedCompounds) {
  base::Bytes whole(400);
  RtcpWriter writer(whole);
  const ReportBlock block{.ssrc = 9};
  writer.sender_report({.ssrc = 1}, {&block, 1});
  writer.cname(1, "someone@somewhere");
  const std::array<std::uint16_t, 3> asked = {1, 2, 40};
  writer.nack(1, 2, asked);
  writer.fir(1, 2, 3);
  const std::array<Ssrc, 1> ssrcs = {4};
  writer.remb(1, 1000000, ssrcs);
  whole.resize(writer.size());
  support::TestRandom random(2);
  std::uint64_t sum = 0;
  for (int round = 0; round < 20000; ++round) {
    base::Bytes bytes(whole.begin(), whole.end() - random.below(static_cast<std::uint32_t>(whole.size())));
    for (int i = 0; i < 4; ++i) bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] ^= static_cast<std::uint8_t>(random.next());
    base::Bytes exact(bytes);
    exact.shrink_to_fit();
    CompoundReader reader(exact);
    while (const auto p = reader.next()) {
      for_each_report_block(*p, [&](const ReportBlock& b) { sum += b.ssrc; });
      for_each_bye(*p, [&](Ssrc s) { sum += s; });
      if (const auto c = read_cname(*p)) sum += c->text.size();
      read_sender_info(*p);
      if (const auto f = read_feedback(*p)) {
        for_each_nack(f->control, [&](std::uint16_t s) { sum += s; });
        for_each_fir(f->control, [&](Ssrc s, std::uint8_t) { sum += s; });
        read_remb(f->control);
        if (const auto t = TwccReader::parse(f->control)) t->for_each([&](std::uint16_t s, bool, std::int32_t) { sum += s; });
      }
    }
  }
  EXPECT_NE(sum, 0u);
}

}  // namespace
}  // namespace rtp
