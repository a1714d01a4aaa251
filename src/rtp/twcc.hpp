// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): the receiver tells
// the sender when each packet of a transport arrived, and the sender works out its bandwidth. One thread.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "rtp/sequence.hpp"

namespace rtp {

// One for each leg that sends with the extension negotiated. Memory is taken with the first packet.
class TwccReceiver {
 public:
  static constexpr std::size_t kWindow = 1024;                                    // packets remembered
  static constexpr base::Duration kInterval = std::chrono::milliseconds(50);
  static constexpr std::size_t kMaxStatuses = 400;                                // of one feedback packet
  static constexpr std::size_t kMinBuffer = 128;

  void on_packet(std::uint16_t transport_sequence, base::TimePoint now);

  bool due(base::TimePoint now) const { return pending() && now >= next_; }
  base::TimePoint next_deadline() const { return pending() ? next_ : base::kNever; }
  // One RTCP packet about what is pending; call until 0. REQUIRES: out.size() >= kMinBuffer.
  std::size_t build(Ssrc sender, Ssrc media, base::TimePoint now, base::MutableByteView out);

 private:
  bool pending() const { return sequence_.started() && base_ <= sequence_.highest(); }
  std::int64_t& arrival(std::int64_t sequence) { return arrivals_[static_cast<std::size_t>(sequence) % kWindow]; }

  SequenceUnwrapper sequence_;
  std::vector<std::int64_t> arrivals_;   // 250 us ticks; -1: not arrived
  std::int64_t base_ = 0;                // the first not yet reported
  base::TimePoint next_{};
  std::uint8_t count_ = 0;
};

struct TwccHeader {
  std::uint16_t base_sequence = 0;
  std::uint16_t status_count = 0;
  std::int32_t reference_time = 0;       // units of 64 ms
  std::uint8_t feedback_count = 0;
};

// Walks through the statuses of one feedback packet's control information.
class TwccReader {
 public:
  static constexpr std::size_t kMaxStatuses = 8192;   // more is no honest report
  // Empty when the chunks or deltas that the header promises are not there.
  static std::optional<TwccReader> parse(base::ByteView control);
  const TwccHeader& header() const { return header_; }

  // Calls fn(std::uint16_t sequence, bool received, std::int32_t delta), delta in 250 us since the one received before.
  template <typename Fn>
  void for_each(Fn&& fn) const {
    std::size_t delta_at = deltas_;
    walk([&](std::size_t i, unsigned symbol) {
      std::int32_t delta = 0;
      if (symbol == 1) {
        delta = control_[delta_at];
        delta_at += 1;
      } else if (symbol == 2) {
        delta = static_cast<std::int16_t>(base::load_be16(control_.data() + delta_at));
        delta_at += 2;
      }
      fn(static_cast<std::uint16_t>(header_.base_sequence + i), symbol == 1 || symbol == 2, delta);
    });
  }

 private:
  // Calls fn(index, symbol) for each status; where the chunks end, 0 when they are cut short.
  template <typename Fn>
  std::size_t walk(Fn&& fn) const {
    std::size_t at = 8;
    for (std::size_t i = 0; i < header_.status_count;) {
      if (at + 2 > control_.size()) return 0;
      const unsigned chunk = base::load_be16(control_.data() + at);
      at += 2;
      const bool vector = (chunk & 0x8000) != 0;
      const bool two_bit = vector && (chunk & 0x4000) != 0;
      const std::size_t length = !vector ? chunk & 0x1FFF : two_bit ? 7 : 14;
      if (length == 0) return 0;
      for (std::size_t k = 0; k < length && i < header_.status_count; ++k, ++i) {
        fn(i, !vector ? chunk >> 13 & 3 : two_bit ? chunk >> (12 - 2 * k) & 3 : chunk >> (13 - k) & 1);
      }
    }
    return at;
  }

  base::ByteView control_;
  TwccHeader header_;
  std::size_t deltas_ = 0;
};

}  // namespace rtp
