#include "store/writer.hpp"

#include "base/log.hpp"

namespace store {

MessageWriter::MessageWriter(std::unique_ptr<MessageDatabase> database, Post post, Limits limits)
    : database_(std::move(database)), post_(std::move(post)), queue_(limits.jobs, limits.bytes), thread_([this] { run(); }) {}

MessageWriter::~MessageWriter() { close(); }

void MessageWriter::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void MessageWriter::run() {
  for (bool open = true; open;) {
    StoreJobs batch = std::move(unfinished_);
    unfinished_.clear();
    open = queue_.take(batch, batch.empty());
    if (batch.empty()) continue;
    commit(batch);
    deliver(batch);
  }
  deliver(unfinished_);   // what they have done so far has to do
}

void MessageWriter::commit(StoreJobs& batch) {
  std::vector<StoreJob*> jobs;
  jobs.reserve(batch.size());
  for (const auto& job : batch) jobs.push_back(job.get());
  auto error = try_commit(jobs.data(), jobs.size());
  if (error && error->code != base::ErrorCode::kUnavailable && jobs.size() > 1) {
    for (auto* job : jobs) {
      if (const auto own = try_commit(&job, 1)) job->fail(*own);
    }
  } else if (error) {
    for (auto* job : jobs) job->fail(*error);
  }
  note(error);
}

std::optional<base::Error> MessageWriter::try_commit(StoreJob* const* jobs, std::size_t count) {
  try {
    SQLite::Transaction transaction(database_->connection(), SQLite::TransactionBehavior::IMMEDIATE);
    for (std::size_t i = 0; i < count; ++i) jobs[i]->run(*database_);
    transaction.commit();
  } catch (const SQLite::Exception& e) {
    return sqlite_error(database_->path(), e);
  }
  for (std::size_t i = 0; i < count; ++i) jobs[i]->committed();
  return std::nullopt;
}

void MessageWriter::note(const std::optional<base::Error>& error) {
  if (error && !failing_) spdlog::error("messages can't be stored: {}", error->detail);
  if (!error && failing_) spdlog::info("messages are stored again in {}", database_->path());
  failing_ = error.has_value();
}

void MessageWriter::deliver(StoreJobs& batch) {
  auto done = std::make_shared<StoreJobs>();
  done->reserve(batch.size());
  for (auto& job : batch) {
    if (job->unfinished()) unfinished_.push_back(std::move(job));
    else done->push_back(std::move(job));
  }
  batch.clear();
  if (done->empty()) return;
  post_([done] {
    for (const auto& job : *done) job->finish();
  });
}

}  // namespace store
