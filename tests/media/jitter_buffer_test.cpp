#include "media/jitter_buffer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace media;
using namespace std::chrono_literals;
using Kind = JitterFrame::Kind;

namespace {

// A sender of 20 ms packets at 8 kHz whose payload says which one it is, a network, and a player every 20 ms.
class Line {
 public:
  JitterBuffer buffer{8000};
  base::TimePoint now{1h};
  std::uint32_t ssrc = 1;
  std::uint16_t seq = 65500;            // wraps early
  std::uint32_t timestamp = 0xffffff00;  // so does this
  std::map<Kind, int> seen;
  std::vector<int> played;
  base::Duration longest_excess{};

  JitterBuffer::Push push(int number, base::TimePoint at) {
    const base::Bytes payload(160, static_cast<std::uint8_t>(number));
    AudioPacket p{.seq = static_cast<std::uint16_t>(seq + number),
                  .timestamp = timestamp + static_cast<std::uint32_t>(number) * 160, .ssrc = ssrc, .payload = payload};
    return buffer.push(p, 160, at);
  }
  void send(int number, base::Duration delay) { network_.emplace(now + delay, number); }
  JitterFrame play() {
    while (!network_.empty() && network_.begin()->first <= now) {
      push(network_.begin()->second, network_.begin()->first);
      network_.erase(network_.begin());
    }
    const auto frame = buffer.pull(now);
    ++seen[frame.kind];
    if (frame.kind == Kind::kPacket) played.push_back(frame.payload[0]);
    longest_excess = std::max(longest_excess, frame.excess);
    now += 20ms;
    return frame;
  }

 private:
  std::multimap<base::TimePoint, int> network_;
};

}  // namespace

TEST(JitterBuffer, PlaysInOrderAfterItsTarget) {
  Line line;
  for (int i = 0; i < 100; ++i) {
    line.send(i, 5ms);
    line.play();
  }
  EXPECT_LE(line.seen[Kind::kNothing], 4);
  EXPECT_EQ(line.seen[Kind::kLost], 0);
  for (std::size_t i = 0; i < line.played.size(); ++i) EXPECT_EQ(line.played[i], static_cast<int>(i));
  EXPECT_EQ(line.buffer.target(), 20ms);
}

TEST(JitterBuffer, NothingBeforeTheFirstPacketAndForever) {
  JitterBuffer buffer(48000);
  EXPECT_EQ(buffer.pull(base::TimePoint(1s)).kind, Kind::kNothing);
}

// RFC 3550 6.4.1
TEST(JitterBuffer, ReorderingWithinTheTargetIsInvisible) {
  Line line;
  for (int i = 0; i < 300; ++i) {
    line.send(i, i % 5 == 2 ? 30ms : 1ms);
    line.play();
  }
  line.seen.clear();
  line.played.clear();
  for (int i = 300; i < 500; ++i) {
    line.send(i, i % 5 == 2 ? 30ms : 1ms);
    line.play();
  }
  EXPECT_EQ(line.seen[Kind::kLost] + line.seen[Kind::kRecovered], 0);
  for (std::size_t i = 1; i < line.played.size(); ++i) EXPECT_EQ((line.played[i - 1] + 1) % 256, line.played[i]);
}

TEST(JitterBuffer, LossFromOneToTwentyPerCentIsConcealedOneForOne) {
  for (const int per_cent : {1, 5, 20}) {
    std::mt19937 random(7);
    Line line;
    int sent = 0;
    for (int i = 0; i < 5000; ++i) {
      if (static_cast<int>(random() % 100) >= per_cent) {
        line.send(i, base::Duration(random() % 8'000'000));
        ++sent;
      }
      line.play();
    }
    EXPECT_GE(line.seen[Kind::kPacket], sent - sent / 50 - 5) << per_cent;
    EXPECT_NEAR(line.seen[Kind::kLost] + line.seen[Kind::kRecovered], 5000 - sent, 60) << per_cent;
    if (per_cent <= 5) EXPECT_GT(line.seen[Kind::kRecovered], (5000 - sent) * 8 / 10) << per_cent;
    EXPECT_LE(line.buffer.packets(), 12U);
  }
}

TEST(JitterBuffer, TwoHundredMillisecondsOfJitter) {
  std::mt19937 random(3);
  Line line;
  for (int i = 0; i < 1000; ++i) {
    line.send(i, base::Duration(random() % 200'000'000));
    line.play();
  }
  EXPECT_GE(line.buffer.target(), 180ms);
  const auto late = line.buffer.counters().late;
  line.seen.clear();
  for (int i = 1000; i < 3000; ++i) {
    line.send(i, base::Duration(random() % 200'000'000));
    line.play();
  }
  EXPECT_LT(line.buffer.counters().late - late, 100U);
  EXPECT_GT(line.seen[Kind::kPacket], 1880);
  // Calm again: the target follows.
  for (int i = 3000; i < 6000; ++i) {
    line.send(i, 100ms);
    line.play();
  }
  EXPECT_LE(line.buffer.target(), 30ms);
}

TEST(JitterBuffer, DuplicatesAndLatePacketsPlayOnce) {
  Line line;
  EXPECT_EQ(line.push(0, line.now), JitterBuffer::Push::kStored);
  EXPECT_EQ(line.push(0, line.now), JitterBuffer::Push::kDuplicate);
  for (int i = 1; i < 50; ++i) {
    line.send(i, 0ms);
    line.send(i, 1ms);
    line.play();
  }
  EXPECT_EQ(line.push(10, line.now), JitterBuffer::Push::kLate);
  EXPECT_EQ(line.push(5, line.now), JitterBuffer::Push::kLate);
  for (std::size_t i = 1; i < line.played.size(); ++i) EXPECT_EQ(line.played[i - 1] + 1, line.played[i]);
}

// RFC 3550 A.1
TEST(JitterBuffer, NewSsrcOrNewSequenceStartsAnew) {
  Line line;
  for (int i = 0; i < 100; ++i) line.send(i, 0ms), line.play();
  line.ssrc = 2;
  line.seq = 9;
  line.timestamp = 12345;
  line.played.clear();
  for (int i = 0; i < 20; ++i) line.send(i, 0ms), line.play();
  EXPECT_GE(line.played.size(), 15U);
  EXPECT_EQ(line.played[0], 0);
  line.seq = 30000;  // the same SSRC
  line.timestamp = 777777777;
  line.played.clear();
  for (int i = 0; i < 30; ++i) line.send(i, 0ms), line.play();
  EXPECT_GE(line.played.size(), 20U);
  EXPECT_LE(line.played[1], 4);  // [0] was still waiting
}

TEST(JitterBuffer, AStrayPacketFarAwayIsRefused) {
  Line line;
  for (int i = 0; i < 50; ++i) line.send(i, 0ms), line.play();
  EXPECT_EQ(line.push(5000, line.now), JitterBuffer::Push::kRefused);
  line.played.clear();
  for (int i = 50; i < 100; ++i) line.send(i, 0ms), line.play();
  EXPECT_GE(line.played.size(), 48U);
}

TEST(JitterBuffer, SilenceBetweenTalkSpurtsIsKeptAsLongAsItWas) {
  Line line;
  std::uint16_t number = 0;
  for (int i = 0; i < 50; ++i) line.send(number++, 0ms), line.play();
  for (int i = 0; i < 50; ++i) line.play();        // a second of DTX: no packets, but the clock runs
  line.timestamp += 50 * 160;
  line.played.clear();
  line.seen.clear();
  for (int i = 0; i < 50; ++i) line.send(number++, 0ms), line.play();
  EXPECT_EQ(line.seen[Kind::kLost], 0);
  EXPECT_EQ(line.played.front(), 50);
  EXPECT_GE(line.seen[Kind::kPacket], 46);
}

// RFC 4733 2.5.1.2
TEST(JitterBuffer, TelephoneEventsAreNotLostAudio) {
  Line line;
  for (int i = 0; i < 50; ++i) line.send(i, 0ms), line.play();
  for (int i = 50; i < 70; ++i) {
    line.buffer.push_other(1, static_cast<std::uint16_t>(line.seq + i));
    line.play();
  }
  line.seen.clear();
  for (int i = 70; i < 100; ++i) line.send(i, 0ms), line.play();
  EXPECT_EQ(line.seen[Kind::kLost], 0);
  EXPECT_GE(line.seen[Kind::kPacket], 27);
}

TEST(JitterBuffer, APeerThatGoesAwayIsConcealedBrieflyThenSilent) {
  Line line;
  for (int i = 0; i < 50; ++i) line.send(i, 0ms), line.play();
  line.seen.clear();
  for (int i = 0; i < 100; ++i) line.play();
  EXPECT_LE(line.seen[Kind::kLost], 5);
  EXPECT_GE(line.seen[Kind::kNothing], 92);
}

TEST(JitterBuffer, HostileInputIsBounded) {
  std::mt19937 random(1);
  JitterBuffer buffer(8000);
  base::TimePoint now(1h);
  const base::Bytes payload(2000, 1);
  for (int i = 0; i < 200000; ++i) {
    AudioPacket p{.marker = random() % 8 == 0, .seq = static_cast<std::uint16_t>(random() % (i % 3 == 0 ? 65536 : 80)),
                  .timestamp = static_cast<std::uint32_t>(random() % 2 == 0 ? random() : random() % 16000),
                  .ssrc = static_cast<std::uint32_t>(random() % 500 == 0), .payload = base::ByteView(payload).first(random() % 2000)};
    if (random() % 5 == 0) buffer.push_other(p.ssrc, p.seq);
    buffer.push(p, static_cast<std::uint32_t>(random() % 6000), now);
    if (i % 2 == 0) buffer.pull(now);
    now += base::Duration(random() % 30'000'000);
    ASSERT_LE(buffer.packets(), JitterBuffer::kMaxSlots);
  }
}
