#include "net/http_stream.hpp"

namespace net {

bool HttpStream::write(base::SharedBytes piece) {
  std::unique_lock lock(mutex_);
  if (closed_ || state_ != State::kOpen) return false;
  bytes_ += piece->size();
  waiting_.push_back(std::move(piece));
  if (bytes_ > max_waiting_) {
    waiting_.clear();
    state_ = State::kOverflowed;
  }
  return note(lock);
}

void HttpStream::end() {
  std::unique_lock lock(mutex_);
  if (closed_ || state_ != State::kOpen) return;
  state_ = State::kEnded;
  note(lock);
}

bool HttpStream::note(std::unique_lock<std::mutex>& lock) {
  const bool open = state_ == State::kOpen;
  if (woken_ || !wake_) return open;
  woken_ = true;
  const auto wake = wake_;
  lock.unlock();
  wake();
  return open;
}

bool HttpStream::is_open() const {
  const std::lock_guard lock(mutex_);
  return !closed_ && state_ == State::kOpen;
}

void HttpStream::attach(std::function<void()> wake) {
  std::unique_lock lock(mutex_);
  wake_ = std::move(wake);
  if (!waiting_.empty() || state_ != State::kOpen) note(lock);
}

HttpStream::State HttpStream::take(std::vector<base::SharedBytes>& out) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  bytes_ = 0;
  out.swap(waiting_);
  waiting_.clear();
  return state_;
}

void HttpStream::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_ = nullptr;
  waiting_.clear();
}

}  // namespace net
