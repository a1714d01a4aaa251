// Which packets of a stream are missing, when to ask for them, when to stop asking (RFC 4585 6.2.1).
// One thread; memory is taken once.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "rtp/sequence.hpp"

namespace rtp {

class NackGenerator {
 public:
  static constexpr std::size_t kMaxMissing = 256;   // more at once is no gap but a break
  static constexpr int kMaxTries = 10;
  static constexpr base::Duration kMaxAge = std::chrono::seconds(1);
  static constexpr base::Duration kReorderWait = std::chrono::milliseconds(5);   // a packet overtaken is not lost yet

  NackGenerator();

  // Each packet that arrived, first, late or retransmitted, by its 64-bit number.
  void on_packet(std::int64_t sequence, base::TimePoint now);
  void set_round_trip(base::Duration rtt) { round_trip_ = rtt; }
  void reset();

  // Writes the numbers to be asked for now, in order; how many.
  std::size_t poll(base::TimePoint now, std::span<std::uint16_t> out);
  base::TimePoint next_deadline() const;   // kNever when nothing is missing; scans the list

  // The highest number given up since the last call: what was in it won't come, a keyframe is wanted.
  std::optional<std::int64_t> take_given_up();
  std::size_t missing() const { return missing_.size(); }

 private:
  struct Missing {
    std::int64_t sequence;
    base::TimePoint since;
    base::TimePoint ask_at;
    int tries;
  };
  base::Duration retry_interval() const;
  void give_up(std::int64_t sequence) { given_up_ = given_up_ ? std::max(*given_up_, sequence) : sequence; }

  std::vector<Missing> missing_;    // by sequence
  std::int64_t highest_ = -1;
  base::Duration round_trip_ = std::chrono::milliseconds(100);
  std::optional<std::int64_t> given_up_;
};

}  // namespace rtp
