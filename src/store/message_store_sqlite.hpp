// The MessageStore in one SQLite file, "messages.db", in WAL mode.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "store/message_store.hpp"

namespace store {

struct SqliteMessageOptions {
  std::chrono::milliseconds busy_timeout{1000};      // to wait for another process's write; all messages wait as long
  std::uint32_t max_pages = 0;                       // of 4 KiB; beyond it the disk counts as full; 0: no limit
  std::size_t max_waiting_writes = 4096;
  std::size_t max_waiting_bytes = 32 * 1024 * 1024;
  std::size_t max_waiting_reads = 256;
  std::size_t max_offline_per_account = 1000;
  std::size_t max_record_bytes = 1024 * 1024;        // of one message or call record
};

// Makes folder and file where they are missing. Errors: as in MessageStore, kUnsupported: written by a newer Parley; each
// names the file. `post` outlives the store and may be called by its threads until close() has returned.
base::Result<std::unique_ptr<MessageStore>> open_sqlite_messages(const std::string& directory, Post post,
                                                                 const SqliteMessageOptions& options = {});

}  // namespace store
