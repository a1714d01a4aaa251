// The store's accounts for a running server, and news of them when another process (`parley account`) changes the store.
#pragma once

#include <memory>
#include <optional>
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
  // All accounts, when they have changed since the last call (the first included). A store that can't be read just now
  // is a log line, and the accounts stay as they are.
  std::optional<std::vector<pbx::Account>> poll();

 private:
  AccountsFeed(std::unique_ptr<store::Store> store, std::string realm);
  std::unique_ptr<store::Store> store_;
  const std::string realm_;
  std::optional<std::uint64_t> seen_;
  bool failing_ = false;
};

}  // namespace app
