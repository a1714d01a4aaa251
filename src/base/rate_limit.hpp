// A token bucket in the caller's time. One thread.
#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace base {

class TokenBucket {
 public:
  // `rate` tokens a second, at most `burst` saved up; a rate of 0 never refuses.
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  bool take(TimePoint now, double tokens = 1) {
    if (rate_ <= 0) return true;
    refill(now);
    if (tokens_ < tokens) return false;
    tokens_ -= tokens;
    return true;
  }
  // How long until one token is there.
  Duration wait(TimePoint now) {
    refill(now);
    if (rate_ <= 0 || tokens_ >= 1) return Duration::zero();
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>((1 - tokens_) / rate_));
  }

 private:
  void refill(TimePoint now) {
    if (now > last_) {
      if (last_ != TimePoint{}) tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
      last_ = now;
    }
  }
  double rate_, burst_, tokens_;
  TimePoint last_{};
};

}  // namespace base
