// A plain leg under SRTP, with keys as the SDP gives them: what goes out can be read with the key alone, and only what is authentic comes in.
#include "runtime/sdes_srtp.hpp"

#include <gtest/gtest.h>

#include "runtime/media_bridge.hpp"
#include "runtime/media_leg.hpp"

using namespace runtime;
using namespace std::chrono_literals;

namespace {

struct Host final : MediaLegHost, MediaBridgeHost, media::ForwardSink {
  net::UdpSocket socket = *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0));
  MediaOutput out{socket};
  int connected = 0;
  MediaOutput& output() override { return out; }
  bool send_tcp(const base::SocketAddress&, base::ByteView) override { return false; }
  media::ForwardSink& forward_sink() override { return *this; }
  void on_leg_connected(MediaLeg&) override { ++connected; }
  void on_leg_failed(MediaLeg&, std::string_view) override {}
  void poll_soon() override {}
  void on_talking(bridge::LegId, bool) override {}
  void on_digit(bridge::LegId, char) override {}
  void emit(media::VideoWatcher&, base::ByteView, base::ByteView) override {}
};

net::UdpSocket loopback() { return *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)); }

struct SecuredLeg : testing::TestWithParam<sdp::SrtpSuite> {
  base::TimePoint now{1h};
  Host host;
  MediaBridge bridge{{}, host};
  net::UdpSocket phone = loopback(), phone_rtcp = loopback(), elsewhere = loopback();
  MediaLeg leg{{1}, bridge, host, {loopback(), loopback()}};
  net::ReceiveBatch batch;
  std::array<std::uint8_t, 160> sound{};
  std::uint32_t timestamp = 0;
  sdp::Sdes keys;
  SdesSrtp peer;                       // the phone's end
  bridge::LegMedia media;

  void SetUp() override {
    keys = {"1", sdp::fresh_srtp_key(GetParam()), sdp::fresh_srtp_key(GetParam())};
    peer.configure({"1", keys.remote, keys.local});
    sdp::Section section;
    section.active = true;
    section.kind = sdp::MediaKind::kAudio;
    section.role = sdp::Role::kOwnAudio;
    section.direction = sdp::Direction::kSendRecv;
    section.ssrc = 5;
    section.codecs = {{.name = "PCMU", .clock_rate = 8000, .fmtp = {}, .rtx_payload_type = {}, .rtx_receive_payload_type = {}}};
    media.negotiated.rtp = phone.local();
    media.negotiated.rtcp = phone_rtcp.local();
    media.negotiated.sdes = keys;
    media.negotiated.sections = {section};
    bridge.add(leg);
    leg.configure(media, now);
    leg.join(now);
  }
  void send(int packets = 1) {
    for (int i = 0; i < packets; ++i, timestamp += 160) {
      leg.send_audio({.payload = sound, .codec = media::AudioCodec::kPcmu, .payload_type = 0, .marker = false, .timestamp = timestamp, .shared = 0, .silent = false}, now);
    }
  }
  std::vector<base::Bytes> received(const net::UdpSocket& at) {
    std::vector<base::Bytes> result;
    while (const auto count = batch.receive(at.fd())) {
      for (std::size_t i = 0; i < count; ++i) result.emplace_back(batch.data(i).begin(), batch.data(i).end());
    }
    return result;
  }
  base::Bytes packet(std::uint16_t sequence) const {
    base::Bytes bytes(12 + sound.size());
    rtp::write_packet(bytes, {.payload_type = 0, .marker = false, .sequence = sequence, .timestamp = sequence * 160u, .ssrc = 9}, sound);
    return bytes;
  }
  base::Bytes secured(SdesSrtp& by, std::uint16_t sequence) const {
    auto bytes = packet(sequence);
    const auto size = bytes.size();
    bytes.resize(size + webrtc::kSrtpOverhead);
    bytes.resize(by.protect_rtp(bytes, size));
    return bytes;
  }
  void arrives(base::Bytes bytes, const net::UdpSocket& from) { leg.on_plain_rtp(bytes, from.local(), now); }
};

}  // namespace

// RFC 4568 6.1, RFC 3711, RFC 7714
TEST_P(SecuredLeg, WhatGoesOutIsReadWithOurKeyAlone) {
  send(3);
  auto heard = received(phone);
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_NE(heard[0].size(), 172u);
  std::uint16_t last = 0;
  for (auto& datagram : heard) {
    SdesSrtp stranger;
    stranger.configure({"1", sdp::fresh_srtp_key(GetParam()), sdp::fresh_srtp_key(GetParam())});
    auto copy = datagram;
    EXPECT_TRUE(stranger.unprotect_rtp(copy).empty());
    const auto clear = peer.unprotect_rtp(datagram);
    ASSERT_EQ(clear.size(), 172u);
    EXPECT_TRUE(std::equal(sound.begin(), sound.end(), clear.begin() + 12));
    last = rtp::PacketView::parse(clear)->sequence();
  }
  EXPECT_EQ(leg.sdes()->counters().not_sendable, 0u);
  // RFC 3711 3.3.1: another clock under the same key doesn't count anew.
  media.negotiated.sections[0].codecs[0] = {.name = "opus", .clock_rate = 48000, .channels = 2, .payload_type = 96, .receive_payload_type = 96, .fmtp = {}, .rtx_payload_type = {}, .rtx_receive_payload_type = {}};
  leg.configure(media, now);
  send();
  heard = received(phone);
  ASSERT_EQ(heard.size(), 1u);
  const auto clear = peer.unprotect_rtp(heard[0]);
  ASSERT_FALSE(clear.empty());
  EXPECT_EQ(rtp::PacketView::parse(clear)->sequence(), static_cast<std::uint16_t>(last + 1));
}

// Survival 16: what isn't authentic is dropped, and the call goes on. Survival 17: nothing is learnt from it.
TEST_P(SecuredLeg, OnlyWhatIsAuthenticComesInAndTeachesAnAddress) {
  for (std::uint16_t i = 0; i < 20; ++i) arrives(packet(i), elsewhere);      // in clear
  SdesSrtp stranger;
  stranger.configure({"1", sdp::fresh_srtp_key(GetParam()), sdp::fresh_srtp_key(GetParam())});
  for (std::uint16_t i = 0; i < 20; ++i) arrives(secured(stranger, i), elsewhere);
  auto changed = secured(peer, 0);
  changed[20] ^= 1;
  arrives(changed, phone);
  arrives({}, phone);
  arrives({0x80}, phone);
  EXPECT_EQ(host.connected, 0);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 43u);
  send();
  EXPECT_EQ(received(phone).size(), 1u);
  EXPECT_EQ(received(elsewhere).size(), 0u);
  // A phone behind a NAT is learnt by what it has signed.
  for (std::uint16_t i = 1; i < 10; ++i) arrives(secured(peer, i), elsewhere);
  EXPECT_EQ(host.connected, 1);
  send();
  EXPECT_EQ(received(elsewhere).size(), 1u);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 43u);
}

TEST_P(SecuredLeg, ReplaysAreDropped) {
  const auto once = secured(peer, 7);
  arrives(once, phone);
  arrives(once, phone);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 1u);
}

// RFC 3711 3.4
TEST_P(SecuredLeg, RtcpIsSecuredBothWays) {
  arrives(secured(peer, 1), phone);
  send(60);
  std::vector<base::Bytes> reports;
  for (int i = 0; i < 400 && reports.empty(); ++i) {
    now += 100ms;
    leg.poll_feedback(now, base::WallTime{1h});
    reports = received(phone_rtcp);
  }
  ASSERT_FALSE(reports.empty());
  EXPECT_GE(peer.unprotect_rtcp(reports[0]).size(), 8u);
  base::Bytes report = {0x80, 201, 0, 1, 0, 0, 0, 9};
  leg.on_plain_rtcp(report, phone_rtcp.local(), now);
  EXPECT_EQ(leg.sdes()->counters().bad_srtcp, 1u);
  report.resize(8 + webrtc::kSrtpOverhead);
  report.resize(peer.protect_rtcp(report, 8));
  leg.on_plain_rtcp(report, phone_rtcp.local(), now);
  EXPECT_EQ(leg.sdes()->counters().bad_srtcp, 1u);
}

// A hold or a refresh brings the same keys: the count goes on. A new key of the peer's is taken.
TEST_P(SecuredLeg, KeysThatStayAndKeysThatChange) {
  arrives(secured(peer, 1), phone);
  send();
  leg.configure(media, now);
  send();
  auto heard = received(phone);
  ASSERT_EQ(heard.size(), 2u);
  for (auto& datagram : heard) EXPECT_FALSE(peer.unprotect_rtp(datagram).empty());
  SdesSrtp again;   // a phone that has lost its count and begins anew, under the same key: a replay
  again.configure({"1", keys.remote, keys.local});
  arrives(secured(again, 1), phone);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 1u);

  const sdp::Sdes renewed{"1", sdp::fresh_srtp_key(GetParam()), sdp::fresh_srtp_key(GetParam())};
  const auto old = secured(peer, 2);
  media.negotiated.sdes = renewed;
  leg.configure(media, now);
  peer.configure({"1", renewed.remote, renewed.local});
  arrives(old, phone);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 2u);
  arrives(secured(peer, 3), phone);
  EXPECT_EQ(leg.sdes()->counters().bad_srtp, 2u);
  send();
  heard = received(phone);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_FALSE(peer.unprotect_rtp(heard[0]).empty());
}

INSTANTIATE_TEST_SUITE_P(Suites, SecuredLeg,
                         testing::Values(sdp::SrtpSuite::kAeadAes128Gcm, sdp::SrtpSuite::kAeadAes256Gcm, sdp::SrtpSuite::kAesCm128HmacSha1_80,
                                         sdp::SrtpSuite::kAesCm128HmacSha1_32));
