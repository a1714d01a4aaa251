#include <gtest/gtest.h>

#include "media/dtmf_events.hpp"
#include "media/symmetric_rtp.hpp"
#include "media/talk_detector.hpp"

using namespace media;
using namespace std::chrono_literals;

namespace {

class Keypad {
 public:
  DtmfEvents events;
  std::string got;
  std::uint16_t seq = 65530;

  void packet(char digit, std::uint32_t timestamp, std::uint16_t duration, bool end, bool marker = false) {
    const auto payload = *write_telephone_event({.digit = digit, .end = end, .duration = duration});
    if (const auto d = events.push({.marker = marker, .seq = seq++, .timestamp = timestamp, .ssrc = 7, .payload = payload})) got += *d;
  }
};

base::SocketAddress at(const char* text) { return *base::SocketAddress::parse_with_port(text); }

}  // namespace

// RFC 4733 2.5.1.4
TEST(DtmfEvents, OneReportForManyPackets) {
  Keypad k;
  k.packet('1', 1000, 160, false, true);
  k.packet('1', 1000, 320, false);
  for (int i = 0; i < 3; ++i) k.packet('1', 1000, 480, true);
  k.packet('1', 3000, 160, false, true);  // the same key again
  for (int i = 0; i < 3; ++i) k.packet('1', 3000, 480, true);
  k.packet('#', 6000, 480, true);  // all but one packet lost
  k.packet('D', 9000, 160, false);
  EXPECT_EQ(k.got, "11#D");
}

TEST(DtmfEvents, RepeatedOldPacketsAndForeignEventsAreNone) {
  Keypad k;
  k.packet('1', 1000, 480, true);
  k.packet('2', 3000, 480, true);
  k.seq = 65530;
  k.packet('1', 1000, 480, true);
  const base::Bytes flash{16, 0x80, 0, 1}, cut{1, 2};
  EXPECT_FALSE(k.events.push({.seq = 50, .timestamp = 9000, .ssrc = 7, .payload = flash}));
  EXPECT_FALSE(k.events.push({.seq = 51, .timestamp = 9900, .ssrc = 7, .payload = cut}));
  EXPECT_EQ(k.got, "12");
}

// RFC 4733 2.5.1.3
TEST(DtmfEvents, ALongEventInSegmentsIsOne) {
  Keypad k;
  k.packet('9', 1000, 0xffff, false, true);
  k.packet('9', 1000 + 0xffff, 400, false);
  k.packet('9', 1000 + 0xffff, 800, true);
  EXPECT_EQ(k.got, "9");
}

// RFC 4961 4
TEST(SymmetricRtp, TheSignalledAddressWinsAtOnceAndForGood) {
  SymmetricRtp s;
  const auto phone = at("192.0.2.1:4000"), thief = at("203.0.113.9:9000");
  s.set_signalled(phone, {});
  EXPECT_EQ(s.destination(), phone);
  base::TimePoint now(1s);
  EXPECT_TRUE(s.accept(phone, 1, 1, now));
  for (std::uint16_t i = 0; i < 1000; ++i) EXPECT_FALSE(s.accept(thief, 1, i, now));
  EXPECT_EQ(s.destination(), phone);
  EXPECT_TRUE(s.accept(phone, 1, 2, now));
}

TEST(SymmetricRtp, ASourceBehindNatIsLearntAndThenFixed) {
  SymmetricRtp s;
  const auto nat = at("198.51.100.7:31000"), thief = at("203.0.113.9:9000");
  s.set_signalled(at("10.0.0.5:4000"), {});
  base::TimePoint now(60s);
  EXPECT_FALSE(s.accept(nat, 5, 10, now));
  EXPECT_FALSE(s.accept(thief, 6, 1, now));   // one packet of another restarts the count, but does not win
  for (std::uint16_t i = 11; i < 14; ++i) EXPECT_FALSE(s.accept(nat, 5, i, now));
  EXPECT_TRUE(s.accept(nat, 5, 14, now));
  EXPECT_EQ(s.destination(), nat);
  for (std::uint16_t i = 0; i < 100; ++i) EXPECT_FALSE(s.accept(thief, 6, i, now));
  now += 6s;
  for (std::uint16_t i = 0; i < 100; ++i) EXPECT_FALSE(s.accept(at("10.0.0.5:4001"), 6, i, now));
  EXPECT_FALSE(s.accept(at("10.0.0.5:4000"), 6, 0, now));
  EXPECT_TRUE(s.fixed());
  EXPECT_TRUE(s.accept(nat, 5, 15, now));
}

TEST(SymmetricRtp, InTheWindowTheSignalledAddressTakesItBack) {
  SymmetricRtp s;
  const auto phone = at("192.0.2.1:4000"), thief = at("203.0.113.9:9000");
  s.set_signalled(phone, {});
  base::TimePoint now(1s);
  for (std::uint16_t i = 0; i < 10; ++i) s.accept(thief, 6, i, now);
  EXPECT_EQ(s.destination(), thief);
  now += 2s;
  EXPECT_TRUE(s.accept(phone, 1, 1, now));
  EXPECT_EQ(s.destination(), phone);
  EXPECT_FALSE(s.accept(thief, 6, 10, now));
}

TEST(SymmetricRtp, ANewAddressInSdpOpensTheWindowAnewTheSameDoesNot) {
  SymmetricRtp s;
  const auto a = at("192.0.2.1:4000"), b = at("192.0.2.2:5000");
  s.set_signalled(a, {});
  EXPECT_TRUE(s.accept(a, 1, 1, base::TimePoint(1s)));
  s.set_signalled(a, {});
  EXPECT_TRUE(s.fixed());
  s.set_signalled(b, {});
  EXPECT_EQ(s.destination(), b);
  EXPECT_TRUE(s.accept(b, 9, 1, base::TimePoint(2s)));
  EXPECT_FALSE(s.accept(a, 1, 2, base::TimePoint(2s)));
  s.set_signalled(at("0.0.0.0:5000"), {});
  EXPECT_FALSE(s.destination());
}

TEST(SymmetricRtp, AnotherSsrcFromTheSameAddressMustGoOn) {
  SymmetricRtp s;
  const auto a = at("192.0.2.1:4000");
  s.set_signalled(a, {});
  const base::TimePoint now(1s);
  EXPECT_TRUE(s.accept(a, 1, 1, now));
  EXPECT_FALSE(s.accept(a, 2, 500, now));
  EXPECT_TRUE(s.accept(a, 1, 2, now));
  for (std::uint16_t i = 501; i < 503; ++i) EXPECT_FALSE(s.accept(a, 2, i, now));
  EXPECT_TRUE(s.accept(a, 2, 503, now));
}

TEST(TalkDetector, AClickIsNoTalkAndAPauseIsNoEnd) {
  TalkDetector t;
  base::TimePoint now(1h);
  EXPECT_FALSE(t.update(10, 20ms, now));
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(t.update(127, 20ms, now += 20ms));
  EXPECT_FALSE(t.update(10, 20ms, now += 20ms));
  EXPECT_FALSE(t.update(10, 20ms, now += 20ms));
  EXPECT_EQ(t.update(10, 20ms, now += 20ms), true);
  EXPECT_FALSE(t.tick(now + 2499ms));
  EXPECT_EQ(t.tick(now + 2500ms), false);
}

TEST(DominantSpeaker, TurnsOnlyToWhoIsLouderForAWhile) {
  DominantSpeaker d;
  base::TimePoint now(1h);
  EXPECT_TRUE(d.update(1, 1000, now));
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(d.update(2, 10, now += 20ms));
  EXPECT_FALSE(d.update(1, 0, now += 20ms));   // he is back in time
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(d.update(2, 2, now += 20ms));  // too little
  bool changed = false;
  for (int i = 0; i < 30; ++i) changed |= d.update(2, 10, now += 20ms);
  EXPECT_TRUE(changed);
  EXPECT_EQ(d.current(), 2U);
}
