#include "pbx/accounts.hpp"

#include <utility>

namespace pbx {

void Accounts::note(const std::string& name) { young_[name] = changes_.fetch_add(1, std::memory_order_acq_rel) + 1; }

RevokedAccounts Accounts::put(Account account) {
  RevokedAccounts revoked;
  note(account.name);
  const auto [place, added] = by_name_.try_emplace(account.name);
  if (!added && place->second.hashes.ha1 != account.hashes.ha1) revoked.emplace(account.name, false);
  place->second = std::move(account);
  return revoked;
}

RevokedAccounts Accounts::remove(const std::string& name) {
  note(name);
  return by_name_.erase(name) != 0 ? RevokedAccounts{{name, true}} : RevokedAccounts{};
}

RevokedAccounts Accounts::update(std::vector<Account> accounts, std::uint64_t as_of) {
  std::erase_if(young_, [&](const auto& one) { return one.second <= as_of; });
  std::unordered_map<std::string, Account> next;
  for (auto& account : accounts) {
    auto name = account.name;
    if (!young_.contains(name)) next.emplace(std::move(name), std::move(account));
  }
  RevokedAccounts revoked;
  for (auto& [name, before] : by_name_) {
    if (young_.contains(name)) {
      next.emplace(name, std::move(before));
      continue;
    }
    const auto now = next.find(name);
    if (now == next.end()) revoked.emplace(name, true);
    else if (now->second.hashes.ha1 != before.hashes.ha1) revoked.emplace(name, false);
  }
  by_name_ = std::move(next);
  return revoked;
}

}  // namespace pbx
