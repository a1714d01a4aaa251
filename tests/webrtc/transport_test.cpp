#include "webrtc/transport.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>

#include "support/webrtc_client.hpp"

namespace webrtc {
namespace {

using namespace std::chrono_literals;
using support::binding_request;
using support::receiver_report;
using support::rtp_packet;

struct Sink : TransportSink {
  void send(const base::SocketAddress& to, base::ByteView d) override {
    sent.emplace_back(to, base::Bytes(d.begin(), d.end()));
  }
  void on_rtp(base::MutableByteView p, base::TimePoint) override { rtp.emplace_back(p.begin(), p.end()); }
  void on_rtcp(base::MutableByteView p, base::TimePoint) override { rtcp.emplace_back(p.begin(), p.end()); }
  void on_connected(std::string_view profile) override { profiles.emplace_back(profile); }
  void on_failed(std::string_view reason) override { failures.emplace_back(reason); }
  void on_closed() override { ++closed; }
  void on_selected(const base::SocketAddress& a) override { selected.push_back(a); }
  std::vector<std::pair<base::SocketAddress, base::Bytes>> sent;
  std::vector<base::Bytes> rtp, rtcp;
  std::vector<std::string> profiles, failures;
  std::vector<base::SocketAddress> selected;
  int closed = 0;
};

std::shared_ptr<const DtlsContext> shared_context() {
  static const auto context = *DtlsContext::make(*Certificate::make(base::WallTime::clock::now()));
  return context;
}

struct TransportTest : testing::Test {
  TransportTest() { make({client.fingerprint()}); }

  void make(std::vector<Fingerprint> fingerprints) {
    transport = std::make_unique<Transport>(
        TransportConfig{.local = ice,
                        .remote = {.ufrag = "peer", .fingerprints = std::move(fingerprints), .our_role = {}},
                        .dtls = shared_context()},
        sink);
  }
  void put(base::Bytes datagram, const base::SocketAddress& from) {
    transport->on_datagram(datagram, from, now);
  }
  void check(const base::SocketAddress& from, bool nominate = true) {
    put(binding_request(ice, "peer", {.use_candidate = nominate}), from);
  }
  // Passes DTLS to and fro until nothing moves.
  void exchange(support::DtlsClient& c, std::vector<base::Bytes> to_server) {
    for (int turn = 0; turn < 20 && !to_server.empty(); ++turn) {
      for (auto& d : to_server) put(std::move(d), here);
      to_server.clear();
      for (auto& [to, datagram] : std::exchange(sink.sent, {})) {
        if (datagram[0] < 20) continue;
        EXPECT_EQ(to, here);
        EXPECT_LE(datagram.size(), kDtlsMtu);
        for (auto& answer : c.receive(datagram)) to_server.push_back(std::move(answer));
      }
    }
  }
  void connect() {
    check(here);
    sink.sent.clear();
    exchange(client, client.step());
    ASSERT_TRUE(transport->connected());
    std::tie(client_out, client_in) = client.sessions();
  }
  base::Bytes from_client(std::uint32_t ssrc, std::uint16_t sequence) {
    auto p = rtp_packet(ssrc, sequence);
    p.resize(client_out.protect_rtp(p, p.size() - kSrtpOverhead));
    return p;
  }

  base::TimePoint now{1000s};
  const base::SocketAddress here = *base::SocketAddress::parse("192.0.2.1", 4000);
  const base::SocketAddress there = *base::SocketAddress::parse("2001:db8::9", 4001);
  IceCredentials ice = make_ice_credentials();
  support::DtlsClient client;
  SrtpSession client_out, client_in;
  Sink sink;
  std::unique_ptr<Transport> transport;
};

TEST_F(TransportTest, WholeLifeOfALeg) {
  connect();
  EXPECT_EQ(sink.profiles, std::vector<std::string>{"SRTP_AEAD_AES_128_GCM"});
  EXPECT_EQ(transport->srtp_profile(), "SRTP_AEAD_AES_128_GCM");
  EXPECT_EQ(transport->selected_address(), here);
  now += 1s;
  put(from_client(11, 1), here);
  ASSERT_EQ(sink.rtp.size(), 1u);
  const auto plain = rtp_packet(11, 1);
  EXPECT_TRUE(std::equal(sink.rtp[0].begin(), sink.rtp[0].end(), plain.begin()));
  EXPECT_EQ(sink.rtp[0].size(), plain.size() - kSrtpOverhead);
  EXPECT_EQ(transport->last_authenticated(), now);

  auto report = receiver_report(11);
  report.resize(client_out.protect_rtcp(report, 8));
  put(report, here);
  ASSERT_EQ(sink.rtcp.size(), 1u);
  EXPECT_EQ(sink.rtcp[0].size(), 8u);

  auto out = rtp_packet(22, 9);
  const auto size = transport->protect_rtp(out, out.size() - kSrtpOverhead);
  ASSERT_GT(size, 0u);
  EXPECT_EQ(client_in.unprotect_rtp(base::MutableByteView(out).first(size)), 112u);
  auto out_report = receiver_report(22);
  const auto report_size = transport->protect_rtcp(out_report, 8);
  EXPECT_EQ(client_in.unprotect_rtcp(base::MutableByteView(out_report).first(report_size)), 8u);

  transport->close(now);
  ASSERT_EQ(sink.sent.size(), 1u);
  client.receive(sink.sent[0].second);
  EXPECT_TRUE(client.closed_by_peer());
  check(here);
  EXPECT_EQ(sink.sent.size(), 1u);
  EXPECT_EQ(transport->protect_rtp(out, 112), 0u);
}

// Survival 14: DTLS from an address that ICE has not validated
TEST_F(TransportTest, DtlsFromAStranger) {
  const auto hello = client.step();
  put(hello.at(0), here);
  EXPECT_TRUE(sink.sent.empty());
  EXPECT_EQ(transport->counters().dtls_from_stranger, 1u);
  check(here);
  sink.sent.clear();
  put(hello.at(0), there);
  EXPECT_TRUE(sink.sent.empty());
  EXPECT_EQ(transport->counters().dtls_from_stranger, 2u);
  exchange(client, hello);
  EXPECT_TRUE(transport->connected());
}

TEST_F(TransportTest, AStrangersAlertDuringTheHandshake) {
  check(here);
  sink.sent.clear();
  put(client.step().at(0), here);
  for (const auto& from : {there, here}) put({21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40}, from);
  std::vector<base::Bytes> answers;
  for (const auto& [to, d] : std::exchange(sink.sent, {})) {
    for (auto& a : client.receive(d)) answers.push_back(std::move(a));
  }
  exchange(client, std::move(answers));
  EXPECT_TRUE(transport->connected());
}

// Survival 13
TEST_F(TransportTest, ForgedStunValidatesNothing) {
  put(binding_request(ice, "peer", {.use_candidate = true, .password = "not-the-password-at-all"}), here);
  EXPECT_EQ(transport->counters().bad_stun, 1u);
  EXPECT_FALSE(transport->is_validated(here));
  EXPECT_EQ(transport->last_authenticated(), base::TimePoint{});
  ASSERT_EQ(sink.sent.size(), 1u);
  EXPECT_EQ(parse_stun(sink.sent[0].second)->error_code, 401);
  connect();
  put(binding_request(ice, "peer", {.use_candidate = true, .password = "not-the-password-at-all"}), there);
  EXPECT_EQ(transport->selected_address(), here);
}

// Survival 15
TEST_F(TransportTest, WrongFingerprint) {
  make({shared_context()->certificate().fingerprint()});
  check(here);
  exchange(client, client.step());
  EXPECT_FALSE(transport->connected());
  EXPECT_TRUE(transport->failed());
  EXPECT_FALSE(client.connected());  // refused within the handshake, not after it
  ASSERT_EQ(sink.failures.size(), 1u);
  EXPECT_TRUE(sink.profiles.empty());
  auto out = rtp_packet(1, 1);
  EXPECT_EQ(transport->protect_rtp(out, 112), 0u);
  exchange(client, client.step());
  EXPECT_EQ(sink.failures.size(), 1u);
}

// Survival 16
TEST_F(TransportTest, BadSrtpEndsNothing) {
  connect();
  const auto good = from_client(1, 1);
  put(good, here);
  put(good, here);  // replayed
  auto damaged = from_client(1, 2);
  damaged.back() ^= 1;
  put(damaged, here);
  put({0x80}, here);
  put({0x80, 0xc8}, here);
  put({}, here);
  put({0x50, 1, 2}, here);
  put(from_client(1, 3), there);  // authentic, but from nowhere that ICE knows
  base::Bytes garbage(400);
  for (int i = 0; i < 2000; ++i) {
    base::random_bytes(garbage);
    garbage[0] = static_cast<std::uint8_t>(128 + i % 64);
    put(base::Bytes(garbage.begin(), garbage.begin() + i % 400), here);
  }
  const auto& c = transport->counters();
  EXPECT_EQ(c.rtp_in, 1u);
  EXPECT_GE(c.bad_srtp, 3u);
  EXPECT_GE(c.bad_srtcp, 1u);
  EXPECT_GE(c.unknown, 2u);
  EXPECT_EQ(c.media_from_stranger, 1u);
  put(from_client(1, 4), here);
  EXPECT_EQ(sink.rtp.size(), 2u);
}

TEST_F(TransportTest, MediaBeforeTheHandshakeIsDropped) {
  check(here);
  put(rtp_packet(1, 1), here);
  EXPECT_EQ(transport->counters().early_media, 1u);
  EXPECT_TRUE(sink.rtp.empty());
}

// RFC 8445 9, RFC 8842 5.1: an ICE restart leaves DTLS and SRTP alone
TEST_F(TransportTest, IceRestartKeepsDtls) {
  connect();
  const auto old = ice;
  ice = make_ice_credentials();
  transport->restart_ice(ice, "next");
  transport->set_remote({.ufrag = "next", .fingerprints = {client.fingerprint("sha-384")}, .our_role = {}},
                        now);
  put(from_client(1, 1), here);
  EXPECT_EQ(sink.rtp.size(), 1u);
  put(binding_request(old, "peer"), here);  // consent by the old ones, until the new are used
  EXPECT_EQ(transport->counters().stun_requests, 2u);
  put(binding_request(ice, "next", {.use_candidate = true}), there);
  EXPECT_EQ(transport->selected_address(), there);
  EXPECT_EQ(sink.selected.back(), there);
  put(from_client(1, 2), there);
  EXPECT_EQ(sink.rtp.size(), 2u);
  EXPECT_TRUE(transport->connected());
  EXPECT_EQ(sink.profiles.size(), 1u);
}

TEST_F(TransportTest, FingerprintLearntLater) {
  make({});
  check(here);
  sink.sent.clear();
  exchange(client, client.step());
  EXPECT_TRUE(client.connected());
  EXPECT_FALSE(transport->connected());
  transport->set_remote({.ufrag = {}, .fingerprints = {client.fingerprint()}, .our_role = {}}, now);
  EXPECT_TRUE(transport->connected());
}

// RFC 8842 5.1: another fingerprint is another association
TEST_F(TransportTest, ANewFingerprintBeginsANewAssociation) {
  connect();
  support::DtlsClient reloaded;
  transport->set_remote({.ufrag = "peer", .fingerprints = {reloaded.fingerprint()}, .our_role = {}}, now);
  EXPECT_FALSE(transport->connected());
  auto out = rtp_packet(1, 1);
  EXPECT_EQ(transport->protect_rtp(out, 112), 0u);
  sink.sent.clear();
  exchange(reloaded, reloaded.step());
  EXPECT_TRUE(transport->connected());
  EXPECT_EQ(sink.profiles.size(), 2u);
}

TEST_F(TransportTest, AFailedLegRecoversWithTheRightFingerprint) {
  make({shared_context()->certificate().fingerprint()});
  check(here);
  exchange(client, client.step());
  ASSERT_TRUE(transport->failed());
  support::DtlsClient again;
  transport->set_remote({.ufrag = {}, .fingerprints = {again.fingerprint()}, .our_role = {}}, now);
  sink.sent.clear();
  exchange(again, again.step());
  EXPECT_TRUE(transport->connected());
}

TEST_F(TransportTest, ThePagesCloseNotify) {
  connect();
  sink.sent.clear();
  exchange(client, client.close());
  EXPECT_EQ(sink.closed, 1);
  EXPECT_FALSE(transport->connected());
}

// Two of ours, one as DTLS client, with every third datagram lost
TEST_F(TransportTest, ClientRoleAndLoss) {
  Sink other_sink;
  IceCredentials other_ice = make_ice_credentials();
  const auto other_context = *DtlsContext::make(*Certificate::make(base::WallTime::clock::now()));
  make({other_context->certificate().fingerprint()});
  Transport other({.local = other_ice,
                   .remote = {.ufrag = "x",
                              .fingerprints = {shared_context()->certificate().fingerprint()},
                              .our_role = DtlsRole::kClient},
                   .dtls = other_context},
                  other_sink);
  check(here);
  auto request = binding_request(other_ice, "x", {.use_candidate = true});
  other.on_datagram(request, there, now);
  int number = 0;
  for (int turn = 0; turn < 100 && !(transport->connected() && other.connected()); ++turn) {
    const auto a = std::exchange(sink.sent, {});
    const auto b = std::exchange(other_sink.sent, {});
    if (a.empty() && b.empty()) {
      const auto next = std::min(transport->deadline(), other.deadline());
      ASSERT_NE(next, base::kNever);
      now = next;
      transport->on_timer(now);
      other.on_timer(now);
    }
    for (auto [to, d] : a) {
      if (d[0] >= 20 && ++number % 3 != 0) other.on_datagram(d, there, now);
    }
    for (auto [to, d] : b) {
      if (d[0] >= 20 && ++number % 3 != 0) transport->on_datagram(d, here, now);
    }
  }
  EXPECT_TRUE(transport->connected());
  EXPECT_TRUE(other.connected());
  auto p = rtp_packet(1, 1);
  p.resize(other.protect_rtp(p, 112));
  transport->on_datagram(p, here, now);
  EXPECT_EQ(sink.rtp.size(), 1u);
}

TEST_F(TransportTest, ReadyForThePassiveAnswerer) {
  transport->set_remote({.ufrag = {}, .fingerprints = {}, .our_role = DtlsRole::kClient}, now);
  EXPECT_TRUE(sink.sent.empty());
  check(here);
  ASSERT_EQ(sink.sent.size(), 2u);
  EXPECT_EQ(sink.sent[1].second[0], 22);
}

// Issue 2 item 21: 100 WebRTC legs well below 100 MB
TEST_F(TransportTest, MemoryOfAHundredLegs) {
  connect();  // what is allocated once
  struct Leg {
    Sink sink;
    std::unique_ptr<Transport> transport;
  };
  const auto before = mallinfo2();
  std::vector<std::unique_ptr<Leg>> legs;
  for (int i = 0; i < 100; ++i) {
    auto leg = std::make_unique<Leg>();
    support::DtlsClient c;
    leg->transport = std::make_unique<Transport>(
        TransportConfig{.local = ice,
                        .remote = {.ufrag = "peer", .fingerprints = {c.fingerprint()}, .our_role = {}},
                        .dtls = shared_context()},
        leg->sink);
    auto request = binding_request(ice, "peer", {.use_candidate = true});
    leg->transport->on_datagram(request, here, now);
    leg->sink.sent.clear();
    auto to_server = c.step();
    while (!to_server.empty()) {
      for (auto& d : to_server) leg->transport->on_datagram(d, here, now);
      to_server.clear();
      for (auto& [to, d] : std::exchange(leg->sink.sent, {})) {
        for (auto& a : c.receive(d)) to_server.push_back(std::move(a));
      }
    }
    ASSERT_TRUE(leg->transport->connected());
    legs.push_back(std::move(leg));
  }
  const auto after = mallinfo2();
  if (after.uordblks == 0) GTEST_SKIP() << "no figures from this allocator";
  const auto each = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / legs.size();
  RecordProperty("bytes_per_leg", static_cast<int>(each));
  EXPECT_LT(each, 300'000u);
}

}  // namespace
}  // namespace webrtc
