// Timers in whatever time the caller passes in: the same code runs under the real clock and a virtual one.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace base {

// One thread. O(log n) to add and fire, O(1) to cancel; a cancelled timer's callback is destroyed at once.
class TimerQueue {
 public:
  using Id = std::uint64_t;  // 0 is never a timer
  using Callback = std::function<void(TimePoint now)>;

  Id add(TimePoint deadline, Callback callback) {
    const Id id = ++last_id_;
    heap_.push({deadline, id});
    callbacks_.emplace(id, std::move(callback));
    return id;
  }
  void cancel(Id& id) {
    if (id != 0) callbacks_.erase(id);
    id = 0;
  }

  // The earliest deadline, kNever when there is none.
  TimePoint next() {
    drop_cancelled();
    return heap_.empty() ? kNever : heap_.top().deadline;
  }

  // Runs what is due, in order of deadline, then of being added; callbacks may add and cancel.
  void run(TimePoint now) {
    for (drop_cancelled(); !heap_.empty() && heap_.top().deadline <= now; drop_cancelled()) {
      const auto node = callbacks_.extract(heap_.top().id);
      heap_.pop();
      node.mapped()(now);
    }
  }
  std::size_t size() const { return callbacks_.size(); }

 private:
  struct Entry {
    TimePoint deadline;
    Id id;
    bool operator>(const Entry& o) const { return deadline != o.deadline ? deadline > o.deadline : id > o.id; }
  };
  void drop_cancelled() {
    while (!heap_.empty() && !callbacks_.contains(heap_.top().id)) heap_.pop();
  }

  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::unordered_map<Id, Callback> callbacks_;
  Id last_id_ = 0;
};

}  // namespace base
