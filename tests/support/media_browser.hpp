// Browsers' ends of WebRTC legs on one media bridge: ICE, DTLS and SRTP by support::DtlsClient, packets on loopback, virtual time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "rtp/packet.hpp"
#include "runtime/media_bridge.hpp"
#include "support/webrtc_client.hpp"

namespace test_support {

inline net::UdpSocket loopback_socket() { return *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)); }

inline std::shared_ptr<const webrtc::DtlsContext> server_context() {
  static const auto context = *webrtc::DtlsContext::make(*webrtc::Certificate::make(base::WallTime::clock::now()));
  return context;
}

struct BrowserHost final : runtime::MediaLegHost, runtime::MediaBridgeHost, media::ForwardSink {
  net::UdpSocket socket = loopback_socket();
  runtime::MediaOutput out{socket};
  std::vector<std::pair<std::uint64_t, bool>> talk;
  runtime::MediaOutput& output() override { return out; }
  bool send_tcp(const base::SocketAddress&, base::ByteView) override { return false; }
  media::ForwardSink& forward_sink() override { return *this; }
  void on_leg_connected(runtime::MediaLeg&) override {}
  void on_leg_failed(runtime::MediaLeg&, std::string_view reason) override { ADD_FAILURE() << reason; }
  void poll_soon() override {}
  void on_talking(bridge::LegId leg, bool talking) override { talk.emplace_back(leg.value, talking); }
  void on_digit(bridge::LegId, char) override {}
  void emit(media::VideoWatcher& watcher, base::ByteView header, base::ByteView payload) override {
    static_cast<runtime::MediaLeg*>(watcher.owner())->send_video(header, payload);
  }
};

struct BrowserHeard {
  std::uint8_t payload_type;
  std::uint16_t sequence;
  std::uint32_t timestamp, ssrc;
  base::Bytes payload, level;
};

// Each browser has numbers of its own for the same things.
struct BrowserNumbers {
  std::uint8_t opus, level, mid;
  std::uint8_t vp8 = 0;   // 0: no video
};

struct Browser {
  static constexpr std::uint32_t kStep = 960;   // 20 ms
  BrowserHost& host;
  const BrowserNumbers numbers;
  const webrtc::IceCredentials ice = webrtc::make_ice_credentials();
  net::UdpSocket socket = loopback_socket();
  support::DtlsClient dtls;
  runtime::MediaLeg leg;
  bridge::LegMedia media;
  webrtc::SrtpSession out, in;
  net::ReceiveBatch batch;
  std::uint16_t sequence, picture = 1;
  std::uint32_t timestamp, ssrc;
  std::vector<base::Bytes> sent;
  std::vector<BrowserHeard> heard, seen;   // sound, pictures

  Browser(std::uint64_t id, runtime::MediaBridge& bridge, BrowserHost& to, BrowserNumbers given)
      : host(to), numbers(given), leg({id}, bridge, to, webrtc::TransportConfig{.local = ice, .remote = {}, .dtls = server_context()}),
        sequence(static_cast<std::uint16_t>(id * 20'000)), timestamp(static_cast<std::uint32_t>(id * 1'000'000)), ssrc(static_cast<std::uint32_t>(id * 100)) {
    media.negotiated.kind = sdp::TransportKind::kWebrtc;
    media.negotiated.remote_ice.ufrag = "peer";
    const auto fingerprint = dtls.fingerprint();
    media.negotiated.fingerprints = {{fingerprint.hash, fingerprint.value}};
    sdp::Section section;
    section.active = true;
    section.kind = sdp::MediaKind::kAudio;
    section.role = sdp::Role::kOwnAudio;
    section.direction = sdp::Direction::kSendRecv;
    section.mid = "0";
    section.ssrc = static_cast<std::uint32_t>(id);
    section.extensions = {{.id = numbers.mid, .uri = std::string(sdp::kMidExtension)}, {.id = numbers.level, .uri = std::string(sdp::kAudioLevelExtension)}};
    sdp::Codec c;
    c.name = "opus", c.clock_rate = 48000;
    c.payload_type = c.receive_payload_type = numbers.opus;
    section.codecs = {c};
    media.negotiated.sections = {section};
    if (numbers.vp8 != 0) {
      section.index = 1;
      section.kind = sdp::MediaKind::kVideo;
      section.role = sdp::Role::kOwnVideo;
      section.publishes = sdp::Publishes::kCamera;
      section.mid = "1";
      section.ssrc = static_cast<std::uint32_t>(1000 + id);
      c.name = "VP8", c.clock_rate = 90'000;
      c.payload_type = c.receive_payload_type = numbers.vp8;
      section.codecs = {c};
      media.negotiated.sections.push_back(section);
      media.publishes = {{1, {.value = id}}};
    }
    bridge.add(leg);
  }
  void put(base::Bytes datagram, base::TimePoint now) { leg.transport().on_datagram(datagram, socket.local(), now); }
  void connect(base::TimePoint now) {
    leg.configure(media, now);
    leg.join(now);
    put(support::binding_request(ice, "peer", {.use_candidate = true}), now);
    auto flights = dtls.step();
    for (int turn = 0; turn < 20 && !flights.empty(); ++turn) {
      for (auto& each : std::exchange(flights, {})) put(std::move(each), now);
      receive([&](base::MutableByteView datagram) {
        if (datagram[0] < 20 || datagram[0] > 63) return;
        for (auto& answer : dtls.receive(datagram)) flights.push_back(std::move(answer));
      });
    }
    ASSERT_TRUE(leg.transport().connected());
    std::tie(out, in) = dtls.sessions();
  }
  // A frame of Opus by its first octet, the rest without any sense: who decodes it and encodes it anew gives another.
  void speak(base::TimePoint now) {
    base::Bytes payload(61);
    base::random_bytes(payload);
    payload[0] = 0x78;                       // CELT, fullband, 20 ms, mono (RFC 6716 section 3.1)
    base::Bytes packet(400);
    rtp::HeaderWriter writer(packet, {.payload_type = numbers.opus, .marker = false, .sequence = sequence++, .timestamp = timestamp, .ssrc = ssrc});
    writer.add_extension(numbers.mid, base::as_bytes(std::string_view("0")));
    const std::array<std::uint8_t, 1> level{0x80 | 20};
    writer.add_extension(numbers.level, level);
    const auto header = writer.finish();
    std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(header));
    packet.resize(out.protect_rtp(packet, header + payload.size()));
    timestamp += kStep;
    sent.push_back(std::move(payload));
    put(std::move(packet), now);
  }
  // A keyframe of one packet (RFC 7741 section 4.2).
  void show(base::TimePoint now) {
    const base::Bytes payload{0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xa0, 0x00, 0x78, 0x00, 0x11, 0x22};
    base::Bytes packet(400);
    rtp::HeaderWriter writer(packet, {.payload_type = numbers.vp8, .marker = true, .sequence = picture++, .timestamp = picture * 11'250u, .ssrc = ssrc + 1});
    writer.add_extension(numbers.mid, base::as_bytes(std::string_view("1")));
    const auto header = writer.finish();
    std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(header));
    packet.resize(out.protect_rtp(packet, header + payload.size()));
    put(std::move(packet), now);
  }
  void listen() {
    receive([this](base::MutableByteView datagram) {
      if (datagram[0] < 128 || (datagram[1] >= 192 && datagram[1] <= 223)) return;
      const auto size = in.unprotect_rtp(datagram);
      ASSERT_GT(size, 0U) << "not under this one's keys";
      const auto p = rtp::PacketView::parse(datagram.first(size));
      ASSERT_TRUE(p);
      const auto payload = p->payload();
      const auto level = p->extension(numbers.level);
      (p->payload_type() == numbers.vp8 ? seen : heard).push_back({p->payload_type(), p->sequence(), p->timestamp(), p->ssrc(), {payload.begin(), payload.end()}, {level.begin(), level.end()}});
    });
  }
  template <typename Take>
  void receive(Take take) {
    host.out.flush();
    while (const auto count = batch.receive(socket.fd())) {
      for (std::size_t i = 0; i < count; ++i) take(batch.data(i));
    }
  }
};

}  // namespace test_support
