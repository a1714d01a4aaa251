#include "runtime/shard.hpp"

#include <pthread.h>

#include <future>

namespace runtime {

Shard::Shard(const std::string& name, std::size_t capacity)
    : timeline_(std::chrono::steady_clock::now(), std::chrono::system_clock::now()), capacity_(capacity) {
  std::promise<void> ready;   // is_current() reads thread_, so nothing runs before it is set
  auto go = ready.get_future();
  thread_ = std::thread([this, name, go = std::move(go)]() mutable {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    go.wait();
    run();
  });
  ready.set_value();
}

Shard::~Shard() { stop(); }

void Shard::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    wake_->notify_all();
  }
  if (thread_.joinable() && !is_current()) thread_.join();
}

bool Shard::post(std::function<void()> work) {
  std::shared_ptr<std::condition_variable> wake;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(work));
    if (std::exchange(sleeping_, false)) wake = wake_;
  }
  // After the lock, which who is woken takes first.
  if (wake) wake->notify_one();
  return true;
}

bool Shard::run_and_wait(std::function<void()> work, base::Duration limit) {
  if (is_current()) {
    work();
    return true;
  }
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  const bool posted = post([done, work = std::move(work)] {
    work();
    done->set_value();
  });
  return posted && future.wait_for(limit) == std::future_status::ready;
}

Shard::HookId Shard::on_turn_end(std::function<void()> hook) {
  hooks_.emplace_back(++last_hook_, std::move(hook));
  return last_hook_;
}

void Shard::remove_hook(HookId id) {
  // Emptied, not erased: a hook may remove itself or another while they run.
  for (auto& [key, hook] : hooks_) {
    if (key == id) hook = nullptr;
  }
}

void Shard::run_hooks() {
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    if (const auto hook = hooks_[i].second) hook();
  }
  std::erase_if(hooks_, [](const auto& entry) { return !entry.second; });
}

bool Shard::wait(std::vector<std::function<void()>>& work) {
  const auto next = timeline_.timers().next();
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return stopped_ || !queue_.empty(); };
  if (!ready()) {
    sleeping_ = true;
    if (next == base::kNever) {
      wake_->wait(lock, ready);
    } else {
      wake_->wait_until(lock, next, ready);
    }
    sleeping_ = false;
  }
  if (stopped_) return false;
  queue_.swap(work);
  return true;
}

void Shard::run() {
  std::vector<std::function<void()>> work;
  while (wait(work)) {
    timeline_.set(std::chrono::steady_clock::now(), std::chrono::system_clock::now());
    for (auto& piece : work) {
      piece();
      piece = nullptr;   // what it holds is let go before the next begins
    }
    work.clear();
    run_hooks();
  }
  // What was never run is destroyed here, on the thread that its captures may belong to.
  const std::lock_guard lock(mutex_);
  work.swap(queue_);
}

}  // namespace runtime
