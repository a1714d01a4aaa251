// A MessageStore without a disk, for tests of what uses one. It holds answers back, or fails, as the test says.
#pragma once

#include <algorithm>
#include <deque>
#include <map>

#include "store/message_store.hpp"

namespace test {

// One thread. Every answer is posted, as the real store's is: `post` may run it at once. Records are open to look at.
class MemoryMessageStore final : public store::MessageStore {
 public:
  explicit MemoryMessageStore(store::Post post = [](std::function<void()> work) { work(); }) : post_(std::move(post)) {}

  // What the test sets.
  bool hold = false;                        // answers wait for release()
  int pending_asked = 0;
  bool refuse = false;                      // as a full queue does: an error at once
  std::optional<base::Error> fail_with;     // what every answer is, and nothing is kept
  std::size_t max_offline_per_account = 1000;

  // What the test looks at.
  std::map<std::string, std::map<std::uint64_t, store::StoredMessage>> conversations;
  std::map<std::string, std::uint64_t> highest;
  std::map<std::uint64_t, store::OfflineMessage> offline;
  std::vector<store::CallRecord> calls;

  std::size_t held() const { return held_.size(); }
  void release(std::size_t count = SIZE_MAX) {
    for (; count > 0 && !held_.empty(); --count) {
      auto work = std::move(held_.front());
      held_.pop_front();
      post_(std::move(work));
    }
  }

  base::Status append(store::StoredMessage message, store::Done<void> done) override {
    if (message.sequence == 0 || message.sequence > INT64_MAX) return base::malformed("a sequence number is 1 to 2^63 - 1");
    return answer<void>(std::move(done), [&]() -> base::Status {
      auto& top = highest[message.conversation];
      top = std::max(top, message.sequence);
      auto& kept = conversations[message.conversation];
      const auto sequence = message.sequence;
      if (!message.body) message.body = base::share("");
      if (!kept.emplace(sequence, std::move(message)).second) return base::fail(base::ErrorCode::kConflict, "that sequence number is taken");
      return {};
    });
  }

  base::Status highest_sequence(std::string conversation, store::Done<std::uint64_t> done) override {
    return answer<std::uint64_t>(std::move(done), [&] { return base::Result<std::uint64_t>(highest[conversation]); });
  }

  base::Status history(store::HistoryQuery query, store::Done<store::HistoryPage> done) override {
    return answer<store::HistoryPage>(std::move(done), [&] { return base::Result<store::HistoryPage>(page(query)); });
  }

  base::Status append_offline(store::OfflineMessage message, store::Done<std::uint64_t> done) override {
    return answer<std::uint64_t>(std::move(done), [&]() -> base::Result<std::uint64_t> {
      const auto waiting = std::ranges::count_if(offline, [&](const auto& entry) { return entry.second.account == message.account; });
      if (static_cast<std::size_t>(waiting) >= max_offline_per_account) {
        return base::fail(base::ErrorCode::kTooLarge, "too many messages wait for that account");
      }
      message.id = ++last_id_;
      if (!message.body) message.body = base::share("");
      offline[message.id] = std::move(message);
      return last_id_;
    });
  }

  base::Status pending_for(std::string account, base::WallTime now, std::uint64_t after, std::size_t limit,
                           store::Done<std::vector<store::OfflineMessage>> done) override {
    using Waiting = std::vector<store::OfflineMessage>;
    ++pending_asked;
    return answer<Waiting>(std::move(done), [&] {
      Waiting waiting;
      for (const auto& [id, message] : offline) {
        if (waiting.size() == std::clamp<std::size_t>(limit, 1, store::kMaxPage)) break;
        if (id > after && message.account == account && message.expires > now) waiting.push_back(message);
      }
      return base::Result<Waiting>(std::move(waiting));
    });
  }

  base::Status mark_delivered(std::uint64_t id, store::Done<void> done) override {
    return answer<void>(std::move(done), [&]() -> base::Status {
      offline.erase(id);
      return {};
    });
  }

  base::Status put_call(store::CallRecord record, store::Done<void> done) override {
    if (record.legs.size() > store::kMaxCallLegs) return base::fail(base::ErrorCode::kTooLarge, "a call record has too many legs");
    return answer<void>(std::move(done), [&]() -> base::Status {
      const auto old = std::ranges::find(calls, record.id, &store::CallRecord::id);
      record.number = old != calls.end() ? old->number : ++last_call_;
      if (old != calls.end()) *old = std::move(record);
      else calls.push_back(std::move(record));
      return {};
    });
  }

  base::Status call_records(store::CallFilter filter, store::Done<store::CallPage> done) override {
    return answer<store::CallPage>(std::move(done), [&] { return base::Result<store::CallPage>(page(filter)); });
  }

  base::Status expire(store::Expiry expiry, store::Done<store::Expired> done) override {
    return answer<store::Expired>(std::move(done), [&] {
      store::Expired gone;
      for (auto& [key, kept] : conversations) {
        gone.messages += std::erase_if(kept, [&](const auto& e) { return expiry.messages_before && e.second.time < *expiry.messages_before; });
      }
      gone.offline = std::erase_if(offline, [&](const auto& entry) { return entry.second.expires <= expiry.now; });
      gone.calls = std::erase_if(calls, [&](const auto& call) { return expiry.calls_before && call.start < *expiry.calls_before; });
      return base::Result<store::Expired>(gone);
    });
  }

  void close() override {
    release();
    closed_ = true;
  }

 private:
  store::HistoryPage page(const store::HistoryQuery& query) {
    std::vector<const store::StoredMessage*> in_range;
    for (const auto& [sequence, message] : conversations[query.conversation]) {
      if (sequence > query.after.value_or(0) && sequence < query.before.value_or(UINT64_MAX)) in_range.push_back(&message);
    }
    if (!query.after) std::ranges::reverse(in_range);
    store::HistoryPage page;
    std::uint64_t last = 0;
    for (const auto* message : in_range) {
      if (page.messages.size() == std::clamp<std::size_t>(query.limit, 1, store::kMaxPage)) {
        page.next = last;
        break;
      }
      last = message->sequence;
      if (store::may_read(query.viewer, *message)) page.messages.push_back(*message);
    }
    if (!query.after) std::ranges::reverse(page.messages);
    return page;
  }

  store::CallPage page(const store::CallFilter& filter) {
    store::CallPage page;
    for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
      const bool his = filter.account.empty() || std::ranges::any_of(call->legs, [&](const auto& leg) { return leg.account == filter.account; });
      if (!his || (filter.kind && call->kind != *filter.kind) || (filter.from && call->start < *filter.from)) continue;
      if ((filter.until && call->start >= *filter.until) || (filter.before && call->number >= *filter.before)) continue;
      if (page.records.size() == std::clamp<std::size_t>(filter.limit, 1, store::kMaxPage)) {
        page.next = page.records.back().number;
        break;
      }
      page.records.push_back(*call);
    }
    return page;
  }

  template <typename T, typename F>
  base::Status answer(store::Done<T> done, F&& work) {
    if (closed_) return base::fail(base::ErrorCode::kUnavailable, "the store is closed");
    if (refuse) return base::fail(base::ErrorCode::kUnavailable, "too much waits for the disk");
    auto result = std::make_shared<base::Result<T>>(fail_with ? base::Result<T>(std::unexpected(*fail_with)) : work());
    held_.push_back([done = std::move(done), result] {
      if (done) done(std::move(*result));
    });
    if (!hold) release();
    return {};
  }

  const store::Post post_;
  std::deque<std::function<void()>> held_;
  std::uint64_t last_id_ = 0, last_call_ = 0;
  bool closed_ = false;
};

}  // namespace test
