// What the server keeps of chat and calls, behind an interface that never makes its user wait.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/call_records.hpp"
#include "store/history.hpp"

namespace store {

// Runs what it is given later, on the caller's thread, in order: a shard's post().
using Post = std::function<void(std::function<void()>)>;

template <typename T>
using Done = std::function<void(base::Result<T>)>;

struct Expiry {
  base::WallTime now;                                  // offline messages that have expired by then
  std::optional<base::WallTime> messages_before;       // history older than this; empty: kept
  // Conversations with an age of their own; empty: kept.
  std::map<std::string, std::optional<base::WallTime>, std::less<>> of_conversations{};
  std::optional<base::WallTime> calls_before;          // by their start
};

struct Expired {
  std::uint64_t messages = 0, offline = 0, calls = 0;
};

// Threads: called from any; `done` runs where Post takes it. Nothing here waits for a disk.
// A call returns an error at once, and `done` is never called, where the request can't be queued: kUnavailable (too much
// waits already: answer 503), kTooLarge, kMalformed. Otherwise `done` is called once, with kUnavailable (locked by another
// process, disk full, I/O error: the next try may work), kInternal (the file is damaged) or what the method says.
// Writes happen in the order of their calls, and so do their `done`s. Reads see every write whose `done` has been called.
class MessageStore {
 public:
  virtual ~MessageStore() = default;

  // `done` without an error: the message is on the disk and outlives kill -9 and a power cut (spec B.3, survival item 25).
  // kConflict: that sequence number is taken.
  [[nodiscard]] virtual base::Status append(StoredMessage message, Done<void> done) = 0;
  // The highest sequence number that the conversation ever had (0: none), after all writes queued before this; also when
  // the messages have been deleted since (for at least kNumberingKept).
  [[nodiscard]] virtual base::Status highest_sequence(std::string conversation, Done<std::uint64_t> done) = 0;
  [[nodiscard]] virtual base::Status history(HistoryQuery query, Done<HistoryPage> done) = 0;
  // The last `count` that the viewer may read, the oldest first.
  [[nodiscard]] base::Status last(std::string conversation, std::size_t count, Party viewer, Done<HistoryPage> done) {
    HistoryQuery query;
    query.conversation = std::move(conversation);
    query.viewer = std::move(viewer);
    query.limit = count;
    return history(std::move(query), std::move(done));
  }

  // Gives the id. kTooLarge from `done`: as many wait for that account as may. An account that registers meanwhile may
  // have been asked for (pending_for) before this was written: look at its registration again in `done`.
  [[nodiscard]] virtual base::Status append_offline(OfflineMessage message, Done<std::uint64_t> done) = 0;
  // Those that have not expired, the oldest first, with ids above `after`.
  [[nodiscard]] virtual base::Status pending_for(std::string account, base::WallTime now, std::uint64_t after, std::size_t limit,
                                                 Done<std::vector<OfflineMessage>> done) = 0;
  // It is deleted. No error when it is gone already.
  [[nodiscard]] virtual base::Status mark_delivered(std::uint64_t id, Done<void> done) = 0;

  // Not at once: within a fifth of a second or so, with others.
  [[nodiscard]] virtual base::Status put_call(CallRecord record, Done<void> done) = 0;
  [[nodiscard]] virtual base::Status call_records(CallFilter filter, Done<CallPage> done) = 0;

  // Retention. Works in small steps, between which other writes pass.
  [[nodiscard]] virtual base::Status expire(Expiry expiry, Done<Expired> done) = 0;

  // Writes what waits, posts every `done`, and ends; from then on all is kUnavailable. Waits. The destructor does it too.
  virtual void close() = 0;
};

constexpr auto kNumberingKept = std::chrono::hours(24 * 400);

}  // namespace store
