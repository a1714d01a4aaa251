#include "webrtc/dtls.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <chrono>
#include <deque>
#include <functional>

#include "base/text.hpp"
#include "support/webrtc_client.hpp"

namespace webrtc {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const DtlsContext> make_context() {
  auto context = DtlsContext::make(*Certificate::make(base::WallTime::clock::now()));
  EXPECT_TRUE(context);
  return *context;
}

struct Outbox : DtlsSender {
  void send_dtls(base::ByteView datagram) override {
    datagrams.emplace_back(datagram.begin(), datagram.end());
  }
  std::deque<base::Bytes> datagrams;
};

// Two associations and a network between them, in virtual time.
struct Pair {
  explicit Pair(base::TimePoint start = base::TimePoint{1000s}) : now(start) {
    client.set_fingerprints({server_context->certificate().fingerprint()});
    server.set_fingerprints({client_context->certificate().fingerprint()});
  }
  // Delivers, 10 ms each way; when nothing is under way, jumps to the next timer. `lost` decides over each
  // datagram.
  void run(const std::function<bool(bool from_client, std::size_t number)>& lost = {}) {
    client.start(now);
    std::size_t sent[2] = {0, 0};
    for (int turn = 0; turn < 400; ++turn) {
      std::deque<base::Bytes> flights[2];
      flights[0].swap(server_out.datagrams);
      flights[1].swap(client_out.datagrams);
      if (flights[0].empty() && flights[1].empty()) {
        if (client.state() == Dtls::State::kConnected && server.state() == Dtls::State::kConnected) return;
        const auto next = std::min(client.deadline(), server.deadline());
        if (next == base::kNever) return;
        now = std::max(now, next);
        ++timeouts;
        client.on_timer(now);
        server.on_timer(now);
        continue;
      }
      now += 10ms;
      for (const bool from_client : {false, true}) {
        for (const auto& datagram : flights[from_client]) {
          EXPECT_LE(datagram.size(), kDtlsMtu);
          if (lost && lost(from_client, sent[from_client]++)) continue;
          (from_client ? server : client).receive(datagram, now);
        }
      }
    }
  }
  bool connected() const {
    return client.state() == Dtls::State::kConnected && server.state() == Dtls::State::kConnected;
  }

  base::TimePoint now;
  int timeouts = 0;
  std::shared_ptr<const DtlsContext> client_context = make_context(), server_context = make_context();
  Outbox client_out, server_out;
  Dtls client{client_context, DtlsRole::kClient, client_out};
  Dtls server{server_context, DtlsRole::kServer, server_out};
};

// RFC 5763 5, RFC 5764 4.2
TEST(Dtls, HandshakeAndKeys) {
  Pair p;
  p.run();
  ASSERT_TRUE(p.connected());
  EXPECT_EQ(p.timeouts, 0);
  const auto c = p.client.take_keys(), s = p.server.take_keys();
  ASSERT_TRUE(c && s);
  EXPECT_EQ(c->outbound.profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(c->outbound.bytes, s->inbound.bytes);
  EXPECT_EQ(c->inbound.bytes, s->outbound.bytes);
  EXPECT_NE(c->inbound.bytes, c->outbound.bytes);
  EXPECT_FALSE(p.client.take_keys());
  EXPECT_EQ(p.client.deadline(), base::kNever);
  EXPECT_EQ(p.server.deadline(), base::kNever);
}

// RFC 6347 4.2.4: each datagram of the handshake lost in turn
TEST(Dtls, EachDatagramLostOnce) {
  for (const bool from_client : {false, true}) {
    for (std::size_t number = 0; number < 4; ++number) {
      Pair p;
      p.run([&](bool client, std::size_t n) { return client == from_client && n == number; });
      EXPECT_TRUE(p.connected()) << from_client << number << p.client.failure() << p.server.failure();
      EXPECT_LE(p.now - base::TimePoint{1000s}, 2s);
    }
  }
}

// RFC 6347 4.2.4.1: and nearly half of all
TEST(Dtls, HeavyLoss) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    Pair p;
    std::uint32_t state = seed * 2654435761u;
    p.run([&](bool, std::size_t) {
      state = state * 1664525 + 1013904223;
      return state >> 24 < 100;
    });
    EXPECT_TRUE(p.connected()) << seed << p.client.failure() << p.server.failure();
  }
}

TEST(Dtls, NobodyThere) {
  Pair p;
  p.run([](bool, std::size_t) { return true; });
  EXPECT_EQ(p.client.state(), Dtls::State::kFailed);
  EXPECT_GE(p.now - base::TimePoint{1000s}, 10s);
  EXPECT_LE(p.now - base::TimePoint{1000s}, 60s);
}

TEST(Dtls, TimersFollowTheCallersClock) {
  Pair p;
  p.client.start(p.now);
  EXPECT_EQ(p.client_out.datagrams.size(), 1u);
  EXPECT_EQ(p.client.deadline(), p.now + 200ms);
  p.client.on_timer(p.now + 199ms);
  EXPECT_EQ(p.client_out.datagrams.size(), 1u);
  p.client.on_timer(p.now + 200ms);
  EXPECT_EQ(p.client_out.datagrams.size(), 2u);
  EXPECT_EQ(p.client.deadline(), p.now + 600ms);
}

// RFC 8827 6.5, RFC 8122 6.2, in both roles
TEST(Dtls, WrongFingerprint) {
  for (const bool server_checks : {true, false}) {
    Pair p;
    (server_checks ? p.server : p.client).set_fingerprints({make_context()->certificate().fingerprint()});
    p.run();
    auto& checker = server_checks ? p.server : p.client;
    EXPECT_EQ(checker.state(), Dtls::State::kFailed);
    EXPECT_NE(checker.failure().find("fingerprint"), std::string_view::npos);
    EXPECT_FALSE(checker.take_keys());
    EXPECT_FALSE((server_checks ? p.client : p.server).take_keys());
  }
}

TEST(Dtls, FingerprintLearntAfterTheHandshake) {
  for (const bool right : {true, false}) {
    Pair p;
    p.server.set_fingerprints({});
    p.run();
    EXPECT_EQ(p.server.state(), Dtls::State::kUnverified);
    EXPECT_FALSE(p.server.take_keys());
    p.server.set_fingerprints({right ? p.client_context->certificate().fingerprint()
                                     : p.server_context->certificate().fingerprint()});
    EXPECT_EQ(p.server.state(), right ? Dtls::State::kConnected : Dtls::State::kFailed);
    EXPECT_EQ(p.server.take_keys().has_value(), right);
  }
}

struct WithClient : testing::Test {
  void run(support::DtlsClient& client) {
    server.set_fingerprints({client.fingerprint()});
    deliver(client, client.step());
  }
  void deliver(support::DtlsClient& client, std::vector<base::Bytes> to_server) {
    for (int turn = 0; turn < 20 && !to_server.empty(); ++turn) {
      for (const auto& d : to_server) server.receive(d, now);
      to_server.clear();
      for (const auto& d : std::exchange(out.datagrams, {})) {
        for (auto& answer : client.receive(d)) to_server.push_back(std::move(answer));
      }
    }
  }
  base::TimePoint now{1000s};
  Outbox out;
  std::shared_ptr<const DtlsContext> context = make_context();
  Dtls server{context, DtlsRole::kServer, out};
};

// RFC 5764 4.1.1: the server's order counts; libwebrtc lists AES-CM first
TEST_F(WithClient, GcmWinsWhateverTheClientsOrder) {
  support::DtlsClient client("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM");
  run(client);
  EXPECT_EQ(server.state(), Dtls::State::kConnected);
  EXPECT_EQ(client.profile(), "SRTP_AEAD_AES_128_GCM");
  EXPECT_EQ(client.server_fingerprint().value, context->certificate().fingerprint().value);
}

TEST_F(WithClient, AesCmWhereThereIsNothingElse) {
  support::DtlsClient client("SRTP_AES128_CM_SHA1_80");
  run(client);
  EXPECT_EQ(server.state(), Dtls::State::kConnected);
  EXPECT_EQ(client.profile(), "SRTP_AES128_CM_SHA1_80");
}

// No fall-back from SRTP to anything else
TEST_F(WithClient, NoSrtpProfileFails) {
  support::DtlsClient client(nullptr);
  run(client);
  EXPECT_EQ(server.state(), Dtls::State::kFailed);
}

TEST_F(WithClient, NoCertificateFails) {
  support::DtlsClient client("SRTP_AEAD_AES_128_GCM", false);
  run(client);
  EXPECT_EQ(server.state(), Dtls::State::kFailed);
  EXPECT_FALSE(server.take_keys());
}

TEST_F(WithClient, CloseNotifyBothWays) {
  support::DtlsClient client;
  run(client);
  ASSERT_EQ(server.state(), Dtls::State::kConnected);
  server.close(now);
  ASSERT_EQ(out.datagrams.size(), 1u);
  client.receive(out.datagrams[0]);
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_EQ(server.state(), Dtls::State::kClosed);
}

TEST_F(WithClient, ThePeersCloseNotify) {
  support::DtlsClient client;
  run(client);
  deliver(client, client.close());
  EXPECT_EQ(server.state(), Dtls::State::kClosed);
}

TEST_F(WithClient, PlainAlertsAndGarbageAfterTheHandshakeChangeNothing) {
  support::DtlsClient client;
  run(client);
  ASSERT_EQ(server.state(), Dtls::State::kConnected);
  const base::Bytes alert{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
  server.receive(alert, now);
  auto forged = alert;
  forged[4] = 1;  // the epoch in use
  server.receive(forged, now);
  support::DtlsClient other;
  for (const auto& d : other.step()) server.receive(d, now);
  base::Bytes garbage(300);
  for (int i = 0; i < 500; ++i) {
    base::random_bytes(garbage);
    garbage[0] = static_cast<std::uint8_t>(20 + i % 44);
    if (i % 2 == 0) {
      garbage[1] = 0xfe;
      garbage[2] = 0xfd;
      garbage[11] = 0;
      garbage[12] = static_cast<std::uint8_t>(garbage[12] & 0x7f);
    }
    server.receive(base::ByteView(garbage).first(1 + garbage[20]), now);
  }
  EXPECT_EQ(server.state(), Dtls::State::kConnected);
  deliver(client, client.close());
  EXPECT_EQ(server.state(), Dtls::State::kClosed);
}

TEST_F(WithClient, GarbageBeforeTheHandshakeDoesNotPreventIt) {
  base::Bytes garbage(300);
  for (int i = 0; i < 200; ++i) {
    base::random_bytes(garbage);
    garbage[0] = static_cast<std::uint8_t>(20 + i % 44);
    server.receive(garbage, now);
  }
  support::DtlsClient client;
  run(client);
  EXPECT_EQ(server.state(), Dtls::State::kConnected);
}

// RFC 8122 5
TEST(Fingerprints, HashesAndCase) {
  const auto certificate = *Certificate::make(base::WallTime::clock::now());
  const auto other = *Certificate::make(base::WallTime::clock::now());
  const auto of = [&](std::string_view hash) { return fingerprint_of(certificate->x509(), hash); };
  EXPECT_EQ(certificate->fingerprint().hash, "sha-256");
  EXPECT_EQ(certificate->fingerprint().value.size(), 95u);
  for (const char* hash : {"sha-1", "SHA-256", "sha-384", "sha-512"}) {
    auto f = of(hash);
    EXPECT_TRUE(fingerprint_matches(certificate->x509(), {{f}})) << hash;
    EXPECT_FALSE(fingerprint_matches(other->x509(), {{f}})) << hash;
    for (auto& c : f.value) c = base::to_lower(c);
    EXPECT_TRUE(fingerprint_matches(certificate->x509(), {{f}})) << hash;
  }
  EXPECT_FALSE(fingerprint_matches(certificate->x509(), {}));
  EXPECT_FALSE(fingerprint_matches(certificate->x509(), {{{"md5", "00"}}}));
  EXPECT_FALSE(fingerprint_matches(certificate->x509(), {{{"sha-256", ""}}}));
  // The strongest hash decides: a matching SHA-1 does not help against a wrong SHA-256.
  const std::vector<Fingerprint> mixed{of("sha-1"), fingerprint_of(other->x509(), "sha-256")};
  EXPECT_FALSE(fingerprint_matches(certificate->x509(), mixed));
  const std::vector<Fingerprint> several{fingerprint_of(other->x509(), "sha-256"), of("sha-256")};
  EXPECT_TRUE(fingerprint_matches(certificate->x509(), several));
}

}  // namespace
}  // namespace webrtc
