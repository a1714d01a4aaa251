// Addresses that nothing is taken from for a while.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "base/address.hpp"
#include "base/time.hpp"

namespace net {

// A SocketAddress::network() stands for all of its addresses. Any thread. Bounded: when it is full, those whose time is over are forgotten, then a new one is refused (false).
class BanList {
 public:
  explicit BanList(std::size_t capacity = 100'000) : capacity_(capacity) {}

  bool ban(base::SocketAddress address, base::TimePoint now, base::Duration time) {
    address.set_port(0);
    const std::lock_guard lock(mutex_);
    if (banned_.size() >= capacity_) std::erase_if(banned_, [&](const auto& entry) { return entry.second <= now; });
    if (banned_.size() >= capacity_ && !banned_.contains(address)) return false;
    banned_[address] = now + time;
    count_.store(banned_.size(), std::memory_order_relaxed);
    return true;
  }
  void lift(base::SocketAddress address) {
    address.set_port(0);
    const std::lock_guard lock(mutex_);
    banned_.erase(address);
    count_.store(banned_.size(), std::memory_order_relaxed);
  }
  // Costs nothing while nobody is banned.
  bool is_banned(base::SocketAddress address, base::TimePoint now) const {
    if (count_.load(std::memory_order_relaxed) == 0) return false;
    address.set_port(0);
    const std::lock_guard lock(mutex_);
    const auto holds = [&](const base::SocketAddress& each) {
      const auto it = banned_.find(each);
      return it != banned_.end() && it->second > now;
    };
    return holds(address) || (address.is_v6() && holds(address.network()));
  }
  std::size_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::atomic<std::size_t> count_ = 0;
  std::unordered_map<base::SocketAddress, base::TimePoint> banned_;
};

}  // namespace net
