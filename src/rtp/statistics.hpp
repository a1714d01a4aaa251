// What reports say about a stream: of one that we receive (RFC 3550 A.3, A.8) and of one that we send (6.4, 6.4.1).
// An object belongs to one thread; nothing allocates.
#pragma once

#include <array>
#include <optional>

#include "base/time.hpp"
#include "rtp/rtcp.hpp"

namespace rtp {

class ReceiveStatistics {
 public:
  ReceiveStatistics(Ssrc ssrc, std::uint32_t clock_rate) : ssrc_(ssrc), clock_rate_(clock_rate) {}

  // Every packet of the stream itself, not those recovered by a retransmission stream.
  void on_packet(std::uint16_t sequence, std::uint32_t timestamp, base::TimePoint now);
  void on_sender_report(const SenderInfo& info, base::TimePoint now);
  // The stream goes on under another SSRC, or from a new start.
  void reset(Ssrc ssrc);

  // Starts the next interval of "fraction lost". Empty until the first packet.
  std::optional<ReportBlock> make_report(base::TimePoint now);

  Ssrc ssrc() const { return ssrc_; }
  std::uint64_t packets() const { return received_; }
  std::int64_t expected() const { return sequence_.started() ? sequence_.highest() - first_ + 1 : 0; }
  std::int64_t lost() const { return expected() - static_cast<std::int64_t>(received_); }
  std::uint32_t jitter() const { return static_cast<std::uint32_t>(jitter_); }   // timestamp units

 private:
  void restart(std::uint16_t sequence);

  Ssrc ssrc_;
  std::uint32_t clock_rate_;
  SequenceUnwrapper sequence_;
  std::int64_t first_ = 0;
  std::uint64_t received_ = 0;
  std::int64_t expected_before_ = 0;
  std::uint64_t received_before_ = 0;
  double jitter_ = 0;
  std::uint32_t last_timestamp_ = 0;
  base::TimePoint last_arrival_{};
  std::int32_t bad_sequence_ = -1;      // the number that would confirm a new start (RFC 3550 A.1)
  std::uint32_t last_sr_ = 0;
  base::TimePoint last_sr_at_{};
};

// One stream that we send: counts for the sender report, and what the receiver reports back.
class SendStatistics {
 public:
  SendStatistics(Ssrc ssrc, std::uint32_t clock_rate) : ssrc_(ssrc), clock_rate_(clock_rate) {}

  // `sampled`: the instant that `timestamp` stands for, as near as is known (`now` for what is made here).
  void on_sent(std::size_t payload_size, std::uint32_t timestamp, base::TimePoint sampled) {
    ++packets_;
    octets_ += payload_size;
    timestamp_ = timestamp;
    sampled_ = sampled;
  }
  // A retransmission under the same SSRC: counted, but no news of the clock.
  void on_sent_again(std::size_t payload_size) {
    ++packets_;
    octets_ += payload_size;
  }
  // Replaces the clock's mapping alone, for a source whose own sender reports are better.
  void set_clock(std::uint32_t timestamp, base::TimePoint sampled) {
    timestamp_ = timestamp;
    sampled_ = sampled;
  }

  // The sender report of this instant, remembered for the round-trip time. Empty until something was sent.
  std::optional<SenderInfo> make_report(base::TimePoint now, base::WallTime wall);
  // A report block about this stream from whoever receives it.
  void on_report(const ReportBlock& block, base::TimePoint now);

  Ssrc ssrc() const { return ssrc_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t octets() const { return octets_; }
  std::optional<base::Duration> round_trip() const { return round_trip_; }   // smoothed
  double fraction_lost() const { return fraction_lost_; }                    // 0..1, of the last report
  std::int32_t cumulative_lost() const { return cumulative_lost_; }
  std::uint32_t remote_jitter() const { return remote_jitter_; }

 private:
  struct Sent {
    std::uint32_t compact = 0;
    base::TimePoint at{};
  };
  Ssrc ssrc_;
  std::uint32_t clock_rate_;
  std::uint64_t packets_ = 0;
  std::uint64_t octets_ = 0;
  std::uint32_t timestamp_ = 0;
  base::TimePoint sampled_{};
  std::array<Sent, 4> sent_{};
  std::size_t next_sent_ = 0;
  std::optional<base::Duration> round_trip_;
  double fraction_lost_ = 0;
  std::int32_t cumulative_lost_ = 0;
  std::uint32_t remote_jitter_ = 0;
};

// Timestamp units in `d`, which may be negative.
std::int64_t to_timestamp_units(base::Duration d, std::uint32_t clock_rate);

}  // namespace rtp
