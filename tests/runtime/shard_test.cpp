#include "runtime/shard.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <thread>

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

}  // namespace
