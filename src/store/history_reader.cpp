#include "store/history_reader.hpp"

namespace store {

HistoryReader::HistoryReader(std::unique_ptr<MessageDatabase> database, Post post, std::size_t max_jobs)
    : database_(std::move(database)), post_(std::move(post)), queue_(max_jobs, 0), thread_([this] { run(); }) {}

HistoryReader::~HistoryReader() { close(); }

void HistoryReader::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void HistoryReader::run() {
  for (StoreJobs jobs; queue_.take(jobs, true); jobs.clear()) {
    for (auto& job : jobs) {
      try {
        job->run(*database_);
      } catch (const SQLite::Exception& e) {
        job->fail(sqlite_error(database_->path(), e));
      }
      post_([done = std::shared_ptr<StoreJob>(std::move(job))] { done->finish(); });
    }
  }
}

}  // namespace store
