#include "rtp/nack.hpp"

#include <algorithm>
#include <utility>

namespace rtp {

NackGenerator::NackGenerator() { missing_.reserve(kMaxMissing); }

void NackGenerator::reset() {
  missing_.clear();
  highest_ = -1;
  given_up_.reset();
}

base::Duration NackGenerator::retry_interval() const {
  // A round trip and some more, lest the answer on its way is asked for again.
  return std::clamp<base::Duration>(round_trip_ * 5 / 4, std::chrono::milliseconds(20),
                                    std::chrono::milliseconds(250));
}

void NackGenerator::on_packet(std::int64_t sequence, base::TimePoint now) {
  if (highest_ < 0) {
    highest_ = sequence;
    return;
  }
  if (sequence <= highest_) {
    const auto it = std::ranges::lower_bound(missing_, sequence, {}, &Missing::sequence);
    if (it != missing_.end() && it->sequence == sequence) missing_.erase(it);
    return;
  }
  const auto gap = static_cast<std::size_t>(sequence - highest_ - 1);
  if (gap > kMaxMissing - std::min(missing_.size(), kMaxMissing)) {
    missing_.clear();
    give_up(sequence - 1);
  } else {
    for (std::int64_t s = highest_ + 1; s < sequence; ++s) missing_.push_back({s, now, now + kReorderWait, 0});
  }
  highest_ = sequence;
}

std::size_t NackGenerator::poll(base::TimePoint now, std::span<std::uint16_t> out) {
  std::size_t count = 0;
  std::erase_if(missing_, [&](const Missing& m) {
    if (now - m.since < kMaxAge && (m.tries < kMaxTries || m.ask_at > now)) return false;
    give_up(m.sequence);
    return true;
  });
  for (Missing& m : missing_) {
    if (count == out.size()) break;
    if (m.ask_at > now) continue;
    out[count++] = static_cast<std::uint16_t>(m.sequence);
    ++m.tries;
    m.ask_at = now + retry_interval();
  }
  return count;
}

base::TimePoint NackGenerator::next_deadline() const {
  base::TimePoint next = base::kNever;
  for (const Missing& m : missing_) next = std::min({next, m.ask_at, m.since + kMaxAge});
  return next;
}

std::optional<std::int64_t> NackGenerator::take_given_up() { return std::exchange(given_up_, std::nullopt); }

}  // namespace rtp
