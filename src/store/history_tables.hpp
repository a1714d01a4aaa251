// The SQL of history and of offline messages. Runs on the connection's thread; SQLite::Exception is the caller's to catch.
#pragma once

#include "store/history.hpp"
#include "store/message_store_database.hpp"

namespace store {

base::Status insert_message(MessageDatabase& database, const StoredMessage& message);            // kConflict
std::uint64_t select_highest_sequence(MessageDatabase& database, const std::string& conversation);
HistoryPage select_history(MessageDatabase& database, const HistoryQuery& query);

// kTooLarge: `max_for_account` wait already.
base::Result<std::uint64_t> insert_offline(MessageDatabase& database, const OfflineMessage& message, std::size_t max_for_account);
std::vector<OfflineMessage> select_offline(MessageDatabase& database, const std::string& account, base::WallTime now,
                                           std::uint64_t after, std::size_t limit);
void delete_offline(MessageDatabase& database, std::uint64_t id);

// The oldest of what is older than the limit, at most `most` of them; tell how many it was.
std::size_t expire_messages(MessageDatabase& database, base::WallTime before, std::size_t most);
// The oldest of one conversation, by their numbers.
std::size_t expire_messages_of(MessageDatabase& database, std::int64_t conversation, base::WallTime before, std::size_t most);
// Ids and keys, with ids above `after`.
std::vector<std::pair<std::int64_t, std::string>> select_conversations(MessageDatabase& database, std::int64_t after, std::size_t most);
std::size_t expire_offline(MessageDatabase& database, base::WallTime now, std::size_t most);
std::size_t expire_conversations(MessageDatabase& database, base::WallTime touched_before, std::size_t most);

}  // namespace store
