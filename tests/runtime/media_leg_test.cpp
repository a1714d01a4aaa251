#include "runtime/media_leg.hpp"

#include <gtest/gtest.h>

#include "runtime/media_bridge.hpp"

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

// A phone's end of the line, and the leg that is told of it.
struct PlainLeg : testing::Test {
  base::TimePoint now{1h};
  Host host;
  MediaBridge bridge{{}, host};
  net::UdpSocket phone = *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0));
  MediaLeg leg{{1}, bridge, host, {*net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)), {}}};
  net::ReceiveBatch batch;
  std::array<std::uint8_t, 160> sound{};
  std::uint32_t timestamp = 0;

  void SetUp() override {
    bridge::LegMedia media;
    media.negotiated.rtp = phone.local();
    sdp::Section section;
    section.active = true;
    section.kind = sdp::MediaKind::kAudio;
    section.role = sdp::Role::kOwnAudio;
    section.direction = sdp::Direction::kSendRecv;
    section.ssrc = 5;
    section.codecs = {{.name = "PCMU", .clock_rate = 8000, .fmtp = {}, .rtx_payload_type = {}, .rtx_receive_payload_type = {}}};
    media.negotiated.sections = {section};
    bridge.add(leg);
    leg.configure(media, now);
    leg.join(now);
  }
  void send(bool silent, int packets) {
    for (int i = 0; i < packets; ++i, timestamp += 160) {
      leg.send_audio({.payload = sound, .codec = media::AudioCodec::kPcmu, .payload_type = 0, .marker = false, .timestamp = timestamp, .shared = 0,
                      .silent = silent}, now);
    }
  }
  struct Heard {
    std::size_t packets = 0;
    bool marker = false;              // of the first
    std::uint16_t sequence = 0;       // of the last
    std::uint32_t timestamp = 0;
  };
  Heard heard() {
    Heard result;
    while (const auto count = batch.receive(phone.fd())) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto packet = rtp::PacketView::parse(batch.data(i));
        if (result.packets++ == 0) result.marker = packet->marker();
        result.sequence = packet->sequence();
        result.timestamp = packet->timestamp();
      }
    }
    return result;
  }
  void phone_sends() {
    std::array<std::uint8_t, 172> packet;
    rtp::write_packet(packet, {.payload_type = 0, .marker = false, .sequence = 1, .timestamp = 0, .ssrc = 9}, sound);
    leg.on_plain_rtp(packet, phone.local(), now);
  }
};

}  // namespace

// RFC 3551 4.1
TEST_F(PlainLeg, SilenceForOneWhoSendsNothingIsSentNowAndThen) {
  send(true, 100);
  const auto silent = heard();
  EXPECT_EQ(silent.packets, 10U);
  send(false, 20);
  const auto talk = heard();
  EXPECT_EQ(talk.packets, 20U);
  EXPECT_TRUE(talk.marker);
  EXPECT_EQ(static_cast<std::uint16_t>(talk.sequence - silent.sequence), 20);   // without a gap
  EXPECT_EQ(talk.timestamp - silent.timestamp, 160U * (9 + 20));                // while the clock went on
  send(false, 2);
  EXPECT_FALSE(heard().marker);
}

TEST_F(PlainLeg, WhoSendsIsSentEverything) {
  phone_sends();
  EXPECT_EQ(host.connected, 1);
  send(true, 100);
  const auto silent = heard();
  EXPECT_EQ(silent.packets, 100U);
  EXPECT_FALSE(silent.marker);
}

TEST_F(PlainLeg, SilenceIsWithheldNoMoreWhenThePeerBegins) {
  send(true, 5);
  EXPECT_EQ(heard().packets, 1U);
  phone_sends();
  send(true, 50);
  const auto all = heard();
  EXPECT_EQ(all.packets, 50U);
  EXPECT_TRUE(all.marker);
}
