#include "runtime/shard.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <thread>

#include "net/udp_socket.hpp"

namespace {

using namespace std::chrono_literals;

TEST(Shard, RunsWorkInOrderOnItsNamedThread) {
  runtime::Shard shard("brain");
  std::vector<int> seen;
  std::string name(16, '\0');
  for (int i = 0; i < 100; ++i) shard.post([&seen, i] { seen.push_back(i); });
  ASSERT_TRUE(shard.run_and_wait([&] {
    EXPECT_TRUE(shard.is_current());
    pthread_getname_np(pthread_self(), name.data(), name.size());
  }));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_STREQ(name.c_str(), "brain");
  EXPECT_FALSE(shard.is_current());
}

TEST(Shard, FiresTimersByTheRealClock) {
  runtime::Shard shard;
  std::promise<std::chrono::steady_clock::time_point> fired;
  const auto start = std::chrono::steady_clock::now();
  shard.post([&] { shard.timeline().after(30ms, [&](base::TimePoint now) { fired.set_value(now); }); });
  auto future = fired.get_future();
  ASSERT_EQ(future.wait_for(3s), std::future_status::ready);
  EXPECT_GE(future.get() - start, 29ms);
}

TEST(Shard, EndsEachTurnWithItsHooksOnceForABatch) {
  runtime::Shard shard;
  int turns = 0, work = 0;
  runtime::Shard::HookId hook = 0;
  shard.run_and_wait([&] { hook = shard.on_turn_end([&] { ++turns; }); });
  std::promise<void> gate;
  shard.post([future = gate.get_future().share()] { future.wait(); });
  for (int i = 0; i < 50; ++i) shard.post([&] { ++work; });
  gate.set_value();
  int turns_at_end = 0;
  shard.run_and_wait([&] { turns_at_end = turns; });
  EXPECT_EQ(work, 50);
  EXPECT_LE(turns_at_end, 3);   // not one for each
  shard.run_and_wait([&] { shard.remove_hook(hook); });
  int before = 0, after = 0;
  shard.run_and_wait([&] { before = turns; });
  shard.run_and_wait([&] { after = turns; });
  EXPECT_EQ(before, after);
}

TEST(Shard, RefusesWorkWhenFullOrEnded) {
  runtime::Shard shard("full", 3);
  std::promise<void> gate, running;
  shard.post([&running, future = gate.get_future().share()] {
    running.set_value();
    future.wait();
  });
  running.get_future().wait();
  EXPECT_TRUE(shard.post([] {}));
  EXPECT_TRUE(shard.post([] {}));
  EXPECT_TRUE(shard.post([] {}));
  EXPECT_FALSE(shard.post([] {}));
  gate.set_value();
  shard.stop();
  EXPECT_FALSE(shard.post([] {}));
  EXPECT_FALSE(shard.run_and_wait([] {}));
}

TEST(Shard, TwoSpeakByMessages) {
  runtime::Shard a("a"), b("b");
  std::promise<int> result;
  int hops = 0;   // touched by whoever holds the message
  std::function<void()> hop = [&] {
    if (++hops == 1000) return result.set_value(hops);
    (hops % 2 == 0 ? a : b).post(hop);
  };
  a.post(hop);
  auto future = result.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(future.get(), 1000);
}

TEST(Shard, DropsWhatWaitsWhenItEnds) {
  const auto held = std::make_shared<int>(1);
  {
    runtime::Shard shard;
    shard.post([&shard, held] {
      for (int i = 0; i < 10; ++i) shard.post([held] {});
      std::this_thread::sleep_for(10ms);
    });
  }
  EXPECT_EQ(held.use_count(), 1);
}

// A pair of ports: what goes in at one is read at the other.
struct Wire {
  net::UdpSocket in = std::move(*net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)));
  net::UdpSocket out = std::move(*net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)));
  void send() {
    net::SendBatch batch(1);
    batch.add(out, in.local(), base::as_bytes("x"));
    batch.send(out.fd(), [](std::size_t, int) { FAIL(); });
  }
};

TEST(Shard, ReadsWhatItWatchesUntilToldNotTo) {
  Wire wire, other;
  std::promise<bool> read;
  int reads = 0, other_reads = 0, hooks_after_reads = 0;
  runtime::Shard shard;   // ends before what its hooks write to
  shard.run_and_wait([&] {
    shard.on_turn_end([&] { hooks_after_reads = reads; });
    shard.watch(wire.in.fd(), [&] {
      net::ReceiveBatch batch(4, 16);
      reads += static_cast<int>(batch.receive(wire.in.fd()));
      shard.unwatch(wire.in.fd());
      shard.unwatch(other.in.fd());   // which may be readable in this very turn
      read.set_value(shard.is_current());
    });
    shard.watch(other.in.fd(), [&] {
      net::ReceiveBatch batch(4, 16);
      other_reads += static_cast<int>(batch.receive(other.in.fd()));
    });
  });
  wire.send();
  auto future = read.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  EXPECT_TRUE(future.get());
  wire.send();
  other.send();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(shard.run_and_wait([] {}));
  int after = 0;
  shard.run_and_wait([&] { after = hooks_after_reads; });
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(other_reads, 0);
  EXPECT_EQ(after, 1);   // the turn that it was read in had its end
}

TEST(Shard, ReadsAndKeepsTimeWhileWorkNeverEnds) {
  Wire wire;
  std::promise<void> read, fired;
  bool going = true;
  std::function<void()> again;
  runtime::Shard shard;
  again = [&] {
    if (going) shard.post(again);
  };
  shard.post([&] {
    shard.watch(wire.in.fd(), [&] {
      net::ReceiveBatch batch(4, 16);
      if (batch.receive(wire.in.fd()) > 0) read.set_value();
    });
    shard.timeline().after(20ms, [&](base::TimePoint) { fired.set_value(); });
    again();
  });
  wire.send();
  EXPECT_EQ(read.get_future().wait_for(5s), std::future_status::ready);
  EXPECT_EQ(fired.get_future().wait_for(5s), std::future_status::ready);
  shard.run_and_wait([&] { going = false; });
  shard.stop();
}

TEST(Shard, EndsThoughSomethingIsReadable) {
  Wire wire;
  wire.send();
  std::atomic<int> calls = 0;
  runtime::Shard shard;
  shard.run_and_wait([&] { shard.watch(wire.in.fd(), [&] { ++calls; }); });   // never reads it
  for (int i = 0; i < 500 && calls < 3; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(calls, 3);
  shard.stop();
  EXPECT_FALSE(shard.post([] {}));
}

}  // namespace
