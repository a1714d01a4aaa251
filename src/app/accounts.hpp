// The accounts of the store and of the configuration file for a running server, and news of them when another process (`parley account`) changes the store.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"
#include "pbx/accounts.hpp"

namespace store {
class Store;
}

namespace app {

// Thread: the main thread's.
class AccountsFeed {
 public:
  static base::Result<std::unique_ptr<AccountsFeed>> open(const Config& config);
  ~AccountsFeed();
  // All accounts, when they have changed since the last call (the first included); of two with one name the file's. A store that can't be read just now
  // is a log line, and the accounts stay as they are.
  std::optional<std::vector<pbx::Account>> poll();

 private:
  AccountsFeed(std::unique_ptr<store::Store> store, const Config& config);
  std::unique_ptr<store::Store> store_;
  const std::string realm_;
  std::vector<pbx::Account> of_file_;    // by name
  std::set<std::string> told_;           // names that the store has, too
  std::optional<std::uint64_t> seen_;
  bool failing_ = false;
};

}  // namespace app
