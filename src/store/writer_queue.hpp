// Work for a thread with a database connection, and the bounded queue in which it waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/message_store.hpp"
#include "store/message_store_database.hpp"

namespace store {

// One request. run() on the connection's thread, finish() on that of the caller.
class StoreJob {
 public:
  virtual ~StoreJob() = default;
  virtual void run(MessageDatabase& database) = 0;   // may throw SQLite::Exception, and may be run again after it
  virtual void committed() {}                        // what run() did is on the disk
  virtual bool unfinished() const { return false; }  // wants another run, in a transaction of its own
  virtual void fail(const base::Error& error) = 0;
  virtual void finish() = 0;
};
using StoreJobs = std::vector<std::unique_ptr<StoreJob>>;

template <typename T>
class SimpleJob final : public StoreJob {
 public:
  using Work = std::function<base::Result<T>(MessageDatabase&)>;
  SimpleJob(Work work, Done<T> done) : work_(std::move(work)), done_(std::move(done)) {}
  void run(MessageDatabase& database) override { result_.emplace(work_(database)); }
  void fail(const base::Error& error) override { result_.emplace(std::unexpected(error)); }
  void finish() override {
    if (done_) done_(std::move(*result_));
  }

 private:
  const Work work_;
  const Done<T> done_;
  std::optional<base::Result<T>> result_;
};

// Who waits for a job: somebody now, or nobody, so that many may share a transaction.
enum class Urgency : std::uint8_t { kNow, kSoon };

// Any thread pushes, one takes. A job's weight is the bytes that it holds.
class JobQueue {
 public:
  static constexpr std::chrono::milliseconds kSoon{200};   // the longest that a job which nobody waits for lies in the queue
  static constexpr std::size_t kEnough = 256;              // jobs that are not waited with

  JobQueue(std::size_t max_jobs, std::size_t max_bytes) : max_jobs_(max_jobs), max_bytes_(max_bytes) {}

  base::Status push(std::unique_ptr<StoreJob> job, std::size_t weight, Urgency urgency = Urgency::kNow) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return base::fail(base::ErrorCode::kUnavailable, "the store is closed");
      if (jobs_.size() >= max_jobs_ || bytes_ + weight > max_bytes_) {
        return base::fail(base::ErrorCode::kUnavailable, "too much waits for the disk");
      }
      jobs_.push_back(std::move(job));
      bytes_ += weight;
      const bool ready = urgency == Urgency::kNow || jobs_.size() >= kEnough;
      if (std::exchange(ready_, ready_ || ready) || (!ready && jobs_.size() > 1)) return {};   // woken already
    }
    wake_.notify_one();
    return {};
  }
  // All that waits, put after what is in `out`. Waits for something where `wait` is set. False: closed and empty.
  bool take(StoreJobs& out, bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) {
      wake_.wait(lock, [&] { return closed_ || !jobs_.empty(); });
      wake_.wait_for(lock, kSoon, [&] { return closed_ || ready_; });
    }
    ready_ = false;
    if (jobs_.empty()) return !closed_;
    for (auto& job : jobs_) out.push_back(std::move(job));
    jobs_.clear();
    bytes_ = 0;
    return true;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  StoreJobs jobs_;
  std::size_t bytes_ = 0;
  bool closed_ = false, ready_ = false;   // ready_: somebody waits for what is in it, or it is enough
  const std::size_t max_jobs_, max_bytes_;
};

}  // namespace store
