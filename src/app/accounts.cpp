#include "app/accounts.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "store/sqlite_store.hpp"

namespace app {

// Of a password, only what is needed to check it stays.
AccountsFeed::AccountsFeed(std::unique_ptr<store::Store> store, const Config& config) : store_(std::move(store)), realm_(config.realm) {
  for (const auto& a : config.accounts) of_file_.push_back({a.name, a.display_name, sip::StoredHashes::make(a.name, realm_, a.password)});
  std::ranges::sort(of_file_, {}, &pbx::Account::name);
}
AccountsFeed::~AccountsFeed() = default;

base::Result<std::unique_ptr<AccountsFeed>> AccountsFeed::open(const Config& config) {
  auto store = store::open_sqlite(config.data_directory);
  if (!store) return std::unexpected(store.error());
  return std::unique_ptr<AccountsFeed>(new AccountsFeed(std::move(*store), config));
}

std::optional<std::vector<pbx::Account>> AccountsFeed::poll() {
  const auto version = store_->changes();
  if (version && seen_ == *version) return std::nullopt;
  const auto records = version ? store_->accounts() : std::unexpected(version.error());
  if (!records) {
    if (!failing_) spdlog::error("accounts stay as they are: {}", records.error().detail);
    failing_ = true;
    return std::nullopt;
  }
  failing_ = false;
  seen_ = *version;
  auto accounts = of_file_;
  for (const auto& r : *records) {
    if (std::ranges::binary_search(of_file_, r.name, {}, &pbx::Account::name)) {
      if (told_.insert(r.name).second) spdlog::warn("account {} is in the configuration file and in the store: the file's holds", r.name);
      continue;
    }
    // Without hashes that hold here nobody can be that account; but no guest can take its name either.
    pbx::Account account{.name = r.name, .display_name = r.display_name, .hashes = {}};
    if (r.realm == realm_) account.hashes.ha1 = {r.hashes.md5, r.hashes.sha256, r.hashes.sha512_256};
    else spdlog::warn("account {} has a password for realm {}, not {}: set it anew", r.name, base::for_log(r.realm), realm_);
    accounts.push_back(std::move(account));
  }
  return accounts;
}

}  // namespace app
