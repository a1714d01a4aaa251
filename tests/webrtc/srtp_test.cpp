#include "webrtc/srtp.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/webrtc_client.hpp"

namespace webrtc {
namespace {

using support::receiver_report;
using support::rtp_packet;

struct SrtpTest : testing::TestWithParam<SrtpProfile> {
  void SetUp() override {
    SrtpKey key;
    key.profile = GetParam();
    base::random_bytes(key.bytes);
    ASSERT_TRUE(out.open(key, SrtpDirection::kOutbound));
    ASSERT_TRUE(in.open(key, SrtpDirection::kInbound));
  }
  base::Bytes protect(base::Bytes packet) {
    packet.resize(out.protect_rtp(packet, packet.size() - kSrtpOverhead));
    return packet;
  }
  std::size_t unprotect(base::Bytes packet) { return in.unprotect_rtp(packet); }
  SrtpSession out, in;
};

// RFC 3711 3.3, RFC 7714 8
TEST_P(SrtpTest, RtpThereAndBack) {
  const auto plain = rtp_packet(1, 7);
  auto packet = protect(plain);
  ASSERT_GT(packet.size(), 112u);
  EXPECT_FALSE(std::equal(packet.begin() + 12, packet.begin() + 112, plain.begin() + 12));
  ASSERT_EQ(in.unprotect_rtp(packet), 112u);
  EXPECT_TRUE(std::equal(packet.begin(), packet.begin() + 112, plain.begin()));
}

// RFC 3711 3.4, RFC 7714 9
TEST_P(SrtpTest, RtcpThereAndBack) {
  auto packet = receiver_report(5);
  const auto size = out.protect_rtcp(packet, 8);
  ASSERT_GT(size, 8u);
  auto again = base::Bytes(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
  auto copy = again;
  EXPECT_EQ(in.unprotect_rtcp(again), 8u);
  EXPECT_EQ(in.unprotect_rtcp(copy), 0u);
}

// RFC 3711 3.3.2
TEST_P(SrtpTest, ReplayWindow) {
  std::vector<base::Bytes> packets;
  for (std::uint16_t i = 0; i < 1100; ++i) packets.push_back(protect(rtp_packet(1, i)));
  EXPECT_NE(unprotect(packets[0]), 0u);
  EXPECT_EQ(unprotect(packets[0]), 0u);
  EXPECT_NE(unprotect(packets[1099]), 0u);
  EXPECT_NE(unprotect(packets[100]), 0u);  // 999 behind
  EXPECT_EQ(unprotect(packets[100]), 0u);
  EXPECT_EQ(unprotect(packets[50]), 0u);  // too old to be known as new
}

TEST_P(SrtpTest, EveryChangedByteIsNoticed) {
  const auto packet = protect(rtp_packet(1, 7, 20));
  for (std::size_t i = 0; i < packet.size(); ++i) {
    auto copy = packet;
    copy[i] ^= 1;
    EXPECT_EQ(unprotect(copy), 0u) << i;
  }
  EXPECT_EQ(in.inbound_ssrcs(), 0u);
  EXPECT_NE(unprotect(packet), 0u);
}

TEST_P(SrtpTest, AnyShapeOfGarbage) {
  base::Bytes bytes(200);
  for (int i = 0; i < 20000; ++i) {
    base::random_bytes(bytes);
    bytes[0] = static_cast<std::uint8_t>(0x80 | (bytes[0] & 0x3f));
    const auto size = bytes[199] % 120u;
    const base::Bytes exact(bytes.begin(),
                            bytes.begin() + size);  // so that a read beyond it shows under asan
    EXPECT_EQ(unprotect(exact), 0u);
    auto rtcp = exact;
    EXPECT_EQ(in.unprotect_rtcp(rtcp), 0u);
    auto out_of_shape = exact;
    out_of_shape.resize(size + kSrtpOverhead);
    out.protect_rtcp(out_of_shape, size);
  }
  EXPECT_EQ(in.inbound_ssrcs(), 0u);
}

TEST_P(SrtpTest, HeaderExtensionAndCsrcsThatOverrun) {
  auto packet = rtp_packet(1, 1, 8);
  packet[0] = 0x8f;
  EXPECT_EQ(out.protect_rtp(packet, 20), 0u);
  packet[0] = 0x90;
  base::store_be32(packet.data() + 12, 0xbede0002);
  EXPECT_EQ(out.protect_rtp(packet, 20), 0u);
  base::store_be32(packet.data() + 12, 0xbede0001);
  EXPECT_NE(out.protect_rtp(packet, 20), 0u);
}

// The same packet again, as an answer to a NACK where there is no RTX
TEST_P(SrtpTest, RepeatedTransmission) {
  const auto first = protect(rtp_packet(1, 7));
  protect(rtp_packet(1, 8));
  EXPECT_EQ(protect(rtp_packet(1, 7)), first);
}

// RFC 3711 3.3.1: the roll-over counter
TEST_P(SrtpTest, SequenceNumbersWrap) {
  for (std::uint32_t i = 0; i < 70000; i += 100) {
    ASSERT_NE(unprotect(protect(rtp_packet(1, static_cast<std::uint16_t>(i), 4))), 0u) << i;
  }
}

TEST_P(SrtpTest, NoRoomForTheTag) {
  auto packet = rtp_packet(1, 1);
  EXPECT_EQ(out.protect_rtp(base::MutableByteView(packet).first(120), 112), 0u);
  EXPECT_EQ(out.protect_rtp(packet, packet.size() + 1), 0u);
  EXPECT_EQ(out.protect_rtp(packet, 11), 0u);
}

TEST_P(SrtpTest, InboundSsrcsAreBounded) {
  std::vector<base::Bytes> packets;
  for (std::uint32_t ssrc = 0; ssrc < 300; ++ssrc) {
    packets.push_back(protect(rtp_packet(ssrc, 1)));
    ASSERT_NE(unprotect(packets.back()), 0u);
    ASSERT_NE(unprotect(protect(rtp_packet(0, static_cast<std::uint16_t>(ssrc + 2)))),
              0u);  // one that is always in use
  }
  EXPECT_EQ(in.inbound_ssrcs(), SrtpSession::kMaxInboundSsrcs);
  EXPECT_EQ(unprotect(packets[0]), 0u);  // still known: a replay
  EXPECT_EQ(unprotect(packets[299]), 0u);
  EXPECT_NE(unprotect(packets[1]), 0u);  // forgotten
}

TEST_P(SrtpTest, ForgetFreesAnOutboundStream) {
  protect(rtp_packet(0x01020304, 1));
  EXPECT_TRUE(out.forget(0x01020304));
  EXPECT_FALSE(out.forget(0x01020304));
}

TEST(Srtp, AClosedSessionDoesNothing) {
  SrtpSession session;
  auto packet = rtp_packet(1, 1);
  EXPECT_EQ(session.protect_rtp(packet, 112), 0u);
  EXPECT_EQ(session.unprotect_rtp(packet), 0u);
  EXPECT_FALSE(session.forget(1));
}

INSTANTIATE_TEST_SUITE_P(Profiles, SrtpTest,
                         testing::Values(SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm,
                                         SrtpProfile::kAes128CmHmacSha1_80,
                                         SrtpProfile::kAes128CmHmacSha1_32));

}  // namespace
}  // namespace webrtc
