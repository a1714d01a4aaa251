// The SQL of call records. Runs on the connection's thread; SQLite::Exception is the caller's to catch.
#pragma once

#include "store/call_records.hpp"
#include "store/message_store_database.hpp"

namespace store {

void upsert_call(MessageDatabase& database, const CallRecord& record);
CallPage select_calls(MessageDatabase& database, const CallFilter& filter);
std::size_t expire_calls(MessageDatabase& database, base::WallTime before, std::size_t most);

}  // namespace store
