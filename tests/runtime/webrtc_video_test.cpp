// Pictures between browsers: one stream in each of a page's sections, whoever is seen in it. In virtual time.
#include "support/media_browser.hpp"

using namespace runtime;
using namespace test_support;
using namespace std::chrono_literals;

namespace {

struct WebrtcVideoTest : testing::Test {
  base::TimePoint now{1h};
  BrowserHost host;
  MediaBridge bridge{{}, host};
  Browser a{1, bridge, host, {.opus = 111, .level = 1, .mid = 4, .vp8 = 96}};
  Browser b{2, bridge, host, {.opus = 96, .level = 3, .mid = 9, .vp8 = 120}};
  Browser c{3, bridge, host, {.opus = 109, .level = 1, .mid = 3, .vp8 = 97}};

  void SetUp() override {
    for (auto* each : {&a, &b, &c}) each->connect(now);
  }
  // Whom `who` is shown; null: nobody.
  void show(Browser& who, const Browser* whom) {
    who.media.shows.clear();
    if (whom != nullptr) who.media.shows = {{1, {.value = whom->leg.id().value}}};
    who.leg.configure(who.media, now);
    bridge.rewire(now);
  }
  void run(std::vector<Browser*> senders, int frames = 5) {
    for (int i = 0; i < frames; ++i) {
      for (auto* each : senders) each->show(now);
      now += 125ms;
      for (auto* each : {&a, &b, &c}) each->listen();
    }
  }
};

}  // namespace

// RFC 3711 3.3.1: who decrypts takes a number that is not above the last one for a replay.
TEST_F(WebrtcVideoTest, AStreamGoesOnThoughNobodyIsSeenForAWhile) {
  show(b, &a);
  run({&a});
  ASSERT_EQ(b.seen.size(), 5U);
  for (int round = 0; round < 8; ++round) {
    show(b, nullptr);
    run({&a, &c});
    show(b, round % 2 == 0 ? &c : &a);
    run({&a, &c});
  }
  ASSERT_EQ(b.seen.size(), 45U);
  for (std::size_t i = 1; i < b.seen.size(); ++i) {
    EXPECT_EQ(static_cast<std::uint16_t>(b.seen[i].sequence - b.seen[i - 1].sequence), 1) << i;
    EXPECT_GT(static_cast<std::int32_t>(b.seen[i].timestamp - b.seen[i - 1].timestamp), 0) << i;
    EXPECT_EQ(b.seen[i].ssrc, b.seen[0].ssrc);
  }
}

// A section that was closed, or is another stream by its SSRC, begins anew.
TEST_F(WebrtcVideoTest, AnotherSsrcIsAnotherStream) {
  show(b, &a);
  run({&a});
  b.media.negotiated.sections[1].active = false;
  show(b, nullptr);
  run({&a});
  EXPECT_TRUE(b.leg.shown().empty());
  b.media.negotiated.sections[1].active = true;
  b.media.negotiated.sections[1].ssrc = 7777;
  show(b, &c);
  run({&a, &c});
  ASSERT_EQ(b.seen.size(), 10U);
  EXPECT_EQ(b.seen.back().ssrc, 7777U);
  EXPECT_EQ(b.leg.shown().size(), 1U);
}
