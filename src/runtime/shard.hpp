// A thread that thinks: one owner of signalling state, with its clock, its timers and its queue of work.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/timeline.hpp"

namespace runtime {

// A turn: the clock is set and due timers run, then all work that waits, then the hooks of the turn's end.
// Several may run side by side; they speak to each other by post().
class Shard {
 public:
  explicit Shard(const std::string& name = "shard", std::size_t capacity = 200'000);
  ~Shard();                                       // finishes its turn, then ends; work that still waits is dropped
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Any thread; in order for one sender. False: the queue is full, or the shard has ended.
  bool post(std::function<void()> work);
  // Any other thread: runs `work` there and waits for it. False: it was not run in that time.
  bool run_and_wait(std::function<void()> work, base::Duration limit = std::chrono::seconds(5));
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }
  void stop();                                    // any other thread; idempotent

  // On the shard's thread alone.
  base::Timeline& timeline() { return timeline_; }
  using HookId = std::uint64_t;
  HookId on_turn_end(std::function<void()> hook);
  void remove_hook(HookId id);

 private:
  void run();
  // Waits for work or the next timer; false: the end.
  bool wait(std::vector<std::function<void()>>& work);
  void run_hooks();

  base::Timeline timeline_;
  std::vector<std::pair<HookId, std::function<void()>>> hooks_;
  HookId last_hook_ = 0;
  const std::size_t capacity_;
  std::mutex mutex_;
  // Outlives the lock that it is notified after: what was posted may be what lets this shard be destroyed.
  const std::shared_ptr<std::condition_variable> wake_ = std::make_shared<std::condition_variable>();
  std::vector<std::function<void()>> queue_;
  bool sleeping_ = false, stopped_ = false;
  std::thread thread_;
};

}  // namespace runtime
