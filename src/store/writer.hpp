// The thread that writes. Group commit: all that has come while one transaction was on its way to the disk is the next one,
// so a lone message pays one sync of the journal and a thousand at once pay one too.
#pragma once

#include <memory>
#include <thread>

#include "store/writer_queue.hpp"

namespace store {

// push() and close() from any thread, though close() from one at a time and never within a `done`. Jobs run in order, and
// their finish() is posted in order, all those of a transaction in one post.
// Where a transaction fails for want of disk, lock or I/O, all its jobs fail, a line is logged for the first of a row of
// failures, and the next transaction tries anew. Where it fails otherwise its jobs are run one by one, so that one bad
// record takes no other with it.
class MessageWriter {
 public:
  // Of what waits: count and bytes; as much again may be on its way to the disk.
  struct Limits {
    std::size_t jobs = 4096;
    std::size_t bytes = 32 * 1024 * 1024;
  };
  MessageWriter(std::unique_ptr<MessageDatabase> database, Post post, Limits limits);
  ~MessageWriter();
  MessageWriter(const MessageWriter&) = delete;

  // kUnavailable: full or closed.
  base::Status push(std::unique_ptr<StoreJob> job, std::size_t weight, Urgency urgency = Urgency::kNow) {
    return queue_.push(std::move(job), weight, urgency);
  }
  void close();   // writes what waits

 private:
  void run();
  void commit(StoreJobs& batch);
  std::optional<base::Error> try_commit(StoreJob* const* jobs, std::size_t count);
  void note(const std::optional<base::Error>& error);
  void deliver(StoreJobs& batch);

  const std::unique_ptr<MessageDatabase> database_;
  const Post post_;
  JobQueue queue_;
  StoreJobs unfinished_;
  bool failing_ = false;
  std::thread thread_;
};

}  // namespace store
