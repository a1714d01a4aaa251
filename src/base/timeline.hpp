// The time of one thread's world: what it is now, and what is to happen later.
#pragma once

#include "base/time.hpp"
#include "base/timer_queue.hpp"

namespace base {

// One thread. The owner (a shard, or a test) sets the time before it hands anything in; those who hold a reference
// read `now()` and add timers. In tests time is virtual.
class Timeline {
 public:
  explicit Timeline(TimePoint now = TimePoint{} + std::chrono::hours(1), WallTime wall = {}) : now_(now), wall_(wall) {}

  TimePoint now() const { return now_; }
  WallTime wall() const { return wall_; }
  TimerQueue& timers() { return timers_; }
  TimerQueue::Id after(Duration delay, TimerQueue::Callback callback) { return timers_.add(now_ + delay, std::move(callback)); }
  void cancel(TimerQueue::Id& id) { timers_.cancel(id); }

  // Real time: sets both clocks and runs what is due.
  void set(TimePoint now, WallTime wall) {
    now_ = now;
    wall_ = wall;
    timers_.run(now);
  }
  // Virtual time: goes forward from timer to timer, both clocks together.
  void advance(Duration by) {
    const TimePoint end = now_ + by;
    for (TimePoint next = timers_.next(); next <= end; next = timers_.next()) {
      step(next);
      timers_.run(now_);
    }
    step(end);
  }

 private:
  void step(TimePoint to) {
    if (to <= now_) return;
    wall_ += std::chrono::duration_cast<WallTime::duration>(to - now_);
    now_ = to;
  }
  TimePoint now_;
  WallTime wall_;
  TimerQueue timers_;
};

}  // namespace base
