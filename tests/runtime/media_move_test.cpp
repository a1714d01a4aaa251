// Legs that move between bridges and media threads, by real sockets: whoever is at the other end notices nothing.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "media/g711.hpp"
#include "rtp/packet.hpp"
#include "runtime/media_pool.hpp"
#include "support/webrtc_client.hpp"
#include "webrtc/tcp_framing.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

base::SocketAddress loopback(std::uint16_t port = 0) { return *base::SocketAddress::parse("127.0.0.1", port); }

bool soon(const std::function<bool()>& done, base::Duration limit = 5s) {
  for (const auto end = Clock::now() + limit; Clock::now() < end; std::this_thread::sleep_for(5ms)) {
    if (done()) return true;
  }
  return done();
}

struct Events final : bridge::MediaEvents {
  std::atomic<int> connected{0}, lost{0}, failed{0};
  void on_media_connected(bridge::LegId) override { ++connected; }
  void on_media_failed(bridge::LegId, std::string_view) override { ++failed; }
  void on_media_lost(bridge::LegId) override { ++lost; }
  void on_talking(bridge::LegId, bool) override {}
  void on_dtmf(bridge::LegId, char) override {}
  void on_sound_ended(bridge::LegId, bool) override {}
};

// What one end hears: a stream that must never break.
struct Heard {
  std::size_t packets = 0, loud = 0, gaps = 0, others = 0;
  std::uint32_t ssrc = 0, timestamp = 0;
  std::uint16_t sequence = 0;
  bool backwards = false;
  void take(base::MutableByteView bytes) {
    const auto packet = rtp::PacketView::parse(bytes);
    if (!packet) return;
    if (packets++ != 0) {
      others += packet->ssrc() != ssrc;
      gaps += static_cast<std::uint16_t>(packet->sequence() - sequence) != 1;
      backwards |= static_cast<std::int32_t>(packet->timestamp() - timestamp) <= 0;
    }
    ssrc = packet->ssrc();
    sequence = packet->sequence();
    timestamp = packet->timestamp();
    loud += media::g711::level(media::AudioCodec::kPcmu, packet->payload()) < 40;
  }
};

base::Bytes speech(std::uint32_t ssrc, std::uint16_t sequence) {
  auto packet = support::rtp_packet(ssrc, sequence, 160);
  packet[1] = 0;
  base::store_be32(packet.data() + 4, sequence * 160u);
  for (std::size_t i = 0; i < 160; ++i) packet[12 + i] = media::g711::encode_ulaw(i % 16 < 8 ? 12000 : -12000);
  return packet;
}

// A browser, by UDP or by ICE-TCP; or a phone with plain RTP.
struct Peer {
  bridge::LegId leg;
  net::UdpSocket socket = *net::UdpSocket::bind(loopback());
  net::Fd connection;
  base::SocketAddress server;
  webrtc::IceCredentials server_ice;
  std::unique_ptr<support::DtlsClient> dtls;   // null: a phone
  webrtc::SrtpSession out, in;
  webrtc::TcpDeframer deframer;
  net::ReceiveBatch batch;
  bool ready = false, answered = false;
  std::uint16_t sequence = 1;
  Clock::time_point checked{};
  Heard heard;

  void write(base::ByteView datagram) {
    if (connection) {
      const auto header = webrtc::tcp_frame_header(datagram.size());
      base::Bytes framed(header.begin(), header.end());
      framed.insert(framed.end(), datagram.begin(), datagram.end());
      static_cast<void>(::send(connection.get(), framed.data(), framed.size(), MSG_NOSIGNAL));
      return;
    }
    sockaddr_storage to;
    const auto length = server.to(to);
    static_cast<void>(::sendto(socket.fd(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to), length));
  }
  void take(base::MutableByteView datagram) {
    if (!dtls) return heard.take(datagram);
    if (datagram[0] < 4) {
      answered = true;
    } else if (datagram[0] < 64) {
      for (const auto& flight : dtls->receive(datagram)) write(flight);
      if (!ready && dtls->connected()) {
        auto sessions = dtls->sessions();
        out = std::move(sessions.first);
        in = std::move(sessions.second);
        ready = true;
      }
    } else if (ready && datagram[1] < 192) {
      if (const auto size = in.unprotect_rtp(datagram)) heard.take(datagram.first(size));
    }
  }
  // One turn of 20 ms: checks, handshake, speech; what has come.
  void turn() {
    if (dtls && Clock::now() - checked > 100ms) {
      checked = Clock::now();
      write(support::binding_request(server_ice, "peer", {.use_candidate = true}));
      if (answered && !ready) {
        for (const auto& flight : dtls->step()) write(flight);
      }
    }
    if (ready || !dtls) {
      auto packet = speech(static_cast<std::uint32_t>(7000 + leg.value), sequence++);
      const auto size = dtls ? out.protect_rtp(packet, 172) : 172;
      write(base::ByteView(packet).first(size));
    }
    if (connection) {
      std::array<std::uint8_t, 16384> buffer;
      for (ssize_t size; (size = ::recv(connection.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
        deframer.feed(base::ByteView(buffer).first(static_cast<std::size_t>(size)), [this](base::MutableByteView packet) { take(packet); });
      }
      return;
    }
    while (const auto count = batch.receive(socket.fd())) {
      for (std::size_t i = 0; i < count; ++i) take(batch.data(i));
    }
  }
};

struct MediaMove : testing::Test {
  runtime::Shard shard{"move"};
  Events events;
  std::unique_ptr<runtime::MediaPool> pool;
  std::vector<std::unique_ptr<Peer>> peers;
  std::uint64_t last_leg = 0;

  void SetUp() override { start(2); }
  void TearDown() override {
    shard.run_and_wait([&] { pool.reset(); });
    EXPECT_EQ(events.lost, 0);
    EXPECT_EQ(events.failed, 0);
  }
  void start(unsigned threads) {
    shard.run_and_wait([&] {
      runtime::MediaConfig config{.addresses = {loopback()}, .bind = loopback(), .external = {}, .threads = threads};
      config.liveness = 3s;
      pool = std::move(*runtime::MediaPool::start(config, shard));
      pool->set_events(events);
    });
  }
  bridge::BridgeId bridge() {
    bridge::BridgeId id;
    shard.run_and_wait([&] { id = pool->create_bridge({}); });
    return id;
  }
  // A bridge on each of `n` threads: one goes where the fewest legs are.
  std::vector<bridge::BridgeId> bridges(int n) {
    std::vector<bridge::BridgeId> result;
    for (int i = 0; i < n; ++i) {
      result.push_back(bridge());
      phone(result.back());
      std::this_thread::sleep_for(20ms);
    }
    return result;
  }
  static bridge::LegMedia media(std::uint32_t ssrc) {
    bridge::LegMedia m;
    sdp::Section section;
    section.active = true;
    section.kind = sdp::MediaKind::kAudio;
    section.role = sdp::Role::kOwnAudio;
    section.direction = sdp::Direction::kSendRecv;
    section.ssrc = ssrc;
    section.codecs = {{.name = "PCMU", .clock_rate = 8000, .fmtp = {}, .rtx_payload_type = {}, .rtx_receive_payload_type = {}}};
    m.negotiated.sections = {section};
    return m;
  }
  bridge::LegMedia media_of(const Peer& peer) {
    auto m = media(static_cast<std::uint32_t>(100 + peer.leg.value));
    if (peer.dtls) {
      m.negotiated.kind = sdp::TransportKind::kWebrtc;
      m.negotiated.remote_ice.ufrag = "peer";
      const auto fingerprint = peer.dtls->fingerprint();
      m.negotiated.fingerprints = {{fingerprint.hash, fingerprint.value}};
    } else {
      m.negotiated.rtp = peer.socket.local();
    }
    return m;
  }
  Peer& phone(bridge::BridgeId bridge) {
    auto& peer = *peers.emplace_back(std::make_unique<Peer>());
    peer.leg = {++last_leg};
    shard.run_and_wait([&] {
      peer.server = pool->create_rtp_leg(peer.leg, bridge, peer.socket.local())->rtp;
      configure(peer);
    });
    return peer;
  }
  Peer& browser(bridge::BridgeId bridge, bool tcp = false) {
    auto& peer = *peers.emplace_back(std::make_unique<Peer>());
    peer.leg = {++last_leg};
    peer.dtls = std::make_unique<support::DtlsClient>();
    shard.run_and_wait([&] {
      const auto endpoint = *pool->create_webrtc_leg(peer.leg, bridge);
      peer.server = loopback(endpoint.address.port());
      peer.server_ice = {endpoint.ufrag, endpoint.pwd};
      if (tcp) connect(peer, endpoint);
      configure(peer);
    });
    return peer;
  }
  static void connect(Peer& peer, const bridge::WebRtcEndpoint& endpoint) {
    for (const auto& candidate : endpoint.candidates) {
      if (candidate.find(" tcp ") == std::string::npos) continue;
      const auto at = candidate.find("127.0.0.1 ") + 10;
      peer.connection = net::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_storage to;
      const auto length = loopback(static_cast<std::uint16_t>(std::stoi(candidate.substr(at)))).to(to);
      ASSERT_EQ(::connect(peer.connection.get(), reinterpret_cast<sockaddr*>(&to), length), 0);
    }
    ASSERT_TRUE(peer.connection);
  }
  // On the shard.
  void configure(const Peer& peer) {
    pool->configure(peer.leg, media_of(peer));
    pool->join(peer.leg);
  }
  void move_now(const Peer& peer, bridge::BridgeId to) {
    pool->move_leg(peer.leg, to);
    configure(peer);
  }
  void move(const Peer& peer, bridge::BridgeId to) {
    shard.run_and_wait([&] { move_now(peer, to); });
  }
  void remove(Peer& peer) {
    shard.run_and_wait([&] { pool->remove_leg(peer.leg); });
    std::erase_if(peers, [&](const auto& p) { return p.get() == &peer; });
  }
  void talk(base::Duration length, const std::vector<Peer*>& silent = {}) {
    for (const auto end = Clock::now() + length; Clock::now() < end; std::this_thread::sleep_for(18ms)) {
      for (auto& peer : peers) {
        if (std::find(silent.begin(), silent.end(), peer.get()) == silent.end()) peer->turn();
      }
    }
  }
  bool connect_all() {
    return soon([&] {
      talk(20ms);
      return std::all_of(peers.begin(), peers.end(), [](const auto& p) { return p->ready || !p->dtls; });
    });
  }
  // From now on `peer` hears somebody, by a stream without a break.
  bool hears(Peer& peer) {
    const auto loud = peer.heard.loud;
    return soon([&] {
      talk(40ms);
      return peer.heard.loud > loud + 10;
    });
  }
  void forget_heard() {
    for (auto& peer : peers) peer->heard.loud = 0;
  }
  static void expect_unbroken(const Peer& peer) {
    EXPECT_GT(peer.heard.packets, 20u);
    EXPECT_EQ(peer.heard.gaps, 0u) << peer.leg.value;
    EXPECT_EQ(peer.heard.others, 0u);
    EXPECT_FALSE(peer.heard.backwards);
  }
};

TEST_F(MediaMove, ABrowserSpeaksOnWithWhoIsOnAnotherThread) {
  const auto b = bridges(2);
  auto& first = *peers[0];
  auto& second = *peers[1];
  auto& page = browser(b[0]);
  ASSERT_TRUE(connect_all());
  ASSERT_TRUE(hears(page));
  ASSERT_TRUE(hears(first));
  move(page, b[1]);
  ASSERT_TRUE(hears(page));
  ASSERT_TRUE(hears(second));
  first.heard.loud = 0;
  talk(200ms);
  EXPECT_LE(first.heard.loud, 3u);               // it is alone
  expect_unbroken(page);
  expect_unbroken(second);
  move(page, b[0]);                              // and back to where its port is
  ASSERT_TRUE(hears(first));
  ASSERT_TRUE(hears(page));
  expect_unbroken(page);
  EXPECT_EQ(events.connected, 3);
}

TEST_F(MediaMove, SoDoesAPhoneAndABrowserBehindTcp) {
  const auto b = bridges(2);
  auto& second = *peers[1];
  auto& page = browser(b[0], true);
  auto& phone_too = phone(b[0]);
  ASSERT_TRUE(connect_all());
  ASSERT_TRUE(hears(page));
  move(page, b[1]);
  move(phone_too, b[1]);
  remove(*peers[0]);
  second.sequence = 20000;
  ASSERT_TRUE(hears(page));
  ASSERT_TRUE(hears(phone_too));
  ASSERT_TRUE(hears(second));
  talk(3500ms);                                  // longer than the patience with silent legs
  ASSERT_TRUE(hears(page));
  expect_unbroken(page);
  expect_unbroken(phone_too);
}

TEST_F(MediaMove, WithinAThreadToo) {
  const auto a = bridge(), b = bridge();
  auto& first = phone(a);
  auto& second = phone(b);
  auto& page = browser(a);
  ASSERT_TRUE(connect_all());
  ASSERT_TRUE(hears(page));
  move(page, b);
  first.heard.loud = 0;
  ASSERT_TRUE(hears(second));
  ASSERT_TRUE(hears(page));
  expect_unbroken(page);
}

// Three threads: neither where it comes from nor where it goes is where its port is. All at once, and in both directions.
TEST_F(MediaMove, OnAndOnInOneTurn) {
  shard.run_and_wait([&] { pool.reset(); });
  start(3);
  const auto b = bridges(3);
  auto& page = browser(b[0]);
  auto& by_tcp = browser(b[1], true);
  ASSERT_TRUE(connect_all());
  shard.run_and_wait([&] {
    for (const auto to : {b[1], b[2], b[0], b[1], b[0], b[2], b[1]}) move_now(page, to);
    for (const auto to : {b[0], b[2], b[1], b[2]}) move_now(by_tcp, to);
  });
  remove(*peers[0]);
  ASSERT_TRUE(hears(page));
  ASSERT_TRUE(hears(by_tcp));
  ASSERT_TRUE(hears(*peers[1]));
  expect_unbroken(page);
  expect_unbroken(by_tcp);
}

// Its peer may come by another address meanwhile, and restart ICE.
TEST_F(MediaMove, AMovedLegsPeerRoamsAndRestarts) {
  const auto b = bridges(2);
  auto& page = browser(b[0]);
  ASSERT_TRUE(connect_all());
  move(page, b[1]);
  ASSERT_TRUE(hears(page));
  page.socket = *net::UdpSocket::bind(loopback());
  ASSERT_TRUE(hears(page));
  shard.run_and_wait([&] {
    const auto [ufrag, pwd] = pool->restart_ice(page.leg);
    page.server_ice = {ufrag, pwd};
  });
  page.socket = *net::UdpSocket::bind(loopback());
  page.answered = false;
  ASSERT_TRUE(hears(page));
  EXPECT_TRUE(page.answered);
  ASSERT_TRUE(hears(*peers[1]));
}

// A leg that has not even connected when it moves.
TEST_F(MediaMove, ItConnectsAfterTheMoveAsWell) {
  const auto b = bridges(2);
  auto& page = browser(b[0]);
  move(page, b[1]);
  ASSERT_TRUE(connect_all());
  ASSERT_TRUE(hears(page));
  ASSERT_TRUE(hears(*peers[1]));
}

TEST_F(MediaMove, BridgesAndLegsMayGoAtAnyMoment) {
  const auto b = bridges(2);
  for (int round = 0; round < 20; ++round) {
    auto& page = browser(b[0]);
    if (round % 2 == 0) ASSERT_TRUE(connect_all());
    bridge::BridgeId passing;
    shard.run_and_wait([&] {
      passing = pool->create_bridge({});
      pool->move_leg(page.leg, b[1]);
      pool->move_leg(page.leg, passing);
      if (round % 3 == 0) pool->move_leg(page.leg, b[0]);
      if (round % 3 != 1) pool->join(page.leg);
      pool->set_muted(page.leg, true);
      pool->remove_leg(page.leg);
      pool->remove_bridge(passing);
      pool->move_leg(page.leg, b[0]);            // there is none
    });
    talk(20ms);
    std::erase_if(peers, [&](const auto& p) { return p.get() == &page; });
  }
  // A move to a bridge that is removed before the leg arrives: the leg goes with it.
  auto& page = browser(b[0]);
  ASSERT_TRUE(connect_all());
  shard.run_and_wait([&] {
    const auto gone = pool->create_bridge({});
    pool->move_leg(page.leg, gone);
    pool->remove_bridge(gone);
    pool->move_leg(page.leg, b[1]);
    configure(page);
  });
  ASSERT_TRUE(hears(page));
}

// The threads end while legs live away from their ports.
TEST_F(MediaMove, TheProgramMayEndAtAnyMoment) {
  const auto b = bridges(2);
  auto& page = browser(b[0]);
  auto& other = browser(b[1], true);
  ASSERT_TRUE(connect_all());
  move(page, b[1]);
  move(other, b[0]);
  talk(100ms);
  shard.run_and_wait([&] {
    move_now(page, b[0]);
    pool.reset();
  });
  page.turn();
}

}  // namespace
