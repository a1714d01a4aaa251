// A thread that thinks: one owner of signalling state, with its clock, its timers, its queue of work, and the few descriptors it reads
// itself since waking another thread for them would cost more.
#pragma once

#include <poll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/timeline.hpp"
#include "net/udp_socket.hpp"

namespace runtime {

// A turn: the clock is set and due timers run, then all work that waits, then what is watched and readable, then the hooks of the turn's end.
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
  // `readable` is called once in each turn while there is something to read; it should leave the rest for later turns. The descriptor
  // is the caller's, who unwatches it before he closes it.
  void watch(int fd, std::function<void()> readable);
  void unwatch(int fd);

 private:
  void run();
  // Waits for work or the next timer; false: the end.
  bool wait(std::vector<std::function<void()>>& work);
  // Sleeps until something is readable, somebody rings or `until` comes.
  void poll(base::TimePoint until);
  void run_watches();
  void run_hooks();

  base::Timeline timeline_;
  std::vector<std::pair<HookId, std::function<void()>>> hooks_;
  HookId last_hook_ = 0;
  const std::size_t capacity_;
  std::mutex mutex_;
  // An eventfd. Outlives the lock that it is written to after: what was posted may be what lets this shard be destroyed.
  const std::shared_ptr<net::Fd> wake_;
  std::vector<pollfd> polled_;                    // wake_, then those of watches_
  struct Watch {
    int fd;
    std::function<void()> readable;
    bool on = true;
  };
  std::vector<std::shared_ptr<Watch>> watches_, readable_;
  std::vector<std::function<void()>> queue_;
  bool sleeping_ = false, stopped_ = false;
  std::thread thread_;
};

}  // namespace runtime
