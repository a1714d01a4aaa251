#include "api/rest_store.hpp"

#include "base/log.hpp"
#include "store/sqlite_store.hpp"

namespace api {

base::Result<std::unique_ptr<RestStore>> RestStore::open(const std::string& directory) {
  auto store = store::open_sqlite(directory);
  if (!store) return std::unexpected(store.error());
  std::unique_ptr<RestStore> made(new RestStore(std::move(*store)));
  if (auto read = made->reload_tokens(); !read) return std::unexpected(read.error());
  if (const auto changes = made->store_->changes()) made->seen_ = *changes;
  made->thread_ = std::thread([rest = made.get()] { rest->loop(); });
  return made;
}

RestStore::RestStore(std::unique_ptr<store::Store> store) : store_(std::move(store)) {}

RestStore::~RestStore() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool RestStore::run(std::function<void(store::Store&)> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || waiting_.size() >= kMaxWaiting) return false;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void RestStore::on_tick(std::function<void()> tick) {
  const std::lock_guard lock(mutex_);
  tick_ = std::move(tick);
}

base::Status RestStore::reload_tokens() {
  const auto records = store_->api_tokens();
  if (!records) return std::unexpected(records.error());
  tokens_.replace(*records);
  return {};
}

// A store that can't be read just now: the tokens stay as they are.
void RestStore::poll() {
  const auto changes = store_->changes();
  if (!changes || *changes == seen_) return;
  if (reload_tokens()) seen_ = *changes;
}

void RestStore::loop() {
  auto next_poll = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (;;) {
    std::function<void(store::Store&)> work;
    std::function<void()> tick;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, next_poll, [&] { return stopped_ || !waiting_.empty(); });
      if (stopped_) return;
      if (!waiting_.empty()) {
        work = std::move(waiting_.front());
        waiting_.pop_front();
      }
      tick = tick_;
    }
    if (work) work(*store_);
    if (std::chrono::steady_clock::now() < next_poll) continue;
    next_poll = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    poll();
    if (tick) tick();
  }
}

}  // namespace api
