// A thread that uses a MessageStore: it gets what the store posts, and may wait for it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "store/message_store.hpp"

namespace test {

class StoreClient {
 public:
  store::Post post() {
    return [this](std::function<void()> work) {
      {
        const std::lock_guard lock(mutex_);
        work_.push_back(std::move(work));
      }
      wake_.notify_one();
    };
  }

  // Runs what is posted until `done()`, at most 20 s.
  template <typename F>
  bool run_until(F&& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      std::unique_lock lock(mutex_);
      if (!wake_.wait_until(lock, end, [&] { return !work_.empty(); })) return false;
      auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
    }
    return true;
  }

  // What is posted already.
  std::size_t run_posted() {
    std::size_t count = 0;
    for (;; ++count) {
      std::unique_lock lock(mutex_);
      if (work_.empty()) return count;
      auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
    }
  }

  // get<T>([&](auto done) { return store.append(..., done); }): the answer, or the refusal.
  template <typename T, typename F>
  base::Result<T> get(F&& call) {
    std::optional<base::Result<T>> answer;
    const base::Status asked = call([&](base::Result<T> result) { answer.emplace(std::move(result)); });
    if (!asked) return std::unexpected(asked.error());
    if (!run_until([&] { return answer.has_value(); })) {
      ADD_FAILURE() << "the store does not answer";
      return base::fail(base::ErrorCode::kInternal, "no answer");
    }
    return std::move(*answer);
  }

  base::Status append(store::MessageStore& store, store::StoredMessage message) {
    return get<void>([&](auto done) { return store.append(std::move(message), std::move(done)); });
  }
  base::Result<store::HistoryPage> history(store::MessageStore& store, store::HistoryQuery query) {
    return get<store::HistoryPage>([&](auto done) { return store.history(std::move(query), std::move(done)); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
};

inline store::StoredMessage a_message(std::uint64_t sequence, const std::string& conversation = "room:lobby") {
  using namespace std::chrono_literals;
  store::StoredMessage m;
  m.conversation = conversation;
  m.sequence = sequence;
  m.message_id = "m-" + std::to_string(sequence);
  m.time = base::WallTime(1'700'000'000s + std::chrono::milliseconds(sequence));
  m.sender = {"p-alice", "alice"};
  m.display_name = "Alice";
  m.content_type = "text/plain";
  m.body = base::share("text " + std::to_string(sequence));
  return m;
}

}  // namespace test
