// A call of two browsers, both with Opus: what one sends under its DTLS-SRTP keys reaches the other under that one's own, the payload
// octet by octet, and nobody decodes it. In virtual time.
#include "support/media_browser.hpp"

using namespace runtime;
using namespace test_support;
using namespace std::chrono_literals;

namespace {

struct WebrtcRelayTest : testing::Test {
  base::TimePoint now{1h};
  BrowserHost host;
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
