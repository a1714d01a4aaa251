// The thread that reads, with a connection of its own: a long page holds up no write, and a write holds up no page.
#pragma once

#include <memory>
#include <thread>

#include "store/writer_queue.hpp"

namespace store {

// push() and close() from any thread, though close() from one at a time and never within a `done`. Jobs run and finish in order.
class HistoryReader {
 public:
  HistoryReader(std::unique_ptr<MessageDatabase> database, Post post, std::size_t max_jobs);
  ~HistoryReader();
  HistoryReader(const HistoryReader&) = delete;

  base::Status push(std::unique_ptr<StoreJob> job) { return queue_.push(std::move(job), 0); }
  void close();   // reads what was asked for

 private:
  void run();
  const std::unique_ptr<MessageDatabase> database_;
  const Post post_;
  JobQueue queue_;
  std::thread thread_;
};

}  // namespace store
