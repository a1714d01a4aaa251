// NTP time as RTCP carries it (RFC 3550 4): seconds since 1900 in 32.32 fixed point. Values, any thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace rtp {

constexpr std::uint64_t kNtpEpochOffset = 2'208'988'800;  // 1900 to 1970, seconds

constexpr std::uint64_t to_ntp(base::WallTime wall) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wall.time_since_epoch()).count();
  const auto positive = static_cast<std::uint64_t>(ns < 0 ? 0 : ns);
  const std::uint64_t seconds = positive / 1'000'000'000 + kNtpEpochOffset;
  const std::uint64_t fraction = ((positive % 1'000'000'000) << 32) / 1'000'000'000;
  return seconds << 32 | fraction;
}
// The middle 32 bits: 16.16 seconds, as in LSR and DLSR.
constexpr std::uint32_t compact_ntp(std::uint64_t ntp) { return static_cast<std::uint32_t>(ntp >> 16); }

constexpr std::uint32_t to_compact(base::Duration d) {
  const auto ns = d.count() < 0 ? 0 : static_cast<std::uint64_t>(d.count());
  if (ns >= 65'535'000'000'000) return 0xFFFFFFFF;
  return static_cast<std::uint32_t>((ns / 1'000'000'000) << 16 | ((ns % 1'000'000'000) << 16) / 1'000'000'000);
}
constexpr base::Duration from_compact(std::uint32_t compact) {
  return base::Duration(static_cast<std::int64_t>((static_cast<std::uint64_t>(compact) * 1'000'000'000) >> 16));
}

}  // namespace rtp
