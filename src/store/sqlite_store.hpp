// The Store in one SQLite file, "parley.db", in WAL mode: readers and one writer at a time, several processes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace store {

struct SqliteOptions {
  std::chrono::milliseconds busy_timeout{2000};   // to wait for another process's write
  std::uint32_t max_pages = 0;                    // of 4 KiB; beyond it the disk counts as full; 0: no limit
};

// Makes the folder (mode 0700) and the file (0600) where they are missing, and brings an older schema up to date.
// kUnsupported: the file was written by a newer Parley. Errors as in Store; each names the file.
base::Result<std::unique_ptr<Store>> open_sqlite(const std::string& directory, const SqliteOptions& options = {});

// Names of the accounts in `directory`, without making or changing anything. kNotFound: there is no database.
base::Result<std::vector<std::string>> read_account_names(const std::string& directory);

}  // namespace store
