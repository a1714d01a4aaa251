#include "store/message_store_sqlite.hpp"

#include <limits>

#include "store/call_records_tables.hpp"
#include "store/history_reader.hpp"
#include "store/history_tables.hpp"
#include "store/writer.hpp"

namespace store {
namespace {

std::size_t size_of(const base::SharedBytes& body) { return body ? body->size() : 0; }

std::size_t weight_of(const StoredMessage& m) {
  return sizeof m + m.conversation.size() + m.message_id.size() + m.display_name.size() + m.content_type.size() + size_of(m.body);
}

std::size_t weight_of(const OfflineMessage& m) {
  std::size_t sum = sizeof m + m.from_uri.size() + m.from_display.size() + m.content_type.size() + size_of(m.body);
  for (const auto& [name, value] : m.headers) sum += name.size() + value.size();
  return sum;
}

std::size_t weight_of(const CallRecord& r) {
  std::size_t sum = sizeof r + r.from_uri.size() + r.to_uri.size() + r.cause.size();
  for (const auto& leg : r.legs) sum += sizeof leg + leg.uri.size() + leg.cause.size();
  return sum;
}

// Deletes in steps of a few milliseconds, a transaction each, until nothing is left to delete.
class ExpiryJob final : public StoreJob {
 public:
  ExpiryJob(Expiry expiry, Done<Expired> done) : expiry_(expiry), done_(std::move(done)) {}

  void run(MessageDatabase& database) override {
    step_ = {};
    const auto most = [](std::optional<base::WallTime> before, auto&& work) -> std::size_t { return before ? work(*before) : 0; };
    step_.messages = expiry_.of_conversations.empty() ? most(expiry_.messages_before, [&](auto before) { return expire_messages(database, before, kStep); })
                                                      : one_by_one(database);
    step_.offline = expire_offline(database, expiry_.now, kStep);
    step_.calls = most(expiry_.calls_before, [&](auto before) { return expire_calls(database, before, kStep); });
    const auto conversations = expire_conversations(database, expiry_.now - kNumberingKept, kStep);
    full_step_ = next_conversation_ || step_.messages == kStep || step_.offline == kStep || step_.calls == kStep || conversations == kStep;
  }
  void committed() override {
    sum_.messages += step_.messages;
    sum_.offline += step_.offline;
    sum_.calls += step_.calls;
  }
  bool unfinished() const override { return full_step_; }
  void fail(const base::Error& error) override {
    full_step_ = false;
    error_ = error;
  }
  void finish() override {
    if (!done_) return;
    if (error_) done_(std::unexpected(*error_));
    else done_(sum_);
  }

 private:
  static constexpr std::size_t kStep = 200;

  // Where ages differ: a step's worth of conversations, each with its own.
  std::size_t one_by_one(MessageDatabase& database) {
    std::size_t deleted = 0;
    const auto some = select_conversations(database, cursor_, kStep);
    next_conversation_ = some.size() == kStep;
    for (const auto& [id, key] : some) {
      const auto own = expiry_.of_conversations.find(key);
      const auto before = own == expiry_.of_conversations.end() ? expiry_.messages_before : own->second;
      const auto gone = before ? expire_messages_of(database, id, *before, kStep) : 0;
      deleted += gone;
      if (gone == kStep || deleted >= kStep) {       // more of it in the next step
        next_conversation_ = true;
        if (gone < kStep) cursor_ = id;
        break;
      }
      cursor_ = id;
    }
    return deleted;
  }

  const Expiry expiry_;
  std::int64_t cursor_ = 0;
  bool next_conversation_ = false;
  const Done<Expired> done_;
  Expired step_, sum_;
  bool full_step_ = false;
  std::optional<base::Error> error_;
};

class SqliteMessageStore final : public MessageStore {
 public:
  SqliteMessageStore(std::unique_ptr<MessageDatabase> writing, std::unique_ptr<MessageDatabase> reading, const Post& post,
                     const SqliteMessageOptions& options)
      : options_(options),
        writer_(std::move(writing), post, {options.max_waiting_writes, options.max_waiting_bytes}),
        reader_(std::move(reading), post, options.max_waiting_reads) {}

  base::Status append(StoredMessage message, Done<void> done) override {
    if (message.sequence == 0 || message.sequence > std::numeric_limits<std::int64_t>::max()) {
      return base::malformed("a sequence number is 1 to 2^63 - 1");
    }
    const auto weight = weight_of(message);
    return write<void>(weight, std::move(done),
                       [message = std::move(message)](MessageDatabase& database) { return insert_message(database, message); });
  }

  // By the writer: what was appended before is counted, so that a room which is made anew can't use a number twice.
  base::Status highest_sequence(std::string conversation, Done<std::uint64_t> done) override {
    return write<std::uint64_t>(conversation.size(), std::move(done), [conversation = std::move(conversation)](MessageDatabase& database) {
      return base::Result<std::uint64_t>(select_highest_sequence(database, conversation));
    });
  }

  base::Status history(HistoryQuery query, Done<HistoryPage> done) override {
    return read<HistoryPage>(std::move(done), [query = std::move(query)](MessageDatabase& database) { return select_history(database, query); });
  }

  base::Status append_offline(OfflineMessage message, Done<std::uint64_t> done) override {
    const auto weight = weight_of(message);
    return write<std::uint64_t>(weight, std::move(done), [message = std::move(message), max = options_.max_offline_per_account](
                                                             MessageDatabase& database) { return insert_offline(database, message, max); });
  }

  base::Status pending_for(std::string account, base::WallTime now, std::uint64_t after, std::size_t limit,
                           Done<std::vector<OfflineMessage>> done) override {
    return read<std::vector<OfflineMessage>>(std::move(done), [account = std::move(account), now, after, limit](MessageDatabase& database) {
      return select_offline(database, account, now, after, limit);
    });
  }

  base::Status mark_delivered(std::uint64_t id, Done<void> done) override {
    return write<void>(0, std::move(done), [id](MessageDatabase& database) -> base::Status {
      delete_offline(database, id);
      return {};
    });
  }

  base::Status put_call(CallRecord record, Done<void> done) override {
    if (record.legs.size() > kMaxCallLegs) return base::fail(base::ErrorCode::kTooLarge, "a call record has too many legs");
    const auto weight = weight_of(record);
    auto work = [record = std::move(record)](MessageDatabase& database) -> base::Status {
      upsert_call(database, record);
      return {};
    };
    return write<void>(weight, std::move(done), std::move(work), Urgency::kSoon);
  }

  base::Status call_records(CallFilter filter, Done<CallPage> done) override {
    return read<CallPage>(std::move(done), [filter = std::move(filter)](MessageDatabase& database) { return select_calls(database, filter); });
  }

  base::Status expire(Expiry expiry, Done<Expired> done) override {
    return writer_.push(std::make_unique<ExpiryJob>(expiry, std::move(done)), 0);
  }

  void close() override {
    writer_.close();
    reader_.close();
  }

 private:
  template <typename T, typename F>
  base::Status write(std::size_t weight, Done<T> done, F work, Urgency urgency = Urgency::kNow) {
    if (weight > options_.max_record_bytes) return base::fail(base::ErrorCode::kTooLarge, "a record over the store's limit");
    return writer_.push(std::make_unique<SimpleJob<T>>(std::move(work), std::move(done)), weight, urgency);
  }
  template <typename T, typename F>
  base::Status read(Done<T> done, F work) {
    auto wrapped = [work = std::move(work)](MessageDatabase& database) -> base::Result<T> { return work(database); };
    return reader_.push(std::make_unique<SimpleJob<T>>(std::move(wrapped), std::move(done)));
  }

  const SqliteMessageOptions options_;
  MessageWriter writer_;
  HistoryReader reader_;
};

}  // namespace

base::Result<std::unique_ptr<MessageStore>> open_sqlite_messages(const std::string& directory, Post post, const SqliteMessageOptions& options) {
  const MessageDatabase::Options database_options{options.busy_timeout, options.max_pages};
  auto writing = MessageDatabase::open(directory, database_options);
  if (!writing) return std::unexpected(writing.error());
  auto reading = MessageDatabase::open_reader(directory, database_options);
  if (!reading) return std::unexpected(reading.error());
  return std::make_unique<SqliteMessageStore>(std::move(*writing), std::move(*reading), post, options);
}

}  // namespace store
