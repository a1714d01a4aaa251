// A call of two browsers, both with Opus: what one sends under its DTLS-SRTP keys reaches the other under that one's own, the payload
// octet by octet, and nobody decodes it. In virtual time, the browsers' ends on loopback.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "rtp/packet.hpp"
#include "runtime/media_bridge.hpp"
#include "support/webrtc_client.hpp"

using namespace runtime;
using namespace std::chrono_literals;

namespace {

net::UdpSocket bound() { return *net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)); }

std::shared_ptr<const webrtc::DtlsContext> server_context() {
  static const auto context = *webrtc::DtlsContext::make(*webrtc::Certificate::make(base::WallTime::clock::now()));
  return context;
}

struct Host final : MediaLegHost, MediaBridgeHost, media::ForwardSink {
  net::UdpSocket socket = bound();
  MediaOutput out{socket};
  std::vector<std::pair<std::uint64_t, bool>> talk;
  MediaOutput& output() override { return out; }
  bool send_tcp(const base::SocketAddress&, base::ByteView) override { return false; }
  media::ForwardSink& forward_sink() override { return *this; }
  void on_leg_connected(MediaLeg&) override {}
  void on_leg_failed(MediaLeg&, std::string_view reason) override { ADD_FAILURE() << reason; }
  void poll_soon() override {}
  void on_talking(bridge::LegId leg, bool talking) override { talk.emplace_back(leg.value, talking); }
  void on_digit(bridge::LegId, char) override {}
  void emit(media::VideoWatcher&, base::ByteView, base::ByteView) override {}
};

struct Heard {
  std::uint8_t payload_type;
  std::uint16_t sequence;
  std::uint32_t timestamp, ssrc;
  base::Bytes payload, level;
};

// Each browser has numbers of its own for the same things.
struct Numbers {
  std::uint8_t opus, level, mid;
};

struct Browser {
  static constexpr std::uint32_t kStep = 960;   // 20 ms
  Host& host;
  const Numbers numbers;
  const webrtc::IceCredentials ice = webrtc::make_ice_credentials();
  net::UdpSocket socket = bound();
  support::DtlsClient dtls;
  MediaLeg leg;
  bridge::LegMedia media;
  webrtc::SrtpSession out, in;
  net::ReceiveBatch batch;
  std::uint16_t sequence;
  std::uint32_t timestamp, ssrc;
  std::vector<base::Bytes> sent;
  std::vector<Heard> heard;

  Browser(std::uint64_t id, MediaBridge& bridge, Host& to, Numbers given, std::string_view codec = "opus")
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
    c.name = codec, c.clock_rate = codec == "opus" ? 48000 : 8000;
    c.payload_type = c.receive_payload_type = numbers.opus;
    section.codecs = {c};
    media.negotiated.sections = {section};
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
  void listen() {
    receive([this](base::MutableByteView datagram) {
      if (datagram[0] < 128 || (datagram[1] >= 192 && datagram[1] <= 223)) return;
      const auto size = in.unprotect_rtp(datagram);
      ASSERT_GT(size, 0U) << "not under this one's keys";
      const auto p = rtp::PacketView::parse(datagram.first(size));
      ASSERT_TRUE(p);
      const auto payload = p->payload();
      const auto level = p->extension(numbers.level);
      heard.push_back({p->payload_type(), p->sequence(), p->timestamp(), p->ssrc(), {payload.begin(), payload.end()}, {level.begin(), level.end()}});
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

struct WebrtcRelayTest : testing::Test {
  base::TimePoint now{1h};
  Host host;
  MediaBridge bridge{{}, host};
  Browser a{1, bridge, host, {.opus = 111, .level = 1, .mid = 4}};
  Browser b{2, bridge, host, {.opus = 96, .level = 3, .mid = 9}};

  void SetUp() override {
    a.connect(now);
    b.connect(now);
    bridge.rewire(now);
  }
  void run(int frames) {
    for (int i = 0; i < frames; ++i) {
      a.speak(now);
      now += 9ms;
      bridge.run(now);
      b.speak(now);
      now += 11ms;
      bridge.run(now);
      a.listen();
      b.listen();
    }
  }
  void forget() {
    for (auto* each : {&a, &b}) {
      each->sent.clear();
      each->heard.clear();
    }
  }
  static void expect_same(const Browser& from, const Browser& to) {
    ASSERT_EQ(to.heard.size(), from.sent.size());
    for (std::size_t i = 0; i < from.sent.size(); ++i) {
      const auto& h = to.heard[i];
      EXPECT_EQ(h.payload, from.sent[i]) << i;
      EXPECT_EQ(h.payload_type, to.numbers.opus);
      EXPECT_EQ(h.ssrc, to.leg.id().value);                      // a stream of our own, not the sender's
      EXPECT_EQ(h.level, (base::Bytes{0x80 | 20}));
      EXPECT_EQ(static_cast<std::uint16_t>(h.sequence - to.heard[0].sequence), i);
      EXPECT_EQ(h.timestamp - to.heard[0].timestamp, i * Browser::kStep);
    }
  }
};

}  // namespace

// RFC 3550 7.1, RFC 7587 4
TEST_F(WebrtcRelayTest, OpusOfTwoBrowsersPassesOctetByOctetAndIsNeitherDecodedNorEncoded) {
  run(15);
  ASSERT_TRUE(bridge.relaying());
  const auto before = bridge.mixer().counters();
  forget();
  run(250);
  const auto after = bridge.mixer().counters();
  EXPECT_TRUE(bridge.relaying());
  EXPECT_EQ(after.decoded, before.decoded);
  EXPECT_EQ(after.encoded_own, before.encoded_own);
  EXPECT_EQ(after.encoded_shared, before.encoded_shared);
  expect_same(a, b);
  expect_same(b, a);
  EXPECT_EQ(host.talk.size(), 2U);           // that somebody speaks is known all the same, by the level that the packets tell
}

TEST_F(WebrtcRelayTest, AThirdOneMakesItAMixAndWhenItHasGoneItIsRelayedAgain) {
  run(15);
  ASSERT_TRUE(bridge.relaying());
  {
    Browser c(3, bridge, host, {.opus = 109, .level = 1, .mid = 3});
    c.connect(now);
    bridge.rewire(now);
    run(1);
    forget();
    run(20);
    EXPECT_FALSE(bridge.relaying());
    ASSERT_GT(b.heard.size(), 10U);
    for (const auto& h : b.heard) EXPECT_EQ(std::ranges::find(a.sent, h.payload), a.sent.end());
    c.leg.leave();
  }
  run(15);
  ASSERT_TRUE(bridge.relaying());
  forget();
  run(50);
  expect_same(a, b);
  expect_same(b, a);
}

// Under SRTP a number that comes again is a replay: mixed and relayed packets share one sequence (RFC 3711 3.3.2).
TEST_F(WebrtcRelayTest, FromMixedToRelayedAndBackNoNumberIsUsedTwice) {
  for (int round = 0; round < 4; ++round) {
    run(30);
    EXPECT_TRUE(bridge.relaying());
    a.leg.set_muted(true);
    run(10);
    EXPECT_FALSE(bridge.relaying());
    a.leg.set_muted(false);
  }
  for (const auto* each : {&a, &b}) {
    ASSERT_GT(each->heard.size(), 140U);
    for (std::size_t i = 1; i < each->heard.size(); ++i) {
      EXPECT_EQ(static_cast<std::uint16_t>(each->heard[i].sequence - each->heard[i - 1].sequence), 1) << i;
      EXPECT_GT(static_cast<std::int32_t>(each->heard[i].timestamp - each->heard[i - 1].timestamp), 0) << i;
    }
  }
}
