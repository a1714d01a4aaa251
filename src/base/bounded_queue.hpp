// The way values go from one thread to another.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace base {

// Many producers, one consumer, who takes all there is at once. Bounded: what does not fit is refused, and the
// producer decides what that means. A lock is held for a move of one value, or a swap of two vectors.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  enum class Push { kFull, kQueued, kFirst };  // kFirst: the queue was empty, so the consumer wants waking

  Push push(T value) {
    const std::lock_guard lock(mutex_);
    if (values_.size() >= capacity_) return Push::kFull;
    values_.push_back(std::move(value));
    return values_.size() == 1 ? Push::kFirst : Push::kQueued;
  }
  // All of `batch`, which is left empty, or nothing.
  Push push_all(std::vector<T>& batch) {
    const std::lock_guard lock(mutex_);
    if (values_.size() + batch.size() > capacity_) return Push::kFull;
    const bool first = values_.empty() && !batch.empty();
    if (values_.empty()) {
      values_.swap(batch);
    } else {
      for (auto& value : batch) values_.push_back(std::move(value));
    }
    batch.clear();
    return first ? Push::kFirst : Push::kQueued;
  }
  // Replaces `out` (whose capacity is reused) with all that waits.
  void take(std::vector<T>& out) {
    out.clear();
    const std::lock_guard lock(mutex_);
    values_.swap(out);
  }

 private:
  std::mutex mutex_;
  std::vector<T> values_;
  const std::size_t capacity_;
};

}  // namespace base
