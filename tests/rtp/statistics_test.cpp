#include "rtp/statistics.hpp"

#include <gtest/gtest.h>

#include <map>

#include "rtp/nack.hpp"
#include "rtp/ntp.hpp"
#include "support/rtp_packets.hpp"

namespace rtp {
namespace {

using support::at_ms;
using support::wall_ms;

TEST(ReceiveStatistics, LossSinceTheLastReport) {  // RFC 3550 A.3
  ReceiveStatistics statistics(5, 90000);
  EXPECT_FALSE(statistics.make_report(at_ms(0)));
  for (int i = 0; i < 100; ++i) {
    if (i % 4 != 3) statistics.on_packet(static_cast<std::uint16_t>(65500 + i), 0, at_ms(i));
  }
  auto block = statistics.make_report(at_ms(100));
  ASSERT_TRUE(block);
  EXPECT_EQ(block->ssrc, 5u);
  EXPECT_EQ(block->cumulative_lost, 24);                  // 99 expected, 75 came
  EXPECT_EQ(block->fraction_lost, (24 << 8) / 99);
  EXPECT_EQ(block->highest_sequence, 65598u);             // one cycle
  EXPECT_EQ(block->last_sr, 0u);
  for (int i = 99; i < 200; ++i) statistics.on_packet(static_cast<std::uint16_t>(65500 + i), 0, at_ms(i));
  block = statistics.make_report(at_ms(200));
  EXPECT_EQ(block->fraction_lost, 0);
  EXPECT_EQ(block->cumulative_lost, 24);
}

TEST(ReceiveStatistics, DuplicatesMakeLossNegative) {  // RFC 3550 6.4.1
  ReceiveStatistics statistics(5, 90000);
  for (int i = 0; i < 10; ++i) statistics.on_packet(1, 0, at_ms(i));
  const auto block = statistics.make_report(at_ms(100));
  EXPECT_EQ(block->cumulative_lost, -9);
  EXPECT_EQ(block->fraction_lost, 0);
}

TEST(ReceiveStatistics, Jitter) {  // RFC 3550 A.8
  ReceiveStatistics steady(5, 8000);
  ReceiveStatistics shaky(5, 8000);
  for (int i = 0; i < 500; ++i) {
    steady.on_packet(static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(160 * i), at_ms(20 * i));
    shaky.on_packet(static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(160 * i), at_ms(20 * i + i % 2 * 10));
  }
  EXPECT_EQ(steady.jitter(), 0u);
  EXPECT_NEAR(shaky.jitter(), 80, 2);   // 10 ms
}

TEST(ReceiveStatistics, OneWildNumberIsIgnoredTwoAreANewStart) {  // RFC 3550 A.1
  ReceiveStatistics statistics(5, 90000);
  for (std::uint16_t i = 0; i < 10; ++i) statistics.on_packet(i, 0, at_ms(i));
  statistics.on_packet(20000, 0, at_ms(10));
  EXPECT_EQ(statistics.expected(), 10);
  statistics.on_packet(10, 0, at_ms(11));
  EXPECT_EQ(statistics.expected(), 11);
  statistics.on_packet(30000, 0, at_ms(12));
  statistics.on_packet(30001, 0, at_ms(13));
  EXPECT_EQ(statistics.expected(), 1);
  EXPECT_EQ(statistics.lost(), 0);
}

TEST(SendStatistics, ReportAndRoundTrip) {  // RFC 3550 6.4.1
  SendStatistics send(9, 90000);
  EXPECT_FALSE(send.make_report(at_ms(0), wall_ms(0)));
  send.on_sent(100, 1000, at_ms(0));
  send.on_sent_again(50);
  const auto info = send.make_report(at_ms(500), wall_ms(500));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->rtp_timestamp, 1000u + 45000);
  EXPECT_EQ(info->packets, 2u);
  EXPECT_EQ(info->octets, 150u);
  EXPECT_EQ(info->ntp, to_ntp(wall_ms(500)));

  ReceiveStatistics receive(9, 90000);
  receive.on_packet(1, 1000, at_ms(0));
  receive.on_sender_report(*info, at_ms(540));
  const auto block = receive.make_report(at_ms(700));
  EXPECT_EQ(block->last_sr, compact_ntp(info->ntp));
  send.on_report(*block, at_ms(735));
  ASSERT_TRUE(send.round_trip());
  EXPECT_NEAR(static_cast<double>(send.round_trip()->count()), 75e6, 1e5);
  // A report that names no SR of ours tells nothing.
  send.on_report({.ssrc = 9, .last_sr = 12345}, at_ms(9000));
  EXPECT_NEAR(static_cast<double>(send.round_trip()->count()), 75e6, 1e5);
}

std::vector<std::uint16_t> poll(NackGenerator& nack, std::int64_t ms) {
  std::array<std::uint16_t, 300> out{};
  const std::size_t count = nack.poll(at_ms(ms), out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(Nack, AsksAfterReorderingTimeAndAgainAfterARoundTrip) {  // RFC 4585 6.2.1
  NackGenerator nack;
  nack.set_round_trip(std::chrono::milliseconds(80));
  nack.on_packet(100, at_ms(0));
  nack.on_packet(103, at_ms(1));
  EXPECT_TRUE(poll(nack, 2).empty());
  EXPECT_EQ(nack.next_deadline(), at_ms(6));
  EXPECT_EQ(poll(nack, 6), (std::vector<std::uint16_t>{101, 102}));
  EXPECT_TRUE(poll(nack, 50).empty());
  nack.on_packet(101, at_ms(60));
  EXPECT_EQ(poll(nack, 106), (std::vector<std::uint16_t>{102}));
  nack.on_packet(102, at_ms(150));
  EXPECT_EQ(nack.next_deadline(), base::kNever);
}

TEST(Nack, ReorderedPacketIsNotAskedFor) {
  NackGenerator nack;
  nack.on_packet(100, at_ms(0));
  nack.on_packet(102, at_ms(1));
  nack.on_packet(101, at_ms(4));
  EXPECT_TRUE(poll(nack, 100).empty());
}

TEST(Nack, GivesUpWithinASecond) {
  NackGenerator nack;
  nack.on_packet(1, at_ms(0));
  nack.on_packet(3, at_ms(0));
  int asked = 0;
  for (int ms = 0; ms < 1100; ms += 5) asked += static_cast<int>(poll(nack, ms).size());
  EXPECT_GE(asked, 5);
  EXPECT_LE(asked, NackGenerator::kMaxTries);
  EXPECT_EQ(nack.take_given_up(), 2);
  EXPECT_FALSE(nack.take_given_up());
  EXPECT_EQ(nack.missing(), 0u);
}

TEST(Nack, ABreakIsGivenUpAtOnceAndTheListBounded) {
  NackGenerator nack;
  nack.on_packet(1, at_ms(0));
  nack.on_packet(5000, at_ms(0));
  EXPECT_EQ(nack.missing(), 0u);
  EXPECT_EQ(nack.take_given_up(), 4999);
  std::int64_t s = 5000;
  for (int i = 0; i < 10000; ++i) nack.on_packet(s += 3, at_ms(1));
  EXPECT_LE(nack.missing(), NackGenerator::kMaxMissing);
}

TEST(Nack, AcrossTheWrap) {
  NackGenerator nack;
  nack.on_packet(65534 + 65536, at_ms(0));
  nack.on_packet(65538 + 65536, at_ms(0));
  EXPECT_EQ(poll(nack, 10), (std::vector<std::uint16_t>{65535, 0, 1}));
}

}  // namespace
}  // namespace rtp
