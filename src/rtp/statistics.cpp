#include "rtp/statistics.hpp"

#include <algorithm>
#include <cmath>

#include "rtp/ntp.hpp"

namespace rtp {
namespace {

constexpr int kMaxDropout = 3000;    // RFC 3550 A.1
constexpr int kMaxMisorder = 100;

}  // namespace

std::int64_t to_timestamp_units(base::Duration d, std::uint32_t clock_rate) {
  const std::int64_t seconds = d.count() / 1'000'000'000;
  const std::int64_t rest = d.count() % 1'000'000'000;
  return seconds * clock_rate + rest * static_cast<std::int64_t>(clock_rate) / 1'000'000'000;
}

void ReceiveStatistics::restart(std::uint16_t sequence) {
  sequence_.reset();
  first_ = sequence_.unwrap(sequence);
  received_ = received_before_ = 0;
  expected_before_ = 0;
  bad_sequence_ = -1;
  last_arrival_ = {};
}

void ReceiveStatistics::reset(Ssrc ssrc) { *this = ReceiveStatistics(ssrc, clock_rate_); }

void ReceiveStatistics::on_packet(std::uint16_t sequence, std::uint32_t timestamp, base::TimePoint now) {
  if (!sequence_.started()) {
    restart(sequence);
  } else {
    const std::int64_t ahead = sequence_.peek(sequence) - sequence_.highest();
    if (ahead > kMaxDropout || ahead < -kMaxMisorder) {
      // RFC 3550 A.1: one such packet is an accident, two in sequence are a new start.
      if (bad_sequence_ != sequence) {
        bad_sequence_ = static_cast<std::uint16_t>(sequence + 1);
        return;
      }
      restart(sequence);
    } else {
      bad_sequence_ = -1;
      sequence_.unwrap(sequence);
    }
  }
  ++received_;
  if (last_arrival_ != base::TimePoint{}) {
    const auto arrival = static_cast<double>(to_timestamp_units(now - last_arrival_, clock_rate_));
    const double transit = arrival - timestamp_distance(timestamp, last_timestamp_);
    // A timestamp that jumps is no jitter.
    if (std::abs(transit) < 5.0 * clock_rate_) jitter_ += (std::abs(transit) - jitter_) / 16;
  }
  last_arrival_ = now;
  last_timestamp_ = timestamp;
}

void ReceiveStatistics::on_sender_report(const SenderInfo& info, base::TimePoint now) {
  last_sr_ = compact_ntp(info.ntp);
  last_sr_at_ = now;
}

std::optional<ReportBlock> ReceiveStatistics::make_report(base::TimePoint now) {
  if (!sequence_.started()) return std::nullopt;
  ReportBlock block;
  block.ssrc = ssrc_;
  const std::int64_t interval = expected() - expected_before_;
  const std::int64_t lost_now = interval - static_cast<std::int64_t>(received_ - received_before_);
  if (interval > 0 && lost_now > 0) {
    block.fraction_lost = static_cast<std::uint8_t>(std::min<std::int64_t>(255, (lost_now << 8) / interval));
  }
  expected_before_ = expected();
  received_before_ = received_;
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost(), -0x800000, 0x7FFFFF));
  // The cycle count starts at 1 in the unwrapper, at 0 on the wire.
  block.highest_sequence = static_cast<std::uint32_t>(sequence_.highest() - 65536);
  block.jitter = jitter();
  if (last_sr_at_ != base::TimePoint{}) {
    block.last_sr = last_sr_;
    block.delay_since_sr = to_compact(now - last_sr_at_);
  }
  return block;
}

std::optional<SenderInfo> SendStatistics::make_report(base::TimePoint now, base::WallTime wall) {
  if (packets_ == 0) return std::nullopt;
  SenderInfo info;
  info.ssrc = ssrc_;
  info.ntp = to_ntp(wall);
  info.rtp_timestamp = timestamp_ + static_cast<std::uint32_t>(to_timestamp_units(now - sampled_, clock_rate_));
  info.packets = static_cast<std::uint32_t>(packets_);
  info.octets = static_cast<std::uint32_t>(octets_);
  sent_[next_sent_++ % sent_.size()] = {compact_ntp(info.ntp), now};
  return info;
}

void SendStatistics::on_report(const ReportBlock& block, base::TimePoint now) {
  fraction_lost_ = block.fraction_lost / 256.0;
  cumulative_lost_ = block.cumulative_lost;
  remote_jitter_ = block.jitter;
  if (block.last_sr == 0) return;
  for (const Sent& sent : sent_) {
    if (sent.compact != block.last_sr || sent.at == base::TimePoint{}) continue;
    // By our steady clock from our own record of that report, so a stepped wall clock does no harm.
    const base::Duration rtt = now - sent.at - from_compact(block.delay_since_sr);
    if (rtt < base::Duration::zero() || rtt > std::chrono::seconds(10)) return;
    round_trip_ = round_trip_ ? (*round_trip_ * 7 + rtt) / 8 : rtt;
    return;
  }
}

}  // namespace rtp
