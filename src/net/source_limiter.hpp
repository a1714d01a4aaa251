// How much each address (of IPv6: each /64) may send: a token bucket for each, in bounded memory.
#pragma once

#include <unordered_map>

#include "base/address.hpp"
#include "base/rate_limit.hpp"

namespace net {

// One thread. Buckets unused for ten to twenty seconds are forgotten; when too many addresses come at once (forged
// ones cost nothing), all new ones share one bucket.
class SourceLimiter {
 public:
  struct Limits {
    double per_second = 2000;        // 0: no limit
    double burst = 4000;
    bool limit_loopback = false;
    std::size_t addresses = 20'000;
  };
  explicit SourceLimiter(Limits limits) : limits_(limits), shared_(limits.per_second, limits.burst) {}

  bool allow(base::SocketAddress from, base::TimePoint now) {
    if (limits_.per_second <= 0 || (!limits_.limit_loopback && from.is_loopback())) return true;
    from = from.network();
    if (now >= turn_) {
      turn_ = now + std::chrono::seconds(10);
      earlier_ = std::move(recent_);
      recent_.clear();
    }
    auto it = recent_.find(from);
    if (it == recent_.end()) {
      if (recent_.size() >= limits_.addresses) return shared_.take(now);
      const auto old = earlier_.find(from);
      it = recent_.emplace(from, old == earlier_.end() ? base::TokenBucket(limits_.per_second, limits_.burst) : old->second).first;
    }
    return it->second.take(now);
  }

 private:
  const Limits limits_;
  base::TokenBucket shared_;
  base::TimePoint turn_{};
  std::unordered_map<base::SocketAddress, base::TokenBucket> recent_, earlier_;
};

}  // namespace net
