// What the PBX knows of accounts: a snapshot that the store hands over, replaced as a whole.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/digest.hpp"

namespace pbx {

// Passwords are not here: only H(user:realm:password), one for each algorithm (RFC 7616 section 3.4.2).
struct Account {
  std::string name;             // the user part of its URI; compared exactly (RFC 3261 section 19.1.4)
  std::string display_name;
  sip::StoredHashes hashes;
};

// Names of those whose credentials hold no more; true: there is no such account any more, else it has another password.
using RevokedAccounts = std::unordered_map<std::string, bool>;

// Thread: the shard's; changes() any.
class Accounts {
 public:
  // All of the store's, as read when changes() was `as_of`: what put() and remove() changed after that stays as they have it.
  RevokedAccounts update(std::vector<Account> accounts, std::uint64_t as_of);
  // One that is new or has changed, and one that is gone: until the next update().
  RevokedAccounts put(Account account);
  RevokedAccounts remove(const std::string& name);
  std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  void replace(std::vector<Account> accounts) {
    by_name_.clear();
    for (auto& a : accounts) {
      auto name = a.name;
      by_name_.emplace(std::move(name), std::move(a));
    }
  }
  const Account* find(std::string_view name) const {
    auto found = by_name_.find(std::string(name));
    if (found != by_name_.end()) return &found->second;
    found = dynamic_.find(std::string(name));
    return found == dynamic_.end() ? nullptr : &found->second;
  }
  // Those that live as long as somebody is connected (a webphone line's clients); the store knows nothing of them.
  void add_dynamic(Account account) {
    auto name = account.name;
    dynamic_.insert_or_assign(std::move(name), std::move(account));
  }
  void remove_dynamic(std::string_view name) { dynamic_.erase(std::string(name)); }
  const std::unordered_map<std::string, Account>& all() const { return by_name_; }   // without those that live with a connection
  std::size_t size() const { return by_name_.size(); }

 private:
  void note(const std::string& name);

  std::unordered_map<std::string, Account> by_name_, dynamic_;
  std::unordered_map<std::string, std::uint64_t> young_;   // changed since the last update(), and when: by changes()
  std::atomic<std::uint64_t> changes_ = 0;
};

}  // namespace pbx
